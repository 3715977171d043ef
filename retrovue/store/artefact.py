"""Artefact: what will air, opened read-only.

A file that is replaced while it is open keeps answering from the old content. Who writes it: publish.py.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date
from functools import lru_cache
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import duckdb

from retrovue.compiler.model import (
    ArtefactHeader,
    Checkpoint,
    CompiledChannel,
    CompiledOverlay,
    CompiledSynthetic,
    CompiledTemplate,
    Delivery,
    FillReport,
    Finding,
    ScheduleEvent,
    Segment,
    SegmentKind,
)
from retrovue.credits import Credit
from retrovue.database import settings
from retrovue.diagnostics import Diagnostic, Label, Severity, Span
from retrovue.errors import RetroVueError
from retrovue.library.catalog import PARTS, Asset, AssetState
from retrovue.store import schema

# A reader of the guide needs none of these, and is to answer at once.
if TYPE_CHECKING:
    from retrovue.compiler.base import Base
    from retrovue.compiler.reasons import Reasons

_RECOMPILE = "compile the station again: retrovue compile STATION"


class ArtefactError(RetroVueError):
    """The file is missing, no artefact, damaged, or of another version."""


class ForeignFile(ArtefactError):
    """The file is something else altogether, and not ours to overwrite."""


#: Begins the name of the input that is a channel's own hash (compiler/inputs.py).
CHANNEL_INPUT = "channel "

#: Rows of a long answer that are values at once.
_AT_ONCE = 2000

_EVENTS = (
    "SELECT e.*, (SELECT list(f.asset_id ORDER BY f.position) FROM art.fallback f "
    "WHERE f.event_id = e.event_id), a.credits, a.artwork[1] "
    "FROM art.schedule_event e LEFT JOIN art.asset a ON a.asset_id = e.asset_id "
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
            _channel(row) for row in self._rows("SELECT * FROM art.channel ORDER BY position")
        )
        self.synthetics: dict[str, CompiledSynthetic] = {
            row[0]: CompiledSynthetic(*row)
            for row in self._rows("SELECT * FROM art.synthetic ORDER BY synthetic")
        }
        self.overlays: dict[str, CompiledOverlay] = {
            row[0]: CompiledOverlay(*row) for row in self._rows("SELECT * FROM art.overlay ORDER BY overlay")
        }
        self.templates: dict[str, str] = {
            row.template: row.text
            for row in (CompiledTemplate(*r) for r in self._rows("SELECT * FROM art.template"))
        }

    @classmethod
    def open(cls, path: Path) -> Artefact:
        """Open and verify. Raises ``ArtefactError`` for a missing, foreign, damaged or other-version file."""
        if not path.is_file():
            if path.exists():
                raise ForeignFile(f"{path} is no file, and so no RetroVue artefact", help=_RECOMPILE)
            raise ArtefactError(f"there is no artefact at {path}", help=_RECOMPILE)
        if _is_foreign(path):
            raise ForeignFile(f"{path} is no RetroVue artefact", help=_RECOMPILE)
        # An in-memory database with the file attached: duckdb.connect(path) would hand out the
        # instance that another reader in this process still has open on the replaced file.
        connection = duckdb.connect(":memory:", config=settings())
        try:
            connection.execute(f"ATTACH {quoted(str(path))} AS art (READ_ONLY)")
            header = _header(connection, path)
            return cls(connection, path, header)
        except duckdb.Error as error:
            connection.close()
            raise ArtefactError(
                f"{path} is half-written or damaged: no RetroVue artefact any more", help=_RECOMPILE
            ) from error
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

    def events_since(self, channel: str, broadcast_date: date) -> list[ScheduleEvent]:
        """Events of ``channel`` that start on that broadcast date or later, in order."""
        query = _EVENTS + "WHERE e.channel = ? AND e.broadcast_date >= ? ORDER BY e.start_us"
        return [_event(row) for row in self._rows(query, [channel, broadcast_date])]

    def event(self, event_id: int) -> ScheduleEvent | None:
        """One event by its guide id."""
        rows = self._rows(_EVENTS + "WHERE e.event_id = ?", [event_id])
        return _event(rows[0]) if rows else None

    def segments(self, channel: str, start_us: int, end_us: int) -> list[Segment]:
        """Segments of ``channel`` that touch ``[start_us, end_us)``, in order: no gap, no overlap."""
        return [
            _segment(row)
            for row in self._rows(
                "SELECT * FROM art.segment "
                "WHERE channel = ? AND end_us > ? AND start_us < ? ORDER BY start_us",
                [channel, start_us, end_us],
            )
        ]

    def asset(self, asset_id: str) -> Asset | None:
        """One asset of a playlist, fallbacks included."""
        rows = self._rows("SELECT * FROM art.asset WHERE asset_id = ?", [asset_id])
        return _asset(rows[0]) if rows else None

    def all_events(self) -> Iterator[ScheduleEvent]:
        """Every event, channel by channel in the order of the lineup, by time."""
        query = _EVENTS + "JOIN art.channel c USING (channel) ORDER BY c.position, e.start_us"
        return map(_event, self._stream(query))

    def all_segments(self, start_us: int, end_us: int) -> Iterator[Segment]:
        """The segments of all channels that touch ``[start_us, end_us)``, in the same order."""
        return map(
            _segment,
            self._stream(
                "SELECT s.* FROM art.segment s JOIN art.channel c USING (channel) "
                "WHERE s.end_us > ? AND s.start_us < ? ORDER BY c.position, s.start_us",
                [start_us, end_us],
            ),
        )

    def assets(self, start_us: int, end_us: int) -> Iterator[Asset]:
        """What may air in segments that touch ``[start_us, end_us)``, fallbacks included."""
        return map(
            _asset,
            self._stream(
                "WITH s AS (SELECT asset_id, event_id FROM art.segment WHERE end_us > ? AND start_us < ?) "
                "SELECT * FROM art.asset WHERE asset_id IN (SELECT asset_id FROM s) OR asset_id IN "
                "(SELECT f.asset_id FROM art.fallback f WHERE f.event_id IN (SELECT event_id FROM s)) "
                "ORDER BY asset_id",
                [start_us, end_us],
            ),
        )

    def uses(self, start_us: int, end_us: int) -> Iterator[tuple[str, str, str, int, int, int, str, int]]:
        """Which assets air in segments that touch ``[start_us, end_us)``, those that come first first: id,
        collection, path; first airing from then on, least and greatest offset into it; the channel that airs
        it first, and when its last airing there ends (instants and offsets in µs)."""
        return self._stream(
            "SELECT asset_id, collection, path, min(greatest(start_us, ?)), min(in_us), "
            "max(in_us + end_us - start_us), arg_min(channel, start_us), max(end_us) "
            "FROM art.segment JOIN art.asset USING (asset_id) "
            "WHERE end_us > ? AND start_us < ? AND state = 'ready' AND approved GROUP BY ALL ORDER BY 4, 1",
            [start_us, start_us, end_us],
        )

    def entry_points(self, asset_id: str) -> dict[str, tuple[int, ...]]:
        """Channel → where its segments begin in the asset (µs); none where it only stands in for another."""
        found = self._rows(
            "SELECT channel, list_sort(list(DISTINCT in_us)) FROM art.segment WHERE asset_id = ? GROUP BY 1",
            [asset_id],
        )
        standing_in = self._rows(
            "SELECT DISTINCT channel FROM art.fallback AS f JOIN art.schedule_event USING (event_id) "
            "WHERE f.asset_id = ?",
            [asset_id],
        )
        return {row[0]: () for row in standing_in} | {row[0]: tuple(row[1]) for row in found}

    def every_entry_point(self) -> dict[str, dict[str, tuple[int, ...]]]:
        """Asset → channel → where its segments begin in it (µs); of all that is in a playlist."""
        found: dict[str, dict[str, tuple[int, ...]]] = {}
        for asset_id, channel, points in self._rows(
            "SELECT asset_id, channel, list_sort(list(DISTINCT in_us)) FROM art.segment "
            "WHERE asset_id <> '' GROUP BY 1, 2"
        ):
            found.setdefault(asset_id, {})[channel] = tuple(points)
        return found

    def first_airings(self, start_us: int, end_us: int) -> list[tuple[int, str, str]]:
        """(start, asset, channel) of each asset's first segment on each channel that is on the air between
        the two instants, those that come first first."""
        return [
            (start, asset_id, channel)
            for start, asset_id, channel in self._rows(
                "SELECT min(start_us), asset_id, channel FROM art.segment "
                "WHERE asset_id <> '' AND end_us > ? AND start_us < ? GROUP BY 2, 3 ORDER BY ALL",
                [start_us, end_us],
            )
        ]

    def reasons(self, channel: str, at_us: int) -> Reasons:
        """Why ``channel`` airs what it airs at ``at_us``: who asked, and who gave way there."""
        from retrovue.compiler.reasons import Entry, Origin, Overridden, PoolRules, Reasons, SpotRules

        found = self.events(channel, at_us, at_us + 1)
        asked = [(e.plan, e.zone, e.program) for e in found]
        segments = self.segments(channel, at_us, at_us + 1)
        origins = [
            Origin(*_tuples(row))
            for plan, zone, program in asked
            for row in self._rows(
                "SELECT * FROM art.origin WHERE channel = ? AND plan = ? AND zone = ? AND program = ?",
                [channel, plan, zone, program],
            )
        ]
        # What ruled when the programme started, not what rules now: it may have run over.
        start_us = found[0].start_us if found else at_us
        overridden = [
            Overridden(*row)
            for row in self._rows(
                "SELECT * FROM art.overridden "
                "WHERE channel = ? AND start_us <= ? AND end_us > ? ORDER BY ALL",
                [channel, start_us, start_us],
            )
        ]
        pools = [
            PoolRules(*_tuples(row))
            for s in segments
            for row in self._rows("SELECT * FROM art.pool WHERE pool = ?", [s.pool])
        ]
        spots = [
            SpotRules(*_tuples(row))
            for s in segments
            for row in self._rows("SELECT * FROM art.spot WHERE asset_id = ? ORDER BY spot", [s.asset_id])
        ]
        entries = [
            Entry(*row)
            for e in found
            for row in self._rows("SELECT * FROM art.entry WHERE written_at = ?", [e.written_at])
        ]
        return Reasons(
            tuple(origins), tuple(overridden), tuple(pools), tuple(spots), tuple(dict.fromkeys(entries))
        )

    def aired_before(self, event: ScheduleEvent) -> ScheduleEvent | None:
        """What the same zone last aired of the same program before ``event``; None when the artefact
        doesn't go back that far."""
        rows = self._rows(
            _EVENTS
            + "WHERE e.channel = ? AND e.plan = ? AND e.zone = ? AND e.program = ? AND e.start_us < ? "
            "ORDER BY e.start_us DESC LIMIT 1",
            [event.channel, event.plan, event.zone, event.program, event.start_us],
        )
        return _event(rows[0]) if rows else None

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

    def inputs(self) -> dict[str, str]:
        """What it was made from, by name."""
        return dict(self._rows("SELECT name, value FROM art.input"))

    def counts(self) -> tuple[int, int]:
        """How many events and segments it has."""
        ((events, segments),) = self._rows(
            "SELECT (SELECT count(*) FROM art.schedule_event), (SELECT count(*) FROM art.segment)"
        )
        return events, segments

    def findings(self) -> list[Diagnostic]:
        """What was found when it was made, each thing once, in order."""
        from retrovue.compiler.findings import once

        rows = self._rows("SELECT finding FROM art.finding ORDER BY rowid")
        return list(once(finding(json.loads(text)) for (text,) in rows))

    def base(self, first_day: date | None = None, published: bool = True) -> Base:
        """The schedule as what a new compile goes on from: the days from ``first_day`` on, and the one
        before it. What is in them is read when it is asked for, from this artefact, open."""
        from retrovue.store.base_rows import read_base

        return read_base(self, first_day, published)

    def rows(self, query: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """What ``query`` finds; the artefact is ``art`` in it. Raises ``ArtefactError``."""
        return self._rows(query, parameters)

    def columns(self, query: str, parameters: Sequence[Any] = ()) -> list[Any]:
        """What ``query`` finds, a numpy array of numbers a column. Raises ``ArtefactError``."""
        with self.connection() as connection:
            return [*connection.execute(query, list(parameters)).fetchnumpy().values()]

    @contextmanager
    def connection(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Where the artefact is attached as ``art``. What DuckDB can't read raises ``ArtefactError``."""
        try:
            yield self._connection
        except duckdb.Error as error:
            raise self._damaged(error) from error

    def cut(self, file: Path, fill: Callable[[duckdb.DuckDBPyConnection], None]) -> None:
        """Make the database ``file``; ``fill`` sees the artefact as ``art`` and the new one as ``gen``.

        Raises ``duckdb.Error``.
        """
        # Small blocks: most tables have little or nothing in them.
        with self.beside(file, " (BLOCK_SIZE 16384)") as connection:
            fill(connection)

    @contextmanager
    def beside(self, file: Path, options: str = "") -> Iterator[duckdb.DuckDBPyConnection]:
        """A connection to the artefact as ``art`` and to the new database ``file`` as ``gen``."""
        with self._connection.cursor() as connection:
            connection.execute(f"ATTACH {quoted(str(file))} AS gen{options}")
            try:
                yield connection
            finally:
                connection.execute("DETACH gen")

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

    def _stream(self, query: str, parameters: Sequence[Any] = ()) -> Iterator[tuple[Any, ...]]:
        """The same a few at a time; several may be under way. Raises ``ArtefactError``."""
        try:
            with self._connection.cursor() as cursor:
                cursor.execute(query, list(parameters))
                while rows := cursor.fetchmany(_AT_ONCE):
                    yield from rows
        except duckdb.Error as error:
            raise self._damaged(error) from error

    def _damaged(self, error: duckdb.Error) -> ArtefactError:
        first = str(error).partition("\n")[0]
        return ArtefactError(
            f"{self.path} is half-written or damaged, and can't be read: {first}", help=_RECOMPILE
        )

    def _rows(self, query: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        with self.connection() as connection:
            return connection.execute(query, list(parameters)).fetchall()


#: A DuckDB file says so after an 8-byte checksum (duckdb, storage/storage_info.hpp: MainHeader).
_MAGIC, _MAGIC_AT = b"DUCK", 8


def _is_foreign(path: Path) -> bool:
    """Is it surely no database, and so not ours to overwrite? An empty file is a half-written one."""
    try:
        with path.open("rb") as file:
            start = file.read(_MAGIC_AT + len(_MAGIC))
    except OSError as error:
        raise ArtefactError(f"can't read {path}: {error.strerror}") from error
    return bool(start) and start[_MAGIC_AT:] != _MAGIC


def quoted(text: str) -> str:
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
        raise ForeignFile(f"{path} is a DuckDB file, but no RetroVue artefact", help=_RECOMPILE)
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


def _tuples(row: tuple[Any, ...]) -> tuple[Any, ...]:
    """The row with its lists as tuples."""
    return tuple(tuple(value) if isinstance(value, list) else value for value in row)


def _event(row: tuple[Any, ...]) -> ScheduleEvent:
    values = dict(zip(schema.SCHEDULE_EVENT.names, row, strict=False))
    values["categories"] = tuple(values["categories"] or ())
    values["moves"] = tuple((path, cursor) for path, cursor in json.loads(values["moves"] or "[]"))
    *_, fallbacks, credited, artwork = row
    return ScheduleEvent(
        **values,
        fallbacks=tuple(fallbacks or ()),
        credits=_credits(credited or "[]"),
        artwork=artwork or "",
    )


@lru_cache(maxsize=1024)
def _credits(text: str) -> tuple[Credit, ...]:
    """An asset's credits; many events have the same."""
    return tuple(Credit(**credit) for credit in json.loads(text))


def _segment(row: tuple[Any, ...]) -> Segment:
    return Segment(
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
        overlays=tuple(row[12].split(",")) if row[12] else (),
    )


def fill_report(text: str | None) -> FillReport | None:
    """What ``json.dumps`` made of one."""
    said = json.loads(text or "null")
    if said is None:
        return None
    said["relaxed"] = tuple((rule, count) for rule, count in said["relaxed"])
    said["deliveries"] = tuple(Delivery(**delivery) for delivery in said["deliveries"])
    return FillReport(**said)


def finding(said: dict[str, Any]) -> Finding:
    """What ``asdict`` made of a finding."""
    before, one, many = said["words"]
    of = tuple(said["of"])
    return Finding(said["about"], _diagnostic(said["diagnostic"]), of, (before, one, many))


def _diagnostic(said: dict[str, Any]) -> Diagnostic:
    """What ``asdict`` made of a diagnostic."""
    said["severity"] = Severity(said["severity"])
    said["span"] = Span(**said["span"]) if said["span"] is not None else None
    said["labels"] = tuple(Label(Span(**label["span"]), label["text"]) for label in said["labels"])
    return Diagnostic(**said)


def _channel(row: tuple[Any, ...]) -> CompiledChannel:
    channel = CompiledChannel(*row)
    return replace(channel, audio=tuple(channel.audio))


def _asset(row: tuple[Any, ...]) -> Asset:
    values = dict(zip(schema.ASSET.names[1:], row[1:], strict=True))
    for column in ("marks_us", "tags", "artwork", "dayparts"):
        values[column] = tuple(values[column] or ())
    values["extra"] = json.loads(values["extra"])
    for name, kind in PARTS.items():
        values[name] = tuple(kind(**part) for part in json.loads(values[name]))
    values["state"] = AssetState(values["state"])
    return Asset(**values)
