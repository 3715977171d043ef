"""Cue messages: what tells equipment further down the line where a break begins and ends; pure.

Rules: ANSI/SCTE 35 (splice_info_section 9.6, commands 9.7, splice descriptors 10, PMT 8). Of its commands the
three that a channel needs: ``splice_insert`` leaves the network and returns to it, ``time_signal`` says with
segmentation descriptors what begins and ends, ``splice_null`` says that the line is alive. Times are 90 kHz
ticks, and wrap as those of the pictures do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from retrovue.stream.sections import crc32_mpeg, descriptor

PID_CUES = 0x0102
#: stream_type of a stream of cue messages, and whose it is (8.1).
STREAM_TYPE = 0x86
REGISTRATION = b"CUEI"

#: cue_stream_type (8.2): which commands the stream has.
SPLICING, SEGMENTING = 0x00, 0x02

SPLICE_NULL, SPLICE_INSERT, TIME_SIGNAL = 0x00, 0x05, 0x06

#: segmentation_type_id (10.3.3.1): one more is the end of it.
BREAK_START, PROVIDER_ADVERTISEMENT_START = 0x22, 0x30

_TABLE_ID = 0xFC
_SEGMENTATION = 0x02
_WRAP = 1 << 33
#: cw_index means nothing in a message that is not encrypted; tier 4095 addresses everybody (9.6.1).
_NO_KEY, _EVERYBODY = 0xFF, 0xFFF
#: segmentation_descriptor: no restriction of its delivery, web and regions and archives included.
UNRESTRICTED = 0b111111


def cue_identifier(kind: int) -> bytes:
    """The descriptor that a stream of cue messages has in the PMT (8.2): ``SPLICING`` or ``SEGMENTING``."""
    return descriptor(0x8A, bytes((kind,)))


def _splice_time(pts: int | None) -> bytes:
    """splice_time() (9.8.1); None: at once."""
    return b"\x7f" if pts is None else (0xFE << 32 | pts % _WRAP).to_bytes(5, "big")


def splice_null() -> bytes:
    """A section that says nothing but that messages come through (9.7.1)."""
    return _section(SPLICE_NULL, b"", ())


def splice_insert(
    event: int,
    *,
    out: bool,
    pts: int | None = None,
    duration: int | None = None,
    program: int = 0,
    descriptors: Sequence[bytes] = (),
) -> bytes:
    """A section that leaves the network (``out``) or returns to it (9.7.3).

    ``event``: 32 bits, the same for a break's begin and end. ``pts``: of the first picture after the splice;
    None: at once. ``duration``: of the break, after which the network is returned to by itself
    (auto_return). ``program``: unique_program_id, 16 bits.
    """
    flags = out << 7 | 1 << 6 | (duration is not None) << 5 | (pts is None) << 4 | 0x0F
    body = event.to_bytes(4, "big") + bytes((0x7F, flags))
    if pts is not None:
        body += _splice_time(pts)
    if duration is not None:
        body += (0xFE << 32 | duration % _WRAP).to_bytes(5, "big")
    return _section(SPLICE_INSERT, body + program.to_bytes(2, "big") + b"\0\0", descriptors)


def splice_cancel(event: int) -> bytes:
    """A section that takes back a splice that was announced and is not to come (9.7.3)."""
    return _section(SPLICE_INSERT, event.to_bytes(4, "big") + b"\xff", ())


def time_signal(pts: int | None, descriptors: Sequence[bytes]) -> bytes:
    """A section that says what begins and ends at ``pts``; None: at once (9.7.4)."""
    return _section(TIME_SIGNAL, _splice_time(pts), descriptors)


@dataclass(frozen=True, slots=True)
class Segmentation:
    """segmentation_descriptor() (10.3.3): something that begins or ends at the time of its message."""

    event: int  #: 32 bits, the same for its begin and end
    type: int
    number: int = 0  #: which of several in a row, from 1
    expected: int = 0  #: how many these are
    duration: int | None = None
    upid_type: int = 0  #: 0: it has no identifier
    upid: bytes = b""
    delivery: int = UNRESTRICTED  #: not restricted, web, no regional blackout, archive, device (2 bits)
    cancelled: bool = False

    def encoded(self) -> bytes:
        """The descriptor, tag and length included."""
        body = REGISTRATION + self.event.to_bytes(4, "big") + (b"\xff" if self.cancelled else b"\x7f")
        if not self.cancelled:
            body += bytes((1 << 7 | (self.duration is not None) << 6 | self.delivery,))
            if self.duration is not None:
                body += self.duration.to_bytes(5, "big")
            body += bytes((self.upid_type, len(self.upid))) + self.upid
            body += bytes((self.type, self.number, self.expected))
        return descriptor(_SEGMENTATION, body)


def _section(command: int, body: bytes, descriptors: Sequence[bytes]) -> bytes:
    """splice_info_section() (9.6), not encrypted, pts_adjustment 0."""
    loop = b"".join(descriptors)
    rest = (
        bytes((0,))  # protocol_version
        + bytes(5)  # encrypted_packet, encryption_algorithm, pts_adjustment
        + bytes((_NO_KEY,))
        + (_EVERYBODY << 12 | len(body)).to_bytes(3, "big")
        + bytes((command,))
        + body
        + len(loop).to_bytes(2, "big")
        + loop
    )
    length = len(rest) + 4
    # No section syntax, not private, and (sap_type 3) nothing said about the kind of access point.
    whole = bytes((_TABLE_ID, 0x30 | length >> 8, length & 0xFF)) + rest
    return whole + crc32_mpeg(whole).to_bytes(4, "big")
