"""Encoding: the house format as ffmpeg's output options; pure.

Whatever the encoder, its stream has no B-frames and a fixed GOP that begins with a picture of its own and
with everything a decoder is set up from: any frame may be the last one before a join, PTS equals DTS, and
every child of a channel writes the same parameter sets. An H.264 access unit begins with a delimiter, so
a stream is cut without parsing slices.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
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
    encoder = ENCODERS[house.encoder]
    width, height = house.coded_size
    if (width, height) != (house.width, house.height):
        picture = picture.filter("scale", width, height).filter("setsar", house.sar.replace(":", "/"))
    for name, arguments in encoder.upload:
        picture = picture.filter(name, *arguments)
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
    return ffmpeg.output(picture, f"pipe:{descriptor}", **common | encoder.options(house))


def device_of(house: HouseFormat) -> tuple[str, ...]:
    """Options before everything else: the device that the encoder works on."""
    return ENCODERS[house.encoder].device


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
        **_told(house),
    }


def _told(house: HouseFormat) -> dict[str, Any]:
    """The colours, for encoders that are told by ffmpeg's own options."""
    return {
        "color_range": "tv",
        **dict.fromkeys(("color_primaries", "color_trc", "colorspace"), "bt709" if house.hd else "smpte170m"),
    }


def _nvenc(house: HouseFormat) -> dict[str, Any]:
    return {
        "preset": "p4",
        "tune": "ull",
        "profile:v": "high",
        "rc": "cbr",
        "zerolatency": 1,
        "delay": 0,
        "refs": 1,
        "forced-idr": 1,
        "no-scenecut": 1,
        "strict_gop": 1,
        "aud": 1,
        **_told(house),
    }


def _qsv(house: HouseFormat) -> dict[str, Any]:
    return {
        "preset": "veryfast",
        "profile:v": "high",
        "async_depth": 1,
        "look_ahead": 0,
        "refs": 1,
        "idr_interval": 0,
        "forced_idr": 1,
        "adaptive_i": 0,
        "b_strategy": 0,
        "aud": 1,
        **_told(house),
    }


def _vaapi(house: HouseFormat) -> dict[str, Any]:
    return {
        "profile:v": "high",
        "rc_mode": "CBR",
        "async_depth": 1,
        "refs": 1,
        "idr_interval": 0,
        "aud": 1,
        **_told(house),
    }


def _videotoolbox(house: HouseFormat) -> dict[str, Any]:
    return {
        "profile:v": "high",
        "realtime": 1,
        "allow_sw": 0,
        "bsf:v": _DELIMITERS,
        **_told(house),
    }


def _v4l2m2m(house: HouseFormat) -> dict[str, Any]:
    return {"num_capture_buffers": 16, "bsf:v": _DELIMITERS, **_told(house)}


#: For encoders that write no access unit delimiters themselves.
_DELIMITERS = "h264_metadata=aud=insert"


@dataclass(frozen=True, slots=True)
class Encoder:
    """How one of ffmpeg's encoders is made to write a stream of the house."""

    options: Callable[[HouseFormat], dict[str, Any]]
    device: tuple[str, ...] = ()  #: options before everything else
    upload: tuple[tuple[str, tuple[str, ...]], ...] = ()  #: last filters: how pictures come to it


#: By ffmpeg's name.
ENCODERS: Mapping[str, Encoder] = {
    "libx264": Encoder(_libx264),
    "h264_nvenc": Encoder(_nvenc),
    "h264_qsv": Encoder(_qsv, upload=(("format", ("nv12",)),)),
    "h264_vaapi": Encoder(
        _vaapi,
        device=("-init_hw_device", "vaapi=gpu", "-filter_hw_device", "gpu"),
        upload=(("format", ("nv12",)), ("hwupload", ())),
    ),
    "h264_videotoolbox": Encoder(_videotoolbox),
    "h264_v4l2m2m": Encoder(_v4l2m2m),
    "mpeg2video": Encoder(_mpeg2video),
}
#: What "auto" tries, in order, before it takes libx264.
HARDWARE = ("h264_nvenc", "h264_qsv", "h264_vaapi", "h264_videotoolbox", "h264_v4l2m2m")
SOFTWARE = "libx264"


def encoder_of(codec: str, chosen: str) -> str:
    """The encoder of pictures in ``codec``; ``chosen`` is the one of H.264."""
    if codec == "mpeg2":
        return "mpeg2video"
    return chosen if chosen in ENCODERS else SOFTWARE
