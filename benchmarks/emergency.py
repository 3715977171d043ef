"""An emergency on and off over four watched channels: how long to the wire, who was lost, what broke.

    python benchmarks/emergency.py [--rounds 5] [--mode takeover] [--json]

A real ``retrovue serve`` of four channels of shorts, four viewers, and orders over its control API. Each
round is on, a while, off. The time of an order is from the first byte of the request to the arrival of the
first packet of the first picture that shows it: the card has no barcode, the programme has one. With
``--mode crawl`` the programme goes on, barcode and all, and what tells is the band at the bottom of the
picture, where each asset has a brightness of its own without it. Each picture of the programme is compared
with the plan, frame by frame.

The last line is one line of JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
import urllib.request
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import av

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from fixtures.shorts_station import ShortsStation, build
from tests.tools.barcode_reader import Shown, read, unwrap
from tests.tools.broadcast import Broadcast, Recording, cpu_seconds, until
from tests.tools.plan import against_plan, newest_artefact
from tests.tools.ts_analyser import TsAnalyser
from tests.tools.ts_report import Rules
from tests.tools.ts_syntax import parse_pes

#: targets.md: on the wire, and no viewer dropped (seconds).
TARGET_S = 1.0
#: A band changes the brightness of the picture's bottom by more than this (of 255).
BAND = 12.0
NUMBERS = {"5.1": "net", "5.2": "reel", "5.3": "third", "5.4": "fourth"}
_PACKET, _VIDEO = 188, 0x100
_MORE = """
channel: {slug}
number: "{number}"
name: {slug}
plans: [{plan}]
fallback: [standby]
"""


def four_channels(folder: Path) -> ShortsStation:
    """The station of shorts with two more channels; its budget is none, for this is no test of it."""
    station = build(folder)
    for number, slug, plan in (("5.3", "third", "every-day"), ("5.4", "fourth", "reels")):
        text = _MORE.format(number=number, slug=slug, plan=plan)
        (folder / "channels" / f"{slug}.yaml").write_text(text, encoding="utf-8")
    main = folder / "station.yaml"
    main.write_text(main.read_text() + "encoders: { budget: 100 }\n", encoding="utf-8")
    return station


def order(broadcast: Broadcast, method: str, body: dict[str, Any]) -> float:
    """Give an order; Unix time at which it was begun."""
    token = (broadcast.state / "token").read_text().strip()
    request = urllib.request.Request(
        f"http://127.0.0.1:{broadcast.http_port}/api/v1/emergency",
        json.dumps(body).encode(),
        {"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
        method=method,
    )
    begun = time.time()
    with urllib.request.urlopen(request, timeout=30) as answer:
        answer.read()
    return begun


def arrivals(recording: Recording) -> list[tuple[int, float]]:
    """(PTS, Unix time at which it came) of every picture, in order of coming."""
    found = []
    rest = b""
    for data, at in recording.chunks:
        buffer = rest + data
        whole = len(buffer) - len(buffer) % _PACKET
        for start in range(0, whole, _PACKET):
            packet = buffer[start : start + _PACKET]
            pid = (packet[1] & 0x1F) << 8 | packet[2]
            if pid == _VIDEO and packet[1] & 0x40:
                offset = 5 + packet[4] if packet[3] & 0x20 else 4
                header = parse_pes(packet[offset:])
                if header.pts is not None:
                    found.append((header.pts, at))
        rest = buffer[whole:]
    return found


def banded(
    file: Path, shown: Sequence[Shown], before: float, came: Sequence[tuple[int, float]]
) -> dict[int, bool]:
    """PTS → is there a crawl's band; for assets that were seen ``before`` the first order (Unix time)."""
    strips: dict[int, float] = {}
    with av.open(str(file), "r", format="mpegts") as container:
        for frame in container.decode(video=0):
            if frame.pts is not None and frame.time_base is not None:
                luma = frame.to_ndarray(format="gray")
                height, width = luma.shape
                strip = luma[int(0.88 * height) : int(0.94 * height), width // 8 : -width // 8]
                strips[round(frame.pts * frame.time_base * 90_000)] = float(strip.mean())
    early = {pts for pts, at in came if at < before}
    plain: dict[int, float] = {}
    for s in shown:
        if s.code is not None and s.pts in early and s.pts in strips:
            plain.setdefault(s.code.asset, strips[s.pts])
    return {
        s.pts: abs(strips[s.pts] - plain[s.code.asset]) > BAND
        for s in shown
        if s.code is not None and s.pts in strips and s.code.asset in plain
    }


def delays(
    by_pts: Mapping[int, bool], came: Sequence[tuple[int, float]], orders: Sequence[tuple[float, bool]]
) -> list[float | None]:
    """For each order (Unix time, emergency wanted) the seconds until the first picture that shows it came;
    ``by_pts``: does it show one?"""
    cards = [(at, by_pts[pts]) for pts, at in came if pts in by_pts]
    times = [at for at, _ in cards]
    found: list[float | None] = []
    for begun, wanted in orders:
        first = bisect_right(times, begun)
        at = next((at for at, card in cards[first:] if card is wanted), None)
        found.append(None if at is None else at - begun)
    return found


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--rounds", type=int, default=5, help="emergencies, one after the other")
    parser.add_argument("--seconds", type=float, default=4.0, help="how long each is on, and off")
    parser.add_argument("--mode", choices=["takeover", "crawl"], default="takeover")
    parser.add_argument("--json", action="store_true", help="only the line of JSON")
    args = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="retrovue-emergency-") as scratch:
        station = four_channels(Path(scratch) / "shorts")
        with Broadcast(station.folder, Path(scratch) / "state").start() as broadcast:
            viewers = {number: Recording(broadcast.url(number)).start() for number in NUMBERS}
            for viewer in viewers.values():
                viewer.wait_first(60)
            time.sleep(8)  # everybody has the lead
            cpu = cpu_seconds(broadcast.pid)
            orders: list[tuple[float, bool]] = []
            encoders = []
            for _ in range(args.rounds):
                orders.append((order(broadcast, "POST", {"text": "Custard.", "mode": args.mode}), True))
                time.sleep(args.seconds)
                encoders.append(len(broadcast.ffmpegs()))
                orders.append((order(broadcast, "DELETE", {}), False))
                time.sleep(args.seconds)
            cpu = cpu_seconds(broadcast.pid) - cpu
            kept = sum(viewer.watching for viewer in viewers.values())
            faults, on, off, wrong, rows = 0, [], [], 0, []
            for number, viewer in viewers.items():
                viewer.leave()
                analyser = TsAnalyser(Rules(stall_buffer_s=None))
                for data, at in viewer.chunks:
                    analyser.feed(data, at)
                report = analyser.finish()
                file = Path(scratch) / f"{number}.ts"
                file.write_bytes(viewer.data)
                shown = read(file).shown
                came = arrivals(viewer)
                by_pts = (
                    banded(file, shown, orders[0][0], came)
                    if args.mode == "crawl"
                    else {s.pts: s.code is None for s in shown}
                )
                took = delays(by_pts, came, orders)
                on += [t for t in took[::2] if t is not None]
                off += [t for t in took[1::2] if t is not None]
                near = viewer.chunks[0][1]
                programme = [(unwrap(s.pts, near), s) for s in shown if s.code is not None]
                judged = against_plan(programme, newest_artefact(broadcast.state), NUMBERS[number], station)
                wrong += len(judged.wrong or [])
                faults += len(report.faults)
                rows.append((number, len(report.faults), len(judged.wrong or []), took))
            until(lambda: not broadcast.ffmpegs(), 30, "every encoder is gone")
    result = {
        "benchmark": "emergency",
        "mode": args.mode,
        "channels": len(NUMBERS),
        "rounds": args.rounds,
        "on_wire_s": {
            "median": round(statistics.median(on), 3),
            "max": round(max(on), 3),
            "orders": len(on),
            "target": TARGET_S,
        },
        "resumed_s": {"median": round(statistics.median(off), 3), "max": round(max(off), 3)},
        "viewers_kept": kept,
        "ts_faults": faults,
        "wrong_frames": wrong,
        "encoders_while_on": statistics.median(encoders),
        "cpu_s": round(cpu, 1),
        "load": round(os.getloadavg()[0], 2),
    }
    if not args.json:
        for number, broken, off_plan, took in rows:
            words = " ".join("–" if t is None else f"{t:.2f}" for t in took)
            print(f"{number}: {broken} faults, {off_plan} frames off the plan; on, off, …: {words} s")
    print(json.dumps(result))
    return 0


if __name__ == "__main__":
    sys.exit(main())
