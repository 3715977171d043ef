"""Broadcast days and the grid, on the nights when the clocks change."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrovue.broadcast_day import Calendar, wall_to_us
from retrovue.units import HOUR_US, MINUTE_US, from_us, to_us

NEW_YORK, BERLIN, LORD_HOWE = (
    ZoneInfo(name) for name in ("America/New_York", "Europe/Berlin", "Australia/Lord_Howe")
)


def utc(text: str) -> int:
    return to_us(datetime.fromisoformat(text).replace(tzinfo=UTC))


@pytest.mark.parametrize(
    ("zone", "day", "time", "instant"),
    [
        (NEW_YORK, "2026-06-01", "06:00", "2026-06-01T10:00"),
        # Spring: 02:00 to 03:00 doesn't exist; all of it is the moment of the change.
        (NEW_YORK, "2026-03-08", "01:59", "2026-03-08T06:59"),
        (NEW_YORK, "2026-03-08", "02:00", "2026-03-08T07:00"),
        (NEW_YORK, "2026-03-08", "02:30", "2026-03-08T07:00"),
        (NEW_YORK, "2026-03-08", "03:00", "2026-03-08T07:00"),
        (NEW_YORK, "2026-03-08", "03:01", "2026-03-08T07:01"),
        (BERLIN, "2026-03-29", "02:15", "2026-03-29T01:00"),
        (LORD_HOWE, "2026-10-04", "02:10", "2026-10-03T15:30"),
        # Autumn: 01:00 to 02:00 comes twice; the first counts.
        (NEW_YORK, "2026-11-01", "01:30", "2026-11-01T05:30"),
        (NEW_YORK, "2026-11-01", "02:00", "2026-11-01T07:00"),
        (BERLIN, "2026-10-25", "02:30", "2026-10-25T00:30"),
        (LORD_HOWE, "2026-04-05", "01:45", "2026-04-04T14:45"),
    ],
)
def test_wall_clock_to_instant(zone: ZoneInfo, day: str, time: str, instant: str) -> None:
    hours, minutes = map(int, time.split(":"))
    assert wall_to_us(zone, date.fromisoformat(day), hours * 60 + minutes) == utc(instant)


@pytest.mark.parametrize(
    ("zone", "on", "hours"),
    [
        (NEW_YORK, "2026-03-07", 23),
        (NEW_YORK, "2026-03-08", 24),
        (NEW_YORK, "2026-10-31", 25),
        (BERLIN, "2026-03-28", 23),
        (BERLIN, "2026-10-24", 25),
        (LORD_HOWE, "2026-10-03", 23.5),
        (LORD_HOWE, "2026-04-04", 24.5),
    ],
)
def test_length_of_the_day(zone: ZoneInfo, on: str, hours: float) -> None:
    day = Calendar(zone, 6 * 60, 30 * MINUTE_US).day(date.fromisoformat(on))
    assert day.end_us - day.start_us == hours * HOUR_US


def test_a_short_last_block_on_an_hourly_grid() -> None:
    day = Calendar(LORD_HOWE, 6 * 60, HOUR_US).day(date(2026, 10, 3))
    lines = day.grid_lines()
    assert {b - a for a, b in pairwise(lines)} == {HOUR_US, HOUR_US // 2}
    assert lines[-1] - lines[-2] == HOUR_US // 2
    assert day.grid_ceil(lines[-2] + 1) == day.end_us
    assert day.grid_floor(day.end_us) == day.end_us


zones = st.sampled_from([NEW_YORK, BERLIN, LORD_HOWE, ZoneInfo("UTC"), ZoneInfo("Asia/Kolkata")])
dates = st.dates(date(2025, 1, 1), date(2028, 12, 31))


@given(zones, dates, st.sampled_from([0, 90, 150, 360]), st.sampled_from([5, 10, 15, 30, 60]))
def test_days_follow_each_other_and_grids_tile_them(
    zone: ZoneInfo, on: date, day_start: int, grid: int
) -> None:
    calendar = Calendar(zone, day_start, grid * MINUTE_US)
    day, following = calendar.day(on), calendar.day(on + timedelta(days=1))
    assert day.end_us == following.start_us
    lines = day.grid_lines()
    assert lines[0] == day.start_us
    assert lines[-1] == day.end_us
    assert all(0 < b - a <= grid * MINUTE_US for a, b in pairwise(lines))
    assert calendar.date_of(day.start_us) == on
    assert calendar.date_of(day.end_us - 1) == on
    instants = [day.at(minutes) for minutes in range(0, 1441, 15)]
    assert instants == sorted(instants)
    assert (instants[0], instants[-1]) == (day.start_us, day.end_us)


@given(zones, st.integers(utc("2025-01-01T00:00"), utc("2028-12-31T00:00")), st.sampled_from([0, 150, 360]))
def test_every_instant_has_one_broadcast_date(zone: ZoneInfo, instant: int, day_start: int) -> None:
    calendar = Calendar(zone, day_start, 30 * MINUTE_US)
    day = calendar.day(calendar.date_of(instant))
    assert day.start_us <= instant < day.end_us
    local = from_us(instant).astimezone(zone)
    assert calendar.broadcast_minutes(instant) == (local.hour * 60 + local.minute - day_start) % 1440
