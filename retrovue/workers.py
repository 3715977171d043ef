"""Workers: who does the work that ingest, conform and compile share out; one ``concurrent.futures`` executor.

Which kind it is (threads, processes, a cluster of machines) is the command line's business.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from concurrent.futures import Executor

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Workers:
    """An executor, and what must be known to use it well.

    ``share`` makes something ready that many tasks take: what it returns is given to ``submit`` in its place,
    and the task gets the thing itself. Where it must be sent, it is sent to each worker once.
    """

    executor: Executor
    at_once: int  #: tasks that are worked on at the same time
    give_up: Callable[[], None]  #: what has not begun is not begun any more; waits for nothing
    here: bool = True  #: they are threads of this process: what they are given is shared with it
    lost: tuple[type[BaseException], ...] = ()  #: what a future raises whose worker died again and again
    share: Callable[[Any], Any] = lambda thing: thing

    def ahead(self, things: Iterable[T]) -> Iterator[T]:
        """``things`` in their order, so many taken in advance that no worker waits for the next."""
        waiting: deque[T] = deque()
        for thing in things:
            waiting.append(thing)
            if len(waiting) > 2 * self.at_once:
                yield waiting.popleft()
        yield from waiting


@contextmanager
def threads(at_once: int) -> Iterator[Workers]:
    """Threads of this process. What has not begun when the block is left is not begun any more."""
    from concurrent.futures import ThreadPoolExecutor

    executor = ThreadPoolExecutor(at_once, "worker")
    try:
        yield Workers(executor, at_once, lambda: executor.shutdown(wait=False, cancel_futures=True))
    finally:
        executor.shutdown(cancel_futures=True)


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def a_few(most: int) -> int:
    """As many as there are processors, and at most ``most``."""
    return min(most, os.cpu_count() or 1)
