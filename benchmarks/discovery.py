"""What a flood of discovery datagrams costs, and whether a client that searches meanwhile is still answered.

A process serves the head-end of a fake station on the loopback; this one sends it datagrams at a steady rate:
random bytes of random length ("noise"), noise in a valid frame ("framed"), or real searches from one sender
("searches", which are answered at a limited rate). Ten times a second a client of its own searches, each time
from a new port of another address, and waits for the answer.

    python benchmarks/discovery.py [--rate 1000] [--seconds 60] [--kinds noise,framed,searches] [--json]

The CPU of an idle minute is taken off. The last line with ``--json`` is one object with a row for each kind.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import random
import socket
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from multiprocessing.connection import Connection
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from retrovue.clock import StationClock
from retrovue.headend.hdhomerun.packet import encode, u32
from retrovue.headend.server import Headend
from retrovue.headend.settings import HeadendSettings
from tests.headend.fake_lineup import FakeLineup
from tests.tools.broadcast import cpu_seconds

DEVICE, CLIENT, FLOOD = "127.65.0.1", "127.65.0.2", "127.65.0.3"
SEARCH = encode(2, [(0x01, u32(1))])
#: A client searches this often (seconds) and waits this long (libhdhomerun waits 0.2 s).
EVERY_S, PATIENCE_S = 0.1, 0.2


@dataclass(frozen=True, slots=True)
class Row:
    """One kind of flood."""

    kind: str
    sent: int
    cpu_s: float  #: of the serving process, user and system, above idle
    us_each: float  #: of CPU for one datagram
    core: float  #: share of a core
    answered: int  #: searches of the flood that were answered
    searches: int  #: of the client beside it
    missed: int  #: of those, not answered in time
    median_ms: float
    p99_ms: float


def serve(pipe: Connection) -> None:
    """The process that is measured."""

    async def run() -> None:
        clock = StationClock()
        settings = HeadendSettings(
            "fake", bind=DEVICE, http_port=0, stream_port=0, control_port=0, zeroconf=False
        )
        with tempfile.TemporaryDirectory() as state:
            headend = Headend(FakeLineup(clock), clock, settings, Path(state), ())
            await headend.start()
            pipe.send(headend.control_port)
            await asyncio.to_thread(pipe.recv)
            await headend.stop()

    asyncio.run(run())


def noise(dice: random.Random) -> bytes:
    return dice.randbytes(dice.randrange(1472))


def framed(dice: random.Random) -> bytes:
    return encode(2, [(dice.randrange(256), dice.randbytes(dice.randrange(200))) for _ in range(4)])


def searches(dice: random.Random) -> bytes:
    return SEARCH


KINDS: dict[str, Callable[[random.Random], bytes]] = {"noise": noise, "framed": framed, "searches": searches}


def flood(kind: str, port: int, pid: int, rate: int, seconds: float, idle: float) -> Row:
    """Send, and search beside it. ``idle``: CPU seconds a second without."""
    dice = random.Random(65001)
    datagrams = [KINDS[kind](dice) for _ in range(2000)]
    sent = answered = 0
    waits: list[float] = []
    missed = 0
    with socket.socket(type=socket.SOCK_DGRAM) as wire:
        wire.bind((FLOOD, 0))
        wire.setblocking(False)
        before, began = cpu_seconds(pid), time.monotonic()
        asked: tuple[socket.socket, float] | None = None
        next_search = began
        while (now := time.monotonic()) - began < seconds:
            while sent < (now - began) * rate:
                wire.sendto(datagrams[sent % len(datagrams)], (DEVICE, port))
                sent += 1
            while True:
                try:
                    wire.recv(2000)
                except BlockingIOError:
                    break
                answered += 1
            if asked is None and now >= next_search:
                ask = socket.socket(type=socket.SOCK_DGRAM)
                ask.setblocking(False)
                ask.bind((f"{CLIENT.rpartition('.')[0]}.{10 + len(waits) % 200}", 0))
                ask.sendto(SEARCH, (DEVICE, port))
                asked, next_search = (ask, time.monotonic()), next_search + EVERY_S
            if asked is not None:
                ask, since = asked
                try:
                    ask.recv(2000)
                    waits.append(time.monotonic() - since)
                except BlockingIOError:
                    if time.monotonic() - since < PATIENCE_S:
                        time.sleep(0.0003)
                        continue
                    missed += 1
                ask.close()
                asked = None
            time.sleep(0.0005)
        lasted = time.monotonic() - began
        cpu = cpu_seconds(pid) - before - idle * lasted
    return Row(
        kind,
        sent,
        round(cpu, 2),
        round(cpu / max(sent, 1) * 1e6, 1),
        round(cpu / lasted, 4),
        answered,
        len(waits) + missed,
        missed,
        round(statistics.median(waits) * 1000, 2) if waits else float("nan"),
        round(statistics.quantiles(waits, n=100)[98] * 1000, 2) if len(waits) > 1 else float("nan"),
    )


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rate", type=int, default=1000, help="datagrams a second")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--kinds", default=",".join(KINDS))
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    ours, theirs = multiprocessing.Pipe()
    server = multiprocessing.get_context("spawn").Process(target=serve, args=(theirs,))
    server.start()
    try:
        port = ours.recv()
        assert server.pid is not None
        before, began = cpu_seconds(server.pid), time.monotonic()
        time.sleep(min(10, args.seconds))
        idle = (cpu_seconds(server.pid) - before) / (time.monotonic() - began)
        rows = [
            flood(kind, port, server.pid, args.rate, args.seconds, idle) for kind in args.kinds.split(",")
        ]
        ours.send(None)
    finally:
        server.join(10)
        if server.is_alive():
            server.terminate()
    for row in rows:
        print(
            f"{row.kind:>9}: {row.sent} datagrams, {row.cpu_s} CPU s ({row.us_each} µs each, "
            f"{row.core:.2%} of a core), {row.answered} answered; a client beside it: {row.searches} "
            f"searches, {row.missed} missed, median {row.median_ms} ms, 99th percentile {row.p99_ms} ms"
        )
    if args.json:
        print(json.dumps({"rate": args.rate, "seconds": args.seconds, "rows": [asdict(row) for row in rows]}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
