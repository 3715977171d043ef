"""Channels that copy: every frame is the planned one, no child works, and a bad copy is never seen."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.playout.lab import CLIPS, Bench, Item, bench, capture, children, conformed
from tests.playout.test_signal import reading_of, tick_of
from tests.tools.barcode_reader import Reading
from tests.tools.ts_analyser import analyse

pytestmark = pytest.mark.on_air


def exact(b: Bench, reading: Reading, near_s: float) -> tuple[int, int]:
    """(pictures, those that are the planned frame); fails on a wrong one."""
    seen = agreed = 0
    for shown in reading.shown:
        tick = tick_of(shown.pts, near_s, b.grid)
        entry = b.playlog.at(tick)
        assert entry is not None
        clip = CLIPS[entry.segment.asset_id.removeprefix("bench/")]
        seen += 1
        if shown.code is None:
            continue
        assert shown.code.asset == clip.asset
        expected = entry.offset_us(tick, b.grid) * clip.rate / 1_000_000
        assert abs(shown.code.frame - expected) <= (0.51 if clip.rate == b.grid.rate else 1.01), (
            tick - entry.start
        )
        agreed += 1
    return seen, agreed


async def test_a_channel_of_house_copies_needs_no_child(tmp_path: Path) -> None:
    await conformed("ntsc", tmp_path, (6.0, 12.3))
    await conformed("pal", tmp_path)
    items = [
        Item("ntsc", 3.337, in_s=6.0),
        Item("pal", 2.2),
        Item("ntsc", 2.74, in_s=12.3),
        Item("pal", 30.0),
    ]
    async with bench(items, tmp_path, started_s=1.3) as b:
        tuned_s = b.clock.now_us() / 1e6
        viewer = await b.tune()
        found: list[int] = []

        async def watch() -> None:
            while True:
                found.extend(children())
                await asyncio.sleep(0.02)

        watching = asyncio.create_task(watch())
        data = await capture(viewer, b.clock, 6.0)
        watching.cancel()
        assert found == []
        assert b.manager.producer.endswith("(house copy)")
        report = analyse(data, complete=False)
        assert report.ok, report.to_text()
        reading = reading_of(data, tmp_path)
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
        await viewer.close("done")
