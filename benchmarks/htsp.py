"""What an HTSP subscription costs: CPU of the process that serves, many subscriptions over five channels.

Each channel is real from the ring on, with 4 Mbit/s of pictures and sound as access units; they come from
no encoder, since that is what is not measured here. The clients are another process: it reads, throws away,
and looks whether every packet came, by its time.

    python benchmarks/htsp.py [--subscriptions 5,50,200] [--seconds 15] [--json]
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import socket
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path
from typing import cast

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from counts import measured, slope

from retrovue.clock import StationClock
from retrovue.headend.settings import HeadendSettings
from retrovue.headend.tvheadend.front_end import TvheadendFrontEnd
from retrovue.headend.tvheadend.htsmsg import decode, encode
from retrovue.lineup import AccessUnit, ChannelId, ChannelIdent, Signal, Viewer
from retrovue.playout.house import HouseFormat
from retrovue.playout.shared_units import SharedUnits
from retrovue.playout.switcher import LEAD_S
from retrovue.stream.fanout import Ring
from retrovue.stream.mpegts import TsMux
from tests.headend.fake_lineup import FakeLineup, FakeSignal

CHANNELS = 5
#: Clients that stop reading as soon as they are subscribed.
STALLED = 5
#: Bytes of a key picture, of another, and of a frame of sound: 4 Mbit/s together.
KEY, OTHER, SOUND = 60_000, 12_500, 340
SOUND_FRAME = 1920  #: 90 kHz
GOP = 15
HOUSE = HouseFormat("720p", Fraction(30000, 1001), "veryfast", 4000, 128)


@dataclass(frozen=True, slots=True)
class Row:
    """One count of subscriptions."""

    subscriptions: int
    producers: int  #: channels that were tuned
    cpu_s: float  #: of the serving process, user and system
    core: float  #: cpu_s a second
    mbit_s: float  #: received by all together
    lost: int  #: subscriptions that missed a picture
    stalled: int  #: further ones whose clients stopped reading…
    dropped: int  #: …and the packets that were left out for them, as the station counts


class RingSignal(FakeSignal):
    """A signal whose access units are a ring's, as a channel's viewers share them."""

    async def access_units(self) -> AsyncIterator[AccessUnit]:
        lineup = cast(RingLineup, self._lineup)
        ring, shared = lineup.rings[self._channel], lineup.units[self._channel]
        first = await ring.join()
        if first is not None:
            async for chunk in ring.read(first):
                for unit in shared.of(chunk):
                    yield unit


class RingLineup(FakeLineup):
    """Each channel is a ring."""

    def __init__(self, clock: StationClock) -> None:
        idents = [
            ChannelIdent(ChannelId(f"ch{n}"), str(n), n, f"Channel {n}", f"CH{n}", f"C{n}.x")
            for n in range(1, CHANNELS + 1)
        ]
        super().__init__(clock, idents)
        self.rings = {ident.id: Ring(clock) for ident in idents}
        self.units = {ident.id: SharedUnits(HOUSE) for ident in idents}
        self.tuned: set[ChannelId] = set()

    async def tune(self, channel: ChannelId, viewer: Viewer) -> Signal:
        await super().tune(channel, viewer)
        self.tuned.add(channel)
        return RingSignal(self, self._clock, channel)


async def feed(ring: Ring, clock: StationClock) -> None:
    """Append three pictures and their sound at a time, a lead ahead of station time, for ever."""
    mux, grid = TsMux(), HOUSE.grid
    tick = grid.at(clock.now_us())
    tick -= tick % GOP
    pts = grid.pts(tick)
    while True:
        key = tick % GOP == 0
        start_us, data = grid.start_us(tick), [mux.tables()]
        for _ in range(3):
            first = tick % GOP == 0
            data.append(mux.video(grid.pts(tick), bytes(KEY if first else OTHER), first))
            tick += 1
            while pts < grid.pts(tick):
                data.append(mux.audio(pts, (bytes(SOUND),)))
                pts += SOUND_FRAME
        ring.append(start_us, key, b"".join(data))
        await clock.wait(grid.start_us(tick) / 1e6 - LEAD_S - clock.now_us() / 1e6)


def watch(port: int, count: int, seconds: float, ready: object, result: object) -> None:
    """The clients, one connection and subscription each: a process of its own."""

    async def message(reader: asyncio.StreamReader) -> bytes:
        return await reader.readexactly(int.from_bytes(await reader.readexactly(4), "big"))

    async def subscribed(number: int, limit: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        wire = socket.socket()
        if limit < 1 << 20:
            # Or the kernel would read on for them.
            wire.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, limit)
        wire.setblocking(False)
        await asyncio.get_running_loop().sock_connect(wire, ("127.0.0.1", port))
        reader, writer = await asyncio.open_connection(sock=wire, limit=limit)
        writer.write(encode({"method": "hello", "htspversion": 43, "clientname": "benchmark", "seq": 1}))
        writer.write(encode({"method": "enableAsyncMetadata", "seq": 2}))
        channels: list[int] = []
        while len(channels) < CHANNELS:
            told = decode(await message(reader))
            if told.get("method") == "channelAdd":
                channels.append(int(str(told["channelId"])))
        channel = channels[number % CHANNELS]
        writer.write(encode({"method": "subscribe", "channelId": channel, "subscriptionId": 1, "seq": 3}))
        return reader, writer

    async def one(number: int, received: list[int], missed: list[int]) -> None:
        reader, _writer = await subscribed(number, 1 << 22)
        expected = 0
        while True:
            body = await message(reader)
            received.append(len(body))
            if body.startswith(b"\x03\x06\0\0\0\x06methodmuxpkt") and b"frametype" in body[:80]:
                pts = int(str(decode(body)["pts"]))
                if expected and pts > expected + 10_000:
                    missed.append(pts)
                expected = pts + 33_366

    async def all_of_them() -> tuple[int, int]:
        received: list[list[int]] = [[] for _ in range(count)]
        missed: list[list[int]] = [[] for _ in range(count)]
        stopped = [await subscribed(n, 1 << 16) for n in range(STALLED)]  # and that is all they read
        tasks = [asyncio.create_task(one(n, received[n], missed[n])) for n in range(count)]
        await asyncio.sleep(3 + count / 100)
        for each in (*received, *missed):
            each.clear()
        ready.set()  # type: ignore[attr-defined]
        await asyncio.sleep(seconds)
        total = sum(map(sum, received))
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert len(stopped) == STALLED
        return total, sum(bool(m) for m in missed)

    result.put(asyncio.run(all_of_them()))  # type: ignore[attr-defined]


async def measure(count: int, seconds: float) -> Row:
    """Serve ``count`` subscriptions for ``seconds``."""
    clock = StationClock()
    lineup = RingLineup(clock)
    tasks = [asyncio.create_task(feed(ring, clock)) for ring in lineup.rings.values()]
    settings = HeadendSettings("htsp", bind="127.0.0.1", htsp_port=0, tvheadend_port=0)
    front_end = TvheadendFrontEnd(lineup, clock, settings)
    await front_end.start()
    dropped = [0]

    async def count_drops() -> None:
        while True:
            dropped[0] = max(dropped[0], sum(one.errors for one in front_end.backend.watching))
            await clock.wait(0.5)

    tasks.append(asyncio.create_task(count_drops()))
    context = multiprocessing.get_context("spawn")
    ready, result = context.Event(), context.Queue()
    process = context.Process(
        target=watch, args=(front_end.htsp_port, count, seconds, ready, result), daemon=True
    )
    process.start()
    await asyncio.to_thread(ready.wait)
    began, cpu = time.monotonic(), time.process_time()
    received, lost = await asyncio.to_thread(result.get)
    elapsed, used = time.monotonic() - began, time.process_time() - cpu
    for task in tasks:
        task.cancel()
    await front_end.stop()
    await asyncio.to_thread(process.join)
    rate = received * 8e-6 / seconds
    return Row(
        count, len(lineup.tuned), round(used, 3), round(used / elapsed, 4), round(rate, 1), lost, STALLED,
        dropped[0],
    )  # fmt: skip


def line(row: Row) -> str:
    return (
        f"{row.subscriptions:>5} subscriptions, {row.producers} producers  {row.core:8.4f} core  "
        f"{row.mbit_s:8.1f} Mbit/s  {row.lost} missed a picture; {row.stalled} that stopped reading lost "
        f"{row.dropped} packets"
    )


def main() -> int:
    rows, as_json = measured("What an HTSP subscription costs.", "subscriptions", "5,50,200", measure, line)
    each = slope(rows, [row.subscriptions for row in rows])
    summary = {"core_per_subscription": round(each, 6), "rows": [asdict(row) for row in rows]}
    print(json.dumps(summary) if as_json else f"{100 * each:.3f} % of a core a subscription")
    return 0


if __name__ == "__main__":
    sys.exit(main())
