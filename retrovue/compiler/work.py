"""Work: the groups of channels that are to be compiled, in any order, by whoever is there to do it; pure.

A ``Spread`` does it all. Work may be sent to another process, or to another machine.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from copy import copy
from dataclasses import dataclass
from datetime import timedelta
from itertools import chain

from retrovue.compiler.base import Base
from retrovue.compiler.channel_days import Asked, DraftDay
from retrovue.compiler.channels import fitted
from retrovue.compiler.day_inputs import Digests
from retrovue.compiler.inputs import queries
from retrovue.compiler.model import Finding, ScheduleDay
from retrovue.compiler.shelf import Shelf
from retrovue.compiler.stages import Draft, GroupDays, Tell, compile_group, open_channels, report_on_no_day
from retrovue.compiler.traffic import TrafficDesk
from retrovue.compiler.unread import Rows, Unread, UnreadEvents
from retrovue.library.catalog import Asset, Catalog
from retrovue.station.model import Channel, StationModel

#: Does all of the work, its groups in order; the results must not depend on who does which.
Spread = Callable[["Work"], Iterable["GroupDays"]]


@dataclass(slots=True)
class Common:
    """What all groups of a station need; not for several threads at once."""

    catalog: Catalog
    shelf: Shelf
    desk: TrafficDesk
    digests: Digests

    @classmethod
    def of(cls, model: StationModel, catalog: Catalog) -> Common:
        shelf = Shelf(catalog, model.pools)
        return cls(catalog, shelf, TrafficDesk(model, shelf), Digests(model, shelf))


class Work:
    """The groups that are to be compiled, by number. May be sent to another process, where a base that is an
    artefact must be under the same path; what the groups have in common is made anew there, and in each other
    thread that compiles any."""

    def __init__(
        self,
        model: StationModel,
        catalog: Catalog,
        groups: Sequence[Sequence[Channel]],
        asked: Sequence[Asked],
        common: Common | None = None,
    ) -> None:
        """``common``: what this thread has already."""
        self._model, self._catalog = model, catalog
        self._groups, self._asked = groups, asked
        self._here = threading.local()
        self._here.common = common
        self._here.prepared = False

    def __len__(self) -> int:
        return len(self._groups)

    def prepare(self) -> None:
        """Make now what all groups need: before a process is forked, which then has it."""
        here = self._here
        if getattr(here, "prepared", False):
            return
        if getattr(here, "common", None) is None:
            here.common = Common.of(self._model, copy(self._catalog))
        common: Common = here.common
        going = [
            channel
            for group, asked in zip(self._groups, self._asked, strict=True)
            if not asked.whole
            for channel in group
        ]
        common.shelf.read_ahead(query for channel in going for query in queries(self._model, channel))
        if len(self) > 1 and self._model.pools:
            common.desk.inventory  # noqa: B018
        here.prepared = True

    def __call__(self, number: int, tell: Tell = lambda days: None) -> GroupDays:
        self.prepare()
        return compile_group(self._draft(number, tell))

    def days(self, number: int) -> int:
        """How many days of channels a group is asked for."""
        return self._asked[number].count * len(self._groups[number])

    def _draft(self, number: int, tell: Tell = lambda days: None) -> Draft:
        common: Common = self._here.common
        return Draft(
            self._model,
            common.catalog,
            self._asked[number],
            self._groups[number],
            common.shelf,
            common.desk,
            common.digests,
            tell,
        )

    def asked(self, number: int) -> Asked:
        """What is asked for of a group."""
        return self._asked[number]

    def may_be_cut(self, number: int) -> bool:
        """May a group's days be compiled apart (stretches.py)? Not where they go on from a base, are another
        channel's, or owe a contract what earlier days have not delivered."""
        (channel, *others), asked = self._groups[number], self._asked[number]
        return (
            not others
            and channel.simulcast is None
            and asked.base is None
            and all(spot.runs is None for spot in self._model.spots.values())
        )

    def only(self, numbers: Sequence[int], asked: Sequence[Asked]) -> Work:
        """Some of these groups, perhaps several times, of which this is asked for."""
        common = getattr(self._here, "common", None)
        return Work(self._model, self._catalog, [self._groups[n] for n in numbers], asked, common)

    def found_over_all_days(self, number: int) -> tuple[Finding, ...]:
        """What is said of the days of a group's one channel together."""
        self.prepare()
        asked = self._asked[number]
        draft = self._draft(number)
        open_channels(draft)
        (work,) = draft.channels
        dates = (asked.first_day + timedelta(days=n) for n in range(asked.count))
        work.days = [DraftDay(on, 0, 0) for on in dates]
        report_on_no_day(draft)
        return tuple(work.found.values())

    def assets(self, ids: Iterable[str]) -> Iterator[Asset]:
        """Those of the ids that are not gone, as they air."""
        self.prepare()
        common: Common = self._here.common
        return (fitted(self._model, asset) for _, asset in sorted(common.catalog.named(ids).items()))

    def __reduce__(self) -> tuple[object, ...]:
        days = (day for asked in self._asked[:1] if asked.base is not None for day in _days(asked.base))
        rows = next((day.events.rows for day in days if isinstance(day.events, UnreadEvents)), None)
        return _received, (self._model, self._catalog, self._groups, self._asked, rows)


def _received(
    model: StationModel,
    catalog: Catalog,
    groups: Sequence[Sequence[Channel]],
    asked: Sequence[Asked],
    rows: Rows | None,
) -> Work:
    """Work that comes from another process: what is unread of its base is read from ``rows``."""
    for day in (day for one in asked[:1] if one.base is not None for day in _days(one.base)):
        for unread in (day.events, day.playlist):
            if isinstance(unread, Unread):
                unread.rows = rows
    return Work(model, catalog, groups, asked)


def _days(base: Base) -> Iterator[ScheduleDay]:
    return chain.from_iterable(days.values() for days in base.days.values())


def in_turn(work: Work, tell: Tell = lambda days: None) -> Iterable[GroupDays]:
    """The plain way: one group after the other, in this process. ``tell``: of each day."""
    return (work(number, tell) for number in range(len(work)))
