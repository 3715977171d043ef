"""When everything in the guide begins and ends: what a page of the grid is found by.

A client reads a station's week five hundred rows at a time, and each page would make every programme of every
channel once more. The index is three numbers a programme; it is made when a page is asked for and forgotten
when nobody has asked for a while.
"""

from __future__ import annotations

import threading
from array import array
from bisect import bisect_left
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from retrovue.clock import MasterClock
from retrovue.headend.tvheadend.epg import Epg, Event
from retrovue.lineup import ChannelId, Lineup
from retrovue.units import from_us, to_us

#: An index that nobody asks for is forgotten after this long (seconds).
_IDLE_S = 300.0
_MOMENT = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class _Times:
    """One guide, by start and then in the order of the lineup. Instants are µs since the Unix epoch."""

    of: tuple[str, tuple[ChannelId, ...]]  #: of which guide and which channels
    starts: array[int]
    ends: array[int]
    channels: array[int]  #: places in the lineup


#: What rows can be put in order by: start, end, place in the lineup.
Key = Callable[[int, int, int], Any]


class GuideIndex:
    """Any thread may ask."""

    def __init__(self, lineup: Lineup, epg: Epg, clock: MasterClock) -> None:
        self._lineup, self._epg, self._clock = lineup, epg, clock
        self._lock = threading.Lock()
        self._times: _Times | None = None
        self._asked_at = 0.0

    def page(
        self,
        channels: Collection[ChannelId],
        wanted: slice,
        *,
        key: Key | None = None,
        backwards: bool = False,
        shortest: int = 0,
        longest: int = 0,
    ) -> tuple[list[Event], int]:
        """Some rows of what is on these channels now or later, and how many rows there are.

        ``key``: None is by start. ``shortest`` and ``longest``: least and greatest length, seconds; 0: any.
        """
        while True:
            times = self._current()
            rows = _rows(times, channels, to_us(self._clock.now()), shortest * 10**6, longest * 10**6)
            if key is not None:
                starts, ends, places = times.starts, times.ends, times.channels
                rows = sorted(rows, key=lambda n: key(starts[n], ends[n], places[n]))
            found = self._made(times, (rows[::-1] if backwards else rows)[wanted])
            if found is not None:
                return found, len(rows)
            # The guide has become another one meanwhile.

    def forget_unused(self) -> None:
        """Give back what nobody has asked for lately."""
        if self._times is not None and self._clock.elapsed() - self._asked_at > _IDLE_S:
            self._times = None

    def _current(self) -> _Times:
        with self._lock:
            self._asked_at = self._clock.elapsed()
            of = (self._lineup.guide_etag(), tuple(ident.id for ident in self._lineup.channels()))
            if self._times is None or self._times.of != of:
                self._times = None  # two of them are not kept
                self._times = self._read(of)
            return self._times

    def _read(self, of: tuple[str, tuple[ChannelId, ...]]) -> _Times:
        now = self._clock.now()
        rows = sorted(
            (to_us(entry.start), place, to_us(entry.end))
            for place, channel in enumerate(of[1])
            for entry, _ in self._epg.events(channel, now)
        )
        starts, places, ends = (array("q", column) for column in zip(*rows, strict=True)) if rows else _NONE
        return _Times(of, starts, ends, array("l", places))

    def _made(self, times: _Times, rows: Sequence[int]) -> list[Event] | None:
        """The rows' programmes; None: one of them is not in the guide any more."""
        spans: dict[int, tuple[int, int]] = {}
        for n in rows:
            start = times.starts[n]
            first, last = spans.get(times.channels[n], (start, start))
            spans[times.channels[n]] = (min(first, start), max(last, start))
        known: dict[tuple[int, int], Event] = {}
        for place, (first, last) in spans.items():
            for event in self._epg.events(times.of[1][place], from_us(first), from_us(last) + _MOMENT):
                known[place, to_us(event[0].start)] = event
        found = [known.get((times.channels[n], times.starts[n])) for n in rows]
        return None if None in found else [event for event in found if event is not None]


_NONE: tuple[array[int], ...] = (array("q"), array("q"), array("q"))


def _rows(
    times: _Times, channels: Collection[ChannelId], now_us: int, shortest_us: int, longest_us: int
) -> Sequence[int]:
    """What isn't over, of these channels and lengths, by start."""
    starts, ends = times.starts, times.ends
    begun = bisect_left(starts, now_us)
    rows: Iterable[int] = [n for n in range(begun) if ends[n] > now_us]
    rows = [*rows, *range(begun, len(starts))]
    if len(channels) < len(times.of[1]):
        places = {place for place, channel in enumerate(times.of[1]) if channel in channels}
        rows = [n for n in rows if times.channels[n] in places]
    if shortest_us or longest_us:
        most = longest_us or 1 << 62
        rows = [n for n in rows if shortest_us <= ends[n] - starts[n] <= most]
    return rows


def on_air(epg: Epg, channels: Iterable[ChannelId], now: datetime) -> list[Event]:
    """What is on these channels now, by start."""
    found = [event for channel in channels for event in epg.events(channel, now, now + _MOMENT)]
    return sorted(found, key=lambda event: event[0].start)
