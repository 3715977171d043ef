"""The head-end: every front-end on the same HTTP ports, from one call of ``start`` to ``stop``."""

from __future__ import annotations

import asyncio
import errno
import logging
import re
import socket
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path

from aiohttp import web

from retrovue.clock import MasterClock
from retrovue.errors import RetroVueError
from retrovue.headend.addresses import own_addresses
from retrovue.headend.announce import Announcement, Announcer, addresses_to_announce
from retrovue.headend.api import ApiFrontEnd
from retrovue.headend.api.token import control_token
from retrovue.headend.faults import OurFaults
from retrovue.headend.guide import GuideFrontEnd
from retrovue.headend.hdhomerun.front_end import HdhomerunFrontEnd
from retrovue.headend.hdhomerun.personality import PERSONALITIES
from retrovue.headend.hls import HlsFrontEnd
from retrovue.headend.identity import identity
from retrovue.headend.settings import FrontEnd, HeadendSettings
from retrovue.headend.tvheadend.front_end import TvheadendFrontEnd
from retrovue.headend.web import WebFrontEnd
from retrovue.lineup import ControlRoom, Lineup

#: How long requests that are still running get to end when the station signs off (seconds).
_FAREWELL_S = 2.0

_EXTERNAL_URL = re.compile(r"https?://[A-Za-z0-9._\-\[\]:]+(/[A-Za-z0-9._~/-]*)?")


log = logging.getLogger(__name__)
log.addFilter(OurFaults())

Builder = Callable[[Lineup, MasterClock, HeadendSettings], FrontEnd]

#: The front-ends beside HDHomeRun and the API, which are built by name: those need a port, and a token.
FRONT_ENDS: tuple[Builder, ...] = (GuideFrontEnd, HlsFrontEnd, WebFrontEnd)


class Headend:
    """All front-ends of a station. The ports are real after ``start``."""

    def __init__(
        self,
        lineup: Lineup,
        clock: MasterClock,
        settings: HeadendSettings,
        state_dir: Path,
        front_ends: Sequence[Builder] = FRONT_ENDS,
        control: ControlRoom | None = None,
    ) -> None:
        self._lineup, self._clock, self._settings = lineup, clock, settings
        self._state_dir, self._builders, self._control = state_dir, front_ends, control
        self._runner: web.AppRunner | None = None
        self._hdhomerun: HdhomerunFrontEnd | None = None
        self._tvheadend: TvheadendFrontEnd | None = None
        self._front_ends: list[FrontEnd] = []
        self._announcer: Announcer | None = None

    @property
    def http_port(self) -> int:
        return self._settings.http_port

    @property
    def stream_port(self) -> int:
        return self._settings.stream_port

    def own_url(self) -> str:
        """The address under which this machine reaches the station."""
        bind = self._settings.bind
        host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(bind, f"[{bind}]" if ":" in bind else bind)  # noqa: S104
        return _url(host, self._settings.http_port)

    @property
    def control_port(self) -> int | None:
        """HDHomeRun discovery and control; None when it couldn't be opened."""
        return self._hdhomerun.control_port if self._hdhomerun else None

    @property
    def htsp_port(self) -> int | None:
        """HTSP; None when it couldn't be opened, or wasn't asked for."""
        return self._tvheadend.htsp_port if self._tvheadend else None

    @property
    def tvheadend_port(self) -> int | None:
        """Tvheadend's HTTP; None when it couldn't be opened, or wasn't asked for."""
        return self._tvheadend.http_port if self._tvheadend else None

    @property
    def device_id(self) -> str:
        """8 hex digits, known after ``start``."""
        return self._settings.device_id

    async def start(self) -> None:
        """Open the ports and go. Raises ``RetroVueError`` for what the user can mend."""
        settings = self._settings
        if settings.external_url and not _EXTERNAL_URL.fullmatch(settings.external_url):
            raise RetroVueError(
                f"external_url {settings.external_url!r} is no URL",
                help="write it like http://tv.example:8080",
            )
        wants_80 = settings.port_80
        device_id = identity(settings.device_id, self._state_dir)
        address = await _address(settings.bind)
        sockets = [_listen(address, settings.http_port, "http_port")]
        try:
            if settings.stream_port != settings.http_port or settings.stream_port == 0:
                sockets.append(_listen(address, settings.stream_port, "stream_port"))
            self._settings = settings = replace(
                settings,
                bind=address,
                device_id=device_id,
                http_port=sockets[0].getsockname()[1],
                stream_port=sockets[-1].getsockname()[1],
                port_80=False,
            )
            if wants_80 and settings.http_port != 80 and (extra := _try_port_80(address)):
                sockets.append(extra)
                self._settings = settings = replace(settings, port_80=True)
            await self._go(settings, sockets)
        except BaseException:
            await self.stop()
            for listener in sockets:
                listener.close()
            raise

    async def _go(self, settings: HeadendSettings, sockets: Iterable[socket.socket]) -> None:
        self._hdhomerun = HdhomerunFrontEnd(self._lineup, self._clock, settings)
        others = [build(self._lineup, self._clock, settings) for build in self._builders]
        token = control_token(settings.token, self._state_dir) if self._control is not None else ""
        api = ApiFrontEnd(self._lineup, self._clock, self._control, token, [self._hdhomerun])
        self._front_ends = [self._hdhomerun, *others, api]
        if settings.tvheadend:
            self._tvheadend = TvheadendFrontEnd(self._lineup, self._clock, settings)
            self._front_ends.append(self._tvheadend)
        app = web.Application(middlewares=[_empty_errors])
        for front_end in self._front_ends:
            app.add_routes(front_end.routes())
        # Cancellation frees a tuner the moment its viewer is gone, even one who waits for a picture.
        self._runner = web.AppRunner(
            app, handler_cancellation=True, access_log=None, logger=log, shutdown_timeout=_FAREWELL_S
        )
        await self._runner.setup()
        for listener in sockets:
            await web.SockSite(self._runner, listener).start()
        # HTTP first: whoever is answered by discovery comes at once.
        for front_end in self._front_ends:
            await front_end.start()
        await self._announce(settings)

    async def _announce(self, settings: HeadendSettings) -> None:
        addresses = addresses_to_announce(settings.bind, loopback_too=settings.discovery == "on")
        if not settings.zeroconf or not addresses:
            return
        findable = self.control_port is not None and settings.discovery != "off"
        self._announcer = Announcer(
            Announcement(
                device_id=settings.device_id,
                name=settings.friendly_name,
                model=PERSONALITIES[settings.personality].hardware,
                tuner_count=settings.tuner_count,
                http_port=settings.http_port,
                control_port=self.control_port if findable else None,
                htsp_port=self.htsp_port,
            ),
            addresses,
        )
        await self._announcer.start()

    async def stop(self) -> None:
        """Say goodbye, end every stream, close every port. May be called twice."""
        if self._announcer is not None:
            await self._announcer.stop()
            self._announcer = None
        if self._runner is not None:
            for site in tuple(self._runner.sites):
                await site.stop()
        for front_end in reversed(self._front_ends):
            await front_end.stop()
        self._front_ends = []
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    def warnings(self) -> list[str]:
        """What doesn't work and doesn't stop the station."""
        found = list(self._hdhomerun.warnings) if self._hdhomerun else []
        found += self._tvheadend.warnings if self._tvheadend else []
        return found + (list(self._announcer.warnings) if self._announcer else [])

    def addresses(self) -> list[str]:
        """Lines that tell people where to tune in."""
        settings = self._settings
        known = own_addresses(settings.bind) or [settings.bind]
        host = f"[{known[0]}]" if ":" in known[0] else known[0]
        base = settings.external_url.rstrip("/") if settings.external_url else _url(host, settings.http_port)
        tuner = base.partition("://")[2]
        htsp = f"tvheadend {host}:{self.htsp_port}  (HTSP; HTTP on port {self.tvheadend_port})"
        return [
            f"web page  {base}/",
            f"tuner     {tuner}  (HDHomeRun {settings.device_id}, for Plex, Jellyfin, Emby, Kodi)",
            *([htsp] if self.htsp_port else []),
            f"guide     {base}/xmltv.xml",
            f"playlist  {base}/channels.m3u",
        ]


@web.middleware
async def _empty_errors(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """An unknown path has no body: clients that ask for video record whatever body they get."""
    try:
        return await handler(request)
    except (web.HTTPNotFound, web.HTTPMethodNotAllowed) as refused:
        allow = {"Allow": refused.headers["Allow"]} if "Allow" in refused.headers else {}
        return web.Response(status=refused.status, headers=allow)


async def _address(bind: str) -> str:
    """``bind`` as a numeric address; IPv4 is preferred. Raises ``RetroVueError``."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(bind, None, type=socket.SOCK_STREAM)
    except OSError as error:
        raise RetroVueError(
            f"bind {bind!r} is no address of this machine: {error.strerror}",
            help="use 0.0.0.0 for every address, or 127.0.0.1 for this machine only",
        ) from None
    addresses = [str(info[4][0]) for info in found]
    return next((a for a in addresses if ip_address(a).version == 4), addresses[0])


def _listen(address: str, port: int, setting: str) -> socket.socket:
    """A listening socket. Raises ``RetroVueError`` that names the setting to change."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        return socket.create_server(
            (address, port), family=family, backlog=128, dualstack_ipv6=address == "::"
        )
    except OSError as error:
        flag = "--" + setting.replace("_", "-")
        if error.errno == errno.EADDRINUSE:
            why = "another program has it"
            help = f"stop that program, or choose another port with {setting} ({flag})"
        elif error.errno in (errno.EACCES, errno.EPERM):
            why = "ports below 1024 need a permission"
            help = (
                f"choose a port above 1023 with {setting} ({flag}), or allow it: "
                "setcap cap_net_bind_service, or net.ipv4.ip_unprivileged_port_start"
            )
        elif error.errno == errno.EADDRNOTAVAIL:
            why = f"{address} is no address of this machine"
            help = "change bind (--bind): 0.0.0.0 is every address"
        else:
            why = error.strerror or str(error)
            help = f"choose another port with {setting} ({flag})"
        raise RetroVueError(f"port {port} can't be opened: {why}", help=help) from None


def _try_port_80(address: str) -> socket.socket | None:
    """A listening socket on port 80, where clients that search for tuners ask; None when we may not."""
    try:
        return _listen(address, 80, "http_port")
    except RetroVueError:
        return None


def _url(host: str, port: int) -> str:
    return f"http://{host}" if port == 80 else f"http://{host}:{port}"
