"""Unread: what of the base nobody has read out of its artefact; pure.

Most days of an incremental compile are what they were, and go from one artefact to the next without a look
into them: how many events they have, under which guide ids, and when the last of them ends is all that a
compile asks. Whoever looks closer gets them read.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Generic, Protocol, TypeVar, overload

from retrovue.compiler.model import ScheduleDay, ScheduleEvent, Segment

T = TypeVar("T")

#: A broadcast day of a channel.
ChannelDay = tuple[str, date]


@dataclass(frozen=True, slots=True)
class Told:
    """What days come to, told without reading them."""

    assets: frozenset[str] = frozenset()  #: ids of all that may air, stand-ins included
    asked: tuple[tuple[str, str, str, str], ...] = ()  #: channel, plan, zone and program of their events
    drawn: tuple[tuple[str, str], ...] = ()  #: pools, and the assets that air from them


class Rows(Protocol):
    """The artefact of a base, which answers as long as it is open."""

    def events(self, channel: str, on: date) -> Sequence[ScheduleEvent]:
        """Those that start on the broadcast date, in order."""
        ...

    def segments(self, channel: str, on: date) -> Sequence[Segment]:
        """Those under these events."""
        ...

    def told(self, days: Collection[ChannelDay]) -> Told: ...


class Unread(Sequence[T], Generic[T]):
    """A sequence of which only the length is known, until somebody asks for what is in it."""

    __slots__ = ("_count", "before", "channel", "on", "rows")

    def __init__(self, rows: Rows | None, channel: str, on: date, count: int, before: Sequence[T]) -> None:
        self.rows = rows  #: None behind a pipe: the process that has the base puts it right (``Base.own``)
        self.channel = channel
        self.on = on
        self.before = before  #: what has been put in front; the rest is as it was
        self._count = count

    @abstractmethod
    def _read(self, rows: Rows) -> Sequence[T]: ...

    @property
    def read(self) -> Sequence[T]:
        """What is behind ``before``."""
        assert self.rows is not None
        return self._read(self.rows)

    def __len__(self) -> int:
        return len(self.before) + self._count

    @overload
    def __getitem__(self, at: int) -> T: ...
    @overload
    def __getitem__(self, at: slice) -> tuple[T, ...]: ...
    def __getitem__(self, at: int | slice) -> T | tuple[T, ...]:
        return (*self.before, *self.read)[at]

    def __iter__(self) -> Iterator[T]:
        yield from self.before
        yield from self.read

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Sequence):
            return len(self) == len(other) and all(a == b for a, b in zip(self, other, strict=True))
        return NotImplemented

    __hash__ = None  # type: ignore[assignment]  # as of a list

    def __repr__(self) -> str:
        return f"<{len(self)} of {self.channel} on {self.on}, unread>"


class UnreadEvents(Unread[ScheduleEvent]):
    """The events of a day."""

    __slots__ = ("first_ids", "ids", "last_end_us", "last_start_us")

    def __init__(
        self,
        rows: Rows | None,
        channel: str,
        on: date,
        ids: Sequence[int],
        first_ids: Sequence[int],
        last_start_us: int,
        last_end_us: int,
        before: Sequence[ScheduleEvent] = (),
    ) -> None:
        """``first_ids``: what their guide ids would be if no other event had them (listing.py). At least
        one event."""
        super().__init__(rows, channel, on, len(ids), before)
        self.ids = ids
        self.first_ids = first_ids
        self.last_start_us = last_start_us
        self.last_end_us = last_end_us

    def _read(self, rows: Rows) -> Sequence[ScheduleEvent]:
        return rows.events(self.channel, self.on)

    def after(self, before: Sequence[ScheduleEvent]) -> UnreadEvents:
        """The same behind these."""
        _, known = self.__reduce__()
        found = UnreadEvents(*known)
        found.rows, found.before = self.rows, (*before, *self.before)
        return found

    def __reduce__(self) -> tuple[type[UnreadEvents], tuple[Any, ...]]:
        known = (self.channel, self.on, self.ids, self.first_ids, self.last_start_us, self.last_end_us)
        return UnreadEvents, (None, *known, self.before)


class UnreadSegments(Unread[Segment]):
    """The playlist of a day."""

    __slots__ = ()

    def __init__(
        self, rows: Rows | None, channel: str, on: date, count: int, before: Sequence[Segment] = ()
    ) -> None:
        super().__init__(rows, channel, on, count, before)

    def _read(self, rows: Rows) -> Sequence[Segment]:
        return rows.segments(self.channel, self.on)

    def after(self, before: Sequence[Segment]) -> UnreadSegments:
        """The same behind these."""
        return UnreadSegments(self.rows, self.channel, self.on, self._count, (*before, *self.before))

    def __reduce__(self) -> tuple[object, ...]:
        return UnreadSegments, (None, self.channel, self.on, self._count, self.before)


def last_start_us(events: Sequence[ScheduleEvent]) -> int:
    """When the last of these, which are some, starts."""
    return events.last_start_us if isinstance(events, UnreadEvents) else events[-1].start_us


def last_end_us(events: Sequence[ScheduleEvent]) -> int:
    """When the last of these, which are some, ends."""
    return events.last_end_us if isinstance(events, UnreadEvents) else events[-1].end_us


def told(days: Iterable[ScheduleDay]) -> Told:
    """What those of the days that are unread come to."""
    unread = [day.events for day in days if isinstance(day.events, UnreadEvents)]
    if not unread or unread[0].rows is None:
        return Told()
    return unread[0].rows.told([(events.channel, events.on) for events in unread])
