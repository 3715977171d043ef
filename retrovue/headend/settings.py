"""What the head-end is told about itself; pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal, Protocol

from aiohttp import web

from retrovue.headend.gate import Allowed

Discovery = Literal["auto", "on", "off"]
Personality = Literal["atsc", "dvbt", "cablecard"]


@dataclass(frozen=True, slots=True)
class DeviceSettings:
    """A further tuner of the station, beside the first."""

    slug: str  #: its device id is kept under this
    friendly_name: str = "RetroVue"
    tuner_count: int = 6
    personality: Personality = "atsc"
    device_id: str = ""  #: empty: made once and kept
    channels: tuple[str, ...] = ()  #: numbers, slugs or groups; empty: all
    bind: str = ""  #: an address of its own: it can be found there; empty: the station's, HTTP only
    http_port: int | None = None  #: None: the station's, which needs an address of its own


@dataclass(frozen=True, slots=True)
class HeadendSettings:
    """Everything the front-ends need that is not in the lineup. A port of 0 means: any free one."""

    station: str  #: the station's slug
    friendly_name: str = "RetroVue"
    tuner_count: int = 6  #: 1 to 10: some clients read one digit
    personality: Personality = "atsc"
    device_id: str = ""  #: 8 hex digits with a valid check digit; empty: made once and kept
    channels: tuple[str, ...] = ()  #: of the tuner's lineup: numbers, slugs or groups; empty: all
    bind: str = "0.0.0.0"  # noqa: S104  a television is another machine
    http_port: int = 8080
    stream_port: int = 5004
    control_port: int | None = 65001  #: None: the tuner can't be found, and isn't controlled
    tvheadend: bool = False  #: answer as a Tvheadend server, too
    htsp_port: int = 9982
    tvheadend_port: int = 9981
    xtream: bool = True  #: answer as an Xtream codes server, too
    accounts: tuple[tuple[str, str], ...] = field(
        default=(), repr=False
    )  #: of those two: names and passwords; none: open
    allow: tuple[Allowed, ...] = ("lan",)  #: networks from which everything may be used
    tokens: tuple[tuple[str, str], ...] = field(default=(), repr=False)  #: names, and what opens addresses
    discovery: Discovery = "auto"
    port_80: bool = False  #: also serve on port 80 where the process may; after start: it does
    external_url: str | None = None  #: "http://tv.example:8080", when clients reach another address
    zeroconf: bool = True
    ssdp: bool = False  #: announce the tuners by UPnP, too
    devices: tuple[DeviceSettings, ...] = ()  #: further tuners
    token: str = field(default="", repr=False)  #: of the control API; empty: made once and kept


class FrontEnd(Protocol):
    """One way into the station for clients. Constructors take (lineup, clock, settings)."""

    def routes(self) -> Iterable[web.AbstractRouteDef]:
        """The HTTP paths it serves, on every HTTP port."""
        ...

    async def start(self) -> None: ...

    async def stop(self) -> None: ...
