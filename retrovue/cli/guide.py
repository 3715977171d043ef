"""``retrovue guide``: the listing as a person reads it, in station time; of any day, past or to come."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from retrovue.cli.arguments import date_or_instant
from retrovue.cli.bench import add_artefact_options, chosen_channels, is_new

if TYPE_CHECKING:
    from retrovue.cli.bench import Bench
    from retrovue.cli.view import View
    from retrovue.compiler.model import CompiledChannel
    from retrovue.reports.guide import Listing

FORMATS = ("text", "json", "html")


def configure(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "The programme guide in station time. What the artefact doesn't cover is compiled in memory when the "
        "station folder is named, so any past or future date can be asked for."
    )
    add_artefact_options(parser)
    parser.add_argument("--channel", metavar="N", help="one channel, by number or slug")
    parser.add_argument(
        "--from",
        dest="start",
        metavar="WHEN",
        type=date_or_instant,
        help="a broadcast date (2026-11-26) or an instant with its UTC offset; now when absent",
    )
    parser.add_argument(
        "--hours", metavar="N", type=_hours, help="how many hours; the whole of a broadcast date, else 24"
    )
    parser.add_argument("--playlist", action="store_true", help="also what airs under each programme")
    parser.add_argument(
        "--plan", action="store_true", help="instead: the zones of the broadcast day, and who rules them"
    )
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--format", choices=FORMATS, default="text", help="how to say it; text")
    form.add_argument(
        "--json", dest="format", action="store_const", const="json", help="as JSON, instants in UTC"
    )
    parser.add_argument("--output", metavar="FILE", type=Path, help="write it there instead of printing it")


def run(args: argparse.Namespace, view: View) -> int:
    from retrovue.clock import StationClock
    from retrovue.reports import guide as report

    now_us = StationClock().now_us()
    if args.plan:
        return _plan(args, view, now_us)
    with _listing(args, view, now_us) as found:
        if args.format == "json":
            import json

            said = json.dumps(report.as_json(found), ensure_ascii=False)
        elif args.format == "html":
            from retrovue.reports.pages import guide_page

            said = guide_page(found)
        else:
            said = report.text(found)
    _deliver(args, view, said)
    return 0


def _deliver(args: argparse.Namespace, view: View, said: str) -> None:
    if args.output is None:
        view.out(said)
        return
    from retrovue.cli.bench import write_report

    write_report(args.output, said.rstrip("\n") + "\n")
    view.say(f"wrote {args.output}")


# --- where it comes from ---------------------------------------------------------------------------


@contextmanager
def _listing(args: argparse.Namespace, view: View, now_us: int) -> Iterator[Listing]:
    """What is asked for: from the artefact if it covers that, else compiled in memory."""
    from retrovue.cli.bench import Bench, InMemory, artefact_of
    from retrovue.errors import RetroVueError
    from retrovue.store import Artefact, ArtefactError

    if args.artefact is None and args.station is None:
        raise RetroVueError("whose guide?", help="name the station folder, or an artefact with --artefact")
    path, bench = artefact_of(args)
    covered = ""
    try:
        with Artefact.open(path) as artefact:
            header = artefact.header
            covered = f"the artefact covers {header.first_day:%a %d %b %Y} to {header.last_day:%a %d %b %Y}"
            if args.station is not None and args.artefact is None and is_new(artefact.channels, args.channel):
                covered = f"the artefact has no channel “{args.channel}”"
            else:
                channels = chosen_channels(artefact.channels, args.channel)
                windows = _windows(args, header.timezone, channels, now_us)
                covers = all(header.start_us <= a and b <= header.end_us for a, b in windows)
                if covers or args.station is None:
                    from retrovue.reports.guide import listing

                    if not covers:
                        view.say(f"not all of it is listed: {covered}")
                    yield listing(artefact, header, zip(channels, windows, strict=True), args.playlist)
                    return
    except ArtefactError:
        if args.station is None:
            raise
    from retrovue.compiler.channels import compiled_channels
    from retrovue.reports.guide import listing

    bench = bench or Bench(args.station, state=args.state)
    channels = chosen_channels(compiled_channels(bench.model), args.channel)
    windows = _windows(args, bench.model.station.timezone, channels, now_us)
    start, end = min(a for a, _ in windows), max(b for _, b in windows)
    chosen = {channel.channel for channel in channels}
    compiled = bench.only(chosen).compile_around(start, end, now_us)
    view.say(f"compiled in memory: {covered or 'there is no artefact'}")
    made = InMemory(compiled)
    yield listing(made, made, zip(channels, windows, strict=True), args.playlist)


def _windows(
    args: argparse.Namespace, timezone: str, channels: tuple[CompiledChannel, ...], now_us: int
) -> list[tuple[int, int]]:
    """The interval of each channel; a broadcast date begins for each at its own time."""
    from zoneinfo import ZoneInfo

    from retrovue.broadcast_day import Calendar
    from retrovue.units import HOUR_US, to_us

    zone = ZoneInfo(timezone)
    found = []
    for channel in channels:
        start, end = now_us, None
        if isinstance(args.start, datetime):
            start = to_us(args.start)
        elif args.start is not None:
            day = Calendar(zone, channel.day_start_minutes, channel.grid_us).day(args.start)
            start, end = day.start_us, day.end_us  # 23 or 25 hours when the clocks change
        if args.hours is not None or end is None:
            end = start + round((args.hours or 24.0) * HOUR_US)
        found.append((start, end))
    return found


def _plan(args: argparse.Namespace, view: View, now_us: int) -> int:
    from retrovue.cli.bench import Bench
    from retrovue.compiler.channels import calendar_of, compiled_channels
    from retrovue.errors import RetroVueError
    from retrovue.reports import plan as report
    from retrovue.units import to_us

    if args.station is None:
        raise RetroVueError("whose plan?", help="--plan reads the YAML: name the station folder")
    bench: Bench = Bench(args.station, state=args.state)
    chosen = {c.channel for c in chosen_channels(compiled_channels(bench.model), args.channel)}
    days = []
    for channel in bench.model.channels:
        if channel.channel in chosen:
            calendar = calendar_of(bench.model, channel)
            if isinstance(args.start, date) and not isinstance(args.start, datetime):
                on = args.start
            else:
                on = calendar.date_of(to_us(args.start) if args.start else now_us)
            days.append(report.plan_day(bench.model, channel, calendar, on))
    if args.format == "html":
        raise RetroVueError("--plan has no page", help="leave out --format html, or take --format json")
    if args.format == "json":
        import json

        _deliver(args, view, json.dumps([report.as_json(day) for day in days], ensure_ascii=False))
    else:
        _deliver(args, view, "\n".join(report.text(day) for day in days))
    return 0


def _hours(text: str) -> float:
    from retrovue.cli.arguments import MOST_DAYS

    try:
        hours = float(text)
    except ValueError:
        hours = 0
    if not 0 < hours <= MOST_DAYS * 24:
        raise argparse.ArgumentTypeError(f"“{text}” is no number of hours: more than 0, like 24")
    return hours
