"""Enrichment: one file through all enrichers, as far as it was not already.

What an enricher finds follows from the file and from the fields of the asset that it reads. So each step is
remembered under a hash of these, its edition and its settings: a newer enricher runs again by itself, and
those behind it only where what they read has changed.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from retrovue.errors import RetroVueError
from retrovue.library.catalog import Asset
from retrovue.library.enrichers import Enricher
from retrovue.library.finding import Unreadable
from retrovue.library.lock import LockError, parse_line, render_line
from retrovue.library.plugins import kind_of

#: What one enricher did to one asset: what it did it from, and the fields of the lock's line that it changed
#: (null: back to the default).
Step = tuple[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Looked:
    """An asset after all enrichers."""

    asset: Asset
    steps: Mapping[str, Step]  #: by kind
    ran: tuple[str, ...]  #: kinds of those that had to open the file


def made_by(enrichers: Iterable[Enricher]) -> tuple[tuple[str, int], ...]:
    """Kind and edition of each, in their order."""
    return tuple((kind_of(e.settings_model), e.edition) for e in enrichers)


def enrich(
    asset: Asset,
    location: Path,
    enrichers: Sequence[Enricher],
    known: Mapping[str, Step],
    wanted: Sequence[tuple[str, int]],
) -> Looked:
    """All ``enrichers`` in their order; the steps that are ``known`` are only repeated when they would come
    out otherwise. ``wanted``: kinds and editions as whoever asks has them.

    It may run on any machine. Raises ``Unreadable``.
    """
    if (here := made_by(enrichers)) != tuple(wanted):
        raise RetroVueError(
            f"the enrichers of a worker are {_named(here)}, and {_named(wanted)} are wanted",
            help="install the same RetroVue and the same plug-ins on every worker",
        )
    steps: dict[str, Step] = {}
    ran = []
    for enricher, (kind, _) in zip(enrichers, here, strict=True):
        basis = _basis(enricher, asset)
        step = known.get(kind)
        if step is not None and step[0] == basis and (repeated := _changed(asset, step[1])) is not None:
            asset = repeated
        else:
            found = enricher.enrich(asset, location)
            step, asset = (basis, _difference(asset, found)), found
            ran.append(kind)
        steps[kind] = step
    if asset.duration_us <= 0:
        raise Unreadable("no enricher could tell how long it lasts")
    return Looked(asset, steps, tuple(ran))


def _named(made: Iterable[tuple[str, int]]) -> str:
    return ", ".join(f"{kind} {edition}" for kind, edition in made)


def _basis(enricher: Enricher, asset: Asset) -> str:
    """sha256 of what its outcome depends on, but for the file."""
    values = json.loads(render_line(asset))
    reads = getattr(enricher, "reads", None)
    if reads is not None:
        values = {name: value for name, value in values.items() if name in reads}
    settings = getattr(enricher, "settings", None)
    said = repr((made_by([enricher]), settings, sorted(values.items())))
    return hashlib.sha256(said.encode()).hexdigest()


def _difference(before: Asset, after: Asset) -> Mapping[str, Any]:
    old, new = json.loads(render_line(before)), json.loads(render_line(after))
    return {name: new.get(name) for name in old.keys() | new.keys() if old.get(name) != new.get(name)}


def _changed(asset: Asset, difference: Mapping[str, Any]) -> Asset | None:
    """``None`` when that gives no asset."""
    values = json.loads(render_line(asset)) | difference
    line = json.dumps({name: value for name, value in values.items() if value is not None})
    try:
        changed = parse_line(asset.collection, line)
    except LockError:
        return None
    return replace(changed, size=asset.size, mtime_ns=asset.mtime_ns)


class Steps:
    """The steps of every file that was looked into; a database in the state directory.

    Each is kept as soon as it is done, so that an ingest that is killed goes on where it was. Deleting the
    file costs time, never truth; one that is damaged is begun anew.
    """

    def __init__(self, file: Path, writes: bool = True) -> None:
        """``writes`` false: what is kept is not."""
        self._file, self._writes = file, writes
        self._opened: sqlite3.Connection | None = None
        self._written = False

    def of(self, asset: Asset) -> Mapping[str, Step]:
        """By kind of enricher; nothing when the file was never looked into, or was another then."""
        row = self._ask("SELECT steps FROM file WHERE name = ?", (_name(asset),))
        if not row:
            return {}
        with contextlib.suppress(ValueError, TypeError, AttributeError):
            return {kind: (basis, found) for kind, (basis, found) in json.loads(row[0][0]).items()}
        return {}

    def keep(self, asset: Asset, steps: Mapping[str, Step]) -> None:
        """``asset`` as its source described it."""
        if not self._writes:
            return
        self._ask("INSERT OR REPLACE INTO file VALUES (?, ?)", (_name(asset), json.dumps(steps)))
        self._written = True

    def close(self, only: Iterable[Asset] | None = None) -> None:
        """Those of files that are none of ``only`` are forgotten."""
        if only is not None and self._written:
            names = {_name(asset) for asset in only}
            for (name,) in self._ask("SELECT name FROM file", ()):
                if name not in names:
                    self._ask("DELETE FROM file WHERE name = ?", (name,))
        if self._opened is not None:
            self._opened.close()
            self._opened = None

    def _ask(self, statement: str, values: tuple[str, ...]) -> list[tuple[str, ...]]:
        if not self._writes and not self._file.is_file():
            return []
        for attempt in (1, 2):
            try:
                return self._connection().execute(statement, values).fetchall()
            except sqlite3.DatabaseError as error:
                if isinstance(error, sqlite3.OperationalError) or attempt == 2 or not self._writes:
                    return []  # locked, or no room: it is only a memory
                self.close()
                self._file.unlink(missing_ok=True)
        return []

    def _connection(self) -> sqlite3.Connection:
        if self._opened is None:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            self._opened = sqlite3.connect(self._file, isolation_level=None, timeout=10)
            # What a power cut damages is begun anew: no need to wait for the disk at each file.
            self._opened.execute("PRAGMA synchronous = OFF")
            self._opened.execute("CREATE TABLE IF NOT EXISTS file (name TEXT PRIMARY KEY, steps TEXT)")
        return self._opened


def _name(asset: Asset) -> str:
    """Of a file as it is now, wherever its collection's folder stands."""
    said = repr((asset.collection, asset.path, asset.size, asset.mtime_ns))
    return hashlib.sha256(said.encode()).hexdigest()[:32]
