"""Processes: a compile spread over several cores.

Each worker is forked with the whole station in memory and gives back the days of the groups that it took;
which one took which makes no difference. Where they are to be published, it also writes what the artefact
will say of their events, so that nobody else needs to look at them. A worker that dies (the kernel kills
whoever takes too much memory) stops nothing: what is left is compiled in this process.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace

from retrovue.compiler.compile import GroupDays, Spread, in_turn
from retrovue.compiler.folded import folded
from retrovue.store.event_rows import written

#: What the workers of the pool that is being made work on; a fork inherits it.
_compile_one: Callable[[int], GroupDays] | None = None


def spread_over(jobs: int, say: Callable[[str], object], publish: bool = False) -> Spread:
    """A ``compiler.compile.Spread`` over ``jobs`` processes; 1, or a machine that can't fork: in turn.

    ``say`` is told in one line when a process is lost. ``publish``: events come folded, for an artefact.
    """
    if jobs <= 1 or "fork" not in multiprocessing.get_all_start_methods():
        return in_turn

    def spread(compile_one: Callable[[int], GroupDays], count: int) -> Iterable[GroupDays]:
        if count <= 1:
            return in_turn(compile_one, count)
        return _spread(publishable(compile_one) if publish else compile_one, count, min(jobs, count), say)

    return spread


def _spread(
    compile_one: Callable[[int], GroupDays], count: int, jobs: int, say: Callable[[str], object]
) -> Iterator[GroupDays]:
    global _compile_one
    done = 0
    _compile_one = compile_one
    pool = ProcessPoolExecutor(jobs, multiprocessing.get_context("fork"), _begin)
    try:
        for made in _submitted(pool, count):
            yield made.result()
            done += 1
    except (BrokenProcessPool, MemoryError, BlockingIOError) as lost:
        # BlockingIOError: the system grants no more processes (fork, EAGAIN).
        why = "there is too little memory" if isinstance(lost, MemoryError) else "a process was lost"
        say(f"{why}: what is left is compiled in one process ({done} of {count} parts are done)")
        yield from map(compile_one, range(done, count))
    finally:
        _compile_one = None
        pool.shutdown(cancel_futures=True)


def _submitted(pool: ProcessPoolExecutor, count: int) -> list[Future[GroupDays]]:
    return [pool.submit(_work, index) for index in range(count)]


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _begin() -> None:
    # Ctrl-C is for the process that has forked it, which then stops it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _work(index: int) -> GroupDays:
    assert _compile_one is not None
    return _compile_one(index)


def publishable(compile_one: Callable[[int], GroupDays]) -> Callable[[int], GroupDays]:
    """The same with the events folded, and what the artefact will say of them."""

    def compile_and_fold(index: int) -> GroupDays:
        made = compile_one(index)
        channels = (replace(c, days=tuple(folded(day, written) for day in c.days)) for c in made.channels)
        return replace(made, channels=tuple(channels))

    return compile_and_fold
