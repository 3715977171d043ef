"""``retrovue ingest``: find and probe media, write the catalog lock."""

from __future__ import annotations

import argparse
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from retrovue.cli.arguments import add_events
from retrovue.cli.executors import add_executor

if TYPE_CHECKING:
    from retrovue.cli.view import View
    from retrovue.station.model import StationModel

#: What only one process writes at a time: the catalog lock and what is remembered beside it.
LOCK = "library"


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("station", type=Path, metavar="STATION", help="the station folder")
    parser.add_argument(
        "--check", action="store_true", help="write nothing; exit 1 when the lock is not what the media say"
    )
    parser.add_argument("--json", action="store_true", help="the outcome as JSON")
    parser.add_argument(
        "--state", metavar="DIR", help="state directory (what was probed is remembered there)"
    )
    add_executor(parser)
    add_events(parser)


def run(args: argparse.Namespace, view: View) -> int:
    from retrovue.clock import StationClock
    from retrovue.library.adapters import settings_models
    from retrovue.library.enrichers import enricher_kinds
    from retrovue.state_dir import at_work, state_dir
    from retrovue.station.load import require_station

    model = require_station(args.station, settings_models(), enricher_kinds())
    state = state_dir(model.station.station, args.state, model.written_state)
    # What another one found meanwhile, or approved, would be lost.
    alone = at_work(state, LOCK, "retrovue ingest", StationClock())
    with nullcontext() if args.check else alone:
        return _run(args, view, model, state)


def _run(args: argparse.Namespace, view: View, model: StationModel, state: Path) -> int:
    from retrovue.cli.executors import ending, open_workers
    from retrovue.compiler.asset_rules import by_rules
    from retrovue.compiler.formats import loudness_targets
    from retrovue.library.absences import Absences
    from retrovue.library.adapters import Desk
    from retrovue.library.enrichers import open_enrichers
    from retrovue.library.finding import printable
    from retrovue.library.ingest import MOST_AT_ONCE, Basis, ingest, survey
    from retrovue.library.known_files import KnownFiles
    from retrovue.library.lock import FOLDER, write_files
    from retrovue.library.lock_lines import read_lines
    from retrovue.library.looking import stoppable
    from retrovue.workers import a_few

    known = KnownFiles(state / "known-files.sqlite", not args.check)
    previous = read_lines(args.station, {one.line for _, _, one in known})
    enrichers = open_enrichers()
    targets = loudness_targets(model)
    desk = Desk(notes=None if args.check else state / "sources", tell=view.say)
    absences = Absences(desk.clock, state / "absences")
    basis = Basis(model.collections, enrichers, targets)
    surveyed = survey(model.collections, args.station, previous, desk, known, basis)
    try:
        with (
            stoppable() as stop,
            view.progress("ingest", len(surveyed.media)) as bar,
            open_workers(args.executor, a_few(MOST_AT_ONCE)) as workers,
            ending(workers, stop),
        ):
            done = ingest(
                surveyed,
                model.collections,
                enrichers,
                previous,
                known,
                lambda path: bar.advance(1, printable(path)),
                targets,
                workers,
                lambda asset: by_rules(asset, model.collections[asset.collection].rules),
                absences,
            )
    finally:
        known.close()
    # One that couldn't be reached is not yet known to be empty, unless it was found so before.
    reached = [
        name
        for name in model.collections
        if name not in surveyed.unreachable or (args.station / FOLDER / f"{name}.jsonl").is_file()
    ]
    stale = write_files(args.station, done.lock.files(reached), only_look=args.check)
    if not args.check:
        absences.save(done.missing)
        for collection, path, what in done.then:
            known.remember(collection, path, what)
        known.close()
    outcome = {
        "current": not stale,
        "written": [] if args.check else stale,
        "assets": len(done.lock),
        "looked_into": done.looked_into,
        "arrived": done.arrived,
        "changed": done.changed,
        "retired": done.retired,
        "findings": [
            {name: getattr(f, name) for name in ("code", "severity", "collection", "path", "message", "help")}
            for f in done.findings
        ],
    }
    view.outcome(outcome)
    if args.json:
        view.json(outcome)
    else:
        for finding in done.findings:
            view.tell(finding.severity, f"[{finding.code}] {finding}", finding.help)
        for sign, ids in (("+", done.arrived), ("~", done.changed), ("-", done.retired)):
            for id_ in ids:
                view.say(f"  {sign} {printable(id_)}")
        view.out(
            f"{len(done.lock)} assets: {len(done.arrived)} arrived, {len(done.changed)} changed, "
            f"{len(done.retired)} retired, {len(done.findings)} findings; the lock "
            + ("is current" if not stale else "is not current" if args.check else "is written")
        )
    return 1 if surveyed.gone or (args.check and stale) else 0
