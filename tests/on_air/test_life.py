"""The life of a channel: shared, torn down, hurt and healed, reloaded."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import av

from fixtures.shorts_station import ShortsStation
from tests.tools.barcode_reader import Reading, read, unwrap
from tests.tools.broadcast import Broadcast, Process, Recording, open_files, until, watching
from tests.tools.plan import ChannelPlan, Planned, against_plan, asset_files, newest_artefact, read_plan
from tests.tools.ts_analyser import TsAnalyser
from tests.tools.ts_report import Report, Rules

#: Longer than the linger of the station of shorts (2 s), on a machine that has other work too.
GONE_WITHIN = 20.0
STAND_IN = 91


def judge(recording: Recording) -> Report:
    # How punctual a busy machine is, is measured by benchmarks/joins.py and the soak test.
    analyser = TsAnalyser(Rules(stall_buffer_s=None))
    for data, at in list(recording.chunks):
        analyser.feed(data, at)
    return analyser.finish()


def decode(recording: Recording, file: Path) -> Reading:
    file.write_bytes(recording.data)
    return read(file)


def off_air(on_air: Broadcast) -> None:
    """Wait until no channel is on the air."""
    until(lambda: not on_air.ffmpegs(), GONE_WITHIN, "every ffmpeg is gone")


def pictures(file: Path) -> dict[int, bytes]:
    """Coded pictures by time stamp."""
    with av.open(str(file)) as container:
        return {
            packet.pts: bytes(packet)
            for packet in container.demux(container.streams.video[0])
            if packet.pts is not None
        }


def test_five_viewers_one_producer_and_nothing_left_behind(on_air: Broadcast, tmp_path: Path) -> None:
    off_air(on_air)
    before = open_files(on_air.pid)
    viewers = [Recording(on_air.url("5.1")).start() for _ in range(5)]
    for viewer in viewers:
        viewer.wait_first()
    most = 0
    seen: set[Process] = set()
    for _ in range(25):
        children = on_air.ffmpegs()
        seen |= set(children)
        most = max(most, len(children))
        time.sleep(0.2)
    # One renders what is on, one may already be arming what comes next; never one for each viewer.
    assert 1 <= most <= 3, [p.argv for p in seen]
    assert all(v.watching for v in viewers)
    for i, viewer in enumerate(viewers):
        viewer.leave()
        (tmp_path / f"{i}.ts").write_bytes(viewer.data)
    coded = [pictures(tmp_path / f"{i}.ts") for i in range(5)]
    common = set(coded[0]).intersection(*coded[1:])
    # The capture's last picture may be cut anywhere.
    common -= {max(c) for c in coded}
    assert len(common) > 60
    assert all(c[pts] == coded[0][pts] for c in coded[1:] for pts in common)
    for viewer in viewers:
        report = judge(viewer)
        assert report.ok, report.to_text()

    off_air(on_air)
    assert not any(process.alive for process in seen)

    def left_over() -> list[str]:
        rest = open_files(on_air.pid)
        for known in before:
            if known in rest:
                rest.remove(known)
        return [name for name in rest if name.startswith(("pipe:", "/")) and not name.startswith("/dev/")]

    until(lambda: not left_over(), 10, "no pipe and no file of the channel is open")


def test_killed_ffmpeg_is_no_fault_in_the_signal(
    on_air: Broadcast, shorts: ShortsStation, tmp_path: Path
) -> None:
    """A little slate at most, then the programme again, at the right place."""
    off_air(on_air)
    viewer = Recording(on_air.url("5.2")).start().wait_first()
    until(lambda: bool(on_air.ffmpegs()), 20, "an ffmpeg to kill")
    for child in on_air.ffmpegs():
        os.kill(child.pid, signal.SIGKILL)
    time.sleep(9)
    assert viewer.watching
    viewer.leave()
    report = judge(viewer)
    assert report.ok, report.to_text()
    reading = decode(viewer, tmp_path / "killed.ts")
    near = viewer.chunks[0][1]
    shown = [(unwrap(s.pts, near), s) for s in reading.shown]
    result = against_plan(shown, newest_artefact(on_air.state), "reel", shorts)
    evidence = "\n".join([str(result), reading.to_text(), on_air.log()])
    # Not one is torn: what the encoder was writing when it died is thrown away.
    assert result.pictures - result.slate - result.agree == 0, evidence
    assert result.agree > 100, evidence
    assert result.slate < 150, evidence


@contextlib.contextmanager
def missing(file: Path) -> Iterator[None]:
    """Take a file away for the length of a block."""
    away = file.with_suffix(file.suffix + ".away")
    file.rename(away)
    try:
        yield
    finally:
        away.rename(file)


def upcoming(plan: ChannelPlan, after_us: int) -> tuple[Planned, Planned]:
    """The first segment from media that starts after ``after_us``, and the one behind it."""
    for segment, following in zip(plan.segments, plan.segments[1:], strict=False):
        if segment.start_us >= after_us and segment.asset_id and following.asset_id != segment.asset_id:
            return segment, following
    raise AssertionError("nothing is planned")


def test_a_file_missing_at_air_time(on_air: Broadcast, shorts: ShortsStation, tmp_path: Path) -> None:
    """The slot is filled, the next segment starts on time, the viewer stays."""
    artefact = newest_artefact(on_air.state)
    plan, files = read_plan(artefact, "net"), asset_files(artefact)
    # Late enough that nobody can have opened it yet: the lead and the arming come before its time.
    gone, following = upcoming(plan, round((time.time() + 25) * 1e6))
    with missing(shorts.folder / "media" / files[gone.asset_id]):
        start = gone.start_us / 1e6 - 4
        time.sleep(max(0.0, start - time.time()))
        viewer = (
            Recording(on_air.url("5.1"))
            .start(max(10.0, following.start_us / 1e6 + 4 - time.time()))
            .wait_first()
        )
        viewer.join()
    report = judge(viewer)
    assert report.ok, report.to_text()
    reading = decode(viewer, tmp_path / "missing.ts")
    near = viewer.chunks[0][1]
    number = shorts.number_of(files[gone.asset_id])
    first, end = gone.first_tick(plan.rate), gone.end_tick(plan.rate)
    during, later = [], []
    for picture in reading.shown:
        tick = plan.tick_of(unwrap(picture.pts, near))
        if first <= tick < end:
            during.append(picture)
        elif end <= tick < min(end + 60, following.end_tick(plan.rate)):
            later.append(picture)
    text = f"missing: {gone}\n{reading.to_text()}"
    assert during, text
    assert later, text
    assert all(s.code is None or s.code.asset != number for s in during), text
    # Something stands in: the planned fallback, or the slate.
    expected = shorts.number_of(files[following.asset_id]) if following.asset_id else None
    assert later[0].code is None or later[0].code.frame <= 1 + following.in_us * 60 / 1e6, text
    assert all((s.code.asset if s.code else None) == expected for s in later), text


def test_a_broken_yaml_keeps_the_channel_on_the_air_and_says_so(
    on_air: Broadcast, shorts: ShortsStation
) -> None:
    plans = shorts.folder / "plans.yaml"
    good = plans.read_text()
    with watching(on_air.url("5.2")) as viewer:
        try:
            plans.write_text(good.replace("play: [reel]", "play: [real]"))
            until(lambda: "reload refused" in on_air.log(), 60, "the station says that it refuses", every=0.3)
            assert "plans.yaml" in on_air.log()
            size = viewer.size
            until(lambda: viewer.size > size, 10, "the stream goes on")
            assert viewer.watching
        finally:
            plans.write_text(good)
    report = judge(viewer)
    assert report.ok, report.to_text()


def test_a_new_plan_is_taken_over_while_on_the_air(on_air: Broadcast, shorts: ShortsStation) -> None:
    programs = shorts.folder / "programs.yaml"
    programs.write_text(re.sub("title: The Reel", "title: The Other Reel", programs.read_text()))
    with watching(on_air.url("5.2")) as viewer:
        until(lambda: "The Other Reel" in on_air.get("/xmltv.xml"), 200, "the new guide", every=0.5)
        size = viewer.size
        until(lambda: viewer.size > size, 10, "the stream goes on")
        assert viewer.watching
    report = judge(viewer)
    assert report.ok, report.to_text()


def test_a_reload_by_command_airs_or_says_why_not(on_air: Broadcast, shorts: ShortsStation) -> None:
    def reload() -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "retrovue", "reload", "--state", str(on_air.state)]
        return subprocess.run(command, capture_output=True, text=True, timeout=200)

    programs = shorts.folder / "programs.yaml"
    text = programs.read_text()
    programs.write_text(re.sub("title: The (Other )?Reel", "title: The Reel by Command", text))
    done = reload()
    assert done.returncode == 0, done.stderr
    assert "on the air" in done.stdout
    assert "The Reel by Command" in on_air.get("/xmltv.xml")
    good = programs.read_text()
    try:
        programs.write_text(good.replace("program:", "programme:", 1))
        refused = reload()
        assert refused.returncode == 1
        assert "programs.yaml" in refused.stderr
        assert "The Reel by Command" in on_air.get("/xmltv.xml")
    finally:
        programs.write_text(good)
    station = shorts.folder / "station.yaml"
    named = station.read_text()
    try:
        station.write_text(re.sub(r"(?m)^station: .*", "station: another", named))
        refused = reload()
        assert refused.returncode == 1
        assert "its YAML says “another” now" in refused.stderr
        assert "--base" not in refused.stderr
    finally:
        station.write_text(named)


def test_sigterm_leaves_nothing(shorts: ShortsStation, tmp_path: Path) -> None:
    with Broadcast(shorts.folder, shorts.state(tmp_path / "state")).start() as own:
        viewer = Recording(own.url("5.1")).start().wait_first()
        other = Recording(own.url("5.2")).start().wait_first()
        until(lambda: bool(own.ffmpegs()), 10, "an ffmpeg is at work")
        processes = own.children()
        assert own.stop() == 0, own.log()
        until(lambda: not any(p.alive for p in processes), 5, "every child is gone")
        until(lambda: not viewer.watching and not other.watching, 5, "the streams have ended")
        assert viewer.ended or viewer.error is not None
        assert "Traceback" not in own.log()
