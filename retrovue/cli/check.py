"""``retrovue check``: validate a station and show every mistake at once."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from retrovue.cli.view import View
from retrovue.diagnostics.render import FORMATS


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("station", metavar="STATION", type=Path, help="the station folder")
    parser.add_argument(
        "--format",
        choices=FORMATS,
        default="full",
        help="full: with excerpts; concise: a line each; json; github: annotations of a pull request; "
        "sarif: for code scanning",
    )


def run(args: argparse.Namespace, view: View) -> int:
    from retrovue.diagnostics import Severity
    from retrovue.diagnostics.render import render, summary
    from retrovue.library.adapters import settings_models
    from retrovue.library.catalog_cache import FOLDER as CATALOG_CACHE
    from retrovue.library.enrichers import enricher_kinds
    from retrovue.library.lock_check import check_lock
    from retrovue.state_dir import cache_dir, likely_state_dir, state_dir
    from retrovue.station.load import load_station, place_of

    loaded = load_station(args.station, settings_models(), cache_dir(), enricher_kinds(), catalog=True)
    if loaded.model is not None:
        state: Path | None = state_dir(loaded.model.station.station, None, loaded.model.written_state)
    else:
        state = likely_state_dir(args.station)
    broken, lines = check_lock(args.station, state / CATALOG_CACHE if state is not None else None)
    diagnostics = sorted((*loaded.diagnostics, *broken), key=place_of)
    # Colours are for a person at a terminal (https://no-color.org).
    color = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    sources = {**loaded.sources, **lines}
    text = render(diagnostics, sources, args.format, color=color, root=_root(args.station, args.format))
    if text:
        view.out(text)
    if args.format == "full" and text:
        view.say("")
    files = len(sources)
    view.say(f"{summary(diagnostics)} in {files} file{'' if files == 1 else 's'}")
    return int(any(d.severity is Severity.ERROR for d in diagnostics))


def _root(station: Path, style: str) -> str:
    """What stands before the names of the station's files: a path that works from here."""
    if style in ("github", "sarif") and station.is_absolute() and station.is_relative_to(Path.cwd()):
        station = station.relative_to(Path.cwd())  # GitHub marks files by their path in the repository
    return "" if station == Path() else station.as_posix()
