"""Only what is ready and approved when a station is compiled is scheduled, wherever an asset may stand."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import date, timedelta
from random import Random
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from retrovue.compiler.base import Base
from retrovue.compiler.in_flight import CURSOR, unpack
from retrovue.compiler.model import Checkpoint, Compiled, ScheduleEvent, Segment, SegmentKind
from retrovue.credits import Credit
from retrovue.library.catalog import AssetState, Catalog
from retrovue.station.model import Pool, Program, Spot, StationModel
from retrovue.units import HOUR_US, MINUTE_US
from tests.compiler.profiles import examples
from tests.compiler.random_station import NIGHTS, random_station
from tests.compiler.stations import (
    assert_tiles,
    asset,
    catalog,
    compiled,
    episode,
    listing,
    series,
    spots,
    station,
)

seeds = st.integers(0, 2**32)
FIRST = date(2026, 6, 1)
nights = st.sampled_from(NIGHTS)

#: What an asset may be that may not air.
UNFIT: tuple[dict[str, Any], ...] = (
    {"state": AssetState.NEW},
    {"state": AssetState.ENRICHING},
    {"state": AssetState.RETIRED},
    {"approved": False},
    {"state": AssetState.RETIRED, "approved": False},
)


def everywhere(seed: int, epoch: date) -> tuple[StationModel, Catalog]:
    """A random station in which assets stand in every place that the language has for one. Each asset says
    its id in everything that a guide, a card or a promo may repeat."""
    r = Random(f"everywhere {seed}")
    model, known = random_station(seed, epoch)
    media = [*known.assets.values()]
    media += [asset("spots", f"trailer-{n}", 20 + n, tags=("trailer",)) for n in range(3)]
    media += [asset("bumps", f"sting-{n}", 3, tags=("sting",)) for n in range(2)]
    media += [asset("sitcoms", f"special-{n}", 1700, series="specials", tags=("kids",)) for n in range(3)]
    media += [asset("sitcoms", f"standby-{n}", 2000 + n, series="standby") for n in range(5)]
    media = [
        replace(
            a,
            title=f"<{a.id}>",
            description=f"<{a.id}>",
            credits=(Credit("director", f"<{a.id}>"),),
            artwork=(f"<{a.id}>",),
        )
        for a in media
    ]
    films = sorted(a.id for a in media if a.collection == "sitcoms")
    ads = sorted(a.id for a in media if a.collection == "spots")
    query = {"collection": "sitcoms", "series": "specials"}
    extra: list[dict[str, Any]] = [
        {"program": "fixed", "chain": [{"bumper": {"tag": "sting"}}, {"asset": r.choice(films)}]},
        {
            "program": "listed",
            "mode": "manual",
            "chain": [{"episodes": query}],
            "airings": [
                {"on": epoch + timedelta(days=n), **r.choice(({"asset": a}, {"title": f"<{a}>"}))}
                for n in range(5)
                for a in r.choices([*films, "sitcoms/special-0"], k=2)
            ],
        },
    ]
    programs = {**model.programs, **{p["program"]: Program.model_validate(p) for p in extra}}
    plans = dict(model.plans)
    for slug, plan in plans.items():
        zones = [
            zone.model_copy(update={"play": (*zone.play, r.choice(("fixed", "listed", "show-0")))})
            for zone in plan.zones
        ]
        plans[slug] = plan.model_copy(update={"zones": tuple(zones)})
    rules: list[dict[str, Any]] = [
        {"spot": "trailer", "spots": {"tag": "trailer"}, "promotes": {"program": "show-0", "when": "next"}},
        {"spot": "one", "asset": r.choice(ads), "weight": 3},
        {"spot": "sold", "asset": r.choice(ads), "runs": 40, "flight": "2026-01-01..2028-12-31"},
    ]
    spots = {rule["spot"]: Spot.model_validate(rule) for rule in r.sample(rules, r.randint(0, 3))}
    stand_ins = r.choice(((), ("standby",), ("ads", "bumpers")))
    standby = Pool.model_validate({"pool": "standby", "spots": {"series": "standby"}, "kind": "filler"})
    channels = tuple(c.model_copy(update={"fallback": stand_ins}) for c in model.channels)
    made = model.model_copy(
        update={
            "programs": programs,
            "plans": plans,
            "spots": spots,
            "channels": channels,
            "pools": {**model.pools, "standby": standby},
        }
    )
    return made, catalog(media)


def shaken(assets: Catalog, seed: int) -> Catalog:
    """The same with some of them unfit; anything from none to all but a few."""
    r = Random(f"shaken {seed}")
    share = r.choice((0.1, 0.3, 0.3, 0.8))
    made = [
        replace(a, **(r.choice(UNFIT) if r.random() < share else {}))
        for a in assets.assets.values()  # which are all ready and approved
    ]
    return Catalog({a.id: a for a in made}, f"shaken {seed}")


def withdrawn(assets: Catalog, of: set[str], seed: int) -> Catalog:
    """The same with one or two of these unfit from now on."""
    r = Random(f"withdrawn {seed}")
    fit = sorted(of - unfit(assets))
    known = dict(assets.assets)
    for asset_id in r.sample(fit, min(len(fit), r.randint(1, 2))):
        known[asset_id] = replace(known[asset_id], **r.choice(UNFIT))
    return Catalog(known, f"withdrawn {seed}")


def unfit(assets: Catalog) -> set[str]:
    return {a.id for a in assets.assets.values() if not (a.state is AssetState.READY and a.approved)}


def named(events: Iterable[ScheduleEvent], segments: Iterable[Segment]) -> set[str]:
    """Every asset that is anywhere in these, by its id or by what it says of itself."""
    found: set[str] = set()
    for event in events:
        found |= {event.asset_id, *event.fallbacks}
        found |= set(re.findall("<([^>]*)>", repr(event)))
    for segment in segments:
        found.add(segment.asset_id)
        found |= set(re.findall("<([^>]*)>", segment.title))
    return found - {""}


def by_event(result: Compiled) -> Iterator[tuple[ScheduleEvent, list[Segment]]]:
    for day in result.days:
        under: dict[int, list[Segment]] = {event.event_id: [] for event in day.events}
        for segment in day.playlist:
            under[segment.event_id].append(segment)
        yield from ((event, under[event.event_id]) for event in day.events)


def assert_approved(result: Compiled, assets: Catalog) -> None:
    """Nothing of it is unfit: schedule, playlists, stand-ins, what is in flight, the assets themselves."""
    bad = unfit(assets)
    for event, segments in by_event(result):
        assert not named([event], segments) & bad
    checkpoints = [*(day.checkpoint for day in result.days), *result.opening.values()]
    flying = [one for cursors in checkpoints for one in unpack(cursors.get(CURSOR, "[]"))]
    assert not named((f.event for f in flying), (s for f in flying for s in f.playlist)) & bad
    assert not {a.id for a in result.assets} & bad


@examples(40, shrink=False)
@given(seeds, seeds, nights)
def test_only_what_is_ready_and_approved_is_scheduled(seed: int, states: int, epoch: date) -> None:
    model, known = everywhere(seed, epoch)
    assets = shaken(known, states)
    result = compiled(model, assets, epoch + timedelta(days=1), days=3)
    assert_tiles(result)
    assert_approved(result, assets)


@examples(40, shrink=False)
@given(seeds, seeds, seeds, nights, st.integers(0, 2), st.booleans())
def test_nor_by_way_of_days_that_are_taken_over(
    seed: int, before: int, after: int, epoch: date, rolled: int, few: bool
) -> None:
    """A base that only saves work brings back nothing that has become unfit since, be it much or one asset
    of those that its days show."""
    model, known = everywhere(seed, epoch)
    assets = shaken(known, before)
    old = compiled(model, assets, epoch, days=4)
    shown = set[str]().union(*(named([event], segments) for event, segments in by_event(old)))
    assets = withdrawn(assets, shown, after) if few else shaken(known, after)
    base = Base.of_compiled(old, published=False)
    result = compiled(model, assets, epoch + timedelta(days=rolled), days=4, base=base)
    assert_approved(result, assets)


@examples(50, shrink=False)
@given(seeds, seeds, seeds, nights, st.integers(0, 50 * 60), st.integers(0, 2), st.booleans())
def test_what_is_published_stands_and_is_known_to_be_unfit(
    seed: int, before: int, after: int, epoch: date, minutes: int, rolled: int, ledger: bool
) -> None:
    """What is unfit stays where it is published and locked, and nowhere else; the artefact says what has
    become of it, so that playout takes the planned stand-in."""
    model, known = everywhere(seed, epoch)
    published = compiled(model, shaken(known, before), epoch, days=4)
    assets = shaken(known, after)
    as_of_us = published.start_us + minutes * MINUTE_US
    lock_us = as_of_us + model.station.horizon.locked
    first = epoch + timedelta(days=rolled)
    if ledger:  # only what is in flight is known, and nothing is locked
        lock_us, eve = 0, first - timedelta(days=1)
        cursors = {d.channel: d.checkpoint for d in published.days if d.broadcast_date == eve}
        checkpoint = Checkpoint(eve, cursors or published.opening)
        result = compiled(model, assets, first, days=3, as_of_us=as_of_us, checkpoint=checkpoint)
    else:
        base = Base.of_compiled(published)
        result = compiled(model, assets, first, days=3, as_of_us=as_of_us, base=base)
    assert_tiles(result)
    stands = {(e.channel, e.start_us, e.asset_id) for e, _ in by_event(published)}
    opens = {day.channel: day.start_us for day in reversed(result.days)}
    bad = unfit(assets)
    kept: set[str] = set()
    for event, segments in by_event(result):
        found = named([event], segments) & bad
        if event.start_us < max(lock_us, opens[event.channel]):
            assert not found or (event.channel, event.start_us, event.asset_id) in stands
            kept |= found
        else:
            assert not found
    of_artefact = {a.id: a for a in result.assets}
    assert of_artefact.keys() & bad == kept
    for asset_id in kept:
        known_as = assets.assets[asset_id]
        assert (of_artefact[asset_id].state, of_artefact[asset_id].approved) == (
            known_as.state,
            known_as.approved,
        )


def test_the_property_can_fail() -> None:
    """These stations do use what they have: each place in which an asset may stand comes up."""
    places: set[str] = set()
    for seed in range(40):
        model, known = everywhere(seed, NIGHTS[0])
        result = compiled(model, known, NIGHTS[0], days=3)
        for event, segments in by_event(result):
            places |= {event.program} & {"fixed", "listed", "again", "virtual-0", "show-0"}
            places |= {"stand-in"} if event.fallbacks else set()
            places |= {s.kind.value for s in segments if s.asset_id}
            places |= {"trailer"} if any("trailer" in s.asset_id for s in segments) else set()
            places |= {"sting"} if any("sting" in s.asset_id for s in segments) else set()
        places |= {"in flight"} if any(CURSOR in day.checkpoint for day in result.days) else set()
    kinds = {SegmentKind.PROGRAM, SegmentKind.AD, SegmentKind.BUMPER, SegmentKind.FILLER}
    assert {kind.value for kind in kinds} <= places
    assert {"fixed", "listed", "again", "virtual-0", "show-0", "stand-in", "trailer", "sting"} <= places
    assert "in flight" in places


def test_a_day_whose_chain_names_what_may_not_air_any_more_is_not_taken_over() -> None:
    model = station(
        [{"plan": "all", "zones": [{"zone": "Day", "window": "06:00-06:00", "play": ["fixed", "cheers"]}]}],
        [series("cheers"), {"program": "fixed", "chain": [{"asset": "films/charade"}]}],
        epoch=FIRST,
    )
    charade = asset("films", "charade", 6000)
    media = [charade, *(episode("cheers", 1, n, 1500) for n in range(1, 9))]
    base = Base.of_compiled(compiled(model, catalog(media), FIRST, days=2), published=False)
    assert any(s.asset_id == charade.id for day in base.days["one"].values() for s in day.playlist)
    for unfit in (replace(charade, approved=False), replace(charade, state=AssetState.RETIRED)):
        assets = Catalog({a.id: a for a in [unfit, *media[1:]]}, "then")
        result = compiled(model, assets, FIRST, days=2, base=base)
        assert {s.asset_id for day in result.days for s in day.playlist} & {charade.id} == set()
        assert result.days == compiled(model, assets, FIRST, days=2).days


# --- a simulcast, to the minute ----------------------------------------------------------------------


def delayed() -> StationModel:
    return station(
        [{"plan": "all", "zones": [{"zone": "Day", "window": "06:00-06:00", "play": ["cheers"]}]}],
        [series("cheers")],
        pools=[{"pool": "ads", "spots": {"collection": "spots"}}],
        formats=[{"break_format": "network", "fill_with": ["ads"]}],
        breaks="network",
        channels=[
            {"channel": "one", "number": "1", "name": "One", "plans": ["all"]},
            {"channel": "later", "number": "2", "name": "Later", "simulcast": "one", "delay": "6h"},
        ],
        epoch=FIRST,
    )


def gone_at_noon(*ids: str) -> tuple[Compiled, Compiled]:
    """The day as it was published, and as it is compiled again at noon, when these assets have retired."""
    media = catalog([*(episode("cheers", 1, n, 1500) for n in range(1, 60)), *spots(9)])
    published = compiled(delayed(), media, FIRST, days=2)
    noon_us = published.start_us + 6 * HOUR_US
    now = [replace(a, state=AssetState.RETIRED) if a.id in ids else a for a in media.assets.values()]
    again = Catalog({a.id: a for a in now}, "noon")
    base = Base.of_compiled(published)
    return published, compiled(delayed(), again, FIRST, days=2, as_of_us=noon_us, base=base)


def test_what_the_source_has_aired_is_not_aired_later_when_it_has_retired() -> None:
    published, result = gone_at_noon("sitcoms/cheers/S01E08")
    assert "Mon 09:30 cheers/S01E08" in listing(result, "one")  # aired, and stays what it was
    line = "Mon 15:30 cheers/S01E08"
    assert line in listing(published, "later")
    assert [new for new in listing(result, "later") if new.startswith("Mon 15")] == [
        "Mon 15:00 cheers/S01E07",
        "Mon 15:30 test-pattern",
    ]
    (told,) = [d for d in result.diagnostics if d.code == "simulcast-barred"]
    assert told.headline == (
        "“sitcoms/cheers/S01E08” is not ready and approved any more: channel “later” is off the air "
        "Mon 01 Jun 15:30"
    )
    assert_tiles(result)


def test_a_spot_that_has_retired_is_an_ident_when_the_simulcast_comes_to_it() -> None:
    published, result = gone_at_noon("spots/spot-1")

    def four_hours(made: Compiled, channel: str, hour: int) -> list[str]:
        start_us = made.start_us + (hour - 6) * HOUR_US
        return [
            s.asset_id or s.synthetic
            for day in made.days
            for s in day.playlist
            if s.channel == channel and start_us <= s.start_us < start_us + 4 * HOUR_US
        ]

    aired = four_hours(published, "one", 9)
    assert "spots/spot-1" in aired
    assert four_hours(result, "one", 9) == aired
    instead = ["station-ident" if shown == "spots/spot-1" else shown for shown in aired]
    assert four_hours(result, "later", 15) == instead
