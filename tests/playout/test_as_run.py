"""As-run: run-length records that tile the ticks, cite the plan, and are few enough to be kept."""

from __future__ import annotations

from dataclasses import fields
from datetime import UTC, date, datetime
from fractions import Fraction
from itertools import count
from zoneinfo import ZoneInfo

import pytest

from retrovue.broadcast_day import Calendar
from retrovue.compiler.model import Segment, SegmentKind
from retrovue.playout.as_run import UNLOGGED, AsRunRecord, RunLog, frames_shown
from retrovue.playout.playlog import Playlog
from retrovue.playout.producers.base import Origin
from retrovue.playout.ticks import TickGrid
from retrovue.store import schema
from retrovue.units import HOUR_US, SECOND_US, to_us

GRID = TickGrid(Fraction(25))
CALENDAR = Calendar(ZoneInfo("America/New_York"), 360, HOUR_US // 2)
LEAD_US = 5_500_000
SHOW = Origin(
    "real", event_id=7, seq=3, broadcast_date="2026-11-23", segment_kind="program", asset_id="c/show"
)
SLATE = Origin("slate", cause="file is missing: c/ad")
NOON = GRID.at(to_us(datetime(2026, 11, 23, 17, tzinfo=UTC)))
#: The broadcast day of Monday ends on Tuesday at 06:00 in New York.
DAWN = GRID.at(to_us(datetime(2026, 11, 24, 11, tzinfo=UTC)))


def run_log(most_pending: int = 5000) -> RunLog:
    numbers = count(1)
    return RunLog("wrtv", GRID, CALENDAR, LEAD_US, lambda: f"s{next(numbers)}", most_pending)


def tick(runs: RunLog, number: int, origin: Origin, late_us: int = 0) -> None:
    runs.tick(number, origin, GRID.start_us(number) - LEAD_US + late_us)


def taken(runs: RunLog) -> list[AsRunRecord]:
    found = runs.take()
    runs.wrote(found)
    return found


def test_equal_ticks_are_one_record_and_a_change_begins_another() -> None:
    runs = run_log()
    for n in range(100):
        tick(runs, NOON + n, SHOW if n < 60 or n >= 70 else SLATE, 2_000 if n == 5 else 0)
    runs.end()
    found = taken(runs)
    assert [(r.kind, r.ticks) for r in found] == [("real", 60), ("slate", 10), ("real", 30)]
    assert [(r.session, r.run) for r in found] == [("s1", 0), ("s1", 1), ("s1", 2)]
    first, second, _ = found
    assert (first.late_us, first.emitted_us) == (2_000, GRID.start_us(NOON) - LEAD_US)
    assert (first.asset_id, first.segment_date, first.seq) == ("c/show", date(2026, 11, 23), 3)
    assert (second.cause, second.asset_id, second.seq) == (SLATE.cause, "", None)
    assert first.end_us == second.start_us
    assert all(r.closed for r in found)


def test_a_jump_in_ticks_is_never_papered_over() -> None:
    runs = run_log()
    tick(runs, 100, SHOW)
    tick(runs, 102, SHOW)
    assert [(r.first_tick, r.closed) for r in runs.take()] == [(100, True), (102, False)]


def test_a_run_ends_with_its_broadcast_day() -> None:
    runs = run_log()
    for n in range(-3, 5):
        tick(runs, DAWN + n, SHOW)
    found = taken(runs)
    assert [(r.broadcast_date, r.ticks) for r in found] == [(date(2026, 11, 23), 3), (date(2026, 11, 24), 5)]
    assert found[1].segment_date == date(2026, 11, 23)  # a programme in flight stays Monday's


def test_a_run_that_goes_on_is_told_again_and_one_that_stands_still_is_not() -> None:
    runs = run_log()
    tick(runs, NOON, SHOW)
    assert [(r.ticks, r.closed) for r in taken(runs)] == [(1, False)]
    assert taken(runs) == []
    tick(runs, NOON + 1, SHOW)
    assert [(r.run, r.ticks, r.closed) for r in taken(runs)] == [(0, 2, False)]
    runs.end()
    assert [(r.run, r.ticks, r.closed) for r in taken(runs)] == [(0, 2, True)]
    tick(runs, NOON + 2, SHOW)
    assert [r.key for r in taken(runs)] == [("s2", 0)]


def test_a_record_cites_the_plan_and_slate_is_told_segment_by_segment() -> None:
    runs = run_log()
    at = GRID.start_us(NOON)
    segments = [
        Segment("wrtv", date(2026, 11, 23), 40 + n, at + n * SECOND_US, at + (n + 1) * SECOND_US,
                SegmentKind.AD, 7, f"spots/{n}")
        for n in range(2)
    ]  # fmt: skip
    runs.authorise(Playlog.align(segments, GRID), "abc", 12)
    for n in range(60):
        tick(runs, NOON + n, SLATE)
    found = taken(runs)
    assert [(r.seq, r.event_id, r.ticks) for r in found] == [(40, 7, 25), (41, 7, 25), (None, 0, 10)]
    assert {(r.artefact, r.generation) for r in found} == {("abc", 12)}
    runs.authorise(Playlog(()), "def", 13)
    tick(runs, NOON + 60, SHOW)
    assert (taken(runs)[-1].artefact, runs.take()) == ("def", [])


def test_what_can_t_be_written_is_kept_up_to_a_limit_and_the_loss_is_told() -> None:
    runs = run_log(most_pending=10)
    runs.failed("No space left on device")
    for n in range(40):
        tick(runs, NOON + n, SHOW if n % 2 else SLATE)
    found = runs.take()
    assert len(found) == 11
    lost, kept = found[0], found[1:]
    assert (lost.kind, lost.first_tick, lost.ticks) == (UNLOGGED, NOON, 30)
    assert "30 records" in lost.cause
    assert "No space left" in lost.cause
    assert [r.first_tick for r in kept] == list(range(NOON + 30, NOON + 40))
    assert lost.key not in {r.key for r in kept}
    tick(runs, NOON + 40, SLATE)  # and one more is lost while that is being written
    runs.wrote(found)
    again = runs.take()
    assert [r.first_tick for r in again if r.kind != UNLOGGED] == [NOON + 39, NOON + 40]


RATES = {"30000/1001": 1, "25": 1, "24000/1001": 1, "50": 2, "30": 2}


@pytest.mark.parametrize("rate", RATES)
def test_frames_of_a_clip_follow_its_own_rate(rate: str) -> None:
    grid = TickGrid(Fraction(30000, 1001))
    first = grid.at(to_us(datetime(2026, 11, 23, 17, tzinfo=UTC)))
    origin = Origin("real", zero_us=grid.start_us(first), asset_rate=rate, asset_frames=100)
    frames = [frames_shown(origin, grid, first + n, first + n) for n in range(60)]
    assert frames[0] == (0, 1)
    exact = [n * Fraction(rate) / grid.rate for n in range(60)]
    # Never farther from its place than half a tick of its own frames, or the frame that is next to it.
    for found, place in zip(frames, exact, strict=True):
        assert found is not None
        assert -1 < found[0] - place <= Fraction(rate) / grid.rate / 2
    if rate == "30000/1001":
        assert [f[0] for f in frames if f] == list(range(60))
    assert frames_shown(origin, grid, first, first + 500) == (0, 100)
    assert frames_shown(SHOW, grid, first, first) is None


def test_the_columns_documented_are_the_records_fields() -> None:
    kinds = {"str": "VARCHAR", "int": "BIGINT", "date": "DATE", "bool": "BOOLEAN"}
    ours = [(f.name, kinds[str(f.type).removesuffix(" | None")]) for f in fields(AsRunRecord)]
    assert ours == [(name, kind) for name, kind, _ in schema.AS_RUN.columns]
