"""The ring: viewers join at station time, get the lead, and are moved on when too slow."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

from retrovue.clock import SteppedClock
from retrovue.stream.fanout import ALLOWED_LAG_US, Chunk, Ring
from retrovue.units import SECOND_US

START = datetime(2026, 1, 1, tzinfo=UTC)


def fill(ring: Ring, clock: SteppedClock, at: int, ahead: float = 5.5) -> int:
    """Chunks of a tenth, a key each half second, from ``at`` µs to now + ahead."""
    end = clock.now_us() + round(ahead * SECOND_US)
    base = round(START.timestamp() * SECOND_US)
    while at < end:
        ring.append(at, (at - base) // 100_000 % 5 == 0, str(at).encode())
        at += 100_000
    return at


async def test_a_viewer_starts_at_the_key_at_or_before_now_and_gets_the_lead_at_once() -> None:
    clock = SteppedClock(START)
    ring = Ring(clock)
    at = fill(ring, clock, clock.now_us())
    clock.step(3.3)
    at = fill(ring, clock, at)
    first = await ring.join()
    assert first is not None
    assert first.key
    assert 0 <= clock.now_us() - first.start_us < 500_000
    got: list[Chunk] = []
    reader = ring.read(first)
    while len(got) < (at - first.start_us) // 100_000:
        got.append(await anext(reader))
    assert [c.seq for c in got] == list(range(first.seq, first.seq + len(got)))
    assert got[-1].start_us == at - 100_000 >= clock.now_us() + 5_300_000


async def test_a_healthy_reader_never_skips_and_an_idle_one_waits() -> None:
    clock = SteppedClock(START)
    ring = Ring(clock)
    at = fill(ring, clock, clock.now_us())
    first = await ring.join()
    assert first is not None
    reader = ring.read(first)
    last = -1
    for _ in range(600):
        clock.step(0.1)
        at = fill(ring, clock, at)
        chunk = await anext(reader)
        assert chunk.seq == last + 1
        last = chunk.seq

    async def following() -> int:
        while (chunk := await anext(reader)).seq <= last:
            pass
        return chunk.seq

    waiting = asyncio.create_task(following())
    while ring._chunks[-1].seq > last:  # it has not read everything yet
        last += 1
    await asyncio.sleep(0.01)
    assert not waiting.done()
    ring.append(at, False, b"next")
    assert await waiting == last + 1


async def test_a_slow_reader_is_moved_on_to_the_newest_key_at_or_before_now() -> None:
    clock = SteppedClock(START)
    ring = Ring(clock)
    at = fill(ring, clock, clock.now_us())
    first = await ring.join()
    assert first is not None
    reader = ring.read(first)
    await anext(reader)
    clock.step(ALLOWED_LAG_US / SECOND_US + 30)
    fill(ring, clock, at)
    chunk = await anext(reader)
    assert chunk.key
    assert 0 <= clock.now_us() - chunk.start_us < 500_000
    assert (await anext(reader)).seq == chunk.seq + 1


async def test_closing_ends_every_reader_and_whoever_waits_to_join() -> None:
    clock = SteppedClock(START)
    ring = Ring(clock)
    joining = asyncio.create_task(ring.join())
    await asyncio.sleep(0)
    ring.close()
    assert await joining is None

    ring = Ring(clock)
    fill(ring, clock, clock.now_us(), ahead=1.0)
    first = await ring.join()
    assert first is not None
    ring.close()
    assert len([c async for c in ring.read(first)]) == 10


async def test_memory_is_bounded() -> None:
    clock = SteppedClock(START)
    ring = Ring(clock)
    at = clock.now_us()
    for _ in range(1000):
        clock.step(1)
        at = fill(ring, clock, at)
    assert len(ring._chunks) < 160
