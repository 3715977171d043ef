"""Frames: whole, byte by byte, joined, torn, and with junk behind them."""

from __future__ import annotations

import zlib
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrovue.headend.hdhomerun.packet import (
    MAX_PAYLOAD,
    BrokenFrame,
    Frame,
    FrameReader,
    FrameType,
    decode,
    encode,
    tlvs,
)

#: A question and its answer as captured between libhdhomerun and a device.
GET_MODEL = bytes.fromhex("0004000d030b") + b"/sys/model\0" + bytes.fromhex("8f5b54b5")
MODEL_IS = (
    bytes.fromhex("0005001f030b") + b"/sys/model\0" + b"\x04\x10hdhomerun4_atsc\0" + bytes.fromhex("aa54a687")
)

_tlv = st.tuples(st.integers(0, 255), st.binary(max_size=300))


def test_captured_frames() -> None:
    assert encode(FrameType.GETSET_REQUEST, [(3, b"/sys/model\0")]) == GET_MODEL
    assert encode(FrameType.GETSET_REPLY, [(3, b"/sys/model\0"), (4, b"hdhomerun4_atsc\0")]) == MODEL_IS


def test_the_checksum_is_little_endian() -> None:
    frame = encode(2, [(1, b"\0\0\0\1")])
    assert frame[-4:] == zlib.crc32(frame[:-4]).to_bytes(4, "little")
    assert decode(frame[:-4] + frame[:-5:-1]) is None  # the same bytes, big-endian


@pytest.mark.parametrize("length", [0, 1, 127, 128, 129, 300, 1449])
def test_lengths_on_both_sides_of_the_two_byte_form(length: int) -> None:
    frame = decode(encode(5, [(4, b"x" * length)]))
    assert frame is not None
    assert list(tlvs(frame.payload)) == [(4, b"x" * length)]
    assert frame.payload[1] == (length if length < 128 else length & 0x7F | 0x80)


def test_a_frame_never_exceeds_an_ethernet_segment() -> None:
    with pytest.raises(ValueError, match="longer than 1452"):
        encode(5, [(4, b"x" * MAX_PAYLOAD)])


def test_byte_by_byte() -> None:
    reader = FrameReader()
    found = [frame for byte in GET_MODEL for frame in reader.feed(bytes((byte,)))]
    assert found == [Frame(4, GET_MODEL[4:-4])]


def test_two_frames_in_one_segment_and_half_of_a_third() -> None:
    reader = FrameReader()
    assert len(list(reader.feed(GET_MODEL + MODEL_IS + GET_MODEL[:9]))) == 2
    assert len(list(reader.feed(GET_MODEL[9:]))) == 1


def test_frames_before_the_broken_one_are_still_delivered() -> None:
    reader = FrameReader()
    found = reader.feed(GET_MODEL + b"\0\4\0\0junk")
    assert next(found) == Frame(4, GET_MODEL[4:-4])
    with pytest.raises(BrokenFrame, match="checksum"):
        next(found)


def test_an_impossible_length_is_refused_before_it_is_waited_for() -> None:
    with pytest.raises(BrokenFrame, match="65535"):
        list(FrameReader().feed(b"\0\4\xff\xff"))


def test_a_datagram_may_carry_junk_behind_its_checksum() -> None:
    assert decode(GET_MODEL + b"junk") == Frame(4, GET_MODEL[4:-4])


@pytest.mark.parametrize("cut", range(len(GET_MODEL)))
def test_a_truncated_datagram_is_nothing(cut: int) -> None:
    assert decode(GET_MODEL[:cut]) is None


@pytest.mark.parametrize("at", range(len(GET_MODEL)))
def test_a_flipped_bit_anywhere_is_noticed(at: int) -> None:
    damaged = bytearray(GET_MODEL)
    damaged[at] ^= 0x10
    assert decode(bytes(damaged)) is None


@pytest.mark.parametrize(
    ("payload", "read"),
    [
        (b"\x01", []),
        (b"\x01\x05abcd", []),
        (b"\x01\x02ab\x02\x90", [(1, b"ab")]),
        (b"\x01\x02ab\x02\xff\xff", [(1, b"ab")]),
        (b"\x01\x00", [(1, b"")]),
    ],
)
def test_a_length_that_lies_ends_the_reading(payload: bytes, read: list[tuple[int, bytes]]) -> None:
    assert list(tlvs(payload)) == read


@given(st.integers(0, 0xFFFF), st.lists(_tlv, max_size=4), st.binary(max_size=20))
def test_round_trip(kind: int, content: list[tuple[int, bytes]], junk: bytes) -> None:
    wire = encode(kind, content)
    frame = decode(wire + junk)
    assert frame is not None
    assert frame.type == kind
    assert list(tlvs(frame.payload)) == content


@given(st.lists(st.lists(_tlv, max_size=3), max_size=4), st.data())
def test_however_the_stream_is_cut(frames: list[list[tuple[int, bytes]]], data: st.DataObject) -> None:
    wire = b"".join(encode(4, content) for content in frames)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(wire)), max_size=6)))
    reader = FrameReader()
    found = [
        list(tlvs(frame.payload))
        for start, end in zip([0, *cuts], [*cuts, len(wire)], strict=True)
        for frame in reader.feed(wire[start:end])
    ]
    assert found == frames


@given(st.binary(max_size=600))
def test_noise_is_nothing_or_broken_and_never_worse(noise: bytes) -> None:
    assert decode(noise) is None
    list(tlvs(noise))
    with suppress(BrokenFrame):
        assert list(FrameReader().feed(noise)) == []
