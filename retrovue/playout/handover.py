"""Handover: from one producer to another while a channel is on the air, at a picture the other begins with.

The one that goes on the air is set to work a moment ahead of the wire. The one that is on the air stays
until the other has an IDR for the tick that is due, so that no slate is needed and no time stamp moves.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from retrovue.playout.playlog import Playlog
from retrovue.playout.producers.base import Picture, Producer

#: The next producer begins this far ahead of the wire (seconds): as long as an ffmpeg needs for its first
#: picture on a quiet machine. One that needs longer is taken up at its next IDR.
AHEAD_S = 0.35


class Handover:
    """``choose`` says which producer is to come on a tick; it may differ from tick to tick."""

    def __init__(
        self,
        choose: Callable[[int], Producer],
        at: int,
        patience: int | None = None,
        joining: Callable[[], bool] = lambda: False,
    ) -> None:
        """``joining``: a live source is on its way, so that a failure now isn't the last word."""
        self._choose, self.at, self._joining = choose, at, joining
        self._give_up = None if patience is None else at + patience

    def ready(self, tick: int) -> Producer | None:
        """Who takes over with ``tick``; None while the one on the air must stay.

        Without patience it stays for good when the other has failed; with it, it goes then, too.
        """
        due = max(tick, self.at)
        producer = self._choose(due)
        picture = producer.tick(due, (), False)
        if tick < self.at:
            return None
        if picture is not None:
            return producer if picture.key else None
        if self._give_up is None or self._joining():
            return None
        if tick >= self._give_up or producer.hopeless(tick):
            return producer
        return None


class Seam:
    """The one tick of a handover: the last sound before it is still the other's."""

    def __init__(self, coming: Producer, going: Producer) -> None:
        self._coming, self._going = coming, going

    @property
    def detail(self) -> str:
        return self._coming.detail

    def arm(self, playlog: Playlog) -> None:
        """It lasts for a tick."""

    def come_on(self, tick: int) -> int:
        return self._coming.come_on(tick)

    def tick(self, tick: int, audio: Sequence[int], late: bool) -> Picture | None:
        picture = self._coming.tick(tick, audio, late)
        if picture is None or None not in picture.audio:
            return picture
        last = self._going.tick(tick, audio, True)
        if last is None:
            return picture
        sound = tuple(new or old for new, old in zip(picture.audio, last.audio, strict=True))
        return Picture(picture.video, picture.key, sound, picture.origin)

    def hopeless(self, tick: int) -> str:
        return self._coming.hopeless(tick)

    def taken(self, tick: int) -> None:
        self._coming.taken(tick)

    async def stop(self, reason: str) -> None:
        """Neither is its own."""
