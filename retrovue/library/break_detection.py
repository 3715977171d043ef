"""What a file shows and sounds like, by one run of ffmpeg; thin. What follows from it: ``break_marks``."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

import av
import av.error

from retrovue.ffmpeg_binary import choose_ffmpeg
from retrovue.library.black_pictures import SAMPLES, Pictures
from retrovue.library.break_marks import APART_US, MARGIN_US, Suggestion, suggest
from retrovue.library.catalog import Asset
from retrovue.library.finding import Unreadable
from retrovue.library.looking import look
from retrovue.library.marks import snap_asset_marks
from retrovue.library.quiet_sound import RATE, WINDOW_US, Windows
from retrovue.small_file import why_no_file
from retrovue.units import SECOND_US

#: Samples of the luma, of whatever colours and range: points, for means would hide what is small and bright.
_PICTURE = f"scale={SAMPLES[0]}:{SAMPLES[1]}:flags=neighbor:out_range=tv,format=yuv420p,extractplanes=y"
#: From 200 Hz to 4 kHz, where speech is: hiss is mostly above, hum and what makes a noise waver below. Some
#: windows at a time: fewer pieces cost less.
_SOUND = (
    f"aresample={RATE},aformat=sample_fmts=s16:channel_layouts=stereo,highpass=f=200,"
    f"asetnsamples=n={10 * RATE * WINDOW_US // SECOND_US}:p=0"
)
#: A file that takes longer than this is broken (seconds, and seconds for each of its own).
_PATIENCE_S, _PATIENCE_RATE = 60, 2


def detect(
    asset: Asset, location: Path, margin_us: int = MARGIN_US, apart_us: int = APART_US
) -> tuple[Suggestion, ...]:
    """Places where breaks may fall, each on a frame of the asset. Raises ``Unreadable``."""
    if why := why_no_file(location):
        raise Unreadable(why)
    pictures, windows = Pictures(), Windows()

    def read(stream: BinaryIO) -> None:
        take_in(stream, pictures, windows, asset.picture_us)

    try:
        done = look(
            detect_command(choose_ffmpeg().path, location, bool(asset.audio_codec)),
            _PATIENCE_S + _PATIENCE_RATE * asset.duration_us / SECOND_US,
            read,
        )
    except subprocess.TimeoutExpired:
        raise Unreadable("ffmpeg hangs over it") from None
    except av.error.FFmpegError as error:
        raise Unreadable(f"what ffmpeg makes of it can't be read: {error.strerror}") from None
    except OSError as error:
        raise Unreadable(f"ffmpeg can't be run: {error.strerror}") from None
    if done.returncode:
        words = done.stderr.strip().splitlines() or [f"ffmpeg ended with {done.returncode}"]
        raise Unreadable(f"it can't be played: {words[-1]}")
    blacks = pictures.blacks(asset.duration_us, margin_us, apart_us)
    silences = windows.silences(asset.duration_us, margin_us) if asset.audio_codec else None
    found = suggest(blacks, silences, asset.duration_us, margin_us, apart_us)
    return tuple(Suggestion(on_frame(asset, one.at_us), one.lasts_us) for one in found)


def take_in(stream: BinaryIO, pictures: Pictures, windows: Windows, picture_us: int) -> None:
    """All that ffmpeg writes. ``picture_us``: the first picture comes so long after the file begins."""
    # ffmpeg hands the file's tags on, in whatever letters they were written.
    with av.open(stream, "r", format="nut", metadata_errors="replace") as container:
        for packet in container.demux():
            if packet.pts is None or not packet.size:
                continue
            at_us = round(packet.pts * packet.time_base * SECOND_US) - picture_us
            if packet.stream.type == "video":
                pictures.add(at_us, memoryview(packet))
            else:
                windows.add(at_us, memoryview(packet))


def on_frame(asset: Asset, at_us: int) -> int:
    """The start of the frame of ``asset`` that is nearest."""
    (mark,) = snap_asset_marks(replace(asset, marks_us=(at_us,))).marks_us
    return mark


def detect_command(binary: str, location: Path, with_audio: bool) -> list[str]:
    """One pass over picture and sound, both made small and written with their times; pure."""
    sound = ("-map", "0:a:0", "-af", _SOUND, "-c:a", "pcm_s16le") if with_audio else ("-an",)
    return [
        *(binary, "-hide_banner", "-nostdin", "-nostats", "-loglevel", "error", "-threads", "1"),
        *("-filter_threads", "1"),  # pictures so small cost more to share out than to filter
        *("-protocol_whitelist", "file", "-sn", "-dn", "-i", f"file:{location}"),
        *("-map", "0:V:0", "-vf", _PICTURE, "-c:v", "rawvideo", "-enc_time_base:v", "1:1000000", *sound),
        *("-avoid_negative_ts", "disabled", "-f", "nut", "-"),
    ]
