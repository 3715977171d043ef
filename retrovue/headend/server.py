"""The head-end: every front-end on the same HTTP ports, from one call of ``start`` to ``stop``."""

from __future__ import annotations

import asyncio
import logging
import re
import socket
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from aiohttp import web

from retrovue.clock import MasterClock
from retrovue.errors import RetroVueError
from retrovue.headend.accounts import Account, code_of
from retrovue.headend.addresses import own_addresses
from retrovue.headend.announce import Announcer, addresses_to_announce
from retrovue.headend.api import ROOT, ApiFrontEnd
from retrovue.headend.api.guard import unknown
from retrovue.headend.api.token import checked, control_token
from retrovue.headend.devices import further_tuner
from retrovue.headend.faults import OurFaults
from retrovue.headend.gate import Gate
from retrovue.headend.guide import GuideFrontEnd
from retrovue.headend.hdhomerun.front_end import HdhomerunFrontEnd
from retrovue.headend.hdhomerun.search_port import SearchPort
from retrovue.headend.hls import HlsFrontEnd
from retrovue.headend.identity import identity
from retrovue.headend.ports import address_of, listen, try_port_80
from retrovue.headend.selection import selected
from retrovue.headend.settings import FrontEnd, HeadendSettings
from retrovue.headend.ssdp_port import SsdpPort
from retrovue.headend.tvheadend.front_end import TvheadendFrontEnd
from retrovue.headend.web import WebFrontEnd
from retrovue.headend.xtream.front_end import XtreamFrontEnd
from retrovue.lineup import AsRunLog, ControlRoom, Lineup, Schedule

#: How long requests that are still running get to end when the station signs off (seconds).
_FAREWELL_S = 2.0

_EXTERNAL_URL = re.compile(r"https?://[A-Za-z0-9._\-\[\]:]+(/[A-Za-z0-9._~/-]*)?")


log = logging.getLogger(__name__)
log.addFilter(OurFaults())

Builder = Callable[[Lineup, MasterClock, HeadendSettings], FrontEnd]

#: The front-ends that need no more than these three; all others are built by name.
FRONT_ENDS: tuple[Builder, ...] = (HlsFrontEnd, WebFrontEnd)


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
        schedule: Schedule | None = None,
        as_run: AsRunLog | None = None,
    ) -> None:
        self._lineup, self._clock, self._settings = lineup, clock, settings
        self._state_dir, self._builders, self._control = state_dir, front_ends, control
        self._schedule, self._as_run = schedule, as_run
        self._runners: list[web.AppRunner] = []
        self._hdhomerun: HdhomerunFrontEnd | None = None
        self._further: list[HdhomerunFrontEnd] = []
        self._tvheadend: TvheadendFrontEnd | None = None
        self._front_ends: list[FrontEnd] = []
        self._announcer: Announcer | None = None
        self._ssdp: SsdpPort | None = None
        self._trouble: list[str] = []  #: of SSDP

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
        address = await address_of(settings.bind)
        sockets = [listen(address, settings.http_port, "http_port")]
        try:
            if settings.stream_port != settings.http_port or settings.stream_port == 0:
                sockets.append(listen(address, settings.stream_port, "stream_port"))
            self._settings = settings = replace(
                settings,
                bind=address,
                device_id=device_id,
                http_port=sockets[0].getsockname()[1],
                stream_port=sockets[-1].getsockname()[1],
                port_80=False,
            )
            if wants_80 and settings.http_port != 80 and (extra := try_port_80(address)):
                sockets.append(extra)
                self._settings = settings = replace(settings, port_80=True)
            await self._go(settings, sockets)
        except BaseException:
            await self.stop()
            for listener in sockets:
                listener.close()
            raise

    async def _go(self, settings: HeadendSettings, sockets: list[socket.socket]) -> None:
        """Build the front-ends and let them serve on ``sockets``; those of further tuners are added."""
        main_sockets = list(sockets)
        accounts = [Account(*written) for written in settings.accounts] if settings.xtream else []
        # A moment of thought for each: codes are made to be hard to guess from.
        codes = await asyncio.to_thread(lambda: {account.name: code_of(account) for account in accounts})
        longer = "write a longer one where it is kept"
        tokens = [checked(token, f"serve.tokens, {name},", longer) for name, token in settings.tokens]
        gate = Gate(self._clock, settings.allow, [*tokens, *codes.values()])
        searches = SearchPort(self._clock, gate)
        self._hdhomerun = HdhomerunFrontEnd(self._lineup, self._clock, settings, searches)
        further: list[tuple[list[FrontEnd], list[socket.socket]]] = []
        for device in settings.devices:
            own, its_sockets = await further_tuner(settings, device, self._state_dir)
            sockets += its_sockets
            tuner = HdhomerunFrontEnd(self._lineup, self._clock, own, searches, front_page=True)
            its_guide = GuideFrontEnd(selected(self._lineup, own.channels), self._clock, own)
            self._further.append(tuner)
            further.append(([tuner, its_guide], its_sockets))
        others = [build(self._lineup, self._clock, settings) for build in self._builders]
        token = control_token(settings.token, self._state_dir) if self._control is not None else ""
        desks = [self._hdhomerun, *self._further]
        api = ApiFrontEnd(
            self._lineup, self._clock, self._control, token, desks, self._schedule, self._as_run
        )
        guide = GuideFrontEnd(self._lineup, self._clock, settings)
        main: list[FrontEnd] = [self._hdhomerun, guide, *others, api]
        if settings.xtream:
            main.append(XtreamFrontEnd(self._lineup, self._clock, settings, guide.document, codes))
        if settings.tvheadend:
            self._tvheadend = TvheadendFrontEnd(self._lineup, self._clock, settings)
            main.append(self._tvheadend)
        self._front_ends = [*main, *(front_end for front_ends, _ in further for front_end in front_ends)]
        # HTTP first: whoever is answered by discovery comes at once.
        for front_ends, its_sockets in ((main, main_sockets), *further):
            await self._serve(front_ends, its_sockets, gate)
        for front_end in self._front_ends:
            await front_end.start()
        await self._announce(settings, gate)

    async def _serve(
        self, front_ends: Iterable[FrontEnd], sockets: Iterable[socket.socket], gate: Gate
    ) -> None:
        """Answer HTTP on ``sockets``."""
        app = web.Application(middlewares=[_empty_errors, gate.middleware])
        for front_end in front_ends:
            app.add_routes(front_end.routes())
        # Cancellation frees a tuner the moment its viewer is gone, even one who waits for a picture.
        runner = web.AppRunner(
            app, handler_cancellation=True, access_log=None, logger=log, shutdown_timeout=_FAREWELL_S
        )
        self._runners.append(runner)
        await runner.setup()
        for listener in sockets:
            await web.SockSite(runner, listener).start()

    async def _announce(self, settings: HeadendSettings, gate: Gate) -> None:
        assert self._hdhomerun is not None
        tuners = [self._hdhomerun, *self._further]
        loopback_too = settings.discovery == "on"
        if settings.zeroconf:
            announcements = [self._hdhomerun.announcement(self.htsp_port)]
            announcements += [tuner.announcement() for tuner in self._further]
            self._announcer = Announcer(
                self._clock, announcements, lambda a: addresses_to_announce(a.bind, loopback_too=loopback_too)
            )
            await self._announcer.start()
        if settings.ssdp:
            devices = [tuner.described for tuner in tuners]
            ssdp = SsdpPort(
                self._clock,
                gate,
                devices,
                lambda: sorted(
                    {a for d in devices for a in addresses_to_announce(d.bind, loopback_too=loopback_too)}
                ),
            )
            try:
                ssdp.open()
                self._ssdp = ssdp
            except OSError as error:
                self._trouble.append(f"no SSDP: port 1900 can't be opened ({error.strerror or error})")

    async def stop(self) -> None:
        """Say goodbye, end every stream, close every port. May be called twice."""
        if self._announcer is not None:
            await self._announcer.stop()
            self._announcer = None
        if self._ssdp is not None:
            await self._ssdp.close()
            self._ssdp = None
        for runner in self._runners:
            for site in tuple(runner.sites):
                await site.stop()
        for front_end in reversed(self._front_ends):
            await front_end.stop()
        self._front_ends = []
        for runner in self._runners:
            await runner.cleanup()
        self._runners = []

    def warnings(self) -> list[str]:
        """What doesn't work and doesn't stop the station."""
        tuners = [self._hdhomerun, *self._further] if self._hdhomerun else []
        found = list(dict.fromkeys(warning for tuner in tuners for warning in tuner.warnings))
        found += self._tvheadend.warnings if self._tvheadend else []
        return found + (list(self._announcer.warnings) if self._announcer else []) + self._trouble

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
            *(f"          {t.host_port}  (HDHomeRun {t.device}, {t.name})" for t in self._further),
            *([htsp] if self.htsp_port else []),
            f"guide     {base}/xmltv.xml",
            f"playlist  {base}/channels.m3u",
        ]


@web.middleware
async def _empty_errors(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """An unknown path has no body: clients that ask for video record whatever body they get.

    Only the API, of which nobody asks that, answers in words.
    """
    try:
        return await handler(request)
    except (web.HTTPNotFound, web.HTTPMethodNotAllowed) as refused:
        allow = {"Allow": refused.headers["Allow"]} if "Allow" in refused.headers else {}
        if f"{request.path}/".startswith(f"{ROOT}/"):
            return unknown(request, refused.status, allow)
        return web.Response(status=refused.status, headers=allow)


def _url(host: str, port: int) -> str:
    return f"http://{host}" if port == 80 else f"http://{host}:{port}"
