"""Compile: a station and a catalog in, everything that may air out; pure.

The stages are small functions over one ``Draft``, in ``STAGES``; a channel's days are independent of the
other channels' and come together only where guide ids are given and the content is sealed. The compiler
raises for no station that ``check`` accepts: what can't air is filled, and a diagnostic says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from zoneinfo import ZoneInfo

from retrovue.broadcast_day import Calendar
from retrovue.compiler.airing import Assembler
from retrovue.compiler.content_hash import sealed
from retrovue.compiler.fallbacks import FallbackDesk
from retrovue.compiler.findings import Findings
from retrovue.compiler.in_flight import CURSOR, InFlight, pack, unpack
from retrovue.compiler.listing import Listings, with_ids
from retrovue.compiler.model import (
    Checkpoint,
    Compiled,
    CompiledChannel,
    CompiledSynthetic,
    ScheduleDay,
    ScheduleEvent,
    Segment,
)
from retrovue.compiler.playlist import PlaylistMaker
from retrovue.compiler.rotation import Rotation
from retrovue.compiler.schedule_day import ChannelState, Scheduler, Slot
from retrovue.compiler.shelf import Shelf
from retrovue.library.catalog import Catalog
from retrovue.station.model import Channel, FrameRate, HouseFormat, StationModel
from retrovue.station.numbers import derived_vchannel, number_order

RATES = {
    FrameRate.FPS_25: "25/1",
    FrameRate.FPS_29_97: "30000/1001",
    FrameRate.FPS_30: "30/1",
    FrameRate.FPS_50: "50/1",
    FrameRate.FPS_59_94: "60000/1001",
}


@dataclass(slots=True)
class DraftDay:
    """One broadcast date of one channel, on its way through the stages."""

    date: date
    start_us: int
    end_us: int
    slots: list[Slot]
    cursors: dict[str, str]  #: at the day's end
    events: list[ScheduleEvent] = field(default_factory=list)
    playlist: tuple[Segment, ...] = ()


@dataclass(slots=True)
class DraftChannel:
    """One channel, on its way through the stages."""

    channel: Channel
    calendar: Calendar
    scheduler: Scheduler
    listings: Listings
    playlists: PlaylistMaker
    days: list[DraftDay] = field(default_factory=list)
    carry_in: InFlight | None = None  #: the programme in flight when the first day begins
    eve: DraftDay | None = None  #: the replayed day in which that programme started


@dataclass(slots=True)
class Draft:
    """What is asked for, and how far the stages have come."""

    model: StationModel
    catalog: Catalog
    first_day: date
    count: int
    checkpoint: Checkpoint | None
    findings: Findings = field(default_factory=Findings)
    channels: list[DraftChannel] = field(default_factory=list)
    taken_ids: set[int] = field(default_factory=set)

    @property
    def last_day(self) -> date:
        return self.first_day + timedelta(days=self.count - 1)


def calendar_of(model: StationModel, channel: Channel) -> Calendar:
    """The broadcast days of a channel, with what it inherits from the station."""
    station = model.station
    start = (
        station.broadcast_day_start if channel.broadcast_day_start is None else channel.broadcast_day_start
    )
    return Calendar(ZoneInfo(station.timezone), start, channel.grid or station.grid)


def broadcast_date_at(model: StationModel, instant_us: int) -> date:
    """The earliest broadcast date that some channel is in at ``instant_us``."""
    return min(calendar_of(model, channel).date_of(instant_us) for channel in model.channels)


# --- the stages ------------------------------------------------------------------------------------


def open_channels(draft: Draft) -> None:
    """Give every channel its calendar and its desks."""
    model = draft.model
    shelf = Shelf(draft.catalog, model.pools)
    for channel in _by_number(model):
        calendar = calendar_of(model, channel)
        rotation = Rotation(model.station.seed, channel.channel, draft.catalog)
        assembler = Assembler(model, shelf, rotation, draft.findings)
        draft.channels.append(
            DraftChannel(
                channel,
                calendar,
                Scheduler(model, channel, calendar, assembler, draft.findings),
                Listings(model, channel, FallbackDesk(model, channel, shelf)),
                PlaylistMaker(model, channel, shelf, draft.findings),
            )
        )


def schedule(draft: Draft) -> None:
    """Schedule days: from the checkpoint, or replayed from the station's epoch, to the last day."""
    for work in draft.channels:
        state = ChannelState()
        start = min(draft.model.station.epoch, draft.first_day)
        carried: InFlight | None = None
        if draft.checkpoint is not None and draft.checkpoint.broadcast_date < draft.first_day:
            start = draft.checkpoint.broadcast_date + timedelta(days=1)
            state.cursors = dict(draft.checkpoint.cursors.get(work.channel.channel, {}))
            if CURSOR in state.cursors:
                carried = unpack(state.cursors.pop(CURSOR))
                state.busy_until_us = carried.event.end_us
        before: DraftDay | None = None  #: the last day before the first in which a programme started
        for offset in range((draft.last_day - start).days + 1):
            on = start + timedelta(days=offset)
            bounds = work.calendar.day(on)
            if on == draft.first_day and state.busy_until_us > bounds.start_us:
                work.eve = before
                work.carry_in = carried if before is None else None
            draft.findings.silent = on < draft.first_day
            slots = work.scheduler.schedule(on, state)
            if on >= draft.first_day:
                days, cursors = work.days, dict(state.cursors)
                days.append(DraftDay(on, bounds.start_us, bounds.end_us, slots, cursors))
            elif slots:
                before = DraftDay(on, bounds.start_us, bounds.end_us, slots, {})


def list_events(draft: Draft) -> None:
    """Write the guide, each programme once, with ids that no two share."""
    for work in draft.channels:
        if work.carry_in is not None:
            draft.taken_ids.add(work.carry_in.event.event_id)
    for work in draft.channels:
        for day in [work.eve, *work.days]:
            if day is not None:
                events = [work.listings.event(day.date, slot) for slot in day.slots]
                day.events = with_ids(events, draft.taken_ids)


def make_playlists(draft: Draft) -> None:
    """Fill every event's blocks to the microsecond."""
    for work in draft.channels:
        for day in [work.eve, *work.days]:
            if day is not None:
                draft.findings.silent = day is work.eve
                day.playlist = work.playlists.playlist(day.date, day.slots, day.events)
        if work.eve is not None:
            event = work.eve.events[-1]
            segments = [s for s in work.eve.playlist if s.event_id == event.event_id]
            work.carry_in = InFlight(event, tuple(segments))
    draft.findings.silent = False


def report_uncovered(draft: Draft) -> None:
    """Say once what time no plan covers, and on which days."""
    for work in draft.channels:
        for (start, end), dates in sorted(work.scheduler.uncovered.items()):
            channel = work.channel
            window = f"{_clock(work.calendar, start)}-{_clock(work.calendar, end)}"
            which = f"on {dates[0]:%a %d %b %Y}"
            if len(dates) > 1:
                which += f" and {len(dates) - 1} more day{'s' if len(dates) > 2 else ''}"
            draft.findings.warn(
                "uncovered-time",
                (channel.channel, start, end),
                f"channel “{channel.channel}” is off the air {window}: no plan has a zone there {which}",
                channel.place("plans"),
                help="add a zone or a plan that covers it, or let the off-air picture stand",
            )


STAGES: tuple[Callable[[Draft], None], ...] = (
    open_channels,
    schedule,
    list_events,
    make_playlists,
    report_uncovered,
)


def compile_station(
    model: StationModel,
    catalog: Catalog,
    first_day: date | None,
    days: int,
    as_of_us: int,
    checkpoint: Checkpoint | None = None,
) -> Compiled:
    """Everything that may air from broadcast date ``first_day`` on, for ``days`` days (at least one).

    ``first_day`` None: the earliest broadcast date that a channel is in at ``as_of_us``. Rotations go on
    from ``checkpoint`` when it is older than the first day, else from the station's epoch; the result is
    the same.
    """
    begin = broadcast_date_at(model, as_of_us) if first_day is None else first_day
    draft = Draft(model, catalog, begin, max(days, 1), checkpoint)
    for stage in STAGES:
        stage(draft)
    return assemble(draft)


def assemble(draft: Draft) -> Compiled:
    """The finished draft as one sealed value."""
    model = draft.model
    days = tuple(day for work in draft.channels for day in _schedule_days(work))
    used = {segment.asset_id for day in days for segment in day.playlist if segment.asset_id}
    used.update(asset_id for day in days for event in day.events for asset_id in event.fallbacks)
    assets = draft.catalog.assets
    return sealed(
        Compiled(
            station=model.station.station,
            name=model.station.name,
            timezone=model.station.timezone,
            first_day=draft.first_day,
            last_day=draft.last_day,
            channels=compiled_channels(model),
            synthetics=tuple(
                CompiledSynthetic(s.synthetic, s.shows.value, s.title, s.text)
                for _, s in sorted(model.synthetics.items())
            ),
            assets=tuple(assets[asset_id] for asset_id in sorted(used) if asset_id in assets),
            days=days,
            content_hash="",
            diagnostics=draft.findings.diagnostics(),
        )
    )


def _schedule_days(work: DraftChannel) -> Iterator[ScheduleDay]:
    flying = work.carry_in  #: the programme that started last
    for day in work.days:
        carried = work.carry_in if day is work.days[0] else None
        if day.events:
            last = day.events[-1]
            flying = InFlight(last, tuple(s for s in day.playlist if s.event_id == last.event_id))
        cursors = dict(sorted(day.cursors.items()))
        if flying is not None and flying.event.end_us > day.end_us:
            cursors[CURSOR] = pack(flying)
        yield ScheduleDay(
            channel=work.channel.channel,
            broadcast_date=day.date,
            start_us=day.start_us,
            end_us=day.end_us,
            events=(*((carried.event,) if carried else ()), *day.events),
            playlist=(*(carried.playlist if carried else ()), *day.playlist),
            checkpoint=cursors,
        )


def compiled_channels(model: StationModel) -> tuple[CompiledChannel, ...]:
    """Every channel with what it inherits filled in, in order of number."""
    return tuple(_compiled_channel(model, channel, at) for at, channel in enumerate(_by_number(model)))


def _by_number(model: StationModel) -> list[Channel]:
    return sorted(model.channels, key=lambda channel: number_order(channel.number))


def _compiled_channel(model: StationModel, channel: Channel, position: int) -> CompiledChannel:
    calendar = calendar_of(model, channel)
    house: HouseFormat = channel.format or model.station.format
    return CompiledChannel(
        channel=channel.channel,
        number=channel.number,
        vchannel=channel.vchannel or derived_vchannel(channel.number),
        name=channel.name,
        callsign=channel.callsign or channel.channel.upper(),
        guide_id=f"C{channel.number}.{model.station.station}.retrovue.tv",
        group=channel.group,
        logo=channel.logo or "",
        grid_us=calendar.grid_us,
        day_start_minutes=calendar.day_start,
        raster=house.raster,
        rate=RATES[house.rate],
        preset=house.preset,
        video_kbps=house.video_kbps,
        audio_kbps=house.audio_kbps,
        position=position,
    )


def _clock(calendar: Calendar, broadcast_minutes: int) -> str:
    minutes = (calendar.day_start + broadcast_minutes) % (24 * 60)
    return f"{minutes // 60:02}:{minutes % 60:02}"
