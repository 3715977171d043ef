"""A channel on the air while somebody corrects the machine's clock."""

from __future__ import annotations

import asyncio
import time as real
from pathlib import Path

import pytest

import retrovue.clock
from retrovue.clock import SLEW_RATE
from retrovue.lineup import Health
from tests.playout.lab import Item, bench, capture
from tests.tools.ts_analyser import analyse

pytestmark = pytest.mark.on_air


class Wall:
    """The real clock, with a wall clock that can be stepped."""

    monotonic = staticmethod(real.monotonic)

    def __init__(self) -> None:
        self.step = 0.0

    def time(self) -> float:
        return real.time() + self.step


@pytest.mark.parametrize("step", [5.0, -5.0])
async def test_a_correction_is_no_fault_in_the_signal(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, step: float
) -> None:
    wall = Wall()
    monkeypatch.setattr(retrovue.clock, "time", wall)
    async with bench([Item("ntsc", 18.0), Item("pal", 19.0), Item("ntsc", 20.0)], tmp_path) as b:
        viewer = await b.tune()
        before = b.clock.now_us() / 1e6 - real.monotonic()
        task = asyncio.create_task(capture(viewer, b.clock, 8.0))
        await b.clock.wait(2.0)
        wall.step = step
        data = await task
        moved = b.clock.now_us() / 1e6 - real.monotonic() - before
        assert 0 < moved / step < 12 * SLEW_RATE / 5  # bent, and by no more than the stated rate
        report = analyse(data, complete=False)
        assert report.ok, report.to_text()
        assert b.manager.health is Health.ON_AIR
        await viewer.close("done")


@pytest.mark.parametrize("step", [7200.0, -7200.0])
async def test_a_clock_that_was_set_brings_the_channel_on_anew(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, step: float
) -> None:
    wall = Wall()
    monkeypatch.setattr(retrovue.clock, "time", wall)
    # As two hours are off the plan, the shortfall's slate airs there; what counts is that something does.
    async with bench([Item("ntsc", 20.0), Item("pal", 20.0)], tmp_path) as b:
        viewer = await b.tune()
        task = asyncio.create_task(capture(viewer, b.clock, 30.0))
        await b.clock.wait(1.0)
        wall.step = step
        data = await task  # ends by itself
        assert analyse(data, complete=False).ok
        # The first viewer has not left yet when the next one comes.
        second = await b.tune("127.0.0.1:2")
        async for unit in second.access_units():
            behind = b.clock.now_us() / 1e6 - unit.pts / 90_000
            assert abs(behind) < 3
            break
        for signal in (viewer, second):
            await signal.close("done")
