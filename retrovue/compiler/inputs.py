"""Inputs: what a channel's schedule is made from, as one hash; pure.

Two compiles of a channel with the same inputs, from the same checkpoint, give the same days. The hash
errs on the safe side: it is over everything that the channel could use, and over the places where it is
written, which the artefact repeats.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from hashlib import sha256

from retrovue.compiler.version import COMPILER
from retrovue.library.catalog import Catalog
from retrovue.station.model import (
    ChainNode,
    Channel,
    CursorScope,
    PlayItem,
    Program,
    Query,
    StationModel,
    Traffic,
    Written,
    Zone,
)

_RENDERING = {"format", "fit", "audio", "subtitles", "cues"}
#: What of the station and of a channel reaches no schedule.
UNSCHEDULED_STATION = {
    "sign_off",
    "encoders",
    "emergency",
    "serve",
    "tuner",
    "horizon",
    "linger",
    "include",
    "vars",
    "expect",
    "name",
} | _RENDERING
UNSCHEDULED_CHANNEL = _RENDERING | {"number", "vchannel", "callsign", "group", "logo", "expect", "sign_off"}


def reachable(model: StationModel, channel: Channel) -> frozenset[str]:
    """Slugs of all programs and virtuals that the channel's plans can come to."""
    station = model.station
    waiting = [channel.off_air or station.off_air]
    for slug in channel.plans:
        plan = model.plans.get(slug)
        for zone in plan.zones if plan else ():
            for entry in (*zone.play, *zone.at.values()):
                waiting.append(entry.program if isinstance(entry, PlayItem) else entry)
    return closure(model, waiting)


def closure(model: StationModel, slugs: Iterable[str]) -> frozenset[str]:
    """These programs and virtuals, and all that they hold or rerun."""
    waiting = list(slugs)
    found: set[str] = set()
    while waiting:
        slug = waiting.pop()
        if slug in found:
            continue
        found.add(slug)
        program, virtual = model.programs.get(slug), model.virtuals.get(slug)
        nodes: Iterable[ChainNode] = program.chain if program else (virtual.sequence or ()) if virtual else ()
        waiting += [inner for node in nodes for inner in (node.program, node.virtual) if inner is not None]
        if program is not None and program.rerun_of is not None:
            waiting.append(program.rerun_of)
    return frozenset(slug for slug in found if slug in model.programs or slug in model.virtuals)


def queries(model: StationModel, channel: Channel) -> Iterator[Query]:
    """What the channel's programs and virtuals ask of the catalog; some of it more than once."""
    for slug in sorted(reachable(model, channel)):
        yield from queries_of(model, slug)


def queries_of(model: StationModel, slug: str) -> Iterator[Query]:
    """What a program or virtual asks of the catalog itself, without those that it holds."""
    program, virtual = model.programs.get(slug), model.virtuals.get(slug)
    nodes: Iterable[ChainNode] = program.chain if program else (virtual.sequence or ()) if virtual else ()
    for node in nodes:
        if node.episodes is not None:
            yield node.episodes
        if isinstance(node.bumper, Query):
            yield node.bumper
    if virtual is not None and virtual.rule is not None:
        yield virtual.rule.query


def station_wide(model: StationModel, channel: Channel) -> frozenset[str]:
    """The programs of the channel whose rotation all channels share."""
    return frozenset(
        slug
        for slug in reachable(model, channel)
        if slug in model.programs and model.programs[slug].cursor is CursorScope.STATION
    )


class InputHashes:
    """Hashes the inputs of one station's channels."""

    def __init__(
        self, model: StationModel, catalog: Catalog, shares: Mapping[str, Mapping[str, int]] | None = None
    ) -> None:
        """``shares``: channel → contracted spot → its part of the runs; other channels' plans decide it."""
        self._model = model
        self._shares = shares or {}
        self._kept: dict[int, bytes] = {}
        shared = [
            COMPILER.encode(),
            catalog.content_hash.encode(),
            model.station.model_dump_json(exclude=UNSCHEDULED_STATION).encode(),
            *(self._written(noun) for noun in self._shared()),
            *(f"{name}={c.holds}".encode() for name, c in sorted(model.collections.items())),
            # What traffic remembers hangs on every policy, and what a program records on who reruns it.
            *(policy.model_dump_json().encode() for policy in self._policies()),
            *sorted({p.rerun_of.encode() for p in model.programs.values() if p.rerun_of is not None}),
        ]
        self._common = sha256(b"\0".join(shared)).digest()

    def _shared(self) -> Iterable[Written]:
        model = self._model
        for nouns in (model.pools, model.spots, model.break_formats, model.overlays, model.synthetics):
            yield from (nouns[slug] for slug in sorted(nouns))

    def _policies(self) -> Iterable[Traffic]:
        """The traffic policies that say anything, whoever has them."""
        model = self._model
        holders: list[Channel | Zone | Program] = [
            *model.channels,
            *(zone for _, plan in sorted(model.plans.items()) for zone in plan.zones),
            *(program for _, program in sorted(model.programs.items())),
        ]
        return (holder.traffic for holder in holders if holder.traffic.model_fields_set)

    def channels(self, channels: Iterable[Channel]) -> str:
        """One hash for channels that are compiled together."""
        digest = sha256(self._common)
        for channel in channels:
            digest.update(channel.model_dump_json(exclude=UNSCHEDULED_CHANNEL).encode())
            digest.update(repr(channel.place("plans")).encode())
            digest.update(repr(sorted(self._shares.get(channel.channel, {}).items())).encode())
            nouns: list[Written] = [self._model.plans[s] for s in channel.plans if s in self._model.plans]
            for slug in sorted(reachable(self._model, channel)):
                nouns += [n[slug] for n in (self._model.programs, self._model.virtuals) if slug in n]
            for noun in nouns:
                digest.update(self._written(noun))
        return digest.hexdigest()

    def _written(self, noun: Written) -> bytes:
        kept = self._kept.get(id(noun))
        if kept is None:
            written = f"{noun.model_dump_json()}{noun.written!r}"
            kept = self._kept[id(noun)] = sha256(written.encode("utf-8", "surrogatepass")).digest()
        return kept
