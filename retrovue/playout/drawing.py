"""Drawing: what is laid over a picture, as ffmpeg filters; pure.

Places, cells and texts are expressions in ``n``, the number of the picture since the child's first tick, with
small numbers in them. They are made from station time (playout/graphics.py), so what they draw goes on
unmoved through a join or a restart.

A plate with one cell is one picture that the overlay filter keeps repeating: it is decoded, scaled into the
house's colours and converted once. A plate with several has them one below the other, and the cell is cut out
for each picture. All of it stays in 4:2:0: blending in RGB costs half an encoder (see the design's figures).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import ffmpeg

from retrovue.playout.house import HouseFormat

_LOCAL_ONLY = "file,pipe"


@dataclass(frozen=True, slots=True)
class Plate:
    """A picture to be drawn from SVG; its file is named by what it shows."""

    svg: str
    width: int  #: pixels
    height: int  #: of all cells together

    @property
    def name(self) -> str:
        digest = hashlib.sha256(f"{self.width}x{self.height}\n{self.svg}".encode("utf-8", "replace"))
        return f"plate-{digest.hexdigest()[:32]}.png"


@dataclass(frozen=True, slots=True)
class Span:
    """The pictures [start, end), counted from the child's first."""

    start: int
    end: int

    @property
    def expression(self) -> str:
        return f"between(n,{self.start},{self.end - 1})"


@dataclass(frozen=True, slots=True)
class Turn:
    """A plate that is turned once a second: to turn it for each picture would cost more than the encoder."""

    angle: str  #: radians; an expression in ``n``, the turns before it
    after: float  #: seconds from the child's first picture to the second turn; the first is there at once


@dataclass(frozen=True, slots=True)
class Element:
    """A plate somewhere in the picture."""

    plate: Plate
    x: str
    y: str
    span: Span | None = None  #: all the time when absent
    cells: int = 1  #: one below the other; all of the plate's width
    cell: str = "0"  #: which one is shown
    window: tuple[str, int] | None = None  #: shows only this much: top (expression), height in pixels
    turn: Turn | None = None  #: it turns about its middle


@dataclass(frozen=True, slots=True)
class Words:
    """A text of our own making that changes by itself: a clock, a countdown."""

    text: str  #: with drawtext's expansions in it
    font: str
    size: int
    colour: str
    x: str
    y: str
    alpha: str = "1"
    span: Span | None = None


@dataclass(frozen=True, slots=True)
class Drawing:
    """What lies over a picture, lowest first."""

    parts: tuple[Element | Words, ...] = ()
    folder: Path = Path()  #: of the plates' files

    @property
    def plates(self) -> tuple[Plate, ...]:
        found = (part.plate for part in self.parts if isinstance(part, Element))
        return tuple(dict.fromkeys(found))


NOTHING = Drawing()


def draw(video: Any, house: HouseFormat, drawing: Drawing) -> Any:
    """``video`` (in the house's raster and rate) with ``drawing`` over it."""
    if not drawing.parts:
        return video
    # Expressions count from the first picture, and plates are matched to pictures by time.
    video = video.filter("setpts", "PTS-STARTPTS")
    for _, parts in groupby(drawing.parts, _place):
        first, *more = parts
        if isinstance(first, Words):
            video = _words(video, first)
        else:
            video = _element(video, house, first, [e for e in more if isinstance(e, Element)], drawing)
    return video


def _place(part: Element | Words) -> object:
    """Hands of one clock lie on each other before they lie on the picture."""
    if isinstance(part, Words) or part.turn is None:
        return id(part)
    return part.x, part.y, part.plate.width, part.turn.after, part.span


def still(path: str, house: HouseFormat, *, alpha: bool, rate: str = "") -> Any:
    """The picture in the PNG file ``path``, once, in the house's colours."""
    # png_pipe and a protocol: whatever the file is called, it is a file's name and no pattern.
    source = ffmpeg.input(
        f"file:{path}",
        format="png_pipe",
        framerate=rate or _rate(house),
        threads=1,
        protocol_whitelist=_LOCAL_ONLY,
    )
    return source.video.filter(
        "scale", out_color_matrix="bt709" if house.hd else "bt601", out_range="tv", flags="fast_bilinear"
    ).filter("format", "yuva420p" if alpha else "yuv420p")


def without_end(video: Any, house: HouseFormat) -> Any:
    """One picture for as long as it is asked for, on the house's frame grid."""
    return video.filter("loop", loop=-1, size=1).filter("fps", fps=_rate(house)).filter("setsar", 1)


def _element(
    video: Any, house: HouseFormat, element: Element, above: Sequence[Element], drawing: Drawing
) -> Any:
    moving = element.cells > 1 or element.window is not None
    if element.turn is not None:
        picture = _turning(house, element, element.turn, drawing)
        for each in above:
            assert each.turn is not None
            hand = _turning(house, each, each.turn, drawing)
            picture = ffmpeg.filter([picture, hand], "overlay", format="yuv420")
    else:
        picture = still(str(drawing.folder / element.plate.name), house, alpha=True)
    if moving:
        picture = without_end(picture, house)
    height = element.plate.height // element.cells
    if element.window is not None:
        top, shown = element.window
        picture = picture.filter("crop", element.plate.width, shown, 0, top)
    elif element.cells > 1:
        picture = picture.filter("crop", element.plate.width, height, 0, f"{height}*({element.cell})")
    options: dict[str, Any] = {"x": element.x, "y": element.y, "format": "yuv420"}
    if moving or element.turn is not None:
        options["shortest"] = 1  # it would go on for ever
    if element.span is not None:
        options["enable"] = element.span.expression
    return ffmpeg.filter([video, picture], "overlay", **options)


def _turning(house: HouseFormat, element: Element, turn: Turn, drawing: Drawing) -> Any:
    """One picture a second; the first of them began before the child did."""
    picture = still(str(drawing.folder / element.plate.name), house, alpha=True, rate="1")
    return (
        picture.filter("loop", loop=-1, size=1)
        .filter("settb", "1/90000")
        .filter("setpts", f"(N-1+{turn.after:.6f})/TB")
        .filter("rotate", a=turn.angle, fillcolor="black@0")
    )


def _words(video: Any, words: Words) -> Any:
    options: dict[str, Any] = {
        "fontfile": words.font,
        "text": words.text,
        "fontsize": words.size,
        "fontcolor": words.colour,
        "x": words.x,
        "y": words.y,
    }
    if words.alpha != "1":
        options["alpha"] = words.alpha
    if words.span is not None:
        options["enable"] = words.span.expression
    return video.filter("drawtext", **options)


def _rate(house: HouseFormat) -> str:
    return f"{house.rate.numerator}/{house.rate.denominator}"
