"""Normalising: from whatever a file holds to a picture and a sound of the house; pure.

Filters only, in the order in which they must work: first what the picture is made of (fields to frames),
then when (the frame grid), then its shape, then its colours. What a file holds was found out when it was
ingested; here nothing is asked of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from retrovue.library.colours import to_sdr
from retrovue.library.loudness import ATTACK_MS, OVERSAMPLED, RELEASE_MS, limiter_level
from retrovue.playout.house import HouseFormat
from retrovue.playout.ticks import SAMPLE_RATE


@dataclass(frozen=True, slots=True)
class Burn:
    """Subtitles that are drawn into the picture: a stream of pictures, or a file of text."""

    stream: int = 0  #: which of the file's subtitle streams
    file: str = ""  #: absolute path of a text file; empty: the stream
    fonts: str = ""  #: folder of TrueType files
    font: str = ""  #: family


@dataclass(frozen=True, slots=True)
class Treatment:
    """How one file becomes a picture and a sound of the house."""

    fields: Literal["", "auto", "tff", "bff"] = ""  #: interlaced, and which field comes first
    picture_us: int = 0  #: the picture begins this long after the file
    fit: str = "letterbox"  #: station.model.Fit value
    matrix: str = ""  #: the colour matrix that the file forgot to name, as the scale filter calls it
    hdr: Literal["", "pq", "hlg"] = ""
    zscale: bool = False  #: has this ffmpeg zscale and tonemap, which are exact?
    audio: int = 0  #: which of the file's sound tracks
    gain_db: float = 0.0
    limit: bool = False  #: would the gain push peaks over the ceiling?
    burn: Burn | None = None


#: Of a file about which nothing is known.
PLAIN = Treatment()


def rate_of(house: HouseFormat) -> str:
    """The frame rate as ffmpeg reads it."""
    return f"{house.rate.numerator}/{house.rate.denominator}"


def picture(source: Any, house: HouseFormat, start_s: float, offset_s: float, how: Treatment) -> Any:
    """The picture of ``source`` in the house's rate, raster and colours.

    Its first frame is the one at ``start_s`` of what is read; ``offset_s`` is where in the file that is.
    """
    video = source["V:0"]  # no cover art
    if how.burn is not None and not how.burn.file:
        video = _with_pictures(video, source[f"s:{how.burn.stream}"])
    if how.fields:
        mode = "send_field" if house.rate > 30 else "send_frame"
        # A file that says of itself what it isn't is told: what the probe has seen counts.
        told = {} if how.fields == "auto" else {"parity": how.fields, "deint": "all"}
        video = video.filter("bwdif", mode=mode, **told)
    video = video.filter("fps", fps=rate_of(house), start_time=f"{start_s:.6f}", round="near")
    video = _fit(video, house, how)
    if how.burn is not None and how.burn.file:
        video = _with_text(video, house, how.burn, offset_s - start_s)
    return video


def sound(source: Any, delay: int, how: Treatment) -> Any:
    """The sound of ``source`` as stereo at 48 kHz behind ``delay`` samples of silence, and without end.

    Several channels are mixed as ATSC A/52 7.8.2 has it: centre and surround 3 dB lower, no low-frequency
    effects, all of it lowered so that nothing clips. The loudness was measured behind the same mix.
    """
    audio = (
        source[f"a:{how.audio}"]
        .filter("aresample", SAMPLE_RATE, **{"async": 1, "first_pts": 0})
        .filter("aformat", sample_fmts="fltp", channel_layouts="stereo")
    )
    if how.gain_db:
        audio = audio.filter("volume", f"{how.gain_db:.2f}dB")
    if how.limit:
        level, held = f"{limiter_level():.4f}", {"attack": ATTACK_MS, "release": RELEASE_MS}
        audio = (
            audio.filter("aresample", OVERSAMPLED * SAMPLE_RATE)
            .filter("alimiter", limit=level, **held, level=0, latency=1)
            .filter("aresample", SAMPLE_RATE)
            .filter("aformat", sample_fmts="fltp", channel_layouts="stereo")
        )
    return audio.filter("adelay", f"{delay}S", all=1).filter("apad")


def _fit(video: Any, house: HouseFormat, how: Treatment) -> Any:
    """Into the raster by display aspect ratio, and into the house's colours."""
    w, h = house.width, house.height
    wide = f"gt(dar,{w}/{h})"
    size: dict[str, Any]
    if how.fit == "stretch":
        size = {"w": w, "h": h}
    elif how.fit == "crop":
        size = {"w": f"if({wide},ceil({h}*dar/2)*2,{w})", "h": f"if({wide},{h},ceil({w}/dar/2)*2)"}
    else:
        size = {
            "w": f"if({wide},{w},max(2,trunc({h}*dar/2)*2))",
            "h": f"if({wide},max(2,trunc({w}/dar/2)*2),{h})",
        }
    if how.hdr:
        # Scaled first: to bend the brightness of a fraction of the pixels costs a fraction.
        video = _to_sdr(video.filter("scale", **size), house, how)
    else:
        told = {"in_color_matrix": how.matrix} if how.matrix else {}
        video = video.filter("scale", **size, **told, **_colours(house))
    video = video.filter("format", "yuv420p")
    if how.fit == "crop":
        video = video.filter("crop", w, h)
    elif how.fit != "stretch":
        video = video.filter("pad", w, h, "(ow-iw)/2", "(oh-ih)/2")
    return video.filter("setsar", 1)


def _colours(house: HouseFormat) -> dict[str, str]:
    return {"out_color_matrix": "bt709" if house.hd else "bt601", "out_range": "tv"}


def _to_sdr(video: Any, house: HouseFormat, how: Treatment) -> Any:
    for step in to_sdr(how.hdr, how.zscale) if how.hdr else ():
        video = video.filter(step.name, *step.words, **step.options)
    return video.filter("scale", **_colours(house))


def _with_pictures(video: Any, subtitles: Any) -> Any:
    """Subtitles of pictures (DVD, Blu-ray, DVB) lie on a canvas of the picture's own size."""
    # eof_action: where no subtitle is, or none any more, the picture goes on alone.
    return video.overlay(subtitles, eof_action="pass", x="(main_w-overlay_w)/2", y="main_h-overlay_h")


def _with_text(video: Any, house: HouseFormat, burn: Burn, ahead_s: float) -> Any:
    """Text is drawn onto the finished picture; its times count from the picture's own beginning."""
    return (
        video.filter("setpts", f"PTS+{ahead_s:.6f}/TB")
        .filter(
            "subtitles",
            filename=burn.file,
            fontsdir=burn.fonts,
            force_style=f"FontName={burn.font},Outline=1,MarginV=20",
            original_size=f"{house.width}x{house.height}",
        )
        .filter("setpts", f"PTS-{ahead_s:.6f}/TB")
    )
