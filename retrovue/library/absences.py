"""Absences: since when files of the library have been missing; a file in the state directory.

A file that is missing once may be on a disk that comes back. Its asset retires when it has been missing for
the collection's ``grace``. Deleting the file costs time, never truth: every absence then begins anew.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from retrovue.clock import MasterClock
from retrovue.errors import RetroVueError
from retrovue.library.lock import replace_file
from retrovue.units import SECOND_US


class Absences:
    """Since when each asset has been missing, by its id."""

    def __init__(self, clock: MasterClock, file: Path) -> None:
        self._now_us = clock.now_us()
        self._file = file
        self._since: dict[str, int] = {}
        try:
            written = json.loads(file.read_bytes())
            self._since = {str(id_): int(s) * SECOND_US for id_, s in written.items()}
        except (OSError, ValueError, TypeError, AttributeError):
            pass
        self._before: Mapping[str, int] = dict(self._since)

    def lasting_us(self, asset_id: str) -> int:
        """How long it has been missing; from now on, when it was there until now. Never negative."""
        since = self._since.setdefault(asset_id, self._now_us)
        if since > self._now_us:  # the clock was wrong then, or is now
            since = self._since[asset_id] = self._now_us
        return self._now_us - since

    def save(self, missing: Iterable[str]) -> None:
        """Remember these; all others are there again, or have retired. Raises ``RetroVueError``."""
        kept = {id_: self._since[id_] for id_ in sorted(missing) if id_ in self._since}
        if kept != self._before:
            seconds = {id_: us // SECOND_US for id_, us in kept.items()}
            try:
                self._file.parent.mkdir(parents=True, exist_ok=True)
                replace_file(self._file, json.dumps(seconds, ensure_ascii=False, indent=0).encode())
            except OSError as error:
                raise RetroVueError(
                    f"{self._file} can't be written: {error.strerror}",
                    help="make room, or let this user write there: nothing that is missing retires before",
                ) from None
