"""The room that house copies may take: which are made, which stay, which go; pure.

What airs sooner comes first. A copy that is wanted later than there is room for gives way, and what nobody
wants any more stays only where room is left: a rollback may want it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Wanted:
    """A copy that somebody will air."""

    path: Path
    size: int  #: bytes; of one that is not there, at most
    there: bool  #: it is made, and current


@dataclass(frozen=True, slots=True)
class Other:
    """A file that is none of them."""

    path: Path
    size: int  #: bytes
    made_ns: int  #: when, Unix nanoseconds


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do, in this order."""

    remove: tuple[Path, ...]
    make: tuple[Path, ...]  #: in the order in which they are wanted
    left_out: tuple[Path, ...]  #: wanted, and there is no room


def plan_room(wanted: Sequence[Wanted], others: Iterable[Other], budget: int | None) -> Plan:
    """``wanted``: the soonest first. ``budget``: bytes that all copies together may take; None: any."""
    make, left_out, remove = [], [], []
    used = 0
    for copy in wanted:
        if budget is not None and used + copy.size > budget:
            left_out.append(copy.path)
            if copy.there:
                remove.append(copy.path)
            continue
        used += copy.size
        if not copy.there:
            make.append(copy.path)
    for other in sorted(others, key=lambda file: (-file.made_ns, file.path)):
        if budget is not None and used + other.size > budget:
            remove.append(other.path)
        else:
            used += other.size
    return Plan(tuple(remove), tuple(make), tuple(left_out))
