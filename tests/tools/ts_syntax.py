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
EIT_PID, TDT_PID = 0x0012, 0x0014
PSIP_PID = 0x1FFB
#: PIDs that the standards reserve for tables (MPEG, DVB, ATSC): nobody has to announce them in a PMT.
TABLE_PIDS = frozenset(range(0x20)) | {0x1FFB}

PTS_MOD = 1 << 33
PCR_MOD = PTS_MOD * 300

STREAM_H264 = 0x1B
STREAM_MPEG2 = 0x02
STREAM_ADTS = 0x0F
STREAM_MPEG1_AUDIO = 0x03
STREAM_AC3 = 0x81  # ATSC A/53 part 3: user private, so the program must be registered as ATSC's
STREAM_CUES = 0x86  # ANSI/SCTE 35, 8.1
VIDEO_STREAMS = (STREAM_H264, STREAM_MPEG2)
AUDIO_STREAMS = (STREAM_ADTS, STREAM_MPEG1_AUDIO, STREAM_AC3)

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
    """A long-form section; of DVB's time tables, which are short ones, all that follows the length is body.

    Raises ``ValueError`` when it is too short or its CRC is wrong (TDT has none).
    """
    if raw[0] == 0x70:
        return Section(raw[0], 0, 0, raw[3:], raw)
    if raw[0] == 0x73 and crc32_mpeg(raw) == 0:
        return Section(raw[0], 0, 0, raw[3:-4], raw)
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
    registrations: tuple[str, ...]  #: format_identifiers of the program
    descriptors: tuple[dict[int, bytes], ...]  #: by tag, for each stream


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
    registrations = tuple(d[:4].decode("latin-1") for tag, d in _in_turn(body[4:at]) if tag == 0x05)
    streams, descriptors = [], []
    while at + 5 <= len(body):
        streams.append((body[at], (body[at + 1] & 0x1F) << 8 | body[at + 2]))
        end = at + 5 + ((body[at + 3] & 0x0F) << 8 | body[at + 4])
        descriptors.append(_descriptors(body[at + 5 : end]))
        at = end
    if at != len(body):
        raise ValueError("PMT descriptor lengths do not add up")
    return ProgramMap(pcr_pid, tuple(streams), registrations, tuple(descriptors))


def _descriptors(data: bytes) -> dict[int, bytes]:
    """Tag → content. Raises ``ValueError`` when they do not fill their loop."""
    return dict(_in_turn(data))


def _in_turn(data: bytes) -> list[tuple[int, bytes]]:
    """(tag, content). Raises ``ValueError`` when they do not fill their loop."""
    found, at = [], 0
    while at + 2 <= len(data):
        found.append((data[at], data[at + 2 : at + 2 + data[at + 1]]))
        at += 2 + data[at + 1]
    if at != len(data):
        raise ValueError("descriptors do not fill their loop")
    return found


def parse_mgt(section: Section) -> dict[int, int]:
    """PID → table_type of what ATSC's master guide table announces (A/65, 6.2)."""
    body, found = section.body, {}
    at = 3
    for _ in range(body[1] << 8 | body[2]):
        found[(body[at + 2] & 0x1F) << 8 | body[at + 3]] = body[at] << 8 | body[at + 1]
        at += 11 + ((body[at + 9] & 0x0F) << 8 | body[at + 10])
    return found


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
class AudioFrames:
    """The audio frames of one PES packet."""

    count: int
    config: str  #: what must not change: "AAC-LC 48000 Hz 2 ch"
    samples: int  #: per PES packet, all frames together
    rate: int  #: sampling frequency, Hz

    @property
    def duration(self) -> Fraction:
        """90 kHz ticks, exact."""
        return Fraction(self.samples * 90000, self.rate)


_PROFILES = {0: "AAC Main", 1: "AAC-LC", 2: "AAC SSR", 3: "AAC LTP"}


def parse_adts(payload: bytes) -> AudioFrames:
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
    rate = ADTS_RATES[config[1]]
    return AudioFrames(count, f"{_PROFILES[config[0]]} {rate} Hz {config[2]} ch", blocks * 1024, rate)


#: A/52 table 5.18: kbit/s by frmsizecod / 2.
_AC3_KBIT = (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 512, 576, 640)
#: Channels by acmod, without the low-frequency one.
_AC3_CHANNELS = (2, 1, 2, 3, 3, 4, 4, 5)


def parse_ac3(payload: bytes) -> AudioFrames:
    """Raises ``ValueError`` when the payload is not a whole number of AC-3 frames of one configuration."""
    at, count, config = 0, 0, ""
    while at < len(payload):
        if len(payload) - at < 8 or payload[at : at + 2] != b"\x0b\x77":
            raise ValueError("no AC-3 sync word where a frame should start")
        fscod, frmsizecod = payload[at + 4] >> 6, payload[at + 4] & 0x3F
        if fscod or frmsizecod >= 38:
            raise ValueError("AC-3 that is not 48 kHz")
        if payload[at + 5] >> 3 != 8:
            raise ValueError(f"AC-3 bsid {payload[at + 5] >> 3}")
        kbit, channels = _AC3_KBIT[frmsizecod >> 1], _AC3_CHANNELS[payload[at + 6] >> 5]
        here = f"AC-3 48000 Hz {channels} ch {kbit} kbit/s"
        if config and here != config:
            raise ValueError("AC-3 configuration changes inside a PES packet")
        config = here
        count += 1
        at += kbit * 4
    if not config or at != len(payload):
        raise ValueError("AC-3 frame does not end with its PES packet")
    return AudioFrames(count, config, count * 1536, 48000)


#: ISO/IEC 11172-3, 2.4.2.3: kbit/s of layer II by bitrate_index.
_MP2_KBIT = (0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384)


def parse_mp2(payload: bytes) -> AudioFrames:
    """Raises ``ValueError`` when the payload is not a whole number of layer II frames of one kind."""
    at, count, config = 0, 0, ""
    while at < len(payload):
        if len(payload) - at < 4 or payload[at] != 0xFF or payload[at + 1] & 0xFE != 0xFC:
            raise ValueError("no layer II sync word where a frame should start")
        index = payload[at + 2] >> 4
        if not 0 < index < 15 or payload[at + 2] >> 2 & 3 != 1:
            raise ValueError("layer II that is not 48 kHz")
        here = f"MP2 48000 Hz {1 if payload[at + 3] >> 6 == 3 else 2} ch {_MP2_KBIT[index]} kbit/s"
        if config and here != config:
            raise ValueError("layer II configuration changes inside a PES packet")
        config = here
        count += 1
        at += _MP2_KBIT[index] * 3
    if not config or at != len(payload):
        raise ValueError("layer II frame does not end with its PES packet")
    return AudioFrames(count, config, count * 1152, 48000)


# DOTALL: the bytes after a start code may be any, a newline too. The second is the slice header's first.
_NAL = re.compile(rb"\x00\x00\x01(?=(.)(.?))", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Picture:
    """What the NAL units, or MPEG-2's headers, of one PES packet hold."""

    types: tuple[int, ...]  #: nal_unit_type in order; of MPEG-2 the start codes that are no slice's
    pictures: int  #: slices that begin a picture (first_mb_in_slice is 0); of MPEG-2 picture headers
    idr: bool  #: can a decoder begin here?
    sps: tuple[bytes, ...]  #: of MPEG-2 the sequence header with its extension
    pps: tuple[bytes, ...]
    coding: int = 0  #: of MPEG-2 picture_coding_type: 1 I, 2 P, 3 B
    closed: bool = True  #: of MPEG-2 closed_gop, where there is a GOP header


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


_START = re.compile(rb"\x00\x00\x01([\x00\xb0-\xff])", re.DOTALL)


def parse_mpeg2_picture(payload: bytes) -> Picture:
    """Split MPEG-2 video at its start codes (ISO/IEC 13818-2, 6.2)."""
    found = list(_START.finditer(payload))
    codes = tuple(match[1][0] for match in found)
    coding, closed, sequence = 0, True, b""
    for i, match in enumerate(found):
        at = match.end()
        end = found[i + 1].start() if i + 1 < len(found) else len(payload)
        match match[1][0]:
            case 0x00:
                coding = payload[at + 1] >> 3 & 7 if at + 1 < len(payload) else 0
            case 0xB3:
                sequence = payload[at:end]
            case 0xB5 if sequence and payload[at] >> 4 == 1:
                sequence += payload[at:end]
            case 0xB8:
                closed = bool(payload[at + 3] & 0x40)
    sets = (sequence.rstrip(b"\x00"),) if sequence else ()
    return Picture(codes, codes.count(0x00), coding == 1 and bool(sequence), sets, sets, coding, closed)
