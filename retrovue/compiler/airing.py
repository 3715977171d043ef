"""Airing: one go of a program, its chain made of physical and synthetic parts; pure.

Building an airing moves nothing: the cursors after it come with it and are taken over only when it is
scheduled.
"""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass

from retrovue.compiler.findings import Findings
from retrovue.compiler.model import SegmentKind
from retrovue.compiler.rotation import Rotation
from retrovue.compiler.shelf import Candidates, Shelf, query_key
from retrovue.diagnostics import Span
from retrovue.library.catalog import Asset
from retrovue.station.model import (
    ChainNode,
    PlayItem,
    PlayMode,
    Program,
    Query,
    StationModel,
    Synthetic,
)
from retrovue.units import SECOND_US

#: How deep programs may hold programs; a deeper chain is taken for a circle.
MAX_DEPTH = 16

#: One go of a synthetic within a chain when it names no duration of its own.
CHAIN_SYNTHETIC_US = 10 * SECOND_US


@dataclass(frozen=True, slots=True)
class Item:
    """One entry of a zone's ``play`` or ``at``."""

    program: str
    mode: PlayMode | None = None
    begin: str | None = None  #: "S02E01"
    span: Span | None = None

    @classmethod
    def of(cls, written: str | PlayItem, span: Span | None) -> Item:
        if isinstance(written, str):
            return cls(written, span=span)
        return cls(written.program, written.mode, written.from_, span)


@dataclass(frozen=True, slots=True)
class Part:
    """One piece of an airing."""

    kind: SegmentKind
    duration_us: int
    asset: Asset | None = None
    synthetic: str = ""
    pool: str = ""
    main: bool = False  #: an episode: breaks may fall in it


@dataclass(frozen=True, slots=True)
class Airing:
    """One go of ``item``: what airs, how long it is without breaks, and the cursors after it."""

    item: Item
    parts: tuple[Part, ...]
    duration_us: int  #: 0 for an endless one
    main: Asset | None
    cursors: Mapping[str, str]
    endless: bool = False  #: a synthetic that fills whatever it is given


class Assembler:
    """Makes airings for one channel."""

    def __init__(self, model: StationModel, shelf: Shelf, rotation: Rotation, findings: Findings) -> None:
        self._model = model
        self._shelf = shelf
        self._rotation = rotation
        self._findings = findings
        self._shortest: dict[str, int | None] = {}

    def assemble(self, item: Item, path: str, cursors: dict[str, str]) -> Airing | None:
        """The next go of ``item``; None when nothing of it can air (a warning says so).

        ``path`` names the zone; the cursors of its rotations begin with it.
        """
        synthetic = self._synthetic(item.program)
        if synthetic is not None:
            part = _synthetic_part(synthetic, synthetic.duration or 0)
            endless = not synthetic.duration
            return Airing(item, (part,), part.duration_us, None, {}, endless)
        program = self._model.programs.get(item.program)
        if program is None or self.shortest_us(item) is None:
            return None
        mode = item.mode or program.mode
        suffix = f"?{item.mode.value}" if item.mode is not None and item.mode is not program.mode else ""
        moved: dict[str, str] = {}
        parts: list[Part] = []
        where = f"{path}/{program.program}{suffix}"
        self._chain(program, mode, item.begin, where, ChainMap(moved, cursors), parts)
        main = next((part.asset for part in parts if part.main), None)
        return Airing(item, tuple(parts), sum(part.duration_us for part in parts), main, moved)

    def shortest_us(self, item: Item) -> int | None:
        """The shortest that one go can be; None when it can't be made at all. 0: endless."""
        if item.program not in self._shortest:
            synthetic = self._synthetic(item.program)
            if synthetic is not None:
                self._shortest[item.program] = synthetic.duration or 0
            else:
                self._shortest[item.program] = self._measure(item.program, item.span, 0)
        return self._shortest[item.program]

    def _synthetic(self, slug: str) -> Synthetic | None:
        return None if slug in self._model.programs else self._model.synthetics.get(slug)

    def _measure(self, slug: str, span: Span | None, depth: int) -> int | None:
        program = self._model.programs.get(slug)
        if program is None:
            self._findings.warn("unknown-reference", slug, f"there is no program “{slug}”", span, always=True)
            return None
        if depth > MAX_DEPTH:
            self._findings.warn(
                "program-cycle", slug, f"program “{slug}” holds itself", program.place("chain"), always=True
            )
            return None
        total = 0
        for index, node in enumerate(program.chain):
            length = self._measure_node(program, index, node, depth)
            if length is None:
                return None
            total += length
        return total or None

    def _measure_node(self, program: Program, index: int, node: ChainNode, depth: int) -> int | None:
        if node.program is not None:
            return self._measure(node.program, program.place("chain", index), depth + 1)
        if node.synthetic is not None:
            synthetic = self._model.synthetics.get(node.synthetic)
            return (synthetic.duration or CHAIN_SYNTHETIC_US) if synthetic else 0
        candidates = self._candidates(node)
        if len(candidates):
            return candidates.shortest_us
        if node.episodes is None:
            return 0  # a bumper that isn't there is left out
        self._findings.warn(
            "empty-program",
            program.program,
            f"program “{program.program}” has nothing to air: no ready and approved asset answers its query",
            program.place("chain", index),
            help="check the query's words, and that the media were ingested and approved",
            always=True,
        )
        return None

    def _candidates(self, node: ChainNode) -> Candidates:
        if node.episodes is not None:
            return self._shelf.select(node.episodes)
        if isinstance(node.bumper, Query):
            return self._shelf.select(node.bumper)
        return self._shelf.pool(node.bumper or "")

    def _chain(
        self,
        program: Program,
        mode: PlayMode,
        begin: str | None,
        path: str,
        cursors: MutableMapping[str, str],
        parts: list[Part],
    ) -> None:
        for index, node in enumerate(program.chain):
            if node.program is not None:
                inner = self._model.programs[node.program]
                where = f"{path}/{_same_node(program, index)}/{inner.program}"
                self._chain(inner, inner.mode, None, where, cursors, parts)
            elif node.synthetic is not None:
                synthetic = self._model.synthetics.get(node.synthetic)
                if synthetic is not None:
                    parts.append(_synthetic_part(synthetic, synthetic.duration or CHAIN_SYNTHETIC_US))
            else:
                candidates = self._candidates(node)
                if not len(candidates):
                    continue
                where = f"{path}/{_same_node(program, index)}"
                main = node.episodes is not None
                pool = node.bumper if isinstance(node.bumper, str) else ""
                turn = mode
                if not main:
                    turn = self._model.pools[pool].mode if pool else PlayMode.SHUFFLE
                asset, cursor = self._rotation.next(where, turn, candidates, cursors, begin if main else None)
                cursors[where] = cursor
                kind = SegmentKind.PROGRAM if main else SegmentKind.BUMPER
                parts.append(Part(kind, asset.duration_us, asset, pool=pool, main=main))


def _synthetic_part(synthetic: Synthetic, duration_us: int) -> Part:
    return Part(SegmentKind(synthetic.shows.value), duration_us, synthetic=synthetic.synthetic)


def _same_node(program: Program, index: int) -> int:
    """Two nodes with the same query take turns in one rotation: the first one's place names it."""
    node = program.chain[index]
    for first, other in enumerate(program.chain[:index]):
        if node.program is not None:
            if other.program == node.program:
                return first
        elif node.episodes is not None:
            if other.episodes is not None and query_key(other.episodes) == query_key(node.episodes):
                return first
        elif isinstance(node.bumper, str):
            if other.bumper == node.bumper:
                return first
        elif (
            isinstance(node.bumper, Query)
            and isinstance(other.bumper, Query)
            and query_key(other.bumper) == query_key(node.bumper)
        ):
            return first
    return index
