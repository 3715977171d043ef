"""Broadcast-day and grid arithmetic across daylight-saving time; pure.

A broadcast date runs from ``day_start`` (minutes after midnight, local) to the next one: 24 hours, or 23
or 25 (Lord Howe: 23½, 24½) on the nights the clocks change. Times of day within it are *broadcast
minutes*: wall-clock minutes since the day's start, 0 to 1440. The grid divides the day in *elapsed*
time from its start, so blocks tile the true day exactly; the last block may be short.

Where the clocks go forward, the time of day that doesn't exist is the moment of the change (``skip``), or
the four hours from there on (four times what is missing) are squeezed into the three that there are
(``compress``). Where they go back, a time that comes twice is the first of the two; what fills the second
is the scheduler's affair.

Instants are microseconds since the Unix epoch, UTC.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from retrovue.units import MINUTE_US, from_us, to_us

DAY_MINUTES = 24 * 60


def wall_to_us(zone: ZoneInfo, day: date, minutes: int) -> int:
    """The instant of a wall-clock time; ``minutes`` after midnight of ``day`` may run past 1440.

    A time that the clocks skip in spring is the moment of the change; one that comes twice in autumn
    is the first of the two.
    """
    wall = datetime(day.year, day.month, day.day) + timedelta(minutes=minutes)
    first = to_us(wall.replace(tzinfo=zone, fold=0))
    if from_us(first).astimezone(zone).replace(tzinfo=None) == wall:
        return first
    # Skipped: with fold=0 zoneinfo reads it by the old offset and so lands after the change; fold=1
    # reads it by the new offset and lands before it (PEP 495). The change is where the offset turns.
    before, after = to_us(wall.replace(tzinfo=zone, fold=1)), first
    old = from_us(before).astimezone(zone).utcoffset()
    while after - before > 1:
        middle = (before + after) // 2
        if from_us(middle).astimezone(zone).utcoffset() == old:
            before = middle
        else:
            after = middle
    return after


@dataclass(frozen=True, slots=True)
class Turn:
    """The change of the clocks within a broadcast day."""

    at_us: int
    minutes: int  #: broadcast minutes that the clock shows when it changes (02:00 is 1200)
    shift: int  #: minutes: 60 when an hour is skipped, -60 when one comes twice


#: How many times what is missing a compressed night is long.
_COMPRESSED = 4


@dataclass(frozen=True, slots=True)
class BroadcastDay:
    """One broadcast date of a channel: ``[start_us, end_us)``, cut into grid blocks of ``grid_us``."""

    date: date
    start_us: int
    end_us: int
    grid_us: int
    day_start: int  #: minutes after midnight
    zone: ZoneInfo
    plain: bool = field(default=True, repr=False)  #: the clocks don't change: minutes are elapsed time
    turn: Turn | None = None  #: the change of the clocks, if there is one within the day
    compress: bool = False  #: what spring to do with times of day that don't exist

    def at(self, broadcast_minutes: int) -> int:
        """The instant of a time of day in broadcast minutes (0 to 1440), never outside the day."""
        if broadcast_minutes <= 0:
            return self.start_us
        if broadcast_minutes >= DAY_MINUTES:
            return self.end_us
        if self.plain:
            return self.start_us + broadcast_minutes * MINUTE_US
        turn = self.turn
        if turn is not None and (squeezed := self.squeezed) is not None:
            left = squeezed[1] - squeezed[0]
            planned = left // MINUTE_US + turn.shift
            into = broadcast_minutes - turn.minutes
            if 0 < into < planned:
                # To the nearest grid line: off the grid, a block of each zone would go to nobody.
                shared = turn.at_us + into * left // planned
                return min(self.grid_floor(shared + self.grid_us // 2), turn.at_us + left)
        instant = wall_to_us(self.zone, self.date, self.day_start + broadcast_minutes)
        return min(max(instant, self.start_us), self.end_us)

    @property
    def squeezed(self) -> tuple[int, int] | None:
        """What a compressed night is squeezed into; None on others."""
        turn = self.turn
        if not self.compress or turn is None or turn.shift <= 0:
            return None
        planned = min(_COMPRESSED * turn.shift, DAY_MINUTES - turn.minutes)
        return turn.at_us, turn.at_us + (planned - turn.shift) * MINUTE_US

    @property
    def twice(self) -> tuple[int, int] | None:
        """The second of the two hours where the clocks go back; None on other nights."""
        turn = self.turn
        return (
            (turn.at_us, turn.at_us - turn.shift * MINUTE_US) if turn is not None and turn.shift < 0 else None
        )

    def grid_ceil(self, instant_us: int) -> int:
        """The first grid line not before ``instant_us``; the day's end is one."""
        blocks = -(-(instant_us - self.start_us) // self.grid_us)
        return min(self.start_us + blocks * self.grid_us, max(self.end_us, instant_us))

    def grid_floor(self, instant_us: int) -> int:
        """The last grid line not after ``instant_us``; the day's end is one."""
        if instant_us >= self.end_us:
            return self.end_us
        return self.start_us + (instant_us - self.start_us) // self.grid_us * self.grid_us

    def grid_lines(self) -> list[int]:
        """Every grid line of the day, its start and its end included."""
        return [*range(self.start_us, self.end_us, self.grid_us), self.end_us]


@dataclass(frozen=True, slots=True)
class Calendar:
    """The broadcast days of one channel."""

    zone: ZoneInfo
    day_start: int  #: minutes after midnight, local
    grid_us: int
    spring: Literal["skip", "compress"] = "skip"
    fall: Literal["repeat", "fill"] = "fill"

    def day(self, on: date) -> BroadcastDay:
        """The broadcast day of date ``on``."""
        start = wall_to_us(self.zone, on, self.day_start)
        end = wall_to_us(self.zone, on + timedelta(days=1), self.day_start)
        if end - start == DAY_MINUTES * MINUTE_US:
            return BroadcastDay(on, start, end, self.grid_us, self.day_start, self.zone)
        turn = _turn(self.zone, start, end)
        compress = self.spring == "compress"
        return BroadcastDay(on, start, end, self.grid_us, self.day_start, self.zone, False, turn, compress)

    def date_of(self, instant_us: int) -> date:
        """The broadcast date that ``instant_us`` belongs to."""
        local = from_us(instant_us).astimezone(self.zone).date()
        if instant_us < wall_to_us(self.zone, local, self.day_start):
            return local - timedelta(days=1)
        if instant_us >= wall_to_us(self.zone, local + timedelta(days=1), self.day_start):
            return local + timedelta(days=1)  # only where a change of the clocks moves the day's start
        return local

    def broadcast_minutes(self, instant_us: int) -> int:
        """The wall-clock time of ``instant_us`` as broadcast minutes (0 to 1439)."""
        local = datetime.fromtimestamp(instant_us // 1_000_000, UTC).astimezone(self.zone)
        return (local.hour * 60 + local.minute - self.day_start) % DAY_MINUTES

    def relative(self, time_of_day: int) -> int:
        """Broadcast minutes of a time of day given in minutes after midnight."""
        return (time_of_day - self.day_start) % DAY_MINUTES


def _turn(zone: ZoneInfo, start_us: int, end_us: int) -> Turn | None:
    """The change of the clocks between two instants; None where it falls on the day's edge."""

    def offset(instant_us: int) -> timedelta:
        return from_us(instant_us).astimezone(zone).utcoffset() or timedelta()

    before, after = start_us, end_us - 1
    old, new = offset(before), offset(after)
    if old == new:
        return None
    while after - before > 1:
        middle = (before + after) // 2
        if offset(middle) == old:
            before = middle
        else:
            after = middle
    return Turn(after, (after - start_us) // MINUTE_US, (new - old) // timedelta(minutes=1))
