"""An independent judge of a transport stream: bytes in, with arrival times when there are any; a report out.

It checks what ISO/IEC 13818-1 demands and what the house promises beyond that (``ts_report.Rules``):
one PAT and one PMT for the channel's life, perfect continuity counters, a PCR that never jumps, every
picture exactly one frame after the last, and sound on one endless grid of codec frames.

    python -m tests.tools.ts_analyser capture.ts
    python -m tests.tools.ts_analyser http://127.0.0.1:5004/auto/v5.1 --seconds 60 --json

Stream time is the standard's own (2.4.2.2): the arrival time of a byte at the reference decoder, by
linear interpolation between the PCRs around it.
"""

from __future__ import annotations

import argparse
import hashlib
import statistics
import sys
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

from tests.tools import ts_syntax as syntax
from tests.tools.capture import capture
from tests.tools.scte35_syntax import CUE_TABLE, parse_cue
from tests.tools.ts_report import KNOWN_RATES, TICKS, Fault, Report, Rules, Stall
from tests.tools.ts_syntax import PACKET, PCR_MOD, PTS_MOD, SYNC

_EXAMPLES = 6
_RATE_SAMPLE = 31


class _Pid:
    """What is remembered of one PID."""

    __slots__ = (
        "arrived",
        "cc",
        "duplicated",
        "first_at",
        "handler",
        "last",
        "last_at",
        "packets",
        "parts",
        "random_access",
        "section",
    )

    def __init__(self) -> None:
        self.packets = 0
        self.cc: int | None = None
        self.last = b""
        self.duplicated = False
        self.handler: Callable[[_Pid, bytes, bool, bool], None] | None = None
        self.section = bytearray()
        self.parts: list[bytes] = []  # of the PES packet under way
        self.first_at = 0
        self.last_at = 0
        self.arrived: float | None = None  # of the last packet
        self.random_access = False


class _Grid:
    """Time stamps that must each follow the last by exactly its duration.

    A stamp that does not is one fault, whether it strays alone or moves the whole line: the line that
    it would begin is remembered, and followed only when the next stamp confirms it. Durations are
    rational; a stamp is an integer, so it may stand less than one tick from its place.
    """

    def __init__(self) -> None:
        self.expected: Fraction | None = None
        self._other: Fraction | None = None

    def step(self, stamp: int, duration: Fraction) -> Fraction | None:
        """How far ``stamp`` stands from its place, in ticks; None: on the grid."""
        if self.expected is None:
            self.expected = stamp + duration
            return None
        off = stamp - self.expected
        if abs(off) < 1:
            self.expected += duration
            self._other = None
            return None
        if self._other is not None and abs(stamp - self._other) < 1:
            self.expected, self._other = self._other + duration, None
            return None
        self.expected += duration
        self._other = stamp + duration
        return off


class TsAnalyser:
    """Feed it bytes in any portions, then ask for the report with ``finish``.

    ``at`` of ``feed`` is when the portion arrived: seconds since the Unix epoch in *station* time, so
    that PTS can be compared with it. ``wall`` False: arrival times count from anywhere, lead is not judged.
    """

    def __init__(self, rules: Rules | None = None, *, wall: bool = True) -> None:
        self.rules = rules or Rules()
        self.report = Report()
        self._wall = wall
        self._tail = b""
        self._in_sync = True
        self._skipped = 0
        self._at: float | None = None
        self._first_at: float | None = None
        self._pos = -1  # number of the packet in hand
        self._pids: dict[int, _Pid] = {}
        self._announced: set[int] = set()
        self._guide_pids: set[int] = set()  #: that the MGT announces
        self._pat: bytes | None = None
        self._pat_version = -1
        self._pmt: bytes | None = None
        self._pmt_version = -1
        self._pmt_pid: int | None = None
        self._sdt: bytes | None = None
        self._sdt_version = -1
        self._map: syntax.ProgramMap | None = None
        self._video_pid: int | None = None
        self._audio_pid: int | None = None
        self._pcr_pid: int | None = None
        self._started = False
        # program clock: (packet number, 27 MHz, unwrapped), and what waits for the next one
        self._clock: deque[tuple[int, int]] = deque(maxlen=64)
        self._pcr_sum, self._pcr_count = 0, 0
        self._waiting: list[tuple[str, int, int]] = []  # (what, packet number, DTS)
        self._last_psi: dict[str, float] = {}
        # pictures
        self._first_dts: int | None = None
        self._dts = 0  # unwrapped
        self._sample: list[tuple[int, int]] | None = [] if self.rules.rate is None else None
        self._frame = Fraction(TICKS) / self.rules.rate if self.rules.rate else None
        self._video_grid = _Grid()
        self._last_idr: int | None = None
        self._sets: dict[str, None] = {}
        # cue messages
        self._spliced: dict[int, None] = {}  # their times, 33 bits
        self._stamps: set[int] | None = None  # of the pictures, 33 bits; None: no cue messages
        # sound
        self._audio_pts = 0
        self._audio_first: int | None = None
        self._audio_end: Fraction | None = None
        self._audio_grid = _Grid()
        self._audio_config: str | None = None
        self._mpeg2 = False
        self._audio_type = syntax.STREAM_ADTS
        self._parse_audio = syntax.parse_adts
        self._apart = {"video": False, "audio": False}
        # arrivals
        self._leads: list[float] = []
        self._clients = [Stall(b) for b in self.rules.buffers_s]
        self._pause = [0.0] * len(self._clients)
        self._stalled = [False] * len(self._clients)

    # --- bytes to packets ------------------------------------------------------------------------

    def feed(self, data: bytes, at: float | None = None) -> None:
        """Take the next bytes of the stream."""
        if at is not None:
            if self._at is not None:
                gap = at - self._at
                if self.report.arrival_gap_s_max is None or gap > self.report.arrival_gap_s_max:
                    self.report.arrival_gap_s_max = gap
            else:
                self._first_at = at
            self._at = at
        self.report.bytes += len(data)
        buffer = self._tail + data if self._tail else data
        offset, end = 0, len(buffer) - PACKET
        packet = self._packet
        while offset <= end:
            if buffer[offset] == SYNC and self._in_sync:
                packet(buffer[offset : offset + PACKET])
                offset += PACKET
                continue
            found = self._resync(buffer, offset)
            if found < 0:
                # Nothing sure yet: keep what a later sync byte could still make whole.
                keep = max(offset, len(buffer) - 2 * PACKET)
                self._skipped += keep - offset
                offset = keep
                break
            self._skipped += found - offset
            self._fault("sync", f"{self._skipped} bytes skipped")
            self._skipped, self._in_sync, offset = 0, True, found
        self._tail = buffer[offset:]

    def _resync(self, buffer: bytes, offset: int) -> int:
        """Where two sync bytes stand a packet apart, with a third if there is room; -1: not yet."""
        self._in_sync = False
        while True:
            offset = buffer.find(b"\x47", offset)
            if offset < 0 or offset + PACKET >= len(buffer):
                return -1
            third = offset + 2 * PACKET
            if buffer[offset + PACKET] == SYNC and (third >= len(buffer) or buffer[third] == SYNC):
                return offset
            offset += 1

    def _packet(self, packet: bytes) -> None:
        self._pos += 1
        pid = (packet[1] & 0x1F) << 8 | packet[2]
        if pid == syntax.NULL_PID:
            self.report.null_packets += 1
            return
        state = self._pids.get(pid)
        if state is None:
            state = self._pids[pid] = _Pid()
            if pid in syntax.TABLE_PIDS or pid in self._guide_pids:
                state.handler = self._tables
        state.packets += 1
        if packet[1] & 0x80:
            self._fault("transport_error", f"PID {pid:#x}")
        control = packet[3]
        if control & 0xC0:
            self._fault("scrambled", f"PID {pid:#x}")
        at, random_access, pcr = 4, False, None
        if control & 0x20:
            size = packet[4]
            if size > (182 if control & 0x10 else 183):
                self._fault("adaptation_field", f"PID {pid:#x}: length {size}")
                return
            at = 5 + size
            if size:
                flags = packet[5]
                random_access = bool(flags & 0x40)
                if flags & 0x80:
                    self._fault("discontinuity_indicator", f"PID {pid:#x}")
                if flags & 0x10:
                    if size < 7:
                        self._fault("adaptation_field", f"PID {pid:#x}: no room for its PCR")
                        return
                    pcr = packet[6:12]
        if not control & 0x30:
            self._fault("adaptation_field", f"PID {pid:#x}: reserved control 00")
            return
        if not self._continuous(state, pid, packet, control):
            return
        if pcr is not None and (pid == self._pcr_pid or self._pcr_pid is None):
            self._program_clock(pcr)
        if control & 0x10 and state.handler is not None and at < PACKET:
            state.handler(state, packet[at:], bool(packet[1] & 0x40), random_access)

    def _continuous(self, state: _Pid, pid: int, packet: bytes, control: int) -> bool:
        """Judge the continuity counter; False: a repetition, whose payload must not count again."""
        counter, last = control & 15, state.cc
        previous, state.last, state.cc = state.last, packet, counter
        if last is None:
            return True
        if not control & 0x10:  # no payload: the counter stands still
            if counter != last:
                self._fault("continuity", f"PID {pid:#x}: {last} → {counter} without a payload")
            return True
        if counter == last and previous[3] & 0x10:
            if not state.duplicated and _same_but_for_pcr(previous, packet):
                state.duplicated = True
                if not self.rules.duplicates:
                    self._fault("duplicate", f"PID {pid:#x}: counter {counter}")
                return False
            self._fault("continuity", f"PID {pid:#x}: {counter} again")
            return True
        state.duplicated = False
        if counter != (last + 1) & 15:
            self._fault("continuity", f"PID {pid:#x}: {last} → {counter}")
        return True

    # --- tables ----------------------------------------------------------------------------------

    def _tables(self, state: _Pid, payload: bytes, begins: bool, _: bool) -> None:
        if begins:
            pointer = payload[0]
            if state.section:
                state.section += payload[1 : 1 + pointer]
                self._sections(state)
            state.section = bytearray(payload[1 + pointer :])
        elif state.section:
            state.section += payload
        self._sections(state)

    def _sections(self, state: _Pid) -> None:
        held = state.section
        while len(held) >= 3 and held[0] != 0xFF:
            size = 3 + ((held[1] & 0x0F) << 8 | held[2])
            if len(held) < size:
                return
            raw = bytes(held[:size])
            del held[:size]
            try:
                if raw[0] == CUE_TABLE:
                    self._cue(raw)
                else:
                    self._section(syntax.parse_section(raw))
            except (ValueError, IndexError) as error:
                self._fault("psi", str(error))
        held.clear()

    def _section(self, section: syntax.Section) -> None:
        if section.table_id == 0x00:
            self._waiting.append(("pat", self._pos, 0))
            if section.raw != self._pat:
                if self._pat is not None:
                    self._fault("pat_changed", _version_change(self._pat_version, section.version))
                self._pat, self._pat_version = section.raw, section.version
                programs = syntax.parse_pat(section)
                if len(programs) != 1:
                    self._fault("psi", f"PAT announces {len(programs)} programs")
                for pid in programs.values():
                    self._pmt_pid = pid
                    self._pids.setdefault(pid, _Pid()).handler = self._tables
        elif section.table_id == 0x02:
            self._waiting.append(("pmt", self._pos, 0))
            if section.raw != self._pmt:
                if self._pmt is not None:
                    self._fault("pmt_changed", _version_change(self._pmt_version, section.version))
                self._pmt, self._pmt_version = section.raw, section.version
                self._map_program(syntax.parse_pmt(section))
        elif section.table_id == 0xC7:
            for pid in syntax.parse_mgt(section):
                self._guide_pids.add(pid)
        elif section.table_id == 0x42 and section.raw != self._sdt:
            if self._sdt is not None:
                self._fault("sdt_changed", _version_change(self._sdt_version, section.version))
            self._sdt, self._sdt_version = section.raw, section.version
            self.report.services = [f"{name} ({provider})" for provider, name in syntax.parse_sdt(section)]

    def _cue(self, raw: bytes) -> None:
        """A cue message: well formed, and its time that of a picture, which is judged once all are known."""
        cue = parse_cue(raw)
        self.report.cues.append((self._dts, raw.hex()))
        if cue.pts is not None:
            self._spliced[cue.pts] = None

    def _map_program(self, program: syntax.ProgramMap) -> None:
        self._announced |= {pid for _, pid in program.streams} | {program.pcr_pid}
        self.report.streams = [f"type {kind:#04x} on {pid:#x}" for kind, pid in program.streams]
        self._pcr_pid = program.pcr_pid
        video = next((s for s in program.streams if s[0] in syntax.VIDEO_STREAMS), None)
        audio = next((s for s in program.streams if s[0] in syntax.AUDIO_STREAMS), None)
        self._video_pid = video[1] if video else None
        self._audio_pid = audio[1] if audio else None
        if video is None or audio is None:
            self._fault("stream_type", "PMT without H.264 or MPEG-2, and AAC in ADTS, MP2 or AC-3")
        if video:
            self._mpeg2 = video[0] == syntax.STREAM_MPEG2
        if audio:
            self._audio_type = audio[0]
            self._parse_audio = {
                syntax.STREAM_ADTS: syntax.parse_adts,
                syntax.STREAM_MPEG1_AUDIO: syntax.parse_mp2,
                syntax.STREAM_AC3: syntax.parse_ac3,
            }[audio[0]]
            if audio[0] == syntax.STREAM_AC3:
                of_audio = program.descriptors[program.streams.index(audio)]
                if "GA94" not in program.registrations or of_audio.get(0x05, b"")[:4] != b"AC-3":
                    self._fault("stream_type", "AC-3 (0x81) that is not registered as ATSC's")
                if 0x81 not in of_audio:
                    self._fault("stream_type", "AC-3 without its audio stream descriptor (A/52 annex A)")
        for pid, handler in ((self._video_pid, self._video_packet), (self._audio_pid, self._audio_packet)):
            if pid is not None:
                self._pids.setdefault(pid, _Pid()).handler = handler
        for kind, pid in program.streams:
            if kind == syntax.STREAM_CUES:
                self._stamps = self._stamps or set()
                self._pids.setdefault(pid, _Pid()).handler = self._tables
                if "CUEI" not in program.registrations:
                    self._fault("stream_type", "cue messages (0x86) that are not registered as SCTE's")

    # --- the program clock -----------------------------------------------------------------------

    def _program_clock(self, field: bytes) -> None:
        base = field[0] << 25 | field[1] << 17 | field[2] << 9 | field[3] << 1 | field[4] >> 7
        extension = (field[4] & 1) << 8 | field[5]
        if extension >= 300:
            self._fault("pcr", f"extension {extension}")
        value = base * 300 + extension
        if self._clock:
            last = self._clock[-1][1]
            step = syntax.signed_difference(value, last, PCR_MOD)
            ms = step / 27000
            if step <= 0:
                self._fault("pcr_backwards", f"by {-ms:.1f} ms")
            elif ms > self.rules.pcr_jump_ms:
                self._fault("pcr_jump", f"{ms:.1f} ms forward")
            else:
                if ms > self.rules.pcr_interval_ms:
                    self._fault("pcr_interval", f"{ms:.1f} ms")
                self._pcr_sum += step
                self._pcr_count += 1
                self.report.pcr_interval_ms_max = max(self.report.pcr_interval_ms_max, ms)
            if step <= 0 or ms > self.rules.pcr_jump_ms:
                # No time line leads across: what waits on it can't be judged.
                self._clock.clear()
                self._waiting.clear()
                self._last_psi.clear()
            value = last + step
        self._clock.append((self._pos, value))
        waiting, self._waiting = self._waiting, []
        for what, position, dts in waiting:
            self._place(what, self._time_of(position), dts)

    def _time_of(self, position: int) -> float:
        """27 MHz stream time of a packet at or before the last PCR (unwrapped like the clock)."""
        after = self._clock[-1]
        for before in reversed(self._clock):
            if before[0] <= position:
                if after[0] == before[0]:
                    return after[1]
                return before[1] + (after[1] - before[1]) * (position - before[0]) / (after[0] - before[0])
            after = before
        return after[1]  # before the first PCR: no earlier than it, for all that is known

    def _place(self, what: str, time: float, dts: int) -> None:
        """Judge something whose stream time is known now."""
        report, rules = self.report, self.rules
        if what in ("pat", "pmt"):
            last = self._last_psi.get(what)
            self._last_psi[what] = time
            if last is None:
                return
            ms = (time - last) / 27000
            if ms > rules.psi_interval_ms + 1e-6:
                self._fault(f"{what}_interval", f"{ms:.1f} ms")
            name = f"{what}_interval_ms_max"
            setattr(report, name, max(getattr(report, name), ms))
            return
        half = PTS_MOD / 2
        lead = ((dts - time / 300 + half) % PTS_MOD - half) / 90
        if what.endswith("_end"):
            if lead < 0:
                self._fault("late", f"{what[:-4]} whole {-lead:.1f} ms after its decoding time")
            return
        if what == "video":
            report.video_lead_ms = _widen(report.video_lead_ms, lead)
            least, most = rules.video_lead_ms
        else:
            report.audio_lead_ms = _widen(report.audio_lead_ms, lead)
            least, most = rules.audio_lead_ms
        if not least <= lead <= most:
            self._fault("dts_pcr", f"{what} DTS {lead:.1f} ms after its first byte")

    # --- PES -------------------------------------------------------------------------------------

    def _video_packet(self, state: _Pid, payload: bytes, begins: bool, random_access: bool) -> None:
        if begins:
            self._finish_video(state)
            if not self._started:
                self._start("video", random_access)
            state.parts = [payload]
            state.first_at = self._pos
            state.random_access = random_access
        elif state.parts:
            state.parts.append(payload)
            if random_access:
                self._fault("random_access", "set inside a picture")
        state.last_at = self._pos
        state.arrived = self._at

    def _audio_packet(self, state: _Pid, payload: bytes, begins: bool, _: bool) -> None:
        if begins:
            self._finish_audio(state)
            if not self._started:
                self._start("audio", False)
            state.parts = [payload]
            state.first_at = self._pos
        elif state.parts:
            state.parts.append(payload)
        state.last_at = self._pos
        # A PES packet with a length is whole as soon as it has arrived.
        if state.parts:
            head = state.parts[0]
            if len(head) > 6 and sum(map(len, state.parts)) >= 6 + (head[4] << 8 | head[5]) > 6:
                self._finish_audio(state)

    def _start(self, medium: str, random_access: bool) -> None:
        self._started = True
        if self.rules.from_start and not (medium == "video" and random_access):
            self._fault("start", f"first after PAT and PMT is {medium}, no picture to begin with")

    def _finish_video(self, state: _Pid) -> None:
        if not state.parts:
            return
        data, state.parts = b"".join(state.parts), []
        try:
            header = syntax.parse_pes(data)
        except ValueError as error:
            self._fault("pes", f"video: {error}")
            return
        if not 0xE0 <= header.stream_id <= 0xEF:
            self._fault("pes", f"video: stream id {header.stream_id:#x}")
        if header.length and header.length != len(data) - 6:
            self._fault("pes", f"video: length {header.length}, but {len(data) - 6} bytes")
        if header.pts is None or header.dts is None:
            self._fault("pes", "video: no PTS")
            return
        if header.pts != header.dts and not self.rules.reordering:
            self._fault("reordering", f"PTS {header.pts} DTS {header.dts}")
        parse = syntax.parse_mpeg2_picture if self._mpeg2 else syntax.parse_picture
        picture = parse(data[header.payload_at :])
        self._judge_picture(state, picture, header)
        dts = self._unwrap_video(header.dts)
        if picture.idr:
            self.report.idrs += 1
            if self._last_idr is not None:
                ms = (dts - self._last_idr) / 90
                self.report.idr_interval_ms_max = max(self.report.idr_interval_ms_max, ms)
                if ms > self.rules.idr_interval_ms:
                    self._fault("idr_interval", f"{ms:.1f} ms")
            self._last_idr = dts
        self._waiting += [("video", state.first_at, header.dts), ("video_end", state.last_at, header.dts)]
        if self._clock and self._clock[-1][0] >= state.last_at:
            self._settle()
        self._step_video(dts)
        self._interleave()
        self._arrival(dts, state.arrived)

    def _settle(self) -> None:
        """Judge at once what lies before the last PCR."""
        last = self._clock[-1][0]
        ready = [w for w in self._waiting if w[1] <= last]
        self._waiting = [w for w in self._waiting if w[1] > last]
        for what, position, dts in ready:
            self._place(what, self._time_of(position), dts)

    def _judge_picture(self, state: _Pid, picture: syntax.Picture, header: syntax.PesHeader) -> None:
        types = picture.types
        if self._mpeg2:
            if picture.pictures != 1 or types[0] not in (0x00, 0xB3) or picture.coding not in (1, 2, 3):
                codes = " ".join(f"{code:02x}" for code in types[:8])
                self._fault(
                    "access_unit", f"PTS {header.pts}: {picture.pictures} pictures, start codes {codes}"
                )
            if picture.coding == 3 and not self.rules.reordering:
                self._fault("reordering", f"PTS {header.pts}: a B picture")
            if picture.idr and not (0xB8 in types and picture.closed):
                self._fault("open_gop", f"PTS {header.pts}: a GOP that needs the one before it")
        elif not types or types[0] != 9 or types.count(9) != 1 or picture.pictures != 1:
            self._fault(
                "access_unit",
                f"PTS {header.pts}: {types.count(9)} delimiters, {picture.pictures} pictures, "
                f"NAL units {list(types[:8])}",
            )
        if picture.idr != state.random_access:
            what = "an IDR without it" if picture.idr else "set on a picture that is no IDR"
            self._fault("random_access", f"PTS {header.pts}: {what}")
        if picture.idr:
            slice_at = 0 if self._mpeg2 else types.index(5)
            if not self._mpeg2 and not (7 in types[:slice_at] and 8 in types[:slice_at]):
                self._fault("parameter_sets", f"PTS {header.pts}: an IDR without SPS and PPS")
        elif self.report.pictures == 0 and self.rules.from_start:
            self._fault("start", "the first picture is no IDR")
        if picture.sps and picture.pps:
            digest = hashlib.sha256(b"\0".join(sorted({*picture.sps, *picture.pps}))).hexdigest()[:12]
            if self._sets and digest not in self._sets:
                self._fault("parameter_sets_changed", f"PTS {header.pts}: {digest}")
            self._sets[digest] = None
        self.report.pictures += 1

    def _first_unwrapped(self, stamp: int, other: int | None) -> int:
        """The first stamp of one medium, near the other medium's or else near station time."""
        if other is not None:
            return other + syntax.signed_difference(stamp, other, PTS_MOD)
        if self._wall and self._at is not None:
            # Station time says how often the counter has wrapped since the epoch.
            return stamp + round((self._at * TICKS - stamp) / PTS_MOD) * PTS_MOD
        return stamp

    def _unwrap_video(self, dts: int) -> int:
        if self._first_dts is None:
            self._first_dts = dts
            self._dts = self._first_unwrapped(dts, None if self._audio_first is None else self._audio_pts)
            self.report.first_pts = self._dts
        else:
            previous = self._dts
            self._dts += syntax.signed_difference(dts, self._dts, PTS_MOD)
            if self._dts // PTS_MOD > previous // PTS_MOD:
                self.report.wraps += 1
        self.report.last_pts = self._dts
        if self._stamps is not None:
            self._stamps.add(dts)
        return self._dts

    def _step_video(self, dts: int) -> None:
        if self._sample is not None:
            self._sample.append((dts, self._pos))
            if len(self._sample) < _RATE_SAMPLE:
                return
            self._find_rate()
            return
        assert self._frame is not None
        self._video_step(dts)

    def _find_rate(self) -> None:
        """Snap the usual step to a known rate, then judge the pictures that waited for it."""
        sample, self._sample = self._sample or [], None
        stamps = [dts for dts, _ in sample]
        steps = sorted(b - a for a, b in pairwise(stamps))
        if not steps:
            return
        middle = steps[len(steps) // 4 : len(steps) - len(steps) // 4] or steps
        step = Fraction(sum(middle), len(middle))
        if step <= 0:
            self._fault("video_step", f"usual step {float(step):.1f} ticks")
            return
        rate = min(KNOWN_RATES, key=lambda r: abs(Fraction(TICKS) / r - step))
        if abs(Fraction(TICKS) / rate - step) >= 1:
            rate = Fraction(TICKS) / step
        self._frame = Fraction(TICKS) / rate
        self.report.rate = str(rate)
        for dts in stamps:
            self._video_step(dts)

    def _video_step(self, dts: int) -> None:
        assert self._frame is not None
        off = self._video_grid.step(dts, self._frame)
        if off is not None:
            kind = "video_gap" if off > 0 else "video_overlap"
            self._fault(kind, f"PTS {dts}: {float(off):+.1f} ticks ({float(off / self._frame):+.2f} frames)")

    def _finish_audio(self, state: _Pid) -> None:
        if not state.parts:
            return
        data, state.parts = b"".join(state.parts), []
        try:
            header = syntax.parse_pes(data)
        except ValueError as error:
            self._fault("pes", f"audio: {error}")
            return
        private = self._audio_type == syntax.STREAM_AC3  # A/53: private_stream_1
        if not (header.stream_id == 0xBD if private else 0xC0 <= header.stream_id <= 0xDF):
            self._fault("pes", f"audio: stream id {header.stream_id:#x}")
        if header.length != len(data) - 6:
            self._fault("pes", f"audio: length {header.length}, but {len(data) - 6} bytes")
        if header.pts is None:
            self._fault("pes", "audio: no PTS")
            return
        try:
            frames = self._parse_audio(data[header.payload_at :])
        except ValueError as error:
            self._fault("audio_frames", f"PTS {header.pts}: {error}")
            return
        if frames.config != self._audio_config:
            if self._audio_config is not None:
                self._fault("audio_config", f"PTS {header.pts}: {self._audio_config} → {frames.config}")
            self._audio_config = self.report.audio_config = frames.config
        self.report.audio_frames += frames.count
        if self._audio_first is None:
            other = None if self._first_dts is None else self._dts
            self._audio_first = self._audio_pts = self._first_unwrapped(header.pts, other)
        else:
            self._audio_pts += syntax.signed_difference(header.pts, self._audio_pts, PTS_MOD)
        off = self._audio_grid.step(self._audio_pts, frames.duration)
        if off is not None:
            kind = "audio_gap" if off > 0 else "audio_overlap"
            self._fault(kind, f"PTS {self._audio_pts}: {float(off):+.1f} ticks ({float(off) / 90:+.1f} ms)")
        self._audio_end = self._audio_pts + frames.duration
        self._waiting += [("audio", state.first_at, header.pts), ("audio_end", state.last_at, header.pts)]
        self._interleave()

    def _interleave(self) -> None:
        if self._audio_end is None or self._first_dts is None:
            return
        ahead = float(self._dts - self._audio_end) / 90
        self.report.interleave_ms = _widen(self.report.interleave_ms, ahead)
        for medium, far in (("video", ahead), ("audio", -ahead)):
            apart = far > self.rules.interleave_ms
            if apart and not self._apart[medium]:
                self._fault("interleave", f"{medium} {far:.0f} ms ahead at PTS {self._dts}")
            self._apart[medium] = apart

    # --- arrivals --------------------------------------------------------------------------------

    def _arrival(self, dts: int, at: float | None) -> None:
        if at is None or self._first_at is None:
            return
        if self._wall:
            lead = dts / TICKS - at
            if not self._leads:
                self.report.first_idr_behind_ms = -lead * 1000
            self._leads.append(lead)
        assert self.report.first_pts is not None
        shown = self._first_at + (dts - self.report.first_pts) / TICKS
        for i, client in enumerate(self._clients):
            late = at - (shown + client.buffer_s + self._pause[i])
            if late > 1e-9:
                if not self._stalled[i]:
                    client.count += 1
                client.total_s += late
                client.longest_s = max(client.longest_s, late)
                self._pause[i] += late
            self._stalled[i] = late > 1e-9

    # --- the judgement ---------------------------------------------------------------------------

    def _fault(self, kind: str, detail: str) -> None:
        fault = self.report.faults.setdefault(kind, Fault())
        fault.count += 1
        if len(fault.examples) < _EXAMPLES:
            where = f"packet {self._pos}"
            if self._first_dts is not None and self.report.first_pts is not None:
                where += f", {(self._dts - self.report.first_pts) / TICKS:.3f} s"
            fault.examples.append(f"{where}: {detail}")

    def finish(self, *, complete: bool = False) -> Report:
        """Judge what is left and return the report.

        ``complete``: the stream really ends here. Otherwise what the capture cut short is left out.
        """
        report = self.report
        report.packets = self._pos + 1
        if complete:
            for pid, finish in ((self._video_pid, self._finish_video), (self._audio_pid, self._finish_audio)):
                if pid is not None:
                    finish(self._pids[pid])
            if self._clock:
                self._settle()
        if self._sample:
            self._find_rate()
        for pid, handled in ((self._video_pid, "video"), (self._audio_pid, "audio")):
            if pid is not None and self._pids[pid].parts:
                report.notes.append(f"the capture ends inside a PES packet of {handled}")
        if self._tail:
            report.notes.append(f"{len(self._tail)} bytes after the last whole packet")
        self._shape()
        self._judge_splices()
        if self._frame is not None:
            report.rate = str(Fraction(TICKS) / self._frame)
            if report.first_pts is not None and report.last_pts is not None:
                report.duration_s = float(report.last_pts - report.first_pts + self._frame) / TICKS
        report.parameter_sets = list(self._sets)
        if report.duration_s > 0:
            report.kbit_s = report.packets * PACKET * 8 / report.duration_s / 1000
        if self._pcr_count:
            report.pcr_interval_ms_mean = self._pcr_sum / self._pcr_count / 27000
        if self._audio_first is not None and report.first_pts is not None:
            report.audio_start_ms = (self._audio_first - report.first_pts) / 90
        self._judge_arrivals()
        return report

    def _shape(self) -> None:
        report = self.report
        known = {self._pmt_pid, *self._announced} | syntax.TABLE_PIDS | self._guide_pids
        for pid, state in sorted(self._pids.items()):
            report.pids[f"{pid:#x}"] = state.packets
            if pid not in known:
                self._fault("unannounced_pid", f"PID {pid:#x}: {state.packets} packets")
        for what, present in (
            ("PAT", self._pat is not None),
            ("PMT", self._pmt is not None),
            ("PCR", bool(self._clock)),
            ("picture", report.pictures > 0),
            ("sound", report.audio_frames > 0),
        ):
            if not present:
                self._fault("missing", f"no {what} in the capture")

    def _judge_splices(self) -> None:
        """A splice between the first and the last picture is at one of them."""
        first, last = self.report.first_pts, self.report.last_pts
        if first is None or last is None:
            return
        for pts in self._spliced:
            at = last + syntax.signed_difference(pts, last % PTS_MOD, PTS_MOD)
            if first <= at <= last and pts not in (self._stamps or ()):
                self._fault("splice", f"PTS {pts}: no picture is there")

    def _judge_arrivals(self) -> None:
        report = self.report
        if self._first_at is None:
            return
        report.stalls = self._clients
        for client in self._clients:
            if client.buffer_s == self.rules.stall_buffer_s and client.count:
                self._fault(
                    "stall",
                    f"{client.count} stalls, {client.total_s:.3f} s, with {client.buffer_s:g} s buffered",
                )
        if self._leads:
            leads, quarter = self._leads, len(self._leads) // 4
            report.lead_ms = (min(leads) * 1000, statistics.median(leads) * 1000, max(leads) * 1000)
            if quarter >= 30:
                early, late = leads[quarter : 2 * quarter], leads[3 * quarter :]
                report.drift_ms = (_high(late) - _high(early)) * 1000


def _high(leads: list[float]) -> float:
    """What a stream runs ahead when nothing holds it up: stalls of a busy machine are no drift."""
    return sorted(leads)[len(leads) * 9 // 10]


def _same_but_for_pcr(a: bytes, b: bytes) -> bool:
    """A duplicate repeats every byte except, when present, a fresh PCR (13818-1 § 2.4.3.3)."""
    if a == b:
        return True
    has_pcr = a[3] & 0x20 and a[4] >= 7 and a[5] & 0x10
    return bool(has_pcr) and a[:6] == b[:6] and a[12:] == b[12:]


def _version_change(old: int, new: int) -> str:
    return f"version {old} → {new}" if old != new else f"other content, same version {old}"


def _widen(pair: tuple[float, float] | None, value: float) -> tuple[float, float]:
    return (value, value) if pair is None else (min(pair[0], value), max(pair[1], value))


def analyse(data: bytes, rules: Rules | None = None, *, complete: bool = True) -> Report:
    """The report on bytes without arrival times; ``complete`` as in ``TsAnalyser.finish``."""
    analyser = TsAnalyser(rules)
    analyser.feed(data)
    return analyser.finish(complete=complete)


def _load(file: Path, analyser: TsAnalyser) -> None:
    with file.open("rb") as stream:
        while data := stream.read(1 << 20):
            analyser.feed(data)


def main(argv: Sequence[str] | None = None) -> int:
    """The command line; 0: clean, 1: faults, 2: nothing could be captured."""
    parser = argparse.ArgumentParser(prog="ts_analyser", description="Judge an MPEG transport stream.")
    parser.add_argument("source", help="a file, or an http:// URL to capture from")
    parser.add_argument("--seconds", type=float, default=60.0, help="how long to capture from a URL")
    parser.add_argument("--save", type=Path, help="keep the capture in this file")
    parser.add_argument(
        "--station-offset", type=float, default=0.0, help="seconds station time is ahead of this clock"
    )
    parser.add_argument("--middle", action="store_true", help="the capture need not begin with an IDR")
    parser.add_argument("--reordering", action="store_true", help="B-frames are allowed")
    parser.add_argument("--json", action="store_true", help="one JSON document instead of the table")
    args = parser.parse_args(argv)
    analyser = TsAnalyser(Rules(from_start=not args.middle, reordering=args.reordering))
    try:
        if args.source.startswith("http://"):
            with ExitStack() as stack:
                keep = stack.enter_context(args.save.open("wb")) if args.save else None
                for data, at in capture(args.source, args.seconds):
                    analyser.feed(data, at + args.station_offset)
                    if keep:
                        keep.write(data)
            report = analyser.finish()
        else:
            _load(Path(args.source), analyser)
            report = analyser.finish(complete=True)
    except OSError as error:
        print(f"error: {args.source}: {error}", file=sys.stderr)
        return 2
    print(report.to_json() if args.json else report.to_text())
    return 0 if report.ok else 1


if __name__ == "__main__":
    sys.exit(main())
