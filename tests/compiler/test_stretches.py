"""A channel's days, compiled in stretches: what comes out is what one worker makes of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrovue.cli.executors import Chosen
from retrovue.cli.processes import spread_over
from retrovue.compiler import stretches
from retrovue.compiler.model import Finding
from retrovue.compiler.stages import GroupDays
from retrovue.compiler.stretches import stretched
from retrovue.compiler.work import Work, in_turn
from tests.compiler.profiles import examples
from tests.compiler.random_station import NIGHTS, random_station
from tests.compiler.stations import asset, catalog, compiled, series, spots, station
from tests.compiler.test_determinism import DAY, FIRST, LIBRARY, at_the_end, two_zones


class InStretches:
    """A spread that cuts the work of a compile, does the parts in turn, and remembers what became of them."""

    def __init__(self, of_each: int, shortest: int = 2) -> None:
        self._of_each, self._shortest = of_each, shortest
        self.counts: tuple[int, ...] = ()
        self.again: list[int] = []  #: groups that were compiled once more, in one go

    def __call__(self, work: Work) -> Iterable[GroupDays]:
        cut = stretched(work, self._of_each * len(work), self._shortest)
        self.counts = cut.counts
        parts = map(cut.parts.asked, range(len(cut.parts)))
        for whole, count in zip(map(work.asked, range(len(work))), cut.counts, strict=True):
            days = [next(parts) for _ in range(count)]
            assert days[0].first_day == whole.first_day
            assert days[-1].last_day == whole.last_day
            assert all(one.last_day + timedelta(days=1) == other.first_day for one, other in pairwise(days))
            assert all(one.count > 0 for one in days)
        return replace(cut, work=cast("Work", _Watched(work, self.again))).joined(in_turn(cut.parts))


class _Watched:
    """Work that tells which groups were compiled."""

    def __init__(self, work: Work, told: list[int]) -> None:
        self._work, self._told = work, told

    def __call__(self, number: int) -> GroupDays:
        self._told.append(number)
        return self._work(number)

    def found_over_all_days(self, number: int) -> tuple[Finding, ...]:
        return self._work.found_over_all_days(number)


@examples(25)
@given(st.integers(0, 2**32), st.sampled_from(NIGHTS), st.integers(4, 9), st.integers(2, 4))
def test_in_stretches_as_in_one_go(seed: int, first: date, days: int, of_each: int) -> None:
    model, assets = random_station(seed, first)
    assert compiled(model, assets, first, days, spread=InStretches(of_each)) == compiled(
        model, assets, first, days
    )


def test_random_stations_are_cut_and_most_need_no_second_compile() -> None:
    cut = again = 0
    for seed in range(30):
        model, assets = random_station(seed, FIRST)
        spread = InStretches(2)
        compiled(model, assets, FIRST, 8, spread=spread)
        cut += sum(count > 1 for count in spread.counts)
        again += len(spread.again)
    assert cut > 10
    assert again < cut / 2


def with_copies_apart(apart: str, **more: Any) -> Any:
    """A day of one series with pods of a few spots, which keep so far apart."""
    return station(
        [{"plan": "all", "zones": [{**DAY, "window": "06:00-05:00"}]}],
        [series("cheers"), {"program": "films", "chain": [{"episodes": {"collection": "films"}}]}],
        pools=[{"pool": "ads", "spots": {"collection": "spots"}, "separation": {"copy": apart}}],
        formats=[{"break_format": "network", "fill_with": ["ads"]}],
        **more,
    )


def test_separations_of_hours_are_forgotten_by_the_time_that_a_stretch_begins() -> None:
    model, spread = with_copies_apart("1h"), InStretches(3)
    result = compiled(model, LIBRARY, FIRST, 12, spread=spread)
    assert result == compiled(model, LIBRARY, FIRST, 12)
    assert (spread.counts, spread.again) == ((3,), [])
    # An hour that no plan covers is told of once, with the days of all stretches.
    assert [d.headline for d in result.diagnostics if d.code == "uncovered-time"] == [
        "channel “one” is off the air 05:00-06:00: no plan has a zone there on Mon 01 Jun 2026 and "
        "11 more days"
    ]


def test_what_is_of_no_day_in_particular_is_found_in_stretches_too() -> None:
    play = [{"program": "cheers", "from": "S09E01"}]
    plan = {"plan": "all", "zones": [{"zone": "All", "window": "06:00-06:00", "play": play}]}
    spread = InStretches(3)
    result = compiled(station([plan], [series("cheers")]), LIBRARY, FIRST, 12, spread=spread)
    assert spread.counts == (3,)
    assert [d.code for d in result.diagnostics if d.code == "no-such-episode"] == ["no-such-episode"]


def test_a_separation_of_weeks_is_not_and_the_channel_is_compiled_in_one_go() -> None:
    model, spread = with_copies_apart("400h"), InStretches(2)
    assets = catalog([*LIBRARY.assets.values(), *spots(40, collection="more")])
    assert compiled(model, assets, FIRST, 24, spread=spread) == compiled(model, assets, FIRST, 24)
    assert (spread.counts, spread.again) == ((2,), [0])


def test_from_a_checkpoint_too() -> None:
    model = two_zones({"zone": "Evening", "window": "18:00-06:00", "play": ["films"]}, "shuffle")
    checkpoint = at_the_end(compiled(model, LIBRARY, FIRST, 5))
    begin, spread = checkpoint.broadcast_date + timedelta(days=1), InStretches(3)
    result = compiled(model, LIBRARY, begin, 10, checkpoint=checkpoint, spread=spread)
    assert result == compiled(model, LIBRARY, begin, 10, checkpoint=checkpoint)
    assert spread.counts == (3,)
    # One that is of the days themselves says nothing, in no stretch.
    spread = InStretches(3)
    result = compiled(model, LIBRARY, FIRST, 10, checkpoint=checkpoint, spread=spread)
    assert result == compiled(model, LIBRARY, FIRST, 10, checkpoint=checkpoint)
    assert spread.counts == (3,)


def test_what_can_not_be_cut() -> None:
    """A contract owes what earlier days have not delivered; a simulcast is made of its source's days."""
    own = [asset("spots", "own", 30)]
    contract = with_copies_apart("1h", rules=[{"spot": "own", "asset": "spots/own", "runs": 40}])
    channels = [
        {"channel": "one", "number": "5.1", "name": "One", "plans": ("all",)},
        {"channel": "two", "number": "5.2", "name": "Two", "simulcast": "one", "delay": "1h"},
    ]
    later = with_copies_apart("1h", channels=channels)
    for model in (contract, later):
        spread = InStretches(2)
        assets = catalog([*LIBRARY.assets.values(), *own])
        assert compiled(model, assets, FIRST, 8, spread=spread) == compiled(model, assets, FIRST, 8)
        assert set(spread.counts) == {1}


def test_processes_cut_a_long_channel(monkeypatch: pytest.MonkeyPatch) -> None:
    """The spread of the command line, over two processes."""
    joined: list[int] = []
    one_after_the_other = stretches._one_after_the_other

    def watched(parts: Any) -> Any:
        joined.append(len(parts))
        return one_after_the_other(parts)

    monkeypatch.setattr(stretches, "_one_after_the_other", watched)
    model, days = with_copies_apart("1h"), 2 * stretches.SHORTEST_DAYS
    for publish in (False, True):
        spread = spread_over(Chosen("processes", 2), print, publish)
        result = compiled(model, LIBRARY, FIRST, days, spread=spread)
        assert result == compiled(model, LIBRARY, FIRST, days)
    assert joined == [2, 2]
