"""Which ffmpeg is chosen: parsing on captured listings, choosing on small programs that really run."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from retrovue import ffmpeg_binary
from retrovue.ffmpeg_binary import (
    NEEDED,
    FfmpegMissing,
    choose_ffmpeg,
    inspect,
    missing_features,
    parse_encoders,
    parse_filters,
    parse_muxers,
    parse_protocols,
    parse_version,
    wheel_binary,
)

ENCODERS = """\
Encoders:
 V..... = Video
 .....D = Supports direct rendering method 1
 ------
 V....D libx264              libx264 H.264 / AVC / MPEG-4 AVC / MPEG-4 part 10 (codec h264)
 A....D aac                  AAC (Advanced Audio Coding)
 S..... ssa                  ASS (Advanced SubStation Alpha) subtitle (codec ass)
"""

FILTERS_5 = """\
Filters:
  T.. = Timeline support
  | = Source or sink filter
 ..C acompressor       A->A       Audio compressor.
 T.C drawtext          V->V       Draw text on top of video frames using libfreetype library.
 ... sine              |->A       Generate sine wave audio signal.
 ... concat            N->N       Concatenate audio and video streams.
"""

FILTERS_9 = """\
Filters:
  T. = Timeline support
 .. sine              |->A       Generate sine wave audio signal.
 TS bwdif             V->V       Deinterlace the input image.
"""

MUXERS_5 = """\
File formats:
 D. = Demuxing supported
 .E = Muxing supported
 --
  E adts            ADTS AAC (Advanced Audio Coding)
  E matroska,webm   Matroska / WebM
"""

MUXERS_9 = """\
Formats:
 D.. = Demuxing supported
 ..d = Is a device
 ---
  E  mpegts          MPEG-TS (MPEG-2 Transport Stream)
  Ed fbdev           Linux framebuffer
"""

PROTOCOLS = """\
Supported file protocols:
Input:
  cache
  file
  pipe
Output:
  file
  md5
  pipe
"""


@pytest.mark.parametrize(
    ("written", "release"),
    [
        ("5.1.9-0+deb12u1", (5, 1, 9)),
        ("n7.1", (7, 1)),
        ("n9.0.2-17-g2a571b6068-20260930", (9, 0, 2)),
        ("9.0.2-static", (9, 0, 2)),
        ("4.4.2-0ubuntu0.22.04.1", (4, 4, 2)),
        ("git-2024-05-02-71669f2ad5", ()),
        ("N-115379-g0456ea5bbb", ()),
    ],
)
def test_a_version_is_read_however_it_is_written(written: str, release: tuple[int, ...]) -> None:
    libraries = "libavutil      57. 28.100 / 57. 28.100\n"
    text = f"ffmpeg version {written} Copyright (c) 2000-2026\nbuilt with gcc\n{libraries}"
    assert parse_version(text) == (release, written, (57, 28))


def test_another_program_is_not_taken_for_ffmpeg() -> None:
    with pytest.raises(ValueError, match="does not answer"):
        parse_version("GNU coreutils 9.1\n")


def test_listings_are_read_without_their_legends() -> None:
    assert parse_encoders(ENCODERS) == {"libx264", "aac", "ssa"}
    assert parse_filters(FILTERS_5) == {"acompressor", "drawtext", "sine", "concat"}
    assert parse_filters(FILTERS_9) == {"sine", "bwdif"}
    assert parse_muxers(MUXERS_5) == {"adts", "matroska", "webm"}
    assert parse_muxers(MUXERS_9) == {"mpegts", "fbdev"}
    assert parse_protocols(PROTOCOLS) == {"file", "pipe"}


def test_what_is_missing_is_named() -> None:
    lacking = missing_features(
        {"encoders": ENCODERS, "filters": FILTERS_5, "muxers": MUXERS_5, "protocols": ""}
    )
    assert "encoder libx264" not in lacking
    assert {"filter fps", "filter testsrc2 or smptehdbars", "muxer mpegts", "protocol pipe"} <= set(lacking)


# --- choosing, with programs that answer as an ffmpeg would ----------------------------------------


def _ffmpeg(folder: Path, version: str, *, without: str = "", libavutil: str = "57. 28.100") -> Path:
    """An executable that lists everything that is needed, except the word ``without``."""
    lines = {
        "encoders": [f" V....D {n}  x" for n in NEEDED["encoders"]],
        "filters": [f" ... {n.split('|')[0]}  V->V  x" for n in NEEDED["filters"]],
        "muxers": [f"  E {n}  x" for n in NEEDED["muxers"]],
        "protocols": ["Input:", *NEEDED["protocols"], "Output:", *NEEDED["protocols"]],
        "version": [f"ffmpeg version {version} Copyright", f"libavutil      {libavutil} / {libavutil}"],
    }
    cases = "\n".join(
        f"-{kind}) cat <<'END'\n"
        + "\n".join(t for t in texts if not without or f" {without} " not in t)
        + "\nEND\n;;"
        for kind, texts in lines.items()
    )
    folder.mkdir(exist_ok=True)
    program = folder / "ffmpeg"
    program.write_text(f'#!/bin/sh\ncase "$2" in\n{cases}\nesac\n')
    program.chmod(0o755)
    return program


@pytest.fixture(autouse=True)
def _forget(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv(ffmpeg_binary.ENVIRONMENT, raising=False)
    choose_ffmpeg.cache_clear()
    yield
    choose_ffmpeg.cache_clear()


def _on_path(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}/usr/bin{os.pathsep}/bin")


def test_the_systems_is_preferred_when_it_has_everything(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    program = _ffmpeg(tmp_path / "bin", "5.1.6")
    _on_path(monkeypatch, program.parent)
    chosen = choose_ffmpeg()
    assert (chosen.source, chosen.path, chosen.version, chosen.missing) == (
        "system",
        str(program),
        (5, 1, 6),
        (),
    )


def test_the_choice_is_made_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program = _ffmpeg(tmp_path / "bin", "6.0")
    _on_path(monkeypatch, program.parent)
    first = choose_ffmpeg()
    program.unlink()
    assert choose_ffmpeg() is first


@pytest.mark.parametrize(
    ("version", "without", "libavutil", "because"),
    [
        ("4.4.2", "", "56. 70.100", "4.4.2, older than 5.1"),
        ("git-2020-01-01-abc", "", "56. 38.100", "older than 5.1"),
        ("6.1", "drawtext", "58. 29.100", "lacks filter drawtext"),
        ("6.1", "libx264", "58. 29.100", "lacks encoder libx264"),
    ],
)
def test_the_wheels_steps_in_and_says_why(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, version: str, without: str, libavutil: str, because: str
) -> None:
    program = _ffmpeg(tmp_path / "bin", version, without=without, libavutil=libavutil)
    _on_path(monkeypatch, program.parent)
    chosen = choose_ffmpeg()
    assert chosen.source == "wheel"
    assert because in chosen.reason


def test_a_development_build_is_judged_by_its_libraries(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    program = _ffmpeg(tmp_path / "bin", "N-115379-g0456ea5bbb", libavutil="59. 20.100")
    _on_path(monkeypatch, program.parent)
    assert choose_ffmpeg().source == "system"


def test_the_wheels_binary_really_has_what_a_channel_needs(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    binary = wheel_binary()
    assert binary is not None, "the imageio-ffmpeg wheel brought no binary for this platform"
    found = inspect(binary)
    assert not found.too_old
    assert found.missing == ()
    monkeypatch.setenv("PATH", str(tmp_path))
    assert choose_ffmpeg().path == binary
    assert "none on PATH" in choose_ffmpeg().reason


def test_the_configured_one_is_used_even_if_it_lacks_something(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    program = _ffmpeg(tmp_path / "own", "4.4.2", without="drawtext")
    monkeypatch.setenv(ffmpeg_binary.ENVIRONMENT, str(program))
    chosen = choose_ffmpeg()
    assert chosen.source == "configured"
    assert chosen.missing == ("ffmpeg 5.1 or newer", "filter drawtext")


@pytest.mark.parametrize(
    "content", [None, "#!/bin/sh\nexit 3\n", "#!/bin/sh\necho hello\n", "no program at all"]
)
def test_a_configured_one_that_does_not_run_is_an_error_with_help(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: str | None
) -> None:
    program = tmp_path / "ffmpeg"
    if content is not None:
        program.write_text(content)
        program.chmod(0o755)
    monkeypatch.setenv(ffmpeg_binary.ENVIRONMENT, str(program))
    with pytest.raises(FfmpegMissing, match=str(program)) as refused:
        choose_ffmpeg()
    assert refused.value.help


def test_with_none_at_all_every_reason_is_given(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(ffmpeg_binary, "wheel_binary", lambda: None)
    with pytest.raises(FfmpegMissing, match="none on PATH; the wheel has none") as refused:
        choose_ffmpeg()
    assert "install ffmpeg" in refused.value.help
