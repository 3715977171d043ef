"""What ingest has to say about a file of the library; pure.

A ``Diagnostic`` is about a place in the station's YAML; a ``Finding`` is about a media file. It never
stops the rest.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from retrovue.errors import RetroVueError

Severity = Literal["error", "warning", "note"]


#: What becomes of an asset with a mistake beside its file, and of a file that is none yet.
STAYS = "until it is mended, the asset stays as it was"
NOT_TAKEN = "until it is mended, the file is not taken"

#: What is told though nothing is wrong, and what somebody may want otherwise. All else is an error.
_SEVERITIES: Mapping[str, Severity] = {
    "moved": "note",
    "duplicate": "note",
    "extras": "note",
    "missing": "warning",
    "revoked": "warning",
    "mark-outside": "warning",
    "too-quiet": "warning",
    "no-collection": "warning",
    "nothing-found": "warning",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One file, and what is wrong with it."""

    code: str  #: kebab-case: "unreadable-media", "bad-sidecar", "same-key"…
    collection: str
    path: str  #: relative to the collection's root; empty: the root itself
    message: str
    help: str = ""
    holds: str | None = None  #: path of the file or folder whose assets stay in the lock as they were

    @property
    def severity(self) -> Severity:
        """error: something could not be taken, or is not known; warning: all was, and perhaps not as it is
        meant; note: all is well."""
        return _SEVERITIES.get(self.code, "error")

    def __str__(self) -> str:
        place = f"{self.collection}: {printable(self.path)}" if self.path else self.collection
        return f"{place}: {printable(self.message)}"


class Unreadable(RetroVueError):
    """An enricher can't make sense of a file; the message says why, without the path."""

    def __init__(self, message: str, help: str = "", passing: bool = False) -> None:
        """``passing``: it may be otherwise next time though the file is the same: no permission, a disk that
        fails."""
        super().__init__(message, help)
        self.passing = passing

    def __reduce__(self) -> tuple[type[Unreadable], tuple[str, str, bool]]:
        return type(self), (str(self), self.help, self.passing)


class Stopped(Unreadable):
    """Something ended a program in the middle of a file: about the file that says nothing."""

    def __init__(
        self,
        message: str = "something ended ffmpeg in the middle of it",
        help: str = "do it again; is there memory enough?",
        passing: bool = True,
    ) -> None:
        super().__init__(message, help, passing)


def printable(text: str) -> str:
    """``text`` with everything that could move a terminal's cursor or break a line written as an escape."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
