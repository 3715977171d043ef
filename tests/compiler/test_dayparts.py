"""Dayparts of assets, given by rules of a collection: nothing starts outside of them."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from random import Random

import pytest
from hypothesis import given

from retrovue.broadcast_day import Calendar
from retrovue.compiler.dayparts import may_start
from retrovue.compiler.model import Compiled, SegmentKind
from retrovue.compiler.simulate import simulate
from retrovue.library.catalog import Asset, Catalog
from retrovue.station.model import StationModel
from tests.compiler.profiles import examples
from tests.compiler.stations import assert_tiles, asset, catalog, compiled, episode, listing, spots, station
from tests.compiler.test_approved import everywhere, nights, seeds

FIRST = date(2026, 6, 1)
WINDOWS = ("22:00-06:00", "06:00-12:00", "19:00-23:00", "00:00-01:00", "12:15-12:15")


def films(*late: int) -> list[Asset]:
    """Eight films of ninety minutes; those with these numbers are for late at night."""
    made = [asset("films", f"Film {n}", 5400, title=f"Film {n}") for n in range(8)]
    return [replace(a, dayparts=("22:00-06:00",)) if n in late else a for n, a in enumerate(made)]


def cinema(mode: str = "sequential", **zone: object) -> StationModel:
    return station(
        [{"plan": "all", "zones": [{"zone": "Night", "window": "18:00-02:00", "play": ["film"], **zone}]}],
        [{"program": "film", "mode": mode, "chain": [{"episodes": {"collection": "films"}}]}],
        epoch=FIRST,
    )


def evening(result: Compiled) -> list[str]:
    return [line for line in listing(result) if "Film" in line]


def test_what_may_not_start_now_is_passed_over_for_what_may() -> None:
    result = compiled(cinema(), catalog(films(1, 2, 5)), FIRST)
    assert evening(result) == [
        "Mon 18:00 Film 0",
        "Mon 19:30 Film 3",
        "Mon 21:00 Film 4",
        "Mon 22:30 Film 5",
        "Tue 00:00 Film 6",
    ]
    assert_tiles(result)


def test_where_nothing_may_start_the_zone_waits_and_no_turn_is_lost() -> None:
    result = compiled(cinema(), catalog(films(*range(8))), FIRST)
    assert evening(result) == ["Mon 22:00 Film 0", "Mon 23:30 Film 1"]


def test_a_pin_to_a_time_at_which_its_asset_may_not_start_is_told() -> None:
    model = cinema(at={"18:00": "film"}, play=[], gap="off_air")
    result = compiled(model, catalog([replace(a, dayparts=("22:00-06:00",)) for a in films()]), FIRST)
    assert evening(result) == []
    (told,) = [d for d in result.diagnostics if d.code == "pin-barred"]
    assert told.headline == "program “film” is pinned to a time at which “films/Film 0” may not start"
    assert "rules of its collection" in told.help


def test_a_listed_film_waits_for_its_time() -> None:
    model = station(
        [{"plan": "all", "zones": [{"zone": "Night", "window": "18:00-02:00", "play": ["film"]}]}],
        [
            {
                "program": "film",
                "mode": "manual",
                "chain": [{"episodes": {"collection": "films"}}],
                "airings": [{"on": FIRST, "title": "Film 2"}, {"on": FIRST, "title": "Film 0"}],
            }
        ],
        epoch=FIRST,
    )
    result = compiled(model, catalog(films(2)), FIRST)
    assert evening(result) == ["Mon 22:00 Film 2", "Mon 23:30 Film 0"]
    assert "manual-unaired" not in {d.code for d in result.diagnostics}


def test_stand_ins_and_spots_keep_their_dayparts_too() -> None:
    late = [replace(a, dayparts=("22:00-06:00",)) for a in spots(9)[:3]]
    model = station(
        [{"plan": "all", "zones": [{"zone": "Day", "window": "06:00-06:00", "play": ["show"]}]}],
        [{"program": "show", "chain": [{"episodes": {"collection": "sitcoms"}}]}],
        pools=[{"pool": "ads", "spots": {"collection": "spots"}}, {"pool": "safe", "spots": {"tag": "safe"}}],
        formats=[{"break_format": "network", "fill_with": ["ads"]}],
        breaks="network",
        channels=[
            {"channel": "one", "number": "1", "name": "One", "plans": ["all"], "fallback": ["safe"]},
        ],
        epoch=FIRST,
    )
    stand_ins = [
        replace(asset("films", f"safe-{n}", 2000 + n, tags=("safe",)), dayparts=("22:00-06:00",) if n else ())
        for n in range(4)
    ]
    known = catalog([*(episode("show", 1, n, 1300) for n in range(30)), *spots(9)[3:], *late, *stand_ins])
    result = compiled(model, known, FIRST)
    calendar = Calendar(_zone(result), 6 * 60, 1)
    seen: set[str] = set()
    for day in result.days:
        for segment in day.playlist:
            if segment.kind is SegmentKind.AD:
                assert may_start(known.assets[segment.asset_id], calendar, segment.start_us)
                seen.add(segment.asset_id)
        for event in day.events:
            allowed = {a.id for a in stand_ins if may_start(a, calendar, event.start_us)}
            assert set(event.fallbacks) == allowed or len(allowed) == 4 > len(event.fallbacks) == 3
    assert {a.id for a in late} <= seen


def _zone(result: Compiled):  # type: ignore[no-untyped-def]
    from zoneinfo import ZoneInfo

    return ZoneInfo(result.timezone)


@examples(40, shrink=False)
@given(seeds, seeds, nights)
def test_no_programme_of_any_station_starts_outside_its_dayparts(seed: int, given: int, epoch: date) -> None:
    model, known = everywhere(seed, epoch)
    r = Random(given)
    share = r.choice((0.2, 0.6, 1.0))
    assets = {
        a.id: replace(a, dayparts=(r.choice(WINDOWS),)) if r.random() < share else a
        for a in known.assets.values()
        if a.collection == "sitcoms"
    }
    result = compiled(model, Catalog({**known.assets, **assets}, f"given {given}"), epoch, days=3)
    assert_tiles(result)
    followers = {channel.channel for channel in model.channels if channel.simulcast is not None}
    for channel in result.channels:
        calendar = Calendar(_zone(result), channel.day_start_minutes, channel.grid_us)
        # In the hour that the clocks go over twice, what started in the first may start again.
        for day in result.days:
            if day.channel != channel.channel or channel.channel in followers:
                continue
            if day.end_us - day.start_us > 24 * 3600 * 10**6:
                continue
            for event in day.events:
                planned = assets.get(event.asset_id)
                if event.broadcast_date == day.broadcast_date and planned is not None:
                    assert may_start(planned, calendar, event.start_us)
                for asset_id in event.fallbacks:
                    if event.broadcast_date == day.broadcast_date and asset_id in assets:
                        assert may_start(assets[asset_id], calendar, event.start_us)


@pytest.mark.parametrize(
    ("window", "minutes", "allowed"),
    [
        ("22:00-06:00", 22 * 60, True),
        ("22:00-06:00", 21 * 60 + 59, False),
        ("22:00-06:00", 5 * 60 + 59, True),
        ("22:00-06:00", 6 * 60, False),
        ("06:00-12:00", 6 * 60, True),
        ("12:15-12:15", 0, True),
    ],
)
def test_a_window_is_half_open_and_may_cross_midnight(window: str, minutes: int, allowed: bool) -> None:
    from zoneinfo import ZoneInfo

    calendar = Calendar(ZoneInfo("UTC"), 6 * 60, 1)
    at = calendar.day(FIRST).start_us + ((minutes - 6 * 60) % 1440) * 60 * 10**6
    assert may_start(replace(films()[0], dayparts=(window,)), calendar, at) is allowed


def test_simulate_counts_those_that_are_held() -> None:
    model, media = cinema(), catalog(films(1, 2, 5))
    (channel,) = simulate(model, compiled(model, media, FIRST, days=3))
    assert channel.watersheds > 0
    assert channel.breaches == ()
