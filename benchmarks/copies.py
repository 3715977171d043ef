"""How many channels a machine can send from house copies at once, each with a viewer.

    python benchmarks/copies.py [--channels 300] [--seconds 20] [--kbps 2000] [--json]

One process airs that many channels, each from a house copy of its own place in time, on a real clock; each
has a viewer that takes what comes. What counts is processor time: seconds of one core per channel and second
on the air, once every channel has its lead, and how late ticks left against their due time. No encoder runs.

The last line is one line of JSON.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from fixtures.media.barcode import make
from retrovue.clock import StationClock
from retrovue.compiler.model import CompiledChannel, Segment, SegmentKind
from retrovue.lineup import ChannelId, Viewer
from retrovue.playout.director import ProgramDirector, Programme, house_of
from retrovue.playout.house_copy import CopyWriter, HouseCopy
from retrovue.playout.playlog import Playlog
from retrovue.units import SECOND_US
from tests.playout.lab import BENCH, CLIPS, asset, children, conformed, machine

#: What targets.md promises for two cores.
TARGET_ON_TWO_CORES = 300
CLIP = "ntsc"
#: A join every so often on every channel (seconds).
SEGMENT_S = 9.0


def channel(number: int, kbps: int) -> CompiledChannel:
    """One of many channels of one format."""
    return replace(
        BENCH, channel=f"c{number}", number=f"{number}.1", name=f"Channel {number}", video_kbps=kbps
    )


def programme(of: CompiledChannel, number: int, now_us: int, path: str, seconds: float) -> Programme:
    """The clip from its beginning again and again, on each channel at another moment."""
    grid = house_of(of).grid
    length = round(SEGMENT_S * SECOND_US)
    at = now_us - number * 37_000 % length - length
    segments = []
    for seq in range(int(seconds / SEGMENT_S) + 4):
        segments.append(
            Segment(
                of.channel,
                date(2026, 1, 1),
                seq,
                at,
                at + length,
                SegmentKind.PROGRAM,
                seq + 1,
                f"bench/{CLIP}",
            )
        )
        at += length
    found = asset(CLIP, path, CLIPS[CLIP])
    return Programme(
        "Bench", ZoneInfo("UTC"), {}, {found.id: found}.get, lambda a: a.path, Playlog.align(segments, grid)
    )


def padded(path: Path, kbps: int) -> Path:
    """The copy with filler data (ITU-R H.264, 7.3.2.7) in each picture up to the bit rate: the clips are
    drawn, and cost next to nothing."""
    with HouseCopy(path) as copy:
        label = copy.label
        whole = copy.read(range(label.frames), range(label.sounds))
        keys = [copy.key_before(n, 0) == n for n in range(label.frames)]
    size = round(kbps * 1000 / 8 / float(house_of(BENCH).rate))
    pictures = [p + b"\0\0\1\x0c" + b"\xff" * max(0, size - len(p) - 5) + b"\x80" for p in whole.pictures]
    groups = [n for n, key in enumerate(keys) if key] + [label.frames]
    heard = 0
    with CopyWriter(path) as writer:
        for first, last in pairwise(groups):
            share = round(label.sounds * last / label.frames)
            writer.add(
                list(zip(pictures[first:last], keys[first:last], strict=True)), whole.sounds[heard:share]
            )
            heard = share
        writer.finish(label)
    return path


async def measure(channels: int, seconds: float, kbps: int, state: Path) -> dict[str, Any]:
    """Air them all and look at the bill."""
    clock = StationClock()
    template = channel(0, kbps)
    copy = await asyncio.to_thread(padded, await conformed(CLIP, state, channel=template), kbps)
    path = str(await asyncio.to_thread(make, CLIPS[CLIP]))
    director = ProgramDirector(clock, machine(state), 1.0)
    now_us = clock.now_us()
    plans = {}
    for number in range(channels):
        of = channel(number, kbps)
        plans[ChannelId(of.channel)] = (of, programme(of, number, now_us, path, seconds + 60))
    director.apply(plans)
    await director.slate(house_of(template), "Bench")
    received = 0
    encoders = 0

    async def watch(id_: ChannelId) -> None:
        nonlocal received
        viewer = await director.tune(id_, Viewer("bench", "127.0.0.1:1"))
        try:
            async for chunk in viewer.transport_stream():
                received += len(chunk)
        finally:
            await viewer.close("seen enough")

    tasks = []
    for id_ in plans:
        tasks.append(asyncio.create_task(watch(id_)))
        await clock.wait(0.01)
    await clock.wait(8.0)  # until each has its lead
    encoders = max(encoders, len(children()))
    begun, cpu, before = clock.elapsed(), time.process_time(), received
    late: list[float] = []
    while clock.elapsed() - begun < seconds:
        asked = clock.elapsed()
        await clock.wait(0.1)
        late.append(clock.elapsed() - asked - 0.1)
        encoders = max(encoders, len(children()) if len(late) % 20 == 0 else 0)
    spent, lasted, bits = time.process_time() - cpu, clock.elapsed() - begun, 8 * (received - before)
    on_slate = sum(manager.detail != "" for manager in director.channels.values())
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await director.close("the bench is cleared")
    share = spent / lasted
    late.sort()
    return {
        "benchmark": "copies",
        "channels": channels,
        "kbps": round(bits / lasted / channels / 1000),
        "copy_mb": round(copy.stat().st_size / 1e6, 2),
        "seconds": round(lasted, 1),
        "cores": round(share, 3),
        "core_percent_per_channel": round(100 * share / channels, 3),
        "channels_per_core": int(channels / share),
        "target_on_two_cores": TARGET_ON_TWO_CORES,
        "loop_late_ms_p50": round(1000 * statistics.median(late), 1),
        "loop_late_ms_p99": round(1000 * late[int(0.99 * len(late))], 1),
        "slate": on_slate,
        "encoders": encoders,
        "rss_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
        "load": round(os.getloadavg()[0], 2),
    }


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--channels", type=int, default=TARGET_ON_TWO_CORES)
    parser.add_argument(
        "--seconds", type=float, default=20.0, help="to measure, once every channel has its lead"
    )
    parser.add_argument("--kbps", type=int, default=2000, help="of the picture")
    parser.add_argument("--json", action="store_true", help="only the line of JSON")
    args = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="retrovue-copies-") as scratch:
        result = asyncio.run(measure(args.channels, args.seconds, args.kbps, Path(scratch)))
    if not args.json:
        print(
            f"{result['channels']} channels of {result['kbps']} kbit/s, each with a viewer: "
            f"{result['cores']} cores, {result['core_percent_per_channel']} % of one a channel; "
            f"{result['channels_per_core']} "
            f"channels a core (target: {TARGET_ON_TWO_CORES} on two)\n"
            f"loop late by {result['loop_late_ms_p50']} ms (p99 {result['loop_late_ms_p99']}), on the slate "
            f"{result['slate']}, encoders {result['encoders']}, {result['rss_mb']} MB"
        )
    print(json.dumps(result))
    return 0


if __name__ == "__main__":
    sys.exit(main())
