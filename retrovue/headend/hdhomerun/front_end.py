"""The HDHomeRun front-end: one device made of the tuner table, the API, the video and port 65001."""

from __future__ import annotations

from collections.abc import Iterable

from aiohttp import web

from retrovue.clock import MasterClock
from retrovue.headend.addresses import ANYWHERE, bracketed, own_addresses
from retrovue.headend.announce import Announcement
from retrovue.headend.gate import Gate
from retrovue.headend.hdhomerun import describe, device_id, discovery
from retrovue.headend.hdhomerun.api import TunerApi
from retrovue.headend.hdhomerun.personality import PERSONALITIES
from retrovue.headend.hdhomerun.port import ControlPort
from retrovue.headend.hdhomerun.search_port import Search, SearchPort
from retrovue.headend.hdhomerun.targets import Targets
from retrovue.headend.hdhomerun.tuners import Tuner, TunerTable
from retrovue.headend.hdhomerun.variables import Variables
from retrovue.headend.hdhomerun.video import Video
from retrovue.headend.selection import selected
from retrovue.headend.settings import HeadendSettings
from retrovue.headend.ssdp_port import Described
from retrovue.headend.tuner_desk import TunerState
from retrovue.lineup import Lineup


class HdhomerunFrontEnd:
    """Implements ``FrontEnd`` and ``TunerDesk``. ``settings`` carries the real ports and a valid device id.

    ``searches`` is the port that all devices of this process are found by; None: it has one of its own.
    ``front_page``: nobody else has a page to show at "/".
    """

    def __init__(
        self,
        lineup: Lineup,
        clock: MasterClock,
        settings: HeadendSettings,
        searches: SearchPort | None = None,
        *,
        front_page: bool = False,
    ) -> None:
        self._settings, self._clock, self._front_page = settings, clock, front_page
        self.device_id = device_id.parse(settings.device_id)
        family = PERSONALITIES[settings.personality]
        lineup = selected(lineup, settings.channels)
        self._table = TunerTable(clock, settings.tuner_count)
        self._api = TunerApi(lineup, clock, settings, self._table, family, self.device_id)
        self._video = Video(lineup, clock, self._table, family)
        self._targets = Targets(lineup, clock, self._table)
        variables = Variables(lineup, clock, self._table, family, self._targets.start)
        gate = Gate(clock, settings.allow)
        self._port = ControlPort(variables, gate)
        self._searches = searches or SearchPort(clock, gate)
        self.control_port: int | None = None  #: the real one; None while it isn't open
        self.warnings: list[str] = []

    def announcement(self, htsp_port: int | None = None) -> Announcement:
        """What is told of it by mDNS."""
        settings = self._settings
        findable = self.control_port is not None and settings.discovery != "off"
        return Announcement(
            device_id=self.device,
            name=settings.friendly_name,
            model=PERSONALITIES[settings.personality].hardware,
            tuner_count=settings.tuner_count,
            http_port=settings.http_port,
            control_port=self.control_port if findable else None,
            htsp_port=htsp_port,
            bind=settings.bind,
        )

    @property
    def described(self) -> Described:
        """What is told of it by SSDP."""
        return Described(describe.udn(self.device_id), self._settings.bind, self._settings.http_port)

    # --- the operator's view: tuner_desk.TunerDesk ---

    @property
    def device(self) -> str:
        return f"{self.device_id:08X}"

    @property
    def name(self) -> str:
        return self._settings.friendly_name

    @property
    def host_port(self) -> str:
        """Where a client adds it by hand."""
        known = own_addresses(self._settings.bind) or [self._settings.bind]
        return f"{bracketed(known[0])}:{self._settings.http_port}"

    def tuners(self) -> list[TunerState]:
        now = self._clock.elapsed()
        return [self._state(tuner, now) for tuner in self._table.tuners]

    def kick(self, index: int) -> bool:
        return self._table.kick(self._table.tuners[index])

    def _state(self, tuner: Tuner, now: float) -> TunerState:
        client = self._table.holder(tuner) or ""  # drops an idle lock, and what it tuned
        on_air, meter = tuner.on_air, tuner.meter
        return TunerState(
            tuner.index,
            number=on_air.number if on_air else "",
            name=on_air.name if on_air else "",
            client=client,
            target=tuner.target if meter else "",
            agent=tuner.viewing.agent if tuner.viewing else "",
            locked=tuner.lock is not None,
            bits_s=meter.rate(now) if meter else 0,
            sent=meter.total if meter else 0,
            lasts_s=round(now - meter.began, 3) if meter else 0.0,
            idle_s=round(meter.idle(now), 3) if meter else 0.0,
        )

    # --- the front-end ---

    def routes(self) -> Iterable[web.AbstractRouteDef]:
        if self._front_page:
            yield self._api.front_page()
        yield from self._api.routes()
        yield from self._video.routes()

    async def start(self) -> None:
        """Open port 65001; without it the tuner works, but has to be added by hand.

        A device that is found but doesn't answer control crashes Tvheadend (tvhdhomerun.c:338): so searches
        are heard only once the control protocol is there, on the same address and port.
        """
        settings = self._settings
        if settings.control_port is None:
            return
        try:
            port = await self._port.open(settings.bind, settings.control_port)
            if settings.discovery != "off":
                self._searches.attach(settings.bind, port, self._answer)
        except OSError as error:
            await self._port.close()
            self.warnings.append(
                f"no discovery: port {settings.control_port} can't be opened ({error.strerror or error}); "
                "clients need the tuner's address by hand, or set control_port"
            )
            return
        self.control_port = port
        try:
            self._targets.open(settings.bind, settings.stream_port)
        except OSError as error:
            self.warnings.append(
                f"UDP port {settings.stream_port} can't be opened ({error.strerror or error}): clients that "
                "receive datagrams may need a hole in their firewall"
            )
        on_the_lan = settings.bind in ANYWHERE or not discovery.is_loopback(settings.bind)
        if settings.discovery == "auto" and not self._on_port_80 and on_the_lan:
            self.warnings.append(
                "other machines don't find the tuner by search, because they expect it on port 80; "
                "let the process open port 80, or add the tuner by its address, or set discovery to on"
            )

    @property
    def _on_port_80(self) -> bool:
        """Is the tuner API served where clients that search for it will ask?"""
        return self._settings.http_port == 80 or self._settings.port_80

    async def stop(self) -> None:
        self.control_port = None
        self._searches.detach(self._answer)
        await self._port.close()
        await self._targets.close()
        self._video.stop()

    def _answer(self, search: Search) -> tuple[bytes, str] | None:
        """The reply to a discovery datagram and the address it leaves from, if this sender gets one."""
        request = discovery.parse(search.data)
        if request is None or not discovery.wants(request, self.device_id):
            return None
        settings = self._settings
        host = discovery.address_to_name(settings.bind, search.ours)
        if host is None or not discovery.may_answer(
            settings.discovery,
            loopback=discovery.is_loopback(search.sender),
            port_80=self._on_port_80,
        ):
            return None
        base = f"http://{bracketed(host)}:{settings.http_port}"
        return discovery.DeviceCard(self.device_id, settings.tuner_count, base).reply(), host
