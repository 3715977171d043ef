"""Guide ids: no two events of an artefact share one, and an event that is published keeps its own; pure.

Ids are given in the order of the lineup and of time, each event the first of its hashes that is free
(listing.py). So they depend on all that comes before; but of a day that nobody has read, the first hash of
each event is known, and that is nearly always its id.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

from retrovue.compiler.base import Base
from retrovue.compiler.folded import FoldedEvents
from retrovue.compiler.listing import content_of, first_id, free_id
from retrovue.compiler.model import ScheduleEvent
from retrovue.compiler.unread import UnreadEvents


class GuideIds:
    """Gives the events of one compile their ids."""

    def __init__(self, base: Base | None) -> None:
        # Of a base that isn't published nothing is kept: the ids are those that it would have without.
        self._base = base if base is not None and base.published else None
        self._taken: set[int] = set()
        if self._base is not None:
            for events in self._base.events():
                self._taken.update(events.ids if isinstance(events, UnreadEvents) else _ids(events))

    def event(self, event: ScheduleEvent) -> int:
        """The id of the next event."""
        if self._base is not None:
            known = self._published.get(first_id(event), [])
            for place in known:
                events, at = place
                if content_of(events[at]) == content_of(event):
                    known.remove(place)
                    return events[at].event_id
        event_id = free_id(event, self._taken)
        self._taken.add(event_id)
        return event_id

    def day(self, events: Sequence[ScheduleEvent]) -> dict[int, int]:
        """The ids of the events that come next, by those that they have; empty where they keep them."""
        if isinstance(events, UnreadEvents) or (isinstance(events, FoldedEvents) and self._base is None):
            return self._known(events)
        ids = {event.event_id: self.event(event) for event in events}
        return ids if any(old != new for old, new in ids.items()) else {}

    def _known(self, events: UnreadEvents | FoldedEvents) -> dict[int, int]:
        if self._base is not None:
            return {}  # they are the base's, and so are their ids
        ids, taken = {}, self._taken
        for at, (old, first) in enumerate(zip(events.ids, events.first_ids, strict=True)):
            new = first
            if not first or first in taken:
                new = free_id(events.read[at], taken)
            taken.add(new)
            ids[old] = new
        return ids if any(old != new for old, new in ids.items()) else {}

    @cached_property
    def _published(self) -> dict[int, list[tuple[Sequence[ScheduleEvent], int]]]:
        """The events of the base by the first of their hashes: where to look for each."""
        found: dict[int, list[tuple[Sequence[ScheduleEvent], int]]] = {}
        for events in self._base.events() if self._base is not None else ():
            firsts = events.first_ids if isinstance(events, UnreadEvents) else map(first_id, events)
            for at, first in enumerate(firsts):
                found.setdefault(first, []).append((events, at))
        return found


def _ids(events: Sequence[ScheduleEvent]) -> list[int]:
    return [event.event_id for event in events]
