"""What is in the repository: the files that git would publish."""

from __future__ import annotations

import subprocess
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@cache
def tracked() -> tuple[Path, ...]:
    """Tracked files, and those that a commit of everything would add; relative to the root, sorted.

    Without git (an unpacked source archive): every file that is not build output.
    """
    listing = subprocess.run(
        ["git", "-C", str(ROOT), "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        capture_output=True,
        check=False,
    )
    if listing.returncode == 0:
        names = [Path(name) for name in listing.stdout.decode().split("\0") if name]
    else:
        built = {
            ".venv",
            "__pycache__",
            "build",
            "dist",
            "media",
            ".mypy_cache",
            ".ruff_cache",
            ".pytest_cache",
        }
        names = [f.relative_to(ROOT) for f in ROOT.rglob("*") if not built & set(f.relative_to(ROOT).parts)]
    return tuple(sorted(name for name in names if (ROOT / name).is_file()))


def text(name: Path) -> str | None:
    """A tracked file's text; None for a picture or other binary."""
    data = (ROOT / name).read_bytes()
    return None if b"\0" in data else data.decode("utf-8")
