"""``retrovue asrun``: what it shows, what it says of other days, and what it refuses."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from datetime import UTC, date, datetime
from fractions import Fraction
from pathlib import Path

import pytest

from retrovue.compiler.compile import compile_station
from retrovue.library.catalog import Catalog
from retrovue.playout import as_run_journal, as_run_log
from retrovue.playout.as_run import AsRunRecord
from retrovue.playout.ticks import TickGrid
from retrovue.station.load import require_station
from retrovue.store import Provenance, write_artefact
from retrovue.units import to_us
from tests.cli.run import run
from tests.playout.test_schedule_service import write as write_station

DAY = date(2026, 11, 23)
NOON = to_us(datetime(2026, 11, 23, 17, tzinfo=UTC))
GRID = TickGrid(Fraction(30000, 1001))


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A station that aired a minute of its test pattern, with a slate in it, and soon went on again."""
    write_station(tmp_path / "tiny")
    model = require_station(tmp_path / "tiny")
    compiled = compile_station(model, Catalog({}, ""), DAY, 3, NOON)
    state = tmp_path / "state"
    write_artefact(state / "artefact.duckdb", compiled, Provenance(NOON, NOON, "test"))
    (segment,) = [s for d in compiled.days for s in d.playlist if s.start_us <= NOON < s.end_us]

    def record(run: int, a: float, b: float, kind: str, cause: str = "") -> AsRunRecord:
        first, end = GRID.nearest(NOON + round(a * 1e6)), GRID.nearest(NOON + round(b * 1e6))
        return AsRunRecord(
            "tiny", DAY, "s1", run, "30000/1001", first, end - first,
            GRID.start_us(first), GRID.start_us(end), kind, cause,
            segment.broadcast_date, segment.seq, segment.event_id, segment.kind.value,
            "", "" if cause else segment.synthetic, artefact=compiled.content_hash, closed=True,
        )  # fmt: skip

    made = [
        record(0, 0, 20, "real"),
        record(1, 20, 22.5, "slate", "=ffmpeg | *died*"),
        record(2, 22.5, 60, "real"),
    ]
    made.append(replace(record(0, 90, 100, "real"), session="s2", late_us=7_000_000, closed=False))
    as_run_journal.append(state / "as-run", made, frozenset())
    return state


def asrun(state: Path, *options: str) -> tuple[int, str, str]:
    ran = run("asrun", str(state.parent / "tiny"), "--state", str(state), *options)
    return ran.code, ran.out, ran.err


def test_a_day_as_text_csv_and_json(state: Path) -> None:
    code, out, _ = asrun(state, "--day", "2026-11-23")
    assert code == 0
    lines = out.splitlines()
    assert lines[0] == "3  Tiny 3, Monday 23 November 2026"
    assert lines[1].split() == ["12:00:00", "00:20.0", "real", "test-pattern"]
    assert lines[2].split()[:3] == ["12:00:20", "00:02.5", "slate"]
    assert lines[-1].endswith("late by 7.0 s  …")
    assert as_run_journal.break_off(state / "as-run") == 1
    assert asrun(state, "--day", "2026-11-23")[1].endswith("late by 7.0 s  broken off\n")
    rows = list(csv.DictReader(io.StringIO(asrun(state, "--day", "2026-11-23", "--format", "csv")[1])))
    assert [row["ticks"] for row in rows] == ["599", "75", "1124", "300"]
    assert rows[1]["cause"] == "'=ffmpeg | *died*"  # no formula for a spreadsheet
    assert rows[0]["cause"] == rows[0]["crawl"] == rows[0]["asset_id"] == ""
    (channel,) = json.loads(asrun(state, "--day", "2026-11-23", "--format", "json")[1])
    assert [r["kind"] for r in channel["records"]] == ["real", "slate", "real", "real"]
    assert channel["records"][0]["start"].startswith("2026-11-23T17:00:00")


def test_an_interval_and_a_day_off_the_air(state: Path) -> None:
    out = asrun(state, "--from", "2026-11-23 12:00:21", "--to", "2026-11-23T12:00:22-05:00")[1]
    assert out.splitlines()[0] == "3  Tiny 3, Mon 23 Nov 2026 12:00:21 to 12:00:22"
    assert len(out.splitlines()) == 2
    assert "slate" in out
    out = asrun(state, "--from", "2026-11-23 12:00", "--to", "2026-11-24 06:00")[1]
    assert out.splitlines()[0] == "3  Tiny 3, Mon 23 Nov 2026 12:00 to Tue 24 Nov 2026 06:00"
    assert asrun(state, "--day", "2026-11-25")[1].strip().endswith("not on the air")


def test_beside_the_plan_and_as_a_report(state: Path) -> None:
    out = asrun(state, "--day", "2026-11-23", "--reconcile")[1]
    assert "slate" in out
    assert "2,098 pictures as planned; 1 slate" in out
    assert "off the air, which is no fault" in out
    (found,) = json.loads(asrun(state, "--day", "2026-11-23", "--reconcile", "--format", "json")[1])
    assert found["counts"] == {"slate": 1}
    assert found["ticks"] - found["as_planned"] == 75
    report = asrun(state, "--day", "2026-11-23", "--report")[1]
    assert "2 times: 12:00:00–12:01:00, 12:01:30–12:01:40" in report
    table = asrun(state, "--day", "2026-11-23", "--report", "--format", "markdown")[1]
    assert "=ffmpeg \\| \\*died\\*" in table
    (said,) = json.loads(asrun(state, "--day", "2026-11-23", "--report", "--format", "json")[1])
    assert said["seconds_by_kind"]["slate"] == pytest.approx(2.5, abs=0.04)
    assert len(said["sessions"]) == 2
    (row,) = csv.DictReader(
        io.StringIO(asrun(state, "--day", "2026-11-23", "--reconcile", "--format", "csv")[1])
    )
    assert (row["kind"], row["aired"], row["cause"]) == ("slate", "", "'=ffmpeg | *died*")


def test_only_what_a_viewer_may_have_seen_is_called_late(state: Path) -> None:
    report = asrun(state, "--day", "2026-11-23", "--report")[1]
    assert "7.0 s behind: a picture should leave a lead before its time\n" in report
    report = asrun(state, "--from", "2026-11-23 12:00", "--to", "2026-11-23 12:01", "--report")[1]
    assert "a lead before its time; no more than a channel's start takes" in report


def test_archived_days_and_an_artefact_that_is_gone(state: Path) -> None:
    before = asrun(state, "--day", "2026-11-23")[1]
    assert as_run_log.archive(as_run_log.due(state / "as-run", lambda channel, on: True))
    assert asrun(state, "--day", "2026-11-23")[1] == before
    compiled = compile_station(require_station(state.parent / "tiny"), Catalog({}, ""), DAY, 4, NOON)
    write_artefact(state / "artefact.duckdb", compiled, Provenance(NOON, NOON, "test"), keep=0)
    code, out, said = asrun(state, "--day", "2026-11-23", "--reconcile")
    assert code == 0
    assert "1 slate" in out
    assert "gone" in said


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (["--day", "2026-11-23", "--from", "now"], "a day or an interval"),
        (["--to", "now"], "--to needs --from"),
        (["--from", "tomorrow 12:00", "--to", "now"], "not after"),
        (["--format", "markdown"], "for reports"),
        (["--report", "--format", "csv"], "no table"),
        (["--channel", "9"], "no channel"),
    ],
)
def test_what_makes_no_sense_is_said(state: Path, options: list[str], complaint: str) -> None:
    code, _, said = asrun(state, *options)
    assert code == 1
    assert complaint in said


def test_a_station_that_was_never_compiled_says_so(state: Path) -> None:
    (state / "artefact.duckdb").unlink()
    code, _, said = asrun(state)
    assert code == 1
    assert "no artefact" in said
