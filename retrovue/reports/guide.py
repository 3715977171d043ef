"""Guide: the listing of channels and hours, as text and JSON; pure.

The JSON document: ``station``, ``name``, ``timezone``, ``content_hash``, ``channels``: each with
``broadcast_day_start`` ("06:00"), ``from``, ``to`` and ``events``; with the playlist asked for, also
``playlist``. Instants are RFC 3339 in UTC.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from retrovue.compiler.model import CompiledChannel, ScheduleEvent, Segment
from retrovue.diagnostics.render import printable
from retrovue.reports.wording import clock, local, utc
from retrovue.units import SECOND_US


class Schedule(Protocol):
    """What was compiled: an artefact, or a schedule in memory."""

    def events(self, channel: str, start_us: int, end_us: int) -> list[ScheduleEvent]: ...

    def segments(self, channel: str, start_us: int, end_us: int) -> list[Segment]: ...


class Header(Protocol):
    """Whose it is."""

    @property
    def station(self) -> str: ...

    @property
    def name(self) -> str: ...

    @property
    def timezone(self) -> str: ...

    @property
    def content_hash(self) -> str: ...


@dataclass(frozen=True, slots=True)
class ChannelListing:
    """``[start_us, end_us)`` of one channel."""

    channel: CompiledChannel
    start_us: int
    end_us: int
    events: tuple[ScheduleEvent, ...]
    segments: tuple[Segment, ...]  #: empty unless asked for


@dataclass(frozen=True, slots=True)
class Listing:
    """What a guide shows."""

    station: str
    name: str
    timezone: str
    content_hash: str
    channels: tuple[ChannelListing, ...]
    with_playlist: bool

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)


def listing(
    schedule: Schedule,
    header: Header,
    windows: Iterable[tuple[CompiledChannel, tuple[int, int]]],
    with_playlist: bool,
) -> Listing:
    """Read what is on in each channel's window."""
    return Listing(
        header.station,
        header.name,
        header.timezone,
        header.content_hash,
        tuple(
            ChannelListing(
                channel,
                start,
                end,
                tuple(schedule.events(channel.channel, start, end)),
                tuple(schedule.segments(channel.channel, start, end)) if with_playlist else (),
            )
            for channel, (start, end) in windows
        ),
        with_playlist,
    )


def text(found: Listing) -> str:
    """For a terminal, in station time."""
    return "\n".join(line for channel in found.channels for line in _channel(channel, found.zone))


def _channel(found: ChannelListing, zone: ZoneInfo) -> list[str]:
    lines = [f"{found.channel.number}  {printable(found.channel.name)}"]
    under: dict[int, list[Segment]] = {}
    for segment in found.segments:
        under.setdefault(segment.event_id, []).append(segment)
    shown: date | None = None
    for event in found.events:
        start = local(event.start_us, zone)
        if start.date() != shown:
            shown = start.date()
            lines.append(f"  {shown:%A %d %B %Y}")
        times = f"{clock(event.start_us, zone)}-{clock(event.end_us, zone)}"
        lines.append(f"    {times}  {printable(listed(event))}")
        for segment in under.get(event.event_id, ()):
            at = local(segment.start_us, zone)
            source = segment.asset_id or segment.synthetic
            into = f" from {_offset(segment.in_us)}" if segment.asset_id else ""
            lines.append(
                f"        {at:%H:%M:%S}.{at.microsecond // 1000:03}  {segment.kind.value:<12}  "
                f"{_offset(segment.duration_us)}  {printable(segment.title)}  [{printable(source)}{into}]"
            )
    return [*lines, ""]


def listed(event: ScheduleEvent) -> str:
    """ "Cheers: Give Me a Ring Sometime  S01E01  [TV-PG]"."""
    said = event.title + (f": {event.subtitle}" if event.subtitle else "")
    if event.season is not None and event.episode is not None:
        said += f"  S{event.season:02}E{event.episode:02}"
    if event.year is not None and event.kind == "movie":
        said += f"  ({event.year})"
    return said + (f"  [{event.rating}]" if event.rating else "")


def as_json(found: Listing) -> dict[str, Any]:
    """The document described at the top of this module."""
    return {
        "station": found.station,
        "name": found.name,
        "timezone": found.timezone,
        "content_hash": found.content_hash,
        "channels": [
            {
                "channel": c.channel.channel,
                "number": c.channel.number,
                "name": c.channel.name,
                "guide_id": c.channel.guide_id,
                "broadcast_day_start": time_of_day(c.channel.day_start_minutes),
                "from": utc(c.start_us),
                "to": utc(c.end_us),
                "events": [event_json(e) for e in c.events],
                **({"playlist": [segment_json(s) for s in c.segments]} if found.with_playlist else {}),
            }
            for c in found.channels
        ],
    }


def event_json(e: ScheduleEvent) -> dict[str, Any]:
    """One programme as every JSON document of ours has it."""
    return {
        "event_id": e.event_id,
        "start": utc(e.start_us),
        "end": utc(e.end_us),
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


def segment_json(s: Segment) -> dict[str, Any]:
    """One piece of a playlist as every JSON document of ours has it."""
    return {
        "start": utc(s.start_us),
        "end": utc(s.end_us),
        "duration_us": s.duration_us,
        "in_us": s.in_us,
        "kind": s.kind.value,
        "title": s.title,
        "asset": s.asset_id,
        "synthetic": s.synthetic,
        "pool": s.pool,
        "overlays": list(s.overlays),
        "event_id": s.event_id,
    }


def time_of_day(minutes: int) -> str:
    """ "06:00" of minutes after midnight."""
    return f"{minutes // 60:02}:{minutes % 60:02}"


def _offset(us: int) -> str:
    """ "0:01:30.500"."""
    seconds, rest = divmod(us, SECOND_US)
    return f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}.{rest // 1000:03}"
