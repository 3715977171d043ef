"""As-run: run-length records that tile the ticks, and a disk that may fail."""

from __future__ import annotations

import json
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

from retrovue.playout.as_run import AsRun
from retrovue.playout.producers.base import Origin
from retrovue.playout.ticks import TickGrid

GRID = TickGrid(Fraction(25))
SHOW = Origin(
    "real", event_id=7, seq=3, broadcast_date="2026-11-23", segment_kind="program", asset_id="c/show"
)
SLATE = Origin("slate", cause="file is missing: c/ad")


def records(folder: Path) -> list[dict[str, object]]:
    return [json.loads(line) for file in sorted(folder.iterdir()) for line in file.open()]


async def test_equal_ticks_are_one_record_and_a_change_begins_another(tmp_path: Path) -> None:
    as_run = AsRun(tmp_path, "wrtv", GRID, lead_us=5_500_000)
    first = GRID.at(1_790_000_000_000_000)
    for n in range(100):
        origin = SHOW if n < 60 or n >= 70 else SLATE
        late = 2_000 if n == 5 else 0
        as_run.tick(first + n, origin, GRID.start_us(first + n) - 5_500_000 + late)
    await as_run.flush()
    await as_run.flush()
    found = records(tmp_path)
    by_tick = sorted(found, key=lambda r: str(r["first_tick"]))
    assert [(r["kind"], r["ticks"]) for r in by_tick] == [("real", 60), ("slate", 10), ("real", 30)]
    assert by_tick[0]["late_ms"] == 2.0
    assert by_tick[0]["asset_id"] == "c/show"
    assert by_tick[1]["cause"] == SLATE.cause
    assert by_tick[0]["end"] == by_tick[1]["start"]
    assert (tmp_path / "wrtv-2026-11-23.jsonl").exists()


async def test_a_jump_in_ticks_is_never_papered_over(tmp_path: Path) -> None:
    as_run = AsRun(tmp_path, "wrtv", GRID, 0)
    as_run.tick(100, SHOW, 0)
    as_run.tick(102, SHOW, 0)
    await as_run.flush()
    assert [r["first_tick"] for r in records(tmp_path)] == [100, 102]


async def test_a_disk_that_fails_never_stops_playout(tmp_path: Path) -> None:
    blocked = tmp_path / "as-run"
    blocked.write_text("a file where the folder should be")
    as_run = AsRun(blocked, "wrtv", GRID, 0)
    as_run.tick(1, SHOW, 0)
    as_run.tick(2, replace(SHOW, seq=4), 0)
    await as_run.flush()
    blocked.unlink()
    as_run.tick(3, SHOW, 0)
    await as_run.flush()
    assert [r["first_tick"] for r in records(blocked)] == [3]
