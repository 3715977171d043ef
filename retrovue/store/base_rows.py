"""Base rows: an artefact as what a new compile goes on from.

Most of it is not read: a compile that has nothing to do for a day takes over its rows as they are, so what is
counted here is worked out by DuckDB, and events and playlists come when somebody looks into them, a channel
at a time.
"""

from __future__ import annotations

import json
from array import array
from collections.abc import Collection, Sequence
from datetime import date, timedelta
from itertools import groupby
from pathlib import Path
from typing import Any

import duckdb

from retrovue.compiler.base import Base, segments_of
from retrovue.compiler.in_flight import InFlight
from retrovue.compiler.model import Finding, MadeFrom, ScheduleDay, ScheduleEvent, SegmentKind
from retrovue.compiler.segments import COLUMN_TYPES, Material, Segments
from retrovue.compiler.unread import ChannelDay, Told, UnreadEvents, UnreadSegments
from retrovue.store.artefact import CHANNEL_INPUT, Artefact, ArtefactError, fill_report, finding

#: The first hash of an event (compiler/listing.py): its guide id, unless another event has that.
_FIRST_ID = (
    "('0x' || sha256(concat_ws('|', channel, start_us, kind, program, asset_id, '0'))[1:8])::BIGINT "
    "& 2147483647"
)

_SHOWN = ", ".join(Material._fields)


class BaseRows:
    """A ``compiler.unread.Rows``. May be sent to another process, which opens the artefact itself."""

    def __init__(self, artefact: Artefact, since: date) -> None:
        self.artefact = artefact
        self._since = since
        self._events: dict[str, dict[date, tuple[ScheduleEvent, ...]]] = {}
        self._segments: dict[str, dict[date, Segments]] = {}
        self._told: tuple[Collection[ChannelDay], Told] | None = None  #: what was asked last

    def __reduce__(self) -> tuple[object, ...]:
        return _opened_again, (self.artefact.path.absolute(), self.artefact.header.content_hash, self._since)

    def events(self, channel: str, on: date) -> Sequence[ScheduleEvent]:
        """As ``Rows.events``."""
        if channel not in self._events:
            found = self.artefact.events_since(channel, self._since)
            self._events[channel] = {
                day: tuple(events) for day, events in groupby(found, key=lambda event: event.broadcast_date)
            }
        return self._events[channel].get(on, ())

    def segments(self, channel: str, on: date) -> Segments:
        """As ``Rows.segments``."""
        if channel not in self._segments:
            self._segments[channel] = self._playlists(channel)
        found = self._segments[channel].get(on)
        return found if found is not None else Segments.of(channel, ())

    def _playlists(self, channel: str) -> dict[date, Segments]:
        rows = self.artefact.rows
        rows(
            f"CREATE OR REPLACE TEMPORARY TABLE shown AS SELECT {_SHOWN}, row_number() OVER () - 1 AS number "  # noqa: S608  our own words
            f"FROM (SELECT DISTINCT {_SHOWN} FROM art.segment WHERE channel = ? AND broadcast_date >= ?)",
            [channel, self._since],
        )
        materials = [
            Material(SegmentKind(kind), asset_id, synthetic, title, pool, _split(overlays))
            for kind, asset_id, synthetic, title, pool, overlays, _ in rows("FROM shown ORDER BY number")
        ]
        found = self.artefact.columns(
            "SELECT broadcast_date - DATE '0001-01-01' + 1, seq, start_us, end_us, in_us, event_id, number "  # noqa: S608  our own words
            f"FROM art.segment JOIN shown USING ({_SHOWN}) "
            "WHERE channel = ? AND broadcast_date >= ? ORDER BY broadcast_date, seq",
            [channel, self._since],
        )
        columns = []
        for kind, values in zip(COLUMN_TYPES, found, strict=True):
            column = array(kind)
            column.frombytes(values.astype(f"i{column.itemsize}").tobytes())
            columns.append(column)
        playlists, at = {}, 0
        for ordinal, segments in groupby(columns[0]):
            end = at + sum(1 for _ in segments)
            playlists[date.fromordinal(ordinal)] = Segments(channel, materials, *(c[at:end] for c in columns))
            at = end
        return playlists

    def told(self, days: Collection[ChannelDay]) -> Told:
        """As ``Rows.told``."""
        if self._told is not None and self._told[0] == days:
            return self._told[1]
        with self.artefact.connection() as connection:

            def rows(query: str) -> list[tuple[Any, ...]]:
                return connection.execute(query).fetchall()

            these = _these(connection, days)
            assets = rows(
                f"SELECT DISTINCT asset_id FROM art.segment {these} UNION "  # noqa: S608  our own words
                "SELECT DISTINCT asset_id FROM art.fallback SEMI JOIN "
                f"(SELECT event_id FROM art.schedule_event {these}) USING (event_id)"
            )
            asked = rows(
                "SELECT DISTINCT channel, plan, zone, program "  # noqa: S608  our own words
                f"FROM art.schedule_event {these} ORDER BY ALL"
            )
            drawn = rows(
                f"SELECT DISTINCT pool, asset_id FROM art.segment {these} WHERE pool != '' ORDER BY ALL"  # noqa: S608  our own words
            )
        told = Told(frozenset(asset_id for (asset_id,) in assets if asset_id), tuple(asked), tuple(drawn))
        self._told = (days, told)
        return told

    def copy(self, connection: duckdb.DuckDBPyConnection, days: Collection[ChannelDay]) -> None:
        """The events of these days and their playlists as they are, into the database in use, where
        ``art`` is this artefact."""
        these = _these(connection, days)
        connection.execute(f"INSERT INTO schedule_event SELECT * FROM art.schedule_event {these}")  # noqa: S608  our own words
        connection.execute(
            "INSERT INTO fallback SELECT * FROM art.fallback SEMI JOIN "  # noqa: S608  our own words
            f"(SELECT event_id FROM art.schedule_event {these}) USING (event_id)"
        )
        connection.execute(f"INSERT INTO segment SELECT * FROM art.segment {these}")  # noqa: S608  our own words


def _opened_again(path: Path, content_hash: str, since: date) -> BaseRows:
    artefact = Artefact.open(path)
    if artefact.header.content_hash != content_hash:
        raise ArtefactError(f"{path} is not what it was when the compile began", help="compile again")
    return BaseRows(artefact, since)


def _these(connection: duckdb.DuckDBPyConnection, days: Collection[ChannelDay]) -> str:
    """What restricts a table of the artefact, in SQL, to the rows of these days."""
    connection.execute(
        "CREATE OR REPLACE TEMPORARY TABLE these AS "
        "SELECT unnest(?::VARCHAR[]) AS channel, unnest(?::DATE[]) AS broadcast_date",
        [[channel for channel, _ in days], [on for _, on in days]],
    )
    return "SEMI JOIN temp.these USING (channel, broadcast_date)"


def _split(overlays: str) -> tuple[str, ...]:
    return tuple(overlays.split(",")) if overlays else ()


def read_base(artefact: Artefact, first_day: date | None, published: bool) -> Base:
    """The days from ``first_day`` on, and the one before it."""
    header = artefact.header
    since = header.first_day
    if first_day is not None:
        since = min(max(first_day - timedelta(days=1), since), header.last_day)
    unread = BaseRows(artefact, since)
    events = _events(unread, since)
    playlists = {
        (channel, on): UnreadSegments(unread, channel, on, count)
        for channel, on, count in artefact.rows(
            "SELECT channel, broadcast_date, count(*) FROM art.segment "
            "WHERE broadcast_date >= ? GROUP BY ALL",
            [since],
        )
    }
    found: dict[tuple[str, date | None], list[Finding]] = {}
    for channel, on, said in artefact.rows(
        "SELECT channel, broadcast_date, finding FROM art.finding "
        "WHERE broadcast_date >= ? OR broadcast_date IS NULL ORDER BY rowid",
        [since],
    ):
        found.setdefault((channel, on), []).append(finding(json.loads(said)))
    cursors: dict[tuple[str, date], dict[str, str]] = {}
    for channel, on, cursor, value in artefact.rows(
        "SELECT * FROM art.checkpoint WHERE broadcast_date >= ? ORDER BY ALL", [since - timedelta(days=1)]
    ):
        cursors.setdefault((channel, on), {})[cursor] = value
    days: dict[str, dict[date, ScheduleDay]] = {channel.channel: {} for channel in artefact.channels}
    for channel, on, start_us, end_us, fill, made, content_hash in artefact.rows(
        "SELECT * FROM art.channel_day WHERE broadcast_date >= ? ORDER BY ALL", [since]
    ):
        days[channel][on] = ScheduleDay(
            channel,
            on,
            start_us,
            end_us,
            events.get((channel, on), ()),
            playlists.get((channel, on), ()),
            cursors.get((channel, on), {}),
            fill_report(fill),
            MadeFrom(**json.loads(made)),
            tuple(found.get((channel, on), ())),
            content_hash,
        )
    opening = {
        channel: cursors.get((channel, since - timedelta(days=1)), {}) for channel, own in days.items() if own
    }
    return Base(
        days,
        _carried(artefact, since),
        opening,
        {
            name.removeprefix(CHANNEL_INPUT): value
            for name, value in artefact.inputs().items()
            if name.startswith(CHANNEL_INPUT)
        },
        {channel: tuple(said) for (channel, on), said in found.items() if channel and on is None},
        published,
    )


def _events(unread: BaseRows, since: date) -> dict[ChannelDay, UnreadEvents]:
    rows: list[tuple[Any, ...]] = unread.artefact.rows(
        "SELECT channel, broadcast_date, list(event_id ORDER BY start_us), list(first_id ORDER BY start_us), "  # noqa: S608  our own words
        f"max(start_us), max(end_us) FROM (SELECT *, {_FIRST_ID} AS first_id FROM art.schedule_event "
        "WHERE broadcast_date >= ?) GROUP BY ALL",
        [since],
    )
    return {(channel, on): UnreadEvents(unread, channel, on, *known) for channel, on, *known in rows}


def _carried(artefact: Artefact, since: date) -> dict[str, InFlight]:
    """What is in flight on each channel when its first day, ``since``, begins."""
    rows = artefact.rows(
        "SELECT channel, d.start_us FROM art.channel_day d JOIN art.schedule_event e USING (channel) "
        "WHERE d.broadcast_date = ? AND e.broadcast_date < ? AND e.end_us > d.start_us GROUP BY ALL",
        [since, since],
    )
    carried = {}
    for channel, first_us in rows:
        (event, *_) = artefact.events(channel, first_us, first_us + 1)
        segments = artefact.segments(channel, event.start_us, event.end_us)
        carried[channel] = InFlight(event, segments_of(event, segments))
    return carried
