"""AssetProducer: the playlog's assets, and the synthetics between them, each segment from its own source.

A segment is copied where its asset has a house copy that may air and nothing is drawn over it; else an
ffmpeg child renders it. Where graphics lie over a part of it, only that part is rendered: each part is a
source. The next segments are armed ``ARM_AHEAD_S`` before their first tick, never when the previous one
ends. What happens when a segment can't be rendered is said by its ladder (playout/ladder.py): again, then the
event's planned fallbacks in order, then nothing: the switcher shows the slate.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from retrovue.clock import MasterClock
from retrovue.compiler.model import SegmentKind
from retrovue.library.catalog import Asset
from retrovue.playout.encode import SOFTWARE
from retrovue.playout.ffmpeg import Cut, Pipes
from retrovue.playout.house import HouseFormat
from retrovue.playout.house_copy import CopyUnusable, HouseCopy
from retrovue.playout.ladder import Fault, Ladder, Patience
from retrovue.playout.media import MediaDesk
from retrovue.playout.overlay import Layer, clear_from, covered_from, crawl_of
from retrovue.playout.playlog import Playlog, PlaylogEntry
from retrovue.playout.producers.base import Origin, OriginKind, Picture
from retrovue.playout.shelf import Shelf, Wanted, enter
from retrovue.playout.sources.base import Source
from retrovue.playout.sources.ffmpeg_child import FfmpegSource
from retrovue.playout.sources.house import BoundaryCommand, HouseSource
from retrovue.units import SECOND_US

#: Start a segment's child this long before its first tick (seconds of the stream).
ARM_AHEAD_S = 5.0
#: Segments that may be armed behind the one on the air: short spots follow each other closely.
ARM_DEPTH = 4
#: A child started again while the slate shows aims this far ahead (seconds): it takes that long to start.
RESTART_AHEAD_S = 0.4

#: What is on the air and may not be any more is left after this (seconds): what stands in is armed meanwhile.
LEAVE_S = 2.0
#: A rest of a segment that is shorter (seconds) is left to the slate.
WORTH_IT_S = 1.0

#: A stand-in that lasts so long (seconds) begins again when it has ended; a shorter one would be a loop.
AGAIN_S = 5.0

#: What may be the encoder's fault, where it is a driver's and a device's.
_ENCODERS = frozenset({Fault.DIED, Fault.BARREN, Fault.HUNG})

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Equipment:
    """What every producer of a station works with."""

    clock: MasterClock
    media: MediaDesk
    patience: Patience
    shelf: Shelf  #: house copies


def _no_boundary(skip: int, ticks: int, pipes: Pipes) -> list[str]:
    raise NotImplementedError  # what has no house copy has no boundary


@dataclass(frozen=True, slots=True)
class Rendering:
    """How a segment, or what stands in for it, is rendered."""

    command: Callable[[int, Cut, Pipes], list[str]]  #: (offset µs, cut, pipes) → argument list
    with_audio: bool
    path: str = ""  #: media file; empty for synthetics
    asset: Asset | None = None
    synthetic: str = ""
    subtitles: str = ""  #: file of text that is drawn into the picture
    told: Callable[[], str] = str  #: the command, with what files hold in place of their names
    encoder: str = SOFTWARE  #: ffmpeg's word
    instead: str = ""  #: why it is not what was planned; empty when it is
    ordered: bool = False  #: the operator had it shown instead
    copy: Wanted | None = None  #: the house copy that would do instead
    boundary: BoundaryCommand = _no_boundary  #: encodes what of such a copy comes before it can begin
    layers: tuple[Layer, ...] = ()  #: what is drawn over it


class Renderings(Protocol):
    """Says how to render; made by the ProgramDirector for each channel."""

    def of_entry(self, entry: PlaylogEntry, tick: int) -> Rendering | None:
        """The planned asset or synthetic from ``tick`` on; None when the artefact doesn't know it."""
        ...

    def of_asset(self, asset_id: str) -> Rendering | None:
        """A fallback asset; None when the artefact doesn't know it."""
        ...

    async def drawn(self, rendering: Rendering, entry: PlaylogEntry, tick: int) -> Rendering:
        """The same from ``tick`` on, with its graphics drawn; without them if they can't be."""
        return rendering  # most have none

    async def encoder_gone(self, encoder: str) -> bool:
        """A child has failed: is ``encoder`` to blame? If it is, what is rendered from now on has another."""
        return False


class _Segment:
    """One playlog entry being rendered, and the ladder below it."""

    def __init__(
        self,
        entry: PlaylogEntry,
        house: HouseFormat,
        renderings: Renderings,
        notify: Callable[[], None],
        equipment: Equipment,
        coming_on: bool = False,
    ) -> None:
        grid = house.grid
        self.entry = entry
        self.audio_start = house.audio_grid.nearest(grid.pts(entry.start))
        self.audio_end = house.audio_grid.nearest(grid.pts(entry.end))
        self.rendering: Rendering | None = None
        self.source: Source | None = None
        self._over: tuple[Layer, ...] = ()  #: what the source draws over its pictures
        self._house, self._grid = house, grid
        self._renderings, self._notify, self._equipment = renderings, notify, equipment
        self._coming_on = coming_on  #: the channel has sent nothing yet: it may begin a little earlier
        self._copied: tuple[HouseSource, HouseCopy] | None = None
        self._ladder = Ladder(len(entry.fallbacks), equipment.patience)
        self._zero_us = 0  #: station time at which the asset's own beginning would be shown
        self._starting: asyncio.Task[None] | None = None
        self._retired: set[asyncio.Task[None]] = set()

    def start(self, tick: int) -> None:
        """Render from ``tick`` on, on the current rung of the ladder."""
        self._starting = asyncio.create_task(self._start(tick), name=f"arm {self.entry.segment.seq}")

    def shorten(self, end: int) -> None:
        """Another plan goes on from tick ``end``: what is rendered beyond is not shown."""
        self.entry = self.entry.between(self.entry.start, end)
        self.audio_end = self._house.audio_grid.nearest(self._grid.pts(end))

    def nurse(self, tick: int, slating: bool) -> None:
        """Look after a source that ended before its time, or hangs; ``tick`` is needed next."""
        if self._starting is not None or tick >= self.entry.end:
            return
        if self._copied is not None and self._copied[0].fault:
            self._leave_copy(*self._copied, tick, slating)
            return
        if self.source is not None and (found := self._diagnose(self.source, tick)) is not None:
            fault, complaint = found
            shown_s = float(self.source.delivered / self._house.rate)
            log.warning("%s: %s (%s)", self._name, complaint, fault)
            self._retire()
            encoder = self.rendering.encoder if self.rendering is not None else SOFTWARE
            if fault in _ENCODERS and encoder != SOFTWARE:
                judging = self._judge(encoder, fault, complaint, shown_s)
                self._starting = asyncio.create_task(judging, name="judge the encoder")
                return
            if self.entry.end - tick < self._house.grid.ticks(WORTH_IT_S):
                self._ladder.abandon(complaint)
            else:
                self._ladder.fault(fault, complaint, self._equipment.clock.elapsed(), shown_s)
        if self.source is None and self._ladder.due(self._equipment.clock.elapsed()):
            self.start(self._from(tick, slating))

    async def _judge(self, encoder: str, fault: Fault, complaint: str, shown_s: float) -> None:
        """Blame the encoder, or else the file."""
        try:
            gone = await self._renderings.encoder_gone(encoder)
        finally:
            self._starting = None
        if not gone:
            self._ladder.fault(fault, complaint, self._equipment.clock.elapsed(), shown_s)
        self._notify()

    def first(self, tick: int) -> int:
        """With which tick a channel that comes on at ``tick`` begins."""
        return min(tick, self.source.start) if self.source is not None else tick

    def may_go_on(self, planned: PlaylogEntry) -> bool:
        """May what it shows be shown as far as ``planned`` knows, where both are of the same source?"""
        rung = self._ladder.rung
        stands_in = self.entry.fallbacks[rung - 1] if 0 < rung < self._ladder.bottom else ""
        same = bool(planned.barred) == bool(self.entry.barred)
        return same and (not stands_in or stands_in in planned.fallbacks)

    @property
    def failure(self) -> str:
        """Why nothing can be shown for now; empty while there is hope."""
        return self._ladder.cause if self._ladder.exhausted and self._starting is None else ""

    @property
    def begun(self) -> bool:
        """Has a picture come, or is it settled that none will?"""
        source = self.source
        return bool(self.failure) or (source is not None and bool(source.delivered or source.waiting))

    def covers_audio(self, frame: int) -> bool:
        return self.audio_start <= frame < self.audio_end

    def origin(self, tick: int) -> Origin:
        """Whose picture this segment shows on ``tick``."""
        segment, rendering = self.entry.segment, self.rendering
        asset = rendering.asset if rendering else None
        planned = self._ladder.rung == 0
        ended = (
            planned and asset is not None and self.entry.offset_us(tick, self._grid) >= asset.duration_us > 0
        )
        instead = rendering.instead if rendering else ""
        substitute: OriginKind = "override" if planned and rendering and rendering.ordered else "fallback"
        return Origin(
            kind="held" if ended else "real" if planned and not instead else substitute,
            event_id=segment.event_id,
            seq=segment.seq,
            broadcast_date=segment.broadcast_date.isoformat(),
            segment_kind=segment.kind.value,
            asset_id=asset.id if asset else "",
            synthetic=rendering.synthetic if rendering else "",
            cause=self._ladder.cause or instead,
            zero_us=self._zero_us if asset else None,
            asset_rate=asset.rate if asset else "",
            asset_frames=asset.frames if asset else 0,
            crawl=crawl_of(self._over, tick),
        )

    async def stop(self) -> None:
        if self._starting is not None:
            self._starting.cancel()
            await asyncio.gather(self._starting, return_exceptions=True)
        if self.source is not None:
            await self.source.stop()
        if self._retired:
            await asyncio.gather(*self._retired, return_exceptions=True)

    @property
    def _name(self) -> str:
        asset = self.rendering.asset if self.rendering else None
        return asset.id if asset else self.entry.segment.asset_id or self.entry.segment.synthetic

    def _diagnose(self, source: Source, tick: int) -> tuple[Fault, str] | None:
        """What is wrong with ``source``, of which ``tick`` is needed; None while it is well."""
        if not source.ended:
            patience, idle_s = self._equipment.patience, source.idle_s
            allowed = patience.hung_s if source.delivered else patience.first_s
            if idle_s <= allowed or source.video(tick) is not None:
                return None
            return Fault.HUNG, f"nothing came for {idle_s:.0f} s"
        if source.complete or (ending := source.ending) is None:
            return None  # its verdict comes in a moment
        if ending.kind == "killed":
            return Fault.KILLED, ending.complaint
        if ending.kind == "died":
            return (Fault.DIED if source.delivered else Fault.BARREN), ending.complaint
        if source.delivered:
            return Fault.SHORT, "asset ended early"
        return Fault.BARREN, "nothing to show in this file"

    async def _start(self, tick: int) -> None:
        ladder, now_s = self._ladder, self._equipment.clock.elapsed
        try:
            while not ladder.exhausted:
                rendering, copy, complaint = await self._choose(tick)
                if rendering is not None:
                    self.rendering = rendering
                    try:
                        source = self.source = await self._part(rendering, copy, tick)
                        await source.launch()
                        return
                    except OSError as error:
                        self.source = None
                        complaint = f"ffmpeg can't be started: {error.strerror or error}"
                ladder.fault(Fault.MISSING, complaint, now_s())
        finally:
            self._starting = None
            self._coming_on = False
            self._notify()

    async def _part(self, rendering: Rendering, copy: HouseCopy | None, tick: int) -> Source:
        """A source for the segment from ``tick`` on, or for as much of it as one source can give."""
        offset = self._offset(rendering, tick)
        if self._ladder.rung and rendering.asset is not None:
            self._end_with_the_stand_in(rendering.asset.duration_us, offset, tick)
        if copy is not None:
            frame = self._grid.nearest(offset)
            try:
                if clear_from(self.entry.layers, tick, self.entry.end) == tick:
                    return await self._copying(rendering, copy, frame, tick)
                await self._end_where_copying_can_begin(copy, frame, tick)
            except CopyUnusable as error:
                self._equipment.shelf.distrust(copy, str(error))
            except OSError as error:
                self._equipment.shelf.rest(copy, error.strerror or str(error))
            copy.close()
        self._zero_us = self._grid.start_us(tick) - offset
        drawn = await self._renderings.drawn(rendering, self.entry, tick)
        self._over = drawn.layers
        return FfmpegSource(
            lambda cut, pipes: drawn.command(offset, cut, pipes),
            self._house,
            tick,
            self.entry.end,
            rendering.with_audio,
            self._notify,
            self._equipment.clock,
        )

    async def _copying(self, rendering: Rendering, copy: HouseCopy, frame: int, tick: int) -> Source:
        """Frame ``frame`` of ``copy`` on ``tick``, up to the next graphics."""
        desk, group = self._equipment.shelf.desk, self._house.gop
        back = min(tick - self.entry.start, group) if self._coming_on else 0
        end = covered_from(self.entry.layers, tick, self.entry.end)

        def opened() -> HouseSource:
            entry = enter(copy, frame, back, group)
            start = tick - max(0, frame - entry.frame)
            source = HouseSource(
                copy, self._house, start, end, entry,
                rendering.boundary, self._notify, self._equipment.clock, desk,
            )  # fmt: skip
            source.read_ahead()
            return source

        # One question: on a busy machine each answer waits for a processor.
        source = await desk.ask(opened)
        self.shorten(end)
        self._copied, self._over = (source, copy), ()
        self._zero_us = self._grid.start_us(tick) - self._grid.start_us(frame)
        return source

    async def _end_where_copying_can_begin(self, copy: HouseCopy, frame: int, tick: int) -> None:
        """``tick`` shows ``frame`` under graphics. These end at their own time; what renders them goes on to
        the next picture that the copy can begin with, which saves a boundary."""
        layers, end, group = self.entry.layers, self.entry.end, self._house.gop
        clear = clear_from(layers, tick, end)
        if clear < end:
            at = frame + clear - tick
            key = await self._equipment.shelf.desk.ask(lambda: copy.key_after(at, group))
            again = covered_from(layers, clear, end)
            self.shorten(again if key is None else min(clear + key - at, again))

    def _leave_copy(self, source: HouseSource, copy: HouseCopy, tick: int, slating: bool) -> None:
        """What the copy can't give any more is rendered; what it has given is still shown."""
        self._copied = None
        shelf = self._equipment.shelf
        (shelf.distrust if source.damaged else shelf.rest)(copy, source.fault)
        if source.end > tick:
            self.shorten(source.end)  # the rest gets a source of its own
        else:
            self._retire()
            self.start(self._from(tick, slating))

    def _from(self, tick: int, slating: bool) -> int:
        """Where a source begins that takes over at ``tick``."""
        ahead = round(RESTART_AHEAD_S * self._house.rate) if slating else 0
        return min(tick + ahead, self.entry.end - 1)

    async def _choose(self, tick: int) -> tuple[Rendering | None, HouseCopy | None, str]:
        """The rendering of the current rung with its house copy, if that may air, or why there is none."""
        rung = self._ladder.rung
        if rung == 0 and self.entry.barred:
            return None, None, f"{self.entry.barred}: {self.entry.segment.asset_id}"
        if rung == 0:
            rendering = self._renderings.of_entry(self.entry, tick)
            name = self.entry.segment.asset_id or self.entry.segment.synthetic
        else:
            name = self.entry.fallbacks[rung - 1]
            rendering = self._renderings.of_asset(name)
        if rendering is None and rung == 0 and self.entry.segment.kind is SegmentKind.LIVE:
            return None, None, f"live {name} is not on"
        if rendering is None:
            return None, None, f"{name} is not in the artefact"
        copy = await self._equipment.shelf.take(rendering.copy) if rendering.copy is not None else None
        if copy is not None and clear_from(self.entry.layers, tick, self.entry.end) == tick:
            return rendering, copy, ""  # even while the original's store is away
        if rendering.path and (complaint := await self._equipment.media.missing(rendering.path)):
            if copy is not None:
                copy.close()
            return None, None, f"{complaint}: {name}"
        return rendering, copy, ""

    def _offset(self, rendering: Rendering, tick: int) -> int:
        """Where in the asset ``tick`` is (µs)."""
        offset = self.entry.offset_us(tick, self._grid)
        if self._ladder.rung and rendering.asset is not None and rendering.asset.duration_us > 0:
            offset %= rendering.asset.duration_us
            if rendering.asset.duration_us - offset < WORTH_IT_S * SECOND_US:
                offset = 0
        return offset

    def _end_with_the_stand_in(self, duration_us: int, offset: int, tick: int) -> None:
        """One that ends before its time begins again: what is left gets a source of its own."""
        if duration_us >= AGAIN_S * SECOND_US:
            end = tick + self._grid.ticks((duration_us - offset) / SECOND_US)
            if end + self._grid.ticks(WORTH_IT_S) < self.entry.end:
                self.shorten(end)

    def _retire(self) -> None:
        if self.source is not None:
            task = asyncio.create_task(self.source.stop())
            self._retired.add(task)
            task.add_done_callback(self._retired.discard)
            self.source = None


class AssetProducer:
    """Renders a playlog. ``notify`` is called when a picture may have become ready."""

    def __init__(
        self,
        house: HouseFormat,
        renderings: Renderings,
        notify: Callable[[], None],
        equipment: Equipment,
    ) -> None:
        self._house, self._equipment = house, equipment
        self._renderings = renderings
        self._notify = notify
        self._playlog = Playlog(())
        self._segments: list[_Segment] = []  #: in order of their ticks
        self._ahead = round(ARM_AHEAD_S * house.rate)
        self._tick = 0  #: asked for last
        self._retired: set[asyncio.Task[None]] = set()
        self._stopped = False

    @property
    def detail(self) -> str:
        if not self._segments:
            return ""
        segment = self._segments[0]
        source = segment.source
        what = segment.rendering.asset.id if segment.rendering and segment.rendering.asset else ""
        what = what or segment.entry.segment.synthetic or segment.entry.segment.asset_id
        return f"{what} ({source.detail})" if source and source.detail else what

    def arm(self, playlog: Playlog) -> None:
        self._playlog = playlog
        kept = []
        for segment in self._segments:
            if segment.entry.end <= self._tick:
                kept.append(segment)  # shown; its last sound is still to be taken
                continue
            planned = playlog.at(max(segment.entry.start, self._tick))
            if planned is None or not planned.same_signal(segment.entry, self._tick):
                self._drop(segment)
                continue
            if not segment.may_go_on(planned):
                if segment.entry.start > self._tick or not segment.begun:
                    self._drop(segment)
                    continue
                # On the air: what stands in gets the time to be armed, so that nobody sees a slate.
                segment.shorten(min(segment.entry.end, self._tick + self._house.grid.ticks(LEAVE_S)))
            if planned.end < segment.entry.end:
                segment.shorten(planned.end)
            kept.append(segment)
        self._segments = kept

    def come_on(self, tick: int) -> int:
        self._advance(tick, (), coming_on=True)
        segment = self._on(tick)
        return segment.first(tick) if segment is not None else tick

    def tick(self, tick: int, audio: Sequence[int], late: bool) -> Picture | None:
        self._tick = tick
        self._advance(tick, audio)
        segment = self._on(tick)
        if segment is None:
            return None
        for each in self._segments:
            # What is armed is looked after, too: a stand-in should be ready when its time comes.
            each.nurse(max(tick, each.entry.start), slating=late and each is segment)
        source = segment.source
        if source is None or (unit := source.video(tick)) is None:
            return None
        frames = []
        for frame in audio:
            data, pending = self._audio(frame, audio[0])
            if data is None and pending and not late:
                return None
            frames.append(data)
        return Picture(unit, self._house.video.is_key(unit), tuple(frames), segment.origin(tick))

    def hopeless(self, tick: int) -> str:
        if self._stopped:
            return "the producer is stopped"
        entry = self._playlog.at(tick)
        if entry is None:
            return "nothing is planned"
        segment = self._on(tick)
        return segment.failure if segment is not None else ""

    def taken(self, tick: int) -> None:
        segment = self._on(tick)
        if segment is not None and segment.source is not None:
            segment.source.take(tick)

    async def stop(self, reason: str) -> None:
        self._stopped = True
        for segment in self._segments:
            self._drop(segment)
        self._segments = []
        while self._retired:
            await asyncio.gather(*tuple(self._retired), return_exceptions=True)

    def _on(self, tick: int) -> _Segment | None:
        return next((s for s in self._segments if s.entry.start <= tick < s.entry.end), None)

    def _audio(self, frame: int, first: int) -> tuple[bytes | None, bool]:
        """Audio frame ``frame`` of those from ``first`` on, and whether it may still come."""
        for segment in self._segments:
            if segment.covers_audio(frame):
                source = segment.source
                if source is None:
                    return None, not segment.failure
                source.release_audio(first)
                data = source.audio(frame)
                return data, data is None and not source.mute(frame)
        return None, False

    def _advance(self, tick: int, audio: Sequence[int], coming_on: bool = False) -> None:
        """Retire what is over, start what is due."""
        first_audio = audio[0] if audio else None
        while self._segments and self._segments[0].entry.end <= tick:
            over = self._segments[0]
            if first_audio is not None and over.audio_end > first_audio:
                break  # its last sound is still to be taken
            self._drop(self._segments.pop(0))
        if self._stopped:
            return
        wanted = tick
        for _ in range(ARM_DEPTH + 1):
            entry = self._playlog.at(wanted)
            if entry is None or wanted > tick + self._ahead:
                return
            segment = self._on(wanted)
            if segment is None:
                # Only what nobody renders yet: the plan may have been changed under a running source.
                taken = next((s.entry.start for s in self._segments if s.entry.start > wanted), entry.end)
                back = self._house.gop if coming_on and wanted == tick else 0
                part = entry.between(max(entry.start, wanted - back), min(entry.end, taken))
                segment = _Segment(
                    part, self._house, self._renderings, self._notify, self._equipment, back > 0
                )
                self._segments.append(segment)
                self._segments.sort(key=lambda s: s.entry.start)
                segment.start(wanted)
            # On a cold start the first picture gets the machine to itself.
            if segment.entry.start <= tick and not segment.begun:
                return
            wanted = segment.entry.end

    def _drop(self, segment: _Segment) -> None:
        task = asyncio.create_task(segment.stop())
        self._retired.add(task)
        task.add_done_callback(self._retired.discard)
