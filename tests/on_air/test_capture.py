"""``retrovue capture``: any minute as a file; each picture is the planned one, and the wire's rules hold."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from datetime import date
from fractions import Fraction
from pathlib import Path

import av
import pytest

from fixtures.shorts_station import ShortsStation, retrovue
from retrovue.playout.as_run import AsRunRecord, line_of
from retrovue.playout.ticks import TickGrid
from tests.tools.barcode_reader import PictureReader, read, unwrap
from tests.tools.broadcast import descendants, until
from tests.tools.pixels import Box, looks, share
from tests.tools.plan import against_plan, asset_files, compare, picture_start, read_plan
from tests.tools.ts_analyser import TsAnalyser
from tests.tools.ts_report import Rules

DAY = "2026-11-26"
#: 20:00 in New York.
EIGHT = 1_795_741_200


@pytest.fixture(scope="module")
def state(shorts: ShortsStation, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A state directory with an artefact of two days."""
    folder = tmp_path_factory.mktemp("state")
    retrovue("compile", shorts.folder, "--from", DAY, "--days", "2", "--quiet", state=folder)
    return folder


def capture(shorts: ShortsStation, state: Path, channel: str, *options: str | Path) -> str:
    return retrovue("capture", channel, *options, shorts.folder, "--quiet", state=state)


def refused(shorts: ShortsStation, state: Path, *options: str | Path) -> str:
    """What the command complains of."""
    with pytest.raises(RuntimeError) as told:
        capture(shorts, state, *options)  # type: ignore[arg-type]  # the channel comes first
    text = str(told.value)
    assert "ended with 1" in text
    assert "Traceback" not in text
    return text


def test_every_picture_of_a_minute_is_the_planned_one(
    shorts: ShortsStation, state: Path, tmp_path: Path
) -> None:
    """Over programme, break, bumpers: 0 faults, 0 slate, each tick once, the very frame."""
    file = tmp_path / "minute.ts"
    said = capture(shorts, state, "5.1", "--from", f"{DAY} 20:00", "--to", f"{DAY} 20:01", "--output", file)
    analyser = TsAnalyser(Rules(stall_buffer_s=None))
    analyser.feed(file.read_bytes())
    report = analyser.finish()
    assert report.ok, report.to_text()
    artefact = state / "artefact.duckdb"
    plan = read_plan(artefact, "net")
    reading = read(file)
    shown = [(unwrap(s.pts, EIGHT), s) for s in reading.shown]
    ticks = [plan.tick_of(pts) for pts, _ in shown]
    first, end = round(EIGHT * plan.rate), round((EIGHT + 60) * plan.rate)
    assert ticks == list(range(first, end))
    assert f"{end - first} pictures" in said
    result = against_plan(shown, artefact, "net", shorts)
    evidence = "\n".join([str(result), reading.to_text()])
    assert result.slate == 0, evidence
    assert result.agree == result.pictures - sum(not p.asset_id for p in map(plan.at_tick, ticks) if p), (
        evidence
    )
    assert result.exact == result.same_rate > 100, evidence
    joins = [s for s in plan.segments if first < s.first_tick(plan.rate) < end]
    assert len(joins) >= 4, evidence


def test_the_same_minute_is_the_same_again_and_needs_no_artefact(
    shorts: ShortsStation, state: Path, tmp_path: Path
) -> None:
    window = ("--from", f"{DAY} 12:10:03", "--to", f"{DAY} 12:10:18")
    capture(shorts, state, "reel", *window, "--output", tmp_path / "a.ts")
    capture(shorts, tmp_path / "empty", "5.2", *window, "--output", tmp_path / "b.ts")
    a, b = (tmp_path / "a.ts").read_bytes(), (tmp_path / "b.ts").read_bytes()
    assert [s.code for s in read(tmp_path / "a.ts").shown] == [s.code for s in read(tmp_path / "b.ts").shown]
    assert a == b
    assert not (state / "as-run").exists()  # it was not on the air


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_other_containers_hold_the_same_pictures(
    shorts: ShortsStation, state: Path, tmp_path: Path, suffix: str
) -> None:
    window = ("--from", f"{DAY}T20:00:20-05:00", "--to", f"{DAY} 20:00:26")
    capture(shorts, state, "5.1", *window, "--output", tmp_path / "a.ts")
    capture(shorts, state, "5.1", *window, "--output", tmp_path / f"a{suffix}")
    assert sorted(f.name for f in tmp_path.iterdir()) == sorted(["a.ts", f"a{suffix}"])
    codes = []
    for name in ("a.ts", f"a{suffix}"):
        with av.open(str(tmp_path / name)) as container:
            stream = container.streams.video[0]
            reader = PictureReader(stream.width, stream.height)
            codes.append([reader.read(frame) for frame in container.decode(stream)])
            assert container.streams.audio[0].codec_context.name == "aac"
    assert codes[0] == codes[1]
    assert len(codes[0]) == pytest.approx(6 * 29.97, abs=1)


def test_one_picture(shorts: ShortsStation, state: Path, tmp_path: Path) -> None:
    for at in ("20:00:20", "20:00:41"):
        file = tmp_path / "picture.png"
        capture(shorts, state, "5.1", "--from", f"{DAY} {at}", "--frame", file)
        assert file.read_bytes().startswith(b"\x89PNG")
        with av.open(str(file)) as container:
            (frame,) = container.decode(container.streams.video[0])
            found = PictureReader(frame.width, frame.height).read(frame.reformat(format="yuv420p"))
        artefact = state / "artefact.duckdb"
        plan = read_plan(artefact, "net")
        tick = round((EIGHT + int(at[-2:])) * plan.rate)
        planned = plan.at_tick(tick)
        assert planned is not None
        numbers = {asset: shorts.number_of(path) for asset, path in asset_files(artefact).items()}
        if not planned.asset_id:
            assert found is None
            continue
        assert found is not None
        assert found.asset == numbers[planned.asset_id]
        place = plan.frame_at(planned, tick, found.rate)
        place -= picture_start(shorts.media(found.asset)) * found.rate
        assert abs(found.frame - place) <= max(Fraction(1), found.rate / plan.rate)


def test_what_could_not_be_played_is_told(shorts: ShortsStation, state: Path, tmp_path: Path) -> None:
    artefact = state / "artefact.duckdb"
    plan = read_plan(artefact, "net")
    files = asset_files(artefact)
    gone = next(s for s in plan.segments if s.start_us >= EIGHT * 10**6 and s.kind == "ad")
    media = shorts.folder / "media" / files[gone.asset_id]
    away = media.with_suffix(".away")
    media.rename(away)
    file = tmp_path / "gone.ts"
    try:
        from_s, to_s = gone.start_us // 10**6 - 2, -(-gone.end_us // 10**6) + 2
        done = subprocess.run(
            [
                *(sys.executable, "-m", "retrovue", "capture", "net", str(shorts.folder)),
                *("--from", _iso(from_s), "--to", _iso(to_s), "--output", str(file)),
                *("--state", str(state)),
            ],
            capture_output=True, text=True, timeout=200, check=True,
        )  # fmt: skip
    finally:
        away.rename(media)
    assert "missing" in done.stderr
    assert gone.asset_id in done.stderr
    shown = [(unwrap(s.pts, EIGHT), s) for s in read(file).shown]
    numbers = {asset: shorts.number_of(path) for asset, path in files.items()}
    starts = {n: picture_start(shorts.media(n)) for n in numbers.values() if n is not None}
    around = [(pts, s) for pts, s in shown if plan.at_tick(plan.tick_of(pts)) != gone]
    result = compare(around, plan, numbers, starts=starts)
    assert result.agree == result.pictures > 60, str(result)  # what follows begins on time


def _iso(seconds: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime(seconds))


def test_what_can_t_be_captured_is_said(shorts: ShortsStation, state: Path, tmp_path: Path) -> None:
    out = ("--output", tmp_path / "x.ts")
    assert "not after" in refused(shorts, state, "5.1", "--from", f"{DAY} 20:01", "--to", f"{DAY} 20:00")
    assert "no channel" in refused(shorts, state, "9.9", "--from", f"{DAY} 20:00", *out)
    assert "no time" in refused(shorts, state, "5.1", "--from", "noonish", *out)
    assert "25 hours" in refused(shorts, state, "5.1", "--from", f"{DAY} 20:00", "--to", "2027-01-01 00:00")
    nowhere = ("--output", tmp_path / "no" / "such" / "x.mp4")
    assert "can't" in refused(
        shorts, state, "5.1", "--from", f"{DAY} 20:00", "--to", f"{DAY} 20:00:01", *nowhere
    )
    assert list(tmp_path.iterdir()) == []


def test_a_capture_that_is_stopped_leaves_nothing(shorts: ShortsStation, state: Path, tmp_path: Path) -> None:
    child = subprocess.Popen(
        [
            *(sys.executable, "-m", "retrovue", "capture", "5.1", str(shorts.folder), "--state", str(state)),
            *("--from", f"{DAY} 20:00", "--to", f"{DAY} 23:00", "--output", str(tmp_path / "long.mp4")),
        ],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    until(lambda: any(tmp_path.iterdir()), 60, "the capture has begun")
    seen = [p for p in descendants(child.pid) if p.is_ffmpeg]
    assert len(seen) >= 2
    os.kill(child.pid, signal.SIGTERM)
    _, complaint = child.communicate(timeout=20)
    assert child.returncode == 130
    assert "Traceback" not in complaint
    assert not any(p.alive for p in seen)
    assert list(tmp_path.iterdir()) == []


def test_killed_children_leave_no_trace_in_it(shorts: ShortsStation, state: Path, tmp_path: Path) -> None:
    """A clock that waits shows what the air hides: whoever waits for what can't come waits for ever."""
    window = ("--from", f"{DAY} 20:00:05", "--to", f"{DAY} 20:00:40")
    file = tmp_path / "killed.ts"
    child = subprocess.Popen(
        [
            *(sys.executable, "-m", "retrovue", "capture", "5.1", str(shorts.folder), *window, "--quiet"),
            *("--state", str(state), "--output", str(file)),
        ],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    part = tmp_path / f".{file.name}.part"
    killed = 0
    for size in (1, 400_000):
        until(lambda size=size: child.poll() is not None or _size(part) >= size, 100, "the capture goes on")  # type: ignore[misc]
        for process in descendants(child.pid):
            if process.is_ffmpeg:
                os.kill(process.pid, signal.SIGKILL)
                killed += 1
    _, complaint = child.communicate(timeout=150)
    assert child.returncode == 0, complaint
    assert killed >= 1
    plan = read_plan(state / "artefact.duckdb", "net")
    shown = [(unwrap(s.pts, EIGHT), s) for s in read(file).shown]
    assert [plan.tick_of(pts) for pts, _ in shown] == list(
        range(round((EIGHT + 5) * plan.rate), round((EIGHT + 40) * plan.rate))
    )
    result = against_plan(shown, state / "artefact.duckdb", "net", shorts)
    assert result.slate == 0, str(result)
    assert result.exact == result.same_rate > 500, str(result)


def _size(file: Path) -> int:
    return file.stat().st_size if file.exists() else 0


# --- what can't be made again, and what was ordered ------------------------------------------------

PAST = "2026-01-05"
#: 20:00 in New York.
THEN = 1_767_661_200


def told(shorts: Path, state: Path, channel: str, *options: str | Path) -> str:
    """What a capture says on standard error."""
    command = [sys.executable, "-m", "retrovue", "capture", channel, *map(str, options), str(shorts)]
    done = subprocess.run([*command, "--state", str(state)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stderr


def test_a_live_source_is_its_stand_in_or_a_card_that_names_it(shorts: ShortsStation, tmp_path: Path) -> None:
    folder = tmp_path / "station"
    shutil.copytree(shorts.folder, folder, ignore=shutil.ignore_patterns("media", ".retrovue"))
    (folder / "media").symlink_to(shorts.folder / "media")
    (folder / "live.yaml").write_text("live: council\ntitle: City Council\nurl: udp://127.0.0.1:9\n")
    plan = (folder / "plans.yaml").read_text().replace("[diner]", "[council]").replace("[reel]", "[council]")
    (folder / "plans.yaml").write_text(plan)
    reel = folder / "channels" / "reel.yaml"
    reel.write_text(reel.read_text().replace("fallback: [standby]\n", ""))
    window = ("--from", f"{PAST} 20:00", "--to", f"{PAST} 20:00:03")
    for channel, asset in (("net", 91), ("reel", None)):
        file = tmp_path / f"{channel}.ts"
        said = told(folder, tmp_path / "state", channel, *window, "--output", file)
        assert "live council" in said, said
        assert {s.code.asset if s.code else None for s in read(file).shown} == {asset}


def test_the_past_has_the_orders_that_were_carried_out(shorts: ShortsStation, tmp_path: Path) -> None:
    state = tmp_path / "state"
    log = state / "as-run" / f"net-{PAST}.jsonl"
    log.parent.mkdir(parents=True)
    rate = Fraction(30000, 1001)
    runs = [("real", 0, 60, "", ""), ("override", 60, 120, "emergency", "emergency: Fog."),
            ("real", 120, 150, "", ""), ("override", 150, 180, "sign-off", "sign-off"),
            ("real", 180, 200, "", ""), ("real", 200, 210, "", "")]  # fmt: skip
    first = round(THEN * rate)
    grid = TickGrid(rate)
    lines = []
    for n, (kind, a, b, synthetic, cause) in enumerate(runs):
        record = AsRunRecord(
            "net", date.fromisoformat(PAST), "s", n, "30000/1001", first + a, b - a,
            grid.start_us(first + a), grid.start_us(first + b), kind, cause, synthetic=synthetic, closed=True,
            crawl="Fog. " * 40 if a >= 180 else "",
        )  # fmt: skip
        lines.append(json.dumps(line_of(record)) + "\n")
    log.write_text("".join(lines))
    file = tmp_path / "past.ts"
    window = ("--from", f"{PAST} 20:00", "--to", f"{PAST} 20:00:08")
    said = told(shorts.folder, state, "net", *window, "--output", file)
    # In the words of the as-run log.
    assert f"override for {float(60 / rate):.2f} s: emergency: Fog." in said
    assert f"override for {float(30 / rate):.2f} s: sign-off" in said
    assert "fallback" not in said
    shown = [s.code is not None for s in read(file).shown]
    assert shown == [True] * 60 + [False] * 60 + [True] * 30 + [False] * 30 + [True] * (len(shown) - 180)
    assert len(shown) > 220
    # The crawl's band lies at the foot of the picture.
    band = [share(part, (31, 34, 70), 25) > 0.4 for _, (part,) in looks(file, Box(0.0, 0.885, 1.0, 0.94))]
    assert [n for n, dark in enumerate(band) if dark and n not in range(60, 120)] == list(range(180, 210))
