"""Rules of what a station asks of its catalog: assets by name, and the words of queries.

The catalog lock is searched as text, which is a tenth of the work of reading it. Media come and go, so
nothing here is more than a warning.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import cast

from retrovue.diagnostics import Diagnostic
from retrovue.station.model import ChainNode, Program, Query, Spot, Virtual
from retrovue.station.program_rules import queries_in
from retrovue.station.suggest import did_you_mean
from retrovue.station.world import Loc, Validated, World, warning

#: A larger file is left to the compile, which keeps it in better order (bytes).
_LARGEST = 64_000_000
#: So many words are named when none is like the one that is written.
_NAMED = 8

_TEXT = r'"(?:[^"\\]|\\.)*"'
#: What its assets have, by what it is. Within a text a quote has a stroke before it.
_WORDS = {
    **{name: re.compile(rf'(?<!\\)"{name}"\s*:\s*({_TEXT})') for name in ("key", "series", "title")},
    "tag": re.compile(rf'(?<!\\)"tags"\s*:\s*\[((?:[^"\]]|{_TEXT})*)\]'),
}


class _Lock:
    """One collection's file of the lock."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._known: dict[str, frozenset[str]] = {}

    @cached_property
    def text(self) -> str:
        """Empty when there is nothing to be said of it."""
        try:
            return self._file.read_text("utf-8") if self._file.stat().st_size <= _LARGEST else ""
        except (OSError, ValueError):
            return ""

    def words(self, what: str) -> frozenset[str]:
        """What its assets have: each "key", "series", "title" or "tag"."""
        if what not in self._known:
            found = set(_WORDS[what].findall(self.text))
            if what == "tag":
                found = {tag for tags in found for tag in re.findall(_TEXT, tags)}
            self._known[what] = frozenset(filter(None, map(_unquoted, found)))
        return self._known[what]

    def has(self, what: str, word: str) -> bool:
        """Has any of its assets this word, as queries compare it?"""
        if what in ("key", "tag"):
            return word in self.words(what)
        return word.casefold() in map(str.casefold, self.words(what))


def _unquoted(text: str) -> str:
    try:
        return str(json.loads(text))
    except ValueError:
        return ""


def catalog_words(world: World) -> Iterator[Diagnostic]:
    """Assets and words that nothing in the catalog answers to."""
    if not world.catalog:
        return
    locks = {v.slug: _Lock(world.folder / "catalog.lock" / f"{v.slug}.jsonl") for v in world.of("collection")}
    for v in world.documents:
        for loc, asset_id in _asset_ids(v):
            yield from _asset(v, loc, asset_id, locks)
        for loc, query in queries_in(v):
            if "not" not in loc and not v.is_mended(*loc):
                yield from _query(v, loc, query, locks)


def _asset_ids(v: Validated) -> Iterator[tuple[Loc, str]]:
    """Every asset that a document names."""
    model = v.model
    nodes: tuple[ChainNode, ...] = ()
    if isinstance(model, Program):
        nodes = model.chain
        for i, airing in enumerate(model.airings):
            if airing.asset is not None:
                yield ("airings", i, "asset"), airing.asset
    elif isinstance(model, Virtual):
        nodes = model.sequence or ()
    elif isinstance(model, Spot) and model.asset is not None:
        yield ("asset",), model.asset
    field = "chain" if isinstance(model, Program) else "sequence"
    for i, node in enumerate(nodes):
        if node.asset is not None:
            yield (field, i, "asset"), node.asset
    for loc, query in queries_in(v):
        if query.asset is not None and "not" not in loc:
            yield (*loc, "asset"), query.asset


def _asset(v: Validated, loc: Loc, asset_id: str, locks: Mapping[str, _Lock]) -> Iterator[Diagnostic]:
    collection, _, key = asset_id.partition("/")
    lock = locks.get(collection)
    if lock is None or not key or not lock.text or v.is_mended(*loc) or lock.has("key", key):
        return
    near = did_you_mean(asset_id, (f"{collection}/{known}" for known in lock.words("key")))
    yield warning(
        "not-in-catalog",
        f"the catalog has no asset “{asset_id}”",
        v.span(*loc),
        help=near or f"retrovue library lists what there is: --collection {collection}",
    )


def _query(v: Validated, loc: Loc, query: Query, locks: Mapping[str, _Lock]) -> Iterator[Diagnostic]:
    named = [query.collection] if query.collection is not None else list(query.collections or locks)
    asked = [lock for name in named if (lock := locks.get(name)) is not None]
    # One that was never ingested, or is too large, may have anything.
    if len(asked) < len(named) or not asked or any(not lock.text for lock in asked):
        return
    words: list[tuple[str, Loc, tuple[str, ...]]] = [
        (what, (*loc, what), (value,))
        for what in ("series", "title", "tag")
        if (value := cast("str | None", getattr(query, what))) is not None
    ]
    words += [("tag", (*loc, "tags", i), (tag,)) for i, tag in enumerate(query.tags or ())]
    words += [("tag", (*loc, "any_tag"), query.any_tag)] if query.any_tag else []
    for what, place, wanted in words:
        if v.is_mended(*place) or any(lock.has(what, word) for lock in asked for word in wanted):
            continue
        known = sorted(frozenset[str]().union(*(lock.words(what) for lock in asked)))
        where = (
            f"collection “{named[0]}”"
            if len(named) == 1
            else "these collections"
            if query.collections
            else "all"
        )
        yield warning(
            "not-in-catalog",
            f"no asset of {where} has the {what} “{'”, “'.join(wanted)}”",
            v.span(*place),
            help=next(filter(None, (did_you_mean(word, known) for word in wanted)), "")
            or (f"known: {_several(known)}" if known else f"none of them has a {what} at all"),
        )


def _several(words: list[str]) -> str:
    return ", ".join(words[:_NAMED]) + (", …" if len(words) > _NAMED else "")
