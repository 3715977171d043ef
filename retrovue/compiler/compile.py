"""Compile: a station and a catalog in, everything that may air out; pure.

Channels are independent of each other, but for those that share a rotation or air what another airs:
those are one group, and each group goes through ``STAGES``, small functions over one ``Draft``. Groups may
be compiled in any order, on any number of processes (``spread``); they come together where guide ids are
given and the content is sealed. The compiler raises for no station that ``check`` accepts: what can't air
is filled, and a diagnostic says so.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from itertools import chain
from zoneinfo import ZoneInfo

from retrovue.broadcast_day import Calendar
from retrovue.compiler.airing import Assembler
from retrovue.compiler.base import Base, segments_of
from retrovue.compiler.channel_days import (
    Asked,
    DraftChannel,
    DraftDay,
    follow,
    list_and_fill,
    schedule,
    schedule_days,
)
from retrovue.compiler.clearance import Clearance
from retrovue.compiler.content_hash import DayHasher, sealed
from retrovue.compiler.day_inputs import DayInputs, Digests
from retrovue.compiler.fallbacks import FallbackDesk
from retrovue.compiler.findings import Findings, once
from retrovue.compiler.folded import FoldedAssets, ToldAsset
from retrovue.compiler.formats import filled
from retrovue.compiler.guide_ids import GuideIds
from retrovue.compiler.in_flight import CURSOR, InFlight, pack
from retrovue.compiler.inputs import InputHashes, queries, station_wide
from retrovue.compiler.listing import Listings, content_of
from retrovue.compiler.model import (
    Checkpoint,
    Compiled,
    CompiledChannel,
    CompiledSynthetic,
    CompiledTemplate,
    Finding,
    Override,
    ScheduleDay,
)
from retrovue.compiler.overlays import compiled_overlays
from retrovue.compiler.playlist import DEFAULT_REMAINDER, PlaylistMaker
from retrovue.compiler.rotation import STATION_WIDE, Rotation
from retrovue.compiler.schedule_day import Scheduler
from retrovue.compiler.segments import Segments, shown
from retrovue.compiler.shelf import Shelf
from retrovue.compiler.traffic import TrafficDesk
from retrovue.compiler.unread import Rows, Unread, UnreadEvents, UnreadSegments, last_end_us, told
from retrovue.garbage import no_search_for_garbage
from retrovue.library.catalog import Asset, Catalog
from retrovue.station.model import Channel, HouseFormat, StationModel
from retrovue.station.numbers import derived_vchannel, number_order

#: Does all of the work, its groups in order; the results must not depend on who does which.
Spread = Callable[["Work"], Iterable["GroupDays"]]

#: Is told that so many more days of a channel are done.
Tell = Callable[[int], object]

#: Is told the finished days of a channel, while others are still being compiled; in order of the lineup.
Ready = Callable[[Sequence[ScheduleDay]], None]


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


def calendar_of(model: StationModel, channel: Channel) -> Calendar:
    """The broadcast days of a channel, with what it inherits from the station; a simulcast's are its
    source's."""
    station = model.station
    by_slug = {c.channel: c for c in model.channels}
    for _ in by_slug:
        if channel.simulcast is None or channel.simulcast not in by_slug:
            break
        channel = by_slug[channel.simulcast]
    start = (
        station.broadcast_day_start if channel.broadcast_day_start is None else channel.broadcast_day_start
    )
    dst = station.dst
    return Calendar(ZoneInfo(station.timezone), start, channel.grid or station.grid, dst.spring, dst.fall)


def broadcast_date_at(model: StationModel, instant_us: int) -> date:
    """The earliest broadcast date that some channel is in at ``instant_us``."""
    return min(calendar_of(model, channel).date_of(instant_us) for channel in model.channels)


def groups(model: StationModel) -> list[list[Channel]]:
    """The channels, in order of number, those together that can't be compiled apart: a simulcast and its
    source, and channels that share a rotation (``cursor: station``) and begin their day together."""
    ordered = _by_number(model)
    leader = {channel.channel: channel.channel for channel in ordered}

    def find(slug: str) -> str:
        while leader[slug] != slug:
            slug = leader[slug]
        return slug

    def join(one: str, other: str) -> None:
        first, second = find(one), find(other)
        if first != second:
            leader[second] = first

    sharing: dict[tuple[int, str], str] = {}
    for channel in ordered:
        if channel.simulcast in leader:
            join(channel.channel, channel.simulcast)
        start = calendar_of(model, channel).day_start
        for program in station_wide(model, channel):
            join(sharing.setdefault((start, program), channel.channel), channel.channel)
    found: dict[str, list[Channel]] = {}
    for channel in ordered:
        found.setdefault(find(channel.channel), []).append(channel)
    return list(found.values())


# --- the stages ------------------------------------------------------------------------------------


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


STAGES: tuple[Callable[[Draft], None], ...] = (
    open_channels,
    schedule_channels,
    list_and_fill_channels,
    simulcast,
    report_uncovered,
)


def compile_group(draft: Draft) -> GroupDays:
    """One group through all stages."""
    for stage in STAGES:
        stage(draft)
    return _with_used(_channel_days(draft.asked, work) for work in draft.channels)


def _with_used(channels: Iterable[ChannelDays]) -> GroupDays:
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


def left_alone(asked: Asked, group: Sequence[Channel]) -> GroupDays | None:
    """The group's days where nothing is to be done: the base has all that is asked for, made from the same.
    None: some are missing."""
    base, dates = asked.base, [asked.first_day + timedelta(days=n) for n in range(asked.count)]
    if base is None or not asked.whole or not all(base.has(channel.channel, dates) for channel in group):
        return None
    return _with_used(_as_published(base, channel.channel, dates) for channel in group)


def _as_published(base: Base, channel: str, dates: Sequence[date]) -> ChannelDays:
    days = tuple(base.days[channel][on] for on in dates)
    carry_in = base.in_flight(channel, dates[0])
    return ChannelDays(
        channel,
        days,
        carry_in.settled() if carry_in is not None else None,
        base.opening[channel],
        ((),) * (len(days) + 1),
        (),
        base.findings.get(channel, ()),
        settled=True,
    )


# --- the whole station -----------------------------------------------------------------------------


@dataclass(slots=True)
class _Common:
    """What all groups of a station need; not for several threads at once."""

    catalog: Catalog
    shelf: Shelf
    desk: TrafficDesk
    digests: Digests

    @classmethod
    def of(cls, model: StationModel, catalog: Catalog) -> _Common:
        shelf = Shelf(catalog, model.pools)
        return cls(catalog, shelf, TrafficDesk(model, shelf), Digests(model, shelf))


class Work:
    """The groups that are to be compiled, by number. May be sent to another process, where a base that is an
    artefact must be under the same path; what the groups have in common is made anew there, and in each other
    thread that compiles any."""

    def __init__(
        self,
        model: StationModel,
        catalog: Catalog,
        groups: Sequence[Sequence[Channel]],
        asked: Sequence[Asked],
        common: _Common | None = None,
    ) -> None:
        """``common``: what this thread has already."""
        self._model, self._catalog = model, catalog
        self._groups, self._asked = groups, asked
        self._here = threading.local()
        self._here.common = common
        self._here.prepared = False

    def __len__(self) -> int:
        return len(self._groups)

    def prepare(self) -> None:
        """Make now what all groups need: before a process is forked, which then has it."""
        here = self._here
        if getattr(here, "prepared", False):
            return
        if getattr(here, "common", None) is None:
            here.common = _Common.of(self._model, copy(self._catalog))
        common: _Common = here.common
        going = [
            channel
            for group, asked in zip(self._groups, self._asked, strict=True)
            if not asked.whole
            for channel in group
        ]
        common.shelf.read_ahead(query for channel in going for query in queries(self._model, channel))
        if len(self) > 1 and self._model.pools:
            common.desk.inventory  # noqa: B018
        here.prepared = True

    def __call__(self, number: int, tell: Tell = lambda days: None) -> GroupDays:
        self.prepare()
        return compile_group(self._draft(number, tell))

    def days(self, number: int) -> int:
        """How many days of channels a group is asked for."""
        return self._asked[number].count * len(self._groups[number])

    def _draft(self, number: int, tell: Tell = lambda days: None) -> Draft:
        common: _Common = self._here.common
        return Draft(
            self._model,
            common.catalog,
            self._asked[number],
            self._groups[number],
            common.shelf,
            common.desk,
            common.digests,
            tell,
        )

    def asked(self, number: int) -> Asked:
        """What is asked for of a group."""
        return self._asked[number]

    def may_be_cut(self, number: int) -> bool:
        """May a group's days be compiled apart (stretches.py)? Not where they go on from a base, are another
        channel's, or owe a contract what earlier days have not delivered."""
        (channel, *others), asked = self._groups[number], self._asked[number]
        return (
            not others
            and channel.simulcast is None
            and asked.base is None
            and all(spot.runs is None for spot in self._model.spots.values())
        )

    def only(self, numbers: Sequence[int], asked: Sequence[Asked]) -> Work:
        """Some of these groups, perhaps several times, of which this is asked for."""
        common = getattr(self._here, "common", None)
        return Work(self._model, self._catalog, [self._groups[n] for n in numbers], asked, common)

    def found_over_all_days(self, number: int) -> tuple[Finding, ...]:
        """What is said of the days of a group's one channel together."""
        self.prepare()
        asked = self._asked[number]
        draft = self._draft(number)
        open_channels(draft)
        (work,) = draft.channels
        dates = (asked.first_day + timedelta(days=n) for n in range(asked.count))
        work.days = [DraftDay(on, 0, 0) for on in dates]
        report_uncovered(draft)
        return tuple(work.found.values())

    def assets(self, ids: Iterable[str]) -> Iterator[Asset]:
        """Those of the ids that are not gone, as they air."""
        self.prepare()
        common: _Common = self._here.common
        return (fitted(self._model, asset) for _, asset in sorted(common.catalog.named(ids).items()))

    def __reduce__(self) -> tuple[object, ...]:
        days = (day for asked in self._asked[:1] if asked.base is not None for day in _days(asked.base))
        rows = next((day.events.rows for day in days if isinstance(day.events, UnreadEvents)), None)
        return _received, (self._model, self._catalog, self._groups, self._asked, rows)


def _received(
    model: StationModel,
    catalog: Catalog,
    groups: Sequence[Sequence[Channel]],
    asked: Sequence[Asked],
    rows: Rows | None,
) -> Work:
    """Work that comes from another process: what is unread of its base is read from ``rows``."""
    for day in (day for one in asked[:1] if one.base is not None for day in _days(one.base)):
        for unread in (day.events, day.playlist):
            if isinstance(unread, Unread):
                unread.rows = rows
    return Work(model, catalog, groups, asked)


def _days(base: Base) -> Iterator[ScheduleDay]:
    return chain.from_iterable(days.values() for days in base.days.values())


def in_turn(work: Work, tell: Tell = lambda days: None) -> Iterable[GroupDays]:
    """The plain way: one group after the other, in this process. ``tell``: of each day."""
    return (work(number, tell) for number in range(len(work)))


@no_search_for_garbage()
def compile_station(
    model: StationModel,
    catalog: Catalog,
    first_day: date | None,
    days: int,
    as_of_us: int,
    checkpoint: Checkpoint | None = None,
    base: Base | None = None,
    force: bool = False,
    only: Collection[str] = (),
    spread: Spread = in_turn,
    ready: Ready | None = None,
) -> Compiled:
    """Everything that may air from broadcast date ``first_day`` on, for ``days`` days (at least one).

    ``first_day`` None: the earliest broadcast date that a channel is in at ``as_of_us``. Rotations go on
    from the newest of ``checkpoint`` and the base's own that is older than the first day, else from the
    station's epoch; with unchanged inputs the result is the same.

    ``base``: what is published. Its events that start before ``as_of_us`` + ``horizon.locked`` are taken
    unchanged, unless ``force``; so are all days of a channel whose inputs have not changed. A base that is
    not published only saves that work. ``only``: channels to compile; the others are the base's, as long
    as it lasts. ``spread`` runs the groups; ``ready`` is told each channel's days as they are in the result,
    but for content hashes that are still to be worked out.
    """
    begin = broadcast_date_at(model, as_of_us) if first_day is None else first_day
    count = max(days, 1)
    common = _Common.of(model, catalog)
    together = groups(model)
    # Without a base nobody asks for them before the end, and others may be compiling already.
    inputs = _inputs(model, catalog, common, together) if base is not None else {}
    lock_us = as_of_us + model.station.horizon.locked
    asked = [
        _asked(model, group, begin, count, checkpoint, base, force, only, inputs, lock_us)
        for group in together
    ]

    same = [
        left_alone(one, group)
        if all(base.inputs.get(c.channel) == inputs[c.channel] for c in group)
        else None
        for one, group in zip(asked, together, strict=True)
        if base is not None
    ]
    made = [days for days in same if days is not None]
    left = [n for n in range(len(together)) if not same or same[n] is None]
    work = Work(model, catalog, [together[n] for n in left], [asked[n] for n in left], common)
    told_assets: dict[str, ToldAsset] = {}
    used: set[str] = set()
    ids = GuideIds(base)
    channels: list[ChannelDays] = []
    on_air: list[ScheduleDay] = []
    for channel in _in_lineup(_by_number(model), chain(made, spread(work)), used, told_assets):
        inputs = inputs or _inputs(model, catalog, common, together)
        if base is not None:
            channel = replace(channel, days=tuple(map(base.own, channel.days)))
        channel = _numbered(channel, ids)
        finished = _with_flying(channel)
        if ready is not None:
            ready(finished)
        channels.append(channel)
        on_air += finished
    used |= told(day for channel in channels for day in channel.days).assets
    assets = _assets(model, catalog, used, told_assets)
    compiled = _assemble(model, assets, begin, count, channels, on_air, inputs)
    if force and base is not None and base.published:
        compiled = _with_overrides(compiled, base, lock_us)
    return compiled


def _inputs(
    model: StationModel, catalog: Catalog, common: _Common, together: Sequence[Sequence[Channel]]
) -> dict[str, str]:
    """Channel → hash of all that it is made from."""
    hashes = InputHashes(model, catalog, common.desk.shares)
    return {c.channel: found for group in together for found in (hashes.channels(group),) for c in group}


def _assets(
    model: StationModel, catalog: Catalog, used: Collection[str], told: Mapping[str, ToldAsset]
) -> Sequence[Asset]:
    """The assets that may air, in order of id."""

    def read(ids: Iterable[str]) -> dict[str, Asset]:
        return {asset_id: fitted(model, asset) for asset_id, asset in catalog.named(ids).items()}

    known = read(asset_id for asset_id in used if asset_id not in told)
    if told:
        return FoldedAssets(told, known, read)
    return tuple(asset for _, asset in sorted(known.items()))


def _asked(
    model: StationModel,
    group: Sequence[Channel],
    begin: date,
    count: int,
    checkpoint: Checkpoint | None,
    base: Base | None,
    force: bool,
    only: Collection[str],
    inputs: Mapping[str, str],
    lock_us: int,
) -> Asked:
    """From where one group goes on."""
    slugs = [channel.channel for channel in group]
    question = Asked(begin, count, model.station.epoch, checkpoint, base)
    if base is None:
        return question
    if base.published:
        question = replace(question, checkpoint=_newest(checkpoint, base, slugs, begin))
    same = all(base.inputs.get(slug) == inputs[slug] for slug in slugs)
    left_alone = bool(only) and not any(slug in only for slug in slugs)
    if left_alone or (same and not force):
        return replace(question, lock_us=sys.maxsize)
    return replace(question, lock_us=lock_us) if base.published and not force else question


def _newest(given: Checkpoint | None, base: Base, slugs: Sequence[str], begin: date) -> Checkpoint | None:
    """The newest checkpoint before ``begin``: the one given, or one that the base has for all of them."""
    known = [base.days.get(slug, {}) for slug in slugs]
    before = [on for on in known[0] if on < begin and all(on in days for days in known)]
    if not before or (given is not None and max(before) < given.broadcast_date < begin):
        return given
    on = max(before)
    return Checkpoint(on, {slug: base.days[slug][on].checkpoint for slug in slugs})


def _in_lineup(
    channels: Sequence[Channel], groups: Iterable[GroupDays], used: set[str], told: dict[str, ToldAsset]
) -> Iterator[ChannelDays]:
    """The days of the channels in their order, each as soon as those before it have come; ``used`` and
    ``told`` grow by what they use, and what is told of it."""
    waiting: dict[str, ChannelDays] = {}
    following = 0
    for group in groups:
        used |= group.used
        told |= group.told
        waiting.update((days.channel, days) for days in group.channels)
        while following < len(channels) and (found := waiting.pop(channels[following].channel, None)):
            following += 1
            yield found


def _numbered(channel: ChannelDays, ids: GuideIds) -> ChannelDays:
    """The same with guide ids that no two events share: an event that the base has keeps its id, and no id
    of the base is given to another."""
    carry_in = channel.carry_in
    if carry_in is not None:
        event_id = ids.event(carry_in.event)
        if event_id != carry_in.event.event_id:
            carry_in = InFlight(
                replace(carry_in.event, event_id=event_id),
                tuple(replace(s, event_id=event_id) for s in carry_in.playlist),
            )
    days = []
    for day in channel.days:
        if others := ids.day(day.events):
            day = replace(
                day,
                events=tuple(replace(e, event_id=others[e.event_id]) for e in day.events),
                playlist=Segments.of(day.channel, day.playlist).renumbered(others),
                content_hash="",
            )
        days.append(day)
    return replace(channel, carry_in=carry_in, days=tuple(days))


def _assemble(
    model: StationModel,
    assets: Sequence[Asset],
    begin: date,
    count: int,
    channels: Sequence[ChannelDays],
    days: Sequence[ScheduleDay],
    inputs: Mapping[str, str],
) -> Compiled:
    """Everything as one sealed value; ``days`` are those of the channels, with what is in flight."""
    opening: dict[str, Mapping[str, str]] = {}
    found: list[Finding] = []
    for channel in channels:
        opening[channel.channel] = _opening(channel)
        found += (finding for day in channel.days for finding in day.findings)
        found += channel.findings
    return sealed(
        Compiled(
            station=model.station.station,
            name=model.station.name,
            timezone=model.station.timezone,
            first_day=begin,
            last_day=begin + timedelta(days=count - 1),
            channels=compiled_channels(model),
            synthetics=tuple(
                CompiledSynthetic(s.synthetic, s.shows.value, s.title, s.text)
                for _, s in sorted(model.synthetics.items())
            ),
            overlays=compiled_overlays(model),
            templates=tuple(CompiledTemplate(name, text) for name, text in sorted(model.templates.items())),
            clock=model.station.clock,
            assets=assets,
            days=tuple(days),
            content_hash="",
            diagnostics=once(found),
            opening=opening,
            inputs=inputs,
            findings={channel.channel: channel.findings for channel in channels if channel.findings},
            recompiled={channel.channel: channel.recompiled for channel in channels},
        )
    )


def _opening(channel: ChannelDays) -> Mapping[str, str]:
    """The checkpoint of the day before the first."""
    if channel.settled:
        return channel.opening
    cursors = {path: cursor for path, cursor in channel.opening.items() if path != CURSOR}
    flying = [channel.carry_in] if channel.carry_in is not None else []
    flying += channel.pending[0]
    if flying:
        cursors[CURSOR] = pack(flying)
    return dict(sorted(cursors.items()))


def _with_flying(channel: ChannelDays) -> list[ScheduleDay]:
    """The days with what is in flight: the first opens with it, each checkpoint ends with it."""
    made: list[ScheduleDay] = []
    flying = channel.carry_in  #: the programme that started last
    for position, day in enumerate(channel.days):
        carried = channel.carry_in if not position else None
        opened = _behind(carried, day) if carried is not None else day
        if channel.settled:
            made.append(opened)
            continue
        if day.events:
            flying = None
            if last_end_us(day.events) > day.end_us:
                last = day.events[-1]
                flying = InFlight(last, segments_of(last, day.playlist))
        waiting = [flying] if flying is not None and flying.event.end_us > day.end_us else []
        waiting += channel.pending[position + 1]
        checkpoint = {path: cursor for path, cursor in day.checkpoint.items() if path != CURSOR}
        if waiting:
            checkpoint[CURSOR] = pack(waiting)
        made.append(replace(opened, checkpoint=dict(sorted(checkpoint.items()))))
    return made


def _behind(carried: InFlight, day: ScheduleDay) -> ScheduleDay:
    """The day, which opens with what is in flight."""
    events, playlist = day.events, day.playlist
    if isinstance(events, UnreadEvents) and isinstance(playlist, UnreadSegments):
        return replace(day, events=events.after([carried.event]), playlist=playlist.after(carried.playlist))
    return replace(
        day,
        events=(carried.event, *events),
        playlist=Segments.of(day.channel, [*carried.playlist, *playlist]),
    )


def _with_overrides(compiled: Compiled, base: Base, lock_us: int) -> Compiled:
    """Say what of the locked time was changed by force."""
    overrides: list[Override] = []
    for day in compiled.days:
        old = base.days.get(day.channel, {}).get(day.broadcast_date)
        if old is None:
            continue
        before = {e.start_us: e for e in old.events if e.start_us < lock_us}
        after = {e.start_us: e for e in day.events if e.start_us < lock_us}
        for start in sorted(before.keys() | after.keys()):
            a, b = before.get(start), after.get(start)
            if a is None or b is None or content_of(a) != content_of(b) or a.end_us != b.end_us:
                if b is not None and b.broadcast_date != day.broadcast_date:
                    continue
                overrides.append(
                    Override(
                        day.channel,
                        start,
                        a.event_id if a else 0,
                        b.event_id if b else 0,
                        a.title if a else "",
                        b.title if b else "",
                    )
                )
    return replace(compiled, overrides=tuple(overrides))


def fitted(model: StationModel, asset: Asset) -> Asset:
    """The asset with its collection's way to fill the screen, unless it has one of its own."""
    collection = model.collections.get(asset.collection)
    if asset.fit or collection is None or collection.fit is None:
        return asset
    return replace(asset, fit=collection.fit.value)


def compiled_channels(model: StationModel) -> tuple[CompiledChannel, ...]:
    """Every channel with what it inherits filled in, in order of number."""
    return tuple(_compiled_channel(model, channel, at) for at, channel in enumerate(_by_number(model)))


def _by_number(model: StationModel) -> list[Channel]:
    return sorted(model.channels, key=lambda channel: number_order(channel.number))


def _compiled_channel(model: StationModel, channel: Channel, position: int) -> CompiledChannel:
    calendar = calendar_of(model, channel)
    station = model.station
    house: HouseFormat = channel.format or station.format
    complete = filled(house)
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
        rate=complete.rate,
        preset=house.preset,
        video_kbps=complete.video_kbps,
        audio_kbps=complete.audio_kbps,
        position=position,
        codec=house.codec,
        encoder=house.encoder,
        audio_codec=complete.audio_codec,
        loudness=complete.loudness,
        fit=(channel.fit or station.fit).value,
        audio=station.audio if channel.audio is None else channel.audio,
        subtitles=channel.subtitles or station.subtitles,
        cues=channel.cues or station.cues,
    )


def _clock(calendar: Calendar, broadcast_minutes: int) -> str:
    minutes = (calendar.day_start + broadcast_minutes) % (24 * 60)
    return f"{minutes // 60:02}:{minutes % 60:02}"
