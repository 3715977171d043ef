"""Tvheadend's HTTP: shapes of a real server's answers, grids, playlists, streams, and who may come in."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree

import aiohttp
import pytest

from retrovue.clock import StationClock, SteppedClock
from retrovue.headend.accounts import Account
from retrovue.headend.gate import Gate
from retrovue.headend.tvheadend import access, http_auth
from retrovue.headend.tvheadend.http_auth import HttpAuth, parameters
from retrovue.lineup import ChannelId, TuneRefused
from tests.headend.fake_lineup import CHANNELS, PNG, FakeLineup
from tests.headend.tvheadend.client import Connect, serving
from tests.headend.tvheadend.golden import http_shapes
from tests.headend.tvheadend.test_session import AT

ACCOUNTS = [("ann", "pässword"), ("bob", "b:b")]


@pytest.fixture
def lineup() -> FakeLineup:
    return FakeLineup(StationClock())


@pytest.fixture
async def connect(lineup: FakeLineup) -> AsyncIterator[Connect]:
    async with serving(lineup, lineup._clock) as connect:
        yield connect
    assert lineup.open_signals == 0


@pytest.fixture
async def http(connect: Connect) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(connect.base, timeout=aiohttp.ClientTimeout(total=20)) as http:
        yield http


@pytest.fixture
async def closed() -> AsyncIterator[tuple[aiohttp.ClientSession, Connect]]:
    """A station with accounts."""
    lineup = FakeLineup(StationClock())
    async with (
        serving(lineup, lineup._clock, ACCOUNTS) as connect,
        aiohttp.ClientSession(connect.base, timeout=aiohttp.ClientTimeout(total=20)) as http,
    ):
        yield http, connect


async def fetched(http: aiohttp.ClientSession, path: str, **more: Any) -> Any:
    async with http.get(path, **more) as response:
        assert response.status == 200, path
        return await response.json()


async def text_of(http: aiohttp.ClientSession, path: str, **more: Any) -> str:
    async with http.get(path, **more) as response:
        assert response.status == 200, path
        return await response.text()


async def status_of(http: aiohttp.ClientSession, path: str, **more: Any) -> int:
    async with http.get(path, **more) as response:
        return response.status


# --- shapes ---

KINDS = {bool: "bool", int: "int", float: "float", str: "str", list: "list", dict: "map"}


def shape(value: dict[str, Any], prefix: str = "") -> dict[str, str]:
    """As fixtures/tvheadend/http_shapes.json has it."""
    found: dict[str, str] = {}
    for name, inner in value.items():
        kind = found[prefix + name] = KINDS[type(inner)]
        if kind == "map" and name != "credits":  # whose names are people's
            found |= shape(inner, f"{prefix}{name}.")
        for item in inner if kind == "list" else ():
            found[f"{prefix}{name}[]"] = KINDS[type(item)]
            if isinstance(item, dict):
                found |= shape(item, f"{prefix}{name}[].")
    return found


#: Fields that the recorded server had no occasion to send (Tvheadend's documentation of its API has them).
MORE = {
    "/api/channel/grid": {"entries[].icon", "entries[].icon_public_url"},
    "/api/epg/events/grid": {
        f"entries[].{name}"
        for name in (
            *("channelIcon", "credits", "category", "category[]", "genre", "genre[]", "new", "seasonNumber"),
            *("episodeNumber", "episodeOnscreen", "ageRating", "ratingLabel", "copyright_year"),
        )
    },
}
#: What a row has of which a station has nothing to say: reception, recording, housekeeping.
SPARED = {
    "/api/channel/grid": {"entries[].epggrab[]"},
    "/api/mpegts/network/grid": None,
    "/api/mpegts/mux/grid": None,
    "/api/mpegts/service/grid": None,
    "/api/dvr/config/grid": None,
}


@pytest.mark.parametrize("path", [p for p, found in http_shapes().items() if "fields" in found])
async def test_answers_have_the_shape_of_a_real_servers(http: aiohttp.ClientSession, path: str) -> None:
    expected = http_shapes()[path]
    async with http.get(path) as response:
        assert (response.status, response.headers["Content-Type"]) == (expected["status"], expected["type"])
        assert response.headers["Server"] == "HTS/tvheadend"
        found = shape(await response.json())
    route = path.partition("?")[0]
    if route == "/api/channel/grid":
        assert found.pop("entries[].number") in ("int", "float")  # 5.1 is no integer
        del expected["fields"]["entries[].number"]
    spared = SPARED.get(route, set())
    for name, kind in found.items():
        assert expected["fields"].get(name, kind if name in MORE.get(route, ()) else None) == kind, name
    if spared is not None:
        assert set(expected["fields"]) - set(found) - spared == set()


@pytest.mark.parametrize(
    "path",
    [p for p, found in http_shapes().items() if "lines" in found and "satip" not in p and "tags" not in p],
)
async def test_playlists_read_as_a_real_servers(
    http: aiohttp.ClientSession, connect: Connect, path: str
) -> None:
    expected = http_shapes()[path]
    async with http.get(path) as response:
        assert (response.status, response.headers["Content-Type"]) == (expected["status"], expected["type"])
        written = (await response.text()).replace("%3a", ":")  # what the real one forgets
    lines = written.replace(connect.base.removeprefix("http://"), "HOST").splitlines()
    for ours, real in zip(lines, expected["lines"], strict=False):
        assert pattern_of(ours) == pattern_of(real)
    assert sum("/stream/channelid/" in line for line in lines) == len(CHANNELS)


def pattern_of(line: str) -> str:
    """A playlist's line without its values, and without what we add."""
    line = re.sub(r' (?:group-title|tvg-logo)="[^"]*"', "", line)
    line = re.sub(r'"[^"]*"', '""', line)
    line = re.sub(r"channelid/\d+", "channelid/N", line)
    line = re.sub(r"ticket=[0-9a-f]{40}", "ticket=T", line)
    return re.sub(r"(:-1 [^,]*,|#NAME |#DESCRIPTION |pass:).*", r"\1", line)


# --- grids ---


async def test_a_grid_is_a_page_of_sorted_and_filtered_rows(http: aiohttp.ClientSession) -> None:
    async def names(**arguments: str) -> list[str]:
        found = await fetched(http, "/api/channel/grid", params=arguments)
        return [row["name"] for row in found["entries"]]

    everything = [c.name for c in CHANNELS]
    assert await names() == everything
    assert await names(sort="number", dir="DESC") == everything[::-1]
    assert await names(sort="name") == sorted(everything, key=str.casefold)
    assert await names(start="1", limit="2") == everything[1:3]
    assert await names(start="99") == []
    assert await names(limit="999999999", start="x") == everything
    one = {"field": "name", "type": "string", "value": "kids"}
    assert await names(filter=json.dumps([one])) == ["Kids Été"]
    assert await names(filter=json.dumps([{**one, "comparison": "eq"}])) == []
    number = {"field": "number", "type": "numeric", "value": 9, "comparison": "gt"}
    assert await names(filter=json.dumps([number])) == ["Test Pattern"]
    assert await names(filter=json.dumps([{"field": "enabled", "type": "boolean", "value": False}])) == []
    for nonsense in ("[", "7", "[7]", '{"a":1}', "[" * 2000):
        assert await names(filter=nonsense) == everything
    found = await fetched(http, "/api/channel/grid", params={"limit": "1"})
    assert found["total"] == len(CHANNELS)


async def test_post_and_get_are_the_same(http: aiohttp.ClientSession) -> None:
    async with http.post("/api/channel/grid", data={"limit": "2", "sort": "name"}) as response:
        posted = await response.json()
    assert posted == await fetched(http, "/api/channel/grid?limit=2&sort=name")
    async with http.post("/api/channel/grid", data={"x": "y" * 100_000}) as response:
        assert response.status == 413


async def test_the_guide_by_page_channel_and_word(http: aiohttp.ClientSession) -> None:
    async def grid(**arguments: str) -> Any:
        return await fetched(http, "/api/epg/events/grid", params=arguments)

    first = await grid()
    assert len(first["entries"]) == 50
    starts = [row["start"] for row in first["entries"]]
    assert starts == sorted(starts)
    # webOS's way through it.
    pages = [await grid(limit="500", start=str(n), sort="start", dir="ASC") for n in range(0, 1000, 500)]
    rows = [row for page in pages for row in page["entries"]]
    assert len(rows) == pages[0]["totalCount"] == len({row["eventId"] for row in rows})
    assert all(isinstance(row["channelNumber"], str) for row in rows)
    now = await grid(mode="now")
    assert [row["channelName"] for row in now["entries"]] == [c.name for c in CHANNELS]
    one = await grid(channel=rows[0]["channelUuid"], limit="1")
    assert one["entries"][0] == rows[0]
    assert {r["channelName"] for r in (await grid(channel="Kids Été"))["entries"]} == {"Kids Été"}
    assert {r["channelName"] for r in (await grid(channelTag="Movies"))["entries"]} == {"Movies & <More>"}
    assert {r["title"] for r in (await grid(title="^night"))["entries"]} == {"Night Court"}
    assert (await grid(title="long story"))["totalCount"] == 0
    assert (await grid(title="long story", fulltext="1"))["totalCount"] == len(rows)
    backwards = await grid(sort="start", dir="DESC", limit="1")
    assert backwards["entries"][0]["start"] == max(row["start"] for row in rows)
    loaded = await fetched(http, f"/api/epg/events/load?eventId={rows[7]['eventId']}")
    assert loaded["entries"] == [rows[7]]


async def test_what_is_not_there(http: aiohttp.ClientSession) -> None:
    for path, status in (
        ("/api/no/such", 404),
        ("/nothing", 404),
        ("/stream/channelid/7", 400),
        ("/stream/channelname/x", 400),
        ("/stream/x/y", 400),
        ("/playlist/channelid/7", 400),
        ("/playlist/nonsense", 400),
        ("/playlist/satip/nonsense", 400),
        ("/xmltv/channelid/7", 400),
        ("/play/channels", 400),
        ("/imagecache/7", 404),
        ("/artwork/../../etc/passwd", 404),
    ):
        async with http.get(path) as response:
            assert response.status == status, path
            assert "<TITLE>" in await response.text()
    assert await text_of(http, "/ping") == "PONG\n"
    assert "Fake Television" in await text_of(http, "/")
    assert "<subscriptions>0</subscriptions>" in await text_of(http, "/status.xml")


# --- playlists, streams, guide, pictures ---


async def test_a_channel_by_every_name_it_has(http: aiohttp.ClientSession) -> None:
    rows = (await fetched(http, "/api/channel/grid"))["entries"]
    movies = rows[1]
    number = int.from_bytes(bytes.fromhex(movies["uuid"][:8]), "little") & 0x7FFFFFFF
    names = (
        f"channelid/{number}",
        "channelnumber/5.2",
        f"channelname/{quote(movies['name'])}",
        f"channel/{movies['uuid']}",
        f"service/{movies['services'][0]}",
    )
    for name in names:
        async with http.head(f"/stream/{name}") as response:
            assert response.status == 200, name
            assert response.headers["Content-Type"] == "video/mp2t"
        async with http.get(f"/stream/{name}?profile=whatever") as response:
            assert response.status == 200, name
            assert (await response.content.readexactly(188))[:3] == b"\x47\x40\x00"
        assert "Movies" in await text_of(http, f"/playlist/{name}")
    for tag in ("tagname/Movies", f"tag/{movies['tags'][0]}"):
        written = await text_of(http, f"/playlist/{tag}")
        assert written.count("#EXTINF") == 1
    tags = await text_of(http, "/playlist/tags")
    (of_movies,) = re.findall(r'type="playlist",Movies\nhttp://[^/]+(/playlist/tagid/\d+\S*)', tags)
    assert "/stream/channelid/" in await text_of(http, of_movies)


async def test_a_stream_is_counted_and_given_back(
    http: aiohttp.ClientSession, lineup: FakeLineup, connect: Connect
) -> None:
    lineup.chunk_packets = 70
    agent = {"User-Agent": "VLC/3.0"}
    async with http.get("/stream/channelnumber/9?profile=pass", headers=agent) as response:
        assert response.headers.get("Content-Length") is None
        await response.content.readexactly(188 * 70 * 150)
        found = await fetched(http, "/api/status/subscriptions")
        (row,) = found["entries"]
        assert found["totalCount"] == 1
        assert (row["channel"], row["client"], row["hostname"]) == ("Kids Été", "VLC/3.0", "127.0.0.1")
        assert (row["state"], row["profile"], row["title"]) == ("Running", "pass", "HTTP")
        assert row["service"].split("/")[1] == "Fake Television"
        assert row["total_out"] >= 188 * 70 * 150
        assert row["in"] > 0
        inputs = await fetched(http, "/api/status/inputs")
        assert inputs["entries"][0]["subs"] == 1
        assert inputs["entries"][0]["bps"] > 0
        connections = await fetched(http, "/api/status/connections")
        assert [c["type"] for c in connections["entries"]] == ["HTTP"]
        client = await connect()
        await client.hello()
        assert [c["type"] for c in (await fetched(http, "/api/status/connections"))["entries"]] == [
            "HTTP",
            "HTSP",
        ]
        over_htsp = (await client.ask("api", path="status/subscriptions"))["response"]
        assert over_htsp["entries"][0]["channel"] == "Kids Été"
    async with asyncio.timeout(10):
        while lineup.open_signals:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    assert (await fetched(http, "/api/status/activity"))["subscription_count"] == 0


async def test_a_channel_that_can_not_be_had(http: aiohttp.ClientSession, lineup: FakeLineup) -> None:
    lineup.refuse = TuneRefused("busy", "every encoder is taken")
    async with http.get("/stream/channelnumber/9") as response:
        assert response.status == 503
        assert "every encoder is taken" in await response.text()


async def test_play_is_a_playlist_or_for_bare_players_the_stream(http: aiohttp.ClientSession) -> None:
    written = await text_of(http, "/play/stream/channelnumber/9", headers={"User-Agent": "Mozilla/5.0"})
    assert "/stream/channelid/" in written
    assert "ticket=" in await text_of(http, "/play/ticket/stream/channelnumber/9")
    async with http.get("/play/stream/channelnumber/9", headers={"User-Agent": "curl/8"}) as response:
        assert response.content_type == "video/mp2t"


async def test_the_guide_has_the_playlists_ids(http: aiohttp.ClientSession) -> None:
    ids = re.findall(r'tvg-id="(\w+)"', await text_of(http, "/playlist/channels"))
    for path in ("/xmltv", "/xmltv/channels", "/xmltv/channels?lcn=1"):
        tree = ElementTree.fromstring(await text_of(http, path))
        assert [c.get("id") for c in tree.iter("channel")] == ids
        assert {p.get("channel") for p in tree.iter("programme")} == set(ids)
    tree = ElementTree.fromstring(await text_of(http, "/xmltv/channelnumber/9"))
    assert [c.get("id") for c in tree.iter("channel")] == [ids[2]]
    (icon,) = (i.get("src") for i in tree.iter("icon"))
    async with http.get(str(icon)) as response:
        assert await response.read() == PNG


async def test_icons_by_number(http: aiohttp.ClientSession) -> None:
    row = (await fetched(http, "/api/channel/grid"))["entries"][0]
    async with http.get("/" + row["icon"]) as response:
        assert (response.content_type, await response.read()) == ("image/png", PNG)
    logo = re.findall(r'tvg-logo="([^"]+)"', await text_of(http, "/playlist/channels"))[0]
    async with http.get(logo) as response:
        assert await response.read() == PNG


async def test_addresses_are_those_by_which_the_client_reaches_us(http: aiohttp.ClientSession) -> None:
    headers = {"Host": "tv.example:8443", "X-Forwarded-Proto": "https"}
    assert "https://tv.example:8443/stream/" in await text_of(http, "/playlist/channels", headers=headers)
    evil = await text_of(http, "/playlist/channels", headers={"Host": 'x"><script>'})
    assert "script" not in evil
    async with http.get("/playlist", allow_redirects=False) as response:
        assert (response.status, response.headers["Location"]) == (302, "/playlist/channels")


# --- who may come in ---


def basic(name: str, password: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()}


async def test_basic(closed: tuple[aiohttp.ClientSession, Connect]) -> None:
    http, _ = closed
    assert await status_of(http, "/api/serverinfo", headers=basic("ann", "pässword")) == 200
    assert await status_of(http, "/api/serverinfo", headers=basic("bob", "b:b")) == 200
    for wrong in (basic("ann", "x"), basic("eve", ""), {"Authorization": "Basic !"}, {"Authorization": "?"}):
        async with http.get("/api/serverinfo", headers=wrong) as response:
            assert response.status == 401
            ways = response.headers.getall("WWW-Authenticate")
            assert [way.split()[0] for way in ways] == ["Digest", "Basic"]
    assert await text_of(http, "/ping") == "PONG\n"
    for path in ("/", "/playlist/channels", "/xmltv", "/stream/channelnumber/9", "/imagecache/7", "/nothing"):
        assert await status_of(http, path) == 401, path


async def test_digest(closed: tuple[aiohttp.ClientSession, Connect]) -> None:
    http, _ = closed
    async with aiohttp.ClientSession(
        http._base_url, middlewares=(aiohttp.DigestAuthMiddleware("ann", "pässword"),)
    ) as client:
        assert (await fetched(client, "/api/channel/grid?limit=1&sort=number"))["total"] == len(CHANNELS)
    async with http.get("/api/serverinfo") as response:
        said = parameters(response.headers.getall("WWW-Authenticate")[0].removeprefix("Digest "))
    assert said["realm"] == "tvheadend"
    good = digest(said, "/api/serverinfo", "ann", "pässword")
    assert await status_of(http, "/api/serverinfo", headers=good) == 200
    # For another address it opens nothing, nor with another password.
    assert await status_of(http, "/api/channel/list", headers=good) == 401
    assert (
        await status_of(http, "/api/serverinfo", headers=digest(said, "/api/serverinfo", "ann", "x")) == 401
    )
    forged = {**said, "nonce": said["nonce"][:-4] + "AAA="}
    assert (
        await status_of(http, "/api/serverinfo", headers=digest(forged, "/api/serverinfo", "ann", "pässword"))
        == 401
    )


def digest(said: dict[str, str], uri: str, name: str, password: str) -> dict[str, str]:
    def md5(words: str) -> str:
        return hashlib.md5(words.encode()).hexdigest()

    proof = ":".join(
        (
            md5(f"{name}:{said['realm']}:{password}"),
            said["nonce"],
            "00000001",
            "abc",
            "auth",
            md5(f"GET:{uri}"),
        )
    )
    words = f'username="{name}", realm="{said["realm"]}", nonce="{said["nonce"]}", uri="{uri}", qop=auth, '
    words += f'nc=00000001, cnonce="abc", response="{md5(proof)}", opaque="{said["opaque"]}"'
    return {"Authorization": f"Digest {words}"}


def test_an_old_nonce_is_said_to_be_stale() -> None:
    clock = SteppedClock(AT)
    auth = HttpAuth(clock, [Account("ann", "pw")])
    said = parameters(auth.challenges()[0].removeprefix("Digest "))
    header = digest(said, "/x", "ann", "pw")["Authorization"]
    assert auth.by_header("GET", "/x", header) is not None
    assert auth.by_header("POST", "/x", header) is None
    clock.step(http_auth.NONCE_S + 1)
    assert auth.by_header("GET", "/x", header) is None
    assert "stale=true" in auth.challenges(header)[0]
    assert "stale" not in auth.challenges()[0]


async def test_a_ticket_opens_its_path_and_nothing_else(
    closed: tuple[aiohttp.ClientSession, Connect],
) -> None:
    """As Jellyfin does it: HTSP for the ticket, HTTP with nothing else for the stream."""
    http, connect = closed
    client = await connect()
    await client.login(await client.hello(version=20, name="Jellyfin"), "ann", "pässword")
    await client.sync()
    first, second = client.of("channelAdd")[:2]
    given = await client.ask("getTicket", channelId=str(first["channelId"]))
    for _ in range(2):
        async with http.get(f"{given['path']}?ticket={given['ticket']}") as response:
            assert response.status == 200
            await response.content.readexactly(188)
    other = f"/stream/channelid/{second['channelId']}"
    assert await status_of(http, f"{other}?ticket={given['ticket']}") == 401
    assert await status_of(http, f"/api/serverinfo?ticket={given['ticket']}") == 401
    assert await status_of(http, f"{given['path']}?ticket={'0' * 40}") == 401


async def test_a_code_opens_everything_but_the_api(closed: tuple[aiohttp.ClientSession, Connect]) -> None:
    """As webOS does it: the playlist is fetched with a password, the streams without."""
    http, _ = closed
    written = await text_of(http, "/playlist/auth/channels", headers=basic("ann", "pässword"))
    address = written.splitlines()[2]
    async with http.get(address) as response:
        assert response.status == 200
    logo = re.findall(r'tvg-logo="([^"]+)"', written)[0]
    assert "auth=" in logo
    assert await status_of(http, logo) == 200
    code = re.findall(r"auth=(\w+)", address)[0]
    assert await status_of(http, f"/xmltv/channels?auth={code}") == 200
    assert await status_of(http, f"/api/serverinfo?auth={code}") == 401
    assert await status_of(http, f"/xmltv/channels?auth={code[:-1]}x") == 401
    bobs = await text_of(http, "/playlist/auth/channels", headers=basic("bob", "b:b"))
    assert code not in bobs


async def test_nothing_of_one_request_is_left_for_the_next_on_its_connection(
    closed: tuple[aiohttp.ClientSession, Connect],
) -> None:
    """A proxy sends everybody's requests over one."""
    _, connect = closed
    one = aiohttp.TCPConnector(limit=1)
    async with aiohttp.ClientSession(connect.base, connector=one) as http:
        tags = await text_of(http, "/playlist/ticket/tags", headers=basic("ann", "pässword"))
        path, ticket = re.findall(r"http://[^/]+(/playlist/ticket/tagid/\d+)\?ticket=(\w+)", tags)[0]
        assert "auth=" in await text_of(http, "/playlist/auth/channels", headers=basic("ann", "pässword"))
        assert "ticket=" in await text_of(http, f"{path}?ticket={ticket}")
        assert await status_of(http, "/api/serverinfo") == 401


def test_a_code_is_the_same_after_a_restart_and_another_after_a_new_password() -> None:
    assert http_auth.code_of(Account("ann", "pw")) == http_auth.code_of(Account("ann", "pw"))
    assert http_auth.code_of(Account("ann", "pw")) != http_auth.code_of(Account("ann", "pw2"))


def test_tickets_expire_and_are_not_kept_without_end() -> None:
    clock = SteppedClock(AT)
    door = access.Access(clock, [Account("ann", "pw")])
    word = door.ticket("/a")
    assert door.ticket_opens("/a", word)
    assert not door.ticket_opens("/b", word)
    clock.step(access.TICKET_S + 1)
    assert not door.ticket_opens("/a", word)
    for _ in range(10_050):
        door.ticket("/a")
    assert len(door._tickets) <= 10_000


async def test_an_open_station_is_closed_to_strangers(
    http: aiohttp.ClientSession, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Jellyfin wants a name and a password, whatever the server thinks of them.
    assert await status_of(http, "/api/serverinfo", headers=basic("any", "thing")) == 200
    monkeypatch.setattr(Gate, "admits", lambda self, address: False)
    assert await status_of(http, "/api/serverinfo") == 403
    assert await status_of(http, "/stream/channelnumber/9") == 403
    client = await connect()
    await client.hello()
    assert await client.ask("getSysTime") == {"noaccess": 1}


async def test_a_proxy_on_this_machine_makes_nobody_local(http: aiohttp.ClientSession) -> None:
    for behind, status in (("192.168.0.9", 200), ("8.8.8.8", 403), ("10.0.0.1, 8.8.8.8", 403), ("x", 403)):
        headers = {"X-Forwarded-For": behind}
        assert await status_of(http, "/api/serverinfo", headers=headers) == status, behind


async def test_hidden_artwork_runs_no_script(connect: Connect, lineup: FakeLineup) -> None:
    async with aiohttp.ClientSession(connect.base) as http, http.get("/artwork/logo/wrtv") as response:
        assert "sandbox" in response.headers["Content-Security-Policy"]
        assert response.headers["X-Content-Type-Options"] == "nosniff"


async def test_what_stands_in_names_breaks_no_playlist(
    http: aiohttp.ClientSession, lineup: FakeLineup
) -> None:
    lineup._channels = [
        replace(c, name='A "b", c\n#EXTINF:-1,x', group='G"\n') if c.id == ChannelId("wrtv") else c
        for c in lineup._channels
    ]
    for path in ("/playlist/channels", "/playlist/e2/channels"):
        lines = (await text_of(http, path)).splitlines()
        assert len(lines) == 1 + 2 * len(CHANNELS)
    assert (await text_of(http, "/playlist/tags")).count("\n") == 7
