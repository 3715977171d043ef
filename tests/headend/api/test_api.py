"""The control API over real HTTP: what may be read, what an order needs, and what it comes to."""

from __future__ import annotations

import stat
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession

from retrovue.clock import SteppedClock
from retrovue.errors import RetroVueError
from retrovue.headend.api import ApiFrontEnd
from retrovue.headend.api.guard import LARGEST_BODY
from retrovue.headend.api.token import FILE, control_token
from retrovue.lineup import ChannelId, EmergencyMode, OrderRefused
from tests.headend.fake_lineup import FakeLineup
from tests.headend.serving import serving

NOW = datetime(2026, 11, 26, 20, 0, tzinfo=UTC)
TOKEN = "a-token-that-is-long-enough"
AUTH = {"Authorization": f"Bearer {TOKEN}"}


class Desk:
    """A control room that writes down what it is told."""

    def __init__(self) -> None:
        self.told: list[tuple[Any, ...]] = []
        self.refuse = ""

    async def emergency(
        self,
        channels: Sequence[ChannelId] | None = None,
        text: str | None = None,
        mode: EmergencyMode | None = None,
        until: datetime | None = None,
    ) -> None:
        if self.refuse:
            raise OrderRefused(self.refuse)
        self.told.append(("emergency", channels, text, mode, until))

    async def all_clear(self, channels: Sequence[ChannelId] | None = None) -> None:
        self.told.append(("all clear", channels))

    async def sign_off(
        self, channels: Sequence[ChannelId] | None = None, until: datetime | None = None
    ) -> None:
        self.told.append(("sign off", channels, until))

    async def sign_on(self, channels: Sequence[ChannelId] | None = None) -> None:
        self.told.append(("sign on", channels))


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
async def client(desk: Desk) -> AsyncIterator[ClientSession]:
    clock = SteppedClock(NOW)
    async with serving(ApiFrontEnd(FakeLineup(clock), clock, desk, TOKEN)) as client:
        yield client


WRITES = [("POST", "emergency"), ("DELETE", "emergency"), ("POST", "sign-off"), ("DELETE", "sign-off")]


@pytest.mark.parametrize(("method", "path"), WRITES)
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer "},
        {"Authorization": "Bearer wrong"},
        {"Authorization": f"Bearer {TOKEN}x"},
        {"Authorization": f"Basic {TOKEN}"},
        {"Authorization": TOKEN},
        {"Authorization": "Bearer tökén"},
        {"Cookie": f"token={TOKEN}"},
        {"X-Token": TOKEN},
    ],
)
async def test_no_order_without_the_token(
    client: ClientSession, desk: Desk, method: str, path: str, headers: dict[str, str]
) -> None:
    async with client.request(method, f"/api/v1/{path}", json={}, headers=headers) as response:
        assert response.status == 401
        assert response.headers["WWW-Authenticate"].startswith("Bearer")
        assert TOKEN not in await response.text()
    assert desk.told == []


@pytest.mark.parametrize(("method", "path"), WRITES)
async def test_the_token_is_not_taken_from_the_address(
    client: ClientSession, desk: Desk, method: str, path: str
) -> None:
    async with client.request(method, f"/api/v1/{path}?token={TOKEN}&access_token={TOKEN}") as response:
        assert response.status == 401
    assert desk.told == []


@pytest.mark.parametrize(("method", "path"), WRITES)
async def test_no_order_from_another_sites_page(
    client: ClientSession, desk: Desk, method: str, path: str
) -> None:
    for origin in ("http://evil.example", "null", "http://127.0.0.1:1"):
        async with client.request(method, f"/api/v1/{path}", headers={**AUTH, "Origin": origin}) as response:
            assert response.status == 403
            assert "Access-Control-Allow-Origin" not in response.headers
    assert desk.told == []


async def test_orders_come_to_what_was_meant(client: ClientSession, desk: Desk) -> None:
    orders: list[tuple[str, str, dict[str, Any] | None]] = [
        ("POST", "emergency", None),
        ("POST", "emergency", {"text": "Fog.", "mode": "crawl", "channels": ["5.1", "wkid", "wrtv"]}),
        ("POST", "emergency", {"seconds": 600}),
        ("POST", "sign-off", {"until": "2026-11-26T18:00:00-05:00", "channels": ["9"]}),
        ("DELETE", "sign-off", {"channels": ["wkid"]}),
        ("DELETE", "emergency", None),
    ]
    for method, path, body in orders:
        async with client.request(method, f"/api/v1/{path}", json=body, headers=AUTH) as response:
            assert response.status == 200, await response.text()
            assert response.headers["Cache-Control"] == "no-store"
            answer = await response.json()
            assert [c["number"] for c in answer["channels"]] == ["5.1", "5.2", "9", "99.1"]
    assert desk.told == [
        ("emergency", None, None, None, None),
        ("emergency", ["wrtv", "wkid"], "Fog.", EmergencyMode.CRAWL, None),
        ("emergency", None, None, None, NOW + timedelta(minutes=10)),
        ("sign off", ["wkid"], datetime(2026, 11, 26, 23, 0, tzinfo=UTC)),
        ("sign on", ["wkid"]),
        ("all clear", None),
    ]


@pytest.mark.parametrize(
    "body",
    [
        {"text": 5},
        {"mode": "panic"},
        {"mode": ["crawl"]},
        {"channels": "5.1"},
        {"channels": []},
        {"channels": [5.1]},
        {"channels": ["77"]},
        {"until": "tomorrow"},
        {"until": "2026-11-26T20:00:00"},
        {"until": 5},
        {"seconds": 0},
        {"seconds": -1},
        {"seconds": True},
        {"seconds": "10m"},
        {"seconds": 1e300},
        {"seconds": 5, "until": "2026-11-26T18:00:00-05:00"},
        {"txet": "misspelt"},
        [],
        "text",
    ],
)
async def test_what_cannot_be_meant_is_refused_in_words(
    client: ClientSession, desk: Desk, body: object
) -> None:
    async with client.post("/api/v1/emergency", json=body, headers=AUTH) as response:
        assert response.status == 400
        assert (await response.json())["error"]
    assert desk.told == []


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"{", "application/json"),
        (b"[" * 9000, "application/json"),
        (b"NaN", "application/json"),
        (b"\xff\xfe", "application/json"),
        (b"text=fire", "application/x-www-form-urlencoded"),
        (b'{"text": "plain"}', "text/plain"),
        (b" " * (LARGEST_BODY + 1), "application/json"),
    ],
)
async def test_a_body_that_is_none_is_refused(
    client: ClientSession, desk: Desk, data: bytes, kind: str
) -> None:
    headers = {**AUTH, "Content-Type": kind}
    async with client.post("/api/v1/emergency", data=data, headers=headers) as response:
        assert response.status == 400
    assert desk.told == []


async def test_what_the_control_room_refuses_is_said(client: ClientSession, desk: Desk) -> None:
    desk.refuse = "the text is too long"
    async with client.post("/api/v1/emergency", json={}, headers=AUTH) as response:
        assert response.status == 422
        assert await response.json() == {"error": "the text is too long"}


async def test_the_status_is_for_everybody(client: ClientSession) -> None:
    async with client.get("/api/v1/status") as response:
        assert response.status == 200
        status = await response.json()
    assert (status["station"], status["now"]) == ("fake", NOW.isoformat())
    first = status["channels"][0]
    assert (first["number"], first["health"], first["viewers"], first["mode"]) == (
        "5.1",
        "off air",
        0,
        "normal",
    )
    assert first["now"]["title"]


async def test_without_a_control_room_there_are_no_orders() -> None:
    clock = SteppedClock(NOW)
    async with serving(ApiFrontEnd(FakeLineup(clock), clock)) as client:
        async with client.get("/api/v1/status") as response:
            assert response.status == 200
        async with client.post("/api/v1/emergency", headers=AUTH) as response:
            assert response.status == 404


def test_the_token_is_made_once_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    state = tmp_path / "state"
    token = control_token("", state)
    assert len(token) >= 40
    assert control_token("", state) == token
    assert stat.S_IMODE((state / FILE).stat().st_mode) == 0o600
    assert [f.name for f in state.iterdir()] == [FILE]
    assert control_token("", tmp_path / "another") != token
    assert control_token("a-configured-token", state) == "a-configured-token"


@pytest.mark.parametrize("bad", ["short", "with a space in the midst", "é" * 20, ""])
def test_a_token_that_is_none_is_refused(tmp_path: Path, bad: str) -> None:
    (tmp_path / FILE).write_text(bad, encoding="utf-8")
    with pytest.raises(RetroVueError, match="token"):
        control_token("", tmp_path)
    if bad:
        with pytest.raises(RetroVueError) as refused:
            control_token(bad, tmp_path)
        assert bad not in str(refused.value)
