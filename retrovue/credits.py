"""Credits: who made a programme, and who is in it; pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

#: What people are credited for, in the order of xmltv.dtd's <credits> (XMLTV project).
JOBS = (
    *("director", "actor", "writer", "adapter", "producer", "composer", "editor"),
    *("presenter", "commentator", "guest"),
)


@dataclass(frozen=True, slots=True)
class Credit:
    """One person's part in a programme."""

    job: str  #: one of ``JOBS``
    name: str
    role: str = ""  #: whom an actor plays


def in_order(credited: Iterable[Credit]) -> tuple[Credit, ...]:
    """By job, as ``JOBS`` has them, within a job as they come; nobody twice for one job."""
    known: dict[tuple[str, str], Credit] = {}
    for credit in credited:
        known.setdefault((credit.job, credit.name), credit)
    return tuple(sorted(known.values(), key=lambda credit: JOBS.index(credit.job)))
