"""Spots: which interstitials fill a pod; pure.

Spots come from their pools in turn, each pool in the order of its own rotation, which begins anew in
every zone of every broadcast day (so that an edit in one zone leaves the others' spots alone). A spot
that is passed over keeps its place at the head of its queue. The end of a pod is packed by a bounded
subset-sum, so that little or nothing is left for the ident that closes it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from random import Random

from retrovue.compiler.rotation import seed_of
from retrovue.compiler.shelf import Candidates
from retrovue.library.catalog import Asset
from retrovue.station.model import PlayMode
from retrovue.units import SECOND_US

#: A shorter spot is a fault of the library, and endless many of them would fit.
SHORTEST_SPOT_US = SECOND_US
#: A remainder is either nothing or at least this long: nobody can read an ident of three milliseconds.
SHORTEST_REMAINDER_US = SECOND_US
#: A longer remainder is filled with spots that the pod has aired already.
_LONG_REMAINDER_US = 30 * SECOND_US

#: Below this, the rest of a pod is packed instead of filled in turn.
_PACKED_US = 150 * SECOND_US
#: How many of the next spots may be packed…
_PACKED_SPOTS = 12
#: …and how many different sums are looked at.
_PACKED_SUMS = 512
#: How far down a queue a spot is looked for that fits and doesn't repeat.
_LOOK_AHEAD = 24


class Spot:
    """One place in a queue: an asset and the pool that it was drawn from. Equal only to itself."""

    __slots__ = ("advertiser", "asset", "asset_id", "duration_us", "pool")

    def __init__(self, asset: Asset, pool: str) -> None:
        self.asset = asset
        self.asset_id = asset.id
        self.advertiser = asset.advertiser
        self.duration_us = asset.duration_us
        self.pool = pool


class Queue:
    """The coming spots of one pool."""

    def __init__(self, pool: str, mode: PlayMode, candidates: Candidates, seed: int) -> None:
        self._assets = [a for a in candidates.assets if a.duration_us >= SHORTEST_SPOT_US]
        self._drawn = self._draw(mode, Random(seed))
        self.pool = pool
        self.coming: list[Spot] = []

    def __len__(self) -> int:
        return len(self._assets)

    def ahead(self, count: int) -> list[Spot]:
        """At least the next ``count`` spots or, in a smaller pool, one round of it."""
        while len(self.coming) < min(count, len(self._assets)):
            self.coming.append(Spot(next(self._drawn), self.pool))
        return self.coming

    def take(self, spot: Spot) -> None:
        self.coming.remove(spot)

    def give_back(self, spot: Spot) -> None:
        self.coming.insert(0, spot)

    def _draw(self, mode: PlayMode, chance: Random) -> Iterator[Asset]:
        # random() alone is promised to give the same numbers in every version of Python.
        assets = self._assets
        if mode is PlayMode.SEQUENTIAL:
            at = int(chance.random() * len(assets))
            while True:
                yield assets[at % len(assets)]
                at += 1
        while mode is PlayMode.RANDOM:
            yield assets[int(chance.random() * len(assets))]
        while True:
            bag = list(assets)
            while bag:
                at = int(chance.random() * len(bag))
                bag[at], bag[-1] = bag[-1], bag[at]
                yield bag.pop()


@dataclass(slots=True)
class Pod:
    """What fills one break, in order; ``left_us`` is for the remainder."""

    spots: list[Spot] = field(default_factory=list)
    left_us: int = 0


class Traffic:
    """The spots of one zone on one broadcast day."""

    def __init__(self, fill: Sequence[Queue], opening: Queue | None, closing: Queue | None) -> None:
        self._fill = [queue for queue in fill if len(queue)]
        self._opening = opening if opening is not None and len(opening) else None
        self._closing = closing if closing is not None and len(closing) else None
        self._turn = 0

    @property
    def empty(self) -> bool:
        return not self._fill

    def pod(self, room_us: int, exact: bool) -> Pod:
        """Fill up to ``room_us``. ``exact``: what is left will be aired as an ident, so it must be nothing
        or long enough to be seen, if that can be had."""
        pod = Pod(left_us=room_us)
        if self.empty:
            return pod
        opening = _first_fitting(self._opening, room_us // 4)
        closing = _first_fitting(self._closing, room_us // 4)
        framed = sum(spot.duration_us for spot in (opening, closing) if spot is not None)
        pod.left_us -= framed
        self._in_turn(pod)
        while self._pack(pod, exact) and pod.left_us > _LONG_REMAINDER_US:
            pass  # the pools are small: a repetition is better than minutes of ident
        if not pod.spots:
            pod.left_us = room_us  # bumpers with nothing between them would be odd
            return pod
        if opening is not None and self._opening is not None:
            self._opening.take(opening)
            pod.spots.insert(0, opening)
        if closing is not None and self._closing is not None:
            self._closing.take(closing)
            pod.spots.append(closing)
        return pod

    def _in_turn(self, pod: Pod) -> None:
        """From the pools in turn, until the rest is small enough to be packed."""
        aired: set[str] = set()
        packed_us = self._packable_us()
        while pod.left_us > packed_us:
            for step in range(len(self._fill)):
                queue = self._fill[(self._turn + step) % len(self._fill)]
                spot = _pick(queue, pod, aired)
                if spot is not None:
                    break
            else:
                return
            queue.take(spot)
            self._turn = (self._turn + step + 1) % len(self._fill)
            aired.add(spot.asset_id)
            pod.spots.append(spot)
            pod.left_us -= spot.duration_us

    def _packable_us(self) -> int:
        """How long a rest the coming spots can fill without a repetition, as far as packing goes."""
        total = 0
        for queue in self._fill:
            seen: set[str] = set()
            for spot in queue.ahead(_LOOK_AHEAD):
                if spot.asset_id not in seen:
                    seen.add(spot.asset_id)
                    total += spot.duration_us
                    if total >= _PACKED_US:
                        return _PACKED_US
        return total

    def _pack(self, pod: Pod, exact: bool) -> bool:
        """Choose among the next spots those that fill the rest best, and put them in a fair order.

        Returns whether any was found.
        """
        coming = self._next_few(pod.spots)
        best = _best_sum([spot.duration_us for spot in coming], pod.left_us, exact)
        if not best and pod.spots and exact and 0 < pod.left_us < SHORTEST_REMAINDER_US:
            # Too short to be seen, and nothing fits: one spot less makes room.
            spot = pod.spots.pop()
            pod.left_us += spot.duration_us
            self._queue_of(spot).give_back(spot)
            coming = self._next_few(pod.spots)
            best = _best_sum([spot.duration_us for spot in coming], pod.left_us, exact)
        chosen = [coming[index] for index in best]
        for spot in chosen:
            queue = self._queue_of(spot)
            queue.take(spot)
            self._turn = (self._fill.index(queue) + 1) % len(self._fill)
            pod.left_us -= spot.duration_us
        pod.spots += _kept_apart(chosen, pod.spots)
        return bool(chosen)

    def _queue_of(self, spot: Spot) -> Queue:
        return next(queue for queue in self._fill if queue.pool == spot.pool)

    def _next_few(self, before: Sequence[Spot]) -> list[Spot]:
        """The next spots, from the pools in turn: those that the pod hasn't aired, if there are any."""
        aired = {spot.asset_id for spot in before}
        rows: list[list[Spot]] = []
        for step in range(len(self._fill)):
            queue = self._fill[(self._turn + step) % len(self._fill)]
            seen: set[str] = set()
            fresh: list[Spot] = []
            repeated: list[Spot] = []
            for spot in queue.ahead(_LOOK_AHEAD):
                if spot.asset_id not in seen:
                    seen.add(spot.asset_id)
                    (repeated if spot.asset_id in aired else fresh).append(spot)
                    if len(fresh) == _PACKED_SPOTS:
                        break
            rows.append(fresh or repeated)
        longest = max((len(row) for row in rows), default=0)
        few: list[Spot] = []
        known: set[str] = set()
        for column in range(longest):
            for row in rows:
                if column < len(row) and row[column].asset.id not in known and len(few) < _PACKED_SPOTS:
                    known.add(row[column].asset.id)
                    few.append(row[column])
        return _kept_apart(few, before)


def _kept_apart(spots: Sequence[Spot], before: Sequence[Spot]) -> list[Spot]:
    """The same spots, an advertiser with much left first, so that none follows itself if avoidable."""
    left = Counter(spot.advertiser for spot in spots)
    waiting = list(spots)
    last = before[-1].advertiser if before else ""
    placed: list[Spot] = []
    while waiting:
        # Order decides until one advertiser has as many spots left as all the others together.
        crowded = next((name for name in left if name and 2 * left[name] > len(waiting)), None)
        index = next(
            (
                i
                for i, spot in enumerate(waiting)
                if not _same(last, spot) and crowded in (None, last, spot.advertiser)
            ),
            0,
        )
        spot = waiting.pop(index)
        last = spot.advertiser
        left[last] -= 1
        placed.append(spot)
    return placed


def _same(advertiser: str, spot: Spot) -> bool:
    return bool(advertiser) and spot.advertiser == advertiser


def _pick(queue: Queue, pod: Pod, aired: set[str]) -> Spot | None:
    """The next spot that fits: new to the pod and of another advertiser, else new, else any."""
    before = pod.spots[-1].advertiser if pod.spots else ""
    new: Spot | None = None
    repeated: Spot | None = None
    for spot in queue.ahead(_LOOK_AHEAD):
        if spot.duration_us > pod.left_us:
            continue
        if spot.asset_id in aired:
            if repeated is None or repeated.asset is pod.spots[-1].asset:
                repeated = spot
        elif _same(before, spot):
            new = new or spot
        else:
            return spot
    return new or repeated


def _first_fitting(queue: Queue | None, room_us: int) -> Spot | None:
    if queue is None:
        return None
    return next((spot for spot in queue.ahead(_LOOK_AHEAD) if spot.duration_us <= room_us), None)


def _best_sum(lengths: Sequence[int], room_us: int, exact: bool) -> tuple[int, ...]:
    """Indices of the lengths whose sum fills the room best; of equal sums the one that asks for the
    earlier spots. Leaves nothing, or at least a second if ``exact``, whenever that can be had."""
    sums: dict[int, tuple[int, ...]] = {0: ()}
    for index, length in enumerate(lengths):
        for total, chosen in list(sums.items()):
            grown = total + length
            if grown <= room_us and grown not in sums and len(sums) < _PACKED_SUMS:
                sums[grown] = (*chosen, index)
        if room_us in sums:
            break

    def worth(total: int) -> tuple[bool, int]:
        left = room_us - total
        return (not exact or left == 0 or left >= SHORTEST_REMAINDER_US, total)

    return sums[max(sums, key=worth)]


def traffic_seed(seed: int, channel: str, zone: str, pool: str, broadcast_date: str) -> int:
    """Where the chance of one pool in one zone on one broadcast day begins."""
    return seed_of(seed, channel, zone, "pool", pool, broadcast_date)
