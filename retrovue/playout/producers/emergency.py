"""EmergencyProducer: one encode of the emergency's card for every channel of a house format.

Ticks and audio frames are counted from 1970 on every channel alike, so the very access units of one encode
may be sent by any number of multiplexers. Channels stand at different ticks: one on the air is a lead
ahead of station time, one that has just been tuned is not. The encode therefore keeps what it has made
from station time on, and when somebody needs ticks from before it began, a second run makes those.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace

from retrovue.playout.house import HouseFormat
from retrovue.playout.playlog import Playlog
from retrovue.playout.producers.asset import Equipment, Renderings
from retrovue.playout.producers.base import Origin, Picture
from retrovue.playout.producers.synthetic import SyntheticProducer

#: Slug under which as-run knows the card.
SLUG = "emergency"
#: What lies this far behind station time is needed by nobody (seconds).
KEEP_S = 2.0
#: What has failed is begun anew after this long (seconds of the stream).
RETRY_S = 2.0
#: A channel that begins this little ahead of a run waits for it (seconds).
MEET_S = 1.0


class _Run:
    """The ticks [start, end) by one producer; no end: for as long as it goes on."""

    def __init__(self, start: int, end: int | None, producer: SyntheticProducer) -> None:
        self.start, self.next, self.end, self.producer = start, start, end, producer
        self.failure = ""

    def covers(self, tick: int) -> bool:
        return self.start <= tick and (self.end is None or tick < self.end)


class EmergencyEncode:
    """The shared encode. It runs while a producer has joined it."""

    def __init__(
        self, house: HouseFormat, renderings: Renderings, equipment: Equipment, origin: Origin
    ) -> None:
        self._house, self._grid = house, house.grid
        self._renderings, self._equipment, self._origin = renderings, equipment, origin
        self._runs: list[_Run] = []
        self._pictures: dict[int, Picture] = {}  #: without sound
        self._audio: dict[int, bytes] = {}
        self._oldest = 0  #: tick before which nothing is kept
        self._members: dict[EmergencyProducer, Callable[[], None]] = {}
        self._retired: set[asyncio.Task[None]] = set()

    @property
    def joined(self) -> bool:
        return bool(self._members)

    @property
    def detail(self) -> str:
        return self._runs[-1].producer.detail if self._runs else ""

    def join(self, producer: EmergencyProducer, notify: Callable[[], None]) -> None:
        self._members[producer] = notify

    async def leave(self, producer: EmergencyProducer, reason: str) -> None:
        """The last to leave ends the encode."""
        self._members.pop(producer, None)
        if self._members:
            return
        for run in self._runs:
            self._retire(run, reason)
        self._runs = []
        self._pictures.clear()
        self._audio.clear()
        while self._retired:
            await asyncio.gather(*tuple(self._retired), return_exceptions=True)

    def meet(self, tick: int) -> int:
        """The tick at which a channel that could begin at ``tick`` had best begin: an IDR that is made."""
        near = [r.start for r in self._runs if tick <= r.start <= tick + self._grid.ticks(MEET_S)]
        return min(near, default=tick)

    def come_on(self, tick: int) -> int:
        """The IDR at or before ``tick``, where one is kept."""
        kept = range(tick, tick - self._house.gop, -1)
        return next((t for t in kept if (p := self._pictures.get(t)) is not None and p.key), tick)

    def picture(self, tick: int, late: bool) -> Picture | None:
        """The picture of ``tick`` without its sound. Asking sets somebody to it when nobody makes it."""
        if (found := self._pictures.get(tick)) is not None:
            return found
        run = self._run_for(tick)
        while not run.failure and run.next <= tick and self._advance(run, late and run.next == tick):
            pass
        self._forget()
        return self._pictures.get(tick)

    def audio(self, frame: int) -> bytes | None:
        return self._audio.get(frame)

    def hopeless(self, tick: int) -> str:
        if tick in self._pictures:
            return ""
        run = self._run_for(tick)
        return run.failure or ("" if tick >= run.next else "it is over")

    def _run_for(self, tick: int) -> _Run:
        for run in self._runs:
            if run.covers(tick):
                return run
        later = min((r.start for r in self._runs if r.start > tick), default=None)
        producer = SyntheticProducer("", SLUG, self._house, self._renderings, self._notify, self._equipment)
        run = _Run(tick, later, producer)
        self._runs = sorted([*self._runs, run], key=lambda r: r.start)
        return run

    def _advance(self, run: _Run, late: bool) -> bool:
        """Take the run's next tick from its producer; False when it has none yet, or no more."""
        tick = run.next
        if not run.covers(tick):
            return False
        frames = self._frames(tick)
        picture = run.producer.tick(tick, frames, late)
        if picture is None:
            if why := run.producer.hopeless(tick):
                run.failure = why
                run.end = min(run.end or tick + (1 << 62), tick + self._grid.ticks(RETRY_S))
                self._retire(run, why)
            return False
        run.producer.taken(tick)
        self._pictures[tick] = replace(picture, audio=(), origin=self._origin)
        self._audio |= {f: data for f, data in zip(frames, picture.audio, strict=True) if data is not None}
        run.next += 1
        if not run.covers(run.next):
            self._retire(run, "its part is made")
        return True

    def _frames(self, tick: int) -> list[int]:
        """The audio frames that begin in ``tick``, as the switcher counts them."""
        audio = self._house.audio_grid
        return list(range(audio.at(self._grid.pts(tick - 1)) + 1, audio.at(self._grid.pts(tick)) + 1))

    def _forget(self) -> None:
        oldest = self._grid.at(self._equipment.clock.now_us()) - self._grid.ticks(KEEP_S)
        if oldest < self._oldest + self._grid.ticks(1):
            return
        self._oldest = oldest
        self._pictures = {t: p for t, p in self._pictures.items() if t >= oldest}
        first = self._house.audio_grid.at(self._grid.pts(oldest - 1))
        self._audio = {f: data for f, data in self._audio.items() if f >= first}
        self._runs = [r for r in self._runs if r.end is None or r.end > oldest]

    def _retire(self, run: _Run, reason: str) -> None:
        task = asyncio.create_task(run.producer.stop(reason))
        self._retired.add(task)
        task.add_done_callback(self._retired.discard)

    def _notify(self) -> None:
        for notify in tuple(self._members.values()):
            notify()


class EmergencyProducer:
    """One channel's part in the shared encode."""

    def __init__(self, encode: EmergencyEncode, notify: Callable[[], None]) -> None:
        self._encode = encode
        encode.join(self, notify)

    @property
    def detail(self) -> str:
        return f"emergency: {self._encode.detail}"

    def arm(self, playlog: Playlog) -> None:
        """The station's plan is no business of this producer."""

    def come_on(self, tick: int) -> int:
        return self._encode.come_on(tick)

    def meet(self, tick: int) -> int:
        """Where best to begin, from ``tick`` on."""
        return self._encode.meet(tick)

    def tick(self, tick: int, audio: Sequence[int], late: bool) -> Picture | None:
        picture = self._encode.picture(tick, late)
        if picture is None:
            return None
        return replace(picture, audio=tuple(self._encode.audio(frame) for frame in audio))

    def hopeless(self, tick: int) -> str:
        return self._encode.hopeless(tick)

    def taken(self, tick: int) -> None:
        """What was sent is kept for channels that come later."""

    async def stop(self, reason: str) -> None:
        await self._encode.leave(self, reason)
