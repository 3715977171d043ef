"""Looking: one run of ffmpeg over a file, for what it says on standard error."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence


def look(command: Sequence[str], patience_s: float) -> subprocess.CompletedProcess[str]:
    """How it ended and what it said. Raises ``subprocess.TimeoutExpired`` after ``patience_s`` (seconds, the
    child is killed) and ``OSError`` when it can't be started."""
    return subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        timeout=patience_s,
        check=False,
    )
