"""A tuner on real sockets of a loopback address of its own."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from retrovue.clock import StationClock
from retrovue.headend.server import Headend
from retrovue.headend.settings import HeadendSettings
from tests.headend.fake_lineup import FakeLineup

#: Test runs side by side must not meet on port 65001, which clients can't be told to change.
ADDRESS = f"127.{os.getpid() >> 14 & 0x7F | 0x80}.{os.getpid() >> 7 & 0x7F}.{os.getpid() & 0x7F | 0x80}"


class OnAir:
    """A running head-end with only the HDHomeRun front-end, and a client for it."""

    def __init__(self, headend: Headend, lineup: FakeLineup, client: aiohttp.ClientSession) -> None:
        self.headend, self.lineup, self.client = headend, lineup, client
        self.base = f"http://{ADDRESS}:{headend.http_port}"

    async def json(self, path: str) -> Any:
        async with self.client.get(self.base + path) as response:
            assert response.status == 200
            return await response.json()

    async def text(self, path: str) -> str:
        async with self.client.get(self.base + path) as response:
            assert response.status == 200
            return await response.text()

    async def busy(self) -> list[str]:
        """The tuners in use, by what clients are told."""
        return [t["Resource"] for t in await self.json("/status.json") if "VctNumber" in t]


Start = Callable[..., Awaitable[OnAir]]


@pytest.fixture
async def start(tmp_path: Path) -> AsyncIterator[Start]:
    """Puts a fake station on the air; keyword arguments are ``HeadendSettings`` fields."""
    running: list[OnAir] = []

    async def begin(lineup: FakeLineup | None = None, **settings: Any) -> OnAir:
        clock = StationClock()
        lineup = lineup or FakeLineup(clock)
        asked = {
            "bind": ADDRESS,
            "http_port": 0,
            "stream_port": 0,
            "control_port": 0,
            "zeroconf": False,
            "tuner_count": 2,
            **settings,
        }
        headend = Headend(lineup, clock, HeadendSettings("fake", **asked), tmp_path, front_ends=())
        await headend.start()
        client = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=20))
        running.append(OnAir(headend, lineup, client))
        return running[-1]

    yield begin
    for on_air in running:
        await on_air.client.close()
        await on_air.headend.stop()
