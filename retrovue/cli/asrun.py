"""``retrovue asrun``: what really left the station, beside the plan if asked, and the report of a day."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from retrovue.cli.arguments import broadcast_date, station_time
from retrovue.cli.bench import artefact_path, chosen_channels
from retrovue.errors import RetroVueError

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from retrovue.cli.view import View
    from retrovue.compiler.model import Segment
    from retrovue.playout.as_run import AsRunRecord
    from retrovue.reports.as_run import Aired
    from retrovue.store import Artefact

FORMATS = ("text", "csv", "json", "markdown")


def configure(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "What really left the station: which frames of what, when, how late, and why not the plan. Read "
        "while the station serves, without disturbing it. A channel that nobody watched was off the air, and "
        "the log has nothing of it."
    )
    parser.add_argument("station", metavar="STATION", type=Path, help="the station folder")
    parser.add_argument("--channel", metavar="N", help="one channel, by number or slug; all")
    parser.add_argument(
        "--day", metavar="DATE", type=broadcast_date, help="a broadcast date (2026-11-26); the present one"
    )
    parser.add_argument("--from", dest="start", metavar="TIME", help="instead of a day: from then on, …")
    parser.add_argument("--to", dest="end", metavar="TIME", help="… to then; now. Times as in retrovue why")
    what = parser.add_mutually_exclusive_group()
    what.add_argument(
        "--reconcile", action="store_true", help="what differs from the plan that authorised it, and how"
    )
    what.add_argument("--report", action="store_true", help="the day in numbers, and what was wrong with it")
    parser.add_argument("--format", choices=FORMATS, default="text", help="how to say it; text")
    parser.add_argument("--output", metavar="FILE", type=Path, help="write it there instead of printing it")
    parser.add_argument("--state", metavar="DIR", help="the state directory")


def run(args: argparse.Namespace, view: View) -> int:
    import json
    from zoneinfo import ZoneInfo

    from retrovue.cli.bench import write_report
    from retrovue.playout.reconcile import reconcile
    from retrovue.reports import as_run as report

    if args.day is not None and (args.start is not None or args.end is not None):
        raise RetroVueError("a day or an interval?", help="give --day, or --from and --to")
    if args.end is not None and args.start is None:
        raise RetroVueError("--to needs --from")
    if args.format == "markdown" and not args.report:
        raise RetroVueError("Markdown is for reports", help="add --report, or take --format csv or json")
    if args.format == "csv" and args.report:
        raise RetroVueError("a report is no table", help="take --format text, json or markdown")
    args.artefact = None
    state = artefact_path(args).parent
    with _any_artefact(state) as artefact:
        zone = ZoneInfo(artefact.header.timezone)
        aired = _aired(args, artefact, state, zone)
    if not args.reconcile and not args.report:
        said = {
            "text": lambda: report.text(aired, zone),
            "csv": lambda: report.as_csv(aired),
            "json": lambda: json.dumps(report.as_json(aired), ensure_ascii=False),
        }[args.format]()
    else:
        plans, gone = _plans(state, aired)
        if gone:
            view.say(
                f"note: {gone} artefacts that authorised some of it are gone; that part is compared with the "
                "artefact of today"
            )
        compared = [(each, reconcile(each.records, plans[each.channel.channel])) for each in aired]
        table = {
            (True, "text"): lambda: report.report_text(compared, zone),
            (True, "markdown"): lambda: report.report_markdown(compared, zone),
            (True, "json"): lambda: json.dumps(report.report_json(compared), ensure_ascii=False),
            (False, "text"): lambda: report.reconciliation_text(compared, zone),
            (False, "csv"): lambda: report.reconciliation_csv(compared),
            (False, "json"): lambda: json.dumps(report.reconciliation_json(compared), ensure_ascii=False),
        }
        said = table[args.report, args.format]()
    if args.output is None:
        view.out(said)
    else:
        write_report(args.output, said + "\n")
        view.say(f"wrote {args.output}")
    return 0


@contextmanager
def _any_artefact(state: Path) -> Iterator[Artefact]:
    """The artefact, or where it can't be read whatever else knows the station's channels."""
    from retrovue.state_dir import ARTEFACT_NAME
    from retrovue.store import Artefact, ArtefactError

    first: ArtefactError | None = None
    for path in [state / ARTEFACT_NAME, *_older(state)]:
        try:
            artefact = Artefact.open(path)
        except ArtefactError as error:
            first = first or error
            continue
        with artefact:
            yield artefact
        return
    assert first is not None
    raise first


def _older(state: Path) -> list[Path]:
    """Artefacts that were on the air before, and the generations of the playlog, the latest first."""
    from retrovue.state_dir import ARTEFACT_NAME
    from retrovue.store import history
    from retrovue.store.generations import FOLDER, generations

    path = state / ARTEFACT_NAME
    older = [history.previous(path, number) for number in history.numbers(path)]
    return [*older, *(g.path for g in generations(state / FOLDER))]


def _aired(args: argparse.Namespace, artefact: Artefact, state: Path, zone: ZoneInfo) -> list[Aired]:
    from retrovue.broadcast_day import Calendar
    from retrovue.clock import StationClock
    from retrovue.playout import as_run_log
    from retrovue.reports.as_run import Aired

    now_us = StationClock().now_us()
    channels = chosen_channels(artefact.channels, args.channel)
    on: date | None
    found = []
    for channel in channels:
        if args.start is not None:
            on, start_us = None, station_time(args.start, zone, now_us)
            end_us = station_time(args.end, zone, now_us) if args.end is not None else now_us
            if end_us <= start_us:
                raise RetroVueError("--to is not after --from")
        else:
            calendar = Calendar(zone, channel.day_start_minutes, channel.grid_us)
            on = args.day or calendar.date_of(now_us)
            day = calendar.day(on)
            start_us, end_us = day.start_us, day.end_us
        records = as_run_log.read(state / "as-run", [channel.channel], start_us, end_us)
        if on is not None:
            records = [r for r in records if r.broadcast_date == on]
        found.append(Aired(channel, on, start_us, end_us, tuple(records)))
    return found


def _plans(state: Path, aired: Iterable[Aired]) -> tuple[Mapping[str, Mapping[str, list[Segment]]], int]:
    """Channel → artefact's hash → what it planned in that time; and how many artefacts are gone.

    What one that is gone planned, the artefact of today plans, too, as far as anybody knows: what is
    published and near is never changed.
    """
    from retrovue.state_dir import ARTEFACT_NAME
    from retrovue.store import Artefact, ArtefactError

    listed = list(aired)
    wanted: dict[str, list[AsRunRecord]] = {}
    for each in listed:
        for record in each.records:
            wanted.setdefault(record.artefact, []).append(record)
    plans: dict[str, dict[str, list[Segment]]] = {each.channel.channel: {} for each in listed}
    left = set(wanted)
    today: Path | None = None
    for path in [state / ARTEFACT_NAME, *_older(state)]:
        if not left:
            break
        try:
            with Artefact.open(path) as artefact:
                today = today or path
                hash_ = artefact.header.content_hash
                if hash_ not in left or not _covers(artefact, wanted[hash_]):
                    continue
                left.discard(hash_)
                _take(plans, artefact, hash_, listed)
        except ArtefactError:
            continue
    if left and today is not None:
        with Artefact.open(today) as artefact:
            for hash_ in left:
                _take(plans, artefact, hash_, listed)
    return plans, len(left)


def _covers(artefact: Artefact, records: list[AsRunRecord]) -> bool:
    """Does it have all that it authorised? A generation of the playlog may have but the last of it."""
    from retrovue.store.generations import read_cut

    cut = read_cut(artefact)
    if cut is None:
        return True
    return cut.start_us <= min(r.start_us for r in records) and max(r.end_us for r in records) <= cut.end_us


def _take(
    plans: dict[str, dict[str, list[Segment]]], artefact: Artefact, hash_: str, aired: list[Aired]
) -> None:
    for each in aired:
        own = [r for r in each.records if r.artefact == hash_]
        if own:
            # To the tick's rounding, and a segment on either side.
            first, last = min(r.start_us for r in own), max(r.end_us for r in own)
            segments = artefact.segments(each.channel.channel, first - 1_000_000, last + 1_000_000)
            plans[each.channel.channel][hash_] = segments
