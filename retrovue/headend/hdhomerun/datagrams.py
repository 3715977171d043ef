"""A transport stream as datagrams: which packets, seven at once, and when each is due; pure.

Clients take datagrams of exactly seven packets (libhdhomerun, hdhomerun_video.h:35-38) and discard others,
and their sockets hold little: so the packets are spread evenly between the clock references of the stream
itself, however the stream arrived.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

PACKET = 188
#: Packets in a datagram.
PACKETS = 7
SIZE = PACKET * PACKETS
EVERYTHING = "0x0000-0x1fff"
#: A client that asks for little gets it this soon (seconds): the datagram is filled up with null packets.
PATIENCE_S = 0.1
#: Clock references further apart than this (seconds) don't belong together: the stream was joined anew.
_GAP_S = 1.0

_NULL = b"\x47\x1f\xff\x10" + b"\xff" * (PACKET - 4)
_PCR_HZ = 90_000
_WRAP = 1 << 33
_RANGE = re.compile(r"0x([0-9a-fA-F]{1,4})(?:-0x([0-9a-fA-F]{1,4}))?")


def pids_of(text: str) -> frozenset[int]:
    """The PIDs of a filter like "0x0000-0x0001 0x1ffb". Raises ``ValueError``."""
    found: set[int] = set()
    for word in text.split():
        match = _RANGE.fullmatch(word)
        if match is None:
            raise ValueError(f"{word!r} is no range of PIDs")
        first, last = int(match[1], 16), int(match[2] or match[1], 16)
        if last > 0x1FFF or first > last:
            raise ValueError(f"{word!r} is no range of PIDs")
        found.update(range(first, last + 1))
    if not found:
        raise ValueError("no PIDs are named")
    return frozenset(found)


class Selection:
    """What a tuner lets through: the PIDs of its filter, and of them those of one programme.

    A programme's PIDs stand in the stream itself: its PAT names the PMT, and that the rest.
    """

    def __init__(self, filter: str = EVERYTHING, program: int = 0) -> None:
        self._pids = None if filter == EVERYTHING else pids_of(filter)
        self._program = program
        self._pmt: int | None = None
        self._of_program: frozenset[int] = frozenset({0})

    def lets(self, pid: int, packet: bytes | memoryview) -> bool:
        """Whether ``packet``, which is on ``pid``, is sent."""
        if self._program:
            self._learn(pid, packet)
            if pid not in self._of_program:
                return False
        return self._pids is None or pid in self._pids

    def _learn(self, pid: int, packet: bytes | memoryview) -> None:
        if pid == 0:
            section = _section(packet)
            for at in range(8, len(section) - 3, 4):
                if int.from_bytes(section[at : at + 2], "big") == self._program:
                    self._pmt = int.from_bytes(section[at + 2 : at + 4], "big") & 0x1FFF
                    self._of_program |= {self._pmt}
        elif pid == self._pmt:
            section = _section(packet)
            if len(section) < 12:
                return
            found = {0, pid, int.from_bytes(section[8:10], "big") & 0x1FFF}
            at = 12 + (int.from_bytes(section[10:12], "big") & 0x0FFF)
            while at + 5 <= len(section):
                found.add(int.from_bytes(section[at + 1 : at + 3], "big") & 0x1FFF)
                at += 5 + (int.from_bytes(section[at + 3 : at + 5], "big") & 0x0FFF)
            self._of_program = frozenset(found)


def _section(packet: bytes | memoryview) -> bytes:
    """The section that begins in a packet, without its CRC; empty when none does, or not all of it."""
    if not packet[1] & 0x40:
        return b""
    start = 4 + (1 + packet[4] if packet[3] & 0x20 else 0)
    if start >= PACKET:
        return b""
    start += 1 + packet[start]
    if start + 3 > PACKET:
        return b""
    length = int.from_bytes(packet[start + 1 : start + 3], "big") & 0x0FFF
    end = start + 3 + length
    return bytes(packet[start : end - 4]) if length >= 9 and end <= PACKET else b""


@dataclass(slots=True)
class Pacer:
    """Chunks of whole packets in, (seconds since the first clock reference, datagram) out.

    A packet is known to be due when the next clock reference has come, so all is one reference late.
    """

    selection: Selection = field(default_factory=Selection)
    _due: float = 0.0  #: of the last clock reference
    _pcr: int | None = None
    _since: list[bytes] = field(default_factory=list)  #: packets since then, it included
    _partial: list[bytes] = field(default_factory=list)
    _partial_due: float = 0.0  #: of the first in it

    def feed(self, chunk: bytes) -> Iterator[tuple[float, bytes]]:
        for at in range(0, len(chunk) - PACKET + 1, PACKET):
            # adaptation field present, not empty, PCR_flag (ISO/IEC 13818-1, 2.4.3.4)
            if chunk[at + 3] & 0x20 and chunk[at + 4] and chunk[at + 5] & 0x10:
                pcr = int.from_bytes(chunk[at + 6 : at + 10], "big") << 1 | chunk[at + 10] >> 7
                yield from self._reference(pcr)
            self._since.append(chunk[at : at + PACKET])

    def _reference(self, pcr: int) -> Iterator[tuple[float, bytes]]:
        """A clock reference: all packets since the one before are due in between."""
        if self._pcr is None:
            # What comes before the first reference (PAT, PMT) is due with it.
            self._pcr = pcr
            return
        lasts = (pcr - self._pcr) % _WRAP / _PCR_HZ
        if lasts > _GAP_S:
            lasts = 0.0
        self._pcr = pcr
        step = lasts / len(self._since) if self._since else 0.0
        due, lets, partial = self._due, self.selection.lets, self._partial
        for packet in self._since:
            if lets((packet[1] & 0x1F) << 8 | packet[2], packet):
                if not partial:
                    self._partial_due = due
                partial.append(packet)
                if len(partial) == PACKETS:
                    yield due, b"".join(partial)
                    partial.clear()
            due += step
        self._since.clear()
        self._due += lasts
        if partial and self._due - self._partial_due >= PATIENCE_S:
            yield self._due, b"".join(partial) + _NULL * (PACKETS - len(partial))
            partial.clear()


class Rtp:
    """Datagrams as RTP packets: MPEG-TS is payload type 33, its clock 90 kHz (RFC 3551, 2250)."""

    def __init__(self, source: int) -> None:
        self._source = source.to_bytes(4, "big")
        self._sequence = 0

    def wrap(self, due: float, datagram: bytes) -> bytes:
        """``datagram`` behind a header of 12 bytes."""
        header = (
            b"\x80\x21"
            + self._sequence.to_bytes(2, "big")
            + (round(due * 90_000) & 0xFFFFFFFF).to_bytes(4, "big")
            + self._source
        )
        self._sequence = self._sequence + 1 & 0xFFFF
        return header + datagram
