"""Overlay planning: a table of when each overlay is there."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from fractions import Fraction
from zoneinfo import ZoneInfo

from retrovue.compiler.model import CompiledOverlay, ScheduleEvent, Segment, SegmentKind
from retrovue.playout.cards import Writing
from retrovue.playout.overlay import Layer, Schedule, clip, plan_layers
from retrovue.playout.playlog import Playlog
from retrovue.playout.ticks import TickGrid
from retrovue.units import to_us
from tests.playout.lab import BENCH

GRID = TickGrid(Fraction(30))
START = to_us(datetime(2026, 11, 27, 1, 0, tzinfo=UTC))  # 20:00 in New York
S = 1_000_000
#: (kind, event, seconds): a programme in two parts about a break, the pod behind it, the next programme.
PLAN = [
    (SegmentKind.PROGRAM, 1, 600), (SegmentKind.AD, 1, 60), (SegmentKind.PROGRAM, 1, 300),
    (SegmentKind.PROGRAM, 1, 300), (SegmentKind.AD, 1, 540), (SegmentKind.PROGRAM, 2, 1800),
]  # fmt: skip
FIRST = GRID.nearest(START)


def plan(*overlays: CompiledOverlay, rating: str = "TV-PG") -> list[list[tuple[str, float, float]]]:
    """For each entry: what is over it, from and to (seconds since START)."""
    return [
        [(x.shows, (x.start - FIRST) / 30, (x.end - FIRST) / 30) for x in layers]
        for layers in layers_of(*overlays, rating=rating)
    ]


def layers_of(*overlays: CompiledOverlay, rating: str = "TV-PG") -> list[tuple[Layer, ...]]:
    at, segments = START, []
    for seq, (kind, event, seconds) in enumerate(PLAN):
        over = tuple(o.overlay for o in overlays if o.over_ads or kind is SegmentKind.PROGRAM)
        segments.append(
            Segment(
                "bench", date(2026, 11, 26), seq, at, at + seconds * S, kind, event, f"x/{seq}", overlays=over
            )
        )
        at += seconds * S
    events = [
        ScheduleEvent(
            n, "bench", date(2026, 11, 26), START + (n - 1) * 1800 * S, START + n * 1800 * S, title,
            "", "", None, None, None, "", (), rating, "programme", "p", "", "", "", "",
        )
        for n, title in ((1, "Corner Diner"), (2, "Night Desk"))
    ]  # fmt: skip
    schedule = Schedule(
        BENCH, {o.overlay: o for o in overlays}, events, Writing(ZoneInfo("America/New_York")), GRID
    )
    return plan_layers(Playlog.align(segments, GRID).entries, schedule)


BUG = CompiledOverlay("bug", "bug", animation="fade")
RATING = CompiledOverlay("rating", "rating", lasts_us=15 * S)


def test_a_bug_is_there_all_the_time_but_over_ads() -> None:
    assert plan(BUG) == [
        [("bug", 0, 600)], [], [("bug", 660, 960)], [("bug", 960, 1260)], [], [("bug", 1800, 3600)],
    ]  # fmt: skip
    assert plan(replace(BUG, over_ads=True))[1] == [("bug", 600, 660)]
    # It comes on and goes off at breaks, not at the joins between them.
    entering = [[x.enter is not None for x in layers] for layers in layers_of(BUG)]
    leaving = [[x.leave is not None for x in layers] for layers in layers_of(BUG)]
    assert entering == [[True], [], [True], [False], [], [True]]
    assert leaving == [[True], [], [False], [True], [], [True]]


def test_a_rating_is_shown_at_the_start_and_after_each_break() -> None:
    assert plan(RATING) == [
        [("rating", 0, 15)], [], [("rating", 660, 675)], [], [], [("rating", 1800, 1815)],
    ]  # fmt: skip
    assert plan(RATING, rating="") == [[]] * 6


def test_at_the_end_means_the_programmes_not_the_parts() -> None:
    last = CompiledOverlay("next", "lower_third", at="end", lasts_us=20 * S)
    assert plan(last) == [[], [], [], [("lower_third", 1240, 1260)], [], [("lower_third", 3580, 3600)]]
    (layer,) = layers_of(last)[3]
    assert layer.now is not None
    assert layer.next is not None
    assert (layer.now.title, layer.next.title, layer.next.time) == ("Corner Diner", "Night Desk", "8:30")
    count = CompiledOverlay("count", "countdown", at="end", lasts_us=30 * S)
    (layer,) = layers_of(count)[3]
    assert (layer.until_us, layer.text) == (START + 1800 * S, "Night Desk")


def test_windows_of_the_day_cut_it() -> None:
    # 20:05-20:17 of station time; a window across midnight; one that is elsewhere.
    assert plan(replace(BUG, during="1205-1217")) == [
        [("bug", 300, 600)], [], [("bug", 660, 960)], [("bug", 960, 1020)], [], [],
    ]  # fmt: skip
    assert plan(replace(BUG, during="1255-30")) == [[], [], [], [], [], [("bug", 3300, 3600)]]
    assert plan(replace(BUG, during="0-60")) == [[]] * 6


def test_the_order_is_the_segments() -> None:
    assert [name for name, _, _ in plan(BUG, RATING)[0]] == ["bug", "rating"]
    assert [name for name, _, _ in plan(RATING, BUG)[0]] == ["rating", "bug"]


def test_how_it_came_on_long_ago_is_no_part_of_a_layer() -> None:
    layer = Layer("bug", 0, 900, enter=(0, 15), leave=(885, 900))
    assert clip([layer], 20, 800) == (Layer("bug", 20, 800),)
    assert clip([layer], 10, 890) == (replace(layer, start=10, end=890),)
