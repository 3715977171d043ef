"""Loudness: every sound track measured once, behind the very mix to stereo with which it airs.

ITU-R BS.1770 as EBU R 128 uses it, by ffmpeg's ebur128. A track of silence, or one shorter than the 0.4 s
that the standard measures over, has no loudness.
"""

from __future__ import annotations

import re
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import ClassVar, Literal

from pydantic import BaseModel, ConfigDict

from retrovue.ffmpeg_binary import choose_ffmpeg
from retrovue.library.catalog import Asset
from retrovue.library.finding import Unreadable
from retrovue.library.looking import look
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
    edition: ClassVar[int] = 1
    reads: ClassVar[tuple[str, ...]] = ("audio", "duration_us")

    def __init__(self, settings: LoudnessSettings) -> None:
        self.settings = settings

    def enrich(self, asset: Asset, location: Path) -> Asset:
        """What can't be measured keeps no loudness, and airs as loud as it is. Raises ``Unreadable``."""
        if not location.is_file():
            raise Unreadable("the file is gone")
        wanted = [n for n, track in enumerate(asset.audio) if not track.commentary]
        wanted = wanted or list(range(len(asset.audio)))
        if not wanted:
            return asset
        patience = _PATIENCE_S + _PATIENCE_RATE * asset.duration_us / SECOND_US
        try:
            done = look(measure_command(choose_ffmpeg().path, location, wanted), patience)
        except (subprocess.TimeoutExpired, OSError):
            return asset
        tracks = list(asset.audio)
        for track, (loudness, peak) in parse_summaries(done.stderr).items():
            if track < len(tracks):
                tracks[track] = replace(tracks[track], loudness=loudness, peak=peak)
        return replace(asset, audio=tuple(tracks))


def measure_command(binary: str, location: Path, tracks: list[int]) -> list[str]:
    """All ``tracks`` in one go; pure."""
    graph = ";".join(
        f"[0:a:{n}]aresample=48000,aformat=channel_layouts=stereo,ebur128@t{n}=peak=true:framelog=verbose[o{n}]"
        for n in tracks
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
