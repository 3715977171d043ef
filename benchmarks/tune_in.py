"""How long from asking for a channel to seeing it: cold tunes at random moments of a running station.

    python benchmarks/tune_in.py [--station FOLDER] [--tunes 20] [--json]

Each tune is cold: the channel's encoder is gone before the next begins. Two kinds of client ask in turn,
both libavformat: one that probes for half a second (as Kodi and the players in set-top boxes are set
up), and one with ffmpeg's default probing, which reads five seconds of stream before it shows anything.
Times count from the request to the first byte and to the first *decoded* picture in the client's hands,
the client's own work included. Without ``--station`` the station of shorts is built in a temporary folder.

The last line is one line of JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import av

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from fixtures.shorts_station import build
from tests.tools.broadcast import Broadcast, until
from tests.tools.capture import capture

#: What targets.md promises for a transcoded channel, seconds: (median, 95th percentile; None: not named).
TARGETS: dict[str, tuple[float | None, float | None]] = {
    "first byte": (0.4, None),
    "first picture, 0.5 s probe": (0.5, 1.2),
    "first picture, default probing": (1.5, 2.5),
    "first byte, later viewer": (None, 0.1),
}

#: Client options by kind of client.
PROBES: dict[str, dict[str, str]] = {
    "0.5 s probe": {"analyzeduration": "500000", "probesize": "500000"},
    "default probing": {},
}


@dataclass(frozen=True, slots=True)
class Tune:
    """One tune, seconds."""

    client: str
    channel: str
    first_byte: float
    first_picture: float
    behind: float  #: station time minus the first decoded picture's, when it was decoded
    later_viewer: float  #: first byte of a second viewer, while the first watches


def first_byte(url: str) -> float:
    """Request to first byte of a viewer that leaves at once."""
    start = time.monotonic()
    stream = capture(url, 3600)
    next(stream)
    took = time.monotonic() - start
    stream.close()
    return took


class _Tap:
    """A file for libavformat that notes when the first bytes came."""

    def __init__(self, url: str) -> None:
        self.start = time.monotonic()
        self.first: float | None = None
        self._stream = capture(url, 3600)
        self._held = b""

    def read(self, size: int) -> bytes:
        while not self._held:
            self._held, _ = next(self._stream, (b"", 0.0))
            if self.first is None:
                self.first = time.monotonic() - self.start
            if not self._held:
                return b""
        taken, self._held = self._held[:size], self._held[size:]
        return taken

    def close(self) -> None:
        self._stream.close()


def tune(broadcast: Broadcast, number: str, client: str) -> Tune:
    """One cold tune with one kind of client."""
    url = broadcast.url(number)
    tap = _Tap(url)
    try:
        with av.open(tap, format="mpegts", options=PROBES[client], buffer_size=32768) as container:
            assert isinstance(container, av.container.InputContainer)
            frame = next(container.decode(video=0))
            took = time.monotonic() - tap.start
            assert frame.pts is not None
            assert frame.time_base is not None
            stamp, wrap = frame.pts * float(frame.time_base), (1 << 33) / 90000
            behind = (time.time() - stamp + wrap / 2) % wrap - wrap / 2
            later = first_byte(url)
    finally:
        tap.close()
    assert tap.first is not None
    return Tune(client, number, tap.first, took, behind, later)


def quantile(values: Sequence[float], share: float) -> float:
    """The value that ``share`` of them do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, round(share * len(ordered) + 0.5) - 1))]


def summary(tunes: Sequence[Tune]) -> dict[str, dict[str, float | int | None]]:
    """Median, 95th percentile and maximum by what was measured, beside the targets."""
    series: dict[str, list[float]] = {
        "first byte": [t.first_byte for t in tunes],
        **{f"first picture, {c}": [t.first_picture for t in tunes if t.client == c] for c in PROBES},
        "first byte, later viewer": [t.later_viewer for t in tunes],
    }
    result: dict[str, dict[str, float | int | None]] = {}
    for name, values in series.items():
        if values:
            median, p95 = TARGETS[name]
            result[name] = {
                "tunes": len(values),
                "median_s": round(statistics.median(values), 3),
                "p95_s": round(quantile(values, 0.95), 3),
                "max_s": round(max(values), 3),
                "target_median_s": median,
                "target_p95_s": p95,
            }
    return result


def table(result: dict[str, dict[str, float | int | None]]) -> str:
    """For people."""

    def cell(value: float | int | None) -> str:
        return "–" if value is None else f"{value:.3f}"

    lines = [f"{'seconds':<32} {'tunes':>5} {'median':>8} {'p95':>8} {'max':>8}   target (median / p95)"]
    for name, row in result.items():
        verdict = ""
        for measured, target in (("median_s", "target_median_s"), ("p95_s", "target_p95_s")):
            value, limit = row[measured], row[target]
            if value is not None and limit is not None and value > limit:
                verdict = "  missed"
        lines.append(
            f"{name:<32} {row['tunes']:>5} {cell(row['median_s']):>8} {cell(row['p95_s']):>8} "
            f"{cell(row['max_s']):>8}   "
            f"{cell(row['target_median_s'])} / {cell(row['target_p95_s'])}{verdict}"
        )
    return "\n".join(lines)


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument(
        "--station", type=Path, help="station folder with its lock and media; default: shorts"
    )
    parser.add_argument("--tunes", type=int, default=20, help="cold tunes of each kind of client")
    parser.add_argument("--channel", action="append", help="channel number; may be given again; default: all")
    parser.add_argument("--seed", type=int, default=1, help="of the random pauses between tunes")
    parser.add_argument("--json", action="store_true", help="only the line of JSON")
    args = parser.parse_args(argv)
    dice = random.Random(args.seed)
    tunes: list[Tune] = []
    with tempfile.TemporaryDirectory(prefix="retrovue-tune-in-") as scratch:
        folder = args.station or build(Path(scratch) / "shorts").folder
        with Broadcast(folder, Path(scratch) / "state").start() as broadcast:
            lineup = broadcast.get_json("/lineup.json")
            assert isinstance(lineup, list)
            numbers = args.channel or [str(row["GuideNumber"]) for row in lineup]
            for n in range(args.tunes * len(PROBES)):
                client = list(PROBES)[n % len(PROBES)]
                number = numbers[n // len(PROBES) % len(numbers)]
                until(lambda: not broadcast.ffmpegs(), 120, "the channel went off the air")
                time.sleep(dice.uniform(0.2, 3.0))
                took = tune(broadcast, number, client)
                tunes.append(took)
                if not args.json:
                    print(
                        f"{number:>6}  {client:<16} first byte {took.first_byte:.3f} s, first picture "
                        f"{took.first_picture:.3f} s, {took.behind:+.3f} s behind station time, "
                        f"later viewer {took.later_viewer:.3f} s",
                        flush=True,
                    )
    result = summary(tunes)
    if not args.json:
        print(table(result))
        print(f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    print(
        json.dumps(
            {
                "benchmark": "tune_in",
                "station": args.station.name if args.station else "shorts",
                "load": round(os.getloadavg()[0], 2),
                "results": result,
                "behind_max_s": round(max(t.behind for t in tunes), 3),
                "tunes": [
                    {k: round(v, 4) if isinstance(v, float) else v for k, v in asdict(t).items()}
                    for t in tunes
                ],
            }
        )
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
