"""The HDHomeRun front-end: one device made of the tuner table, the API, the video and port 65001."""

from __future__ import annotations

import re
from collections.abc import Iterable

from aiohttp import web

from retrovue.clock import MasterClock
from retrovue.headend.addresses import ANYWHERE, local_address_towards
from retrovue.headend.hdhomerun import device_id, discovery
from retrovue.headend.hdhomerun.api import TunerApi
from retrovue.headend.hdhomerun.personality import PERSONALITIES
from retrovue.headend.hdhomerun.port import ControlPort
from retrovue.headend.hdhomerun.targets import Targets
from retrovue.headend.hdhomerun.tuners import TunerTable
from retrovue.headend.hdhomerun.variables import Variables
from retrovue.headend.hdhomerun.video import Video
from retrovue.headend.settings import HeadendSettings
from retrovue.lineup import Lineup

_IPV4 = re.compile(r"(\d{1,3}\.){3}\d{1,3}")


class HdhomerunFrontEnd:
    """Implements ``FrontEnd``. ``settings`` carries the real ports and a valid device id."""

    def __init__(self, lineup: Lineup, clock: MasterClock, settings: HeadendSettings) -> None:
        self._settings = settings
        self.device_id = device_id.parse(settings.device_id)
        family = PERSONALITIES[settings.personality]
        self._table = TunerTable(clock, settings.tuner_count)
        self._api = TunerApi(lineup, clock, settings, self._table, family, self.device_id)
        self._video = Video(lineup, clock, self._table, family)
        self._targets = Targets(lineup, clock, self._table)
        variables = Variables(lineup, clock, self._table, family, self._targets.start)
        self._port = ControlPort(variables, self._answer)
        self.control_port: int | None = None  #: the real one; None while it isn't open
        self.warnings: list[str] = []

    def routes(self) -> Iterable[web.AbstractRouteDef]:
        yield from self._api.routes()
        yield from self._video.routes()

    async def start(self) -> None:
        """Open port 65001; without it the tuner works, but has to be added by hand."""
        settings = self._settings
        address = "0.0.0.0" if settings.bind in ANYWHERE else settings.bind  # noqa: S104
        try:
            if not _IPV4.fullmatch(address):
                raise OSError(f"discovery needs an IPv4 address, and {address} is none")
            self.control_port = await self._port.open(address, settings.control_port)
        except OSError as error:
            self.warnings.append(
                f"no discovery: port {settings.control_port} can't be opened ({error.strerror or error}); "
                "clients need the tuner's address by hand, or set control_port"
            )
            return
        try:
            self._targets.open(address, settings.stream_port)
        except OSError as error:
            self.warnings.append(
                f"UDP port {settings.stream_port} can't be opened ({error.strerror or error}): clients that "
                "receive datagrams may need a hole in their firewall"
            )
        if settings.discovery == "auto" and not self._on_port_80 and not address.startswith("127."):
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
        await self._port.close()
        await self._targets.close()
        self._video.stop()

    def _answer(self, datagram: bytes, sender: str) -> bytes | None:
        """The reply to a discovery datagram, if this sender gets one."""
        request = discovery.parse(datagram)
        if request is None or not discovery.wants(request, self.device_id):
            return None
        try:
            ours = local_address_towards(sender)
        except OSError:
            return None
        settings = self._settings
        host = discovery.address_to_name(settings.bind, ours, sender)
        if host is None or not discovery.may_answer(
            settings.discovery,
            loopback=discovery.is_loopback(sender),
            port_80=self._on_port_80,
        ):
            return None
        base = f"http://{host}:{settings.http_port}"
        return discovery.DeviceCard(self.device_id, settings.tuner_count, base).reply()
