"""A source that is read faster than its child writes loses nothing; real ffmpeg."""

from __future__ import annotations

import asyncio
from fractions import Fraction

import pytest

from fixtures.media.barcode import make
from retrovue.clock import StationClock
from retrovue.ffmpeg_binary import choose_ffmpeg
from retrovue.playout.ffmpeg import file_command
from retrovue.playout.house import HouseFormat
from retrovue.playout.sources.ffmpeg_child import FfmpegSource
from tests.playout.lab import CLIPS

#: At 25 fps most ticks need two audio frames.
HOUSE = HouseFormat("360p", Fraction(25), "ultrafast", 900, 96)


@pytest.mark.parametrize("phase", range(4))
async def test_every_picture_and_every_sound_comes_however_eagerly_it_is_asked_for(phase: int) -> None:
    path = str(await asyncio.to_thread(make, CLIPS["ntsc"]))
    grid, ready, clock = HOUSE.grid, asyncio.Event(), StationClock()
    start = 44_800_000_000 + phase

    source = FfmpegSource(
        lambda cut, pipes: file_command(choose_ffmpeg().path, HOUSE, path, 5_000_000, cut, pipes),
        HOUSE, start, start + 150, True, ready.set, clock,
    )  # fmt: skip
    await source.launch()
    try:
        frame = source.audio_start
        for tick in range(start, source.end):
            due = range(frame, min(HOUSE.audio_grid.at(grid.pts(tick)) + 1, source.audio_end))
            async with clock.deadline(30):
                while True:
                    ready.clear()
                    picture = source.video(tick)
                    # Asked again and again while any part is missing, as the switcher does.
                    sounds = [source.audio(n) for n in due]
                    if picture is not None and None not in sounds:
                        break
                    await ready.wait()
            assert picture
            source.take(tick)
            frame = due.stop
            source.release_audio(frame)
        # The last frame may begin after the last tick: it leaves with the next segment's first.
        assert source.audio_end - frame <= 1
        async with clock.deadline(30):
            while frame < source.audio_end and source.audio(frame) is None:
                ready.clear()
                await ready.wait()
        assert source.delivered == 150
    finally:
        await source.stop()


async def test_a_sound_that_will_never_come_is_not_waited_for() -> None:
    """While earlier ones still wait: a tick that needs one of those and one that isn't there must leave."""
    path = str(await asyncio.to_thread(make, CLIPS["ntsc"]))
    ready, clock, start = asyncio.Event(), StationClock(), 44_800_000_000
    source = FfmpegSource(
        lambda cut, pipes: file_command(choose_ffmpeg().path, HOUSE, path, 5_000_000, cut, pipes),
        HOUSE, start, start + 20, True, ready.set, clock,
    )  # fmt: skip
    await source.launch()
    try:
        last = source.audio_end - 1
        assert not source.mute(last)
        assert source.mute(source.audio_start - 1)  # of whoever came before
        async with clock.deadline(30):
            while not source.child.audio_ended:
                ready.clear()
                await ready.wait()
        assert source.audio(source.audio_start) is not None
        assert source.audio(source.audio_end + 3) is None
        assert source.mute(source.audio_end + 3)
    finally:
        await source.stop()
