"""The shelf: eligible assets by query, in the order of their numbers; pure.

A query is answered once per compile, from an index by collection, so its cost doesn't grow with how
often a program comes up.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Mapping

from retrovue.library.catalog import Asset, Catalog
from retrovue.station.model import Pool, Query

_DIGITS = re.compile(r"(\d+)")

#: Sorts what bears no number behind what does.
_UNNUMBERED = 1 << 30

SortKey = tuple[str, int, int, str, tuple[str | int, ...]]


def natural(text: str) -> tuple[str | int, ...]:
    """Sort key in which "cartoon 10" follows "cartoon 9". Digits sit at odd places, so types agree."""
    return tuple(int(part) if i % 2 else part.casefold() for i, part in enumerate(_DIGITS.split(text)))


def sort_key(asset: Asset) -> SortKey:
    """Series, season, episode, air date, then the id: the order of ``sequential``."""
    return (
        asset.series.casefold(),
        _UNNUMBERED if asset.season is None else asset.season,
        _UNNUMBERED if asset.episode is None else asset.episode,
        asset.date,
        natural(asset.id),
    )


class Candidates:
    """The assets that answer one query, in order."""

    __slots__ = ("assets", "by_length", "lengths", "position", "sort_keys")

    def __init__(self, assets: list[Asset]) -> None:
        keyed = sorted(((sort_key(asset), asset) for asset in assets), key=lambda pair: pair[0])
        self.assets: tuple[Asset, ...] = tuple(asset for _, asset in keyed)
        self.sort_keys: list[SortKey] = [key for key, _ in keyed]
        self.position: Mapping[str, int] = {asset.id: i for i, asset in enumerate(self.assets)}
        self.by_length: tuple[Asset, ...] = tuple(sorted(self.assets, key=lambda a: (a.duration_us, a.id)))
        self.lengths: list[int] = [asset.duration_us for asset in self.by_length]

    def __len__(self) -> int:
        return len(self.assets)

    @property
    def shortest_us(self) -> int:
        return self.lengths[0] if self.lengths else 0

    def after(self, asset_id: str, catalog: Catalog) -> int:
        """Index of what follows ``asset_id``, which may have been retired or be gone altogether."""
        at = self.position.get(asset_id)
        if at is not None:
            return at + 1
        gone = catalog.assets.get(asset_id)
        if gone is not None:
            return bisect_right(self.sort_keys, sort_key(gone))
        missing = natural(asset_id)
        return next((i for i, key in enumerate(self.sort_keys) if key[-1] > missing), 0)

    def number(self, season: int, episode: int) -> int:
        """Index of the first asset not before this season and episode; 0 when all are."""
        wanted = (season, episode)
        return next((i for i, key in enumerate(self.sort_keys) if key[1:3] >= wanted), 0)


class Shelf:
    """Answers queries from the catalog."""

    def __init__(self, catalog: Catalog, pools: Mapping[str, Pool]) -> None:
        self.catalog = catalog
        self._pools = pools
        self._by_collection: dict[str, list[Asset]] = {}
        for asset in catalog.assets.values():
            if asset.eligible:
                self._by_collection.setdefault(asset.collection, []).append(asset)
        self._answers: dict[tuple[object, ...], Candidates] = {}

    def select(self, query: Query) -> Candidates:
        """The eligible assets that answer ``query``."""
        key = query_key(query)
        found = self._answers.get(key)
        if found is None:
            found = self._answers[key] = Candidates([a for a in self._scope(query) if _matches(a, query)])
        return found

    def pool(self, slug: str) -> Candidates:
        """The spots of a pool; none when there is no such pool."""
        pool = self._pools.get(slug)
        return self.select(pool.spots) if pool else Candidates([])

    def _scope(self, query: Query) -> list[Asset]:
        if query.asset is not None:
            asset = self.catalog.assets.get(query.asset)
            return [asset] if asset is not None and asset.eligible else []
        if query.collection is not None:
            return self._by_collection.get(query.collection, [])
        return [asset for assets in self._by_collection.values() for asset in assets]


def query_key(query: Query) -> tuple[object, ...]:
    """What makes two queries the same."""
    return (
        query.collection,
        query.series,
        query.season,
        query.title,
        query.tag,
        query.asset,
        query.min_duration,
        query.max_duration,
    )


def _matches(asset: Asset, query: Query) -> bool:
    return (
        (query.collection is None or asset.collection == query.collection)
        and (query.series is None or asset.series.casefold() == query.series.casefold())
        and (query.season is None or asset.season == query.season)
        and (query.title is None or asset.title.casefold() == query.title.casefold())
        and (query.tag is None or query.tag in asset.tags)
        and (query.min_duration is None or asset.duration_us >= query.min_duration)
        and (query.max_duration is None or asset.duration_us <= query.max_duration)
    )
