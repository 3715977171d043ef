"""Which git commit a station folder stands at; a note in the artefact, never an input of the compile."""

from __future__ import annotations

import subprocess
from pathlib import Path


def revision_of(folder: Path) -> str:
    """The commit's hash, with "+" when the folder has changes of its own; empty outside git."""
    commit = _git(folder, "rev-parse", "HEAD")
    if not commit:
        return ""
    return commit + ("+" if _git(folder, "status", "--porcelain", "--", ".") else "")


def _git(folder: Path, *words: str) -> str:
    try:
        # Seconds are plenty; git must never hold up a compile (a dead network mount, a lock).
        done = subprocess.run(
            ["git", "-C", str(folder), *words], capture_output=True, text=True, timeout=5, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
