"""A channel on the air for hours of station time, as fast as the machine can: does anything grow?

    python benchmarks/soak.py [--hours 8] [--no-copies] [--no-faults] [--json]

The station of shorts on the clock of captures (station time waits for pictures and for nobody else), with
the director, switcher, producers, multiplexer, fan-out and as-run journal of a serving station, one viewer,
and the playlog rolled every hour. Shows and most spots have house copies; bumpers, idents, boundaries and the
other spots cost an ffmpeg each, some hundred an hour; with ``--no-copies`` everything does.

Faults are injected: a file that is away when its time comes, and every child killed.

Each ten minutes of station time: memory, open files, children. One minute in ten goes through the analyser.
At the end the as-run log is reconciled with the plan: what is in a finding must be a fault that was injected.

The last line is one line of JSON.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import json
import logging
import os
import resource
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from fixtures.shorts_station import MEDIA, build
from retrovue.clock import RenderClock
from retrovue.compiler.model import Segment
from retrovue.ffmpeg_binary import choose_ffmpeg
from retrovue.library.adapters import settings_models
from retrovue.lineup import ChannelId, Viewer
from retrovue.playout import as_run_log
from retrovue.playout.capture import pictures
from retrovue.playout.director import ProgramDirector, house_of, machine_of
from retrovue.playout.errand import Errand, send
from retrovue.playout.programme import NO_CUT, OnAirProgramme, air
from retrovue.playout.reconcile import Finding, reconcile
from retrovue.playout.rundown import Rundown
from retrovue.playout.schedule_service import media_roots
from retrovue.playout.sources import house as house_source
from retrovue.state_dir import ARTEFACT_NAME
from retrovue.station.load import require_station
from retrovue.store.artefact import Artefact
from retrovue.stream.mpegts import CLOCK_HZ
from retrovue.units import HOUR_US, MINUTE_US, SECOND_US, from_us
from tests.tools.broadcast import descendants, open_files
from tests.tools.ts_analyser import TsAnalyser
from tests.tools.ts_report import Rules

DAY = "2026-11-26"
#: 10:00 in New York.
START_US = 1_795_705_200 * SECOND_US
CHANNEL = ChannelId("net")
#: What has a house copy: the shows, and all spots but the last two.
COPIED = (
    *(f"shows/Quick Diner/S01E0{number}" for number in (1, 2, 3)),
    *(f"spots/{Path(name).stem}" for name in MEDIA if name.startswith("spots/")),
)[:-2]

#: A file is away for this many spots an hour, and every child is killed this often.
MISSING_EVERY_US = 30 * MINUTE_US
KILL_EVERY_US = 20 * MINUTE_US
#: What a child makes is shown at most this long after: its own queue, and the lead.
KILLED_AHEAD_US = 90 * SECOND_US
SAMPLE_EVERY_US = 10 * MINUTE_US
JUDGED_US = MINUTE_US
#: Python's allocator and the disk cache of DuckDB settle in the first hour; after it, this much is growth.
GROWTH_MB = 8.0


@dataclass
class Sample:
    """What the process holds."""

    hours: float
    rss_mb: float
    files: int
    children: int


@dataclass
class Soak:
    """The run and what was seen of it."""

    hours: float
    faults: bool
    copies: bool
    folder: Path
    state: Path
    samples: list[Sample] = field(default_factory=list)
    missing: list[Segment] = field(default_factory=list)
    killed: int = 0
    killed_at: list[int] = field(default_factory=list)  #: station time shown when (µs)
    judged: int = 0
    ts_faults: dict[str, int] = field(default_factory=dict)
    seen: int = 0  #: pictures that the viewer got
    gaps: int = 0  #: of them, not one tick after the one before

    async def run(self) -> None:
        model = require_station(self.folder, settings_models())
        roots = media_roots(model, self.folder)
        end_us = START_US + round(self.hours * HOUR_US)
        with Artefact.open(self.state / ARTEFACT_NAME) as artefact:
            self.plan = artefact.segments(CHANNEL, START_US - HOUR_US, end_us + HOUR_US)
            self.hash = artefact.header.content_hash
            named = {segment.asset_id for segment in self.plan if segment.asset_id}
            self.assets = {asset_id: artefact.asset(asset_id) for asset_id in named}
        clock = RenderClock(from_us(START_US))
        machine = machine_of(choose_ffmpeg(), self.state)
        director = ProgramDirector(clock, machine, 0.0)
        cut = NO_CUT

        async def programme(now_us: int) -> OnAirProgramme:
            """Rolled as a serving station rolls it: by a process of its own."""
            nonlocal cut
            request = {
                "artefact": str(self.state / ARTEFACT_NAME), "folder": str(self.state / "playlog"),
                "now_us": now_us, "length_us": 3 * HOUR_US, "current": cut, "checks_us": (),
            }  # fmt: skip
            errand = Errand("retrovue.playout.roll", json.dumps(request).encode(), 600.0)
            _, packed = await send(errand, clock)
            rolled = air(Rundown(packed), roots)
            cut = rolled.cut
            return rolled

        first = await programme(START_US)
        director.apply({CHANNEL: first.channels[CHANNEL]})
        house = house_of(first.channels[CHANNEL][0])
        await director.slate(house, "Soak")
        manager = director.channels[CHANNEL]
        manager.tune_patience_s = 120.0
        signal_ = await director.tune(CHANNEL, Viewer("soak", ""))
        away: list[tuple[int, Path, Path]] = []  #: (until, file, where it is meanwhile)
        next_sample, next_roll, next_kill = START_US, START_US + HOUR_US, START_US + KILL_EVERY_US // 2
        next_missing = START_US + 7 * MINUTE_US
        analyser: TsAnalyser | None = None
        judged_to = 0
        last_pts: int | None = None
        step = 90_000 / house.rate
        async for data in signal_.transport_stream():
            with clock.held():
                now_us = clock.now_us()
                for _, pts in pictures(data, (last_pts or round(now_us * 9 / 100))):
                    self.seen += 1
                    if last_pts is not None and abs(pts - last_pts - step) > 2:
                        self.gaps += 1
                    last_pts = pts
                assert last_pts is not None
                shown_us = last_pts * SECOND_US // CLOCK_HZ
                if shown_us >= end_us:
                    break
                if analyser is not None:
                    analyser.feed(data)
                    if shown_us >= judged_to:
                        self._judge(analyser)
                        analyser = None
                if shown_us >= next_sample:
                    next_sample += SAMPLE_EVERY_US
                    self._sample(shown_us)
                    judged_to = shown_us + JUDGED_US
                    analyser = TsAnalyser(Rules(stall_buffer_s=None, from_start=False), wall=False)
                if shown_us >= next_roll:
                    next_roll += HOUR_US
                    director.apply({CHANNEL: (await programme(now_us)).channels[CHANNEL]})
                while away and away[0][0] <= shown_us:
                    _, file, there = away.pop(0)
                    there.rename(file)
                if self.faults and shown_us >= next_kill and self._kill(shown_us):
                    next_kill = shown_us + KILL_EVERY_US
                if self.faults and shown_us >= next_missing and not away:
                    next_missing += MISSING_EVERY_US
                    if (found := self._take_away(roots, shown_us)) is not None:
                        away.append(found)
        for _, file, there in away:
            there.rename(file)
        await signal_.close("it is enough")
        await director.close("it is enough")
        self._sample(end_us)

    def _sample(self, now_us: int) -> None:
        gc.collect()
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        made = Sample(
            round((now_us - START_US) / HOUR_US, 3),
            round(pages * resource.getpagesize() / 1e6, 1),
            len([f for f in open_files(os.getpid()) if not f.startswith("pipe:")]),
            len(descendants(os.getpid())),
        )
        self.samples.append(made)
        print(f"{made.hours:6.2f} h  {made.rss_mb:6.1f} MB  {made.files} files  {made.children} children",
              file=sys.stderr, flush=True)  # fmt: skip

    def _judge(self, analyser: TsAnalyser) -> None:
        self.judged += 1
        for kind, count in analyser.finish(complete=False).fault_counts.items():
            self.ts_faults[kind] = self.ts_faults.get(kind, 0) + count

    def _kill(self, now_us: int) -> bool:
        """Kill every ffmpeg; was there one? On this clock they end soon."""
        children = [child for child in descendants(os.getpid()) if child.is_ffmpeg]
        for child in children:
            with contextlib.suppress(ProcessLookupError):
                os.kill(child.pid, signal.SIGKILL)
        self.killed += len(children)
        self.killed_at += [now_us] * bool(children)
        return bool(children)

    def _take_away(self, roots: dict[str, Path], now_us: int) -> tuple[int, Path, Path] | None:
        """The file of a spot that nobody has opened yet is away until the spot is over."""
        for segment in self._planned(now_us + 60 * SECOND_US, now_us + 20 * MINUTE_US):
            asset = self.assets.get(segment.asset_id) if segment.kind == "ad" else None
            if asset is None or segment.start_us < now_us + 60 * SECOND_US:
                continue
            if self.copies and segment.asset_id in COPIED:
                continue  # its house copy airs, whatever becomes of the original
            until_us = segment.end_us + 2 * SECOND_US
            self.missing += [s for s in self._planned(now_us, until_us) if s.asset_id == segment.asset_id]
            file = roots[asset.collection] / asset.path
            there = file.with_suffix(".away")
            file.rename(there)
            return until_us, file, there
        return None

    def _planned(self, start_us: int, end_us: int) -> list[Segment]:
        return [s for s in self.plan if s.end_us > start_us and s.start_us < end_us]

    def unexpected(self, findings: Sequence[Finding]) -> list[Finding]:
        """Findings that no injected fault explains."""
        explained = {(s.broadcast_date, s.seq) for s in self.missing}
        return [f for f in findings if (f.segment_date, f.seq) not in explained and not self._by_kill(f)]

    def _by_kill(self, finding: Finding) -> bool:
        """A child that was killed near the end of a segment is not started again: the slate ends it. It was
        killed ahead of what is shown of it, by no more than what is rendered ahead."""
        return finding.cause == "ffmpeg ended with -9" and any(
            at - 10 * SECOND_US < finding.start_us < at + KILLED_AHEAD_US for at in self.killed_at
        )


def report(soak: Soak, cpu_s: float, wall_s: float) -> dict[str, Any]:
    """Everything that was measured."""
    records = as_run_log.read(soak.state / "as-run", [CHANNEL])
    result = reconcile(records, {soak.hash: soak.plan})
    unexpected = soak.unexpected(result.findings)
    settled = [s for s in soak.samples if s.hours >= min(1.0, soak.hours / 2)]
    # It goes up and down with each roll of the playlog: hours are compared, not moments.
    first, last = settled[: len(settled) // 7 + 1], settled[-(len(settled) // 7 + 1) :]
    growth = statistics.median(s.rss_mb for s in last) - statistics.median(s.rss_mb for s in first)
    files = soak.samples[-2].files - settled[0].files
    kinds = {r.kind for r in records}
    told = {(f.segment_date, f.seq) for f in result.findings}
    return {
        "benchmark": "soak",
        "hours": soak.hours,
        "pictures": soak.seen,
        "pictures_missing": soak.gaps,
        "joins": len({(r.segment_date, r.seq) for r in records}) - 1,
        "as_run_records": len(records),
        "as_run_ticks": {k: sum(r.ticks for r in records if r.kind == k) for k in sorted(kinds)},
        "as_planned_share": round(result.as_planned / max(1, result.ticks), 6),
        "findings": result.counts,
        "faults_injected": {"file away": len(soak.missing), "children killed": soak.killed},
        "injected_and_not_told": len({(s.broadcast_date, s.seq) for s in soak.missing} - told),
        "unexpected": [_in_words(f) for f in unexpected[:10]],
        "unexpected_count": len(unexpected),
        "rss_mb": [s.rss_mb for s in soak.samples],
        "rss_growth_mb": round(growth, 1),
        "open_files_growth": files,
        "ts_minutes_judged": soak.judged,
        "ts_faults": soak.ts_faults,
        "cpu_s": round(cpu_s, 1),
        "wall_s": round(wall_s, 1),
        "ok": not unexpected and not soak.ts_faults and not soak.gaps and files <= 0 and growth <= GROWTH_MB,
    }  # fmt: skip


def _in_words(finding: Finding) -> str:
    return f"{from_us(finding.start_us):%H:%M:%S} {finding.kind} {finding.planned}: {finding.cause}"


def prepare(*arguments: str | Path) -> None:
    """Run the command line, however long a busy machine takes."""
    subprocess.run([sys.executable, "-m", "retrovue", *map(str, arguments), "--quiet"], check=True, stdout=2)


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--hours", type=float, default=8.0, help="of station time; 8")
    parser.add_argument("--no-copies", action="store_true", help="no house copies: everything is encoded")
    parser.add_argument("--no-faults", action="store_true", help="inject none")
    parser.add_argument("--json", action="store_true", help="only the line of JSON")
    args = parser.parse_args(argv)
    logging.basicConfig(level=logging.ERROR)
    house_source.STALL_S = 30.0  # a machine that is busy encoding is no store that sleeps
    with tempfile.TemporaryDirectory(prefix="retrovue-soak-") as scratch:
        folder, state = Path(scratch) / "shorts", Path(scratch) / "state"
        build(folder)
        prepare("compile", folder, "--from", DAY, "--days", "1", "--state", state)
        if not args.no_copies:
            prepare("conform", *COPIED, "--station", folder, "--channel", "5.1", "--state", state)
        soak = Soak(args.hours, not args.no_faults, not args.no_copies, folder, state)
        began, before = time.monotonic(), _cpu()
        asyncio.run(soak.run())
        found = report(soak, _cpu() - before, time.monotonic() - began)
    if not args.json:
        for name, value in found.items():
            print(f"{name:24} {value}")
    print(json.dumps(found))
    return 0 if found["ok"] else 1


def _cpu() -> float:
    return sum(
        usage.ru_utime + usage.ru_stime
        for usage in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    )


if __name__ == "__main__":
    sys.exit(main())
