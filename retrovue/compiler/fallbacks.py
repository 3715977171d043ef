"""Fallbacks: who stands in when a programme can't be played at air time; pure.

The runtime improvises nothing: it takes the first of this list that plays, then the slate.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from hashlib import sha256

from retrovue.broadcast_day import Calendar
from retrovue.compiler.dayparts import may_start
from retrovue.compiler.schedule_day import Slot
from retrovue.compiler.shelf import Candidates, Shelf
from retrovue.library.catalog import Asset
from retrovue.station.model import Channel, StationModel

#: How many stand in for one event.
HOW_MANY = 3


class FallbackDesk:
    """Chooses the stand-ins of one channel."""

    def __init__(self, model: StationModel, channel: Channel, calendar: Calendar, shelf: Shelf) -> None:
        self._model, self._calendar = model, calendar
        self._shelf = shelf
        self._channel = channel
        self._pools = [shelf.pool(slug) for slug in channel.fallback]

    def stand_ins(self, slot: Slot) -> tuple[str, ...]:
        """Asset ids in order: from the channel's fallback pools, else of the program's own query.

        Those that last as long as the programme come first; the time of day decides among them, so
        that a fault of an hour doesn't show one picture over and over. None that may not start then.
        """
        airing = slot.airing
        if airing is None:
            return ()
        live = airing.item.program in self._model.lives
        if airing.main is None and not live:
            return ()  # a generated picture never fails to come
        length_us = airing.main.duration_us if airing.main is not None else slot.end_us - slot.start_us
        planned = airing.main.id if airing.main is not None else ""
        sources = [pool for pool in self._pools if len(pool)]
        sources = sources or ([] if live else self._own(airing.item.program))
        chance = int.from_bytes(sha256(f"{self._channel.channel}|{slot.start_us}".encode()).digest()[:8])
        chosen: dict[str, None] = {}
        for candidates in sources:
            few = HOW_MANY + 1
            for asset in _long_enough(candidates, length_us, chance):
                if not may_start(asset, self._calendar, slot.start_us):
                    continue
                if asset.id != planned and len(chosen) < HOW_MANY:
                    chosen[asset.id] = None
                if (few := few - 1) == 0:
                    break
        return tuple(chosen)

    def _own(self, slug: str) -> list[Candidates]:
        """What the program, or what it holds first, is chosen from."""
        for _ in range(8):
            program, virtual = self._model.programs.get(slug), self._model.virtuals.get(slug)
            if virtual is not None and virtual.rule is not None:
                return [self._shelf.select(virtual.rule.query)]
            nodes = program.chain if program else (virtual.sequence or ()) if virtual else ()
            if queries := [node.episodes for node in nodes if node.episodes is not None]:
                return [self._shelf.select(queries[0])]
            inner = next((n.program or n.virtual for n in nodes if n.program or n.virtual), None)
            if inner is None:
                return []
            slug = inner
        return []


def _long_enough(candidates: Candidates, length_us: int, chance: int) -> Iterator[Asset]:
    """Those that are not shorter than ``length_us``; when there are few, the longest of the others, too."""
    first = bisect_left(candidates.lengths, length_us)
    few = HOW_MANY + 1
    enough = candidates.by_length[first:] if len(candidates) - first <= few else None
    if enough is not None:
        shift = chance % len(enough) if enough else 0
        yield from (*enough[shift:], *enough[:shift])
        yield from reversed(candidates.by_length[:first])
        return
    count = len(candidates) - first
    start = chance % count
    yield from (candidates.by_length[first + (start + step) % count] for step in range(count))
