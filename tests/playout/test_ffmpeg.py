"""Command graphs: argument lists that say what they must, and text that stays text."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from retrovue.playout.ffmpeg import Cut, Pipes, file_command
from retrovue.playout.house import HouseFormat
from retrovue.playout.normalise import Treatment

HOUSE = HouseFormat("360p", Fraction(30000, 1001), "ultrafast", 800, 96)
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
