"""Where a file is black and where it is silent, by ffmpeg; thin. What follows from it: ``break_marks``."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

from retrovue.ffmpeg_binary import choose_ffmpeg
from retrovue.library.break_marks import APART_US, MARGIN_US, Suggestion, parse_spans, suggest
from retrovue.library.catalog import Asset
from retrovue.library.finding import Unreadable
from retrovue.library.looking import look
from retrovue.library.marks import snap_asset_marks
from retrovue.units import SECOND_US

#: 98 of 100 pixels below a tenth of the scale: letters of a subtitle are more.
_BLACK = "blackdetect=d=0.1:pic_th=0.98:pix_th=0.10"
#: Hum and hiss of an old tape are below this (dBFS).
_SILENCE = "silencedetect=n=-50dB:d=0.1"
#: A file that takes longer than this is broken (seconds, and seconds for each of its own).
_PATIENCE_S, _PATIENCE_RATE = 60, 2


def detect(
    asset: Asset, location: Path, margin_us: int = MARGIN_US, apart_us: int = APART_US
) -> tuple[Suggestion, ...]:
    """Places where breaks may fall, each on a frame of the asset. Raises ``Unreadable``."""
    if not location.is_file():
        raise Unreadable("the file is gone")
    try:
        done = look(
            detect_command(choose_ffmpeg().path, location, bool(asset.audio_codec)),
            _PATIENCE_S + _PATIENCE_RATE * asset.duration_us / SECOND_US,
        )
    except subprocess.TimeoutExpired:
        raise Unreadable("ffmpeg hangs over it") from None
    except OSError as error:
        raise Unreadable(f"ffmpeg can't be run: {error.strerror}") from None
    if done.returncode:
        words = done.stderr.strip().splitlines() or [f"ffmpeg ended with {done.returncode}"]
        raise Unreadable(f"it can't be played: {words[-1]}")
    black, silence = parse_spans(done.stderr, asset.duration_us, asset.picture_us)
    heard = silence if asset.audio_codec else None
    found = suggest(black, heard, asset.duration_us, margin_us, apart_us)
    return tuple(Suggestion(on_frame(asset, one.at_us), one.lasts_us) for one in found)


def on_frame(asset: Asset, at_us: int) -> int:
    """The start of the frame of ``asset`` that is nearest."""
    (mark,) = snap_asset_marks(replace(asset, marks_us=(at_us,))).marks_us
    return mark


def detect_command(binary: str, location: Path, with_audio: bool) -> list[str]:
    """One pass over picture and sound; pure."""
    sound = ("-map", "0:a:0", "-af", _SILENCE) if with_audio else ("-an",)
    return [
        *(binary, "-hide_banner", "-nostdin", "-nostats", "-loglevel", "info", "-threads", "1"),
        *("-protocol_whitelist", "file", "-sn", "-dn", "-i", f"file:{location}"),
        *("-map", "0:V:0", "-vf", _BLACK, *sound, "-f", "null", "-"),
    ]
