"""Where a file is silent, though a tape hisses under all of it; pure.

The level is measured over short windows. What is far down is silence in any file. Otherwise a file's noise
floor is the quietest level that it holds for as long as a break lasts; noise is steady, so that nothing is
heard below it, and the programme is well above. A file of which that isn't true has no floor, and nothing
in it is silent.
"""

from __future__ import annotations

import math
from array import array

import numpy
from numpy.typing import NDArray

from retrovue.library.black_pictures import runs
from retrovue.library.break_marks import Span
from retrovue.units import SECOND_US

#: A window (µs): short beside a break, long enough for the level of noise to be nearly the same in each.
WINDOW_US = 20_000
#: Samples a second of each of two channels.
RATE = 8000
_WINDOW = 2 * RATE * WINDOW_US // SECOND_US
#: Silent in any file (dBFS, of the sound from 200 Hz to 4 kHz).
SILENT_DB = -60.0
#: Never silent, whatever the rest of the file sounds like.
_HEARD_DB = -30.0
#: Noise varies, from window to window and along a tape: up to so much above its floor it is silence.
_ABOVE_DB = 4.0
#: A programme is so much louder than the floor; what isn't has no dips that can be told from it.
_CLEAR_DB = 10.0
#: This far below a floor of noise nothing is heard, but for a part of the windows so large.
_BELOW_DB, _RARELY = 6.0, 0.1
#: A tape may drop out: its floor must be reached so many times as often as what is silent in any file.
_OFTEN = 10
#: A level is held for so many windows: 160 ms.
_HELD = 8
#: Of digital silence.
_LOWEST_DB = -120.0

Levels = NDArray[numpy.float64]


class Windows:
    """The levels of a file's windows, one after the other."""

    def __init__(self) -> None:
        self._at, self._levels = array("q"), array("d")

    def add(self, at_us: int, samples: bytes | memoryview) -> None:
        """The next windows, as many as there are samples of: 16 bits, left and right in turns."""
        heard = numpy.frombuffer(samples, numpy.dtype("<i2")).astype(numpy.float64) / 32768
        firsts = numpy.arange(0, heard.size, _WINDOW)
        power = numpy.add.reduceat(heard**2, firsts) / numpy.diff(firsts, append=heard.size)
        self._levels.extend(10 * numpy.log10(numpy.maximum(power, 10 ** (_LOWEST_DB / 10))))
        for n in range(firsts.size):
            self._at.append(at_us + n * WINDOW_US)

    def silences(self, duration_us: int, margin_us: int) -> list[Span]:
        """In order. The floor is the programme's, not that of what is nearer than ``margin_us`` to an end."""
        at, levels = numpy.array(self._at, numpy.int64), numpy.array(self._levels)
        inside = (at >= margin_us) & (at <= duration_us - margin_us)
        return [
            (min(max(self._at[first], 0), duration_us), min(max(self._at[last] + WINDOW_US, 0), duration_us))
            for first, last in runs(levels <= threshold(levels[inside]))
        ]


def threshold(levels: Levels) -> float:
    """Up to this level (dBFS) a file is silent."""
    if levels.size < _HELD:
        return SILENT_DB
    held = numpy.lib.stride_tricks.sliding_window_view(levels, _HELD).max(axis=1)
    noisy = held[held > SILENT_DB]
    if not noisy.size:
        return SILENT_DB
    floor = float(noisy.min())
    found = floor + _ABOVE_DB
    loudness = 10 * math.log10(float(numpy.mean(10 ** (levels / 10))))
    if found > _HEARD_DB or loudness - floor < _CLEAR_DB:
        return SILENT_DB
    quiet = levels[(levels > SILENT_DB) & (levels <= found)]
    if numpy.count_nonzero(quiet < floor - _BELOW_DB) > _RARELY * quiet.size:
        return SILENT_DB
    if _OFTEN * len(runs(held <= SILENT_DB)) > len(runs((held > SILENT_DB) & (held <= found))):
        return SILENT_DB
    return found
