"""Live sources: what ffmpeg may be asked for, and real ones on the loopback, joined, lost and found again."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import pytest
from aiohttp import web

from fixtures.media.barcode import Clip, make
from retrovue.ffmpeg_binary import choose_ffmpeg
from retrovue.lineup import Emergency, EmergencyMode, Orders
from retrovue.playout import as_run_log, live, master_control
from retrovue.playout.director import Presentation
from retrovue.playout.ffmpeg import Cut, Pipes
from retrovue.playout.house import HouseFormat
from retrovue.playout.live import LiveFeed
from retrovue.playout.modes import OrderBook
from retrovue.playout.overlay import Layer
from retrovue.playout.playlog import PlaylogEntry
from tests.playout.lab import CHANNEL, CLIPS, Item, bench, capture, children
from tests.playout.test_signal import reading_of, tick_of
from tests.tools.broadcast import free_port
from tests.tools.pixels import Box, looks, share
from tests.tools.ts_analyser import analyse

HOUSE = HouseFormat("360p", Fraction(30000, 1001), "ultrafast", 900, 96)
#: What the source outside shows.
OUTSIDE = Clip(asset=21, frames=1800, gop=15)


def arguments(url: str, user: str = "", password: str = "") -> list[str]:
    feed = LiveFeed("x", url, 3.0)
    where = live.address(feed, user, password)
    return live.command("ffmpeg", HOUSE, feed, where, Cut(100, 0, 100 * 1024), Pipes(5, 6))


@pytest.mark.parametrize(
    ("url", "allowed"),
    [
        ("https://tv.example/live.m3u8", "https,tcp,tls,crypto"),
        ("http://tv.example:8080/ts?x=1", "http,https,tcp,tls,crypto"),
        ("rtsp://camera.example/1", "tcp"),
        ("udp://@239.0.0.1:5000", "udp"),
        ("rtp://127.0.0.1:5000", "rtp,udp"),
    ],
)
def test_a_source_may_speak_its_own_protocols_and_read_no_file(url: str, allowed: str) -> None:
    built = arguments(url)
    assert built[built.index("-protocol_whitelist") + 1] == allowed
    assert built.index("-protocol_whitelist") < built.index("-i")
    assert built[built.index("-i") + 1] == url
    assert not {"file", "pipe", "concat", "subfile", "data"} & set(allowed.split(","))


def test_secrets_stand_in_the_address_alone_and_never_in_words() -> None:
    built = arguments("rtsp://camera.example/1", "ada", "p@ss:w/rd")
    assert built[built.index("-i") + 1] == "rtsp://ada:p%40ss%3Aw%2Frd@camera.example/1"
    words = "ada: Connection to tcp://ada:p%40ss%3Aw%2Frd@camera.example failed for p@ss:w/rd"
    assert (
        live.scrub(words, "ada", "p@ss:w/rd")
        == "***: Connection to tcp://***:***@camera.example failed for ***"
    )
    feed = LiveFeed("x", "rtsp://camera.example/1", user=lambda: "ada", password=lambda: "secret")
    assert "secret" not in repr(feed)


class Transmitter:
    """A real ffmpeg that sends the clip for ever, in its own time."""

    def __init__(self, *output: str) -> None:
        self._output = output
        self._child: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        clip = await asyncio.to_thread(make, OUTSIDE)
        self._child = await asyncio.create_subprocess_exec(
            *(choose_ffmpeg().path, "-nostdin", "-v", "error", "-re", "-stream_loop", "-1", "-i", str(clip)),
            *("-map", "0:v", "-map", "0:a", "-c", "copy", *self._output),
            stdin=asyncio.subprocess.DEVNULL,
        )

    async def stop(self) -> None:
        if self._child is not None and self._child.returncode is None:
            self._child.kill()
            await self._child.wait()

    @property
    def pid(self) -> int:
        return self._child.pid if self._child is not None else 0


@asynccontextmanager
async def over_udp(port: int) -> AsyncIterator[Transmitter]:
    sender = Transmitter("-f", "mpegts", f"udp://127.0.0.1:{port}?pkt_size=1316")
    await sender.start()
    try:
        yield sender
    finally:
        await sender.stop()


@asynccontextmanager
async def over_hls(folder: Path) -> AsyncIterator[str]:
    """A playlist that moves on, behind a real HTTP server."""
    await asyncio.to_thread(folder.mkdir)
    sender = Transmitter(
        *("-f", "hls", "-hls_time", "1", "-hls_list_size", "6"),
        *("-hls_flags", "delete_segments+independent_segments", str(folder / "live.m3u8")),
    )
    await sender.start()
    app = web.Application()
    app.router.add_static("/", folder)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    while not await asyncio.to_thread((folder / "live.m3u8").exists):  # noqa: ASYNC110  a file sets no event
        await asyncio.sleep(0.1)
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/live.m3u8"
    finally:
        await sender.stop()
        await runner.cleanup()


def presentation(url: str, buffer_s: float = 2.0) -> Presentation:
    return Presentation(lives={"council": LiveFeed("council", url, buffer_s)})


def shows(data: bytes, folder: Path) -> list[int | None]:
    return [s.code.asset if s.code else None for s in reading_of(data, folder).shown]


@pytest.mark.on_air
async def test_a_live_segment_is_joined_and_left_on_schedule(tmp_path: Path) -> None:
    port = free_port()
    items = [Item("ntsc", 14.0), Item("live:council", 8.0), Item("film", 20.0)]
    async with (
        over_udp(port),
        bench(items, tmp_path, presentation=presentation(f"udp://127.0.0.1:{port}")) as b,
    ):
        tuned_s = b.clock.now_us() / 1e6
        viewer = await b.tune()
        data = await capture(viewer, b.clock, 22.0)
        report = analyse(data, complete=False)
        assert report.ok, report.to_text()
        by_entry: dict[int, list[int | None]] = {}
        frames = []
        for shown in reading_of(data, tmp_path).shown:
            entry = b.playlog.at(tick_of(shown.pts, tuned_s, b.grid))
            assert entry is not None
            by_entry.setdefault(entry.segment.seq, []).append(shown.code.asset if shown.code else None)
            if shown.code is not None and shown.code.asset == OUTSIDE.asset:
                frames.append(shown.code.frame)
        assert set(by_entry[0]) <= {CLIPS["ntsc"].asset, None}
        assert by_entry[1].count(OUTSIDE.asset) > 0.6 * len(by_entry[1])
        assert by_entry[1][-1] == OUTSIDE.asset
        assert OUTSIDE.asset not in by_entry[0] + by_entry[2]
        assert by_entry[2][-1] == CLIPS["film"].asset
        # It runs on as it came: no picture is shown twice or left out.
        while frames[0] == frames[1]:  # sound comes before the first picture that can be decoded
            frames.pop(0)
        assert sum(b - a == 1 for a, b in pairwise(frames)) >= 0.97 * (len(frames) - 1)
        await viewer.close("done")
        await b.manager.off_air()
    records = as_run_log.read(tmp_path / "as-run", [CHANNEL])
    assert ("real", "council") in {(r.kind, r.synthetic) for r in records}
    assert children() == []


@pytest.mark.on_air
async def test_a_source_that_fails_is_stood_in_for_and_taken_up_again(tmp_path: Path) -> None:
    port = free_port()
    items = [Item("ntsc", 9.0), Item("live:council", 40.0, fallbacks=("pal",))]
    async with bench(items, tmp_path, presentation=presentation(f"udp://127.0.0.1:{port}")) as b:
        viewer = await b.tune()
        task = asyncio.create_task(capture(viewer, b.clock, 36.0))
        async with over_udp(port):
            await b.clock.wait(11.0)
        await b.clock.wait(7.0)
        async with over_udp(port):
            data = await task
        assert analyse(data, complete=False).ok
        seen = shows(data, tmp_path)
        first = seen.index(OUTSIDE.asset)
        stand_in = seen.index(CLIPS["pal"].asset, first)
        assert OUTSIDE.asset in seen[stand_in:]
        await viewer.close("done")
    assert children() == []


@pytest.mark.on_air
async def test_hls_over_http_in_mid_segment(tmp_path: Path) -> None:
    """Whoever tunes in sees what stands in for the lead and the buffer, then the source."""
    items = [Item("live:council", 60.0, fallbacks=("mute",))]
    async with (
        over_hls(tmp_path / "hls") as url,
        bench(items, tmp_path, started_s=5.0, presentation=presentation(url)) as b,
    ):
        viewer = await b.tune()
        data = await capture(viewer, b.clock, 14.0)
        assert analyse(data, complete=False).ok
        seen = shows(data, tmp_path)
        assert OUTSIDE.asset in seen
        assert OUTSIDE.asset not in seen[:30]
        assert set(seen[seen.index(OUTSIDE.asset) :]) == {OUTSIDE.asset}
        await viewer.close("done")
    assert children() == []


@pytest.mark.on_air
async def test_a_takeover_of_a_live_source_stays_until_the_source_is_joined_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # However slowly a busy machine joins the source again: that nothing covers the wait is what is judged.
    monkeypatch.setattr(master_control, "PATIENCE_S", 25.0)
    port = free_port()
    items = [Item("ntsc", 9.0), Item("live:council", 60.0)]
    async with (
        over_udp(port),
        bench(items, tmp_path, presentation=presentation(f"udp://127.0.0.1:{port}")) as b,
    ):
        viewer = await b.tune()
        task = asyncio.create_task(capture(viewer, b.clock, 34.0))
        control = b.director.control(CHANNEL)
        async with b.clock.deadline(20):
            while "live" not in control.detail:
                await b.clock.wait(0.1)
        await b.clock.wait(1.0)
        takeover = Emergency("Fog.", EmergencyMode.TAKEOVER, b.clock.now())
        b.director.carry_out(OrderBook(Orders(takeover)))
        async with b.clock.deadline(10):
            while control.airs != "takeover":
                await b.clock.wait(0.1)
        b.director.carry_out(OrderBook())
        data = await task
        assert analyse(data, complete=False).ok
        seen = shows(data, tmp_path)
        first = seen.index(OUTSIDE.asset)
        card = seen.index(None, first)
        assert OUTSIDE.asset in seen[card:]
        await viewer.close("done")
    records = as_run_log.read(tmp_path / "as-run", [CHANNEL])
    kinds = [r.kind for r in records]
    assert "slate" not in kinds[kinds.index("override") :]
    assert children() == []


#: Where a crawl's band lies, and what it looks like over the clip's magenta.
BAND, NIGHT_BLUE = Box(0.0, 0.885, 1.0, 0.94), (31, 34, 70)


@pytest.mark.on_air
async def test_a_crawl_is_drawn_over_a_live_source_which_stays_joined(tmp_path: Path) -> None:
    port = free_port()
    items = [Item("ntsc", 9.0), Item("live:council", 60.0)]
    async with (
        over_udp(port),
        bench(items, tmp_path, presentation=presentation(f"udp://127.0.0.1:{port}")) as b,
    ):
        viewer = await b.tune()
        task = asyncio.create_task(capture(viewer, b.clock, 24.0))
        control = b.director.control(CHANNEL)
        async with b.clock.deadline(20):
            while "live" not in control.detail:
                await b.clock.wait(0.1)
        await b.clock.wait(1.0)
        joined = control.detail.strip(")")
        b.director.carry_out(
            OrderBook(Orders(Emergency("Fog, thick fog. " * 9, EmergencyMode.CRAWL, b.clock.now())))
        )
        async with b.clock.deadline(5):
            while "," not in control.detail:  # two children: the source's, and the keyer's
                await b.clock.wait(0.05)
        assert control.detail.startswith(joined)
        assert control.airs == "programme"
        await b.clock.wait(3.0)
        b.director.carry_out(OrderBook())
        async with b.clock.deadline(5):
            while control.detail.strip(")") != joined:
                await b.clock.wait(0.05)
        data = await task
        assert analyse(data, complete=False).ok
        frames = [
            s.code.frame
            for s in reading_of(data, tmp_path).shown
            if s.code is not None and s.code.asset == OUTSIDE.asset
        ]
        frames = frames[frames.index(frames[20]) :]
        # Not a picture is missing or shown twice, under the crawl and at either end of it.
        assert [b - a for a, b in pairwise(frames) if b - a not in (1, 1 - OUTSIDE.frames)] == []
        band = [share(part, NIGHT_BLUE, 25) for _, (part,) in looks(tmp_path / "capture.ts", BAND)]
        under = [n for n, dark in enumerate(band) if dark > 0.4]
        assert 60 < len(under) < 200
        assert under == list(range(under[0], under[-1] + 1))
        await viewer.close("done")
    records = as_run_log.read(tmp_path / "as-run", [CHANNEL])
    assert {r.kind for r in records} <= {"real", "slate"}
    assert sum(r.ticks for r in records if r.crawl) == len(under)
    assert children() == []


@pytest.mark.on_air
async def test_planned_graphics_over_a_live_source_outlive_a_child_that_is_killed(tmp_path: Path) -> None:
    port = free_port()
    items = [Item("ntsc", 9.0), Item("live:council", 60.0)]

    def layers(entry: PlaylogEntry) -> list[Layer]:
        live = entry.segment.synthetic == "council"
        return [Layer("crawl", entry.start, entry.end, "Fog. " * 30)] if live else []

    async with (
        over_udp(port),
        bench(items, tmp_path, presentation=presentation(f"udp://127.0.0.1:{port}"), layers=layers) as b,
    ):
        viewer = await b.tune()
        task = asyncio.create_task(capture(viewer, b.clock, 24.0))
        control = b.director.control(CHANNEL)
        async with b.clock.deadline(20):
            while "," not in control.detail:
                await b.clock.wait(0.05)
        keyer = int(control.detail.rpartition(" ")[2].strip(")"))
        await b.clock.wait(1.0)
        os.kill(keyer, signal.SIGKILL)
        data = await task
        assert analyse(data, complete=False).ok
        reading_of(data, tmp_path)  # writes it down
        band = [share(part, NIGHT_BLUE, 25) > 0.4 for _, (part,) in looks(tmp_path / "capture.ts", BAND)]
        assert str(keyer) not in control.detail
        assert band[-1], "it is drawn again"
        assert not all(band[band.index(True) :])
        await viewer.close("done")
    records = as_run_log.read(tmp_path / "as-run", [CHANNEL])
    slates = [r for r in records if r.kind == "slate" and "graphics" in r.cause]
    assert sum(r.end_tick - r.first_tick for r in slates) <= HOUSE.gop
    assert children() == []
