"""SyntheticProducer: one generated picture without end, where the playlog has nothing to say.

It renders a playlog of its own in stretches, so that a stretch that fails is retried at the next.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from retrovue.compiler.model import Segment, SegmentKind
from retrovue.playout.house import HouseFormat
from retrovue.playout.overlay import Layer
from retrovue.playout.playlog import Playlog, PlaylogEntry
from retrovue.playout.producers.asset import AssetProducer, Equipment, Renderings
from retrovue.playout.producers.base import Origin, Picture
from retrovue.units import SECOND_US

#: Length of one stretch (seconds).
STRETCH_S = 600


class SyntheticProducer:
    """Renders ``synthetic`` for as long as it is asked."""

    def __init__(
        self,
        channel: str,
        synthetic: str,
        house: HouseFormat,
        renderings: Renderings,
        notify: Callable[[], None],
        equipment: Equipment,
        origin: Origin | None = None,
    ) -> None:
        """``origin``: what as-run says of it; as of any synthetic when absent."""
        self._channel, self._synthetic, self._house, self._origin = channel, synthetic, house, origin
        self._inner = AssetProducer(house, renderings, notify, equipment)
        self._end = 0
        self._layers: tuple[Layer, ...] = ()

    @property
    def detail(self) -> str:
        return self._inner.detail

    def arm(self, playlog: Playlog) -> None:
        """The station's plan is no business of this producer."""

    def come_on(self, tick: int) -> int:
        return tick

    def over(self, layers: Sequence[Layer], tick: int) -> None:
        """Graphics over the picture, from now on; ``tick`` is due next."""
        self._layers = tuple(layers)
        if self._end:
            self._plan(tick)

    def tick(self, tick: int, audio: Sequence[int], late: bool) -> Picture | None:
        if tick + self._house.grid.ticks(60) >= self._end:
            self._plan(tick)
        picture = self._inner.tick(tick, audio, late)
        if picture is None or self._origin is None:
            return picture
        crawl = picture.origin.crawl
        return replace(picture, origin=replace(self._origin, crawl=crawl) if crawl else self._origin)

    def hopeless(self, tick: int) -> str:
        return self._inner.hopeless(tick)

    def taken(self, tick: int) -> None:
        self._inner.taken(tick)

    async def stop(self, reason: str) -> None:
        await self._inner.stop(reason)

    def _plan(self, tick: int) -> None:
        # Stretches lie on the grid of station time, so planning again never moves one that is on the air.
        grid = self._house.grid
        length = STRETCH_S * SECOND_US
        first = grid.start_us(tick) // length
        entries = []
        for index in (first, first + 1):
            start_us, end_us = index * length, (index + 1) * length
            segment = Segment(
                channel=self._channel,
                broadcast_date=datetime.fromtimestamp(start_us // SECOND_US, UTC).date(),
                seq=index - first,
                start_us=start_us,
                end_us=end_us,
                kind=SegmentKind.TEST_PATTERN,
                event_id=0,
                synthetic=self._synthetic,
            )
            entries.append(PlaylogEntry(grid.nearest(start_us), grid.nearest(end_us), segment))
        self._end = entries[-1].end
        self._inner.arm(Playlog(entries).under(self._layers))
