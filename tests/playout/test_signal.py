"""What leaves the channel, judged frame by frame: real ffmpeg, a real clock, the independent analyser."""

from __future__ import annotations

import asyncio
import os
import signal as signals
from itertools import pairwise
from pathlib import Path

import pytest

from retrovue.lineup import Health, TuneRefused
from retrovue.playout import as_run_log
from retrovue.playout.overlay import Layer
from retrovue.playout.ticks import TickGrid
from retrovue.stream.h264 import parameter_sets_hash
from tests.playout.lab import CHANNEL, CLIPS, Item, bench, capture, children, unhurried
from tests.tools.barcode_reader import Reading, read, unwrap
from tests.tools.ts_analyser import analyse

pytestmark = pytest.mark.on_air

FRAME_MS = 1001 / 30


def reading_of(data: bytes, folder: Path) -> Reading:
    file = folder / "capture.ts"
    file.write_bytes(data)
    return read(file)


def open_files() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def tick_of(pts: int, near_s: float, grid: TickGrid) -> int:
    whole = unwrap(pts, near_s)
    return round(whole * grid.rate / 90_000)


async def test_mixed_joins_are_clean_and_every_frame_is_the_planned_one(tmp_path: Path) -> None:
    items = [
        Item("ntsc", 4.5, in_s=6.0),
        Item("film", 3.337, in_s=10.25),
        Item("mute", 2.2),
        Item("synthetic:bars", 1.5),
        Item("pal", 2.74, in_s=3.3),
        Item("ntsc", 30.0),
    ]
    async with bench(items, tmp_path, started_s=2.0) as b:
        tuned_s = b.clock.now_us() / 1e6
        viewer = await b.tune()
        data = await capture(viewer, b.clock, 9.0)
        await viewer.close("seen enough")
        report = analyse(data, complete=False)
        assert report.ok, report.to_text()
        reading = reading_of(data, tmp_path)
        seen = planned = 0
        for shown in reading.shown:
            tick = tick_of(shown.pts, tuned_s, b.grid)
            entry = b.playlog.at(tick)
            assert entry is not None
            name = entry.segment.asset_id.removeprefix("bench/")
            clip = CLIPS.get(name)
            if clip is None:
                assert shown.code is None  # the bars
                continue
            planned += 1
            if shown.code is None:
                continue  # slate under load is judged below
            seen += 1
            assert shown.code.asset == clip.asset
            # Matroska shifts both media by the audio encoder's priming.
            late_us = 21_000 if clip.container == "mkv" else 0
            expected = (entry.offset_us(tick, b.grid) - late_us) * clip.rate / 1_000_000
            assert abs(shown.code.frame - expected) <= (0.51 if clip.rate == b.grid.rate else 1.01)
        # A busy machine may show slate at the start; the rest must be the programme.
        assert seen >= 0.6 * planned > 200
        for segment in reading.segments:
            if segment.av_median_ms is not None and segment.pictures > 30:
                assert abs(segment.av_median_ms) <= FRAME_MS + 10.7 + 1
        first = tick_of(reading.shown[0].pts, tuned_s, b.grid)
        assert 0 <= first - b.grid.at(round(tuned_s * 1e6)) <= 1


async def test_a_late_viewer_is_at_station_time_and_has_the_lead(tmp_path: Path) -> None:
    async with bench([Item("ntsc", 20.0), Item("pal", 20.0)], tmp_path) as b:
        first = await b.tune("127.0.0.1:1")
        async for unit in first.access_units():
            if unit.pts / 90_000 > b.clock.now_us() / 1e6 + 5.0:
                break  # the lead is built
        second = await b.tune("127.0.0.1:2")
        asked_us = b.clock.now_us()
        async for unit in second.access_units():
            if unit.pts / 90_000 > asked_us / 1e6 + 4.0:
                break
        assert b.clock.now_us() < asked_us + 4_000_000  # it came before its time
        begun_us = b.clock.now_us()
        data = await capture(second, b.clock, 1.0)
        report = analyse(data, complete=False)
        assert report.ok, report.to_text()
        shown = reading_of(data, tmp_path).shown
        first_us = b.grid.start_us(tick_of(shown[0].pts, asked_us / 1e6, b.grid))
        assert asked_us - 600_000 <= first_us <= begun_us
        assert len(children()) <= 2  # one on the air, one armed: not one per viewer
        assert b.manager.health is Health.ON_AIR
        assert b.manager.viewers.keys() == {first, second}


async def test_the_last_viewer_leaves_and_nothing_is_left(tmp_path: Path) -> None:
    before = open_files()
    async with bench([Item("ntsc", 20.0), Item("pal", 20.0)], tmp_path, linger_s=0.4) as b:
        viewers = [await b.tune(f"127.0.0.1:{n}") for n in range(5)]
        assert len(children()) >= 1
        for viewer in viewers:
            await viewer.close("goes to bed")
            await viewer.close("twice does no harm")
        healths = [b.manager.health]
        again = await b.tune()
        healths.append(b.manager.health)
        assert healths == [Health.LINGERING, Health.ON_AIR]
        await again.close("that was all")
        await b.clock.wait(0.6)
        await b.manager.off_air()
        assert b.manager.health is Health.OFF_AIR
        assert children() == []
        logged = as_run_log.read(tmp_path / "as-run", [CHANNEL])
        assert logged
        for one, two in pairwise(logged):
            assert one.end_tick == two.first_tick
    await asyncio.sleep(0.05)
    assert open_files() <= before + 1


async def test_a_missing_file_is_replaced_by_its_fallback_and_the_next_starts_on_time(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    items = [
        Item("ntsc", 3.0),
        Item("lost.mp4", 2.0, fallbacks=("also-lost.mp4", "pal")),
        Item("film", 2.0),
        Item("lost-too.mp4", 1.5),
        Item("ntsc", 30.0, in_s=4.0),
    ]
    async with bench(items, tmp_path) as b:
        tuned_s = b.clock.now_us() / 1e6
        viewer = await b.tune()
        data = await capture(viewer, b.clock, 6.5)
        report = analyse(data, complete=False)
        assert report.ok, report.to_text()
        by_entry: dict[int, set[int | None]] = {}
        last: dict[int, int | None] = {}
        for shown in reading_of(data, tmp_path).shown:
            entry = b.playlog.at(tick_of(shown.pts, tuned_s, b.grid))
            assert entry is not None
            code = shown.code.asset if shown.code else None
            by_entry.setdefault(entry.segment.seq, set()).add(code)
            last[entry.segment.seq] = code
        assert by_entry[1] <= {CLIPS["pal"].asset, None}
        assert last[1] == CLIPS["pal"].asset
        assert by_entry[2] <= {CLIPS["film"].asset, None}
        assert by_entry[3] == {None}
        assert last[4] == CLIPS["ntsc"].asset
        await viewer.close("done")
    records = as_run_log.read(tmp_path / "as-run", [CHANNEL])
    assert {"fallback", "slate", "real"} <= {r.kind for r in records}
    slate = next(r for r in records if r.kind == "slate" and "lost-too" in r.cause)
    assert (slate.ticks, slate.seq) == (b.entry(3).end - b.entry(3).start, 3)
    (told,) = [m for m in caplog.messages if "lost-too" in m and "slate" in m]
    assert told.startswith(f"{CHANNEL}: slate: ")


async def test_a_killed_child_is_replaced_at_the_right_frame_without_a_fault(tmp_path: Path) -> None:
    async with bench([Item("ntsc", 20.0), Item("pal", 20.0)], tmp_path) as b:
        tuned_s = b.clock.now_us() / 1e6
        viewer = await b.tune()
        task = asyncio.create_task(capture(viewer, b.clock, 9.0))
        await b.clock.wait(2.0)
        victims = children()
        for pid in victims:
            os.kill(pid, signals.SIGKILL)
        data = await task
        assert victims
        report = analyse(data, complete=False)
        assert report.ok, report.to_text()
        slate = 0
        for shown in reading_of(data, tmp_path).shown:
            tick = tick_of(shown.pts, tuned_s, b.grid)
            entry = b.playlog.at(tick)
            assert entry is not None
            if shown.code is None:
                slate += 1
            elif shown.code.asset == CLIPS["ntsc"].asset:
                expected = entry.offset_us(tick, b.grid) * 30000 / 1001 / 1_000_000
                assert abs(shown.code.frame - expected) <= 0.51
        assert slate <= 60
        await viewer.close("done")


async def test_a_child_killed_before_its_first_picture_is_started_again(tmp_path: Path) -> None:
    async with bench([Item("ntsc", 20.0, fallbacks=("pal",)), Item("pal", 20.0)], tmp_path) as b:
        tuning = asyncio.create_task(b.tune())
        async with b.clock.deadline(20):
            while not (victims := children()):  # noqa: ASYNC110  a process sets no event
                await asyncio.sleep(0)
        for pid in victims:
            os.kill(pid, signals.SIGKILL)
        viewer = await tuning
        data = await capture(viewer, b.clock, 3.0)
        assert analyse(data, complete=False).ok
        seen = {shown.code.asset for shown in reading_of(data, tmp_path).shown if shown.code}
        assert seen == {CLIPS["ntsc"].asset}
        await viewer.close("done")


async def test_slate_bars_and_every_clip_share_one_set_of_parameter_sets(tmp_path: Path) -> None:
    items = [Item("lost.mp4", 1.0), Item("synthetic:bars", 1.0), Item("film", 1.0), Item("pal", 60.0)]
    async with bench(items, tmp_path) as b:
        viewer = await b.tune()
        hashes = set()
        ticks = 0
        async for unit in viewer.access_units():
            if unit.stream == "video":
                ticks += 1
                if unit.key:
                    hashes.add(parameter_sets_hash(unit.data))
            if ticks > 4 * 30:
                break
        await viewer.close("done")
        assert len(hashes) == 1
        assert "" not in hashes


async def test_beyond_the_plan_there_is_a_picture_and_an_endless_file_does_not_end_the_channel(
    tmp_path: Path,
) -> None:
    # "mute" lasts 10 s; 60 s are planned from its 9th second: it ends early, and slate follows.
    async with bench([Item("mute", 60.0, in_s=9.0)], tmp_path) as b:
        viewer = await b.tune()
        taken = asyncio.create_task(capture(viewer, b.clock, 4.0))
        async with b.clock.deadline(20):
            while b.manager.detail != "asset ended early":
                await b.clock.wait(0.05)
        data = await taken
        report = analyse(data, complete=False)
        assert report.ok, report.to_text()
        assert b.manager.health is Health.SLATE
        assert len(reading_of(data, tmp_path).shown) > 100
        await viewer.close("done")


async def test_who_can_t_be_served_is_told(tmp_path: Path) -> None:
    from retrovue.lineup import ChannelId, Viewer

    async with bench([Item("ntsc", 20.0)], tmp_path) as b:
        with pytest.raises(TuneRefused) as refused:
            await b.director.tune(ChannelId("nowhere"), Viewer("bench", "x"))
        assert refused.value.code == "unknown_channel"
        await b.director.close("end")
        with pytest.raises(TuneRefused) as refused:
            await b.tune()
        assert refused.value.code == "shutting_down"


async def test_a_graphic_put_on_in_mid_show_changes_the_source_and_nothing_else(tmp_path: Path) -> None:
    """What an emergency crawl does: the plan is cut at a tick to come, and the picture goes on there."""
    items = [Item("ntsc", 12.0, in_s=2.0), Item("pal", 20.0)]
    async with bench(items, tmp_path, started_s=1.0, clock=unhurried()) as b:
        viewer = await b.tune()
        reading_task = asyncio.create_task(capture(viewer, b.clock, 8.0))
        watcher = await b.tune("127.0.0.1:2")
        before = set(children())
        async for unit in watcher.access_units():
            if unit.stream == "video" and unit.pts / 90_000 > b.clock.now_us() / 1e6 + 5.0:
                break  # the lead is built
        on = round(unit.pts * b.grid.rate / 90_000) + 20
        off = on + 65
        layer = Layer("crawl", on, off, "A test of the desk")
        b.rearm(b.playlog.over(lambda entry: (layer,)).cut_at([on, off]))
        data = await reading_task
        assert before.isdisjoint(children())
        for signal in (viewer, watcher):
            await signal.close("seen enough")
        report = analyse(data, complete=False)
        assert report.ok, report.to_text()
        ticks, wrong, slate = [], 0, 0
        for shown in reading_of(data, tmp_path).shown:
            tick = tick_of(shown.pts, b.clock.now_us() / 1e6, b.grid)
            ticks.append(tick)
            entry = b.playlog.at(tick)
            assert entry is not None
            clip = CLIPS[entry.segment.asset_id.removeprefix("bench/")]
            if shown.code is None:
                slate += 1
                continue
            expected = entry.offset_us(tick, b.grid) * clip.rate / 1_000_000
            wrong += shown.code.asset != clip.asset or abs(shown.code.frame - expected) > 1.01
        assert ticks[0] < on < off < ticks[-1]
        assert (wrong, slate) == (0, 0)
