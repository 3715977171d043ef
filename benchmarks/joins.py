"""Watch a channel across its joins and judge the signal.

    python benchmarks/joins.py [--station FOLDER] [--channel 5.1] [--minutes 5] [--json]
    python benchmarks/joins.py --captured --minutes 240 [--house 2]

Prints the analyser's report and, where the media carries barcodes (the station of shorts, built when no
``--station`` is given), what was on the screen beside the plan and how far sound and picture were apart.
With ``--captured`` nobody waits for the time to pass: ``retrovue capture`` renders the minutes as fast as
this machine can, in pieces of a quarter of an hour, and they are judged the same way. ``--house 2`` conforms
every second asset first: copies, boundaries and children follow each other.

The last line is one line of JSON.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from fixtures.shorts_station import ShortsStation, build, conform, retrovue
from tests.tools.barcode_reader import Reading, read, unwrap
from tests.tools.broadcast import Broadcast, cpu_seconds
from tests.tools.capture import capture
from tests.tools.plan import against_plan, newest_artefact, read_plan
from tests.tools.ts_analyser import TsAnalyser
from tests.tools.ts_report import Rules

#: A/V skew that targets.md allows at any join, milliseconds.
SKEW_TARGET_MS = 20


def histogram(values: Sequence[float], width: float = 5.0) -> str:
    """Bars of ``width`` milliseconds."""
    bins = Counter(round(value / width) for value in values)
    if not bins:
        return "no burst was heard"
    most = max(bins.values())
    return "\n".join(
        f"{b * width:+7.1f} ms {bins[b]:5} {'█' * max(1, round(40 * bins[b] / most)) if bins[b] else ''}"
        for b in range(min(bins), max(bins) + 1)
    )


def skews(reading: Reading) -> list[float]:
    """One value a segment: the median over its bursts."""
    return [s.av_median_ms for s in reading.segments if s.av_median_ms is not None and len(s.av_ms) >= 2]


def screen_of(
    reading: Reading, near: float, artefact: Path, slug: str, station: ShortsStation
) -> dict[str, Any]:
    """How the screen agreed with the artefact."""
    result = against_plan([(unwrap(s.pts, near), s) for s in reading.shown], artefact, slug, station)
    return {
        "pictures": result.pictures,
        "as_planned": result.agree,
        "slate": result.slate,
        "same_rate": result.same_rate,
        "same_rate_exact": result.exact,
        "wrong": result.wrong,
    }


#: Length of a captured piece (minutes): a file that fits anywhere.
PIECE_MIN = 15.0


def captured(args: argparse.Namespace) -> int:
    """Joins by the thousand, faster than real time."""
    faults: Counter[str] = Counter()
    values: list[float] = []
    sums: Counter[str] = Counter()
    wrong: list[str] = []
    joins = 0
    seconds = 0.0
    stamp = datetime.now(UTC).replace(microsecond=0, second=0) + timedelta(minutes=1)
    with tempfile.TemporaryDirectory(prefix="retrovue-joins-") as scratch:
        shorts = build(Path(scratch) / "shorts")
        artefact, file = Path(scratch) / "artefact.duckdb", Path(scratch) / "piece.ts"
        state = Path(scratch) / "state"
        retrovue("compile", shorts.folder, "--as-of", stamp.isoformat(), "--output", artefact, "--quiet")
        slug = _slug(artefact, args.channel)
        plan = read_plan(artefact, slug)
        if args.house:
            conform(shorts.folder, state, args.house)
        began = time.monotonic()
        while seconds < args.minutes * 60:
            at = stamp + timedelta(seconds=seconds)
            length = min(PIECE_MIN * 60, args.minutes * 60 - seconds)
            command = [sys.executable, "-m", "retrovue", "capture", args.channel, str(shorts.folder)]
            command += ["--from", at.isoformat(), "--to", (at + timedelta(seconds=length)).isoformat()]
            command += ["--artefact", str(artefact), "--output", str(file), "--state", str(state), "--quiet"]
            subprocess.run(command, check=True)
            analyser = TsAnalyser(Rules(stall_buffer_s=None), wall=False)
            with file.open("rb") as piece:
                while data := piece.read(188 * 1000):
                    analyser.feed(data, 0.0)
            report, seen = analyser.finish(), read(file)
            faults.update(report.fault_counts)
            values += skews(seen)
            screen = screen_of(seen, at.timestamp(), artefact, slug, shorts)
            wrong += screen.pop("wrong")
            sums.update(screen)
            near = round(at.timestamp() * 90_000)
            first, last = plan.tick_of(near), plan.tick_of(near + round(length * 90_000))
            joins += sum(first < s.first_tick(plan.rate) < last for s in plan.segments)
            seconds += length
            print(f"{seconds / 60:6.0f} min  {joins} joins  {dict(faults)}  {dict(sums)}", file=sys.stderr)
        took = time.monotonic() - began
    if not args.json:
        print(f"A/V skew by segment (target: within ±{SKEW_TARGET_MS} ms)")
        print(histogram(values))
    ok = not faults and not wrong
    print(
        json.dumps(
            {
                "benchmark": "joins, captured",
                "channel": args.channel,
                "house": args.house,
                "seconds": round(seconds),
                "took_s": round(took),
                "joins": joins,
                "faults": dict(faults),
                "ok": ok,
                "skew_ms": _spread(values),
                "screen": {**sums, "wrong": wrong[:10]},
            }
        )
    )
    return 0 if ok else 1


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument(
        "--station", type=Path, help="station folder with its lock and media; default: shorts"
    )
    parser.add_argument("--channel", default="5.1", help="channel number")
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--save", type=Path, help="keep the capture in this file")
    parser.add_argument("--json", action="store_true", help="only the line of JSON")
    parser.add_argument(
        "--house", type=int, default=0, metavar="N", help="conform every Nth asset first; 1: all, 0: none"
    )
    parser.add_argument("--captured", action="store_true", help="faster than real time, shorts only")
    args = parser.parse_args(argv)
    if args.captured:
        return captured(args)
    analyser, near = TsAnalyser(), 0.0
    with tempfile.TemporaryDirectory(prefix="retrovue-joins-") as scratch:
        shorts = None if args.station else build(Path(scratch) / "shorts")
        folder = args.station or Path(scratch) / "shorts"
        file = args.save or Path(scratch) / "capture.ts"
        if args.house:
            conform(folder, Path(scratch) / "state", args.house)
        with Broadcast(folder, Path(scratch) / "state").start() as broadcast, file.open("wb") as keep:
            before = cpu_seconds(broadcast.pid)
            for data, at in capture(broadcast.url(args.channel), args.minutes * 60):
                near = near or at
                analyser.feed(data, at)
                keep.write(data)
            cpu = cpu_seconds(broadcast.pid) - before
            artefact = newest_artefact(broadcast.state)
            slug = _slug(artefact, args.channel)
            report = analyser.finish()
            plan = read_plan(artefact, slug)
            assert report.first_pts is not None
            assert report.last_pts is not None
            first, last = plan.tick_of(report.first_pts), plan.tick_of(report.last_pts)
            joins = sum(first < s.first_tick(plan.rate) <= last for s in plan.segments)
            seen = read(file) if shorts else None
            screen = screen_of(seen, near, artefact, slug, shorts) if seen and shorts else None
    values = skews(seen) if seen else []
    if not args.json:
        print(report.to_text())
        print(f"joins planned in it: {joins}; processor time of the station: {cpu:.1f} s")
        if seen is not None and screen is not None:
            print(seen.to_text())
            print(f"against the plan: {screen}")
            print(f"A/V skew by segment (target: within ±{SKEW_TARGET_MS} ms)")
            print(histogram(values))
    print(
        json.dumps(
            {
                "benchmark": "joins",
                "station": args.station.name if args.station else "shorts",
                "channel": args.channel,
                "house": args.house,
                "seconds": round(report.duration_s, 2),
                "joins": joins,
                "faults": report.fault_counts,
                "ok": report.ok,
                "stalls_1s": next((s.count for s in report.stalls if s.buffer_s == 1.0), None),
                "first_idr_behind_ms": report.first_idr_behind_ms,
                "drift_ms": report.drift_ms,
                "skew_ms": _spread(values),
                "screen": screen,
                "cpu_s": round(cpu, 1),
            }
        )
    )
    return 0 if report.ok else 1


def _slug(artefact: Path, number: str) -> str:
    import duckdb

    with duckdb.connect(str(artefact), read_only=True) as db:
        row = db.execute("SELECT channel FROM channel WHERE number = ?", [number]).fetchone()
    if row is None:
        raise SystemExit(f"no channel {number} in the station")
    return str(row[0])


def _spread(values: Sequence[float]) -> dict[str, float] | None:
    if not values:
        return None
    half = len(values) // 2
    trend = statistics.median(values[half:]) - statistics.median(values[:half]) if half else 0.0
    return {
        "least": round(min(values), 1),
        "median": round(statistics.median(values), 1),
        "most": round(max(values), 1),
        "trend": round(trend, 1),
        "target": SKEW_TARGET_MS,
    }


if __name__ == "__main__":
    sys.exit(main())
