"""A segment copied from its house copy: no decoder, no encoder, no child.

A thread reads some seconds ahead; the event loop only hands out what is in memory. Any picture may be the
last one. The first one must be one to begin with: where a segment begins in the middle of a group of
pictures, the rest of that group is encoded again by a child (a *boundary*), with the parameter sets of the
channel's own encoder, and copying begins with the next group. A channel that comes on begins with the
group that its moment lies in instead: its viewers get the same pictures as one who comes a moment later
(each begins with the IDR at or before now), and get them at once.

A copy's audio frames are put on the endless grid where they lie nearest to their pictures: at most half a
frame off (10.7 ms with AAC), the same throughout the segment. At 25 and 30 frames a second it is exactly 0
wherever picture and sound of copy and channel meet: every 8 or 16 pictures.

When a copy turns out to be damaged, or its store doesn't answer, the source ends early (``end`` is moved)
while there are still seconds in memory, and says why in ``fault``: whoever uses it renders the rest.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Callable
from functools import partial

from retrovue.clock import MasterClock
from retrovue.playout.ffmpeg import Pipes
from retrovue.playout.house import HouseFormat
from retrovue.playout.house_copy import HouseCopy, Portion
from retrovue.playout.media import MediaDesk, StoreGone
from retrovue.playout.process import FfmpegChild
from retrovue.playout.shelf import Entry
from retrovue.playout.sources.base import Ending
from retrovue.units import round_div

log = logging.getLogger(__name__)

#: In memory beyond what was taken (seconds): what a store may take to answer, and a child to replace it.
STOCK_S = 2.0
#: A read asks for no more (seconds); the first asks for one group, so that it is there at once.
READ_S = 1.0
#: A store that hasn't answered by then is given up (seconds, without what the machine itself was late:
#: media.py): there is as much in memory and sent ahead, and a busy machine that makes children of its copies
#: is soon a busier one.
STALL_S = 4.0
#: A boundary whose first picture hasn't come by then (seconds) is given up.
BOUNDARY_S = 3.0

#: Builds the argument list for (pictures to skip, pictures to encode, pipes).
BoundaryCommand = Callable[[int, int, Pipes], list[str]]


class HouseSource:
    """A ``Source`` over an open copy, which it closes. Tick ``start`` shows frame ``entry.frame``."""

    def __init__(
        self,
        copy: HouseCopy,
        house: HouseFormat,
        start: int,
        end: int,
        entry: Entry,
        boundary: BoundaryCommand,
        notify: Callable[[], None],
        clock: MasterClock,
        desk: MediaDesk,
    ) -> None:
        grid = self._grid = house.grid
        audio_grid = self._audio_grid = house.audio_grid
        self._house = house
        self.start = start
        self.end = min(end, start + copy.label.frames - entry.frame)
        self.fault = ""  #: why it ends before its time
        self.damaged = False  #: is the copy to blame for it?
        self.delivered = 0
        self._whole = self.end == end
        self._copy, self._entry, self._command = copy, entry, boundary
        self._notify, self._clock, self._desk = notify, clock, desk
        self._shift = entry.frame - start  #: from tick to the copy's frame
        self._next_tick = start
        self._next_frame = audio_grid.nearest(grid.pts(start))
        self._audio_end = audio_grid.nearest(grid.pts(end))
        #: From a frame of the endless audio grid to the copy's audio frame.
        self._audio_shift = round_div(grid.pts(entry.frame) - grid.pts(start), audio_grid.frame_pts)
        self._video: deque[bytes] = deque()
        self._audio: deque[bytes] = deque()
        self._group = house.gop
        self._stock = round(STOCK_S * house.rate)
        self._read_ticks = round(READ_S * house.rate)
        self._read_to = start + entry.boundary  #: first tick that was not read yet
        self._heard_to = self._next_frame  #: first audio frame that was not read yet
        self._ahead: Portion | None = None
        self._hungry = asyncio.Event()
        self._reading: asyncio.Task[None] | None = None
        self._child: FfmpegChild | None = None
        self._watching: asyncio.Task[None] | None = None
        self._judged = False  #: are the parameter sets of its first picture known?
        self._came = asyncio.Event()
        self._high = (self._stock, 10 * self._stock, 100 * self._stock)

    def read_ahead(self) -> None:
        """Read the first group, on the thread that opened the copy, before ``launch``."""
        with contextlib.suppress(OSError):  # it is read again, and judged
            self._ahead = self._copy.read(*self._portion(self._group)[2:])

    async def launch(self) -> None:
        """Begin to read, and to encode the boundary if there is one. Raises ``OSError``."""
        if self._entry.boundary:
            entry, self._child = (
                self._entry,
                FfmpegChild(
                    self._on_boundary,
                    self._clock,
                    *self._high,
                    video=self._house.video,
                    audio=self._house.audio,
                ),
            )
            await self._child.start(
                lambda pipes: self._command(entry.skip, entry.boundary, pipes), False, entry.group
            )
            self._watching = asyncio.create_task(self._expect(self._child), name="boundary")
        self._hungry.set()
        self._reading = asyncio.create_task(self._read(), name=f"house copy of {self._copy.label.asset}")

    def video(self, tick: int) -> bytes | None:
        waiting = self._at(self._next_tick)
        while self._next_tick < tick and waiting:
            waiting.popleft()
            self._step()
            waiting = self._at(self._next_tick)
        return waiting[0] if self._next_tick == tick and tick < self.end and waiting else None

    def take(self, tick: int) -> None:
        waiting = self._at(tick)
        if self._next_tick == tick and waiting:
            waiting.popleft()
            self._step()
            self.delivered += 1

    def audio(self, frame: int) -> bytes | None:
        index = frame - self._next_frame
        return self._audio[index] if 0 <= index < len(self._audio) else None

    def release_audio(self, frame: int) -> None:
        while self._next_frame < frame and self._audio:
            self._audio.popleft()
            self._next_frame += 1

    @property
    def waiting(self) -> int:
        return len(self._at(self._next_tick))

    @property
    def ended(self) -> bool:
        return self._next_tick >= self.end

    @property
    def ending(self) -> Ending | None:
        if not self.ended or self.complete:
            return None
        return Ending("died", self.fault) if self.fault else Ending("short", "the house copy ends")

    @property
    def idle_s(self) -> float:
        """A store that hangs is noticed here, a child that does by whoever started it."""
        child = self._child
        return child.idle_s if child is not None and self._next_tick < self._copied_from else 0.0

    def mute(self, frame: int) -> bool:
        over = self._reading is not None and self._reading.done()
        return not self._copy.label.sounds or over or frame < self._next_frame

    @property
    def complete(self) -> bool:
        return self._whole and not self.fault and self._next_tick + self.waiting >= self.end

    @property
    def detail(self) -> str:
        return "house copy"

    async def stop(self) -> None:
        tasks = [task for task in (self._reading, self._watching) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._child is not None:
            await self._child.kill()
        self._copy.close()

    @property
    def _copied_from(self) -> int:
        return self.start + self._entry.boundary

    def _at(self, tick: int) -> deque[bytes]:
        """Where the picture of ``tick`` comes to."""
        return self._child.video if self._child is not None and tick < self._copied_from else self._video

    def _step(self) -> None:
        self._next_tick += 1
        if len(self._video) < self._stock:
            self._hungry.set()

    async def _read(self) -> None:
        """Keep the stock; ends with the segment, or with a fault."""
        length = self._group
        while self._read_to < self.end or self._heard_to < self._audio_end:
            await self._hungry.wait()
            self._hungry.clear()
            first = self._read_to
            last, listened, frames, sounds = self._portion(length)
            try:
                portion = await self._next(frames, sounds)
            except StoreGone as error:
                self._break(first, str(error))
                return
            except OSError as error:
                self.damaged = True
                self._break(first, error.strerror or str(error))
                return
            pictures, fault = portion.pictures, portion.complaint
            if first == self._copied_from and pictures and not self._is_ours(pictures[0]):
                fault = "its parameter sets are not what its label says"
            if fault:
                self.damaged = True
                self._break(first, fault)
                return
            self._video.extend(pictures)
            self._audio.extend(portion.sounds)
            self._read_to, self._heard_to = last, listened
            length = min(2 * length, self._read_ticks)
            # One that is armed for later needs no more than to begin with.
            if len(self._video) < (self._stock if self.delivered else self._group):
                self._hungry.set()
            self._notify()

    async def _next(self, frames: range, sounds: range) -> Portion:
        ahead, self._ahead = self._ahead, None
        if ahead is not None:
            return ahead
        return await self._desk.ask(partial(self._copy.read, frames, sounds), STALL_S)

    def _portion(self, length: int) -> tuple[int, int, range, range]:
        """What is read next, ``length`` pictures of it: up to which tick, up to which audio frame; the
        copy's own pictures and audio frames."""
        last = min(self._read_to + length, self.end)
        # Sound is kept as far as the pictures are: that is where it lies in the file.
        listened = self._audio_end if last == self.end else self._audio_grid.nearest(self._grid.pts(last))
        frames = range(self._read_to + self._shift, last + self._shift)
        return last, listened, frames, range(self._heard_to + self._audio_shift, listened + self._audio_shift)

    async def _expect(self, child: FfmpegChild) -> None:
        """A boundary is a fraction of a second's work: one that hangs is none."""
        try:
            async with self._clock.deadline(BOUNDARY_S):
                while not child.video and not child.over:
                    self._came.clear()
                    await self._came.wait()
        except TimeoutError:
            self._break(self.start, "the boundary hangs")
            await child.kill()

    def _is_ours(self, picture: bytes) -> bool:
        return self._house.video.parameters_hash(picture) == self._copy.label.parameters

    def _break(self, end: int, why: str) -> None:
        """Nothing from tick ``end`` on will come."""
        self.fault = self.fault or why
        self.end = min(self.end, max(end, self.start))
        self._notify()

    def _on_boundary(self) -> None:
        """The child has something to show, or has ended."""
        child = self._child
        if child is None:
            return
        self._came.set()
        # Once: of a late one the first pictures, which have them, are passed over.
        first = not self._judged and bool(child.video)
        self._judged = self._judged or first
        if first and not self._is_ours(child.video[0]):
            self._break(self.start, "the boundary's parameter sets are not the channel's")
        elif child.over and (last := self._next_tick + len(child.video)) < self._copied_from:
            self._break(last, child.complaint or "the boundary can't be encoded")
        self._notify()
