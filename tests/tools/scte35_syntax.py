"""What ANSI/SCTE 35 says about bytes: cue messages read back; pure.

Written from the standard alone (2019: 9.6 to 9.8, 10.3), so that a mistake of the station's encoder can't
hide behind the same mistake here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from tests.tools.ts_syntax import crc32_mpeg

CUE_TABLE = 0xFC


@dataclass(frozen=True, slots=True)
class Segmentation:
    """A segmentation_descriptor."""

    event: int
    cancelled: bool
    type: int = 0
    number: int = 0
    expected: int = 0
    duration: int | None = None
    upid_type: int = 0
    upid: bytes = b""
    restrictions: int | None = None  #: five bits; None: its delivery is not restricted


@dataclass(frozen=True, slots=True)
class Cue:
    """A splice_info_section."""

    command: Literal["splice_null", "splice_insert", "time_signal"]
    pts: int | None = None  #: splice_time, 33 bits; None: at once, or none
    event: int = 0
    cancelled: bool = False
    out: bool = False
    duration: int | None = None
    auto_return: bool = False
    program: int = 0
    segments: tuple[Segmentation, ...] = ()
    others: tuple[tuple[int, bytes], ...] = ()  #: other splice descriptors: tag, content


class _Bits:
    def __init__(self, data: bytes) -> None:
        self._value, self.left = int.from_bytes(data, "big"), len(data) * 8

    def take(self, count: int) -> int:
        if count > self.left:
            raise ValueError("a cue message is cut short")
        self.left -= count
        return self._value >> self.left & (1 << count) - 1

    def flag(self) -> bool:
        return bool(self.take(1))

    def ones(self, count: int) -> None:
        if self.take(count) != (1 << count) - 1:
            raise ValueError("reserved bits of a cue message are not 1")

    def bytes(self, count: int) -> bytes:
        return self.take(count * 8).to_bytes(count, "big")


def parse_cue(raw: bytes) -> Cue:
    """Raises ``ValueError`` for anything that the standard forbids, or that no channel here says."""
    if crc32_mpeg(raw) != 0:
        raise ValueError("the CRC of a cue message is wrong")
    bits = _Bits(raw)
    if bits.take(8) != CUE_TABLE or bits.flag() or bits.flag():
        raise ValueError("no splice_info_section")
    bits.take(2)  # sap_type
    if bits.take(12) != len(raw) - 3:
        raise ValueError("section_length is wrong")
    if bits.take(8) or bits.flag():
        raise ValueError("another protocol, or encrypted")
    bits.take(6)
    adjustment = bits.take(33)
    bits.take(8)  # cw_index
    bits.take(12)  # tier
    length, kind = bits.take(12), bits.take(8)
    before = bits.left
    found: dict[str, object] = {}
    if kind == 0x05:
        found = _splice_insert(bits)
        name = "splice_insert"
    elif kind == 0x06:
        found = {"pts": _splice_time(bits)}
        name = "time_signal"
    elif kind == 0x00:
        name = "splice_null"
    else:
        raise ValueError(f"splice_command_type {kind:#x}")
    if before - bits.left != length * 8:
        raise ValueError("splice_command_length is wrong")
    if found.get("pts") is not None:
        found["pts"] = (int(str(found["pts"])) + adjustment) % (1 << 33)
    loop = _Bits(bits.bytes(bits.take(16)))
    if bits.left != 32:
        raise ValueError("the descriptors don't fill their loop")
    segments, others = [], []
    while loop.left:
        tag = loop.take(8)
        body = loop.bytes(loop.take(8))
        if body[:4] != b"CUEI":
            raise ValueError("a splice descriptor without its identifier")
        if tag == 0x02:
            segments.append(_segmentation(body[4:]))
        else:
            others.append((tag, body[4:]))
    return Cue(name, segments=tuple(segments), others=tuple(others), **found)  # type: ignore[arg-type]


def _splice_time(bits: _Bits) -> int | None:
    if bits.flag():
        bits.ones(6)
        return bits.take(33)
    bits.ones(7)
    return None


def _splice_insert(bits: _Bits) -> dict[str, object]:
    found: dict[str, object] = {"event": bits.take(32), "cancelled": bits.flag()}
    bits.ones(7)
    if found["cancelled"]:
        return found
    found["out"] = bits.flag()
    whole, with_duration, immediate = bits.flag(), bits.flag(), bits.flag()
    bits.ones(4)
    if not whole:
        raise ValueError("a splice of components")
    if not immediate:
        found["pts"] = _splice_time(bits)
    if with_duration:
        found["auto_return"] = bits.flag()
        bits.ones(6)
        found["duration"] = bits.take(33)
    found["program"] = bits.take(16)
    bits.take(16)  # avail_num, avails_expected
    return found


def _segmentation(body: bytes) -> Segmentation:
    bits = _Bits(body)
    event, cancelled = bits.take(32), bits.flag()
    bits.ones(7)
    if cancelled:
        return Segmentation(event, True)
    whole, with_duration, free = bits.flag(), bits.flag(), bits.flag()
    restrictions = bits.take(5)
    if not whole:
        raise ValueError("a segmentation of components")
    if free and restrictions != 0x1F:
        raise ValueError("reserved bits of a segmentation are not 1")
    duration = bits.take(40) if with_duration else None
    upid_type = bits.take(8)
    upid = bits.bytes(bits.take(8))
    kind, number, expected = bits.take(8), bits.take(8), bits.take(8)
    if bits.left not in (0, 16):  # sub_segment_num, sub_segments_expected
        raise ValueError("a segmentation_descriptor of another length")
    return Segmentation(
        event, False, kind, number, expected, duration, upid_type, upid, None if free else restrictions
    )
