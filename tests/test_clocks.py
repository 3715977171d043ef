"""The three clocks: one that runs on, one that is moved, one that goes as fast as pictures come."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta

import pytest

from retrovue.clock import RenderClock, StationClock, SteppedClock
from retrovue.units import to_us

AT = datetime(2026, 11, 26, 20, tzinfo=UTC)


def after(seconds: float) -> datetime:
    return AT + timedelta(seconds=seconds)


async def test_a_fast_station_lives_through_an_hour_in_a_second_and_its_sockets_do_not() -> None:
    clock = StationClock(AT, speed=3600)
    began = time.monotonic()
    await clock.wait(1800)
    took = time.monotonic() - began
    assert 0.45 < took < 5
    assert clock.now() >= after(1800)
    real = clock.elapsed()
    with pytest.raises(TimeoutError):
        async with clock.deadline(0.2):
            await asyncio.Event().wait()
    assert clock.elapsed() - real >= 0.19
    real = clock.elapsed()
    with pytest.raises(TimeoutError):
        async with clock.deadline_at(clock.now() + timedelta(seconds=360)):
            await asyncio.Event().wait()
    assert 0.09 < clock.elapsed() - real < 5


async def test_a_stepped_wall_clock_is_followed_at_any_speed(monkeypatch: pytest.MonkeyPatch) -> None:
    mono, wall = [100.0], [1e9]
    monkeypatch.setattr("retrovue.clock.time.monotonic", lambda: mono[0])
    monkeypatch.setattr("retrovue.clock.time.time", lambda: wall[0])
    for speed in (1.0, 10.0):
        clock = StationClock(AT, speed)
        wall[0] += 5  # an operator's hand
        start, last = clock.now_us(), clock.now_us()
        for _ in range(3000):
            mono[0] += 1
            wall[0] += 1
            now = clock.now_us()
            assert abs(now - last - speed * 1e6) <= speed * 1e6 * 0.00501
            last = now
        assert last - start == pytest.approx((3000 + 5) * speed * 1e6, rel=1e-6)


def test_time_neither_stands_nor_runs_back() -> None:
    for speed in (0, -1, float("nan")):
        with pytest.raises(ValueError, match="forward"):
            StationClock(AT, speed)
    for clock in (StationClock, SteppedClock, RenderClock):
        with pytest.raises(ValueError, match="offset"):
            clock(AT.replace(tzinfo=None))


async def test_a_deadline_of_a_stepped_clock_comes_when_it_is_moved() -> None:
    clock = SteppedClock(AT)
    reached: list[str] = []

    async def work(seconds: float) -> None:
        try:
            async with clock.deadline_at(after(seconds)):
                await asyncio.Event().wait()
        except TimeoutError:
            reached.append(f"{seconds:g}")

    tasks = [asyncio.create_task(work(s)) for s in (5, 2, 0)]
    await asyncio.sleep(0.02)
    assert reached == ["0"]
    clock.step(2)
    await asyncio.sleep(0.02)
    assert reached == ["0", "2"]
    clock.step(10)
    await asyncio.gather(*tasks)
    async with clock.deadline_at(after(100)):
        await asyncio.sleep(0)
    clock.step(1000)  # nobody waits for it any more
    await asyncio.sleep(0)


async def test_a_render_clock_leaps_from_waiter_to_waiter_in_order() -> None:
    clock = RenderClock(AT)
    seen: list[tuple[str, float]] = []

    async def live(name: str, step: float, end: float) -> None:
        at = step
        while at <= end:
            await clock.wait_until(after(at))
            seen.append((name, (clock.now() - AT).total_seconds()))
            at += step

    began = time.monotonic()
    await asyncio.gather(live("a", 60, 3600), live("b", 90, 3600))
    assert time.monotonic() - began < 5
    assert seen == sorted(seen, key=lambda s: s[1])
    assert all(at % (60 if name == "a" else 90) == 0 for name, at in seen)
    assert clock.now_us() == to_us(after(3600))


async def test_a_render_clock_stands_still_for_whoever_waits_for_a_picture() -> None:
    clock = RenderClock(AT)
    bystander = asyncio.create_task(clock.wait(5))
    picture = asyncio.Event()
    with pytest.raises(TimeoutError):
        async with clock.deadline(0.1), clock.deadline_at(after(1)):  # a real child may be late
            await picture.wait()
    with clock.held():
        await asyncio.sleep(0.05)
        assert clock.now() == AT
        assert not bystander.done()
    await bystander
    assert clock.now() == after(5)
