"""Fields: is a picture made of two halves that were taken one after the other, though its file denies it?

Captures and careless conversions lose the flag. ffmpeg's idet looks at pictures from the middle; only
files are looked at whose raster, rate and codec are those of interlaced television.
"""

from __future__ import annotations

import re
import subprocess
from fractions import Fraction
from pathlib import Path

from retrovue.ffmpeg_binary import choose_ffmpeg
from retrovue.library.looking import look

_RATES = (Fraction(25), Fraction(30000, 1001), Fraction(30))
_LINES = (480, 486, 576, 1080, 1088)
_CODECS = ("mpeg2video", "mpeg1video", "h264", "dvvideo", "mpeg4", "prores", "vc1", "wmv3", "mjpeg", "ffv1")
#: How many pictures are looked at, and how long that may take (seconds).
_PICTURES, _PATIENCE_S = 60, 60
#: At least so many pictures must be judged, and so large a part of them in one order.
_ENOUGH, _MOSTLY = 10, 0.8

_VERDICT = re.compile(
    r"Multi frame detection: TFF:\s*(\d+)\s+BFF:\s*(\d+)\s+Progressive:\s*(\d+)\s+Undetermined:\s*(\d+)"
)


def suspect(rate: Fraction, height: int, codec: str) -> bool:
    """May a picture like this be interlaced without saying so?"""
    return rate in _RATES and height in _LINES and codec in _CODECS


def detect_fields(location: Path, duration_us: int) -> str:
    """ "tff" or "bff"; empty for a progressive picture, and for one that can't be judged."""
    command = [
        *(choose_ffmpeg().path, "-hide_banner", "-nostdin", "-nostats", "-loglevel", "info", "-threads", "1"),
        *("-protocol_whitelist", "file", "-ss", f"{duration_us * 0.4 / 1e6:.3f}", "-an", "-sn", "-dn"),
        *("-i", f"file:{location}", "-map", "0:V:0", "-vf", "idet", "-frames:v", str(_PICTURES)),
        *("-f", "null", "-"),
    ]
    try:
        done = look(command, _PATIENCE_S)
    except (subprocess.TimeoutExpired, OSError):
        return ""
    return parse_verdict(done.stderr)


def parse_verdict(text: str) -> str:
    """What idet's last words mean; pure."""
    verdicts = _VERDICT.findall(text)
    if not verdicts:
        return ""
    top, bottom, progressive, _ = map(int, verdicts[-1])
    judged = top + bottom + progressive
    if judged < _ENOUGH or max(top, bottom) < _MOSTLY * judged:
        return ""
    return "tff" if top >= bottom else "bff"
