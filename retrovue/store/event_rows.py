"""Event rows: what the artefact says of a day's events, as the text that DuckDB reads.

Whoever compiled the day can write it, in a process of its own.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Sequence
from functools import lru_cache
from io import StringIO
from typing import Any

from retrovue.compiler.folded import FoldedEvents, Written
from retrovue.compiler.model import ScheduleEvent
from retrovue.store import schema

Row = Sequence[Any]

#: How NULL is written.
NULL = "\\N"

#: The tables that are written here.
EVENT_TABLES = (schema.SCHEDULE_EVENT, schema.FALLBACK)


def or_null(value: object) -> object:
    return NULL if value is None else value


def written(events: Sequence[ScheduleEvent]) -> Written:
    """The rows of the events, one text for each of ``EVENT_TABLES``."""
    if isinstance(events, FoldedEvents):
        return events.written
    fallbacks = ((e.event_id, at, asset_id) for e in events for at, asset_id in enumerate(e.fallbacks))
    return row_text(map(_event_row, events)), row_text(fallbacks)


def row_text(rows: Iterable[Row]) -> str:
    """Rows, as DuckDB reads them."""
    text = StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


#: As ``json.dumps``, which makes an encoder each time that it is asked for anything out of the ordinary.
_COMPACT = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


@lru_cache(maxsize=1024)
def words(words: tuple[str, ...]) -> str:
    """A list of words, as JSON; many events have the same, and many assets."""
    return json.dumps(words, ensure_ascii=False)


def _event_row(e: ScheduleEvent) -> Row:
    return (
        e.event_id,
        e.channel,
        e.broadcast_date,
        e.start_us,
        e.end_us,
        e.title,
        e.subtitle,
        e.description,
        or_null(e.season),
        or_null(e.episode),
        or_null(e.year),
        e.original_date,
        words(e.categories),
        e.rating,
        e.kind,
        e.program,
        e.asset_id,
        e.plan,
        e.zone,
        e.written_at,
        _COMPACT(e.moves) if e.moves else "",
    )
