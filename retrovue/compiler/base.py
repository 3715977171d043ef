"""Base: a schedule that exists, as far as a new compile goes on from it; pure.

What starts within the locked time is taken from the published base unchanged. A channel whose inputs are
those that the base was compiled from needs no compile at all for the days that the base covers. Days of a
base that is an artefact are read when somebody looks into them (unread.py).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta

from retrovue.compiler.in_flight import InFlight
from retrovue.compiler.model import Compiled, Finding, ScheduleDay, ScheduleEvent, Segment
from retrovue.compiler.segments import Segments
from retrovue.compiler.unread import Unread, last_end_us


@dataclass(frozen=True, slots=True)
class Base:
    """Days by channel and broadcast date, each with the events that start in it."""

    days: Mapping[str, Mapping[date, ScheduleDay]]
    carried: Mapping[str, InFlight] = field(default_factory=dict)  #: in flight when the first day begins
    opening: Mapping[str, Mapping[str, str]] = field(default_factory=dict)  #: cursors at that moment
    inputs: Mapping[str, str] = field(default_factory=dict)  #: channel → hash of what it was made from
    #: What was found about a channel on no day in particular, of all the days of the base.
    findings: Mapping[str, tuple[Finding, ...]] = field(default_factory=dict)
    published: bool = True  #: on the air; else it only saves work

    @classmethod
    def of(
        cls,
        days: Iterable[ScheduleDay],
        opening: Mapping[str, Mapping[str, str]],
        inputs: Mapping[str, str],
        findings: Mapping[str, tuple[Finding, ...]],
        published: bool = True,
    ) -> Base:
        """From the days of an artefact, the first of which open with what is in flight."""
        by_channel: dict[str, dict[date, ScheduleDay]] = {}
        carried: dict[str, InFlight] = {}
        for day in days:
            before = [event for event in day.events if event.broadcast_date != day.broadcast_date]
            if before:
                event = before[-1]
                carried[day.channel] = InFlight(event, segments_of(event, day.playlist))
                day = replace(
                    day,
                    events=tuple(e for e in day.events if e.broadcast_date == day.broadcast_date),
                    playlist=tuple(s for s in day.playlist if s.broadcast_date == day.broadcast_date),
                )
            by_channel.setdefault(day.channel, {})[day.broadcast_date] = day
        return cls(by_channel, carried, opening, inputs, findings, published)

    @classmethod
    def of_compiled(cls, compiled: Compiled, published: bool = True) -> Base:
        found = {channel: said for channel, said in compiled.findings.items() if channel}
        return cls.of(compiled.days, compiled.opening, compiled.inputs, found, published)

    def cursors(self, channel: str, on: date) -> Mapping[str, str] | None:
        """Where the rotations stood at the end of ``on``; None when the base doesn't know."""
        days = self.days.get(channel, {})
        if on in days:
            return days[on].checkpoint
        return self.opening.get(channel) if days and on + timedelta(days=1) == min(days) else None

    def in_flight(self, channel: str, on: date) -> InFlight | None:
        """What started before broadcast date ``on`` and runs into it."""
        days = self.days.get(channel, {})
        start_us = days[on].start_us
        before = [day for at, day in days.items() if at < on and day.events]
        if before:
            last = max(before, key=lambda day: day.broadcast_date)
            if last_end_us(last.events) <= start_us:
                return None
            event = last.events[-1]
            return InFlight(event, segments_of(event, last.playlist))
        found = self.carried.get(channel)
        return found if found is not None and found.event.end_us > start_us else None

    def has(self, channel: str, dates: Collection[date]) -> bool:
        """Are these the days of the channel, no more and no less, and is it known where it stood before?"""
        days = self.days.get(channel)
        return days is not None and days.keys() == set(dates) and channel in self.opening

    def own(self, day: ScheduleDay) -> ScheduleDay:
        """The day with what is unread in it as this base has it: another process can't read it."""
        if not isinstance(day.events, Unread):
            return day
        known = self.days[day.channel][day.broadcast_date]
        return replace(day, events=known.events, playlist=known.playlist)

    def events(self) -> Iterator[Sequence[ScheduleEvent]]:
        """All there are, day by day, and those in flight when the first day begins."""
        for days in self.days.values():
            yield from (day.events for day in days.values())
        yield from ((flying.event,) for flying in self.carried.values())


def segments_of(event: ScheduleEvent, playlist: Sequence[Segment]) -> tuple[Segment, ...]:
    """The segments under one event."""
    if isinstance(playlist, Unread):
        playlist = Segments.of(event.channel, playlist)
    if isinstance(playlist, Segments):
        return playlist.of_event(event.event_id)
    return tuple(segment for segment in playlist if segment.event_id == event.event_id)
