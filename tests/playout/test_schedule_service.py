"""The horizons roll by time, reloads are taken over, and the last good stays: with real compiles."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from retrovue.call_sheet import CallSheet, StationRefused, call_sheet, send_for
from retrovue.clock import MasterClock, SteppedClock
from retrovue.errors import RetroVueError
from retrovue.lineup import OrderRefused
from retrovue.playout import schedule_service
from retrovue.playout.director import Machine, ProgramDirector
from retrovue.playout.schedule_service import CompileFailed, Desk, Planning, ScheduleService
from retrovue.playout.station import OnAirStation
from retrovue.station.load import require_station
from retrovue.store.generations import generations
from retrovue.units import HOUR_US

START = datetime(2026, 11, 23, 20, 0, tzinfo=UTC)

GUIDE = timedelta(days=2)

STATION = """\
station: tiny
name: Tiny Television
timezone: America/New_York
epoch: 2026-11-20
horizon: { guide: 2d, playlog: 2h }
"""
CHANNEL = """\
channel: tiny
number: "3"
name: {name}
plans: [always]
breaks: none
"""
PLAN = """\
plan: always
zones:
  - zone: All Day
    window: 06:00-06:00
    play: [test-pattern]
"""


def write(folder: Path, name: str = "Tiny 3") -> None:
    folder.mkdir(exist_ok=True)
    (folder / "station.yaml").write_text(STATION)
    (folder / "channel.yaml").write_text(CHANNEL.format(name=name))
    (folder / "plan.yaml").write_text(PLAN)


def read(folder: Path) -> CallSheet:
    return call_sheet(require_station(folder), folder)


def supervised(clock: MasterClock, folder: Path, sheet: CallSheet) -> ScheduleService:
    """The service of the station in ``folder``, with its state beside it."""
    state = folder.parent / "state"

    async def reload() -> Planning:
        try:
            return (await send_for(folder, clock)).planning
        except StationRefused as error:
            raise RetroVueError(error.first) from None

    return ScheduleService(clock, Desk(folder, state / "artefact.duckdb", state), sheet.planning, reload)


@dataclass
class Desked:
    clock: SteppedClock
    service: ScheduleService
    station: OnAirStation
    folder: Path
    rounds: int = 0

    async def until(self, done: Callable[[], bool]) -> None:
        """Let rounds pass until ``done``; the test's own time-out is the limit."""
        while not done():
            self.clock.step(schedule_service.POLL_S)
            await asyncio.sleep(0.02)

    async def some_rounds(self, count: int) -> None:
        for _ in range(count):
            self.clock.step(schedule_service.POLL_S)
            await asyncio.sleep(0.02)


@asynccontextmanager
async def desk(tmp_path: Path) -> AsyncIterator[Desked]:
    folder, state = tmp_path / "tiny", tmp_path / "state"
    write(folder)
    state.mkdir()
    clock = SteppedClock(START)
    sheet = read(folder)
    service = supervised(clock, folder, sheet)
    programme = await service.first_programme()
    director = ProgramDirector(clock, Machine("ffmpeg", "", state), 1.0)
    station = OnAirStation(clock, director, programme)
    station.take_over(programme, sheet.planning.logos)
    task = asyncio.create_task(service.run(station))
    await asyncio.sleep(0)
    try:
        yield Desked(clock, service, station, folder)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await director.close("end")


async def test_a_reload_that_is_asked_for_is_answered_when_it_airs(tmp_path: Path) -> None:
    async with desk(tmp_path) as desked:
        write(desked.folder, "Renamed 3")
        await desked.service.reload()  # station time stands still: no round was waited for
        assert desked.station.channels()[0].name == "Renamed 3"
        (desked.folder / "plan.yaml").write_text("plan: always\nzones: []\n")
        with pytest.raises(OrderRefused, match=r"reload refused.*plan\.yaml"):
            await desked.service.reload()
        assert any("reload refused" in warning for warning in desked.station.status().warnings)
        assert desked.station.channels()[0].name == "Renamed 3"
        write(desked.folder)
        await asyncio.gather(desked.service.reload(), desked.service.reload())
        assert desked.station.channels()[0].name == "Tiny 3"
        assert desked.station.status().warnings == ()


async def test_the_horizons_roll_while_nobody_watches(tmp_path: Path) -> None:
    async with desk(tmp_path) as d:
        for _ in range(5):
            d.clock.step(24 * 3600)
            await d.until(lambda: d.station.guide_end() >= d.clock.now() + GUIDE)
            now = d.clock.now()
            # The playlog follows in the rounds after it.
            channel = d.station._programme.channels
            await d.until(
                lambda: (
                    d.station._programme.playlog_end_us
                    >= (d.clock.now() + timedelta(hours=2)).timestamp() * 1e6
                )
            )
            assert channel
            assert d.station.guide(d.station.channels()[0].id, now, now + timedelta(seconds=1))
            await d.until(lambda: d.station.status().warnings == ())


async def test_a_change_is_taken_over_and_a_mistake_is_refused_with_its_place(tmp_path: Path) -> None:
    async with desk(tmp_path) as d:
        before = d.station.guide_etag()
        write(d.folder, name="Tiny Three")
        await d.until(lambda: d.station.channels()[0].name == "Tiny Three")
        after = d.station.guide_etag()
        assert after != before
        plan = d.folder / "plan.yaml"
        plan.write_text(PLAN.replace("test-pattern", "test-patern"))
        await d.until(lambda: bool(d.station.status().warnings))
        (warning,) = d.station.status().warnings
        assert "plan.yaml:5" in warning
        assert "last good" in warning
        assert d.station.guide_etag() == after
        plan.write_text(PLAN)
        await d.until(lambda: not d.station.status().warnings)


async def test_a_foreign_artefact_is_refused_and_a_missing_one_is_told(tmp_path: Path) -> None:
    async with desk(tmp_path) as d:
        artefact = tmp_path / "state" / "artefact.duckdb"
        good = artefact.read_bytes()
        after = d.station.guide_etag()
        part = artefact.with_suffix(".part")
        part.write_bytes(good[: len(good) // 2])
        part.replace(artefact)
        await d.until(lambda: any("refused" in w for w in d.station.status().warnings))
        assert d.station.guide_etag() == after
        artefact.unlink()
        await d.until(lambda: any("is gone" in w for w in d.station.status().warnings))
        part.write_bytes(good)
        part.replace(artefact)
        await d.until(lambda: not d.station.status().warnings)
        assert d.station.guide_etag() == after


async def test_a_station_that_can_t_be_compiled_and_has_no_artefact_says_why(tmp_path: Path) -> None:
    folder = tmp_path / "tiny"
    write(folder)
    sheet = read(folder)
    (folder / "plan.yaml").write_text("plan: always\nzones: []\n")
    service = supervised(SteppedClock(START), folder, sheet)
    with pytest.raises(CompileFailed, match=r"plan.yaml:2"):
        await service.first_programme()


async def test_the_playlog_reaches_two_hours_ahead_at_every_moment(tmp_path: Path) -> None:
    async with desk(tmp_path) as d:
        least_us, numbers = 1 << 62, set()
        for _ in range(7 * 60):  # seven hours, a minute at a time
            d.clock.step(60)
            await asyncio.sleep(0)
            while not d.clock._waiters:  # noqa: ASYNC110  the service does what it does in that minute
                await asyncio.sleep(0.002)
            on_air = d.station._programme
            least_us = min(least_us, on_air.playlog_end_us - d.clock.now_us())
            numbers.add(on_air.generation)
            (channel,) = on_air.channels.values()
            assert channel[1].generation == on_air.generation
        assert least_us >= 2 * HOUR_US
        assert d.station.status().warnings == ()
        kept = [g.number for g in generations(tmp_path / "state" / "playlog")]
        assert kept[0] == max(numbers)
        assert len(kept) == 5
        assert len(numbers) >= 6  # one an hour


async def test_a_plan_that_can_t_be_made_longer_is_a_planning_fault(tmp_path: Path) -> None:
    async with desk(tmp_path) as d:
        plan = d.folder / "plan.yaml"
        plan.write_text(PLAN.replace("test-pattern", "test-patern"))
        await d.until(lambda: bool(d.station.status().warnings))
        end = d.station.guide_end()
        d.clock.step((end - d.clock.now()).total_seconds() - 1.5 * 3600)
        at = f"nothing is planned from {end.astimezone(ZoneInfo('America/New_York')):%a %d %b %H:%M} on"
        await d.until(lambda: any("planning fault" in w and at in w for w in d.station.status().warnings))
        # Nothing is made up: the playlog ends where the plan does.
        (channel,) = d.station._programme.channels.values()
        assert channel[1].playlog.at(channel[1].playlog.end) is None
        plan.write_text(PLAN)
        await d.until(lambda: not d.station.status().warnings)


async def test_a_damaged_artefact_that_can_t_be_compiled_again_leaves_the_playlog_on_the_air(
    tmp_path: Path,
) -> None:
    folder, state = tmp_path / "tiny", tmp_path / "state"
    async with desk(tmp_path) as d:
        hash_ = d.station.guide_etag()
        before = d.station._programme
    sheet = read(folder)
    good = (state / "artefact.duckdb").read_bytes()
    (state / "artefact.duckdb").write_bytes(good[:5000])
    (folder / "plan.yaml").write_text("plan: always\nzones: []\n")
    newest = generations(state / "playlog")[0].path
    newest.with_name("generation-000900.duckdb").write_bytes(newest.read_bytes()[:9000])  # damaged, too
    clock = SteppedClock(START + timedelta(hours=1))
    service = supervised(clock, folder, sheet)
    programme = await service.first_programme()
    assert programme.header.content_hash == hash_
    assert programme.generation == before.generation
    director = ProgramDirector(clock, Machine("ffmpeg", "", state), 1.0)
    station = OnAirStation(clock, director, programme)
    station.take_over(programme, {})
    task = asyncio.create_task(service.run(station))
    desked = Desked(clock, service, station, folder)
    try:
        await desked.until(lambda: bool(station.status().warnings))
        assert any("generation" in w and "playlog" in w for w in station.status().warnings)
        assert any("compile failed" in w for w in station.status().warnings)
        now = clock.now()
        assert station.guide(station.channels()[0].id, now, now + timedelta(seconds=1))
        (folder / "plan.yaml").write_text(PLAN)  # the owner mends it
        await desked.until(lambda: not station.status().warnings)
        assert station._programme.playlog_end_us > programme.playlog_end_us
        assert station._programme.generation == 901
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await director.close("end")
    # Long after, when no generation covers the time, there is nothing to go on with, and that is said.
    (state / "artefact.duckdb").write_bytes(good[:5000])
    (folder / "plan.yaml").write_text("plan: always\nzones: []\n")
    late = SteppedClock(START + timedelta(days=9))
    with pytest.raises(CompileFailed):
        await supervised(late, folder, sheet).first_programme()


async def test_a_playlog_that_can_t_be_kept_airs_from_memory(tmp_path: Path) -> None:
    async with desk(tmp_path) as d:
        folder = tmp_path / "state" / "playlog"
        shutil.rmtree(folder)
        folder.write_text("in the way")
        write(d.folder, name="Tiny Three")
        await d.until(lambda: d.station.channels()[0].name == "Tiny Three")
        assert any("airs from memory" in w for w in d.station.status().warnings)
        folder.unlink()
        write(d.folder, name="Tiny Four")
        await d.until(lambda: d.station.channels()[0].name == "Tiny Four")
        await d.until(lambda: not d.station.status().warnings)
        assert generations(folder)
