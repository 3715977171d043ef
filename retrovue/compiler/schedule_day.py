"""Schedule day: zones become slots on the grid, one per programme; pure.

A zone starts softly (it waits for the programme in flight, then for the next grid line) and ends
firmly: nothing starts in it that can't end by its end, unless ``bleed: allow``. Pinned programmes start
at their time; the time up to the next pin goes to the zone's ``play`` list, in turn, from its top each
day. What is left over is one slot without a programme.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import pairwise

from retrovue.broadcast_day import DAY_MINUTES, BroadcastDay, Calendar
from retrovue.compiler.airing import Airing, Assembler, Item
from retrovue.compiler.findings import Findings
from retrovue.compiler.plan import Planner, Window, stretches
from retrovue.station.model import Channel, Plan, StationModel, Zone
from retrovue.units import MINUTE_US

#: How many goes that are too long for their zone are passed over before the item is given up for now.
MAX_PASSED_OVER = 64


@dataclass(slots=True)
class Slot:
    """A programme's blocks, or blocks without one."""

    start_us: int
    end_us: int
    airing: Airing | None
    plan: Plan | None
    zone_index: int

    @property
    def zone(self) -> Zone | None:
        return self.plan.zones[self.zone_index] if self.plan else None


@dataclass(slots=True)
class ChannelState:
    """What one day hands to the next."""

    cursors: dict[str, str] = field(default_factory=dict)
    busy_until_us: int = 0  #: the end of the programme in flight


@dataclass(frozen=True, slots=True)
class _Gap:
    """A stretch of a zone between two pins, or a whole zone; the pin that opens it."""

    start_us: int
    close_us: int
    end_us: int
    nominal_us: int  #: how long it is on a day when nothing cuts it
    pin: Item | None
    pin_nominal_us: int
    last: bool  #: ends with the zone, so that bleeding is its affair


@dataclass(frozen=True, slots=True)
class _Rules:
    """A zone as the scheduler uses it, worked out once."""

    path: str
    items: tuple[Item, ...]
    pins: tuple[tuple[int, Item, int], ...]  #: broadcast minutes, item, minutes to the next pin or the end
    longest_minutes: int  #: the longest stretch that ``play`` may get
    bleed: bool


class Scheduler:
    """Schedules one channel, day after day."""

    def __init__(
        self,
        model: StationModel,
        channel: Channel,
        calendar: Calendar,
        assembler: Assembler,
        findings: Findings,
    ) -> None:
        self._model = model
        self._channel = channel
        self._calendar = calendar
        self._assembler = assembler
        self._findings = findings
        self._planner = Planner(channel, model.plans, calendar, model.station.seasons)
        self._zones: dict[tuple[str, int], _Rules] = {}
        off_air = channel.off_air or model.station.off_air
        span = channel.place("off_air") if channel.off_air else model.station.place("off_air")
        # A synthetic needs no turn: blocks without a programme show it anyway, for as long as they last.
        items = (Item(off_air, span=span),) if off_air not in model.synthetics else ()
        self._off_air = _Rules("", items, (), DAY_MINUTES, False)
        self.uncovered: dict[tuple[int, int], list[date]] = {}  #: broadcast minutes → dates

    def schedule(self, on: date, state: ChannelState) -> list[Slot]:
        """The slots that start on broadcast date ``on``; moves ``state`` to the day's end.

        The slots tile the day from the end of the programme in flight, or the day's start.
        """
        day = self._calendar.day(on)
        slots: list[Slot] = []
        rounds: dict[tuple[str, int], int] = {}
        for window in self._planner.windows(day):
            plan, index = window.layer.plan, window.layer.zone_index
            if plan is None:
                rules = self._off_air
                if not self._findings.silent:
                    layer = window.layer
                    self.uncovered.setdefault((layer.start, layer.end), []).append(on)
            else:
                rules = self._rules(plan, index)
            key = (plan.plan if plan else "", index)
            for gap in _gaps(day, window, rules):
                rounds[key] = self._fill(day, gap, rules, state, slots, plan, index, rounds.get(key, 0))
        self._report_empty(on, slots)
        return slots

    def _report_empty(self, on: date, slots: list[Slot]) -> None:
        """Say which zones had time on this day and aired nothing."""
        if self._findings.silent:
            return
        aired = {(slot.plan.plan, slot.zone_index) for slot in slots if slot.plan and slot.airing}
        for slot in slots:
            if slot.plan is None or slot.zone is None or (slot.plan.plan, slot.zone_index) in aired:
                continue
            self._findings.warn(
                "unfillable-zone",
                (slot.plan.plan, slot.zone_index),
                f"nothing airs in zone “{slot.zone.zone}” of plan “{slot.plan.plan}” on {on:%a %d %b %Y}: "
                "no programme of its list fits",
                slot.plan.place("zones", slot.zone_index),
                help="give it a shorter programme, a longer window, or bleed: allow",
            )

    def _rules(self, plan: Plan, index: int) -> _Rules:
        key = (plan.plan, index)
        found = self._zones.get(key)
        if found is None:
            found = self._zones[key] = self._read(plan, index)
        return found

    def _read(self, plan: Plan, index: int) -> _Rules:
        zone = plan.zones[index]
        pins = sorted(
            (
                (self._calendar.relative(_minutes(at)), Item.of(what, plan.place("zones", index, "at", at)))
                for at, what in zone.at.items()
            ),
            key=lambda pin: pin[0],
        )
        items = tuple(
            Item.of(what, plan.place("zones", index, "play", n)) for n, what in enumerate(zone.play)
        )
        lengths: list[int] = []
        timed: list[tuple[int, Item, int]] = []
        for start, end in stretches(self._calendar, zone.window):
            inside = [pin for pin in pins if start <= pin[0] < end]
            edges = [start, *(at for at, _ in inside), end]
            lengths += [b - a for a, b in pairwise(edges)]
            timed += [(at, item, edges[n + 2] - at) for n, (at, item) in enumerate(inside)]
        name = zone.zone.replace("%", "%25").replace("/", "%2F")
        return _Rules(
            f"{plan.plan}/{name}", items, tuple(timed), max(lengths, default=0), zone.bleed == "allow"
        )

    def _fill(
        self,
        day: BroadcastDay,
        gap: _Gap,
        rules: _Rules,
        state: ChannelState,
        slots: list[Slot],
        plan: Plan | None,
        index: int,
        turn: int,
    ) -> int:
        """Fill one gap; returns whose turn it is in the play list."""
        now = max(gap.start_us, state.busy_until_us)
        bleed = rules.bleed and gap.last

        def place(item: Item, nominal_us: int) -> bool:
            nonlocal now
            airing = self._fitting(day, now, gap.close_us, nominal_us, bleed, item, rules, state)
            if airing is None:
                return False
            end = gap.end_us if airing.endless else self._end(day, now + airing.duration_us)
            slots.append(Slot(now, end, airing, plan, index))
            state.cursors.update(airing.cursors)
            state.busy_until_us = now = end
            return True

        if gap.pin is not None and now < gap.close_us:
            if self._may_start(gap.pin, now):
                place(gap.pin, gap.pin_nominal_us)
            else:
                self._findings.warn(
                    "pin-barred",
                    (rules.path, gap.pin),
                    f"program “{gap.pin.program}” is pinned to a time at which it may not start",
                    gap.pin.span,
                    help="move the pin, or change the program's not_before and not_after",
                )
        while now < gap.close_us and rules.items:
            waiting = False
            for step in range(len(rules.items)):
                item = rules.items[(turn + step) % len(rules.items)]
                if not self._may_start(item, now):
                    waiting = True
                elif place(item, gap.nominal_us):
                    turn = (turn + step + 1) % len(rules.items)
                    break
            else:
                if not waiting:
                    break
                # A watershed may lift before the zone is over: ask again at the next grid line.
                after = min(day.grid_ceil(now + 1), gap.end_us)
                _leave(slots, now, after, plan, index)
                now = after
        if now < gap.end_us:
            _leave(slots, now, gap.end_us, plan, index)
        return turn

    def _fitting(
        self,
        day: BroadcastDay,
        now: int,
        close_us: int,
        nominal_us: int,
        bleed: bool,
        item: Item,
        rules: _Rules,
        state: ChannelState,
    ) -> Airing | None:
        """The item's next go, if it can start now and end in time.

        A go that would be too long on every day is passed over with a warning, or it would bar its
        rotation for ever; one that is only too long for what is left today waits for its turn.
        """
        shortest = self._assembler.shortest_us(item)
        if shortest is None:
            return None
        if shortest > nominal_us and not bleed:
            self._too_long(item, rules, "every airing of it is")
            return None
        for _ in range(MAX_PASSED_OVER):
            airing = self._assembler.assemble(item, rules.path, state.cursors)
            if airing is None or airing.endless or bleed:
                return airing
            if self._end(day, now + airing.duration_us) <= close_us:
                return airing
            if airing.duration_us <= nominal_us:
                return None
            self._too_long(item, rules, f"{airing.main.id} is" if airing.main else "an airing of it is")
            state.cursors.update(airing.cursors)
        return None

    def _too_long(self, item: Item, rules: _Rules, what: str) -> None:
        self._findings.warn(
            "asset-too-long",
            (rules.path, item.program, what),
            f"program “{item.program}” doesn't fit its zone “{rules.path or 'off air'}”: {what} too long",
            item.span,
            help="make the zone longer, let it bleed, or choose by max_duration in the program's query",
        )

    def _may_start(self, item: Item, now: int) -> bool:
        program = self._model.programs.get(item.program)
        if program is None or (program.not_before is None and program.not_after is None):
            return True
        minutes = self._calendar.broadcast_minutes(now)
        if program.not_before is not None and minutes < self._calendar.relative(program.not_before):
            return False
        return program.not_after is None or minutes <= self._calendar.relative(program.not_after)

    def _end(self, day: BroadcastDay, instant_us: int) -> int:
        """The grid line by which a programme is over, be it on a later day."""
        while instant_us > day.end_us:
            day = self._calendar.day(day.date + timedelta(days=1))
        return day.grid_ceil(instant_us)


def _leave(slots: list[Slot], start_us: int, end_us: int, plan: Plan | None, index: int) -> None:
    last = slots[-1] if slots else None
    if (
        last is not None
        and last.airing is None
        and last.end_us == start_us
        and last.plan is plan
        and last.zone_index == index
    ):
        last.end_us = end_us
    else:
        slots.append(Slot(start_us, end_us, None, plan, index))


def _gaps(day: BroadcastDay, window: Window, rules: _Rules) -> Iterator[_Gap]:
    """Cut a window at its pins. Pins that a higher plan covers, or that fall on one grid line with
    another, give way."""
    # Where the last programme may bleed, none is too long for the zone: it waits for the last gap.
    nominal_us = rules.longest_minutes * MINUTE_US if not rules.bleed else sys.maxsize
    pins: dict[int, tuple[Item, int]] = {}
    for minutes, item, room in rules.pins:
        at = day.grid_ceil(day.at(minutes))
        if window.start_us <= at < window.close_us:
            pins.setdefault(at, (item, room * MINUTE_US))
    edges = sorted({window.start_us, *pins})
    for n, start in enumerate(edges):
        last = n == len(edges) - 1
        close = window.close_us if last else edges[n + 1]
        end = window.end_us if last else edges[n + 1]
        pin = pins.get(start)
        yield _Gap(start, close, end, nominal_us, pin[0] if pin else None, pin[1] if pin else 0, last)


def _minutes(time_of_day: str) -> int:
    hours, _, minutes = time_of_day.partition(":")
    return int(hours) * 60 + int(minutes)
