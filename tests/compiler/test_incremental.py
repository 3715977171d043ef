"""An incremental compile is the full one, and it compiles the days that an edit can reach and no others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from retrovue.cli.executors import Chosen
from retrovue.cli.processes import spread_over
from retrovue.compiler.base import Base
from retrovue.compiler.content_hash import content_hash
from retrovue.compiler.model import Compiled, MadeFrom
from retrovue.compiler.why import reasons
from retrovue.compiler.work import Spread, in_turn
from retrovue.credits import Credit
from retrovue.library.catalog import Asset, AssetState, Catalog
from retrovue.station.model import PlayMode, Program, Separation, Spot, StationModel
from retrovue.store import Artefact, Provenance, write_artefact
from retrovue.store.schema import TABLES
from retrovue.units import MINUTE_US
from tests.compiler.profiles import examples
from tests.compiler.random_station import NIGHTS, random_station
from tests.compiler.stations import asset, catalog, compiled, episode, sent, series, spots, station

seeds = st.integers(0, 2**32)


# --- any edit of any station -----------------------------------------------------------------------


def edited(model: StationModel, assets: Catalog, seed: int) -> tuple[StationModel, Catalog]:
    """The station after one or two edits such as operators make; ``seed`` decides."""
    r = Random(seed)
    for _ in range(r.randint(1, 2)):
        model, assets = r.choice(EDITS)(r, model, assets)
    return model, assets


def _with(model: StationModel, nouns: str, slug: str, **words: Any) -> StationModel:
    known = getattr(model, nouns)
    return model.model_copy(update={nouns: {**known, slug: known[slug].model_copy(update=words)}})


def _zone(r: Random, model: StationModel, assets: Catalog) -> tuple[StationModel, Catalog]:
    plan = model.plans[r.choice(sorted(model.plans))]
    at = r.randrange(len(plan.zones))
    words: dict[str, Any] = r.choice(
        (
            {"play": tuple(r.choices([*model.programs, "card"], k=r.randint(0, 2)))},
            {"at": {f"{r.randrange(24):02}:00": r.choice(sorted(model.programs))}},
            {"window": (r.randrange(0, 1440, 30), r.randrange(0, 1440, 30))},
            {"bleed": "allow"},
            {"breaks": r.choice(("none", "network"))},
        )
    )
    zones = list(plan.zones)
    zones[at] = zones[at].model_copy(update=words)
    return _with(model, "plans", plan.plan, zones=tuple(zones)), assets


def _plan(r: Random, model: StationModel, assets: Catalog) -> tuple[StationModel, Catalog]:
    plan = model.plans[r.choice(sorted(model.plans))]
    days = r.choice((None, "mon-fri", "sat", "sun", "tue"))
    words: dict[str, Any] = {"when": plan.when.model_copy(update={"days": days})}
    return _with(model, "plans", plan.plan, **r.choice((words, {"priority": r.randint(0, 3)}))), assets


def _program(r: Random, model: StationModel, assets: Catalog) -> tuple[StationModel, Catalog]:
    slug = r.choice(sorted(model.programs))
    words: dict[str, Any] = r.choice(
        (
            {"mode": r.choice((PlayMode.SHUFFLE, PlayMode.SEQUENTIAL, PlayMode.RANDOM))},
            {"title": "Another"},
            {"rating": "TV-MA"},
            {"airings": model.programs[slug].airings[1:]},
            {"not_before": r.choice((None, 21 * 60))},
            {"breaks": "none"},
        )
    )
    return _with(model, "programs", slug, **words), assets


def _new_program(r: Random, model: StationModel, assets: Catalog) -> tuple[StationModel, Catalog]:
    """A rerun of what no other reran, which makes its premiere keep a record."""
    again = Program.model_validate(
        {"program": "extra", "chain": [{"program": "show-0"}], "rerun_of": "show-0"}
    )
    return model.model_copy(update={"programs": {**model.programs, "extra": again}}), assets


def _pool(r: Random, model: StationModel, assets: Catalog) -> tuple[StationModel, Catalog]:
    words: dict[str, Any] = r.choice(
        (
            {"mode": r.choice((PlayMode.SHUFFLE, PlayMode.RANDOM))},
            {"daily_cap": r.choice((None, 1, 3))},
            {"separation": Separation(copy_=r.choice((0, 60 * MINUTE_US)), advertiser=5 * MINUTE_US)},
        )
    )
    return _with(model, "pools", r.choice(("ads", "filler")), **words), assets


def _spot(r: Random, model: StationModel, assets: Catalog) -> tuple[StationModel, Catalog]:
    """Rules of one spot: where there is one already, other ones."""
    words: dict[str, Any] = r.choice(
        (
            {"flight": "2026-03-08..2026-06-02"},
            {"days": "sat"},
            {"daily_cap": 2},
            {"runs": 20, "flight": "2026-01-01..2026-12-31"},
            {"promotes": {"program": "show-0", "when": r.choice(("next", "tonight", "tomorrow"))}},
            {"weight": 0},
        )
    )
    rule = Spot.model_validate({"spot": "rule", "asset": f"spots/spot-{r.randrange(3)}", **words})
    return model.model_copy(update={"spots": {**model.spots, "rule": rule}}), assets


def _policy(r: Random, model: StationModel, assets: Catalog) -> tuple[StationModel, Catalog]:
    words: dict[str, Any] = r.choice(
        (
            {"off_air": r.choice(("card", "test-pattern", "show-0"))},
            {"breaks": r.choice((None, "network"))},
            {"seed": r.randrange(9)},
            {"seasons": {"summer": ("06-01..08-31",)}},
            {"max_fill": r.choice((0, 10 * MINUTE_US))},
        )
    )
    return model.model_copy(update={"station": model.station.model_copy(update=words)}), assets


def _picture(r: Random, model: StationModel, assets: Catalog) -> tuple[StationModel, Catalog]:
    return _with(model, "synthetics", "card", title="Soon"), assets


def _format(r: Random, model: StationModel, assets: Catalog) -> tuple[StationModel, Catalog]:
    return _with(model, "break_formats", "network", fill_with=r.choice(((), ("ads",), ("filler",)))), assets


def _library(r: Random, model: StationModel, assets: Catalog) -> tuple[StationModel, Catalog]:
    """One asset more, gone, retired, of another length, or by somebody else."""
    known = dict(assets.assets)
    victim: Asset | None = known.get(r.choice(sorted(known))) if known else None
    change = r.randrange(7)
    if victim is None or not change:
        more = asset("sitcoms", "show-0/new", 1500, series="show-0", season=1, episode=99)
        known[more.id] = more
    elif change == 1:
        del known[victim.id]
    else:
        words: dict[str, Any] = (
            {"state": AssetState.RETIRED},
            {"duration_us": 61_000_000},
            {"credits": (Credit("director", f"somebody {r.random()}"),)},
            {"artwork": (f"poster {r.random()}.jpg",)},
            {"dayparts": (r.choice(("20:00-23:00", "06:00-18:00")),)},
        )[change - 2]
        known[victim.id] = replace(victim, **words)
    made = catalog(known.values())
    return model, Catalog(made.assets, f"edited {r.random()}")


EDITS = (
    *(_zone, _zone, _zone, _plan, _plan, _program, _program),
    *(_new_program, _pool, _spot, _spot, _policy, _picture, _format, _library, _library),
)


def assert_same(incremental: Compiled, full: Compiled) -> None:
    assert incremental.days == full.days
    assert incremental.content_hash == full.content_hash == content_hash(incremental)
    assert [day.content_hash for day in incremental.days] == [day.content_hash for day in full.days]
    assert (incremental.opening, incremental.inputs) == (full.opening, full.inputs)
    assert (incremental.diagnostics, incremental.findings) == (full.diagnostics, full.findings)
    assert incremental.assets == full.assets


@examples(25)
@given(seeds, seeds, st.sampled_from(NIGHTS), st.integers(0, 2), st.integers(0, 2))
@example(seed=88132, edit=575, epoch=date(2026, 3, 28), passed=1, rolled=2)
def test_an_incremental_compile_is_the_full_one(
    seed: int, edit: int, epoch: date, passed: int, rolled: int
) -> None:
    """Whatever the station and the edit, on whatever day it is made: not a row is another, and none of what
    was found is lost. And once more with what came of it: a day that was taken over is as good as another."""
    model, assets = edited(*random_station(seed, epoch), edit - 1)
    first = epoch + timedelta(days=passed)
    before = compiled(model, assets, first, days=5)
    for number in range(2):
        model, assets = edited(model, assets, edit + number)
        first += timedelta(days=rolled)
        full = compiled(model, assets, first, days=5)
        before = compiled(model, assets, first, days=5, base=Base.of_compiled(before, published=False))
        assert_same(before, full)


def tables(file: Path) -> dict[str, list[tuple[Any, ...]]]:
    """All that stands in an artefact, in no order."""
    with Artefact.open(file) as artefact:
        return {table.name: artefact.rows(f"FROM art.{table.name} ORDER BY ALL") for table in TABLES}


#: Here, in forked processes, and by somebody who opens the artefact himself.
SPREADS = (in_turn, spread_over(Chosen("processes", 2), print), sent)


@examples(6)
@given(seeds, seeds, st.sampled_from(NIGHTS), st.integers(0, 1), st.booleans(), st.sampled_from(SPREADS))
def test_an_artefact_written_from_the_one_before_is_the_full_one(
    seed: int, edit: int, epoch: date, rolled: int, published: bool, spread: Spread
) -> None:
    """Row for row in every table, although most rows were copied without a look. From what is published it is
    the one that goes on from the same schedule as values, all of which were looked at."""
    model, assets = random_station(seed, epoch)
    first = epoch + timedelta(days=1)
    with TemporaryDirectory() as folder:

        def write(name: str, result: Compiled) -> Path:
            path = Path(folder, name)
            provenance = Provenance(0, 0, "test", inputs={"file station.yaml": "0"})
            write_artefact(path, result, provenance, reasons(model, assets, result))
            return path

        old = compiled(model, assets, first, days=3)
        before = write("before", old)
        model, assets = edited(model, assets, edit)
        first += timedelta(days=rolled)
        full = compiled(model, assets, first, days=3, base=Base.of_compiled(old) if published else None)
        with Artefact.open(before) as artefact:
            base = artefact.base(first, published)
            result = compiled(model, assets, first, days=3, base=base, spread=spread)
            after = write("after", result)
            assert_same(result, full)
            assert result.recompiled == full.recompiled or not published
        assert tables(after) == tables(write("full", full))


def unknown(base: Base) -> Base:
    """The same base, but that it doesn't know what its days were made from."""
    return replace(
        base,
        inputs={},
        days={
            channel: {on: replace(day, made=MadeFrom()) for on, day in days.items()}
            for channel, days in base.days.items()
        },
    )


@examples(20)
@given(seeds, seeds, st.sampled_from(NIGHTS), st.integers(0, 60 * 60), st.integers(0, 1))
@example(seed=869, edit=2264, epoch=date(2026, 3, 7), minutes=0, rolled=0)
def test_behind_the_locked_time_it_is_the_full_one_too(
    seed: int, edit: int, epoch: date, minutes: int, rolled: int
) -> None:
    model, assets = edited(*random_station(seed, epoch), edit - 1)
    published = compiled(model, assets, epoch, days=5)
    as_of_us = published.start_us + minutes * MINUTE_US
    model, assets = edited(model, assets, edit)
    first = epoch + timedelta(days=rolled)
    base = Base.of_compiled(published)

    def go_on(base: Base) -> Compiled:
        return compiled(model, assets, first, days=5, as_of_us=as_of_us, base=base)

    full, incremental = go_on(unknown(base)), go_on(base)
    locked = {  # whole days that are published bring along what they were made from, and what was found
        (day.channel, day.broadcast_date)
        for day in full.days
        if day.end_us <= as_of_us + model.station.horizon.locked
    }

    def comparable(result: Compiled) -> list[Any]:
        return [
            replace(day, made=MadeFrom(), findings=()) if (day.channel, day.broadcast_date) in locked else day
            for day in result.days
        ]

    if all(incremental.inputs[c] != base.inputs.get(c) for c in incremental.inputs):
        assert comparable(incremental) == comparable(full)
        assert incremental.content_hash == full.content_hash
        assert incremental.opening == full.opening


# --- which days, to the name -----------------------------------------------------------------------

MONDAY = date(2026, 6, 1)
SHOWS = [episode(name, 1, n, 1300 + n) for name in ("cheers", "taxi", "wings") for n in range(1, 13)]
LIBRARY = catalog([*SHOWS, *spots(40)])
WORKDAYS: dict[str, Any] = {
    "plan": "workdays",
    "when": {"days": "mon-fri"},
    "zones": [
        {"zone": "Day", "window": "06:00-18:00", "play": ["cheers"]},
        {"zone": "Night", "window": "18:00-06:00", "play": ["wings"]},
    ],
}


def weekend(*play: str) -> dict[str, Any]:
    return {
        "plan": "weekend",
        "when": {"days": "sat-sun"},
        "zones": [{"zone": "Leisure", "window": "06:00-06:00", "play": play}],
    }


def week(
    plans: Sequence[Mapping[str, Any]],
    programs: Sequence[Mapping[str, Any]] = (),
    pool: Mapping[str, Any] | None = None,
    **more: Any,
) -> StationModel:
    return station(
        plans,
        programs or [series("cheers"), series("taxi"), series("wings")],
        pools=[{"pool": "ads", "spots": {"collection": "spots"}, **(pool or {})}],
        formats=[{"break_format": "network", "fill_with": ["ads"]}],
        breaks="network",
        epoch=MONDAY,
        **more,
    )


def named(before: StationModel, after: StationModel, assets: Catalog = LIBRARY) -> str:
    """The days that the edit compiles anew, of two weeks: "6 7 13 14". What comes out is the full compile."""
    published = compiled(before, LIBRARY, MONDAY, days=14)
    base = Base.of_compiled(published, published=False)
    result = compiled(after, assets, MONDAY, days=14, base=base)
    assert_same(result, compiled(after, assets, MONDAY, days=14))
    (days,) = result.recompiled.values()
    return " ".join(str(day.day) for day in days)


def test_an_edit_of_the_weekend_compiles_the_weekends() -> None:
    """The rotations of its zone stand elsewhere on Monday, but no day of the week uses them."""
    before, after = (week([WORKDAYS, weekend(*play)]) for play in (["taxi"], ["taxi", "cheers"]))
    assert named(before, after) == "6 7 13 14"


def test_what_the_spots_separation_carries_on_is_compiled_until_it_is_what_it_was() -> None:
    """Whatever aired on Sunday night bars a spot on Monday morning; at Monday's end it makes no difference
    any more."""
    apart = {"separation": {"copy": "60m", "advertiser": "3m"}}
    before, after = (week([WORKDAYS, weekend(*play)], pool=apart) for play in (["taxi"], ["taxi", "cheers"]))
    assert named(before, after) == "6 7 8 13 14"


def test_a_rotation_that_zones_share_carries_the_edit_on() -> None:
    shows = [series("cheers", cursor="channel"), series("taxi"), series("wings")]
    lists = (["taxi"], ["taxi", "wings", "cheers"])
    before, after = (week([WORKDAYS, weekend(*play)], shows) for play in lists)
    assert named(before, after) == "6 7 8 9 10 11 12 13 14"


def test_a_channel_that_shares_a_rotation_no_more_is_missed_by_those_that_do() -> None:
    """It is in no group with them any more, so its days are not compared with theirs."""

    def two_channels(second: str) -> StationModel:
        plans = [
            {
                "plan": name,
                "when": {},
                "zones": [
                    {"zone": "Early", "window": "06:00-15:30", "play": [early]},
                    {"zone": "Late", "window": "15:30-06:00", "play": [late]},
                ],
            }
            for name, early, late in (("first", "cheers", "taxi"), ("second", second, "cheers"))
        ]
        channels = [
            {"channel": name, "number": str(n), "name": name, "plans": (name,)}
            for n, name in enumerate(("first", "second"), 2)
        ]
        shared = [series("cheers"), series("taxi", cursor="station"), series("wings")]
        return station(plans, shared, channels=channels, epoch=MONDAY)

    base = compiled(two_channels("taxi"), LIBRARY, MONDAY, days=7)
    after = two_channels("wings")
    full = compiled(after, LIBRARY, MONDAY, days=7)
    assert [day.events for day in base.days if day.channel == "first"] != [
        day.events for day in full.days if day.channel == "first"
    ]
    assert_same(compiled(after, LIBRARY, MONDAY, days=7, base=Base.of_compiled(base, published=False)), full)


def test_a_plan_of_one_date_compiles_that_date() -> None:
    special = {
        "plan": "special",
        "when": {"dates": "2026-06-10"},
        "zones": [{"zone": "Special", "window": "20:00-22:00", "play": ["taxi"]}],
    }
    channel = {"channel": "one", "number": "5.1", "name": "One"}
    plans = [WORKDAYS, weekend("taxi"), special]
    before = week(plans, channels=[{**channel, "plans": ("workdays", "weekend")}])
    after = week(plans, channels=[{**channel, "plans": ("workdays", "weekend", "special")}])
    # The Night's rotation has aired less on the 10th: the nights that follow go on from there.
    assert named(before, after) == "10 11 12"


def test_a_zone_that_a_higher_plan_covers_compiles_nothing() -> None:
    def below(play: str) -> dict[str, Any]:
        zone = {"zone": "Rest", "window": "06:00-06:00", "play": [play]}
        return {"plan": "below", "priority": -1, "zones": [zone]}

    plans = [WORKDAYS, weekend("taxi")]
    assert named(week([*plans, below("taxi")]), week([*plans, below("wings")])) == ""


def test_a_programs_edit_compiles_the_days_that_come_to_it() -> None:
    plans = [WORKDAYS, weekend("taxi")]
    other = [series("cheers"), series("taxi", title="Taxi!"), series("wings")]
    assert named(week(plans), week(plans, other)) == "6 7 13 14"


def test_a_new_episode_compiles_the_days_that_ask_for_it() -> None:
    plans = [WORKDAYS, weekend("taxi")]
    more = Catalog(catalog([*LIBRARY.assets.values(), episode("taxi", 1, 13, 1400)]).assets, "one more")
    assert named(week(plans), week(plans), more) == "6 7 13 14"
    other = Catalog(catalog([*LIBRARY.assets.values(), episode("coach", 1, 1, 1400)]).assets, "another")
    assert named(week(plans), week(plans), other) == ""


@pytest.mark.parametrize(
    ("flight", "days"), [("2026-06-01..2026-06-11", "11"), ("2026-06-04..2026-06-10", "1 2 3")]
)
def test_a_flight_compiles_the_days_that_it_gains_or_loses(flight: str, days: str) -> None:
    plans = [WORKDAYS, weekend("taxi")]

    def with_flight(word: str) -> StationModel:
        return week(plans, rules=[{"spot": "rule", "spots": {"collection": "spots"}, "flight": word}])

    assert named(with_flight("2026-06-01..2026-06-10"), with_flight(flight)) == days


def test_a_promo_for_tomorrow_is_compiled_anew_on_the_eve() -> None:
    rules = [{"spot": "rule", "asset": "spots/spot-0", "promotes": {"program": "taxi", "when": "tomorrow"}}]
    before, after = (week([WORKDAYS, weekend(*play)], rules=rules) for play in (["taxi"], ["cheers"]))
    assert named(before, after) == "5 6 7 12 13 14"


def test_the_name_of_the_station_and_the_numbers_of_its_channels_compile_nothing() -> None:
    plans = [WORKDAYS, weekend("taxi")]
    after = week(
        plans, channels=[{"channel": "one", "number": "7", "name": "One", "plans": ("workdays", "weekend")}]
    )
    assert (
        named(
            week(plans),
            after.model_copy(update={"station": after.station.model_copy(update={"name": "New"})}),
        )
        == ""
    )
