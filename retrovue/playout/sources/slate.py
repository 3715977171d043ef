"""The slate: half a second of picture and a silent audio frame, always in memory.

Encoded once per house format by the same encoder settings as everything else on the channel, so a
decoder sees the same SPS and PPS and never notices the change. It loops, and begins with an IDR.
"""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass
from pathlib import Path

from retrovue.clock import MasterClock
from retrovue.errors import RetroVueError
from retrovue.playout.ffmpeg import Cut, Pipes, SyntheticPicture, synthetic_command
from retrovue.playout.house import HouseFormat
from retrovue.playout.process import FfmpegChild

#: Making half a second of slate takes 0.2 s on a quiet machine (seconds).
_PATIENCE_S = 30.0


class SlateFailed(RetroVueError):
    """ffmpeg can't make a slate: nothing could be aired with it."""


@dataclass(frozen=True, slots=True)
class Slate:
    """One GOP and one silent audio frame."""

    gop: tuple[bytes, ...]
    silence: bytes

    def picture(self, index: int) -> bytes:
        """The ``index``-th picture since the slate came on; index 0 is one to begin with."""
        return self.gop[index % len(self.gop)]


async def make_slate(
    binary: str, house: HouseFormat, picture: SyntheticPicture, cache: Path, clock: MasterClock
) -> Slate:
    """The slate of a house format, from ``cache`` or freshly encoded. Raises ``SlateFailed``."""

    def build(pipes: Pipes) -> list[str]:
        # Audio has more frames than are kept: the encoder's first ones still ring from its start.
        return synthetic_command(
            binary, house, picture, Cut(house.gop, 0, 16 * house.audio.frame_samples), pipes
        )

    key = hashlib.sha256(repr((build(Pipes(1, 2)), 1)).encode()).hexdigest()[:24]
    stem = cache / f"slate-{key}"
    slate = await asyncio.to_thread(_read, stem, house)
    if slate is not None:
        return slate
    event = asyncio.Event()
    child = FfmpegChild(
        event.set,
        clock,
        high_video=10_000,
        high_audio=10_000,
        hard_video=10_000,
        video=house.video,
        audio=house.audio,
    )
    try:
        async with clock.deadline(_PATIENCE_S):
            await child.start(build, with_audio=True)
            while child.exit_code is None or not (child.video_ended and child.audio_ended):
                event.clear()
                await event.wait()
    except (OSError, TimeoutError) as error:
        raise SlateFailed(
            f"ffmpeg can't make the slate: {error or 'no answer'}", help="try: retrovue doctor"
        ) from error
    finally:
        await child.kill()
    pictures, frames = tuple(child.video), tuple(child.audio)
    if len(pictures) != house.gop or not house.video.is_key(pictures[0]) or len(frames) < 8:
        raise SlateFailed(
            f"ffmpeg made no slate: {child.complaint or 'too few frames'}", help="try: retrovue doctor"
        )
    slate = Slate(pictures, frames[7])
    await asyncio.to_thread(_write, stem, house, slate)
    return slate


def _files(stem: Path, house: HouseFormat) -> tuple[Path, Path]:
    return stem.with_suffix(f".{house.codec}"), stem.with_suffix(f".{house.audio_codec}")


def _read(stem: Path, house: HouseFormat) -> Slate | None:
    try:
        video, silence = (file.read_bytes() for file in _files(stem, house))
    except OSError:
        return None
    splitter = house.video.splitter()
    pictures = splitter.feed(video)
    if (last := splitter.flush()) is not None:
        pictures.append(last)
    frames = house.audio.splitter().feed(silence)
    if len(pictures) != house.gop or not house.video.is_key(pictures[0]) or len(frames) != 1:
        return None  # damaged: make it again
    return Slate(tuple(pictures), frames[0])


def _write(stem: Path, house: HouseFormat, slate: Slate) -> None:
    try:
        stem.parent.mkdir(parents=True, exist_ok=True)
        for file, data in zip(_files(stem, house), (b"".join(slate.gop), slate.silence), strict=True):
            part = file.with_suffix(file.suffix + ".part")
            part.write_bytes(data)
            part.replace(file)
    except OSError:
        return  # a full disk costs half a second at the next start, nothing else
