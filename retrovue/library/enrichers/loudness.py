"""Loudness: every sound track measured once, behind the very mix to stereo with which it airs.

ITU-R BS.1770 as EBU R 128 uses it, by ffmpeg's ebur128. A track of silence, or one shorter than the 0.4 s
that the standard measures over, has no loudness.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import ClassVar, Literal

from pydantic import BaseModel, ConfigDict

from retrovue.ffmpeg_binary import choose_ffmpeg
from retrovue.library.catalog import Asset, AudioTrack
from retrovue.library.finding import Unreadable
from retrovue.library.looking import look
from retrovue.library.loudness import (
    ATTACK_MS,
    CEILING_DBTP,
    MOST_LIMITED_DB,
    NEAR_DB,
    OVERSAMPLED,
    RELEASE_MS,
    limiter_level,
)
from retrovue.small_file import why_no_file
from retrovue.units import SECOND_US

#: Below this (LUFS) the standard's gate lets nothing through: silence.
_SILENCE = -69.9
#: A file that takes longer than this is broken (seconds, and seconds for each of its own).
_PATIENCE_S, _PATIENCE_RATE = 60, 2

_SUMMARY = re.compile(
    r"\[ebur128@t(\d+) @ [^\]]*\] Summary:.*?\bI:\s+(\S+) LUFS.*?\bPeak:\s+(\S+) dBFS", re.DOTALL
)


class LoudnessSettings(BaseModel):
    """Loudness needs no settings."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["loudness"] = "loudness"


class LoudnessEnricher:
    """Integrated loudness and true peak of each sound track."""

    settings_model: ClassVar[type[BaseModel]] = LoudnessSettings
    turn: ClassVar[int] = 10
    edition: ClassVar[int] = 2
    reads: ClassVar[tuple[str, ...]] = ("audio", "duration_us")

    def __init__(self, settings: LoudnessSettings) -> None:
        self.settings = settings

    def enrich(self, asset: Asset, location: Path) -> Asset:
        """What can't be measured keeps no loudness, and airs as loud as it is. Raises ``Unreadable``."""
        if why := why_no_file(location):
            raise Unreadable(why, passing=True)
        wanted = [n for n, track in enumerate(asset.audio) if not track.commentary]
        wanted = wanted or list(range(len(asset.audio)))
        if not wanted:
            return asset
        patience = _PATIENCE_S + _PATIENCE_RATE * asset.duration_us / SECOND_US
        binary, tracks = choose_ffmpeg().path, list(asset.audio)
        try:
            done = look(measure_command(binary, location, dict.fromkeys(wanted)), patience)
            for n, (loudness, peak) in parse_summaries(done.stderr).items():
                if n < len(tracks):
                    tracks[n] = replace(tracks[n], loudness=loudness, peak=peak, lost_3=0.0, lost_6=0.0)
            for off_db in (MOST_LIMITED_DB / 2, MOST_LIMITED_DB):
                gains = {n: gain for n in wanted if (gain := _over(tracks[n], off_db)) is not None}
                if not gains:
                    break
                done = look(measure_command(binary, location, gains), patience)
                for n, (loudness, _) in parse_summaries(done.stderr).items():
                    if n in gains:
                        tracks[n] = _limited(tracks[n], off_db, gains[n], loudness)
        except (subprocess.TimeoutExpired, OSError):
            return asset
        return replace(asset, audio=tuple(tracks))


def _over(track: AudioTrack, off_db: float) -> float | None:
    """The gain (dB) that lifts the track's peak ``off_db`` over the ceiling; None: it needs no limiter."""
    if track.loudness is None or track.peak is None or track.peak - track.loudness < NEAR_DB:
        return None
    return CEILING_DBTP + off_db - track.peak


def _limited(track: AudioTrack, off_db: float, gain_db: float, loudness: float | None) -> AudioTrack:
    """The track, of which ``loudness`` was measured behind that gain and the limiter."""
    if loudness is None or track.loudness is None:
        return track
    lost = max(0.0, round(track.loudness + gain_db - loudness, 1))
    return replace(track, lost_6=lost) if off_db == MOST_LIMITED_DB else replace(track, lost_3=lost)


def measure_command(binary: str, location: Path, tracks: Mapping[int, float | None]) -> list[str]:
    """All ``tracks`` in one go, each as it is, or behind the gain (dB) that is given and the limiter."""
    limiter = (
        f"aresample={OVERSAMPLED * 48000},alimiter=limit={limiter_level():.4f}:attack={ATTACK_MS}:"
        f"release={RELEASE_MS}:level=0:latency=1,aresample=48000,"
    )
    behind = {n: "" if gain is None else f"volume={gain:.2f}dB,{limiter}" for n, gain in tracks.items()}
    graph = ";".join(
        f"[0:a:{n}]aresample=48000,aformat=sample_fmts=fltp:channel_layouts=stereo,"
        f"{held}ebur128@t{n}=peak=true:framelog=verbose[o{n}]"
        for n, held in behind.items()
    )
    maps = [part for n in tracks for part in ("-map", f"[o{n}]")]
    return [
        *(binary, "-hide_banner", "-nostdin", "-nostats", "-loglevel", "info", "-threads", "1"),
        *("-protocol_whitelist", "file", "-vn", "-sn", "-dn", "-i", f"file:{location}"),
        *("-filter_complex", graph, *maps, "-f", "null", "-"),
    ]


def parse_summaries(text: str) -> dict[int, tuple[float | None, float | None]]:
    """Track → (LUFS, dBTP) from what ebur128 says at its end; None: silence. Pure."""
    found: dict[int, tuple[float | None, float | None]] = {}
    for track, loudness, peak in _SUMMARY.findall(text):
        level = _number(loudness)
        found[int(track)] = (level if level is not None and level > _SILENCE else None, _number(peak))
    return found


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if abs(value) < 1000 else None  # "-inf": no sample but zeros
