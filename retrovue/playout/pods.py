"""Pods: where a channel's segments interrupt or follow its programmes; pure.

A pod is what the compiler puts into a break: spots, promos, bumpers, idents, and the remainder behind them.
What fills a block without a programme, and a card or clock that is the programme, is no pod.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from retrovue.compiler.model import INTERSTITIALS, Segment, SegmentKind
from retrovue.playout.ticks import TickGrid

_PROGRAMME = (SegmentKind.PROGRAM, SegmentKind.LIVE)


@dataclass(frozen=True, slots=True)
class Pod:
    """A pod on the ticks [start, end)."""

    start: int
    end: int
    event_id: int  #: the programme that it interrupts or follows
    spots: tuple[tuple[int, int], ...] = ()  #: its advertisements, from tick to tick

    def between(self, start: int, end: int) -> Pod:
        """The part of it on the ticks [start, end), which must not be empty."""
        start, end = max(start, self.start), min(end, self.end)
        spots = tuple((max(a, start), min(b, end)) for a, b in self.spots if a < end and b > start)
        return replace(self, start=start, end=end, spots=spots)


def pods(segments: Sequence[Segment], grid: TickGrid) -> Iterator[tuple[int, int, Pod]]:
    """(first, behind the last; indexes) of ``segments``, which are in order, and the pod that they are."""
    for _, of_event in groupby(enumerate(segments), key=lambda each: each[1].event_id):
        event = list(of_event)
        if any(segment.kind in _PROGRAMME for _, segment in event):
            yield from _of_programme(event, grid)


def _of_programme(event: list[tuple[int, Segment]], grid: TickGrid) -> Iterator[tuple[int, int, Pod]]:
    last = event[-1][0]
    for programme, run in groupby(event, key=lambda each: each[1].kind in _PROGRAMME):
        if programme:
            continue
        numbers, segments = zip(*run, strict=True)
        kinds = {segment.kind for segment in segments} - {SegmentKind.BUMPER}
        # A bumper alone, or a card on the way, is a step of the programme's chain; a card at its end is what
        # closes the block.
        if not kinds or (numbers[-1] != last and not kinds & INTERSTITIALS):
            continue
        edges = [grid.nearest(segments[0].start_us), *(grid.nearest(s.end_us) for s in segments)]
        if edges[-1] > edges[0]:
            spots = [
                (edges[n], edges[n + 1])
                for n, segment in enumerate(segments)
                if segment.kind is SegmentKind.AD and edges[n + 1] > edges[n]
            ]
            pod = Pod(edges[0], edges[-1], segments[0].event_id, tuple(spots))
            yield numbers[0], numbers[-1] + 1, pod
