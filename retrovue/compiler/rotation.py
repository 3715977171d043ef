"""Rotation: which asset is next; pure.

Every rotation has a cursor of its own, named by the path of its node (plan, zone, program, place in the
chain), so that an edit in one zone leaves the picks of all others alone. A cursor holds the *id* of what
aired last, not an index: an episode inserted later neither skips nor repeats another. Chance is a hash
of (seed, channel, path, cycle), never of process state.

============= =================== ======================================================================
mode          cursor              next
============= =================== ======================================================================
sequential    ``id``              the asset that follows ``id`` in order of season and episode
chronological ``id``              the asset that follows ``id`` in order of first air date
shuffle       ``cycle:id``        the asset that follows ``id`` in this cycle's bag: every asset once, in
                                  the order of ``sha256(seed, channel, path, cycle, asset)``
random        ``count:id``        any asset but ``id``, by ``Random(sha256(seed, channel, path, count))``
weighted      ``count:id``        the same, an asset of weight 3 three times as often as one of weight 1
marathon      ``cycle:group:id``  the asset that follows ``id`` in its group by season and episode; after
                                  the last, the first of the group that follows in this cycle's bag of
                                  groups
============= =================== ======================================================================

``manual`` has no rotation: its airings are written down (airing.py).
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Collection, Mapping
from hashlib import sha256
from itertools import accumulate
from random import Random
from urllib.parse import quote, unquote

from retrovue.compiler.shelf import Candidates, Order, sort_key
from retrovue.library.catalog import Asset, Catalog, director
from retrovue.station.model import GroupBy, PlayMode

_FROM = re.compile(r"S(\d+)E(\d+)")

#: Begins the path of a rotation that every channel of the station shares.
STATION_WIDE = "@"

#: Weights are compared as whole millionths, so that no machine rounds them differently.
_WEIGHT_UNIT = 1_000_000


def seed_of(*parts: str | int) -> int:
    """A 256-bit seed that depends on every part and on nothing else."""
    return int.from_bytes(sha256("\x1f".join(map(str, parts)).encode()).digest())


def begin_number(text: str | None) -> tuple[int, int] | None:
    """Season and episode of "S02E01"."""
    match = _FROM.fullmatch(text or "")
    return (int(match[1]), int(match[2])) if match else None


def share_by(weights: Mapping[str, float]) -> Callable[[Asset], int]:
    """How much of the chance is an asset's, by what ``weights`` say of its series and its tags; 0: none."""
    by_series = {name.casefold(): weight for name, weight in weights.items()}

    def share(asset: Asset) -> int:
        product = by_series.get(asset.series.casefold(), 1.0) if asset.series else 1.0
        for tag in dict.fromkeys(asset.tags):
            product *= weights.get(tag, 1.0)
        return round(product * _WEIGHT_UNIT)

    return share


class Rotation:
    """The rotations of one channel of one station."""

    def __init__(self, seed: int, channel: str, catalog: Catalog) -> None:
        self._seed = seed
        self._channel = channel
        self._catalog = catalog
        self._bags: dict[str, tuple[int, int, list[str], dict[str, int]]] = {}
        self._shares: dict[tuple[int, tuple[tuple[str, float], ...]], list[int]] = {}
        self._groups: dict[tuple[int, GroupBy], dict[str, Order]] = {}

    def next(
        self,
        path: str,
        mode: PlayMode,
        candidates: Candidates,
        cursors: Mapping[str, str],
        begin: str | None = None,
        weights: Mapping[str, float] | None = None,
        group_by: GroupBy = GroupBy.SERIES,
    ) -> tuple[Asset, str]:
        """The next asset and the cursor after it. ``candidates`` must hold at least one.

        ``begin`` ("S02E01") says where a sequential or chronological rotation without a cursor starts.
        """
        cursor = cursors.get(path, "")
        if mode in (PlayMode.SEQUENTIAL, PlayMode.CHRONOLOGICAL):
            asset = self._in_order(mode, candidates, cursor, begin)
            return asset, asset.id
        number, _, last = cursor.partition(":")
        if mode in (PlayMode.RANDOM, PlayMode.WEIGHTED):
            count = int(number) + 1 if number.isdecimal() else 0
            if mode is PlayMode.WEIGHTED and weights:
                asset = self._weighted(path, count, candidates, weights, last)
            else:
                asset = self._any(path, count, candidates, last)
            return asset, f"{count}:{asset.id}"
        cycle = int(number) if number.isdecimal() else 0
        if mode is PlayMode.MARATHON:
            return self._marathon(path, cycle, candidates, group_by, last)
        key, cycle = self._from_bag(path, cycle, candidates.position, id(candidates), last)
        return candidates.assets[candidates.position[key]], f"{cycle}:{key}"

    def _in_order(self, mode: PlayMode, candidates: Candidates, cursor: str, begin: str | None) -> Asset:
        order: Order = candidates if mode is PlayMode.SEQUENTIAL else candidates.by_date
        if cursor:
            index = order.after(cursor, self._catalog)
        elif number := begin_number(begin):
            first = candidates.assets[candidates.number(*number)]
            index = order.position[first.id]
        else:
            index = 0
        return order.assets[index % len(order)]

    # --- by chance -----------------------------------------------------------------------------------

    def _any(self, path: str, count: int, candidates: Candidates, last: str) -> Asset:
        chance = Random(seed_of(self._seed, self._owner(path), path, count)).random()
        barred = candidates.position.get(last) if len(candidates) > 1 else None
        index = int(chance * (len(candidates) - (barred is not None)))
        if barred is not None and index >= barred:
            index += 1
        return candidates.assets[index]

    def _weighted(
        self, path: str, count: int, candidates: Candidates, weights: Mapping[str, float], last: str
    ) -> Asset:
        ends = self._ends(candidates, weights)
        total = ends[-1]
        if not total:  # nothing may air but what weighs nothing
            return self._any(path, count, candidates, last)
        barred = candidates.position.get(last)
        start = width = 0
        if barred is not None:
            start = ends[barred - 1] if barred else 0
            width = ends[barred] - start
            if width == total:
                return candidates.assets[barred]
        point = seed_of(self._seed, self._owner(path), path, count) % (total - width)
        if width and point >= start:
            point += width
        return candidates.assets[bisect_right(ends, point)]

    def _ends(self, candidates: Candidates, weights: Mapping[str, float]) -> list[int]:
        """Where each asset's share of the whole ends; made once a query."""
        key = (id(candidates), tuple(sorted(weights.items())))
        found = self._shares.get(key)
        if found is None:
            found = self._shares[key] = list(accumulate(map(share_by(weights), candidates.assets)))
        return found

    # --- by bags -------------------------------------------------------------------------------------

    def _owner(self, path: str) -> str:
        return "" if path.startswith(STATION_WIDE) else self._channel

    def _order(self, path: str, cycle: int, key: str) -> bytes:
        text = f"{self._seed}\x1f{self._owner(path)}\x1f{path}\x1f{cycle}\x1f{key}"
        return sha256(text.encode()).digest()

    def _from_bag(
        self, path: str, cycle: int, keys: Collection[str], version: int, last: str
    ) -> tuple[str, int]:
        """What follows ``last`` in this cycle's bag of ``keys``, or what opens the next; its cycle."""
        bag, places = self._bag(path, cycle, keys, version)
        index = 0
        if last:
            at = places.get(last)
            index = at + 1 if at is not None else self._place_of_missing(path, cycle, bag, last)
        if index >= len(bag):
            cycle, index = cycle + 1, 0
            bag, _ = self._bag(path, cycle, keys, version)
        return bag[index], cycle

    def _bag(
        self, path: str, cycle: int, keys: Collection[str], version: int
    ) -> tuple[list[str], dict[str, int]]:
        kept = self._bags.get(path)
        if kept is None or kept[0] != cycle or kept[1] != version:
            bag = sorted(keys, key=lambda key: self._order(path, cycle, key))
            if cycle and len(bag) > 2:
                # What closed the last bag shall not open this one. Only the first two change places,
                # so the end of this bag, which the next one looks at, stays what the hash says.
                last = max(keys, key=lambda key: self._order(path, cycle - 1, key))
                if bag[0] == last:
                    bag[0], bag[1] = bag[1], bag[0]
            places = {key: index for index, key in enumerate(bag)}
            kept = self._bags[path] = (cycle, version, bag, places)
        return kept[2], kept[3]

    def _place_of_missing(self, path: str, cycle: int, bag: list[str], key: str) -> int:
        """Where a bag goes on after what is no longer in it: its hash still has a place."""
        missing = self._order(path, cycle, key)
        return sum(self._order(path, cycle, other) <= missing for other in bag)

    # --- marathons -----------------------------------------------------------------------------------

    def _marathon(
        self, path: str, cycle: int, candidates: Candidates, group_by: GroupBy, last: str
    ) -> tuple[Asset, str]:
        groups = self._groups_of(candidates, group_by)
        written, _, asset_id = last.partition(":")
        group = "=" + unquote(written)
        if asset_id and group in groups:
            members = groups[group]
            index = members.after(asset_id, self._catalog)
            if index < len(members) and (index or asset_id in self._catalog.assets):
                asset = members.assets[index]
                return asset, f"{cycle}:{written}:{asset.id}"
        key, cycle = self._from_bag(path, cycle, groups, id(candidates), group if asset_id else "")
        asset = groups[key].assets[0]
        return asset, f"{cycle}:{quote(key[1:], safe='')}:{asset.id}"

    def _groups_of(self, candidates: Candidates, group_by: GroupBy) -> dict[str, Order]:
        """The members by group, "=" before its name: a group without one isn't mistaken for "none yet"."""
        key = (id(candidates), group_by)
        found = self._groups.get(key)
        if found is None:
            members: dict[str, list[Asset]] = {}
            for asset in candidates.assets:
                members.setdefault("=" + group_of(asset, group_by), []).append(asset)
            found = self._groups[key] = {name: Order(own, sort_key) for name, own in sorted(members.items())}
        return found


def group_of(asset: Asset, group_by: GroupBy) -> str:
    """What keeps ``asset`` together with others in a marathon."""
    if group_by is GroupBy.SERIES:
        return asset.series
    if group_by is GroupBy.SEASON:
        return f"{asset.series} {asset.season}" if asset.season is not None else asset.series
    if group_by is GroupBy.DIRECTOR:
        return director(asset)
    return asset.tags[0] if asset.tags else ""
