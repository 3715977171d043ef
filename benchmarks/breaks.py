"""How many breaks are found, and how much is taken for one that is none?

    python benchmarks/breaks.py [--films 6] [--json]

Films are made whose breaks are known, with lures between them: black with sound, silence with a picture, a
night scene, two black frames of a cut. Each is also made worse in the ways in which libraries are: coded as
a DVD is, grainy, with the hiss of a tape, interlaced, in bars, with a station's logo, without sound. Then the
detection of ``retrovue breaks suggest`` looks at it. A break is found when a suggestion is within one and a
half frames of its middle.

    precision   of all suggestions, those that are breaks
    recall      of all breaks, those that are suggested

The last line is one line of JSON.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from retrovue.library.break_detection import detect
from retrovue.library.catalog import Asset
from retrovue.library.enrichers.probe import ProbeEnricher, ProbeSettings
from retrovue.units import SECOND_US
from tests.library.broken_film import RATE, any_film, make_film
from tests.library.media import run

_H264 = ("-c:v", "libx264", "-preset", "ultrafast", "-crf", "20", "-pix_fmt", "yuv420p")
_HISS = "anoisesrc=r=48000:a={level}:seed=2"

#: Condition → what ffmpeg is told besides the film itself; {hiss}: a second input is mixed in so loud.
WORSE: dict[str, tuple[str, ...] | None] = {
    "as made": None,
    "DVD: MPEG-2 at 600 kbit/s, MP2": ("-c:v", "mpeg2video", "-b:v", "600k", "-c:a", "mp2", "-b:a", "96k"),
    "grain": ("-vf", "noise=alls=10:allf=t", *_H264, "-c:a", "flac"),
    "hiss with peaks of -54 dBFS": ("hiss", "0.0012"),
    "hiss with peaks of -40 dBFS": ("hiss", "0.0092"),
    "interlaced": (
        "-vf",
        "tinterlace=interleave_top,fps=25",
        *_H264,
        "-flags",
        "+ilme+ildct",
        "-c:a",
        "flac",
    ),
    "letterboxed": ("-vf", "pad=iw:ih*4/3:0:(oh-ih)/2", *_H264, "-c:a", "flac"),
    "a logo of 1 % of the picture": ("-vf", "drawbox=84:4:8:8:white:fill", *_H264, "-c:a", "flac"),
    "a logo of 4 % of the picture": ("-vf", "drawbox=76:4:18:15:white:fill", *_H264, "-c:a", "flac"),
    "without sound": (),
}


@dataclass(frozen=True, slots=True)
class Row:
    """What was found of all films in one condition."""

    condition: str
    breaks: int
    suggested: int
    right: int

    @property
    def precision(self) -> float:
        return self.right / self.suggested if self.suggested else 1.0

    @property
    def recall(self) -> float:
        return self.right / self.breaks if self.breaks else 1.0

    def __str__(self) -> str:
        return (
            f"{self.condition:<34} {self.breaks:>6} {self.suggested:>9} {self.right:>5} "
            f"{self.precision:>9.2f} {self.recall:>6.2f}"
        )


def worsened(film: Path, how: tuple[str, ...] | None) -> Path:
    """The film in a condition of ``WORSE``."""
    if how is None or not how:
        return film
    other = film.with_name("worse.mkv")
    if how[0] == "hiss":
        mixed = (
            "-filter_complex",
            "[0:a][1:a]amix=duration=first:normalize=0[a]",
            "-map",
            "0:v",
            "-map",
            "[a]",
        )
        hiss = ("-f", "lavfi", "-i", _HISS.format(level=how[1]))
        run("-i", f"file:{film}", *hiss, *mixed, "-c:v", "copy", "-c:a", "flac", f"file:{other}")
    else:
        run("-i", f"file:{film}", *how, f"file:{other}")
    return other


def found_in(film: Path) -> list[float]:
    """Where breaks are suggested (seconds)."""
    asset = ProbeEnricher(ProbeSettings()).enrich(Asset("films", film.stem, path=film.name), film)
    seconds = detect(asset, film, margin_us=3 * SECOND_US, apart_us=2 * SECOND_US)
    return [one.at_us / SECOND_US for one in seconds]


def row(condition: str, films: int) -> Row:
    """Every film in one condition."""
    how = WORSE[condition]
    breaks = suggested = right = 0
    for seed in range(1, films + 1):
        with tempfile.TemporaryDirectory(prefix="retrovue-breaks-") as scratch:
            film = Path(scratch) / "film.mkv"
            planned = make_film(film, any_film(seed), sound=how != ())
            found = found_in(worsened(film, how))
        breaks += len(planned)
        suggested += len(found)
        right += sum(any(abs(f - p) <= 1.5 / RATE for f in found) for p in planned)
    return Row(condition, breaks, suggested, right)


def main(argv: Sequence[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--films", type=int, default=6, help="how many in each condition")
    parser.add_argument("--json", action="store_true", help="nothing but the JSON line")
    args = parser.parse_args(argv)
    if not args.json:
        sys.stdout.write(f"{'films':<34} breaks suggested right precision recall\n")
    rows = []
    for condition in WORSE:
        rows.append(row(condition, args.films))
        if not args.json:
            sys.stdout.write(f"{rows[-1]}\n")
            sys.stdout.flush()
    told = {r.condition: {"precision": round(r.precision, 3), "recall": round(r.recall, 3)} for r in rows}
    sys.stdout.write(json.dumps(told) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
