"""Stretches: a channel's days, compiled by several workers side by side; pure.

What a day's breaks show hangs on what aired before, but on little of it: separations reach back some hours,
and a pool's rotation begins anew with each day. So a worker may begin in the middle. It schedules the days
before its own, which is quick, fills the breaks of the last few of them as if nothing had ever aired, and
goes on with its own. That this was right is not assumed: where one stretch ends, all cursors and all that
traffic remembers must be exactly what the next one began with. Where they aren't, the channel is compiled
again, in one go.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import chain, islice, pairwise

from retrovue.compiler.channel_days import Asked
from retrovue.compiler.stages import ChannelDays, GroupDays
from retrovue.compiler.work import Work

#: Stretches have at least so many days, on an average: below, it costs more to begin it than it saves.
SHORTEST_DAYS = 50
#: The breaks of so many days before it are filled first: after a day hardly anything tells what aired before.
WARM_UP_DAYS = 2
#: What scheduling a day costs of what compiling it costs; the later a stretch begins, the shorter it is.
_SCHEDULING = 0.15


@dataclass(frozen=True, slots=True)
class Stretches:
    """Some work, cut into more parts than it has groups."""

    work: Work
    parts: Work
    counts: tuple[int, ...]  #: how many parts each group has

    def joined(self, made: Iterable[GroupDays]) -> Iterator[GroupDays]:
        """The groups, of what has been made of the parts, in their order."""
        coming = iter(made)
        for number, count in enumerate(self.counts):
            group = list(islice(coming, count))
            yield group[0] if count == 1 else self._joined(number, group)
        next(coming, None)  # whoever made them is at an end

    def _joined(self, number: int, stretches: Sequence[GroupDays]) -> GroupDays:
        whole = _one_after_the_other([stretch.channels[0] for stretch in stretches])
        if whole is None:
            return self.work(number)
        return GroupDays(
            (replace(whole, findings=self.work.found_over_all_days(number)),),
            frozenset().union(*(stretch.used for stretch in stretches)),
            {asset_id: told for stretch in stretches for asset_id, told in stretch.told.items()},
        )


def stretched(work: Work, workers: int, shortest: int = SHORTEST_DAYS) -> Stretches:
    """The work in so many parts that each worker has one, as far as it can be cut; the parts of a channel
    have ``shortest`` days or more, on an average."""
    of_each = workers // max(len(work), 1)
    cut = [list(_cut(work, number, of_each, shortest)) for number in range(len(work))]
    counts = tuple(map(len, cut))
    groups = (number for number, count in enumerate(counts) for _ in range(count))
    return Stretches(work, work.only(list(groups), list(chain.from_iterable(cut))), counts)


def _cut(work: Work, number: int, count: int, shortest: int) -> Iterator[Asked]:
    """What is asked for, in at most ``count`` stretches."""
    asked = work.asked(number)
    count = min(count, asked.count // shortest)
    if count < 2 or not work.may_be_cut(number):
        yield asked
        return
    known = asked.checkpoint
    known = known if known is not None and known.broadcast_date < asked.first_day else None
    epoch = min(asked.epoch, asked.first_day)
    shares = [(1 - _SCHEDULING) ** at for at in range(count)]
    done = 0
    for at in range(count):
        left = asked.count - done
        days = round(left * shares[at] / sum(shares[at:]))
        yield replace(
            asked,
            first_day=asked.first_day + timedelta(days=done),
            count=days,
            epoch=epoch,
            checkpoint=known,
            warm_up=WARM_UP_DAYS if at else None,
        )
        done += days


def _one_after_the_other(stretches: Sequence[ChannelDays]) -> ChannelDays | None:
    """The stretches as one; None where one has not begun with what the one before left behind."""
    if any(dict(before.days[-1].checkpoint) != dict(after.opening) for before, after in pairwise(stretches)):
        return None
    first = stretches[0]
    return replace(
        first,
        days=tuple(chain.from_iterable(stretch.days for stretch in stretches)),
        pending=first.pending + tuple(chain.from_iterable(stretch.pending[1:] for stretch in stretches[1:])),
        recompiled=tuple(chain.from_iterable(stretch.recompiled for stretch in stretches)),
    )
