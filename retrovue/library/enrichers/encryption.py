"""Encryption: a file that is sold with a key, or a recording of a channel that was not paid for.

MP4 says so where it describes its samples (ISO/IEC 23001-7: ``encv``, ``enca`` with a scheme), a transport
stream in the header of each packet (ISO/IEC 13818-1, transport_scrambling_control). Pictures of an MP4 may
seem to decode all the same, to noise; so it is asked for before they are looked at. Thin: reads files.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

#: Boxes of an MP4 file, from the outermost to the one that describes the samples of a track.
_WAY = (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd")
_ENCRYPTED = (b"encv", b"enca", b"enct", b"encs")
#: How much of a description is looked at for its scheme (bytes), and how many boxes may come before it.
_ENTRY, _BOXES = 4096, 10_000
_PACKET, _SYNC, _PACKETS = 188, 0x47, 20_000
#: Any file may begin with the byte of a packet, none has it so many times at their distance by chance.
_IN_STEP = 4


def scheme_of_mp4(location: Path) -> str:
    """The scheme by which a track is encrypted ("cenc"); "unknown" when it doesn't say; empty: none is.

    Raises ``OSError``.
    """
    with location.open("rb", buffering=0) as file:
        number = file.fileno()
        most = iter(range(_BOXES))
        for start, end in _descriptions(number, 0, os.fstat(number).st_size, _WAY, most):
            entry = os.pread(number, min(end - start, _ENTRY), start + 8)  # behind version, flags and count
            if entry[4:8] in _ENCRYPTED:
                at = entry.find(b"schm")
                word = entry[at + 8 : at + 12] if at > 0 else b""
                return word.decode("ascii", "replace").strip() if word.strip().isalnum() else "unknown"
    return ""


def _descriptions(
    file: int, start: int, end: int, way: tuple[bytes, ...], most: Iterator[int]
) -> Iterator[tuple[int, int]]:
    """Where the content of each box at the end of the ``way`` begins and ends."""
    for kind, begins, ends in _boxes(file, start, end, most):
        if kind == way[0]:
            if len(way) == 1:
                yield begins, ends
            else:
                yield from _descriptions(file, begins, ends, way[1:], most)


def _boxes(file: int, start: int, end: int, most: Iterator[int]) -> Iterator[tuple[bytes, int, int]]:
    """Kind, begin and end of the content of each box between, until there have been too many."""
    for _ in most:
        head = os.pread(file, 16, start) if start + 8 <= end else b""
        if len(head) < 8:
            return
        size, kind, behind = int.from_bytes(head[:4]), head[4:8], 8
        if size == 1:
            size, behind = int.from_bytes(head[8:16]), 16
        elif size == 0:
            size = end - start  # to the end of the file
        if size < behind:
            return
        yield kind, start + behind, min(start + size, end)
        start += size


def is_scrambled(location: Path) -> bool:
    """Is it a transport stream with scrambled packets? Raises ``OSError``."""
    scrambled = False
    with location.open("rb") as file:
        for number in range(_PACKETS):
            packet = file.read(_PACKET)
            if len(packet) < _PACKET or packet[0] != _SYNC:
                return False
            scrambled = scrambled or bool(packet[3] & 0xC0)
            if scrambled and number >= _IN_STEP:
                return True
    return False
