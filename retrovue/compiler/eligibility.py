"""Eligibility: may an asset air on a broadcast date, by which ways, and what bars it; pure.

An asset has *ways* onto the air: programs and virtuals whose queries it answers, and pools that breaks draw
from. Who answers what, and which spots take turns on a date, is asked of what compiles (``Shelf``,
``Inventory``), so nothing here has a rule of its own. An asset with a bar, or whose ways all have one, airs
nowhere on that date; one without may air, when its turn comes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date

from retrovue.compiler.findings import written_at
from retrovue.compiler.inputs import queries_of, reachable
from retrovue.compiler.rotation import share_by
from retrovue.compiler.shelf import Shelf, query_key
from retrovue.compiler.traffic import (
    SHORTEST_SPOT_US,
    Inventory,
    PoolBook,
    framing_of,
    may_air_on,
    pools_of,
)
from retrovue.compiler.why import said_query, spot_rules
from retrovue.library.catalog import Asset, AssetState, Catalog, flights
from retrovue.station.model import PlayMode, Program, Query, Spot, StationModel
from retrovue.station.when import in_dates
from retrovue.units import SECOND_US


@dataclass(frozen=True, slots=True)
class Bar:
    """Something that keeps an asset, or one of its ways, off the air."""

    code: str  #: kebab-case: "not-approved", "outside-flight"…
    said: str
    help: str = ""
    written_at: str = ""


@dataclass(frozen=True, slots=True)
class Way:
    """What takes an asset onto the air."""

    noun: str  #: program, virtual or pool
    slug: str
    asks: str  #: its query, in words
    role: str  #: "", "breaks", "bumper" or "stand-in"
    channels: tuple[str, ...]  #: numbers of those that it leads to
    written_at: str = ""
    bars: tuple[Bar, ...] = ()
    limits: tuple[str, ...] = ()  #: when only, in words


@dataclass(frozen=True, slots=True)
class Standing:
    """How an asset stands on a broadcast date."""

    asset: Asset
    on: date
    bars: tuple[Bar, ...]  #: whatever the way
    ways: tuple[Way, ...]

    @property
    def airs(self) -> bool:
        """May it air?"""
        return not self.bars and any(not way.bars for way in self.ways)

    @property
    def every_bar(self) -> tuple[Bar, ...]:
        """Why it doesn't air; none when it may."""
        if self.airs:
            return ()
        return tuple(dict.fromkeys((*self.bars, *(bar for way in self.ways for bar in way.bars))))


def own_bars(asset: Asset) -> tuple[Bar, ...]:
    """Why ``asset.eligible`` is false; none when it is true."""
    bars = []
    if asset.state is AssetState.RETIRED:
        bars.append(
            Bar(
                "retired",
                "it has retired: its file is gone, or can't be used",
                "put the file back, then run retrovue ingest, which says what is wrong with it",
            )
        )
    elif asset.state is not AssetState.READY:
        bars.append(
            Bar("not-ready", f"it is {asset.state}: nobody has looked into it yet", "run retrovue ingest")
        )
    if not asset.approved:
        said = "its approval was taken back" if asset.revoked else "it waits for a person's word"
        bars.append(Bar("not-approved", said, "retrovue approve lets it air"))
    if asset.duration_us <= 0 and asset.state is AssetState.READY:
        bars.append(Bar("no-duration", "nobody knows how long it is", "retrovue ingest looks at it again"))
    return tuple(bars)


def standings_of(model: StationModel, assets: Sequence[Asset], on: date) -> list[Standing]:
    """How ``assets`` stand on the broadcast date. Of those that may not air yet, the ways are told, too."""
    # As they would be were they ready; who asks for a length is answered by an hour when nobody knows it.
    ready = {
        asset.id: replace(
            asset, state=AssetState.READY, approved=True, duration_us=asset.duration_us or _UNKNOWN_US
        )
        for asset in assets
    }
    ways = Ways(model, Catalog(ready, ""), on)
    return [_standing(asset, ways.of(ready[asset.id]), on) for asset in assets]


def standings(model: StationModel, catalog: Catalog, assets: Iterable[Asset], on: date) -> Iterator[Standing]:
    """The same of very many, assets of ``catalog``; the ways of those that may not air are left out."""
    ways = Ways(model, catalog, on)
    for asset in assets:
        yield _standing(asset, ways.of(asset) if asset.eligible else (), on)


#: Stands for a length that nobody knows.
_UNKNOWN_US = 3600 * SECOND_US


def _standing(asset: Asset, ways: tuple[Way, ...], on: date) -> Standing:
    bars = own_bars(asset)
    if not ways and not bars:
        bars = (
            Bar(
                "unasked",
                "no program, virtual or pool asks for it",
                "widen a query, or give the asset what one asks for (a tag, a series)",
            ),
        )
    return Standing(asset, on, bars, ways)


class Ways:
    """The ways that a station has for the assets of a catalog, on one broadcast date."""

    def __init__(self, model: StationModel, catalog: Catalog, on: date) -> None:
        self._model, self._on = model, on
        self._shelf = Shelf(catalog, model.pools)
        self._inventory = Inventory(model, self._shelf)
        #: By asset: each way without what it has to say of that one, and who says that.
        self._known: dict[str, list[tuple[Way, _Judge]]] = {}
        for way, ids, judge in (*self._of_programs(), *self._of_pools()):
            for asset_id in ids:
                self._known.setdefault(asset_id, []).append((way, judge))

    def of(self, asset: Asset) -> tuple[Way, ...]:
        """Those of one asset of the catalog, in order of noun and slug."""
        found = []
        for way, judge in self._known.get(asset.id, ()):
            bars, limits = judge(asset)
            if asset.dayparts:
                limits = (*limits, f"starts within {', '.join(asset.dayparts)}, by its collection's rules")
            found.append(replace(way, bars=(*way.bars, *bars), limits=(*way.limits, *limits)))
        return tuple(found)

    # --- programs ------------------------------------------------------------------------------------

    def _of_programs(self) -> Iterator[tuple[Way, Iterable[str], _Judge]]:
        model = self._model
        playing = self._channels(lambda channel: reachable(model, channel))
        for noun, nouns in (("program", model.programs), ("virtual", model.virtuals)):
            for slug, written in sorted(nouns.items()):
                program = model.programs.get(slug) if noun == "program" else None
                for query in {query_key(query): query for query in _asked_by(model, slug)}.values():
                    way = Way(
                        noun,
                        slug,
                        said_query(query),
                        "",
                        playing.get(slug, ()),
                        written_at(written.place()),
                        () if slug in playing else (_UNPLAYED,),
                        tuple(_program_limits(program)) if program is not None else (),
                    )
                    judge = _Weighed(program) if program is not None else _nothing
                    yield way, self._answer(query), judge

    def _answer(self, query: Query) -> Iterable[str]:
        return self._shelf.select(query).position

    # --- pools ---------------------------------------------------------------------------------------

    def _of_pools(self) -> Iterator[tuple[Way, Iterable[str], _Judge]]:
        model = self._model
        drawing = self._channels(lambda channel: pools_of(model, channel) | framing_of(model, channel))
        bumping = self._channels(lambda channel: self._bumpers(reachable(model, channel)))
        standing_in = self._channels(lambda channel: channel.fallback)
        for slug, pool in sorted(model.pools.items()):
            ids = self._answer(pool.spots)
            place, asks = written_at(pool.place()), said_query(pool.spots)
            for role, leading in (("bumper", bumping), ("stand-in", standing_in)):
                if slug in leading:
                    yield Way("pool", slug, asks, role, leading[slug], place), ids, _nothing
            if slug in drawing or (slug not in bumping and slug not in standing_in):
                way = Way(
                    "pool",
                    slug,
                    asks,
                    "breaks",
                    drawing.get(slug, ()),
                    place,
                    () if slug in drawing else (_UNDRAWN,),
                )
                yield way, ids, _Spots(self._inventory, self._inventory.pools[slug], self._on)

    def _bumpers(self, slugs: Iterable[str]) -> Iterator[str]:
        model = self._model
        for slug in slugs:
            program, virtual = model.programs.get(slug), model.virtuals.get(slug)
            nodes = program.chain if program else (virtual.sequence or ()) if virtual else ()
            yield from (node.bumper for node in nodes if isinstance(node.bumper, str))

    def _channels(self, leads_to: Callable[..., Iterable[str]]) -> dict[str, tuple[str, ...]]:
        """Slug → numbers of the channels that lead to it."""
        found: dict[str, dict[str, None]] = {}
        for channel in self._model.channels:
            for slug in leads_to(channel):
                found.setdefault(slug, {})[channel.number] = None
        return {slug: tuple(numbers) for slug, numbers in found.items()}


#: What a way has to say of one asset: bars and limits.
_Judge = Callable[[Asset], tuple[tuple[Bar, ...], tuple[str, ...]]]

_UNPLAYED = Bar(
    "not-played", "no plan of any channel plays it", "put it into a zone of a plan that a channel lists"
)
_UNDRAWN = Bar(
    "not-drawn",
    "no break of any channel draws from it",
    "name it in fill_with, open_with or close_with of a break format, or in pools of a traffic policy",
)


def _nothing(asset: Asset) -> tuple[tuple[Bar, ...], tuple[str, ...]]:
    return (), ()


def _asked_by(model: StationModel, slug: str) -> Iterator[Query]:
    """Everything that a program or virtual may take, without what it holds; assets by their ids, too."""
    yield from queries_of(model, slug)
    program, virtual = model.programs.get(slug), model.virtuals.get(slug)
    nodes = program.chain if program else (virtual.sequence or ()) if virtual else ()
    named = [node.asset for node in nodes]
    named += [airing.asset for airing in program.airings] if program is not None else []
    yield from (Query(asset=asset_id) for asset_id in named if asset_id is not None)


def _program_limits(program: Program) -> Iterator[str]:
    for word, minutes in (("not before", program.not_before), ("not after", program.not_after)):
        if minutes is not None:
            yield f"starts {word} {minutes // 60:02}:{minutes % 60:02}"
    if program.mode is PlayMode.MANUAL:
        yield "only as its airings list it"


class _Weighed:
    """What a program's weights say of an asset."""

    def __init__(self, program: Program) -> None:
        self._share = share_by(program.weights) if program.mode is PlayMode.WEIGHTED else None

    def __call__(self, asset: Asset) -> tuple[tuple[Bar, ...], tuple[str, ...]]:
        if self._share is None or self._share(asset):
            return (), ()
        return (), ("its weight is 0: only when nothing else may air",)


class _Spots:
    """What traffic says of a pool's spots on a date."""

    def __init__(self, inventory: Inventory, book: PoolBook, on: date) -> None:
        self._inventory, self._on = inventory, on
        self._turning = frozenset(book.on(on).members)
        contracts = (n for slug, paced in book.contracts.items() for n in paced if self._flies(slug, n))
        self._due = frozenset(contracts)

    def _flies(self, slug: str, n: int) -> bool:
        return any(spot.spot == slug and may_air_on(spot, self._on) for spot in self._inventory.rules[n])

    def __call__(self, asset: Asset) -> tuple[tuple[Bar, ...], tuple[str, ...]]:
        n = self._inventory.number.get(asset.id)
        if n is None:
            return (Bar("too-short", f"a spot has at least {SHORTEST_SPOT_US // SECOND_US} second", ""),), ()
        rules = self._inventory.rules[n]
        limits = tuple(f"{spot.spot}: {rule}" for spot in rules for rule in spot_rules(spot))
        if n in self._turning or n in self._due:
            return (), limits
        return tuple(self._why(asset, rules, self._inventory.weight[n])), limits

    def _why(self, asset: Asset, rules: Iterable[Spot], weight: float) -> Iterator[Bar]:
        """In words, of one that neither takes turns nor is due on the date."""
        if not weight:
            yield from (
                Bar("weight-0", f"{spot.spot}: its weight is 0", "", written_at(spot.place()))
                for spot in rules
                if not spot.weight
            )
        on = f"{self._on:%a %d %b %Y}"
        own = flights(asset)
        if own and not any(in_dates(word, self._on) for word in own):
            yield Bar(
                "outside-flight",
                f"{on} is outside its flight, {', '.join(own)}",
                "its sidecar says so, or the name of its folder",
            )
        for spot in rules:
            if may_air_on(spot, self._on):
                continue
            flying = not spot.flight or any(in_dates(word, self._on) for word in spot.flight)
            what, words = ("days", spot.days) if flying else ("flight", spot.flight)
            said = f"{spot.spot}: {on} is outside its {what}, {', '.join(words)}"
            yield Bar(f"outside-{what}", said, "", written_at(spot.place(what)))
