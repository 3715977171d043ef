"""A quarter of an hour of the demo station's network channel. Started by hand: ``pytest -m soak``."""

from __future__ import annotations

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
