"""The URL a client reaches us by: every link we hand out begins with it.

Built from the ``Host`` header, not from our own address, so that a client behind NAT, a container's
port mapping or a reverse proxy gets links it can follow. ``external_url`` overrides it.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from aiohttp import web

#: A DNS name or IPv4 address, or an IPv6 address in brackets; then perhaps a port (RFC 3986, 3.2.2).
#: Anything else would let a request plant text in the playlists and pages of other clients.
_HOST = re.compile(r"(?:[A-Za-z0-9](?:[A-Za-z0-9._-]{0,252})|\[[0-9A-Fa-f:.]{2,45}\])(?::(\d{1,5}))?")


def valid_host(host: str) -> bool:
    """Whether ``host`` ("tv.lan:8080", "10.0.0.5", "[fe80::1]:80") may stand in a URL."""
    match = _HOST.fullmatch(host)
    return match is not None and (match[1] is None or int(match[1]) < 65536)


def base_url(request: web.BaseRequest, external_url: str | None = None) -> str:
    """``http://host[:port]`` with no path and no trailing slash, as this client sees us.

    A missing or malformed Host header (HTTP/1.0, or somebody being clever) gives way to the address
    the connection came in on.
    """
    if external_url:
        return external_url.rstrip("/")
    host = request.headers.get("Host", "")
    if valid_host(host):
        return f"http://{host}"
    name = request.transport.get_extra_info("sockname") if request.transport else None
    if not name:
        return "http://127.0.0.1"
    address, port = name[:2]
    return f"http://{f'[{address}]' if ':' in address else address}:{port}"


def renamed(base: str, external_url: str | None) -> str:
    """``base`` with the host of ``external_url``, and with its own port: for ports to which ``external_url``,
    that names another one, doesn't lead."""
    host = urlsplit(external_url).hostname if external_url else None
    if not host:
        return base
    parts, name = urlsplit(base), f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{name}" + (f":{parts.port}" if parts.port is not None else "")
