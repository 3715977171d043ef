"""What the switcher asks of a producer; declarations only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from retrovue.playout.playlog import Playlog

#: How a tick came about. "fallback": a planned substitute; "held": the asset's last picture, kept;
#: "override": something else by order of the operator (emergency, sign-off).
OriginKind = Literal["real", "held", "fallback", "override", "slate"]


@dataclass(frozen=True, slots=True)
class Origin:
    """Whose picture a tick shows, for as-run. Equal origins on consecutive ticks are one record."""

    kind: OriginKind
    event_id: int = 0
    seq: int = -1  #: the segment's, within its broadcast day
    broadcast_date: str = ""
    segment_kind: str = ""
    asset_id: str = ""  #: what is really shown; empty for synthetics and slate
    synthetic: str = ""
    cause: str = ""  #: why not the planned thing; empty when it is
    zero_us: int | None = None  #: station time at which the asset's own beginning would have been shown
    asset_rate: str = ""  #: its frames per second, as a fraction; empty when unknown
    asset_frames: int = 0  #: how many it has; 0 when unknown
    crawl: str = ""  #: what an operator's order had run over it


@dataclass(frozen=True, slots=True)
class Picture:
    """What a producer has for a tick."""

    video: bytes
    key: bool
    audio: tuple[bytes | None, ...]  #: for each frame asked; None is silence
    origin: Origin


class Producer(Protocol):
    """Renders a channel's playlog tick by tick."""

    @property
    def detail(self) -> str:
        """What renders the picture now, for people."""
        ...

    def arm(self, playlog: Playlog) -> None:
        """Replace the plan; what is on the air goes on where both plans agree."""
        ...

    def come_on(self, tick: int) -> int:
        """With which tick a channel that comes on at ``tick`` begins: that one, or one at most a group of
        pictures earlier. Asked again until a picture has been sent."""
        ...

    def tick(self, tick: int, audio: Sequence[int], late: bool) -> Picture | None:
        """The picture of ``tick`` and audio frames ``audio``. None: not ready.

        ``late``: the tick must leave now; a picture without all of its sound is better than slate.
        """
        ...

    def hopeless(self, tick: int) -> str:
        """Why nothing will ever come for ``tick``; empty while there is hope."""
        ...

    def taken(self, tick: int) -> None:
        """The picture of ``tick`` was sent."""
        ...

    async def stop(self, reason: str) -> None:
        """Leave nothing behind; idempotent."""
        ...
