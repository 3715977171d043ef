"""HDHomeRun frames, the same for UDP discovery and TCP control: bytes in, frames out; pure.

    type u16 · payload length u16 · payload (TLVs) · CRC-32

The CRC is little-endian, all else big-endian (libhdhomerun, hdhomerun_pkt.h:25-35 and 110-141).
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import IntEnum

HEADER = 4
CRC = 4
#: hdhomerun_pkt.h: a frame is at most 1460 bytes, so that it fits one Ethernet segment.
MAX_PAYLOAD = 1460 - HEADER - CRC


class FrameType(IntEnum):
    DISCOVER_REQUEST = 2
    DISCOVER_REPLY = 3
    GETSET_REQUEST = 4
    GETSET_REPLY = 5
    UPGRADE_REQUEST = 6
    UPGRADE_REPLY = 7


class Tag(IntEnum):
    DEVICE_TYPE = 0x01  #: u32
    DEVICE_ID = 0x02  #: u32
    NAME = 0x03  #: string, its trailing NUL counted
    VALUE = 0x04  #: string, its trailing NUL counted
    ERROR = 0x05  #: string, its trailing NUL counted
    TUNER_COUNT = 0x10  #: one byte; four bytes read as no tuners
    LOCK_KEY = 0x15  #: u32
    LINEUP_URL = 0x27  #: string, no NUL
    BASE_URL = 0x2A  #: string, no NUL
    DEVICE_AUTH = 0x2B  #: string, no NUL
    MULTI_TYPE = 0x2D  #: n × u32


@dataclass(frozen=True, slots=True)
class Frame:
    """A frame whose CRC was right. ``type`` is kept as a number: unknown ones exist."""

    type: int
    payload: bytes


class BrokenFrame(ValueError):
    """The bytes are no frame, and where the next one would begin can't be known."""


def encode(frame_type: int, tlvs: Iterable[tuple[int, bytes]]) -> bytes:
    """One frame of the given TLVs. Raises ``ValueError`` when they don't fit."""
    payload = b"".join(bytes((tag,)) + _varlen(len(value)) + value for tag, value in tlvs)
    if len(payload) > MAX_PAYLOAD:
        raise ValueError(f"a payload of {len(payload)} bytes is longer than {MAX_PAYLOAD}")
    head = frame_type.to_bytes(2, "big") + len(payload).to_bytes(2, "big")
    return head + payload + _crc(head + payload)


def decode(datagram: bytes) -> Frame | None:
    """The frame of one datagram; None when it is none. Bytes after the CRC are ignored."""
    end = HEADER + int.from_bytes(datagram[2:4], "big")
    if len(datagram) < end + CRC or datagram[end : end + CRC] != _crc(datagram[:end]):
        return None
    return Frame(int.from_bytes(datagram[:2], "big"), datagram[HEADER:end])


class FrameReader:
    """Frames out of a byte stream, however it was split or joined on the way."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[Frame]:
        """The frames completed by ``data``. Raises ``BrokenFrame`` on a wrong length or CRC."""
        self._buffer += data
        while len(self._buffer) >= HEADER:
            length = int.from_bytes(self._buffer[2:4], "big")
            if length > MAX_PAYLOAD:
                raise BrokenFrame(f"a payload of {length} bytes is announced")
            size = HEADER + length + CRC
            if len(self._buffer) < size:
                return
            frame = decode(bytes(self._buffer[:size]))
            if frame is None:
                raise BrokenFrame("the checksum is wrong")
            del self._buffer[:size]
            yield frame


def tlvs(payload: bytes) -> Iterator[tuple[int, bytes]]:
    """The (tag, value) pairs, in order; from the first whose length lies, nothing more."""
    at = 0
    while at + 2 <= len(payload):
        tag, length = payload[at], payload[at + 1]
        at += 2
        if length & 0x80:
            if at >= len(payload):
                return
            length = length & 0x7F | payload[at] << 7
            at += 1
        if at + length > len(payload):
            return
        yield tag, payload[at : at + length]
        at += length


def u32(value: int) -> bytes:
    """Four bytes, big-endian."""
    return value.to_bytes(4, "big")


def _varlen(length: int) -> bytes:
    """Up to 127 in one byte; else the low seven bits with the top bit set, then the rest."""
    return bytes((length,)) if length < 0x80 else bytes((length & 0x7F | 0x80, length >> 7))


def _crc(data: bytes) -> bytes:
    return zlib.crc32(data).to_bytes(4, "little")
