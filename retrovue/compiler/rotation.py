"""Rotation: which asset is next; pure.

Every rotation has a cursor of its own, named by the path of its node (plan, zone, program, place in the
chain), so that an edit in one zone leaves the picks of all others alone. A cursor holds the *id* of what
aired last, not an index: an episode inserted later neither skips nor repeats another. Chance is a hash
of (seed, channel, path, cycle), never of process state.

=========== ================= ==========================================================================
mode        cursor            next
=========== ================= ==========================================================================
sequential  ``id``            the asset that follows ``id`` in order of season and episode
shuffle     ``cycle:id``      the asset that follows ``id`` in this cycle's bag: every asset once, in the
                              order of ``sha256(seed, channel, path, cycle, asset)``
random      ``count:id``      any asset but ``id``, by ``Random(sha256(seed, channel, path, count))``
=========== ================= ==========================================================================
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from hashlib import sha256
from random import Random

from retrovue.compiler.shelf import Candidates
from retrovue.library.catalog import Asset, Catalog
from retrovue.station.model import PlayMode

_FROM = re.compile(r"S(\d+)E(\d+)")


def seed_of(*parts: str | int) -> int:
    """A 256-bit seed that depends on every part and on nothing else."""
    return int.from_bytes(sha256("\x1f".join(map(str, parts)).encode()).digest())


class Rotation:
    """The rotations of one channel of one station."""

    def __init__(self, seed: int, channel: str, catalog: Catalog) -> None:
        self._seed = seed
        self._channel = channel
        self._catalog = catalog
        self._bags: dict[str, tuple[int, int, list[Asset], dict[str, int]]] = {}

    def next(
        self,
        path: str,
        mode: PlayMode,
        candidates: Candidates,
        cursors: Mapping[str, str],
        begin: str | None = None,
    ) -> tuple[Asset, str]:
        """The next asset and the cursor after it. ``candidates`` must hold at least one.

        ``begin`` ("S02E01") says where a sequential rotation without a cursor starts.
        """
        cursor = cursors.get(path, "")
        if mode is PlayMode.SEQUENTIAL:
            if cursor:
                index = candidates.after(cursor, self._catalog)
            else:
                match = _FROM.fullmatch(begin or "")
                index = candidates.number(int(match[1]), int(match[2])) if match else 0
            asset = candidates.assets[index % len(candidates)]
            return asset, asset.id
        number, _, last = cursor.partition(":")
        if mode is PlayMode.RANDOM:
            count = int(number) + 1 if number.isdecimal() else 0
            asset = self._any(path, count, candidates, last)
            return asset, f"{count}:{asset.id}"
        cycle = int(number) if number.isdecimal() else 0
        bag, places = self._bag(path, cycle, candidates)
        index = 0
        if last:
            at = places.get(last)
            index = at + 1 if at is not None else self._place_of_missing(path, cycle, bag, last)
        if index >= len(bag):
            cycle, index = cycle + 1, 0
            bag, _ = self._bag(path, cycle, candidates)
        return bag[index], f"{cycle}:{bag[index].id}"

    def _any(self, path: str, count: int, candidates: Candidates, last: str) -> Asset:
        chance = Random(seed_of(self._seed, self._channel, path, count)).random()
        barred = candidates.position.get(last) if len(candidates) > 1 else None
        index = int(chance * (len(candidates) - (barred is not None)))
        if barred is not None and index >= barred:
            index += 1
        return candidates.assets[index]

    def _order(self, path: str, cycle: int, asset_id: str) -> bytes:
        text = f"{self._seed}\x1f{self._channel}\x1f{path}\x1f{cycle}\x1f{asset_id}"
        return sha256(text.encode()).digest()

    def _bag(self, path: str, cycle: int, candidates: Candidates) -> tuple[list[Asset], dict[str, int]]:
        kept = self._bags.get(path)
        if kept is None or kept[0] != cycle or kept[1] != id(candidates):
            bag = sorted(candidates.assets, key=lambda asset: self._order(path, cycle, asset.id))
            if cycle and len(bag) > 2:
                # What closed the last bag shall not open this one. Only the first two change places,
                # so the end of this bag, which the next one looks at, stays what the hash says.
                last = max(candidates.assets, key=lambda asset: self._order(path, cycle - 1, asset.id))
                if bag[0] is last:
                    bag[0], bag[1] = bag[1], bag[0]
            places = {asset.id: index for index, asset in enumerate(bag)}
            kept = self._bags[path] = (cycle, id(candidates), bag, places)
        return kept[2], kept[3]

    def _place_of_missing(self, path: str, cycle: int, bag: list[Asset], asset_id: str) -> int:
        """Where a bag goes on after an asset that is no longer in it: its hash still has a place."""
        missing = self._order(path, cycle, asset_id)
        return sum(self._order(path, cycle, asset.id) <= missing for asset in bag)
