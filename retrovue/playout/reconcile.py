"""Reconcile: what really left beside what was planned; pure.

Only what was on the air can be compared. A channel that nobody watches is off the air, and that is no
fault: nothing is said about time that no session covers. Within a session every tick is either as planned
or in exactly one finding; and a segment whose time was there, and of which nothing was shown while
something else was, is missing besides.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from itertools import groupby

from retrovue.compiler.model import Segment
from retrovue.playout.as_run import UNLOGGED, AsRunRecord
from retrovue.playout.playlog import Playlog, PlaylogEntry
from retrovue.playout.ticks import TickGrid

#: A picture is at its place when it is this near to it (ticks): the grid's own rounding, and one of a rate.
NEAR_TICKS = 1
#: The rounding of boundaries leaves an asset up to this short: its last picture is kept.
HELD_TICKS = 2


class Discrepancy(StrEnum):
    MISSING = "missing"  #: ticks that no record has, or a segment of which nothing was shown
    EXTRA = "extra"  #: something that was not planned
    TIME = "time mismatch"  #: planned, but for another time, or another part of it
    SEQUENCE = "sequence mismatch"  #: planned before what was shown before it
    SLATE = "slate"  #: the slate
    OVERRIDE = "override"  #: a fallback, an emergency, …: not the plan, but on purpose
    HELD = "held"  #: the asset ended before its time, and its last picture was kept
    UNLOGGED = "unlogged"  #: the records are lost


@dataclass(frozen=True, slots=True)
class Finding:
    """One discrepancy."""

    kind: Discrepancy
    channel: str
    start_us: int
    end_us: int
    ticks: int
    planned: str  #: asset or synthetic; empty when nothing was
    aired: str  #: the same; empty for slate and for nothing
    cause: str
    segment_date: date | None  #: the planned segment
    seq: int | None
    event_id: int
    session: str


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """All that was compared. ``ticks`` left; ``as_planned`` of them are in no finding."""

    ticks: int
    as_planned: int
    findings: tuple[Finding, ...]

    @property
    def counts(self) -> dict[str, int]:
        """Discrepancy → how often; only those that are there."""
        kinds = [f.kind for f in self.findings]
        return {kind.value: kinds.count(kind) for kind in Discrepancy if kind in kinds}


@dataclass(frozen=True, slots=True)
class _Plan:
    grid: TickGrid
    playlog: Playlog
    places: Mapping[tuple[date, int], int]  #: (date, seq) of a segment → its place in the plan

    @classmethod
    def of(cls, segments: Sequence[Segment], grid: TickGrid) -> _Plan:
        playlog = Playlog.align(segments, grid)
        places = {(e.segment.broadcast_date, e.segment.seq): n for n, e in enumerate(playlog.entries)}
        return cls(grid, playlog, places)

    def over(self, first: int, end: int) -> Iterator[tuple[PlaylogEntry | None, int, int]]:
        """What is planned on [first, end), in order: (entry, from tick, to tick). None: nothing is."""
        while first < end:
            entry = self.playlog.at(first)
            if entry is not None:
                to = min(entry.end, end)
            else:
                to = min((e.start for e in self.playlog.entries if e.start > first), default=end)
                to = min(to, end)
            yield entry, first, to
            first = to


def reconcile(records: Iterable[AsRunRecord], plans: Mapping[str, Sequence[Segment]]) -> Reconciliation:
    """Compare the records of one channel with ``plans``: artefact's hash → its segments, which tile.

    Each record is compared with the plan that authorised it. A plan that is not there plans nothing.
    """
    findings: list[Finding] = []
    ticks = as_planned = 0
    ordered = sorted(records, key=lambda r: (r.session, r.first_tick, r.run))
    made: dict[tuple[str, str], _Plan] = {}

    def plan_of(record: AsRunRecord) -> _Plan:
        key = (record.artefact, record.rate)
        if key not in made:
            made[key] = _Plan.of(plans.get(record.artefact, ()), record.grid)
        return made[key]

    for _, session in groupby(ordered, key=lambda r: r.session):
        runs = list(session)
        found: list[Finding] = []
        furthest: dict[str, int] = {}  #: artefact → place of the last segment shown
        shown: set[tuple[str, int]] = set()  #: (artefact, start) of entries of which something was shown
        end: int | None = None
        for run in runs:
            plan = plan_of(run)
            if end is not None and run.first_tick > end:
                found += _missing(run, plan, end, run.first_tick)
            end = max(end or run.end_tick, run.end_tick)
            ticks += run.ticks
            for entry, first, to in plan.over(run.first_tick, run.end_tick):
                finding = _compare(run, plan, entry, first, to, furthest.get(run.artefact, -1))
                if finding is not None:
                    found.append(finding)
                else:
                    as_planned += to - first
                    if entry is not None:
                        shown.add((run.artefact, entry.start))
            if run.kind not in ("slate", UNLOGGED) and (place := _place(run, plan)) is not None:
                furthest[run.artefact] = max(furthest.get(run.artefact, -1), place)
        found += _never_shown(runs, plan_of, found, shown)
        findings += _joined(found)
    return Reconciliation(ticks, as_planned, tuple(sorted(findings, key=lambda f: (f.start_us, f.session))))


def _compare(
    run: AsRunRecord, plan: _Plan, entry: PlaylogEntry | None, first: int, to: int, furthest: int
) -> Finding | None:
    """What is wrong with the ticks [first, to) of ``run`` under ``entry``; None when nothing is."""

    def finding(kind: Discrepancy, cause: str = "") -> Finding:
        return _finding(kind, run, plan.grid, entry, first, to, cause or run.cause)

    if run.kind == UNLOGGED:
        return finding(Discrepancy.UNLOGGED)
    if run.kind == "slate":
        return finding(Discrepancy.SLATE)
    if entry is None:
        return finding(Discrepancy.EXTRA, run.cause or "nothing was planned")
    if run.kind == "held":
        if run.ticks <= HELD_TICKS:
            return None
        return finding(Discrepancy.HELD, "the asset is shorter than planned")
    if run.kind == "fallback" or run.cause:
        return finding(Discrepancy.OVERRIDE)
    segment = entry.segment
    if (run.asset_id, run.synthetic) == (segment.asset_id, segment.synthetic if not run.asset_id else ""):
        if run.in_us is None:
            return None
        planned_us = segment.in_us + run.start_us - segment.start_us
        off_us = run.in_us - planned_us
        if abs(off_us) <= plan.grid.start_us(NEAR_TICKS) + 1:
            return None
        if (run.segment_date, run.seq) == (segment.broadcast_date, segment.seq):
            return finding(Discrepancy.TIME, f"{off_us / 1e6:+.3f} s from its planned part")
    place = _place(run, plan)
    if place is None:
        return finding(Discrepancy.EXTRA, "it was not planned")
    if place < furthest:
        return finding(Discrepancy.SEQUENCE, "it was planned before what was shown before it")
    start_us = plan.playlog.entries[place].segment.start_us
    return finding(Discrepancy.TIME, f"it was planned {(run.start_us - start_us) / 1e6:+.3f} s from then")


def _place(run: AsRunRecord, plan: _Plan) -> int | None:
    """Where in the plan the segment that a record cites stands."""
    if run.segment_date is None or run.seq is None:
        return None
    return plan.places.get((run.segment_date, run.seq))


def _missing(run: AsRunRecord, plan: _Plan, first: int, end: int) -> list[Finding]:
    """Ticks between two runs of a session that no record has."""
    silent = replace(run, asset_id="", synthetic="")
    return [
        _finding(Discrepancy.MISSING, silent, plan.grid, entry, a, b, "nothing left on these ticks")
        for entry, a, b in plan.over(first, end)
    ]


def _never_shown(
    runs: Sequence[AsRunRecord],
    plan_of: Callable[[AsRunRecord], _Plan],
    found: Sequence[Finding],
    shown: set[tuple[str, int]],
) -> Iterator[Finding]:
    """Segments whose whole time something else had that was not meant for it."""
    others = (Discrepancy.EXTRA, Discrepancy.TIME, Discrepancy.SEQUENCE)
    taken = {f.start_us for f in found if f.kind in others and f.aired != f.planned}
    told: set[tuple[str, int]] = set()
    for run in runs:
        plan = plan_of(run)
        for entry, first, to in plan.over(run.first_tick, run.end_tick):
            key = (run.artefact, entry.start) if entry is not None else None
            if entry is None or key is None or key in shown or key in told:
                continue
            if plan.grid.start_us(first) in taken:
                told.add(key)
                silent = replace(run, asset_id="", synthetic="")
                part = _finding(Discrepancy.MISSING, silent, plan.grid, entry, first, to, "it was not shown")
                yield replace(part, ticks=0)  # the ticks are in the finding of what was shown instead


def _finding(
    kind: Discrepancy,
    run: AsRunRecord,
    grid: TickGrid,
    entry: PlaylogEntry | None,
    first: int,
    to: int,
    cause: str,
) -> Finding:
    segment = entry.segment if entry is not None else None
    return Finding(
        kind=kind,
        channel=run.channel,
        start_us=grid.start_us(first),
        end_us=grid.start_us(to),
        ticks=to - first,
        planned=(segment.asset_id or segment.synthetic) if segment else "",
        aired=run.asset_id or run.synthetic,
        cause=cause,
        segment_date=segment.broadcast_date if segment else None,
        seq=segment.seq if segment else None,
        event_id=segment.event_id if segment else run.event_id,
        session=run.session,
    )


def _joined(findings: Sequence[Finding]) -> list[Finding]:
    """Neighbours that say the same of one segment are one."""
    joined: list[Finding] = []
    for finding in sorted(findings, key=lambda f: (f.start_us, f.ticks)):
        last = joined[-1] if joined else None
        if (
            last is not None
            and last.end_us == finding.start_us
            and replace(finding, start_us=last.start_us, end_us=last.end_us, ticks=last.ticks) == last
        ):
            joined[-1] = replace(last, end_us=finding.end_us, ticks=last.ticks + finding.ticks)
        else:
            joined.append(finding)
    return joined
