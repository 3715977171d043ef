"""Command graphs: argument lists that say what they must, and text that stays text."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrovue.compiler.model import CompiledSynthetic
from retrovue.ffmpeg_binary import choose_ffmpeg
from retrovue.playout.ffmpeg import Cut, Pipes, SyntheticPicture, file_command, synthetic_command
from retrovue.playout.house import HouseFormat
from retrovue.playout.normalise import Treatment
from retrovue.playout.pictures import picture_of, slate_picture
from retrovue.resources import font
from retrovue.stream.adts import AdtsSplitter

HOUSE = HouseFormat("360p", Fraction(30000, 1001), "ultrafast", 800, 96)
FONTS = (str(font()), str(font(monospace=True)))
CUT = Cut(90, -100, 144_000 - 100)


def value(command: list[str], option: str) -> str:
    return command[command.index(option) + 1]


def test_a_file_is_sought_just_before_its_offset_and_only_local_protocols_are_allowed() -> None:
    command = file_command("/bin/ffmpeg", HOUSE, "/m/a.mp4", 12_345_678, CUT, Pipes(7, 8))
    assert command[0] == "/bin/ffmpeg"
    assert "-nostdin" in command
    assert value(command, "-protocol_whitelist") == "file,pipe"
    assert value(command, "-ss") == "12.245678"
    assert value(command, "-i") == "file:/m/a.mp4"
    assert "start_time=0.100000" in value(command, "-filter_complex")
    assert "trim=end_frame=90" in value(command, "-filter_complex")
    assert "-vsync" not in command  # gone since ffmpeg 7
    assert [a for a in command if a.startswith("pipe:")] == ["pipe:7", "pipe:8"]


def test_the_beginning_has_no_pre_roll_and_streams_without_an_index_have_more() -> None:
    start = file_command("f", HOUSE, "/m/a.mp4", 0, CUT, Pipes(7, 8))
    assert value(start, "-ss") == "0.000000"
    unindexed = file_command("f", HOUSE, "/m/a.TS", 12_345_678, CUT, Pipes(7, 8))
    assert value(unindexed, "-ss") == "10.345678"
    assert "start_time=2.000000" in value(unindexed, "-filter_complex")


def test_no_audio_pipe_means_no_audio_is_asked_of_the_file() -> None:
    command = file_command("f", HOUSE, "/m/a.mp4", 0, CUT, Pipes(7, None))
    assert "0:a" not in value(command, "-filter_complex")
    assert [a for a in command if a.startswith("pipe:")] == ["pipe:7"]


def test_interlaced_material_is_deinterlaced() -> None:
    assert "bwdif" in value(
        file_command("f", HOUSE, "/m/a.mp4", 0, CUT, Pipes(7, 8), Treatment(fields="auto")), "-filter_complex"
    )


@given(st.text(min_size=1, max_size=60).filter(lambda t: "\0" not in t))
def test_any_file_name_is_one_argument_with_its_protocol(name: str) -> None:
    command = file_command("f", HOUSE, f"/m/{name}", 0, CUT, Pipes(7, 8))
    assert command.count(f"file:/m/{name}") == 1


@pytest.mark.parametrize("shows", ["test_pattern", "clock", "ident", "card", "slate"])
@pytest.mark.parametrize("text", ["plain", "100% [of] it: 'all', \\ %{pts} ; a=b\nc", "ünï ☂ 電視"])
def test_real_ffmpeg_draws_every_synthetic_whatever_the_text(shows: str, text: str, tmp_path: Path) -> None:
    picture = picture_of(
        CompiledSynthetic("x", shows, text, text), "Station: 'A'", text, "5.1", "",
        datetime(2026, 11, 1, 5, 59, 59, tzinfo=UTC), ZoneInfo("America/New_York"), FONTS,
    )  # fmt: skip
    run_synthetic(picture, tmp_path)


def test_real_ffmpeg_draws_the_slate(tmp_path: Path) -> None:
    run_synthetic(slate_picture("Café: 'A'", FONTS), tmp_path)


def run_synthetic(picture: SyntheticPicture, folder: Path) -> None:
    command = synthetic_command(choose_ffmpeg().path, HOUSE, picture, Cut(3, 0, 4096), Pipes(1, 2))
    files = {"pipe:1": str(folder / "v.h264"), "pipe:2": str(folder / "a.aac")}
    done = subprocess.run([files.get(a, a) for a in command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert (folder / "v.h264").read_bytes().count(b"\0\0\0\1\x09") == 3
    # The cut, a frame of post-roll, and one of priming.
    assert len(AdtsSplitter().feed((folder / "a.aac").read_bytes())) == 6
