"""Day inputs: what one broadcast day of one channel is made from; pure.

A channel-day follows from what rules its date (the zones of the plans that apply, the programs and virtuals
that these come to, the pools and break formats of their breaks, the catalog's answers to all their queries),
from where the rotations that it uses stand when it begins, from what traffic remembers then, from the
programme that is still running, and from the programmes of the next day, where a promo may speak of them.
The first of these is hashed here; the others are compared as they are (channel_days.py). A day for which
all are what they were is not compiled again.

The hash errs on the safe side only: two dates of one hash, from one state, give the same day.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date
from hashlib import sha256
from operator import attrgetter
from typing import Any

from retrovue.compiler.inputs import UNSCHEDULED_CHANNEL, UNSCHEDULED_STATION, closure
from retrovue.compiler.model import MadeFrom
from retrovue.compiler.plan import Layer, Planner
from retrovue.compiler.playlist import DEFAULT_REMAINDER, LAST_RESORT, PlaylistMaker
from retrovue.compiler.schedule_day import Slot, manual_programs
from retrovue.compiler.shelf import Shelf, query_key
from retrovue.compiler.traffic import Inventory, flight_of
from retrovue.compiler.version import COMPILER
from retrovue.library.catalog import Asset
from retrovue.station.model import (
    ChainNode,
    Channel,
    PlayItem,
    Program,
    Query,
    Spot,
    StationModel,
    Written,
    Zone,
)
from retrovue.station.policy import breaks_of, overlays_of, traffic_of

#: What of the station and of a channel reaches no day. Which plans apply is looked up day by day.
_STATION = UNSCHEDULED_STATION | {"epoch", "seasons", "sign_off", "emergency", "ladder", "clock"}
_CHANNEL = UNSCHEDULED_CHANNEL | {"plans", "sign_off"}

_ASSET = attrgetter(*(f.name for f in fields(Asset)))


def digest(*parts: object) -> bytes:
    """One hash of many parts."""
    return sha256(repr(parts).encode("utf-8", "surrogatepass")).digest()


def owner_of(path: str) -> str:
    """Who moves the cursor of this path: a zone ("plan/zone"), the off-air programme (empty), or a program
    that zones or channels share ("~program")."""
    if path[0] in "~@":
        word = path.partition("/")[2]
        for end in "/ ?":
            word = word.partition(end)[0]
        return f"~{word}"
    first, _, rest = path.partition("/")
    return f"{first}/{rest.partition('/')[0]}" if first else ""


class Digests:
    """Hashes of a station's nouns and of the catalog's answers, each worked out once for all channels."""

    def __init__(self, model: StationModel, shelf: Shelf) -> None:
        self._model, self._shelf = model, shelf
        self._nouns: dict[int, bytes] = {}
        self._spans: dict[int, bytes] = {}
        self._assets: dict[str, bytes] = {}
        self._answers: dict[tuple[object, ...], bytes] = {}
        self._pools: dict[tuple[str, object], bytes] = {}
        self._named: dict[str, bytes] = {}
        self._flights: dict[tuple[str, date], bool] = {}
        self.premieres = frozenset(p.rerun_of for p in model.programs.values() if p.rerun_of is not None)
        self.common = digest(
            COMPILER,
            model.station.model_dump_json(exclude=_STATION),
            sorted((slug, str(c.holds)) for slug, c in model.collections.items()),
        )

    def noun(self, noun: Written, exclude: Collection[str] = ()) -> bytes:
        """All that a noun says, but for where it says it. One noun is always asked for in one way."""
        found = self._nouns.get(id(noun))
        if found is None:
            written = noun.model_dump_json(exclude=set(exclude) or None)
            found = self._nouns[id(noun)] = sha256(written.encode("utf-8", "surrogatepass")).digest()
        return found

    def spans(self, noun: Written) -> bytes:
        """Where it is written, all of it."""
        found = self._spans.get(id(noun))
        if found is None:
            found = self._spans[id(noun)] = digest(noun.written)
        return found

    def asset(self, asset: Asset) -> bytes:
        found = self._assets.get(asset.id)
        if found is None:
            found = self._assets[asset.id] = digest(_ASSET(asset))
        return found

    def asset_of(self, asset_id: str) -> bytes:
        """Of an asset that is asked for by its id, which may be gone."""
        asset = self._shelf.catalog.assets.get(asset_id)
        return self.asset(asset) if asset is not None else b""

    def answer(self, query: Query) -> bytes:
        """All assets that answer the query, and their order."""
        key = query_key(query)
        found = self._answers.get(key)
        if found is None:
            assets = self._shelf.select(query).assets
            found = self._answers[key] = sha256(b"".join(map(self.asset, assets))).digest()
        return found

    def pool(self, inventory: Inventory, slug: str, on: date) -> bytes:
        """A pool, its spots, their rules, and which of them take turns on the date."""
        book = inventory.pools[slug]
        known = self._pools.get((slug, None))
        if known is None:
            rules = (
                (self.asset(inventory.assets[n]), *map(self.spot, inventory.rules[n])) for n in book.members
            )
            known = self._pools[slug, None] = digest(self.noun(book.pool), *rules)
        flying = book.on(on).members
        today = self._pools.get((slug, flying))
        if today is None:
            today = self._pools[slug, flying] = digest(known, [inventory.ids[n] for n in flying])
        return today

    def spot(self, spot: Spot) -> bytes:
        """A spot's rules, but for the dates on which it may air, unless its pace depends on them."""
        return self.noun(spot, () if spot.runs is not None else ("flight", "days"))

    def flies(self, spot: Spot, on: date) -> bool:
        """Is the date in a flight of the contract?"""
        key = (spot.spot, on)
        if key not in self._flights:
            self._flights[key] = flight_of(spot, on) is not None
        return self._flights[key]

    def named(self, cursors: Mapping[str, str]) -> str:
        """The assets that cursors name: a rotation asks the catalog for what it aired last."""
        known = self._named
        found = []
        for cursor in cursors.values():
            of_cursor = known.get(cursor)
            if of_cursor is None:
                ids = (line.split(":", step)[-1] for line in cursor.split("\n") for step in range(3))
                of_cursor = known[cursor] = b"".join(map(self.asset_of, ids))
            found.append(of_cursor)
        return sha256(b"".join(found)).hexdigest()


@dataclass(frozen=True, slots=True)
class _Kind:
    """A kind of day: all dates on which the same layers rule and the same lists have a line."""

    base: bytes  #: hash of what rules it, whatever the date
    pools: tuple[str, ...]
    listed: tuple[Program, ...]  #: its programs with airings by date
    owners: frozenset[str]
    places: str
    spans: str


class DayInputs:
    """What the days of one channel are made from."""

    def __init__(
        self,
        model: StationModel,
        channel: Channel,
        planner: Planner,
        playlists: PlaylistMaker,
        inventory: Inventory,
        shares: Mapping[str, int],
        digests: Digests,
        company: Mapping[str, Sequence[str]],
    ) -> None:
        """``company``: by program, the channels that take turns with its rotation, this one among them."""
        self._model, self._channel, self._planner = model, channel, planner
        self._company = company
        self._inventory, self._digests = inventory, digests
        self._kinds: dict[tuple[int, tuple[str, ...]], _Kind] = {}
        self._manual = manual_programs(model, channel)
        self._contracts = [(model.spots[s], n) for s, n in sorted(shares.items()) if s in model.spots]
        self._own = digest(
            digests.common,
            channel.model_dump_json(exclude=_CHANNEL),
            playlists.remembers,
            playlists.looks_ahead,
            playlists.longest_us,
            [rule.value for rule in playlists.relaxing],
            inventory.counting,
            inventory.limits_ads,
            [digests.noun(model.pools[slug]) for slug in channel.fallback if slug in model.pools],
            [digests.answer(model.pools[slug].spots) for slug in channel.fallback if slug in model.pools],
        )

    def made(self, on: date) -> MadeFrom:
        """The hashes of a date that hang on the station and the catalog alone."""
        kind, digests = self._kind(on), self._digests
        lines = [
            (line.model_dump_json(), digests.asset_of(line.asset) if line.asset is not None else b"")
            for program in kind.listed
            for line in program.airings
            if line.on == on
        ]
        contracts = [
            (digests.spot(spot), share) for spot, share in self._contracts if digests.flies(spot, on)
        ]
        pools = [digests.pool(self._inventory, slug, on) for slug in kind.pools]
        inputs = digest(kind.base, lines, contracts, pools).hex()
        return MadeFrom(inputs, kind.places, kind.spans)

    def owners(self, on: date) -> frozenset[str]:
        """Whose cursors (``owner_of``) the date may read and move."""
        return self._kind(on).owners

    def _kind(self, on: date) -> _Kind:
        layers = self._planner.layers(on)
        manual = tuple(p.program for p in self._manual if any(line.on == on for line in p.airings))
        key = (id(layers), manual)  # the planner keeps them
        found = self._kinds.get(key)
        if found is None:
            found = self._kinds[key] = self._read(layers, manual)
        return found

    def _read(self, layers: Iterable[Layer], manual: tuple[str, ...]) -> _Kind:
        model, digests, off_air = self._model, self._digests, self._off_air
        ruling: list[object] = []
        places: list[object] = [self._channel.place("off_air"), model.station.place("off_air")]
        spans: list[bytes] = [digests.spans(self._channel), digests.spans(model.station)]
        slugs: dict[str, None] = {off_air: None}
        terms: dict[tuple[int, str], tuple[Zone | None, str]] = {(-1, off_air): (None, off_air)}
        owners = {""}
        for layer in layers:
            plan = layer.plan
            if plan is None:
                ruling.append((layer.start, layer.end))
                continue
            zone, index = plan.zones[layer.zone_index], layer.zone_index
            ruling.append((layer.start, layer.end, plan.plan, digests.noun(zone)))
            entries = [*zone.play, *zone.at.values()]
            own = [entry.program if isinstance(entry, PlayItem) else entry for entry in entries]
            slugs.update(dict.fromkeys(own))
            terms |= {(id(zone), slug): (zone, slug) for slug in ("", off_air, *own)}
            places.append(plan.place("zones", index))
            places += [plan.place("zones", index, "play", n) for n in range(len(zone.play))]
            places += [plan.place("zones", index, "at", at) for at in zone.at]
            spans.append(digests.spans(plan))
            name = zone.zone.replace("%", "%25").replace("/", "%2F")
            owners.add(f"{plan.plan}/{name}")
        reached = closure(model, [*slugs, *manual])
        owners |= {f"~{slug}" for slug in reached}
        programs = [model.programs[slug] for slug in sorted(reached) if slug in model.programs]
        # Where a rotation stands at the day's end is the doing of all that take turns with it. One that
        # does no more is no longer in the group, so nobody compares its days.
        nouns: list[object] = [
            (slug, turns) for slug in sorted(reached) if len(turns := self._company.get(slug, ())) > 1
        ]
        pools: set[str] = set()
        synthetics = {off_air, DEFAULT_REMAINDER, LAST_RESORT, *slugs}
        for program in programs:
            nouns.append((digests.noun(program, ("airings",)), program.program in digests.premieres))
            nouns += self._chain(program.chain, synthetics, pools)
            spans.append(digests.spans(program))
        for slug in sorted(reached & model.virtuals.keys()):
            virtual = model.virtuals[slug]
            nouns.append(digests.noun(virtual))
            nouns += self._chain(virtual.sequence or (), synthetics, pools)
            if virtual.rule is not None:
                nouns.append(digests.answer(virtual.rule.query))
            spans.append(digests.spans(virtual))
        nouns += self._breaks(terms.values(), synthetics, pools)
        nouns += [digests.noun(model.synthetics[s]) for s in sorted(synthetics & model.synthetics.keys())]
        spans += [digests.spans(model.pools[slug]) for slug in sorted(pools)]
        return _Kind(
            digest(self._own, ruling, sorted(slugs), manual, nouns),
            tuple(sorted(pools)),
            tuple(program for program in programs if program.airings),
            frozenset(owners),
            digest(places).hex(),
            digest(spans).hex(),
        )

    @property
    def _off_air(self) -> str:
        return self._channel.off_air or self._model.station.off_air

    def _chain(self, chain: Iterable[ChainNode], synthetics: set[str], pools: set[str]) -> Iterator[bytes]:
        """The answers to what a chain asks the catalog."""
        for node in chain:
            if node.episodes is not None:
                yield self._digests.answer(node.episodes)
            if isinstance(node.bumper, Query):
                yield self._digests.answer(node.bumper)
            elif node.bumper is not None and node.bumper in self._model.pools:
                pool = self._model.pools[node.bumper]
                yield self._digests.noun(pool)
                yield self._digests.answer(pool.spots)
            if node.asset is not None:
                yield self._digests.asset_of(node.asset)
            if node.synthetic is not None:
                synthetics.add(node.synthetic)

    def _breaks(
        self, terms: Iterable[tuple[Zone | None, str]], synthetics: set[str], pools: set[str]
    ) -> Iterator[Any]:
        """The break formats and overlays of these zones and programs."""
        model, channel, digests = self._model, self._channel, self._digests
        formats: set[str] = set()
        overlays: set[str] = set()
        for zone, slug in terms:
            program = model.programs.get(slug)
            breaks = breaks_of(model.station, channel, zone, program)
            how = model.break_formats.get(breaks) if breaks else None
            overlays.update(overlays_of(model.station, channel, zone, program))
            if how is None:
                continue
            formats.add(how.break_format)
            synthetics.add(how.remainder)
            named = traffic_of(model.station, channel, zone, program).pools
            framing = (how.open_with, how.close_with)
            wanted = (*(how.fill_with if named is None else named), *framing)
            pools.update(slug for slug in wanted if slug is not None and slug in model.pools)
        yield from (digests.noun(model.break_formats[slug]) for slug in sorted(formats))
        yield from (digests.noun(model.overlays[s]) for s in sorted(overlays & model.overlays.keys()))


def shown(slots: Iterable[Slot]) -> str:
    """The programmes of a day as the one before looks ahead to them: the first, and which there are."""
    programs = [slot.airing.item.program if slot.airing is not None else "" for slot in slots]
    return digest(programs[:1], sorted(set(programs))).hex()
