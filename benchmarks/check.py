"""How long ``retrovue check`` takes on a large station: 500 files of 30 lines, cold and from its cache.

    python -m benchmarks.check [--files 500] [--json]

Each figure is the whole command as its user meets it, a new process from start to end: cold, with an empty
cache; warm, with the cache that the run before left; edited, after one file has changed. The least of
``--runs`` is given: what is more is somebody else's work on the machine. CPU seconds, user and system, are
given beside the wall's, because they hardly hang on what else runs.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

#: Seconds, for 500 files of 30 lines.
TARGETS = {"cold": 3.0, "warm": 0.6}


def station(files: int) -> Iterator[tuple[str, str]]:
    """(name, text) of each file of a sound station; 30 lines each, but for the first."""
    programs = [f"show-{n:03}" for n in range(files * 6 // 10)]
    channels = max(1, files // 20)
    plans = files - 1 - len(programs) - channels
    yield (
        "station.yaml",
        "station: large\nname: Large\ntimezone: America/New_York\n---\n"
        "collection: shows\nsource: { kind: filesystem, path: media }\n---\n"
        "pool: spots\nspots: { collection: shows, tag: spot }\n",
    )
    for program in programs:
        yield f"programs/{program}.yaml", _program(program)
    for n in range(plans):
        yield f"plans/plan-{n:03}.yaml", _plan(n, programs)
    for n in range(channels):
        own = [f"plan-{m:03}" for m in range(plans) if m % channels == n]
        yield f"channels/channel-{n:03}.yaml", _channel(n, own)


def _program(slug: str) -> str:
    lines = [
        f"# {slug}: what airs and in what order",
        f"program: {slug}",
        f"title: The {slug.title()} Hour",
        "description: >-",
        "  Half an hour of it, every weekday, with the people that everybody",
        "  knows, in the place where they always are.",
        "categories: [Series, Comedy]",
        "rating: TV-PG",
        "mode: shuffle",
        'not_before: "06:00"',
        'not_after: "05:30"',
        "overlays: [bug, rating]",
        "traffic:",
        "  pools: [spots]",
        "  ads_per_hour: 14m",
        "  separation:",
        "    copy: 30m",
        "    advertiser: 15m",
        "chain:",
        "  - bumper: spots",
        "  - episodes:",
        "      collection: shows",
        f"      series: {slug}",
        "      any_tag: [comedy, drama]",
        "      year: 1980..1989",
        "      min_duration: 20m",
        "      max_duration: 25m",
        "      not: { tag: withdrawn }",
        "  - bumper: spots",
        "",
    ]
    return "\n".join(lines)


def _plan(number: int, programs: list[str]) -> str:
    def three(n: int) -> str:
        return ", ".join(programs[(number * 7 + n * 3 + k) % len(programs)] for k in range(3))

    lines = [f"plan: plan-{number:03}", "when:", "  days: mon-fri", f"priority: {number % 40}", "zones:"]
    windows = ("06:00-09:00", "09:00-12:00", "12:00-17:00", "17:00-20:00", "20:00-23:00", "23:00-06:00")
    for n, window in enumerate(windows):
        lines += [f"  - zone: Part {n}", f"    window: {window}", f"    play: [{three(n)}]"]
        if window == "20:00-23:00":
            lines += [
                "    at:",
                *(f'      "{hour}:00": {programs[number % len(programs)]}' for hour in (20, 21)),
            ]
            lines += ["    bleed: forbid", "    max_fill: 12m", "    breaks: none"]
    return "\n".join(lines) + "\n"


def _channel(number: int, plans: list[str]) -> str:
    lines = [
        f"channel: channel-{number:03}",
        f'number: "{number + 2}.1"',
        f"name: Channel {number}",
        "group: Large",
        "fallback: [spots]",
        "expect:",
        "  - nothing TV-MA before 21:00",
        "  - no ad twice within 30 min",
        "overlays: [bug]",
        "plans:",
        *(f"  - {plan}" for plan in plans),
    ]
    return "\n".join(lines) + "\n"


def measure(files: int, runs: int) -> dict[str, object]:
    """Seconds of ``retrovue check``, by the state of its cache."""
    with tempfile.TemporaryDirectory() as name:
        folder, cache = Path(name, "station"), Path(name, "cache")
        lines = 0
        for file, text in station(files):
            path = folder / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")
            lines += text.count("\n")
        (folder / "catalog.lock").mkdir()
        (folder / "catalog.lock" / "shows.jsonl").touch()
        times: dict[str, list[tuple[float, float]]] = {"cold": [], "warm": [], "edited": []}
        for run in range(runs):
            shutil.rmtree(cache, ignore_errors=True)
            times["cold"].append(_check(folder, cache))
            times["warm"].append(_check(folder, cache))
            with (folder / "plans" / "plan-000.yaml").open("a") as out:
                out.write(f"# {run}\n")
            times["edited"].append(_check(folder, cache))
    wall = {key: round(min(w for w, _ in values), 3) for key, values in times.items()}
    cpu = {key: round(min(c for _, c in values), 3) for key, values in times.items()}
    size = {"files": files, "lines": lines, "runs": runs}
    return {**size, "seconds": wall, "cpu_seconds": cpu, "targets": TARGETS}


def _check(folder: Path, cache: Path) -> tuple[float, float]:
    """Wall and CPU seconds of one command."""
    command = [sys.executable, "-m", "retrovue", "check", str(folder), "--format", "concise"]
    environment = {**os.environ, "XDG_CACHE_HOME": str(cache)}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # a program that is installed has its byte code
    before = os.times()
    begin = time.perf_counter()
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    wall = time.perf_counter() - begin
    after = os.times()
    if ran.returncode or ran.stdout:
        raise SystemExit(f"the station of the benchmark has mistakes:\n{ran.stdout[:2000]}{ran.stderr[:500]}")
    return wall, after[2] + after[3] - before[2] - before[3]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--files", type=int, default=500)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--json", action="store_true", help="one line of JSON")
    args = parser.parse_args()
    found = measure(args.files, args.runs)
    if args.json:
        print(json.dumps(found))
        return
    print(f"retrovue check, {found['files']} files, {found['lines']} lines, least of {found['runs']} runs")
    wall, cpu = found["seconds"], found["cpu_seconds"]
    assert isinstance(wall, dict)
    assert isinstance(cpu, dict)
    for key, seconds in wall.items():
        target = f"   target {TARGETS[key]} s" if key in TARGETS else ""
        print(f"  {key:7} {seconds:6.2f} s   CPU {cpu[key]:5.2f} s{target}")


if __name__ == "__main__":
    main()
