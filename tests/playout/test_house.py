"""Channels that copy: every frame is the planned one, no child works, and a bad copy is never seen."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import threading
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest

from retrovue.library.catalog import Asset
from retrovue.playout.house_copy import CopyWriter, HouseCopy, Portion
from retrovue.playout.overlay import Layer
from retrovue.playout.sources import house
from tests.playout.lab import (
    BENCH,
    CHANNEL,
    CLIPS,
    Bench,
    Item,
    bench,
    capture,
    children,
    conformed,
    unhurried,
)
from tests.playout.test_signal import reading_of, tick_of
from tests.tools.barcode_reader import Reading
from tests.tools.ts_analyser import analyse
from tests.tools.ts_report import Rules

pytestmark = pytest.mark.on_air


def exact(b: Bench, reading: Reading, near_s: float) -> tuple[int, int]:
    """(pictures of clips, those that are the planned frame); fails on a wrong one."""
    seen = agreed = 0
    for shown in reading.shown:
        tick = tick_of(shown.pts, near_s, b.grid)
        entry = b.playlog.at(tick)
        assert entry is not None
        clip = CLIPS.get(entry.segment.asset_id.removeprefix("bench/"))
        if clip is None:
            assert shown.code is None
            continue
        seen += 1
        if shown.code is None:
            continue
        assert shown.code.asset == clip.asset
        # Matroska shifts both media by the audio encoder's priming.
        late_us = 21_000 if clip.container == "mkv" else 0
        expected = (entry.offset_us(tick, b.grid) - late_us) * clip.rate / 1_000_000
        # Half a frame of the clip by its conversion, and half a tick by the plan's rounding.
        allowed = 0.51 if clip.rate == b.grid.rate else 0.52 + clip.rate / b.grid.rate / 2
        assert abs(shown.code.frame - expected) <= allowed, tick - entry.start
        agreed += 1
    return seen, agreed


@contextlib.contextmanager
def watched() -> Iterator[set[int]]:
    """The ffmpegs that were at work at any time."""
    found: set[int] = set()

    async def watch() -> None:
        while True:
            found.update(children())
            await asyncio.sleep(0.02)

    watching = asyncio.create_task(watch())
    try:
        yield found
    finally:
        watching.cancel()


async def seen_of(b: Bench, seconds: float, folder: Path) -> tuple[Reading, float]:
    """What a new viewer sees, without a fault in it, and when he tuned in."""
    tuned_s = b.clock.now_us() / 1e6
    viewer = await b.tune()
    data = await capture(viewer, b.clock, seconds)
    report = analyse(data, complete=False)
    assert report.ok, report.to_text()
    await viewer.close("seen enough")
    return reading_of(data, folder), tuned_s


async def test_a_channel_of_house_copies_needs_no_child(tmp_path: Path) -> None:
    await conformed("ntsc", tmp_path, (6.0, 12.3))
    await conformed("pal", tmp_path)
    items = [
        Item("ntsc", 3.337, in_s=6.0),
        Item("pal", 2.2),
        Item("ntsc", 2.74, in_s=12.3),
        Item("pal", 30.0),
    ]
    async with bench(items, tmp_path, started_s=1.3, clock=unhurried()) as b:
        with watched() as found:
            reading, tuned_s = await seen_of(b, 6.0, tmp_path)
            assert b.manager.producer.endswith("(house copy)")
        assert found == set()
        seen, agreed = exact(b, reading, tuned_s)
        assert seen == agreed > 300
        for segment in reading.segments:
            if segment.av_median_ms is not None and len(segment.av_ms) >= 2:
                # Half an audio frame; other rates are off by up to half a frame of the picture besides.
                more = 0 if segment.rate == b.grid.rate else 17
                assert abs(segment.av_median_ms) <= 10.7 + 1 + more, reading.to_text()
        # It begins with the group that its moment lies in: not a picture after it.
        behind = tuned_s - tick_of(reading.shown[0].pts, tuned_s, b.grid) / float(b.grid.rate)
        assert 0 <= behind <= 0.51


async def test_any_frame_may_be_the_first_or_the_last(tmp_path: Path) -> None:
    await conformed("ntsc", tmp_path)
    ins = [0.0, 5.07, 2.236, 11.311, 0.4, 7.94, 3.003, 9.11]
    items = [Item("ntsc", 1.1 + 0.137 * n, in_s=at) for n, at in enumerate(ins)]
    async with bench([*items, Item("ntsc", 30.0)], tmp_path, clock=unhurried()) as b:
        with watched() as found:
            reading, tuned_s = await seen_of(b, 9.0, tmp_path)
        seen, agreed = exact(b, reading, tuned_s)
        assert seen == agreed > 400
        # One short child at most for each segment that begins inside a group.
        assert 1 <= len(found) <= len(ins)
        for segment in reading.segments:
            assert segment.frame_error <= 0.01
            if segment.av_median_ms is not None:
                assert abs(segment.av_median_ms) <= 10.7 + 1, reading.to_text()


async def test_copies_children_and_boundaries_follow_each_other_unseen(tmp_path: Path) -> None:
    await conformed("ntsc", tmp_path)
    await conformed("mute", tmp_path)
    items = [
        Item("ntsc", 2.5, in_s=4.21),
        Item("film", 1.737, in_s=10.25),  # no copy of it
        Item("mute", 1.9, in_s=2.31),
        Item("synthetic:bars", 1.2),
        Item("ntsc", 1.6, in_s=0.5),
        Item("pal", 1.3),
        Item("ntsc", 30.0),
    ]
    async with bench(items, tmp_path, clock=unhurried()) as b:
        reading, tuned_s = await seen_of(b, 8.0, tmp_path)
        seen, agreed = exact(b, reading, tuned_s)
        assert seen == agreed > 300


async def test_only_what_graphics_lie_over_is_rendered(tmp_path: Path) -> None:
    await conformed("ntsc", tmp_path)
    async with bench(
        [Item("ntsc", 20.0)],
        tmp_path,
        layers=lambda e: (Layer("crawl", e.start + 130, e.start + 170, "Storm"),),
        clock=unhurried(),
    ) as b:
        with watched() as found:
            reading, tuned_s = await seen_of(b, 4.0, tmp_path)
            assert children() == []
            assert b.manager.producer.endswith("(house copy)")
        assert len(found) == 1  # for the window alone, up to where copying can begin again
        seen, agreed = exact(b, reading, tuned_s)
        assert seen == agreed > 230


async def test_graphics_that_stay_are_rendered_throughout(tmp_path: Path) -> None:
    await conformed("ntsc", tmp_path)
    async with bench(
        [Item("ntsc", 20.0)],
        tmp_path,
        layers=lambda e: (Layer("bug", e.start, e.end, "5"),),
        clock=unhurried(),
    ) as b:
        with watched() as found:
            reading, tuned_s = await seen_of(b, 2.0, tmp_path)
            assert "ffmpeg pid" in b.manager.producer
        assert len(found) == 1
        seen, agreed = exact(b, reading, tuned_s)
        assert agreed > 0.6 * seen > 60


async def test_damage_in_a_copy_is_found_before_its_time_and_rendered_around(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = await conformed("ntsc", tmp_path)
    with HouseCopy(path) as copy:
        ((offset, _, _),) = copy._records(copy._pictures_at, 200, 201)
    with path.open("r+b") as file:
        file.seek(offset + 100)
        file.write(b"damaged")
    async with bench([Item("ntsc", 20.0)], tmp_path, clock=unhurried()) as b:
        with watched() as found:
            reading, tuned_s = await seen_of(b, 6.0, tmp_path)
        seen, agreed = exact(b, reading, tuned_s)
        assert seen == agreed > 300
        assert max(shown.code.frame for shown in reading.shown if shown.code) > 300
        assert len(found) == 1
    assert "picture 200 is damaged" in caplog.text


def rewritten(path: Path, **changes: object) -> None:
    """The same copy with another label."""
    with HouseCopy(path) as copy:
        label = copy.label
        whole = copy.read(range(label.frames), range(label.sounds))
        keys = [copy.key_before(n, 0) == n for n in range(label.frames)]
        with CopyWriter(path) as writer:
            writer.add(list(zip(whole.pictures, keys, strict=True)), whole.sounds)
            writer.finish(replace(label, **changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ("truncated", "breaks off"),
        ("foreign", "it is of bench/pal"),
        ("older", "the original has changed since"),
        ("settings", "rendered with other settings"),
        ("renamed", "rendered with other settings"),
        ("encoder", "not those of this channel's encoder"),
        ("lying", "parameter sets are not what its label says"),
    ],
)
async def test_a_copy_that_must_not_air_is_not_aired(
    fault: str, told: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = await conformed("ntsc", tmp_path)
    match fault:
        case "truncated":
            path.write_bytes(path.read_bytes()[:-1000])
        case "foreign":
            path.write_bytes((await conformed("pal", tmp_path)).read_bytes())
        case "older":
            rewritten(path, mtime_ns=1)
        case "settings":
            rewritten(path, settings="others")
        case "renamed":
            path.rename(path.with_name("0123456789abcdef.house"))
        case "encoder":
            rewritten(path, parameters="others")
        case "lying":
            with HouseCopy(path) as copy:
                (first,) = copy.read(range(1), range(0)).pictures
            at = path.read_bytes().find(first)
            assert at == 0
            changed = path.read_bytes().replace(b"\x67\x64", b"\x67\x4d")  # High profile, now Main
            path.write_bytes(changed)
            _sign(path)
    async with bench([Item("ntsc", 20.0)], tmp_path) as b:
        with watched() as found:
            reading, tuned_s = await seen_of(b, 1.0, tmp_path)
        seen, agreed = exact(b, reading, tuned_s)
        assert seen > 30
        assert agreed >= 0.6 * seen  # a busy machine may show the slate while the child starts
        assert len(found) == 1
    assert told in caplog.text


def _sign(path: Path) -> None:
    """The pictures as they lie there now are what the tables say."""
    import struct

    with HouseCopy(path) as copy:
        label = copy.label
        records = copy._records(copy._pictures_at, 0, label.frames)
        sounds = copy.read(range(0), range(label.sounds)).sounds
    data = path.read_bytes()
    pictures = [(data[o : o + (s & ~(1 << 31))], bool(s >> 31)) for o, s, _ in records]
    assert struct.calcsize("<QII") == 16
    with CopyWriter(path) as writer:
        writer.add(pictures, sounds)
        writer.finish(label)


async def test_a_copy_outlives_its_original_and_is_used_without_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    await conformed("ntsc", tmp_path)
    async with bench([Item("ntsc", 20.0)], tmp_path, clock=unhurried()) as b:
        whole = b.programme.assets

        def lost(asset_id: str) -> Asset | None:
            found = whole(asset_id)
            return replace(found, path=str(tmp_path / "ntsc.mp4")) if found else None

        b.director.apply({CHANNEL: (BENCH, replace(b.programme, assets=lost))})
        with watched() as found:
            reading, tuned_s = await seen_of(b, 1.0, tmp_path)
        seen, agreed = exact(b, reading, tuned_s)
        assert seen == agreed > 100
        assert found == set()
    assert "the original can't be asked" in caplog.text


async def test_a_boundary_that_dies_costs_no_frame(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    await conformed("ntsc", tmp_path)
    items = [Item("ntsc", 6.5), Item("ntsc", 20.0, in_s=5.07)]
    async with bench(items, tmp_path, clock=unhurried()) as b:
        tuned_s = b.clock.now_us() / 1e6
        viewer = await b.tune()
        reading = asyncio.create_task(capture(viewer, b.clock, 5.0))
        async with b.clock.deadline(20):
            while not (victims := children()):  # noqa: ASYNC110  a process sets no event
                await asyncio.sleep(0)
        for pid in victims:
            os.kill(pid, signal.SIGKILL)
        data = await reading
        assert analyse(data, complete=False).ok
        seen, agreed = exact(b, reading_of(data, tmp_path), tuned_s)
        assert seen == agreed > 200
        await viewer.close("done")
    assert "house copy" in caplog.text


async def test_a_boundary_whose_first_pictures_are_late_is_used_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A picture that comes behind its tick is passed over; the next one has no parameter sets to look at."""
    judge = house.HouseSource._on_boundary
    late: list[house.HouseSource] = []

    def passing_over(self: house.HouseSource) -> None:
        judge(self)
        if self._child is not None and self._child.video and not self.delivered and self not in late:
            late.append(self)
            self.video(self._next_tick + 1)

    monkeypatch.setattr(house.HouseSource, "_on_boundary", passing_over)
    await conformed("ntsc", tmp_path)
    async with bench([Item("ntsc", 1.5), Item("ntsc", 20.0, in_s=5.07)], tmp_path) as b:
        reading, tuned_s = await seen_of(b, 4.0, tmp_path)
        _, agreed = exact(b, reading, tuned_s)
        assert agreed > 30
    assert late
    assert "parameter sets" not in caplog.text


async def test_a_store_that_hangs_holds_up_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    await conformed("ntsc", tmp_path)
    back = threading.Event()
    whole = HouseCopy._read

    def read(self: HouseCopy, frames: range, sounds: range) -> Portion:
        if frames.start > 200:
            back.wait()
        return whole(self, frames, sounds)

    monkeypatch.setattr(HouseCopy, "_read", read)
    monkeypatch.setattr(house, "STALL_S", 1.5)
    try:
        async with bench([Item("ntsc", 20.0)], tmp_path, clock=unhurried()) as b:
            reading, tuned_s = await seen_of(b, 6.0, tmp_path)
            seen, agreed = exact(b, reading, tuned_s)
            assert seen == agreed > 300
        assert "doesn't answer" in caplog.text
    finally:
        back.set()


async def test_behind_the_end_of_a_copy_the_stand_in_takes_over(tmp_path: Path) -> None:
    await conformed("ntsc", tmp_path)
    await conformed("pal", tmp_path)
    items = [
        Item("ntsc", 1.5, in_s=3.0),
        Item("ntsc", 1.5, in_s=30.0, fallbacks=("pal",)),  # the plan is wrong: it has 20 s
        Item("ntsc", 20.0, in_s=6.0),
    ]
    async with bench(items, tmp_path, clock=unhurried()) as b:
        with watched() as found:
            reading, tuned_s = await seen_of(b, 3.0, tmp_path)
        shown = {0: set[int | None](), 1: set[int | None](), 2: set[int | None]()}
        for picture in reading.shown:
            entry = b.playlog.at(tick_of(picture.pts, tuned_s, b.grid))
            assert entry is not None
            shown[entry.segment.seq].add(picture.code.asset if picture.code else None)
        assert shown[0] == shown[2] == {CLIPS["ntsc"].asset}
        assert CLIPS["pal"].asset in shown[1] <= {CLIPS["pal"].asset, None}
        assert len(found) <= 1


async def test_nothing_is_left_open(tmp_path: Path) -> None:
    await conformed("ntsc", tmp_path)

    def open_copies() -> int:
        links = []
        for entry in Path("/proc/self/fd").iterdir():
            with contextlib.suppress(OSError):
                links.append(str(entry.readlink()))
        return sum(link.endswith(".house") for link in links)

    async with bench([Item("ntsc", 3.0), Item("ntsc", 20.0, in_s=5.07)], tmp_path, linger_s=0.2) as b:
        for _ in range(3):
            viewer = await b.tune()
            await b.clock.wait(0.3)
            assert open_copies() >= 1
            await viewer.close("zaps")
            await b.clock.wait(0.4)
            await b.manager.off_air()
            assert open_copies() == 0
            assert children() == []


@pytest.mark.parametrize(("rate", "codec", "audio"), [("25/1", "mpeg2", "ac3"), ("30/1", "h264", "mp2")])
async def test_every_codec_of_the_house_is_copied(rate: str, codec: str, audio: str, tmp_path: Path) -> None:
    channel = replace(BENCH, rate=rate, codec=codec, audio_codec=audio, video_kbps=1500, audio_kbps=192)
    await conformed("ntsc", tmp_path, channel=channel)
    await conformed("pal", tmp_path, (4.0,), channel=channel)
    items = [Item("ntsc", 1.7, in_s=3.21), Item("pal", 1.4, in_s=4.0), Item("ntsc", 20.0, in_s=5.07)]
    async with bench(items, tmp_path, channel=channel, clock=unhurried()) as b:
        with watched() as found:
            tuned_s = b.clock.now_us() / 1e6
            viewer = await b.tune()
            data = await capture(viewer, b.clock, 3.0)
            await viewer.close("seen enough")
        report = analyse(data, Rules(rate=Fraction(rate)), complete=False)
        assert report.ok, report.to_text()
        seen, agreed = exact(b, reading_of(data, tmp_path), tuned_s)
        assert seen == agreed > 150
        assert 1 <= len(found) <= len(items)  # the boundaries, and the next item's where it is armed by then
