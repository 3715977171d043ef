"""``serve --at TIME --speed N``: another hour, faster than real time, and the signal keeps every rule."""

from __future__ import annotations

import time
from pathlib import Path

from fixtures.shorts_station import ShortsStation
from tests.tools.barcode_reader import read, unwrap
from tests.tools.broadcast import Broadcast, Recording, clean_log
from tests.tools.plan import asset_files, compare, newest_artefact, picture_start, read_plan
from tests.tools.ts_analyser import TsAnalyser
from tests.tools.ts_report import Rules

SPEED = 3
SECONDS = 12
#: 20:00 in New York.
EIGHT = 1_795_741_200


def test_a_quick_evening(shorts: ShortsStation, tmp_path: Path) -> None:
    """Pictures come three times as fast, each the planned one; no child is paced but by what is taken."""
    options = ("--at", "2026-11-26 20:00", "--speed", str(SPEED))
    with Broadcast(shorts.folder, tmp_path / "state", *options).start() as on_air:
        viewer = Recording(on_air.url("5.1")).start(SECONDS).wait_first()
        began = time.monotonic()
        viewer.join()
        took = time.monotonic() - began
        log = on_air.log()
        plan = read_plan(newest_artefact(on_air.state), "net")
        artefact = newest_artefact(on_air.state)
        analyser = TsAnalyser(Rules(stall_buffer_s=None), wall=False)
        for data, at in viewer.chunks:
            analyser.feed(data, at)
        report = analyser.finish()
        assert report.ok, report.to_text()
        file = tmp_path / "quick.ts"
        file.write_bytes(viewer.data)
        shown = [(unwrap(s.pts, EIGHT), s) for s in read(file).shown]
        numbers = {asset: shorts.number_of(path) for asset, path in asset_files(artefact).items()}
        starts = {n: picture_start(shorts.media(n)) for n in numbers.values() if n is not None}
        # A segment that begins half a tick from its first one is as near to the frame before.
        result = compare(shown, plan, numbers, tolerance=1.1, starts=starts)
        assert result.pictures - result.slate == result.agree > 0, f"{result} {log}"
        # Without the lead, which comes at once: a busy machine may lag, but not to real time.
        stream_s = (shown[-1][0] - shown[0][0]) / 90_000 - 5.5
        assert stream_s > 1.5 * took, f"{stream_s:.1f} s in {took:.1f} s\n{log}"
        first = plan.tick_of(shown[0][0]) / plan.rate
        assert EIGHT <= first < EIGHT + 200 * SPEED
    assert clean_log(log) == []
