"""Who comes in without showing anything, and what a token opens for others."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterable
from ipaddress import ip_network
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import pytest
from yarl import URL

from retrovue.clock import StationClock, SteppedClock
from retrovue.errors import RetroVueError
from retrovue.headend.addresses import is_near
from retrovue.headend.gate import Allowed, Gate
from retrovue.headend.server import Headend
from tests.headend.fake_lineup import PACKET
from tests.headend.test_server import make

OURS = (ip_network("198.51.100.0/24"), ip_network("11.22.33.0/24"), ip_network("2a00:1:2:3::/64"))
#: With what has a meaning in addresses.
TOKEN = "summer/house&garden?#"
#: As a proxy on this machine says it.
STRANGER = {"X-Forwarded-For": "8.8.8.8"}


@pytest.mark.parametrize(
    ("address", "near"),
    [
        *((a, True) for a in ("127.0.0.1", "10.1.2.3", "192.168.0.9", "172.16.0.1", "::1", "fe80::1%eth0")),
        *((a, True) for a in ("fd00::1", "::ffff:192.168.0.9", "169.254.1.1", "2a00:1:2:3::99")),
        *((a, False) for a in ("8.8.8.8", "2001:4860:4860::8888", "::ffff:8.8.8.8", "", "x")),
        *((a, False) for a in ("11.22.33.44", "2a00:1:2:4::99", "100.64.1.1")),
    ],
)
def test_near_is_this_machine_and_its_network(address: str, near: bool) -> None:
    assert is_near(address, OURS) == near


@pytest.mark.parametrize(
    ("allow", "admitted"),
    [
        (("lan",), {"127.0.0.1", "::1", "192.168.0.9", "::ffff:192.168.0.9"}),
        ((), {"127.0.0.1", "::1"}),
        ((ip_network("11.22.33.0/24"),), {"127.0.0.1", "::1", "11.22.33.44", "::ffff:11.22.33.44"}),
        (
            (ip_network("2a00:1:2::/48"), "lan"),
            {"127.0.0.1", "::1", "192.168.0.9", "::ffff:192.168.0.9", "2a00:1:2:4::99"},
        ),
    ],
)
def test_the_gate_admits_what_is_allowed_and_this_machine(
    allow: Iterable[Allowed], admitted: set[str]
) -> None:
    gate = Gate(SteppedClock(StationClock().now()), allow)
    asked = {"127.0.0.1", "::1", "192.168.0.9", "::ffff:192.168.0.9", "11.22.33.44", "::ffff:11.22.33.44"}
    asked |= {"2a00:1:2:4::99", "8.8.8.8", "", "nobody"}
    assert {address for address in asked if gate.admits(address)} == admitted


@pytest.fixture
async def headend(tmp_path: Path) -> AsyncIterator[Headend]:
    headend = make(tmp_path, tokens=(("house", TOKEN),), accounts=(("ann", "secret"),))
    await headend.start()
    yield headend
    await headend.stop()


@pytest.fixture
async def http(headend: Headend) -> AsyncIterator[aiohttp.ClientSession]:
    base, patience = f"http://127.0.0.1:{headend.http_port}", aiohttp.ClientTimeout(total=30)
    async with aiohttp.ClientSession(base, headers=STRANGER, timeout=patience) as http:
        yield http


async def opens(http: aiohttp.ClientSession, url: str) -> bytes:
    """The first bytes of what is at an address, for a stranger."""
    parts = urlsplit(url)
    async with http.get(URL(f"{parts.path}?{parts.query}", encoded=True)) as response:
        assert response.status == 200, url
        return await response.content.read(PACKET)


_PATHS = (
    *(
        "/",
        "/now.json",
        "/watch/5.1",
        "/watch/5.1.m3u",
        "/static/guide.css",
        "/channels.m3u",
        "/playlist.m3u",
    ),
    *("/lineup.m3u", "/lineup.json", "/lineup.xml", "/lineup.html", "/lineup_status.json", "/discover.json"),
    *("/status.json", "/tuners.html", "/device.xml", "/xmltv.xml", "/xmltv.xml.gz", "/artwork/logo/wrtv"),
    *("/hls/5.1.m3u8", "/hls/5.1/1.ts", "/live/5.1.mp4", "/auto/v5.1", "/tuner0/v5.1", "/nothing"),
    *("/api/v1/status", "/api/v1/openapi.json", "/healthz", "/metrics"),
)


async def test_strangers_get_nothing(http: aiohttp.ClientSession) -> None:
    for path in _PATHS:
        for query in ("", "?token=", "?token=0123456789abcdef"):
            async with http.get(path + query) as response:
                assert (response.status, await response.read()) == (403, b""), path + query
    async with http.post("/lineup.post?scan=start") as response:
        assert response.status == 403
    async with http.get("/", headers={"Accept": "text/html"}) as response:
        assert "serve: allow" in await response.text()


async def test_a_refused_stranger_is_told_of_once(
    http: aiohttp.ClientSession, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(2):
        await (await http.get("/channels.m3u")).read()
    for n in range(200):
        headers = {"X-Forwarded-For": f"8.8.4.{n}\N{RIGHT-TO-LEFT OVERRIDE}"}
        await (await http.get("/channels.m3u?token=0123456789abcdef", headers=headers)).read()
    told = [m for m in caplog.messages if "refused" in m]
    assert told[0] == "127.0.0.1, 8.8.8.8 refused: it is in no network that serve.allow names (told once)"
    assert told[1].endswith("its token is none of serve.tokens (told once)")
    assert not any("8.8.8.8" in m or not m.isprintable() for m in told[1:])
    assert len(told) == 64


async def test_a_token_opens_what_players_need_and_no_more(http: aiohttp.ClientSession) -> None:
    opened = {
        "/watch/5.1.m3u",
        "/channels.m3u",
        "/playlist.m3u",
        "/lineup.m3u",
        "/xmltv.xml",
        "/xmltv.xml.gz",
    }
    opened |= {
        "/artwork/logo/wrtv",
        "/hls/5.1.m3u8",
        "/hls/5.1/1.ts",
        "/live/5.1.mp4",
        "/auto/v5.1",
        "/tuner0/v5.1",
    }
    for path in _PATHS:
        async with http.get(path, params={"token": TOKEN}) as response:
            assert (response.status != 403) == (path in opened), path


@pytest.mark.parametrize("playlist", ["/channels.m3u", "/lineup.m3u", "/watch/5.1.m3u"])
async def test_every_address_of_a_playlist_is_as_open_as_the_playlist(
    http: aiohttp.ClientSession, playlist: str
) -> None:
    async with http.get(playlist, params={"token": TOKEN}) as response:
        text = await response.text()
    streams = [line for line in text.splitlines() if line.startswith("http")]
    logos = re.findall(r'tvg-logo="([^"]+)"', text)
    assert streams
    assert (await opens(http, streams[0]))[0] == 0x47
    for logo in logos:
        assert (await opens(http, logo)).startswith(b"\x89PNG")
    for guide in re.findall(r'url-tvg="([^"]+)"', text):
        assert (await opens(http, guide)).startswith(b"<?xml")


async def test_every_address_of_the_guide_and_of_hls_is_open_too(http: aiohttp.ClientSession) -> None:
    async with http.get("/xmltv.xml", params={"token": TOKEN}) as response:
        icons = re.findall(r'<icon src="([^"]+)"', await response.text())
    assert icons
    assert (await opens(http, icons[0])).startswith(b"\x89PNG")
    async with http.get("/hls/5.1.m3u8", params={"token": TOKEN}) as response:
        segments = [line for line in (await response.text()).splitlines() if not line.startswith("#")]
    assert (await opens(http, f"/hls/{segments[0]}"))[0] == 0x47


async def test_whoever_is_near_is_given_addresses_without_a_token(headend: Headend) -> None:
    async with aiohttp.ClientSession(f"http://127.0.0.1:{headend.http_port}") as http:
        for query in ("", "?token=0123456789abcdef"):
            async with http.get(f"/channels.m3u{query}") as response:
                assert "token" not in await response.text()


async def test_an_account_of_xtream_opens_from_everywhere(http: aiohttp.ClientSession) -> None:
    who = {"username": "ann", "password": "secret"}
    async with http.get("/player_api.php", params=who) as response:
        assert (await response.json())["user_info"]["auth"] == 1
    async with http.get("/player_api.php", params={**who, "action": "get_live_streams"}) as response:
        icon = (await response.json())[0]["stream_icon"]
    assert (await opens(http, icon)).startswith(b"\x89PNG")
    assert (await opens(http, "/live/ann/secret/501.ts"))[0] == 0x47
    async with http.get("/live/ann/secret/501.m3u8") as response:
        assert response.status == 200
        segment = response.url.join(URL((await response.text()).splitlines()[-1], encoded=True))
    assert (await opens(http, str(segment)))[0] == 0x47
    async with http.get("/xmltv.php", params=who) as response:
        icons = re.findall(r'<icon src="([^"]+)"', await response.text())
    assert (await opens(http, icons[0])).startswith(b"\x89PNG")
    async with http.get("/player_api.php", params={**who, "password": "x"}) as response:
        assert await response.json() == {"user_info": {"auth": 0}}
    async with http.get("/live/ann/x/501.ts") as response:
        assert response.status == 403


async def test_a_token_that_could_be_guessed_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RetroVueError, match=r"serve\.tokens, house"):
        await make(tmp_path, tokens=(("house", "short"),)).start()


async def test_a_token_that_is_too_short_for_strangers_is_not_said_to_be_made(tmp_path: Path) -> None:
    with pytest.raises(RetroVueError, match=r"serve\.tokens, house") as caught:
        await make(tmp_path, tokens=(("house", "short"),)).start()
    assert "longer" in caught.value.help
