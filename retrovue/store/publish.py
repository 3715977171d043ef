"""Publish: write a new artefact beside the old one, fsync, rename.

A half-written file never bears the artefact's name: rows go to a file beside it, which is flushed to
disk and then renamed, so a reader sees the old artefact or the new one, whole. Readers that have the
old one open keep it until they close it.
"""

from __future__ import annotations

import csv
import json
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, astuple, dataclass, field, fields, replace
from datetime import timedelta
from functools import partial
from itertools import groupby
from pathlib import Path
from types import TracebackType
from typing import Any

import duckdb

from retrovue.compiler.folded import FoldedAssets, ToldAsset
from retrovue.compiler.model import Compiled, CompiledChannel, Finding, ScheduleDay
from retrovue.compiler.reasons import Entry, Origin, Overridden, PoolRules, Reasons, SpotRules
from retrovue.compiler.unread import ChannelDay, UnreadEvents, UnreadSegments
from retrovue.database import settings
from retrovue.library.catalog import Asset
from retrovue.store import history, schema
from retrovue.store.artefact import CHANNEL_INPUT, Artefact, ArtefactError, ForeignFile
from retrovue.store.asset_rows import asset_row, asset_written
from retrovue.store.base_rows import BaseRows
from retrovue.store.event_rows import EVENT_TABLES, NULL, Row, or_null, row_text, written
from retrovue.store.segment_rows import insert_segments
from retrovue.units import from_us


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


#: As many segments go to the database together, while channels are still coming; and as much text of other
#: tables (characters).
_SEGMENTS_AT_ONCE = 100_000
_TEXT_AT_ONCE = 8_000_000

#: The tables that grow with each day.
_DAILY = (*EVENT_TABLES, schema.CHECKPOINT, schema.CHANNEL_DAY)


def write_artefact(
    path: Path,
    compiled: Compiled,
    provenance: Provenance,
    reasons: Reasons | None = None,
    keep: int = history.KEEP,
    jobs: int = 1,
) -> None:
    """Publish ``compiled`` under ``path``, whole or not at all: see ``Publication``."""
    with Publication(path, jobs, _source_of(compiled)) as publication:
        publication.add(compiled.days)
        publication.publish(compiled, provenance, reasons or Reasons(), keep)


class Publication:
    """A new artefact, written beside the one that is there, bit by bit; unless it is published, it is gone in
    the end.

    Raises ``ArtefactError`` when the folder can't be written or the file there is somebody else's; the old
    file, if any, stays.
    """

    def __init__(self, path: Path, jobs: int = 1, source: BaseRows | None = None) -> None:
        """``jobs``: how many processors may write; ``source``: where days come from that are unread."""
        if not path.name:
            raise ArtefactError(f"{path} is a folder", help="name the file in it: artefact.duckdb")
        self._path = path
        self._beside = path.with_name(f".{path.name}.{os.getpid()}.new")
        self._jobs = jobs
        self._source = source
        self._present: str | None = None
        self._waiting: list[ScheduleDay] = []  #: whose playlists are still to be written
        self._texts: dict[str, list[str]] = {table.name: [] for table in _DAILY}  #: rows, to be written
        self._unsealed: set[ChannelDay] = set()  #: days that had no content hash yet
        self._length = 0  #: of all these texts
        self._files = 0
        self._unread: list[UnreadEvents] = []
        self._writing = ExitStack()

    def __enter__(self) -> Publication:
        try:
            with self._said():
                self._path.parent.mkdir(parents=True, exist_ok=True)
                self._present = _what_is_there(self._path)
                _remove(self._beside)
                self._begin()
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def add(self, days: Sequence[ScheduleDay]) -> None:
        """The days of the channels that come next in the lineup: what is on, and the playlists."""
        with self._said():
            self._unread += [day.events for day in days if isinstance(day.events, UnreadEvents)]
            days = [*map(_not_copied, days)]
            self._waiting += days
            if sum(len(day.playlist) for day in self._waiting) >= _SEGMENTS_AT_ONCE:
                self._write_segments()
            for day in days:
                for table, text in zip(_DAILY, (*written(day.events), *_of_day(day)), strict=True):
                    self._texts[table.name].append(text)
                    self._length += len(text)
                if not day.content_hash:
                    self._unsealed.add((day.channel, day.broadcast_date))
                if self._length >= _TEXT_AT_ONCE:
                    self._write_texts()

    def publish(self, compiled: Compiled, provenance: Provenance, reasons: Reasons, keep: int) -> None:
        """Write all else, now that every day has been added, and put the artefact in its place.

        ``reasons`` is what ``retrovue why`` reads back. The artefact that was there is kept as
        ``artefact.1.duckdb``, the one before as ``artefact.2.duckdb``, and so on up to ``keep``.
        """
        path, execute = self._path, self._connection.execute
        with self._said():
            self._write_segments()
            unsealed = (d for d in compiled.days if (d.channel, d.broadcast_date) in self._unsealed)
            self._texts[schema.CHANNEL_DAY.name] += map(_channel_day_text, unsealed)
            self._texts[schema.CHECKPOINT.name].append(row_text(_openings(compiled)))
            self._write_texts()
            self._then(partial(execute, schema.ASSET.ddl))
            if isinstance(compiled.assets, FoldedAssets):
                self._insert_text(schema.ASSET, map(_asset_text, compiled.assets.told))
            else:
                self._insert(schema.ASSET, map(asset_row, compiled.assets), self._then)
            for table, rows in _rows(compiled, provenance, reasons):
                self._then(partial(execute, table.ddl))
                self._insert(table, rows, self._then)
            if self._source is not None:
                days = [(events.channel, events.on) for events in self._unread]
                self._then(partial(self._source.copy, self._connection, days))
            for view in schema.VIEWS:
                self._then(partial(execute, view.ddl))
            self._then(partial(execute, "COMMIT"))
            self._then(partial(execute, "CHECKPOINT"))
            self._writing.close()
            _fsync(self._beside)
            with history.locked(path.parent):
                if keep and self._present not in (None, compiled.content_hash):
                    history.push(path)
                self._beside.replace(path)
                history.prune(path, keep)
            _fsync(path.parent)

    def _begin(self) -> None:
        opened = self._writing.enter_context
        self._folder = Path(opened(tempfile.TemporaryDirectory(prefix=".rows-", dir=self._path.parent)))
        base = self._source.artefact if self._source is not None else None
        self._connection = opened(_database(self._beside, base))
        # All that the database does; Python goes on with the next rows.
        self._then = opened(_in_order(self._jobs))
        # One transaction: nobody reads the file before it is whole, and small ones would be logged first.
        self._then(partial(self._connection.execute, "BEGIN"))
        for table in (schema.SEGMENT, *_DAILY):
            self._then(partial(self._connection.execute, table.ddl))

    def _end(self) -> None:
        # What was published is closed, and what isn't may fail as it likes.
        with suppress(OSError, duckdb.Error):
            self._writing.close()
        with self._said():
            _remove(self._beside)

    def _write_segments(self) -> None:
        days, self._waiting = self._waiting, []
        self._then(partial(insert_segments, self._connection, self._insert, days))

    def _write_texts(self) -> None:
        self._length = 0
        for table in _DAILY:
            self._insert_text(table, self._texts[table.name])
            self._texts[table.name] = []

    def _insert_text(self, table: schema.Table, texts: Iterable[str]) -> None:
        self._files += 1
        file = self._folder / f"{table.name}.{self._files}.csv"
        with file.open("w", encoding="utf-8", newline="") as handle:
            handle.writelines(texts)
        self._then(partial(_insert, self._connection, table, file))

    def _insert(self, table: schema.Table, rows: Iterable[Sequence[Any]], then: _Then | None = None) -> None:
        file = _write_rows(rows, self._folder / f"{table.name}.csv")
        (then or _now)(partial(_insert, self._connection, table, file))

    @contextmanager
    def _said(self) -> Iterator[None]:
        """What goes wrong with the disk or the database, as it is said."""
        try:
            yield
        except (OSError, duckdb.Error) as error:
            raise ArtefactError(
                f"can't write the artefact {self._path}: {getattr(error, 'strerror', None) or error}",
                help="is the disk full, or the folder read-only?",
            ) from error


def _source_of(compiled: Compiled) -> BaseRows | None:
    """Where its unread days come from."""
    rows = next((day.events.rows for day in compiled.days if isinstance(day.events, UnreadEvents)), None)
    return rows if isinstance(rows, BaseRows) else None


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


@contextmanager
def _database(file: Path, base: Artefact | None) -> Iterator[duckdb.DuckDBPyConnection]:
    """The new database, to be filled; ``base`` is ``art`` there."""
    if base is None:
        with duckdb.connect(str(file), config=settings()) as connection:
            yield connection
    else:
        with base.beside(file) as connection:
            connection.execute("USE gen")
            try:
                yield connection
            finally:
                connection.execute("USE memory")


def _not_copied(day: ScheduleDay) -> ScheduleDay:
    """Of a day that nobody has read, what was put in front of it; the rest is copied."""
    if isinstance(day.events, UnreadEvents) and isinstance(day.playlist, UnreadSegments):
        return replace(day, events=day.events.before, playlist=day.playlist.before)
    return day


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


def _write_rows(rows: Iterable[Row], file: Path) -> Path:
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
        [str(file), NULL],
    )


def _rows(
    compiled: Compiled, provenance: Provenance, reasons: Reasons
) -> Iterator[tuple[schema.Table, Iterable[Row]]]:
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


def _of_day(day: ScheduleDay) -> tuple[str, str]:
    """Where its rotations stand in the end, and the day itself, if it has its content hash already."""
    cursors = ((day.channel, day.broadcast_date, *cursor) for cursor in sorted(day.checkpoint.items()))
    return row_text(cursors), _channel_day_text(day) if day.content_hash else ""


def _openings(compiled: Compiled) -> Iterator[Row]:
    """Where the rotations stood on the day before the first."""
    on = compiled.first_day - timedelta(days=1)
    for channel, cursors in compiled.opening.items():
        for cursor, value in sorted(cursors.items()):
            yield channel, on, cursor, value


def _channel_day_text(d: ScheduleDay) -> str:
    fill, made = json.dumps(asdict(d.fill) if d.fill else None), json.dumps(asdict(d.made))
    return row_text([(d.channel, d.broadcast_date, d.start_us, d.end_us, fill, made, d.content_hash)])


def _asset_text(asset: ToldAsset | Asset) -> str:
    return asset.written if isinstance(asset, ToldAsset) else asset_written(asset)


def _findings(compiled: Compiled) -> Iterator[tuple[str, object, tuple[Finding, ...]]]:
    """(channel, date or null, what was found), in the order in which it is said."""
    yield "", NULL, compiled.findings.get("", ())
    for channel, days in groupby(compiled.days, key=lambda day: day.channel):
        yield from ((channel, day.broadcast_date, day.findings) for day in days)
        yield channel, NULL, compiled.findings.get(channel, ())


def _reason_row(reason: Origin | Overridden | PoolRules | SpotRules | Entry) -> Row:
    """Columns are named as the fields and stand in their order."""
    return tuple(
        json.dumps(value, ensure_ascii=False) if isinstance(value, tuple) else value
        for value in (getattr(reason, column.name) for column in fields(reason))
    )


def _channel_row(c: CompiledChannel) -> Row:
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
        or_null(c.loudness),
        c.fit,
        json.dumps(c.audio),
        c.subtitles,
        c.cues,
    )
