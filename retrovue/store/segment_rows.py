"""Segment rows: playlists into the artefact, column by column.

A station has near a million segments, more than all other rows together. Their columns go to DuckDB as they
lie in memory; what they show is told once, and joined by its number.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Sequence
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

#: The columns of a playlist, by which a query knows them; behind them the number of the channel.
_NAMES = ("date", "seq", "start_us", "end_us", "in_us", "event_id", "material", "channel")

#: What was written last is looked up for each segment, so that segments stay in their order.
_AS_WRITTEN = "SET disabled_optimizers = 'join_order,build_side_probe_side'"
_INSERT = (
    "INSERT INTO segment SELECT c.channel, DATE '0001-01-01' + (p.date - 1), p.seq, p.start_us, p.end_us, "
    "m.kind, p.event_id, m.asset_id, p.in_us, m.synthetic, m.title, m.pool, m.overlays "
    "FROM playlist p JOIN channels c ON c.number = p.channel JOIN temp.material m ON m.number = p.material"
)

#: Writes the rows of a table, which is there.
Insert = Callable[[schema.Table, Iterable[Sequence[Any]]], None]


def insert_segments(
    connection: duckdb.DuckDBPyConnection, insert: Insert, days: Iterable[ScheduleDay]
) -> None:
    """Write the playlists of the days, which come channel by channel."""
    materials: dict[Material, int] = {}
    channels: dict[str, int] = {}
    columns = _one_after_the_other(days, materials, channels)
    if not columns[0]:
        return
    connection.execute(MATERIAL.ddl.replace("CREATE", "CREATE TEMPORARY"))
    insert(MATERIAL, (_row(number, material) for material, number in materials.items()))
    numbered = {
        "number": numpy.arange(len(channels), dtype=COLUMN_TYPES[0]),
        "channel": numpy.array(list(channels), dtype=object),
    }
    connection.register("channels", numbered)
    arrays = {n: numpy.frombuffer(c, c.typecode) for n, c in zip(_NAMES, columns, strict=True)}
    connection.register("playlist", arrays)
    connection.execute(_AS_WRITTEN)
    connection.execute(_INSERT)
    connection.execute("RESET disabled_optimizers")
    connection.unregister("playlist")
    connection.unregister("channels")
    connection.execute("DROP TABLE temp.material")


def _one_after_the_other(
    days: Iterable[ScheduleDay], materials: dict[Material, int], channels: dict[str, int]
) -> list[array[int]]:
    """The columns of all playlists, with the numbers of ``materials`` and ``channels``, which grow."""
    joined = [array(kind) for kind in (*COLUMN_TYPES, COLUMN_TYPES[0])]
    numbers: dict[int, tuple[Sequence[Material], Any]] = {}
    for day in days:
        playlist = Segments.of(day.channel, day.playlist)
        listed = playlist.materials
        # By identity of a list, which is kept, or another might get its place in memory.
        known, of_list = numbers.get(id(listed), ((), None))
        if known is not listed:
            found = [materials.setdefault(material, len(materials)) for material in listed]
            of_list = numpy.array(found, dtype=COLUMN_TYPES[-1])
            numbers[id(listed)] = (listed, of_list)
        *columns, shown = playlist.columns
        for whole, column in zip(joined, columns, strict=False):
            whole.extend(column)
        *_, of_materials, of_channels = joined
        of_materials.frombytes(of_list[numpy.frombuffer(shown, shown.typecode)].tobytes())
        number = channels.setdefault(day.channel, len(channels))
        of_channels.extend(array(of_channels.typecode, [number]) * len(playlist))
    return joined


def _row(number: int, m: Material) -> Sequence[Any]:
    return number, m.kind.value, m.asset_id, m.synthetic, m.title, m.pool, ",".join(m.overlays)
