"""Processes: a compile spread over several cores.

Each worker is forked with the whole station in memory and gives back the days of the groups that it took;
which one took which makes no difference. What comes back is plain tuples: they cross a pipe ten times as
fast as objects.
"""

from __future__ import annotations

import marshal
import multiprocessing
import os
import pickle
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import date
from typing import Any

from retrovue.compiler.compile import GroupDays, in_turn
from retrovue.compiler.model import Segment, SegmentKind

#: What the workers of the pool that is being made work on; a fork inherits it.
_compile_one: Callable[[int], GroupDays] | None = None


def spread_over(jobs: int) -> Callable[[Callable[[int], GroupDays], int], Iterable[GroupDays]]:
    """A ``compiler.compile.Spread`` over ``jobs`` processes; 1, or a machine that can't fork: in turn."""
    if jobs <= 1 or "fork" not in multiprocessing.get_all_start_methods():
        return in_turn

    def spread(compile_one: Callable[[int], GroupDays], count: int) -> Iterable[GroupDays]:
        global _compile_one
        if count <= 1:
            return in_turn(compile_one, count)
        _compile_one = compile_one
        try:
            with multiprocessing.get_context("fork").Pool(min(jobs, count)) as pool:
                return [_unpacked(packed) for packed in pool.imap(_work, range(count))]
        finally:
            _compile_one = None

    return spread


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _work(index: int) -> tuple[bytes, bytes]:
    assert _compile_one is not None
    return _packed(_compile_one(index))


def _packed(group: GroupDays) -> tuple[bytes, bytes]:
    """The group without its playlists, and the playlists as rows."""
    rows: list[list[tuple[Any, ...]]] = []
    channels = []
    for channel in group.channels:
        days = []
        for day in channel.days:
            rows.append([_row(segment) for segment in day.playlist])
            days.append(replace(day, playlist=()))
        channels.append(replace(channel, days=tuple(days)))
    return pickle.dumps(replace(group, channels=tuple(channels)), protocol=5), marshal.dumps(rows)


def _row(s: Segment) -> tuple[Any, ...]:
    return (
        s.channel,
        s.broadcast_date.toordinal(),
        s.seq,
        s.start_us,
        s.end_us,
        s.kind.value,
        s.event_id,
        s.asset_id,
        s.in_us,
        s.synthetic,
        s.title,
        s.pool,
        s.overlays,
    )


def _segments(rows: list[tuple[Any, ...]]) -> Iterator[Segment]:
    kinds = {kind.value: kind for kind in SegmentKind}
    dates: dict[int, date] = {}
    for channel, ordinal, seq, start, end, kind, *more in rows:
        on = dates.get(ordinal) or dates.setdefault(ordinal, date.fromordinal(ordinal))
        yield Segment(channel, on, seq, start, end, kinds[kind], *more)


def _unpacked(packed: tuple[bytes, bytes]) -> GroupDays:
    group: GroupDays = pickle.loads(packed[0])  # noqa: S301  from our own child
    rows = iter(marshal.loads(packed[1]))  # noqa: S302
    return replace(
        group,
        channels=tuple(
            replace(
                channel,
                days=tuple(replace(day, playlist=tuple(_segments(next(rows)))) for day in channel.days),
            )
            for channel in group.channels
        ),
    )
