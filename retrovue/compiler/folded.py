"""Folded: a day's events, and the assets that air, as they come from the process that compiled them; pure.

Of most of them nobody in the receiving process asks more than their ids, and what the artefact says of them
is written by the sender. So they stay folded up until somebody looks into them.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple, overload

from retrovue.compiler.listing import first_id
from retrovue.compiler.model import ScheduleDay, ScheduleEvent
from retrovue.library.catalog import Asset

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


class ToldAsset(NamedTuple):
    """What is said of an asset that may air."""

    hashed: str  #: what the content hash is over (content_hash.py)
    written: str  #: what the store will say of it, in its own form


class FoldedAssets(Sequence[Asset]):
    """Assets that may air, in order of id; those that nobody has told of are known."""

    __slots__ = ("_ids", "_known", "_read", "_told", "_unfolded")

    def __init__(
        self,
        told: Mapping[str, ToldAsset],
        known: Mapping[str, Asset],
        read: Callable[[Iterable[str]], Mapping[str, Asset]],
    ) -> None:
        """``read``: gives the assets of these ids, when somebody looks into them."""
        self._told, self._known, self._read = told, known, read
        self._ids = sorted({*told, *known})
        self._unfolded: tuple[Asset, ...] | None = None

    @property
    def told(self) -> Iterator[ToldAsset | Asset]:
        """All of them, as far as they are told of."""
        return (self._told.get(asset_id) or self._known[asset_id] for asset_id in self._ids)

    @property
    def read(self) -> tuple[Asset, ...]:
        """All of them."""
        if self._unfolded is None:
            found = self._read(self._ids)
            self._unfolded = tuple(found[asset_id] for asset_id in self._ids)
        return self._unfolded

    def __len__(self) -> int:
        return len(self._ids)

    @overload
    def __getitem__(self, at: int) -> Asset: ...
    @overload
    def __getitem__(self, at: slice) -> tuple[Asset, ...]: ...
    def __getitem__(self, at: int | slice) -> Asset | tuple[Asset, ...]:
        return self.read[at]

    def __eq__(self, other: object) -> bool:
        return self.read == tuple(other) if isinstance(other, Sequence) else NotImplemented

    __hash__ = None  # type: ignore[assignment]  # as of a list

    def __repr__(self) -> str:
        return f"<{len(self)} assets, folded>"


def folded(day: ScheduleDay, write: Callable[[Sequence[ScheduleEvent]], Written]) -> ScheduleDay:
    """The day with its events folded; ``write``: what the store will say of them."""
    if not isinstance(day.events, tuple) or not day.events:
        return day
    return replace(day, events=FoldedEvents(day.events, write(day.events)))
