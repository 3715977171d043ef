"""Who may come in by Tvheadend's HTTP, and by what: a password, a digest, a ticket, a code, or being near."""

from __future__ import annotations

import asyncio
import hashlib
import re
import shutil
import urllib.request
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest

from retrovue.clock import MasterClock, SteppedClock
from retrovue.headend.accounts import Account, code_of
from retrovue.headend.gate import Gate
from retrovue.headend.tvheadend import access, nonces
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


async def challenge(http: aiohttp.ClientSession, **more: Any) -> dict[str, str]:
    """What a refused request is told of the digest."""
    async with http.get("/api/serverinfo", **more) as response:
        assert response.status == 401
        return parameters(response.headers.getall("WWW-Authenticate")[0].removeprefix("Digest "))


async def test_digest(closed: tuple[aiohttp.ClientSession, Connect]) -> None:
    http, _ = closed
    async with aiohttp.ClientSession(
        http._base_url, middlewares=(aiohttp.DigestAuthMiddleware("ann", "pässword"),)
    ) as client:
        for _ in range(3):
            assert (await fetched(client, "/api/channel/grid?limit=1&sort=number"))["total"] == len(CHANNELS)
    said = await challenge(http)
    assert (said["realm"], said["qop"], said["algorithm"]) == ("tvheadend", "auth", "MD5")
    good = digest(said, "/api/serverinfo", "ann", "pässword")
    assert await status_of(http, "/api/serverinfo", headers=good) == 200
    # Heard by somebody and said again it opens nothing, and whoever did come in is told what to do.
    assert (await challenge(http, headers=good))["stale"] == "true"
    # For another address it opens nothing, nor with another password.
    assert await status_of(http, "/api/channel/list", headers=good) == 401
    wrong = digest(said, "/api/serverinfo", "ann", "x", count=2)
    assert "stale" not in await challenge(http, headers=wrong)
    forged = {**said, "nonce": said["nonce"][:-4] + "AAA="}
    assert "stale" not in await challenge(http, headers=digest(forged, "/api/serverinfo", "ann", "pässword"))
    assert (
        await status_of(
            http, "/api/serverinfo", headers=digest(said, "/api/serverinfo", "ann", "pässword", 2)
        )
        == 200
    )


async def test_curl_and_python_come_in_by_digest(closed: tuple[aiohttp.ClientSession, Connect]) -> None:
    _, connect = closed
    url = f"{connect.base}/api/serverinfo"
    words = ("curl", "--silent", "--fail", "--user", "ann:pässword", "--anyauth", url, url, url)
    if shutil.which("curl"):
        told = await asyncio.create_subprocess_exec(*words, stdout=asyncio.subprocess.PIPE)
        assert (await told.communicate())[0].count(b"sw_version") == 3
    passwords = urllib.request.HTTPPasswordMgrWithDefaultRealm()
    passwords.add_password(None, url, "bob", "b:b")
    opener = urllib.request.build_opener(urllib.request.HTTPDigestAuthHandler(passwords))
    for _ in range(2):
        answer = await asyncio.to_thread(opener.open, url, timeout=20)
        assert b"sw_version" in await asyncio.to_thread(answer.read)


def digest(
    said: dict[str, str],
    uri: str,
    name: str,
    password: str,
    count: int = 1,
    more: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """The header of a GET; ``more`` replaces what it says."""

    def md5(words: str) -> str:
        return hashlib.md5(words.encode()).hexdigest()

    nc = f"{count:08x}"
    proof = ":".join(
        (md5(f"{name}:{said['realm']}:{password}"), said["nonce"], nc, "abc", "auth", md5(f"GET:{uri}"))
    )
    words = {
        "username": f'"{name}"',
        "realm": f'"{said["realm"]}"',
        "nonce": f'"{said["nonce"]}"',
        "uri": f'"{uri}"',
        "qop": "auth",
        "nc": nc,
        "cnonce": '"abc"',
        "response": f'"{md5(proof)}"',
        "opaque": f'"{said["opaque"]}"',
        **(more or {}),
    }
    return {"Authorization": "Digest " + ", ".join(f"{k}={v}" for k, v in words.items())}


@dataclass
class Door:
    """An HttpAuth, its clock, and what it asks for."""

    clock: SteppedClock
    auth: HttpAuth

    def asks(self) -> dict[str, str]:
        return parameters(self.auth.challenges()[0].removeprefix("Digest "))

    def shown(self, header: dict[str, str], method: str = "GET") -> str:
        """Who comes in; "stale", or nothing."""
        found = self.auth.by_header(method, "/x", header["Authorization"])
        return found.account.name if found.account is not None else "stale" if found.stale else ""


@pytest.fixture
def door() -> Door:
    clock = SteppedClock(AT)
    return Door(clock, HttpAuth(clock, [Account("ann", "pw"), Account("Jäsøn", "pw")]))


def test_a_nonce_is_good_for_half_a_minute_or_two_from_its_last_use(door: Door) -> None:
    said, later = door.asks(), door.asks()
    assert said["nonce"] != later["nonce"]
    counts = iter(range(1, 99))

    def shown(said: dict[str, str] = said) -> str:
        return door.shown(digest(said, "/x", "ann", "pw", next(counts)))

    assert door.shown(digest(said, "/x", "ann", "pw"), "POST") == ""
    for wait, who in ((nonces.UNUSED_S, "ann"), (nonces.USED_S, "ann"), (nonces.USED_S, "ann")):
        door.clock.step(wait)
        assert shown() == who
    assert shown(later) == "stale"
    door.clock.step(nonces.USED_S + 1)
    assert shown() == "stale"
    assert door.shown(digest(said, "/x", "ann", "wrong", 99)) == ""
    assert "stale=true" in door.auth.challenges(stale=True)[0]
    assert "stale" not in door.auth.challenges()[0]


def test_no_count_is_taken_twice_and_requests_may_overtake_each_other(door: Door) -> None:
    said = door.asks()
    taken = [3, 1, 2, 70, 7, 69, 200, 136, 137]
    refused = [*taken, 0, 4, 5, 6]
    for count in taken:
        # 200 - 64 is too long ago, and 70 - 64 was, but not 7.
        who = "stale" if count == 136 else "ann"
        assert door.shown(digest(said, "/x", "ann", "pw", count)) == who, count
    for count in refused:
        assert door.shown(digest(said, "/x", "ann", "pw", count)) == "stale", count
    assert door.shown(digest(said, "/x", "ann", "pw", 201)) == "ann"


@pytest.mark.parametrize(
    ("more", "who"),
    [
        ({"username": '"eve"'}, ""),
        ({"qop": "auth-int"}, ""),
        ({"nc": "1"}, ""),
        ({"nc": "zzzzzzzz"}, ""),
        ({"uri": '"/y"'}, ""),
        ({"realm": '"other"'}, ""),
        ({"algorithm": "SHA-256"}, ""),
        ({"algorithm": "md5"}, "ann"),
        ({"response": '"é"'}, ""),
        ({"nonce": '"="'}, ""),
    ],
)
def test_what_a_digest_must_say(door: Door, more: dict[str, str], who: str) -> None:
    assert door.shown(digest(door.asks(), "/x", "ann", "pw", more=more)) == who


def test_names_that_are_not_ascii(door: Door) -> None:
    """As they are, and as RFC 7616 (3.4) writes them."""
    assert door.shown(digest(door.asks(), "/x", "Jäsøn", "pw")) == "Jäsøn"
    header = digest(door.asks(), "/x", "Jäsøn", "pw")["Authorization"]
    header = header.replace('username="Jäsøn"', "username*=UTF-8''J%C3%A4s%C3%B8n")
    assert door.shown({"Authorization": header}) == "Jäsøn"


def test_without_a_count_a_nonce_is_good_once(door: Door) -> None:
    """RFC 2069, which old clients speak."""
    said = door.asks()

    def md5(words: str) -> str:
        return hashlib.md5(words.encode()).hexdigest()

    proof = md5(f"{md5('ann:tvheadend:pw')}:{said['nonce']}:{md5('GET:/x')}")
    words = f'Digest username="ann", realm="tvheadend", nonce="{said["nonce"]}", uri="/x", response="{proof}"'
    assert [door.shown({"Authorization": words}) for _ in range(2)] == ["ann", "stale"]


def test_nonces_are_not_kept_without_end(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nonces, "_MOST", 3)
    asked = [door.asks() for _ in range(4)]
    assert [door.shown(digest(said, "/x", "ann", "pw")) for said in asked] == ["ann"] * 3 + ["stale"]
    # Whoever is in stays in, and what isn't used any more makes room.
    assert door.shown(digest(asked[0], "/x", "ann", "pw", 2)) == "ann"
    door.clock.step(nonces.USED_S + 1)
    assert door.shown(digest(door.asks(), "/x", "ann", "pw")) == "ann"
    assert door.shown(digest(asked[0], "/x", "ann", "pw", 3)) == "stale"


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
    assert code_of(Account("ann", "pw")) == code_of(Account("ann", "pw"))
    assert code_of(Account("ann", "pw")) != code_of(Account("ann", "pw2"))


def test_tickets_expire_and_are_not_kept_without_end() -> None:
    clock = SteppedClock(AT)
    door = access.Access(clock, [Account("ann", "pw")], Gate(clock))
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
