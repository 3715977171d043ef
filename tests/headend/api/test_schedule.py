"""Reload and as-run over real HTTP: what may be asked, and what it comes to."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession

from retrovue.clock import StationClock, SteppedClock
from retrovue.headend.api import ApiFrontEnd
from retrovue.lineup import ChannelId, OrderRefused
from retrovue.playout.as_run import AsRunRecord
from retrovue.playout.as_run_journal import append
from retrovue.playout.as_run_query import AsRunQueries
from retrovue.units import SECOND_US, to_us
from tests.headend.fake_lineup import FakeLineup
from tests.headend.serving import serving

NOW = datetime(2026, 11, 26, 20, 0, tzinfo=UTC)
TOKEN = "a-token-that-is-long-enough"
AUTH = {"Authorization": f"Bearer {TOKEN}"}


class Schedule:
    """Publishes something else whenever it is told to reload, or refuses."""

    def __init__(self, lineup: FakeLineup) -> None:
        self.lineup, self.refuse = lineup, ""

    async def reload(self) -> None:
        if self.refuse:
            raise OrderRefused(self.refuse)
        self.lineup.etag = "fake-2"


class Log:
    """An as-run log that can't be read."""

    async def query(
        self, channels: Sequence[ChannelId], start: datetime, end: datetime, most: int
    ) -> Sequence[Mapping[str, Any]]:
        raise OrderRefused("the disk is gone")


def run(channel: str, number: int, start: datetime) -> AsRunRecord:
    """Ten minutes of something."""
    first = to_us(start) * 25 // SECOND_US
    return AsRunRecord(
        channel, date(2026, 11, 26), f"session of {channel}", number, "25", first, 15000,
        to_us(start), to_us(start) + 600 * SECOND_US, "real", asset_id=f"films/{number}", closed=True,
    )  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two channels' runs of the last hour."""
    for channel in ("wrtv", "wmov"):
        records = [run(channel, n, NOW - timedelta(minutes=60 - 10 * n)) for n in range(6)]
        append(tmp_path, records, frozenset())
    return tmp_path


@pytest.fixture
def schedule() -> Schedule:
    return Schedule(FakeLineup(SteppedClock(NOW)))


@pytest.fixture
async def client(schedule: Schedule, folder: Path) -> AsyncIterator[ClientSession]:
    clock, queries = SteppedClock(NOW), AsRunQueries(folder, StationClock())
    api = ApiFrontEnd(schedule.lineup, clock, None, TOKEN, (), schedule, queries)
    async with serving(api) as client:
        yield client


async def test_a_reload_says_whether_anything_airs_differently(client: ClientSession) -> None:
    for changed in (True, False):
        async with client.post("/api/v1/reload", headers=AUTH) as response:
            assert response.status == 200
            said = await response.json()
        assert (said["artefact"], said["changed"]) == ("fake-2", changed)
        assert datetime.fromisoformat(said["horizon_end"]) > NOW


async def test_a_reload_that_is_refused_says_why(client: ClientSession, schedule: Schedule) -> None:
    schedule.refuse = "reload refused, the last good stays on the air: plans/a.yaml:3:1: no zone"
    async with client.post("/api/v1/reload", headers=AUTH) as response:
        assert response.status == 422
        assert "plans/a.yaml:3:1" in (await response.json())["error"]


async def test_a_reload_needs_the_token_and_nothing_else(client: ClientSession, schedule: Schedule) -> None:
    for headers in ({}, {"Authorization": "Bearer wrong"}):
        async with client.post("/api/v1/reload", headers=headers) as response:
            assert response.status == 401
    async with client.post("/api/v1/reload", headers=AUTH, json={"channel": "5.1"}) as response:
        assert response.status == 400
    assert schedule.lineup.etag == "fake-1"


async def asked(client: ClientSession, query: Any) -> dict[str, Any]:
    async with client.get("/api/v1/as-run", params=query) as response:
        assert response.status == 200, await response.text()
        return dict(await response.json())


async def test_as_run_by_channel_and_time(client: ClientSession) -> None:
    said = await asked(client, {"channel": "5.1"})
    assert [r["asset_id"] for r in said["records"]] == [f"films/{n}" for n in range(6)]
    first = said["records"][0]
    assert (first["channel"], first["kind"], first["broadcast_date"]) == ("wrtv", "real", "2026-11-26")
    assert datetime.fromisoformat(first["start"]) == NOW - timedelta(hours=1)
    assert "next" not in said
    half_past = {"from": "2026-11-26T14:30:00-05:00", "to": "2026-11-26T19:40:00+00:00"}
    assert [r["run"] for r in (await asked(client, {"channel": "wmov", **half_past}))["records"]] == [3]
    assert len((await asked(client, {}))["records"]) == 12
    assert len((await asked(client, [("channel", "5.1"), ("channel", "wmov")]))["records"]) == 12
    assert (await asked(client, {"channel": "9"}))["records"] == []


@pytest.mark.parametrize("limit", [4, 1])
async def test_as_run_comes_in_pieces_without_a_hole(client: ClientSession, limit: int) -> None:
    """Two channels have a run at every instant: one alone would never get on."""
    found: dict[tuple[str, int], int] = {}
    query = {"limit": str(limit)}
    for piece in range(20):
        said = await asked(client, query)
        assert len(said["records"]) <= max(limit, 4)
        for record in said["records"]:
            found.setdefault((record["session"], record["run"]), piece)
        if "next" not in said:
            break
        query["from"] = said["next"]
    assert len(found) == 12
    assert max(found.values()) >= 2


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"channel": "77"}, "no channel 77"),
        ({"from": "yesterday"}, "“from” must be an instant"),
        ({"to": "2026-11-26T20:00:00"}, "“to” must be an instant"),
        ({"from": "2026-11-26T20:00:00+00:00", "to": "2026-11-26T20:00:00+00:00"}, "must be after"),
        *(({"limit": bad}, "“limit” must be a number") for bad in ("0", "-1", "x", "20001", "", "9" * 30)),
        ({"chanel": "5.1"}, "chanel: not known"),
    ],
)
async def test_questions_that_cannot_be_understood(
    client: ClientSession, query: dict[str, str], words: str
) -> None:
    async with client.get("/api/v1/as-run", params=query) as response:
        assert response.status == 400
        assert words in (await response.json())["error"]


async def test_a_log_that_cannot_be_read(schedule: Schedule) -> None:
    async with (
        serving(ApiFrontEnd(schedule.lineup, SteppedClock(NOW), as_run=Log())) as client,
        client.get("/api/v1/as-run") as response,
    ):
        assert (response.status, (await response.json())["error"]) == (503, "the disk is gone")


async def test_an_as_run_folder_that_is_not_there_has_nothing(tmp_path: Path) -> None:
    queries = AsRunQueries(tmp_path / "nowhere", StationClock())
    assert await queries.query([ChannelId("wrtv")], NOW - timedelta(days=1), NOW, 10) == []
