"""As-run of a station really on the air: true to the picture, read meanwhile, whole after kill -9."""

from __future__ import annotations

import csv
import io
import json
import os
import signal
import time
from dataclasses import replace
from pathlib import Path

from fixtures.shorts_station import ShortsStation, retrovue
from retrovue.playout import as_run_log
from retrovue.playout.as_run import AsRunRecord
from retrovue.store.generations import generations
from tests.on_air.test_life import missing, upcoming
from tests.tools.barcode_reader import read, unwrap
from tests.tools.broadcast import Broadcast, Recording, until
from tests.tools.plan import asset_files, newest_artefact, read_plan


def records(on_air: Broadcast, channel: str) -> list[AsRunRecord]:
    return as_run_log.read(on_air.state / "as-run", [channel])


def asrun(shorts: ShortsStation, state: Path, *options: str) -> str:
    return retrovue("asrun", shorts.folder, "--channel", "5.1", *options, "--quiet", state=state)


def test_the_log_says_which_frame_was_on_the_screen(
    on_air: Broadcast, shorts: ShortsStation, tmp_path: Path
) -> None:
    """Every decoded picture beside its tick's record; and the log is read while it is written."""
    viewer = Recording(on_air.url("5.1")).start(14).wait_first()
    until(lambda: bool(records(on_air, "net")), 20, "the log has something while the viewer watches")
    said = asrun(shorts, on_air.state)
    assert "shows/Quick Diner" in said or "spots/" in said
    viewer.join()
    file = tmp_path / "seen.ts"
    file.write_bytes(viewer.data)
    artefact = newest_artefact(on_air.state)
    plan = read_plan(artefact, "net")
    numbers = {asset: shorts.number_of(path) for asset, path in asset_files(artefact).items()}
    until(lambda: all(r.closed for r in records(on_air, "net")), 30, "the channel is off the air")
    logged = records(on_air, "net")
    same_rate = exact = pictures = 0
    for shown in read(file).shown:
        tick = plan.tick_of(unwrap(shown.pts, viewer.chunks[0][1]))
        (record,) = [r for r in logged if r.first_tick <= tick < r.end_tick]
        pictures += 1
        if shown.code is None:
            assert not record.asset_id
            continue
        assert numbers[record.asset_id] == shown.code.asset
        assert record.frame_from is not None
        assert record.frame_to is not None
        assert record.frame_from - 1 <= shown.code.frame <= record.frame_to
        if shown.code.rate == plan.rate and record.kind == "real":
            same_rate += 1
            exact += shown.code.frame == record.frame_from + tick - record.first_tick
    assert pictures > 200
    assert exact == same_rate
    (newest, *_) = generations(on_air.state / "playlog")
    assert {r.generation for r in logged} <= {g.number for g in generations(on_air.state / "playlog")}
    assert newest.number == max(r.generation for r in logged)
    assert all(len(r.artefact) == 64 for r in logged)


def test_what_is_in_no_finding_went_as_planned_and_a_stand_in_is_an_override(
    on_air: Broadcast, shorts: ShortsStation
) -> None:
    artefact = newest_artefact(on_air.state)
    plan, files = read_plan(artefact, "net"), asset_files(artefact)
    gone, following = upcoming(plan, round((time.time() + 25) * 1e6))
    with missing(shorts.folder / "media" / files[gone.asset_id]):
        time.sleep(max(0.0, gone.start_us / 1e6 - 8 - time.time()))
        viewer = Recording(on_air.url("5.1")).start(max(10.0, following.start_us / 1e6 + 2 - time.time()))
        viewer.wait_first().join()
    until(lambda: all(r.closed for r in records(on_air, "net")), 30, "the channel is off the air")
    (found,) = json.loads(asrun(shorts, on_air.state, "--reconcile", "--format", "json"))
    told = [f for f in found["findings"] if f["planned"] == gone.asset_id]
    assert told, found
    assert {f["kind"] for f in told} <= {"override", "slate"}
    assert all("missing" in f["cause"] for f in told)
    # A busy machine may have shown slate at a cold start; nothing else may be wrong.
    assert {f["kind"] for f in found["findings"]} <= {"override", "slate"}
    assert found["as_planned"] == found["ticks"] - sum(f["ticks"] for f in found["findings"]) > 60
    report = asrun(shorts, on_air.state, "--report", "--format", "markdown")
    assert gone.asset_id.replace("_", "\\_") in report
    assert "| on the air |" in report
    text = asrun(shorts, on_air.state, "--report")
    assert "as planned" in text
    rows = list(csv.DictReader(io.StringIO(asrun(shorts, on_air.state, "--format", "csv"))))
    assert len(rows) == len(records(on_air, "net"))
    assert {"real", "fallback", "slate"} >= {row["kind"] for row in rows}


def test_kill_9_of_the_station_loses_a_second_at_most(shorts: ShortsStation, tmp_path: Path) -> None:
    state = shorts.state(tmp_path / "state")
    with Broadcast(shorts.folder, state).start() as own:
        viewer = Recording(own.url("5.1")).start().wait_first()
        time.sleep(4)
        before = time.time()
        os.kill(own.pid, signal.SIGKILL)
        until(lambda: not viewer.watching, 10, "the stream is over")
        sent = viewer.data
    (tmp_path / "sent.ts").write_bytes(sent[: len(sent) // 188 * 188])
    logged = as_run_log.read(state / "as-run", ["net"])
    assert logged
    assert not logged[-1].closed
    plan = read_plan(newest_artefact(state), "net")
    last = max(plan.tick_of(unwrap(s.pts, before)) for s in read(tmp_path / "sent.ts").shown)
    # The journal writes every 0.7 s; a busy machine's disk takes its time.
    assert last - logged[-1].end_tick <= 60
    assert "…" in asrun(shorts, state)
    # A new station writes behind it, and what was there stays as it was.
    with Broadcast(shorts.folder, state).start() as own:
        Recording(own.url("5.1")).start(3).wait_first().join()
        until(
            lambda: len({r.session for r in records(own, "net")}) == 2,
            20,
            "two sessions",
        )
    again = as_run_log.read(state / "as-run", ["net"])
    broken_off = replace(logged[-1], broken_off=True)
    assert [r for r in again if r.session == logged[0].session] == [*logged[:-1], broken_off]
    assert "broken off" in asrun(shorts, state)
