"""Why an asset doesn't air: what is said agrees with what is compiled."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrovue.compiler.eligibility import Standing, own_bars, standings, standings_of
from retrovue.library.catalog import Asset, AssetState, Catalog
from retrovue.station.model import StationModel
from tests.compiler.profiles import examples
from tests.compiler.random_station import NIGHTS, random_station
from tests.compiler.stations import asset, catalog, compiled, episode, series, station

MONDAY = date(2026, 6, 1)
FLIGHT = "2026-06-08..2026-06-14"
DAY = {"zone": "Day", "window": "06:00-06:00", "play": ["cheers"]}
CHEERS = [episode("cheers", 1, n, 1320, marks_us=(330_000_000, 660_000_000)) for n in (1, 2)]


def one(model: StationModel, found: Asset, on: date = MONDAY) -> Standing:
    (stands,) = standings_of(model, [found], on)
    return stands


def codes(stands: Standing) -> list[str]:
    return [bar.code for bar in stands.every_bar]


def sold(*rules: dict[str, object], weight_of_pool: str = "ads") -> StationModel:
    """A channel of Cheers with breaks that sell the spots of ``spots``."""
    return station(
        [{"plan": "all", "zones": [DAY]}],
        [series("cheers"), series("soap")],
        pools=[
            {"pool": "ads", "spots": {"collection": "spots"}},
            {"pool": "kept", "spots": {"collection": "films"}},
        ],
        rules=list(rules),
        formats=[{"break_format": "network", "fill_with": [weight_of_pool], "min_spacing": "1m"}],
        breaks="network",
    )


def test_an_asset_has_bars_of_its_own_exactly_when_it_is_not_eligible() -> None:
    for state, approved, duration in product(AssetState, (True, False), (0, 1)):
        found = Asset("films", "x", state=state, approved=approved, duration_us=duration)
        assert bool(own_bars(found)) is not found.eligible


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ({"state": AssetState.RETIRED}, "retired"),
        ({"state": AssetState.NEW}, "not-ready"),
        ({"state": AssetState.ENRICHING}, "not-ready"),
        ({"approved": False}, "not-approved"),
    ],
)
def test_what_an_asset_lacks_is_said_and_who_asks_for_it_nevertheless(
    words: dict[str, object], code: str
) -> None:
    from dataclasses import replace

    stands = one(sold(), replace(CHEERS[0], **words))  # type: ignore[arg-type]
    assert (stands.airs, codes(stands)) == (False, [code])
    assert [(way.noun, way.slug, way.channels) for way in stands.ways] == [("program", "cheers", ("5.1",))]


def test_what_nobody_asks_for_and_what_nobody_plays() -> None:
    assert codes(one(sold(), asset("sitcoms", "x", 60))) == ["unasked"]
    assert codes(one(sold(), episode("soap", 1, 1, 60))) == ["not-played"]
    assert codes(one(sold(), asset("films", "x", 60))) == ["not-drawn"]
    assert one(sold(), CHEERS[0]).airs


@pytest.mark.parametrize(
    ("rule", "own", "code"),
    [
        ({"flight": [FLIGHT]}, {}, "outside-flight"),
        ({"flight": [FLIGHT], "runs": 20}, {}, "outside-flight"),
        ({"days": ["tue-fri"]}, {}, "outside-days"),
        ({"weight": 0}, {}, "weight-0"),
        ({}, {"flight": FLIGHT}, "outside-flight"),
    ],
)
def test_a_spot_whose_rules_leave_the_date_out(
    rule: dict[str, object], own: dict[str, str], code: str
) -> None:
    spot = asset("spots", "a", 30, extra=own)
    model = sold({"spot": "cola", "asset": spot.id, **rule})
    stands = one(model, spot)
    assert (stands.airs, codes(stands)) == (False, [code])
    assert one(model, asset("spots", "b", 30)).airs
    result = compiled(model, catalog([*CHEERS, spot, asset("spots", "b", 30)]), MONDAY, days=1)
    aired = {segment.asset_id for day in result.days for segment in day.playlist}
    assert "spots/b" in aired
    assert spot.id not in aired
    assert one(model, spot, MONDAY + timedelta(days=8)).airs is (code != "weight-0")


def test_a_spot_of_less_than_a_second() -> None:
    assert codes(one(sold(), asset("spots", "a", 0.5))) == ["too-short"]


def test_when_a_spot_or_a_programme_may_only_air_is_said() -> None:
    spot = asset("spots", "a", 30)
    model = sold({"spot": "cola", "asset": spot.id, "dayparts": ["18:00-23:00"], "ratings": ["TV-14"]})
    (way,) = one(model, spot).ways
    assert way.limits == ("cola: dayparts 18:00-23:00", "cola: in programmes rated TV-14")
    late = station(
        [{"plan": "all", "zones": [DAY]}],
        [series("cheers", not_before="22:00", mode="weighted", weights={"cheers": 0})],
    )
    (way,) = one(late, CHEERS[0]).ways
    assert way.limits == ("starts not before 22:00", "its weight is 0: only when nothing else may air")


def test_bumpers_stand_ins_and_assets_by_name() -> None:
    model = station(
        [{"plan": "all", "zones": [{**DAY, "play": ["show"]}]}],
        [{"program": "show", "chain": [{"bumper": "opens"}, {"asset": "films/x"}]}],
        pools=[
            {"pool": "opens", "spots": {"collection": "spots"}},
            {"pool": "spare", "spots": {"collection": "films"}},
        ],
        channels=[{"channel": "one", "number": "7", "name": "One", "plans": ["all"], "fallback": ["spare"]}],
    )
    assert [(w.slug, w.role) for w in one(model, asset("spots", "o", 5)).ways] == [("opens", "bumper")]
    film = one(model, asset("films", "x", 1320))
    assert [(w.noun, w.slug, w.role) for w in film.ways] == [
        ("program", "show", ""),
        ("pool", "spare", "stand-in"),
    ]
    assert film.airs


def _barred_never_airs(model: StationModel, library: Catalog, first: date, days: int) -> None:
    result = compiled(model, library, first, days=days)
    for on in {day.broadcast_date for day in result.days}:
        today = [day for day in result.days if day.broadcast_date == on]
        aired = {segment.asset_id for day in today for segment in day.playlist}
        aired |= {event.asset_id for day in today for event in day.events}
        stood = {s.asset.id: s for s in standings(model, library, library.assets.values(), on)}
        barred = {asset_id for asset_id, stands in stood.items() if not stands.airs}
        assert not barred & aired
        assert {s.asset.id for s in standings_of(model, list(library.assets.values()), on) if not s.airs} == (
            barred
        )


@examples(12)
@given(st.integers(0, 1 << 32), st.sampled_from(NIGHTS))
def test_what_is_said_not_to_air_is_never_compiled(seed: int, first: date) -> None:
    model, library = random_station(seed, first)
    _barred_never_airs(model, library, first, 2)


_RULE = st.fixed_dictionaries(
    {},
    optional={
        "flight": st.lists(st.sampled_from((FLIGHT, "2026-06-01..2026-06-02", "06-02..06-03")), max_size=2),
        "days": st.sampled_from(("mon", "tue-fri", "sat")),
        "weight": st.sampled_from((0, 1, 3)),
        "runs": st.integers(1, 40),
        "ratings": st.just(["TV-14"]),
    },
)


@examples(15)
@given(st.lists(st.tuples(st.integers(0, 3), _RULE), max_size=4), st.sampled_from(("", FLIGHT, "2026-06-02")))
def test_spots_that_are_said_not_to_air_are_never_compiled(
    rules: list[tuple[int, dict[str, object]]], own: str
) -> None:
    spots = [asset("spots", str(n), 30, extra={"flight": own} if n % 2 and own else {}) for n in range(4)]
    model = sold(*({"spot": f"rule-{i}", "asset": f"spots/{n}", **r} for i, (n, r) in enumerate(rules)))
    _barred_never_airs(model, catalog([*CHEERS, *spots]), MONDAY, 2)
