"""The streams: who gets a tuner, when it is free again, and what a failure looks like."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest

from retrovue.clock import StationClock, SteppedClock
from retrovue.headend import pour
from retrovue.headend.hdhomerun import tuners, video
from retrovue.headend.hdhomerun.tuners import TunersInUse, TunerTable, Viewing
from retrovue.headend.tuner_desk import TunerState
from retrovue.lineup import TuneRefused
from tests.headend.fake_lineup import CHANNELS, FakeLineup
from tests.headend.hdhomerun.conftest import ADDRESS, OnAir, Start


class Watcher:
    """A client on a bare socket, so that every byte of the answer is seen."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.status = 0
        self.headers: dict[str, str] = {}

    async def head(self) -> None:
        """Read up to the end of the headers."""
        lines = (await self.reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        self.status = int(lines[0].split()[1])
        self.headers = dict(line.split(": ", 1) for line in lines[1:-2])

    def reset(self) -> None:
        """Leave with an RST, as Kodi does."""
        wire = self.writer.get_extra_info("socket")
        wire.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


@asynccontextmanager
async def ask(
    on_air: OnAir, path: str, version: str = "1.1", method: str = "GET", extra: str = ""
) -> AsyncIterator[Watcher]:
    """Send a request and leave at the end of the block."""
    reader, writer = await asyncio.open_connection(ADDRESS, on_air.headend.stream_port)
    writer.write(f"{method} {path} HTTP/{version}\r\nHost: {ADDRESS}\r\n{extra}\r\n".encode())
    watcher = Watcher(reader, writer)
    try:
        yield watcher
    finally:
        writer.transport.abort()


@asynccontextmanager
async def watch(
    on_air: OnAir, path: str = "/auto/v5.1", version: str = "1.1", extra: str = ""
) -> AsyncIterator[Watcher]:
    async with ask(on_air, path, version, extra=extra) as watcher:
        await watcher.head()
        yield watcher


async def until(true: Callable[[], bool]) -> None:
    """Give the loop its turns until something is so; the test's own time limit ends a failure."""
    async with asyncio.timeout(10):
        while not true():  # noqa: ASYNC110  what is waited for sets no event
            await asyncio.sleep(0.002)


# --- the answer ---


@pytest.mark.parametrize("version", ["1.0", "1.1"])
async def test_the_header_is_a_real_units_and_the_body_is_bare_packets(start: Start, version: str) -> None:
    on_air = await start()
    async with watch(on_air, version=version, extra="Range: bytes=0-\r\nIcy-MetaData: 1\r\n") as watcher:
        assert watcher.status == 200
        assert watcher.headers["Content-Type"] == "video/mpeg"
        assert watcher.headers["Connection"] == "close"
        assert watcher.headers["Cache-Control"] == "no-cache"
        assert watcher.headers["X-HDHomeRun-Resource"] == "tuner0"
        for never in ("Transfer-Encoding", "Content-Length", "Accept-Ranges", "Content-Range"):
            assert never not in watcher.headers
        body = await watcher.reader.readexactly(188 * 70)
        assert set(body[::188]) == {0x47}
        assert [int.from_bytes(body[n * 188 + 4 : n * 188 + 12], "big") for n in range(70)] == list(range(70))


async def test_the_viewer_is_made_known_to_the_station(start: Start) -> None:
    on_air = await start()
    async with watch(on_air, extra="User-Agent: Lavf/60.3.100\r\n") as watcher:
        own = watcher.writer.get_extra_info("sockname")
        (viewer,) = on_air.lineup.viewers
        assert viewer.front_end == "hdhomerun"
        assert viewer.address == f"{own[0]}:{own[1]}"
        assert viewer.agent == "Lavf/60.3.100"
        assert viewer.labels == {"tuner": "tuner0"}
        (status,) = [t for t in await on_air.json("/status.json") if len(t) > 1]
        assert (status["Resource"], status["VctNumber"], status["TargetIP"]) == ("tuner0", "5.1", own[0])
        assert "WRTV Retro 5" in await on_air.text("/tuners.html")


@pytest.mark.parametrize(
    "path",
    [
        "/auto/v5.1?transcode=none",
        "/auto/v5.1?transcode=mobile",
        "/auto/v5.1?x=y?transcode=none",
        "/auto/v05.1",
        "/auto/ch539000000",
        "/auto/ch25",
        "/auto/ch25-1",
        "/tuner1/v5.1",
    ],
)
async def test_every_way_to_ask_for_a_channel(start: Start, path: str) -> None:
    on_air = await start()
    async with watch(on_air, path) as watcher:
        assert watcher.status == 200
        assert on_air.lineup.open["wrtv"] == 1  # type: ignore[index]


@pytest.mark.parametrize(
    "path", ["/auto/v5.1?duration=1", "/auto/v5.1?x=y?duration=1", "/auto/v5.1?duration=1?transcode=none"]
)
async def test_duration_ends_the_stream_cleanly(start: Start, path: str) -> None:
    on_air = await start()
    async with watch(on_air, path) as watcher:
        body = await watcher.reader.read()
        assert body
        assert len(body) % 188 == 0
    await until(lambda: on_air.lineup.closed == ["duration over"])
    assert await on_air.busy() == []


async def test_the_end_of_the_signal_ends_the_stream(start: Start) -> None:
    on_air = await start()
    on_air.lineup.ends_after = 20
    async with watch(on_air) as watcher:
        assert len(await watcher.reader.read()) == 20 * 7 * 188
    await until(lambda: on_air.lineup.closed == ["signal ended"])


async def test_head_takes_no_tuner(start: Start) -> None:
    on_air = await start(tuner_count=1)
    async with watch(on_air):
        async with ask(on_air, "/auto/v5.1", method="HEAD") as asker:
            await asker.head()
            assert (asker.status, asker.headers["Content-Type"]) == (200, "video/mpeg")
            assert "Transfer-Encoding" not in asker.headers
            assert await asker.reader.read() == b""
        async with ask(on_air, "/auto/v77", method="HEAD") as asker:
            await asker.head()
            assert asker.status == 404
    assert on_air.lineup.tunes == 1


# --- refusals ---


async def refusal(on_air: OnAir, path: str) -> tuple[int, str | None]:
    """The status and X-HDHomeRun-Error; the body must be empty."""
    async with on_air.client.get(on_air.base + path) as response:
        assert await response.read() == b""
        assert response.headers["Content-Length"] == "0"
        return response.status, response.headers.get("X-HDHomeRun-Error")


@pytest.mark.parametrize(
    "path",
    ["/auto/v5", "/auto/v5.3", "/auto/vx", "/auto/v", "/auto/ch2", "/auto/ch25-2", "/tuner2/v5.1", "/auto/x"],
)
async def test_unknown_channels(start: Start, path: str) -> None:
    on_air = await start()
    assert await refusal(on_air, path) == (404, "801 Unknown Channel")
    assert on_air.lineup.tunes == 0


async def test_all_tuners_in_use(
    start: Start, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(tuners, "PATIENCE_S", 0.05)
    on_air = await start(tuner_count=2)
    async with watch(on_air, "/auto/v5.1"), watch(on_air, "/auto/v5.1"):
        assert await refusal(on_air, "/auto/v5.2") == (503, "805 All Tuners In Use")
        assert await refusal(on_air, "/tuner0/v5.2") == (503, "804 Tuner In Use")
        told = [m for m in caplog.messages if "refused" in m]
        assert [m.rpartition(": ")[2] for m in told] == ["all tuners are in use", "tuner 0 is in use"]
        assert all("hdhomerun 127.0.0.1:" in m for m in told)
        assert await on_air.busy() == ["tuner0", "tuner1"]
    assert on_air.lineup.tunes == 2


@pytest.mark.parametrize(
    ("code", "answer"),
    [
        ("unknown_channel", (404, "801 Unknown Channel")),
        ("busy", (503, "803 System Busy")),
        ("shutting_down", (503, "803 System Busy")),
        ("tune_failed", (503, "806 Tune Failed")),
    ],
)
async def test_what_the_station_refuses(start: Start, code: str, answer: tuple[int, str]) -> None:
    on_air = await start(tuner_count=1)
    on_air.lineup.refuse = TuneRefused(code, "because")  # type: ignore[arg-type]
    assert await refusal(on_air, "/auto/v5.1") == answer
    assert await on_air.busy() == []


async def test_a_channel_without_a_picture(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(video, "FIRST_BYTES_S", 0.05)
    on_air = await start(tuner_count=1)
    on_air.lineup.silent = True
    assert await refusal(on_air, "/auto/v5.1") == (503, "807 No Video Data")
    on_air.lineup.silent, on_air.lineup.hold = False, asyncio.Event()
    assert await refusal(on_air, "/auto/v5.1") == (503, "807 No Video Data")
    on_air.lineup.hold, on_air.lineup.ends_after = None, 0
    assert await refusal(on_air, "/auto/v5.1") == (503, "807 No Video Data")
    assert on_air.lineup.open_signals == 0
    assert await on_air.busy() == []


async def test_a_fault_of_the_station_has_no_body_either(
    start: Start, caplog: pytest.LogCaptureFixture
) -> None:
    on_air = await start(tuner_count=1)
    on_air.lineup.refuse = RuntimeError("a fault")  # type: ignore[assignment]
    assert await refusal(on_air, "/auto/v5.1") == (503, "806 Tune Failed")
    assert "channel 5.1 failed" in caplog.text
    assert await on_air.busy() == []


# --- release ---


@pytest.mark.parametrize("leave", ["fin", "rst"])
@pytest.mark.parametrize("when", ["tuning", "silent", "watching"])
async def test_a_viewer_who_leaves_frees_the_tuner_at_once(start: Start, leave: str, when: str) -> None:
    on_air = await start(tuner_count=1)
    lineup = on_air.lineup
    lineup.hold = asyncio.Event() if when == "tuning" else None
    lineup.silent = when == "silent"
    async with ask(on_air, "/auto/v5.1") as watcher:
        if when == "watching":
            await watcher.head()
        else:
            await until(lambda: bool(lineup.open_signals) or bool(lineup.hold))
            assert await on_air.busy() == ["tuner0"]
        if leave == "rst":
            watcher.reset()
        else:
            watcher.writer.close()
        lineup.hold, lineup.silent = None, False
        # The next one comes at once, as Kodi does, and is served within the patience of the table.
        async with watch(on_air) as second:
            assert second.status == 200
    await until(lambda: lineup.open_signals == 0)
    assert await on_air.busy() == []


async def test_a_hundred_openings_on_one_tuner(start: Start) -> None:
    on_air = await start(tuner_count=1)
    for _ in range(100):
        async with watch(on_air) as watcher:
            assert watcher.status == 200
            watcher.reset()
    await until(lambda: on_air.lineup.open_signals == 0)
    assert on_air.lineup.tunes == 100


async def test_a_reader_that_stalls_is_dropped_and_nobody_else_suffers(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(video, "STALLED_S", 0.2)
    monkeypatch.setattr(pour, "SEND_BUFFER", 4096)
    clock = StationClock()
    on_air = await start(FakeLineup(clock, chunk_packets=500, pace=0.001))
    # The first reads no more after the header.
    async with watch(on_air, "/auto/v5.1"), watch(on_air, "/auto/v5.2") as other:
        while "reader stalled" not in on_air.lineup.closed:
            await other.reader.readexactly(188 * 100)
        assert await on_air.busy() == ["tuner1"]
        assert await other.reader.readexactly(188 * 100)


async def test_signing_off_ends_every_stream(start: Start) -> None:
    on_air = await start()
    async with watch(on_air) as watching, ask(on_air, "/auto/v5.2") as waiting:
        on_air.lineup.hold = asyncio.Event()
        await until(lambda: on_air.lineup.tunes >= 1)
        await on_air.headend.stop()
        await watching.reader.read()
        await waiting.reader.read()
    assert on_air.lineup.open_signals == 0


async def test_a_kicked_viewer_frees_the_tuner(start: Start) -> None:
    on_air = await start(tuner_count=1)
    async with watch(on_air, extra="User-Agent: Kodi/20\r\n") as watching:
        await watching.reader.readexactly(1880)
        desk = on_air.headend._hdhomerun
        assert desk is not None
        (state,) = desk.tuners()
        own = watching.writer.get_extra_info("sockname")
        assert (state.number, state.client, state.agent) == ("5.1", own[0], "Kodi/20")
        assert state.target == f"http://{own[0]}:{own[1]}"
        assert state.sent >= 1880
        assert state.bits_s > 0
        assert state.lasts_s >= state.idle_s >= 0
        assert desk.kick(0)
        await watching.reader.read()
        await until(lambda: desk.tuners() == [TunerState(0)])
        assert not desk.kick(0)
    assert on_air.lineup.open_signals == 0


# --- the table itself ---


def _viewing() -> Viewing:
    return Viewing(CHANNELS[0], "10.0.0.9", 1, lambda: None, tuners.Meter(0))


async def test_a_waiting_request_gets_the_tuner_that_is_released(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tuners, "PATIENCE_S", 5)
    table = TunerTable(SteppedClock(datetime(2026, 11, 22, tzinfo=UTC)), 1)
    first = _viewing()
    tuner = await table.take(None, first)
    second = asyncio.create_task(table.take(None, _viewing()))
    third = asyncio.create_task(table.take(0, _viewing()))
    await asyncio.sleep(0)
    assert not second.done()
    table.release(tuner, first)
    assert await second is tuner
    third.cancel()
    table.release(tuner, first)  # a late release of what is another's by now
    assert tuner.viewing is not None


async def test_a_locked_tuner_is_left_alone_and_an_idle_one_preferred(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tuners, "PATIENCE_S", 0.01)
    clock = SteppedClock(datetime(2026, 11, 22, tzinfo=UTC))
    table = TunerTable(clock, 3)
    table.tuners[0].lock = tuners.Lock("10.0.0.9", 7, clock.elapsed())
    table.tuners[1].tuned = CHANNELS[1]
    assert (await table.take(None, _viewing())).index == 2
    assert (await table.take(None, _viewing())).index == 1
    with pytest.raises(TunersInUse):
        await table.take(None, _viewing())
    clock.step(tuners.LOCK_IDLE_S + 1)
    assert (await table.take(None, _viewing())).index == 0
