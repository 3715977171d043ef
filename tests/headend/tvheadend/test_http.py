"""Tvheadend's HTTP: shapes of a real server's answers, grids, playlists, streams, and the guide."""

from __future__ import annotations

import asyncio
import json
import re
from dataclasses import replace
from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree

import aiohttp
import pytest

from retrovue.clock import MasterClock
from retrovue.headend.tvheadend import idnodes
from retrovue.lineup import ChannelId, TuneRefused
from tests.headend.fake_lineup import CHANNELS, PNG, FakeLineup
from tests.headend.tvheadend.asking import fetched, status_of, text_of
from tests.headend.tvheadend.client import Connect, serving
from tests.headend.tvheadend.golden import http_shapes, kinds_of

# --- shapes ---

KINDS = {bool: "bool", int: "int", float: "float", str: "str", list: "list", dict: "map"}


#: Fields that the recorded server had no occasion to send (Tvheadend's documentation of its API has them).
MORE = {
    "/api/channel/grid": {"entries[].icon", "entries[].icon_public_url"},
    "/api/epg/events/grid": {
        f"entries[].{name}"
        for name in (
            *("channelIcon", "credits", "category", "category[]", "genre", "genre[]", "new", "seasonNumber"),
            *(
                "episodeNumber",
                "episodeOnscreen",
                "ageRating",
                "ratingLabel",
                "copyright_year",
                "first_aired",
            ),
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
        found = kinds_of(await response.json(), KINDS)
    route = path.partition("?")[0]
    if route == "/api/channel/grid":
        assert found.pop("entries[].number") in ("int", "str")  # 5.1 is no integer
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


async def test_channel_numbers_are_as_a_real_server_writes_and_orders_them(
    http: aiohttp.ClientSession, lineup: FakeLineup
) -> None:
    numbers = ("5.10", "5.9", "12", "5")
    lineup._channels = [replace(c, number=n) for c, n in zip(lineup._channels, numbers, strict=True)]
    rows = (await fetched(http, "/api/channel/grid?sort=number"))["entries"]
    assert [row["number"] for row in rows] == [5, "5.9", "5.10", 12]
    only = json.dumps([{"field": "number", "type": "numeric", "value": "5.10", "comparison": "eq"}])
    found = (await fetched(http, "/api/channel/grid", params={"filter": only}))["entries"]
    assert [row["number"] for row in found] == ["5.10"]


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


async def test_the_same_again_and_other_episodes(http: aiohttp.ClientSession) -> None:
    async def told(what: str, event: int) -> list[dict[str, Any]]:
        found = await fetched(http, f"/api/epg/events/{what}?eventId={event}")
        assert found["totalCount"] == len(found["entries"])
        return list(found["entries"])

    rows = (await fetched(http, "/api/epg/events/grid?limit=99999"))["entries"]
    for title in ("Night Court", "Metropolis"):
        one = next(row for row in rows if row["title"] == title)
        like = [row for row in rows if row["title"] == title and row["eventId"] != one["eventId"]]
        numbered = [(row.get("seasonNumber"), row.get("episodeNumber")) for row in like]
        same = [(one.get("seasonNumber"), one.get("episodeNumber")) == number for number in numbered]
        assert await told("alternative", one["eventId"]) == [r for r, s in zip(like, same, strict=True) if s]
        assert await told("related", one["eventId"]) == [r for r, s in zip(like, same, strict=True) if not s]
    assert await told("related", 7) == []


async def test_the_names_of_all_genres(http: aiohttp.ClientSession) -> None:
    """Of both levels, which a client's menu shows (EN 300 468, table 29)."""
    found = (await fetched(http, "/api/epg/content_type/list?full=1"))["entries"]
    named = {row["key"]: row["val"] for row in found}
    assert list(named) == [0, *range(0x10, 0xB0)]
    assert (named[0x10], named[0x1F]) == ("Movie / Drama", "Movie / Drama")
    assert (named[0x14], named[0x4B], named[0xA7]) == ("Comedy", "Martial sports", "Gardening")
    short = (await fetched(http, "/api/epg/content_type/list"))["entries"]
    assert short == [row for row in found if not row["key"] & 0xF]


@pytest.mark.parametrize("path", sorted(idnodes.CLASSES))
async def test_a_class_says_what_its_rows_are_made_of(http: aiohttp.ClientSession, path: str) -> None:
    told = await fetched(http, f"/api/{path}/class")
    rows = (await fetched(http, f"/api/{path}/grid"))["entries"]
    types = {prop["id"]: (prop["type"], bool(prop.get("list"))) for prop in told["props"]}
    assert rows
    for row in rows:
        assert set(row) - {"uuid"} == set(types)
        for name, (kind, many) in types.items():
            for value in row[name] if many else [row[name]]:
                # A channel number with a dot is text.
                wanted = ("int", "str") if kind == "s64" else (kind if kind in ("bool", "str") else "int",)
                assert KINDS[type(value)] in wanted, name
    assert await fetched(http, f"/api/idnode/class?name={told['class']}") == told
    # One, some, all; as nodes or as rows.
    first, last = rows[0], rows[-1]
    (node,) = (await fetched(http, f"/api/idnode/load?uuid={first['uuid']}"))["entries"]
    assert {param["id"]: param["value"] for param in node["params"]} | {"uuid": node["uuid"]} == first
    assert node["text"] in first.values()
    query = {"uuid": json.dumps([first["uuid"], last["uuid"], 7]), "grid": "1"}
    some = (await fetched(http, "/api/idnode/load", params=query))["entries"]
    assert some == ([first, last] if first != last else [first])
    assert (await fetched(http, f"/api/idnode/load?class={told['class']}&grid=1"))["entries"] == rows


async def test_what_no_class_and_no_node_answer(http: aiohttp.ClientSession) -> None:
    assert await status_of(http, "/api/idnode/class?name=nothing") == 404
    for nonsense in ("", "?uuid=x", "?uuid=[", "?uuid=[[]]", "?class=x"):
        assert await fetched(http, f"/api/idnode/load{nonsense}") == {"entries": []}


async def test_languages_paths_and_load(http: aiohttp.ClientSession) -> None:
    for path in ("list", "locale"):
        named = {row["key"]: row["val"] for row in (await fetched(http, f"/api/language/{path}"))["entries"]}
        assert (named["und"], named["eng"], named["ger"]) == ("Undetermined", "English", "German")
        assert all(len(code) == 3 for code in named)
    paths = await fetched(http, "/api/pathlist")
    for path in paths:
        assert await status_of(http, f"/api/{path}?name=channel") == 200, path
    load = re.findall(r"<systemload>([\d.,]+)</systemload>", await text_of(http, "/status.xml"))
    assert len([float(word) for word in load[0].split(",")]) == 3


async def test_the_state_for_people(http: aiohttp.ClientSession, lineup: FakeLineup) -> None:
    """In the lines of a real server."""
    async with http.get("/stream/channelnumber/9") as stream:
        await stream.content.readexactly(188)
        async with http.get("/state") as response:
            assert response.headers["Content-Type"] == "text/plain; charset=UTF-8"
            lines = (await response.text()).splitlines()
    assert re.fullmatch(r"Tvheadend 4\.3-\S.*", lines[0])
    assert lines[1:4] == ["", "Channels", "-" * 46]
    assert len(lines) == 4 + 5 * len(CHANNELS)
    kids = lines[14:19]
    assert re.fullmatch(r"Kids Été \(\d+\)", kids[0])
    assert kids[1:3] == ["  refcount = 1", "  number = 9"]
    assert re.fullmatch(r"  icon = imagecache/\d+", kids[3])
    async with asyncio.timeout(20):
        while lineup.open_signals:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def test_nothing_is_recorded_and_nothing_changed(http: aiohttp.ClientSession) -> None:
    for path in ("dvr/entry/create_by_event", "dvr/autorec/create", "idnode/save"):
        async with http.post(f"/api/{path}", data={"event_id": "7"}) as response:
            assert response.status == 403
            assert "it records nothing" in await response.text()


async def test_what_may_be_asked_is_told_to_everybody(http: aiohttp.ClientSession) -> None:
    for path in ("/api/serverinfo", "/stream/channelnumber/9", "/nothing"):
        async with http.options(path) as response:
            assert (response.status, response.headers["Allow"]) == (200, "GET, HEAD, POST, OPTIONS")


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
    for path in ("/xmltv", "/xmltv/channels", "/xmltv?lcn=1"):
        tree = ElementTree.fromstring(await text_of(http, path))
        assert [c.get("id") for c in tree.iter("channel")] == ids
        assert {p.get("channel") for p in tree.iter("programme")} == set(ids)
    tree = ElementTree.fromstring(await text_of(http, "/xmltv/channelnumber/9"))
    assert [c.get("id") for c in tree.iter("channel")] == [ids[2]]
    (icon,) = (i.get("src") for i in tree.iter("icon"))
    async with http.get(str(icon)) as response:
        assert await response.read() == PNG


async def test_the_guide_is_headed_as_a_real_servers(http: aiohttp.ClientSession) -> None:
    """Line for line, but for names, numbers and pictures, what a real one answered to /xmltv/channels."""
    for query, numbered in (("", "display-name"), ("?lcn=1", "lcn"), ("?lcn=0", "display-name")):
        async with http.get(f"/xmltv/channels{query}") as response:
            assert response.headers["Content-Type"] == "text/xml"
            written = await response.text()
        lines = written.partition("<programme ")[0].splitlines()
        assert lines[:2] == ['<?xml version="1.0" encoding="utf-8" ?>', '<!DOCTYPE tv SYSTEM "xmltv.dtd">']
        assert re.fullmatch(
            r'<tv generator-info-name="TVHeadend-4\.3-[^"]+" source-info-name="tvh-RetroVue">', lines[2]
        )
        assert re.fullmatch(r'<channel id="[0-9a-f]{32}">', lines[3])
        assert lines[4:6] == [
            "  <display-name>WRTV Retro 5</display-name>",
            f"  <{numbered}>5.1</{numbered}>",
        ]
        assert re.fullmatch(r'  <icon src="http://127\.0\.0\.1:\d+/imagecache/\d+"/>', lines[6])
        assert lines[7] == "</channel>"
        tree = ElementTree.fromstring(written)
        credited = [(who.tag, who.text, who.attrib) for who in next(tree.iter("credits"))]
        assert credited == [
            ("director", "Howard <Hawks>", {}),
            ("actor", "Lauren Bacall", {"role": "Vivian"}),
            ("composer", "Max Steiner", {}),
        ]


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
    for kind in ("playlist", "xmltv"):
        async with http.get(f"/{kind}?a=b", allow_redirects=False) as response:
            assert (response.status, response.headers["Location"]) == (302, f"/{kind}/channels?a=b")


async def test_behind_nat_the_name_is_the_stations_and_the_port_the_clients(
    lineup: FakeLineup, clock: MasterClock
) -> None:
    """external_url leads to another port; that of a container may be mapped to any."""
    outside = serving(lineup, clock, external_url="https://nas.example:8080/tv")
    async with outside as connect, aiohttp.ClientSession(connect.base) as http:
        port = connect.base.rpartition(":")[2]
        for host, there in ((f"172.17.0.2:{port}", port), ("172.17.0.2:19981", "19981")):
            for path in ("/playlist/channels", "/xmltv/channels"):
                written = await text_of(http, path, headers={"Host": host})
                assert set(re.findall(r"https?://[^/]+", written)) == {f"http://nas.example:{there}"}
        # HTSP says nothing of a host.
        client = await connect()
        await client.hello(version=7)
        icon = (await client.sync())[4]["channelIcon"]
        assert icon.startswith(f"http://nas.example:{port}/imagecache/")


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
