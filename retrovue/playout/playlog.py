"""Playlog: a playlist aligned to the tick grid of its channel; pure.

The playlog is the runtime's only authority on "now". Each boundary is rounded once to the grid, so
neighbours share it and nothing accumulates; a segment shorter than a tick vanishes.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from retrovue.compiler.model import Segment
from retrovue.playout.overlay import Layer, clip
from retrovue.playout.pods import Pod, pods
from retrovue.playout.ticks import TickGrid


@dataclass(frozen=True, slots=True)
class PlaylogEntry:
    """A segment on the ticks [start, end)."""

    start: int
    end: int
    segment: Segment
    fallbacks: tuple[str, ...] = ()  #: asset ids that stand in, in order
    layers: tuple[Layer, ...] = ()  #: graphics over it, lowest first; windows lie inside [start, end)
    pod: Pod | None = None  #: that it is a part of
    barred: str = ""  #: why its asset may not air any more; a stand-in does. Empty: it may

    @property
    def shows(self) -> str:
        """The asset that is to be shown: the planned one, or its first stand-in; empty: none is."""
        if not self.barred:
            return self.segment.asset_id
        return self.fallbacks[0] if self.fallbacks else ""

    def offset_us(self, tick: int, grid: TickGrid) -> int:
        """Where in the asset the picture of ``tick`` is (µs); never negative.

        Counted from the segment's first tick, not from its instant, which lies up to half a tick from it: so
        the first picture is the planned one, and whoever joins later is in step.
        """
        first_us = grid.start_us(grid.nearest(self.segment.start_us))
        return max(0, self.segment.in_us + grid.start_us(tick) - first_us)

    def between(self, start: int, end: int) -> PlaylogEntry:
        """The part of it on the ticks [start, end), which must lie inside."""
        if (start, end) == (self.start, self.end):
            return self
        return replace(self, start=start, end=end, layers=clip(self.layers, start, end))

    def same_signal(self, other: PlaylogEntry, since: int = 0) -> bool:
        """Do both show the same picture on every tick that both have, from ``since`` on?"""
        start, end = max(self.start, other.start, since), min(self.end, other.end)
        return self.same_source(other) and clip(self.layers, start, end) == clip(other.layers, start, end)

    def same_source(self, other: PlaylogEntry) -> bool:
        """Do both show the same, but for the graphics over it?"""
        a, b = self.segment, other.segment
        return (a.asset_id, a.synthetic, a.title) == (b.asset_id, b.synthetic, b.title) and (
            a.start_us - a.in_us == b.start_us - b.in_us
        )


class Playlog:
    """Entries in order, without gaps, over [start, end) ticks."""

    def __init__(self, entries: Sequence[PlaylogEntry]) -> None:
        self._entries: tuple[PlaylogEntry, ...] | None = tuple(entries)

    @property
    def entries(self) -> tuple[PlaylogEntry, ...]:
        assert self._entries is not None
        return self._entries

    def forget(self) -> None:
        """Nobody looks into it now."""

    @classmethod
    def align(
        cls,
        segments: Sequence[Segment],
        grid: TickGrid,
        fallbacks: Mapping[int, tuple[str, ...]] | None = None,
        barred: Mapping[str, str] | None = None,
    ) -> Playlog:
        """``fallbacks``: event id → asset ids. ``barred``: asset that may not air any more → why; none of
        them stands in. Segments must be ordered and tile their time."""
        planned, out = fallbacks or {}, barred or {}
        entries = []
        of_pods = {n: pod for first, end, pod in pods(segments, grid) for n in range(first, end)}
        for n, segment in enumerate(segments):
            start, end = grid.nearest(segment.start_us), grid.nearest(segment.end_us)
            if end > start:
                standing_in = tuple(a for a in planned.get(segment.event_id, ()) if a not in out)
                why = out.get(segment.asset_id, "")
                entries.append(PlaylogEntry(start, end, segment, standing_in, (), of_pods.get(n), why))
        return cls(entries)

    def cut_at(self, ticks: Iterable[int]) -> Playlog:
        """The same plan with a boundary at each of ``ticks``: each part gets a source of its own."""
        wanted = sorted(set(ticks))
        entries: list[PlaylogEntry] = []
        for entry in self.entries:
            edges = [entry.start, *(t for t in wanted if entry.start < t < entry.end), entry.end]
            entries += (entry.between(a, b) for a, b in pairwise(edges))
        return Playlog(entries)

    def over(self, layers: Callable[[PlaylogEntry], Sequence[Layer]]) -> Playlog:
        """The same plan with ``layers(entry)`` above the graphics that each entry has."""
        return Playlog(
            [
                replace(e, layers=(*e.layers, *added)) if (added := clip(layers(e), e.start, e.end)) else e
                for e in self.entries
            ]
        )

    def under(self, layers: Sequence[Layer]) -> Playlog:
        """The same plan under graphics that come and go in the midst of its entries."""
        if not layers:
            return self
        edges = [edge for layer in layers for edge in (layer.start, layer.end)]
        return self.cut_at(edges).over(lambda entry: layers)

    def drawn(self, layers: Sequence[tuple[Layer, ...]]) -> Playlog:
        """The same plan with each entry's own ``layers`` over it."""
        pairs = zip(self.entries, layers, strict=True)
        return Playlog([e if own == e.layers else replace(e, layers=own) for e, own in pairs])

    def with_instead(self, others: Iterable[PlaylogEntry]) -> Playlog:
        """The same plan with each of ``others`` in place of what was planned on its ticks. They are apart."""
        entries = self.entries
        for other in others:
            kept = [
                _part(e, e.start, min(e.end, other.start), other) for e in entries if e.start < other.start
            ]
            kept.append(other)
            kept += [_part(e, max(e.start, other.end), e.end, other) for e in entries if e.end > other.end]
            entries = tuple(kept)
        return Playlog(entries)

    def since(self, tick: int) -> Playlog:
        """Without the entries that are over by ``tick``."""
        return Playlog([entry for entry in self.entries if entry.end > tick])

    def between(self, start: int, end: int) -> Playlog:
        """The entries that lie in [start, end), in part at least."""
        return Playlog([entry for entry in self.entries if entry.end > start and entry.start < end])

    def pods(self, start: int, end: int) -> Iterator[Pod]:
        """The pods that touch [start, end), in order."""
        entries, before = self.entries, None
        index = max(0, bisect_right(entries, start, key=lambda entry: entry.start) - 1)
        while index < len(entries) and entries[index].start < end:
            pod = entries[index].pod
            if pod is not None and pod != before and pod.end > start:
                yield pod
            before, index = pod, index + 1

    @property
    def end(self) -> int:
        """The first tick that nothing is planned for; 0 when empty."""
        return self.entries[-1].end if self.entries else 0

    def at(self, tick: int) -> PlaylogEntry | None:
        """What is planned on ``tick``; None outside the playlog."""
        entries = self.entries
        index = bisect_right(entries, tick, key=lambda entry: entry.start) - 1
        if index < 0 or tick >= entries[index].end:
            return None
        return entries[index]


def _part(entry: PlaylogEntry, start: int, end: int, other: PlaylogEntry) -> PlaylogEntry:
    """The part of ``entry`` on [start, end), and of its pod what ``other`` leaves on that side."""
    entry, pod = entry.between(start, end), entry.pod
    if pod is None or pod.end <= other.start or pod.start >= other.end:
        return entry
    left = (pod.start, other.start) if end <= other.start else (other.end, pod.end)
    return replace(entry, pod=pod.between(*left))


class DeferredPlaylog(Playlog):
    """A playlog that is worked out when somebody first looks into it, by ``plan``, and may be forgotten.

    ``end`` is known before. Any thread may look into it.
    """

    def __init__(self, plan: Callable[[], Sequence[PlaylogEntry]], end: int) -> None:
        self._entries = None
        self._plan, self._end = plan, end

    @property
    def entries(self) -> tuple[PlaylogEntry, ...]:
        entries = self._entries
        if entries is None:
            entries = self._entries = tuple(self._plan())
        return entries

    @property
    def end(self) -> int:
        return self._end

    def forget(self) -> None:
        """It is worked out anew for whoever looks into it next."""
        self._entries = None
