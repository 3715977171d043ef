"""The switcher: a channel's tick loop and multiplexer.

Every tick emits exactly one picture. Ticks leave as soon as they are ready, up to ``lead`` ahead of
station time; a tick whose picture has not come by its deadline shows the slate, and the programme is
taken up again at its next IDR. The switcher never waits for a producer beyond that, so the wire never
notices a source that is missing, short, hung or killed.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from retrovue.clock import MasterClock
from retrovue.playout.as_run_journal import AsRun
from retrovue.playout.cues import Cues
from retrovue.playout.house import HouseFormat
from retrovue.playout.producers.base import Origin, Picture, Producer
from retrovue.playout.sources.slate import Slate
from retrovue.stream.fanout import Ring
from retrovue.stream.mpegts import CLOCK_HZ, TsMux
from retrovue.stream.scte35 import PID_CUES
from retrovue.stream.sections import payloads
from retrovue.stream.service_information import ServiceInformation
from retrovue.units import SECOND_US, from_us

log = logging.getLogger(__name__)

#: Sent ahead of station time (seconds): default-probing clients read 5 s before they show anything.
LEAD_S = 5.5
#: A cold tune waits this long for the programme's own first picture (seconds), then shows the slate.
HOLD_S = 1.0
#: The slate comes on this long before a viewer would run dry (seconds).
MARGIN_S = 0.5
#: A channel that has just come on may stall this long (seconds) before a slate flashes up: no player
#: shows its first picture without at least as much in its buffer.
START_SLACK_S = 0.5
#: While a cold channel builds its lead, slack becomes margin by this much per second of stream.
MARGIN_GROWTH = 0.2
#: Ticks leave in batches of about this length (seconds): fewer wake-ups, fewer and larger writes.
BATCH_S = 0.1
#: A producer whose picture is missing is asked again this often (seconds): its watchdog has no other clock.
LOOK_AGAIN_S = 0.25
#: Longest time between two PAT/PMT pairs (90 kHz ticks): 100 ms, where ETSI TR 101 290 asks for 500.
_TABLES_EVERY = CLOCK_HZ // 10

#: Station time and the next tick further apart than this (seconds) means that the clock was set: what is
#: missing can neither be sent nor waited for.
CLOCK_SET_S = 30.0


class ClockWasSet(Exception):
    """Station time is somewhere else: the channel must come on anew."""


class Switcher:
    """One channel on the air. ``run`` goes on until cancelled."""

    def __init__(
        self,
        clock: MasterClock,
        house: HouseFormat,
        slate: Slate,
        ring: Ring,
        as_run: AsRun,
        information: ServiceInformation,
        choose_producer: Callable[[int], Producer],
        cues: Cues | None = None,
    ) -> None:
        """``cues``: what tells the channel's breaks; None: it doesn't."""
        self._clock, self._house, self._slate, self._ring, self._as_run = clock, house, slate, ring, as_run
        self._grid, self._audio_grid = house.grid, house.audio_grid
        self._mux = TsMux(
            video=house.video,
            audio=house.audio,
            audio_kbps=house.audio_kbps,
            stream=information.service.stream,
            cues=cues.described if cues is not None else None,
        )
        self._cues = cues
        self._information = information
        self._choose = choose_producer
        self._ready = asyncio.Event()
        self._lead_us = round(LEAD_S * SECOND_US)
        self._next: int | None = None
        self._next_audio = 0
        self._first = 0  #: tick the channel came on with
        self._on_us = 0  #: station time of the first emission
        self._asked_us = 0
        self._slating = False
        self._slate_ticks = 0
        self._cause = ""
        self._tables_at = -(1 << 60)
        self.slate_total = 0  #: ticks of slate since the channel came on
        self._emitted = False

    def notify(self) -> None:
        """A producer has something new."""
        self._ready.set()

    @property
    def fault(self) -> str:
        """Why the slate is on; empty when it isn't."""
        return self._cause if self._slating else ""

    @property
    def behind_s(self) -> float:
        """How much of the lead is missing now (seconds), beyond the batch that is being made."""
        if self._next is None:
            return 0.0
        missing_us = self._clock.now_us() + self._lead_us - self._grid.start_us(self._next)
        return max(0.0, missing_us / SECOND_US - BATCH_S)

    async def run(self) -> None:
        """The tick loop. Raises ``ClockWasSet``."""
        if self._next is None:
            self._asked_us = self._clock.now_us()
            self._begin_with(self._grid.at(self._asked_us))
        batch = max(1, self._grid.ticks(BATCH_S))
        while True:
            assert self._next is not None
            away_us = self._grid.start_us(self._next) - self._clock.now_us()
            if abs(away_us) > CLOCK_SET_S * SECOND_US:
                raise ClockWasSet(f"station time moved by {-away_us / SECOND_US:+.0f} s")
            blocked = self._emit_batch()
            if blocked:
                await self._wait_for_picture()
            else:
                # Wake when the next whole batch is due.
                due_us = self._grid.start_us(self._next + batch - 1) - self._lead_us
                await self._clock.wait((due_us - self._clock.now_us()) / SECOND_US)

    def _begin_with(self, tick: int) -> None:
        self._next = self._first = tick
        self._next_audio = self._audio_grid.nearest(self._grid.pts(tick))

    def _emit_batch(self) -> bool:
        """Emit what is due and ready as chunks; True when a due tick is not ready."""
        if not self._emitted:
            # What begins only with an IDR begins with the one before: what every later viewer gets, too.
            asked = self._grid.at(self._asked_us)
            self._begin_with(self._choose(asked).come_on(asked))
        assert self._next is not None
        horizon_us = self._clock.now_us() + self._lead_us
        data: list[bytes] = []
        start_us, key, blocked, cues = 0, False, False, self._cues
        within = after = None

        def close_chunk() -> None:
            nonlocal data
            if data:
                self._ring.append(start_us, key, b"".join(data), within, after)
                data = []

        emitted = 0
        limit = max(1, self._grid.ticks(BATCH_S))
        while True:
            tick = self._next
            tick_us = self._grid.start_us(tick)
            if tick_us > horizon_us:
                break
            pts = self._grid.pts(tick)
            frames = self._audio_due(pts)
            picture = self._picture(tick, tick_us, frames)
            if picture is None:
                blocked = True
                break
            if data and (picture.key or emitted >= limit):
                close_chunk()
                emitted = 0
            told = cues.due(tick) if cues is not None else ()
            if not data:
                start_us, key = tick_us, picture.key
                within, after = (cues.within, cues.after) if cues is not None else (None, None)
            self._mux_tick(pts, frames, picture, data)
            # Behind the picture: a viewer's stream begins with PAT, PMT and an IDR.
            data += [self._mux.information(payloads(PID_CUES, section)) for section in told]
            emitted += 1
            self._next = tick + 1
            self._next_audio = frames[-1] + 1 if frames else self._next_audio
            now_us = self._clock.now_us()
            if not self._emitted:
                self._emitted = True
                self._on_us = now_us
            self._as_run.tick(tick, picture.origin, now_us)
        close_chunk()
        return blocked

    def _audio_due(self, pts: int) -> list[int]:
        """Frames of the endless audio grid that begin no later than ``pts``."""
        last = self._audio_grid.at(pts)
        return list(range(self._next_audio, last + 1))

    def _picture(self, tick: int, tick_us: int, frames: list[int]) -> Picture | None:
        """What ``tick`` shows; None while there is time to wait."""
        producer = self._choose(tick)
        late = self._clock.now_us() >= self._deadline_us(tick, tick_us)
        picture = producer.tick(tick, frames, late)
        if picture is not None and (picture.key or not (self._slating or tick == self._first)):
            producer.taken(tick)
            if self._slating:
                log.info(
                    "%s: programme is back after %d ticks of slate",
                    self._as_run.runs.channel,
                    self._slate_ticks,
                )
            self._slating = False
            self._slate_ticks = 0
            return picture
        if picture is not None:
            producer.taken(tick)  # a picture that depends on ones never sent: wait for the next IDR
            cause = self._cause
        else:
            cause = producer.hopeless(tick)
            if not cause and not late:
                return None
        return self._slate_picture(frames, cause or self._cause or "no picture in time")

    def _slate_picture(self, frames: list[int], cause: str) -> Picture:
        if not self._slating:
            log.warning("%s: slate: %s", self._as_run.runs.channel, cause)
            self._slating = True
            self._slate_ticks = 0
        self._cause = cause
        unit = self._slate.picture(self._slate_ticks)
        key = self._slate_ticks % len(self._slate.gop) == 0
        self._slate_ticks += 1
        self.slate_total += 1
        return Picture(unit, key, (None,) * len(frames), Origin("slate", cause=cause))

    def _deadline_us(self, tick: int, tick_us: int) -> int:
        """When ``tick`` must leave at the latest."""
        if not self._emitted:
            return self._asked_us + round(HOLD_S * SECOND_US)
        # Viewers play from the moment the first picture came; the margin grows as the lead does.
        behind = self._on_us - self._grid.start_us(self._first)
        stream_us = tick_us - self._grid.start_us(self._first)
        slack = round(START_SLACK_S * SECOND_US)
        margin = min(behind + slack + round(MARGIN_S * SECOND_US), round(stream_us * MARGIN_GROWTH))
        return tick_us + behind + slack - margin

    async def _wait_for_picture(self) -> None:
        """Until a producer reports, or the pending tick's deadline, or it is time to look again."""
        assert self._next is not None
        self._ready.clear()
        deadline = self._deadline_us(self._next, self._grid.start_us(self._next))
        try:
            async with self._clock.deadline(LOOK_AGAIN_S), self._clock.deadline_at(from_us(deadline)):
                await self._ready.wait()
        except TimeoutError:
            return

    def _mux_tick(self, pts: int, frames: list[int], picture: Picture, data: list[bytes]) -> None:
        mux = self._mux
        assert self._next is not None
        following = self._grid.pts(self._next + 1)
        if picture.key or following - self._tables_at >= _TABLES_EVERY:
            data.append(mux.tables())
            self._tables_at = pts
        if not picture.key:
            data.append(mux.information(self._information.due(self._grid.start_us(self._next))))
        data.append(mux.video(pts, picture.video, picture.key))
        for frame, sound in zip(frames, picture.audio, strict=True):
            payload = self._slate.silence if sound is None else sound
            data.append(mux.audio(self._audio_grid.pts(frame), (payload,)))
