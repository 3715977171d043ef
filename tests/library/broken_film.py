"""Films whose breaks are known, and what is only like one; made by the real ffmpeg."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from random import Random

from tests.library.media import run

#: A piece of a film: its kind (a key of ``_PICTURES``) and how long it lasts (seconds).
Piece = tuple[str, float]
RATE = 25

_SCENE, _BLACK = "testsrc2=s=96x72:r={rate}:d={s}", "color=black:s=96x72:r={rate}:d={s}"
_DARK = "color=0x2a2a30:s=96x72:r={rate}:d={s}"
_DIM = _SCENE + ",lutyuv=y=16+(val-16)*0.13"
_LAMP = _BLACK + ",drawbox={x}:30:18:15:white:fill"
_TONE, _NOTHING = "sine=r=48000:d={s}", "anullsrc=r=48000:cl=mono:d={s}"
_HUM = "anoisesrc=r=48000:a=0.0008:seed=1:d={s}"
_SOFT = _TONE + ",volume=0.1"
_TALK = "aevalsrc=0.3*sin(2600*t)*max(0\\,0.5+sin(8*t)):s=48000:d={s}"
_SPARSE = _TALK.replace("0.5+", "")  # more than half of it is pauses
#: Kind → (picture, sound). Only the first three are breaks.
_PICTURES = {
    "break": (_BLACK, _NOTHING),
    "old break": (_BLACK + ",noise=alls=6:allf=t", _HUM),  # grain, and the hiss of a tape
    "break on white noise": (_BLACK, _HUM),
    "scene": (_SCENE, _TONE),
    "loud black": (_BLACK, _TONE),
    "quiet scene": (_SCENE, _NOTHING),
    "night scene": (_DARK, _NOTHING),
    "dim scene": (_DIM, _TONE),
    "talk": (_SCENE, _TALK),
    "sparse talk": (_SCENE, _SPARSE),
    "lamp": (_LAMP.replace("{x}", "8"), _NOTHING),
    "other lamp": (_LAMP.replace("{x}", "60"), _NOTHING),
    "soft black": (_BLACK, _SOFT),
}
BREAKS = ("break", "old break", "break on white noise")
LURES = ("loud black", "quiet scene", "night scene")
LAMPS = (*LURES, "lamp", "other lamp")


def make_film(path: Path, pieces: Sequence[Piece], sound: bool = True) -> list[float]:
    """The film; where its breaks are (seconds, the middle of each that is long enough to be one)."""
    inputs: list[str] = []
    for kind, seconds in pieces:
        picture, heard = (part.format(rate=RATE, s=f"{seconds:g}") for part in _PICTURES[kind])
        inputs += ["-f", "lavfi", "-i", picture, *(["-f", "lavfi", "-i", heard] if sound else [])]
    streams = "".join(f"[{2 * n}:v][{2 * n + 1}:a]" if sound else f"[{n}:v]" for n in range(len(pieces)))
    graph = f"{streams}concat=n={len(pieces)}:v=1:a={int(sound)}[v]{'[a]' if sound else ''}"
    path.parent.mkdir(parents=True, exist_ok=True)
    run(
        *inputs, "-filter_complex", graph, "-map", "[v]", *(["-map", "[a]"] if sound else []),
        "-c:v", "libx264", "-preset", "ultrafast", "-crf", "20", "-pix_fmt", "yuv420p", f"file:{path}",
    )  # fmt: skip
    marks, at = [], 0.0
    for kind, seconds in pieces:
        if kind in BREAKS and seconds >= 0.2:
            marks.append(at + seconds / 2)
        at += seconds
    return marks


def any_film(seed: int, acts: int = 5, scene: str = "scene", lures: Sequence[str] = LURES) -> list[Piece]:
    """Acts of some ten seconds with breaks between them, and lures within."""
    r = Random(seed)
    pieces: list[Piece] = [(scene, 4.0)]
    for _ in range(acts - 1):
        pieces.append((r.choice(BREAKS), r.randrange(6, 40) / RATE))
        pieces.append((scene, r.randrange(3, 5)))
        pieces.append((r.choice(lures), r.randrange(10, 40) / RATE))
        pieces.append((scene, r.randrange(2, 4)))
        pieces.append(("break", 2 / RATE))  # two black frames between two shots
        pieces.append((scene, 2.0))
    return [*pieces, (scene, 3.0)]
