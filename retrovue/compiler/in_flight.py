"""In flight: the programme that runs across the end of a broadcast day, as a line of its checkpoint; pure.

The next day opens with it. It was planned by the day in which it starts, whose rotations have moved on
since, so the checkpoint carries it whole.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import date

from retrovue.compiler.model import ScheduleEvent, Segment, SegmentKind

#: Its place among a checkpoint's cursors; no path of a rotation begins with a space.
CURSOR = " in flight"


@dataclass(frozen=True, slots=True)
class InFlight:
    """An event and the segments under it."""

    event: ScheduleEvent
    playlist: tuple[Segment, ...]


def pack(programme: InFlight) -> str:
    """The programme as one line of text."""
    return json.dumps(asdict(programme), default=str, ensure_ascii=False, sort_keys=True)


def unpack(text: str) -> InFlight:
    """What ``pack`` wrote. Raises ``ValueError`` for anything else."""
    try:
        value = json.loads(text)
        event = value["event"]
        for name in ("categories", "fallbacks"):
            event[name] = tuple(event[name])
        event["broadcast_date"] = date.fromisoformat(event["broadcast_date"])
        segments = []
        for row in value["playlist"]:
            row["broadcast_date"] = date.fromisoformat(row["broadcast_date"])
            row["kind"] = SegmentKind(row["kind"])
            segments.append(Segment(**row))
        return InFlight(ScheduleEvent(**event), tuple(segments))
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"no programme in flight: {text[:80]!r}") from error
