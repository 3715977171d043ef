"""``retrovue compile``: turn a station into schedule days and playlists."""

from __future__ import annotations

import argparse
from datetime import date
from pathlib import Path

from retrovue.cli.arguments import broadcast_date, instant, whole_days
from retrovue.cli.view import View

#: Days compiled beyond the guide's horizon, so that a day passes before the next compile is due.
SPARE_DAYS = 2


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("station", metavar="STATION", type=Path, help="the station folder")
    parser.add_argument(
        "--from",
        dest="first_day",
        metavar="DATE",
        type=broadcast_date,
        help="first broadcast date (2026-11-26); the current one when absent",
    )
    parser.add_argument(
        "--days",
        metavar="N",
        type=whole_days,
        help="how many broadcast days; the guide's horizon and two more",
    )
    parser.add_argument(
        "--as-of",
        metavar="INSTANT",
        type=instant,
        help="compile as if it were this instant (2026-11-26T06:00:00-05:00)",
    )
    parser.add_argument(
        "--output", metavar="FILE", type=Path, help="the artefact; artefact.duckdb in the state directory"
    )
    parser.add_argument("--state", metavar="DIR", help="the state directory")
    parser.add_argument(
        "--report", action="store_true", help="print how each day's breaks were filled, and contracts"
    )
    parser.add_argument("--json", action="store_true", help="the summary as JSON")


def run(args: argparse.Namespace, view: View) -> int:
    from retrovue import __version__
    from retrovue.clock import StationClock
    from retrovue.compiler.compile import compile_station
    from retrovue.compiler.expectations import broken_expectations
    from retrovue.compiler.fill_report import fill_lines
    from retrovue.compiler.why import reasons
    from retrovue.diagnostics.render import as_json, render
    from retrovue.library.adapters import settings_models
    from retrovue.library.catalog_cache import FOLDER as CATALOG_CACHE
    from retrovue.library.catalog_cache import open_catalog
    from retrovue.revision import revision_of
    from retrovue.state_dir import ARTEFACT_NAME, state_dir
    from retrovue.station.load import load_station
    from retrovue.store import Artefact, ArtefactError, Provenance, write_artefact
    from retrovue.units import HOUR_US, to_us

    folder: Path = args.station
    loaded = load_station(folder, settings_models())
    diagnostics = list(loaded.diagnostics)
    model = loaded.model
    if model is None:
        shown = render(diagnostics, loaded.sources, root=folder.as_posix())
        view.error(f"nothing is compiled: the station in {folder} has errors\n\n{shown}\n")
        return 1
    state = state_dir(model.station.station, args.state)
    catalog = open_catalog(folder, state / CATALOG_CACHE)
    clock = StationClock()
    as_of_us = to_us(args.as_of) if args.as_of else clock.now_us()
    guide_days = -(-model.station.horizon.guide // (24 * HOUR_US))
    days = args.days or guide_days + SPARE_DAYS
    compiled = compile_station(model, catalog, args.first_day, days, as_of_us)
    broken = broken_expectations(model, compiled)
    diagnostics += [*compiled.diagnostics, *broken]
    if broken:
        shown = render(diagnostics, loaded.sources, root=folder.as_posix())
        if args.json:
            view.json({"written": False, "diagnostics": [as_json(d, folder.as_posix()) for d in diagnostics]})
        view.error(f"nothing is published: what is expected of the schedule doesn't hold\n\n{shown}\n")
        return 1
    if diagnostics and not args.json:
        view.say(render(diagnostics, loaded.sources, root=folder.as_posix()) + "\n")

    output: Path = args.output or state / ARTEFACT_NAME
    try:
        with Artefact.open(output) as present:
            header = present.header
            unchanged = (header.content_hash, header.first_day, header.last_day) == (
                compiled.content_hash,
                compiled.first_day,
                compiled.last_day,
            )
    except ArtefactError:
        unchanged = False
    if not unchanged:
        provenance = Provenance(
            as_of_us=as_of_us,
            built_at_us=clock.now_us(),
            compiler_version=__version__,
            sources_hash=model.sources_hash,
            catalog_hash=catalog.content_hash,
            revision=revision_of(folder),
        )
        write_artefact(output, compiled, provenance, reasons(model, catalog, compiled), model.station.keep)
    summary = {
        "artefact": str(output),
        "written": not unchanged,
        "content_hash": compiled.content_hash,
        "first_day": compiled.first_day.isoformat(),
        "last_day": compiled.last_day.isoformat(),
        "channels": len(compiled.channels),
        "days": days,
        "events": sum(len(day.events) for day in compiled.days),
        "segments": sum(len(day.playlist) for day in compiled.days),
    }
    if args.json:
        view.json({**summary, "diagnostics": [as_json(d, folder.as_posix()) for d in diagnostics]})
    else:
        for line in fill_lines(compiled) if args.report else ():
            view.out(line)
        view.out(_line(summary, compiled.first_day, compiled.last_day))
    return 0


def _line(summary: dict[str, object], first: date, last: date) -> str:
    verb = "" if summary["written"] else " (unchanged)"
    return (
        f"{_count(summary, 'channels')}, {_count(summary, 'days')} ({first:%a %d %b} to {last:%a %d %b %Y}), "
        f"{_count(summary, 'events')}, {_count(summary, 'segments')}, "
        f"content {summary['content_hash']} → {summary['artefact']}{verb}"
    )


def _count(summary: dict[str, object], noun: str) -> str:
    number = summary[noun]
    return f"{number} {noun[:-1] if number == 1 else noun}"
