"""The house format of a channel: what every access unit it sends has in common; pure values."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from retrovue.playout.ticks import AudioGrid, TickGrid
from retrovue.stream.codecs import AUDIO_CODECS, VIDEO_CODECS, AudioCodec, VideoCodec

#: Raster → (width, height); 16:9, both divisible by 2.
RASTERS: dict[str, tuple[int, int]] = {
    "360p": (640, 360),
    "480p": (854, 480),
    "576p": (1024, 576),
    "720p": (1280, 720),
    "1080p": (1920, 1080),
}

#: Rasters of MPEG-2's Main Level → the sample aspect ratio that makes 720 of their pixels 16:9.
_ANAMORPHIC = {"480p": "32:27", "576p": "64:45"}


@dataclass(frozen=True, slots=True)
class HouseFormat:
    """A progressive 4:2:0 picture without B-frames, and stereo sound at 48 kHz."""

    raster: str
    rate: Fraction
    preset: str
    video_kbps: int
    audio_kbps: int
    codec: str = "h264"  #: of the picture: stream.codecs.VIDEO_CODECS
    audio_codec: str = "aac"  #: stream.codecs.AUDIO_CODECS
    encoder: str = "libx264"  #: ffmpeg's word; the one that was chosen for this machine

    @property
    def width(self) -> int:
        return RASTERS[self.raster][0]

    @property
    def height(self) -> int:
        return RASTERS[self.raster][1]

    @property
    def coded_size(self) -> tuple[int, int]:
        """Width and height as coded. MPEG-2 in standard definition has 720 pixels in a line, as on a DVD:
        decoders of its Main Level know no more."""
        if self.codec == "mpeg2" and self.raster in _ANAMORPHIC:
            return 720, self.height
        return self.width, self.height

    @property
    def sar(self) -> str:
        """Sample aspect ratio as coded."""
        return _ANAMORPHIC.get(self.raster, "1:1") if self.codec == "mpeg2" else "1:1"

    @property
    def hd(self) -> bool:
        """720 lines or more."""
        return self.height >= 720

    @property
    def video(self) -> VideoCodec:
        return VIDEO_CODECS[self.codec]

    @property
    def audio(self) -> AudioCodec:
        return AUDIO_CODECS[self.audio_codec]

    @property
    def grid(self) -> TickGrid:
        return TickGrid(self.rate)

    @property
    def audio_grid(self) -> AudioGrid:
        return AudioGrid(self.audio.frame_samples)

    @property
    def gop(self) -> int:
        """Ticks from one picture to begin with to the next: half a second, so that a viewer joins at once."""
        return round(self.rate / 2)
