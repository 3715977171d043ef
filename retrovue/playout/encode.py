"""Encoding: the house format as ffmpeg's output options; pure.

zerolatency, no B-frames, one reference: any frame may be the last one before a join, PTS equals DTS, and
every child of a channel writes the same SPS and PPS. Each access unit begins with a delimiter, so a
stream is cut without parsing slices.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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


def video(picture: Any, house: HouseFormat, descriptor: int, keys: Sequence[int] = ()) -> Any:
    """``picture`` as H.264 access units into pipe ``descriptor``; frames ``keys`` are IDR pictures, too."""
    rate = f"{house.video_kbps}k"
    return ffmpeg.output(
        picture,
        f"pipe:{descriptor}",
        **{
            "format": "h264",
            "fps_mode": "passthrough",
            "c:v": "libx264",
            "preset": house.preset,
            "tune": "zerolatency",
            "threads": 1,
            "profile:v": "high",
            "refs": 1,
            "bf": 0,
            "g": house.gop,
            "keyint_min": house.gop,
            "sc_threshold": 0,
            "b:v": rate,
            "maxrate": rate,
            "bufsize": rate,
            "x264-params": _X264 + (_COLOUR_HD if house.hd else _COLOUR_SD),
            "flush_packets": 1,
            **_forced(keys, house),
        },
    )


def audio(sound: Any, house: HouseFormat, descriptor: int) -> Any:
    """``sound`` as ADTS frames into pipe ``descriptor``."""
    return ffmpeg.output(
        sound,
        f"pipe:{descriptor}",
        **{
            "format": "adts",
            "c:a": "aac",
            "b:a": f"{house.audio_kbps}k",
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
