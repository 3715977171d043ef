"""Plans, zones, pins, watersheds: the guide of small stations, line by line."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from retrovue.compiler.model import Compiled
from tests.compiler.stations import (
    assert_tiles,
    asset,
    catalog,
    compiled,
    episode,
    listing,
    local,
    series,
    station,
)

MONDAY = date(2026, 6, 1)
HALF_HOURS = [episode("cheers", 1, n, 1320) for n in range(1, 9)]
HOURS = [episode("drama", 1, n, 2820) for n in range(1, 5)]
FILM = asset("films", "film", 4500, title="The Film", year=1950)
LIBRARY = catalog([*HALF_HOURS, *HOURS, FILM])
PROGRAMS = [
    series("cheers"),
    series("drama"),
    {"program": "film", "chain": [{"episodes": {"collection": "films"}}]},
]


def zone(window: str, play: Any = (), **words: Any) -> dict[str, Any]:
    return {"zone": window, "window": window, "play": play, **words}


def day(*zones: dict[str, Any], programs: Any = PROGRAMS, **words: Any) -> Compiled:
    result = compiled(station([{"plan": "all", "zones": list(zones)}], programs, **words), LIBRARY, MONDAY)
    assert_tiles(result)
    return result


def evening(result: Compiled, first: str = "19:00", last: str = "23:30") -> list[str]:
    return [line.removeprefix("Mon ") for line in listing(result) if f"Mon {first}" <= line <= f"Mon {last}~"]


def codes(result: Compiled) -> list[str]:
    return [d.code for d in result.diagnostics]


def test_a_zone_goes_round_its_list_and_ends_firmly() -> None:
    result = day(zone("19:00-22:00", ["drama", "film"]))
    # 22:00 would come before another hour of drama was over.
    assert evening(result) == ["19:00 drama/S01E01", "20:00 film", "21:30 test-pattern", "22:00 test-pattern"]


def test_blocks_that_nothing_fits_are_named() -> None:
    plan = {"plan": "all", "zones": [zone("19:00-22:00", ["drama", "film"])]}
    result = compiled(station([plan], PROGRAMS), LIBRARY, MONDAY, days=2)
    (told,) = (d for d in result.diagnostics if d.code == "unfilled-block")
    assert told.headline == (
        "nothing fits zone “19:00-22:00” of plan “all” on 2026-06-01 21:30-22:00 and 2026-06-02 21:30-22:00: "
        "the off-air picture is shown"
    )
    assert "bleed: allow" in told.help
    # Where there is no list at all, a shorter programme would not help.
    (told,) = (
        d for d in day(zone("19:00-22:00", at={"19:00": "drama"})).diagnostics if d.code == "unfilled-block"
    )
    assert told.headline.startswith("no pin fills zone “19:00-22:00” of plan “all” on 2026-06-01 20:00-22:00")
    assert "gap: off_air" in told.help
    # Not where something fits, where the zone asks for it, or where the whole zone is told of.
    for words in ({"play": ["drama", "film", "cheers"]}, {"at": {"19:00": "drama"}, "gap": "off_air"}):
        assert "unfilled-block" not in codes(day(zone("19:00-22:00", **words)))
    assert "unfilled-block" not in codes(day(zone("19:00-19:30", ["drama"])))


def test_what_fits_airs_when_the_next_in_turn_does_not() -> None:
    result = day(zone("19:00-22:00", ["drama", "film", "cheers"]))
    assert evening(result)[:4] == [
        "19:00 drama/S01E01",
        "20:00 film",
        "21:30 cheers/S01E01",
        "22:00 test-pattern",
    ]


def test_bleed_lets_the_last_programme_run_and_the_next_zone_waits() -> None:
    result = day(zone("19:00-20:00", ["film"], bleed="allow"), zone("20:00-22:00", ["cheers"]))
    assert evening(result)[:3] == ["19:00 film", "20:30 cheers/S01E01", "21:00 cheers/S01E02"]


def test_no_programme_bleeds_over_a_pin() -> None:
    result = day(zone("19:00-21:00", ["film"], at={"20:00": "drama"}, bleed="allow"))
    # The film waits for the last gap, where it may run over the zone's end.
    assert evening(result)[:4] == ["19:00 test-pattern", "20:00 drama/S01E01", "21:00 test-pattern"]
    result = day(zone("19:00-21:00", ["film"], at={"20:00": "cheers"}, bleed="allow"))
    assert evening(result)[:4] == [
        "19:00 test-pattern",
        "20:00 cheers/S01E01",
        "20:30 film",
        "22:00 test-pattern",
    ]
    assert "asset-too-long" not in codes(result)


def test_a_pin_that_waits_for_a_programme_is_told() -> None:
    before = zone("19:00-20:00", ["film"], bleed="allow")
    plan = {"plan": "all", "zones": [before, zone("20:00-22:00", ["cheers"], at={"20:00": "drama"})]}
    result = compiled(station([plan], PROGRAMS), LIBRARY, MONDAY, days=2)
    assert evening(result)[:2] == ["19:00 film", "20:30 drama/S01E01"]
    (told,) = (d for d in result.diagnostics if d.code == "pin-late")
    assert told.headline == (
        "program “drama”, pinned to 20:00, starts late on 2026-06-01 at 20:30 and 2026-06-02 at 20:30: "
        "the programme before it is still on"
    )
    assert "bleed" in told.help
    # It is left out where the next is due by then, and says so; that one is on time.
    result = day(before, zone("20:00-22:00", ["cheers"], at={"20:00": "drama", "20:30": "cheers"}))
    assert evening(result)[:2] == ["19:00 film", "20:30 cheers/S01E01"]
    (told,) = (d for d in result.diagnostics if d.code == "pin-late")
    assert told.headline.startswith("program “drama”, pinned to 20:00, does not air on 2026-06-01: ")
    # Nothing is late that nothing is before.
    on_time = day(zone("19:00-20:00", ["cheers"]), zone("20:00-22:00", ["cheers"], at={"20:00": "drama"}))
    assert "pin-late" not in codes(on_time)


def test_pins_start_on_time_and_the_list_fills_between_them() -> None:
    pins = {"20:00": "drama", "21:30": {"program": "cheers", "from": "S01E05"}}
    result = day(zone("19:00-23:00", ["cheers"], at=pins))
    assert evening(result)[:7] == [
        "19:00 cheers/S01E01",
        "19:30 cheers/S01E02",
        "20:00 drama/S01E01",
        "21:00 cheers/S01E03",
        "21:30 cheers/S01E04",  # the rotation has begun: `from` comes too late
        "22:00 cheers/S01E05",
        "22:30 cheers/S01E06",
    ]


def test_from_begins_a_series() -> None:
    result = day(zone("19:00-20:00", [{"program": "cheers", "from": "S01E07"}]))
    assert evening(result)[:2] == ["19:00 cheers/S01E07", "19:30 cheers/S01E08"]


def test_a_watershed_waits_and_then_bars() -> None:
    late = {**series("drama"), "not_before": "21:00", "not_after": "05:00"}
    early = {**series("cheers"), "not_after": "19:30"}
    result = day(zone("19:00-06:00", ["drama", "cheers"]), programs=[late, early])
    assert evening(result, last="21:00") == [
        "19:00 cheers/S01E01",
        "19:30 cheers/S01E02",
        "20:00 test-pattern",
        "21:00 drama/S01E01",
    ]
    assert listing(result)[-2:] == ["Tue 04:00 drama/S01E04", "Tue 05:00 drama/S01E01"]


def test_a_pin_does_not_lift_a_watershed() -> None:
    late = {**series("drama"), "not_before": "21:00"}
    result = day(zone("19:00-22:00", ["cheers"], at={"20:00": "drama"}), programs=[late, series("cheers")])
    assert evening(result)[2] == "20:00 cheers/S01E03"
    assert "pin-barred" in codes(result)


def test_a_synthetic_fills_its_window_with_one_event_and_one_segment() -> None:
    result = day(zone("06:00-06:00", ["test-pattern"]))
    assert listing(result) == ["Mon 06:00 test-pattern"]
    assert len(result.days[0].playlist) == 1
    assert codes(result) == []


def test_uncovered_time_is_off_the_air_and_said_once() -> None:
    result = compiled(
        station([{"plan": "all", "zones": [zone("08:00-22:00", ["cheers"])]}], PROGRAMS),
        LIBRARY,
        MONDAY,
        days=3,
    )
    assert listing(result)[0] == "Mon 06:00 test-pattern"
    headlines = [d.headline for d in result.diagnostics]
    assert len(headlines) == 2
    assert "off the air 06:00-08:00" in headlines[0]
    assert "Mon 01 Jun 2026 and 2 more days" in headlines[0]


def test_off_air_may_be_a_program() -> None:
    result = day(zone("08:00-22:00", ["cheers"]), off_air="drama")
    assert listing(result)[:2] == ["Mon 06:00 drama/S01E01", "Mon 07:00 drama/S01E02"]
    assert result.days[0].events[0].kind == "off_air"


def test_a_programme_too_long_for_its_zone_is_passed_over_with_a_warning() -> None:
    long = [episode("mixed", 1, 1, 1320), episode("mixed", 1, 2, 9000), episode("mixed", 1, 3, 1320)]
    model = station([{"plan": "all", "zones": [zone("19:00-20:00", ["mixed"])]}], [series("mixed")])
    result = compiled(model, catalog(long), MONDAY)
    assert evening(result)[:2] == ["19:00 mixed/S01E01", "19:30 mixed/S01E03"]
    assert "asset-too-long" in codes(result)
    (told,) = (d for d in result.diagnostics if d.code == "asset-too-long")
    assert told.headline.endswith(": sitcoms/mixed/S01E02 is too long")
    # Many of them are one warning.
    more = [episode("mixed", 1, n, 3 * 3600) for n in range(4, 9)]
    (told,) = (
        d
        for d in compiled(model, catalog([*long, *more]), MONDAY, days=3).diagnostics
        if d.code == "asset-too-long"
    )
    assert told.headline.endswith(": sitcoms/mixed/S01E02, sitcoms/mixed/S01E04 and 4 others are too long")
    hopeless = compiled(model, catalog(long[1:2]), MONDAY)
    assert_tiles(hopeless)
    assert {"asset-too-long", "unfillable-zone"} <= set(codes(hopeless))


def test_an_empty_program_leaves_its_turn_to_the_others() -> None:
    nothing = series("nothing")
    result = day(zone("19:00-20:00", ["nothing", "cheers"]), programs=[*PROGRAMS, nothing])
    assert evening(result)[:2] == ["19:00 cheers/S01E01", "19:30 cheers/S01E02"]
    assert "empty-program" in codes(result)


def test_programs_that_hold_each_other_end() -> None:
    circle = [{"program": a, "chain": [{"program": b}]} for a, b in (("a", "b"), ("b", "a"))]
    result = day(zone("19:00-20:00", ["a"]), programs=circle)
    assert "program-cycle" in codes(result)


def test_a_chain_is_one_event_and_equal_nodes_take_turns() -> None:
    node = {"episodes": {"collection": "sitcoms", "series": "cheers"}}
    chain = [node, {"synthetic": "card"}, node, {"program": "film"}]
    result = day(
        zone("19:00-22:00", ["block"]),
        programs=[*PROGRAMS, {"program": "block", "title": "The Block", "chain": chain}],
        synthetics=[{"synthetic": "card", "shows": "card", "duration": "5s", "title": "Next"}],
    )
    event = next(e for e in result.days[0].events if e.program == "block")
    assert (event.title, event.subtitle, local(result, event.end_us)) == (
        "The Block",
        "cheers 1x1",
        "Mon 21:00",
    )
    parts = [
        s.asset_id.split("/", 1)[-1] or s.synthetic
        for s in result.days[0].playlist
        if s.event_id == event.event_id
    ]
    assert parts == ["cheers/S01E01", "card", "cheers/S01E02", "film", "station-ident"]


def test_the_higher_plan_wins_zone_by_zone() -> None:
    plans: list[dict[str, Any]] = [
        {"plan": "daily", "zones": [zone("18:00-23:00", ["cheers"])]},
        {"plan": "mondays", "when": {"days": "mon"}, "zones": [zone("20:00-21:00", ["drama"])]},
        {"plan": "day-one", "when": {"dates": "06-01"}, "zones": [zone("20:30-22:00", ["film"])]},
        {
            "plan": "minor",
            "priority": -1,
            "when": {"dates": "2026-06-01"},
            "zones": [zone("18:00-23:30", ["film"])],
        },
    ]
    result = compiled(station(plans, PROGRAMS), LIBRARY, MONDAY)
    assert_tiles(result)
    assert [
        (line, e.plan)
        for line, e in zip(listing(result), result.days[0].events, strict=True)
        if "Mon 19:00" <= line < "Mon 23:30"
    ] == [
        ("Mon 19:00 cheers/S01E03", "daily"),
        ("Mon 19:30 cheers/S01E04", "daily"),
        ("Mon 20:00 test-pattern", "mondays"),  # half an hour is left of it: too short for the drama
        ("Mon 20:30 film", "day-one"),
        ("Mon 22:00 cheers/S01E05", "daily"),
        ("Mon 22:30 cheers/S01E06", "daily"),
        ("Mon 23:00 test-pattern", "minor"),
    ]


@pytest.mark.parametrize(
    ("zone_name", "on", "hours"),
    [
        ("America/New_York", date(2026, 3, 7), 23),
        ("America/New_York", date(2026, 10, 31), 25),
        ("Europe/Berlin", date(2026, 3, 28), 23),
        ("Australia/Lord_Howe", date(2026, 4, 4), 24.5),
    ],
)
def test_the_night_the_clocks_change(zone_name: str, on: date, hours: float) -> None:
    model = station(
        [{"plan": "all", "zones": [zone("06:00-23:00", ["drama"]), zone("23:00-06:00", ["cheers"])]}],
        PROGRAMS,
        timezone=zone_name,
        epoch=on,
    )
    result = compiled(model, LIBRARY, on, days=2)
    assert_tiles(result)
    night = [e for e in result.days[0].events if e.zone == "23:00-06:00"]
    assert len(night) == 2 * (hours - 17)
    assert local(result, night[-1].end_us).endswith("06:00")


def test_a_programme_across_the_day_is_carried_in_whole() -> None:
    model = station(
        [
            {
                "plan": "all",
                "zones": [zone("05:00-06:00", ["film"], bleed="allow"), zone("06:00-05:00", ["cheers"])],
            }
        ],
        PROGRAMS,
    )
    both = compiled(model, LIBRARY, MONDAY, days=2)
    second = compiled(model, LIBRARY, date(2026, 6, 2), days=1)
    assert_tiles(both)
    assert_tiles(second)
    carried = second.days[0].events[0]
    assert local(second, carried.start_us) == "Tue 05:00"
    assert carried == both.days[0].events[-1]
    assert second.days[0].events[1:] == both.days[1].events
    assert listing(second)[1].startswith("Tue 06:30 cheers")


def test_the_guide_says_what_the_asset_says_unless_the_program_does() -> None:
    rated = asset(
        "films", "rated", 4500, title="Rated", rating="R", year=1975, description="A film.", date="1975-03-01"
    )
    programs: list[dict[str, Any]] = [
        {"program": "plain", "chain": [{"episodes": {"collection": "films"}}]},
        {
            "program": "titled",
            "chain": [{"episodes": {"collection": "films"}}],
            "title": "Film Night",
            "rating": "TV-14",
            "categories": ["Movie"],
        },
    ]
    model = station([{"plan": "all", "zones": [zone("19:00-22:00", ["plain", "titled"])]}], programs)
    plain, titled = (e for e in compiled(model, catalog([rated]), MONDAY).days[0].events if e.asset_id)
    assert (plain.title, plain.subtitle, plain.rating, plain.year, plain.kind) == (
        "Rated",
        "",
        "R",
        1975,
        "movie",
    )
    assert (plain.categories, plain.event_id > 0) == (("Movie",), True)
    assert (plain.description, plain.original_date) == ("A film.", "1975-03-01")
    assert (titled.title, titled.subtitle, titled.rating, titled.categories) == (
        "Film Night",
        "Rated",
        "TV-14",
        ("Movie",),
    )


def test_fallbacks_come_from_the_pools_else_from_the_program() -> None:
    stand_ins = [asset("spots", f"stand-in-{n}", 1500 + n) for n in range(2)]
    channels: list[dict[str, Any]] = [
        {"channel": "one", "number": "1", "name": "One", "plans": ["all"]},
        {"channel": "two", "number": "2", "name": "Two", "plans": ["all"], "fallback": ["reserve"]},
    ]
    model = station(
        [{"plan": "all", "zones": [zone("19:00-20:00", ["cheers"])]}],
        PROGRAMS,
        pools=[{"pool": "reserve", "spots": {"collection": "spots"}}],
        channels=channels,
    )
    result = compiled(model, catalog([*HALF_HOURS, *stand_ins]), MONDAY)
    one, two = (next(e for e in d.events if e.asset_id) for d in result.days)
    assert len(one.fallbacks) == 3
    whole = compiled(model.model_copy(), catalog(HALF_HOURS), MONDAY, days=4)
    assert all(e.asset_id not in e.fallbacks for d in whole.days for e in d.events)
    assert {f.rsplit("/", 2)[-2] for f in one.fallbacks} == {"cheers"}
    assert set(two.fallbacks) == {a.id for a in stand_ins}
    assert {a.id for a in result.assets} >= {*one.fallbacks, *two.fallbacks}


def test_only_ready_and_approved_assets_air() -> None:
    from dataclasses import replace

    from retrovue.library.catalog import AssetState

    barred = [replace(HALF_HOURS[0], state=AssetState.RETIRED), replace(HALF_HOURS[1], approved=False)]
    model = station([{"plan": "all", "zones": [zone("19:00-20:00", ["cheers"])]}], PROGRAMS)
    result = compiled(model, catalog([*barred, *HALF_HOURS[2:4]]), MONDAY)
    assert evening(result)[:2] == ["19:00 cheers/S01E03", "19:30 cheers/S01E04"]


def test_channels_inherit_from_the_station() -> None:
    channels: list[dict[str, Any]] = [
        {
            "channel": "late",
            "number": "10",
            "name": "Late",
            "plans": ["all"],
            "grid": "15m",
            "broadcast_day_start": "00:00",
        },
        {
            "channel": "early",
            "number": "5.1",
            "name": "Early",
            "plans": ["all"],
            "format": {"raster": "720p", "rate": "25"},
        },
    ]
    result = compiled(
        station([{"plan": "all", "zones": [zone("19:00-20:00", ["cheers"])]}], PROGRAMS, channels=channels),
        LIBRARY,
        MONDAY,
    )
    assert_tiles(result)
    early, late = result.channels
    assert (early.channel, early.vchannel, early.guide_id, early.callsign) == (
        "early",
        501,
        "C5.1.test.retrovue.tv",
        "EARLY",
    )
    assert (early.raster, early.rate, early.day_start_minutes, early.position) == ("720p", "25/1", 360, 0)
    assert (late.vchannel, late.rate, late.day_start_minutes, late.grid_us) == (
        10,
        "30000/1001",
        0,
        900_000_000,
    )
    assert result.start_us == max(d.start_us for d in result.days)
    assert result.end_us == min(d.end_us for d in result.days)
