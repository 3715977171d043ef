"""Play modes, virtuals, reruns and shared rotations, as a viewer sees them."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import date, timedelta
from itertools import groupby, pairwise
from typing import Any

import pytest

from retrovue.compiler.model import Checkpoint, Compiled
from retrovue.library.catalog import Asset, AssetState, Catalog
from retrovue.station.model import StationModel
from retrovue.units import MINUTE_US, SECOND_US
from tests.compiler.stations import (
    Words,
    assert_tiles,
    asset,
    catalog,
    compiled,
    episode,
    listing,
    series,
    station,
)

FIRST = date(2026, 6, 1)  # a Monday
CHEERS = [episode("cheers", s, n, 1300) for s in (1, 2) for n in range(1, 6)]
TAXI = [episode("taxi", 1, n, 1300) for n in range(1, 8)]


def air(
    program: Words, assets: list[Asset], days: int = 1, virtuals: list[Words] | None = None, **more: Any
) -> Compiled:
    """A channel that airs one program all day long."""
    slug = program.get("program") or program["virtual"]
    model = station(
        [{"plan": "all", "zones": [{"zone": "All", "window": "06:00-06:00", "play": [slug]}]}],
        [program] if "program" in program else [],
        virtuals=[*(virtuals or []), *([program] if "virtual" in program else [])],
        epoch=FIRST,
        **more,
    )
    result = compiled(model, catalog(assets), FIRST, days)
    assert_tiles(result)
    return result


def ids(result: Compiled, channel: str = "one") -> list[str]:
    return [e.asset_id for day in result.days if day.channel == channel for e in day.events]


# --- modes -----------------------------------------------------------------------------------------


def test_chronological_goes_by_first_air_date() -> None:
    dated = [
        replace(a, date=f"19{99 - n}-01-01") if n % 2 else replace(a, date="", year=1950 + n)
        for n, a in enumerate(TAXI)
    ]
    aired = ids(air(series("taxi", mode="chronological"), dated))
    by_date = sorted(dated, key=lambda a: a.date or str(a.year))
    assert aired[:14] == [a.id for a in by_date] * 2


def test_weighted_airs_what_weighs_more_more_often() -> None:
    assets = [replace(a, tags=("gold",)) if a.episode == 1 else a for a in [*CHEERS, *TAXI]]
    program = {
        "program": "all",
        "chain": [{"episodes": {"collection": "sitcoms"}}],
        "mode": "weighted",
        "weights": {"gold": 4, "Taxi": 0},
    }
    aired = Counter(ids(air(program, assets, days=20)))
    assert not any("taxi" in asset_id for asset_id in aired)
    gold = [aired[f"sitcoms/cheers/S0{s}E01"] for s in (1, 2)]
    plain = [count for asset_id, count in aired.items() if not asset_id.endswith("E01")]
    assert min(gold) > 2 * max(plain)
    every = ids(air(program, assets, days=5))
    assert all(a != b for a, b in pairwise(every))


def test_a_marathon_airs_one_group_whole_and_then_the_next() -> None:
    program = {
        "program": "all",
        "chain": [{"episodes": {"collection": "sitcoms"}}],
        "mode": "marathon",
        "group_by": "season",
    }
    aired = ids(air(program, [*CHEERS, *TAXI], days=2))
    runs = [(key, list(group)) for key, group in groupby(aired, lambda i: i.split("E0")[0])]
    whole = {
        "sitcoms/cheers/S01": [a.id for a in CHEERS[:5]],
        "sitcoms/cheers/S02": [a.id for a in CHEERS[5:]],
        "sitcoms/taxi/S01": [a.id for a in TAXI],
    }
    for key, group in runs[:-1]:
        assert group == whole[key]
    for start in range(0, len(runs) - 3, 3):
        assert {key for key, _ in runs[start : start + 3]} == set(whole)


@pytest.mark.parametrize("mode", ["marathon", "chronological", "sequential"])
def test_an_episode_inserted_in_the_middle_neither_skips_nor_repeats(mode: str) -> None:
    program = series("cheers", mode=mode)
    past = air(program, CHEERS[:-2])
    checkpoint = Checkpoint(FIRST, {"one": past.days[-1].checkpoint})
    newcomer = episode("cheers", 1, 9, 1300)
    model = station(
        [{"plan": "all", "zones": [{"zone": "All", "window": "06:00-06:00", "play": ["cheers"]}]}],
        [program],
        epoch=FIRST,
    )
    following = FIRST + timedelta(days=1)

    def aired(assets: list[Asset]) -> list[str]:
        return ids(compiled(model, catalog(assets), following, 1, checkpoint))

    expected, got = aired(CHEERS[:-2]), aired([*CHEERS[:-2], newcomer])
    others = [asset_id for asset_id in got if asset_id != newcomer.id]
    assert newcomer.id in got
    assert others == expected[: len(others)]
    last = past.days[-1].events[-1].asset_id
    retired = [replace(a, state=AssetState.RETIRED) if a.id == last else a for a in CHEERS[:-2]]
    assert [i for i in expected if i != last][:8] == aired(retired)[:8]


def test_manual_airs_exactly_what_is_written_down() -> None:
    program = series(
        "cheers",
        mode="manual",
        airings=[
            {"on": "2026-06-02", "episode": "S02E03"},
            {"on": "2026-06-02", "asset": "sitcoms/cheers/S01E01"},
            {"on": "2026-06-02", "title": "Nothing of the kind"},
            {"on": "2026-06-03", "title": "cheers 1x4"},
        ],
    )
    result = air(program, CHEERS, days=4)
    aired = [line for line in listing(result) if "cheers" in line]
    assert aired == ["Tue 06:00 cheers/S02E03", "Tue 06:30 cheers/S01E01", "Wed 06:00 cheers/S01E04"]
    assert [d.code for d in result.diagnostics if d.code.startswith("manual")] == ["manual-not-found"]


def test_manual_says_what_found_no_room() -> None:
    program = series(
        "cheers", mode="manual", airings=[{"on": "2026-06-01", "episode": f"S01E0{n}"} for n in (1, 2, 3)]
    )
    model = station(
        [{"plan": "all", "zones": [{"zone": "Short", "window": "06:00-07:00", "play": ["cheers"]}]}],
        [program],
        epoch=FIRST,
    )
    result = compiled(model, catalog(CHEERS), FIRST)
    assert [d.headline for d in result.diagnostics if d.code == "manual-unaired"] == [
        "program “cheers” was to air on Mon 01 Jun 2026, and no zone of channel “one” had room for it"
    ]


# --- reruns and shared rotations -------------------------------------------------------------------


def reruns(mode: str, at: str = "14:00") -> StationModel:
    chain = [{"episodes": {"collection": "sitcoms", "series": "cheers"}}]
    return station(
        [
            {
                "plan": "all",
                "zones": [
                    {
                        "zone": "All",
                        "window": "06:00-06:00",
                        "gap": "off_air",
                        "at": {"20:00": "cheers", at: "again"},
                    }
                ],
            }
        ],
        [
            {"program": "cheers", "chain": chain, "mode": mode},
            {"program": "again", "chain": chain, "rerun_of": "cheers"},
        ],
        epoch=FIRST,
    )


@pytest.mark.parametrize("mode", ["sequential", "shuffle", "random", "marathon"])
def test_a_rerun_follows_its_premiere_and_never_overtakes_it(mode: str) -> None:
    result = compiled(reruns(mode), catalog(CHEERS), FIRST, days=9)
    premieres = [e.asset_id for day in result.days for e in day.events if e.program == "cheers"]
    again = [e.asset_id for day in result.days for e in day.events if e.program == "again"]
    assert len(premieres) == 9
    assert again == premieres[:8]  # nothing on the first day: at 14:00 nothing has aired yet
    assert listing(result)[:2] == ["Mon 06:00 test-pattern", "Mon 20:00 " + premieres[0][8:]]


def test_a_rerun_that_has_caught_up_airs_the_latest_again() -> None:
    model = reruns("sequential", at="21:00")
    plan = model.plans["all"]
    zone = plan.zones[0].model_copy(update={"at": {"20:00": "cheers", "21:00": "again", "22:00": "again"}})
    model = model.model_copy(update={"plans": {"all": plan.model_copy(update={"zones": (zone,)})}})
    result = compiled(model, catalog(CHEERS), FIRST, days=3)
    aired = [e.asset_id[-6:] for day in result.days for e in day.events if e.asset_id]
    assert aired == [f"S01E0{n}" for n in (1, 2, 3) for _ in range(3)]


def test_a_rerun_survives_the_catalog() -> None:
    """What was inserted since hasn't premiered, and what was retired can't air: neither does."""
    model = reruns("shuffle")
    past = compiled(model, catalog(CHEERS), FIRST, days=5)
    premieres = [e.asset_id for day in past.days for e in day.events if e.program == "cheers"]
    checkpoint = Checkpoint(past.last_day, {"one": past.days[-1].checkpoint})
    gone = premieres[4]
    later = [*(a for a in CHEERS if a.id != gone), *(episode("cheers", 1, n, 1300) for n in range(20, 29))]
    result = compiled(model, catalog(later), FIRST + timedelta(days=5), 2, checkpoint)
    again = [e.asset_id for day in result.days for e in day.events if e.program == "again"]
    fresh = [e.asset_id for day in result.days for e in day.events if e.program == "cheers"]
    assert again == [premieres[3], fresh[0]]


def shared(cursor: str, starts: tuple[str, str] = ("06:00", "06:00")) -> Compiled:
    half = [
        {"zone": name, "window": window, "play": ["cheers"]}
        for name, window in (("Day", "06:00-07:30"), ("Night", "20:00-21:30"))
    ]
    model = station(
        [{"plan": "all", "zones": half}],
        [series("cheers", cursor=cursor)],
        channels=[
            {
                "channel": name,
                "number": number,
                "name": name,
                "plans": ["all"],
                "broadcast_day_start": start,
            }
            for name, number, start in (("one", "1", starts[0]), ("two", "2", starts[1]))
        ],
        epoch=FIRST,
    )
    return compiled(model, catalog(CHEERS), FIRST, days=2)


def test_who_shares_a_rotation() -> None:
    def first_six(result: Compiled, channel: str) -> list[str]:
        return [i[-6:] for i in ids(result, channel) if i][:6]

    s1, s2 = [f"S01E0{n}" for n in range(1, 6)], [f"S02E0{n}" for n in range(1, 6)]
    zone, channel, everybody = (shared(cursor) for cursor in ("zone", "channel", "station"))
    for name in ("one", "two"):
        assert first_six(zone, name) == [*s1[:3], *s1[:3]]
        assert first_six(channel, name) == [*s1, s2[0]]
    # All channels in order of time; at the same instant, in order of number.
    assert first_six(everybody, "one") == [s1[0], s1[2], s1[4], s2[1], s2[3], s1[0]]
    assert first_six(everybody, "two") == [s1[1], s1[3], s2[0], s2[2], s2[4], s1[1]]
    # Where the broadcast days begin at different hours, each hour has a rotation of its own.
    apart = shared("station", ("06:00", "05:00"))
    assert first_six(apart, "one") == [*s1, s2[0]]


# --- virtuals --------------------------------------------------------------------------------------

SHORTS = [
    asset("shorts", f"short-{n:02}", 600 + 10 * n, title=f"Short {n}", tags=("toons",)) for n in range(30)
]


def cartoons(**rule: Any) -> Words:
    return {
        "virtual": "cartoons",
        "title": "Cartoon Hour",
        "rule": {"query": {"tag": "toons"}, "count": 2, **rule},
    }


@pytest.mark.parametrize("order", ["shuffle", "random", "sequential", "chronological", "weighted"])
def test_a_rule_picks_anew_each_time(order: str) -> None:
    result = air(cartoons(order=order, no_repeat="6h"), SHORTS, days=3)
    events = [e for day in result.days for e in day.events]
    assert {e.title for e in events} == {"Cartoon Hour"}
    aired: dict[str, int] = {}
    for event in events:
        playing = [
            s for day in result.days for s in day.playlist if s.event_id == event.event_id and s.asset_id
        ]
        assert len({s.asset_id for s in playing}) == 2
        for segment in playing:
            last = aired.get(segment.asset_id)
            assert last is None or event.start_us - last >= 6 * 60 * MINUTE_US
            aired[segment.asset_id] = event.start_us
    assert not [d for d in result.diagnostics if d.code == "no-repeat-relaxed"]


def test_a_rule_keeps_its_total() -> None:
    result = air(cartoons(min_total="25m", max_total="25m30s"), SHORTS)
    for event in result.days[0].events:
        total = sum(
            s.duration_us for s in result.days[0].playlist if s.event_id == event.event_id and s.asset_id
        )
        assert 25 * MINUTE_US <= total <= 25 * MINUTE_US + 30 * SECOND_US
    never = air(cartoons(max_total="5m"), SHORTS)
    assert [d.code for d in never.diagnostics if d.code != "unfillable-zone"] == ["virtual-out-of-range"]


def test_a_window_that_the_catalog_cannot_keep_is_given_up_and_said() -> None:
    result = air(cartoons(no_repeat="7d"), SHORTS[:3])
    assert "no-repeat-relaxed" in [d.code for d in result.diagnostics]
    assert all(e.asset_id for e in result.days[0].events)


def test_a_sequence_is_played_in_order() -> None:
    program = {
        "virtual": "evening",
        "sequence": [
            {"virtual": "cartoons"},
            {"asset": "sitcoms/taxi/S01E03"},
            {"program": "cheers"},
            {"synthetic": "station-clock"},
        ],
    }
    model = station(
        [{"plan": "all", "zones": [{"zone": "All", "window": "06:00-06:00", "play": ["evening"]}]}],
        [series("cheers")],
        virtuals=[program, cartoons(order="sequential")],
        epoch=FIRST,
    )
    result = compiled(model, catalog([*SHORTS, *CHEERS, *TAXI]), FIRST)
    assert_tiles(result)
    first, second = (
        [s.asset_id or s.synthetic for s in result.days[0].playlist if s.event_id == e.event_id]
        for e in result.days[0].events[:2]
    )
    assert first[:5] == [
        *("shorts/short-00", "shorts/short-01", "sitcoms/taxi/S01E03"),
        *("sitcoms/cheers/S01E01", "station-clock"),
    ]
    assert second[:4] == [
        *("shorts/short-02", "shorts/short-03", "sitcoms/taxi/S01E03", "sitcoms/cheers/S01E02")
    ]


# --- simulcasts ------------------------------------------------------------------------------------


def plus(
    delay: str, days: int = 3, first: date = FIRST, **more: Any
) -> tuple[Compiled, StationModel, Catalog]:
    model = station(
        [{"plan": "all", "zones": [{"zone": "All", "window": "06:00-05:00", "play": ["cheers", "taxi"]}]}],
        [series("cheers"), series("taxi", mode="shuffle")],
        channels=[
            {"channel": "one", "number": "5.1", "name": "One", "plans": ["all"]},
            {"channel": "later", "number": "5.2", "name": "Later", "simulcast": "one", "delay": delay},
        ],
        epoch=FIRST,
        **more,
    )
    assets = catalog([*CHEERS, *TAXI])
    return compiled(model, assets, first, days), model, assets


@pytest.mark.parametrize("delay", ["0s", "1h", "90m", "24h"])
def test_a_simulcast_airs_the_same_later_to_the_microsecond(delay: str) -> None:
    result, model, _ = plus(delay)
    shift = model.channels[1].delay if model.channels[1].channel == "later" else model.channels[0].delay
    assert_tiles(result)

    def rows(channel: str, by: int) -> set[tuple[Any, ...]]:
        return {
            (s.start_us + by, s.end_us + by, s.asset_id, s.in_us, s.synthetic)
            for day in result.days
            if day.channel == channel
            for s in day.playlist
        }

    end = max(row[1] for row in rows("later", 0))
    expected = {row for row in rows("one", shift) if row[1] <= end}
    begins = min(row[0] for row in expected)
    assert {row for row in rows("later", 0) if row[0] >= begins} == expected
    own = {e.event_id for day in result.days if day.channel == "later" for e in day.events}
    assert not own & {e.event_id for day in result.days if day.channel == "one" for e in day.events}


@pytest.mark.parametrize("night", [date(2026, 3, 6), date(2026, 10, 30)])
def test_a_simulcast_goes_on_through_the_night_the_clocks_change(night: date) -> None:
    whole, model, assets = plus("3h", 4, night)
    for start in (1, 2):
        first = night + timedelta(days=start)
        ends = {d.channel: d.checkpoint for d in whole.days if d.broadcast_date == first - timedelta(days=1)}
        result = compiled(model, assets, first, 4 - start, Checkpoint(first - timedelta(days=1), ends))
        assert_tiles(result)
        for channel in ("one", "later"):
            expected = [d.events[-5:] for d in whole.days if d.channel == channel][start:]
            assert [d.events[-5:] for d in result.days if d.channel == channel] == expected


# --- from --------------------------------------------------------------------------------------------


def begun(begin: str, assets: list[Asset], first: date = FIRST, **words: Any) -> tuple[str, list[str]]:
    """What airs first, and what is said of it."""
    item = {"program": "cheers", "from": begin}
    model = station(
        [{"plan": "all", "zones": [{"zone": "All", "window": "06:00-06:00", "play": [item]}]}],
        [series("cheers", **words)],
        epoch=FIRST,
    )
    result = compiled(model, catalog(assets), first)
    return ids(result)[0], [
        f"{d.headline} ({d.help})" for d in result.diagnostics if d.code == "no-such-episode"
    ]


@pytest.mark.parametrize("mode", ["sequential", "chronological"])
def test_an_episode_to_begin_with_that_is_not_there_is_told(mode: str) -> None:
    aired, said = begun("S09E01", CHEERS, mode=mode)
    assert aired == "sitcoms/cheers/S01E01"  # the next one, when all have aired
    assert said == ["program “cheers” has no S09E01: it begins with S01E01 (there is S01E01 to S02E05)"]
    aired, said = begun("S01E06", CHEERS, mode=mode)
    assert aired == "sitcoms/cheers/S02E01"
    assert said == ["program “cheers” has no S01E06: it begins with S02E01 (there is S01E01 to S02E05)"]
    # However long ago it began: nothing else would ever tell.
    assert len(begun("S01E06", CHEERS, FIRST + timedelta(days=30), mode=mode)[1]) == 1


def test_an_episode_to_begin_with_that_is_or_was_there_is_not_told() -> None:
    assert begun("S02E01", CHEERS) == ("sitcoms/cheers/S02E01", [])
    gone = [replace(a, state=AssetState.RETIRED) if a.id.endswith("S01E03") else a for a in CHEERS]
    assert begun("S01E03", gone) == ("sitcoms/cheers/S01E04", [])


def test_no_episode_has_a_number_to_begin_with() -> None:
    bare = [replace(a, season=None, episode=None) for a in CHEERS]
    aired, said = begun("S01E01", bare)
    assert aired == "sitcoms/cheers/S01E01"
    assert said == [
        "program “cheers” has no S01E01: it begins with “sitcoms/cheers/S01E01” (none of its episodes has a "
        "number)"
    ]
