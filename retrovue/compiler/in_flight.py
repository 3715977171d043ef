"""In flight: the programme that runs across the end of a broadcast day, as a line of its checkpoint; pure.

The next day opens with it. It was planned by the day in which it starts, whose rotations have moved on
since, so the checkpoint carries it whole. A delayed channel has more of the kind: what its source has
aired, or is airing, and it has still to air.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date
from typing import Any

from retrovue.compiler.model import ScheduleEvent, Segment, SegmentKind

#: Its place among a checkpoint's cursors; no path of a rotation begins with a space.
CURSOR = " in flight"


@dataclass(frozen=True, slots=True)
class InFlight:
    """An event and the segments under it."""

    event: ScheduleEvent
    playlist: tuple[Segment, ...]

    def settled(self) -> InFlight:
        """The same without what it did to the cursors, which have moved, and without what is its asset's."""
        return InFlight(replace(self.event, moves=(), credits=(), artwork=""), self.playlist)


def pack(programmes: Sequence[InFlight]) -> str:
    """The programmes as one line of text."""
    rows = [asdict(programme.settled()) for programme in programmes]
    return json.dumps(rows, default=str, ensure_ascii=False, sort_keys=True)


def unpack(text: str) -> tuple[InFlight, ...]:
    """What ``pack`` wrote. Raises ``ValueError`` for anything else."""
    try:
        return tuple(_programme(value) for value in json.loads(text))
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"no programmes in flight: {text[:80]!r}") from error


def _programme(value: dict[str, Any]) -> InFlight:
    event = value["event"]
    for name in ("categories", "fallbacks"):
        event[name] = tuple(event[name])
    event["moves"] = tuple((path, cursor) for path, cursor in event["moves"])
    event["broadcast_date"] = date.fromisoformat(event["broadcast_date"])
    segments = []
    for row in value["playlist"]:
        row["broadcast_date"] = date.fromisoformat(row["broadcast_date"])
        row["kind"] = SegmentKind(row["kind"])
        for name, kept in row.items():
            if isinstance(kept, list):
                row[name] = tuple(kept)
        segments.append(Segment(**row))
    return InFlight(ScheduleEvent(**event), tuple(segments))
