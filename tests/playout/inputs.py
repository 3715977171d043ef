"""Whatever a library may hold, made small by the real ffmpeg, probed, and rendered into a house format."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from dataclasses import replace as replaced
from fractions import Fraction
from pathlib import Path
from typing import Any

import av

from retrovue.compiler.model import CompiledChannel
from retrovue.ffmpeg_binary import choose_ffmpeg
from retrovue.library.catalog import Asset
from retrovue.library.enrichers.loudness import LoudnessEnricher, LoudnessSettings
from retrovue.library.enrichers.probe import ProbeEnricher, ProbeSettings
from retrovue.playout.director import file_rendering, house_of
from retrovue.playout.ffmpeg import Cut, Pipes
from tests.playout.lab import BENCH, machine

#: A square picture of nothing but one pixel each: enough to look at colours and edges.
Pixel = tuple[int, int, int]


def run(*arguments: str) -> str:
    """Run ffmpeg; what it said. Fails with it."""
    done = subprocess.run(
        [choose_ffmpeg().path, "-hide_banner", "-nostdin", "-v", "error", "-y", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stderr


def ingested(path: Path, loudness: bool = False, **more: Any) -> Asset:
    """The catalog's view of a file."""
    found = ProbeEnricher(ProbeSettings()).enrich(Asset("lab", path.stem, path=path.name, **more), path)
    return LoudnessEnricher(LoudnessSettings()).enrich(found, path) if loudness else found


@dataclass(frozen=True, slots=True)
class Rendered:
    """What a channel would send of a file: pictures as a file of bare access units, sound as another."""

    video: Path
    audio: Path
    complaint: str

    def pictures(self) -> list[av.VideoFrame]:
        with av.open(str(self.video)) as container:
            return list(container.decode(video=0))

    def picture(self, number: int = 0) -> av.VideoFrame:
        return self.pictures()[number]


def render(
    path: Path,
    asset: Asset,
    folder: Path,
    channel: CompiledChannel = BENCH,
    offset_us: int = 0,
    ticks: int = 15,
    features: frozenset[str] | None = None,
) -> Rendered:
    """``ticks`` pictures of ``asset`` from ``offset_us`` on, as ``channel`` sends them."""
    here = machine(folder)
    if features is not None:
        here = replaced(here, features=features)
    rendering = file_rendering(here, channel, asset, str(path))
    house = house_of(channel)
    samples = round(ticks * 48000 / house.rate / house.audio.frame_samples) * house.audio.frame_samples
    command = rendering.command(
        offset_us, Cut(ticks, 0, samples), Pipes(1, 2 if rendering.with_audio else None)
    )
    video = folder / f"out.{house.video.muxer.removesuffix('video')}"
    audio = folder / f"out.{house.audio.muxer}"
    files = {"pipe:1": str(video), "pipe:2": str(audio)}
    done = subprocess.run(
        [command[0], "-y", *(files.get(part, part) for part in command[1:])],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return Rendered(video, audio, done.stderr)


def grab(frame: av.VideoFrame, x: float, y: float) -> Pixel:
    """Red, green and blue at a place, fractions of the picture: the mean of 5 by 5 pixels."""
    picture = frame.reformat(format="rgb24")
    plane, width = memoryview(bytes(picture.planes[0])), picture.planes[0].line_size
    cx, cy = round(x * (frame.width - 1)), round(y * (frame.height - 1))
    spots = [
        (min(max(cx + i, 0), frame.width - 1), min(max(cy + j, 0), frame.height - 1))
        for i in range(-2, 3)
        for j in range(-2, 3)
    ]
    sums = [sum(plane[b * width + a * 3 + c] for a, b in spots) for c in range(3)]
    return sums[0] // 25, sums[1] // 25, sums[2] // 25


def loudness_of(file: Path) -> tuple[float, float]:
    """Integrated loudness (LUFS) and true peak (dBTP), by ffmpeg's ebur128."""
    done = subprocess.run(
        [
            *(choose_ffmpeg().path, "-hide_banner", "-nostdin", "-nostats", "-i", str(file), "-vn"),
            *("-af", "ebur128=peak=true:framelog=verbose", "-f", "null", "-"),
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    summary = done.stderr[done.stderr.rindex("Summary:") :]
    level = re.search(r"I:\s+(\S+) LUFS", summary)
    peak = re.search(r"Peak:\s+(\S+) dBFS", summary)
    assert level is not None
    assert peak is not None
    return float(level[1]), float(peak[1])


def at_rate(rate: str, **more: Any) -> CompiledChannel:
    """The bench at another frame rate."""
    fraction = Fraction(rate)
    return replaced(BENCH, rate=f"{fraction.numerator}/{fraction.denominator}", **more)
