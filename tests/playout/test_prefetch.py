"""What the look ahead finds in real files, and what the ladder makes of it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from fixtures.media.barcode import make
from retrovue.clock import SteppedClock
from retrovue.ffmpeg_binary import choose_ffmpeg
from retrovue.playout.media import MediaDesk
from retrovue.playout.prefetch import Prefetch, Upcoming, _Looked, is_due
from retrovue.units import SECOND_US, frames_to_us, to_us
from tests.playout.lab import CLIPS, Item, bench, capture
from tests.tools.barcode_reader import read
from tests.tools.ts_analyser import analyse

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
HOUR = 3600 * SECOND_US


class Desk:
    """A prefetch with a plan that a test writes."""

    def __init__(self) -> None:
        self.clock = SteppedClock(NOW)
        self.media = MediaDesk(self.clock)
        self.plan: list[Upcoming] = []
        self.told: list[tuple[str, str]] = []
        self.prefetch = Prefetch(
            self.clock, choose_ffmpeg().path, self.media, (2 * HOUR, 24 * HOUR), self._upcoming, self._report
        )

    async def _upcoming(self, start_us: int, end_us: int) -> Sequence[Upcoming]:
        # What has begun and still airs counts, as in Rundown.uses; everything here airs for half an hour.
        return [u for u in self.plan if start_us < u.start_us + HOUR // 2 and u.start_us < end_us]

    def _report(self, bad: Sequence[tuple[Upcoming, str]]) -> None:
        self.told = [(one.asset_id, why) for one, why in bad]

    def plans(self, name: str, path: Path | str, seconds: float, in_hours: float = 1.0) -> None:
        start = to_us(NOW) + round(in_hours * HOUR)
        self.plan.append(Upcoming(name, str(path), start, 0, round(seconds * SECOND_US), "wrtv"))


async def test_it_tells_what_is_missing_short_garbage_and_nothing_else(tmp_path: Path) -> None:
    good = await asyncio.to_thread(make, CLIPS["ntsc"])
    seconds = frames_to_us(CLIPS["ntsc"].frames, CLIPS["ntsc"].rate) / SECOND_US
    cut = tmp_path / "cut.mkv"
    film = await asyncio.to_thread(make, CLIPS["film"])
    cut.write_bytes(film.read_bytes()[: film.stat().st_size // 2])
    garbage = tmp_path / "garbage.mp4"
    garbage.write_bytes(os.urandom(100_000))
    empty = tmp_path / "empty.mp4"
    empty.touch()
    desk = Desk()
    desk.plans("good", good, seconds)
    long = tmp_path / "long.mp4"
    long.write_bytes(good.read_bytes())
    desk.plans("long", long, seconds + 30)
    desk.plans("cut", cut, 20.0)
    desk.plans("garbage", garbage, 30.0)
    desk.plans("empty", empty, 30.0)
    desk.plans("gone", tmp_path / "gone.mp4", 30.0)
    desk.plans("folder", tmp_path, 30.0)
    desk.plans("later", tmp_path / "gone too.mp4", 30.0, in_hours=25)
    await desk.prefetch.round(pace_s=0)
    told = dict(desk.told)
    assert set(told) == {"long", "cut", "garbage", "empty", "gone", "folder"}
    assert told["gone"] == "file is missing"
    assert told["folder"] == "not a file"
    assert told["long"].startswith("is too short or damaged")
    assert told["cut"].startswith(("is too short or damaged", "can't be decoded"))
    assert told["garbage"].startswith("can't be decoded")
    assert await desk.media.missing(str(cut)) == told["cut"]

    cut.write_bytes(film.read_bytes())
    assert await desk.media.missing(str(cut)) == ""  # it was replaced: let it try
    (tmp_path / "gone.mp4").write_bytes(good.read_bytes())
    assert await desk.media.missing(str(tmp_path / "gone.mp4")) == ""


async def test_what_is_bad_is_told_once_and_in_order_whatever_stretch_it_lies_in(tmp_path: Path) -> None:
    desk = Desk()
    for hours in (-0.2, 3.9, 4.0, 9.0, 23.9):
        desk.plans(f"gone in {hours}", tmp_path / f"{hours}.mp4", 30.0, in_hours=hours)
    await desk.prefetch.round(pace_s=0)
    assert [name for name, _ in desk.told] == [f"gone in {hours}" for hours in (-0.2, 3.9, 4.0, 9.0, 23.9)]


async def test_each_horizon_is_one_look_and_what_has_not_changed_is_not_decoded_again() -> None:
    horizons = (24 * HOUR, 2 * HOUR)
    start = to_us(NOW) + 30 * HOUR
    looked: _Looked | None = None
    looks = []
    for hour in range(31):
        now = to_us(NOW) + hour * HOUR
        if is_due(start, now, horizons, looked):
            looks.append(hour)
            looked = _Looked(None, 0, now)
    assert looks == [6, 28]

    desk = Desk()
    desk.plans("good", await asyncio.to_thread(make, CLIPS["ntsc"]), 15.0, in_hours=23.5)
    await desk.prefetch.round(pace_s=0)
    looked = desk.prefetch._looked["good"]
    assert looked.at_us == to_us(NOW)
    assert not await desk.prefetch._look(desk.plan[0])  # asked, not decoded
    desk.clock.step(22 * 3600)
    await desk.prefetch.round(pace_s=0)
    assert desk.prefetch._looked["good"].at_us == desk.clock.now_us()


async def test_what_was_found_bad_is_replaced_by_its_stand_in_without_a_try(tmp_path: Path) -> None:
    items = [Item("ntsc", 3.0), Item("film", 3.0, fallbacks=("pal",)), Item("ntsc", 30.0, in_s=4.0)]
    async with bench(items, tmp_path) as b:
        path = b.programme.locate(b.programme.assets("bench/film"))  # type: ignore[arg-type]
        media = b.director.equipment.media
        media.blame(path, await media.mark(path), "is too short or damaged")
        viewer = await b.tune()
        data = await capture(viewer, b.clock, 5.0)
        await viewer.close("done")
    assert analyse(data, complete=False).ok
    file = tmp_path / "capture.ts"
    file.write_bytes(data)
    seen = {shown.code.asset for shown in read(file).shown if shown.code}
    assert seen == {CLIPS["ntsc"].asset, CLIPS["pal"].asset}
    assert "is too short or damaged: bench/film" in next((tmp_path / "as-run").iterdir()).read_text()
