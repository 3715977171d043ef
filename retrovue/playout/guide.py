"""A guide channel: the schedule of all channels as a grid that scrolls, as cable systems had it; pure.

The grid covers an hour and a half from the half hour that is under way, in station time. It is drawn once for
each half hour, and which row is on top follows from the tick alone.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import Any

from retrovue.compiler.model import CompiledChannel, ScheduleEvent
from retrovue.playout.cards import Writing
from retrovue.units import MINUTE_US

HALF_HOUR_US = 30 * MINUTE_US
COLUMNS = 3
#: A picture holds no more rows; a longer lineup is shown in parts.
ROWS = 120

Lineup = Sequence[tuple[CompiledChannel, Sequence[ScheduleEvent]]]


def part(lineup: Lineup, at_us: int) -> Lineup:
    """What of a long lineup is shown in the half hour that began at ``at_us``: another part in each."""
    parts = [lineup[n : n + ROWS] for n in range(0, len(lineup), ROWS)]
    return parts[at_us // HALF_HOUR_US % len(parts)] if parts else ()


def half_hour(us: int, writing: Writing) -> int:
    """The half hour of station time that ``us`` lies in: when it began."""
    local = writing.local(us)
    into = (local.minute % 30) * MINUTE_US + local.second * 1_000_000 + local.microsecond
    return us - into


def edges(start_us: int, end_us: int, writing: Writing) -> list[int]:
    """The half hours that begin in (start, end): another grid is shown from each of them on."""
    found = []
    at = half_hour(start_us, writing) + HALF_HOUR_US
    while at < end_us:
        found.append(at)
        # The clocks may have changed by less than half an hour somewhere, some day.
        at = half_hour(at, writing) + HALF_HOUR_US
    return found


def columns(at_us: int, writing: Writing) -> list[str]:
    """The times above the grid of the half hour that began at ``at_us``."""
    return [" ".join(writing.time(at_us + n * HALF_HOUR_US)).strip() for n in range(COLUMNS)]


def rows(lineup: Lineup, at_us: int) -> list[dict[str, Any]]:
    """One row a channel, with the programmes of the hour and a half from ``at_us`` on."""
    return [
        {
            "number": channel.number,
            "callsign": channel.callsign,
            "name": channel.name,
            "cells": _cells(events, at_us, at_us + COLUMNS * HALF_HOUR_US),
        }
        for channel, events in lineup
    ]


def _cells(events: Sequence[ScheduleEvent], start_us: int, end_us: int) -> list[dict[str, Any]]:
    first = max(0, bisect_right(events, start_us, key=lambda e: e.start_us) - 1)
    cells: list[dict[str, Any]] = []
    for event in events[first:]:
        if event.start_us >= end_us:
            break
        left, right = max(event.start_us, start_us), min(event.end_us, end_us)
        if left < right:
            cells.append(
                {
                    "title": event.title,
                    "left": (left - start_us) / (end_us - start_us),
                    "right": (right - start_us) / (end_us - start_us),
                    "before": event.start_us < start_us,
                    "after": event.end_us > end_us,
                    "kind": event.kind,
                }
            )
    return cells
