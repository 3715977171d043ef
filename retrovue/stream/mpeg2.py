"""MPEG-2 video: cut a byte stream into access units, and look inside one; pure.

Start codes and headers: ISO/IEC 13818-2, 6.2. An access unit begins with whatever stands before its
picture header: a sequence header or a GOP header where there is one.
"""

from __future__ import annotations

import hashlib
import re

_PICTURE, _GOP = 0x00, 0xB8
#: Start codes between which a picture can begin; slices (01–AF) can't.
_HEAD = re.compile(rb"\x00\x00\x01([\x00\xb3\xb8])")


class PictureSplitter:
    """Bytes in, whole access units out, however the bytes are cut."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._searched = 0  #: up to here no start code is left to be found
        self._picture = False  #: has the unit under way its picture header?

    def feed(self, data: bytes) -> list[bytes]:
        """Every access unit that ``data`` completes (the last one waits for its successor)."""
        buffer = self._buffer
        buffer += data
        units: list[bytes] = []
        start = 0
        for match in _HEAD.finditer(buffer, self._searched):
            if self._picture:
                units.append(bytes(buffer[start : match.start()]))
                start = match.start()
            self._picture = match[1][0] == _PICTURE
            self._searched = match.end()
        # A start code may straddle the old and the new bytes.
        self._searched = max(self._searched, len(buffer) - 3) - start
        if start:
            del buffer[:start]
        return units

    def flush(self) -> bytes | None:
        """The last access unit, once the stream has ended."""
        rest = bytes(self._buffer)
        self._buffer.clear()
        self._searched, self._picture = 0, False
        return rest or None


def is_key(unit: bytes) -> bool:
    """Can a decoder begin here: a sequence header and an intra-coded picture."""
    sequence = unit.find(b"\x00\x00\x01\xb3")
    picture = unit.find(b"\x00\x00\x01\x00")
    if sequence < 0 or picture < sequence or len(unit) < picture + 6:
        return False
    return unit[picture + 5] >> 3 & 7 == 1  # behind temporal_reference (10 bits): picture_coding_type


def sequence_hash(unit: bytes) -> str:
    """sha256 over the sequence header and its extensions; empty when the unit has none."""
    start = unit.find(b"\x00\x00\x01\xb3")
    if start < 0:
        return ""
    ends = (unit.find(bytes((0, 0, 1, code)), start + 4) for code in (_GOP, _PICTURE))
    end = min((e for e in ends if e >= 0), default=len(unit))
    return hashlib.sha256(unit[start:end]).hexdigest()
