"""``retrovue guide``: the listing as a person reads it, in station time."""

from __future__ import annotations

import argparse
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from retrovue.cli.arguments import date_or_instant
from retrovue.cli.view import View

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from retrovue.compiler.model import CompiledChannel, ScheduleEvent, Segment
    from retrovue.store import Artefact

    #: channel, from, to, what airs, and under it what it is made of
    _Listed = tuple[CompiledChannel, int, int, list[ScheduleEvent], list[Segment]]


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("station", metavar="STATION", type=Path, nargs="?", help="the station folder")
    parser.add_argument("--artefact", metavar="FILE", type=Path, help="a compiled artefact")
    parser.add_argument("--state", metavar="DIR", help="the state directory that holds the artefact")
    parser.add_argument("--channel", metavar="N", help="one channel, by number or slug")
    parser.add_argument(
        "--from",
        dest="start",
        metavar="WHEN",
        type=date_or_instant,
        help="a broadcast date (2026-11-26) or an instant with its UTC offset; now when absent",
    )
    parser.add_argument("--hours", metavar="N", type=_hours, default=24.0, help="how many hours; 24")
    parser.add_argument("--playlist", action="store_true", help="also what airs under each programme")
    parser.add_argument("--json", action="store_true", help="as JSON, instants in UTC")


def run(args: argparse.Namespace, view: View) -> int:
    from zoneinfo import ZoneInfo

    from retrovue.broadcast_day import Calendar
    from retrovue.clock import StationClock
    from retrovue.errors import RetroVueError
    from retrovue.store import Artefact
    from retrovue.units import HOUR_US, to_us

    now_us = StationClock().now_us()
    with Artefact.open(_artefact(args)) as artefact:
        header = artefact.header
        zone = ZoneInfo(header.timezone)
        channels = [
            c for c in artefact.channels if args.channel is None or args.channel in (c.number, c.channel)
        ]
        if not channels:
            known = ", ".join(f"{c.number} ({c.channel})" for c in artefact.channels)
            raise RetroVueError(f"there is no channel “{args.channel}”", help=f"channels: {known}")
        listed = []
        for channel in channels:
            calendar = Calendar(zone, channel.day_start_minutes, channel.grid_us)
            if isinstance(args.start, datetime):
                start = to_us(args.start)
            else:
                start = now_us if args.start is None else calendar.day(args.start).start_us
            end = start + round(args.hours * HOUR_US)
            events = artefact.events(channel.channel, start, end)
            segments = artefact.segments(channel.channel, start, end) if args.playlist else []
            listed.append((channel, start, end, events, segments))
        if not any(events for _, _, _, events, _ in listed):
            view.say(
                f"nothing is listed there: the artefact covers {header.first_day:%a %d %b %Y} "
                f"to {header.last_day:%a %d %b %Y}"
            )
        if args.json:
            view.json(_document(artefact, listed, args.playlist))
        else:
            for channel, _, _, events, segments in listed:
                _print(view, zone, channel, events, segments)
    return 0


def _artefact(args: argparse.Namespace) -> Path:
    from retrovue.errors import RetroVueError
    from retrovue.library.adapters import settings_models
    from retrovue.state_dir import ARTEFACT_NAME, state_dir
    from retrovue.station.load import require_station

    if args.artefact is not None:
        return Path(args.artefact)
    if args.station is None:
        raise RetroVueError("whose guide?", help="name the station folder, or an artefact with --artefact")
    model = require_station(args.station, settings_models())
    return state_dir(model.station.station, args.state, model.written_state) / ARTEFACT_NAME


def _document(artefact: Artefact, listed: list[_Listed], with_playlist: bool) -> dict[str, Any]:
    header = artefact.header
    return {
        "station": header.station,
        "name": header.name,
        "timezone": header.timezone,
        "content_hash": header.content_hash,
        "channels": [
            {
                "channel": channel.channel,
                "number": channel.number,
                "name": channel.name,
                "guide_id": channel.guide_id,
                "broadcast_day_start": _time_of_day(channel.day_start_minutes),
                "from": _utc(start),
                "to": _utc(end),
                "events": [_event(e) for e in events],
                **({"playlist": [_segment(s) for s in segments]} if with_playlist else {}),
            }
            for channel, start, end, events, segments in listed
        ],
    }


def _event(e: ScheduleEvent) -> dict[str, Any]:
    return {
        "event_id": e.event_id,
        "start": _utc(e.start_us),
        "end": _utc(e.end_us),
        "broadcast_date": e.broadcast_date.isoformat(),
        "title": e.title,
        "subtitle": e.subtitle,
        "season": e.season,
        "episode": e.episode,
        "rating": e.rating,
        "kind": e.kind,
        "program": e.program,
        "asset": e.asset_id,
        "plan": e.plan,
        "zone": e.zone,
        "written_at": e.written_at,
        "fallbacks": list(e.fallbacks),
    }


def _segment(s: Segment) -> dict[str, Any]:
    return {
        "start": _utc(s.start_us),
        "end": _utc(s.end_us),
        "duration_us": s.duration_us,
        "in_us": s.in_us,
        "kind": s.kind.value,
        "title": s.title,
        "asset": s.asset_id,
        "synthetic": s.synthetic,
        "pool": s.pool,
        "event_id": s.event_id,
    }


def _print(
    view: View,
    zone: ZoneInfo,
    channel: CompiledChannel,
    events: list[ScheduleEvent],
    segments: list[Segment],
) -> None:
    from retrovue.diagnostics.render import printable

    view.out(f"{channel.number}  {printable(channel.name)}")
    shown: date | None = None
    for event in events:
        start = _local(event.start_us, zone)
        if start.date() != shown:
            shown = start.date()
            view.out(f"  {shown:%A %d %B %Y}")
        view.out(f"    {start:%H:%M}-{_local(event.end_us, zone):%H:%M}  {printable(_line(event))}")
        for segment in segments:
            if segment.event_id == event.event_id:
                at = _local(segment.start_us, zone)
                source = segment.asset_id or segment.synthetic
                into = f" from {_offset(segment.in_us)}" if segment.asset_id else ""
                view.out(
                    f"        {at:%H:%M:%S}.{at.microsecond // 1000:03}  {segment.kind.value:<12}  "
                    f"{_offset(segment.duration_us)}  {printable(segment.title)}  [{printable(source)}{into}]"
                )
    view.out()


def _line(event: ScheduleEvent) -> str:
    text = event.title + (f": {event.subtitle}" if event.subtitle else "")
    if event.season is not None and event.episode is not None:
        text += f"  S{event.season:02}E{event.episode:02}"
    if event.year is not None and event.kind == "movie":
        text += f"  ({event.year})"
    return text + (f"  [{event.rating}]" if event.rating else "")


def _local(us: int, zone: ZoneInfo) -> datetime:
    from retrovue.units import from_us

    return from_us(us).astimezone(zone)


def _utc(us: int) -> str:
    from retrovue.units import from_us

    return from_us(us).isoformat().replace("+00:00", "Z")


def _time_of_day(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"


def _offset(us: int) -> str:
    """ "0:01:30.500"."""
    seconds, rest = divmod(us, 1_000_000)
    return f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}.{rest // 1000:03}"


def _hours(text: str) -> float:
    try:
        hours = float(text)
    except ValueError:
        hours = 0.0
    if not 0 < hours <= 24 * 400:
        raise argparse.ArgumentTypeError(f"“{text}” is no number of hours")
    return hours
