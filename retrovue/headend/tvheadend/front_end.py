"""The Tvheadend front-end: the station on ports 9982 and 9981, as that server would show it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from aiohttp import web

from retrovue.clock import MasterClock
from retrovue.headend.settings import HeadendSettings
from retrovue.headend.tvheadend.access import Account
from retrovue.headend.tvheadend.backend import Backend
from retrovue.headend.tvheadend.htsp_port import HtspPort
from retrovue.lineup import Lineup


class TvheadendFrontEnd:
    """Implements ``FrontEnd``. A port that can't be had is a warning: a real Tvheadend may be there."""

    def __init__(self, lineup: Lineup, clock: MasterClock, settings: HeadendSettings) -> None:
        self._lineup, self._settings = lineup, settings
        accounts = [Account(name, password) for name, password in settings.accounts]
        self._port = HtspPort(Backend.of(lineup, clock, settings, accounts))
        self._listening: asyncio.Task[None] | None = None
        self.htsp_port: int | None = None  #: the real one; None while it isn't open
        self.warnings: list[str] = []

    def routes(self) -> Iterable[web.AbstractRouteDef]:
        """None on the other front-ends' ports."""
        return ()

    async def start(self) -> None:
        settings = self._settings
        try:
            self.htsp_port = await self._port.open(settings.bind, settings.htsp_port)
        except OSError as error:
            self.warnings.append(
                f"no Tvheadend front-end: port {settings.htsp_port} can't be opened "
                f"({error.strerror or error}); end the other server, or set htsp_port"
            )
            return
        self._listening = asyncio.create_task(self._listen(), name="news for HTSP")

    async def stop(self) -> None:
        if self._listening is not None:
            self._listening.cancel()
            await asyncio.gather(self._listening, return_exceptions=True)
            self._listening = None
        self.htsp_port = None
        await self._port.close()

    async def _listen(self) -> None:
        async for change in self._lineup.changes():
            self._port.tell(change)
