"""SSDP, the discovery of UPnP (UPnP Device Architecture 1.1, chapter 1), as text; pure.

Real tuners announce their UPnP description so. No known client finds tuners by it, so it is off unless asked
for. Of a device only ``upnp:rootdevice`` and its UUID are told: whoever believes in a MediaServer would ask
it for a library.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Literal

GROUP, PORT = "239.255.255.250", 1900
#: How long an announcement is good for, and how often it is made anew: well before (seconds).
MAX_AGE_S, AGAIN_S = 1800, 600.0
#: A search may be answered at any time in so many seconds, whatever more it allows (1.3.3: at most 5).
_LONGEST_MX = 5

_ROOT = "upnp:rootdevice"
_SERVER = "HDHomeRun/1.0 UPnP/1.0"
_REQUEST = re.compile(rb"M-SEARCH \* HTTP/1\.[01]")


@dataclass(frozen=True, slots=True)
class Wanted:
    """A search."""

    target: str  #: ST: "ssdp:all", "upnp:rootdevice", "uuid:…"
    mx_s: int  #: answers are to be spread over so many seconds; 0: at once


def parse(datagram: bytes) -> Wanted | None:
    """A search for whatever there is; None for anything else. Headers may be in any case."""
    line, _, rest = datagram.partition(b"\n")
    if _REQUEST.fullmatch(line.strip()) is None:
        return None
    headers: dict[str, str] = {}
    for written in rest.decode("latin-1").splitlines():
        name, colon, value = written.partition(":")
        if colon:
            headers.setdefault(name.strip().lower(), value.strip())
    if headers.get("man", "").strip('"').lower() != "ssdp:discover" or not headers.get("st"):
        return None
    mx = headers.get("mx", "")
    # UDA 1.0 clients that ask one device may leave it out.
    wait = min(int(mx), _LONGEST_MX) if mx.isascii() and mx.isdigit() and len(mx) < 6 else 0
    return Wanted(headers["st"], wait)


def targets(wanted: str, udn: str) -> list[str]:
    """What of a device with this UDN ("uuid:…") answers a search."""
    if wanted.lower() == "ssdp:all":
        return [_ROOT, udn]
    return [t for t in (_ROOT, udn) if t.lower() == wanted.lower()]


def answer(target: str, udn: str, location: str, now: datetime) -> bytes:
    """To a search, for one of its targets. ``location``: where the description is."""
    return _message(
        "HTTP/1.1 200 OK",
        CACHE_CONTROL=f"max-age={MAX_AGE_S}",
        DATE=format_datetime(now.astimezone(UTC), usegmt=True),
        EXT="",
        LOCATION=location,
        SERVER=_SERVER,
        ST=target,
        USN=_usn(target, udn),
    )


def notices(kind: Literal["alive", "byebye"], udn: str, location: str) -> list[bytes]:
    """What is told to everybody: that a device is there, or that it goes."""
    here = {"CACHE_CONTROL": f"max-age={MAX_AGE_S}", "LOCATION": location, "SERVER": _SERVER}
    return [
        _message(
            "NOTIFY * HTTP/1.1",
            HOST=f"{GROUP}:{PORT}",
            **(here if kind == "alive" else {}),
            NT=target,
            NTS=f"ssdp:{kind}",
            USN=_usn(target, udn),
        )
        for target in (_ROOT, udn)
    ]


def _usn(target: str, udn: str) -> str:
    return udn if target == udn else f"{udn}::{target}"


def _message(first: str, **headers: str) -> bytes:
    lines = [first, *(f"{name.replace('_', '-')}: {value}".rstrip() for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode()
