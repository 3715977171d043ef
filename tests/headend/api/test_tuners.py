"""Tuners over the API: everybody may look, and who has the token may free one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest
from aiohttp import ClientSession

from retrovue.clock import SteppedClock
from retrovue.headend.api import ApiFrontEnd
from retrovue.headend.tuner_desk import TunerState
from tests.headend.fake_lineup import FakeLineup
from tests.headend.serving import serving

TOKEN = "a-token-that-is-long-enough"
AUTH = {"Authorization": f"Bearer {TOKEN}"}
FIRST, SECOND = "1052712E", "10439EFD"


class Desk:
    """Two tuners, of which the second is in use until it is kicked."""

    def __init__(self, device: str, name: str) -> None:
        self.device, self.name = device, name
        self._busy = TunerState(
            1, "5.1", "WRTV", "10.0.0.9", "http://10.0.0.9:51034", "VLC", False, 4_000_000, 123, 60.5, 0.1
        )

    def tuners(self) -> list[TunerState]:
        return [TunerState(0), self._busy]

    def kick(self, index: int) -> bool:
        used = bool(self.tuners()[index].client)
        if index == 1:
            self._busy = TunerState(1)
        return used


@pytest.fixture
async def client() -> AsyncIterator[ClientSession]:
    async with served(Desk(FIRST, "Retro"), Desk(SECOND, "Movies")) as client:
        yield client


def served(*desks: Desk, token: str = TOKEN) -> Any:
    clock = SteppedClock(datetime(2026, 11, 26, tzinfo=UTC))
    control: Any = object()  # the orders are another file's; this one asks for tuners only
    return serving(ApiFrontEnd(FakeLineup(clock), clock, control if token else None, token, desks))


async def busy(client: ClientSession) -> list[tuple[str, int]]:
    async with client.get("/api/v1/tuners") as response:
        assert response.status == 200
        found = await response.json()
    return [(d["device"], t["index"]) for d in found["devices"] for t in d["tuners"] if t["client"]]


async def test_anybody_may_look(client: ClientSession) -> None:
    async with client.get("/api/v1/tuners") as response:
        found = await response.json()
    assert [(d["device"], d["name"]) for d in found["devices"]] == [(FIRST, "Retro"), (SECOND, "Movies")]
    free, used = found["devices"][0]["tuners"]
    assert free == {
        "index": 0, "number": "", "name": "", "client": "", "target": "", "agent": "",
        "locked": False, "bits_s": 0, "sent": 0, "lasts_s": 0.0, "idle_s": 0.0,
    }  # fmt: skip
    assert (used["number"], used["client"], used["bits_s"], used["sent"]) == (
        "5.1",
        "10.0.0.9",
        4_000_000,
        123,
    )


@pytest.mark.parametrize(
    "headers", [{}, {"Authorization": "Bearer wrong"}, {**AUTH, "Origin": "http://evil"}]
)
async def test_nobody_is_kicked_without_the_token(client: ClientSession, headers: dict[str, str]) -> None:
    async with client.delete(
        "/api/v1/tuners", json={"tuner": 1, "device": FIRST}, headers=headers
    ) as response:
        assert response.status in (401, 403)
    assert len(await busy(client)) == 2


async def test_a_kicked_tuner_is_free(client: ClientSession, caplog: pytest.LogCaptureFixture) -> None:
    body = {"tuner": 1, "device": SECOND.lower()}
    async with client.delete("/api/v1/tuners", json=body, headers=AUTH) as response:
        assert response.status == 200
        assert (await response.json())["devices"][1]["tuners"][1]["client"] == ""
    assert await busy(client) == [(FIRST, 1)]
    async with client.delete("/api/v1/tuners", json=body, headers=AUTH) as response:
        assert response.status == 409
        assert (await response.json())["error"] == f"nobody uses tuner 1 of {SECOND}"
    assert [m for m in caplog.messages if "freed" in m] == [f"tuner 1 of {SECOND} was freed by an order"]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({}, "“tuner” must be a number"),
        ({"tuner": "1", "device": FIRST}, "“tuner” must be a number"),
        ({"tuner": True, "device": FIRST}, "“tuner” must be a number"),
        ({"tuner": 1}, f"“device” must say which: {FIRST} (Retro), {SECOND} (Movies)"),
        ({"tuner": 1, "device": "12345678"}, f"there are {FIRST} (Retro), {SECOND} (Movies)"),
        ({"tuner": 1, "device": 7}, "there is no device 7"),
        ({"tuner": 2, "device": FIRST}, f"{FIRST} has no tuner 2"),
        ({"tuner": -1, "device": FIRST}, f"{FIRST} has no tuner -1"),
        ({"tuner": 1, "device": FIRST, "now": True}, "now: not known here"),
    ],
)
async def test_what_makes_no_sense(client: ClientSession, body: dict[str, Any], words: str) -> None:
    async with client.delete("/api/v1/tuners", json=body, headers=AUTH) as response:
        assert response.status == 400
        assert words in (await response.json())["error"]
    assert len(await busy(client)) == 2


async def test_where_there_is_one_device_it_need_not_be_named() -> None:
    async with (
        served(Desk(FIRST, "Retro")) as client,
        client.delete("/api/v1/tuners", json={"tuner": 1}, headers=AUTH) as response,
    ):
        assert response.status == 200


async def test_a_station_without_a_token_lets_nobody_kick() -> None:
    async with served(Desk(FIRST, "Retro"), token="") as client:
        assert await busy(client) == [(FIRST, 1)]
        async with client.delete("/api/v1/tuners", json={"tuner": 1}, headers=AUTH) as response:
            assert response.status == 405
