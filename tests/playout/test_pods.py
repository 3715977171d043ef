"""Pods are told from what they interrupt."""

from __future__ import annotations

from datetime import date
from fractions import Fraction

import pytest

from retrovue.compiler.model import Segment, SegmentKind
from retrovue.playout.playlog import Playlog, PlaylogEntry
from retrovue.playout.pods import Pod
from retrovue.playout.ticks import TickGrid
from retrovue.units import SECOND_US

GRID = TickGrid(Fraction(25))
DAY = date(2026, 11, 26)


def segments(text: str) -> list[Segment]:
    """ "p30 a10 a5 | l20": kinds by their first letter and seconds; | is where the next event begins."""
    kinds = {
        "p": SegmentKind.PROGRAM, "a": SegmentKind.AD, "b": SegmentKind.BUMPER, "i": SegmentKind.IDENT,
        "f": SegmentKind.FILLER, "c": SegmentKind.CLOCK, "l": SegmentKind.LIVE, "k": SegmentKind.CARD,
    }  # fmt: skip
    found: list[Segment] = []
    at, event = 0, 1
    for word in text.split():
        if word == "|":
            event += 1
            continue
        end = at + round(float(word[1:]) * SECOND_US)
        found.append(Segment("c", DAY, len(found), at, end, kinds[word[0]], event))
        at = end
    return found


def pods_of(text: str) -> list[tuple[float, float]]:
    playlog = Playlog.align(segments(text), GRID)
    return [(p.start / 25, p.end / 25) for p in playlog.pods(0, 1 << 40)]


@pytest.mark.parametrize(
    ("plan", "found"),
    [
        ("p30 b2 a10 a5 b2 p30 a20 i1 | p10", [(30, 49), (79, 100)]),
        ("p30 i5 | p10", [(30, 35)]),  # a remainder alone
        ("p30 a5 k5 | p10", [(30, 40)]),
        ("p30 k5 | p10", [(30, 35)]),
        ("p30 | k5 p30 a5 | p10", [(65, 70)]),  # a card before the feature is the programme's own
        ("p30 a5 | b5 p30 a5 | p10", [(30, 35), (70, 75)]),  # and so is an opener
        ("p30 b5 | p10", []),  # and a closer
        ("c60 | p10 a5", [(70, 75)]),
        ("f20 f20 i1 | p10", []),  # filler where there is no programme
        ("a20 i1 | a20", []),
        ("l60 a20 | p10", [(60, 80)]),
    ],
)
def test_what_a_pod_is(plan: str, found: list[tuple[float, float]]) -> None:
    assert pods_of(plan) == found


def test_a_pod_knows_its_programme_and_its_advertisements() -> None:
    playlog = Playlog.align(segments("p30 b2 a10 i1 a5 b2 | p10"), GRID)
    (pod,) = playlog.pods(0, 1 << 40)
    assert pod == Pod(750, 1250, 1, ((800, 1050), (1075, 1200)))
    assert {e.pod for e in playlog.entries} == {None, pod}
    assert list(playlog.pods(0, 750)) == []
    assert list(playlog.pods(1249, 1250)) == [pod]
    assert list(playlog.pods(1250, 2000)) == []


def test_what_is_over_is_forgotten_and_the_pod_is_not() -> None:
    playlog = Playlog.align(segments("p30 a10 a5 | p10"), GRID)
    (pod,) = playlog.pods(0, 1 << 40)
    assert list(playlog.since(1010).pods(1010, 2000)) == [pod]
    assert list(playlog.cut_at([800, 900]).pods(0, 2000)) == [pod]


def test_an_order_takes_its_part_of_a_pod() -> None:
    playlog = Playlog.align(segments("p30 a10 a5 a5 p30 a5 | p10"), GRID)
    first, second = playlog.pods(0, 1 << 40)
    order = Segment("c", DAY, 0, 35 * SECOND_US, 43 * SECOND_US, SegmentKind.TEST_PATTERN, 0)
    left, right, later = playlog.with_instead([PlaylogEntry(875, 1075, order)]).pods(0, 1 << 40)
    assert (left.start, left.end, left.spots) == (750, 875, ((750, 875),))
    assert (right.start, right.end, right.spots) == (1075, 1250, ((1075, 1125), (1125, 1250)))
    assert later == second
    assert first.end == right.end
