"""A front-end over the fake lineup, with what asks it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import pytest

from retrovue.clock import MasterClock, StationClock
from tests.headend.fake_lineup import FakeLineup
from tests.headend.tvheadend.client import Connect, serving


@pytest.fixture
def clock() -> MasterClock:
    """Time that passes; a module that steps it has its own."""
    return StationClock()


@pytest.fixture
def lineup(clock: MasterClock) -> FakeLineup:
    return FakeLineup(clock)


@pytest.fixture
async def connect(lineup: FakeLineup, clock: MasterClock) -> AsyncIterator[Connect]:
    async with serving(lineup, clock) as connect:
        yield connect
    assert lineup.open_signals == 0


@pytest.fixture
async def http(connect: Connect) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(connect.base, timeout=aiohttp.ClientTimeout(total=20)) as http:
        yield http
