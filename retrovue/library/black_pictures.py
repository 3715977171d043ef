"""Where a picture is black, though a station's logo is burnt into it; pure.

Each picture comes as a few samples of its luma. It is black when hardly one is lit. A logo spoils that, and
so what never goes out is left out of the judgement: samples that are lit in nearly all pictures of the file
and also in nearly all dark moments of it. A lamp in a night scene is lit in that scene only.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator

import numpy
from numpy.typing import NDArray

from retrovue.library.break_marks import Span

#: So many samples a picture: width, height. Few, for one core reads many thousand pictures of a film.
SAMPLES = (48, 36)
#: A sample above this luma is lit: a tenth of the scale of 16 to 235.
LIT = 37
#: Up to this part of a picture may be lit in black: letters of a subtitle are more.
MOST_LIT = 0.02
#: No logo is larger than this part of the picture; what has more light in it isn't looked at twice.
MOST_LOGO = 0.12
#: A logo is lit in this part of all pictures, and of the dark ones of a moment, ...
_ALWAYS = 0.9
#: ... in so large a part of the dark moments: only before some breaks a station takes it away.
_MOMENTS = 0.75
#: So many pictures are compared at once.
_AT_ONCE = 1000

Flags = NDArray[numpy.bool_]
Numbers = NDArray[numpy.int64]


class Pictures:
    """All pictures of a file, one after the other; of bright ones nothing is kept but the time."""

    def __init__(self) -> None:
        self._at = array("q")
        self._often = numpy.zeros(SAMPLES[0] * SAMPLES[1], numpy.int64)  # how often each sample is lit
        self._dark = array("q")  # which pictures are dark, ...
        self._counts = array("q")  # ... how many samples of each are lit, ...
        self._lit = bytearray()  # ... and which, eight a byte

    def add(self, at_us: int, luma: bytes | memoryview) -> None:
        """The next picture, line by line."""
        lit = numpy.frombuffer(luma, numpy.uint8) > LIT
        count = int(numpy.count_nonzero(lit))
        if count <= MOST_LOGO * lit.size:
            self._dark.append(len(self._at))
            self._counts.append(count)
            self._lit += numpy.packbits(lit).tobytes()
        self._at.append(at_us)
        self._often += lit

    def blacks(self, duration_us: int, margin_us: int, moment_us: int) -> list[Span]:
        """In order. What is dark within one ``moment_us`` may be one scene. Nearer than ``margin_us`` to
        either end a logo isn't looked for: a recording begins before the programme does."""
        if not self._dark:
            return []
        at, dark = numpy.array(self._at, numpy.int64), numpy.array(self._dark, numpy.int64)
        counts = numpy.array(self._counts, numpy.int64)
        inside = (at[dark] >= margin_us) & (at[dark] <= duration_us - margin_us)
        # What is dark without a bright picture between is one moment, however long it lasts.
        begins = numpy.flatnonzero(numpy.diff(dark, prepend=-2) > 1)
        moments = numpy.repeat(at[dark][begins], numpy.diff(begins, append=dark.size)) // max(moment_us, 1)
        logo = self._logo(moments, inside)
        if logo is not None:
            beside = ~_wider(logo)
            for some, lit in self._lines():
                counts[some] = numpy.count_nonzero(lit[:, beside], axis=1)
        black = numpy.zeros(at.size, bool)
        black[dark] = counts <= MOST_LIT * self._often.size
        # Each black picture stays until the next one comes, the last to the end.
        ends = numpy.append(at[1:], max(duration_us, int(at[-1])))
        return [
            (min(max(int(at[first]), 0), duration_us), min(max(int(ends[last]), 0), duration_us))
            for first, last in runs(black)
        ]

    def _logo(self, moments: Numbers, inside: Flags) -> Flags | None:
        """Which samples a logo covers, judged by the dark pictures; ``None``: there is none."""
        different, which = numpy.unique(moments[inside], return_inverse=True)
        # One dark scene, with bright pictures in it, may lie on the border of two.
        if not different.size or different[-1] - different[0] < 2:
            return None
        number = numpy.full(moments.size, -1)
        number[inside] = which
        often = numpy.zeros((different.size, self._often.size), numpy.int32)
        for some, lit in self._lines():
            for n in numpy.unique(number[some][inside[some]]):
                often[n] += lit[number[some] == n].sum(axis=0, dtype=numpy.int32)
        votes = (often >= _ALWAYS * numpy.bincount(which)[:, None]).sum(axis=0)
        found: Flags = (votes >= _MOMENTS * different.size) & (self._often >= _ALWAYS * len(self._at))
        return found if found.any() else None

    def _lines(self) -> Iterator[tuple[slice, Flags]]:
        """What is lit in the dark pictures, a line each, some at a time: a night film's would fill memory."""
        size = self._often.size // 8
        packed = numpy.frombuffer(bytes(self._lit), numpy.uint8).reshape(-1, size)
        for first in range(0, len(packed), _AT_ONCE):
            some = slice(first, min(first + _AT_ONCE, len(packed)))
            yield some, numpy.unpackbits(packed[some], axis=1).astype(bool)


def runs(flags: Flags) -> list[tuple[int, int]]:
    """The first and the last of all that are set one after the other."""
    edges = numpy.diff(numpy.concatenate(([0], flags.astype(numpy.int8), [0])))
    firsts, behind = numpy.flatnonzero(edges == 1), numpy.flatnonzero(edges == -1)
    return [(int(first), int(last) - 1) for first, last in zip(firsts, behind, strict=True)]


def _wider(samples: Flags) -> Flags:
    """One sample more all round: the edge of a logo shimmers in a coded picture."""
    grid = numpy.pad(samples.reshape(SAMPLES[1], SAMPLES[0]), 1)
    rows = grid[:-2] | grid[1:-1] | grid[2:]
    wide: Flags = (rows[:, :-2] | rows[:, 1:-1] | rows[:, 2:]).reshape(-1)
    return wide
