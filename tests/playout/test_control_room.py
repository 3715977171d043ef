"""The control room: orders outlive the process, end by the clock, and are refused in words."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from retrovue.clock import SteppedClock
from retrovue.lineup import ChannelId, EmergencyMode, Mode, OrderRefused
from retrovue.playout.control_room import FILE, LONGEST_TEXT, EmergencyDefaults, StationControlRoom
from retrovue.playout.modes import OrderBook

NOW = datetime(2026, 11, 26, 20, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
A, B = ChannelId("a"), ChannelId("b")


class Station:
    """What the control room works on; keeps what was carried out."""

    def __init__(self, state: Path, clock: SteppedClock) -> None:
        self.clock, self.carried, self.warnings = clock, [OrderBook()], [""]
        self.room = StationControlRoom(
            clock,
            state,
            lambda: (A, B),
            self.carried.append,
            lambda: EmergencyDefaults("Stay tuned.", EmergencyMode.TAKEOVER),
            self.warnings.append,
        )

    @property
    def now(self) -> OrderBook:
        return self.carried[-1]


@pytest.fixture
def clock() -> SteppedClock:
    return SteppedClock(NOW)


async def test_what_is_not_said_is_the_stations_default(tmp_path: Path, clock: SteppedClock) -> None:
    station = Station(tmp_path, clock)
    await station.room.emergency()
    emergency = station.now.of(A).emergency
    assert emergency is not None
    assert (emergency.text, emergency.mode, emergency.since) == ("Stay tuned.", EmergencyMode.TAKEOVER, NOW)
    await station.room.emergency([A], "Fog\n  in the harbour", EmergencyMode.CRAWL)
    emergency = station.now.of(A).emergency
    assert emergency is not None
    assert (emergency.text, emergency.mode) == ("Fog in the harbour", EmergencyMode.CRAWL)
    assert station.now.of(B).emergency != emergency
    await station.room.all_clear()
    assert station.now == OrderBook()


@pytest.mark.parametrize("text", ["", "  \n ", "x" * (LONGEST_TEXT + 1), "bell \a", "zero\0"])
async def test_a_text_that_cannot_be_shown_is_refused(tmp_path: Path, clock: SteppedClock, text: str) -> None:
    station = Station(tmp_path, clock)
    with pytest.raises(OrderRefused, match="text"):
        await station.room.emergency(text=text)
    assert station.carried == [OrderBook()]
    assert not (tmp_path / FILE).exists()


async def test_an_end_that_has_passed_and_a_channel_that_is_none_are_refused(
    tmp_path: Path, clock: SteppedClock
) -> None:
    room = Station(tmp_path, clock).room
    with pytest.raises(OrderRefused, match="passed"):
        await room.emergency(until=NOW)
    with pytest.raises(OrderRefused, match="no channel c"):
        await room.sign_off([A, ChannelId("c")])
    with pytest.raises(OrderRefused, match="no channel"):
        await room.all_clear([])


async def test_orders_are_in_force_again_after_a_restart(tmp_path: Path, clock: SteppedClock) -> None:
    before = Station(tmp_path, clock)
    await before.room.sign_off([A], until=NOW + 30 * MINUTE)
    await before.room.emergency(text='Fog, "thick" & <grey>', until=NOW + 10 * MINUTE)
    after = Station(tmp_path, clock)
    await after.room.open()
    assert after.now == before.now
    assert (after.now.of(A).mode, after.now.of(B).mode) == (Mode.EMERGENCY, Mode.EMERGENCY)
    clock.step(15 * 60)
    later = Station(tmp_path, clock)
    await later.room.open()
    assert (later.now.of(A).mode, later.now.of(B).mode) == (Mode.SIGN_OFF, Mode.NORMAL)
    assert later.warnings == [""]


async def test_orders_end_when_the_station_clock_says_so(
    tmp_path: Path, clock: SteppedClock, caplog: pytest.LogCaptureFixture
) -> None:
    station = Station(tmp_path, clock)
    task = asyncio.create_task(station.room.run())

    async def settle() -> None:
        for _ in range(20):
            await asyncio.sleep(0.001)

    await settle()
    await station.room.emergency(until=NOW + 10 * MINUTE)
    await station.room.sign_off([B], until=NOW + 5 * MINUTE)
    modes = []
    for minute in (4, 6, 9, 11):
        await clock.run_to(NOW + minute * MINUTE, settle)
        await settle()
        modes.append((station.now.of(A).mode, station.now.of(B).mode, station.now.of(B).sign_off is not None))
    assert modes == [
        (Mode.EMERGENCY, Mode.EMERGENCY, True),
        (Mode.EMERGENCY, Mode.EMERGENCY, False),
        (Mode.EMERGENCY, Mode.EMERGENCY, False),
        (Mode.NORMAL, Mode.NORMAL, False),
    ]
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert json.loads((tmp_path / FILE).read_text())["channels"] == {}
    ends = [m.partition("its end; ")[2] for m in caplog.messages if "its end" in m]
    assert ends == ["in force: all channels: emergency", "in force: none"]


@pytest.mark.parametrize(
    ("everywhere", "told"), [(False, "in force: b: emergency"), (True, "in force: other channels: emergency")]
)
async def test_what_is_taken_up_again_is_told_and_nothing_that_is_normal(
    tmp_path: Path, clock: SteppedClock, caplog: pytest.LogCaptureFixture, everywhere: bool, told: str
) -> None:
    before = Station(tmp_path, clock)
    if everywhere:
        await before.room.emergency()
        await before.room.all_clear([B])
    else:
        await before.room.emergency([B])
    await Station(tmp_path, clock).room.open()
    (said,) = [m for m in caplog.messages if "in force" in m]
    assert told in said
    assert "all channels" not in said


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "null", '{"format": 9}', '{"format": 1, "everywhere": {"emergency": {"text": "x"}}}'],
)
async def test_a_damaged_file_is_told_and_orders_nothing(
    tmp_path: Path, clock: SteppedClock, text: str
) -> None:
    (tmp_path / FILE).write_text(text)
    station = Station(tmp_path, clock)
    await station.room.open()
    assert station.carried == [OrderBook()]
    assert "no order is in force" in station.warnings[-1]
    await station.room.emergency()
    assert station.warnings[-1] == ""


async def test_a_full_disk_stops_no_emergency(tmp_path: Path, clock: SteppedClock) -> None:
    (tmp_path / "state").write_text("a file where the folder should be")
    station = Station(tmp_path / "state", clock)
    await station.room.emergency()
    assert station.now.of(A).mode is Mode.EMERGENCY
    assert "a restart forgets the order" in station.warnings[-1]
