"""Outlook: what a spot may be told about the programmes around it; pure.

A promo says "next", "tonight" or "tomorrow", and the schedule must make it true: the outlook knows the
slots of the broadcast day and those of the next. It also knows each slot's rating and the time of day, so it
answers for every gate (traffic.py) whether it is open for a pod and, if not, how long it surely stays shut.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from zoneinfo import ZoneInfo

from retrovue.broadcast_day import DAY_MINUTES, BroadcastDay, Calendar
from retrovue.compiler.schedule_day import Slot
from retrovue.compiler.traffic import Gate
from retrovue.units import HOUR_US, MINUTE_US, from_us

#: When "tonight" begins (minutes after midnight).
TONIGHT = 18 * 60
#: The clocks may move by as much on one night.
_CLOCKS_US = 2 * HOUR_US


def program_of(slot: Slot) -> str:
    """The slug that the guide shows for the slot; empty for blocks without a programme."""
    return slot.airing.item.program if slot.airing is not None else ""


class Outlook:
    """One broadcast date of one channel. Asked slot by slot, in order."""

    def __init__(
        self,
        calendar: Calendar,
        day: BroadcastDay,
        slots: Sequence[Slot],
        ratings: Sequence[str],
        ahead: Sequence[Slot],
    ) -> None:
        """``ratings[i]``: of ``slots[i]``; ``ahead``: the slots that start on the next broadcast date."""
        self._calendar = calendar
        self._day = day
        self._slots = slots
        self._ratings = [rating.casefold() for rating in ratings]
        follow = [*slots[1:], *ahead[:1]]
        self._following = [program_of(slot) for slot in follow] + [""] * (len(slots) - len(follow))
        self._ahead = ahead

    @cached_property
    def _tonight(self) -> dict[str, int]:
        """Program → the last start of it tonight."""
        evening = self._calendar.relative(TONIGHT)
        return {
            program_of(slot): slot.start_us
            for slot in self._slots
            if slot.start_us < self._day.end_us and self._calendar.broadcast_minutes(slot.start_us) >= evening
        }

    @cached_property
    def _tomorrow(self) -> frozenset[str]:
        return frozenset(program_of(slot) for slot in self._ahead)

    def shut_until(self, gate: Gate, at: int, start_us: int, end_us: int) -> int:
        """0: open for a pod ``[start_us, end_us)`` in slot ``at``; else until when it is surely shut."""
        until = 0
        for allowed in gate.ratings:
            until = max(until, self._rated(allowed, at))
        for program, when in gate.promises:
            until = max(until, self._promised(program, when, at))
        for windows in gate.dayparts:
            until = max(until, self._within(windows, start_us, end_us))
        return until

    def _rated(self, allowed: frozenset[str], at: int) -> int:
        for later in range(at, len(self._slots)):
            if self._ratings[later] in allowed:
                return 0 if later == at else self._slots[later].start_us
        return self._after_all

    @property
    def _after_all(self) -> int:
        return max(self._day.end_us, self._slots[-1].end_us)

    def _promised(self, program: str, when: str, at: int) -> int:
        if when == "next":
            for later in range(at, len(self._slots)):
                if self._following[later] == program:
                    return 0 if later == at else self._slots[later].start_us
            return self._after_all
        # In a programme that runs across the day's end, "tonight" would be another night.
        if self._slots[at].end_us > self._day.end_us:
            return self._after_all
        if when == "tonight":
            return 0 if self._tonight.get(program, 0) >= self._slots[at].end_us else self._after_all
        return 0 if program in self._tomorrow else self._after_all

    def _within(self, windows: Sequence[tuple[int, int]], start_us: int, end_us: int) -> int:
        minute = self.minute_of_day(start_us)
        second = start_us % MINUTE_US
        opens = DAY_MINUTES
        for first, last in windows:
            length = (last - first) % DAY_MINUTES or DAY_MINUTES
            into = (minute - first) % DAY_MINUTES
            if into < length and into * MINUTE_US + second + (end_us - start_us) <= length * MINUTE_US:
                return 0
            opens = min(opens, (first - minute) % DAY_MINUTES or DAY_MINUTES)
        return max(end_us, start_us - second + opens * MINUTE_US - _CLOCKS_US)

    def minute_of_day(self, instant_us: int) -> int:
        """Minutes after midnight, by the clock on the wall."""
        if self._day.plain and self._day.start_us <= instant_us < self._day.end_us:
            return (self._day.day_start + (instant_us - self._day.start_us) // MINUTE_US) % DAY_MINUTES
        return (self._calendar.broadcast_minutes(instant_us) + self._day.day_start) % DAY_MINUTES


class WallHours:
    """Hours of the clock on the wall: numbers that grow by one an hour."""

    def __init__(self, zone: ZoneInfo) -> None:
        self._zone = zone
        self._offsets: dict[int, int] = {}

    def offset_us(self, instant_us: int) -> int:
        """How far the wall is ahead of UTC."""
        quarter = instant_us // (15 * MINUTE_US)
        found = self._offsets.get(quarter)
        if found is None:
            offset = from_us(instant_us).astimezone(self._zone).utcoffset()
            found = self._offsets[quarter] = int(offset.total_seconds()) * 1_000_000 if offset else 0
        return found
