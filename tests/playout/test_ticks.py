"""The tick and audio grids: absolute, exact, without drift."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrovue.playout.ticks import AudioGrid, TickGrid

RATES = [Fraction(25), Fraction(30000, 1001), Fraction(30), Fraction(50), Fraction(60000, 1001)]
TICKS = st.integers(0, 10**12)


@given(st.sampled_from(RATES), TICKS)
def test_a_tick_s_own_beginning_leads_back_to_it(rate: Fraction, tick: int) -> None:
    grid = TickGrid(rate)
    us = grid.start_us(tick)
    assert grid.nearest(us) == tick
    # Rounding to a whole microsecond may land just before the tick.
    assert grid.at(us) in (tick - 1, tick)
    assert grid.at(us + 1) == tick
    assert abs(grid.pts(tick) - us * 9 / 100) <= 1


@given(st.sampled_from(RATES), st.integers(0, 4 * 10**15))
def test_an_instant_lies_within_its_tick_and_half_a_frame_of_the_nearest(rate: Fraction, us: int) -> None:
    grid = TickGrid(rate)
    assert grid.start_us(grid.at(us)) - 1 <= us <= grid.start_us(grid.at(us) + 1)
    assert abs(grid.start_us(grid.nearest(us)) - us) <= 500_000 / rate + 1


@pytest.mark.parametrize(("rate", "step"), [(RATES[0], 3600), (RATES[1], 3003), (RATES[2], 3000)])
def test_steps_are_whole_90_khz_ticks(rate: Fraction, step: int) -> None:
    grid = TickGrid(rate)
    assert {grid.pts(n + 1) - grid.pts(n) for n in range(53_000_000_000, 53_000_000_500)} == {step}


@given(st.sampled_from([1024, 1152, 1536]), st.integers(0, 10**14))
def test_the_audio_frame_nearest_to_a_stamp_is_within_half_a_frame(samples: int, pts: int) -> None:
    grid = AudioGrid(samples)
    assert abs(grid.pts(grid.nearest(pts)) - pts) <= grid.frame_pts // 2
    assert grid.pts(grid.at(pts)) <= pts < grid.pts(grid.at(pts) + 1)


def test_audio_frames_are_whole_90_khz_ticks() -> None:
    assert [AudioGrid(n).frame_pts for n in (1024, 1152, 1536)] == [1920, 2160, 2880]
