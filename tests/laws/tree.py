"""What is in the repository: the files that git would publish."""

from __future__ import annotations

import os
import subprocess
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


#: Folders that are never published (.gitignore says the same to git).
_BUILT = frozenset(
    {"__pycache__", "build", "dist", ".git", ".venv", ".state", ".hypothesis"}
    | {".mypy_cache", ".ruff_cache", ".pytest_cache", ".import_linter_cache"}
)


@cache
def tracked() -> tuple[Path, ...]:
    """Tracked files, and those that a commit of everything would add; relative to the root, sorted.

    Without git, or outside a checkout (an unpacked source archive): every file that is not build output.
    """
    try:
        listing = subprocess.run(
            ["git", "-C", str(ROOT), "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
            capture_output=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return everything()
    names = (Path(name) for name in listing.stdout.decode().split("\0") if name)
    return tuple(sorted(name for name in names if (ROOT / name).is_file()))


def everything() -> tuple[Path, ...]:
    """Every file that is not build output; relative to the root, sorted."""
    found = []
    for folder, below, files in os.walk(ROOT):
        here = Path(folder).relative_to(ROOT)
        station = len(here.parts) == 2 and here.parts[0] == "stations"
        below[:] = [f for f in below if f not in _BUILT and not (station and f == "media")]
        found += [here / file for file in files if file != ".git"]  # what a linked work tree has instead
    return tuple(sorted(found))


def text(name: Path) -> str | None:
    """A tracked file's text; None for a picture or other binary."""
    data = (ROOT / name).read_bytes()
    return None if b"\0" in data else data.decode("utf-8")
