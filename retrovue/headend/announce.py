"""mDNS announcement: for people and their browsers; no known client looks for tuners this way.

Real units answer only to ``<device id>.local``; so do we, and add a web page and an informational
``_hdhomerun._tcp``. ``hdhomerun.local`` is left to a real unit that may be there. ``_htsp._tcp`` is what
Tvheadend announces.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from ipaddress import ip_address

from zeroconf import IPVersion, ServiceInfo
from zeroconf.asyncio import AsyncZeroconf

from retrovue.clock import MasterClock
from retrovue.headend.addresses import own_addresses

log = logging.getLogger(__name__)

#: How often our addresses are looked at (seconds).
_LOOK_S = 30.0


@dataclass(frozen=True, slots=True)
class Announcement:
    """What is announced. ``control_port`` None: the device can't be found, and isn't named."""

    device_id: str
    name: str
    model: str
    tuner_count: int
    http_port: int
    control_port: int | None
    htsp_port: int | None = None  #: None: there is none
    bind: str = "0.0.0.0"  # noqa: S104  what it listens on

    def services(self, addresses: Sequence[str]) -> list[ServiceInfo]:
        """The records for these IPv4 addresses, the first of which stands in the BaseURL."""
        packed = [ip_address(a).packed for a in addresses]
        server = f"{self.device_id}.local."
        found = [
            ServiceInfo(
                "_http._tcp.local.",
                f"{_label(self.name)} {self.device_id}._http._tcp.local.",
                addresses=packed,
                port=self.http_port,
                properties={"path": "/"},
                server=server,
            )
        ]
        if self.control_port is not None:
            found.append(
                ServiceInfo(
                    "_hdhomerun._tcp.local.",
                    f"{self.device_id}._hdhomerun._tcp.local.",
                    addresses=packed,
                    port=self.control_port,
                    properties={
                        "DeviceID": self.device_id,
                        "BaseURL": f"http://{addresses[0]}:{self.http_port}",
                        "TunerCount": str(self.tuner_count),
                        "Model": self.model,
                    },
                    server=server,
                )
            )
        if self.htsp_port is not None:
            found.append(
                ServiceInfo(
                    "_htsp._tcp.local.",
                    f"{_label(self.name)} {self.device_id}._htsp._tcp.local.",
                    addresses=packed,
                    port=self.htsp_port,
                    server=server,
                )
            )
        return found


class Announcer:
    """Says hello in the background, again when our addresses change, and goodbye at the end. A failure is a
    warning, never more.

    ``addresses``: those of a device now, the one for its BaseURL first; none: it isn't announced.
    """

    def __init__(
        self,
        clock: MasterClock,
        announcements: Sequence[Announcement],
        addresses: Callable[[Announcement], Sequence[str]],
    ) -> None:
        self._clock, self._announcements, self._addresses = clock, announcements, addresses
        self._zeroconf: AsyncZeroconf | None = None
        self._talking: asyncio.Task[None] | None = None
        self.warnings: list[str] = []

    async def start(self) -> None:
        """Begin; probing for a free name takes a second, which nobody waits for."""
        self._talking = asyncio.create_task(self._talk(), name="mDNS")

    async def _talk(self) -> None:
        said: list[tuple[str, ...]] | None = None
        while True:
            now = [tuple(self._addresses(announcement)) for announcement in self._announcements]
            if now != said:
                await self._goodbye()
                await self._hello(now)
                said = now
            await self._clock.wait(_LOOK_S)

    async def _hello(self, addresses: Sequence[tuple[str, ...]]) -> None:
        ours = list(dict.fromkeys(address for each in addresses for address in each))
        self.warnings = []
        if not ours:
            return
        try:
            self._zeroconf = AsyncZeroconf(interfaces=ours, ip_version=IPVersion.V4Only)
            for announcement, each in zip(self._announcements, addresses, strict=True):
                for service in announcement.services(each) if each else ():
                    await self._zeroconf.async_register_service(service, allow_name_change=True)
        except Exception as error:  # the network may refuse in many ways; the station stays on the air
            self.warnings.append(f"not announced by mDNS: {error or type(error).__name__}")
            log.warning(self.warnings[-1])

    async def _goodbye(self) -> None:
        """Goodbye packets, so that clients forget us at once."""
        if self._zeroconf is not None:
            with contextlib.suppress(Exception):
                await self._zeroconf.async_unregister_all_services()
            with contextlib.suppress(Exception):
                await self._zeroconf.async_close()
            self._zeroconf = None

    async def stop(self) -> None:
        """Say goodbye."""
        if self._talking is not None:
            self._talking.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._talking
        await self._goodbye()


def addresses_to_announce(bind: str, *, loopback_too: bool) -> list[str]:
    """Our addresses on the LAN; loopback only when there is no other and it was asked for."""
    own = own_addresses(bind)
    return [a for a in own if not ip_address(a).is_loopback] or (own if loopback_too else [])


def _label(name: str) -> str:
    """A name that fits a DNS label together with the id: no dots, at most 54 bytes."""
    return name.replace(".", " ").encode()[:54].decode(errors="ignore").strip() or "RetroVue"
