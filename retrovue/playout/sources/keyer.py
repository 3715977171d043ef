"""Downstream keyer: graphics over pictures that are encoded already.

What comes in its own time, a live source, can't be begun anew to draw something over it: it would have to be
joined again. So the house's access units go through a second child, which decodes them, draws and encodes
again, from one picture to begin with to another. Its ticks are those of what it is fed, its groups of
pictures, too: a channel may change to it, and back, at any IDR.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence

from retrovue.clock import MasterClock
from retrovue.playout import ffmpeg
from retrovue.playout.drawing import Drawing
from retrovue.playout.house import HouseFormat
from retrovue.playout.overlay import Layer, clip
from retrovue.playout.sources.ffmpeg_child import STOCK_LIMIT_S, FfmpegSource

log = logging.getLogger(__name__)

#: A child that leaves so much on its standard input takes nothing any more (bytes).
_BACKLOG = 16_000_000

#: The drawing of layers over the pictures from a tick on. Raises ``CardError`` or ``DrawingFailed``.
Draw = Callable[[Sequence[Layer], int], Awaitable[Drawing]]


class Keyer:
    """``layers`` over the pictures of the ticks [start, end); both ends are pictures to begin with."""

    def __init__(
        self,
        house: HouseFormat,
        binary: str,
        start: int,
        end: int,
        layers: Sequence[Layer],
        draw: Draw,
        notify: Callable[[], None],
        clock: MasterClock,
    ) -> None:
        self.start, self.end = start, end
        self.layers = clip(layers, start, end)
        self.fed = start  #: the tick that it is to be fed with next
        self.fault = ""  #: why nothing more comes
        self._house, self._binary, self._draw = house, binary, draw
        self._notify, self._clock = notify, clock
        self._waiting: list[bytes] = []  #: until there is somebody to read it
        self._source: FfmpegSource | None = None
        self._task = asyncio.create_task(self._start(), name=f"key {start}")

    def draws(self, layers: Sequence[Layer], tick: int) -> bool:
        """Does it draw what ``layers`` say, from ``tick`` to its end?"""
        start = max(tick, self.start)
        return clip(layers, start, self.end) == clip(self.layers, start, self.end)

    def covers(self, tick: int) -> bool:
        return not self.fault and self.start <= tick < self.end

    def feed(self, unit: bytes) -> None:
        """The picture of tick ``fed``."""
        self.fed += 1
        if self._source is None:
            self._waiting.append(unit)
        elif self._source.feed(unit) > _BACKLOG:
            self.fail("it takes no more pictures")

    def video(self, tick: int) -> bytes | None:
        """The picture of ``tick`` with the graphics; None when it hasn't come (yet)."""
        if self._source is None or self.fault:
            return None
        if self._source.ended:
            self.fail(self._source.child.complaint or "it has ended")
            return None
        return self._source.video(tick)

    @property
    def begun(self) -> bool:
        """Has a picture come?"""
        source = self._source
        return source is not None and bool(source.delivered or source.waiting)

    @property
    def detail(self) -> str:
        return self._source.detail if self._source is not None else ""

    def take(self, tick: int) -> None:
        """``tick``'s picture has been sent."""
        if self._source is not None:
            self._source.take(tick)

    def fail(self, why: str) -> None:
        if not self.fault:
            self.fault = why
            log.warning("graphics over a live source are lost: %s", why)

    async def stop(self) -> None:
        """Leave nothing behind; idempotent."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        if self._source is not None:
            await self._source.stop()

    async def _start(self) -> None:
        try:
            drawing = await self._draw(self.layers, self.start)
            source = FfmpegSource(
                lambda cut, pipes: ffmpeg.keyed_command(self._binary, self._house, cut, pipes, drawing),
                self._house,
                self.start,
                self.end,
                False,
                self._notify,
                self._clock,
                stock_s=STOCK_LIMIT_S,
                fed=True,
            )
            self._source = source
            await source.launch()
            for unit in self._waiting:
                source.feed(unit)
            self._waiting.clear()
        except Exception as error:
            self.fail(str(error))
            self._notify()
