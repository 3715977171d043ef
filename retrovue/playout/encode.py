"""Encoding: the house format as ffmpeg's output options; pure.

Whatever the encoder, its stream has no B-frames and a fixed GOP that begins with a picture of its own and
with everything a decoder is set up from: any frame may be the last one before a join, PTS equals DTS, and
every child of a channel writes the same parameter sets. An H.264 access unit begins with a delimiter, so
a stream is cut without parsing slices.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any

import ffmpeg

from retrovue.playout.house import HouseFormat
from retrovue.playout.ticks import SAMPLE_RATE

#: ultrafast would switch off CABAC and 8x8 transforms: one set of SPS and PPS for all presets.
_X264 = "aud=1:weightp=1:cabac=1:8x8dct=1:force-cfr=1"
#: Said by the encoder, not taken from the source, whose description would otherwise change the SPS at a
#: join (ffmpeg 7 and newer pass it on). SD is SMPTE 170M, HD is ITU-R BT.709, as broadcasters have it.
_COLOUR_SD = ":range=tv:colorprim=smpte170m:transfer=smpte170m:colormatrix=smpte170m:chromaloc=0"
_COLOUR_HD = ":range=tv:colorprim=bt709:transfer=bt709:colormatrix=bt709:chromaloc=0"

#: Largest buffer of MPEG-2's Main Level (ISO/IEC 13818-2, table 8-14), kbit.
_MAIN_LEVEL_KBIT = 1792


def video(picture: Any, house: HouseFormat, descriptor: int, keys: Sequence[int] = ()) -> Any:
    """``picture`` as bare access units into pipe ``descriptor``; one can begin at frames ``keys``, too."""
    width, height = house.coded_size
    if (width, height) != (house.width, house.height):
        picture = picture.filter("scale", width, height).filter("setsar", house.sar.replace(":", "/"))
    rate = f"{house.video_kbps}k"
    common: dict[str, Any] = {
        "format": house.video.muxer,
        "fps_mode": "passthrough",
        "c:v": house.encoder,
        "bf": 0,
        "g": house.gop,
        "b:v": rate,
        "maxrate": rate,
        "bufsize": rate,
        "flush_packets": 1,
        **_forced(keys, house),
    }
    return ffmpeg.output(picture, f"pipe:{descriptor}", **common | _ENCODERS[house.encoder](house))


def audio(sound: Any, house: HouseFormat, descriptor: int) -> Any:
    """``sound`` as bare frames into pipe ``descriptor``."""
    return ffmpeg.output(
        sound,
        f"pipe:{descriptor}",
        **{
            "format": house.audio.muxer,
            "c:a": house.audio.name,
            "b:a": f"{house.audio.bit_rate(house.audio_kbps)}k",
            "ar": SAMPLE_RATE,
            "ac": 2,
            "flush_packets": 1,
        },
    )


def _forced(keys: Sequence[int], house: HouseFormat) -> Mapping[str, str]:
    """The first frame at or after each instant is forced: name one a quarter of a frame early."""
    if not keys:
        return {}
    instants = (max(0.0, float((key - Fraction(1, 4)) / house.rate)) for key in keys)
    return {"force_key_frames": ",".join(f"{at:.6f}" for at in instants)}


def _libx264(house: HouseFormat) -> dict[str, Any]:
    return {
        "preset": house.preset,
        "tune": "zerolatency",
        "threads": 1,
        "profile:v": "high",
        "refs": 1,
        "keyint_min": house.gop,
        "sc_threshold": 0,
        "x264-params": _X264 + (_COLOUR_HD if house.hd else _COLOUR_SD),
    }


def _mpeg2video(house: HouseFormat) -> dict[str, Any]:
    # Without a least rate its control lets a still picture starve, and the next cut then costs too much.
    kbit = min(house.video_kbps, _MAIN_LEVEL_KBIT) if not house.hd else house.video_kbps
    return {
        "profile:v": "main",
        "threads": 1,
        "bufsize": f"{kbit}k",
        "flags": "+cgop",
        "sc_threshold": 1_000_000_000,
        "color_range": "tv",
        **dict.fromkeys(("color_primaries", "color_trc", "colorspace"), "bt709" if house.hd else "smpte170m"),
    }


def encoder_of(codec: str, wish: str) -> str:
    """The encoder of pictures in ``codec``; ``wish`` chooses between those of H.264."""
    if codec == "mpeg2":
        return "mpeg2video"
    return wish if wish in _ENCODERS else "libx264"


_ENCODERS: Mapping[str, Callable[[HouseFormat], dict[str, Any]]] = {
    "libx264": _libx264,
    "mpeg2video": _mpeg2video,
}
