"""The playlog tiles the tick grid exactly, whatever the plan's microseconds are."""

from __future__ import annotations

from datetime import date
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from retrovue.compiler.model import Segment, SegmentKind
from retrovue.playout.playlog import Playlog
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
    assert not old[1].same_signal(same[1])
    assert not old[0].same_signal(Playlog.align(segments([10_000_000], in_us=1), GRID).entries[0])
