"""H.264 Annex B: cut a byte stream into access units, and look inside one; pure.

NAL unit types and start codes: ITU-T H.264 Annex B and table 7-1. The encoder is told to begin every
access unit with an access unit delimiter, so a cut needs no slice parsing.
"""

from __future__ import annotations

import hashlib

#: Start code and access unit delimiter (nal_ref_idc 0, type 9).
AUD = b"\x00\x00\x00\x01\x09"

NAL_SLICE, NAL_IDR, NAL_SEI, NAL_SPS, NAL_PPS = 1, 5, 6, 7, 8


class AccessUnitSplitter:
    """Bytes in, whole access units out, however the bytes are cut."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[bytes]:
        """Every access unit that ``data`` completes (the last one waits for its successor)."""
        buffer = self._buffer
        # An AUD may straddle the old and the new bytes.
        search_from = max(len(buffer) - len(AUD) + 1, 1)
        buffer += data
        units: list[bytes] = []
        start = 0
        while (cut := buffer.find(AUD, max(search_from, start + 1))) >= 0:
            units.append(bytes(buffer[start:cut]))
            start = cut
        if start:
            del buffer[:start]
        return units

    def flush(self) -> bytes | None:
        """The last access unit, once the stream has ended."""
        rest = bytes(self._buffer)
        self._buffer.clear()
        return rest or None


def nal_units(unit: bytes) -> list[tuple[int, int, int]]:
    """``(type, start, end)`` of each NAL unit of an access unit; ``start`` is behind its start code."""
    found: list[tuple[int, int, int]] = []
    position = unit.find(b"\x00\x00\x01")
    while position >= 0:
        start = position + 3
        following = unit.find(b"\x00\x00\x01", start)
        end = len(unit) if following < 0 else following
        # A 4-byte start code's first zero belongs to the next unit (trailing_zero_8bits).
        while end > start and following >= 0 and unit[end - 1] == 0:
            end -= 1
        if start < len(unit):
            found.append((unit[start] & 0x1F, start, end))
        position = following
    return found


def is_idr(unit: bytes) -> bool:
    """Can a decoder begin here: an IDR picture with its parameter sets."""
    # Parameter sets and SEI are short and come first: the slice's type is met within few start codes.
    position = unit.find(b"\x00\x00\x01")
    while 0 <= position < len(unit) - 3:
        kind = unit[position + 3] & 0x1F
        if kind == NAL_IDR:
            return True
        if kind == NAL_SLICE:
            return False
        position = unit.find(b"\x00\x00\x01", position + 3)
    return False


def slice_type(unit: bytes) -> str:
    """ "P", "B" or "I" of the first slice of an access unit (7.3.3); empty when it has none."""
    for kind, start, end in nal_units(unit):
        if kind in (NAL_SLICE, NAL_IDR):
            bits = "".join(f"{byte:08b}" for byte in unit[start + 1 : min(end, start + 9)])
            values: list[int] = []
            at = 0
            while len(values) < 2 and "1" in bits[at:]:  # ue(v): first_mb_in_slice, slice_type
                zeros = bits.index("1", at) - at
                values.append(int(bits[at + zeros : at + 2 * zeros + 1], 2) - 1)
                at += 2 * zeros + 1
            return {0: "P", 1: "B", 2: "I"}.get(values[1] % 5, "") if len(values) == 2 else ""
    return ""


def parameter_sets_hash(unit: bytes) -> str:
    """sha256 over SPS and PPS of an IDR access unit; empty when either is missing."""
    digest = hashlib.sha256()
    seen = set()
    for kind, start, end in nal_units(unit):
        if kind in (NAL_SPS, NAL_PPS):
            seen.add(kind)
            digest.update(unit[start:end])
    return digest.hexdigest() if len(seen) == 2 else ""


def picture_size(sps: bytes) -> tuple[int, int]:
    """Width and height that a sequence parameter set (with its NAL header) says, cropping applied.

    7.3.2.1.1, as far as frame_cropping. Frames only: a field-coded sequence counts its height twice.
    """
    bits = _Bits(sps[1:].replace(b"\x00\x00\x03", b"\x00\x00"))  # emulation prevention
    profile = bits.take(8)
    bits.take(16)
    bits.ue()
    chroma = 1
    if profile in (100, 110, 122, 244, 44, 83, 86, 118, 128):
        chroma = bits.ue()
        if chroma == 3:
            bits.take(1)
        bits.ue()
        bits.ue()
        bits.take(1)
        if bits.take(1):
            for n in range(8 if chroma != 3 else 12):
                if bits.take(1):
                    _skip_scaling_list(bits, 16 if n < 6 else 64)
    bits.ue()
    order = bits.ue()
    if order == 0:
        bits.ue()
    elif order == 1:
        bits.take(1)
        bits.ue()
        bits.ue()
        for _ in range(bits.ue()):
            bits.ue()
    bits.ue()
    bits.take(1)
    width, height = 16 * (bits.ue() + 1), 16 * (bits.ue() + 1)
    frames_only = bits.take(1)
    height *= 2 - frames_only
    if not frames_only:
        bits.take(1)
    bits.take(1)
    if bits.take(1):
        left, right, top, bottom = bits.ue(), bits.ue(), bits.ue(), bits.ue()
        unit_x = 2 if chroma in (1, 2) else 1
        unit_y = (2 if chroma == 1 else 1) * (2 - frames_only)
        width -= unit_x * (left + right)
        height -= unit_y * (top + bottom)
    return width, height


def _skip_scaling_list(bits: _Bits, size: int) -> None:
    """7.3.2.1.1.1; a signed Exp-Golomb code is as long as an unsigned one."""
    last = following = 8
    for _ in range(size):
        if following:
            code = bits.ue()
            following = (last + ((code + 1) // 2 if code & 1 else -(code // 2)) + 256) % 256
        last = following or last


class _Bits:
    """Reads bits, the first one of a byte first."""

    def __init__(self, data: bytes) -> None:
        self._number, self._left = int.from_bytes(data, "big"), 8 * len(data)

    def take(self, count: int) -> int:
        if count > self._left:
            raise ValueError("the parameter set ends too early")
        self._left -= count
        return self._number >> self._left & (1 << count) - 1

    def ue(self) -> int:
        """An unsigned Exp-Golomb code (9.1)."""
        zeros = 0
        while not self.take(1):
            zeros += 1
        return (1 << zeros) - 1 + self.take(zeros)
