"""Processes: a compile spread over several cores, or over the machines of a cluster.

On this machine each worker is forked with the whole station in memory; a cluster's get it sent once. Each
gives back the days of the groups that it took; which one took which makes no difference. Where they are to be
published, it also writes what the artefact will say of their events, so that nobody else needs to look at
them. A worker that dies (the kernel kills whoever takes too much memory) stops nothing: what is left is
compiled in this process, or by the cluster's others.
"""

from __future__ import annotations

import mmap
import multiprocessing
import signal
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import CancelledError, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from retrovue.cli.executors import Chosen, open_workers
from retrovue.compiler.content_hash import asset_hashed
from retrovue.compiler.folded import ToldAsset, folded
from retrovue.compiler.stages import GroupDays, Tell
from retrovue.compiler.stretches import stretched
from retrovue.compiler.work import Spread, Work, in_turn
from retrovue.errors import RetroVueError
from retrovue.store.asset_rows import asset_written
from retrovue.store.event_rows import written
from retrovue.workers import Workers, cores

if TYPE_CHECKING:
    from retrovue.cli.view import Progress

#: Shows how far work has come, of which there is so much of a unit.
Show = Callable[[float, str], AbstractContextManager["Progress"]]

#: Fewer days of channels than these are compiled before anybody begins to wonder.
_WORTH_SHOWING = 250

#: Compiles a group of some work, by its number.
_Compile = Callable[[int], GroupDays]

#: What a future raises, or who makes one, when there is nobody to do the work; BlockingIOError: the system
#: grants no more processes (fork, EAGAIN).
_LOST = (BrokenProcessPool, CancelledError, MemoryError, BlockingIOError)

#: What the workers of the pool that is being made work on; a fork inherits it.
_inherited: _Compile | None = None


def spread_over(
    chosen: Chosen, say: Callable[[str], object], publish: bool = False, show: Show | None = None
) -> Spread:
    """A ``compiler.work.Spread`` over the workers that were ``chosen``; in turn, where that is one process
    or thread, or processes on a machine that can't fork.

    ``say`` is told in one line when workers are lost. ``publish``: events of other processes come folded, for
    an artefact. ``show``: who shows the progress of long work, in days of channels.
    """
    can_fork = "fork" in multiprocessing.get_all_start_methods()
    side_by_side = chosen.count != 1 and (can_fork or chosen.kind != "processes")

    def spread(work: Work) -> Iterable[GroupDays]:
        if side_by_side:
            # A cluster says how many it is when it is asked to work; it gets whole groups.
            cut = stretched(work, chosen.count or cores() if chosen.kind != "dask" else 1)
            if len(cut.parts) > 1:
                return cut.joined(_spread(cut.parts, chosen, say, publish, show))
        return _in_turn(work, show)

    return spread


def _in_turn(work: Work, show: Show | None) -> Iterator[GroupDays]:
    with _shown(work, show) as tell:
        yield from in_turn(work, tell)


@contextmanager
def _shown(work: Work, show: Show | None) -> Iterator[Tell]:
    """Who is to be told of the days that are done."""
    total = sum(map(work.days, range(len(work))))
    if show is None or total < _WORTH_SHOWING:
        yield lambda days: None
        return
    with show(total, "days") as progress:
        yield progress.advance


def _spread(
    work: Work, chosen: Chosen, say: Callable[[str], object], publish: bool, show: Show | None
) -> Iterator[GroupDays]:
    compile_one: _Compile = Folding(work) if publish and chosen.kind != "threads" else work
    opened = (
        _forked(min(chosen.count or cores(), len(work)), work, compile_one)
        if chosen.kind == "processes"
        else open_workers(chosen, cores())
    )
    with opened as workers, ExitStack() as shown:
        lost: tuple[type[BaseException], ...] = (*workers.lost, *_LOST)
        tell: Tell | None = None
        done = 0
        try:
            shared = workers.share(compile_one)
            tasks = [workers.executor.submit(_compile, shared, number) for number in range(len(work))]
            # Not before all are forked: a bar on a terminal has a thread of its own.
            tell = shown.enter_context(_shown(work, show))
            while tasks:
                made = tasks.pop(0).result()
                tell(work.days(done))
                done += 1
                yield made
        except lost as error:
            why = "there is too little memory" if isinstance(error, MemoryError) else "a process was lost"
            why = "the cluster is gone" if isinstance(error, CancelledError) else why
            say(f"{why}: what is left is compiled in one process ({done} of {len(work)} parts are done)")
            workers.give_up()
            tell = tell or shown.enter_context(_shown(work, show))
            for number in range(done, len(work)):
                made = compile_one(number)
                tell(work.days(number))
                yield made
        except ImportError as error:
            raise RetroVueError(
                f"a worker lacks what the station needs: {error}",
                help="install the same packages there, adapters and enrichers too",
            ) from None


@contextmanager
def _forked(count: int, work: Work, compile_one: _Compile) -> Iterator[Workers]:
    """Processes that are forked with the work in memory."""
    global _inherited
    work.prepare()
    _inherited = compile_one
    pool = ProcessPoolExecutor(count, multiprocessing.get_context("fork"), _begin)

    def give_up() -> None:
        pool.shutdown(wait=False, cancel_futures=True)

    try:
        yield Workers(pool, count, give_up, here=False, share=lambda _: None)
    finally:
        _inherited = None
        pool.shutdown(cancel_futures=True)


def _begin() -> None:
    # Ctrl-C is for the process that has forked it, which then stops it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _compile(shared: _Compile | None, number: int) -> GroupDays:
    compile_one = shared if shared is not None else _inherited
    assert compile_one is not None
    return compile_one(number)


#: A byte for each of so many assets says whether some process has told of it.
_MARKS = 1 << 20


class Folding:
    """Some work whose events come folded, with what the artefact will say of them, and of the assets that
    air: of each once. Should that message be lost, whoever misses it looks for itself."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._told: set[str] = set()
        # Processes that are forked from here share it; two assets may share a byte, and one is missed then.
        self._marks = mmap.mmap(-1, _MARKS)

    def __call__(self, number: int) -> GroupDays:
        made = self._work(number)
        channels = (replace(c, days=tuple(folded(day, written) for day in c.days)) for c in made.channels)
        new = self._unmarked(made.used - self._told)
        self._told |= made.used
        told = {a.id: ToldAsset(asset_hashed(a), asset_written(a)) for a in self._work.assets(new)}
        return replace(made, channels=tuple(channels), told=told)

    def _unmarked(self, ids: Iterable[str]) -> list[str]:
        """Those that nobody has told of; they are marked now. A few may be marked by two at once."""
        marks, found = self._marks, []
        for asset_id in ids:
            at = hash(asset_id) % _MARKS
            if not marks[at]:
                marks[at] = 1
                found.append(asset_id)
        return found

    def __reduce__(self) -> tuple[object, ...]:
        return Folding, (self._work,)
