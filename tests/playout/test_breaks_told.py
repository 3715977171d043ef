"""A channel that tells its breaks: what leaves, judged by the analyser, the barcodes and ffmpeg."""

from __future__ import annotations

import asyncio
import subprocess
from dataclasses import replace
from datetime import datetime
from itertools import pairwise
from pathlib import Path

import pytest

from retrovue.clock import RenderClock
from retrovue.compiler.model import SegmentKind
from retrovue.ffmpeg_binary import choose_ffmpeg
from retrovue.lineup import MediaSegment
from retrovue.stream.mpegts import WRAP
from tests.playout.lab import BENCH, CHANNEL, CLIPS, Bench, Item, bench
from tests.playout.test_signal import reading_of
from tests.tools.scte35_syntax import parse_cue
from tests.tools.ts_analyser import analyse
from tests.tools.ts_report import Report

pytestmark = pytest.mark.on_air

AT = datetime.fromisoformat("2026-11-26T20:00:00.123+00:00")
AD = SegmentKind.AD
#: Lengths that lie on no tick, so that each edge is rounded.
PLAN = [
    Item("ntsc", 10.04), Item("pal", 4.51, kind=AD), Item("film", 3.26, in_s=2.0, kind=AD),
    Item("synthetic:bars", 0.71, kind=SegmentKind.IDENT), Item("ntsc", 8.0, in_s=10.0),
]  # fmt: skip
SECONDS = 22.0


async def aired(state: Path) -> tuple[Bench, bytes, list[MediaSegment], bytes]:
    """The bench, and what three viewers got: the stream, its segments, and the stream from mid-break on."""
    channel = replace(BENCH, cues="splice_insert")
    clock = RenderClock(AT)
    async with bench(PLAN, state, channel=channel, clock=clock) as b:
        b.manager.tune_patience_s = 120.0
        whole: list[bytes] = []
        segments: list[MediaSegment] = []
        late: list[bytes] = []
        viewer, player = await b.tune(), await b.tune()
        end_us = b.grid.start_us(b.entry(0).start) + round(SECONDS * 1e6)

        async def watch() -> None:
            async for segment in player.media_segments():
                segments.append(segment)

        async def come_late() -> None:
            comer = await b.tune()
            async for chunk in comer.transport_stream():
                late.append(chunk)

        tasks = [asyncio.create_task(watch())]
        async for chunk in viewer.transport_stream():
            whole.append(chunk)
            if len(tasks) == 1 and clock.now_us() > b.grid.start_us(b.entry(1).start + 20):
                tasks.append(asyncio.create_task(come_late()))
                # No cues any more, says the YAML: what is on the air has them until it goes off.
                b.director.apply({CHANNEL: (BENCH, b.programme)})
            if clock.now_us() >= end_us:
                break
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return b, b"".join(whole), segments, b"".join(late)


def clean(data: bytes) -> Report:
    report = analyse(data, complete=False)
    assert report.ok, report.to_text()
    return report


async def test_a_break_is_told_at_its_very_frames(tmp_path: Path) -> None:
    b, data, segments, late = await aired(tmp_path)
    report = clean(data)
    assert report.streams == ["type 0x1b on 0x100", "type 0x0f on 0x101", "type 0x86 on 0x102"]
    told = [(pts, parse_cue(bytes.fromhex(raw))) for pts, raw in report.cues]
    outs = [(pts, cue) for pts, cue in told if cue.out]
    backs = [(pts, cue) for pts, cue in told if cue.command == "splice_insert" and not cue.out]

    # What the plan says, what the barcodes show and what the messages say is one and the same frame.
    shown = reading_of(data, tmp_path).shown
    codes = [s.code.asset if s.code else None for s in shown]
    ntsc = CLIPS["ntsc"].asset
    first = codes.index(CLIPS["pal"].asset)
    behind = codes.index(ntsc, first)
    (out,), (back,) = {cue.pts for _, cue in outs}, {cue.pts for _, cue in backs}
    assert out == shown[first].pts % WRAP == b.grid.pts(b.entry(1).start) % WRAP
    assert back == shown[behind].pts % WRAP == b.grid.pts(b.entry(4).start) % WRAP
    assert {cue.duration for _, cue in outs} == {b.grid.pts(b.entry(4).start) - b.grid.pts(b.entry(1).start)}
    assert {cue.auto_return for _, cue in outs} == {True}
    assert len({cue.event for _, cue in outs + backs}) == 1
    for at, seen in ((out, outs), (back, backs)):
        ahead = [((at or 0) - pts) % WRAP / 90_000 for pts, _ in seen]
        assert [seconds >= 4 for seconds in ahead[:3]] == [True] * 3

    segments_are_cut_at_the_edges(b, segments)

    # Who comes later is told where the break began, and has the same PMT.
    of_late = clean(late)
    assert of_late.streams == report.streams
    first_told = next(cue for cue in (parse_cue(bytes.fromhex(r)) for _, r in of_late.cues) if cue.out)
    assert first_told == outs[0][1]
    assert of_late.first_pts is not None
    assert (of_late.first_pts - out) % WRAP < 4 * 90_000, "it came in mid-break"

    the_others_read_it(data, tmp_path, len(report.cues))


def segments_are_cut_at_the_edges(b: Bench, segments: list[MediaSegment]) -> None:
    out_us, back_us = b.grid.start_us(b.entry(1).start), b.grid.start_us(b.entry(4).start)
    for one, other in pairwise(segments):
        assert one.start_us + one.duration_us == other.start_us
    inside = [s for s in segments if s.within is not None]
    assert [s.opens for s in inside] == [True] + [False] * (len(inside) - 1)
    assert inside[0].start_us == out_us
    of = inside[0].within
    assert of is not None
    assert (of.start_us, of.end_us) == (out_us, back_us)
    (over,) = [s for s in segments if s.after is not None]
    assert over.start_us == back_us == inside[-1].start_us + inside[-1].duration_us
    assert over.after is not None
    assert (over.after.id, over.after.end_us) == (of.id, back_us)
    assert (parse_cue(of.out).out, parse_cue(over.after.back).out) == (True, False)


def the_others_read_it(data: bytes, folder: Path, cues: int) -> None:
    """ffmpeg finds a stream of SCTE 35, and every message in it."""
    file = folder / "told.ts"
    file.write_bytes(data)
    command = [choose_ffmpeg().path, "-nostdin", "-v", "error", "-i", f"file:{file}"]
    command += ["-map", "0:2", "-c", "copy", "-f", "framecrc", "-"]
    found = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
    assert "#codec_id 0: scte_35" in found
    assert sum(not line.startswith("#") for line in found.splitlines()) == cues
