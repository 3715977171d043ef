"""mDNS announcement: for people and their browsers; no known client looks for tuners this way.

Real units answer only to ``<device id>.local``; so do we, and add a web page and an informational
``_hdhomerun._tcp``. ``hdhomerun.local`` is left to a real unit that may be there. ``_htsp._tcp`` is what
Tvheadend announces.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_address

from zeroconf import IPVersion, ServiceInfo
from zeroconf.asyncio import AsyncZeroconf

from retrovue.headend.addresses import own_addresses

log = logging.getLogger(__name__)


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
    """Says hello in the background and goodbye at the end. A failure is a warning, never more."""

    def __init__(self, announcement: Announcement, addresses: Sequence[str]) -> None:
        self._announcement, self._addresses = announcement, list(addresses)
        self._zeroconf: AsyncZeroconf | None = None
        self._hello: asyncio.Task[None] | None = None
        self.warnings: list[str] = []

    async def start(self) -> None:
        """Begin; probing for a free name takes a second, which nobody waits for."""
        self._hello = asyncio.create_task(self._announce())

    async def _announce(self) -> None:
        try:
            self._zeroconf = AsyncZeroconf(interfaces=self._addresses, ip_version=IPVersion.V4Only)
            for service in self._announcement.services(self._addresses):
                await self._zeroconf.async_register_service(service, allow_name_change=True)
        except Exception as error:  # the network may refuse in many ways; the station stays on the air
            self.warnings.append(f"not announced by mDNS: {error or type(error).__name__}")
            log.warning(self.warnings[-1])

    async def stop(self) -> None:
        """Goodbye packets, so that clients forget us at once."""
        if self._hello is not None:
            self._hello.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._hello
        if self._zeroconf is not None:
            with contextlib.suppress(Exception):
                await self._zeroconf.async_unregister_all_services()
            with contextlib.suppress(Exception):
                await self._zeroconf.async_close()
            self._zeroconf = None


def addresses_to_announce(bind: str, *, loopback_too: bool) -> list[str]:
    """Our addresses on the LAN; loopback only when there is no other and it was asked for."""
    own = own_addresses(bind)
    return [a for a in own if not ip_address(a).is_loopback] or (own if loopback_too else [])


def _label(name: str) -> str:
    """A name that fits a DNS label together with the id: no dots, at most 54 bytes."""
    return name.replace(".", " ").encode()[:54].decode(errors="ignore").strip() or "RetroVue"
