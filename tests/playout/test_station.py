"""The station as its front-ends see it: guide, status, changes; and a new programme taken over."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import MappingProxyType

import pytest

from retrovue.clock import SteppedClock
from retrovue.compiler.model import ArtefactHeader, ScheduleEvent
from retrovue.library.stills import still_of, stills_in
from retrovue.lineup import ArtworkRef, ChannelId, Health, LineupChange
from retrovue.playout.director import Machine, ProgramDirector
from retrovue.playout.programme import NO_CUT, OnAirProgramme, air
from retrovue.playout.rundown import Packer, Rundown
from retrovue.playout.station import OnAirStation
from retrovue.units import to_us
from tests.playout.lab import BENCH, CHANNEL

START = datetime(2026, 11, 23, 11, 0, tzinfo=UTC)
HALF_HOUR = timedelta(minutes=30)


def programme(
    content: str = "a" * 64,
    titles: str = "ABCDEFGH",
    picture: tuple[str, str] = ("", ""),
    roots: Mapping[str, Path] = MappingProxyType({}),
    stills: Mapping[str, Path] | None = None,
) -> OnAirProgramme:
    """``picture``: main asset and artwork of the first programme."""
    end = START + len(titles) * HALF_HOUR
    header = ArtefactHeader(
        1, content, "bench", "Bench", "America/New_York", date(2026, 11, 23), date(2026, 11, 23),
        to_us(START), to_us(end), START, "0", "", "", "", START,
    )  # fmt: skip
    packer = Packer()
    packer.channel(
        replace(BENCH, logo="logo.png"),
        [
            replace(
                event(n + 1, to_us(START + n * HALF_HOUR), to_us(START + (n + 1) * HALF_HOUR), title),
                asset_id=f"films/{title}" if n else picture[0],
                artwork="" if n else picture[1],
            )
            for n, title in enumerate(titles)
        ],
        [],
    )
    return air(Rundown(packer.finish(header, NO_CUT, {}, {}, {})), roots, stills=stills)


def event(number: int, start_us: int, end_us: int, title: str) -> ScheduleEvent:
    return ScheduleEvent(
        number, CHANNEL, date(2026, 11, 23), start_us, end_us, title, "", "", None, None, None, "", (), "",
        "programme", "", "", "", "", "",
    )  # fmt: skip


@pytest.fixture
async def clock() -> SteppedClock:
    return SteppedClock(START + timedelta(minutes=10))


@pytest.fixture
async def station(clock: SteppedClock, tmp_path: Path) -> AsyncIterator[OnAirStation]:
    director = ProgramDirector(clock, Machine("ffmpeg", "", tmp_path), 1.0)
    first = programme()
    station = OnAirStation(clock, director, first)
    station.take_over(first, {})
    yield station
    await director.close("end")


def titles(station: OnAirStation, start: datetime, end: datetime) -> str:
    return "".join(entry.title for entry in station.guide(CHANNEL, start, end))


def test_the_guide_gives_what_touches_the_interval_and_no_more(station: OnAirStation) -> None:
    minute = timedelta(minutes=1)
    assert titles(station, START, START + HALF_HOUR) == "A"
    assert titles(station, START + minute, START + HALF_HOUR + minute) == "AB"
    assert titles(station, START - 5 * HALF_HOUR, START) == ""
    assert titles(station, START - HALF_HOUR, START + minute) == "A"
    assert titles(station, START + 7 * HALF_HOUR, START + 99 * HALF_HOUR) == "H"
    assert titles(station, START + 8 * HALF_HOUR, START + 99 * HALF_HOUR) == ""
    assert station.guide(ChannelId("nowhere"), START, START + HALF_HOUR) == ()


def test_status_says_what_is_on(station: OnAirStation, clock: SteppedClock) -> None:
    channel = station.status().channels[0]
    assert (channel.health, channel.viewers, channel.now and channel.now.title) == (Health.OFF_AIR, 0, "A")
    clock.step(20 * 60)  # to the second
    now = station.status().channels[0].now
    assert now is not None
    assert now.title == "B"


def test_warnings_stay_until_they_are_taken_back(station: OnAirStation) -> None:
    station.warn("reload", "plans/weekday.yaml:3: no such program")
    station.warn("artefact", "too old")
    assert station.status().warnings == ("plans/weekday.yaml:3: no such program", "too old")
    station.warn("reload", "")
    assert station.status().warnings == ("too old",)


def test_logos_come_from_the_files_they_were_given(station: OnAirStation, tmp_path: Path) -> None:
    logo = tmp_path / "logo.png"
    logo.write_bytes(b"\x89PNG")
    assert station.artwork(ArtworkRef("logo/bench")) is None
    station.take_over(programme(), {CHANNEL: logo})
    artwork = station.artwork(ArtworkRef("logo/bench"))
    assert artwork is not None
    assert (artwork.content_type, artwork.data) == ("image/png", b"\x89PNG")
    assert station.artwork(ArtworkRef("logo/../../etc/passwd")) is None
    station.take_over(programme(), {CHANNEL: tmp_path / "gone.png"})
    assert station.artwork(ArtworkRef("logo/bench")) is None


async def test_the_guides_pictures_come_from_the_media(station: OnAirStation, tmp_path: Path) -> None:
    (tmp_path / "Cheers").mkdir()
    for name in ("poster.jpg", "hidden.jpg"):
        (tmp_path / "Cheers" / name).write_bytes(b"\xff\xd8")
    picture = ("tv/Cheers/S01E01", "Cheers/poster.jpg")
    station.take_over(programme(picture=picture, roots={"tv": tmp_path}), {})
    first, second = station.guide(CHANNEL, START, START + 2 * HALF_HOUR)
    assert first.artwork is not None
    assert second.artwork is None
    artwork = await station.picture(first.artwork)
    assert artwork is not None
    assert (artwork.content_type, artwork.data) == ("image/jpeg", b"\xff\xd8")
    assert station.artwork(first.artwork) is None, "never where the event loop would wait for a disk"
    for ref in ("picture/Cheers/hidden.jpg", "picture/", "picture/../Cheers/poster.jpg", "logo/bench", "x"):
        assert await station.picture(ArtworkRef(ref)) is None
    (tmp_path / "Cheers" / "poster.jpg").unlink()
    assert await station.picture(first.artwork) is None


async def test_a_programme_has_the_still_of_its_asset(station: OnAirStation, tmp_path: Path) -> None:
    still = still_of(tmp_path, "films/B")
    still.parent.mkdir()
    still.write_bytes(b"\xff\xd8")
    station.take_over(programme(stills=stills_in(tmp_path)), {})
    refs = [entry.artwork for entry in station.guide(CHANNEL, START, START + 2 * HALF_HOUR)]
    assert refs[0] is None
    assert refs[1] == f"still/{still.stem}"
    artwork = await station.picture(refs[1])
    assert artwork is not None
    assert (artwork.content_type, artwork.data) == ("image/jpeg", b"\xff\xd8")
    assert await station.picture(ArtworkRef("still/../token")) is None
    still.unlink()
    assert await station.picture(refs[1]) is None


async def test_a_new_artefact_is_announced_once_and_an_equal_one_never(station: OnAirStation) -> None:
    seen: list[LineupChange] = []

    async def listen() -> None:
        async for change in station.changes():
            seen.append(change)

    task = asyncio.create_task(listen())
    await asyncio.sleep(0)
    station.take_over(programme(), {})
    station.take_over(programme("b" * 64, "XYZ"), {})
    renamed = programme("b" * 64, "XYZ")
    station.take_over(replace(renamed, idents=(replace(renamed.idents[0], name="New"),)), {})
    await asyncio.sleep(0)
    assert seen == [LineupChange("guide"), LineupChange("channels")]
    assert station.guide_etag() == "b" * 64
    assert titles(station, START, START + HALF_HOUR) == "X"
    task.cancel()


async def test_every_change_of_programme_is_told_when_it_happens(
    station: OnAirStation, clock: SteppedClock
) -> None:
    heard: list[tuple[datetime, LineupChange]] = []

    async def listen() -> None:
        async for change in station.changes():
            heard.append((clock.now(), change))

    tasks = [asyncio.create_task(listen()), asyncio.create_task(station.announce_programmes())]

    async def settle() -> None:
        for _ in range(5):
            await asyncio.sleep(0)

    await settle()
    await clock.run_to(START + 3 * HALF_HOUR, settle)
    await settle()
    assert heard == [(START + n * HALF_HOUR, LineupChange("programme", CHANNEL)) for n in (1, 2, 3)]
    for task in tasks:
        task.cancel()


async def test_a_channel_that_is_gone_is_closed(station: OnAirStation) -> None:
    empty = replace(programme("c" * 64), idents=(), guide={}, channels={})
    station.take_over(empty, {})
    assert station.channels() == ()
    assert station.status().channels == ()
