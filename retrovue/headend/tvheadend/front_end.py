"""The Tvheadend front-end: the station on ports 9982 and 9981, as that server would show it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterable

from aiohttp import web

from retrovue.clock import MasterClock
from retrovue.headend.settings import HeadendSettings
from retrovue.headend.tvheadend.access import Account
from retrovue.headend.tvheadend.backend import Backend
from retrovue.headend.tvheadend.htsp_port import HtspPort
from retrovue.lineup import Lineup


class TvheadendFrontEnd:
    """Implements ``FrontEnd``. ``settings`` carries the real ports; ``htsp`` is a listening socket."""

    def __init__(
        self, lineup: Lineup, clock: MasterClock, settings: HeadendSettings, htsp: socket.socket | None = None
    ) -> None:
        self._lineup, self._htsp = lineup, htsp
        accounts = [Account(name, password) for name, password in settings.accounts]
        self._backend = Backend.of(lineup, clock, settings, accounts)
        self._port = HtspPort(self._backend)
        self._listening: asyncio.Task[None] | None = None

    def routes(self) -> Iterable[web.AbstractRouteDef]:
        """None on the other front-ends' ports."""
        return ()

    async def start(self) -> None:
        if self._htsp is not None:
            await self._port.open(self._htsp)
        self._listening = asyncio.create_task(self._listen(), name="news for HTSP")

    async def stop(self) -> None:
        if self._listening is not None:
            self._listening.cancel()
            await asyncio.gather(self._listening, return_exceptions=True)
            self._listening = None
        await self._port.close()

    async def _listen(self) -> None:
        async for change in self._lineup.changes():
            self._port.tell(change)
