"""Port 65001 on real sockets: our own bytes first, then the real ``hdhomerun_config``."""

from __future__ import annotations

import asyncio
import random
import shutil
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from retrovue.headend.hdhomerun.packet import FrameReader, decode, encode, tlvs
from tests.headend.hdhomerun.conftest import ADDRESS, OnAir, Start
from tests.headend.hdhomerun.test_discovery import REQUESTS
from tests.headend.hdhomerun.test_packet import GET_MODEL

ID = "1052712E"


class Asker(asyncio.DatagramProtocol):
    """A UDP client that keeps what it hears."""

    def __init__(self) -> None:
        self.heard: asyncio.Queue[bytes] = asyncio.Queue()

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.heard.put_nowait(data)


@asynccontextmanager
async def asker(on_air: OnAir) -> AsyncIterator[tuple[Asker, asyncio.DatagramTransport]]:
    assert on_air.headend.control_port is not None
    transport, protocol = await asyncio.get_running_loop().create_datagram_endpoint(
        Asker, remote_addr=(ADDRESS, on_air.headend.control_port)
    )
    try:
        yield protocol, transport
    finally:
        transport.close()


async def answered(ask: Asker) -> bool:
    """Whether there was a reply, once a later question has had its own: UDP on loopback keeps order."""
    try:
        async with asyncio.timeout(0.2):
            await ask.heard.get()
            return True
    except TimeoutError:
        return False


@pytest.mark.parametrize("sender", REQUESTS)
async def test_each_request_gets_exactly_one_reply(start: Start, sender: str) -> None:
    on_air = await start(device_id=ID, tuner_count=4)
    async with asker(on_air) as (ask, wire):
        wire.sendto(bytes.fromhex(REQUESTS[sender]))
        async with asyncio.timeout(5):
            reply = decode(await ask.heard.get())
        assert reply is not None
        found = dict(tlvs(reply.payload))
        assert reply.type == 3
        assert found[0x01] == b"\0\0\0\1"
        assert found[0x02].hex().upper() == ID == (await on_air.json("/discover.json"))["DeviceID"]
        assert found[0x10] == b"\4"
        assert found[0x2A].decode() == on_air.base
        assert len(found[0x2A]) <= 28
        assert found[0x27].decode() == f"{on_air.base}/lineup.json"
        assert ask.heard.empty()


async def test_what_is_not_for_us_gets_no_reply_and_does_no_harm(start: Start) -> None:
    on_air = await start(device_id=ID)
    good = bytes.fromhex(REQUESTS["libhdhomerun 2022-03, Kodi 20"])
    dice = random.Random(65001)
    silent = [
        b"",
        b"\0",
        good[:-1] + b"\0",
        good[:9],
        GET_MODEL,
        encode(2, [(1, b"\0\0\0\5"), (2, b"\xff" * 4)]),
        encode(2, [(1, b"\0\0\0\1"), (2, bytes.fromhex("10439efd"))]),
        dice.randbytes(2000),
        *(dice.randbytes(dice.randrange(60)) for _ in range(300)),
    ]
    async with asker(on_air) as (ask, wire):
        for datagram in silent:
            wire.sendto(datagram)
            await asyncio.sleep(0)  # both ends share this loop: let the device empty its socket
        wire.sendto(good)
        async with asyncio.timeout(5):
            await ask.heard.get()
        assert not await answered(ask)


@pytest.mark.parametrize(("setting", "heard"), [("auto", True), ("on", True), ("off", False)])
async def test_loopback_is_answered_unless_discovery_is_off(start: Start, setting: str, heard: bool) -> None:
    on_air = await start(discovery=setting)
    async with asker(on_air) as (ask, wire):
        wire.sendto(bytes.fromhex(REQUESTS["hdhomerun_config, Jellyfin"]))
        assert await answered(ask) is heard


async def talk(on_air: OnAir, *segments: bytes, replies: int) -> list[list[tuple[int, bytes]]]:
    """Send segments on one TCP connection, read that many replies."""
    reader, writer = await asyncio.open_connection(ADDRESS, on_air.headend.control_port)
    try:
        frames = FrameReader()
        found: list[list[tuple[int, bytes]]] = []
        for segment in segments:
            writer.write(segment)
            await writer.drain()
        async with asyncio.timeout(5):
            while len(found) < replies:
                data = await reader.read(4096)
                assert data, "the device hung up"
                found += [list(tlvs(f.payload)) for f in frames.feed(data)]
        return found
    finally:
        writer.close()


async def test_a_frame_byte_by_byte_and_two_in_one(start: Start) -> None:
    on_air = await start()
    model = [(3, b"/sys/model\0"), (4, b"hdhomerun5_atsc\0")]
    assert await talk(on_air, *(bytes((b,)) for b in GET_MODEL), replies=1) == [model]
    assert await talk(on_air, GET_MODEL * 2, replies=2) == [model, model]


async def test_nonsense_on_one_connection_leaves_the_others_alone(start: Start) -> None:
    on_air = await start()
    reader, writer = await asyncio.open_connection(ADDRESS, on_air.headend.control_port)
    writer.write(random.Random(1).randbytes(500))
    async with asyncio.timeout(5):
        assert await reader.read() == b""  # hung up on
    writer.close()
    unknown = encode(6, [(3, b"firmware\0")])
    assert len(await talk(on_air, unknown, GET_MODEL, replies=1)) == 1


async def test_a_busy_port_costs_discovery_and_nothing_else(start: Start) -> None:
    with socket.create_server((ADDRESS, 0)) as taken:
        on_air = await start(control_port=taken.getsockname()[1])
        assert on_air.headend.control_port is None
        (warning,) = on_air.headend.warnings()
        assert "no discovery" in warning
        assert "control_port" in warning
        assert len(await on_air.json("/lineup.json")) == 4


async def test_udp_is_not_answered_where_tcp_is_not(start: Start) -> None:
    with socket.create_server((ADDRESS, 0)) as taken:
        port = taken.getsockname()[1]
        await start(control_port=port)
        transport, ask = await asyncio.get_running_loop().create_datagram_endpoint(
            Asker, remote_addr=(ADDRESS, port)
        )
        transport.sendto(bytes.fromhex(REQUESTS["hdhomerun_config, Jellyfin"]))
        assert not await answered(ask)
        transport.close()


# --- the real client ---


async def hdhomerun_config(*args: str) -> tuple[int | None, str]:
    process = await asyncio.create_subprocess_exec(
        "hdhomerun_config", *args, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    output, _ = await process.communicate()
    return process.returncode, output.decode().strip()


@pytest.fixture
async def device(start: Start) -> OnAir:
    """On the port that hdhomerun_config always uses."""
    if shutil.which("hdhomerun_config") is None:
        pytest.skip("needs hdhomerun_config (Debian package hdhomerun-config)")
    on_air = await start(control_port=65001, device_id=ID)
    if on_air.headend.control_port is None:
        pytest.skip("port 65001 is taken on every address of this machine")
    return on_air


async def test_discover(device: OnAir) -> None:
    code, said = await hdhomerun_config("discover", ADDRESS)
    assert code == 0
    assert f"hdhomerun device {ID} found at " in said


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("/sys/model", "hdhomerun5_atsc"),
        ("/sys/hwmodel", "HDHR5-4US"),
        ("/sys/version", "20231214"),
        ("/tuner0/status", "ch=none lock=none ss=0 snq=0 seq=0 bps=0 pps=0"),
        ("/tuner1/lockkey", "none"),
        ("/tuner1/channelmap", "us-bcast"),
    ],
)
async def test_get(device: OnAir, name: str, value: str) -> None:
    assert await hdhomerun_config(ADDRESS, "get", name) == (0, value)


async def test_help_and_everything_in_it(device: OnAir) -> None:
    code, text = await hdhomerun_config(ADDRESS, "get", "help")
    assert code == 0
    assert len(text) > 127
    for line in text.splitlines()[1:]:
        code, said = await hdhomerun_config(ADDRESS, "get", line.split()[0].replace("<n>", "0"))
        assert (code, "ERROR" in said) == (0, False), line


@pytest.mark.parametrize("name", ["/sys/nope", "/tuner99/status"])
async def test_get_unknown(device: OnAir, name: str) -> None:
    assert await hdhomerun_config(ADDRESS, "get", name) == (1, "ERROR: unknown getset variable")


async def test_lock_and_tune(device: OnAir) -> None:
    assert await hdhomerun_config(ADDRESS, "set", "/tuner0/lockkey", "1234") == (0, "")
    code, said = await hdhomerun_config(ADDRESS, "set", "/tuner0/channel", "auto:539000000")
    assert code == 1
    assert said.startswith("ERROR: resource locked by 127.")
    assert (await hdhomerun_config(ADDRESS, "key", "1234", "set", "/tuner0/channel", "auto:539000000"))[
        0
    ] == 0
    code, said = await hdhomerun_config(ADDRESS, "get", "/tuner0/streaminfo")
    assert (code, said.splitlines()[0]) == (0, "1: 5.1 WRTV Retro 5")
    assert await device.busy() == ["tuner0"]
    assert (await hdhomerun_config(ADDRESS, "set", "/tuner0/lockkey", "force"))[0] == 0
    assert await device.busy() == []
