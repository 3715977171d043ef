"""Several tuners of one station: each its own id, lineup, port and tuners."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from retrovue.call_sheet import call_sheet
from retrovue.clock import StationClock
from retrovue.errors import RetroVueError
from retrovue.headend.hdhomerun.device_id import is_valid
from retrovue.headend.selection import Selection
from retrovue.headend.server import Headend
from retrovue.headend.settings import DeviceSettings, HeadendSettings
from retrovue.lineup import ChannelId, TuneRefused, Viewer
from retrovue.sign_on import headend_settings
from tests.headend.fake_lineup import FakeLineup
from tests.headend.test_server import sockets_open
from tests.station.build import STATION, load

#: Two addresses of this test process's own.
FIRST, SECOND = (f"127.{os.getpid() >> 8 & 0x7F}.{os.getpid() & 0xFF}.{n}" for n in (101, 102))

Start = Callable[..., Awaitable[Headend]]


@pytest.fixture
async def start(tmp_path: Path) -> AsyncIterator[Start]:
    running: list[Headend] = []

    async def begin(*devices: DeviceSettings, **settings: Any) -> Headend:
        clock = StationClock()
        asked: dict[str, Any] = {
            "bind": FIRST,
            "http_port": 0,
            "stream_port": 0,
            "control_port": 0,
            "zeroconf": False,
        }
        asked |= settings
        headend = Headend(
            FakeLineup(clock), clock, HeadendSettings("fake", devices=devices, **asked), tmp_path
        )
        await headend.start()
        running.append(headend)
        return headend

    yield begin
    for headend in running:
        await headend.stop()


@pytest.fixture
async def client() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=20)) as client:
        yield client


async def get(client: aiohttp.ClientSession, url: str) -> Any:
    async with client.get(url) as response:
        assert response.status == 200, url
        return await response.json()


async def test_each_has_its_own_id_lineup_and_tuners(start: Start, client: aiohttp.ClientSession) -> None:
    headend = await start(
        DeviceSettings("films", "Films", tuner_count=1, channels=("Movies",)),
        DeviceSettings("some", "Some", channels=("9", "wtst"), personality="cablecard"),
        channels=("Network", "Kids"),
    )
    films, some = headend._further
    urls = [f"http://{FIRST}:{headend.http_port}", f"http://{films.host_port}", f"http://{some.host_port}"]
    cards = [await get(client, f"{url}/discover.json") for url in urls]
    assert [card["FriendlyName"] for card in cards] == ["RetroVue", "Films", "Some"]
    assert [card["TunerCount"] for card in cards] == [6, 1, 6]
    assert [card["BaseURL"] for card in cards] == urls
    assert cards[2]["FirmwareName"] == "hdhomerun3_cablecard"
    ids = {card["DeviceID"] for card in cards}
    assert len(ids) == 3
    assert all(is_valid(int(id, 16)) for id in ids)
    lineups = [[entry["GuideNumber"] for entry in await get(client, f"{url}/lineup.json")] for url in urls]
    assert lineups == [["5.1", "9"], ["5.2"], ["9", "99.1"]]
    # A channel that isn't in its lineup isn't on it, and its only tuner is nobody else's.
    async with client.get(f"{urls[1]}/auto/v5.1") as response:
        assert response.headers["X-HDHomeRun-Error"] == "801 Unknown Channel"
    async with client.get(f"{urls[1]}/auto/v5.2") as response:
        assert response.status == 200
        async with client.get(f"{urls[1]}/auto/v5.2") as refused:
            assert refused.headers["X-HDHomeRun-Error"] == "805 All Tuners In Use"
        async with client.get(f"{urls[0]}/auto/v5.1") as other:
            assert other.headers["X-HDHomeRun-Resource"] == "tuner0"
        devices = (await get(client, f"{urls[0]}/api/v1/tuners"))["devices"]
        assert [d["name"] for d in devices] == ["RetroVue", "Films", "Some"]
        assert [d["device"] for d in devices] == [card["DeviceID"] for card in cards]
        assert devices[1]["tuners"][0]["number"] == "5.2"
    # Guide and pages are its own, too; the station's page is the first one's.
    async with client.get(f"{urls[1]}/xmltv.xml") as response:
        guide = await response.text()
    assert guide.count("<channel ") == 1
    assert 'channel="C5.2.fake.retrovue.tv"' in guide
    async with client.get(f"{urls[1]}/") as response:
        assert "Movies &amp; &lt;More&gt;" in await response.text()
    async with client.get(f"{urls[1]}/api/v1/status") as response:
        assert response.status == 404
    # The first one's lineup is a part; the station's playlist and guide are whole.
    async with client.get(f"{urls[0]}/channels.m3u") as response:
        assert (await response.text()).count("#EXTINF") == 4
    lines = "\n".join(headend.addresses())
    assert f"{films.host_port}  (HDHomeRun {cards[1]['DeviceID']}, Films)" in lines


async def test_on_one_address_only_the_first_is_controlled(start: Start) -> None:
    headend = await start(DeviceSettings("films", channels=("Movies",)))
    assert headend.control_port is not None
    assert headend._further[0].control_port is None
    assert headend.warnings() == []


async def test_an_address_of_its_own_makes_a_whole_tuner(start: Start, client: aiohttp.ClientSession) -> None:
    headend = await start(DeviceSettings("films", "Films", channels=("Movies",), bind=SECOND))
    (films,) = headend._further
    assert films.host_port.startswith(f"{SECOND}:")
    card = await get(client, f"http://{films.host_port}/discover.json")
    for address, port, id in (
        (FIRST, headend.control_port, headend.device_id),
        (SECOND, films.control_port, card["DeviceID"]),
    ):
        assert port is not None
        with socket.socket(type=socket.SOCK_DGRAM) as wire:
            wire.setblocking(False)
            wire.bind((FIRST, 0))
            wire.sendto(bytes.fromhex("00020006 0104 00000001 393077e7"), (address, port))
            async with asyncio.timeout(5):
                reply, sender = await asyncio.get_running_loop().sock_recvfrom(wire, 2000)
        assert sender == (address, port)
        assert reply[12:16].hex().upper() == id
        _, writer = await asyncio.open_connection(address, port)
        writer.close()


async def test_they_come_and_go_together(tmp_path: Path) -> None:
    clock = StationClock()
    devices = (DeviceSettings("a"), DeviceSettings("b", bind=SECOND))
    settings = HeadendSettings(
        "fake", bind=FIRST, http_port=0, stream_port=0, control_port=0, zeroconf=False, devices=devices
    )
    before = sockets_open()
    headend = Headend(FakeLineup(clock), clock, settings, tmp_path)
    await headend.start()
    assert sockets_open() > before
    await headend.stop()
    await asyncio.sleep(0)
    assert sockets_open() == before
    with socket.create_server((FIRST, 0)) as taken:
        port = taken.getsockname()[1]
        broken = (*devices, DeviceSettings("c", http_port=port))
        headend = Headend(
            FakeLineup(clock),
            clock,
            HeadendSettings(
                "fake", bind=FIRST, http_port=0, stream_port=0, control_port=0, zeroconf=False, devices=broken
            ),
            tmp_path,
        )
        with pytest.raises(RetroVueError, match=f"port {port} can't be opened: another program") as refused:
            await headend.start()
        assert "http_port of the device c" in refused.value.help
    await asyncio.sleep(0)
    assert sockets_open() == before


def test_they_are_written_in_yaml(tmp_path: Path) -> None:
    station = STATION.replace(
        "timezone: America/New_York\n",
        """timezone: America/New_York
serve: { bind: 192.168.1.10 }
tuner:
  name: Retro
  channels: [5.1]
  devices:
    - { device: films, name: Retro Films, count: 2, http_port: 8081, channels: wone }
    - { device: hd, bind: 192.168.1.11, device_id: 10439efd, personality: cablecard }
""",
        1,
    )
    loaded = load(tmp_path, {"station.yaml": station})
    assert loaded.diagnostics == ()
    assert loaded.model is not None
    settings = headend_settings(call_sheet(loaded.model, tmp_path), {})
    assert settings.channels == ("5.1",)
    assert settings.devices == (
        DeviceSettings("films", "Retro Films", 2, "atsc", "", ("wone",), "", 8081),
        DeviceSettings("hd", "RetroVue", 6, "cablecard", "10439EFD", (), "192.168.1.11", None),
    )


async def test_a_selection_keeps_the_contract_of_a_lineup() -> None:
    clock = StationClock()
    lineup = FakeLineup(clock)
    selection = Selection(lineup, {"Movies", "5.1", "wkid"})
    assert [c.id for c in selection.channels()] == ["wrtv", "wmov", "wkid"]
    now = clock.now()
    end = selection.guide_end()
    assert selection.guide(ChannelId("wrtv"), now, end) == lineup.guide(ChannelId("wrtv"), now, end) != ()
    assert selection.guide(ChannelId("wtst"), now, end) == ()
    with pytest.raises(TuneRefused) as refused:
        await selection.tune(ChannelId("wtst"), Viewer("test", "here"))
    assert refused.value.code == "unknown_channel"
    signal = await selection.tune(ChannelId("wmov"), Viewer("test", "here"))
    await signal.close("done")
    assert lineup.tunes == 1
