"""Station time against a wall clock that somebody corrects."""

from __future__ import annotations

import asyncio
import time as real
from datetime import UTC, datetime

import pytest

import retrovue.clock
from retrovue.clock import SET_S, SLEW_RATE, StationClock

WALL = 1_790_000_000.0


class Wall:
    """What the module ``time`` says on a machine whose clocks a test moves."""

    def __init__(self) -> None:
        self.mono, self.offset = 1000.0, WALL - 1000.0

    def monotonic(self) -> float:
        return self.mono

    def time(self) -> float:
        return self.mono + self.offset

    def pass_time(self, clock: StationClock, seconds: float) -> list[float]:
        """Let ``seconds`` pass, a tenth at a time; how fast station time went in each."""
        rates = []
        for _ in range(round(seconds * 10)):
            before = clock.now_us()
            self.mono += 0.1
            rates.append((clock.now_us() - before) / 1e5)
        return rates


@pytest.fixture
def wall(monkeypatch: pytest.MonkeyPatch) -> Wall:
    wall = Wall()
    monkeypatch.setattr(retrovue.clock, "time", wall)
    return wall


@pytest.mark.parametrize("step", [5.0, -5.0])
def test_a_step_of_the_wall_clock_is_followed_by_bending_time(wall: Wall, step: float) -> None:
    clock = StationClock()
    wall.pass_time(clock, 1)
    wall.offset += step
    rates = wall.pass_time(clock, 100)
    assert min(rates) >= 1 - SLEW_RATE - 1e-4
    assert max(rates) <= 1 + SLEW_RATE + 1e-4
    # It takes step / rate seconds, and then both agree.
    left = abs(wall.time() - clock.now().timestamp())
    assert left == pytest.approx(abs(step) - 100 * SLEW_RATE, abs=0.01)
    wall.pass_time(clock, 1000)
    assert clock.now().timestamp() == pytest.approx(wall.time(), abs=1e-5)


@pytest.mark.parametrize("step", [SET_S + 1, -7200.0])
def test_a_clock_that_was_set_is_followed_at_once(wall: Wall, step: float) -> None:
    clock = StationClock()
    wall.offset += step
    wall.pass_time(clock, 0.1)
    assert clock.now().timestamp() == pytest.approx(wall.time(), abs=1e-5)
    assert wall.pass_time(clock, 1) == pytest.approx([1.0] * 10, abs=1e-4)


@pytest.mark.parametrize("step", [7200.0, -7200.0])
async def test_a_clock_that_was_set_neither_ends_nor_lengthens_a_wait(
    monkeypatch: pytest.MonkeyPatch, step: float
) -> None:
    wall = Wall()
    monkeypatch.setattr(wall, "monotonic", real.monotonic)
    monkeypatch.setattr(wall, "time", lambda: real.monotonic() + wall.offset)
    monkeypatch.setattr(retrovue.clock, "time", wall)
    clock = StationClock()
    began = real.monotonic()
    waiting = asyncio.create_task(clock.wait(0.6))
    await clock.wait(0.1)
    wall.offset += step
    await waiting
    assert 0.59 < real.monotonic() - began < 30


def test_another_hour_runs_on_with_the_wall_clock(wall: Wall) -> None:
    clock = StationClock(datetime(1983, 5, 1, tzinfo=UTC))
    wall.pass_time(clock, 60)
    assert clock.now() == datetime(1983, 5, 1, 0, 1, tzinfo=UTC)
    wall.offset += 5
    wall.pass_time(clock, 1001)
    assert (clock.now() - datetime(1983, 5, 1, tzinfo=UTC)).total_seconds() == pytest.approx(1066, abs=0.02)


async def test_waiting_is_over_when_station_time_has_come() -> None:
    clock = StationClock()
    began = real.monotonic()
    await clock.wait(0.05)
    assert real.monotonic() - began >= 0.0495
    await clock.wait_until(datetime(2000, 1, 1, tzinfo=UTC))


def test_an_hour_without_an_offset_is_refused() -> None:
    with pytest.raises(ValueError, match="UTC offset"):
        StationClock(datetime(2026, 1, 1))
