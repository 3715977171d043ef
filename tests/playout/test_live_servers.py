"""Live sources from real servers: each kind of URL with no more protocols than it is allowed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import pytest

from fixtures.media.barcode import Clip, make
from retrovue.clock import StationClock
from retrovue.ffmpeg_binary import choose_ffmpeg
from retrovue.playout import live
from retrovue.playout.house import HouseFormat
from retrovue.playout.live import LiveFeed
from retrovue.playout.sources.ffmpeg_child import FfmpegSource
from tests.playout.lab import Item, bench, capture, children
from tests.playout.test_live import presentation, shows
from tests.tools import outside
from tests.tools.barcode_reader import PictureReader
from tests.tools.broadcast import free_port
from tests.tools.ts_analyser import analyse

pytestmark = pytest.mark.on_air

HOUSE = HouseFormat("360p", Fraction(30000, 1001), "ultrafast", 900, 96)
OUTSIDE = Clip(asset=21, frames=1800, gop=15)
PICTURES = 45

Server = Callable[[Path, Path], AbstractAsyncContextManager[tuple[str, str]]]


@asynccontextmanager
async def rtsp(clip: Path, folder: Path) -> AsyncIterator[tuple[str, str]]:
    async with outside.rtsp_camera(clip, folder) as url:
        yield url, ""


@asynccontextmanager
async def rtp(clip: Path, folder: Path) -> AsyncIterator[tuple[str, str]]:
    url = f"rtp://127.0.0.1:{free_port()}"
    async with outside.sending(clip, "-f", "rtp_mpegts", url):
        yield url, ""


def http(name: str, secure: bool = False) -> Server:
    @asynccontextmanager
    async def serve(clip: Path, folder: Path) -> AsyncIterator[tuple[str, str]]:
        secret = await asyncio.to_thread(outside.certificate, folder) if secure else None
        if secure and secret is None:
            pytest.skip("a server's certificate is made with openssl, which is not here")
        async with outside.web_server(clip, folder, secret) as url:
            yield f"{url}/{name}", str(secret[0]) if secret else ""

    return serve


async def received(feed: LiveFeed, folder: Path) -> tuple[list[int], int, str]:
    """The numbers of the frames that came of ``OUTSIDE``, the sounds, and ffmpeg's complaint."""
    source = FfmpegSource(
        lambda cut, pipes: live.command(choose_ffmpeg().path, HOUSE, feed, feed.url, cut, pipes),
        HOUSE,
        0,
        PICTURES,
        True,
        lambda: None,
        clock := StationClock(),
        environment=live.environment(feed),
    )
    await source.launch()
    try:
        async with clock.deadline(30):
            while not (source.ended or (source.complete and source.child.over)):
                await clock.wait(0.1)
        units, sounds, said = list(source.child.video), len(source.child.audio), source.child.said
    finally:
        await source.stop()
    file = folder / "received.h264"
    await asyncio.to_thread(file.write_bytes, b"".join(units))
    return await asyncio.to_thread(frames_of, file) if units else [], sounds, said


def frames_of(file: Path) -> list[int]:
    found = []
    with av.open(str(file), format="h264") as container:
        reader = PictureReader(HOUSE.width, HOUSE.height)
        for picture in container.decode(video=0):
            code = reader.read(picture)
            assert code is None or code.asset == OUTSIDE.asset
            found += [code.frame] if code is not None else []
    return found


@pytest.mark.parametrize(
    "server",
    [
        pytest.param(rtsp, id="rtsp"),
        pytest.param(rtp, id="rtp"),
        pytest.param(http("live.ts"), id="http-ts"),
        pytest.param(http("live.ts", secure=True), id="https-ts"),
        pytest.param(http("live.m3u8", secure=True), id="https-hls"),
    ],
)
async def test_it_comes_as_it_is_sent(server: Server, tmp_path: Path) -> None:
    clip = await asyncio.to_thread(make, OUTSIDE)
    async with server(clip, tmp_path) as (url, certificate):
        frames, sounds, said = await received(LiveFeed("x", url, certificate=certificate), tmp_path)
    assert len(frames) >= PICTURES - 10, said
    while frames[0] == frames[1]:  # sound comes before the first picture that can be decoded
        frames.pop(0)
    assert len(frames) >= PICTURES // 2
    steps = [b - a for a, b in pairwise(frames)]
    assert sum(step == 1 for step in steps) >= 0.9 * len(steps)
    assert sounds >= 55  # 45 pictures are 70 frames of sound; it may begin a little later
    assert children() == []


@pytest.mark.parametrize("name", ["live.ts", "live.m3u8"])
async def test_a_server_that_vouches_for_itself_is_told(name: str, tmp_path: Path) -> None:
    clip = await asyncio.to_thread(make, OUTSIDE)
    async with http(name, secure=True)(clip, tmp_path) as (url, _):
        feed = LiveFeed("x", url)
        frames, _, said = await received(feed, tmp_path)
    assert frames == []
    assert "name it as “certificate”" in live.explained(said, feed)


async def test_a_camera_on_the_air(tmp_path: Path) -> None:
    items = [Item("live:council", 60.0, fallbacks=("mute",))]
    clip = await asyncio.to_thread(make, OUTSIDE)
    async with (
        outside.rtsp_camera(clip, tmp_path) as url,
        bench(items, tmp_path, started_s=5.0, presentation=presentation(url)) as b,
    ):
        viewer = await b.tune()
        data = await capture(viewer, b.clock, 14.0)
        assert analyse(data, complete=False).ok
        seen = shows(data, tmp_path)
        assert set(seen[seen.index(OUTSIDE.asset) :]) == {OUTSIDE.asset}
        await viewer.close("done")
    assert children() == []
