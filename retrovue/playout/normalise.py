"""Normalising: from whatever a file holds to a picture and a sound of the house; pure.

Filters only, in the order in which they must work: first what the picture is made of (fields to frames),
then when (the frame grid), then its shape, then its colours.
"""

from __future__ import annotations

from typing import Any

from retrovue.playout.house import HouseFormat
from retrovue.playout.ticks import SAMPLE_RATE


def rate_of(house: HouseFormat) -> str:
    """The frame rate as ffmpeg reads it."""
    return f"{house.rate.numerator}/{house.rate.denominator}"


def picture(video: Any, house: HouseFormat, start_s: float, interlaced: bool) -> Any:
    """``video`` in the house's rate, raster and colours; its first frame is the one at ``start_s``."""
    if interlaced:
        video = video.filter("bwdif", mode="send_field" if house.rate > 30 else "send_frame")
    video = video.filter("fps", fps=rate_of(house), start_time=f"{start_s:.6f}", round="near")
    return _fit(video, house)


def sound(audio: Any, delay: int) -> Any:
    """``audio`` as stereo at 48 kHz behind ``delay`` samples of silence, and without end."""
    return (
        audio.filter("aresample", SAMPLE_RATE, **{"async": 1, "first_pts": 0})
        .filter("aformat", sample_fmts="fltp", channel_layouts="stereo")
        .filter("adelay", f"{delay}S", all=1)
        .filter("apad")
    )


def _fit(video: Any, house: HouseFormat) -> Any:
    """Scale by display aspect ratio into the raster, pillar- or letter-boxed."""
    w, h = house.width, house.height
    return (
        video.filter(
            "scale",
            w=f"if(gt(dar,{w}/{h}),{w},trunc({h}*dar/2)*2)",
            h=f"if(gt(dar,{w}/{h}),trunc({w}/dar/2)*2,{h})",
            out_color_matrix="bt709" if house.hd else "bt601",
            out_range="tv",
        )
        .filter("pad", w, h, "(ow-iw)/2", "(oh-ih)/2")
        .filter("setsar", 1)
        .filter("format", "yuv420p")
    )
