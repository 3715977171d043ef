"""Processes: a compile spread over several cores.

Each worker is forked with the whole station in memory and gives back the days of the groups that it took;
which one took which makes no difference.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterable

from retrovue.compiler.compile import GroupDays, in_turn

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
                return list(pool.imap(_work, range(count)))
        finally:
            _compile_one = None

    return spread


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _work(index: int) -> GroupDays:
    assert _compile_one is not None
    return _compile_one(index)
