"""Who may come in by Tvheadend's HTTP, and by what: a password, a digest, a ticket, a code, or being near."""

from __future__ import annotations

import hashlib
import re
from collections.abc import AsyncIterator

import aiohttp
import pytest

from retrovue.clock import MasterClock, SteppedClock
from retrovue.headend.accounts import Account
from retrovue.headend.gate import Gate
from retrovue.headend.tvheadend import access, http_auth
from retrovue.headend.tvheadend.http_auth import HttpAuth, parameters
from tests.headend.fake_lineup import CHANNELS, FakeLineup
from tests.headend.tvheadend.asking import basic, fetched, status_of, text_of
from tests.headend.tvheadend.client import Connect, serving
from tests.headend.tvheadend.test_session import AT

ACCOUNTS = [("ann", "pässword"), ("bob", "b:b")]


@pytest.fixture
async def closed(
    lineup: FakeLineup, clock: MasterClock
) -> AsyncIterator[tuple[aiohttp.ClientSession, Connect]]:
    """A station with accounts."""
    async with (
        serving(lineup, clock, ACCOUNTS) as connect,
        aiohttp.ClientSession(connect.base, timeout=aiohttp.ClientTimeout(total=20)) as http,
    ):
        yield http, connect


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
    guide = await text_of(http, f"/xmltv/channels?auth={code}")
    assert await status_of(http, re.findall(r'<icon src="([^"]+)"', guide)[0]) == 200
    assert code not in await text_of(http, "/xmltv/channels", headers=basic("ann", "pässword"))
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
