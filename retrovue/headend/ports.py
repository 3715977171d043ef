"""Listening sockets, and words for those that can't be had."""

from __future__ import annotations

import asyncio
import errno
import socket
from ipaddress import ip_address

from retrovue.errors import RetroVueError


async def address_of(bind: str) -> str:
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


def listen(address: str, port: int, setting: str, flag: str | None = None) -> socket.socket:
    """A listening socket. Raises ``RetroVueError`` that names the setting to change.

    ``flag``: the option that sets it, too; None: it is named like the setting; empty: there is none.
    """
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        return socket.create_server(
            (address, port), family=family, backlog=128, dualstack_ipv6=address == "::"
        )
    except OSError as error:
        flag = "--" + setting.replace("_", "-") if flag is None else flag
        named = f"{setting} ({flag})" if flag else setting
        if error.errno == errno.EADDRINUSE:
            why = "another program has it"
            help = f"stop that program, or choose another port with {named}"
        elif error.errno in (errno.EACCES, errno.EPERM):
            why = "ports below 1024 need a permission"
            help = (
                f"choose a port above 1023 with {named}, or allow it: "
                "setcap cap_net_bind_service, or net.ipv4.ip_unprivileged_port_start"
            )
        elif error.errno == errno.EADDRNOTAVAIL:
            why = f"{address} is no address of this machine"
            help = "change bind (--bind): 0.0.0.0 is every address"
        else:
            why = error.strerror or str(error)
            help = f"choose another port with {named}"
        raise RetroVueError(f"port {port} can't be opened: {why}", help=help) from None


def try_port_80(address: str) -> socket.socket | None:
    """A listening socket on port 80, where clients that search for tuners ask; None when we may not."""
    try:
        return listen(address, 80, "http_port")
    except RetroVueError:
        return None
