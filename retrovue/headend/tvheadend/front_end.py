"""The Tvheadend front-end: the station on ports 9982 and 9981, as that server would show it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterable

from aiohttp import web

from retrovue.clock import MasterClock
from retrovue.headend.accounts import Account
from retrovue.headend.settings import HeadendSettings
from retrovue.headend.tvheadend.backend import Backend
from retrovue.headend.tvheadend.htsp_port import HtspPort
from retrovue.headend.tvheadend.http_api import HttpApi, log
from retrovue.headend.tvheadend.http_auth import HttpAuth
from retrovue.lineup import Lineup

#: How long requests that are still running get to end when the station signs off (seconds).
_FAREWELL_S = 2.0


class TvheadendFrontEnd:
    """Implements ``FrontEnd``. A port that can't be had is a warning: a real Tvheadend may be there."""

    def __init__(self, lineup: Lineup, clock: MasterClock, settings: HeadendSettings) -> None:
        self._lineup, self._settings, self._clock = lineup, settings, clock
        self._accounts = [Account(name, password) for name, password in settings.accounts]
        self.backend = Backend.of(lineup, clock, settings, self._accounts)
        self._port = HtspPort(self.backend)
        self._runner: web.AppRunner | None = None
        self._listening: asyncio.Task[None] | None = None
        self.htsp_port: int | None = None  #: the real one; None while it isn't open
        self.http_port: int | None = None  #: the same of HTTP
        self.warnings: list[str] = []

    def routes(self) -> Iterable[web.AbstractRouteDef]:
        """None on the other front-ends' ports."""
        return ()

    async def start(self) -> None:
        settings = self._settings
        for name, port, opens in (
            ("tvheadend_port", settings.tvheadend_port, self._open_http),
            ("htsp_port", settings.htsp_port, self._open_htsp),
        ):
            try:
                await opens(_listen(settings.bind, port))
            except OSError as error:
                self.warnings.append(
                    f"Tvheadend's port {port} can't be opened ({error.strerror or error}); "
                    f"end the other server, set {name}, or tvheadend: false"
                )

    async def _open_http(self, listener: socket.socket) -> None:
        self.backend.http_port = self.http_port = listener.getsockname()[1]
        # An account's code takes a moment of thought: it is made to be hard to guess from.
        auth = await asyncio.to_thread(HttpAuth, self._clock, self._accounts)
        app = HttpApi(self.backend, auth).application()
        # Cancellation ends a stream the moment its viewer is gone, even one who waits for a picture.
        self._runner = web.AppRunner(
            app, handler_cancellation=True, access_log=None, logger=log, shutdown_timeout=_FAREWELL_S
        )
        await self._runner.setup()
        await web.SockSite(self._runner, listener).start()

    async def _open_htsp(self, listener: socket.socket) -> None:
        self.backend.htsp_port = self.htsp_port = listener.getsockname()[1]
        await self._port.open(listener)
        self._listening = asyncio.create_task(self._listen(), name="news for HTSP")

    async def stop(self) -> None:
        if self._listening is not None:
            self._listening.cancel()
            await asyncio.gather(self._listening, return_exceptions=True)
            self._listening = None
        self.htsp_port = self.http_port = None
        await self._port.close()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _listen(self) -> None:
        async for change in self._lineup.changes():
            self._port.tell(change)
            self.backend.index.forget_unused()


def _listen(address: str, port: int) -> socket.socket:
    """A listening socket. Raises ``OSError``."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return socket.create_server((address, port), family=family, backlog=128, dualstack_ipv6=address == "::")
