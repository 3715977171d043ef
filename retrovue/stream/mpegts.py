"""MPEG transport stream: one multiplexer for the life of a channel; pure.

Rules: ISO/IEC 13818-1 (packets 2.4.3, PES 2.4.3.7, PSI 2.4.4, PCR 2.7.2).
One PAT and one PMT, never changed; one continuity counter per PID; time stamps are station time in
90 kHz ticks modulo 2^33, so a wrap (every 26.5 h) is an ordinary moment.
"""

from __future__ import annotations

import functools
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from retrovue.stream.codecs import AAC, H264, AudioCodec, VideoCodec
from retrovue.stream.scte35 import PID_CUES, REGISTRATION, STREAM_TYPE
from retrovue.stream.sections import PACKET, Payload, descriptor, section, with_length

CLOCK_HZ = 90_000
WRAP = 1 << 33

PID_PAT, PID_PMT, PID_VIDEO, PID_AUDIO = 0x0000, 0x1000, 0x0100, 0x0101

#: program_number, and DVB's service_id: the only one in the stream.
PROGRAM = 1

#: A decoder's buffer: PCR runs this far behind DTS (90 kHz ticks; 200 ms), so that the largest IDR at
#: the channel's bit rate is there before its time.
PCR_DELAY = 18_000

_STREAM_ID_VIDEO = 0xE0


def _timestamp(marker: int, value: int) -> bytes:
    value %= WRAP
    return bytes(
        (
            marker << 4 | (value >> 29) & 0x0E | 1,
            (value >> 22) & 0xFF,
            (value >> 14) & 0xFE | 1,
            (value >> 7) & 0xFF,
            (value << 1) & 0xFE | 1,
        )
    )


class TsMux:
    """Access units in, 188-byte packets out. One instance per channel; its counters never restart.

    ``audio_kbps`` is for codecs whose bit rate the PMT tells. ``stream`` is the transport_stream_id: by it
    receivers tell two carriers apart. ``cues``: descriptors of the stream of cue messages; None: there is
    none.
    """

    def __init__(
        self,
        program: int = PROGRAM,
        video: VideoCodec = H264,
        audio: AudioCodec = AAC,
        audio_kbps: int = 128,
        stream: int = 1,
        cues: bytes | None = None,
    ) -> None:
        self._counters: defaultdict[int, int] = defaultdict(int)  #: by PID
        pat = section(0x00, stream, program.to_bytes(2, "big") + (0xE000 | PID_PMT).to_bytes(2, "big"))
        self._audio_stream_id = audio.stream_id
        # Where a stream type is not ISO's own, the program says whose it is. ffmpeg remembers the last one
        # only, and knows AC-3 without.
        whose = (audio.registration, REGISTRATION if cues is not None else b"")
        registration = b"".join(descriptor(0x05, of) for of in whose if of)
        pmt_body = (0xE000 | PID_VIDEO).to_bytes(2, "big") + with_length(registration)
        of_audio = audio.descriptors(audio.bit_rate(audio_kbps))
        streams = [(video.stream_type, PID_VIDEO, b""), (audio.stream_type, PID_AUDIO, of_audio)]
        if cues is not None:
            streams.append((STREAM_TYPE, PID_CUES, cues))
        for stream_type, pid, descriptors in streams:
            pmt_body += bytes((stream_type,)) + (0xE000 | pid).to_bytes(2, "big") + with_length(descriptors)
        pmt = section(0x02, program, pmt_body)
        self._tables = tuple(
            (pid, (b"\x00" + table).ljust(PACKET - 4, b"\xff"))
            for pid, table in ((PID_PAT, pat), (PID_PMT, pmt))
        )

    def tables(self) -> bytes:
        """PAT and PMT: due before every IDR and at least every 100 ms."""
        return b"".join(self._table_packet(pid, payload) for pid, payload in self._tables)

    def information(self, payloads: Sequence[Payload]) -> bytes:
        """Sections that are due beside PAT and PMT, as packets."""
        return b"".join(
            self._table_packet(pid, payload, 0x40 if begins else 0) for pid, begins, payload in payloads
        )

    def video(self, pts: int, unit: bytes, key: bool) -> bytes:
        """One access unit as one PES with a PCR; ``pts`` = dts, 90 kHz ticks."""
        header = b"\x00\x00\x01" + bytes((_STREAM_ID_VIDEO, 0, 0, 0x84, 0x80, 5)) + _timestamp(2, pts)
        pcr = (pts - PCR_DELAY) % WRAP
        # flags: random_access_indicator where a decoder can begin, PCR_flag; PCR extension 0
        adaptation = bytes((0x50 if key else 0x10,)) + (pcr << 15 | 0x7E00).to_bytes(6, "big")
        return self._packets(PID_VIDEO, header + unit, adaptation)

    def audio(self, pts: int, frames: Sequence[bytes]) -> bytes:
        """Audio frames as one PES; ``pts`` of the first, 90 kHz ticks."""
        payload = b"".join(frames)
        length = len(payload) + 8
        header = (
            b"\x00\x00\x01"
            + bytes((self._audio_stream_id, length >> 8, length & 0xFF, 0x84, 0x80, 5))
            + _timestamp(2, pts)
        )
        return self._packets(PID_AUDIO, header + payload, b"")

    def _table_packet(self, pid: int, payload: bytes, begins: int = 0x40) -> bytes:
        """``begins``: payload_unit_start_indicator, in its place."""
        counter = self._counters[pid]
        self._counters[pid] = (counter + 1) & 0x0F
        return bytes((0x47, begins | pid >> 8, pid & 0xFF, 0x10 | counter)) + payload

    def _packets(self, pid: int, payload: bytes, adaptation: bytes) -> bytes:
        """``payload`` as packets of ``pid``; ``adaptation`` (without length) goes into the first."""
        high, low = pid >> 8, pid & 0xFF
        counter = self._counters[pid]
        room = PACKET - 4
        field = bytes((len(adaptation),)) + adaptation if adaptation else b""
        position, size = min(len(payload), room - len(field)), len(payload)
        out = [_packet(0x40 | high, low, counter, field, payload[:position])]
        # Most packets are full ones in a row: nothing but their counter differs. No loop of Python over them.
        full, left = divmod(size - position, room)
        if full:
            pieces = [b""] * (2 * full)
            pieces[0::2] = _run(high, low, counter + 1 & 0x0F, full)
            pieces[1::2] = [payload[at : at + room] for at in range(position, size - left, room)]
            out += pieces
        if left:
            out.append(_packet(high, low, counter + full + 1 & 0x0F, b"", payload[size - left :]))
        self._counters[pid] = counter + full + (2 if left else 1) & 0x0F
        return b"".join(out)


@dataclass(frozen=True, slots=True)
class Pes:
    """One access unit or audio frame as it was multiplexed."""

    pid: int
    pts: int  #: 33 bits
    key: bool  #: random_access_indicator
    payload: bytes


def taken_apart(data: bytes) -> Iterator[Pes]:
    """What ``TsMux`` wrote, in its order: whole PES, each in packets that follow one another. Tables are left
    out. Nothing else is understood: not every stream comes like that."""
    at, size = 0, len(data)
    while at < size:
        pid = (data[at + 1] & 0x1F) << 8 | data[at + 2]
        end = at + PACKET
        while end < size and data[end + 1] == pid >> 8 and data[end + 2] == pid & 0xFF:
            end += PACKET
        if pid in (PID_VIDEO, PID_AUDIO):
            pieces = [_payload(data, packet) for packet in range(at, end, PACKET)]
            head = pieces[0]
            stamp = head[9:14]
            pts = (
                (stamp[0] & 0x0E) << 29
                | stamp[1] << 22
                | (stamp[2] & 0xFE) << 14
                | stamp[3] << 7
                | stamp[4] >> 1
            )
            key = bool(data[at + 3] & 0x20 and data[at + 4] and data[at + 5] & 0x40)
            pieces[0] = head[9 + head[8] :]
            yield Pes(pid, pts, key, b"".join(pieces))
        at = end


def _payload(data: bytes, packet: int) -> bytes:
    start = packet + 4 + (1 + data[packet + 4] if data[packet + 3] & 0x20 else 0)
    return data[start : packet + PACKET]


def _packet(high: int, low: int, counter: int, field: bytes, payload: bytes) -> bytes:
    """One packet; what ``payload`` leaves free is stuffed through the adaptation field."""
    missing = PACKET - 4 - len(field) - len(payload)
    if missing and field:
        field = bytes((field[0] + missing,)) + field[1:] + b"\xff" * missing
    elif missing == 1:
        field = b"\x00"
    elif missing:
        field = bytes((missing - 1, 0)) + b"\xff" * (missing - 2)
    return bytes((0x47, high, low, (0x30 if field else 0x10) | counter)) + field + payload


@functools.cache
def _headers(high: int, low: int) -> list[bytes]:
    """Of packets without an adaptation field, by counter; twice round."""
    return [bytes((0x47, high, low, 0x10 | counter & 0x0F)) for counter in range(32)]


def _run(high: int, low: int, counter: int, length: int) -> list[bytes]:
    """``length`` headers in a row, beginning with ``counter``."""
    headers = _headers(high, low)
    return (
        headers[counter : counter + length]
        if length <= 16
        else (headers[counter : counter + 16] * (length // 16 + 1))[:length]
    )
