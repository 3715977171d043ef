"""Channel days: one channel from where it stands to its last day, or several that share a rotation; pure.

A channel goes on from the published base where that knows better (its locked events are taken unchanged),
else from the checkpoint, else from the station's epoch; days before the first one asked for are only
scheduled, and nothing is said about them. A simulcast has no schedule of its own: its days are its
source's, later.

A day of the base need not be compiled again when all that it was made from is what it was (day_inputs.py):
it is taken over, with the cursors that it doesn't touch left where they are. Whether that holds is asked
twice, because a day comes about in two steps. Its schedule stands if its inputs and the rotations that it
uses are the same; its breaks stand if, besides, traffic remembers the same and the next day shows the same
to those promos that look ahead. A day whose breaks alone may come out otherwise is scheduled after all.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from heapq import heapify, heappop, heapreplace

from retrovue.broadcast_day import Calendar
from retrovue.compiler.airing import advance
from retrovue.compiler.base import Base, segments_of
from retrovue.compiler.clearance import Clearance
from retrovue.compiler.day_inputs import DayInputs, Digests, owner_of, shown
from retrovue.compiler.findings import Findings
from retrovue.compiler.in_flight import CURSOR, InFlight, unpack
from retrovue.compiler.listing import Listings, with_ids
from retrovue.compiler.model import (
    Checkpoint,
    FillReport,
    Finding,
    MadeFrom,
    ScheduleDay,
    ScheduleEvent,
    Segment,
)
from retrovue.compiler.playlist import PlaylistMaker
from retrovue.compiler.rotation import STATION_WIDE
from retrovue.compiler.schedule_day import ChannelState, Scheduler, Slot
from retrovue.compiler.segments import Segments
from retrovue.compiler.traffic import traffic_lines
from retrovue.compiler.unread import last_end_us, last_start_us
from retrovue.station.model import Channel
from retrovue.units import from_us

#: How many days before the first one are kept for what runs into it: a simulcast may be a day late.
_EVES = 3


@dataclass(slots=True)
class DraftDay:
    """One broadcast date of one channel, on its way through the stages."""

    date: date
    start_us: int
    end_us: int
    slots: list[Slot] = field(default_factory=list)
    cursors: dict[str, str] = field(default_factory=dict)  #: at the day's end
    events: Sequence[ScheduleEvent] = ()  #: begin with those taken from the base
    playlist: Sequence[Segment] = ()  #: so do these
    pending: tuple[InFlight, ...] = ()  #: a simulcast's: what its source has aired and it has not
    fill: FillReport | None = None
    made: MadeFrom = field(default_factory=MadeFrom)
    found: dict[tuple[str, str], Finding] = field(default_factory=dict)
    known: ScheduleDay | None = None  #: the base's day, whose schedule stands: there are no slots
    schedule_now: Callable[[], None] | None = None  #: makes the slots after all
    taken: bool = False  #: it is the base's ``known`` day, whole

    @property
    def shows(self) -> str:
        return self.known.made.shows if self.known is not None else shown(self.slots)


@dataclass(slots=True)
class DraftChannel:
    """One channel, on its way through the stages."""

    channel: Channel
    calendar: Calendar
    scheduler: Scheduler
    listings: Listings
    playlists: PlaylistMaker
    findings: Findings
    inputs: DayInputs
    clearance: Clearance
    source: DraftChannel | None = None  #: of a simulcast
    days: list[DraftDay] = field(default_factory=list)
    eves: list[DraftDay] = field(default_factory=list)  #: replayed days that may run into the first one
    carry_in: InFlight | None = None  #: the programme in flight when the first day begins
    pending: tuple[InFlight, ...] = ()  #: a simulcast's, when the first day begins
    opening: dict[str, str] = field(default_factory=dict)  #: cursors at that moment
    taken_days: int = 0  #: how many days are the base's, whole
    remembered: dict[str, str] = field(default_factory=dict)  #: traffic's lines where the channel goes on
    ahead: list[Slot] = field(default_factory=list)  #: of the day after the last, for promos
    found: dict[tuple[str, str], Finding] = field(default_factory=dict)  #: on no day in particular

    @property
    def name(self) -> str:
        return self.channel.channel


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked for, and from where it may go on."""

    first_day: date
    count: int
    epoch: date
    checkpoint: Checkpoint | None = None
    base: Base | None = None
    lock_us: int | None = None  #: events of the base that start before it are taken; None: no base counts
    #: The breaks of so many days before the first one are filled, as if nothing had aired before
    #: (stretches.py); None: of as many as are needed.
    warm_up: int | None = None

    @property
    def whole(self) -> bool:
        """All that the base has is taken: nothing has changed, or the channels are to be left alone."""
        return self.lock_us == sys.maxsize

    @property
    def last_day(self) -> date:
        return self.first_day + timedelta(days=self.count - 1)


# --- where a channel stands ------------------------------------------------------------------------


def _take_from_base(asked: Asked, work: DraftChannel, state: ChannelState) -> date | None:
    """The locked events of the base; returns the date to go on with, None when the base knows nothing of
    the first day. What they did to the rotations of all channels is still to be applied."""
    base, lock = asked.base, asked.lock_us
    if base is None or lock is None:
        return None
    days = base.days.get(work.name, {})
    on = asked.first_day
    cursors = base.cursors(work.name, on - timedelta(days=1))
    if on not in days or cursors is None:
        return None
    work.opening = dict(cursors)
    work.carry_in = base.in_flight(work.name, on)
    if work.carry_in is not None:
        state.busy_until_us = work.carry_in.event.end_us
        state.published_us = work.carry_in.event.start_us
    while on in days and on <= asked.last_day:
        day = days[on]
        whole = day.end_us <= lock
        taken = DraftDay(on, day.start_us, day.end_us, events=day.events, playlist=day.playlist)
        if not whole:
            taken.events = [event for event in day.events if event.start_us < lock]
            kept = {event.event_id for event in taken.events}
            taken.playlist = [segment for segment in day.playlist if segment.event_id in kept]
        locked = taken.events
        if not locked and not whole:
            break
        work.days.append(taken)
        if locked:
            state.busy_until_us = last_end_us(locked)
            state.published_us = last_start_us(locked)
        if not whole:
            state.turns.clear()
            state.move({p: c for event in locked for p, c in event.moves if not p.startswith(STATION_WIDE)})
            break
        cursors = day.checkpoint
        taken.cursors = dict(cursors)
        state.cursors = _rotations(cursors)
        work.remembered = traffic_lines(cursors)
        work.taken_days += 1
        on += timedelta(days=1)
    return on


def _rotations(checkpoint: Mapping[str, str]) -> dict[str, str]:
    """The cursors of a checkpoint that are the channel's own rotations."""
    return {p: c for p, c in checkpoint.items() if not p.startswith((" ", STATION_WIDE))}


def _shared(checkpoint: Mapping[str, str]) -> dict[str, str]:
    return {p: c for p, c in checkpoint.items() if p.startswith(STATION_WIDE)}


def _open(asked: Asked, work: DraftChannel, state: ChannelState) -> date:
    """Set ``state`` to where the channel stands; returns the date to go on with."""
    if work.source is None and asked.base is not None and asked.lock_us is not None:
        cursors = asked.base.cursors(work.name, asked.first_day - timedelta(days=1))
        if cursors is not None:
            state.cursors = _rotations(cursors)
            state.shared.update(_shared(cursors))
            work.remembered = traffic_lines(cursors)
            on = _take_from_base(asked, work, state)
            if on is not None:
                return on
            state.cursors, state.busy_until_us, state.published_us = {}, 0, -1
            work.remembered = {}
    known = asked.checkpoint
    if known is None or known.broadcast_date >= asked.first_day:
        return min(asked.epoch, asked.first_day)
    cursors = known.cursors.get(work.name, {})
    state.cursors = _rotations(cursors)
    state.shared.update(_shared(cursors))
    work.remembered = traffic_lines(cursors)
    flying = unpack(cursors[CURSOR]) if CURSOR in cursors else ()
    if flying:
        state.busy_until_us = flying[0].event.end_us
        work.carry_in = flying[0]
    return known.broadcast_date + timedelta(days=1)


# --- schedule --------------------------------------------------------------------------------------


def schedule(asked: Asked, works: Sequence[DraftChannel], digests: Digests) -> None:
    """Schedule days of channels that may share rotations, all of them day by day."""
    shared: dict[str, str] = {}
    standing: list[_Standing] = []
    for work in works:
        if work.source is None:
            state = ChannelState(shared=shared)
            standing.append(_Standing(work, state, _open(asked, work, state)))
    if not standing:
        return
    _catch_up(asked, standing, shared)
    on = min(one.start for one in standing)
    while on <= asked.last_day:
        if on == asked.first_day:
            _note_opening(asked, standing)
        running = [one for one in standing if one.start <= on]
        if not _take_over(asked, running, on, shared, digests):
            _schedule_day(asked, running, on, shared, digests)
        on += timedelta(days=1)
    ahead = [one for one in standing if one.work.playlists.looks_ahead and _not_taken(one.work)]
    for one in ahead:
        one.work.findings.silent = True
    _in_order_of_time([(one, one.work.ahead) for one in ahead], on)
    for one in ahead:
        one.work.findings.silent = False


@dataclass(slots=True)
class _Standing:
    """Where one channel stands, and with which date it goes on."""

    work: DraftChannel
    state: ChannelState
    start: date


def _not_taken(work: DraftChannel) -> list[DraftDay]:
    return work.days[work.taken_days :]


def _catch_up(asked: Asked, standing: Sequence[_Standing], shared: dict[str, str]) -> None:
    """Bring the rotations of all channels to where the base's locked events leave them."""
    if not any(one.work.days for one in standing) or asked.base is None:
        return
    # Whole days move no cursor that neither their checkpoints nor the opening know: they needn't be read.
    known = (
        cursors for one in standing for cursors in (one.work.opening, *(d.cursors for d in one.work.days))
    )
    sharing = any(map(_shared, known))
    moves = sorted(
        (event.start_us, at, moved)
        for at, one in enumerate(standing)
        for day in one.work.days
        if sharing or not day.cursors
        for event in day.events
        for moved in [[(p, c) for p, c in event.moves if p.startswith(STATION_WIDE)]]
        if moved
    )
    for _, _, moved in moves:
        advance(shared, dict(moved))


def _note_opening(asked: Asked, standing: Sequence[_Standing]) -> None:
    """Where the channels stand when the first day begins, unless the base has told already."""
    for one in standing:
        work, state = one.work, one.state
        if work.days:
            continue
        start_us = work.calendar.day(asked.first_day).start_us
        work.opening = {**state.cursors, **state.shared}
        if work.eves and state.busy_until_us > start_us:
            work.carry_in = None  # an eve has it
        elif work.carry_in is not None and work.carry_in.event.end_us <= start_us:
            work.carry_in = None


def _schedule_day(
    asked: Asked, running: Sequence[_Standing], on: date, shared: dict[str, str], digests: Digests
) -> None:
    """One day of channels that go on with it or have gone on before."""
    silent = on < asked.first_day
    days: list[tuple[_Standing, DraftDay]] = []
    for one in running:
        work = one.work
        if work.days and work.days[-1].date == on:
            day = work.days[-1]  # it begins with what is published
        else:
            bounds = work.calendar.day(on)
            day = DraftDay(on, bounds.start_us, bounds.end_us)
            if not silent:
                named = digests.named(_of(one.state, work.inputs.owners(on)))
                day.made = replace(work.inputs.made(on), named=named)
        work.findings.turn_to(day.found)
        work.findings.silent = silent
        days.append((one, day))
    _in_order_of_time([(one, day.slots) for one, day in days], on)
    for one, day in days:
        work = one.work
        work.findings.silent = False
        day.cursors = {**one.state.cursors, **shared}
        if silent:
            if day.slots:
                if not work.playlists.remembers:
                    del work.eves[: 1 - _EVES]
                work.eves.append(day)
        elif not work.days or work.days[-1] is not day:
            work.days.append(day)


def _in_order_of_time(days: Sequence[tuple[_Standing, list[Slot]]], on: date) -> None:
    """Fill the slots of one day: channels that share a rotation take their turns in order of time."""
    running = []
    for at, (one, slots) in enumerate(days):
        steps = one.work.scheduler.steps(on, one.state, slots)
        if len(days) == 1:
            for _ in steps:
                pass
            return
        first = next(steps, None)
        if first is not None:
            running.append((first, at, steps))
    heapify(running)
    while running:
        _, at, steps = running[0]
        following = next(steps, None)
        if following is None:
            heappop(running)
        else:
            heapreplace(running, (following, at, steps))


# --- what can be taken over ------------------------------------------------------------------------


def _of(state: ChannelState, owners: frozenset[str]) -> dict[str, str]:
    """The cursors that these owners move, in order."""
    return _owned({**state.cursors, **state.shared}, owners)


def _owned(cursors: Mapping[str, str], owners: frozenset[str]) -> dict[str, str]:
    return {p: cursors[p] for p in sorted(cursors) if p[0] != " " and owner_of(p) in owners}


def _take_over(
    asked: Asked, running: Sequence[_Standing], on: date, shared: dict[str, str], digests: Digests
) -> bool:
    """Take over the base's schedule of a date, if it stands for all channels that share a rotation."""
    base = asked.base
    if base is None or on < asked.first_day:
        return False
    found: list[tuple[_Standing, ScheduleDay, frozenset[str]]] = []
    for one in running:
        work, state = one.work, one.state
        known = base.days.get(work.name, {}).get(on)
        before = base.cursors(work.name, on - timedelta(days=1))
        if known is None or before is None or not known.made.inputs:
            return False
        if work.days and work.days[-1].date == on:
            return False
        made, owners = work.inputs.made(on), work.inputs.owners(on)
        if (made.inputs, made.places) != (known.made.inputs, known.made.places):
            return False
        if known.findings and made.spans != known.made.spans:
            return False
        flying = base.in_flight(work.name, on)
        busy = flying.event.end_us if flying is not None else 0
        if max(busy, known.start_us) != max(state.busy_until_us, known.start_us):
            return False
        cursors = _of(state, owners)
        if cursors != _owned(before, owners) or digests.named(cursors) != known.made.named:
            return False
        found.append((one, known, owners))
    standing = {one.work.name: (dict(one.state.cursors), one.state.busy_until_us) for one in running}
    before_all = dict(shared)
    days: list[tuple[_Standing, DraftDay]] = []
    owned_by_all = frozenset().union(*(owners for _, _, owners in found))
    for one, known, owners in found:
        state, after = one.state, known.checkpoint
        kept = {p: c for p, c in state.cursors.items() if owner_of(p) not in owners}
        state.cursors = kept | _owned(_rotations(after), owners)
        if known.events:
            state.busy_until_us = last_end_us(known.events)
        day = DraftDay(on, known.start_us, known.end_us, made=known.made, known=known)
        day.made = replace(known.made, spans=one.work.inputs.made(on).spans)
        days.append((one, day))
        one.work.days.append(day)
    kept = {p: c for p, c in shared.items() if owner_of(p) not in owned_by_all}
    after_all = kept | _owned(_shared(found[0][1].checkpoint), owned_by_all)
    shared.clear()
    shared.update(after_all)

    def schedule_now() -> None:
        again = dict(before_all)
        slots = []
        for one, day in days:
            cursors, busy = standing[one.work.name]
            state = ChannelState(dict(cursors), busy, again)
            one.work.findings.turn_to(day.found)
            day.schedule_now = None
            slots.append((_Standing(one.work, state, on), day.slots))
        _in_order_of_time(slots, on)

    for one, day in days:
        day.cursors = {**one.state.cursors, **shared}
        day.schedule_now = schedule_now
    return True


# --- events and playlists --------------------------------------------------------------------------


def list_and_fill(asked: Asked, work: DraftChannel, delayed: bool, tell: Callable[[int], object]) -> None:
    """The guide and the playlist of a channel. ``delayed``: another airs it later, so that it matters
    what ran before the first day. ``tell``: of each day that is done."""
    maker, eves = work.playlists, work.eves
    if not delayed and not maker.remembers:
        eves = eves[-1:] if work.carry_in is None and _runs_into(eves, work.days) else []
    lines = work.remembered
    if asked.warm_up is not None:
        eves, lines = eves[-asked.warm_up :], {}
    resumed = False
    tell(work.taken_days)
    making = [*eves, *_not_taken(work)]
    for position, day in _telling(making, len(eves), tell):
        if position == len(eves) and not work.taken_days and not day.events:
            work.opening.update(lines)
        following = making[position + 1] if position + 1 < len(making) else None
        if maker.looks_ahead:
            day.made = replace(day.made, ahead=following.shows if following else shown(work.ahead))
        if _stands(asked, work, day, lines):
            assert day.known is not None
            day.taken = True
            day.events, day.playlist = day.known.events, day.known.playlist
            lines, resumed = traffic_lines(day.known.checkpoint), False
            day.cursors.update(lines)
            continue
        for needed in (day, following if maker.looks_ahead else None):
            if needed is not None and needed.schedule_now is not None:
                needed.schedule_now()
        if not resumed:
            maker.resume(lines)
            resumed = True
        _fill_day(asked, work, day, following.slots if following else work.ahead)
        lines = traffic_lines(day.cursors)
        if position < len(eves) - _EVES:
            day.playlist = ()  # it was aired only to be remembered
    if eves and work.carry_in is None and work.days:
        work.carry_in = _into(eves, work.days[0].start_us)
    if work.carry_in is not None:
        work.carry_in = work.carry_in.settled()
    del work.eves[:-_EVES]


def _telling(
    days: Sequence[DraftDay], first: int, tell: Callable[[int], object]
) -> Iterator[tuple[int, DraftDay]]:
    """The days by number, and told of each when it is done, from the ``first`` on."""
    for position, day in enumerate(days):
        yield position, day
        if position >= first:
            tell(1)


def _stands(asked: Asked, work: DraftChannel, day: DraftDay, lines: Mapping[str, str]) -> bool:
    """Are the breaks of a day whose schedule stands what they were? ``lines``: what traffic remembers."""
    known, base = day.known, asked.base
    if known is None or base is None or known.made.ahead != day.made.ahead:
        return False
    before = base.cursors(work.name, day.date - timedelta(days=1))
    return not work.playlists.remembers or (before is not None and traffic_lines(before) == lines)


def _fill_day(asked: Asked, work: DraftChannel, day: DraftDay, ahead: Sequence[Slot]) -> None:
    """The events and the playlist of a day that has its slots."""
    if day.made.inputs:
        day.made = replace(day.made, shows=shown(day.slots))
    day.known = None
    taken: set[int] = {event.event_id for event in day.events}
    events = [work.listings.event(day.date, slot, taken) for slot in day.slots]
    work.findings.turn_to(day.found)
    work.findings.silent = day.date < asked.first_day
    made = work.playlists.playlist(day.date, day.slots, events, ahead, day.playlist)
    work.findings.silent = False
    day.playlist = [*day.playlist, *made.segments] if day.playlist else made.segments
    day.events = [*day.events, *events]
    day.fill = made.fill
    day.cursors.update(made.memory)


def _runs_into(eves: Sequence[DraftDay], days: Sequence[DraftDay]) -> bool:
    return bool(eves and days) and eves[-1].slots[-1].end_us > days[0].start_us


def _into(days: Sequence[DraftDay], start_us: int) -> InFlight | None:
    """What started in one of the days and runs past ``start_us``."""
    for day in reversed(days):
        if day.events:
            event = day.events[-1]
            return InFlight(event, segments_of(event, day.playlist)) if event.end_us > start_us else None
    return None


# --- simulcasts ------------------------------------------------------------------------------------


def follow(asked: Asked, work: DraftChannel, tell: Callable[[int], object]) -> None:
    """Give a simulcast its days: its source's, ``delay`` later, each event with an id of its own.

    Its locked events are taken from the base like everybody's.
    """
    source = work.source
    assert source is not None
    waiting, published = _waiting(asked, work)
    now = 0
    for day in [*source.eves, *source.days]:
        bounds = work.calendar.day(day.date)
        flying = next((p for p in waiting if p.event.start_us < bounds.start_us < p.event.end_us), None)
        if flying is not None:
            now = max(now, flying.event.end_us)
        waiting = [p for p in waiting if p.event.start_us >= bounds.start_us]
        if day.date == asked.first_day:
            work.carry_in = _into(work.eves, bounds.start_us) or flying
            work.pending = tuple(waiting)
        waiting += _later(work, _programmes(day), work.channel.delay)
        draft = published.get(day.date, DraftDay(day.date, bounds.start_us, bounds.end_us))
        work.findings.turn_to(draft.found)
        if draft.events:
            now = draft.events[-1].end_us
        now = _tile(work, draft, waiting, max(now, bounds.start_us))
        draft.pending = tuple(waiting)
        if day.date < asked.first_day:
            work.eves.append(draft)
        else:
            work.days.append(draft)
            tell(1)


def _waiting(asked: Asked, work: DraftChannel) -> tuple[list[InFlight], dict[date, DraftDay]]:
    """What the source had aired and the simulcast not, where it goes on; and its locked days."""
    if asked.base is not None and asked.lock_us is not None:
        cursors = asked.base.cursors(work.name, asked.first_day - timedelta(days=1))
        if cursors is not None:
            _take_from_base(asked, work, ChannelState())
            published = {day.date: day for day in work.days}
            work.days, work.taken_days, work.carry_in = [], 0, None
            return [*unpack(cursors.get(CURSOR, "[]"))], published
    known = asked.checkpoint
    if known is not None and known.broadcast_date < asked.first_day:
        return [*unpack(known.cursors.get(work.name, {}).get(CURSOR, "[]"))], {}
    return [], {}


def _programmes(day: DraftDay) -> list[InFlight]:
    by_event: dict[int, list[Segment]] = {event.event_id: [] for event in day.events}
    for segment in day.playlist:
        by_event[segment.event_id].append(segment)
    return [InFlight(event, tuple(by_event[event.event_id])) for event in day.events]


def _later(work: DraftChannel, programmes: Sequence[InFlight], delay: int) -> list[InFlight]:
    return [
        InFlight(
            replace(
                p.event,
                event_id=0,
                channel=work.name,
                broadcast_date=work.calendar.date_of(p.event.start_us + delay),
                start_us=p.event.start_us + delay,
                end_us=p.event.end_us + delay,
                moves=(),
            ),
            tuple(
                replace(
                    s, channel=work.name, start_us=s.start_us + delay, end_us=s.end_us + delay, event_id=0
                )
                for s in p.playlist
            ),
        )
        for p in programmes
    ]


def _tile(work: DraftChannel, day: DraftDay, waiting: list[InFlight], now: int) -> int:
    """Fill ``day`` from ``now`` with what waits; what starts later stays in ``waiting``. Returns its end.

    Where the source has nothing to show (the station's first hour, a delay that was changed), or what it
    showed may not air any more, the channel is off the air.
    """
    taken: set[int] = set()
    later = [p for p in waiting if p.event.start_us >= day.end_us]
    due = sorted((p for p in waiting if now <= p.event.start_us < day.end_us), key=lambda p: p.event.start_us)
    waiting[:] = later

    def off_air(end_us: int) -> None:
        slot = Slot(now, end_us, None, None, 0)
        events = [work.listings.event(day.date, slot, taken)]
        _append(day, events[0], work.playlists.playlist(day.date, [slot], events).segments)

    for programme in due:
        event = programme.event
        if event.start_us < now:
            continue
        if barred := work.clearance.barred(programme):
            _warn_of_barred(work, event, barred)
            continue
        if event.start_us > now:
            off_air(event.start_us)
        programme = work.clearance.cleared(programme)
        (event,) = with_ids([replace(programme.event, broadcast_date=day.date)], taken)
        _append(day, event, programme.playlist)
        now = event.end_us
    if now < day.end_us:
        off_air(day.end_us)
        now = day.end_us
    return now


def _warn_of_barred(work: DraftChannel, event: ScheduleEvent, asset_id: str) -> None:
    at = from_us(event.start_us).astimezone(work.calendar.zone)
    work.findings.warn_of(
        "simulcast-barred",
        asset_id,
        f"{at:%a %d %b %H:%M}",
        (f"“{asset_id}” is not ready and approved any more: channel “{work.name}” is off the air ", "", ""),
        work.channel.place("simulcast"),
        help="approve it again, or bring its file back and ingest",
    )


def _append(day: DraftDay, event: ScheduleEvent, playlist: Sequence[Segment]) -> None:
    first = len(day.playlist)
    day.events = [*day.events, event]
    day.playlist = [
        *day.playlist,
        *(
            replace(s, seq=first + n, event_id=event.event_id, broadcast_date=day.date)
            for n, s in enumerate(playlist)
        ),
    ]


def schedule_days(asked: Asked, work: DraftChannel) -> list[ScheduleDay]:
    """The finished days; their checkpoints don't say yet what is in flight."""
    made, base = [], asked.base
    for position, day in enumerate(work.days):
        if position < work.taken_days and base is not None:
            known = base.days[work.name][day.date]
            if known.findings and not asked.whole:
                made_now = work.inputs.made(day.date)
                if (made_now.inputs, made_now.spans) != (known.made.inputs, known.made.spans):
                    known = replace(known, findings=())  # they speak of what was written then
            made.append(known)
        elif day.taken and day.known is not None:
            made.append(replace(day.known, checkpoint=dict(sorted(day.cursors.items())), made=day.made))
        else:
            made.append(
                ScheduleDay(
                    work.name,
                    day.date,
                    day.start_us,
                    day.end_us,
                    tuple(day.events),
                    Segments.of(work.name, day.playlist),
                    dict(sorted(day.cursors.items())),
                    day.fill,
                    day.made,
                    tuple(day.found.values()),
                )
            )
    return made
