"""How long from asking for a channel to seeing it: cold tunes at random moments of a running station.

    python benchmarks/tune_in.py [--station FOLDER] [--tunes 20] [--house] [--json]

Each tune is cold: the channel's encoder is gone before the next begins. Two kinds of client ask in turn,
both the ffmpeg program: one that probes for half a second (as Kodi and set-top boxes are set up), and one
with ffmpeg's default probing, which wants five seconds of stream before it shows anything. Times count
from the request to the first byte and to the first *decoded* picture in the client's hands; the client
is started with the request, so its own start is in them. Without ``--station`` the station of shorts is
built in a temporary folder; its barcodes tell the programme from the slate. With ``--house`` every asset
is conformed first, so that channels copy; that no encoder runs then is part of the result.

The last line is one line of JSON.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from fixtures.media import barcode_layout as layout
from fixtures.media.barcode_layout import Code
from fixtures.shorts_station import build, conform
from retrovue.ffmpeg_binary import choose_ffmpeg
from tests.tools.broadcast import Broadcast, until
from tests.tools.capture import capture
from tests.tools.plan import newest_artefact, read_plan
from tests.tools.ts_analyser import TsAnalyser

#: What targets.md promises for a transcoded channel, seconds: (median, 95th percentile; None: not named).
TARGETS: dict[str, tuple[float | None, float | None]] = {
    "first byte": (0.4, None),
    "first picture, 0.5 s probe": (0.5, 1.2),
    "first picture, default probing": (1.5, 2.5),
    "first byte, later viewer": (None, 0.1),
}

#: And of one that copies.
HOUSE_TARGETS: dict[str, tuple[float | None, float | None]] = {
    "first byte": (None, 0.05),
    "first picture, 0.5 s probe": (None, 0.25),
    "first picture, default probing": (None, 0.3),
    "first byte, later viewer": (None, 0.1),
}

#: Client options by kind of client.
PROBES: dict[str, tuple[str, ...]] = {
    "0.5 s probe": ("-analyzeduration", "500000", "-probesize", "500000"),
    "default probing": (),
}

#: Pictures reach us as grey of this size.
WIDTH, HEIGHT = 320, 180


@dataclass(frozen=True, slots=True)
class Tune:
    """One tune, seconds."""

    client: str
    channel: str
    first_byte: float
    first_picture: float
    behind: float  #: station time minus the first picture's, when it had been decoded
    later_viewer: float  #: first byte of a second viewer, while the first watches
    slate: bool  #: was the first picture the slate's? (only known where pictures carry barcodes)
    encoders: int  #: ffmpegs at work when it was seen


def first_byte(url: str) -> float:
    """Request to first byte of a viewer that leaves at once."""
    start = time.monotonic()
    stream = capture(url, 3600)
    next(stream)
    took = time.monotonic() - start
    stream.close()
    return took


class Client:
    """ffmpeg decoding what a thread of ours takes off the wire, so that the first byte can be timed too."""

    def __init__(self, url: str, options: Sequence[str]) -> None:
        command = [
            *(choose_ffmpeg().path, "-v", "error", "-nostdin", *options, "-i", "pipe:0", "-map", "0:v:0"),
            *(
                "-vf",
                f"scale={WIDTH}:{HEIGHT},format=gray",
                "-f",
                "rawvideo",
                "-flush_packets",
                "1",
                "pipe:1",
            ),
        ]
        self.start = time.monotonic()
        self.first_byte = 0.0
        self.stamp: int | None = None  #: of the first picture sent, 90 kHz since the Unix epoch
        self._child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self._leave = threading.Event()
        self._thread = threading.Thread(target=self._feed, args=(url,), daemon=True)
        self._thread.start()

    def _feed(self, url: str) -> None:
        assert self._child.stdin is not None
        analyser = TsAnalyser()
        with contextlib.suppress(BrokenPipeError), contextlib.closing(capture(url, 3600)) as stream:
            for data, at in stream:
                if not self.first_byte:
                    self.first_byte = time.monotonic() - self.start
                if self.stamp is None:
                    analyser.feed(data, at)
                    self.stamp = analyser.report.first_pts
                if self._leave.is_set():
                    return
                self._child.stdin.write(data)
                self._child.stdin.flush()

    def picture(self) -> bytes:
        """The first decoded picture, luma only."""
        assert self._child.stdout is not None
        data = self._child.stdout.read(WIDTH * HEIGHT)
        if len(data) < WIDTH * HEIGHT:
            raise SystemExit("the client saw no picture")
        return data

    def close(self) -> None:
        self._leave.set()
        self._child.kill()
        self._child.communicate()
        self._thread.join(30)


def code_of(luma: bytes) -> Code | None:
    """The barcode of a grey picture."""
    for aspect in (16 / 9, 4 / 3):
        width = min(WIDTH, round(HEIGHT * aspect))
        points = layout.sample_points((WIDTH - width) // 2, 0, width, HEIGHT)
        if (code := layout.read(lambda x, y: luma[y * WIDTH + x], points)) is not None:
            return code
    return None


def tune(broadcast: Broadcast, number: str, client: str, slug: str) -> Tune:
    """One cold tune with one kind of client; ``slug`` of the channel when its media carry barcodes."""
    url = broadcast.url(number)
    watching = Client(url, PROBES[client])
    try:
        picture = watching.picture()
        took, now = time.monotonic() - watching.start, time.time()
        encoders = len(broadcast.ffmpegs())
        later = first_byte(url)
    finally:
        watching.close()
    assert watching.stamp is not None
    slate = False
    if slug and code_of(picture) is None:
        plan = read_plan(newest_artefact(broadcast.state), slug)
        planned = plan.at_tick(plan.tick_of(watching.stamp))
        slate = planned is not None and bool(planned.asset_id)
    behind = now - watching.stamp / 90000
    return Tune(client, number, watching.first_byte, took, behind, later, slate, encoders)


def quantile(values: Sequence[float], share: float) -> float:
    """The value that ``share`` of them do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, round(share * len(ordered) + 0.5) - 1))]


def off_air(broadcast: Broadcast) -> bool:
    """Has every channel gone off the air?"""
    status = broadcast.get_json("/now.json")
    assert isinstance(status, dict)
    return all(channel["health"] == "off air" for channel in status["channels"])


def summary(
    tunes: Sequence[Tune], targets: dict[str, tuple[float | None, float | None]]
) -> dict[str, dict[str, float | int | None]]:
    """Median, 95th percentile and maximum by what was measured, beside the targets."""
    series: dict[str, list[float]] = {
        "first byte": [t.first_byte for t in tunes],
        **{f"first picture, {c}": [t.first_picture for t in tunes if t.client == c] for c in PROBES},
        "first byte, later viewer": [t.later_viewer for t in tunes],
    }
    result: dict[str, dict[str, float | int | None]] = {}
    for name, values in series.items():
        if values:
            median, p95 = targets[name]
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
    parser.add_argument("--house", action="store_true", help="channels copy: conform every asset first")
    parser.add_argument("--state", type=Path, help="keep the state here (house copies are made once)")
    parser.add_argument("--json", action="store_true", help="only the line of JSON")
    args = parser.parse_args(argv)
    dice = random.Random(args.seed)
    tunes: list[Tune] = []
    with tempfile.TemporaryDirectory(prefix="retrovue-tune-in-") as scratch:
        folder = args.station or build(Path(scratch) / "shorts").folder
        state = args.state or Path(scratch) / "state"
        if args.house:
            conform(folder, state)
        with Broadcast(folder, state).start() as broadcast:
            lineup = broadcast.get_json("/lineup.json")
            assert isinstance(lineup, list)
            slugs = {} if args.station else {"5.1": "net", "5.2": "reel"}
            numbers = args.channel or [str(row["GuideNumber"]) for row in lineup]
            for n in range(args.tunes * len(PROBES)):
                client = list(PROBES)[n % len(PROBES)]
                number = numbers[n // len(PROBES) % len(numbers)]
                until(lambda: off_air(broadcast), 120, "the channel went off the air")
                time.sleep(dice.uniform(0.2, 3.0))
                took = tune(broadcast, number, client, slugs.get(number, ""))
                tunes.append(took)
                if not args.json:
                    print(
                        f"{number:>6}  {client:<16} first byte {took.first_byte:.3f} s, first picture "
                        f"{took.first_picture:.3f} s, {took.behind:+.3f} s behind station time, "
                        f"later viewer {took.later_viewer:.3f} s{', slate' if took.slate else ''}",
                        flush=True,
                    )
    result = summary(tunes, HOUSE_TARGETS if args.house else TARGETS)
    if not args.json:
        print(table(result))
        print(f"first pictures that were the slate: {sum(t.slate for t in tunes)} of {len(tunes)}")
        print(f"tunes that an encoder worked for: {sum(t.encoders > 0 for t in tunes)} of {len(tunes)}")
        print(f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    print(
        json.dumps(
            {
                "benchmark": "tune_in",
                "station": args.station.name if args.station else "shorts",
                "house": args.house,
                "with_encoder": sum(t.encoders > 0 for t in tunes),
                "load": round(os.getloadavg()[0], 2),
                "results": result,
                "client": choose_ffmpeg().version_text,
                "slate_first": sum(t.slate for t in tunes),
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
