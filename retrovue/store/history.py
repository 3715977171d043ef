"""History: the artefacts that were on the air before, beside the one that is.

``artefact.1.duckdb`` was there last, ``artefact.2.duckdb`` before it. At every moment ``artefact.duckdb``
is a whole artefact: a second name (a hard link) is made first, and renamed over the old one. Whoever
dies half-way leaves a gap or a file twice, never a loss.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from retrovue.errors import RetroVueError

if TYPE_CHECKING:
    from retrovue.compiler.model import ArtefactHeader

#: How many previous artefacts are kept.
KEEP = 5


@dataclass(frozen=True, slots=True)
class Previous:
    """One artefact of the history."""

    number: int  #: 0 is the one on the air
    path: Path
    header: ArtefactHeader | None  #: None when it can't be read
    fault: str = ""  #: why it can't


def previous(path: Path, number: int) -> Path:
    """The file that was on the air ``number`` publications ago; 0 is ``path`` itself."""
    return path.with_name(f"{path.stem}.{number}{path.suffix}") if number else path


def numbers(path: Path) -> list[int]:
    """The numbers of the previous artefacts that are there, the latest first."""
    pattern = re.compile(rf"{re.escape(path.stem)}\.([1-9][0-9]*){re.escape(path.suffix)}")
    found = (pattern.fullmatch(file.name) for file in path.parent.glob("*" + path.suffix))
    return sorted(int(match[1]) for match in found if match)


def listing(path: Path) -> list[Previous]:
    """The artefact on the air and all previous ones, the latest first."""
    from retrovue.store.artefact import Artefact, ArtefactError

    found = []
    for number in [0, *numbers(path)]:
        file = previous(path, number)
        try:
            with Artefact.open(file) as artefact:
                found.append(Previous(number, file, artefact.header))
        except ArtefactError as error:
            if number or file.exists():
                found.append(Previous(number, file, None, str(error)))
    return found


def roll_back(path: Path, wanted: str | None = None, keep: int = KEEP) -> Previous:
    """Put a previous artefact on the air again; what is there now becomes ``artefact.1.duckdb``.

    ``wanted`` is the beginning of its content hash, or its number; None is the latest that differs from
    what is on the air. Returns it as it was listed. Raises ``RetroVueError`` when there is none such.
    """
    if not path.parent.is_dir():
        raise RetroVueError(
            f"there is no artefact at {path}", help="name the station folder, or the right --state"
        )
    with locked(path.parent):
        chosen = _choose(listing(path), wanted, path)
        held = path.with_name(f".{path.name}.{os.getpid()}.back")
        try:
            held.unlink(missing_ok=True)
            _link(chosen.path, held)
            gap = push(path) if path.exists() else 0
            held.replace(path)
            _take_out(path, chosen.number + (chosen.number < gap))
            prune(path, keep)
            _fsync(path.parent)
        except OSError as error:
            raise RetroVueError(f"can't roll back in {path.parent}: {error.strerror}") from error
        finally:
            held.unlink(missing_ok=True)
        return chosen


def _choose(there: list[Previous], wanted: str | None, path: Path) -> Previous:
    present = next((p.header for p in there if not p.number), None)
    older = [p for p in there if p.number]
    if not older:
        raise RetroVueError(
            f"there is no earlier artefact beside {path}",
            help="each compile that changes something keeps the one before; none has yet",
        )
    if wanted is None:
        for p in older:
            if p.header is not None and (present is None or p.header.content_hash != present.content_hash):
                return p
        raise RetroVueError("no earlier artefact can be used", help="retrovue rollback --list says why")
    if wanted.isdecimal() and len(wanted) < 4:
        matching = [p for p in older if p.number == int(wanted)]
    else:
        matching = [p for p in older if p.header and p.header.content_hash.startswith(wanted.lower())]
        if present is not None and present.content_hash.startswith(wanted.lower()):
            raise RetroVueError(f"{wanted} is on the air already")
    if not matching or matching[0].header is None:
        fault = f": {matching[0].fault}" if matching else ""
        raise RetroVueError(
            f"no earlier artefact is “{wanted}”{fault}", help="retrovue rollback --list shows all there are"
        )
    if len({p.header.content_hash for p in matching if p.header}) > 1:
        raise RetroVueError(f"several artefacts begin with “{wanted}”", help="give more of the hash")
    return matching[0]


# --- files; the folder is locked -------------------------------------------------------------------


def push(path: Path) -> int:
    """Make ``path`` the first of the previous ones, too; it stays where it is.

    Those up to the first gap in the numbers move up by one; returns the number of that gap.
    """
    there = set(numbers(path))
    gap = next(n for n in range(1, len(there) + 2) if n not in there)
    for number in range(gap, 1, -1):  # from the oldest on
        previous(path, number - 1).replace(previous(path, number))
    second = path.with_name(f".{path.name}.{os.getpid()}.keep")
    second.unlink(missing_ok=True)
    _link(path, second)
    second.replace(previous(path, 1))
    return gap


def prune(path: Path, keep: int) -> None:
    """Delete all but the latest ``keep`` previous ones."""
    for number in numbers(path):
        if number > keep:
            previous(path, number).unlink(missing_ok=True)


def _take_out(path: Path, number: int) -> None:
    previous(path, number).unlink(missing_ok=True)
    for later in numbers(path):
        if later > number:
            previous(path, later).replace(previous(path, later - 1))


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:  # a file system without hard links
        shutil.copyfile(source, target)
        _fsync(target)


def _fsync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Nobody else renumbers artefacts in ``folder`` meanwhile; the kernel lets go if we die."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
