"""Segment rows: playlists into the artefact, column by column.

A station has near a million segments, more than all other rows together. Their columns go to DuckDB as they
lie in memory; what they show is told once, and joined by its number.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Sequence
from itertools import groupby
from typing import Any

import duckdb
import numpy

from retrovue.compiler.model import ScheduleDay
from retrovue.compiler.segments import COLUMN_TYPES, Material, Segments
from retrovue.store import schema

#: What segments show, while the artefact is written.
MATERIAL = schema.Table(
    "material",
    "What segments show.",
    ("number",),
    (
        ("number", "INTEGER", "by which segments know it"),
        *(column for column in schema.SEGMENT.columns if column[0] in Material._fields),
    ),
)

#: The columns of a playlist, by which a query knows them.
_NAMES = ("date", "seq", "start_us", "end_us", "in_us", "event_id", "material")

_INSERT = (
    "INSERT INTO segment SELECT ?, DATE '0001-01-01' + (p.date - 1), p.seq, p.start_us, p.end_us, m.kind, "
    "p.event_id, m.asset_id, p.in_us, m.synthetic, m.title, m.pool, m.overlays "
    # Without an order, DuckDB takes whichever is larger as the one to go through.
    "FROM playlist p JOIN temp.material m ON m.number = p.material ORDER BY p.date, p.seq"
)

#: Writes the rows of a table, which is there.
Insert = Callable[[schema.Table, Iterable[Sequence[Any]]], None]


def insert_segments(
    connection: duckdb.DuckDBPyConnection, insert: Insert, days: Iterable[ScheduleDay]
) -> None:
    """Write the playlists of the days, which come channel by channel."""
    materials: dict[Material, int] = {}
    by_channel = [
        (channel, _one_after_the_other([Segments.of(channel, day.playlist) for day in own], materials))
        for channel, own in groupby(days, key=lambda day: day.channel)
    ]
    connection.execute(MATERIAL.ddl.replace("CREATE", "CREATE TEMPORARY"))
    insert(MATERIAL, (_row(number, material) for material, number in materials.items()))
    connection.execute("BEGIN")
    for channel, columns in by_channel:
        if len(columns[0]):
            arrays = {n: numpy.frombuffer(c, c.typecode) for n, c in zip(_NAMES, columns, strict=True)}
            connection.register("playlist", arrays)
            connection.execute(_INSERT, [channel])
            connection.unregister("playlist")
    connection.execute("COMMIT")
    connection.execute("DROP TABLE temp.material")


def _one_after_the_other(playlists: Sequence[Segments], materials: dict[Material, int]) -> list[array[int]]:
    """The columns of all the playlists, with the numbers of ``materials``, which grows."""
    joined = [array(kind) for kind in COLUMN_TYPES]
    numbers: dict[int, list[int]] = {}
    for playlist in playlists:
        of_list = numbers.get(id(playlist.materials))
        if of_list is None:
            of_list = numbers[id(playlist.materials)] = [
                materials.setdefault(material, len(materials)) for material in playlist.materials
            ]
        *columns, shown = playlist.columns
        for whole, column in zip(joined, columns, strict=False):
            whole.extend(column)
        joined[-1].extend(map(of_list.__getitem__, shown))
    return joined


def _row(number: int, m: Material) -> Sequence[Any]:
    return number, m.kind.value, m.asset_id, m.synthetic, m.title, m.pool, ",".join(m.overlays)
