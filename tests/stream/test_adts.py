"""ADTS frames: cut anywhere, found whole, junk skipped."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from retrovue.stream.adts import AdtsSplitter


def frame(payload: bytes) -> bytes:
    """An ADTS frame of AAC-LC 48 kHz stereo around ``payload``."""
    length = len(payload) + 7
    return (
        bytes((0xFF, 0xF1, 0x4C, 0x80 | length >> 11, (length >> 3) & 0xFF, (length & 7) << 5 | 0x1F, 0xFC))
        + payload
    )


FRAMES = [frame(bytes([n]) * size) for n, size in ((1, 300), (2, 1), (3, 999), (4, 0))]


@given(st.lists(st.integers(1, 200), min_size=1))
def test_cut_anywhere_the_frames_come_out_whole(sizes: list[int]) -> None:
    stream = b"".join(FRAMES)
    splitter = AdtsSplitter()
    found: list[bytes] = []
    position = index = 0
    while position < len(stream):
        size = sizes[index % len(sizes)]
        found += splitter.feed(stream[position : position + size])
        position += size
        index += 1
    assert found == FRAMES


def test_junk_between_frames_is_skipped() -> None:
    assert AdtsSplitter().feed(b"\x00\x12\xff\x00" + FRAMES[0] + b"zz" + FRAMES[2]) == [FRAMES[0], FRAMES[2]]


@given(st.binary(max_size=2000))
def test_any_bytes_are_survived(data: bytes) -> None:
    splitter = AdtsSplitter()
    splitter.feed(data)
    splitter.feed(data)
