"""Files: which files of a station folder may hold station YAML.

Apart from the reading of them (load.py), so that a command with nothing to do loads nothing to find that out.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from retrovue.small_file import is_link

#: Folders of a station that hold no station YAML.
_NOT_YAML = frozenset({"media", "catalog.lock", "snapshots"})
SUFFIXES = (".yaml", ".yml")
TEMPLATES = (".yaml.j2", ".yml.j2")
#: Kinds of picture files that an overlay can show.
DRAWN = frozenset({".gif", ".jpeg", ".jpg", ".png", ".svg", ".webp"})


def readable(path: Path) -> str:
    """The name as text: a byte of it that is not UTF-8 is spelt out."""
    return path.as_posix().encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def linked_folders(folder: Path) -> list[str]:
    """The sub-folders that are symbolic links out of the station and have station YAML, which is not read."""
    found = []
    for here, folders, _ in os.walk(folder):
        folders[:] = sorted(f for f in folders if not f.startswith(".") and f not in _NOT_YAML)
        for name in folders:
            path = Path(here, name)
            if not is_link(path) or path.resolve().is_relative_to(folder.resolve()):
                continue
            names = (file for _, _, files in os.walk(path) for file in files)
            if any(file.endswith((*SUFFIXES, *TEMPLATES)) for file in names):
                found.append(readable(path.relative_to(folder)))
    return found


def station_files(folder: Path) -> Iterable[tuple[str, Path]]:
    """(relative name, path) of every file that may hold station YAML, in order of name."""
    found: list[tuple[str, Path]] = []
    for here, folders, files in os.walk(folder):
        top = Path(here) == folder
        folders[:] = sorted(f for f in folders if not f.startswith(".") and f not in _NOT_YAML)
        # A sidecar describes the media file beside it that has the same name.
        media = {f for f in files if not f.endswith((*SUFFIXES, *TEMPLATES))}
        stems = {Path(f).stem for f in media}
        for file in files:
            path = Path(here, file)
            if not file.endswith((*SUFFIXES, *TEMPLATES)) or file.startswith("."):
                continue
            if (top and file == "ledger.yaml") or path.stem in media or path.stem in stems:
                continue
            found.append((readable(path.relative_to(folder)), path))
    return sorted(found)
