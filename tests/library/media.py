"""Tiny real media for the library's tests, made by the real ffmpeg."""

from __future__ import annotations

import subprocess
from pathlib import Path

from retrovue.ffmpeg_binary import choose_ffmpeg


def make(path: Path, *arguments: str, frames: int = 30, rate: str = "30000/1001", audio: bool = True) -> Path:
    """A video of ``frames`` frames; ``arguments`` stand before the output."""
    path.parent.mkdir(parents=True, exist_ok=True)
    inputs = ["-f", "lavfi", "-i", f"testsrc2=s=64x48:r={rate}"]
    if audio:
        inputs += ["-f", "lavfi", "-i", "sine=r=48000"]
    codec = [] if "-c:v" in arguments else ["-c:v", "libx264", "-preset", "ultrafast"]
    run(*inputs, *codec, "-frames:v", str(frames), "-shortest", *arguments, f"file:{path}")
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
