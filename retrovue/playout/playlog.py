"""Playlog: a playlist aligned to the tick grid of its channel; pure.

The playlog is the runtime's only authority on "now". Each boundary is rounded once to the grid, so
neighbours share it and nothing accumulates; a segment shorter than a tick vanishes.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from retrovue.compiler.model import Segment
from retrovue.playout.ticks import TickGrid


@dataclass(frozen=True, slots=True)
class PlaylogEntry:
    """A segment on the ticks [start, end)."""

    start: int
    end: int
    segment: Segment
    fallbacks: tuple[str, ...] = ()  #: asset ids that stand in, in order

    def offset_us(self, tick: int, grid: TickGrid) -> int:
        """Where in the asset the picture of ``tick`` is (µs); never negative."""
        return max(0, self.segment.in_us + grid.start_us(tick) - self.segment.start_us)

    def same_signal(self, other: PlaylogEntry) -> bool:
        """Do both show the same picture on the same tick? Then a swap of playlogs needs no new source."""
        a, b = self.segment, other.segment
        return (
            (a.asset_id, a.synthetic, a.title) == (b.asset_id, b.synthetic, b.title)
            and a.start_us - a.in_us == b.start_us - b.in_us
            and self.end == other.end
        )


class Playlog:
    """Entries in order, without gaps, over [start, end) ticks."""

    def __init__(self, entries: Sequence[PlaylogEntry]) -> None:
        self.entries = tuple(entries)
        self._starts = [entry.start for entry in self.entries]

    @classmethod
    def align(
        cls, segments: Sequence[Segment], grid: TickGrid, fallbacks: dict[int, tuple[str, ...]] | None = None
    ) -> Playlog:
        """``fallbacks``: event id → asset ids. Segments must be ordered and tile their time."""
        planned = fallbacks or {}
        entries = []
        for segment in segments:
            start, end = grid.nearest(segment.start_us), grid.nearest(segment.end_us)
            if end > start:
                entries.append(PlaylogEntry(start, end, segment, planned.get(segment.event_id, ())))
        return cls(entries)

    @property
    def end(self) -> int:
        """The first tick that nothing is planned for; 0 when empty."""
        return self.entries[-1].end if self.entries else 0

    def at(self, tick: int) -> PlaylogEntry | None:
        """What is planned on ``tick``; None outside the playlog."""
        index = bisect_right(self._starts, tick) - 1
        if index < 0 or tick >= self.entries[index].end:
            return None
        return self.entries[index]
