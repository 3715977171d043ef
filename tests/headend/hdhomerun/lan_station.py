"""Run by test_lan.py in a network of its own: which searches are answered, for every setting.

Prints one JSON object: "setting port bind" → [over the LAN, by broadcast, over loopback], each the base URL
that was answered or null; and for an IPv6 bind, behind it, by the link's group, by the site's group, by its
address, over loopback. The answer must come from the address that it names.
"""

from __future__ import annotations

import asyncio
import json
import socket
import sys
import tempfile
from collections.abc import Sequence
from ipaddress import ip_network
from pathlib import Path
from typing import Any

from retrovue.clock import StationClock
from retrovue.headend.hdhomerun.packet import FrameType, Tag, decode, encode, tlvs
from retrovue.headend.server import Headend
from retrovue.headend.settings import DeviceSettings, HeadendSettings
from tests.headend.fake_lineup import FakeLineup

OTHER = "10.9.8.2"
LAN, LAN6, LINK6 = "10.9.8.1", "fd00:9:8::1", "fe80::9:8:1"
SECOND = "10.7.6.1"
SEARCH = bytes.fromhex("00020006 0104 00000001 393077e7")


#: Who asks, and where: over the LAN, by broadcast, over loopback.
WAYS = ((LAN, LAN), (LAN, "255.255.255.255"), ("127.0.0.1", "127.0.0.1"))


WAYS6 = ((LINK6, "ff02::176"), (LAN6, "ff05::176"), (LAN6, LAN6), ("::1", "::1"))


def search(source: str, target: str) -> socket.socket:
    """Send one search from one of our own addresses; the answer comes to the socket."""
    six = ":" in source
    wire = socket.socket(socket.AF_INET6 if six else socket.AF_INET, socket.SOCK_DGRAM)
    wire.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
    wire.setblocking(False)
    if six:
        index = socket.if_nametoindex("lan0")
        wire.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, index)
        wire.bind((source, 0, 0, index if source == LINK6 else 0))
        wire.sendto(SEARCH, (target, 65001, 0, index if target.startswith("ff02") else 0))
    else:
        wire.bind((source, 0))
        wire.sendto(SEARCH, (target, 65001))
    return wire


def answer(wire: socket.socket) -> str | None:
    """The base URL that was answered by now."""
    with wire:
        return next_answer(wire)


def next_answer(wire: socket.socket) -> str | None:
    try:
        reply, peer = wire.recvfrom(2000)
    except (BlockingIOError, ConnectionRefusedError):
        return None
    frame = decode(reply)
    assert frame is not None
    base = dict(tlvs(frame.payload))[0x2A].decode()
    assert peer[0].partition("%")[0] == base.removeprefix("http://").rpartition(":")[0].strip("[]")
    return base


async def answers(ways: Sequence[tuple[str, str]] = WAYS, **settings: Any) -> list[str | None]:
    clock = StationClock()
    with tempfile.TemporaryDirectory() as state:
        headend = Headend(
            FakeLineup(clock), clock, HeadendSettings("fake", zeroconf=False, **settings), Path(state), ()
        )
        await headend.start()
        try:
            wires = [search(*way) for way in ways]
            # The device shares this loop: after these turns it has heard everything there is to hear.
            for _ in range(10):
                await asyncio.sleep(0.01)
            found = [answer(wire) for wire in wires]
            for base in found:
                if base is not None:
                    await reach(base)
            return found
        finally:
            await headend.stop()


async def reach(base: str) -> None:
    """Whoever is answered finds control and HTTP at the address that was named."""
    host, _, port = base.removeprefix("http://").rpartition(":")
    host = host.strip("[]")
    if host == LINK6:
        host += "%lan0"
    _, control = await asyncio.open_connection(host, 65001)
    control.close()
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(f"GET /discover.json HTTP/1.1\r\nHost: {base.removeprefix('http://')}\r\n\r\n".encode())
    assert f'"BaseURL":"{base}"'.encode() in await reader.read()
    writer.close()


async def two_tuners() -> dict[str, list[str | None]]:
    """One process, two addresses of one network: who answers a broadcast, and who a search by address."""
    clock = StationClock()
    films = DeviceSettings("films", channels=("Movies",), bind=OTHER)
    settings = HeadendSettings(
        "fake", bind=LAN, http_port=80, devices=(films,), zeroconf=False, discovery="auto"
    )
    with tempfile.TemporaryDirectory() as state:
        headend = Headend(FakeLineup(clock), clock, settings, Path(state), ())
        await headend.start()
        try:
            wires = [search(LAN, target) for target in ("255.255.255.255", LAN, OTHER)]
            for _ in range(10):
                await asyncio.sleep(0.01)
            return {f"two tuners, {n}": [next_answer(wire) for _ in range(3)] for n, wire in enumerate(wires)}
        finally:
            await headend.stop()


async def allowed() -> dict[str, list[Any]]:
    """With one network allowed: discovery, control and HTTP for a stranger, for them, for this machine."""
    clock = StationClock()
    settings = HeadendSettings(
        "fake", zeroconf=False, discovery="on", allow=(ip_network("10.7.6.0/24"),), bind="0.0.0.0"
    )
    found: dict[str, list[Any]] = {}
    with tempfile.TemporaryDirectory() as state:
        headend = Headend(FakeLineup(clock), clock, settings, Path(state), ())
        await headend.start()
        try:
            for ours in (LAN, SECOND, "127.0.0.1"):
                wire = search(ours, ours)
                for _ in range(10):
                    await asyncio.sleep(0.01)
                found[f"allowed, {ours}"] = [answer(wire), await controls(ours), await http_status(ours)]
        finally:
            await headend.stop()
    return found


async def controls(host: str) -> bool:
    """Is the control protocol spoken with whoever asks from this address of ours?"""
    reader, writer = await asyncio.open_connection(host, 65001, local_addr=(host, 0))
    writer.write(encode(FrameType.GETSET_REQUEST, [(Tag.NAME, b"/sys/model\0")]))
    try:
        return bool(await reader.read(1000))
    except ConnectionError:  # hung up on before it was heard
        return False
    finally:
        writer.close()


async def http_status(host: str) -> int:
    reader, writer = await asyncio.open_connection(host, 8080, local_addr=(host, 0))
    writer.write(b"GET /discover.json HTTP/1.0\r\n\r\n")
    status = (await reader.readline()).split()[1]
    writer.close()
    return int(status)


async def main() -> None:
    found: dict[str, Any] = {}
    for bind in ("0.0.0.0", LAN, "127.0.0.1"):
        for discovery in ("auto", "on", "off"):
            for port in (80, 8080):
                found[f"{discovery} {port} {bind}"] = await answers(
                    bind=bind, discovery=discovery, http_port=port
                )
    found["auto 8080 and 80 0.0.0.0"] = await answers(
        bind="0.0.0.0", discovery="auto", http_port=8080, port_80=True
    )
    with socket.create_server(("0.0.0.0", 80)):
        found["auto 8080, 80 taken, 0.0.0.0"] = await answers(
            bind="0.0.0.0", discovery="auto", http_port=8080, port_80=True
        )
    for bind, discovery, port in (
        *(("::", setting, port) for setting in ("auto", "on", "off") for port in (80, 8080)),
        ("0.0.0.0", "on", 80),
        ("::1", "on", 8080),
        (LAN6, "on", 80),
    ):
        found[f"six: {discovery} {port} {bind}"] = await answers(
            (*WAYS, *WAYS6), bind=bind, discovery=discovery, http_port=port
        )
    found["two networks"] = await answers(
        [(LAN, "10.9.8.255"), (SECOND, "10.7.6.255")], bind="0.0.0.0", discovery="on", http_port=8080
    )
    found.update(await two_tuners())
    found.update(await allowed())
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    asyncio.run(main())
