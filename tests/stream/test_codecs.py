"""Streams of every codec are cut where their units begin, however the bytes come; real encoders."""

from __future__ import annotations

import subprocess
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrovue.ffmpeg_binary import choose_ffmpeg
from retrovue.stream import ac3, mpeg2
from retrovue.stream.codecs import AAC, AC3, AUDIO_CODECS, H264, MP2, MPEG2
from retrovue.stream.mpegts import TsMux
from retrovue.stream.sections import PACKET
from tests.tools.ts_syntax import parse_ac3, parse_mp2, parse_pmt, parse_section


@cache
def encoded(*options: str) -> bytes:
    command = [
        *(choose_ffmpeg().path, "-v", "error", "-nostdin"),
        *("-f", "lavfi", "-i", "testsrc2=s=128x96:r=25:d=1", "-f", "lavfi", "-i", "sine=d=1:r=48000"),
        *(*options, "pipe:1"),
    ]
    return subprocess.run(command, capture_output=True, check=True).stdout


def mpeg2_video() -> bytes:
    return encoded("-map", "0", "-c:v", "mpeg2video", "-bf", "0", "-g", "8", "-f", "mpeg2video")


def sound(codec: str) -> bytes:
    return encoded("-map", "1", "-ac", "2", "-c:a", codec, "-b:a", "192k", "-f", codec)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(1, 3000), min_size=1, max_size=40))
def test_mpeg2_pictures_are_cut_whole_however_the_bytes_come(sizes: list[int]) -> None:
    data = mpeg2_video()
    splitter, units, at, n = mpeg2.PictureSplitter(), [], 0, 0
    while at < len(data):
        size = sizes[n % len(sizes)]
        units += splitter.feed(data[at : at + size])
        at, n = at + size, n + 1
    last = splitter.flush()
    assert last is not None
    units.append(last)
    assert b"".join(units) == data
    assert len(units) == 25
    assert [n for n, unit in enumerate(units) if MPEG2.is_key(unit)] == [0, 8, 16, 24]
    hashes = {MPEG2.parameters_hash(unit) for unit in units}
    assert len(hashes) == 2  # of every sequence header, and none between
    assert "" in hashes


@pytest.mark.parametrize("codec", ["ac3", "mp2"])
@settings(max_examples=30, deadline=None)
@given(sizes=st.lists(st.integers(1, 900), min_size=1, max_size=20), junk=st.binary(max_size=5))
def test_audio_frames_are_cut_whole_however_the_bytes_come(codec: str, sizes: list[int], junk: bytes) -> None:
    data = sound(codec)
    if AUDIO_CODECS[codec].splitter().feed(junk + data[:3000]) != AUDIO_CODECS[codec].splitter().feed(
        data[:3000]
    ):
        junk = b""  # it happens to look like a header
    splitter, frames, at, n = AUDIO_CODECS[codec].splitter(), [], 0, 0
    stream = junk + data
    while at < len(stream):
        size = sizes[n % len(sizes)]
        frames += splitter.feed(stream[at : at + size])
        at, n = at + size, n + 1
    assert b"".join(frames) == data
    parse = parse_ac3 if codec == "ac3" else parse_mp2
    assert {parse(frame).samples for frame in frames} == {AUDIO_CODECS[codec].frame_samples}


def test_the_pmt_of_ac3_is_atsc_s() -> None:
    mux = TsMux(video=MPEG2, audio=AC3, audio_kbps=190)
    packet = mux.tables()[PACKET : 2 * PACKET]
    size = 3 + ((packet[6] & 0x0F) << 8 | packet[7])
    program = parse_pmt(parse_section(packet[5 : 5 + size]))
    assert program.registrations == ("GA94",)
    assert [kind for kind, _ in program.streams] == [0x02, 0x81]
    of_audio = program.descriptors[1]
    assert of_audio[0x05] == b"AC-3"
    assert of_audio[0x81][0] == 0x08
    assert ac3.BIT_RATES[of_audio[0x81][1] >> 2] == 192  # the rate the encoder is given
    assert of_audio[0x81][2] >> 1 & 15 == 2


@pytest.mark.parametrize(
    ("codec", "asked", "given_"),
    [(AAC, 130, 130), (AC3, 130, 160), (AC3, 999, 640), (MP2, 64, 64), (MP2, 1, 32)],
)
def test_a_codec_has_its_bit_rates(codec: object, asked: int, given_: int) -> None:
    assert codec.bit_rate(asked) == given_  # type: ignore[attr-defined]


def test_codecs_have_the_words_that_clients_know() -> None:
    assert [(c.name, c.word) for c in (H264, MPEG2)] == [("h264", "H264"), ("mpeg2", "MPEG2")]
    assert [(c.name, c.word) for c in (AAC, AC3, MP2)] == [("aac", "AAC"), ("ac3", "AC3"), ("mp2", "MPEG")]
