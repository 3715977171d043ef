"""Fragmented MP4, read back by FFmpeg's demuxer and decoder, box by box and picture by picture."""

from __future__ import annotations

import io
import subprocess
from fractions import Fraction
from functools import cache

import av
import pytest

from retrovue.ffmpeg_binary import choose_ffmpeg
from retrovue.lineup import AccessUnit
from retrovue.stream.adts import AdtsSplitter
from retrovue.stream.fmp4 import FragmentedMp4, NotForBrowsers
from retrovue.stream.h264 import NAL_SPS, AccessUnitSplitter, is_idr, nal_units, picture_size

FRAME, GOP = 3600, 12
#: Station time in 2026, 90 kHz ticks.
BEGIN = 1_795_000_000 * 90_000


@cache
def encoded(
    size: str = "640x360", seconds: float = 4.0, scan: str = "frames"
) -> tuple[list[bytes], list[bytes]]:
    """(pictures, sounds) of a test picture as a channel's encoder gives them."""
    common = (choose_ffmpeg().path, "-v", "error", "-nostdin", "-f", "lavfi")
    video = subprocess.run(
        [*common, "-i", f"testsrc2=size={size}:rate=25", "-t", str(seconds), "-pix_fmt", "yuv420p",
         "-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-g", str(GOP), "-bf", "0",
         "-x264-params", "aud=1" if scan == "frames" else "aud=1:interlaced=1", "-f", "h264", "pipe:1"],
        check=True, capture_output=True,
    ).stdout  # fmt: skip
    audio = subprocess.run(
        [*common, "-i", "sine=frequency=440:sample_rate=48000", "-t", str(seconds), "-ac", "2", "-c:a", "aac",
         "-f", "adts", "pipe:1"],
        check=True, capture_output=True,
    ).stdout  # fmt: skip
    splitter = AccessUnitSplitter()
    pictures = splitter.feed(video)
    if (last := splitter.flush()) is not None:
        pictures.append(last)
    return pictures, AdtsSplitter().feed(audio)


def units(pictures: list[bytes], sounds: list[bytes], ahead: int = 480) -> list[AccessUnit]:
    """As a signal gives them: by time, sound beginning ``ahead`` ticks before the picture."""
    found = [AccessUnit("video", BEGIN + n * FRAME, FRAME, p, is_idr(p)) for n, p in enumerate(pictures)]
    found += [AccessUnit("audio", BEGIN - ahead + n * 1920, 1920, s) for n, s in enumerate(sounds)]
    order = sorted(found, key=lambda u: (u.pts, u.stream))
    first = next(n for n, u in enumerate(order) if u.key)
    return [order[first], *order[:first], *order[first + 1 :]]


def muxed(given: list[AccessUnit]) -> bytes:
    mp4 = FragmentedMp4()
    return b"".join(mp4.feed(unit) for unit in given)


def boxes(data: bytes) -> list[tuple[str, int]]:
    found, at = [], 0
    while at < len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        found.append((data[at + 4 : at + 8].decode(), size))
        at += size
    assert at == len(data)
    return found


def test_a_fragment_is_a_gop() -> None:
    names = [name for name, _ in boxes(muxed(units(*encoded())))]
    assert names[:2] == ["ftyp", "moov"]
    assert names[2:] == ["moof", "mdat"] * (len(names[2:]) // 2)
    assert len(names[2:]) // 2 == 100 // GOP


def test_every_picture_and_sound_comes_back_in_its_time() -> None:
    pictures, sounds = encoded()
    given = units(pictures, sounds)
    begin = min(u.pts for u in given)
    whole = 100 // GOP * GOP  # the last GOP is not whole
    with av.open(io.BytesIO(muxed(given)), "r", format="mp4") as file:
        video, audio = file.streams.video[0], file.streams.audio[0]
        assert (video.codec_context.width, video.codec_context.height) == (640, 360)
        assert (audio.codec_context.sample_rate, audio.codec_context.channels) == (48000, 2)
        assert video.time_base == audio.time_base == Fraction(1, 90000)
        packets = [(p.stream.type, p.pts, p.is_keyframe) for p in file.demux() if p.pts is not None]
    stamps = [pts for kind, pts, _ in packets if kind == "video"]
    assert stamps == [BEGIN - begin + n * FRAME for n in range(whole)]
    keys = [key for kind, _, key in packets if kind == "video"]
    assert keys == [n % GOP == 0 for n in range(whole)]
    heard = [pts for kind, pts, _ in packets if kind == "audio"]
    assert heard == [n * 1920 for n in range(len(heard))]
    assert abs(len(heard) * 1920 - whole * FRAME) < 2 * 1920
    with av.open(io.BytesIO(muxed(given)), "r", format="mp4") as file:
        assert sum(1 for _ in file.decode(video=0)) == whole


def test_a_viewer_may_come_at_any_gop() -> None:
    given = units(*encoded())
    third = [n for n, u in enumerate(given) if u.key][2]
    with av.open(io.BytesIO(muxed(given[third:])), "r", format="mp4") as file:
        first = next(file.decode(video=0))
    assert first.key_frame
    assert first.pts is not None
    assert 0 <= first.pts < 1920, "the file begins with itself, whatever station time it is"


def test_without_sound_there_is_one_track() -> None:
    pictures, _ = encoded()
    with av.open(io.BytesIO(muxed(units(pictures, []))), "r", format="mp4") as file:
        assert [s.type for s in file.streams] == ["video"]


def test_other_codecs_are_refused() -> None:
    pictures, sounds = encoded()
    mpeg2 = [b"\x00\x00\x01\xb3" + bytes(100)] * 30
    with pytest.raises(NotForBrowsers, match=r"H\.264"):
        muxed([AccessUnit("video", n * FRAME, FRAME, p, True) for n, p in enumerate(mpeg2)])
    with pytest.raises(NotForBrowsers, match="AAC"):
        muxed(units(pictures, [b"\x0b\x77" + s[2:] for s in sounds]))


@pytest.mark.parametrize("size", ["640x360", "720x480", "854x480", "1920x1080", "66x38"])
@pytest.mark.parametrize("scan", ["frames", "fields"])
def test_the_size_that_a_parameter_set_says(size: str, scan: str) -> None:
    if scan == "fields" and size == "66x38":
        pytest.skip("interlaced 4:2:0 wants a height of whole fours")
    unit = encoded(size, 0.2, scan)[0][0]
    sps = next(unit[s:e] for kind, s, e in nal_units(unit) if kind == NAL_SPS)
    assert "x".join(map(str, picture_size(sps))) == size


def test_a_parameter_set_that_is_cut_off_is_no_endless_loop() -> None:
    unit = encoded()[0][0]
    sps = next(unit[s:e] for kind, s, e in nal_units(unit) if kind == NAL_SPS)
    for n in range(2, 8):
        with pytest.raises(ValueError, match="ends too early"):
            picture_size(sps[:n])
