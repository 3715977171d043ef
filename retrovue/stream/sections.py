"""Sections, the form in which a transport stream carries its tables; pure (ISO/IEC 13818-1, 2.4.4)."""

from __future__ import annotations

import zlib

PACKET = 188

#: A PSI section is at most 1024 bytes long, a private one (EIT, PSIP) at most 4096.
LONGEST = 1024
LONGEST_PRIVATE = 4096

Payload = tuple[int, bool, bytes]  #: PID, does a section begin in it, 184 bytes

_REVERSED = bytes(int(f"{n:08b}"[::-1], 2) for n in range(256))


def crc32_mpeg(data: bytes) -> int:
    """CRC-32/MPEG-2 (ISO/IEC 13818-1 Annex A): polynomial 04C11DB7, not reflected, no final xor.

    It is the CRC of zlib seen in a mirror, and zlib is fast.
    """
    mirrored = zlib.crc32(data.translate(_REVERSED)) ^ 0xFFFFFFFF
    return int.from_bytes(mirrored.to_bytes(4, "little").translate(_REVERSED), "big")


def section(
    table_id: int,
    extension: int,
    body: bytes,
    *,
    private: bool = False,
    version: int = 0,
    number: int = 0,
    last: int = 0,
) -> bytes:
    """A long section, current, with its CRC. ``extension``: 16 bits; ``version``: modulo 32.

    ``number`` of ``last`` in its table; ``private`` sets private_indicator, as DVB and ATSC want it.
    """
    length = 5 + len(body) + 4
    assert length <= (LONGEST_PRIVATE if private else LONGEST) - 3, length
    head = bytes(
        (
            table_id,
            0xB0 | private << 6 | length >> 8,
            length & 0xFF,
            extension >> 8,
            extension & 0xFF,
            0xC1 | (version & 0x1F) << 1,  # current_next_indicator 1
            number,
            last,
        )
    )
    whole = head + body
    return whole + crc32_mpeg(whole).to_bytes(4, "big")


def with_version(whole: bytes, version: int) -> bytes:
    """The same section, of another version (modulo 32)."""
    head = whole[:5] + bytes((0xC1 | (version & 0x1F) << 1,)) + whole[6:-4]
    return head + crc32_mpeg(head).to_bytes(4, "big")


def short_section(table_id: int, body: bytes, *, crc: bool = False) -> bytes:
    """A section without the long head (TDT; with a CRC TOT)."""
    length = len(body) + (4 if crc else 0)
    whole = bytes((table_id, 0x70 | length >> 8, length & 0xFF)) + body
    return whole + crc32_mpeg(whole).to_bytes(4, "big") if crc else whole


def with_length(descriptors: bytes) -> bytes:
    """A loop of descriptors behind its length of 12 bits, reserved bits set."""
    return (0xF000 | len(descriptors)).to_bytes(2, "big") + descriptors


def descriptor(tag: int, body: bytes) -> bytes:
    """One descriptor; its body has at most 255 bytes."""
    return bytes((tag, len(body))) + body


def payloads(pid: int, whole: bytes) -> list[Payload]:
    """A section as payloads of packets of ``pid``."""
    data = b"\x00" + whole  # pointer_field: the section begins at once
    room = PACKET - 4
    return [(pid, at == 0, data[at : at + room].ljust(room, b"\xff")) for at in range(0, len(data), room)]
