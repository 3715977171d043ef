"""The playlog tiles the tick grid exactly, whatever the plan's microseconds are."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrovue.compiler.model import Segment, SegmentKind
from retrovue.playout.overlay import Layer
from retrovue.playout.playlog import Playlog, PlaylogEntry
from retrovue.playout.ticks import TickGrid

GRID = TickGrid(Fraction(30000, 1001))
START = 1_790_000_000_000_000


def segments(durations: list[int], in_us: int = 0) -> list[Segment]:
    found, at = [], START
    for seq, duration in enumerate(durations):
        found.append(
            Segment(
                "c", date(2026, 9, 1), seq, at, at + duration, SegmentKind.PROGRAM, seq + 1, f"x/{seq}", in_us
            )
        )
        at += duration
    return found


@given(st.lists(st.integers(1, 60_000_000), min_size=1, max_size=40))
def test_entries_tile_and_no_boundary_is_off_by_more_than_half_a_tick(durations: list[int]) -> None:
    plan = segments(durations)
    playlog = Playlog.align(plan, GRID)
    assert playlog.end == (GRID.nearest(plan[-1].end_us) if playlog.entries else 0)
    for before, after in zip(playlog.entries, playlog.entries[1:], strict=False):
        assert before.end == after.start
    for entry in playlog.entries:
        assert entry.start < entry.end
        assert abs(GRID.start_us(entry.start) - entry.segment.start_us) <= 16_684
        assert playlog.at(entry.start) is entry
        assert playlog.at(entry.end - 1) is entry
    assert playlog.at(playlog.end) is None
    first = GRID.nearest(plan[0].start_us)
    assert playlog.at(first - 1) is None


def test_the_offset_follows_station_time() -> None:
    playlog = Playlog.align(segments([10_000_000], in_us=61_000_000), GRID)
    entry = playlog.entries[0]
    assert abs(entry.offset_us(entry.start, GRID) - 61_000_000) <= 16_684
    a, b = entry.offset_us(entry.start + 30, GRID), entry.offset_us(entry.start, GRID)
    assert abs(a - b - 1_001_000) <= 1
    beginning = Playlog.align(segments([10_000_000]), GRID).entries[0]
    assert beginning.offset_us(beginning.start, GRID) >= 0


def test_a_swap_keeps_what_both_plans_show() -> None:
    old = Playlog.align(segments([10_000_000, 5_000_000]), GRID).entries
    same = Playlog.align(segments([10_000_000, 6_000_000]), GRID).entries
    assert old[0].same_signal(same[0])
    assert old[1].same_signal(same[1])  # as far as both go
    moved = Playlog.align(segments([9_000_000, 6_000_000]), GRID).entries
    assert not old[1].same_signal(moved[1])
    assert not old[0].same_signal(Playlog.align(segments([10_000_000], in_us=1), GRID).entries[0])


@given(st.lists(st.integers(1, 600), max_size=8))
def test_a_cut_plan_shows_the_same(cuts: list[int]) -> None:
    playlog = Playlog.align(segments([10_000_000, 7_000_000, 3_000_000]), GRID)
    first = playlog.entries[0].start
    ticks = [first + cut for cut in cuts]
    parts = playlog.cut_at(ticks)
    assert {e.start for e in parts.entries} == {e.start for e in playlog.entries} | {
        t for t in ticks if first < t < playlog.end
    }
    for tick in range(first, playlog.end, 7):
        part, whole = parts.at(tick), playlog.at(tick)
        assert part is not None
        assert whole is not None
        assert part.segment is whole.segment
        assert part.same_signal(whole)
        assert part.offset_us(tick, GRID) == whole.offset_us(tick, GRID)
    assert parts.end == playlog.end


def test_graphics_stay_inside_their_entry_and_make_another_signal() -> None:
    playlog = Playlog.align(segments([10_000_000, 5_000_000]), GRID)
    first, second = playlog.entries
    crawl = Layer("crawl", first.start + 60, second.start + 30, "storm")

    def everywhere(entry: PlaylogEntry) -> tuple[Layer, ...]:
        return (crawl,)

    drawn = playlog.over(everywhere)
    assert [(e.layers[0].start, e.layers[0].end) for e in drawn.entries] == [
        (first.start + 60, first.end), (second.start, second.start + 30),
    ]  # fmt: skip
    assert not drawn.entries[0].same_signal(first)
    parts = drawn.cut_at([crawl.start, crawl.end]).entries
    assert [bool(e.layers) for e in parts] == [False, True, True, False]
    assert parts[0].same_signal(first)
    assert not parts[1].same_signal(first)
    assert drawn.over(lambda entry: ()).entries == drawn.entries


@pytest.mark.parametrize("rate", [Fraction(25), Fraction(30000, 1001), Fraction(60000, 1001)])
@pytest.mark.parametrize("parts", [0, 1, 499, 500, 501, 999])
def test_the_first_picture_is_the_planned_one_wherever_the_segment_lies(rate: Fraction, parts: int) -> None:
    """Half a tick off the grid was as near to the neighbour."""
    grid = TickGrid(rate)
    tick_us = float(1 / rate) * 1e6
    start_us = grid.start_us(1_000_000) + round(parts / 1000 * tick_us)
    (segment,) = segments([10**7], 40_040)
    (entry,) = Playlog.align([replace(segment, start_us=start_us, end_us=start_us + 10**7)], grid).entries
    assert entry.offset_us(entry.start, grid) == 40_040
    assert entry.offset_us(entry.start + 90, grid) == pytest.approx(40_040 + 90 * tick_us, abs=1)
    later = entry.between(entry.start + 50, entry.end)
    assert later.offset_us(later.start, grid) == entry.offset_us(later.start, grid)
