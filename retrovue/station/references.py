"""Every slug that names another document: it is there, is of the right noun, and leads nowhere in a ring."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from retrovue.diagnostics import Diagnostic, Label
from retrovue.station.model import (
    BreakFormat,
    ChainNode,
    Channel,
    Collection,
    Plan,
    PlayItem,
    Pool,
    Program,
    Query,
    Spot,
    Station,
    Traffic,
    Virtual,
)
from retrovue.station.suggest import did_you_mean
from retrovue.station.validate import Loc, Validated
from retrovue.station.world import World, error, spoken

#: What a zone may play and a pin may name.
SCHEDULABLE = ("program", "virtual", "synthetic", "live")


@dataclass(frozen=True, slots=True)
class Reference:
    """A slug that names another document."""

    source: Validated
    loc: Loc
    slug: str
    wanted: tuple[str, ...]  #: nouns it may be
    none_allowed: bool = False


def references(v: Validated) -> Iterator[Reference]:
    """Every slug in a document that names another."""
    model = v.model

    def one(loc: Loc, slug: str | None, *wanted: str, none: bool = False) -> Iterator[Reference]:
        if slug is not None:
            yield Reference(v, loc, slug, wanted, none)

    def several(loc: Loc, slugs: Iterable[str] | None, *wanted: str) -> Iterator[Reference]:
        for i, slug in enumerate(slugs or ()):
            yield Reference(v, (*loc, i), slug, wanted)

    def asset(loc: Loc, value: str | None) -> Iterator[Reference]:
        if value is not None and "/" in value:
            yield from one(loc, value.partition("/")[0], "collection")

    def query(loc: Loc, value: Query | None) -> Iterator[Reference]:
        while value is not None:
            yield from one((*loc, "collection"), value.collection, "collection")
            yield from several((*loc, "collections"), value.collections, "collection")
            yield from asset((*loc, "asset"), value.asset)
            loc, value = (*loc, "not"), value.not_

    def policies(loc: Loc, overlays: tuple[str, ...] | None, traffic: Traffic) -> Iterator[Reference]:
        yield from several((*loc, "overlays"), overlays, "overlay")
        yield from several((*loc, "traffic", "pools"), traffic.pools, "pool")

    def chain(loc: Loc, nodes: Iterable[ChainNode]) -> Iterator[Reference]:
        for i, node in enumerate(nodes):
            here = (*loc, i)
            yield from query((*here, "episodes"), node.episodes)
            yield from asset((*here, "asset"), node.asset)
            if isinstance(node.bumper, Query):
                yield from query((*here, "bumper"), node.bumper)
            else:
                yield from one((*here, "bumper"), node.bumper, "pool")
            yield from one((*here, "program"), node.program, "program")
            yield from one((*here, "virtual"), node.virtual, "virtual")
            yield from one((*here, "synthetic"), node.synthetic, "synthetic")

    if isinstance(model, Station | Channel):
        yield from one(("breaks",), model.breaks, "break_format", none=True)
        yield from one(("off_air",), model.off_air, "synthetic", "program")
        yield from one(("sign_off",), model.sign_off, "synthetic")
        yield from policies((), model.overlays, model.traffic)
    if isinstance(model, Channel):
        yield from several(("plans",), model.plans, "plan")
        yield from several(("fallback",), model.fallback, "pool")
        yield from one(("simulcast",), model.simulcast, "channel")
    elif isinstance(model, Plan):
        for i, zone in enumerate(model.zones):
            here: Loc = ("zones", i)
            yield from one((*here, "breaks"), zone.breaks, "break_format", none=True)
            yield from policies(here, zone.overlays, zone.traffic)
            items: list[tuple[Loc, str | PlayItem]] = [
                *(((*here, "play", j), item) for j, item in enumerate(zone.play)),
                *(((*here, "at", key), item) for key, item in zone.at.items()),
            ]
            for loc, item in items:
                if isinstance(item, PlayItem):
                    yield from one((*loc, "program"), item.program, *SCHEDULABLE)
                else:
                    yield from one(loc, item, *SCHEDULABLE)
    elif isinstance(model, Program):
        yield from one(("breaks",), model.breaks, "break_format", none=True)
        yield from policies((), model.overlays, model.traffic)
        yield from one(("rerun_of",), model.rerun_of, "program")
        yield from chain(("chain",), model.chain)
        for i, airing in enumerate(model.airings):
            yield from asset(("airings", i, "asset"), airing.asset)
    elif isinstance(model, Virtual):
        yield from chain(("sequence",), model.sequence or ())
        if model.rule is not None:
            yield from query(("rule", "query"), model.rule.query)
    elif isinstance(model, Pool):
        yield from query(("spots",), model.spots)
    elif isinstance(model, Spot):
        yield from asset(("asset",), model.asset)
        yield from query(("spots",), model.spots)
        if model.promotes is not None:
            yield from one(("promotes", "program"), model.promotes.program, *SCHEDULABLE)
    elif isinstance(model, Collection):
        for i, rule in enumerate(model.rules):
            yield from query(("rules", i, "match"), rule.match)
    elif isinstance(model, BreakFormat):
        yield from one(("open_with",), model.open_with, "pool")
        yield from one(("close_with",), model.close_with, "pool")
        yield from several(("fill_with",), model.fill_with, "pool")
        yield from one(("remainder",), model.remainder, "synthetic")


def references_exist(world: World) -> Iterator[Diagnostic]:
    for v in world.documents:
        for reference in references(v):
            if any(reference.slug in world.names.get(noun, ()) for noun in reference.wanted):
                continue
            if v.is_mended(*reference.loc) or (reference.none_allowed and reference.slug == "none"):
                continue
            slug = reference.slug
            known = {s for noun in reference.wanted for s in world.names.get(noun, ())}
            known |= {"none"} if reference.none_allowed else set()
            elsewhere = [noun for noun, slugs in world.names.items() if slug in slugs]
            *most, last = (spoken(noun) for noun in reference.wanted)
            wanted = f"{', '.join(most)} or {last}" if most else last
            if elsewhere:
                headline = f"“{slug}” is {_a(elsewhere[0])}, but {_a(wanted)} is wanted here"
            else:
                headline = f"there is no {wanted} “{slug}”"
            help = did_you_mean(slug, known) or _define(reference.wanted[0], slug, known)
            yield error("unknown-reference", headline, v.span(*reference.loc), help=help)


def _a(noun: str) -> str:
    return f"an {spoken(noun)}" if noun[0] in "aeiou" else f"a {spoken(noun)}"


def _define(noun: str, slug: str, known: Iterable[str]) -> str:
    names = sorted(known)
    some = f"; known: {', '.join(names[:8])}{', …' if len(names) > 8 else ''}" if names else ""
    return f"define it with “{noun}: {slug}”{some}"


# --- rings -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Step:
    """One document leads to another: where that is written."""

    loc: Loc
    to: str


def _rings(documents: Mapping[str, Validated], steps: Mapping[str, list[_Step]]) -> Iterator[list[str]]:
    """Every ring once, as slugs; the last leads to the first."""
    done: set[str] = set()
    for start in sorted(documents):
        # Depth first, with an explicit stack: a chain of a thousand programs is legal.
        path: list[tuple[str, int]] = [(start, 0)]
        above = {start: 0}
        while path:
            slug, step = path[-1]
            if slug in done or step == len(steps[slug]):
                done.add(slug)
                above.pop(slug, None)
                path.pop()
                continue
            path[-1] = (slug, step + 1)
            below = steps[slug][step].to
            if below in above:
                yield [s for s, _ in path[above[below] :]]
            elif below not in done:
                above[below] = len(path)
                path.append((below, 0))


def _told_rings(
    documents: Mapping[str, Validated], steps: Mapping[str, list[_Step]], code: str, verb: str, says: str
) -> Iterator[Diagnostic]:
    for ring in _rings(documents, steps):
        places = []
        for slug, below in zip(ring, [*ring[1:], ring[0]], strict=True):
            step = next(s for s in steps[slug] if s.to == below)
            places.append((documents[slug].span(*step.loc), f"{slug} {verb} {below}"))
        last, _ = places.pop()
        yield error(
            code,
            f"{says}: {' → '.join([*ring, ring[0]])}",
            last,
            labels=tuple(Label(span, text) for span, text in places),
            help="take one of these steps out",
        )


def no_cycles(world: World) -> Iterator[Diagnostic]:
    """Chains and sequences, through programs and virtuals, never lead back to where they began."""
    documents = {**world.by_slug("virtual"), **world.by_slug("program")}
    steps: dict[str, list[_Step]] = {}
    for slug, v in documents.items():
        found: list[_Step] = steps.setdefault(slug, [])
        if isinstance(v.model, Program):
            field, nodes = "chain", v.model.chain
        elif isinstance(v.model, Virtual):
            field, nodes = "sequence", v.model.sequence or ()
        else:
            continue
        for i, node in enumerate(nodes):
            for key, below in (("program", node.program), ("virtual", node.virtual)):
                if below in documents and not v.is_mended(field, i):
                    found.append(_Step((field, i, key), below))
    yield from _told_rings(documents, steps, "program-cycle", "plays", "a program plays itself")


def no_rerun_cycles(world: World) -> Iterator[Diagnostic]:
    """Behind every rerun there is a premiere."""
    documents = world.by_slug("program")
    steps: dict[str, list[_Step]] = {slug: [] for slug in documents}
    for slug, v in documents.items():
        premiere = v.model.rerun_of if isinstance(v.model, Program) else None
        if premiere in documents and not v.is_mended("rerun_of"):
            steps[slug].append(_Step(("rerun_of",), premiere))
    yield from _told_rings(documents, steps, "rerun-cycle", "reruns", "a program is a rerun of itself")
