"""Does everything air as loud as the station says? Judged by ffmpeg's ebur128 on what a viewer receives.

    python benchmarks/loudness.py [--seconds 16] [--json]

Files of four kinds (dense, speech, speech with a slamming door, speech with a far shot) are made at -35, -30,
-24, -18, -12 and -8 LUFS. A station ingests them, a channel airs one after the other, and ``retrovue
capture`` writes what it sends. Each must come to -24 LUFS ± 0.5, less what the ceiling forbids, which is
declared before; and no true peak may be over -2 dBTP. What can't be made so loud, its peaks being too far
away, is no row.

The last line is one line of JSON; ends with 1 when a row misses.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from fixtures.shorts_station import retrovue
from retrovue.library.catalog import Asset
from retrovue.library.lock import read_lock
from retrovue.library.loudness import CEILING_DBTP, Gain, gain_for
from tests.playout.inputs import loudness_of, run
from tests.tools.sounds import SOUNDS, at_loudness

LEVELS = (-35, -30, -24, -18, -12, -8)
TARGET = -24.0
WITHIN = 0.5
#: Left out at either end of a programme (seconds): a picture's length, and what the coder carries over.
EDGE_S = 0.1
START = datetime(2026, 6, 1, 10, tzinfo=UTC)

#: In place of the files' own row, until ingest has named them.
ANY = "chain: [{ episodes: { collection: sounds } }]"
STATION = """
station: levels
name: Levels
timezone: UTC
broadcast_day_start: "06:00"
grid: 15m
seed: 1
epoch: 2026-06-01
format:
  {{ raster: 360p, rate: "25", preset: ultrafast, video_kbps: 300, audio_kbps: 192, loudness: {target:g} }}
---
channel: one
number: "1"
name: One
plans: [all]
---
plan: all
zones: [{{ zone: All, window: 06:00-06:00, play: [row] }}]
---
program: row
breaks: none
{chain}
---
collection: sounds
source: {{ kind: filesystem, path: sounds }}
holds: shorts
"""


@dataclass(frozen=True, slots=True)
class Row:
    """One file, and how it aired."""

    kind: str
    made: float  #: LUFS, as ingest measured it
    peak: float  #: dBTP, likewise
    gain: Gain
    level: float  #: LUFS, as it aired
    aired_peak: float

    @property
    def hits(self) -> bool:
        return abs(self.level - TARGET + self.gain.shortfall_db) <= WITHIN and self.aired_peak <= CEILING_DBTP

    def __str__(self) -> str:
        limited = "limited" if self.gain.limited else ""
        short = f"{self.gain.shortfall_db:.1f}" if self.gain.shortfall_db else ""
        return (
            f"{self.kind:<7} {self.made:>6.1f} {self.peak:>6.1f} {self.gain.db:>+7.2f} {limited:<8} "
            f"{short:>5} {self.level:>7.1f} {self.aired_peak:>6.1f}  {'' if self.hits else 'MISSED'}"
        ).rstrip()


def make(folder: Path, seconds: float) -> dict[str, str]:
    """The files; name → kind."""
    folder.mkdir()
    made: dict[str, str] = {}
    for kind, sound in SOUNDS.items():
        samples = sound(seconds)
        for level in LEVELS:
            wav = folder / "made.wav"
            name = f"{kind} {-level} below.mkv"
            if at_loudness(wav, samples, level):
                run(
                    *("-f", "lavfi", "-i", f"color=gray:s=320x180:r=25:d={seconds}", "-i", str(wav)),
                    *("-c:v", "libx264", "-preset", "ultrafast", "-c:a", "flac", str(folder / name)),
                )
                made[name] = kind
            wav.unlink()
    return made


def aired(folder: Path, assets: Sequence[Asset], seconds: float) -> list[tuple[float, float]]:
    """Loudness and true peak of each as a viewer receives it."""
    nodes = ", ".join(f"{{ asset: {json.dumps(asset.id)} }}" for asset in assets)
    file = folder / "station.yaml"
    file.write_text(file.read_text().replace(ANY, f"chain: [{nodes}]"), encoding="utf-8")
    retrovue("check", folder, "--quiet")
    until = START + timedelta(seconds=seconds * len(assets))
    file = folder / "aired.mkv"
    retrovue(
        *("capture", "1", folder, "--from", START.isoformat(), "--to", until.isoformat()),
        *("--output", file, "--quiet"),
        state=folder / "state",
    )
    found = []
    for number in range(len(assets)):
        part = folder / "part.flac"
        begins = number * seconds + EDGE_S
        run(
            *("-ss", f"{begins}", "-t", f"{seconds - 2 * EDGE_S}", "-i", str(file)),
            *("-vn", "-c:a", "flac", str(part)),
        )
        found.append(loudness_of(part))
    return found


def main(argv: Sequence[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--seconds", type=float, default=16.0, help="length of each file")
    parser.add_argument("--json", action="store_true", help="nothing but the JSON line")
    args = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="retrovue-loudness-") as scratch:
        folder = Path(scratch) / "station"
        folder.mkdir()
        (folder / "station.yaml").write_text(STATION.format(target=TARGET, chain=ANY), encoding="utf-8")
        made = make(folder / "sounds", args.seconds)
        retrovue("ingest", folder, "--quiet", state=folder / "state")
        by_path = {asset.path: asset for asset in read_lock(folder).assets.values()}
        assets = [by_path[name] for name in made]
        rows = []
        for asset, (level, peak) in zip(assets, aired(folder, assets, args.seconds), strict=True):
            track = asset.audio[0]
            assert track.loudness is not None
            assert track.peak is not None
            gain = gain_for(track.loudness, track.peak, TARGET, track.lost)
            rows.append(Row(made[asset.path], track.loudness, track.peak, gain, level, peak))
    if not args.json:
        sys.stdout.write("kind      made   peak    gain          short   aired   peak\n")
        sys.stdout.writelines(f"{row}\n" for row in rows)
    off = [abs(row.level - TARGET + row.gain.shortfall_db) for row in rows]
    told = {
        "rows": len(rows),
        "missed": sum(not row.hits for row in rows),
        "furthest_off_lu": round(max(off), 2),
        "highest_peak_dbtp": max(row.aired_peak for row in rows),
        "declared_short": sum(row.gain.shortfall_db > 0 for row in rows),
    }
    sys.stdout.write(json.dumps(told) + "\n")
    return int(bool(told["missed"]))


if __name__ == "__main__":
    raise SystemExit(main())
