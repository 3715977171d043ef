"""Known files: what ingest remembers of the files that it has seen; a database in the state directory.

Of each file by its path: size, time of modification, fingerprint of its content, what its asset was made from
and which line of the lock came of it, or why it can't be used. And of each content what every enricher found
in it, so that a file which was touched, moved or copied need not be looked into again. And which content an
asset had when its approval was taken back: that content airs under no other name either.

All of it follows from the media: deleting the database costs time, and with it ingest forgets which file
became which when a file is renamed. One that is damaged, or of another edition, is begun anew.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from retrovue.library.enrichment import Step
from retrovue.small_file import is_file

#: Raise it whenever the tables change.
_EDITION = 1
_TABLES = """
CREATE TABLE IF NOT EXISTS file (collection TEXT, path TEXT, size INTEGER, mtime_ns INTEGER, content BLOB,
    basis BLOB, line BLOB, fault TEXT, PRIMARY KEY (collection, path)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS content (content BLOB PRIMARY KEY, steps TEXT) WITHOUT ROWID;
"""
#: Of its own: what an older edition remembers is good without it.
_BARRED = "CREATE TABLE IF NOT EXISTS barred (asset TEXT PRIMARY KEY, content BLOB) WITHOUT ROWID"

#: Files of one size that are thought of when another turns up.
_MOST_ALIKE = 4
#: Changes that are written together; what enrichers found is written at once.
_TOGETHER = 1000
#: The largest number that the database takes: a clock may be off by more.
_LARGEST = (1 << 63) - 1


class Known(NamedTuple):
    """What is remembered of one file."""

    size: int  #: bytes
    mtime_ns: int  #: as ``mtime_of`` gives it
    content: bytes  #: its fingerprint
    basis: bytes = b""  #: hash of all that its asset was made from, but for its content
    line: bytes = b""  #: hash of its line of the lock; empty: it has something to tell each time
    fault: str = ""  #: why it can't be used, and behind a NUL what to do


def mtime_of(mtime_ns: int) -> int:
    """A time of modification as it is kept."""
    return max(-_LARGEST, min(mtime_ns, _LARGEST))


class KnownFiles:
    """Everything that is remembered; read when it is first asked for."""

    def __init__(self, file: Path | None = None, writes: bool = True) -> None:
        """``file`` None: only for as long as this lives. ``writes`` false: what is new is not kept."""
        self._file, self._writes = file, writes and file is not None
        self._opened: sqlite3.Connection | None = None
        self._pending = 0
        self._read: dict[str, dict[str, Known]] | None = None
        self._sizes: dict[int, list[bytes]] | None = None
        self._new: dict[bytes, Mapping[str, Step]] = {}
        self._barred: dict[str, bytes] | None = None

    def of(self, collection: str, path: str) -> Known | None:
        """What is known of the file that was there."""
        return self._files().get(collection, {}).get(path)

    def __iter__(self) -> Iterator[tuple[str, str, Known]]:
        """Collection, path and the rest of each file."""
        for collection, files in self._files().items():
            for path, known in files.items():
                yield collection, path, known

    def steps(self, content: bytes) -> Mapping[str, Step]:
        """What enrichers found in it; nothing when none was asked."""
        if content in self._new:
            return self._new[content]
        rows = self._ask("SELECT steps FROM content WHERE content = ?", (content,))
        with contextlib.suppress(ValueError, TypeError, AttributeError, IndexError):
            return {kind: (basis, found) for kind, (basis, found) in json.loads(rows[0][0]).items()}
        return {}

    def alike(self, size: int) -> tuple[bytes, ...]:
        """The contents of this size; a few where there are many."""
        if self._sizes is None:
            self._sizes = {}
            for _, _, known in self:
                self._of_size(known)
        return tuple(self._sizes.get(size, ()))

    def remember(self, collection: str, path: str, known: Known) -> None:
        """From now on this is known of the file; what was is forgotten."""
        self._files().setdefault(collection, {})[path] = known
        if self._sizes is not None:
            self._of_size(known)
        self._write("INSERT OR REPLACE INTO file VALUES (?, ?, ?, ?, ?, ?, ?, ?)", (collection, path, *known))

    def keep(self, content: bytes, steps: Mapping[str, Step]) -> None:
        """What enrichers found in it. Written at once: an ingest that is killed goes on from here."""
        if not self._writes:
            self._new[content] = steps
            return
        self._write("INSERT OR REPLACE INTO content VALUES (?, ?)", (content, json.dumps(steps)))
        self._commit()

    def forget(self, names: Iterable[tuple[str, str]]) -> None:
        """The files at these collections and paths, and contents that no other file has."""
        some = False
        for collection, path in names:
            some = self._files().get(collection, {}).pop(path, None) is not None or some
            self._write("DELETE FROM file WHERE collection = ? AND path = ?", (collection, path))
        if some:
            self._write("DELETE FROM content WHERE content NOT IN (SELECT content FROM file)", ())

    def barred(self) -> Mapping[str, bytes]:
        """The contents that assets had when their approval was taken back, by their ids."""
        if self._barred is None:
            self._barred = dict(self._ask("SELECT asset, content FROM barred"))
        return self._barred

    def bar(self, barred: Mapping[str, bytes]) -> None:
        """From now on these are."""
        if (before := dict(self.barred())) == barred:
            return
        self._barred = dict(barred)
        for asset_id in before.keys() - barred.keys():
            self._write("DELETE FROM barred WHERE asset = ?", (asset_id,))
        for asset_id, content in barred.items() - before.items():
            self._write("INSERT OR REPLACE INTO barred VALUES (?, ?)", (asset_id, content))

    def close(self) -> None:
        """What is not written yet is."""
        self._commit()
        if self._opened is not None:
            self._opened.close()
            self._opened = None

    def _of_size(self, known: Known) -> None:
        assert self._sizes is not None
        alike = self._sizes.setdefault(known.size, [])
        if known.content and known.content not in alike and len(alike) < _MOST_ALIKE:
            alike.append(known.content)

    def _files(self) -> dict[str, dict[str, Known]]:
        if self._read is None:
            self._read = {}
            rows = self._ask("SELECT collection, path, size, mtime_ns, content, basis, line, fault FROM file")
            with contextlib.suppress(TypeError):
                for collection, path, *rest in rows:
                    self._read.setdefault(collection, {})[path] = Known(*rest)
        return self._read

    def _write(self, statement: str, values: tuple[Any, ...]) -> None:
        if not self._writes:
            return
        if not self._pending:
            self._ask("BEGIN")
        self._ask(statement, values)
        self._pending += 1
        if self._pending >= _TOGETHER:
            self._commit()

    def _commit(self) -> None:
        if self._pending:
            self._pending = 0
            self._ask("COMMIT")

    def _ask(self, statement: str, values: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        if self._file is None or (not self._writes and not is_file(self._file)):
            return []
        for attempt in (1, 2):
            try:
                return self._connection(self._file).execute(statement, values).fetchall()
            except sqlite3.DatabaseError as error:
                if isinstance(error, sqlite3.OperationalError) or attempt == 2 or not self._writes:
                    return []  # locked, or no room: it is only a memory
                self._begin_anew(self._file)
        return []

    def _connection(self, file: Path) -> sqlite3.Connection:
        if self._opened is None:
            file.parent.mkdir(parents=True, exist_ok=True)
            self._opened = sqlite3.connect(file, isolation_level=None, timeout=10)
            # What a power cut damages is begun anew: no need to wait for the disk at each file.
            self._opened.execute("PRAGMA synchronous = OFF")
            (edition,) = self._opened.execute("PRAGMA user_version").fetchone()
            if edition != _EDITION and self._writes:
                if edition:
                    self._begin_anew(file)
                    return self._connection(file)
                self._opened.executescript(f"{_TABLES} PRAGMA user_version = {_EDITION}")
            if self._writes:
                self._opened.execute(_BARRED)
        return self._opened

    def _begin_anew(self, file: Path) -> None:
        if self._opened is not None:
            self._opened.close()
            self._opened = None
        file.unlink(missing_ok=True)
