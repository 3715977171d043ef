"""What known players ask for, in their order, each judged by what its own source or its users say it needs.

XStreamity's, Jellyfin.Xtream's and Kodi's (pvr.iptvsimple) were read in their sources; TiviMate's, IPTV
Smarters' and XCIPTV's in the reports of those whose servers they refused.
"""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit
from xml.etree import ElementTree

import aiohttp
import pytest
from aiohttp import web
from yarl import URL

from retrovue.clock import StationClock
from retrovue.headend.guide import GuideFrontEnd
from retrovue.headend.hls import HlsFrontEnd
from retrovue.headend.settings import HeadendSettings
from retrovue.headend.xtream.front_end import XtreamFrontEnd
from retrovue.lineup import TuneRefused
from tests.headend.fake_lineup import CHANNELS, PACKET, FakeLineup

USER, PASSWORD = "ann", "pä ss/w?rd"
#: With accounts and without: players are set up with a name and a password either way.
WAYS = pytest.mark.parametrize("closed", [False, True], ids=["open", "accounts"])


class Station:
    """A station on a real port, and a player's way to ask it."""

    def __init__(self, base: str, http: aiohttp.ClientSession, lineup: FakeLineup) -> None:
        self.base, self.http, self.lineup = base, http, lineup
        self.who = {"username": USER, "password": PASSWORD}

    async def api(self, **query: str) -> Any:
        async with self.http.get("/player_api.php", params={**self.who, **query}) as response:
            assert response.status == 200
            assert response.content_type == "application/json"
            return await response.json()

    async def post(self, **form: str) -> Any:
        async with self.http.post("/player_api.php", data={**self.who, **form}) as response:
            assert response.status == 200
            return await response.json()

    async def text(self, path: str, **query: str) -> str:
        async with self.http.get(path, params={**self.who, **query}) as response:
            assert response.status == 200, path
            return await response.text()

    async def plays(self, url: str) -> None:
        """Some packets of a transport stream, its tables first; then the player leaves."""
        async with self.http.get(url.removeprefix(self.base)) as response:
            assert (response.status, response.content_type) == (200, "video/mp2t"), url
            packets = await response.content.readexactly(3 * PACKET)
        assert [packets[at] for at in (0, PACKET, 2 * PACKET)] == [0x47] * 3
        assert packets[1:3] == b"\x40\x00"

    async def plays_hls(self, url: str) -> None:
        """A playlist, where it leads to, and a segment of it."""
        async with self.http.get(url.removeprefix(self.base)) as response:
            assert response.status == 200, url
            assert response.content_type == "application/vnd.apple.mpegurl"
            playlist = await response.text()
            segment = response.url.join(URL(playlist.splitlines()[-1]))
        async with self.http.get(segment.relative()) as response:
            assert response.status == 200
            assert (await response.read())[0] == 0x47


@asynccontextmanager
async def running(closed: bool) -> AsyncIterator[Station]:
    lineup = FakeLineup(StationClock())
    settings = HeadendSettings("fake", accounts=((USER, PASSWORD), ("bob", "b")) if closed else ())
    guide = GuideFrontEnd(lineup, lineup._clock, settings)
    hls = HlsFrontEnd(lineup, lineup._clock, settings)
    app = web.Application()
    # As in the head-end: what may be anything comes last.
    for front_end in (guide, hls, XtreamFrontEnd(lineup, lineup._clock, settings, guide.document)):
        app.add_routes(front_end.routes())
    runner = web.AppRunner(app, handler_cancellation=True)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    base = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        async with aiohttp.ClientSession(base, timeout=aiohttp.ClientTimeout(total=30)) as http:
            yield Station(base, http, lineup)
    finally:
        await hls.stop()
        await runner.cleanup()
    assert lineup.open_signals == 0


@pytest.fixture
async def station(closed: bool) -> AsyncIterator[Station]:
    async with running(closed) as station:
        yield station


def is_int32(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**31


def digits(value: object) -> bool:
    return isinstance(value, str) and value.isdigit()


def nothing(answer: object) -> bool:
    return answer == []


@WAYS
async def test_tivimate(station: Station) -> None:
    login = await station.api()
    user, server = login["user_info"], login["server_info"]
    assert (user["auth"], user["status"]) == (1, "Active")
    # A date in words makes the account invalid.
    assert digits(user["exp_date"])
    assert digits(user["created_at"])
    assert is_int32(server["timestamp_now"])
    categories = {
        c["category_id"]: c["category_name"] for c in await station.api(action="get_live_categories")
    }
    streams = await station.api(action="get_live_streams")
    assert [s["name"] for s in streams] == [c.name for c in CHANNELS]
    assert all(stream["category_id"] in categories for stream in streams)
    for action in ("get_vod_categories", "get_vod_streams", "get_series_categories", "get_series"):
        assert nothing(await station.api(action=action)), action
    guide = ElementTree.fromstring(await station.text("/xmltv.php"))
    assert {s["epg_channel_id"] for s in streams} == {c.get("id") for c in guide.iter("channel")}
    stream = streams[0]["stream_id"]
    who = f"{quote(USER, safe='')}/{quote(PASSWORD, safe='')}"
    await station.plays(f"/live/{who}/{stream}.ts")
    await station.plays(f"/{who}/{stream}")
    await station.plays(f"/{who}/{stream}.ts")


@WAYS
async def test_iptv_smarters(station: Station) -> None:
    login = await station.post()
    # It goes on with what the answer says, not with what was typed.
    user, server = login["user_info"], login["server_info"]
    assert (user["username"], user["password"]) == (USER, PASSWORD)
    base = f"{server['server_protocol']}://{server['url']}:{server['port']}"
    assert base == station.base
    assert server["timezone"] == "UTC"
    await station.post(action="get_live_categories")
    streams = await station.post(action="get_live_streams")
    for action in ("get_vod_streams", "get_series"):
        assert nothing(await station.post(action=action))
    stream = str(streams[1]["stream_id"])
    listings = (await station.post(action="get_short_epg", stream_id=stream, limit="2"))["epg_listings"]
    assert len(listings) == 2
    assert {b64decode(one["title"]).decode() for one in listings} == {'The "Big" <Sleep>', "Metropolis"}
    for one in listings:
        start = datetime.strptime(f"{one['start']} +0000", "%Y-%m-%d %H:%M:%S %z")
        assert start.timestamp() == int(one["start_timestamp"])
    who = f"{quote(user['username'], safe='')}/{quote(user['password'], safe='')}"
    await station.plays(f"{base}/live/{who}/{stream}.ts")
    await station.plays_hls(f"{base}/live/{who}/{stream}.m3u8")


@WAYS
async def test_xstreamity(station: Station) -> None:
    login = await station.api()
    user, server = login["user_info"], login["server_info"]
    assert user["auth"] == 1  # a text would be "not authorised"
    datetime.strptime(server["time_now"], "%Y-%m-%d %H:%M:%S")
    datetime.fromtimestamp(int(user["exp_date"]))
    assert int(user["active_cons"]) < int(user["max_connections"])
    assert "ts" in user["allowed_output_formats"]
    categories = await station.api(action="get_live_categories")
    streams = await station.api(action="get_live_streams", category_id=categories[0]["category_id"])
    assert [s["name"] for s in streams] == ["WRTV Retro 5"]
    assert all(int(stream["stream_id"]) // 65535 == 0 for stream in streams)
    assert len((await station.api(action="get_short_epg", stream_id="501"))["epg_listings"]) == 4
    table = (await station.api(action="get_simple_data_table", stream_id="501"))["epg_listings"]
    assert len(table) > 4
    assert [one["now_playing"] for one in table[:3]] == [1, 0, 0]
    assert all(one["has_archive"] == 0 for one in table)
    await station.plays(f"/live/{quote(USER)}/{quote(PASSWORD, safe='')}/501.ts")


#: Field → what Newtonsoft.Json can make of the plugin's type for it.
_JELLYFIN: Mapping[str, Any] = {
    "num": is_int32,
    "name": lambda v: isinstance(v, str),
    "stream_id": is_int32,
    "stream_icon": lambda v: isinstance(v, str),
    "epg_channel_id": lambda v: isinstance(v, str),
    "added": digits,
    "category_id": lambda v: is_int32(int(v)),
    "category_ids": lambda v: all(map(is_int32, v)),
    "tv_archive": is_int32,
    "tv_archive_duration": is_int32,
    "direct_source": lambda v: isinstance(v, str),
}


@WAYS
async def test_jellyfin_xtream(station: Station) -> None:
    categories = await station.api(action="get_live_categories")
    streams: list[dict[str, Any]] = []
    for category in categories:
        assert is_int32(int(category["category_id"]))
        assert category["parent_id"] == 0
        streams += await station.api(action="get_live_streams", category_id=category["category_id"])
    assert sorted(s["num"] for s in streams) == sorted(c.vchannel for c in CHANNELS)
    for stream in streams:
        for name, fits in _JELLYFIN.items():
            assert fits(stream[name]), (name, stream[name])
        async with station.http.get(stream["stream_icon"].removeprefix(station.base)) as response:
            assert response.content_type == "image/png"
    found = (await station.api(action="get_simple_data_table", stream_id="9"))["epg_listings"]
    for one in found:
        assert is_int32(int(one["id"]))
        assert is_int32(int(one["epg_id"]))
        b64decode(one["title"], validate=True).decode()
        b64decode(one["description"], validate=True).decode()
    ends = [one["stop_timestamp"] for one in found]
    assert [one["start_timestamp"] for one in found[1:]] == ends[:-1]
    assert (await station.api(action="get_series_info", series_id="1")) == {
        "seasons": [],
        "info": {},
        "episodes": {},
    }
    await station.plays(f"/{quote(USER)}/{quote(PASSWORD, safe='')}/9")


#: pvr.iptvsimple recognises an Xtream server's addresses by this.
_KODI = re.compile(r"^(http[s]?://[^/]+)/(?:live/)?([^/]+)/([^/]+)/([^/\.]+)(\.m3u[8]?|\.ts)?$")


@WAYS
async def test_kodi(station: Station) -> None:
    playlist = await station.text("/get.php", type="m3u_plus", output="ts")
    head, *lines = playlist.splitlines()
    match = re.search(r'x-tvg-url="([^"]+)"', head)
    assert match
    guide = urlsplit(match[1])
    assert parse_qs(guide.query) == {"username": [USER], "password": [PASSWORD]}
    async with station.http.get(match[1].removeprefix(station.base)) as response:
        xml = ElementTree.fromstring(await response.text())
    ids = {channel.get("id") for channel in xml.iter("channel")}
    assert len(lines) == 2 * len(CHANNELS)
    for info, address, channel in zip(lines[::2], lines[1::2], CHANNELS, strict=True):
        assert f'tvg-id="{channel.guide_id}"' in info
        assert channel.guide_id in ids
        assert _KODI.fullmatch(address), address
        async with station.http.head(address.removeprefix(station.base)) as response:
            assert (response.status, response.content_type) == (200, "video/mp2t")
    assert station.lineup.tunes == 0
    await station.plays(lines[1])
    hls = (await station.text("/get.php", type="m3u_plus", output="m3u8")).splitlines()
    assert hls[2].endswith("/501.m3u8")
    await station.plays_hls(hls[2])


@WAYS
async def test_a_plain_playlist(station: Station) -> None:
    lines = (await station.text("/get.php", type="m3u")).splitlines()
    assert lines[:2] == ["#EXTM3U", "#EXTINF:-1,WRTV Retro 5"]
    assert len(lines) == 1 + 2 * len(CHANNELS)
    await station.plays(lines[2])


@pytest.mark.parametrize("closed", [True])
async def test_a_wrong_password_opens_nothing(station: Station) -> None:
    for who in ({"username": USER, "password": "b"}, {"username": "bob"}, {}):
        station.who = who
        for action in ("", "get_live_streams"):
            assert await station.api(action=action) == {"user_info": {"auth": 0}}
        for path in ("/get.php", "/xmltv.php"):
            async with station.http.get(path, params=who) as response:
                assert (response.status, await response.read()) == (403, b"")
    for path in ("/live/ann/x/501.ts", "/ann/x/501", "/live/ann/x/501.m3u8"):
        async with station.http.get(path, allow_redirects=False) as response:
            assert (response.status, await response.read()) == (403, b"")
    assert station.lineup.tunes == 0


@pytest.mark.parametrize("closed", [False])
async def test_without_accounts_strangers_are_refused(station: Station) -> None:
    far = {"X-Forwarded-For": "8.8.8.8"}  # as a proxy on this machine says it
    async with station.http.get("/player_api.php", params=station.who, headers=far) as response:
        assert await response.json() == {"user_info": {"auth": 0}}
    async with station.http.get("/live/a/b/501.ts", headers=far) as response:
        assert response.status == 403
    assert station.lineup.tunes == 0


@pytest.mark.parametrize("closed", [False])
async def test_what_it_does_not_know(station: Station) -> None:
    assert (await station.api(action="get_profile"))["user_info"]["auth"] == 1
    assert await station.api(action="get_short_epg", stream_id="77") == {"epg_listings": []}
    assert await station.api(action="get_short_epg", stream_id="", limit="-1") == {"epg_listings": []}
    assert len((await station.api(action="get_short_epg", stream_id="9", limit="x"))["epg_listings"]) == 4
    for path, status in (("/live/a/b/77.ts", 404), ("/a/b/501.avi", 404), ("/live/a/b/501.m3u", 404)):
        async with station.http.get(path) as response:
            assert response.status == status, path
    # Without a name and a password the addresses still are addresses.
    station.who = {}
    lines = (await station.text("/get.php")).splitlines()
    await station.plays(lines[2])


@pytest.mark.parametrize("closed", [False])
async def test_a_channel_that_cannot_be_tuned_is_an_answer_without_a_body(station: Station) -> None:
    station.lineup.refuse = TuneRefused("busy", "no encoder is free")
    async with station.http.get("/live/a/b/501.ts") as response:
        assert (response.status, await response.read()) == (503, b"")


@pytest.mark.parametrize("closed", [True])
async def test_who_watches_is_counted_by_name(station: Station) -> None:
    who = f"{quote(USER)}/{quote(PASSWORD, safe='')}"
    async with station.http.get(f"/live/{who}/501.ts") as response:
        await response.content.readexactly(PACKET)
        assert (await station.api())["user_info"]["active_cons"] == "1"
        assert station.lineup.viewers[0].front_end == "xtream"
        assert dict(station.lineup.viewers[0].labels) == {"name": USER}
        station.who = {"username": "bob", "password": "b"}
        assert (await station.api())["user_info"]["active_cons"] == "0"
