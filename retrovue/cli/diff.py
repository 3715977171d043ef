"""``retrovue diff``: what will air differently, between a revision and the working tree or two artefacts."""

from __future__ import annotations

import argparse
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from retrovue.cli.arguments import broadcast_date, instant, whole_days
from retrovue.errors import RetroVueError

if TYPE_CHECKING:
    from retrovue.cli.view import View
    from retrovue.compiler.changes import Changes

FORMATS = ("text", "markdown", "json", "html")

#: Exit codes, as Terraform's plan has them: nothing to do, an error, something to look at.
SAME, CHANGED = 0, 2


def configure(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "What will air differently, not which lines changed. Both sides are compiled from the same "
        "checkpoint. Exit code: 0 nothing changes, 2 something does, 1 an error."
    )
    parser.add_argument(
        "station",
        metavar="STATION",
        nargs="?",
        help="the station folder as it stands, or an artefact to compare with --against; here when absent",
    )
    parser.add_argument(
        "revision", metavar="REV", nargs="?", help="the git revision to compare with; HEAD when absent"
    )
    parser.add_argument(
        "--merge-base", action="store_true", help="compare with the commit at which this branch left REV"
    )
    parser.add_argument(
        "--against", metavar="ARTEFACT", type=Path, help="compare with this artefact instead of a revision"
    )
    parser.add_argument("--format", choices=FORMATS, default="text", help="how to say it; text")
    parser.add_argument("--output", metavar="FILE", type=Path, help="write it there instead of printing it")
    parser.add_argument(
        "--from",
        dest="first_day",
        metavar="DATE",
        type=broadcast_date,
        help="first broadcast date that is compared; what is on now and later when absent",
    )
    parser.add_argument("--days", metavar="N", type=whole_days, help="how many days; the guide's horizon")
    parser.add_argument("--as-of", metavar="INSTANT", type=instant, help="compare as if it were this instant")


def run(args: argparse.Namespace, view: View) -> int:
    from retrovue.reports import changes as report

    station, revision = _what(args)
    found = _of_artefacts(args, station) if station.is_file() else _of_station(args, view, station, revision)
    if args.format == "text":
        said = report.text(found) + "\n"
    elif args.format == "markdown":
        said = report.markdown(found)
    elif args.format == "json":
        import json

        said = json.dumps(report.as_json(found), ensure_ascii=False) + "\n"
    else:
        from retrovue.reports.pages import changes_page

        said = changes_page(found)
    if args.output is not None:
        from retrovue.cli.bench import write_report

        write_report(args.output, said)
        view.say(f"{report.headline(found)}\n{report.total(found)} → {args.output}")
    else:
        view.out(said.removesuffix("\n"))
    return CHANGED if found.any else SAME


def _what(args: argparse.Namespace) -> tuple[Path, str]:
    """The folder (or artefact) and the revision; one word alone may be either."""
    first, second = args.station, args.revision
    if first is not None and second is None and not Path(first).exists() and Path("station.yaml").is_file():
        first, second = None, first
    station = Path(first or ".")
    if args.against is not None and second is not None:
        raise RetroVueError(
            "a revision and an artefact can't both be the other side", help="leave out REV or --against"
        )
    return station, second or "HEAD"


def _of_artefacts(args: argparse.Namespace, file: Path) -> Changes:
    from retrovue.broadcast_day import Calendar
    from retrovue.cli.bench import artefact_side
    from retrovue.clock import StationClock
    from retrovue.compiler.changes import changes
    from retrovue.store import Artefact
    from retrovue.units import HOUR_US, to_us

    if args.against is None:
        raise RetroVueError(
            f"{file} is an artefact: against which other?", help="name the older one with --against FILE"
        )
    with Artefact.open(args.against) as before, Artefact.open(file) as after:
        from zoneinfo import ZoneInfo

        old, new = artefact_side(before, args.against.name), artefact_side(after, file.name)
        now_us = to_us(args.as_of) if args.as_of else StationClock().now_us()
        start = now_us if max(old.start_us, new.start_us) <= now_us < min(old.end_us, new.end_us) else None
        if args.first_day is not None:
            zone = ZoneInfo(new.timezone)
            start = min(
                Calendar(zone, c.day_start_minutes, c.grid_us).day(args.first_day).start_us
                for c in new.channels
            )
        end = None
        if args.days is not None:
            end = (start or max(old.start_us, new.start_us)) + args.days * 24 * HOUR_US
        found = changes(old, new, start, end)
        if found.start_us >= found.end_us:
            raise RetroVueError(
                "the two artefacts have no day in common that could be compared",
                help="compile both for the same days, or choose others with --from",
            )
        return found


def _of_station(args: argparse.Namespace, view: View, folder: Path, revision: str) -> Changes:
    from retrovue.cli.bench import Bench, artefact_side
    from retrovue.clock import StationClock
    from retrovue.compiler.changes import changes, side_of
    from retrovue.compiler.channels import broadcast_date_at
    from retrovue.store import Artefact
    from retrovue.units import to_us

    new = Bench(folder)
    as_of_us = to_us(args.as_of) if args.as_of else StationClock().now_us()
    first: date = args.first_day or broadcast_date_at(new.model, as_of_us)
    days = args.days or new.guide_days()
    start_us = None if args.first_day else as_of_us
    if args.against is not None:
        from datetime import timedelta

        with Artefact.open(args.against) as published:
            old_side = artefact_side(published, args.against.name)
            checkpoint = published.checkpoint(first - timedelta(days=1))
        compiled = new.compile(first, days, as_of_us, checkpoint, show=view.progress)
        found = changes(old_side, side_of(compiled, "working tree"), start_us)
        if found.start_us >= found.end_us:
            raise RetroVueError(
                f"{args.against} covers none of the days that are compared", help="choose others with --from"
            )
        return found

    from tempfile import TemporaryDirectory

    from retrovue.revision import extract, merge_base, resolve

    commit = (merge_base if args.merge_base else resolve)(folder, revision)
    label = f"{revision} ({commit[:10]})" if revision not in commit else commit[:10]
    with TemporaryDirectory(prefix="retrovue-diff-") as scratch:
        old = Bench(extract(folder, commit, Path(scratch)), label, scratch)
        # The older side decides how the world stood when the compared days began.
        checkpoint = old.eve(first, as_of_us)
        before = old.compile(first, days, as_of_us, checkpoint, show=view.progress)
        after = new.compile(first, days, as_of_us, checkpoint, known=before, show=view.progress)
    return changes(side_of(before, label), side_of(after, "working tree"), start_us)
