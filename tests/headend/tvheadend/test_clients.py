"""What known clients ask for, in their order, each judged by what its own source needs of the answers.

The sequences were read in the sources of jellyfin-plugin-tvheadend, TVHClient, android-tvheadend,
webos-tvheadend, ha-TVHeadend and tvheadend-exporter, and, for Kodi, off the wire.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import aiohttp
import pytest

from retrovue.clock import StationClock
from tests.headend.fake_lineup import CHANNELS, PNG, FakeLineup
from tests.headend.tvheadend.asking import basic, fetched, status_of, text_of
from tests.headend.tvheadend.client import Client, Connect, serving

#: (with accounts?, name, password): clients are set up with and without.
WAYS = pytest.mark.parametrize("closed", [False, True], ids=["open", "accounts"])
USER, PASSWORD = "ann", "secret"


class Station:
    """One of these for each test, with or without accounts."""

    def __init__(self, connect: Connect, http: aiohttp.ClientSession, lineup: FakeLineup) -> None:
        self.connect, self.http, self.lineup = connect, http, lineup

    def until(self, **ahead: float) -> int:
        """Unix time, so far from now."""
        return int((self.lineup._clock.now() + timedelta(**ahead)).timestamp())


@pytest.fixture
async def station(closed: bool) -> AsyncIterator[Station]:
    lineup = FakeLineup(StationClock())
    accounts = [(USER, PASSWORD)] if closed else []
    async with (
        serving(lineup, lineup._clock, accounts) as connect,
        aiohttp.ClientSession(connect.base, timeout=aiohttp.ClientTimeout(total=20)) as http,
    ):
        yield Station(connect, http, lineup)


async def login(client: Client, version: int, name: str) -> None:
    """hello and authenticate; no client of these goes on without both answers."""
    hello = await client.hello(version=version, name=name)
    assert hello["htspversion"] >= 26
    assert hello["servername"]
    assert hello["serverversion"]
    assert len(hello["challenge"]) == 32
    assert "noaccess" not in await client.login(hello, USER, PASSWORD)


async def until_packets_of(client: Client, number: int) -> None:
    await client.until(lambda p: any(m["method"] == "muxpkt" and m["subscriptionId"] == number for m in p))


@WAYS
async def test_kodi(station: Station) -> None:
    client = await station.connect()
    await login(client, 35, "Kodi Media Center")
    assert (await client.ask("getProfiles"))["profiles"]
    await client.sync(epg=1, epgMaxTime=station.until(days=3))
    for channel in client.of("channelAdd"):
        assert channel["channelId"] > 0
        assert channel["channelName"]
        assert channel["channelNumber"] > 0
        assert channel["services"][0]["content"] == 1
    for event in client.of("eventAdd"):
        assert {"eventId", "channelId", "start", "stop", "title"} <= set(event)
    assert set(await client.ask("getDiskSpace")) == {"freediskspace", "useddiskspace", "totaldiskspace"}
    first, second = client.of("channelAdd")[:2]
    for number, channel in enumerate((first, second, first), 1):
        asked = {"channelId": channel["channelId"], "subscriptionId": number, "weight": 0}
        assert "error" not in await client.ask(
            "subscribe", **asked, timeshiftPeriod=0xFFFFFFFF, normts=1, queueDepth=10_000_000
        )
        await until_packets_of(client, number)
        start = next(m for m in client.of("subscriptionStart") if m["subscriptionId"] == number)
        video, audio = start["streams"]
        assert video["width"] * video["height"] > 0
        assert (audio["type"], audio["rds_uecp"]) == ("AAC", 0)
        assert await client.ask("subscriptionSpeed", subscriptionId=number, speed=100) == {}
        assert await client.ask("unsubscribe", subscriptionId=number) == {}
    assert (await client.ask("addDvrEntry", channelId=first["channelId"], start=1, stop=2))["success"] == 0


@WAYS
async def test_jellyfin(station: Station) -> None:
    client = await station.connect()
    await login(client, 20, "TVHclient4Emby")
    # The first four answers are waited for without end.
    assert "freediskspace" in await client.ask("getDiskSpace")
    await client.sync()
    assert client.of("eventAdd") == []
    for channel in client.of("channelAdd"):
        assert channel["channelId"] & 0xFF
        assert channel["channelNumber"] > 0
        assert channel["services"][0]["type"] in ("SDTV", "HDTV", "FHDTV", "UHDTV", "Radio")
        reply = await client.ask(
            "getEvents", channelId=str(channel["channelId"]), maxTime=str(station.until(hours=10))
        )
        for event in reply["events"]:
            assert event["start"] < event["stop"]
            assert event["title"]
    channel = client.of("channelAdd")[0]
    ticket = await client.ask("getTicket", channelId=str(channel["channelId"]))
    async with station.http.get(f"{ticket['path']}?ticket={ticket['ticket']}") as response:
        assert response.status == 200
        assert (await response.content.readexactly(1))[:1] == b"\x47"
    # Icons: http://user:password@host:port/<channelIcon>.
    assert await status_of(station.http, f"/{channel['channelIcon']}", headers=basic(USER, PASSWORD)) == 200


@WAYS
async def test_tvhclient(station: Station) -> None:
    client = await station.connect()
    await login(client, 26, "TVHClient")
    await client.sync(epg=1, epgMaxTime=station.until(hours=2), lastUpdate=station.until(days=-1))
    for method in ("getDiskSpace", "getSysTime", "getProfiles", "getDvrConfigs"):
        assert "error" not in await client.ask(method)
    profiles = (await client.ask("api", path="profile/list", args={"htsp": 1}))["response"]
    assert {entry["val"] for entry in profiles["entries"]} == {"pass", "htsp"}
    for path in ("status/subscriptions", "status/inputs"):
        assert "entries" in (await client.ask("api", path=path))["response"]
    assert "error" in await client.ask("api", path="no/such")
    channel, event = client.of("channelAdd")[0], client.of("eventAdd")[1]
    more = await client.ask(
        "getEvents", eventId=event["eventId"], channelId=event["channelId"], numFollowing=5
    )
    assert len(more["events"]) == 5
    opened = await client.ask("fileOpen", file=channel["channelIcon"])
    assert (await client.ask("fileRead", id=opened["id"], size=opened["size"]))["data"] == PNG
    await client.ask("fileClose", id=opened["id"])
    asked = {"subscriptionId": 1, "channelId": channel["channelId"], "timeshiftPeriod": 0, "profile": "htsp"}
    assert "error" not in await client.ask("subscribe", **asked)
    await client.until_pushed("muxpkt", 20)
    for packet in client.of("muxpkt"):
        assert packet["pts"] >= 0
        if packet["stream"] == 2:
            # Android strips seven bytes and takes the rest for one frame.
            header = packet["payload"]
            assert header[:2] == b"\xff\xf1"
            assert (header[3] & 3) << 11 | header[4] << 3 | header[5] >> 5 == len(header)
    ticket = await client.ask("getTicket", channelId=channel["channelId"])
    address = f"{ticket['path']}?ticket={ticket['ticket']}&profile=pass"
    async with station.http.get(address) as response:
        assert response.status == 200


@WAYS
async def test_webos(station: Station, closed: bool) -> None:
    """The video element has no password: what the playlist says must open by itself."""
    headers = basic(USER, PASSWORD)
    assert (await fetched(station.http, "/api/serverinfo", headers=headers))["api_version"] >= 18
    written = await text_of(station.http, "/playlist/auth/channels", headers=headers)
    addresses = re.findall(r"^http\S+$", written, re.M)
    assert len(addresses) == len(CHANNELS)
    assert all("auth=" in address for address in addresses) == closed
    for address in addresses[:2]:
        async with station.http.head(address) as response:
            assert (response.status, response.content_type) == (200, "video/mp2t")
        async with station.http.get(address) as response:
            assert (await response.content.readexactly(188))[0] == 0x47
    path = "/api/epg/events/grid?limit=500&start=0&sort=start&dir=ASC"
    guide = await fetched(station.http, path, headers=headers)
    assert len(guide["entries"]) == 500
    assert guide["totalCount"] > 500
    ids = set(re.findall(r'tvg-id="(\w+)"', written))
    assert {entry["channelUuid"] for entry in guide["entries"]} == ids
    for grid in ("dvr/entry/grid_upcoming", "dvr/entry/grid_finished"):
        assert (await fetched(station.http, f"/api/{grid}", headers=headers))["entries"] == []
    # Taken without looking whether there is one.
    assert (await fetched(station.http, "/api/dvr/config/grid", headers=headers))["entries"][0]["uuid"]


@WAYS
async def test_home_assistant(station: Station) -> None:
    digest = aiohttp.DigestAuthMiddleware(USER, PASSWORD)
    async with (
        aiohttp.ClientSession(station.connect.base, middlewares=(digest,)) as http,
        station.http.get("/playlist/channels", headers=basic(USER, PASSWORD)) as playlist,
    ):
        address = re.findall(r"^http\S+$", await playlist.text(), re.M)[0]
        async with station.http.get(address, headers=basic(USER, PASSWORD)) as stream:
            await stream.content.readexactly(188)
            assert (await fetched(http, "/api/serverinfo"))["name"]
            channels = (await fetched(http, "/api/channel/grid?limit=10000"))["entries"]
            services = (await fetched(http, "/api/mpegts/service/grid?limit=10000"))["entries"]
            assert {uuid for c in channels for uuid in c["services"]} == {s["uuid"] for s in services}
            events = await fetched(http, "/api/epg/events/grid?limit=100000")
            assert len(events["entries"]) == events["totalCount"]
            subscriptions = (await fetched(http, "/api/status/subscriptions"))["entries"]
            assert [s["service"].split("/")[1] for s in subscriptions] == ["Fake Television"]
            assert subscriptions[0]["channel"] == channels[0]["name"]


EXPORTER = (
    *("channel/grid", "channeltag/grid", "mpegts/network/grid", "mpegts/mux/grid", "mpegts/service/grid"),
    *(
        "dvr/entry/grid_upcoming",
        "dvr/entry/grid_finished",
        "dvr/entry/grid_failed",
        "dvr/entry/grid_removed",
    ),
    *("dvr/autorec/grid", "dvr/timerec/grid", "status/subscriptions", "status/connections", "status/inputs"),
)


@WAYS
async def test_the_exporter(station: Station) -> None:
    """It counts the rows of fourteen grids, asking for all at once with Basic."""
    client = await station.connect()
    await login(client, 43, "test")
    await client.sync()
    channel = client.of("channelAdd")[0]["channelId"]
    await client.ask("subscribe", channelId=channel, subscriptionId=1)
    await client.until_pushed("queueStatus")
    counts: dict[str, Any] = {}
    for path in EXPORTER:
        found = await fetched(station.http, f"/api/{path}?limit=999999999", headers=basic(USER, PASSWORD))
        counts[path] = found.get("total", found.get("totalCount"))
        assert len(found["entries"]) == counts[path]
        if path == "status/subscriptions":
            (row,) = found["entries"]
            assert {"in", "out", "errors", "start", "hostname", "client", "channel"} <= set(row)
        if path == "status/inputs":
            (row,) = found["entries"]
            assert {"subs", "bps", "te", "cc", "unc", "ber", "signal", "snr"} <= set(row)
    assert [counts[p] for p in EXPORTER] == [4, 3, 1, 4, 4, 0, 0, 0, 0, 0, 0, 1, 1, 1]
    await client.ask("unsubscribe", subscriptionId=1)
    async with asyncio.timeout(10):
        while station.lineup.open_signals:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    found = await fetched(station.http, "/api/status/subscriptions", headers=basic(USER, PASSWORD))
    assert found["entries"] == []
