"""SSDP: what is answered to whom, and hello and goodbye on a real multicast socket."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import pytest

from retrovue.clock import StationClock
from retrovue.headend import ssdp
from retrovue.headend.gate import Gate
from retrovue.headend.ssdp_port import Described, SsdpPort
from tests.headend.test_server import make

UDN = "uuid:9d1b7c1e-0000-5000-8000-000000000001"
NOW = datetime(2026, 11, 26, 20, 0, tzinfo=UTC)
SEARCH = (
    b'M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nMAN: "ssdp:discover"\r\nMX: 0\r\nST: %s\r\n\r\n'
)


@pytest.mark.parametrize(
    "datagram",
    [
        SEARCH % b"ssdp:all",
        (SEARCH % b"ssdp:all").replace(b"HTTP/1.1", b"HTTP/1.0"),
        (SEARCH % b"ssdp:all").replace(b"\r\n", b"\n"),
        b"M-SEARCH * HTTP/1.1\r\nst:ssdp:all\r\nman:ssdp:discover\r\n\r\n",
        b'M-SEARCH * HTTP/1.1\r\nSt:   ssdp:all  \r\nMAN: "SSDP:Discover"\r\nMX: junk\r\n\r\n',
    ],
)
def test_every_way_to_search(datagram: bytes) -> None:
    assert ssdp.parse(datagram) == ssdp.Wanted("ssdp:all", 0)


@pytest.mark.parametrize(
    "datagram",
    [
        b"",
        b"\xff" * 500,
        b"M-SEARCH * HTTP/1.1\r\n\r\n",
        b"M-SEARCH * HTTP/1.1\r\nST: ssdp:all\r\n\r\n",
        b"NOTIFY * HTTP/1.1\r\nNT: upnp:rootdevice\r\nNTS: ssdp:alive\r\n\r\n",
        (SEARCH % b"ssdp:all").replace(b"M-SEARCH", b"GET"),
        (SEARCH % b"ssdp:all").replace(b"HTTP/1.1", b"HTTP/2"),
    ],
)
def test_what_is_no_search(datagram: bytes) -> None:
    assert ssdp.parse(datagram) is None


def test_nobody_is_kept_waiting_for_long() -> None:
    for mx, wait in ((b"3", 3), (b"120", 5), (b"-1", 0), (b"9" * 50, 0)):
        wanted = ssdp.parse((SEARCH % b"upnp:rootdevice").replace(b"MX: 0", b"MX: " + mx))
        assert wanted is not None
        assert wanted.mx_s == wait


def test_what_a_device_answers_to() -> None:
    assert ssdp.targets("ssdp:all", UDN) == ["upnp:rootdevice", UDN]
    assert ssdp.targets("UPNP:rootdevice", UDN) == ["upnp:rootdevice"]
    assert ssdp.targets(UDN.upper(), UDN) == [UDN]
    # It has no library, so it is no server of media.
    assert ssdp.targets("urn:schemas-upnp-org:device:MediaServer:1", UDN) == []
    assert ssdp.targets("uuid:other", UDN) == []


def test_an_answer_to_the_byte() -> None:
    assert ssdp.answer("upnp:rootdevice", UDN, "http://10.0.0.5:80/device.xml", NOW).decode() == (
        "HTTP/1.1 200 OK\r\n"
        "CACHE-CONTROL: max-age=1800\r\n"
        "DATE: Thu, 26 Nov 2026 20:00:00 GMT\r\n"
        "EXT:\r\n"
        "LOCATION: http://10.0.0.5:80/device.xml\r\n"
        "SERVER: HDHomeRun/1.0 UPnP/1.0\r\n"
        "ST: upnp:rootdevice\r\n"
        f"USN: {UDN}::upnp:rootdevice\r\n\r\n"
    )


# --- on the wire ---


@asynccontextmanager
async def listening(port: int) -> AsyncIterator[asyncio.Queue[dict[str, str]]]:
    """Whatever is told to the group on loopback, as headers in capitals."""
    heard: asyncio.Queue[dict[str, str]] = asyncio.Queue()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as wire:
        wire.setblocking(False)
        wire.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        wire.bind((ssdp.GROUP, port))
        member = socket.inet_aton(ssdp.GROUP) + socket.inet_aton("127.0.0.1")
        try:
            wire.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, member)
        except OSError as error:
            pytest.skip(f"no multicast on loopback: {error}")
        loop = asyncio.get_running_loop()
        loop.add_reader(wire, lambda: heard.put_nowait(headers(wire.recv(2048))))
        try:
            yield heard
        finally:
            loop.remove_reader(wire)


def headers(message: bytes) -> dict[str, str]:
    first, *lines = message.decode().split("\r\n")
    return {"": first} | {k.upper(): v.strip() for k, _, v in (line.partition(":") for line in lines if line)}


async def searched(target: bytes, port: int, count: int, to: str = "127.0.0.1") -> list[dict[str, str]]:
    """The answers to a search, ``count`` of them."""
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as wire:
        wire.setblocking(False)
        wire.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton("127.0.0.1"))
        wire.bind(("127.0.0.1", 0))
        wire.sendto(SEARCH % target, (to, port))
        async with asyncio.timeout(20):
            return [headers(await loop.sock_recv(wire, 2048)) for _ in range(count)]


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as wire:
        wire.bind(("127.0.0.1", 0))
        return int(wire.getsockname()[1])


async def until(heard: asyncio.Queue[dict[str, str]], nts: str, usns: Sequence[str]) -> None:
    """Every one of these is told."""
    left = set(usns)
    async with asyncio.timeout(20):
        while left:
            notice = await heard.get()
            if notice.get("NTS") == nts:
                left.discard(notice["USN"])


async def test_hello_answers_and_goodbye() -> None:
    clock, port = StationClock(), free_port()
    first = Described(UDN, "0.0.0.0", 8080)
    second = Described(UDN.replace("01", "02"), "127.0.0.1", 8081)
    other = Described("uuid:elsewhere", "10.99.99.99", 8080)
    async with listening(port) as heard:
        ssdp_port = SsdpPort(clock, Gate(clock), [first, second, other], lambda: ["127.0.0.1"], port)
        ssdp_port.open()
        usns = [d.udn + end for d in (first, second) for end in ("", "::upnp:rootdevice")]
        await until(heard, "ssdp:alive", usns)
        for to in ("127.0.0.1", ssdp.GROUP):
            found = await searched(b"ssdp:all", port, 4, to)
            assert sorted(a["USN"] for a in found) == sorted(usns)
            assert {a["LOCATION"] for a in found} == {
                "http://127.0.0.1:8080/device.xml",
                "http://127.0.0.1:8081/device.xml",
            }
        (only,) = await searched(second.udn.encode(), port, 1)
        assert only["ST"] == second.udn
        await ssdp_port.close()
        await until(heard, "ssdp:byebye", usns)


async def test_whoever_is_not_allowed_hears_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, port = StationClock(), free_port()
    gate = Gate(clock)
    ssdp_port = SsdpPort(clock, gate, [Described(UDN, "0.0.0.0", 8080)], lambda: ["127.0.0.1"], port)
    ssdp_port.open()
    try:
        monkeypatch.setattr(gate, "admits", lambda address: False)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await searched(b"ssdp:all", port, 1)
        monkeypatch.undo()
        await searched(b"upnp:rootdevice", port, 1)
    finally:
        await ssdp_port.close()


async def test_the_station_is_described_where_it_says(tmp_path: Path) -> None:
    headend = make(tmp_path, ssdp=True, discovery="on")
    await headend.start()
    try:
        assert headend.warnings() == []
        (found,) = await searched(b"upnp:rootdevice", ssdp.PORT, 1)
        async with aiohttp.ClientSession() as http, http.get(found["LOCATION"]) as response:
            text = await response.text()
        assert f"<UDN>{found['USN'].removesuffix('::upnp:rootdevice')}</UDN>" in text
    finally:
        await headend.stop()
