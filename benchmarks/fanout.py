"""What a viewer costs: CPU of the process that serves, with many viewers of one channel at 4 Mbit/s.

The channel is real from the ring on: fan-out, signal, head-end, sockets of the loopback. Its packets come
from no encoder, since that is what is not measured here. Viewers are another process, which reads and throws
away, and looks whether every packet came.

    python benchmarks/fanout.py [--viewers 1,5,100,500] [--seconds 15] [--json]

The last line with ``--json`` is one object: ``core_per_viewer`` (by the slope from the fewest to the most
viewers), ``viewers_per_core`` and a row for each count.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import socket
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from counts import many_files, measured, slope

from retrovue.clock import StationClock
from retrovue.headend.server import Headend
from retrovue.headend.settings import HeadendSettings
from retrovue.lineup import AccessUnit, ChannelId, Signal, Viewer
from retrovue.playout.switcher import LEAD_S
from retrovue.stream.fanout import Ring
from retrovue.stream.sections import PACKET
from tests.headend.fake_lineup import FakeLineup, FakeSignal

MBIT = 4.0
CHUNK_S = 0.1
GOP_S = 0.5


@dataclass(frozen=True, slots=True)
class Row:
    """One count of viewers."""

    viewers: int
    cpu_s: float  #: of the serving process, user and system
    seconds: float
    core: float  #: cpu_s / seconds
    mbit_s: float  #: received by all viewers together
    lost: int  #: viewers who did not get every packet
    late_p99_ms: float  #: how late chunks were appended to the ring


class RingSignal(FakeSignal):
    """lineup.Signal over a ring."""

    def __init__(self, ring: Ring) -> None:
        self._ring = ring

    async def transport_stream(self) -> AsyncIterator[bytes]:
        first = await self._ring.join()
        if first is not None:
            async for chunk in self._ring.read(first):
                yield chunk.data

    async def access_units(self) -> AsyncIterator[AccessUnit]:
        nothing: tuple[AccessUnit, ...] = ()  # its packets are numbered, and hold no pictures
        for unit in nothing:
            yield unit

    async def close(self, reason: str) -> None:
        """Nothing to give back."""


class RingLineup(FakeLineup):
    """A lineup whose every channel is one ring."""

    ring: Ring

    async def tune(self, channel: ChannelId, viewer: Viewer) -> Signal:
        return RingSignal(self.ring)


async def feed(ring: Ring, clock: StationClock, late_ms: list[float]) -> None:
    """Append chunks of numbered packets, a lead ahead of station time, for ever."""
    packets = round(MBIT * 1e6 * CHUNK_S / 8 / PACKET)
    lead_us, step_us = round(LEAD_S * 1e6), round(CHUNK_S * 1e6)
    at_us, number = clock.now_us(), 0
    while True:
        while at_us <= clock.now_us() + lead_us:
            late_ms.append((clock.now_us() + lead_us - at_us) / 1000)
            data = bytearray()
            for _ in range(packets):
                data += b"\x47\x1f\xff\x10" + number.to_bytes(8, "big") + bytes(PACKET - 12)
                number += 1
            ring.append(at_us, number // packets % round(GOP_S / CHUNK_S) == 1, bytes(data))
            at_us += step_us
        await clock.wait((at_us - lead_us - clock.now_us()) / 1e6)


def watch(port: int, viewers: int, seconds: float, ready: object, result: object) -> None:
    """The viewers: a process of its own."""
    many_files()

    async def one(counts: list[int], broken: list[int]) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 20)
        writer.write(b"GET /auto/v5.1 HTTP/1.0\r\n\r\n")
        await reader.readuntil(b"\r\n\r\n")
        expected, rest = -1, b""
        while True:
            data = rest + await reader.read(1 << 20)
            if len(data) == len(rest):
                return
            whole = len(data) // PACKET * PACKET
            for at in (0, whole - PACKET) if whole else ():
                number = int.from_bytes(data[at + 4 : at + 12], "big")
                if at == 0 and expected >= 0 and number != expected:
                    broken.append(number)
                expected = number + 1
            rest = data[whole:]
            counts.append(whole)

    async def all_of_them() -> tuple[int, int]:
        counts: list[list[int]] = [[] for _ in range(viewers)]
        broken: list[list[int]] = [[] for _ in range(viewers)]
        tasks = [asyncio.create_task(one(c, b)) for c, b in zip(counts, broken, strict=True)]
        await asyncio.sleep(2 + viewers / 200)
        for each in counts:
            each.clear()
        ready.set()  # type: ignore[attr-defined]
        await asyncio.sleep(seconds)
        received = sum(sum(each) for each in counts)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return received, sum(bool(b) for b in broken)

    result.put(asyncio.run(all_of_them()))  # type: ignore[attr-defined]


async def measure(viewers: int, seconds: float) -> Row:
    """Serve ``viewers`` for ``seconds``."""
    clock = StationClock()
    lineup = RingLineup(clock)
    lineup.ring = Ring(clock)
    late_ms: list[float] = []
    feeding = asyncio.create_task(feed(lineup.ring, clock, late_ms))
    with tempfile.TemporaryDirectory() as state:
        settings = HeadendSettings(
            "fanout", bind="127.0.0.1", http_port=0, stream_port=0, control_port=_free_port(),
            zeroconf=False, tuner_count=viewers, discovery="off",
        )  # fmt: skip
        headend = Headend(lineup, clock, settings, Path(state), front_ends=())
        await headend.start()
        context = multiprocessing.get_context("spawn")
        ready, result = context.Event(), context.Queue()
        process = context.Process(
            target=watch, args=(headend.stream_port, viewers, seconds, ready, result), daemon=True
        )
        process.start()
        await asyncio.to_thread(ready.wait)
        began, cpu = time.monotonic(), time.process_time()
        late_ms.clear()
        received, lost = await asyncio.to_thread(result.get)
        elapsed, used = time.monotonic() - began, time.process_time() - cpu
        feeding.cancel()
        await headend.stop()
        await asyncio.to_thread(process.join)
    late_ms.sort()
    late = late_ms[int(len(late_ms) * 0.99)] if late_ms else 0.0
    core, rate = used / elapsed, received * 8e-6 / seconds
    return Row(
        viewers, round(used, 3), round(elapsed, 2), round(core, 4), round(rate, 1), lost, round(late, 1)
    )  # fmt: skip


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def line(row: Row) -> str:
    return (
        f"{row.viewers:>6} viewers  {row.core:8.4f} core  {row.mbit_s:8.1f} Mbit/s  "
        f"{row.lost} lost packets  chunks late p99 {row.late_p99_ms:.1f} ms"
    )


def main() -> int:
    rows, as_json = measured("What a viewer costs.", "viewers", "1,5,100,500", measure, line)
    each = slope(rows, [row.viewers for row in rows])
    summary = {
        "core_per_viewer": round(each, 7),
        "viewers_per_core": round(1 / each) if each > 0 else None,
        "rows": [asdict(row) for row in rows],
    }
    print(
        json.dumps(summary) if as_json else f"{summary['viewers_per_core']} viewers per core (target 1,000)"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
