"""How many channels a machine can encode at once, each with a viewer, and what more viewers cost.

    python benchmarks/channels.py [--raster 480p] [--preset veryfast] [--channels 4] [--viewers 1]
                                  [--seconds 30] [--json]
    python benchmarks/channels.py --suite

Each channel is encoded for itself from a source of 720p at its own place in time (a fractal that is zoomed
into, with a little grain, H.264 at about 4 Mbit/s), on a real clock. What each viewer was sent goes through
the analyser afterwards: TS faults, slate (while all came on, one a second and with no admission control, and
afterwards), and whether a client with a buffer of one second stood still. CPU seconds are those of this
process and of all encoders. ``--suite`` runs what targets.md names, and one channel with one viewer against
five.

The last line is one line of JSON.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from fractions import Fraction
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from fixtures.media.barcode import Clip, default_cache
from retrovue.clock import StationClock
from retrovue.compiler.model import CompiledChannel, Segment, SegmentKind
from retrovue.ffmpeg_binary import choose_ffmpeg
from retrovue.lineup import ChannelId, Viewer
from retrovue.playout.admission import SHARE, cost
from retrovue.playout.director import ProgramDirector, Programme, house_of
from retrovue.playout.playlog import Playlog
from retrovue.units import SECOND_US
from tests.playout.lab import BENCH, asset, children, machine
from tests.tools.ts_analyser import TsAnalyser
from tests.tools.ts_report import Rules

#: What targets.md names for two cores: (raster, preset) → channels at once.
TARGETS = {("480p", "ultrafast"): 6, ("480p", "veryfast"): 4, ("720p", "veryfast"): 2}
#: Five viewers may cost this much of what one costs.
TARGET_FIVE_VIEWERS = 1.05
SOURCE_S = 30
#: Between the joins of one channel (seconds).
SEGMENT_S = 20.0
KBPS = {"480p": 2000, "720p": 3500}


def source() -> Path:
    """Half a minute of 720p that is worth encoding; made once, which takes a minute."""
    path = default_cache() / "benchmark-channels-720p.mp4"
    if path.exists():
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(f".{os.getpid()}.mp4")
    command = [
        *(choose_ffmpeg().path, "-v", "error", "-nostdin", "-f", "lavfi"),
        *("-i", f"mandelbrot=size=1280x720:rate=30000/1001:end_scale=0.003:end_pts={SOURCE_S * 30}"),
        *("-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000", "-t", str(SOURCE_S)),
        *(
            "-vf",
            "noise=alls=6:allf=t,format=yuv420p",
            "-c:v",
            "libx264",
            "-preset",
            "veryfast",
            "-b:v",
            "4M",
        ),
        *("-maxrate", "6M", "-bufsize", "8M", "-c:a", "aac", "-b:a", "128k", "-ac", "2", str(draft)),
    ]
    subprocess.run(command, check=True)
    draft.replace(path)
    return path


def children_cpu_s() -> float:
    """User and system seconds of the encoders that live now."""
    ticks = 0
    for pid in children():
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def cpu_s() -> float:
    """User and system seconds of this process, of children that ended and of those that live."""
    t = os.times()
    return t.user + t.system + t.children_user + t.children_system + children_cpu_s()


@dataclass
class Watched:
    """What one viewer was sent: (bytes, Unix time)."""

    channel: str
    portions: list[tuple[bytes, float]] = field(default_factory=list)


def programme(of: CompiledChannel, number: int, now_us: int, path: str, seconds: float) -> Programme:
    """The source from another moment of it on each channel, joined anew each ``SEGMENT_S``."""
    length = round(SEGMENT_S * SECOND_US)
    at = now_us - number * 3_700_000 % length
    segments = [
        Segment(
            of.channel, date(2026, 1, 1), seq, at + seq * length, at + (seq + 1) * length,
            SegmentKind.PROGRAM, seq + 1, "bench/source", round(number * 1.3 % 9 * SECOND_US),
        )
        for seq in range(int(seconds / SEGMENT_S) + 3)
    ]  # fmt: skip
    found = asset("source", path, Clip(1, SOURCE_S * 30000 // 1001, Fraction(30000, 1001)))
    log = Playlog.align(segments, house_of(of).grid)
    return Programme("Bench", ZoneInfo("UTC"), {}, {found.id: found}.get, lambda a: a.path, log)


async def measure(
    raster: str, preset: str, channels: int, viewers: int, seconds: float, path: Path, state: Path
) -> dict[str, Any]:
    """Air them all, watch each with ``viewers``, and look at the bill."""
    clock = StationClock()
    template = replace(BENCH, raster=raster, preset=preset, video_kbps=KBPS[raster])
    director = ProgramDirector(clock, machine(state), 1.0)
    now_us = clock.now_us()
    plans = {}
    for number in range(channels):
        of = replace(template, channel=f"c{number}", number=f"{number + 1}.1", name=f"Channel {number}")
        plans[ChannelId(of.channel)] = (of, programme(of, number, now_us, str(path), seconds + 60))
    director.apply(plans)
    await director.slate(house_of(template), "Bench")
    watched: list[Watched] = []

    async def watch(id_: ChannelId, into: Watched) -> None:
        viewer = await director.tune(id_, Viewer("bench", "127.0.0.1:1"))
        try:
            async for chunk in viewer.transport_stream():
                into.portions.append((chunk, clock.now_us() / SECOND_US))
        finally:
            await viewer.close("seen enough")

    tasks = []
    for id_ in plans:
        for _ in range(viewers):
            watched.append(Watched(str(id_)))
            tasks.append(asyncio.create_task(watch(id_, watched[-1])))
        await clock.wait(1.0)
    await clock.wait(8.0)  # until each has its lead
    at_first = sum(m.slate_ticks for m in director.channels.values())
    begun, spent = clock.elapsed(), cpu_s()
    await clock.wait(seconds)
    lasted, spent = clock.elapsed() - begun, cpu_s() - spent
    slate = sum(m.slate_ticks for m in director.channels.values()) - at_first
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await director.close("the bench is cleared")
    reports = []
    for viewer in watched[::viewers]:
        analyser = TsAnalyser(Rules(rate=Fraction(30000, 1001)))
        for data, at in viewer.portions:
            analyser.feed(data, at)
        reports.append(analyser.finish())
    share = spent / lasted
    return {
        "raster": raster,
        "preset": preset,
        "channels": channels,
        "viewers": viewers,
        "seconds": round(lasted, 1),
        "cores": round(share, 3),
        "cores_a_channel": round(share / channels, 3),
        "admission_says": round(cost(house_of(template)), 3),
        "slate_at_first": at_first,
        "slate": slate,
        "faults": sum(f.count for r in reports for f in r.faults.values()),
        "stalled_s": round(sum(s.total_s for r in reports for s in r.stalls if s.buffer_s == 1.0), 3),
        "load": round(os.getloadavg()[0], 2),
    }


def table(rows: Sequence[dict[str, Any]]) -> str:
    """The rows for people."""
    lines = [
        "raster preset    channels viewers  cores a channel  admission  slate (at first)  TS faults stalled s"
    ]
    lines += [
        f"{r['raster']:6} {r['preset']:10} {r['channels']:8} {r['viewers']:7} {r['cores']:6.2f} "
        f"{r['cores_a_channel']:10.3f} {r['admission_says']:10.3f} {r['slate']:6} "
        f"{r['slate_at_first']:11} {r['faults']:10} {r['stalled_s']:10}"
        for r in rows
    ]
    return "\n".join(lines)


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--raster", default="480p", choices=sorted(KBPS))
    parser.add_argument("--preset", default="veryfast")
    parser.add_argument("--channels", type=int, default=4)
    parser.add_argument("--viewers", type=int, default=1, help="of each channel")
    parser.add_argument("--seconds", type=float, default=30.0, help="to measure, once each has its lead")
    parser.add_argument("--suite", action="store_true", help="every figure that has a target")
    parser.add_argument("--json", action="store_true", help="only the line of JSON")
    args = parser.parse_args(argv)
    if args.suite:
        runs = [(raster, preset, n, 1) for (raster, preset), n in TARGETS.items()]
        runs += [("480p", "veryfast", 1, viewers) for viewers in (1, 5, 1, 5)]
    else:
        runs = [(args.raster, args.preset, args.channels, args.viewers)]
    rows = []
    with tempfile.TemporaryDirectory(prefix="retrovue-channels-") as scratch:
        path = source()
        for number, (raster, preset, channels, viewers) in enumerate(runs):
            state = Path(scratch) / f"state-{number}"
            rows.append(asyncio.run(measure(raster, preset, channels, viewers, args.seconds, path, state)))
            if not args.json:
                print(table(rows[-1:]) if number == 0 else table(rows[-1:]).split("\n")[1], flush=True)
    result: dict[str, Any] = {"benchmark": "channels", "rows": rows, "budget_share": SHARE}
    if args.suite:
        one = [r["cores"] for r in rows[len(TARGETS) :] if r["viewers"] == 1]
        five = [r["cores"] for r in rows[len(TARGETS) :] if r["viewers"] == 5]
        result["five_viewers_against_one"] = round(sum(five) / sum(one), 3)
        result["target_five_viewers"] = TARGET_FIVE_VIEWERS
        if not args.json:
            print(f"five viewers cost {result['five_viewers_against_one']}× one (≤ {TARGET_FIVE_VIEWERS})")
    print(json.dumps(result))
    return 0


if __name__ == "__main__":
    sys.exit(main())
