"""Airing: one go of a program, its chain made of physical and synthetic parts; pure.

Building an airing moves nothing: the cursors after it come with it and are taken over only when it is
scheduled. A virtual exists in here alone: what leaves is physical or synthetic.

Besides the rotations' own (rotation.py) there are these cursors, each named by a path and a word:

``<program> goes``      how often a program that others rerun has aired, and under ``<program> go N`` the
                        ids of what it aired then; the last ``REMEMBERED_GOES`` are kept
``<path> rerun``        the number of the go that a rerun aired last
``<program> manual``    ``date:n``: how many lines of that date have aired
``<virtual> picks``     ``first:next``: which ``<virtual> pick N`` (``minute:id``) are within ``no_repeat``
"""

from __future__ import annotations

from bisect import bisect_left
from collections import ChainMap
from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from datetime import date

from retrovue.compiler.findings import Findings
from retrovue.compiler.inputs import closure
from retrovue.compiler.model import SegmentKind
from retrovue.compiler.rotation import STATION_WIDE, Rotation, begin_number
from retrovue.compiler.shelf import Candidates, Shelf, query_key
from retrovue.diagnostics import Span
from retrovue.library.catalog import Asset
from retrovue.station.model import (
    ChainNode,
    CursorScope,
    GroupBy,
    PlayItem,
    PlayMode,
    Program,
    Query,
    StationModel,
    Synthetic,
    Virtual,
    VirtualRule,
)
from retrovue.units import MINUTE_US, SECOND_US

#: How deep programs may hold programs.
MAX_DEPTH = 16

#: One go of a synthetic within a chain when it names no duration of its own.
CHAIN_SYNTHETIC_US = 10 * SECOND_US

#: Goes of a premiere that its reruns can still air.
REMEMBERED_GOES = 200

#: Begins the paths of what all zones of a channel share; no plan's slug does.
CHANNEL_WIDE = "~"

#: How many more assets than it needs a rule with a total looks at…
_SPARE_PICKS = 12
#: …and how many combinations of them.
_COMBINATIONS = 4000

#: A cursor that is to be forgotten.
FORGOTTEN = ""


@dataclass(frozen=True, slots=True)
class Item:
    """One entry of a zone's ``play`` or ``at``."""

    program: str  #: slug of a program, a virtual or a synthetic
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
    cursors: Mapping[str, str]  #: those that it moves; an empty one is to be forgotten
    endless: bool = False  #: a synthetic that fills whatever it is given


def advance(cursors: dict[str, str], moves: Mapping[str, str]) -> None:
    """Take over what an airing moves."""
    for path, cursor in moves.items():
        if cursor == FORGOTTEN:
            cursors.pop(path, None)
        else:
            cursors[path] = cursor


@dataclass(frozen=True, slots=True)
class _How:
    """In which order the episodes of one chain are taken."""

    mode: PlayMode
    begin: str | None = None
    weights: Mapping[str, float] | None = None
    group_by: GroupBy = GroupBy.SERIES


@dataclass(slots=True)
class _Go:
    """One go in the making."""

    on: date
    now_us: int
    cursors: MutableMapping[str, str]
    parts: list[Part]
    given: list[Asset] | None = None  #: what the chain's episodes are, when not by rotation
    again: bool = False  #: a rerun: what is given is for the programs within the chain, too


class Assembler:
    """Makes airings for one channel."""

    def __init__(
        self,
        model: StationModel,
        shelf: Shelf,
        rotation: Rotation,
        findings: Findings,
        station_wide: str = STATION_WIDE,
    ) -> None:
        self._model = model
        self._shelf = shelf
        self._rotation = rotation
        self._findings = findings
        self._station_wide = station_wide  #: begins the paths of what the station's channels share
        self._shortest: dict[str, int] = {}
        self._places: dict[int, tuple[int, ...]] = {}
        self._premieres = {p.rerun_of for p in model.programs.values() if p.rerun_of is not None}

    def assemble(
        self, item: Item, path: str, cursors: Sequence[dict[str, str]], on: date, now_us: int
    ) -> Airing | None:
        """The next go of ``item`` on broadcast date ``on``; None when nothing of it can air (a warning
        says so, where it isn't meant).

        ``path`` names the zone; the cursors of its rotations begin with it. Of ``cursors`` the first that
        knows a path counts; none is changed.
        """
        synthetic = self._synthetic(item.program)
        if synthetic is not None:
            part = _synthetic_part(synthetic, synthetic.duration or 0)
            endless = not synthetic.duration
            return Airing(item, (part,), part.duration_us, None, {}, endless)
        if self.shortest_us(item) is None:
            return None
        moved: dict[str, str] = {}
        go = _Go(on, now_us, ChainMap(moved, *cursors), [])
        program = self._model.programs.get(item.program)
        if program is not None:
            mode = item.mode or program.mode
            suffix = f"?{item.mode.value}" if item.mode is not None and item.mode is not program.mode else ""
            made = self._program(program, mode, item.begin, self._where(program, path) + suffix, go, 0)
        else:
            virtual = self._model.virtuals[item.program]
            made = self._virtual(virtual, f"{path}/{virtual.virtual}", go, 0)
        if not made or not go.parts:
            return None
        main = next((part.asset for part in go.parts if part.main), None)
        duration = sum(part.duration_us for part in go.parts)
        return Airing(item, tuple(go.parts), duration, main, moved) if duration else None

    def shortest_us(self, item: Item) -> int | None:
        """The shortest that one go can be; None when it can't be made at all. 0: endless."""
        found = self._shortest.get(item.program)
        if found is None:
            synthetic = self._synthetic(item.program)
            if synthetic is not None:
                found = synthetic.duration or 0
            else:
                found = self._measure(item.program, item.span, 0)
            if found is not None:  # what can't be made is said again, on every day
                self._shortest[item.program] = found
        return found

    def mains(self, item: Item) -> Iterator[Asset]:
        """Every asset that a go of ``item`` may be about; some of them more than once."""
        for slug in closure(self._model, [item.program]):
            program, virtual = self._model.programs.get(slug), self._model.virtuals.get(slug)
            if virtual is not None and virtual.rule is not None:
                yield from self._shelf.select(virtual.rule.query).assets
            for node in program.chain if program else (virtual.sequence or ()) if virtual else ():
                if node.episodes is not None:
                    yield from self._shelf.select(node.episodes).assets
                elif node.asset is not None and (asset := self._shelf.asset(node.asset)) is not None:
                    yield asset

    def _synthetic(self, slug: str) -> Synthetic | None:
        if slug in self._model.programs or slug in self._model.virtuals:
            return None
        return self._model.synthetics.get(slug)

    def _where(self, program: Program, path: str) -> str:
        """The path of a program's rotations, by who shares them."""
        if program.cursor is CursorScope.CHANNEL:
            return f"{CHANNEL_WIDE}/{program.program}"
        if program.cursor is CursorScope.STATION:
            return f"{self._station_wide}/{program.program}"
        return f"{path}/{program.program}"

    def _shared(self, program: Program) -> str:
        """Where a program keeps what all zones of the channel know of it."""
        wide = program.cursor is CursorScope.STATION
        return f"{self._station_wide if wide else CHANNEL_WIDE}/{program.program}"

    # --- how short ---------------------------------------------------------------------------------

    def _measure(self, slug: str, span: Span | None, depth: int) -> int | None:
        program = self._model.programs.get(slug)
        virtual = self._model.virtuals.get(slug)
        if program is None and virtual is None:
            self._findings.warn("unknown-reference", slug, f"there is no program “{slug}”", span)
            return None
        if depth > MAX_DEPTH:
            place = program.place("chain") if program else virtual.place("sequence") if virtual else None
            self._findings.warn(
                "program-cycle",
                slug,
                f"program “{slug}” can't air: it holds itself, or {MAX_DEPTH} others do, each in the next",
                place,
                help="take steps out, until no chain is deeper",
            )
            return None
        if program is not None:
            return self._measure_chain(program.program, program, "chain", program.chain, depth)
        assert virtual is not None
        if virtual.rule is not None:
            return self._measure_rule(virtual, virtual.rule)
        return self._measure_chain(virtual.virtual, virtual, "sequence", virtual.sequence or (), depth)

    def _measure_chain(
        self, slug: str, owner: Program | Virtual, field: str, chain: Sequence[ChainNode], depth: int
    ) -> int | None:
        total = 0
        for index, node in enumerate(chain):
            length = self._measure_node(slug, owner.place(field, index), node, depth)
            if length is None:
                return None
            total += length
        return total or None

    def _measure_node(self, slug: str, span: Span | None, node: ChainNode, depth: int) -> int | None:
        inner = node.program or node.virtual
        if inner is not None:
            return self._measure(inner, span, depth + 1)
        if node.synthetic is not None:
            synthetic = self._model.synthetics.get(node.synthetic)
            return (synthetic.duration or CHAIN_SYNTHETIC_US) if synthetic else 0
        if node.asset is not None:
            asset = self._shelf.asset(node.asset)
            if asset is None:
                self._nothing(slug, span, f"“{node.asset}” is not ready and approved")
            return asset.duration_us if asset is not None else None
        candidates = self._candidates(node)
        if len(candidates):
            return candidates.shortest_us
        if node.episodes is None:
            return 0  # a bumper that isn't there is left out
        self._nothing(slug, span, "no ready and approved asset answers its query")
        return None

    def _measure_rule(self, virtual: Virtual, rule: VirtualRule) -> int | None:
        candidates = self._shelf.select(rule.query)
        if not len(candidates):
            self._nothing(
                virtual.virtual, virtual.place("rule"), "no ready and approved asset answers its query"
            )
            return None
        count = min(rule.count, len(candidates))
        shortest, longest = sum(candidates.lengths[:count]), sum(candidates.lengths[-count:])
        if shortest > (rule.max_total or shortest) or longest < (rule.min_total or 0):
            self._out_of_range(virtual)
            return None
        return max(shortest, rule.min_total or 0)

    def _nothing(self, slug: str, span: Span | None, why: str) -> None:
        self._findings.warn(
            "empty-program",
            slug,
            f"{'virtual' if slug in self._model.virtuals else 'program'} “{slug}” has nothing to air: {why}",
            span,
            help="check the query's words (retrovue check says which the catalog doesn't have), and that the "
            "media were ingested and approved",
        )

    def _candidates(self, node: ChainNode) -> Candidates:
        if node.episodes is not None:
            return self._shelf.select(node.episodes)
        if isinstance(node.bumper, Query):
            return self._shelf.select(node.bumper)
        return self._shelf.pool(node.bumper or "")

    # --- programs ----------------------------------------------------------------------------------

    def _program(
        self, program: Program, mode: PlayMode, begin: str | None, where: str, go: _Go, depth: int
    ) -> bool:
        """One go of ``program``; False when it has nothing to air now."""
        before = len(go.parts)
        outer = go.given, go.again
        if not go.again:
            go.given = None
            if program.rerun_of is not None:
                go.given, go.again = self._rerun(program.rerun_of, where, go), True
            elif mode is PlayMode.MANUAL:
                go.given = self._manual(program, go) or None
            if go.given is None and (go.again or mode is PlayMode.MANUAL):
                go.given, go.again = outer
                return False
        how = _How(mode, begin, program.weights, program.group_by)
        made = self._chain(program.chain, how, where, go, depth)
        go.given, go.again = outer
        mains = [part.asset.id for part in go.parts[before:] if part.main and part.asset is not None]
        if made and mains and program.program in self._premieres:
            self._remember(program, mains, go.cursors)
        return made

    def _remember(self, program: Program, mains: list[str], cursors: MutableMapping[str, str]) -> None:
        shared = self._shared(program)
        count = int(cursors.get(f"{shared} goes", "0")) + 1
        cursors[f"{shared} goes"] = str(count)
        cursors[f"{shared} go {count}"] = "\n".join(mains)
        if count > REMEMBERED_GOES:
            cursors[f"{shared} go {count - REMEMBERED_GOES}"] = FORGOTTEN

    def _rerun(self, premiere: str, where: str, go: _Go) -> list[Asset] | None:
        """What the premiere aired in the go after the one that was rerun last. Caught up, the latest
        again; None when it has aired nothing yet."""
        first = self._model.programs.get(premiere)
        if first is None:
            return None
        shared = self._shared(first)
        count = int(go.cursors.get(f"{shared} goes", "0"))
        wanted = int(go.cursors.get(f"{where} rerun", "0")) + 1
        wanted = max(wanted, count - REMEMBERED_GOES + 1)
        for number in [*range(wanted, count + 1), *range(min(wanted - 1, count), 0, -1)]:
            ids = go.cursors.get(f"{shared} go {number}", "")
            found = [self._shelf.asset(asset_id) for asset_id in ids.split("\n")] if ids else []
            assets = [asset for asset in found if asset is not None]
            if assets:
                go.cursors[f"{where} rerun"] = str(number)
                return assets
        return None

    def _manual(self, program: Program, go: _Go) -> list[Asset]:
        """The next line of today that can air, and one more for each further ``episodes``."""
        shared = f"{self._shared(program)} manual"
        day, _, number = go.cursors.get(shared, "").partition(":")
        done = int(number) if day == go.on.isoformat() else 0
        lines = [(i, airing) for i, airing in enumerate(program.airings) if airing.on == go.on]
        queries = [node.episodes for node in program.chain if node.episodes is not None]
        given: list[Asset] = []
        while len(given) < max(len(queries), 1) and done < len(lines):
            index, line = lines[done]
            done += 1
            asset = self._listed(line.asset, line.episode, line.title, queries)
            if asset is not None:
                given.append(asset)
                continue
            what = line.asset or line.episode or f"“{line.title}”"
            self._findings.warn(
                "manual-not-found",
                (program.program, index),
                f"program “{program.program}” can't air {what} on {line.on:%a %d %b %Y}: no ready and "
                "approved asset is called so",
                program.place("airings", index),
                help="check the name, and that the media were ingested and approved",
            )
        go.cursors[shared] = f"{go.on.isoformat()}:{done}"
        return given

    def unaired(self, program: Program, on: date, cursors: Sequence[dict[str, str]]) -> list[int]:
        """The lines of a ``manual`` program (their indexes) that could have aired on ``on`` and haven't."""
        day, _, number = ChainMap(*cursors).get(f"{self._shared(program)} manual", "").partition(":")
        done = int(number) if day == on.isoformat() else 0
        queries = [node.episodes for node in program.chain if node.episodes is not None]
        left = [(index, line) for index, line in enumerate(program.airings) if line.on == on][done:]
        return [i for i, line in left if self._listed(line.asset, line.episode, line.title, queries)]

    def _listed(
        self, asset_id: str | None, episode: str | None, title: str | None, queries: Sequence[Query]
    ) -> Asset | None:
        if asset_id is not None:
            return self._shelf.asset(asset_id)
        number = begin_number(episode)
        for query in queries:
            candidates = self._shelf.select(query)
            for asset in candidates.assets:
                if number is not None and (asset.season, asset.episode) == number:
                    return asset
                if title is not None and asset.title.casefold() == title.casefold():
                    return asset
        return None

    def _chain(self, chain: Sequence[ChainNode], how: _How, path: str, go: _Go, depth: int) -> bool:
        if depth > MAX_DEPTH:
            return False
        return all(self._node(chain, index, node, how, path, go, depth) for index, node in enumerate(chain))

    def _node(
        self,
        chain: Sequence[ChainNode],
        index: int,
        node: ChainNode,
        how: _How,
        path: str,
        go: _Go,
        depth: int,
    ) -> bool:
        if node.program is not None:
            inner = self._model.programs[node.program]
            where = self._where(inner, f"{path}/{self._place(chain, index)}")
            return self._program(inner, inner.mode, None, where, go, depth + 1)
        if node.virtual is not None:
            virtual = self._model.virtuals[node.virtual]
            return self._virtual(virtual, f"{path}/{self._place(chain, index)}/{node.virtual}", go, depth + 1)
        if node.synthetic is not None:
            synthetic = self._model.synthetics.get(node.synthetic)
            if synthetic is not None:
                go.parts.append(_synthetic_part(synthetic, synthetic.duration or CHAIN_SYNTHETIC_US))
            return True
        if node.asset is not None:
            fixed = self._shelf.asset(node.asset)
            if fixed is not None:
                go.parts.append(_episode(fixed))
                if go.given and go.given[0].id == fixed.id:
                    go.given.pop(0)
            return fixed is not None
        if node.episodes is not None and go.given is not None:
            if go.given:
                go.parts.append(_episode(go.given.pop(0)))
            return True
        candidates = self._candidates(node)
        if not len(candidates):
            return node.episodes is None
        where = f"{path}/{self._place(chain, index)}"
        if node.episodes is not None:
            asset, cursor = self._rotation.next(
                where, how.mode, candidates, go.cursors, how.begin, how.weights, how.group_by
            )
            go.parts.append(_episode(asset))
        else:
            pool = node.bumper if isinstance(node.bumper, str) else ""
            turn = self._model.pools[pool].mode if pool else PlayMode.SHUFFLE
            asset, cursor = self._rotation.next(where, turn, candidates, go.cursors)
            go.parts.append(Part(SegmentKind.BUMPER, asset.duration_us, asset, pool=pool))
        go.cursors[where] = cursor
        return True

    def _place(self, chain: Sequence[ChainNode], index: int) -> int:
        """Two nodes with the same query take turns in one rotation: the first one's place names it."""
        found = self._places.get(id(chain))
        if found is None:
            keys = [_node_key(node) for node in chain]
            found = self._places[id(chain)] = tuple(map(keys.index, keys))
        return found[index]

    # --- virtuals ----------------------------------------------------------------------------------

    def _virtual(self, virtual: Virtual, where: str, go: _Go, depth: int) -> bool:
        outer = go.given
        if not go.again:
            go.given = None
        if virtual.rule is None:
            made = self._chain(virtual.sequence or (), _How(PlayMode.SEQUENTIAL), where, go, depth)
        elif go.given is not None:
            taken, go.given[:] = go.given[: virtual.rule.count], go.given[virtual.rule.count :]
            go.parts += [_episode(asset) for asset in taken]
            made = True
        else:
            made = self._rule(virtual, virtual.rule, where, go)
        go.given = outer
        return made

    def _rule(self, virtual: Virtual, rule: VirtualRule, where: str, go: _Go) -> bool:
        candidates = self._shelf.select(rule.query)
        recent = self._recent(where, rule.no_repeat, go) if rule.no_repeat else {}
        drawn = self._draw(virtual, rule, where, candidates, recent, go.cursors)
        count = min(rule.count, len(candidates))
        chosen = _combination(
            [asset.duration_us for asset, _ in drawn], count, rule.min_total, rule.max_total
        )
        if chosen:
            picks = [drawn[index][0] for index in chosen]
            go.cursors[where] = drawn[max(chosen)][1]
        else:
            picks = _by_length(candidates, count, rule.min_total, rule.max_total)
            if not picks:
                self._out_of_range(virtual)
                return False
            go.cursors[where] = drawn[-1][1]  # move on, so that the next go begins elsewhere
        go.parts += [_episode(asset) for asset in picks]
        if rule.no_repeat:
            first, _, following = go.cursors.get(f"{where} picks", "0:0").partition(":")
            number = int(following)
            for asset in picks:
                go.cursors[f"{where} pick {number}"] = f"{go.now_us // MINUTE_US}:{asset.id}"
                number += 1
            go.cursors[f"{where} picks"] = f"{first}:{number}"
        return True

    def _recent(self, where: str, window_us: int, go: _Go) -> dict[str, int]:
        """Asset id → when it aired last, within the window; older picks are forgotten."""
        first, _, following = go.cursors.get(f"{where} picks", "0:0").partition(":")
        begin, end = int(first), int(following)
        oldest = (go.now_us - window_us) // MINUTE_US
        found: dict[str, int] = {}
        for number in range(begin, end):
            minute, _, asset_id = go.cursors.get(f"{where} pick {number}", "0:").partition(":")
            if int(minute) <= oldest:
                go.cursors[f"{where} pick {number}"] = FORGOTTEN
                begin = number + 1
            else:
                found[asset_id] = int(minute)
        go.cursors[f"{where} picks"] = f"{begin}:{end}"
        return found

    def _draw(
        self,
        virtual: Virtual,
        rule: VirtualRule,
        where: str,
        candidates: Candidates,
        recent: Mapping[str, int],
        cursors: Mapping[str, str],
    ) -> list[tuple[Asset, str]]:
        """The next assets in the rule's order, none twice and none recent, each with the cursor after it.

        As many as the rule takes, and some more where their total matters. When too few are left that
        aren't recent, those follow that aired longest ago (a warning says so).
        """
        count = min(rule.count, len(candidates))
        ranged = rule.min_total is not None or rule.max_total is not None
        wanted = min(count + (_SPARE_PICKS if ranged else 0), len(candidates))
        mode = PlayMode(rule.order.value)
        cursor = {where: cursors.get(where, "")}
        drawn: dict[str, tuple[Asset, str]] = {}
        for _ in range(3 * wanted + 2 * len(recent) + 8):
            asset, cursor[where] = self._rotation.next(
                where, mode, candidates, cursor, weights=rule.weights or None
            )
            if asset.id not in recent and asset.id not in drawn:
                drawn[asset.id] = (asset, cursor[where])
            if len(drawn) == wanted:
                return list(drawn.values())
        for asset in candidates.assets:  # chance has been unlucky: who is left, in order
            if len(drawn) >= count:
                return list(drawn.values())
            if asset.id not in recent:
                drawn.setdefault(asset.id, (asset, cursor[where]))
        if len(drawn) < count:
            self._findings.warn(
                "no-repeat-relaxed",
                virtual.virtual,
                f"virtual “{virtual.virtual}” airs what it aired within no_repeat: too few assets answer its "
                "query",
                virtual.place("rule", "no_repeat"),
                help="widen the query, shorten no_repeat, or air the virtual less often",
            )
            for asset_id in sorted(recent, key=lambda known: (recent[known], known)):
                at = candidates.position.get(asset_id)
                if at is not None and len(drawn) < count:
                    drawn.setdefault(asset_id, (candidates.assets[at], cursor[where]))
        return list(drawn.values())

    def _out_of_range(self, virtual: Virtual) -> None:
        self._findings.warn(
            "virtual-out-of-range",
            virtual.virtual,
            f"virtual “{virtual.virtual}” has nothing to air: no choice of its assets lasts as long as "
            "min_total and max_total ask",
            virtual.place("rule"),
            help="give the totals more room, or choose by min_duration and max_duration in the query",
        )


def _combination(lengths: Sequence[int], count: int, least: int | None, most: int | None) -> tuple[int, ...]:
    """Indices of the first ``count`` lengths, in order, whose sum is in the range; none: empty."""
    low, high = least or 0, most if most is not None else sum(lengths)
    if len(lengths) < count:
        return ()
    tried = 0
    chosen: list[int] = []

    def search(start: int, total: int) -> bool:
        nonlocal tried
        if len(chosen) == count:
            return low <= total <= high
        for index in range(start, len(lengths) - (count - len(chosen)) + 1):
            tried += 1
            if tried > _COMBINATIONS:
                return False
            if total + lengths[index] > high:
                continue
            chosen.append(index)
            if search(index + 1, total + lengths[index]):
                return True
            chosen.pop()
        return False

    return tuple(chosen) if search(0, 0) else ()


def _by_length(candidates: Candidates, count: int, least: int | None, most: int | None) -> list[Asset]:
    """The shortest neighbours by length whose total is long enough, if it is not too long."""
    lengths = candidates.lengths

    def total(at: int) -> int:
        return sum(lengths[at : at + count])

    at = bisect_left(range(len(lengths) - count + 1), least or 0, key=total)
    if at > len(lengths) - count or (most is not None and total(at) > most):
        return []
    return list(candidates.by_length[at : at + count])


def _episode(asset: Asset) -> Part:
    return Part(SegmentKind.PROGRAM, asset.duration_us, asset, main=True)


def _synthetic_part(synthetic: Synthetic, duration_us: int) -> Part:
    return Part(SegmentKind(synthetic.shows.value), duration_us, synthetic=synthetic.synthetic)


def _node_key(node: ChainNode) -> tuple[object, ...]:
    episodes = query_key(node.episodes) if node.episodes is not None else None
    bumper = query_key(node.bumper) if isinstance(node.bumper, Query) else node.bumper
    return episodes, bumper, node.program, node.virtual, node.asset, node.synthetic
