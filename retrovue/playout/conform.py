"""Conforming: render an asset once, whole, into its house copy.

What makes a copy is what would air: the very command that renders the asset on the air, from its first
frame to its last. Pictures that a cut may fall on are made ones to begin with, so that airing from there
needs no encoder. A copy is published whole, read back and found good, or not at all.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import os
import shutil
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from retrovue.clock import MasterClock
from retrovue.errors import RetroVueError
from retrovue.playout.ffmpeg import HOLD_TICKS, Cut, Pipes
from retrovue.playout.house import HouseFormat
from retrovue.playout.house_copy import CopyUnusable, CopyWriter, Label
from retrovue.playout.process import FfmpegChild
from retrovue.units import SECOND_US

#: Nothing came from ffmpeg for so long (seconds): it hangs.
_PATIENCE_S = 120.0
#: A cut this near to a frame (in frames) falls on it; any other may fall on either neighbour.
_ON_FRAME = Fraction(1, 50)
#: A copy is this much larger than its bit rates say, at most.
_OVERHEAD = 1.1


class ConformFailed(RetroVueError):
    """The asset has no new house copy; an older one was left alone."""


@dataclass(frozen=True, slots=True)
class Job:
    """One asset in one house format."""

    asset: str  #: id
    original: Path
    duration_us: int
    house: HouseFormat
    command: Callable[[int, Cut, Pipes], list[str]]  #: (offset µs, cut, pipes) → argument list
    with_audio: bool
    cuts_us: tuple[int, ...]  #: where a segment may begin or go on
    settings: str
    ffmpeg: str  #: its version
    target: Path


def cut_frames(cuts_us: Iterable[int], rate: Fraction, frames: int) -> tuple[int, ...]:
    """The frames on which segments may begin that begin at ``cuts_us``.

    A boundary of the plan is rounded to the channel's grid, so a cut between two frames of the copy may
    come to fall on either.
    """
    found = {0}
    for cut in cuts_us:
        at = Fraction(cut, SECOND_US) * rate
        nearest = round(at)
        found |= {nearest} if abs(at - nearest) <= _ON_FRAME else {math.floor(at), math.ceil(at)}
    return tuple(sorted(frame for frame in found if 0 <= frame < frames))


async def conform(
    job: Job, clock: MasterClock, advance: Callable[[float], None] = lambda seconds: None
) -> Label:
    """Make the copy; ``advance`` is told of each bit of it (seconds). Raises ``ConformFailed``.

    It writes on the event loop: nothing else may run there.
    """
    house, grid = job.house, job.house.grid
    wanted = grid.nearest(job.duration_us)
    # As on the air: what falls short by a tick or two is held, and an entry may end that much late.
    ticks = wanted + HOLD_TICKS
    sounds = house.audio_grid.nearest(grid.pts(ticks)) + 2 if job.with_audio else 0
    cuts = cut_frames(job.cuts_us, house.rate, wanted)
    cut = Cut(ticks, 0, sounds * house.audio.frame_samples, cuts)
    with _told(job):
        before = job.original.stat()
        _room_for(job)
        with CopyWriter(job.target) as writer:
            group = _Groups(house, writer, job.with_audio)
            await _render(job, cut, group, clock, advance)
            if writer.frames < wanted:
                raise ConformFailed(
                    f"{job.asset}: the file is shorter than the catalog says: "
                    f"{writer.frames} of {wanted} frames at {float(house.rate):.6g} a second",
                    help="retrovue ingest looks at it again",
                )
            after = job.original.stat()
            if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
                raise ConformFailed(f"{job.asset}: the file was changed meanwhile", help="do it again")
            label = Label(
                asset=job.asset,
                size=before.st_size,
                mtime_ns=before.st_mtime_ns,
                duration_us=job.duration_us,
                settings=job.settings,
                parameters=group.parameters,
                frames=writer.frames,
                sounds=writer.sounds,
                cuts=cuts,
                house=repr(house),
                ffmpeg=job.ffmpeg,
            )
            writer.finish(label)
    return label


async def _render(
    job: Job, cut: Cut, group: _Groups, clock: MasterClock, advance: Callable[[float], None]
) -> None:
    news = asyncio.Event()
    rate = job.house.rate
    child = FfmpegChild(
        news.set,
        clock,
        high_video=round(2 * rate),
        high_audio=100,
        hard_video=round(60 * rate),
        video=job.house.video,
        audio=job.house.audio,
    )
    try:
        await child.start(lambda pipes: job.command(0, cut, pipes), job.with_audio)
        over = False
        while not over:
            async with clock.deadline(_PATIENCE_S):
                await news.wait()
            news.clear()
            over = child.over and child.audio_ended
            before = group.frames
            while child.video:
                group.pictures.append(child.take_video())
            while child.audio:
                group.sounds.append(child.take_audio())
            group.write(to_the_end=over)
            advance(float((group.frames - before) / rate))
    except TimeoutError:
        raise ConformFailed(f"{job.asset}: ffmpeg hangs") from None
    finally:
        await child.kill()
    if child.exit_code:
        raise ConformFailed(
            f"{job.asset}: {child.complaint or f'ffmpeg ended with {child.exit_code}'}",
            help="can it be played? retrovue ingest looks at it again",
        )


class _Groups:
    """Sorts what comes into groups of pictures with their sound."""

    def __init__(self, house: HouseFormat, writer: CopyWriter, with_audio: bool) -> None:
        self.pictures: deque[bytes] = deque()
        self.sounds: deque[bytes] = deque()
        self.parameters = ""
        self.frames = 0
        self._grid, self._writer, self._with_audio = house.grid, writer, with_audio
        self._audio_grid, self._video = house.audio_grid, house.video
        self._primed = False

    def write(self, to_the_end: bool) -> None:
        """Every group that is complete. Raises ``ConformFailed``, ``OSError``."""
        if self.sounds and not self._primed:
            self.sounds.popleft()  # the encoder's priming, as on the air
            self._primed = True
        while self.pictures:
            length = next((i for i, p in enumerate(self.pictures) if i and self._video.is_key(p)), 0)
            if not length:
                if not to_the_end:
                    return
                length = len(self.pictures)
            end_pts = self._grid.pts(self.frames + length)
            first = self._writer.sounds
            # The sound of a group is what begins before the next one does; the last one has all the rest.
            count = sum(1 for i in range(len(self.sounds)) if self._audio_grid.pts(first + i) < end_pts)
            if self._with_audio and not to_the_end and count == len(self.sounds):
                return  # more of it may be to come
            if to_the_end and length == len(self.pictures):
                count = len(self.sounds)
            heard = [self.sounds.popleft() for _ in range(count)]
            group = [self.pictures.popleft() for _ in range(length)]
            self._check(group[0])
            self._writer.add([(p, self._video.is_key(p)) for p in group], heard)
            self.frames += length

    def _check(self, picture: bytes) -> None:
        found = self._video.parameters_hash(picture)
        self.parameters = self.parameters or found
        if not found or found != self.parameters:
            raise ConformFailed("the encoder changed its parameter sets meanwhile", help="retrovue doctor")


def size_of_copy(house: HouseFormat, duration_us: int) -> int:
    """Bytes that a copy takes at most."""
    bits = (house.video_kbps + house.audio_kbps) * 1000 * duration_us / SECOND_US
    return round(bits / 8 * _OVERHEAD)


def _room_for(job: Job) -> None:
    folder = next(parent for parent in job.target.parents if parent.exists())
    needed, free = size_of_copy(job.house, job.duration_us), shutil.disk_usage(folder).free
    if needed > free:
        raise ConformFailed(
            f"{job.asset}: its copy needs {needed / 1e6:,.0f} MB, and {folder} has {free / 1e6:,.0f} MB left",
            help="make room, or choose another place with --state DIR",
        )


@contextlib.contextmanager
def _told(job: Job) -> Iterator[None]:
    """What the machine says, as an error that can be mended."""
    try:
        yield
    except CopyUnusable as error:
        raise ConformFailed(f"{job.asset}: the copy can't be read back: {error}") from error
    except OSError as error:
        where = os.fspath(error.filename) if error.filename else str(job.target.parent)
        raise ConformFailed(f"{job.asset}: {where}: {error.strerror or error}") from error
