"""Artefact: write a new file, fsync, rename; open read-only.

A half-written file never bears the artefact's name: rows go to a file beside it, which is flushed to
disk and then renamed, so a reader sees the old artefact or the new one, whole. Readers that have the
old one open keep it until they close it.
"""

from __future__ import annotations

import csv
import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, astuple, dataclass, field, fields, replace
from datetime import UTC, date, timedelta
from functools import lru_cache, partial
from itertools import groupby
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import duckdb

from retrovue.compiler.model import (
    ArtefactHeader,
    Checkpoint,
    Compiled,
    CompiledChannel,
    CompiledOverlay,
    CompiledSynthetic,
    CompiledTemplate,
    Delivery,
    FillReport,
    Finding,
    MadeFrom,
    ScheduleDay,
    ScheduleEvent,
    Segment,
    SegmentKind,
)
from retrovue.diagnostics import Diagnostic, Label, Severity, Span
from retrovue.errors import RetroVueError
from retrovue.library.catalog import Asset, AssetState, AudioTrack, SubtitleTrack, spelt
from retrovue.store import history, schema
from retrovue.store.segment_rows import insert_segments
from retrovue.units import from_us

# A reader of the guide needs none of these, and is to answer at once.
if TYPE_CHECKING:
    from retrovue.compiler.base import Base
    from retrovue.compiler.reasons import Entry, Origin, Overridden, PoolRules, Reasons, SpotRules

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


class ForeignFile(ArtefactError):
    """The file is something else altogether, and not ours to overwrite."""


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where an artefact came from; no part of its content hash."""

    as_of_us: int
    built_at_us: int
    compiler_version: str
    sources_hash: str = ""
    catalog_hash: str = ""
    revision: str = ""  #: git commit of the station folder; empty when unknown
    inputs: Mapping[str, str] = field(default_factory=dict)  #: more of what it was made from (table input)


# --- writing ---------------------------------------------------------------------------------------

_NULL = "\\N"
#: Begins the name of the input that is a channel's own hash (compiler/inputs.py).
CHANNEL_INPUT = "channel "
_Row = Sequence[Any]


def write_artefact(
    path: Path,
    compiled: Compiled,
    provenance: Provenance,
    reasons: Reasons | None = None,
    keep: int = history.KEEP,
    jobs: int = 1,
) -> None:
    """Publish ``compiled`` under ``path``, whole or not at all; ``jobs``: how many processors may do so.

    ``reasons`` is what ``retrovue why`` reads back. The artefact that was there is kept as
    ``artefact.1.duckdb``, the one before as ``artefact.2.duckdb``, and so on up to ``keep``. Raises
    ``ArtefactError`` when the folder can't be written or the file there is somebody else's; the old
    file, if any, stays.
    """
    if not path.name:
        raise ArtefactError(f"{path} is a folder", help="name the file in it: artefact.duckdb")
    from retrovue.compiler.reasons import Reasons

    beside = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        present = _what_is_there(path)
        _remove(beside)
        try:
            _fill(beside, compiled, provenance, reasons or Reasons(), jobs)
            _fsync(beside)
            with history.locked(path.parent):
                if keep and present not in (None, compiled.content_hash):
                    history.push(path)
                beside.replace(path)
                history.prune(path, keep)
            _fsync(path.parent)
        finally:
            _remove(beside)
    except (OSError, duckdb.Error) as error:
        raise ArtefactError(
            f"can't write the artefact {path}: {getattr(error, 'strerror', None) or error}",
            help="is the disk full, or the folder read-only?",
        ) from error


def _what_is_there(path: Path) -> str | None:
    """The content hash of the artefact that is about to be replaced; None for nothing, or for one that
    this version can't read. Raises ``ArtefactError`` for a file that was never an artefact."""
    try:
        with Artefact.open(path) as present:
            return present.header.content_hash
    except ForeignFile as error:
        raise ForeignFile(
            f"{path} is no RetroVue artefact, and is not overwritten",
            help="choose another name for the artefact",
        ) from error
    except ArtefactError:
        return None


def _remove(database: Path) -> None:
    database.unlink(missing_ok=True)
    database.with_name(database.name + ".wal").unlink(missing_ok=True)


def _fsync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _fill(file: Path, compiled: Compiled, provenance: Provenance, reasons: Reasons, jobs: int) -> None:
    with (
        tempfile.TemporaryDirectory(prefix=".rows-", dir=file.parent) as rows_folder,
        duckdb.connect(str(file), config=_CONFIG) as connection,
        _in_order(jobs) as then,  # all that the database does; Python goes on with the next rows
    ):

        def insert(table: schema.Table, rows: Iterable[_Row], then: _Then = _now) -> None:
            written = _write_rows(rows, Path(rows_folder) / f"{table.name}.csv")
            then(partial(_insert, connection, table, written))

        then(partial(connection.execute, schema.SEGMENT.ddl))
        then(partial(insert_segments, connection, insert, compiled.days))
        for table, rows in _rows(compiled, provenance, reasons):
            then(partial(connection.execute, table.ddl))
            insert(table, rows, then)
        for view in schema.VIEWS:
            then(partial(connection.execute, view.ddl))
        then(partial(connection.execute, "CHECKPOINT"))


#: Does something, now or after what was given to it before.
_Then = Callable[[Callable[[], object]], object]


def _now(work: Callable[[], object]) -> object:
    return work()


@contextmanager
def _in_order(jobs: int) -> Iterator[_Then]:
    """Does one thing after the other: on a thread of its own, where more than one processor may be used."""
    if jobs == 1:
        yield _now
        return
    from concurrent.futures import Future, ThreadPoolExecutor

    done: list[Future[object]] = []
    with ThreadPoolExecutor(1) as thread:
        yield lambda work: done.append(thread.submit(work))
        for one in done:
            one.result()


def _write_rows(rows: Iterable[_Row], file: Path) -> Path:
    """Rows go through a CSV file: 2 µs a row, fifty times as fast as ``executemany``, no dependency."""
    with file.open("w", encoding="utf-8", newline="") as handle:
        csv.writer(handle, lineterminator="\n").writerows(rows)
    return file


def _insert(connection: duckdb.DuckDBPyConnection, table: schema.Table, file: Path) -> None:
    if not file.stat().st_size:
        return
    columns = ", ".join(
        f"'{name}': '{'VARCHAR' if kind.endswith('[]') else kind}'" for name, kind, _ in table.columns
    )
    values = ", ".join(
        f"from_json({name}, '[\"{kind[:-2]}\"]')" if kind.endswith("[]") else name
        for name, kind, _ in table.columns
    )
    connection.execute(
        f"INSERT INTO {table.name} SELECT {values} FROM read_csv(?, columns={{{columns}}}, header=false, "  # noqa: S608  names from schema.py
        "auto_detect=false, delim=',', quote='\"', escape='\"', nullstr=?, new_line='\\n', parallel=false, "
        "max_line_size=10000000)",
        [str(file), _NULL],
    )


def _or_null(value: object) -> object:
    return _NULL if value is None else value


def _rows(
    compiled: Compiled, provenance: Provenance, reasons: Reasons
) -> Iterator[tuple[schema.Table, Iterable[_Row]]]:
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
                compiled.clock,
            )
        ],
    )
    yield schema.CHANNEL, (_channel_row(c) for c in compiled.channels)
    yield schema.SYNTHETIC, ((s.synthetic, s.shows, s.title, s.text) for s in compiled.synthetics)
    yield schema.OVERLAY, (astuple(o) for o in compiled.overlays)
    yield schema.TEMPLATE, (astuple(t) for t in compiled.templates)
    yield schema.ASSET, (_asset_row(a) for a in compiled.assets)
    yield schema.SCHEDULE_EVENT, (_event_row(e) for day in compiled.days for e in day.events)
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
            (channel, on, cursor, value)
            for channel, on, cursors in [
                *((c, compiled.first_day - timedelta(days=1), o) for c, o in compiled.opening.items()),
                *((day.channel, day.broadcast_date, day.checkpoint) for day in compiled.days),
            ]
            for cursor, value in sorted(cursors.items())
        ),
    )
    yield (
        schema.CHANNEL_DAY,
        (
            (
                d.channel,
                d.broadcast_date,
                d.start_us,
                d.end_us,
                json.dumps(asdict(d.fill) if d.fill else None),
                json.dumps(asdict(d.made)),
                d.content_hash,
            )
            for d in compiled.days
        ),
    )
    inputs = {
        **{CHANNEL_INPUT + channel: value for channel, value in compiled.inputs.items()},
        **provenance.inputs,
    }
    yield schema.INPUT, sorted(inputs.items())
    yield (
        schema.FINDING,
        (
            (channel, on, f.diagnostic.code, f.diagnostic.headline, json.dumps(asdict(f), ensure_ascii=False))
            for channel, on, found in _findings(compiled)
            for f in found
        ),
    )
    yield schema.FORCED, (astuple(override) for override in compiled.overrides)
    yield schema.ORIGIN, map(_reason_row, reasons.origins)
    yield schema.OVERRIDDEN, map(_reason_row, reasons.overridden)
    yield schema.POOL, map(_reason_row, reasons.pools)
    yield schema.SPOT, map(_reason_row, reasons.spots)
    yield schema.ENTRY, map(_reason_row, reasons.entries)


def _findings(compiled: Compiled) -> Iterator[tuple[str, object, tuple[Finding, ...]]]:
    """(channel, date or null, what was found), in the order in which it is said."""
    yield "", _NULL, compiled.findings.get("", ())
    for channel, days in groupby(compiled.days, key=lambda day: day.channel):
        yield from ((channel, day.broadcast_date, day.findings) for day in days)
        yield channel, _NULL, compiled.findings.get(channel, ())


def _reason_row(reason: Origin | Overridden | PoolRules | SpotRules | Entry) -> _Row:
    """Columns are named as the fields and stand in their order."""
    return tuple(
        json.dumps(value, ensure_ascii=False) if isinstance(value, tuple) else value
        for value in (getattr(reason, column.name) for column in fields(reason))
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
        c.codec,
        c.encoder,
        c.audio_codec,
        _or_null(c.loudness),
        c.fit,
        json.dumps(c.audio),
        c.subtitles,
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
        a.field_order,
        a.primaries,
        a.transfer,
        a.matrix,
        a.picture_us,
        a.fit,
        a.video_codec,
        a.audio_codec,
        a.audio_channels,
        json.dumps([spelt(track) for track in a.audio], ensure_ascii=False),
        json.dumps([spelt(track) for track in a.subtitles], ensure_ascii=False),
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


#: As ``json.dumps``, which makes an encoder each time that it is asked for anything out of the ordinary.
_COMPACT = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


@lru_cache(maxsize=1024)
def _words(words: tuple[str, ...]) -> str:
    """A list of words; many events have the same."""
    return json.dumps(words, ensure_ascii=False)


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
        _words(e.categories),
        e.rating,
        e.kind,
        e.program,
        e.asset_id,
        e.plan,
        e.zone,
        e.written_at,
        _COMPACT(e.moves) if e.moves else "",
    )


# --- reading ---------------------------------------------------------------------------------------

#: Rows of a long answer that are values at once.
_AT_ONCE = 2000

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
        connection = duckdb.connect(":memory:", config=_CONFIG)
        try:
            connection.execute(f"ATTACH {_quoted(str(path))} AS art (READ_ONLY)")
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
        """One asset that may air, fallbacks included."""
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
            "WHERE end_us > ? AND start_us < ? GROUP BY ALL ORDER BY 4, 1",
            [start_us, start_us, end_us],
        )

    def entry_points(self, asset_id: str) -> dict[str, tuple[int, ...]]:
        """Channel → where its segments begin in the asset (µs); none where it only stands in for another."""
        found = self._rows(
            "SELECT channel, list_sort(list(DISTINCT in_us)) FROM art.segment WHERE asset_id = ? GROUP BY 1",
            [asset_id],
        )
        standing_in = self._rows(
            "SELECT DISTINCT channel FROM art.fallback JOIN art.schedule_event USING (event_id) "
            "WHERE asset_id = ?",
            [asset_id],
        )
        return {row[0]: () for row in standing_in} | {row[0]: tuple(row[1]) for row in found}

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
        return list(once(_finding(json.loads(text)) for (text,) in rows))

    def base(self, first_day: date | None = None, published: bool = True) -> Base:
        """The schedule as what a new compile goes on from: the days from ``first_day`` on, and the one
        before it."""
        from retrovue.compiler.base import Base, segments_of
        from retrovue.compiler.in_flight import InFlight

        since = self.header.first_day
        if first_day is not None:
            since = min(max(first_day - timedelta(days=1), since), self.header.last_day)
        days: dict[str, dict[date, ScheduleDay]] = {channel.channel: {} for channel in self.channels}
        found: dict[tuple[str, date], list[Finding]] = {}
        for channel, on, finding in self._rows(
            "SELECT channel, broadcast_date, finding FROM art.finding "
            "WHERE broadcast_date >= ? ORDER BY rowid",
            [since],
        ):
            found.setdefault((channel, on), []).append(_finding(json.loads(finding)))
        for channel, on, start_us, end_us, fill, made, content in self._rows(
            "SELECT * FROM art.channel_day WHERE broadcast_date >= ? ORDER BY ALL", [since]
        ):
            days[channel][on] = ScheduleDay(
                channel,
                on,
                start_us,
                end_us,
                (),
                (),
                fill=_fill_report(fill),
                made=MadeFrom(**json.loads(made)),
                findings=tuple(found.get((channel, on), ())),
                content_hash=content,
            )
        cursors: dict[str, dict[date, dict[str, str]]] = {}
        for channel, on, cursor, value in self._rows(
            "SELECT * FROM art.checkpoint WHERE broadcast_date >= ? ORDER BY ALL",
            [since - timedelta(days=1)],
        ):
            cursors.setdefault(channel, {}).setdefault(on, {})[cursor] = value
        opening, carried = {}, {}
        for channel, own in days.items():
            if not own:
                continue
            first_us = own[since].start_us
            events = self.events(channel, first_us, sys.maxsize)
            segments = self.segments(channel, events[0].start_us if events else first_us, sys.maxsize)
            opening[channel] = cursors.get(channel, {}).get(since - timedelta(days=1), {})
            if events and events[0].broadcast_date not in own:
                carried[channel] = InFlight(events[0], segments_of(events[0], segments))
            by_date: dict[date, tuple[list[ScheduleEvent], list[Segment]]] = {on: ([], []) for on in own}
            for event in events:
                if event.broadcast_date in by_date:
                    by_date[event.broadcast_date][0].append(event)
            for segment in segments:
                if segment.broadcast_date in by_date:
                    by_date[segment.broadcast_date][1].append(segment)
            for on, (of_day, playlist) in by_date.items():
                own[on] = replace(
                    own[on],
                    events=tuple(of_day),
                    playlist=tuple(playlist),
                    checkpoint=cursors.get(channel, {}).get(on, {}),
                )
        return Base(
            days,
            carried,
            opening,
            {
                name.removeprefix(CHANNEL_INPUT): value
                for name, value in self.inputs().items()
                if name.startswith(CHANNEL_INPUT)
            },
            published,
        )

    def rows(self, query: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """What ``query`` finds; the artefact is ``art`` in it. Raises ``ArtefactError``."""
        return self._rows(query, parameters)

    def cut(self, file: Path, fill: Callable[[duckdb.DuckDBPyConnection], None]) -> None:
        """Make the database ``file``; ``fill`` sees the artefact as ``art`` and the new one as ``gen``.

        Raises ``duckdb.Error``.
        """
        with self._connection.cursor() as connection:
            # Small blocks: most tables have little or nothing in them.
            connection.execute(f"ATTACH {_quoted(str(file))} AS gen (BLOCK_SIZE 16384)")
            try:
                fill(connection)
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
        try:
            return self._connection.execute(query, list(parameters)).fetchall()
        except duckdb.Error as error:
            raise self._damaged(error) from error


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
    return ScheduleEvent(**values, fallbacks=tuple(row[-1] or ()))


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


def _fill_report(text: str | None) -> FillReport | None:
    said = json.loads(text or "null")
    if said is None:
        return None
    said["relaxed"] = tuple((rule, count) for rule, count in said["relaxed"])
    said["deliveries"] = tuple(Delivery(**delivery) for delivery in said["deliveries"])
    return FillReport(**said)


def _finding(said: dict[str, Any]) -> Finding:
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
    for column in ("marks_us", "tags"):
        values[column] = tuple(values[column] or ())
    values["extra"] = json.loads(values["extra"])
    values["audio"] = tuple(AudioTrack(**track) for track in json.loads(values["audio"]))
    values["subtitles"] = tuple(SubtitleTrack(**track) for track in json.loads(values["subtitles"]))
    return Asset(state=AssetState.READY, approved=True, **values)
