"""Small files that must not be torn: written whole or not at all. And whether a file or a folder is there."""

from __future__ import annotations

import os
from pathlib import Path

from retrovue.errors import RetroVueError


def write_whole(path: Path, text: str, mode: int = 0o644) -> None:
    """Give ``path`` this content, durably; ``mode`` is the file's from its first byte on.

    It is written beside, flushed to the disk and renamed. Raises ``RetroVueError``; what was there stays.
    """
    draft = path.with_name(f"{path.name}.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft.unlink(missing_ok=True)
        with os.fdopen(
            os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w", encoding="utf-8"
        ) as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError as error:
        raise RetroVueError(
            f"{path} can't be written: {error.strerror}", help="choose another state directory with --state"
        ) from None


def is_file(path: Path) -> bool:
    """Is there a file? Where a folder on the way may not be entered ``Path.is_file`` raises; here none is."""
    return os.path.isfile(path)  # noqa: PTH113


def why_no_file(path: Path) -> str:
    """Why there is none, or none that can be read; empty where there is one."""
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return "the file is gone"
    except OSError as error:
        return f"the file can't be read: {error.strerror}"
    return "" if is_file(path) else "this is no file"


def is_folder(path: Path) -> bool:
    """The same of a folder."""
    return os.path.isdir(path)  # noqa: PTH112


def is_link(path: Path) -> bool:
    """The same of a link."""
    return os.path.islink(path)  # noqa: PTH114
