"""The tables that go round beside the pictures: names, now and next, guide, time; pure.

Which table is due is a matter of station time alone: every viewer of a channel reads the same at the same
moment, and a captured minute is the same again. DVB's and ATSC's tables lie on PIDs of their own and stand
side by side; a receiver reads those of its own kind.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo

from retrovue.stream import dvb_si, psip
from retrovue.stream.codecs import AudioCodec, VideoCodec
from retrovue.stream.dvb_si import Event
from retrovue.stream.sections import Payload, payloads, with_version
from retrovue.units import HOUR_US, SECOND_US, from_us

#: How often each table is due (µs): ETSI TS 101 211, 4.4, and A/65, table 6.1.
_SDT_EVERY = 2 * SECOND_US
_PRESENT_EVERY = 2 * SECOND_US
_SCHEDULE_EVERY = 30 * SECOND_US
_TIME_EVERY = 10 * SECOND_US
_MGT_EVERY = 150_000
_TVCT_EVERY = 400_000
_STT_EVERY = SECOND_US
_EIT_EVERY = (500_000, 3 * SECOND_US)  # EIT-0, EIT-1
_REST_EVERY = 60 * SECOND_US  # the others, and all ETT

#: The schedule reaches so far: EN 300 468 goes up to 64 days, receivers keep a week.
DAYS = 7
#: EIT-0 to EIT-7, a day: A/65 asks for four at least.
SPANS = 8
#: The guide is read anew this often, whatever happens (µs).
_LOOK_EVERY = 60 * SECOND_US
#: A channel that has just come on tells now and next; the rest of the guide after this much station time
#: (µs), so that nobody's first picture waits for it.
_WHOLE_AFTER = 8 * SECOND_US
_SCHEDULE_US, _SPAN_US = DAYS * 24 * HOUR_US, 3 * HOUR_US


@dataclass(frozen=True, slots=True)
class Service:
    """What is said of the channel whatever is on."""

    name: str
    number: str  #: "5.1"
    provider: str
    program: int
    video: VideoCodec
    audio: AudioCodec
    pids: tuple[int, int]  #: of picture and sound
    stream: int = 1  #: transport_stream_id
    zone: tzinfo = UTC
    country: str = ""  #: ISO 3166, three letters


#: (start, end; µs) → the programmes that touch it, back to back, in order.
Guide = Callable[[int, int], Sequence[Event]]


@dataclass(slots=True)
class _Carousel:
    """Sections that go round in ``every`` µs, evenly spread."""

    pid: int
    every: int
    turn: list[list[Payload]] = field(default_factory=list)  #: by section
    at: int = 0  #: the next one
    due_us: int = 0

    def fill(self, sections: Sequence[bytes]) -> None:
        self.turn = [payloads(self.pid, s) for s in sections]
        self.at %= max(1, len(self.turn))

    def take(self, now_us: int) -> list[Payload]:
        """The section that is due, if one is."""
        if now_us < self.due_us or not self.turn:
            return []
        step = self.every // len(self.turn)
        late = now_us - self.due_us
        self.due_us = now_us + step - (late if late < step else 0)
        found = self.turn[self.at]
        self.at = (self.at + 1) % len(self.turn)
        return found


class _Versions:
    """Version numbers: another one whenever what a table says is another. They begin with the content, so
    that a receiver that comes back after a restart seldom takes an old guide for the new one."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[bytes, int]] = {}

    def of(self, table: str, content: bytes) -> int:
        digest = hashlib.blake2b(content, digest_size=8).digest()
        known = self._known.get(table)
        if known is not None and known[0] == digest:
            return known[1]
        version = digest[0] & 0x1F
        if known is not None and version == known[1]:
            version = version + 1 & 0x1F
        self._known[table] = (digest, version)
        return version


class ServiceInformation:
    """What is due when. ``guide`` may be None: then there are names and the time, and no events."""

    def __init__(self, service: Service, guide: Guide | None = None) -> None:
        self.service, self._guide = service, guide
        self._versions = _Versions()
        self._look_us = 0
        self._told: tuple[object, ...] = ()
        self._next_us = 0
        self._whole_us: int | None = None  #: from when on all of the guide is told
        self._sdt = _Carousel(dvb_si.PID_SDT, _SDT_EVERY)
        self._sdt.fill(
            [dvb_si.sdt(service.stream, service.program, service.name, service.provider, guide is not None)]
        )
        self._present = _Carousel(dvb_si.PID_EIT, _PRESENT_EVERY)
        self._schedule = _Carousel(dvb_si.PID_EIT, _SCHEDULE_EVERY)
        self._mgt = _Carousel(psip.PID_BASE, _MGT_EVERY)
        self._tvct = _Carousel(psip.PID_BASE, _TVCT_EVERY)
        self._tvct_section = psip.tvct(
            service.stream, service.number, service.name, service.program,
            service.video.stream_type, service.audio.stream_type, service.pids,
        )  # fmt: skip
        self._tvct.fill([self._tvct_section])
        self._time_us = self._stt_us = 0
        self._offsets = (timedelta(0), datetime.min.replace(tzinfo=UTC), timedelta(0))
        self._eit = [
            _Carousel(psip.PID_EIT + k, _EIT_EVERY[k] if k < len(_EIT_EVERY) else _REST_EVERY)
            for k in range(SPANS if guide is not None else 0)
        ]
        self._ett = [_Carousel(psip.PID_ETT + k, _REST_EVERY) for k in range(len(self._eit))]

    def due(self, now_us: int) -> list[Payload]:
        """What goes out with the tick that begins at ``now_us``, station time."""
        if now_us < self._next_us and now_us > self._next_us - _LOOK_EVERY:
            return []
        if not 0 <= self._look_us - now_us <= _LOOK_EVERY:
            if self._whole_us is None:
                self._whole_us = now_us + _WHOLE_AFTER
            whole = now_us >= self._whole_us
            self._look(now_us, _SCHEDULE_US if whole else _SPAN_US)
            # Where one programme ends and another begins is where receivers look.
            again_us = now_us + _LOOK_EVERY if whole else self._whole_us
            self._look_us = min(again_us, self._edge_us(now_us))
        found: list[Payload] = []
        carousels = (self._mgt, self._tvct, self._sdt, self._present, self._schedule, *self._eit, *self._ett)
        for carousel in carousels:
            if carousel.due_us > now_us + 2 * carousel.every:
                carousel.due_us = now_us  # station time was set back
            found += carousel.take(now_us)
        found += self._time(now_us)
        self._next_us = min(
            self._look_us, self._time_us, self._stt_us, *(c.due_us for c in carousels if c.turn)
        )
        return found

    def _edge_us(self, now_us: int) -> int:
        present = self._told[0] if self._told else None
        end = round(present.end.timestamp() * SECOND_US) if isinstance(present, Event) else 0
        return end if end > now_us else now_us + _LOOK_EVERY

    def _time(self, now_us: int) -> list[Payload]:
        found: list[Payload] = []
        at = from_us(now_us)
        if now_us >= self._time_us or self._time_us > now_us + 2 * _TIME_EVERY:
            self._time_us = now_us + _TIME_EVERY
            for whole in (dvb_si.tdt(at), dvb_si.tot(at, self.service.zone, self.service.country)):
                found += payloads(dvb_si.PID_TIME, whole)
        if now_us >= self._stt_us or self._stt_us > now_us + 2 * _STT_EVERY:
            self._stt_us = now_us + _STT_EVERY
            daylight = bool(at.astimezone(self.service.zone).dst())
            whole = psip.stt(at, self._offsets, daylight)
            found += payloads(psip.PID_BASE, whole)
        return found

    def _look(self, now_us: int, reach_us: int) -> None:
        """Read the guide as far as ``reach_us`` from now, and make what says something else now."""
        now = from_us(now_us)
        self._offsets = dvb_si.offsets(now, self.service.zone)
        midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
        span = midnight + psip.SPAN * ((now - midnight) // psip.SPAN)
        events = list(self._guide(now_us, now_us + reach_us)) if self._guide is not None else []
        present = next((e for e in events if e.start <= now < e.end), None)
        following = next((e for e in events if e.start > now), None)
        told = (present, following, span, tuple(events))
        if told == self._told:
            return
        self._told = told
        tables = [(psip.TYPE_TVCT, psip.PID_BASE, 0, len(self._tvct_section))]
        if self._guide is not None:
            place = (self.service.stream, self.service.program)
            self._fill(self._present, "present", dvb_si.present_following(*place, present, following))
            if whole := reach_us > _SPAN_US:
                self._fill(self._schedule, "schedule", dvb_si.schedule(*place, events, midnight, DAYS + 1))
            spans = list(zip(self._eit, self._ett, strict=True))
            for k, (eit, ett) in enumerate(spans if whole else spans[:1]):
                begin = span + k * psip.SPAN
                here = [e for e in events if e.start < begin + psip.SPAN and e.end > begin]
                of_eit, size = self._fill(eit, f"eit-{k}", [psip.eit(here)])
                tables.append((psip.TYPE_EIT + k, eit.pid, of_eit, size))
                of_ett, size = self._fill(ett, f"ett-{k}", [psip.ett(e) for e in here if psip.event_text(e)])
                tables.append((psip.TYPE_ETT + k, ett.pid, of_ett, size))
        self._fill(self._mgt, "mgt", [psip.mgt(tables)])

    def _fill(self, carousel: _Carousel, table: str, sections: Sequence[bytes]) -> tuple[int, int]:
        """Put a table on its carousel; (its version, its bytes)."""
        version = self._versions.of(table, b"".join(sections))
        carousel.fill([with_version(s, version) for s in sections])
        return version, sum(map(len, sections))
