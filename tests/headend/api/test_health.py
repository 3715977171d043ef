"""What machines ask of the station: is it well, what does it measure, what can be asked."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from retrovue.clock import SteppedClock
from retrovue.headend.api import ROOT, ApiFrontEnd
from retrovue.headend.api.openapi import OPERATIONS, document
from retrovue.headend.tuner_desk import TunerDesk, TunerState
from retrovue.lineup import EncoderStatus, Health, StationStatus
from tests.headend.api.test_api import AUTH, TOKEN, Desk
from tests.headend.api.test_schedule import Log, Schedule
from tests.headend.fake_lineup import CHANNELS, FakeLineup
from tests.headend.serving import serving

NOW = datetime(2026, 11, 26, 20, 0, tzinfo=UTC)


class Planned(FakeLineup):
    """Its channels have a playlog."""

    plan = timedelta(hours=3)
    on_slate = False

    def status(self) -> StationStatus:
        status = super().status()
        channels = [replace(c, planned_until=NOW + self.plan, slate_ticks=7) for c in status.channels]
        if self.on_slate:
            channels[0] = replace(channels[0], health=Health.SLATE)
        encoders = EncoderStatus(0.42, 1.32, 3)
        return replace(status, channels=tuple(channels), encoders=encoders, station='a"b\\c')


class Tuners:
    """A device with two tuners, one of them in use."""

    device, name = "1052712E", "Fake"

    def tuners(self) -> list[TunerState]:
        return [TunerState(0, client="10.0.0.9"), TunerState(1)]

    def kick(self, index: int) -> bool:
        return False


def api(lineup: FakeLineup, desks: tuple[TunerDesk, ...] = (Tuners(),)) -> ApiFrontEnd:
    return ApiFrontEnd(lineup, SteppedClock(NOW), Desk(), TOKEN, desks, Schedule(lineup), Log())


async def get(lineup: FakeLineup, path: str) -> tuple[int, Any]:
    async with serving(api(lineup)) as client, client.get(path) as got:
        return got.status, await (got.json() if got.content_type == "application/json" else got.text())


async def test_a_station_that_is_well_is_ready() -> None:
    status, body = await get(Planned(SteppedClock(NOW)), "/healthz")
    assert status == 200
    assert body == {
        "live": True, "ready": True, "problems": [], "guide_hours": 96.0, "playlog_hours": 3.0,
        "on_slate": [], "warnings": [],
    }  # fmt: skip


async def test_a_channel_without_a_plan_is_not_ready_and_alive() -> None:
    lineup = Planned(SteppedClock(NOW))
    lineup.plan = timedelta(seconds=-1)
    status, body = await get(lineup, "/healthz")
    assert status == 503
    assert not body["ready"]
    assert body["problems"] == [f"{c.number} has no plan for now" for c in CHANNELS]
    assert await get(lineup, "/healthz/live") == (200, {"live": True})


async def test_a_guide_that_has_run_out_is_a_problem() -> None:
    clock = SteppedClock(NOW)
    lineup = Planned(clock, days=0)
    clock.step(3600)
    _, body = await get(lineup, "/healthz")
    assert body["problems"] == ["the guide has run out"]


async def test_a_slate_is_told_and_leaves_the_station_ready() -> None:
    lineup = Planned(SteppedClock(NOW))
    lineup.on_slate = True
    status, body = await get(lineup, "/healthz")
    assert (status, body["on_slate"]) == (200, [CHANNELS[0].number])


def parsed(text: str) -> dict[str, float]:
    """By the rules of the exposition format; every metric has one HELP and one TYPE before its samples."""
    found: dict[str, float] = {}
    named = ""
    for line in text.splitlines():
        if line.startswith("# HELP "):
            named = line.split()[2]
            assert not any(key.split("{")[0] == named for key in found), "a metric is told once, together"
        elif line.startswith("# TYPE "):
            assert line.split()[2:] in ([named, "gauge"], [named, "counter"])
        else:
            match = re.fullmatch(r'(\w+(?:\{(?:[a-z_]+="(?:[^"\\\n]|\\["\\n])*",?)*\})?) (-?[\d.e+-]+)', line)
            assert match is not None, line
            assert match[1].split("{")[0] == named
            assert match[1] not in found
            found[match[1]] = float(match[2])
    return found


async def test_metrics() -> None:
    lineup = Planned(SteppedClock(NOW))
    lineup.on_slate = True
    _, text = await get(lineup, "/metrics")
    found = parsed(text)
    first = CHANNELS[0]
    labels = f'{{channel="{first.id}",number="{first.number}"}}'
    assert found[f"retrovue_channel_on_slate{labels}"] == 1
    assert found[f"retrovue_slate_frames_total{labels}"] == 7
    assert found[f"retrovue_playlog_horizon_hours{labels}"] == 3
    assert found["retrovue_guide_horizon_hours"] == 96
    assert found["retrovue_ffmpeg_children"] == 3
    assert found["retrovue_encoder_cores_used"] == 0.42
    assert found['retrovue_tuners{device="1052712E"}'] == 2
    assert found['retrovue_tuners_in_use{device="1052712E"}'] == 1
    assert any(r'station="a\"b\\c"' in key for key in found), "what breaks the format is escaped"


async def test_now_and_next() -> None:
    _, body = await get(Planned(SteppedClock(NOW + timedelta(minutes=7))), f"{ROOT}/now-next")
    assert [c["number"] for c in body["channels"]] == [c.number for c in CHANNELS]
    for channel in body["channels"]:
        assert channel["now"]["end"] == channel["next"]["start"]


def test_the_document_describes_the_routes_that_there_are() -> None:
    front_end = api(Planned(SteppedClock(NOW)))
    there = {
        (route.method.lower(), route.path.removeprefix(ROOT))
        for route in front_end.routes()
        if hasattr(route, "method") and hasattr(route, "path") and route.path.startswith(ROOT)
    }
    assert there == set(OPERATIONS)


@pytest.mark.parametrize(("method", "path"), [key for key in OPERATIONS if key[0] != "get"])
async def test_every_order_of_the_document_wants_the_token_and_knows_its_body(method: str, path: str) -> None:
    operation = document(ROOT)["paths"][ROOT + path][method]
    assert operation["security"] == [{"token": []}]
    async with serving(api(Planned(SteppedClock(NOW)))) as client:
        async with client.request(method, ROOT + path, json={}) as got:
            assert got.status == 401
        async with client.request(method, ROOT + path, json={"nonsense": 1}, headers=AUTH) as got:
            assert got.status == 400
        known = operation["requestBody"]["content"]["application/json"]["schema"]["properties"]
        async with client.request(method, ROOT + path, json={key: {} for key in known}, headers=AUTH) as got:
            assert "not known here" not in await got.text(), "what the document names is known"


async def test_the_document_is_served() -> None:
    _, body = await get(Planned(SteppedClock(NOW)), f"{ROOT}/openapi.json")
    assert body == document(ROOT)
    assert body["openapi"] == "3.1.0"
    identifiers = [o["operationId"] for path in body["paths"].values() for o in path.values()]
    assert len(set(identifiers)) == len(identifiers)
