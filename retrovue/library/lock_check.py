"""Every mistake in a catalog lock, at its place: what reading it would stop at, one after the other."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from retrovue.diagnostics import Diagnostic, Severity, Span
from retrovue.library.catalog_cache import SMALL, is_known
from retrovue.library.lock import LockError, faults, lock_files, reading

#: So many lines of a file are told: in one of another making each is broken.
_TOLD = 20


def check_lock(station_folder: Path, cache: Path | None) -> tuple[list[Diagnostic], dict[str, str]]:
    """The mistakes, in order of file and line; and by file a text that has the lines that they are on.

    ``cache``: where compile keeps what it has read of a large lock, and so found to be sound.
    """
    found: list[Diagnostic] = []
    shown: dict[str, str] = {}
    try:
        files = lock_files(station_folder)
    except LockError as error:
        return [_told(error)], {}
    if sum(file.stat().st_size for file in files if file.is_file()) <= SMALL:
        cache = None
    for file in files:
        texts: dict[int, str] = {}
        for line, fault in islice(_faults(file, cache), _TOLD):
            diagnostic = _told(fault)
            found.append(diagnostic)
            if diagnostic.span is not None:
                texts[diagnostic.span.line] = line
        if texts and found[-1].span is not None:
            shown[found[-1].span.file] = "\n".join(texts.get(n, "") for n in range(1, max(texts) + 1))
    return found, shown


def _faults(file: Path, cache: Path | None) -> Iterator[tuple[str, LockError]]:
    try:
        with reading(file):
            if cache is not None and is_known(file, cache):
                return
            with file.open(encoding="utf-8", newline="\n") as lines:
                yield from faults(file.name, lines)
    except LockError as error:
        yield "", error


def _told(error: LockError) -> Diagnostic:
    file, _, number = error.where.rpartition(":")
    if not number.isdecimal():
        file, number = error.where, "1"
    line, column = int(number), error.column
    span = Span(file, line, column, line, column + 1) if error.where else None
    return Diagnostic(Severity.ERROR, "broken-lock", error.said, span, help=error.help)
