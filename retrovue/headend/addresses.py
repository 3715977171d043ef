"""Which addresses of this machine clients may use. Nothing is sent to find out."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_interface
from typing import cast

import ifaddr


@dataclass(frozen=True, slots=True)
class Interface:
    """A network interface of this machine, and which network each of its addresses is in."""

    index: int
    addresses: tuple[str, ...]
    networks: tuple[IPv4Network | IPv6Network, ...]


def interfaces() -> list[Interface]:
    """All that have an address now."""
    found = []
    for adapter in ifaddr.get_adapters():
        if adapter.index is None:
            continue
        each = [
            ip_interface(f"{ip.ip[0] if isinstance(ip.ip, tuple) else ip.ip}/{ip.network_prefix}")
            for ip in adapter.ips
        ]
        found.append(Interface(adapter.index, tuple(str(i.ip) for i in each), tuple(i.network for i in each)))
    return found


def is_near(address: str, networks: Iterable[IPv4Network | IPv6Network] = ()) -> bool:
    """Of this machine or its network: loopback, link-local, private (RFC 1918, RFC 4193).

    A house with IPv6 has addresses of the whole world's, so there a neighbour in one of our ``networks``
    counts, too. IPv4 neighbours don't: beside a rented server's address are strangers.
    """
    try:
        found = ip_address(plain(address))
    except ValueError:
        return False
    if found.is_loopback or found.is_link_local or found.is_private:
        return True
    return found.version == 6 and any(n.version == 6 and n.prefixlen >= 64 and found in n for n in networks)


#: What "listen on every address" is written as.
ANYWHERE = ("0.0.0.0", "::")  # noqa: S104


def local_address_towards(peer: str) -> str:
    """The IPv4 address of ours that routes to ``peer``. Raises ``OSError`` when none does."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect((peer, 9))
        return cast(str, probe.getsockname()[0])


def own_addresses(bind: str) -> list[str]:
    """The IPv4 addresses that ``bind`` covers; the one of the default route first, loopback last."""
    if bind not in ANYWHERE:
        return [bind] if ip_address(bind).version == 4 else []
    found = {str(ip.ip) for adapter in ifaddr.get_adapters() for ip in adapter.ips if ip.is_IPv4}
    with contextlib.suppress(OSError):
        first = local_address_towards("192.0.2.1")  # RFC 5737: nobody's, so it takes the default route
        return sorted(found, key=lambda a: (IPv4Address(a).is_loopback, a != first, IPv4Address(a)))
    return sorted(found, key=lambda a: (IPv4Address(a).is_loopback, IPv4Address(a)))


def bracketed(address: str) -> str:
    """An address as it stands in a URL."""
    return f"[{address}]" if ":" in address else address


def plain(address: str) -> str:
    """An address as it is compared: IPv4 that came in on an IPv6 socket is IPv4, a scope is no part of it."""
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(found, IPv6Address) and found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(found)
