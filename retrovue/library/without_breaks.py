"""Without breaks: files in which breaks were looked for and none was found; a file in the state directory.

What was found stands in sidecars; of the rest nothing would tell that anybody has looked, and to look takes
minutes a film. Deleting the file costs that time, and nothing else.
"""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

from retrovue.library.lock import replace_file

#: Raise it when more is found than before: everything is then looked at again.
_EDITION = 1


class WithoutBreaks:
    """By the ids of their assets."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._stamps: dict[str, list[int]] = {}
        with suppress(OSError, ValueError, TypeError, KeyError):
            kept = json.loads(file.read_bytes())
            if kept["edition"] == _EDITION:
                self._stamps = dict(kept["files"])

    def has(self, asset_id: str, location: Path) -> bool:
        """Is the file the one that was looked at?"""
        return asset_id in self._stamps and self._stamps[asset_id] == _stamp(location)

    def add(self, asset_id: str, location: Path) -> None:
        """Written at once: a search that is stopped goes on from here. Without room, it is only a memory."""
        self._stamps[asset_id] = _stamp(location)
        with suppress(OSError):
            self._file.parent.mkdir(parents=True, exist_ok=True)
            replace_file(self._file, json.dumps({"edition": _EDITION, "files": self._stamps}).encode())


def _stamp(location: Path) -> list[int]:
    try:
        status = location.stat()
    except OSError:
        return []
    return [status.st_size, status.st_mtime_ns]
