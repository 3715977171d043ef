"""The house format of a channel: what every access unit it sends has in common; pure values."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from retrovue.playout.ticks import TickGrid

#: Raster → (width, height); 16:9, both divisible by 2.
RASTERS: dict[str, tuple[int, int]] = {
    "360p": (640, 360),
    "480p": (854, 480),
    "576p": (1024, 576),
    "720p": (1280, 720),
    "1080p": (1920, 1080),
}


@dataclass(frozen=True, slots=True)
class HouseFormat:
    """H.264 High 4:2:0 progressive without B-frames, AAC-LC stereo 48 kHz."""

    raster: str
    rate: Fraction
    preset: str
    video_kbps: int
    audio_kbps: int

    @property
    def width(self) -> int:
        return RASTERS[self.raster][0]

    @property
    def height(self) -> int:
        return RASTERS[self.raster][1]

    @property
    def hd(self) -> bool:
        """720 lines or more."""
        return self.height >= 720

    @property
    def grid(self) -> TickGrid:
        return TickGrid(self.rate)

    @property
    def gop(self) -> int:
        """Ticks from IDR to IDR: half a second, so that a viewer joins at once."""
        return round(self.rate / 2)
