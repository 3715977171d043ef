"""Rules of programs and virtuals: what a chain is made of, which keys go with which mode, queries."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import cast

from retrovue.diagnostics import Diagnostic, Label, Span
from retrovue.station.model import (
    ChainNode,
    Collection,
    Plan,
    PlayItem,
    PlayMode,
    Pool,
    Program,
    Query,
    Spot,
    Virtual,
    Written,
)
from retrovue.station.references import SCHEDULABLE
from retrovue.station.validate import find, value_span
from retrovue.station.world import DAY, Loc, Validated, World, clock, error, only_unknown

_NODE_KEYS = ("episodes", "asset", "bumper", "program", "virtual", "synthetic")
_AIRING_KEYS = ("episode", "asset", "title")
_ASSET_ID = re.compile(r"[^/]+/.+")
#: A key that only one mode knows.
_OF_MODE = {"airings": PlayMode.MANUAL, "weights": PlayMode.WEIGHTED, "group_by": PlayMode.MARATHON}


def chain_nodes(world: World) -> Iterator[Diagnostic]:
    """A step of a chain is exactly one thing."""
    for v, loc, node in _nodes(world):
        yield from _exactly_one(
            v,
            loc,
            node,
            _NODE_KEYS,
            "chain-node",
            "step of the chain",
            "begin each step with a dash of its own",
        )
        if node.asset is not None and not v.is_mended(*loc, "asset"):
            yield from asset_id(v, node.asset, (*loc, "asset"))


def _nodes(world: World) -> Iterator[tuple[Validated, Loc, ChainNode]]:
    for v in world.documents:
        if isinstance(v.model, Program):
            field, nodes = "chain", v.model.chain
        elif isinstance(v.model, Virtual):
            field, nodes = "sequence", v.model.sequence or ()
        else:
            continue
        for i, node in enumerate(nodes):
            if not v.is_mended(field, i):
                yield v, (field, i), node


def _exactly_one(
    v: Validated, loc: Loc, model: Written, keys: tuple[str, ...], code: str, what: str, help: str
) -> Iterator[Diagnostic]:
    written, _ = find(v.document.root, loc)
    given = sorted((k for k in keys if getattr(model, k) is not None), key=lambda k: v.key_span(*loc, k))
    if not given and not only_unknown(written, set(type(model).model_fields)):
        yield error(code, f"this {what} says nothing", v.span(*loc), help=f"write one of {', '.join(keys)}")
    elif len(given) > 1:
        yield error(
            code,
            f"one {what} can't be both {given[0]} and {given[1]}",
            v.key_span(*loc, given[1]),
            labels=(Label(v.key_span(*loc, given[0]), "first here"),),
            help=help,
        )


def asset_id(v: Validated, text: str, loc: Loc) -> Iterator[Diagnostic]:
    """A finding unless ``text`` looks like an asset's id."""
    if not _ASSET_ID.fullmatch(text):
        yield error(
            "bad-value",
            f"“{text}” is no asset id",
            v.span(*loc),
            help="write it like collection/key: sitcoms/Cheers/S01E01",
        )


def airings(world: World) -> Iterator[Diagnostic]:
    """A manual program lists its airings, each by one name."""
    for v in world.of("program"):
        program = cast(Program, v.model)
        for i, airing in enumerate(program.airings):
            if v.is_mended("airings", i):
                continue
            yield from _exactly_one(
                v, ("airings", i), airing, _AIRING_KEYS, "airing", "airing", "write two airings of that date"
            )
            if airing.asset is not None:
                yield from asset_id(v, airing.asset, ("airings", i, "asset"))
        if program.mode is PlayMode.MANUAL and not program.airings and not v.is_mended("airings"):
            yield error(
                "no-airings",
                f"“{program.program}” is manual and lists no airings: it would never air",
                v.span("mode"),
                help="add “airings: [{ on: 2026-12-24, episode: S01E02 }]”, or take another mode",
            )


def keys_of_modes(world: World) -> Iterator[Diagnostic]:
    """A key that the mode doesn't know would do nothing, and nobody would notice before air."""
    used: dict[str, set[PlayMode]] = {}
    for v in world.of("plan"):
        for _, item in play_items(v):
            if isinstance(item, PlayItem) and item.mode is not None:
                used.setdefault(item.program, set()).add(item.mode)
    for v in world.of("program"):
        program = cast(Program, v.model)
        if v.is_mended("mode"):
            continue
        for key, mode in _OF_MODE.items():
            given = key in program.model_fields_set and not v.is_mended(key)
            if given and program.mode is not mode and mode not in used.get(program.program, ()):
                yield _unused(v, key, f"only “mode: {mode.value}” knows it", program.mode)
        if program.rerun_of is not None and not v.is_mended("rerun_of"):
            for key in ("mode", "cursor", "airings", "weights", "group_by"):
                if key in program.model_fields_set and not v.is_mended(key):
                    yield error(
                        "unused-key",
                        f"“{key}” has no effect: a rerun airs what its premiere has aired, in that order",
                        v.key_span(key),
                        labels=(Label(v.key_span("rerun_of"), "it is a rerun"),),
                        help=f"delete “{key}”, or “rerun_of”",
                    )
        elif program.mode is not PlayMode.SEQUENTIAL:
            yield from _orders_nothing(v, program, f"mode: {program.mode.value}", v.span("mode"))
        yield from _weights(v, program.weights, ("weights",))
    for v in world.of("virtual"):
        rule = cast(Virtual, v.model).rule
        if rule is None or v.is_mended("rule"):
            continue
        if "weights" in rule.model_fields_set and rule.order.value != "weighted":
            yield error(
                "unused-key",
                f"“weights” has no effect with “order: {rule.order.value}”",
                v.key_span("rule", "weights"),
                labels=(Label(v.span("rule", "order"), "the order"),)
                if "order" in rule.model_fields_set
                else (),
                help="write “order: weighted”, or delete “weights”",
            )
        yield from _weights(v, rule.weights, ("rule", "weights"))


def _orders_nothing(
    target: Validated, program: Program, said: str, span: Span | None
) -> Iterator[Diagnostic]:
    """A mode is the order of a chain's own episodes; a program that it takes in has an order of its own."""
    if target.is_mended("chain"):
        return
    if any(node.episodes is not None or target.is_mended("chain", i) for i, node in enumerate(program.chain)):
        return
    inner = next((node.program for node in program.chain if node.program is not None), None)
    if inner is not None:
        yield error(
            "unused-key",
            f"“{said}” has no effect: the chain of “{program.program}” has no “episodes” of its own",
            span,
            labels=(Label(target.key_span("chain"), "its chain"),),
            help=f"“{inner}”, which it holds, keeps its own order: write it there"
            if said.startswith("mode")
            else f"play “{inner}” itself, or delete “from”",
        )


def _unused(v: Validated, key: str, why: str, mode: PlayMode) -> Diagnostic:
    said = "mode" in cast(Program, v.model).model_fields_set
    return error(
        "unused-key",
        f"“{key}” has no effect with “mode: {mode.value}”: {why}",
        v.key_span(key),
        labels=(Label(v.span("mode"), "the mode"),) if said else (),
        help=f"write “mode: {_OF_MODE[key].value}”, or delete “{key}”",
    )


def _weights(v: Validated, weights: object, loc: Loc) -> Iterator[Diagnostic]:
    values = list(cast("dict[str, float]", weights).values())
    if values and not any(values) and not v.is_mended(*loc):
        yield error(
            "empty-weights",
            "every weight is 0: what is named here never airs, and nothing says what airs more often",
            v.span(*loc),
            help="give something a weight above 0",
        )


def play_items(v: Validated) -> Iterator[tuple[Loc, str | PlayItem]]:
    """Every item that a plan's zones play or pin, and where."""
    for i, zone in enumerate(cast(Plan, v.model).zones):
        for j, item in enumerate(zone.play):
            yield ("zones", i, "play", j), item
        for key, item in zone.at.items():
            yield ("zones", i, "at", key), item


def play_items_make_sense(world: World) -> Iterator[Diagnostic]:
    """What an item of a zone says of its program must mean something for it."""
    programs = world.by_slug("program")
    for v in world.of("plan"):
        for loc, item in play_items(v):
            if not isinstance(item, PlayItem) or v.is_mended(*loc):
                continue
            target = programs.get(item.program)
            if target is None:
                others = frozenset[str]().union(
                    *(world.names.get(noun, ()) for noun in SCHEDULABLE if noun != "program")
                )
                keys = [k for k, value in (("mode", item.mode), ("from", item.from_)) if value is not None]
                if keys and item.program in others and item.program not in world.names.get("program", ()):
                    yield error(
                        "unused-key",
                        f"“{keys[0]}” has no effect: “{item.program}” is no program",
                        v.key_span(*loc, keys[0]),
                        labels=(Label(v.span(*loc, "program"), "a virtual or synthetic"),),
                        help=f"delete “{keys[0]}”; a virtual says its order itself",
                    )
                continue
            program = cast(Program, target.model)
            if program.rerun_of is not None:
                yield from _of_rerun(v, loc, item, target)
                continue
            mode = item.mode or program.mode
            if item.mode not in (None, PlayMode.SEQUENTIAL, PlayMode.MANUAL):
                yield from _orders_nothing(target, program, f"mode: {item.mode}", v.span(*loc, "mode"))
            elif item.from_ is not None:
                yield from _orders_nothing(target, program, f"from: {item.from_}", v.span(*loc, "from"))
            if item.mode is PlayMode.MANUAL and not program.airings and not target.is_mended("airings"):
                yield error(
                    "no-airings",
                    f"“{program.program}” lists no airings: with “mode: manual” it would never air",
                    v.span(*loc, "mode"),
                    labels=(Label(target.span("program"), "the program"),),
                    help=f"add “airings: […]” to “{program.program}”, or take another mode",
                )
            ordered = mode in (PlayMode.SEQUENTIAL, PlayMode.CHRONOLOGICAL)
            if item.from_ is not None and not ordered and not target.is_mended("mode"):
                yield error(
                    "unused-key",
                    f"“from” has no effect with “mode: {mode.value}”, which knows no first episode",
                    v.key_span(*loc, "from"),
                    labels=(Label(v.span(*loc, "mode") if item.mode else target.span("mode"), "the mode"),),
                    help="delete “from”, or write “mode: sequential”",
                )


def _of_rerun(v: Validated, loc: Loc, item: PlayItem, target: Validated) -> Iterator[Diagnostic]:
    for key, value in (("mode", item.mode), ("from", item.from_)):
        if value is not None:
            yield error(
                "unused-key",
                f"“{key}” has no effect: “{item.program}” is a rerun, in the order of its premiere",
                v.key_span(*loc, key),
                labels=(Label(target.key_span("rerun_of"), "it is a rerun"),),
                help=f"delete “{key}”",
            )


def virtuals(world: World) -> Iterator[Diagnostic]:
    """A virtual is a sequence or a rule, and a rule can be answered."""
    for v in world.of("virtual"):
        virtual = cast(Virtual, v.model)
        if v.is_mended("sequence") or v.is_mended("rule"):
            continue
        if virtual.sequence is None and virtual.rule is None:
            yield error(
                "virtual-kind",
                f"“{virtual.virtual}” says neither what it is made of nor how it is picked",
                value_span(v.document.root),
                help="add “sequence: […]”, or “rule: { query: … }”",
            )
        elif virtual.sequence is not None and virtual.rule is not None:
            first, second = sorted(("sequence", "rule"), key=lambda k: v.key_span(k))
            yield error(
                "virtual-kind",
                f"one virtual can't be both a {first} and a {second}",
                v.key_span(second),
                labels=(Label(v.key_span(first), "first here"),),
                help="write two virtuals; a sequence may have a virtual as a step",
            )
        rule = virtual.rule
        if rule is not None and rule.min_total is not None and rule.max_total is not None:
            if rule.min_total > rule.max_total:
                yield error(
                    "empty-range",
                    "min_total is longer than max_total: nothing can match",
                    v.span("rule", "min_total"),
                    labels=(Label(v.span("rule", "max_total"), "max_total"),),
                    help="exchange the two",
                )
            shortest = rule.query.min_duration
            if shortest is not None and shortest * rule.count > rule.max_total:
                yield error(
                    "empty-range",
                    f"{rule.count} × min_duration is longer than max_total: nothing can match",
                    v.span("rule", "query", "min_duration"),
                    labels=(Label(v.span("rule", "max_total"), "max_total"),),
                    help="ask for fewer or shorter assets, or a longer max_total",
                )


def watersheds(world: World) -> Iterator[Diagnostic]:
    start = world.day_start
    for v in world.of("program"):
        program = cast(Program, v.model)
        if program.not_before is None or program.not_after is None:
            continue
        if v.is_mended("not_before") or v.is_mended("not_after"):
            continue
        if (program.not_after - start) % DAY < (program.not_before - start) % DAY:
            yield error(
                "empty-watershed",
                f"“{program.program}” may start after {clock(program.not_before)} and before "
                f"{clock(program.not_after)}: never, in a day that begins at {clock(start)}",
                v.span("not_after"),
                labels=(Label(v.span("not_before"), "not before"),),
                help="exchange the two, or drop one",
            )


# --- queries ---------------------------------------------------------------------------------------


def queries_in(v: Validated) -> Iterator[tuple[Loc, Query]]:
    """Every query of a document, those inside ``not`` too."""
    found: list[tuple[Loc, Query | None]] = []
    model = v.model
    if isinstance(model, Pool | Spot):
        found.append((("spots",), model.spots))
    elif isinstance(model, Program | Virtual):
        field, nodes = (
            ("chain", model.chain) if isinstance(model, Program) else ("sequence", model.sequence or ())
        )
        for i, node in enumerate(nodes):
            found.append(((field, i, "episodes"), node.episodes))
            found.append(((field, i, "bumper"), node.bumper if isinstance(node.bumper, Query) else None))
        if isinstance(model, Virtual) and model.rule is not None:
            found.append((("rule", "query"), model.rule.query))
    elif isinstance(model, Collection):
        found += ((("rules", i, "match"), rule.match) for i, rule in enumerate(model.rules))
    for loc, query in found:
        while query is not None:
            yield loc, query
            loc, query = (*loc, "not"), query.not_


def queries(world: World) -> Iterator[Diagnostic]:
    for v in world.documents:
        for loc, query in queries_in(v):
            if v.is_mended(*loc):
                continue
            if query.asset is not None:
                yield from asset_id(v, query.asset, (*loc, "asset"))
            low, high = query.min_duration, query.max_duration
            if low is not None and high is not None and low > high:
                yield error(
                    "empty-range",
                    "min_duration is longer than max_duration: nothing can match",
                    v.span(*loc, "min_duration"),
                    labels=(Label(v.span(*loc, "max_duration"), "max_duration"),),
                    help="exchange the two",
                )
            if query.collection is not None and query.collections is not None:
                yield error(
                    "unused-key",
                    "“collection” and “collections” say the same thing twice",
                    v.key_span(*loc, "collections"),
                    labels=(Label(v.key_span(*loc, "collection"), "first here"),),
                    help="keep one of the two",
                )
            excluded = query.not_
            if excluded is not None and not excluded.model_fields_set and not v.is_mended(*loc, "not"):
                yield error(
                    "empty-range",
                    "an empty “not” is everything: nothing can match",
                    v.key_span(*loc, "not"),
                    help="say what to leave out, or delete “not”",
                )
