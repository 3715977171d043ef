"""The station on the air, as its front-ends see it: lineup.Lineup over the ProgramDirector."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path

from retrovue.clock import MasterClock
from retrovue.lineup import (
    Artwork,
    ArtworkRef,
    ChannelId,
    ChannelIdent,
    ChannelStatus,
    EncoderStatus,
    GuideEntry,
    LineupChange,
    Signal,
    StationStatus,
    Viewer,
)
from retrovue.playout.director import ProgramDirector, house_of
from retrovue.playout.process import living
from retrovue.playout.programme import OnAirProgramme
from retrovue.playout.scaled_picture import PictureScaler
from retrovue.units import from_us

log = logging.getLogger(__name__)

_PICTURES = {
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".webp": "image/webp",
    ".svg": "image/svg+xml",
}
#: A larger logo is no logo, and a larger picture none for a guide (bytes).
_LARGEST_LOGO, _LARGEST_PICTURE = 2_000_000, 8_000_000


class OnAirStation:
    """What is on, for the head-end. ``take_over`` puts a new programme on the air."""

    def __init__(self, clock: MasterClock, director: ProgramDirector, programme: OnAirProgramme) -> None:
        self._clock, self._director = clock, director
        self._programme = programme
        self._logos: Mapping[ChannelId, Path] = {}
        self._warnings: dict[str, str] = {}
        self._listeners: set[asyncio.Queue[LineupChange]] = set()
        self._listened = asyncio.Event()  #: is there anybody to tell?
        self._closing: set[asyncio.Task[None]] = set()
        self._scaler = PictureScaler(clock)
        director.journal.tell = lambda text: self.warn("as-run", text)

    # --- for the composition root and the schedule service -----------------------------------------

    def take_over(self, programme: OnAirProgramme, logos: Mapping[ChannelId, Path]) -> None:
        """Air ``programme`` from now on; viewers stay where both agree on the channel's format."""
        changed = programme.header.content_hash != self._programme.header.content_hash
        idents_changed = programme.idents != self._programme.idents
        self._programme, self._logos = programme, logos
        for manager in self._director.apply(programme.channels):
            task = asyncio.create_task(manager.close("the channel has changed"))
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)
        if changed:
            self._tell(LineupChange("guide"))
        if idents_changed:
            self._tell(LineupChange("channels"))

    def on_air(self) -> Sequence[ChannelId]:
        """The channels that are on the air, or coming on."""
        return self._director.on_air()

    def warn(self, topic: str, text: str) -> None:
        """Show ``text`` to the operator until the topic's next word; an empty text takes it back."""
        if text and self._warnings.get(topic) != text:
            log.warning("%s", text)
        if text:
            self._warnings[topic] = text
        else:
            self._warnings.pop(topic, None)

    async def announce_programmes(self) -> None:
        """Tell listeners of every change of programme, when it happens. Runs until cancelled."""
        while True:
            await self._listened.wait()
            now_us = self._clock.now_us()
            upcoming = [
                (end_us, channel)
                for channel, guide in self._programme.guide.items()
                if (end_us := guide.ends_after(now_us)) is not None
            ]
            if not upcoming:
                await self._clock.wait(60)
                continue
            instant = min(end_us for end_us, _ in upcoming)
            await self._clock.wait_until(from_us(instant))
            for end_us, channel in upcoming:
                if end_us <= instant:
                    self._tell(LineupChange("programme", channel))

    # --- lineup.Lineup -----------------------------------------------------------------------------

    def channels(self) -> Sequence[ChannelIdent]:
        return self._programme.idents

    def guide(self, channel: ChannelId, start: datetime, end: datetime) -> Sequence[GuideEntry]:
        guide = self._programme.guide.get(channel)
        return guide.between(start, end) if guide is not None else ()

    def event(self, event_id: int) -> GuideEntry | None:
        if not 0 <= event_id < 1 << 32:
            return None
        found = (guide.find(event_id) for guide in self._programme.guide.values())
        return next((entry for entry in found if entry is not None), None)

    def guide_end(self) -> datetime:
        return from_us(self._programme.header.end_us)

    def guide_etag(self) -> str:
        return self._programme.header.content_hash

    def artwork(self, ref: ArtworkRef) -> Artwork | None:
        kind, _, channel = ref.partition("/")
        path = self._logos.get(ChannelId(channel)) if kind == "logo" else None
        content_type = _PICTURES.get(path.suffix.lower()) if path is not None else None
        return _read(path, content_type, _LARGEST_LOGO) if path is not None and content_type else None

    async def picture(self, ref: ArtworkRef, width: int | None = None) -> Artwork | None:
        whole = await self._whole(ref)
        return whole if whole is None or width is None else await self._scaler.scaled(whole, width)

    async def _whole(self, ref: ArtworkRef) -> Artwork | None:
        kind, _, name = ref.partition("/")
        if kind not in ("picture", "still"):
            return self.artwork(ref)
        programme = self._programme
        path = programme.picture(name) if kind == "picture" else programme.stills.get(name)
        content_type = _PICTURES.get(Path(path).suffix.lower()) if path else None
        if path is None or content_type is None:
            return None
        try:
            ask = self._director.equipment.media.ask
            return await ask(lambda: _read(Path(path), content_type, _LARGEST_PICTURE))
        except OSError:  # the store doesn't answer
            return None

    def status(self) -> StationStatus:
        now_us = self._clock.now_us()
        header = self._programme.header
        statuses = []
        budget = self._director.encoders.budget
        for ident in self._programme.idents:
            manager, control = self._director.channels[ident.id], self._director.control(ident.id)
            statuses.append(
                ChannelStatus(
                    channel=ident.id,
                    health=manager.health,
                    viewers=len(manager.viewers),
                    now=self._current(ident.id, now_us),
                    producer=manager.producer,
                    detail=manager.detail or control.pending or self._director.degraded(ident.id),
                    orders=control.orders,
                    slate_ticks=manager.slate_ticks,
                    restarts=manager.loop_deaths,
                    behind_s=round(manager.behind_s, 3),
                    planned_until=self._planned_until(ident.id),
                )
            )
        return StationStatus(
            station=header.station,
            name=header.name,
            timezone=header.timezone,
            now=from_us(now_us),
            artefact=header.content_hash,
            horizon_end=self.guide_end(),
            channels=tuple(statuses),
            encoders=EncoderStatus(
                round(self._director.encoders_used(), 2),
                budget if math.isfinite(budget) else None,
                living(),
            ),
            warnings=tuple(self._warnings.values()),
        )

    async def changes(self) -> AsyncIterator[LineupChange]:
        queue: asyncio.Queue[LineupChange] = asyncio.Queue()
        self._listeners.add(queue)
        self._listened.set()
        try:
            while True:
                yield await queue.get()
        finally:
            self._listeners.discard(queue)
            if not self._listeners:
                self._listened.clear()

    async def tune(self, channel: ChannelId, viewer: Viewer) -> Signal:
        return await self._director.tune(channel, viewer)

    # --- inside ------------------------------------------------------------------------------------

    def _current(self, channel: ChannelId, now_us: int) -> GuideEntry | None:
        guide = self._programme.guide.get(channel)
        return guide.at(now_us) if guide is not None else None

    def _planned_until(self, channel: ChannelId) -> datetime | None:
        compiled, programme = self._programme.channels[channel]
        end = programme.playlog.end
        return from_us(house_of(compiled).grid.start_us(end)) if end else None

    def _tell(self, change: LineupChange) -> None:
        for queue in self._listeners:
            queue.put_nowait(change)


def _read(path: Path, content_type: str, most: int) -> Artwork | None:
    try:
        if not path.is_file() or path.stat().st_size > most:
            return None
        return Artwork(content_type, path.read_bytes())
    except OSError:
        return None
