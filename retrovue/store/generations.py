"""Generations of the playlog: the next hours of every channel, cut from an artefact and kept beside it.

A generation is a small artefact of its own: the same tables and views, cited by the same content hash, with
the segments of the hours ahead, the guide, the assets they need, and one row that says which generation it
is. So whoever reads artefacts reads generations, and a station whose artefact is damaged and can't be
compiled again goes on with the newest one that covers the time.

A file is written beside its place, flushed to the disk and renamed: a reader sees a whole generation or
none. The last few are kept.
"""

from __future__ import annotations

import contextlib
import os
import re
from dataclasses import dataclass
from pathlib import Path

import duckdb

from retrovue.store import schema
from retrovue.store.artefact import Artefact, ArtefactError
from retrovue.units import HOUR_US

#: The state directory's folder.
FOLDER = "playlog"
#: How many generations are kept.
KEEP = 5
_NAME = re.compile(r"generation-(\d{6,9})\.duckdb")

#: The guide goes back this far from the playlog's beginning (µs).
_GUIDE_PAST_US = 24 * HOUR_US

#: What a generation has of a table; of one that is not named here, everything.
_OF_TABLE = {
    "segment": "WHERE end_us > $start AND start_us < $end",
    "schedule_event": "WHERE end_us > $start - $past",
    "fallback": "WHERE event_id IN (SELECT event_id FROM gen.schedule_event)",
    "asset": """
        WHERE asset_id IN (SELECT asset_id FROM gen.segment)
           OR ((credits <> '[]' OR len(artwork) > 0)
               AND asset_id IN (SELECT asset_id FROM gen.schedule_event))
           OR asset_id IN (SELECT f.asset_id FROM gen.fallback f JOIN gen.segment s USING (event_id))""",
    # What explains or continues a schedule is not needed to air it.
    **dict.fromkeys(
        ("checkpoint", "origin", "overridden", "pool", "spot", "entry", "input", "finding", "forced"),
        "WHERE false",
    ),
}

#: Those come first that others look at.
_FIRST = ("segment", "schedule_event", "fallback")


@dataclass(frozen=True, slots=True)
class Generation:
    """One generation on the disk."""

    number: int
    path: Path


@dataclass(frozen=True, slots=True)
class Cut:
    """The row of table ``generation``."""

    generation: int
    artefact: str  #: content hash
    cut_at_us: int  #: station time
    start_us: int
    end_us: int


def generations(folder: Path) -> list[Generation]:
    """What is in ``folder``, the newest first."""
    found = []
    if folder.is_dir():
        for path in folder.iterdir():
            match = _NAME.fullmatch(path.name)
            if match is not None:
                found.append(Generation(int(match[1]), path))
    return sorted(found, key=lambda g: -g.number)


def read_cut(artefact: Artefact) -> Cut | None:
    """Which generation an open artefact is; None for one that is none. Raises ``ArtefactError``."""
    try:
        rows = artefact.rows(f"SELECT * FROM art.{schema.GENERATION.name}")  # noqa: S608  our own word
    except ArtefactError:
        return None
    return Cut(*rows[0]) if len(rows) == 1 else None


def write(artefact: Artefact, folder: Path, cut: Cut, keep: int = KEEP) -> Path:
    """Keep ``[cut.start_us, cut.end_us)`` of ``artefact`` as that generation, and no more than ``keep``.

    Raises ``ArtefactError`` when it can't be written; those that are there stay.
    """
    path = folder / f"generation-{cut.generation:06}.duckdb"
    beside = folder / f".{path.name}.new"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for left in folder.glob(".generation-*.new*"):  # somebody died while writing
            left.unlink(missing_ok=True)
        try:
            artefact.cut(beside, lambda connection: _fill(connection, cut))
            _fsync(beside)
            beside.replace(path)
            _fsync(folder)
        finally:
            beside.unlink(missing_ok=True)
            beside.with_name(beside.name + ".wal").unlink(missing_ok=True)
        for old in generations(folder)[keep:]:
            with contextlib.suppress(OSError):
                old.path.unlink()
    except (OSError, duckdb.Error) as error:
        first = str(error).partition("\n")[0]
        raise ArtefactError(
            f"generation {cut.generation} of the playlog can't be written to {folder}: {first}",
            help="is the disk full, or the folder read-only?",
        ) from error
    return path


def _fill(connection: duckdb.DuckDBPyConnection, cut: Cut) -> None:
    """Fill the empty database ``gen`` from the artefact, ``art``."""
    values = {"start": cut.start_us, "end": cut.end_us, "past": _GUIDE_PAST_US}
    tables = sorted(schema.TABLES, key=lambda t: (t.name not in _FIRST, t.name == "asset"))
    for table in tables:
        where = _OF_TABLE.get(table.name, "")
        used = {name: value for name, value in values.items() if f"${name}" in where}
        connection.execute(f"CREATE TABLE gen.{table.name} AS SELECT * FROM art.{table.name} {where}", used)  # noqa: S608  our own words
    connection.execute("USE gen")
    try:
        connection.execute(schema.GENERATION.ddl)
        connection.execute(
            f"INSERT INTO {schema.GENERATION.name} VALUES (?, ?, ?, ?, ?)",  # noqa: S608  our own word
            [cut.generation, cut.artefact, cut.cut_at_us, cut.start_us, cut.end_us],
        )
        for view in schema.VIEWS:
            connection.execute(view.ddl)
    finally:
        connection.execute("USE memory")
    connection.execute("CHECKPOINT gen")


def _fsync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
