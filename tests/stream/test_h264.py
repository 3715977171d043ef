"""Access units: cut anywhere, found whole."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from retrovue.stream.h264 import AccessUnitSplitter, is_idr, nal_units, parameter_sets_hash

AUD = b"\x00\x00\x00\x01\x09\xf0"
SPS = b"\x00\x00\x00\x01\x67\x64\x00\x1f"
PPS = b"\x00\x00\x00\x01\x68\xeb\xe3\xcb"
SEI = b"\x00\x00\x01\x06\x05\x01\x80"
IDR = b"\x00\x00\x01\x65\x88\x84\x00\x33"
P = b"\x00\x00\x00\x01\x41\x9a\x24\x6c"

UNITS = [AUD + SPS + PPS + SEI + IDR, AUD + P, AUD + P + b"\x11\x22", AUD + SPS + PPS + IDR]


@given(st.lists(st.integers(1, 17), min_size=1))
def test_cut_anywhere_the_units_come_out_whole(sizes: list[int]) -> None:
    stream = b"".join(UNITS)
    splitter = AccessUnitSplitter()
    found: list[bytes] = []
    position = index = 0
    while position < len(stream):
        size = sizes[index % len(sizes)]
        found += splitter.feed(stream[position : position + size])
        position += size
        index += 1
    last = splitter.flush()
    assert last is not None
    assert [*found, last] == UNITS
    assert splitter.flush() is None


def test_only_a_picture_with_parameter_sets_is_a_place_to_begin() -> None:
    assert [is_idr(unit) for unit in UNITS] == [True, False, False, True]
    assert not is_idr(b"")
    assert not is_idr(b"\x00\x00\x01")


def test_nal_units_and_parameter_sets() -> None:
    assert [kind for kind, _, _ in nal_units(UNITS[0])] == [9, 7, 8, 6, 5]
    assert parameter_sets_hash(UNITS[0]) == parameter_sets_hash(UNITS[3]) != ""
    assert parameter_sets_hash(UNITS[1]) == ""
    other = AUD + SPS + b"\x01" + PPS + IDR
    assert parameter_sets_hash(other) != parameter_sets_hash(UNITS[0])
