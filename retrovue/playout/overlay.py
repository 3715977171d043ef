"""Overlays: graphics over the programme; pure.

A ``Layer`` is one graphic in force on some ticks. It says what stands over the picture as a function of
station time and of nothing else, so that it goes on unmoved through a join, a restart of an encoder or a
viewer who comes later.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Layer:
    """A graphic over the pictures of the ticks [start, end)."""

    shows: str  #: station.model.OverlayKind value
    start: int
    end: int
    text: str = ""
    corner: str = "bottom-right"


def clip(layers: Sequence[Layer], start: int, end: int) -> tuple[Layer, ...]:
    """What of ``layers`` is in force on [start, end), with windows inside it, lowest first."""
    return tuple(
        layer
        if start <= layer.start and layer.end <= end
        else replace(layer, start=max(start, layer.start), end=min(end, layer.end))
        for layer in layers
        if layer.start < end and start < layer.end
    )


def clear_from(layers: Sequence[Layer], tick: int, end: int) -> int:
    """The first tick at or after ``tick`` that nothing lies over; ``end`` when there is none before."""
    for layer in sorted(layers, key=lambda each: each.start):
        if layer.start <= tick < layer.end:
            tick = layer.end
    return min(tick, end)


def covered_from(layers: Sequence[Layer], tick: int, end: int) -> int:
    """The first tick at or after ``tick`` that something lies over; ``end`` when there is none before."""
    return min((max(layer.start, tick) for layer in layers if layer.end > tick), default=end)
