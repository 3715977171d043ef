"""What a channel sends, with everything filled in that its YAML leaves to the house; pure."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from retrovue.station.model import FrameRate, HouseFormat, StationModel

RATES = {
    FrameRate.FPS_25: "25/1",
    FrameRate.FPS_29_97: "30000/1001",
    FrameRate.FPS_30: "30/1",
    FrameRate.FPS_50: "50/1",
    FrameRate.FPS_59_94: "60000/1001",
}

#: kbit/s of H.264 at up to 30 frames per second, by raster. MPEG-2 needs twice as much.
_VIDEO_KBPS = {"360p": 1000, "480p": 2000, "576p": 2500, "720p": 4000, "1080p": 8000}
#: No tuner sends more: a channel of ATSC has 19.39 Mbit/s.
_MOST_KBPS = 18_000
_AUDIO_KBPS = {"aac": 128, "ac3": 192, "mp2": 192}


@dataclass(frozen=True, slots=True)
class FilledFormat:
    """A house format without gaps."""

    rate: str  #: "30000/1001"
    video_kbps: int
    audio_codec: str
    audio_kbps: int
    loudness: float | None  #: LUFS; None: sound is left as it is


def filled(house: HouseFormat) -> FilledFormat:
    """``house`` with the defaults that depend on its other values."""
    rate = Fraction(RATES[house.rate])
    video = _VIDEO_KBPS[house.raster] * (3 if rate > 30 else 2) * (2 if house.codec == "mpeg2" else 1) // 2
    audio_codec = house.audio_codec or ("ac3" if house.codec == "mpeg2" else "aac")
    return FilledFormat(
        RATES[house.rate],
        house.video_kbps or min(video, _MOST_KBPS),
        audio_codec,
        house.audio_kbps or _AUDIO_KBPS[audio_codec],
        None if isinstance(house.loudness, str) else float(house.loudness),
    )


def loudness_targets(model: StationModel) -> list[float]:
    """How loud the station's channels are (LUFS), each once."""
    houses = [channel.format or model.station.format for channel in model.channels]
    return sorted({target for house in houses if (target := filled(house).loudness) is not None})
