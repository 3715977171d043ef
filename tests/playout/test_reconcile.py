"""As-run against the plan: each discrepancy is named, and nothing is said of what is well."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from fractions import Fraction

import pytest

from retrovue.compiler.model import Segment, SegmentKind
from retrovue.playout.as_run import UNLOGGED, AsRunRecord
from retrovue.playout.reconcile import Reconciliation, reconcile
from retrovue.playout.ticks import TickGrid
from retrovue.units import SECOND_US, to_us

GRID = TickGrid(Fraction(30000, 1001))
DAY = date(2026, 11, 26)
AT_US = to_us(datetime(2026, 11, 27, 1, tzinfo=UTC))

#: A plan of a minute: a show, two spots, the show again, a card.
PLAN = [
    Segment("net", DAY, seq, AT_US + start * SECOND_US, AT_US + end * SECOND_US, kind, 7, asset,
            in_s * SECOND_US, synthetic)
    for seq, start, end, kind, asset, in_s, synthetic in [
        (0, 0, 20, SegmentKind.PROGRAM, "c/show", 100, ""),
        (1, 20, 25, SegmentKind.AD, "c/cola", 0, ""),
        (2, 25, 30, SegmentKind.AD, "c/soup", 0, ""),
        (3, 30, 50, SegmentKind.PROGRAM, "c/show", 120, ""),
        (4, 50, 60, SegmentKind.IDENT, "", 0, "ident"),
    ]
]  # fmt: skip


@dataclass
class Aired:
    """What left, from second ``a`` to ``b``; by default what is planned there."""

    a: float
    b: float
    seq: int | None
    kind: str = "real"
    asset: str | None = None
    cause: str = ""
    shift_s: float = 0.0  #: into the asset, beside its planned place
    more: dict[str, object] = field(default_factory=dict)


def record(run: int, aired: Aired) -> AsRunRecord:
    first, end = (
        GRID.nearest(AT_US + round(aired.a * SECOND_US)),
        GRID.nearest(AT_US + round(aired.b * SECOND_US)),
    )
    planned = PLAN[aired.seq] if aired.seq is not None else None
    asset = aired.asset if aired.asset is not None else planned.asset_id if planned else ""
    start_us = GRID.start_us(first)
    in_us = None
    if asset and planned is not None:
        in_us = planned.in_us + start_us - planned.start_us + round(aired.shift_s * SECOND_US)
    made = AsRunRecord(
        "net", DAY, "s1", run, "30000/1001", first, end - first, start_us, GRID.start_us(end), aired.kind,
        aired.cause, planned.broadcast_date if planned else None, planned.seq if planned else None, 7, "",
        asset, planned.synthetic if planned and not asset and aired.kind == "real" else "", in_us,
        artefact="abc", closed=True,
    )  # fmt: skip
    return replace(made, **aired.more)  # type: ignore[arg-type]


def compared(*aired: Aired) -> Reconciliation:
    return reconcile([record(n, a) for n, a in enumerate(aired)], {"abc": PLAN})


WELL = [Aired(0, 20, 0), Aired(20, 25, 1), Aired(25, 30, 2), Aired(30, 50, 3), Aired(50, 60, 4)]


def test_what_went_as_planned_has_no_finding() -> None:
    found = compared(*WELL)
    assert found.findings == ()
    assert found.ticks == found.as_planned == GRID.nearest(AT_US + 60 * SECOND_US) - GRID.nearest(AT_US)


def test_time_off_the_air_is_no_fault() -> None:
    first = [record(0, Aired(3, 12.5, 0))]
    second = [replace(r, session="s2") for r in (record(0, Aired(41, 50, 3)), record(1, Aired(50, 55, 4)))]
    assert reconcile([*second, *first], {"abc": PLAN}).findings == ()
    assert reconcile([], {}).findings == ()


#: What aired instead → (discrepancy, planned, aired, seconds) of each finding.
TABLE: dict[str, tuple[list[Aired], list[tuple[str, str, str, float]]]] = {
    "slate": (
        [Aired(0, 20, 0), Aired(20, 23, 1, "slate", "", cause="missing"), Aired(23, 25, 1), *WELL[2:]],
        [("slate", "c/cola", "", 3)],
    ),
    "slate over two segments": (
        [Aired(0, 20, 0), Aired(20, 30, None, "slate", cause="hung"), *WELL[3:]],
        [("slate", "c/cola", "", 5), ("slate", "c/soup", "", 5)],
    ),
    "a fallback": (
        [Aired(0, 20, 0), Aired(20, 25, 1, "fallback", "c/standby", "file is missing"), *WELL[2:]],
        [("override", "c/cola", "c/standby", 5)],
    ),
    "an emergency": (
        [Aired(0, 12, 0), Aired(12, 27, None, "emergency", cause="a test"), Aired(27, 30, 2), *WELL[3:]],
        [("override", "c/show", "", 8), ("override", "c/cola", "", 5), ("override", "c/soup", "", 2)],
    ),
    "ticks that nobody logged": (
        [Aired(0, 20, 0), Aired(22, 25, 1), *WELL[2:]],
        [("missing", "c/cola", "", 2)],
    ),
    "a spot left out": (
        [Aired(0, 20, 0), Aired(20, 30, 2, shift_s=5), *WELL[3:]],
        [("missing", "c/cola", "", 0), ("time mismatch", "c/cola", "c/soup", 5),
         ("time mismatch", "c/soup", "c/soup", 5)],
    ),
    "spots in the wrong order": (
        [Aired(0, 20, 0), Aired(20, 25, 2), Aired(25, 30, 1), *WELL[3:]],
        [("missing", "c/cola", "", 0), ("time mismatch", "c/cola", "c/soup", 5),
         ("missing", "c/soup", "", 0), ("sequence mismatch", "c/soup", "c/cola", 5)],
    ),
    "something that nobody planned": (
        [Aired(0, 20, 0), Aired(20, 25, None, asset="c/other"), *WELL[2:]],
        [("missing", "c/cola", "", 0), ("extra", "c/cola", "c/other", 5)],
    ),
    "the wrong part of a film": (
        [Aired(0, 20, 0, shift_s=-2.5), *WELL[1:]],
        [("time mismatch", "c/show", "c/show", 20)],
    ),
    "a picture held for long": (
        [Aired(0, 18, 0), Aired(18, 20, 0, "held"), *WELL[1:]],
        [("held", "c/show", "c/show", 2)],
    ),
    "records that are lost": (
        [Aired(0, 20, 0), Aired(20, 30, None, UNLOGGED, cause="9 records could not be written"), *WELL[3:]],
        [("unlogged", "c/cola", "", 5), ("unlogged", "c/soup", "", 5)],
    ),
    "after the end of the plan": (
        [*WELL, Aired(60, 63, None, more={"synthetic": "slate"})],
        [("extra", "", "slate", 3)],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", TABLE)
def test_each_discrepancy_is_named(case: str) -> None:
    aired, expected = TABLE[case]
    found = compared(*aired)
    told = [(f.kind.value, f.planned, f.aired, round(f.ticks / float(GRID.rate))) for f in found.findings]
    assert told == expected
    assert all(f.cause for f in found.findings)
    assert found.as_planned == found.ticks - sum(
        f.ticks for f in found.findings if f.kind != "missing" or f.ticks == 0
    )
    assert sum(found.counts.values()) == len(expected)


@pytest.mark.parametrize(
    "aired",
    [
        [Aired(0, 19.95, 0), Aired(19.95, 20, 0, "held"), *WELL[1:]],  # the rounding of a boundary
        [Aired(0, 20, 0, shift_s=0.03), *WELL[1:]],  # a tick's worth
        [Aired(0, 11, 0), Aired(11, 20, 0), *WELL[1:]],  # a child was started again
        [Aired(0, 20, 0, more={"seq": 99}), *WELL[1:]],  # numbered otherwise by a later compile
    ],
    ids=["held", "near", "in two", "renumbered"],
)
def test_what_is_near_enough_is_as_planned(aired: list[Aired]) -> None:
    assert compared(*aired).findings == ()


def test_each_record_is_compared_with_the_plan_that_authorised_it() -> None:
    other = [replace(s, asset_id="c/film") if s.asset_id == "c/show" else s for s in PLAN]
    runs = [record(n, a) for n, a in enumerate(WELL)]
    runs[3] = replace(runs[3], artefact="def", asset_id="c/film")
    assert reconcile(runs, {"abc": PLAN, "def": other}).findings == ()
    found = reconcile(runs, {"abc": PLAN})
    assert [(f.kind.value, f.cause) for f in found.findings] == [("extra", "nothing was planned")]
