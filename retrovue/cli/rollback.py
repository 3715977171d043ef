"""``retrovue rollback``: put the artefact that was on the air before back on the air."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any

from retrovue.cli.bench import add_artefact_options, artefact_path

if TYPE_CHECKING:
    from retrovue.cli.view import View
    from retrovue.store.history import Previous


def configure(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Put a previous artefact back on the air; a running station takes it over by itself. What is there "
        "now is kept, so a second rollback undoes the first. The next compile makes a new artefact from "
        "the YAML: mend it, or revert the commit, first."
    )
    add_artefact_options(parser)
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--list", action="store_true", help="show what is there, and change nothing")
    what.add_argument(
        "--to", metavar="HASH", help="the beginning of a content hash, or a number of the list; the latest"
    )
    parser.add_argument("--json", action="store_true", help="as JSON")


def run(args: argparse.Namespace, view: View) -> int:
    from retrovue.store.history import listing, roll_back

    path = artefact_path(args)
    if args.list:
        there = listing(path)
        if args.json:
            view.json([_document(p) for p in there])
        else:
            for p in there:
                view.out(_line(p))
            if not there:
                view.say(f"there is no artefact at {path}")
        return 0
    chosen = roll_back(path, args.to, _keep(args))
    if args.json:
        view.json({"artefact": str(path), **_document(chosen)})
    else:
        view.out(f"on the air again: {_line(chosen).split(None, 1)[1]} → {path}")
        view.say("the next compile makes a new artefact from the YAML: mend it, or revert the commit, first")
    return 0


def _keep(args: argparse.Namespace) -> int:
    """How many stay: as the station says; with an artefact alone, all that are there."""
    if args.station is None:
        return sys.maxsize
    from retrovue.library.adapters import settings_models
    from retrovue.station.load import load_station

    model = load_station(args.station, settings_models()).model
    return model.station.keep if model is not None else sys.maxsize


def _line(p: Previous) -> str:
    from zoneinfo import ZoneInfo

    mark = "*" if p.number == 0 else str(p.number)
    if p.header is None:
        return f"{mark}  {p.fault}"
    h = p.header
    built = h.built_at.astimezone(ZoneInfo(h.timezone))
    revision = f", commit {h.revision[:10]}{'+' if h.revision.endswith('+') else ''}" if h.revision else ""
    return (
        f"{mark}  {h.content_hash[:12]}  {h.first_day:%a %d %b} to {h.last_day:%a %d %b %Y}, "
        f"compiled {built:%a %d %b %Y %H:%M}{revision}"
    )


def _document(p: Previous) -> dict[str, Any]:
    h = p.header
    return {
        "number": p.number,
        "file": str(p.path),
        "content_hash": h.content_hash if h else None,
        "first_day": h.first_day.isoformat() if h else None,
        "last_day": h.last_day.isoformat() if h else None,
        "built_at": h.built_at.isoformat() if h else None,
        "revision": h.revision if h else None,
        "fault": p.fault,
    }
