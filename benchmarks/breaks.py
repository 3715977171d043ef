"""How many breaks are found, and how much is taken for one that is none?

    python benchmarks/breaks.py [--films 6] [--json]

Films are made whose breaks are known, with lures between them: black with sound, silence with a picture, a
night scene, two black frames of a cut. Each is also made worse in the ways in which libraries are: coded as
a DVD is, grainy, with the hiss of a tape, interlaced, in bars, with a station's logo, dark, without sound.
Then the detection of ``retrovue breaks suggest`` looks at it. A break is found when a suggestion is within
one and a half frames of its middle.

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
from tests.library.broken_film import LAMPS, LURES, RATE, any_film, make_film
from tests.library.media import run

_H264 = ("-c:v", "libx264", "-preset", "ultrafast", "-crf", "20", "-pix_fmt", "yuv420p")
_FLAC = (*_H264, "-c:a", "flac")
_DVD = ("-c:v", "mpeg2video", "-b:v", "600k", "-c:a", "mp2", "-b:a", "96k")
_LOGO = "drawbox=76:4:18:15:white:fill"


@dataclass(frozen=True, slots=True)
class Condition:
    """How a film is made, and what is done to it then."""

    how: tuple[str, ...] = ()  #: what ffmpeg is told besides the film itself
    hiss: str = ""  #: noise that is mixed in: the options of anoisesrc
    sound: bool = True
    scene: str = "scene"  #: what its acts are made of, ...
    lures: tuple[str, ...] = LURES  #: ... and what lies within them; keys of ``broken_film``


CONDITIONS: dict[str, Condition] = {
    "as made": Condition(),
    "DVD: MPEG-2 at 600 kbit/s, MP2": Condition(_DVD),
    "grain": Condition(("-vf", "noise=alls=10:allf=t", *_FLAC)),
    "hiss with peaks of -54 dBFS": Condition(hiss="a=0.0012"),
    "hiss with peaks of -40 dBFS": Condition(hiss="a=0.0092"),
    "hiss with peaks of -35 dBFS": Condition(hiss="a=0.0164"),
    "hiss with peaks of -30 dBFS": Condition(hiss="a=0.0308"),
    "hiss with peaks of -20 dBFS": Condition(hiss="a=0.1"),
    "pink noise with peaks of -35 dBFS": Condition(hiss="a=0.0164:c=pink"),
    "talk with pauses": Condition(scene="talk"),
    "talk with pauses, hiss of -35 dBFS": Condition(hiss="a=0.0164", scene="talk"),
    "sparse talk, mostly pauses": Condition(scene="sparse talk"),
    "sparse talk, hiss of -35 dBFS": Condition(hiss="a=0.0164", scene="sparse talk"),
    "soft music over black": Condition(lures=(*LURES, "soft black")),
    "soft music over black, hiss of -30 dBFS": Condition(hiss="a=0.0308", lures=(*LURES, "soft black")),
    "interlaced": Condition(("-vf", "tinterlace=interleave_top,fps=25", "-flags", "+ilme+ildct", *_FLAC)),
    "letterboxed": Condition(("-vf", "pad=iw:ih*4/3:0:(oh-ih)/2", *_FLAC)),
    "a logo of 1 % of the picture": Condition(("-vf", "drawbox=84:4:8:8:white:fill", *_FLAC)),
    "a logo of 4 % of the picture": Condition(("-vf", _LOGO, *_FLAC)),
    "a logo of 6 % of the picture": Condition(("-vf", "drawbox=70:4:23:18:white:fill", *_FLAC)),
    "a logo of 15 % of the picture": Condition(("-vf", "drawbox=58:4:36:29:white:fill", *_FLAC)),
    "a logo of 4 %, half transparent": Condition(("-vf", _LOGO.replace("white", "white@0.4"), *_FLAC)),
    "a logo of 4 %, letterboxed": Condition(("-vf", f"pad=iw:ih*4/3:0:(oh-ih)/2,{_LOGO}", *_FLAC)),
    "lamps by night": Condition(lures=LAMPS),
    "lamps by night, a logo of 4 %": Condition(("-vf", _LOGO, *_FLAC), lures=LAMPS),
    "a dark film": Condition(scene="dim scene", lures=LAMPS),
    "a dark film, a logo of 4 %": Condition(("-vf", _LOGO, *_FLAC), scene="dim scene", lures=LAMPS),
    "DVD of a tape: a logo of 4 %, hiss of -35 dBFS": Condition(("-vf", _LOGO, *_DVD), "a=0.0164"),
    "without sound": Condition(sound=False),
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
            f"{self.condition:<48} {self.breaks:>6} {self.suggested:>9} {self.right:>5} "
            f"{self.precision:>9.2f} {self.recall:>6.2f}"
        )


def worsened(film: Path, condition: Condition) -> Path:
    """The film in that condition."""
    if not condition.how and not condition.hiss:
        return film
    other = film.with_name("worse.mkv")
    noise: tuple[str, ...] = ()
    if condition.hiss:
        mixed = "[0:a][1:a]amix=duration=first:normalize=0[a]"
        source = f"anoisesrc=r=48000:seed=2:{condition.hiss}"
        noise = ("-f", "lavfi", "-i", source, "-filter_complex", mixed, "-map", "0:v", "-map", "[a]")
    run("-i", f"file:{film}", *noise, *(condition.how or ("-c:v", "copy", "-c:a", "flac")), f"file:{other}")
    return other


def found_in(film: Path) -> list[float]:
    """Where breaks are suggested (seconds)."""
    asset = ProbeEnricher(ProbeSettings()).enrich(Asset("films", film.stem, path=film.name), film)
    seconds = detect(asset, film, margin_us=3 * SECOND_US, apart_us=2 * SECOND_US)
    return [one.at_us / SECOND_US for one in seconds]


def row(name: str, films: int) -> Row:
    """Every film in one condition."""
    condition = CONDITIONS[name]
    breaks = suggested = right = 0
    for seed in range(1, films + 1):
        with tempfile.TemporaryDirectory(prefix="retrovue-breaks-") as scratch:
            film = Path(scratch) / "film.mkv"
            planned = make_film(
                film, any_film(seed, scene=condition.scene, lures=condition.lures), condition.sound
            )
            found = found_in(worsened(film, condition))
        breaks += len(planned)
        suggested += len(found)
        right += sum(any(abs(f - p) <= 1.5 / RATE for f in found) for p in planned)
    return Row(name, breaks, suggested, right)


def main(argv: Sequence[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--films", type=int, default=6, help="how many in each condition")
    parser.add_argument("--json", action="store_true", help="nothing but the JSON line")
    args = parser.parse_args(argv)
    if not args.json:
        sys.stdout.write(f"{'films':<48} breaks suggested right precision recall\n")
    rows = []
    for name in CONDITIONS:
        rows.append(row(name, args.films))
        if not args.json:
            sys.stdout.write(f"{rows[-1]}\n")
            sys.stdout.flush()
    told = {r.condition: {"precision": round(r.precision, 3), "recall": round(r.recall, 3)} for r in rows}
    sys.stdout.write(json.dumps(told) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
