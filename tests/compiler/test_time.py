"""Time: nights on which the clocks change, the leap day, the turn of the year, two years on end."""

from __future__ import annotations

from datetime import date, timedelta
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrovue.compiler.model import Checkpoint, Compiled
from retrovue.units import HOUR_US, MINUTE_US
from tests.compiler.profiles import examples
from tests.compiler.random_station import random_station
from tests.compiler.stations import (
    assert_tiles,
    catalog,
    compiled,
    episode,
    listing,
    local,
    series,
    station,
)

#: (zone, broadcast date of the spring night, of the autumn night, minutes that the clocks move)
ZONES = [
    ("America/New_York", date(2026, 3, 7), date(2026, 10, 31), 60),
    ("Europe/Berlin", date(2026, 3, 28), date(2026, 10, 24), 60),
    ("Australia/Lord_Howe", date(2026, 10, 3), date(2026, 4, 4), 30),
    ("Asia/Kolkata", date(2026, 3, 28), date(2026, 10, 24), 0),
]
EPISODES = catalog(
    episode(name, 1, n, seconds)
    for name, seconds in (("cheers", 1300), ("taxi", 1300), ("mash", 600))
    for n in range(1, 21)
)
PROGRAMS = [series(name) for name in ("cheers", "taxi", "mash")]


def night(zone: str, on: date, start: int = 6 * 60, grid: str = "30m", **dst: Any) -> Compiled:
    """One day with a zone up to 02:00, one from 02:00 to 03:00, and one from then on; a pin at 02:30."""
    model = station(
        [
            {
                "plan": "all",
                "zones": [
                    {"zone": "Before", "window": (start, 120), "play": ["cheers"]},
                    {"zone": "Two", "window": "02:00-03:00", "play": ["taxi"], "at": {"02:30": "mash"}},
                    {"zone": "After", "window": (180, start), "play": ["cheers"]},
                ],
            }
        ],
        PROGRAMS,
        timezone=zone,
        broadcast_day_start=start,
        grid=grid,
        dst=dst,
        epoch=on,
    )
    result = compiled(model, EPISODES, on, days=2)
    assert_tiles(result)
    return result


@pytest.mark.parametrize("start", [0, 6 * 60])
@pytest.mark.parametrize(("zone", "spring", "autumn", "minutes"), ZONES)
@pytest.mark.parametrize("policy", [{}, {"spring": "compress", "fall": "repeat"}])
def test_guide_and_playlist_tile_the_true_day(
    zone: str, spring: date, autumn: date, minutes: int, start: int, policy: dict[str, str]
) -> None:
    for on, moved in ((spring, -minutes), (autumn, minutes)):
        first = on if start else on + timedelta(days=1)  # the clocks change in the small hours
        day = night(zone, first, start, **policy).days[0]
        assert day.end_us - day.start_us == 24 * HOUR_US + moved * MINUTE_US
        assert day.events[0].start_us == day.playlist[0].start_us == day.start_us
        assert day.events[-1].end_us == day.playlist[-1].end_us == day.end_us


def small_hours(result: Compiled) -> list[str]:
    return [line for line in listing(result) if line[:3] == "Sun" and "01:00" <= line[4:9] < "04:30"][:9]


def test_spring_skips_the_hour_or_shares_what_is_left() -> None:
    skipped = night("America/New_York", date(2026, 3, 7), spring="skip")
    assert [line[:-7] for line in small_hours(skipped)] == [
        *("Sun 01:00 cheers", "Sun 01:30 cheers"),  # taxi's hour, and the pin in it, don't exist
        *("Sun 03:00 cheers", "Sun 03:30 cheers", "Sun 04:00 cheers"),
    ]
    # Four hours of plan in three: two o'clock keeps 45 minutes, and the pin half of them.
    shared = night("America/New_York", date(2026, 3, 7), grid="5m", spring="compress")
    aired = [line.rsplit("/")[0] for line in listing(shared) if "Sun 03:00" <= line < "Sun 03:50"]
    assert aired == ["Sun 03:00 taxi", "Sun 03:25 mash", "Sun 03:35 test-pattern", "Sun 03:45 cheers"]
    assert local(shared, shared.days[1].start_us) == "Sun 06:00"
    # On a coarser grid each zone's share is rounded to whole blocks, and none is left to nobody.
    coarse = night("America/New_York", date(2026, 3, 7), spring="compress")
    assert [line.rsplit("/")[0] for line in small_hours(coarse)] == [
        *("Sun 01:00 cheers", "Sun 01:30 cheers"),
        *("Sun 03:00 taxi", "Sun 03:30 mash", "Sun 04:00 cheers"),
    ]


def test_autumn_fills_the_hour_or_repeats_it() -> None:
    filled = night("America/New_York", date(2026, 10, 31), fall="fill")
    assert [line for line in small_hours(filled) if "01:" in line] == [
        f"Sun 01:{minutes} cheers/S01E{n:02}"
        for n, minutes in zip((19, 20, 1, 2), ("00", "30", "00", "30"), strict=True)
    ]
    repeated = night("America/New_York", date(2026, 10, 31), fall="repeat")
    hour = [line for line in small_hours(repeated) if "01:" in line]
    assert hour == [*hour[:2], *hour[:2]]
    assert hour[0] == "Sun 01:00 cheers/S01E19"
    # …and nothing is lost: the rotation goes on where the first of the two hours left it.
    after = [line for line in listing(repeated) if line.startswith("Sun 03:00")]
    assert after == ["Sun 03:00 cheers/S01E01"]


def test_half_an_hour_comes_twice_on_lord_howe() -> None:
    result = night("Australia/Lord_Howe", date(2026, 4, 4), fall="repeat")
    lines = [line for line in listing(result) if line.startswith("Sun 01:30")]
    assert len(lines) == 2
    assert lines[0] == lines[1]
    # A grid that doesn't divide the half hour can't repeat it.
    hourly = night("Australia/Lord_Howe", date(2026, 4, 4), grid="60m", fall="repeat")
    assert hourly.days[0].end_us - hourly.days[0].start_us == 49 * HOUR_US // 2


@pytest.mark.parametrize("first", [date(2028, 2, 28), date(2027, 12, 30)])
@pytest.mark.parametrize("start", [0, 6 * 60])
def test_leap_day_and_new_year_are_days_like_any(first: date, start: int) -> None:
    model = station(
        [
            {"plan": "all", "zones": [{"zone": "All", "window": (start, start), "play": ["cheers"]}]},
            {
                "plan": "special",
                "when": {"dates": ["02-29", "01-01"]},
                "priority": 1,
                "zones": [{"zone": "Special", "window": "12:00-13:00", "play": ["taxi"]}],
            },
        ],
        PROGRAMS,
        broadcast_day_start=start,
        epoch=first,
    )
    result = compiled(model, EPISODES, first, days=4)
    assert_tiles(result)
    special = {day.broadcast_date for day in result.days for event in day.events if event.plan == "special"}
    assert special == {date(2028, 2, 29)} if first.month == 2 else {date(2028, 1, 1)}


@examples(6)
@given(st.integers(0, 2**32))
def test_two_years_of_any_station_tile(seed: int) -> None:
    """Two years, a stretch of them at a time: from the checkpoint of the last, and all DST nights among
    them. Two days of each month are looked at, with every change of the clocks."""
    r = Random(seed)
    first = date(2026, 1, 1) + timedelta(days=r.randrange(365))
    model, assets = random_station(seed, first)
    checkpoint: Checkpoint | None = None
    end_us = {channel.channel: 0 for channel in model.channels}
    on = first
    while on < first + timedelta(days=730):
        days = 73
        result = compiled(model, assets, on, days=days, checkpoint=checkpoint)
        assert_tiles(result)
        for channel in result.channels:
            own = [day for day in result.days if day.channel == channel.channel]
            assert end_us[channel.channel] in (0, own[0].start_us)
            end_us[channel.channel] = own[-1].end_us
        last = {day.channel: day.checkpoint for day in result.days if day.broadcast_date == result.last_day}
        checkpoint = Checkpoint(result.last_day, last)
        on += timedelta(days=days)
