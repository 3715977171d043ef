"""Encoders: argument sets for hardware that isn't here, and a judge that only streams of the house please."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import stat
import subprocess
import sys
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest

from retrovue.clock import StationClock
from retrovue.ffmpeg_binary import choose_ffmpeg
from retrovue.lineup import ChannelId
from retrovue.playout import as_run_log
from retrovue.playout.director import Machine, ProgramDirector, Programme, house_of
from retrovue.playout.encode import ENCODERS, HARDWARE, SOFTWARE, encoder_of
from retrovue.playout.encoders import EncoderBench, objection, trial_command
from retrovue.playout.ffmpeg import Cut, Pipes, SyntheticPicture, synthetic_command
from retrovue.playout.house import HouseFormat
from retrovue.playout.playlog import Playlog
from retrovue.stream.h264 import slice_type
from tests.playout.lab import BENCH, CHANNEL, CLIPS, Item, bench, capture, children, machine
from tests.playout.test_signal import reading_of
from tests.tools.ts_analyser import analyse

HOUSE = HouseFormat("720p", Fraction(30000, 1001), "veryfast", 4000, 128)


def command_of(encoder: str, house: HouseFormat = HOUSE) -> list[str]:
    codec = "mpeg2" if encoder == "mpeg2video" else "h264"
    equipped = replace(house, encoder=encoder, codec=codec)
    return synthetic_command("ffmpeg", equipped, SyntheticPicture("testsrc2"), Cut(30, 0, 0), Pipes(5, None))


def value(command: list[str], option: str) -> str:
    return command[command.index(option) + 1]


@pytest.mark.parametrize("encoder", ENCODERS)
def test_every_encoder_is_told_what_the_switcher_relies_on(encoder: str) -> None:
    command = command_of(encoder)
    assert value(command, "-c:v") == encoder
    assert value(command, "-bf") == "0"
    assert value(command, "-g") == "15"
    assert value(command, "-b:v") == value(command, "-maxrate") == "4000k"
    assert value(command, "-fps_mode") == "passthrough"
    if encoder in HARDWARE:
        delimiters = value(command, "-aud") if "-aud" in command else value(command, "-bsf:v")
        assert delimiters in ("1", "h264_metadata=aud=insert")
        assert value(command, "-colorspace") == "bt709"


def test_a_device_is_named_before_everything_and_pictures_are_sent_to_it() -> None:
    command = command_of("h264_vaapi")
    assert command.index("-init_hw_device") < command.index("-i")
    assert value(command, "-filter_complex").split(";")[-1].endswith("hwupload[s7]") or "hwupload" in value(
        command, "-filter_complex"
    )
    assert "-init_hw_device" not in command_of("h264_nvenc")


@pytest.mark.parametrize(
    ("codec", "chosen", "encoder"),
    [
        ("h264", "libx264", "libx264"),
        ("h264", "h264_qsv", "h264_qsv"),
        ("h264", "auto", "libx264"),
        ("mpeg2", "h264_nvenc", "mpeg2video"),
    ],
)
def test_a_codec_has_its_encoder(codec: str, chosen: str, encoder: str) -> None:
    assert encoder_of(codec, chosen) == encoder


def encoded(*options: str) -> bytes:
    """The trial's picture by libx264 with other options."""
    command = trial_command(choose_ffmpeg().path, SOFTWARE)
    return subprocess.run([*command[:-1], *options, command[-1]], capture_output=True, check=True).stdout


def test_the_judge_is_pleased_by_the_house_s_own_encoder() -> None:
    stream = encoded()
    assert objection(stream) == ""
    assert objection(b"") == "it wrote nothing"


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (("-x264-params", "aud=0"), "delimiter"),
        (("-x264-params", "aud=1", "-bf", "2", "-tune", "psnr"), "B-frames"),
        (("-x264-params", "aud=1", "-g", "24"), "to begin with"),
        (("-x264-params", "aud=1", "-force_key_frames", "0.2"), "to begin with"),
        (("-x264-params", "aud=1:open-gop=1:bframes=0", "-flags", "-cgop", "-g", "7"), "to begin with"),
        (("-x264-params", "aud=1", "-frames:v", "20"), "wrote 20"),
        (("-x264-params", "aud=1", "-bsf:v", "filter_units=remove_types=7"), "parameter sets"),
    ],
)
def test_the_judge_refuses_what_could_not_be_aired(options: tuple[str, ...], why: str) -> None:
    assert why in objection(encoded(*options))


def test_slice_types_are_read() -> None:
    from retrovue.stream.h264 import AccessUnitSplitter

    units = AccessUnitSplitter().feed(encoded("-x264-params", "aud=1", "-bf", "2", "-tune", "psnr"))
    assert slice_type(units[0]) == "I"
    assert {"P", "B"} <= {slice_type(unit) for unit in units[1:]}
    assert slice_type(b"") == ""


def test_on_this_machine_software_works_and_what_does_not_is_told_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    ffmpeg = choose_ffmpeg()
    cache = tmp_path / "cache" / "encoders.json"
    tried = EncoderBench(ffmpeg.path, ffmpeg.encoders, cache)
    assert tried.verdict(SOFTWARE) == ""
    assert tried.verdict("h264_videotoolbox") == "this ffmpeg doesn't have it"
    with caplog.at_level(logging.INFO, "retrovue.playout.encoders"):
        for _ in range(3):
            assert tried.choose("h264_videotoolbox") == SOFTWARE
    assert [r.message for r in caplog.records] == [
        "h264_videotoolbox can't be used here (this ffmpeg doesn't have it): libx264 encodes instead"
    ]
    # Somebody else's run knows it already.
    again = EncoderBench(ffmpeg.path, ffmpeg.encoders, cache, run=_never)
    assert again.verdict("h264_videotoolbox") == "this ffmpeg doesn't have it"
    cache.write_text("{not json")
    assert EncoderBench(ffmpeg.path, ffmpeg.encoders, cache).verdict(SOFTWARE) == ""


def _never(command: list[str]) -> tuple[bytes, str]:
    raise AssertionError("nothing has to be tried")


#: Stands in for an ffmpeg with hardware: what asks for h264_v4l2m2m gets libx264 without delimiters, so that
#: the bit stream filter has to add them; other hardware hangs or is missing.
STAND_IN = """#!{python}
import os, sys, time
args = sys.argv[1:]
if "h264_qsv" in args:
    time.sleep(60)
if "h264_v4l2m2m" in args:
    at = args.index("h264_v4l2m2m")
    args[at:at + 1] = ["libx264", "-tune", "zerolatency", "-sc_threshold", "0", "-preset", "ultrafast"]
    drop = args.index("-num_capture_buffers")
    del args[drop:drop + 2]
os.execv({real!r}, [{real!r}, *args])
"""


@pytest.fixture
def stand_in(tmp_path: Path) -> str:
    path = tmp_path / "ffmpeg-with-hardware"
    path.write_text(STAND_IN.format(python=sys.executable, real=choose_ffmpeg().path))
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


def test_auto_takes_the_first_that_works(
    stand_in: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("retrovue.playout.encoders._PATIENCE_S", 3)
    cache = tmp_path / "encoders.json"
    tried = EncoderBench(stand_in, (*HARDWARE, SOFTWARE), cache)
    assert tried.choose("auto") == "h264_v4l2m2m"
    assert tried.verdict("h264_qsv") == "it took longer than 3 s"
    assert tried.choose("h264_qsv") == SOFTWARE
    assert json.loads(cache.read_text())["verdicts"]["h264_v4l2m2m"] == ""
    assert tried.equip(replace(BENCH, encoder="auto")).encoder == "h264_v4l2m2m"
    assert tried.equip(replace(BENCH, codec="mpeg2", encoder="auto")).encoder == "auto"
    os.utime(stand_in, (1, 1))  # another binary
    assert EncoderBench(stand_in, (), cache).verdict("h264_v4l2m2m") == "this ffmpeg doesn't have it"


def _programme() -> Programme:
    from zoneinfo import ZoneInfo

    return Programme("Bench", ZoneInfo("UTC"), {}, lambda _: None, lambda a: a.path, Playlog(()))


async def test_another_encoder_waits_until_the_channel_is_off_the_air(tmp_path: Path) -> None:
    wanted = replace(BENCH, encoder="h264_v4l2m2m")
    director = ProgramDirector(StationClock(), machine(tmp_path), 1.0)
    director.apply({CHANNEL: (BENCH, _programme())})
    assert director.apply({CHANNEL: (wanted, _programme())})  # off the air: at once
    assert director.channels[CHANNEL].house == house_of(wanted)
    await director.close("done")
    async with bench([Item("ntsc", 30.0)], tmp_path) as b:
        viewer = await b.tune()
        programme = b.programme
        assert b.director.apply({CHANNEL: (wanted, programme)}) == []
        assert b.manager.house == house_of(BENCH)
        await viewer.close("done")
        await b.clock.wait(1.2)
        await b.manager.off_air()
        b.director.apply({CHANNEL: (wanted, programme)})
        assert b.director.channels[ChannelId(CHANNEL)].house.encoder == "h264_v4l2m2m"


# --- an encoder that fails on the air --------------------------------------------------------------


def run(command: list[str]) -> None:
    """A client that has nothing to complain of."""
    assert subprocess.run(command, capture_output=True, check=True).stderr == b""


#: As ``STAND_IN``; while the file beside it is there, its device is gone.
LOSING = STAND_IN.replace(
    "args = sys.argv[1:]",
    """args = sys.argv[1:]
if "h264_v4l2m2m" in args and os.path.exists({lost!r}):
    sys.exit("[h264_v4l2m2m @ 0x1] Could not find a valid device")""",
)


@pytest.mark.on_air
async def test_an_encoder_that_dies_on_the_air_is_replaced_by_software(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    binary, lost = tmp_path / "ffmpeg-with-hardware", tmp_path / "lost"
    binary.write_text(LOSING.format(python=sys.executable, real=choose_ffmpeg().path, lost=str(lost)))
    binary.chmod(0o755)
    # The machine's ffmpeg; clips and captures have the real one.
    monkeypatch.setattr("tests.playout.lab.machine", lambda state: Machine(str(binary), "", state))
    hardware = replace(BENCH, encoder="h264_v4l2m2m")
    items = [Item("ntsc", 14.0), Item("pal", 14.0), Item("missing", 5.0), Item("ntsc", 30.0)]
    async with bench(items, tmp_path, channel=hardware) as b:
        viewer = await b.tune()
        task = asyncio.create_task(capture(viewer, b.clock, 30.0))
        await b.clock.wait(3.0)
        assert b.director.degraded(CHANNEL) == ""
        lost.touch()
        for pid in children():
            os.kill(pid, signal.SIGKILL)
        data = await task
        assert b.manager.health == "on air"
        assert "libx264 encodes instead of h264_v4l2m2m" in b.director.degraded(CHANNEL)
        reading = reading_of(data, tmp_path)
        await viewer.close("done")
        # Whoever tunes in later gets the new one from the beginning.
        await b.clock.wait(1.2)
        await b.manager.off_air()
        again = await b.tune()
        later = await capture(again, b.clock, 2.0)
        await again.close("done")
    report = analyse(data, complete=False)
    # The one thing that changes is told to decoders as they expect it: with an IDR.
    assert set(report.faults) <= {"parameter_sets_changed"}, report.to_text()
    assert len(report.parameter_sets) == 2
    assert analyse(later, complete=False).parameter_sets == report.parameter_sets[1:]
    await asyncio.to_thread(
        run, [choose_ffmpeg().path, "-v", "error", "-i", f"{tmp_path}/capture.ts", "-f", "null", "-"]
    )
    codes = [s.code.asset if s.code else None for s in reading.shown]
    assert codes.count(CLIPS["pal"].asset) > 300  # it was armed with the lost one
    told = [r.message for r in caplog.records if "from now on" in r.message]
    assert told == ["h264_v4l2m2m has failed (Could not find a valid device): libx264 encodes from now on"]
    records = as_run_log.read(tmp_path / "as-run", [CHANNEL])
    # A file that isn't there is still the file's fault.
    assert any(r.kind == "slate" and "missing" in r.cause for r in records)
    slates = [r for r in records if r.kind == "slate" and "missing" not in r.cause]
    assert sum(r.ticks for r in slates) <= 45, records
    assert children() == []


@pytest.mark.on_air
@pytest.mark.skipif(any(Path("/dev/dri").glob("render*")), reason="there is a device")
async def test_an_encoder_whose_device_has_gone_before_the_channel_comes_on(tmp_path: Path) -> None:
    """The real thing: VA-API without a device, after a trial of long ago that passed."""
    async with bench([Item("ntsc", 30.0)], tmp_path, channel=replace(BENCH, encoder="h264_vaapi")) as b:
        viewer = await b.tune()
        data = await capture(viewer, b.clock, 2.0)
        assert "libx264 encodes instead of h264_vaapi" in b.director.degraded(CHANNEL)
        assert analyse(data, complete=False).ok
        assert {s.code.asset for s in reading_of(data, tmp_path).shown if s.code} == {CLIPS["ntsc"].asset}
        await viewer.close("done")
