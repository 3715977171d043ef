"""What the standards say about bytes: sections, PES headers, ADTS frames and NAL units; pure.

Written from ISO/IEC 13818-1 (transport stream), ISO/IEC 13818-7 (ADTS) and ITU-T H.264 Annex B alone,
so that a mistake in the station's own multiplexer cannot hide behind the same mistake here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

PACKET = 188
SYNC = 0x47
NULL_PID = 0x1FFF
PAT_PID = 0x0000
SDT_PID = 0x0011
#: PIDs that the standards reserve for tables (MPEG, DVB, ATSC): nobody has to announce them in a PMT.
TABLE_PIDS = frozenset(range(0x20)) | {0x1FFB}

PTS_MOD = 1 << 33
PCR_MOD = PTS_MOD * 300

STREAM_H264 = 0x1B
STREAM_ADTS = 0x0F

#: ISO/IEC 13818-7 table 35.
ADTS_RATES = (96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350)


def _crc_table() -> tuple[int, ...]:
    table = []
    for byte in range(256):
        crc = byte << 24
        for _ in range(8):
            crc = (crc << 1) ^ (0x04C11DB7 if crc & 0x80000000 else 0)
        table.append(crc & 0xFFFFFFFF)
    return tuple(table)


_CRC = _crc_table()


def crc32_mpeg(data: bytes) -> int:
    """CRC of 13818-1 annex A; zero over a section that includes its own CRC."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = ((crc << 8) & 0xFFFFFFFF) ^ _CRC[(crc >> 24) ^ byte]
    return crc


def signed_difference(a: int, b: int, modulus: int) -> int:
    """``a - b`` on a counter that wraps at ``modulus``, as the nearest signed distance."""
    half = modulus // 2
    return (a - b + half) % modulus - half


@dataclass(frozen=True, slots=True)
class Section:
    """A whole PSI section, CRC included in ``raw``."""

    table_id: int
    extension: int
    version: int
    body: bytes  #: after last_section_number, before the CRC
    raw: bytes


def parse_section(raw: bytes) -> Section:
    """A long-form section. Raises ``ValueError`` when it is too short or its CRC is wrong."""
    if len(raw) < 12:
        raise ValueError("section shorter than its own header")
    if crc32_mpeg(raw) != 0:
        raise ValueError("section CRC is wrong")
    return Section(raw[0], raw[3] << 8 | raw[4], raw[5] >> 1 & 0x1F, raw[8:-4], raw)


@dataclass(frozen=True, slots=True)
class ProgramMap:
    """What a PMT announces."""

    pcr_pid: int
    streams: tuple[tuple[int, int], ...]  #: (stream type, PID) in order


def parse_pat(section: Section) -> dict[int, int]:
    """Program number → PMT PID; the network PID (program 0) is left out."""
    body = section.body
    rows = [
        (body[i] << 8 | body[i + 1], (body[i + 2] & 0x1F) << 8 | body[i + 3])
        for i in range(0, len(body) - 3, 4)
    ]
    return {number: pid for number, pid in rows if number}


def parse_pmt(section: Section) -> ProgramMap:
    """The PCR PID and the elementary streams. Raises ``ValueError`` when lengths do not add up."""
    body = section.body
    if len(body) < 4:
        raise ValueError("PMT has no PCR PID")
    pcr_pid = (body[0] & 0x1F) << 8 | body[1]
    at = 4 + ((body[2] & 0x0F) << 8 | body[3])
    streams = []
    while at + 5 <= len(body):
        streams.append((body[at], (body[at + 1] & 0x1F) << 8 | body[at + 2]))
        at += 5 + ((body[at + 3] & 0x0F) << 8 | body[at + 4])
    if at != len(body):
        raise ValueError("PMT descriptor lengths do not add up")
    return ProgramMap(pcr_pid, tuple(streams))


def parse_sdt(section: Section) -> list[tuple[str, str]]:
    """(provider, service name) of every service that carries a service descriptor (ETSI EN 300 468)."""
    services = []
    body, at = section.body, 3
    while at + 5 <= len(body):
        end = at + 5 + ((body[at + 3] & 0x0F) << 8 | body[at + 4])
        at += 5
        while at + 2 <= end:
            tag, size = body[at], body[at + 1]
            data = body[at + 2 : at + 2 + size]
            if tag == 0x48 and len(data) >= 3:
                provider, rest = data[2 : 2 + data[1]], data[2 + data[1] :]
                name = rest[1 : 1 + rest[0]] if rest else b""
                services.append((_dvb_text(provider), _dvb_text(name)))
            at += 2 + size
        at = end
    return services


def _dvb_text(raw: bytes) -> str:
    """EN 300 468 annex A, as far as it is met: UTF-8 when announced by 0x15, else Latin-like."""
    return raw[1:].decode("utf-8", "replace") if raw[:1] == b"\x15" else raw.decode("latin-1")


@dataclass(frozen=True, slots=True)
class PesHeader:
    """The header of a PES packet."""

    stream_id: int
    length: int  #: PES_packet_length as written; 0: until the next one (video only)
    pts: int | None
    dts: int | None  #: equal to pts when not written
    payload_at: int


def parse_pes(data: bytes) -> PesHeader:
    """Raises ``ValueError`` for anything that 13818-1 § 2.4.3.6 forbids."""
    if len(data) < 9 or data[:3] != b"\x00\x00\x01":
        raise ValueError("no PES start code")
    if data[6] & 0xC0 != 0x80:
        raise ValueError("PES marker bits are not '10'")
    flags, header = data[7] >> 6, data[8]
    if flags == 1:
        raise ValueError("a DTS without a PTS")
    if len(data) < 9 + header or header < (0, 0, 5, 10)[flags]:
        raise ValueError("PES header is cut short")
    pts = _timestamp(data, 9, 0x3 if flags == 3 else 0x2) if flags else None
    dts = _timestamp(data, 14, 0x1) if flags == 3 else pts
    return PesHeader(data[3], data[4] << 8 | data[5], pts, dts, 9 + header)


def _timestamp(data: bytes, at: int, prefix: int) -> int:
    a, b, c, d, e = data[at : at + 5]
    if a >> 4 != prefix or not (a & 1 and c & 1 and e & 1):
        raise ValueError("time stamp marker bits are wrong")
    return (a >> 1 & 7) << 30 | b << 22 | (c >> 1) << 15 | d << 7 | e >> 1


@dataclass(frozen=True, slots=True)
class AdtsFrames:
    """The ADTS frames of one PES packet."""

    count: int
    config: tuple[int, int, int]  #: profile, sampling frequency index, channel configuration
    samples: int  #: per PES packet, all frames together

    @property
    def duration(self) -> Fraction:
        """90 kHz ticks, exact."""
        return Fraction(self.samples * 90000, ADTS_RATES[self.config[1]])


def parse_adts(payload: bytes) -> AdtsFrames:
    """Raises ``ValueError`` when the payload is not a whole number of frames of one configuration."""
    at, count, blocks, config = 0, 0, 0, None
    while at < len(payload):
        if len(payload) - at < 7 or payload[at] != 0xFF or payload[at + 1] & 0xF6 != 0xF0:
            raise ValueError("no ADTS sync word where a frame should start")
        b2, b3 = payload[at + 2], payload[at + 3]
        here = (b2 >> 6, b2 >> 2 & 15, (b2 & 1) << 2 | b3 >> 6)
        if here[1] >= len(ADTS_RATES):
            raise ValueError("reserved ADTS sampling frequency")
        if config is not None and here != config:
            raise ValueError("ADTS configuration changes inside a PES packet")
        config = here
        size = (b3 & 3) << 11 | payload[at + 4] << 3 | payload[at + 5] >> 5
        if size < 7 or at + size > len(payload):
            raise ValueError("ADTS frame does not end inside its PES packet")
        blocks += (payload[at + 6] & 3) + 1
        count += 1
        at += size
    if config is None:
        raise ValueError("PES packet without an ADTS frame")
    return AdtsFrames(count, config, blocks * 1024)


# DOTALL: the bytes after a start code may be any, a newline too. The second is the slice header's first.
_NAL = re.compile(rb"\x00\x00\x01(?=(.)(.?))", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Picture:
    """What the NAL units of one PES packet hold."""

    types: tuple[int, ...]  #: nal_unit_type in order
    pictures: int  #: slices that begin a picture (first_mb_in_slice is 0)
    idr: bool
    sps: tuple[bytes, ...]
    pps: tuple[bytes, ...]


def parse_picture(payload: bytes) -> Picture:
    """Split Annex B bytes at their start codes."""
    found = list(_NAL.finditer(payload))
    types: list[int] = []
    sps: list[bytes] = []
    pps: list[bytes] = []
    pictures, idr = 0, False
    for i, match in enumerate(found):
        kind = match[1][0] & 0x1F
        types.append(kind)
        if kind in (1, 5):
            # first_mb_in_slice is ue(v): a leading 1 bit is the value 0.
            pictures += bool(match[2]) and match[2][0] >= 0x80
            idr = idr or kind == 5
        elif kind in (7, 8):
            end = found[i + 1].start() if i + 1 < len(found) else len(payload)
            (sps if kind == 7 else pps).append(payload[match.start(1) : end].rstrip(b"\x00"))
    return Picture(tuple(types), pictures, idr, tuple(sps), tuple(pps))
