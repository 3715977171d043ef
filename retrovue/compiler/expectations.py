"""Expectations: does what was compiled keep what the operator's ``expect`` lines say? pure.

The lines are read by station/expect.py. Each that doesn't hold is one error, with its first counter-example:
channel, time, and what airs there instead.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import groupby
from zoneinfo import ZoneInfo

from retrovue.broadcast_day import Calendar
from retrovue.compiler.channels import calendar_of
from retrovue.compiler.model import Compiled, CompiledChannel, ScheduleDay, ScheduleEvent
from retrovue.diagnostics import Diagnostic, Severity, Span
from retrovue.station.expect import (
    Airs,
    Expectation,
    FillAtLeast,
    NothingRated,
    NotTwice,
    parse_expectation,
)
from retrovue.station.model import SpotKind, StationModel
from retrovue.station.when import DAY_MINUTES, Seasons
from retrovue.units import MINUTE_US, from_us

_SPOT_KINDS = frozenset(kind.value for kind in SpotKind)


@dataclass(frozen=True, slots=True)
class _Line:
    text: str
    span: Span | None
    expectation: Expectation


@dataclass(frozen=True, slots=True)
class _Channel:
    """One channel's days, as expectations look at them."""

    channel: CompiledChannel
    calendar: Calendar
    zone: ZoneInfo
    days: tuple[ScheduleDay, ...]
    seasons: Seasons

    def at(self, instant_us: int) -> str:
        return f"{from_us(instant_us).astimezone(self.zone):%a %d %b %Y %H:%M}"


def broken_expectations(model: StationModel, compiled: Compiled) -> tuple[Diagnostic, ...]:
    """An error for every line that doesn't hold on the compiled days, in the order of the lines."""
    station = model.station
    by_slug = {channel.channel: channel for channel in model.channels}
    zone = ZoneInfo(compiled.timezone)
    days = {slug: tuple(own) for slug, own in groupby(compiled.days, key=lambda day: day.channel)}
    channels = [
        _Channel(c, calendar_of(model, by_slug[c.channel]), zone, days.get(c.channel, ()), station.seasons)
        for c in compiled.channels
        if c.channel in by_slug
    ]
    found = [_judged(line, channels) for line in _lines(station.expect, station.place)]
    for channel in channels:
        written = by_slug[channel.channel.channel]
        found += [_judged(line, [channel]) for line in _lines(written.expect, written.place)]
    return tuple(diagnostic for diagnostic in found if diagnostic is not None)


def _lines(texts: tuple[str, ...], place: Callable[[str, int], Span | None]) -> Iterator[_Line]:
    for position, text in enumerate(texts):
        try:
            expectation = parse_expectation(text)
        except ValueError:
            continue  # check has said so
        yield _Line(text, place("expect", position), expectation)


def _judged(line: _Line, channels: list[_Channel]) -> Diagnostic | None:
    failed = [(channel, example) for channel in channels if (example := _broken(line.expectation, channel))]
    if not failed:
        return None
    channel, example = failed[0]
    more = f" (and {len(failed) - 1} more channel{'s' * (len(failed) > 2)})" if len(failed) > 1 else ""
    return Diagnostic(
        Severity.ERROR,
        "expectation-broken",
        f"“{line.text}” doesn't hold on {channel.channel.number} {channel.channel.name}: {example}{more}",
        line.span,
        help="change the plan, program or traffic that makes it so, or what is expected; "
        "nothing is published until they agree",
    )


def _broken(expectation: Expectation, channel: _Channel) -> str:
    """The first counter-example in words; empty when there is none."""
    if isinstance(expectation, Airs):
        found = _airs(expectation, channel)
    elif isinstance(expectation, NothingRated):
        found = _nothing_rated(expectation, channel)
    elif isinstance(expectation, NotTwice):
        found = _not_twice(expectation, channel)
    else:
        found = _fill(expectation, channel)
    return next(found, "")


def _airs(expectation: Airs, channel: _Channel) -> Iterator[str]:
    minutes = channel.calendar.relative(expectation.minute)
    for day in channel.days:
        if not expectation.on(day.broadcast_date, channel.seasons):
            continue
        instant = channel.calendar.day(day.broadcast_date).at(minutes)
        event = next((e for e in day.events if e.start_us <= instant < e.end_us), None)
        if event is None:
            yield f"nothing is listed at {channel.at(instant)}"
        elif not expectation.holds(
            event.program, [event.title, event.subtitle], [*event.categories, event.kind]
        ):
            yield f"at {channel.at(instant)} it is {_said(event)}"


def _nothing_rated(expectation: NothingRated, channel: _Channel) -> Iterator[str]:
    calendar = channel.calendar
    for day in channel.days:
        for event in day.events:
            if not event.rating or event.broadcast_date != day.broadcast_date:
                continue  # what is carried in started the day before
            minute = (calendar.broadcast_minutes(event.start_us) + calendar.day_start) % DAY_MINUTES
            if expectation.bars(event.rating, minute, calendar.day_start):
                yield f"{_said(event)}, {event.rating}, starts at {channel.at(event.start_us)}"


def _not_twice(expectation: NotTwice, channel: _Channel) -> Iterator[str]:
    kinds = _SPOT_KINDS if expectation.kind is None else frozenset((expectation.kind.value,))
    last: dict[str, int] = {}
    for day in channel.days:
        for segment in day.playlist:
            if segment.asset_id and segment.kind.value in kinds:
                start = segment.start_us
                before = last.get(segment.asset_id)
                if before is not None and start - before < expectation.within_us:
                    yield (
                        f"“{segment.title}” airs at {channel.at(before)} "
                        f"and again {(start - before) / MINUTE_US:.1f} min later"
                    )
                last[segment.asset_id] = start


def _fill(expectation: FillAtLeast, channel: _Channel) -> Iterator[str]:
    for day in channel.days:
        fill = day.fill
        if fill is not None and fill.break_us:
            share = 100 * fill.spot_us / fill.break_us
            if not expectation.holds(share):
                yield (
                    f"spots fill {share:.2f} % of {fill.break_us / MINUTE_US:.0f} min of breaks "
                    f"on {day.broadcast_date:%a %d %b %Y}"
                )


def _said(event: ScheduleEvent) -> str:
    return f"“{event.title}: {event.subtitle}”" if event.subtitle else f"“{event.title}”"
