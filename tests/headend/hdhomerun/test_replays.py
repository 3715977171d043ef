"""Programs that can't be run here, by what they ask for and what they need of the answers.

Jellyfin's, MythTV's and pvr.hdhomerundvr's part was read in their sources; Plex's in its users' logs.
"""

from __future__ import annotations

import asyncio
import socket
import xml.etree.ElementTree as ET

import aiohttp

from retrovue.clock import StationClock
from retrovue.headend.hdhomerun.device_id import is_valid
from tests.headend.hdhomerun.conftest import ADDRESS, OnAir, Start
from tests.headend.hdhomerun.test_targets import TimedLineup, control

LAVF = {"User-Agent": "Lavf/60.16.100", "Range": "bytes=0-", "Connection": "close", "Icy-MetaData": "1"}


async def streams(on_air: OnAir, url: str, headers: dict[str, str]) -> aiohttp.ClientResponse:
    """An open stream whose first packet has come."""
    response = await on_air.client.get(url, headers=headers)
    assert response.status == 200  # never 206: it is no part of anything
    assert (await response.content.readexactly(188))[0] == 0x47
    for header in ("Accept-Ranges", "Content-Range", "Content-Length"):
        assert header not in response.headers  # or a client takes it for a file, and seeks
    return response


async def test_jellyfin(start: Start) -> None:
    """HdHomerunHost: search, discover.json, lineup; the body of a refusal would be recorded as video."""
    on_air = await start(TimedLineup(StationClock()), tuner_count=1)
    with socket.socket(type=socket.SOCK_DGRAM) as wire:
        wire.setblocking(False)
        wire.bind((ADDRESS, 0))
        search = bytes.fromhex("0002000c0104ffffffff0204ffffffff73cc7d8f")
        wire.sendto(search, (ADDRESS, on_air.headend.control_port or 0))
        async with asyncio.timeout(5):
            reply = await asyncio.get_running_loop().sock_recv(wire, 2000)
    assert len(reply) > 13
    assert reply[1] == 3
    card = await on_air.json("/discover.json")
    assert {"FriendlyName", "ModelNumber", "FirmwareName", "FirmwareVersion", "DeviceID", "DeviceAuth",
            "BaseURL", "LineupURL", "TunerCount"} <= set(card)  # fmt: skip
    assert is_valid(int(card["DeviceID"], 16))
    assert bytes.fromhex(card["DeviceID"]) in reply
    assert "hdtc" not in card["ModelNumber"].lower()  # it would ask for profiles that there aren't
    async with on_air.client.get(card["LineupURL"]) as response:
        lineup = await response.json()
    assert lineup
    for entry in lineup:
        assert isinstance(entry["GuideNumber"], str)
        assert "_" not in entry["GuideNumber"]
        assert not entry.get("DRM")
        assert entry["URL"].startswith(card["BaseURL"].rpartition(":")[0])
        assert "?" not in entry["URL"]
    first = await streams(on_air, lineup[0]["URL"], {})
    async with on_air.client.get(lineup[1]["URL"]) as refused:
        assert (refused.status, await refused.read()) == (503, b"")
    first.close()
    (await streams(on_air, lineup[1]["URL"], {})).close()


async def test_plex(start: Start) -> None:
    """Setting it up ends when the scan has; its grabber is FFmpeg."""
    on_air = await start(TimedLineup(StationClock()))
    card = await on_air.json("/discover.json")
    assert card["TunerCount"] == 2
    before = await on_air.json("/lineup.json")
    assert isinstance((await on_air.json("/lineup_status.json"))["ScanInProgress"], int)
    begun = await on_air.client.post(f"{on_air.base}/lineup.post?scan=start&source=Antenna")
    assert (begun.status, await begun.read()) == (200, b"")
    async with asyncio.timeout(20):
        while (await on_air.json("/lineup_status.json"))["ScanInProgress"]:  # noqa: ASYNC110  as it polls
            await asyncio.sleep(0.05)
    assert await on_air.json("/lineup.json?show=found") == before
    (await on_air.client.get(f"{on_air.base}/device.xml")).raise_for_status()
    both = [await streams(on_air, entry["URL"], LAVF) for entry in before[:2]]
    assert await on_air.busy() == ["tuner0", "tuner1"]
    for response in both:
        response.close()


async def test_mythtv(start: Start) -> None:
    """hdhrchannelfetcher and hdhrstreamhandler: what it has set it must read back, and "none" at the end."""
    on_air = await start(TimedLineup(StationClock()))
    lineup = ET.fromstring(await on_air.text("/lineup.xml?tuning"))
    assert lineup.find(".//Status") is None  # either is taken for a failure
    assert lineup.find(".//Error") is None
    programs = [{field.tag: field.text or "" for field in program} for program in lineup.iter("Program")]
    for program in programs:
        assert program["GuideName"]
        assert program["VideoCodec"]  # without one it is radio
        assert program["Modulation"] == "8vsb"
        assert int(program["ProgramNumber"]) > 0
    async with control(on_air) as client:
        model = await client.ask("/sys/model")
        assert "cablecard" not in model
        assert not model.endswith(("dvbt", "dvbc"))
        key = 4711
        await client.ask("/tuner0/lockkey", str(key))
        channel = f"8vsb:{programs[0]['Frequency']}"
        assert await client.ask("/tuner0/channel", channel, key) == channel
        assert await client.ask("/tuner0/channel") == channel
        pids = "0x0000-0x0001 0x0100-0x0101 0x1ffb"
        assert await client.ask("/tuner0/filter", pids, key) == pids
        assert await client.ask("/tuner0/program", programs[0]["ProgramNumber"], key)
        assert await client.ask("/tuner0/target", f"rtp://{ADDRESS}:6000", key) == f"rtp://{ADDRESS}:6000"
        assert await client.ask("/tuner0/target", "none", key) == "none"
        assert await client.ask("/tuner0/channel", "none", key) == "none"
        assert await client.ask("/tuner0/lockkey", "none", key) == "none"
        assert await client.ask("/tuner0/channel") == "none"


async def test_hdhomerundvr_of_kodi(start: Start) -> None:
    """It locks a tuner, gives the lock up, and asks that tuner for the channel: one digit, "auto" once."""
    on_air = await start(TimedLineup(StationClock()))
    card = await on_air.json("/discover.json")
    async with on_air.client.get(f"{card['LineupURL']}?tuning") as response:
        lineup = await response.json()
    async with control(on_air) as client:
        assert await client.ask("/tuner1/lockkey", "99") == ADDRESS
        assert await client.ask("/tuner1/lockkey", "none", 99) == "none"
    url = lineup[0]["URL"]
    assert url.count("auto") == 1
    response = await streams(on_air, url.replace("auto", "tuner1"), {"Range": "bytes=0-"})
    assert response.headers["X-HDHomeRun-Resource"] == "tuner1"
    response.close()
