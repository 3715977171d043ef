"""Lane: the coming spots of one pool, and the rules that bar them for a while; pure.

A lane gives spots in the order of its pool's rotation. One that a rule bars now is parked until the rule lets
go, and goes first then; so no pod ever looks through the pool. What waits for the same advertiser or category
waits together, and one of it at a time is let go.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush, heapreplace
from itertools import islice
from operator import truediv
from random import Random

from retrovue.compiler.contracts import Contracts
from retrovue.compiler.rotation import seed_of
from retrovue.compiler.traffic import ANYWHERE, Inventory, Memory, PoolBook, Turns
from retrovue.station.model import PlayMode, SpotKind, SpotRule
from retrovue.units import HOUR_US, MINUTE_US

#: Among how many parked spots one is looked for when a rule is given up.
_PARKED_LOOKED_AT = 32
#: One that airs bars the rest of its group, so the next is let go only after this time.
_GROUP_WAITS_US = MINUTE_US
FOREVER = 1 << 62
#: In one pod, or in this time of a long one, no spot airs twice if another will do.
_SAME_POD_US = 10 * MINUTE_US

# Rules as bits. SOFT: good manners that are given up for free; SHUT: never given up.
COPY, ADVERTISER, CATEGORY, CAP, SOFT, SHUT = 1, 2, 4, 8, 16, 32
ALL_RULES = COPY | ADVERTISER | CATEGORY | CAP | SOFT | SHUT
RULE_BITS = {
    SpotRule.COPY: COPY,
    SpotRule.ADVERTISER: ADVERTISER,
    SpotRule.CATEGORY: CATEGORY,
    SpotRule.DAILY_CAP: CAP,
}


@dataclass(frozen=True, slots=True)
class LaneRules:
    """The rules of one lane: the pool's and the traffic policy's together."""

    copy_us: int = 0
    advertiser_us: int = 0
    category_us: int = 0
    relax: tuple[int, ...] = ()  #: bits, in the order in which they are given up
    ads_per_hour_us: int | None = None


#: (gate, slot of the day, start and end of a pod) → 0: the gate is open; else until when it is surely shut.
ShutUntil = Callable[[int, int, int, int], int]


@dataclass(slots=True)
class Moment:
    """The pod that is being filled, for all lanes."""

    start_us: int = 0
    end_us: int = 0
    day_end_us: int = 0  #: of the broadcast day, for daily caps
    offset_of: Callable[[int], int] = lambda instant: 0  #: how far the clock on the wall is ahead of UTC
    shut_until: ShutUntil = lambda gate, slot, start_us, end_us: 0
    slot: int = 0  #: whose pod it is
    _asked: dict[int, int] = field(default_factory=dict)

    def gate(self, number: int) -> int:
        found = self._asked.get(number)
        if found is None:
            found = self._asked[number] = self.shut_until(number, self.slot, self.start_us, self.end_us)
        return found

    def begin(self, start_us: int, end_us: int) -> None:
        self.start_us, self.end_us = start_us, end_us
        self._asked.clear()


class Lane:
    """The coming spots of one pool. Every spot is in one place: the order of the rotation, the used, the
    front, waiting for the first or last place of a pod, or parked."""

    def __init__(
        self,
        book: PoolBook,
        turns: Turns,
        inventory: Inventory,
        memory: Memory,
        moment: Moment,
        contracts: Contracts,
        rules: LaneRules,
        seed: int,
    ) -> None:
        """``turns``: the spots that take turns today."""
        self.book = book
        self.rules = rules
        self.shortest_us = turns.shortest_us
        self.lengths = turns.lengths
        self.is_ad = book.pool.kind is SpotKind.AD
        #: May a copy directly follow itself? What fills time may; any other would look like a fault.
        self.loops = book.pool.kind is SpotKind.FILLER
        self._inventory, self._memory, self._moment = inventory, memory, moment
        self._caps = book.caps if book.capped else None
        self._contracts = contracts
        self._random = Random(seed).random
        self._front: deque[int] = deque()
        self._parked: list[tuple[int, int, int]] = []
        #: Spot → the serial number of its entry in ``_parked``, or its group.
        self._parked_as: dict[int, int] = {}
        #: Advertiser (-1 - 2a) or category (-2 - 2c) → the spots that wait for it; one entry in ``_parked``.
        self._groups: dict[int, deque[int]] = {}
        self._serial = 0
        self._stale = 0  #: entries of ``_parked`` whose spot isn't there any more, or fewer
        self.waiting: tuple[list[int], list[int], list[int]] = ([], [], [])  #: by position
        self._row: deque[int] = deque()
        self._bag: list[int] = []
        self._used: list[int] = []
        self._keys: dict[int, float] = {}
        self._order: list[int] = []  #: those that have had no turn yet, the next one last
        self._again: list[tuple[float, int]] = []  #: a heap of those that have
        self._mode = book.pool.mode
        self._shuffles = self._mode is PlayMode.SHUFFLE
        self._at_hand = (
            moment,
            memory.copy,
            memory.advertiser,
            memory.category,
            inventory.advertiser,
            inventory.category,
            inventory.plain,
            self._caps,
            memory.today,
            memory.tomorrow,
            self._front,
            self._begin(turns),
            self._bag,
            self._random,
            # From a start exactly as long ago as the rule says, one may air again.
            rules.copy_us - 1,
            rules.advertiser_us - 1 if rules.advertiser_us else -FOREVER,
            rules.category_us - 1 if rules.category_us else -FOREVER,
        )
        #: Takes those that have had their turn.
        self._behind = self._used.append
        if self._mode in (PlayMode.SEQUENTIAL, PlayMode.CHRONOLOGICAL):
            self._behind = self._row.append
        elif self._mode in (PlayMode.RANDOM, PlayMode.WEIGHTED):
            self._behind = self._bag.append

    def _begin(self, turns: Turns) -> Callable[[Lane], int]:
        """Make the rotation begin anew; returns what gives its next spot (unbound, so that the lane doesn't
        hold itself)."""
        members = turns.members
        if self._mode in (PlayMode.SEQUENTIAL, PlayMode.CHRONOLOGICAL):
            start = int(self._random() * len(members))
            self._row.extend((*members[start:], *members[:start]))
            return Lane._of_row
        if not turns.uneven:
            self._bag = list(members)
            return Lane._of_bag
        random = self._random
        self._keys = dict(zip(members, map(truediv, [random() for _ in members], turns.weights), strict=True))
        self._order = sorted(turns.ascending, key=self._keys.__getitem__)
        self._order.reverse()
        return Lane._of_keys

    def __len__(self) -> int:
        return len(self.book)

    # --- order ---------------------------------------------------------------------------------------

    # The next by the rotation, whatever the rules say; -1 when all are somewhere else.

    def _of_row(self) -> int:
        return self._row.popleft() if self._row else -1

    def _of_keys(self) -> int:
        order, again = self._order, self._again
        if again and (not order or again[0][0] <= self._keys[order[-1]]):
            return heappop(again)[1]
        return order.pop() if order else -1

    def _of_bag(self) -> int:
        bag = self._bag
        if not bag:
            if not self._used:
                return -1
            bag[:] = self._used
            self._used.clear()
        # Of Python's chances, random() alone is promised to give the same numbers in every version.
        at = int(self._random() * len(bag))
        found = bag[at]
        bag[at] = bag[-1]
        bag.pop()
        return found

    def aired(self, i: int) -> None:
        """It has had its turn: back among the others."""
        inventory, keys = self._inventory, self._keys
        if inventory.paced[i]:
            return  # it comes again when it is due
        if keys:
            gap = 1.0 if self._shuffles else 2 * self._random()
            key = keys[i] = keys[i] + gap / inventory.weight[i]
            heappush(self._again, (key, i))
        else:
            self._behind(i)

    def give_back(self, spots: Sequence[int]) -> None:
        """Those that were looked at and not taken, in order."""
        self._front.extendleft(reversed(spots))

    # --- rules ---------------------------------------------------------------------------------------

    def draw(self, now: int) -> int:
        """The next spot that every rule allows at ``now``; -1 when there is none."""
        if self._parked and self._parked[0][0] <= now:
            self._wake(now)
        # One look at what never changes, for this is asked a million times.
        (
            moment,
            copies,
            advertisers,
            categories,
            advertiser,
            category,
            plain,
            caps,
            today,
            tomorrow,
            front,
            following,
            bag,
            random,
            copy_back,
            advertiser_back,
            category_back,
        ) = self._at_hand
        counts = today if now < moment.day_end_us else tomorrow
        # Since when its copy, its advertiser and its category must not have aired.
        copy_since = now - _SAME_POD_US
        if copy_since < moment.start_us:
            copy_since = moment.start_us
        if copy_since > now - copy_back:
            copy_since = now - copy_back
        advertiser_since = now - advertiser_back
        category_since = now - category_back
        while True:
            if front:
                i = front.popleft()
            elif bag:  # as ``_of_bag`` does, which nearly every draw would call
                at = int(random() * len(bag))
                i = bag[at]
                bag[at] = bag[-1]
                bag.pop()
            elif (i := following(self)) < 0:
                return -1
            if (
                copies[i] >= copy_since
                or advertisers[advertiser[i]] >= advertiser_since
                or categories[category[i]] >= category_since
            ):
                self._set_apart(i, now)
            elif caps is not None and counts.get(i, 0) >= caps[i]:
                self._park(i, moment.day_end_us if now < moment.day_end_us else now + 24 * HOUR_US)
            elif plain[i] or self._may_air(i, now):
                return i

    def _set_apart(self, i: int, now: int) -> None:
        """Until its copy, its advertiser and its category have not aired for as long as they must not."""
        inventory, memory, moment, rules = self._inventory, self._memory, self._moment, self.rules
        last = memory.copy[i]
        until = last + rules.copy_us
        if last >= moment.start_us and last >= now - _SAME_POD_US:
            until = max(until, min(moment.end_us, last + _SAME_POD_US), now + 1)
        group = 0
        if apart_us := rules.advertiser_us:
            a = inventory.advertiser[i]
            if (free := memory.advertiser[a] + apart_us) > until:
                until, group = free, -1 - 2 * a
        if apart_us := rules.category_us:
            c = inventory.category[i]
            if (free := memory.category[c] + apart_us) > until:
                until, group = free, -2 - 2 * c
        if group:
            self._queue(i, until, group)
        else:
            self._park(i, until)

    def _may_air(self, i: int, now: int) -> bool:
        """Do the gate and the contracts allow it, and may it air anywhere in a pod? If not, it is put where
        it waits for that."""
        inventory = self._inventory
        until = 0
        if inventory.gate[i]:
            until = self._moment.gate(inventory.gate[i])
        if until <= now and inventory.contracts[i] and not self._contracts.may_air(inventory.contracts[i]):
            until = FOREVER
        if until > now:
            self._park(i, until)
        elif inventory.position[i] != ANYWHERE:
            self.waiting[inventory.position[i]].append(i)
        else:
            return True
        return False

    def _queue(self, i: int, until: int, group: int) -> None:
        """Behind others of its advertiser or category: when that is free, one of them is, not all."""
        self._parked_as[i] = group
        waiting = self._groups.get(group)
        if waiting is None:
            self._groups[group] = deque((i,))
            self._serial += 1
            heappush(self._parked, (until, self._serial, group))
        else:
            waiting.append(i)

    def _wake(self, now: int) -> None:
        """Let go of those whose time has come: of a group one, and another when that has had time to air."""
        parked, parked_as, memory = self._parked, self._parked_as, self._memory
        while parked and parked[0][0] <= now:
            _, serial, i = parked[0]
            if i >= 0:
                heappop(parked)
                if parked_as.get(i) == serial:
                    del parked_as[i]
                    self._front.append(i)
                continue
            number, by_category = divmod(-1 - i, 2)
            if by_category:
                free = memory.category[number] + self.rules.category_us
            else:
                free = memory.advertiser[number] + self.rules.advertiser_us
            if free <= now:
                waiting = self._groups[i]
                while waiting:
                    first = waiting.popleft()
                    if parked_as.get(first) == i:
                        del parked_as[first]
                        self._front.append(first)
                        break
                if not waiting:
                    del self._groups[i]
                    heappop(parked)
                    continue
                free = now + _GROUP_WAITS_US
            heapreplace(parked, (free, serial, i))

    def _park(self, i: int, until: int) -> None:
        self._serial += 1
        self._parked_as[i] = self._serial
        heappush(self._parked, (until, self._serial, i))

    def broken(self, i: int, now: int, allowed: int = 0) -> int:
        """The rules that ``i`` would break at ``now``, as bits; no more than one beyond ``allowed``."""
        inventory, memory, rules, moment = self._inventory, self._memory, self.rules, self._moment
        bits = 0
        last = memory.copy[i]
        if last + rules.copy_us > now:
            bits = COPY
        elif last >= max(moment.start_us, now - _SAME_POD_US):
            bits = SOFT
        if bits & ~allowed:
            return bits
        a, c = inventory.advertiser[i], inventory.category[i]
        if a and rules.advertiser_us and memory.advertiser[a] + rules.advertiser_us > now:
            bits |= ADVERTISER
            if not allowed & ADVERTISER:
                return bits
        if c and rules.category_us and memory.category[c] + rules.category_us > now:
            bits |= CATEGORY
            if not allowed & CATEGORY:
                return bits
        if self._caps is not None:
            counts = memory.today if now < moment.day_end_us else memory.tomorrow
            if counts.get(i, 0) >= self._caps[i]:
                bits |= CAP
        if inventory.gate[i] and moment.gate(inventory.gate[i]):
            bits |= SHUT
        if inventory.contracts[i] and not self._contracts.may_air(inventory.contracts[i]):
            bits |= SHUT
        return bits

    def parked(self) -> list[int]:
        """Some of those that a rule bars, those that it bars least first, more or less."""
        found: list[int] = []
        parked_as = self._parked_as
        for _, serial, i in self._parked[: 2 * _PARKED_LOOKED_AT]:
            if i >= 0:
                if parked_as.get(i) == serial:
                    found.append(i)
            else:
                waiting = self._groups[i]
                while waiting and parked_as.get(waiting[0]) != i:
                    waiting.popleft()
                found += [first for first in islice(waiting, 4) if parked_as.get(first) == i]
            if len(found) >= _PARKED_LOOKED_AT:
                break
        return found

    def unpark(self, i: int) -> None:
        if self._parked_as.pop(i) < 0:
            return  # its group passes it over
        self._stale += 1
        if 2 * self._stale > len(self._parked) + 8:
            parked_as = self._parked_as
            self._parked = [
                entry for entry in self._parked if entry[2] < 0 or parked_as.get(entry[2]) == entry[1]
            ]
            heapify(self._parked)
            self._stale = 0


def traffic_seed(seed: int, channel: str, zone: str, pool: str, broadcast_date: str) -> int:
    """Where the chance of one pool in one zone on one broadcast day begins."""
    return seed_of(seed, channel, zone, "pool", pool, broadcast_date)
