"""Stages: one group of channels, from nothing to its finished days; pure.

Each stage is a small function over one ``Draft``: channels get their desks, days are scheduled, the guide is
written and the blocks are filled, simulcasts follow their sources.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date

from retrovue.broadcast_day import Calendar
from retrovue.compiler.airing import Assembler
from retrovue.compiler.beginnings import missing_beginnings
from retrovue.compiler.channel_days import Asked, DraftChannel, follow, list_and_fill, schedule, schedule_days
from retrovue.compiler.channels import calendar_of
from retrovue.compiler.clearance import Clearance
from retrovue.compiler.content_hash import DayHasher
from retrovue.compiler.day_inputs import DayInputs, Digests
from retrovue.compiler.fallbacks import FallbackDesk
from retrovue.compiler.findings import Findings
from retrovue.compiler.folded import ToldAsset
from retrovue.compiler.in_flight import InFlight
from retrovue.compiler.inputs import station_wide
from retrovue.compiler.listing import Listings
from retrovue.compiler.model import Finding, ScheduleDay
from retrovue.compiler.playlist import DEFAULT_REMAINDER, PlaylistMaker
from retrovue.compiler.rotation import STATION_WIDE, Rotation
from retrovue.compiler.schedule_day import Scheduler
from retrovue.compiler.segments import shown
from retrovue.compiler.shelf import Shelf
from retrovue.compiler.traffic import TrafficDesk
from retrovue.compiler.unread import Unread
from retrovue.library.catalog import Catalog
from retrovue.station.model import Channel, StationModel

#: Is told that so many more days of a channel are done.
Tell = Callable[[int], object]


@dataclass(slots=True)
class Draft:
    """One group of channels, and how far the stages have come."""

    model: StationModel
    catalog: Catalog
    asked: Asked
    group: Sequence[Channel]
    shelf: Shelf
    desk: TrafficDesk
    digests: Digests
    tell: Tell
    channels: list[DraftChannel] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class ChannelDays:
    """A channel's days, each with the events that start in it; what is in flight stands beside them."""

    channel: str
    days: tuple[ScheduleDay, ...]
    carry_in: InFlight | None
    opening: Mapping[str, str]
    pending: tuple[tuple[InFlight, ...], ...]  #: a simulcast's, at the opening and at the end of each day
    recompiled: tuple[date, ...]  #: which of the days are not the base's
    findings: tuple[Finding, ...]  #: on no day in particular
    settled: bool = False  #: it is the base's: the checkpoints say what is in flight already


@dataclass(frozen=True, slots=True)
class GroupDays:
    """What becomes of a group."""

    channels: tuple[ChannelDays, ...]
    used: frozenset[str]  #: ids of all assets that may air, some of which may be gone
    told: Mapping[str, ToldAsset] = field(default_factory=dict)  #: what is said of some of them


def open_channels(draft: Draft) -> None:
    """Give every channel its calendar and its desks; a source comes before what simulcasts it."""
    model = draft.model
    shelf = draft.shelf
    desk = draft.desk
    made: dict[str, DraftChannel] = {}
    company = _company(model, draft.group)
    waiting = list(draft.group)
    ident = model.synthetics[DEFAULT_REMAINDER]
    while waiting:
        channel = next((c for c in waiting if c.simulcast is None or c.simulcast in made), waiting[0])
        waiting.remove(channel)
        calendar = calendar_of(model, channel)
        rotation = Rotation(model.station.seed, channel.channel, draft.catalog)
        shared = f"{STATION_WIDE}{calendar.day_start}"
        findings = Findings()
        assembler = Assembler(model, shelf, rotation, findings, shared)
        scheduler = Scheduler(model, channel, calendar, assembler, findings)
        shares = desk.shares.get(channel.channel, {})
        playlists = PlaylistMaker(model, channel, calendar, desk.inventory, shares, findings)
        made[channel.channel] = DraftChannel(
            channel,
            calendar,
            scheduler,
            Listings(model, channel, FallbackDesk(model, channel, calendar, shelf)),
            playlists,
            findings,
            DayInputs(
                model,
                channel,
                scheduler.planner,
                playlists,
                desk.inventory,
                shares,
                draft.digests,
                {
                    program: slugs
                    for (start, program), slugs in company.items()
                    if start == calendar.day_start
                },
            ),
            Clearance(shelf, ident, ident.title or channel.name),
            made.get(channel.simulcast or ""),
        )
    draft.channels = list(made.values())


def _company(model: StationModel, group: Sequence[Channel]) -> Mapping[tuple[int, str], Sequence[str]]:
    """Which channels take turns with a rotation, by the start of their day and its program."""
    found: dict[tuple[int, str], list[str]] = {}
    if len(group) > 1:
        for channel in group:
            start = calendar_of(model, channel).day_start
            for program in station_wide(model, channel):
                found.setdefault((start, program), []).append(channel.channel)
    return found


def schedule_channels(draft: Draft) -> None:
    """Schedule days: from the base, the checkpoint or the station's epoch to the last day."""
    schedule(draft.asked, draft.channels, draft.digests)


def list_and_fill_channels(draft: Draft) -> None:
    """Write the guide, each programme once, and fill every event's blocks to the microsecond."""
    delayed = {work.source.name for work in draft.channels if work.source is not None}
    for work in draft.channels:
        if work.source is None:
            list_and_fill(draft.asked, work, work.name in delayed, draft.tell)


def simulcast(draft: Draft) -> None:
    """Give the simulcasts what their sources air, as much later as they say."""
    for work in draft.channels:
        if work.source is not None:
            follow(draft.asked, work, draft.tell)


def report_uncovered(draft: Draft) -> None:
    """Say once what time no plan covers, and on which days."""
    for work in draft.channels:
        if work.source is not None:
            continue
        uncovered: dict[tuple[int, int], list[date]] = {}
        for day in work.days:
            for window in work.scheduler.uncovered(day.date):
                uncovered.setdefault(window, []).append(day.date)
        work.findings.turn_to(work.found)
        for (start, end), dates in sorted(uncovered.items()):
            channel = work.channel
            window_said = f"{_clock(work.calendar, start)}-{_clock(work.calendar, end)}"
            which = f"on {dates[0]:%a %d %b %Y}"
            if len(dates) > 1:
                which += f" and {len(dates) - 1} more day{'s' if len(dates) > 2 else ''}"
            work.findings.warn(
                "uncovered-time",
                (channel.channel, start, end),
                f"channel “{channel.channel}” is off the air {window_said}: no plan has a zone there {which}",
                channel.place("plans"),
                help="add a zone or a plan that covers it, or let the off-air picture stand",
            )


def report_beginnings(draft: Draft) -> None:
    """Say which entries begin with an episode that isn't there."""
    for work in draft.channels:
        if work.source is not None:
            continue
        work.findings.turn_to(work.found)
        for entry in missing_beginnings(draft.model, work.channel, draft.shelf):
            work.findings.warn(
                "no-such-episode",
                (entry.plan, entry.zone, entry.entry, entry.begin),
                f"program “{entry.program}” has no {entry.begin}: it begins with {entry.starts}",
                entry.span,
                help=f"there is {entry.there}" if entry.there else "none of its episodes has a number",
            )


def report_on_no_day(draft: Draft) -> None:
    """Say what is of no day in particular."""
    report_uncovered(draft)
    report_beginnings(draft)


STAGES: tuple[Callable[[Draft], None], ...] = (
    open_channels,
    schedule_channels,
    list_and_fill_channels,
    simulcast,
    report_on_no_day,
)


def compile_group(draft: Draft) -> GroupDays:
    """One group through all stages."""
    for stage in STAGES:
        stage(draft)
    return with_used(_channel_days(draft.asked, work) for work in draft.channels)


def with_used(channels: Iterable[ChannelDays]) -> GroupDays:
    found = tuple(channels)
    return GroupDays(found, frozenset().union(*map(_used, found)))


def _channel_days(asked: Asked, work: DraftChannel) -> ChannelDays:
    hasher = DayHasher()
    days = tuple(
        day if day.content_hash else replace(day, content_hash=hasher.hash(day).hex())
        for day in schedule_days(asked, work)
    )
    return ChannelDays(
        work.name,
        days,
        work.carry_in,
        work.opening,
        (work.pending, *(day.pending for day in work.days)),
        _recompiled(asked, work, days),
        tuple(work.found.values()),
    )


def _recompiled(asked: Asked, work: DraftChannel, days: Sequence[ScheduleDay]) -> tuple[date, ...]:
    """The days that were compiled anew; a simulcast is not compiled, so those of its that have changed."""
    if work.source is None:
        return tuple(day.date for day in work.days[work.taken_days :] if not day.taken)
    known = asked.base.days.get(work.name, {}) if asked.base is not None else {}
    return tuple(
        day.broadcast_date
        for day in days
        if (old := known.get(day.broadcast_date)) is None
        or (old.events, old.playlist) != (day.events, day.playlist)
    )


def _used(channel: ChannelDays) -> set[str]:
    """Ids of all assets that may air on the channel, stand-ins included; but for its unread days."""
    flying = (channel.carry_in,) if channel.carry_in is not None else ()
    days = [day for day in channel.days if not isinstance(day.events, Unread)]
    events = [e for day in days for e in day.events] + [f.event for f in flying]
    used = {asset_id for event in events for asset_id in event.fallbacks}
    for playlist in (*(day.playlist for day in days), *(f.playlist for f in flying)):
        used.update(what.asset_id for what in shown(playlist))
    return used - {""}


def _clock(calendar: Calendar, broadcast_minutes: int) -> str:
    minutes = (calendar.day_start + broadcast_minutes) % (24 * 60)
    return f"{minutes // 60:02}:{minutes % 60:02}"
