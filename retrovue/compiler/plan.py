"""Plan: which zone rules which stretch of a broadcast day; pure.

The plans that apply to the date are laid over each other, the highest first: priority, then how
specific ``when`` is, then the channel's own order. A zone takes what higher plans left of its window.
What no zone takes is off the air.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from retrovue.broadcast_day import DAY_MINUTES, BroadcastDay, Calendar
from retrovue.station.model import Channel, Plan, Zone
from retrovue.station.when import Seasons, applies, specificity


@dataclass(frozen=True, slots=True)
class Layer:
    """A stretch of the day in broadcast minutes, and the zone that rules it (None: uncovered)."""

    start: int
    end: int
    plan: Plan | None = None
    zone_index: int = 0


@dataclass(frozen=True, slots=True)
class Window:
    """A layer on the grid. Windows tile the day.

    Programmes start at ``start_us`` at the earliest and end by ``close_us``; up to ``end_us`` is one more
    block when the zone's end lies off the grid.
    """

    start_us: int
    close_us: int
    end_us: int
    layer: Layer

    @property
    def zone(self) -> Zone | None:
        return self.layer.plan.zones[self.layer.zone_index] if self.layer.plan else None


def stretches(calendar: Calendar, window: tuple[int, int]) -> list[tuple[int, int]]:
    """A zone's window in broadcast minutes; two stretches when it spans the start of the broadcast
    day, both of the same broadcast date."""
    start, end = calendar.relative(window[0]), calendar.relative(window[1])
    if end <= start:
        end += DAY_MINUTES
    if end <= DAY_MINUTES:
        return [(start, end)]
    return [(start, DAY_MINUTES), (0, end - DAY_MINUTES)]


class Planner:
    """The plans of one channel. Layers are kept per set of plans that apply."""

    def __init__(
        self, channel: Channel, plans: Mapping[str, Plan], calendar: Calendar, seasons: Seasons
    ) -> None:
        own = [plans[slug] for slug in channel.plans if slug in plans]
        rank = {
            plan.plan: (-plan.priority, -specificity(plan.when, seasons), i) for i, plan in enumerate(own)
        }
        self._plans = sorted(own, key=lambda plan: rank[plan.plan])
        self._calendar = calendar
        self._seasons = seasons
        self._layers: dict[tuple[str, ...], list[Layer]] = {}

    def applying(self, on: date) -> list[Plan]:
        """The plans that apply on ``on``, the highest first."""
        return [plan for plan in self._plans if applies(plan.when, on, seasons=self._seasons)]

    def layers(self, on: date) -> list[Layer]:
        """The day's layers, in order; they cover broadcast minutes 0 to 1440."""
        applying = self.applying(on)
        key = tuple(plan.plan for plan in applying)
        if key not in self._layers:
            self._layers[key] = self._lay(applying)
        return self._layers[key]

    def _lay(self, plans: list[Plan]) -> list[Layer]:
        free = [(0, DAY_MINUTES)]
        layers: list[Layer] = []
        for plan in plans:
            for index, zone in enumerate(plan.zones):
                for start, end in stretches(self._calendar, zone.window):
                    left: list[tuple[int, int]] = []
                    for a, b in free:
                        if max(a, start) >= min(b, end):
                            left.append((a, b))
                            continue
                        layers.append(Layer(max(a, start), min(b, end), plan, index))
                        left += [piece for piece in ((a, start), (end, b)) if piece[0] < piece[1]]
                    free = left
        layers += [Layer(a, b) for a, b in free]
        return sorted(layers, key=lambda layer: layer.start)

    def windows(self, day: BroadcastDay) -> list[Window]:
        """The day's windows, in order; they tile it. A layer that holds no grid line has none."""
        found = []
        for layer in self.layers(day.date):
            ends = day.at(layer.end)
            start, close, end = day.grid_ceil(day.at(layer.start)), day.grid_floor(ends), day.grid_ceil(ends)
            if start < end:
                found.append(Window(start, close, end, layer))
        return found
