"""A quarter of an hour of the demo station's network channel, three tuners across a programme boundary, and
eight hours of station time as fast as the machine can. Started by hand: ``pytest -m soak``."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import pytest

from tests.tools.barcode_reader import unwrap
from tests.tools.broadcast import Broadcast, clean_log
from tests.tools.capture import capture
from tests.tools.plan import newest_artefact, read_plan
from tests.tools.ts_analyser import TsAnalyser

DEMO = Path(__file__).resolve().parents[2] / "stations" / "demo"
NUMBER, SLUG = "5.1", "wrtv"
MINUTES = 15
JOINS = 12
#: Prime time of a weekday: two comedies, full of commercials.
AT = datetime.fromisoformat("2026-11-25T20:17:00-05:00")


@pytest.mark.soak
@pytest.mark.timeout(60 * (MINUTES + 10))
def test_a_quarter_of_an_hour_of_television(tmp_path: Path) -> None:
    if not any((DEMO / "media").rglob("*.mkv")):
        pytest.skip("the demo library is not there: retrovue demo-media")
    with Broadcast(DEMO, tmp_path / "state", "--at", AT.isoformat()).start() as broadcast:
        analyser = TsAnalyser(wall=False)  # station time is not this machine's
        with (tmp_path / "capture.ts").open("wb") as keep:
            for data, at in capture(broadcast.url(NUMBER), MINUTES * 60):
                analyser.feed(data, at)
                keep.write(data)
        report = analyser.finish()
        print(report.to_text())
        plan = read_plan(newest_artefact(broadcast.state), SLUG)
        assert report.first_pts is not None
        first = plan.tick_of(unwrap(report.first_pts, AT.timestamp()))
        last = first + report.pictures
        joins = [s for s in plan.segments if first < s.first_tick(plan.rate) <= last]
        print(f"{len(joins)} joins; the station said:\n{broadcast.log()}")
        assert report.ok, report.to_text()
        assert report.duration_s > MINUTES * 60
        assert len(joins) >= JOINS
        assert clean_log(broadcast.log()) == []


@pytest.mark.soak
@pytest.mark.timeout(1800)
def test_the_streams_of_three_personalities_across_a_boundary() -> None:
    """No time stamp missing, no other PID or PMT, no counter wrong: six minutes of a grid of five."""
    benchmark = Path(__file__).resolve().parents[2] / "benchmarks" / "boundaries.py"
    command = [sys.executable, str(benchmark), "--minutes", "6", "--speed", "2", "--json"]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=False)
    found = json.loads(done.stdout)
    assert [t["personality"] for t in found["tuners"]] == ["atsc", "dvbt", "cablecard"]
    assert found["ok"], found


@pytest.mark.soak
@pytest.mark.timeout(6 * 3600)
def test_eight_hours_of_station_time() -> None:
    """Memory flat, no open file more, and as-run is the plan but for the faults that were injected."""
    benchmark = Path(__file__).resolve().parents[2] / "benchmarks" / "soak.py"
    done = subprocess.run([sys.executable, str(benchmark), "--json"], stdout=subprocess.PIPE, check=False)
    found = json.loads(done.stdout)
    assert found["ok"], found
    assert found["injected_and_not_told"] == 0
    assert found["pictures"] > 850_000
