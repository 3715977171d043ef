"""Simulate: what a long stretch of schedule comes to: airings, repeats, delivery, watershed, fill; pure.

A simulation is a compile that nobody publishes, read as an auditor would: it shows what no single evening
does. Leap days, holidays and the nights on which the clocks change are named, so that one can look.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import islice, pairwise
from operator import sub
from statistics import median
from zoneinfo import ZoneInfo

from retrovue.broadcast_day import Calendar
from retrovue.compiler.dayparts import may_start
from retrovue.compiler.model import (
    Compiled,
    CompiledChannel,
    Delivery,
    ScheduleDay,
    ScheduleEvent,
    SegmentKind,
)
from retrovue.compiler.plan import Planner
from retrovue.compiler.segments import Material, Segments
from retrovue.library.catalog import Asset
from retrovue.station.model import Channel, Plan, Program, StationModel
from retrovue.units import HOUR_US


@dataclass(frozen=True, slots=True)
class AssetAirings:
    """One asset of a program."""

    asset_id: str
    event: ScheduleEvent  #: its first airing
    airings: int
    last_us: int
    shortest_us: int | None  #: between the starts of two airings; None when it airs once


@dataclass(frozen=True, slots=True)
class ProgramAirings:
    """One program, virtual or synthetic on one channel."""

    program: str
    title: str
    airings: int
    air_us: int
    assets: tuple[AssetAirings, ...]  #: in order of season, episode and id
    shortest_us: int | None  #: the soonest that an asset comes again
    median_us: int | None


@dataclass(frozen=True, slots=True)
class SpecialDay:
    """A broadcast date that is not like the others."""

    on: date
    what: str  #: "23 hours: the clocks go forward", "leap day", "plan thanksgiving (us:thanksgiving)"


@dataclass(frozen=True, slots=True)
class Breach:
    """A programme that starts where it may not."""

    event: ScheduleEvent
    rule: str  #: "not before 21:00"


@dataclass(frozen=True, slots=True)
class SpotAirings:
    """One asset that airs in breaks."""

    asset_id: str
    title: str
    kind: SegmentKind
    airings: int
    shortest_us: int | None  #: between two starts


@dataclass(frozen=True, slots=True)
class Fill:
    """What the air time of a channel is made of."""

    program_us: int
    spot_us: int  #: commercials, promos, bumpers, idents and filler from pools
    synthetic_us: int  #: generated pictures that are programmes, or stand where none is
    break_us: int  #: all break time
    ident_us: int  #: break time that no spot fitted: closed by an ident or card of exact length
    pods: int
    relaxed: tuple[tuple[str, int], ...]  #: rule given up → how often
    worst_day: date | None  #: the broadcast date with the least of its break time filled
    worst_share: float

    @property
    def share(self) -> float:
        """The part of break time that spots fill; 1 when there are no breaks."""
        return 1 - self.ident_us / self.break_us if self.break_us else 1.0


@dataclass(frozen=True, slots=True)
class ChannelSimulation:
    """One channel over all days."""

    channel: CompiledChannel
    days: int
    start_us: int
    end_us: int
    programs: tuple[ProgramAirings, ...]  #: by air time, the most first
    special: tuple[SpecialDay, ...]
    breaches: tuple[Breach, ...]
    watersheds: int  #: programmes that were held against a watershed
    spots: tuple[SpotAirings, ...]  #: by airings, the most first
    deliveries: tuple[Delivery, ...]  #: at the end of each flight, or of the simulation
    fill: Fill
    uncovered_us: int  #: off the air because no plan has a zone there


def simulate(model: StationModel, compiled: Compiled) -> tuple[ChannelSimulation, ...]:
    """The report of each channel, in order of number."""
    by_slug = {channel.channel: channel for channel in model.channels}
    found = []
    for ident in compiled.channels:
        days = [day for day in compiled.days if day.channel == ident.channel]
        if days:
            found.append(_channel(model, by_slug[ident.channel], ident, compiled, days))
    return tuple(found)


def _channel(
    model: StationModel,
    channel: Channel,
    ident: CompiledChannel,
    compiled: Compiled,
    days: Sequence[ScheduleDay],
) -> ChannelSimulation:
    events = [event for day in days for event in day.events]
    calendar = Calendar(ZoneInfo(compiled.timezone), ident.day_start_minutes, ident.grid_us)
    held, breaches = _watershed(model, calendar, events, {a.id: a for a in compiled.assets if a.dayparts})
    return ChannelSimulation(
        channel=ident,
        days=len(days),
        start_us=days[0].start_us,
        end_us=days[-1].end_us,
        programs=tuple(sorted(_programs(events), key=lambda p: (-p.air_us, p.program))),
        special=tuple(_special(model, channel, calendar, days)),
        breaches=tuple(breaches),
        watersheds=held,
        spots=tuple(sorted(_spots(days), key=lambda s: (-s.airings, s.asset_id))),
        deliveries=tuple(_deliveries(days)),
        fill=_fill(days),
        uncovered_us=sum(event.end_us - event.start_us for event in events if not event.plan),
    )


# --- programmes ------------------------------------------------------------------------------------


def _programs(events: Iterable[ScheduleEvent]) -> Iterator[ProgramAirings]:
    by_program: dict[str, list[ScheduleEvent]] = {}
    for event in events:
        by_program.setdefault(event.program, []).append(event)
    for program, airings in by_program.items():
        by_asset: dict[str, list[ScheduleEvent]] = {}
        for event in airings:
            if event.asset_id:
                by_asset.setdefault(event.asset_id, []).append(event)
        distances: list[int] = []
        assets = []
        for asset_id, aired in by_asset.items():
            apart = [b.start_us - a.start_us for a, b in pairwise(aired)]
            distances += apart
            assets.append(
                AssetAirings(
                    asset_id, aired[0], len(aired), aired[-1].start_us, min(apart) if apart else None
                )
            )
        assets.sort(key=lambda a: (a.event.season or 0, a.event.episode or 0, a.asset_id))
        yield ProgramAirings(
            program,
            airings[0].title,
            len(airings),
            sum(event.end_us - event.start_us for event in airings),
            tuple(assets),
            min(distances, default=None),
            round(median(distances)) if distances else None,
        )


def _watershed(
    model: StationModel,
    calendar: Calendar,
    events: Iterable[ScheduleEvent],
    restricted: Mapping[str, Asset],
) -> tuple[int, list[Breach]]:
    """How many programmes have a watershed, their own or that of their asset, and which of them break it."""
    held = 0
    breaches = []
    for event in events:
        program, asset = model.programs.get(event.program), restricted.get(event.asset_id)
        has_own = program is not None and (program.not_before is not None or program.not_after is not None)
        if not has_own and asset is None:
            continue
        held += 1
        rule = _broken(program, calendar, event) if program is not None else ""
        if not rule and asset is not None and not may_start(asset, calendar, event.start_us):
            rule = f"within {', '.join(asset.dayparts)}"
        if rule:
            breaches.append(Breach(event, rule))
    return held, breaches


def _broken(program: Program, calendar: Calendar, event: ScheduleEvent) -> str:
    minutes = calendar.broadcast_minutes(event.start_us)
    before, after = program.not_before, program.not_after
    if before is not None and minutes < calendar.relative(before):
        return f"not before {before // 60:02}:{before % 60:02}"
    if after is not None and minutes > calendar.relative(after):
        return f"not after {after // 60:02}:{after % 60:02}"
    return ""


# --- days ------------------------------------------------------------------------------------------


def _special(
    model: StationModel, channel: Channel, calendar: Calendar, days: Iterable[ScheduleDay]
) -> Iterator[SpecialDay]:
    planner = Planner(channel, model.plans, calendar, model.station.seasons)
    for day in days:
        hours = (day.end_us - day.start_us) / HOUR_US
        if hours != 24:
            way = "forward" if hours < 24 else "back"
            yield SpecialDay(day.broadcast_date, f"{hours:g} hours: the clocks go {way}")
        if (day.broadcast_date.month, day.broadcast_date.day) == (2, 29):
            yield SpecialDay(day.broadcast_date, "leap day")
        for plan in planner.applying(day.broadcast_date):
            if said := _occasion(plan):
                yield SpecialDay(day.broadcast_date, f"plan {plan.plan} ({said})")


def _occasion(plan: Plan) -> str:
    """The named day or single date that the plan is for; empty for seasons and weekdays."""
    for value in (plan.when.on, plan.when.dates):
        if value is not None:
            named = (value,) if isinstance(value, str) else tuple(value)
            return ", ".join(named)
    return ""


# --- in between ------------------------------------------------------------------------------------


def _spots(days: Iterable[ScheduleDay]) -> Iterator[SpotAirings]:
    first: dict[str, Material] = {}
    starts: dict[str, list[int]] = {}
    for day in days:
        segments = Segments.of(day.channel, day.playlist)
        of_number: dict[int, list[int]] = {}
        for number in segments.shown:
            material = segments.materials[number]
            if material.pool:
                first.setdefault(material.asset_id, material)
                of_number[number] = starts.setdefault(material.asset_id, [])
        drawn = map(of_number.get, segments.material)
        for airings, start_us in zip(drawn, segments.start_us, strict=True):
            if airings is not None:
                airings.append(start_us)
    for asset_id, material in first.items():
        aired = starts[asset_id]
        shortest = min(map(sub, islice(aired, 1, None), aired), default=None)
        yield SpotAirings(asset_id, material.title, material.kind, len(aired), shortest)


def _deliveries(days: Iterable[ScheduleDay]) -> list[Delivery]:
    """Each contract and flight as it stood on its last day."""
    last: dict[tuple[str, str], Delivery] = {}
    for day in days:
        for delivery in day.fill.deliveries if day.fill is not None else ():
            last[delivery.spot, delivery.flight] = delivery
    return [last[key] for key in sorted(last)]


def _fill(days: Sequence[ScheduleDay]) -> Fill:
    program = spot = synthetic = 0
    for day in days:
        segments = Segments.of(day.channel, day.playlist)
        lengths = [0] * (max(segments.material, default=-1) + 1)
        for number, length in zip(
            segments.material, map(sub, segments.end_us, segments.start_us), strict=True
        ):
            lengths[number] += length
        for number in segments.shown:
            length = lengths[number]
            if segments.materials[number].kind is SegmentKind.PROGRAM:
                program += length
            elif segments.materials[number].asset_id:
                spot += length
            else:
                synthetic += length
    reports = [(day.broadcast_date, day.fill) for day in days if day.fill is not None]
    ident = sum(report.ident_us for _, report in reports)
    relaxed: dict[str, int] = {}
    for _, report in reports:
        for rule, count in report.relaxed:
            relaxed[rule] = relaxed.get(rule, 0) + count
    shares = [(1 - r.ident_us / r.break_us, on) for on, r in reports if r.break_us]
    worst = min(shares, default=None)
    return Fill(
        program,
        spot,
        max(synthetic - ident, 0),
        sum(report.break_us for _, report in reports),
        ident,
        sum(report.pods for _, report in reports),
        tuple(relaxed.items()),
        worst[1] if worst else None,
        worst[0] if worst else 1.0,
    )
