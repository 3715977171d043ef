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


def credited(said: Iterable[tuple[str, str, str]]) -> tuple[Credit, ...]:
    """Job, name and role as somebody else's program has them: in order, without whoever has no name or a job
    that isn't credited."""
    clean = ((job, " ".join(name.split()), " ".join(role.split())) for job, name, role in said)
    return in_order(
        Credit(job, name, role if job == "actor" else "") for job, name, role in clean if name and job in JOBS
    )


def over(below: Iterable[Credit], above: Iterable[Credit]) -> tuple[Credit, ...]:
    """Both, but that whoever is named ``above`` for a job stands for all who were named for it."""
    named = tuple(above)
    jobs = {credit.job for credit in named}
    return in_order((*named, *(credit for credit in below if credit.job not in jobs)))
