"""The text of a broadcast day: what a person reads in a snapshot and sees in a diff; pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from zoneinfo import ZoneInfo

from retrovue.compiler.model import CompiledChannel, ScheduleEvent, Segment
from retrovue.diagnostics.render import printable
from retrovue.units import from_us


class Listing(str):
    """Text that knows which channel and day it is of, and what it was written from.

    Compared with syrupy's ``snapshot`` it is kept in a text file named by channel and day.
    """

    __slots__ = ("day", "events", "number", "segments", "what")

    what: str  #: "guide" or "playlist"
    number: str  #: the channel's
    day: date
    events: tuple[ScheduleEvent, ...]
    segments: tuple[Segment, ...]

    @property
    def name(self) -> str:
        """ "5.1 2026-12-25", or "5.1 2026-12-25 playlist"."""
        return f"{self.number} {self.day}" + ("" if self.what == "guide" else f" {self.what}")

    def __eq__(self, other: object) -> bool:
        if type(other).__module__.partition(".")[0] == "syrupy":
            from retrovue.testing.snapshots import matches

            return matches(self, other)
        return str.__eq__(self, other) is True

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = str.__hash__

    def __repr__(self) -> str:
        return f"\n{self}"  # as it reads: pytest shows it when an assertion fails


def listing(
    what: str,
    channel: CompiledChannel,
    day: date,
    zone: ZoneInfo,
    events: Sequence[ScheduleEvent],
    segments: Sequence[Segment],
) -> Listing:
    """The guide of a channel's broadcast day or, ``what`` being "playlist", also what airs under it."""
    moments = [us for e in events for us in (e.start_us, e.end_us)]
    clock = _Clock(zone, changes=len({from_us(us).astimezone(zone).utcoffset() for us in moments}) > 1)
    lines = [f"{channel.number}  {printable(channel.name)}", f"{day:%A %d %B %Y}", ""]
    for event in events:
        lines.append(f"{clock.span(event.start_us, event.end_us)}  {printable(programme(event))}")
        if what == "playlist":
            lines += _under(event, segments, clock)
    made = Listing("\n".join(lines) + "\n")
    made.what, made.number, made.day = what, channel.number, day
    made.events, made.segments = tuple(events), tuple(segments)
    return made


def programme(event: ScheduleEvent) -> str:
    """ "Cheers: Pilot  S01E01  [TV-PG]"."""
    text = event.title + (f": {event.subtitle}" if event.subtitle else "")
    if event.season is not None and event.episode is not None:
        text += f"  S{event.season:02}E{event.episode:02}"
    if event.year is not None and event.kind == "movie":
        text += f"  ({event.year})"
    return text + (f"  [{event.rating}]" if event.rating else "")


class _Clock:
    def __init__(self, zone: ZoneInfo, changes: bool) -> None:
        self._zone = zone
        self._form = "%H:%M %Z" if changes else "%H:%M"

    def span(self, start_us: int, end_us: int) -> str:
        return f"{self._at(start_us)}-{self._at(end_us)}"

    def exact(self, us: int) -> str:
        at = from_us(us).astimezone(self._zone)
        return f"{at:%H:%M:%S}.{at.microsecond // 1000:03}"

    def _at(self, us: int) -> str:
        return f"{from_us(us).astimezone(self._zone):{self._form}}"


def _under(event: ScheduleEvent, segments: Sequence[Segment], clock: _Clock) -> Iterator[str]:
    for s in segments:
        if s.event_id == event.event_id:
            seconds, rest = divmod(s.duration_us, 1_000_000)
            length = f"{seconds // 60:>3}:{seconds % 60:02}.{rest // 1000:03}"
            yield (
                f"    {clock.exact(s.start_us)} {length}  {s.kind.value:<12} {printable(s.title)}  "
                f"[{printable(s.asset_id or s.synthetic)}]"
            )
