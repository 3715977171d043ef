"""A part of the lineup: what one of several tuners offers; pure."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Sequence
from datetime import datetime

from retrovue.lineup import (
    Artwork,
    ArtworkRef,
    ChannelId,
    ChannelIdent,
    GuideEntry,
    Lineup,
    LineupChange,
    Signal,
    StationStatus,
    TuneRefused,
    Viewer,
)


class Selection:
    """Implements ``Lineup``: the channels whose number, slug or group is one of ``words``.

    Asked anew each time: a reload may bring channels that belong to it.
    """

    def __init__(self, lineup: Lineup, words: Collection[str]) -> None:
        self._lineup, self._words = lineup, frozenset(words)

    def channels(self) -> Sequence[ChannelIdent]:
        return tuple(c for c in self._lineup.channels() if self._words & {c.id, c.number, c.group})

    def guide(self, channel: ChannelId, start: datetime, end: datetime) -> Sequence[GuideEntry]:
        return self._lineup.guide(channel, start, end) if self._has(channel) else ()

    def event(self, event_id: int) -> GuideEntry | None:
        found = self._lineup.event(event_id)
        return found if found is not None and self._has(found.channel) else None

    def guide_end(self) -> datetime:
        return self._lineup.guide_end()

    def guide_etag(self) -> str:
        return self._lineup.guide_etag()

    def artwork(self, ref: ArtworkRef) -> Artwork | None:
        return self._lineup.artwork(ref)

    async def picture(self, ref: ArtworkRef, width: int | None = None) -> Artwork | None:
        return await self._lineup.picture(ref, width)

    def status(self) -> StationStatus:
        return self._lineup.status()

    def changes(self) -> AsyncIterator[LineupChange]:
        return self._lineup.changes()

    async def tune(self, channel: ChannelId, viewer: Viewer) -> Signal:
        if not self._has(channel):
            raise TuneRefused("unknown_channel", f"no channel {channel} here")
        return await self._lineup.tune(channel, viewer)

    def _has(self, channel: ChannelId) -> bool:
        return any(c.id == channel for c in self.channels())


def selected(lineup: Lineup, words: Collection[str]) -> Lineup:
    """``lineup``, or of it what ``words`` name."""
    return Selection(lineup, words) if words else lineup
