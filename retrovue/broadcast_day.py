"""Broadcast-day and grid arithmetic across daylight-saving time; pure.

A broadcast date runs from ``day_start`` (minutes after midnight, local) to the next one: 24 hours, or 23
or 25 (Lord Howe: 23½, 24½) on the nights the clocks change. Times of day within it are *broadcast
minutes*: wall-clock minutes since the day's start, 0 to 1440. The grid divides the day in *elapsed*
time from its start, so blocks tile the true day exactly; the last block may be short.

Instants are microseconds since the Unix epoch, UTC.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
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
class BroadcastDay:
    """One broadcast date of a channel: ``[start_us, end_us)``, cut into grid blocks of ``grid_us``."""

    date: date
    start_us: int
    end_us: int
    grid_us: int
    day_start: int  #: minutes after midnight
    zone: ZoneInfo
    _plain: bool = field(default=True, repr=False)  #: the clocks don't change: minutes are elapsed time

    def at(self, broadcast_minutes: int) -> int:
        """The instant of a time of day in broadcast minutes (0 to 1440), never outside the day."""
        if broadcast_minutes <= 0:
            return self.start_us
        if broadcast_minutes >= DAY_MINUTES:
            return self.end_us
        if self._plain:
            return self.start_us + broadcast_minutes * MINUTE_US
        instant = wall_to_us(self.zone, self.date, self.day_start + broadcast_minutes)
        return min(max(instant, self.start_us), self.end_us)

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

    def day(self, on: date) -> BroadcastDay:
        """The broadcast day of date ``on``."""
        start = wall_to_us(self.zone, on, self.day_start)
        end = wall_to_us(self.zone, on + timedelta(days=1), self.day_start)
        plain = end - start == DAY_MINUTES * MINUTE_US
        return BroadcastDay(on, start, end, self.grid_us, self.day_start, self.zone, plain)

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
