"""Folded: a day's events as they come from the process that compiled it; pure.

Of most events nobody in the receiving process asks more than their ids, and what the artefact says of them is
written by the sender. So they stay folded up until somebody looks into them.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import overload

from retrovue.compiler.listing import first_id
from retrovue.compiler.model import ScheduleDay, ScheduleEvent

#: What the store will say of events, in its own form.
Written = tuple[str, ...]


class FoldedEvents(Sequence[ScheduleEvent]):
    """The events of a day, at least one."""

    __slots__ = ("_folded", "_unfolded", "asked", "first", "first_ids", "ids", "last", "written")

    def __init__(self, events: Sequence[ScheduleEvent], written: Written) -> None:
        self.first, self.last = events[0], events[-1]
        self.ids = tuple(event.event_id for event in events)
        self.first_ids = tuple(map(first_id, events))  #: their ids, if no other event had them (listing.py)
        #: Channel, plan, zone and program of the events, each once.
        self.asked = tuple(dict.fromkeys((e.channel, e.plan, e.zone, e.program) for e in events))
        self.written = written
        self._folded = pickle.dumps(tuple(events), pickle.HIGHEST_PROTOCOL)
        self._unfolded: tuple[ScheduleEvent, ...] | None = None

    @property
    def read(self) -> tuple[ScheduleEvent, ...]:
        """All of them."""
        if self._unfolded is None:
            # Not of a stranger: a worker sent it, to which this process gave the work.
            self._unfolded = pickle.loads(self._folded)  # noqa: S301
        return self._unfolded

    def __len__(self) -> int:
        return len(self.ids)

    @overload
    def __getitem__(self, at: int) -> ScheduleEvent: ...
    @overload
    def __getitem__(self, at: slice) -> tuple[ScheduleEvent, ...]: ...
    def __getitem__(self, at: int | slice) -> ScheduleEvent | tuple[ScheduleEvent, ...]:
        if at == 0:
            return self.first
        return self.last if at == -1 else self.read[at]

    def __iter__(self) -> Iterator[ScheduleEvent]:
        return iter(self.read)

    def __eq__(self, other: object) -> bool:
        return self.read == tuple(other) if isinstance(other, Sequence) else NotImplemented

    __hash__ = None  # type: ignore[assignment]  # as of a list

    def __repr__(self) -> str:
        return f"<{len(self)} events of {self.first.channel}, folded>"


def folded(day: ScheduleDay, write: Callable[[Sequence[ScheduleEvent]], Written]) -> ScheduleDay:
    """The day with its events folded; ``write``: what the store will say of them."""
    if not isinstance(day.events, tuple) or not day.events:
        return day
    return replace(day, events=FoldedEvents(day.events, write(day.events)))
