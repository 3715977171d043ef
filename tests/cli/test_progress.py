"""Progress: rate and time left, for people and as events."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from retrovue.cli.progress import Events, Lines, Pace, Told, left_said, rate_said
from retrovue.clock import SteppedClock
from tests.cli.run import run
from tests.library.media import make
from tests.station.build import STATION, write

COLLECTION = "---\ncollection: shows\nsource: { kind: filesystem, path: media }\n"


def clock() -> SteppedClock:
    return SteppedClock(datetime(2026, 11, 26, 10, 0, tzinfo=UTC))


def test_how_quickly_and_how_long() -> None:
    pace = Pace(100, 5.0)
    assert [pace.per_second, pace.left_s] == [None, None]
    pace.move(10, 5.0)  # no time has passed: nobody knows
    assert pace.per_second is None
    pace.move(10, 9.0)
    assert [pace.per_second, pace.left_s] == [5.0, 16.0]
    for second in range(10, 100):  # what was long ago counts no more
        pace.move(0.5, float(second))
    assert pace.per_second == pytest.approx(0.5)
    assert pace.left_s == pytest.approx((100 - 20 - 45) / 0.5)
    pace.move(1000, 100.0)
    assert pace.left_s == 0


def test_how_it_is_said() -> None:
    assert [rate_said(r, "files") for r in (None, 7.25, 1234.5)] == ["", "7.25/s", "1234/s"]
    assert rate_said(12.5, "seconds") == "12.5x"
    assert [left_said(s) for s in (None, 0, 59.6, 7265)] == [
        "",
        "0:00:00 left",
        "0:01:00 left",
        "2:01:05 left",
    ]


def test_lines_say_each_tenth() -> None:
    said: list[str] = []
    at = clock()
    lines = Lines(said.append, at, "ingest", 40, "files")
    for n in range(40):
        lines.advance(1, f"{n}.mp4")
        at.step(0.5)
    assert said[:3] == [
        "ingest: 0 % 0.mp4",
        "ingest: 10 % (2.67/s, 0:00:14 left) 3.mp4",
        "ingest: 20 % (2.29/s, 0:00:14 left) 7.mp4",
    ]
    assert said[-1] == "ingest: 100 % (2.05/s) 39.mp4"
    assert len(said) == 11


def test_events_are_few_and_have_the_last() -> None:
    out = io.StringIO()
    at = clock()
    told = Told(Events(out, at), at, "ingest", 100, "files")
    for n in range(100):
        at.step(0.01)
        told.advance(1, f"{n}.mp4")
    events = [json.loads(line) for line in out.getvalue().splitlines()]
    about = {"work": "ingest", "total": 100, "unit": "files"}
    assert events[0] == {"event": "begin", "at": "2026-11-26T10:00:00.000Z", **about}
    assert [event["done"] for event in events[1:]] == [1, 26, 51, 76, 100]
    pace = {"done": 100, "what": "99.mp4", "per_second": 100, "left_s": 0}
    assert events[-1] == {"event": "progress", "at": "2026-11-26T10:00:01.000Z", **about, **pace}


def test_whoever_reads_events_may_go_away() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    events = Events(os.fdopen(writer, "w"), clock())
    events.tell("begin")
    events.tell("end")


@pytest.fixture
def station(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RETROVUE_STATE", str(tmp_path / "state"))
    folder = write(tmp_path / "station", {"station.yaml": STATION + COLLECTION})
    make(folder / "media" / "a.mp4")
    (folder / "media" / "b.mp4").write_bytes(b"")
    return folder


def read(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_ingest_tells_of_itself(station: Path, tmp_path: Path) -> None:
    file = tmp_path / "events"
    ran = run("ingest", str(station), "--quiet", "--json", "--events", str(file))
    begin, *progress, outcome, end = read(file.read_text())
    assert (begin["event"], begin["total"], end["event"], end["code"]) == ("begin", 2, "end", 0)
    assert {event["event"] for event in progress} == {"progress"}
    assert (progress[-1]["done"], progress[-1]["what"]) == (2, "b.mp4")
    assert outcome["event"] == "outcome"
    assert outcome["outcome"] == json.loads(ran.out)
    assert [f["code"] for f in outcome["outcome"]["findings"]] == ["unreadable-media"]


def test_on_standard_output_there_is_nothing_else(station: Path) -> None:
    ran = run("ingest", str(station), "--events", "-")
    events = read(ran.out)
    assert (events[0]["event"], events[-1]["event"]) == ("begin", "end")
    assert "error: [unreadable-media] shows: b.mp4" in ran.err
    ran = run("conform", "shows/a", "--station", str(station), "--events", "-", "--json", "--dry-run")
    assert [event["event"] for event in read(ran.out)] == ["outcome", "end"]


def test_what_goes_wrong_is_an_event(station: Path, tmp_path: Path) -> None:
    (station / "station.yaml").write_text("station: [\n")
    file = tmp_path / "events"
    ran = run("ingest", str(station), "--events", str(file))
    error, end = read(file.read_text())
    assert (ran.code, end["code"], error["event"]) == (1, 1, "error")
    assert f"error: {error['error']}\n  help: {error['help']}\n" == ran.err


def test_a_file_for_events_that_can_not_be_written_is_told(station: Path, tmp_path: Path) -> None:
    ran = run("ingest", str(station), "--events", str(tmp_path))
    assert (ran.code, ran.out) == (1, "")
    assert f"error: {tmp_path} can't be written: Is a directory" in ran.err


def test_a_bar_has_rate_and_time_left_and_a_name_is_no_markup(station: Path) -> None:
    for n in range(6):
        folder = station / "media" / f"{n}[red]x["
        folder.mkdir()
        shutil.copyfile(station / "media" / "a.mp4", folder / "bold] y.mp4")
    for name in ("a.mp4", "b.mp4"):
        (station / "media" / name).unlink()
    ours, theirs = os.openpty()
    child = subprocess.Popen(
        [sys.executable, "-m", "retrovue", "ingest", str(station), "--executor", "threads:1"],
        stdout=subprocess.DEVNULL,
        stderr=theirs,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "160"},
    )
    os.close(theirs)
    shown = b""
    try:
        while more := os.read(ours, 65536):
            shown += more
    except OSError:  # how a terminal ends
        pass
    finally:
        os.close(ours)
    assert child.wait(timeout=60) == 0
    text = re.sub(r"\x1b\[[\d;?]*[A-Za-z]", "", shown.decode())
    assert "Traceback" not in text
    assert re.search(r"6/6 +[\d.]+/s +\d:\d\d:\d\d 5\[red\]x\[/bold\] y\.mp4", text), text
