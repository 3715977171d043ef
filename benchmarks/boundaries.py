"""Half an hour across programme boundaries, by a tuner of each personality: does anything change on the wire?

    python benchmarks/boundaries.py [--minutes 30] [--speed 1] [--json]

One ``retrovue serve`` of the station of shorts with three tuners (``atsc``, ``dvbt``, ``cablecard``), each
with a channel of its own in the codecs of its family, two of which tell their breaks; station time passes
``--speed`` times as fast. Each channel is taken from its own tuner over HTTP and judged by the analyser: time
stamps without a gap, one PAT and PMT, no other PID, continuity counters, cue messages at pictures. The as-run
log says how many boundaries and joins there were, and how much slate.

Faster than real time everybody's patience is shorter by as much: on a busy machine a viewer may then be too
slow, and is moved on, which is a fault here.

The last line is one line of JSON.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from fixtures.shorts_station import retrovue, write
from retrovue.lineup import ChannelId
from retrovue.playout import as_run_log
from tests.tools.broadcast import Broadcast, clean_log, free_port
from tests.tools.capture import capture

FORMAT = '{{ raster: 360p, rate: "29.97", preset: ultrafast, video_kbps: 800, audio_kbps: {kbps}, {codecs} }}'


@dataclass(frozen=True, slots=True)
class Tuner:
    """A tuner and its only channel."""

    personality: str
    channel: str
    number: str
    codecs: str
    kbps: int
    cues: str


TUNERS = (
    Tuner("atsc", "net", "5.1", "codec: mpeg2, audio_codec: ac3", 96, "splice_insert"),
    Tuner("dvbt", "reel", "5.2", "codec: mpeg2, audio_codec: mp2", 96, "off"),
    Tuner("cablecard", "late", "5.3", "codec: h264, audio_codec: aac", 96, "time_signal"),
)


def station(folder: Path) -> dict[str, int]:
    """Write, ingest and check it; the HTTP ports of the further tuners by personality."""
    write(folder)
    (folder / "channels" / "late.yaml").write_text(
        'channel: late\nnumber: "5.3"\nname: Shorts Later\nsimulcast: net\ndelay: 5m\n', encoding="utf-8"
    )
    for tuner in TUNERS:
        file = folder / "channels" / f"{tuner.channel}.yaml"
        kept = [line for line in file.read_text().splitlines() if not line.startswith("cues:")]
        of = FORMAT.format(kbps=tuner.kbps, codecs=tuner.codecs)
        file.write_text("\n".join([*kept, f"format: {of}", f"cues: {tuner.cues}", ""]), encoding="utf-8")
    first, *further = TUNERS
    ports = {tuner.personality: free_port() for tuner in further}
    devices = ", ".join(
        f"{{ device: {t.personality}, name: {t.personality}, personality: {t.personality}, "
        f"channels: [{t.channel}], http_port: {ports[t.personality]} }}"
        for t in further
    )
    file = folder / "station.yaml"
    lines = [line for line in file.read_text().splitlines() if not line.startswith("tuner:")]
    said = (
        f"name: Shorts, personality: {first.personality}, channels: [{first.channel}], devices: [{devices}]"
    )
    file.write_text("\n".join([*lines, f"tuner: {{ {said} }}", ""]), encoding="utf-8")
    retrovue("ingest", folder, "--quiet")
    retrovue("check", folder, "--quiet")
    return ports


class Taken(threading.Thread):
    """A viewer that keeps what it gets."""

    def __init__(self, url: str, seconds: float, file: Path) -> None:
        super().__init__(daemon=True)
        self.url, self.seconds, self.file = url, seconds, file
        self.error = ""
        self.start()

    def run(self) -> None:
        try:
            with self.file.open("wb") as kept:
                for data, _ in capture(self.url, self.seconds, timeout=60):
                    kept.write(data)
        except OSError as error:
            self.error = f"{type(error).__name__}: {error}"


def judged(tuner: Tuner, taken: Taken, state: Path, minutes: float) -> dict[str, Any]:
    """What was seen of one tuner."""
    command = [sys.executable, "-m", "tests.tools.ts_analyser", str(taken.file), "--json"]
    root = Path(__file__).resolve().parent.parent
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=root)
    report = json.loads(done.stdout)
    records = as_run_log.read(state / "as-run", [ChannelId(tuner.channel)])
    boundaries = sum(a.event_id != b.event_id for a, b in pairwise(r for r in records if r.event_id))
    return {
        "personality": tuner.personality,
        "streams": report["streams"],
        "minutes": round(report["duration_s"] / 60, 2),
        "pictures": report["pictures"],
        "boundaries": boundaries,
        "joins": len({(r.segment_date, r.seq) for r in records}) - 1,
        "slate_ticks": sum(r.ticks for r in records if r.kind == "slate"),
        "cue_messages": len(report["cues"]),
        "pids": len(report["pids"]),
        "faults": report["fault_counts"],
        "error": taken.error,
        "ok": report["ok"] and not taken.error and report["duration_s"] >= minutes * 60 and boundaries > 0,
    }


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--minutes", type=float, default=30.0, help="of station time; 30")
    parser.add_argument("--speed", type=float, default=1.0, help="of station time against real time; 1")
    parser.add_argument("--json", action="store_true", help="only the line of JSON")
    args = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="retrovue-boundaries-") as scratch:
        folder, state = Path(scratch) / "shorts", Path(scratch) / "state"
        ports = station(folder)
        began = time.monotonic()
        with Broadcast(folder, state, "--speed", f"{args.speed:g}").start() as broadcast:
            seconds = (args.minutes * 60 + 10) / args.speed
            takers = []
            for tuner in TUNERS:
                port = ports.get(tuner.personality, broadcast.stream_port)
                url = f"http://127.0.0.1:{port}/auto/v{tuner.number}"
                takers.append(Taken(url, seconds, Path(scratch) / f"{tuner.personality}.ts"))
            for taker in takers:
                taker.join()
            broadcast.stop(60)
            bad = clean_log(broadcast.log())
        rows = [judged(t, taker, state, args.minutes) for t, taker in zip(TUNERS, takers, strict=True)]
        found = {
            "benchmark": "boundaries",
            "minutes": args.minutes,
            "speed": args.speed,
            "tuners": rows,
            "log": bad[:5],
            "wall_s": round(time.monotonic() - began, 1),
            "ok": all(row["ok"] for row in rows) and not bad,
        }
    if not args.json:
        for row in rows:
            print("  ".join(f"{name} {value}" for name, value in row.items()))
    print(json.dumps(found))
    return 0 if found["ok"] else 1


if __name__ == "__main__":
    sys.exit(main())
