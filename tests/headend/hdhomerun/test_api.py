"""The HTTP API, over real sockets."""

from __future__ import annotations

import asyncio
import json
import xml.etree.ElementTree as ET
from datetime import UTC, datetime

import pytest

from retrovue.clock import SteppedClock
from retrovue.headend.hdhomerun import device_id
from retrovue.headend.hdhomerun.api import SCAN_S, TunerApi
from retrovue.headend.hdhomerun.personality import PERSONALITIES
from retrovue.headend.hdhomerun.tuners import TunerTable
from retrovue.headend.settings import HeadendSettings
from tests.headend.fake_lineup import CHANNELS, FakeLineup
from tests.headend.hdhomerun.conftest import ADDRESS, Start

ID = "1052712E"


async def test_discover_has_the_words_clients_look_for(start: Start) -> None:
    on_air = await start(device_id=ID, friendly_name="Rétro", tuner_count=3)
    card = await on_air.json("/discover.json")
    assert card == {
        "FriendlyName": "Rétro",
        "ModelNumber": "HDHR5-4US",
        "FirmwareName": "hdhomerun5_atsc",
        "FirmwareVersion": "20231214",
        "DeviceID": ID,
        "DeviceAuth": card["DeviceAuth"],
        "BaseURL": on_air.base,
        "LineupURL": f"{on_air.base}/lineup.json",
        "TunerCount": 3,
    }
    assert len(card["DeviceAuth"]) == 24


async def test_links_follow_the_host_the_client_used(start: Start) -> None:
    on_air = await start()
    async with on_air.client.get(on_air.base + "/lineup.json", headers={"Host": "tv.lan:9000"}) as response:
        assert (await response.json())[0]["URL"] == "http://tv.lan:9000/auto/v5.1"
    async with on_air.client.get(on_air.base + "/lineup.json", headers={"Host": "x/../y"}) as response:
        assert (await response.json())[0]["URL"] == f"{on_air.base}/auto/v5.1"


async def test_an_external_url_wins(start: Start) -> None:
    on_air = await start(external_url="https://tv.example/")
    assert (await on_air.json("/discover.json"))["LineupURL"] == "https://tv.example/lineup.json"
    assert (await on_air.json("/lineup.json"))[0]["URL"] == "https://tv.example/auto/v5.1"


async def test_lineup(start: Start) -> None:
    on_air = await start()
    lineup = await on_air.json("/lineup.json?show=found")
    assert [c["GuideNumber"] for c in lineup] == [c.number for c in CHANNELS]
    assert lineup[1] == {
        "GuideNumber": "5.2",
        "GuideName": "Movies & <More>",
        "VideoCodec": "H264",
        "AudioCodec": "AAC",
        "HD": 1,
        "URL": f"{on_air.base}/auto/v5.2",
    }
    assert all("HD" not in c and "Favorite" not in c for c in (lineup[0], *lineup[2:]))
    for entry in lineup:
        assert entry["URL"].count("auto") == 1
        assert "?" not in entry["URL"]
    assert await on_air.json("/lineup.json?show=demo") == []


async def test_lineup_for_tuning(start: Start) -> None:
    on_air = await start(personality="dvbt")
    first = (await on_air.json("/lineup.json?tuning"))[0]
    assert (first["Modulation"], first["Frequency"], first["ProgramNumber"]) == ("t8qam64", 834_000_000, 1)
    assert (first["TransportStreamID"], first["OriginalNetworkID"]) == (501, 0xFF01)


async def test_an_empty_lineup_is_an_empty_list(start: Start) -> None:
    on_air = await start()
    on_air.lineup._channels.clear()
    assert await on_air.json("/lineup.json") == []
    assert ET.fromstring(await on_air.text("/lineup.xml")).findall("Program") == []


async def test_lineup_xml_is_the_same_lineup(start: Start) -> None:
    on_air = await start()
    programs = ET.fromstring(await on_air.text("/lineup.xml?tuning")).findall("Program")
    as_json = await on_air.json("/lineup.json?tuning")
    assert [{e.tag: e.text for e in p} for p in programs] == [
        {key: str(value) for key, value in entry.items()} for entry in as_json
    ]


async def test_lineup_m3u_has_a_stream_for_every_channel(start: Start) -> None:
    on_air = await start()
    lines = (await on_air.text("/lineup.m3u")).splitlines()
    assert lines[0].startswith("#EXTM3U")
    assert [line for line in lines if line.startswith("http")] == [
        f"{on_air.base}/auto/v{c.number}" for c in CHANNELS
    ]


@pytest.mark.parametrize("path", ["/device.xml", "/dri/device.xml", "/dms/device.xml"])
async def test_device_xml_carries_the_same_id(start: Start, path: str) -> None:
    on_air = await start(device_id=ID, friendly_name="A <b> & c")
    root = ET.fromstring(await on_air.text(path))
    space = {"u": "urn:schemas-upnp-org:device-1-0"}
    assert root.findtext("u:device/u:serialNumber", None, space) == ID
    assert root.findtext("u:device/u:friendlyName", None, space) == "A <b> & c"
    assert root.findtext("u:URLBase", None, space) == on_air.base
    assert (root.findtext("u:device/u:UDN", "", space) or "").startswith("uuid:")


async def test_favourites(start: Start) -> None:
    on_air = await start()

    async def mark(what: str) -> int:
        async with on_air.client.post(f"{on_air.base}/lineup.post?favorite={what}") as response:
            assert await response.read() == b""
            return response.status

    assert await mark("+5.2") == await mark("%2B9") == 200
    assert [c["GuideNumber"] for c in await on_air.json("/lineup.json?show=favorites")] == ["5.2", "9"]
    assert (await on_air.json("/lineup.json"))[1]["Favorite"] == 1
    assert await mark("-5.2") == await mark("x9") == 200
    assert await on_air.json("/lineup.json?show=favorites") == []
    assert await mark("+77") == await mark("5.1") == 400


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_scan_begins_and_can_be_given_up(start: Start, method: str) -> None:
    on_air = await start()
    idle = {"ScanInProgress": 0, "ScanPossible": 1, "Source": "Antenna", "SourceList": ["Antenna", "Cable"]}
    assert await on_air.json("/lineup_status.json") == idle
    async with on_air.client.request(
        method, on_air.base + "/lineup.post?scan=start&source=Cable"
    ) as response:
        assert (response.status, await response.read()) == (200, b"")
    assert (await on_air.json("/lineup_status.json"))["ScanInProgress"] == 1
    async with on_air.client.request(method, on_air.base + "/lineup.post?scan=abort") as response:
        assert response.status == 200
    assert await on_air.json("/lineup_status.json") == {**idle, "Source": "Cable"}


async def test_a_scan_finds_everything_and_ends() -> None:
    clock = SteppedClock(datetime(2026, 11, 22, tzinfo=UTC))
    settings = HeadendSettings("fake", device_id=ID)
    api = TunerApi(
        FakeLineup(clock), clock, settings, TunerTable(clock, 2), PERSONALITIES["atsc"], device_id.parse(ID)
    )
    request = _Query({"scan": "start"})
    assert (await api._lineup_post(request)).status == 200  # type: ignore[arg-type]
    seen = []
    for _ in range(5):
        seen.append(json.loads((await api._lineup_status(request)).body))  # type: ignore[arg-type]
        clock.step(SCAN_S / 4)
    assert [s.get("Progress") for s in seen] == [0, 25, 50, 75, None]
    assert [s.get("Found") for s in seen] == [0, 1, 2, 3, None]
    assert seen[-1]["ScanInProgress"] == 0


class _Query:
    def __init__(self, query: dict[str, str]) -> None:
        self.query = query


async def test_every_answer_looks_like_the_real_thing(start: Start) -> None:
    on_air = await start()
    for path in ("/discover.json", "/lineup.json", "/lineup_status.json", "/status.json"):
        for method in ("GET", "HEAD"):
            async with on_air.client.request(method, on_air.base + path) as response:
                assert response.status == 200
                assert response.headers["Content-Type"] == 'application/json; charset="utf-8"'
                assert response.headers["Server"] == "HDHomeRun/1.0"
                assert response.headers["Connection"] == "close"
                assert response.headers["Access-Control-Allow-Origin"] == "*"
                assert bool(await response.read()) is (method == "GET")


async def test_a_page_for_people_lists_the_channels(start: Start) -> None:
    on_air = await start(friendly_name="<b>")
    page = await on_air.text("/lineup.html")
    assert "&lt;b&gt;" in page
    assert "<b>" not in page
    assert "Movies &amp; &lt;More&gt;" in page
    for channel in CHANNELS:
        assert f'href="{on_air.base}/auto/v{channel.number}"' in page


@pytest.mark.parametrize(
    "request_line",
    ["GET http://tv.lan:99/lineup.json HTTP/1.1", "GET /lineup.json HTTP/1.1", "GET /lineup.json HTTP/1.0"],
)
async def test_requests_as_proxies_and_old_clients_write_them(start: Start, request_line: str) -> None:
    on_air = await start()
    reader, writer = await asyncio.open_connection(ADDRESS, on_air.headend.http_port)
    writer.write(f"{request_line}\r\nHost: tv.lan:99\r\nAccept-Encoding: gzip\r\n\r\n".encode())
    head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    writer.close()
    assert b" 200 OK" in head.splitlines()[0]
    assert b"encoding" not in head.lower()
    assert json.loads(body)[0]["URL"] == "http://tv.lan:99/auto/v5.1"


@pytest.mark.parametrize("show", ["found", "all", "unsubscribed", ""])
async def test_what_is_not_a_filter_shows_all(start: Start, show: str) -> None:
    on_air = await start()
    assert len(await on_air.json(f"/lineup.json?show={show}")) == len(CHANNELS)
    assert len(ET.fromstring(await on_air.text(f"/lineup.xml?show={show}"))) == len(CHANNELS)


@pytest.mark.parametrize("query", ["scan=maybe", "favorite=", "favorite=%2B", "", "x=y"])
async def test_a_post_that_means_nothing_is_refused_without_a_body(start: Start, query: str) -> None:
    on_air = await start()
    async with on_air.client.post(f"{on_air.base}/lineup.post?{query}") as response:
        assert (response.status, await response.read()) == (400, b"")


@pytest.mark.parametrize(
    "path", ["/nope", "/favicon.ico.x", "/auto", "/auto/", "/auto/v5.1/x", "/tuner/v5.1"]
)
async def test_unknown_paths_have_no_body(start: Start, path: str) -> None:
    on_air = await start()
    async with on_air.client.get(on_air.base + path) as response:
        assert (response.status, await response.read()) == (404, b"")


async def test_both_ports_serve_everything(start: Start) -> None:
    on_air = await start()
    assert on_air.headend.stream_port != on_air.headend.http_port
    url = f"http://{ADDRESS}:{on_air.headend.stream_port}/lineup.json"
    async with on_air.client.get(url) as response:
        assert [c["GuideNumber"] for c in await response.json()] == [c.number for c in CHANNELS]


async def test_the_tuner_page_escapes_what_it_shows(start: Start) -> None:
    on_air = await start(friendly_name="<script>")
    assert "&lt;script&gt;" in (page := await on_air.text("/tuners.html"))
    assert "<script>" not in page
