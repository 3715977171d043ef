"""Garbage: a stretch of work in which nobody looks for it, and things among which nobody does.

Reading a station and compiling it make very many objects, and next to none that hold each other in a circle;
what nobody holds is freed at once all the same. Going through all of them again and again to find circles
would be up to a third of the work.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

#: So many new objects are gone through together; Python's own number is 700.
_MANY = 50_000


@contextmanager
def no_search_for_garbage() -> Iterator[None]:
    """For the work inside; also a decorator."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def seldom() -> None:
    """For a process that does one thing and ends: garbage is looked for when there may be much of it. A tenth
    of what it takes to start went into looking through modules and classes, which stay."""
    gc.set_threshold(_MANY)


def settled() -> None:
    """What there is now is there for good: it is not gone through again. For a process that goes on for long
    and must not stop for it; what is given up later is freed all the same, unless it is a circle."""
    gc.collect()
    gc.freeze()
