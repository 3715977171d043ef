"""Ticks: the frame grid of a channel, and the endless audio grid beside it; pure.

A *tick* is a frame slot. Tick n of every channel of one rate begins at n/rate seconds after the Unix
epoch; its presentation time stamp is that instant in 90 kHz ticks. Nothing is ever counted from where
something else ended, so nothing drifts.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from retrovue.stream.mpegts import CLOCK_HZ
from retrovue.units import SECOND_US, round_div

SAMPLE_RATE = 48_000


@dataclass(frozen=True, slots=True)
class TickGrid:
    """Frame slots at ``rate`` frames per second."""

    rate: Fraction

    def start_us(self, tick: int) -> int:
        """Station time at which ``tick`` begins (µs since the Unix epoch, rounded half up)."""
        return round_div(tick * self.rate.denominator * SECOND_US, self.rate.numerator)

    def nearest(self, us: int) -> int:
        """The tick whose beginning is nearest to ``us``: how a boundary of the plan meets the grid."""
        return round_div(us * self.rate.numerator, self.rate.denominator * SECOND_US)

    def at(self, us: int) -> int:
        """The tick in whose slot ``us`` lies."""
        return us * self.rate.numerator // (self.rate.denominator * SECOND_US)

    def pts(self, tick: int) -> int:
        """90 kHz ticks since the Unix epoch, rounded half up, not wrapped."""
        return round_div(tick * self.rate.denominator * CLOCK_HZ, self.rate.numerator)

    def ticks(self, seconds: float) -> int:
        """How many whole ticks fit into ``seconds``."""
        return int(seconds * self.rate)


@dataclass(frozen=True, slots=True)
class AudioGrid:
    """The endless grid of audio frames: frame n begins n frames after the Unix epoch."""

    frame_samples: int  #: the codec's own: 1024 for AAC, 1536 for AC-3, 1152 for MP2

    @property
    def frame_pts(self) -> int:
        """90 kHz ticks of one frame; a whole number for each codec of the house."""
        return self.frame_samples * CLOCK_HZ // SAMPLE_RATE

    def nearest(self, pts: int) -> int:
        """The frame that begins nearest to ``pts``: at most half a frame off, never cumulative."""
        return round_div(pts, self.frame_pts)

    def at(self, pts: int) -> int:
        """The frame in which ``pts`` lies."""
        return pts // self.frame_pts

    def pts(self, frame: int) -> int:
        """90 kHz ticks since the Unix epoch at which ``frame`` begins."""
        return frame * self.frame_pts
