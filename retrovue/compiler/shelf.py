"""The shelf: eligible assets by query, in the order of their numbers; pure.

A query is answered once per compile, from the shortest of the indexes that its words name (collection,
series, title, tag, genre), so its cost grows neither with the catalog nor with how often a program
comes up. What follows an asset, or fits a length, is found by bisection.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from retrovue.library.catalog import Asked, Asset, Catalog, genres
from retrovue.station.model import Pool, Query

_DIGITS = re.compile(r"(\d+)")

#: Sorts what bears no number, or no date, behind what does.
_UNNUMBERED = 1 << 30
_UNDATED = "~"

SortKey = tuple[Any, ...]


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


def air_date_key(asset: Asset) -> SortKey:
    """First air date (the year alone counts as its beginning), then as ``sort_key``."""
    dated = asset.date or (f"{asset.year:04}" if asset.year is not None else _UNDATED)
    return (dated, *sort_key(asset))


class Order:
    """Assets in one order, with the places of all."""

    __slots__ = ("assets", "key", "keys", "position")

    def __init__(self, assets: Iterable[Asset], key: Callable[[Asset], SortKey]) -> None:
        keyed = sorted(((key(asset), asset) for asset in assets), key=lambda pair: pair[0])
        self.key = key
        self.assets: tuple[Asset, ...] = tuple(asset for _, asset in keyed)
        self.keys: list[SortKey] = [made for made, _ in keyed]
        self.position: Mapping[str, int] = {asset.id: i for i, asset in enumerate(self.assets)}

    def __len__(self) -> int:
        return len(self.assets)

    def after(self, asset_id: str, catalog: Catalog) -> int:
        """Index of what follows ``asset_id``, which may have been retired or be gone altogether."""
        at = self.position.get(asset_id)
        if at is not None:
            return at + 1
        gone = catalog.assets.get(asset_id)
        if gone is not None:
            return bisect_right(self.keys, self.key(gone))
        missing = natural(asset_id)
        return next((i for i, key in enumerate(self.keys) if key[-1] > missing), 0)


class Candidates(Order):
    """The assets that answer one query, in order of their numbers."""

    __slots__ = ("_by_date", "by_length", "lengths")

    def __init__(self, assets: Iterable[Asset]) -> None:
        super().__init__(assets, sort_key)
        self.by_length: tuple[Asset, ...] = tuple(sorted(self.assets, key=lambda a: (a.duration_us, a.id)))
        self.lengths: list[int] = [asset.duration_us for asset in self.by_length]
        self._by_date: Order | None = None

    @property
    def by_date(self) -> Order:
        """The same in order of their first air dates."""
        if self._by_date is None:
            self._by_date = Order(self.assets, air_date_key)
        return self._by_date

    @property
    def shortest_us(self) -> int:
        return self.lengths[0] if self.lengths else 0

    def number(self, season: int, episode: int) -> int:
        """Index of the first asset not before this season and episode; 0 when all are."""
        wanted = (season, episode)
        if self.assets and self.keys[0][0] == self.keys[-1][0]:  # one series: in order of number
            at = bisect_left(self.keys, wanted, key=lambda key: key[1:3])
            return at if at < len(self.keys) else 0
        return next((i for i, key in enumerate(self.keys) if key[1:3] >= wanted), 0)


class Shelf:
    """Answers queries from the catalog."""

    def __init__(self, catalog: Catalog, pools: Mapping[str, Pool]) -> None:
        self.catalog = catalog
        self._pools = pools
        self._answers: dict[tuple[object, ...], Candidates] = {}

    def select(self, query: Query) -> Candidates:
        """The eligible assets that answer ``query``."""
        key = query_key(query)
        found = self._answers.get(key)
        if found is None:
            found = self._answers[key] = Candidates(a for a in self._scope(query) if matches(a, query))
        return found

    def read_ahead(self, queries: Iterable[Query]) -> None:
        """These will be asked."""
        new = [query for query in queries if query.asset is None and query_key(query) not in self._answers]
        self.catalog.read_ahead(map(asked_by, new))

    def pool(self, slug: str) -> Candidates:
        """The spots of a pool; none when there is no such pool."""
        pool = self._pools.get(slug)
        return self.select(pool.spots) if pool else Candidates(())

    def asset(self, asset_id: str) -> Asset | None:
        """One asset by its id, if it may air."""
        asset = self.catalog.assets.get(asset_id)
        return asset if asset is not None and asset.eligible else None

    def _scope(self, query: Query) -> Iterable[Asset]:
        """The fewest assets that surely hold every answer."""
        if query.asset is not None:
            asset = self.asset(query.asset)
            return (asset,) if asset is not None else ()
        return self.catalog.eligible(asked_by(query))


def asked_by(query: Query) -> list[Asked]:
    """Which indexes can answer the query, and under which words (any of them)."""
    asked: list[Asked] = []
    if query.collection is not None:
        asked.append(("collection", (query.collection,)))
    if query.collections is not None:
        asked.append(("collection", query.collections))
    if query.series is not None:
        asked.append(("series", (query.series.casefold(),)))
    if query.title is not None:
        asked.append(("title", (query.title.casefold(),)))
    if query.tag is not None:
        asked.append(("tag", (query.tag,)))
    asked += [("tag", (tag,)) for tag in query.tags or ()]
    if query.any_tag is not None:
        asked.append(("tag", query.any_tag))
    if query.genre is not None:
        asked.append(("genre", tuple(word.strip().casefold() for word in query.genre)))
    return asked


def query_key(query: Query) -> tuple[object, ...]:
    """What makes two queries the same."""
    return (
        query.collection,
        query.collections,
        query.series,
        query.season,
        query.title,
        query.tag,
        query.tags,
        query.any_tag,
        query.genre,
        query.year,
        query.rating,
        query.asset,
        query.min_duration,
        query.max_duration,
        query_key(query.not_) if query.not_ is not None else None,
    )


def matches(asset: Asset, query: Query) -> bool:
    """Does ``asset`` answer ``query``? Whether it may air is another question."""
    return (
        (query.collection is None or asset.collection == query.collection)
        and (query.collections is None or asset.collection in query.collections)
        and (query.asset is None or asset.id == query.asset)
        and (query.series is None or asset.series.casefold() == query.series.casefold())
        and (query.season is None or asset.season == query.season)
        and (query.title is None or asset.title.casefold() == query.title.casefold())
        and (query.tag is None or query.tag in asset.tags)
        and (query.tags is None or all(tag in asset.tags for tag in query.tags))
        and (query.any_tag is None or any(tag in asset.tags for tag in query.any_tag))
        and (query.genre is None or _of_genre(asset, query.genre))
        and (query.year is None or (asset.year is not None and query.year[0] <= asset.year <= query.year[1]))
        and (query.rating is None or asset.rating in query.rating)
        and (query.min_duration is None or asset.duration_us >= query.min_duration)
        and (query.max_duration is None or asset.duration_us <= query.max_duration)
        and (query.not_ is None or not matches(asset, query.not_))
    )


def _of_genre(asset: Asset, wanted: tuple[str, ...]) -> bool:
    own = genres(asset)
    return any(word.strip().casefold() in own for word in wanted)
