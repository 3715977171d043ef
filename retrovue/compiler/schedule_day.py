"""Schedule day: zones become slots on the grid, one per programme; pure.

A zone starts softly (it waits for the programme in flight, then for the next grid line) and ends
firmly: nothing starts in it that can't end by its end, unless ``bleed: allow``. Pinned programmes start
at their time; the time up to the next pin goes to the zone's ``play`` list, in turn, from its top each
day, or is off the air (``gap: off_air``). What is left over is one slot without a programme.

When the clocks go back, the zone that rules the hour goes on while it comes twice (``fall: fill``), or what
started in the hour starts again, as far as it fits (``fall: repeat``).

A day may be taken up in the middle, after events that are already published: the state says what has
aired, and whose turn it is.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import pairwise

from retrovue.broadcast_day import DAY_MINUTES, BroadcastDay, Calendar
from retrovue.compiler.airing import Airing, Assembler, Item, advance
from retrovue.compiler.dayparts import barred_by, may_start
from retrovue.compiler.findings import Findings
from retrovue.compiler.plan import Planner, Window, stretches
from retrovue.compiler.rotation import STATION_WIDE
from retrovue.station.model import Channel, Plan, PlayMode, Program, StationModel, Zone
from retrovue.station.schema import spell_duration
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
    moves: Mapping[str, str] = field(default_factory=dict)  #: what it does to the cursors

    @property
    def zone(self) -> Zone | None:
        return self.plan.zones[self.zone_index] if self.plan else None


#: Begins the cursor that says whose turn it is in a zone's ``play`` list; it lives for one day.
TURN = " turn "


@dataclass(slots=True)
class ChannelState:
    """What one day hands to the next, and one programme to another."""

    cursors: dict[str, str] = field(default_factory=dict)
    busy_until_us: int = 0  #: the end of the programme in flight
    shared: dict[str, str] = field(default_factory=dict)  #: cursors of all channels: one dict for them all
    turns: dict[str, int] = field(default_factory=dict)  #: zone's path → whose turn it is today
    published_us: int = -1  #: start of the last event that is taken as it was published
    pending: dict[str, str] = field(default_factory=dict)  #: what passing over moved since the last event

    def settle(self, slot: Slot) -> None:
        """What passing over moved goes with the blocks that it left empty: both are published, or neither."""
        if self.pending:
            slot.moves = {**slot.moves, **self.pending}
            self.pending.clear()

    def move(self, moves: Mapping[str, str]) -> None:
        """Take over what a programme moves."""
        own: dict[str, str] = {}
        for path, cursor in moves.items():
            if path.startswith(TURN):
                self.turns[path.removeprefix(TURN)] = int(cursor)
            elif path.startswith(STATION_WIDE):
                advance(self.shared, {path: cursor})
            else:
                own[path] = cursor
        advance(self.cursors, own)


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
    off_air: bool = False  #: the items are the channel's off-air programme, and so is what they leave


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
        self.planner = Planner(channel, model.plans, calendar, model.station.seasons)
        self._zones: dict[tuple[str, int], _Rules] = {}
        off_air = channel.off_air or model.station.off_air
        span = channel.place("off_air") if channel.off_air else model.station.place("off_air")
        # A synthetic needs no turn: blocks without a programme show it anyway, for as long as they last.
        items = (Item(off_air, span=span),) if off_air not in model.synthetics else ()
        self._off_air = _Rules("", items, (), DAY_MINUTES, False)
        self._manual = manual_programs(model, channel)
        self._barred = ""  #: of what was asked for last, the asset that may not start at that time of day

    def uncovered(self, on: date) -> list[tuple[int, int]]:
        """What no plan covers on a date, in broadcast minutes."""
        windows = self.planner.windows(self._calendar.day(on))
        return [(w.layer.start, w.layer.end) for w in windows if w.layer.plan is None]

    def schedule(self, on: date, state: ChannelState) -> list[Slot]:
        """The slots that start on broadcast date ``on``; moves ``state`` to the day's end.

        The slots tile the day from the end of the programme in flight, or the day's start.
        """
        slots: list[Slot] = []
        for _ in self.steps(on, state, slots):
            pass
        return slots

    def steps(self, on: date, state: ChannelState, slots: list[Slot]) -> Iterator[int]:
        """The same step by step, into ``slots``: yields the instant of each pick before it is made, so that
        channels that share a rotation can take their turns in order of time."""
        day = self._calendar.day(on)
        resumed = state.published_us >= day.start_us
        if not resumed:
            state.turns.clear()
            state.pending.clear()
        for window in self.planner.windows(day):
            plan, index = window.layer.plan, window.layer.zone_index
            rules = self._off_air if plan is None else self._rules(plan, index)
            for gap in _gaps(day, window, rules):
                yield from self._fill(day, gap, rules, state, slots, plan, index)
        if not resumed:
            self._report_empty(on, slots)
        self._report_manual(on, state)

    def _report_manual(self, on: date, state: ChannelState) -> None:
        """Say which lines of a ``manual`` program of the channel's plans didn't air on their date."""
        if self._findings.silent:
            return
        for program in self._manual:
            todays = [index for index, airing in enumerate(program.airings) if airing.on == on]
            if todays:
                missed = self._assembler.unaired(program, on, (state.cursors, state.shared))
                for index in missed:
                    self._findings.warn(
                        "manual-unaired",
                        # Not its place among all lines: lines of other dates come and go.
                        (program.program, on.isoformat(), todays.index(index)),
                        f"program “{program.program}” was to air on {on:%a %d %b %Y}, and no zone of channel "
                        f"“{self._channel.channel}” had room for it",
                        program.place("airings", index),
                        help="pin the program on that date, or give its zone more room",
                    )

    def _report_empty(self, on: date, slots: list[Slot]) -> None:
        """Say which zones had time on this day and aired nothing, and which blocks of the others nothing
        fitted."""
        if self._findings.silent:
            return
        aired = {(slot.plan.plan, slot.zone_index) for slot in slots if slot.plan and slot.airing}
        for slot in slots:
            if slot.plan is None or slot.zone is None or slot.airing is not None:
                continue
            zone, plan, place = slot.zone.zone, slot.plan.plan, slot.plan.place("zones", slot.zone_index)
            if (plan, slot.zone_index) in aired:
                self._findings.warn_of(
                    "unfilled-block",
                    (plan, slot.zone_index),
                    f"{on} {self._said(slot.start_us)}-{self._said(slot.end_us)}",
                    (
                        f"nothing fits zone “{zone}” of plan “{plan}” on "
                        if slot.zone.play
                        else f"no pin fills zone “{zone}” of plan “{plan}” on ",
                        ": the off-air picture is shown",
                        ": the off-air picture is shown",
                    ),
                    place,
                    help="give it a shorter programme, one that may start then, or bleed: allow"
                    if slot.zone.play
                    else "add “play: [program, …]” for the time between pins, or “gap: off_air”",
                )
            else:
                self._findings.warn(
                    "unfillable-zone",
                    (plan, slot.zone_index),
                    f"nothing airs in zone “{zone}” of plan “{plan}” on {on:%a %d %b %Y}: "
                    "no programme of its list fits",
                    place,
                    help="give it a shorter programme, a longer window, or bleed: allow",
                )

    def _said(self, instant_us: int) -> str:
        """ "21:30", on the channel's wall clock."""
        minutes = (self._calendar.broadcast_minutes(instant_us) + self._calendar.day_start) % DAY_MINUTES
        return f"{minutes // 60:02}:{minutes % 60:02}"

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
        off_air = zone.gap == "off_air" and not items
        return _Rules(
            f"{plan.plan}/{name}",
            self._off_air.items if off_air else items,
            tuple(timed),
            max(lengths, default=0),
            zone.bleed == "allow",
            off_air,
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
    ) -> Iterator[int]:
        """Fill one gap; yields the instant of each pick before it is made."""
        now = max(gap.start_us, state.busy_until_us)
        bleed = rules.bleed and gap.last
        between = None if rules.off_air else plan  #: whose the time is that no pin fills

        def place(item: Item, nominal_us: int, turn: int | None) -> bool:
            nonlocal now
            skipped: dict[str, str] = {}
            airing = self._fitting(day, now, gap.close_us, nominal_us, bleed, item, rules, state, skipped)
            moves = {**state.pending, **skipped, **airing.cursors} if airing is not None else skipped
            if airing is not None and turn is not None:
                moves[TURN + rules.path] = str(turn)
            state.move(moves)
            if airing is None:
                state.pending.update(skipped)
                return False
            state.pending.clear()
            end = gap.end_us if airing.endless else self._end(day, now + airing.duration_us)
            slots.append(Slot(now, end, airing, plan if turn is None else between, index, moves))
            state.busy_until_us = now = end
            return True

        # A pin that was due before the last published event has aired, or was passed over for good.
        due = gap.pin is not None and gap.start_us > state.published_us
        if due and gap.pin is not None and now > gap.start_us:
            self._report_late(day.date, gap.pin, rules, gap.start_us, now if now < gap.close_us else None)
        if due and gap.pin is not None and now < gap.close_us:
            yield now
            what = "it" if not self._may_start(gap.pin, now) else ""
            if not what and not place(gap.pin, gap.pin_nominal_us, None):
                what = f"“{self._barred}”" if self._barred else ""
            if what:
                of = "program's not_before and not_after" if what == "it" else "rules of its collection"
                self._findings.warn(
                    "pin-barred",
                    (rules.path, gap.pin),
                    f"program “{gap.pin.program}” is pinned to a time at which {what} may not start",
                    gap.pin.span,
                    help=f"move the pin, or change the {of}",
                )
        while now < gap.close_us and (rules.items or day.turn is not None):
            yield now
            if self._again(day, now, gap.close_us, bleed, slots):
                state.busy_until_us = now = slots[-1].end_us
                continue
            turn = state.turns.get(rules.path, 0)
            waiting = day.turn is not None and now < day.turn.at_us < gap.close_us and self._repeats(day)
            for step in range(len(rules.items)):
                item = rules.items[(turn + step) % len(rules.items)]
                if not self._may_start(item, now):
                    waiting = True
                elif place(item, gap.nominal_us, (turn + step + 1) % len(rules.items)):
                    break
                elif self._barred:
                    waiting = True
            else:
                if not waiting:
                    break
                # A watershed may lift before the zone is over: ask again at the next grid line.
                after = min(day.grid_ceil(now + 1), gap.end_us)
                _leave(slots, now, after, between, index)
                state.settle(slots[-1])
                now = after
        if now < gap.end_us:
            _leave(slots, now, gap.end_us, between, index)
            state.settle(slots[-1])

    def _report_late(self, on: date, pin: Item, rules: _Rules, due_us: int, now_us: int | None) -> None:
        """Say that a programme that runs past its zone, or past the day, is in the way of a pin."""
        what = f"program “{pin.program}”, pinned to {self._said(due_us)}, "
        self._findings.warn_of(
            "pin-late",
            (rules.path, pin, now_us is None),
            f"{on} at {self._said(now_us)}" if now_us is not None else str(on),
            (
                what + ("starts late on " if now_us is not None else "does not air on "),
                ": the programme before it is still on",
                ": the programme before it is still on",
            ),
            pin.span,
            help="take “bleed: allow” from the zone before it, or give that a shorter last programme",
        )

    def _repeats(self, day: BroadcastDay) -> bool:
        """Does what started in the hour that comes twice air again? Where the grid allows it."""
        twice = day.twice
        return (
            self._calendar.fall == "repeat" and twice is not None and (twice[1] - twice[0]) % day.grid_us == 0
        )

    def _again(self, day: BroadcastDay, now: int, close_us: int, bleed: bool, slots: list[Slot]) -> bool:
        """Within the second of the two hours: start again what started at this time in the first."""
        twice = day.twice
        if twice is None or not self._repeats(day) or not twice[0] <= now < twice[1]:
            return False
        hour = twice[1] - twice[0]
        first = next((slot for slot in slots if slot.start_us + hour == now), None)
        if first is None or first.airing is None or first.airing.endless:
            return False
        if first.end_us + hour > close_us and not bleed:
            return False
        slots.append(Slot(now, first.end_us + hour, first.airing, first.plan, first.zone_index))
        return True

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
        skipped: dict[str, str],
    ) -> Airing | None:
        """The item's next go, if it can start now and end in time.

        A go that would be too long on every day is passed over with a warning, or it would bar its
        rotation for ever; one that is only too long for what is left today waits for its turn. One with an
        episode that may not start at this time of day is passed over for another that may. What passing over
        moves is added to ``skipped``, unless nothing could be found that may start now.
        """
        self._barred = ""
        passed: dict[str, str] = {}
        shortest = self._assembler.shortest_us(item)
        if shortest is None:
            return None
        if shortest > nominal_us and not bleed:
            self._too_long(item, rules, "every airing of it")
            return None
        for _ in range(MAX_PASSED_OVER):
            cursors = (passed, skipped, state.cursors, state.shared)
            airing = self._assembler.assemble(item, rules.path, cursors, day.date, now)
            if airing is None:
                return None
            if barred := barred_by(airing, self._calendar, now):
                self._barred = self._barred or barred
                if self._is_listed(item):
                    return None  # what is listed for this date waits for its time
                passed.update(airing.cursors)
                continue
            if airing.endless or bleed or self._end(day, now + airing.duration_us) <= close_us:
                skipped.update(passed)
                self._barred = ""
                return airing
            if airing.duration_us <= nominal_us:
                return None
            self._too_long(item, rules, airing.main.id if airing.main else "an airing of it")
            (passed or skipped).update(airing.cursors)
        return None

    def _is_listed(self, item: Item) -> bool:
        """Does it air exactly what is written down, on its dates?"""
        program = self._model.programs.get(item.program)
        return program is not None and (item.mode or program.mode) is PlayMode.MANUAL

    def _too_long(self, item: Item, rules: _Rules, what: str) -> None:
        self._findings.warn_of(
            "asset-too-long",
            (rules.path, item.program),
            what,
            (
                f"program “{item.program}” doesn't fit its zone “{rules.path or 'off air'}”: ",
                " is too long",
                " are too long",
            ),
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

    # --- afterwards --------------------------------------------------------------------------------

    def path(self, plan: Plan, index: int) -> str:
        """The path of a zone."""
        return self._rules(plan, index).path

    def obstacles(
        self, now: int, plan: Plan, index: int
    ) -> tuple[list[tuple[Item, str]], list[tuple[Item, str]]]:
        """Why the pin that was due then, and each entry of the list, could not start, if they didn't."""
        day = self._calendar.day(self._calendar.date_of(now))
        rules = self._rules(plan, index)
        windows = (
            w for w in self.planner.windows(day) if w.layer.plan is plan and w.layer.zone_index == index
        )
        gaps = (gap for window in windows for gap in _gaps(day, window, rules))
        gap = next((gap for gap in gaps if gap.start_us <= now < gap.end_us), None)
        if gap is None:
            return [], []
        bleed = rules.bleed and gap.last
        pins = [gap.pin] if gap.pin is not None and gap.start_us == now else []
        pinned, listed = (
            [(item, self._obstacle(item, day, now, gap.close_us, bleed)) for item in items]
            for items in (pins, rules.items)
        )
        return pinned, listed

    def _obstacle(self, item: Item, day: BroadcastDay, now: int, close_us: int, bleed: bool) -> str:
        program, virtual = self._model.programs.get(item.program), self._model.virtuals.get(item.program)
        if program is not None and not self._may_start(item, now):
            bounds = (("before", program.not_before), ("after", program.not_after))
            said = (
                f"not {word} {minutes // 60:02}:{minutes % 60:02}"
                for word, minutes in bounds
                if minutes is not None
            )
            return f"may start {' and '.join(said)}"
        if now >= close_us:
            return "the zone ends before the next grid line"
        left = spell_duration(close_us - now)
        shortest = self._assembler.shortest_us(item)
        rule = virtual.rule if virtual is not None else None
        ranged = rule is not None and (rule.min_total is not None or rule.max_total is not None)
        if shortest is None:
            return "nothing of it is ready and approved" + (", or lasts as long as it asks" if ranged else "")
        if not bleed and self._end(day, now + shortest) > close_us:
            return f"too long: {spell_duration(shortest)} at least, and {left} were left"
        if program is not None and self._is_listed(item):
            if any(airing.on == day.date for airing in program.airings):
                return "what it lists for that day has aired, or could not start then"
            return f"it lists nothing for {day.date:%a %d %b %Y}"
        if program is not None and program.rerun_of is not None:
            return (
                f"nothing that “{program.rerun_of}” has aired could start and fits the {left} that were left"
            )
        barred = [not may_start(asset, self._calendar, now) for asset in self._assembler.mains(item)]
        if barred and all(barred):
            return "none of its assets may start at that time of day"
        what = "what it had next" + (" may not start at that time of day, or" if any(barred) else "")
        nested = ranged or any(node.program or node.virtual for node in (program.chain if program else ()))
        return f"{what} {'does not fit' if nested else 'is longer than'} the {left} that were left"

    def _end(self, day: BroadcastDay, instant_us: int) -> int:
        """The grid line by which a programme is over, be it on a later day."""
        while instant_us > day.end_us:
            day = self._calendar.day(day.date + timedelta(days=1))
        return day.grid_ceil(instant_us)


def manual_programs(model: StationModel, channel: Channel) -> list[Program]:
    """The ``manual`` programs in the lists of the channel's plans that have airings written down."""
    zones = [zone for slug in channel.plans if slug in model.plans for zone in model.plans[slug].zones]
    slugs = {
        entry if isinstance(entry, str) else entry.program
        for zone in zones
        for entry in (*zone.play, *zone.at.values())
    }
    programs = [model.programs[slug] for slug in sorted(slugs) if slug in model.programs]
    return [program for program in programs if program.mode is PlayMode.MANUAL and program.airings]


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
