"""Artefact: write a new file, fsync, rename; open read-only.

A half-written file never bears the artefact's name: rows go to a file beside it, which is flushed to
disk and then renamed, so a reader sees the old artefact or the new one, whole. Readers that have the
old one open keep it until they close it.
"""

from __future__ import annotations

import csv
import json
import os
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from types import TracebackType
from typing import Any

import duckdb

from retrovue.compiler.model import (
    Checkpoint,
    Compiled,
    CompiledChannel,
    CompiledSynthetic,
    ScheduleEvent,
    Segment,
    SegmentKind,
)
from retrovue.errors import RetroVueError
from retrovue.library.catalog import Asset, AssetState
from retrovue.store import schema
from retrovue.units import from_us

#: No extension is ever fetched or loaded behind the operator's back; one thread and little memory are
#: plenty for an artefact, and the machine's cores belong to the encoders.
_CONFIG: dict[str, str | bool | int | float | list[str]] = {
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "threads": "1",
    "memory_limit": "256MB",
}

_RECOMPILE = "compile the station again: retrovue compile STATION"


class ArtefactError(RetroVueError):
    """The file is missing, no artefact, damaged, or of another version."""


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where an artefact came from; no part of its content hash."""

    as_of_us: int
    built_at_us: int
    compiler_version: str
    sources_hash: str = ""
    catalog_hash: str = ""
    revision: str = ""  #: git commit of the station folder; empty when unknown


@dataclass(frozen=True, slots=True)
class ArtefactHeader:
    """The row of table ``artefact``. ``[start_us, end_us)`` is covered by every channel."""

    schema_version: int
    content_hash: str
    station: str
    name: str
    timezone: str
    first_day: date
    last_day: date
    start_us: int
    end_us: int
    as_of: datetime  #: UTC
    compiler_version: str
    sources_hash: str
    catalog_hash: str
    revision: str
    built_at: datetime  #: UTC


# --- writing ---------------------------------------------------------------------------------------

_NULL = "\\N"
_Row = Sequence[Any]


def write_artefact(path: Path, compiled: Compiled, provenance: Provenance) -> None:
    """Publish ``compiled`` under ``path``, whole or not at all.

    Raises ``ArtefactError`` when the folder can't be written; the old file, if any, stays.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _remove(beside)
        try:
            _fill(beside, compiled, provenance)
            _fsync(beside)
            beside.replace(path)
            _fsync(path.parent)
        finally:
            _remove(beside)
    except (OSError, duckdb.Error) as error:
        raise ArtefactError(
            f"can't write the artefact {path}: {error}", help="is the disk full, or the folder read-only?"
        ) from error


def _remove(database: Path) -> None:
    database.unlink(missing_ok=True)
    database.with_name(database.name + ".wal").unlink(missing_ok=True)


def _fsync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _fill(file: Path, compiled: Compiled, provenance: Provenance) -> None:
    with (
        tempfile.TemporaryDirectory(prefix=".rows-", dir=file.parent) as rows_folder,
        duckdb.connect(str(file), config=_CONFIG) as connection,
    ):
        for table, rows in _rows(compiled, provenance):
            connection.execute(table.ddl)
            _insert(connection, table, rows, Path(rows_folder) / f"{table.name}.csv")
        for view in schema.VIEWS:
            connection.execute(view)
        connection.execute("CHECKPOINT")


def _insert(
    connection: duckdb.DuckDBPyConnection, table: schema.Table, rows: Iterable[_Row], file: Path
) -> None:
    """Through a CSV file: 2 µs a row, fifty times as fast as ``executemany`` and with no dependency."""
    with file.open("w", encoding="utf-8", newline="") as handle:
        csv.writer(handle, lineterminator="\n").writerows(rows)
    if not file.stat().st_size:
        return
    columns = ", ".join(
        f"'{name}': '{'VARCHAR' if kind.endswith('[]') else kind}'" for name, kind in table.columns
    )
    values = ", ".join(
        f"from_json({name}, '[\"{kind[:-2]}\"]')" if kind.endswith("[]") else name
        for name, kind in table.columns
    )
    connection.execute(
        f"INSERT INTO {table.name} SELECT {values} FROM read_csv(?, columns={{{columns}}}, header=false, "  # noqa: S608  names from schema.py
        "auto_detect=false, delim=',', quote='\"', escape='\"', nullstr=?, new_line='\\n', parallel=false, "
        "max_line_size=10000000)",
        [str(file), _NULL],
    )


def _or_null(value: object) -> object:
    return _NULL if value is None else value


def _rows(compiled: Compiled, provenance: Provenance) -> Iterator[tuple[schema.Table, Iterable[_Row]]]:
    yield (
        schema.ARTEFACT,
        [
            (
                schema.SCHEMA_VERSION,
                compiled.content_hash,
                compiled.station,
                compiled.name,
                compiled.timezone,
                compiled.first_day,
                compiled.last_day,
                compiled.start_us,
                compiled.end_us,
                from_us(provenance.as_of_us).replace(tzinfo=None),
                provenance.compiler_version,
                provenance.sources_hash,
                provenance.catalog_hash,
                provenance.revision,
                from_us(provenance.built_at_us).replace(tzinfo=None),
            )
        ],
    )
    yield schema.CHANNEL, (_channel_row(c) for c in compiled.channels)
    yield schema.SYNTHETIC, ((s.synthetic, s.shows, s.title, s.text) for s in compiled.synthetics)
    yield schema.ASSET, (_asset_row(a) for a in compiled.assets)
    yield schema.SCHEDULE_EVENT, (_event_row(e) for day in compiled.days for e in day.events)
    yield schema.SEGMENT, (_segment_row(s) for day in compiled.days for s in day.playlist)
    yield (
        schema.FALLBACK,
        (
            (event.event_id, position, asset_id)
            for day in compiled.days
            for event in day.events
            for position, asset_id in enumerate(event.fallbacks)
        ),
    )
    yield (
        schema.CHECKPOINT,
        (
            (day.channel, day.broadcast_date, cursor, value)
            for day in compiled.days
            for cursor, value in sorted(day.checkpoint.items())
        ),
    )


def _channel_row(c: CompiledChannel) -> _Row:
    return (
        c.channel,
        c.number,
        c.vchannel,
        c.name,
        c.callsign,
        c.guide_id,
        c.group,
        c.logo,
        c.grid_us,
        c.day_start_minutes,
        c.raster,
        c.rate,
        c.preset,
        c.video_kbps,
        c.audio_kbps,
        c.position,
    )


def _asset_row(a: Asset) -> _Row:
    return (
        a.id,
        a.collection,
        a.key,
        a.path,
        a.size,
        a.duration_us,
        a.frames,
        a.rate,
        a.width,
        a.height,
        a.sar,
        a.interlaced,
        a.video_codec,
        a.audio_codec,
        a.audio_channels,
        json.dumps(a.marks_us),
        a.title,
        a.series,
        _or_null(a.season),
        _or_null(a.episode),
        _or_null(a.year),
        a.date,
        a.description,
        a.rating,
        json.dumps(a.tags, ensure_ascii=False),
        a.advertiser,
        a.category,
        json.dumps(dict(sorted(a.extra.items())), ensure_ascii=False),
    )


def _event_row(e: ScheduleEvent) -> _Row:
    return (
        e.event_id,
        e.channel,
        e.broadcast_date,
        e.start_us,
        e.end_us,
        e.title,
        e.subtitle,
        e.description,
        _or_null(e.season),
        _or_null(e.episode),
        _or_null(e.year),
        e.original_date,
        json.dumps(e.categories, ensure_ascii=False),
        e.rating,
        e.kind,
        e.program,
        e.asset_id,
        e.plan,
        e.zone,
        e.written_at,
    )


def _segment_row(s: Segment) -> _Row:
    return (
        s.channel,
        s.broadcast_date,
        s.seq,
        s.start_us,
        s.end_us,
        s.kind.value,
        s.event_id,
        s.asset_id,
        s.in_us,
        s.synthetic,
        s.title,
        s.pool,
    )


# --- reading ---------------------------------------------------------------------------------------

_EVENTS = (
    "SELECT e.*, (SELECT list(f.asset_id ORDER BY f.position) FROM art.fallback f "
    "WHERE f.event_id = e.event_id) FROM art.schedule_event e "
)


class Artefact:
    """What will air, read-only. Not for use from several threads at once.

    Instants are microseconds since the Unix epoch. A file that is replaced while it is open keeps
    answering from the old content; open it again to see the new.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, path: Path, header: ArtefactHeader) -> None:
        self._connection = connection
        self.path = path
        self.header = header
        self.channels: tuple[CompiledChannel, ...] = tuple(
            CompiledChannel(*row) for row in self._rows("SELECT * FROM art.channel ORDER BY position")
        )
        self.synthetics: dict[str, CompiledSynthetic] = {
            row[0]: CompiledSynthetic(*row)
            for row in self._rows("SELECT * FROM art.synthetic ORDER BY synthetic")
        }

    @classmethod
    def open(cls, path: Path) -> Artefact:
        """Open and verify. Raises ``ArtefactError`` for a missing, foreign, damaged or other-version file."""
        if not path.is_file():
            raise ArtefactError(f"there is no artefact at {path}", help=_RECOMPILE)
        # An in-memory database with the file attached: duckdb.connect(path) would hand out the
        # instance that another reader in this process still has open on the replaced file.
        connection = duckdb.connect(":memory:", config=_CONFIG)
        try:
            connection.execute(f"ATTACH {_quoted(str(path))} AS art (READ_ONLY)")
            header = _header(connection, path)
            return cls(connection, path, header)
        except duckdb.Error as error:
            connection.close()
            raise ArtefactError(f"{path} is no RetroVue artefact, or is damaged", help=_RECOMPILE) from error
        except BaseException:
            connection.close()
            raise

    def events(self, channel: str, start_us: int, end_us: int) -> list[ScheduleEvent]:
        """Events of ``channel`` that touch ``[start_us, end_us)``, in order."""
        return [
            _event(row)
            for row in self._rows(
                _EVENTS + "WHERE e.channel = ? AND e.end_us > ? AND e.start_us < ? ORDER BY e.start_us",
                [channel, start_us, end_us],
            )
        ]

    def event(self, event_id: int) -> ScheduleEvent | None:
        """One event by its guide id."""
        rows = self._rows(_EVENTS + "WHERE e.event_id = ?", [event_id])
        return _event(rows[0]) if rows else None

    def segments(self, channel: str, start_us: int, end_us: int) -> list[Segment]:
        """Segments of ``channel`` that touch ``[start_us, end_us)``, in order: no gap, no overlap."""
        return [
            Segment(
                channel=row[0],
                broadcast_date=row[1],
                seq=row[2],
                start_us=row[3],
                end_us=row[4],
                kind=SegmentKind(row[5]),
                event_id=row[6],
                asset_id=row[7],
                in_us=row[8],
                synthetic=row[9],
                title=row[10],
                pool=row[11],
            )
            for row in self._rows(
                "SELECT * FROM art.segment "
                "WHERE channel = ? AND end_us > ? AND start_us < ? ORDER BY start_us",
                [channel, start_us, end_us],
            )
        ]

    def asset(self, asset_id: str) -> Asset | None:
        """One asset that may air, fallbacks included."""
        rows = self._rows("SELECT * FROM art.asset WHERE asset_id = ?", [asset_id])
        return _asset(rows[0]) if rows else None

    def checkpoint(self, broadcast_date: date) -> Checkpoint | None:
        """Where the rotations stood at the end of ``broadcast_date``; None when it isn't covered."""
        if not self.header.first_day <= broadcast_date <= self.header.last_day:
            return None
        cursors: dict[str, dict[str, str]] = {channel.channel: {} for channel in self.channels}
        for channel, cursor, value in self._rows(
            "SELECT channel, cursor, value FROM art.checkpoint WHERE broadcast_date = ? ORDER BY ALL",
            [broadcast_date],
        ):
            cursors[channel][cursor] = value
        return Checkpoint(broadcast_date, cursors)

    def release(self) -> duckdb.DuckDBPyConnection:
        """The connection itself, with the artefact attached as ``art``; the caller closes it."""
        return self._connection

    def close(self) -> None:
        """Give the file back; idempotent."""
        self._connection.close()

    def __enter__(self) -> Artefact:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _rows(self, query: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        try:
            return self._connection.execute(query, list(parameters)).fetchall()
        except duckdb.Error as error:
            raise ArtefactError(f"can't read the artefact {self.path}: {error}", help=_RECOMPILE) from error


def _quoted(text: str) -> str:
    """A SQL string literal; ATTACH takes no parameters."""
    return "'" + text.replace("'", "''") + "'"


def _header(connection: duckdb.DuckDBPyConnection, path: Path) -> ArtefactHeader:
    tables = {
        row[0]
        for row in connection.execute(
            "SELECT table_name FROM duckdb_tables() WHERE database_name = 'art'"
        ).fetchall()
    }
    if schema.ARTEFACT.name not in tables:
        raise ArtefactError(f"{path} is a DuckDB file, but no RetroVue artefact", help=_RECOMPILE)
    version = connection.execute("SELECT max(schema_version) FROM art.artefact").fetchall()[0][0]
    if version != schema.SCHEMA_VERSION:
        raise ArtefactError(
            f"{path} has artefact version {version}; this RetroVue reads version {schema.SCHEMA_VERSION}",
            help=_RECOMPILE,
        )
    if missing := {table.name for table in schema.TABLES} - tables:
        raise ArtefactError(f"{path} lacks the table {min(missing)}", help=_RECOMPILE)
    rows = connection.execute("SELECT * FROM art.artefact").fetchall()
    if len(rows) != 1:
        raise ArtefactError(f"{path} has {len(rows)} rows in its table artefact, not one", help=_RECOMPILE)
    row = list(rows[0])
    for column in ("as_of", "built_at"):
        index = schema.ARTEFACT.names.index(column)
        row[index] = row[index].replace(tzinfo=UTC)
    return ArtefactHeader(*row)


def _event(row: tuple[Any, ...]) -> ScheduleEvent:
    values = dict(zip(schema.SCHEDULE_EVENT.names, row, strict=False))
    values["categories"] = tuple(values["categories"] or ())
    return ScheduleEvent(**values, fallbacks=tuple(row[-1] or ()))


def _asset(row: tuple[Any, ...]) -> Asset:
    values = dict(zip(schema.ASSET.names[1:], row[1:], strict=True))
    for column in ("marks_us", "tags"):
        values[column] = tuple(values[column] or ())
    values["extra"] = json.loads(values["extra"])
    return Asset(state=AssetState.READY, approved=True, **values)
