"""Tiny real media for the library's tests, made by the real ffmpeg."""

from __future__ import annotations

import subprocess
from fractions import Fraction
from pathlib import Path

from retrovue.ffmpeg_binary import choose_ffmpeg


def make(path: Path, *arguments: str, frames: int = 30, rate: str = "30000/1001", audio: bool = True) -> Path:
    """A video of ``frames`` frames, no other's copy; ``arguments`` stand before the output."""
    path.parent.mkdir(parents=True, exist_ok=True)
    inputs = ["-f", "lavfi", "-i", f"testsrc2=s=64x48:r={rate}"]
    if audio:
        # As long as the picture; -shortest makes ffmpeg 9 fail now and then.
        inputs += ["-f", "lavfi", "-i", f"sine=r=48000:d={float(frames / Fraction(rate)):.6f}"]
    codec = [] if "-c:v" in arguments else ["-c:v", "libx264", "-preset", "ultrafast"]
    own = ("-metadata", f"comment={path.name}")
    run(*inputs, *codec, "-frames:v", str(frames), *own, *arguments, f"file:{path}")
    return path


def run(*arguments: str) -> None:
    """Run ffmpeg quietly; fail with what it said."""
    done = subprocess.run(
        [choose_ffmpeg().path, "-hide_banner", "-nostdin", "-v", "error", "-y", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
