"""Normalising: from whatever a file holds to a picture and a sound of the house; pure.

Filters only, in the order in which they must work: first what the picture is made of (fields to frames),
then when (the frame grid), then its shape, then its colours. What a file holds was found out when it was
ingested; here nothing is asked of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from retrovue.library.loudness import ATTACK_MS, OVERSAMPLED, RELEASE_MS, limiter_level
from retrovue.playout.house import HouseFormat
from retrovue.playout.ticks import SAMPLE_RATE

#: Brightness of a white page in HDR, and what graders seldom exceed (cd/m²; ITU-R BT.2408 and BT.2100).
_REFERENCE_WHITE, _PEAK_WHITE = 203, 1000
#: Up to this much of reference white a picture's brightness is kept; above, it is bent to fit.
_KNEE = 0.3
#: From BT.2020's primaries to BT.709's, in linear light (ITU-R BT.2087).
_BT2020_TO_BT709 = (
    *("rr", 1.6605, "rg", -0.5876, "rb", -0.0728),
    *("gr", -0.1246, "gg", 1.1329, "gb", -0.0083),
    *("br", -0.0182, "bg", -0.1006, "bb", 1.1187),
)


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
    """HDR (BT.2100, either transfer function) to SDR in BT.709's primaries.

    Reference white comes to 68 % of linear light, what is brighter is bent up to ``_PEAK_WHITE``.
    """
    peak = _PEAK_WHITE / _REFERENCE_WHITE
    if how.zscale:
        transfer = "smpte2084" if how.hdr == "pq" else "arib-std-b67"
        return (
            video.filter("format", "yuv444p10")
            .filter("zscale", tin=transfer, pin="bt2020", min="bt2020nc", t="linear", npl=_REFERENCE_WHITE)
            .filter("format", "gbrpf32")
            .filter("zscale", p="bt709")
            .filter("tonemap", "mobius", param=_KNEE, desat=0, peak=f"{peak:.4f}")
            .filter("zscale", t="bt709", m="bt709", r="tv")
            .filter("format", "yuv444p")
            .filter("scale", **_colours(house))
        )
    # The same by look-up tables, which every ffmpeg has: a little coarser in the shadows.
    linear = _linear_light(how.hdr)
    bent = _bent(f"(val/maxval*{peak:.4f})", peak)
    coded = f"(pow({bent},1/2.4)*maxval)"  # for a display as ITU-R BT.1886 has it, which zscale assumes, too
    matrix = dict(zip(_BT2020_TO_BT709[::2], _BT2020_TO_BT709[1::2], strict=True))
    return (
        video.filter("scale", in_color_matrix="bt2020")
        .filter("format", "gbrp16")
        .filter("lutrgb", **dict.fromkeys("rgb", linear))
        .filter("colorchannelmixer", **{str(name): value for name, value in matrix.items()})
        .filter("lutrgb", **dict.fromkeys("rgb", coded))
        .filter("scale", **_colours(house))
    )


def _linear_light(hdr: str) -> str:
    """An expression of ``val``: linear light, 1 at ``_PEAK_WHITE``."""
    if hdr == "pq":  # ITU-R BT.2100 table 4
        root = "pow(val/maxval,1/78.84375)"
        light = f"10*pow(max({root}-0.8359375,0)/(18.8515625-18.6875*{root}),1/0.1593017578125)"
    else:  # table 5: the inverse of the transfer function, then the system gamma of a 1000 cd/m² display
        low, high = "pow(val/maxval,2)/3", "(exp((val/maxval-0.55991073)/0.17883277)+0.28466892)/12"
        light = f"pow(if(lte(val/maxval,0.5),{low},{high}),1.2)"
    return f"(min({light},1)*maxval)"


def _bent(light: str, peak: float) -> str:
    """Möbius' curve, as the tonemap filter has it: straight up to the knee, 1 at ``peak``."""
    j = _KNEE
    a = -j * j * (peak - 1) / (j * j - 2 * j + peak)
    b = (j * j - 2 * j * peak + peak) / (peak - 1)
    scale = (b * b + 2 * b * j + j * j) / (b - a)
    return f"if(lte({light},{j}),{light},{scale:.6f}*({light}+{a:.6f})/({light}+{b:.6f}))"


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
