"""Reasons: who asked for what airs, and who gave way; the values that ``retrovue why`` reads; pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class Origin:
    """Who asked for what airs: one row per channel, plan, zone and program. Places are "file:line:column"."""

    channel: str
    plan: str
    zone: str
    program: str
    channel_at: str
    plan_at: str
    plan_when: str  #: in words: "mon-fri"
    priority: int
    zone_at: str
    zone_window: str  #: "19:00-23:00"
    program_at: str
    mode: str  #: the order of its picks, or what else it is
    candidates: str  #: in words: what it picks from
    breaks: str  #: slug of the break format in force; empty when the programme plays whole
    breaks_at: str
    traffic: tuple[str, ...] = ()  #: rules of traffic in force, in words
    simulcast: str = ""  #: "wrtv, 1h later" when the channel airs what another one does


@dataclass(frozen=True, slots=True)
class Overridden:
    """A zone that would have ruled ``[start_us, end_us)`` if a higher plan had not, or that leaves it open
    itself (``gap: off_air``)."""

    channel: str
    broadcast_date: date
    start_us: int
    end_us: int
    plan: str
    zone: str
    zone_at: str
    by_plan: str  #: empty when it leaves the time open itself
    reason: str  #: "priority 30 beats 0"


@dataclass(frozen=True, slots=True)
class PoolRules:
    """The rules of a pool, in words."""

    pool: str
    pool_at: str
    kind: str
    rules: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SpotRules:
    """The rules of one asset that a ``spot:`` names, in words."""

    asset_id: str
    spot: str
    spot_at: str
    rules: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a zone, which events name by its place."""

    written_at: str
    said: str  #: "pinned to 20:00", "number 2 of 3 in turn", "number 1 of 1 in turn, marathon here"

    @property
    def mode(self) -> str:
        """The order that it asks for here; empty when it is the program's own."""
        return next(
            (part.removesuffix(" here") for part in self.said.split(", ") if part.endswith(" here")), ""
        )


@dataclass(frozen=True, slots=True)
class Reasons:
    """All that ``retrovue why`` reads from an artefact."""

    origins: tuple[Origin, ...] = ()
    overridden: tuple[Overridden, ...] = ()
    pools: tuple[PoolRules, ...] = ()
    spots: tuple[SpotRules, ...] = ()
    entries: tuple[Entry, ...] = ()


@dataclass(frozen=True, slots=True)
class CandidateList:
    """What a pick was made from."""

    query: str  #: in words
    count: int
    place: int  #: of the pick in the order of season and episode, from 1
    before: str  #: asset id of its neighbour; empty when it is alone
    after: str
