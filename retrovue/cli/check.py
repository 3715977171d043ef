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
    from retrovue.library.enrichers import enricher_kinds
    from retrovue.state_dir import cache_dir
    from retrovue.station.load import load_station

    loaded = load_station(args.station, settings_models(), cache_dir(), enricher_kinds(), catalog=True)
    # Colours are for a person at a terminal (https://no-color.org).
    color = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    text = render(
        loaded.diagnostics, loaded.sources, args.format, color=color, root=_root(args.station, args.format)
    )
    if text:
        view.out(text)
    if args.format == "full" and text:
        view.say("")
    files = len(loaded.sources)
    view.say(f"{summary(loaded.diagnostics)} in {files} file{'' if files == 1 else 's'}")
    return int(any(d.severity is Severity.ERROR for d in loaded.diagnostics))


def _root(station: Path, style: str) -> str:
    """What stands before the names of the station's files: a path that works from here."""
    if style in ("github", "sarif") and station.is_absolute() and station.is_relative_to(Path.cwd()):
        station = station.relative_to(Path.cwd())  # GitHub marks files by their path in the repository
    return "" if station == Path() else station.as_posix()
