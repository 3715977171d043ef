"""The operator's commands against a control API on a real port."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
from aiohttp import ClientSession

from retrovue.clock import SteppedClock
from retrovue.headend.api import ApiFrontEnd
from retrovue.headend.tuner_desk import TunerState
from retrovue.lineup import ChannelId, EmergencyMode
from tests.cli.run import Ran, run
from tests.headend.fake_lineup import FakeLineup
from tests.headend.serving import serving

#: 15:00 in New York, where the station is.
NOW = datetime(2026, 11, 26, 20, 0, tzinfo=UTC)
TOKEN = "a-token-that-is-long-enough"


class Desk:
    """A control room that writes down until when."""

    def __init__(self) -> None:
        self.until: list[datetime | None] = []

    async def emergency(
        self,
        channels: Sequence[ChannelId] | None = None,
        text: str | None = None,
        mode: EmergencyMode | None = None,
        until: datetime | None = None,
    ) -> None:
        self.until.append(until)

    async def all_clear(self, channels: Sequence[ChannelId] | None = None) -> None: ...

    async def sign_off(
        self, channels: Sequence[ChannelId] | None = None, until: datetime | None = None
    ) -> None:
        self.until.append(until)

    async def sign_on(self, channels: Sequence[ChannelId] | None = None) -> None: ...


class Tuners:
    device, name = "1052712E", "Retro"

    def tuners(self) -> list[TunerState]:
        return [TunerState(0)]

    def kick(self, index: int) -> bool:
        return False


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
async def url(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[str]:
    monkeypatch.setenv("RETROVUE_TOKEN", TOKEN)
    clock = SteppedClock(NOW)
    async with serving(ApiFrontEnd(FakeLineup(clock), clock, desk, TOKEN, [Tuners()])) as client:
        yield await _address(client)


async def _address(client: ClientSession) -> str:
    async with client.get("/api/v1/status") as response:
        return str(response.url.origin())


async def told(url: str, *words: str) -> Ran:
    return await asyncio.to_thread(run, *words, "--url", url)


@pytest.mark.parametrize(
    ("written", "hour"),
    [
        ("23:30", datetime(2026, 11, 27, 4, 30, tzinfo=UTC)),
        ("06:00", datetime(2026, 11, 27, 11, 0, tzinfo=UTC)),  # the next one
        ("tomorrow 06:00", datetime(2026, 11, 27, 11, 0, tzinfo=UTC)),
        ("sat 06:00", datetime(2026, 11, 28, 11, 0, tzinfo=UTC)),
        ("2026-11-26 20:00", datetime(2026, 11, 27, 1, 0, tzinfo=UTC)),
        ("2026-11-26T20:00:00+00:30", None),  # has passed
        ("2026-11-27T06:00:00-05:00", datetime(2026, 11, 27, 11, 0, tzinfo=UTC)),
        ("2026-11-26 06:00", None),
        ("breakfast", None),
    ],
)
async def test_an_order_ends_by_the_clock_of_the_station(
    url: str, desk: Desk, written: str, hour: datetime | None
) -> None:
    for order in (["emergency", "on"], ["sign-off", "on"]):
        ran = await told(url, *order, "--until", written)
        assert ran.code == (1 if hour is None else 0), ran.err
        if hour is None:
            assert f"“{written}”" in ran.err
    assert desk.until == ([] if hour is None else [hour, hour])


async def test_times_are_those_of_the_station(url: str) -> None:
    ran = await told(url, "status")
    assert ", Thu 26 Nov 15:00, artefact " in ran.out.splitlines()[0]
    assert "+00:00" not in ran.out


async def test_a_wrong_token_is_called_wrong_and_a_missing_one_missing(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RETROVUE_TOKEN", "another")
    assert "that is not the station's token" in (await told(url, "emergency", "off")).err
    monkeypatch.setenv("RETROVUE_TOKEN", "")
    assert "every order needs the station's token" in (await told(url, "emergency", "off")).err


async def test_a_channel_or_device_that_is_not_there_is_told_with_those_that_are(url: str) -> None:
    ran = await told(url, "emergency", "off", "--channel", "99")
    assert ran.code == 1
    assert "there is no channel 99; there are 5.1 (" in ran.err
    ran = await told(url, "tuners", "--device", "ffffffff")
    assert (ran.code, ran.out) == (1, "")
    assert "there is no device ffffffff" in ran.err
    assert "1052712E (Retro)" in ran.err
    assert (await told(url, "tuners", "--device", "1052712e")).out.startswith("1052712E  Retro")


def test_a_station_with_a_state_of_its_own_is_not_found_without_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    for words in (["status"], ["status", "--state", str(tmp_path / "other")]):
        ran = run(*words)
        assert ran.code == 1
        assert "--state" in ran.err


def test_reload_says_how_long_a_change_takes_without_it() -> None:
    from retrovue.playout.schedule_service import LOOK_EVERY_S

    assert LOOK_EVERY_S == 30
    assert "about half a minute after it at the latest" in " ".join(run("reload", "--help").out.split())
