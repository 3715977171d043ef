"""Admission control: the cost model and the verdict, pure; then on channels that really encode."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrovue.lineup import ChannelId, Emergency, EmergencyMode, Orders, TuneRefused
from retrovue.playout.admission import COPY, PRESETS, Encoders, OnAir, budget_of, cost, judge
from retrovue.playout.channel import State
from retrovue.playout.cores import cores
from retrovue.playout.director import house_of
from retrovue.playout.house import RASTERS, HouseFormat
from retrovue.playout.modes import OrderBook
from tests.playout.lab import BENCH, CHANNEL, Item, bench, capture, children
from tests.tools.ts_analyser import analyse

SD = HouseFormat("480p", Fraction(30000, 1001), "veryfast", 2000, 128)
HD = replace(SD, raster="720p")
TWO = ChannelId("two")

FORMATS = st.builds(
    HouseFormat,
    st.sampled_from(sorted(RASTERS)),
    st.sampled_from([Fraction(25), Fraction(30000, 1001), Fraction(50)]),
    st.sampled_from(PRESETS),
    st.just(2000),
    st.just(128),
)
CHANNELS = st.lists(
    st.builds(
        OnAir,
        st.sampled_from("abcdefgh").map(ChannelId),
        st.sampled_from([COPY, 0.2, 0.4, 0.9]),
        st.none() | st.floats(0, 100),
    ),
    max_size=6,
    unique_by=lambda c: c.channel,
)


def test_the_table_is_what_was_measured() -> None:
    """Cores of a channel from a 720p source, as the design's measurements have them."""
    measured = {("480p", "ultrafast"): 0.188, ("480p", "superfast"): 0.264, ("480p", "veryfast"): 0.335}
    measured |= {("720p", "ultrafast"): 0.235, ("720p", "superfast"): 0.370, ("720p", "veryfast"): 0.536}
    for (raster, preset), figure in measured.items():
        assert cost(replace(SD, raster=raster, preset=preset)) == pytest.approx(figure, rel=0.1)


def test_two_cores_bear_what_the_targets_say() -> None:
    two = budget_of(2)
    fits = {
        name: int(two / cost(house))
        for name, house in (("ultrafast", replace(SD, preset="ultrafast")), ("veryfast", SD), ("720p", HD))
    }
    assert fits == {"ultrafast": 6, "veryfast": 4, "720p": 2}


@given(FORMATS)
def test_a_faster_preset_is_never_dearer_and_a_copy_is_nearly_free(house: HouseFormat) -> None:
    prices = [cost(replace(house, preset=preset)) for preset in PRESETS]
    assert prices == sorted(prices)
    assert cost(house, encodes=False) == COPY < min(prices) / 5


@given(st.floats(0.1, 4), CHANNELS, FORMATS, st.booleans(), st.booleans())
def test_the_budget_holds_whatever_is_asked(
    budget: float, on_air: list[OnAir], house: HouseFormat, encodes: bool, degrade: bool
) -> None:
    verdict = judge(Encoders(budget, degrade), on_air, house, encodes)
    stays = [c for c in on_air if c.channel not in verdict.put_off]
    # Nobody who watches is ever put off the air.
    assert all(c.lingers_since is not None for c in on_air if c.channel in verdict.put_off)
    if verdict.house is None:
        assert verdict.reason
        assert any(c.lingers_since is None for c in on_air)  # never the only one
        cheapest = replace(house, preset="ultrafast") if degrade else house
        watched = sum(c.cost for c in on_air if c.lingers_since is None)
        assert watched + cost(cheapest, encodes) > budget
        return
    assert (verdict.house == house) is (verdict.reason == "")
    assert verdict.house == house or degrade
    if stays:
        assert sum(c.cost for c in stays) + cost(verdict.house, encodes) <= budget + 1e-6


def test_who_lingers_longest_goes_first_and_only_as_many_as_needed() -> None:
    on_air = [OnAir(ChannelId(n), 0.4, since) for n, since in (("a", 9.0), ("b", 3.0), ("c", None))]
    assert judge(Encoders(1.2), on_air, SD).put_off == ("b",)
    assert judge(Encoders(0.8), on_air, SD).put_off == ("b", "a")
    assert judge(Encoders(2.0), on_air, SD).put_off == ()
    assert judge(Encoders(0.7), on_air, SD).refused


def test_degraded_to_the_slowest_preset_that_fits() -> None:
    watched = [OnAir(ChannelId("a"), cost(HD))]
    verdict = judge(Encoders(1.0, degrade=True), watched, HD)
    assert verdict.house is not None
    assert verdict.house.preset == "superfast"
    assert "superfast instead of veryfast" in verdict.reason
    assert judge(Encoders(0.6, degrade=True), watched, HD).refused
    assert judge(Encoders(1.0), watched, HD).refused


def test_a_container_has_the_cores_it_is_given(tmp_path: Path) -> None:
    quota = tmp_path / "cpu.max"
    all_of_them = cores(quota)
    for text, expected in (("50000 100000", 0.5), ("max 100000", all_of_them), ("nonsense", all_of_them)):
        quota.write_text(text + "\n")
        assert cores(quota) == expected


PLAN = [Item("ntsc", 20.0), Item("film", 15.0)]
ONE = cost(house_of(BENCH))


@pytest.mark.on_air
async def test_one_too_many_is_refused_and_a_lingering_one_makes_room(tmp_path: Path) -> None:
    async with bench(PLAN, tmp_path, more=("two",), linger_s=60.0, encoders=Encoders(1.5 * ONE)) as b:
        first = await b.tune()
        with pytest.raises(TuneRefused, match="beyond what this machine bears") as refused:
            await b.tune("127.0.0.1:2", TWO)
        assert refused.value.code == "busy"
        assert b.director.channels[TWO].state is State.OFF_AIR
        again = await b.tune("127.0.0.1:3")  # another viewer of what is on costs nothing
        await again.close("seen")
        await first.close("seen")
        states = [b.manager.state]
        second = await b.tune("127.0.0.1:4", TWO)
        states.append(b.manager.state)
        assert states == [State.LINGERING, State.OFF_AIR]
        assert b.director.encoders_used() == pytest.approx(ONE)
        await second.close("done")


@pytest.mark.on_air
async def test_a_channel_may_be_degraded_and_says_so(tmp_path: Path) -> None:
    dear = replace(BENCH, preset="medium")
    budget = cost(house_of(dear)) + ONE + 0.05
    async with bench(
        PLAN, tmp_path, more=("two",), linger_s=0.2, channel=dear, encoders=Encoders(budget, degrade=True)
    ) as b:
        first = await b.tune()
        assert b.director.degraded(CHANNEL) == ""
        second = await b.tune("127.0.0.1:2", TWO)
        assert "instead of medium" in b.director.degraded(TWO)
        data = await capture(second, b.clock, 2.0)
        assert analyse(data, complete=False).ok
        await first.close("seen")
        await second.close("seen")
        await b.clock.wait(0.4)
        await b.director.channels[TWO].off_air()
        assert b.director.degraded(TWO) == ""
        third = await b.tune("127.0.0.1:3", TWO)  # there is room for its own preset now
        assert b.director.degraded(TWO) == ""
        await third.close("done")


@pytest.mark.on_air
async def test_many_at_once_never_go_beyond(tmp_path: Path) -> None:
    names = [f"c{n}" for n in range(6)]
    async with bench(PLAN, tmp_path, more=names, encoders=Encoders(2.2 * ONE)) as b:
        asked = [b.tune(f"127.0.0.1:{n}", ChannelId(name)) for n, name in enumerate(names * 2)]
        answers = await asyncio.gather(*asked, return_exceptions=True)
        on_air = [c for c, m in b.director.channels.items() if m.state is not State.OFF_AIR]
        assert len(on_air) == 2
        refused = [a for a in answers if isinstance(a, TuneRefused)]
        assert {r.code for r in refused} == {"busy"}
        assert len(refused) == 8
        assert b.director.encoders_used() <= 2.2 * ONE
        for answer in answers:
            if not isinstance(answer, BaseException):
                await answer.close("done")
    assert children() == []


@pytest.mark.on_air
async def test_without_an_encoder_for_a_crawl_an_emergency_takes_over(tmp_path: Path) -> None:
    async with bench(PLAN, tmp_path, encoders=Encoders(0.1)) as b:
        viewer = await b.tune()  # the only one is never refused
        studio = b.director._studios[CHANNEL]
        studio._encodes = False  # as if all it airs were house copies
        on = Emergency("Fog.", EmergencyMode.CRAWL, b.clock.now())
        b.director.carry_out(OrderBook(Orders(on)))
        async with b.clock.deadline(10):
            while b.director.control(CHANNEL).airs != "takeover":
                await b.clock.wait(0.05)
        await viewer.close("done")
