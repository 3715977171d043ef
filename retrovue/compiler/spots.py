"""Spots: which interstitials fill a pod; pure.

Spots come from their pools in turn, each pool (a *lane*, lane.py) in the order of its own rotation, which
begins anew in every zone of every broadcast day (so that an edit in one zone moves the others' spots only
where a rule reaches across). Contracted spots come when they are due. The end of a block is packed by a
bounded subset-sum (packing.py), so that little or nothing is left for the ident that closes it. Where the
rules leave a pod empty for long, they are given up in the declared order, and counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from retrovue.compiler.contracts import Contracts
from retrovue.compiler.lane import ALL_RULES, FOREVER, RULE_BITS, SHUT, SOFT, Lane, Moment
from retrovue.compiler.packing import SHORTEST_REMAINDER_US, best_sum
from retrovue.compiler.traffic import ANYWHERE, FIRST, LAST, Inventory, Memory, hours_of
from retrovue.units import SECOND_US

#: One as long as this is filled by giving up rules, as far as that is allowed.
LONG_REMAINDER_US = 30 * SECOND_US
#: Below this, the rest of a block is packed instead of filled in turn.
_PACKED_US = 120 * SECOND_US
#: How many of the next spots may be packed: so many at least, and up to 2^9 sums until they are half as
#: long again as the room; and how many are looked at for it.
_PACKED_SPOTS = (6, 9)
_LOOKED_AT_FOR_PACKING = 16
#: How far down a lane a spot is looked for that fits, or that is of another advertiser than the last.
_LOOK_AHEAD = 16
#: How far down before a declared rule is given up.
_LOOK_DEEP = 256


class Pod:
    """What fills one break, in order; ``left_us`` is for the remainder."""

    __slots__ = ("left_us", "relaxed", "spots")

    def __init__(self, left_us: int) -> None:
        self.spots: list[tuple[int, Lane]] = []
        self.left_us = left_us
        self.relaxed: Counter[int] | None = None  #: rule bit → how often it was given up, if any was


class PodFiller:
    """Fills the pods of one zone under one policy on one broadcast day."""

    def __init__(
        self,
        lanes: Sequence[Lane],
        opening: Lane | None,
        closing: Lane | None,
        inventory: Inventory,
        memory: Memory,
        moment: Moment,
        contracts: Contracts,
    ) -> None:
        """``lanes``: those that fill, in turn; the same lane twice has two turns."""
        self._lanes = [lane for lane in lanes if len(lane)]
        self._opening = opening if opening is not None and len(opening) else None
        self._closing = closing if closing is not None and len(closing) else None
        self.moment = moment
        self._inventory, self._memory, self._moment = inventory, memory, moment
        self._contracts = contracts
        self._duration, self._advertiser = inventory.duration, inventory.advertiser
        limits = [lane.rules.ads_per_hour_us for lane in self._lanes]
        self._ads_per_hour = min((us for us in limits if us is not None), default=None)
        self._apart = (
            any(lane.rules.advertiser_us for lane in self._lanes),
            any(lane.rules.category_us for lane in self._lanes),
        )
        self._positions = any(inventory.position)
        self._contracted = any(lane.book.contracts for lane in self._lanes)
        self._turn = 0
        self._now = 0
        self._exact = False
        self._pod = Pod(0)
        self._held: tuple[int, int, tuple[int, int, int]] | None = None  #: a spot, when it airs, _let_go's
        self._for_held: Counter[int] = Counter()  #: of what was given up: only because of the held spot

    @property
    def empty(self) -> bool:
        return not self._lanes

    def pod(self, start_us: int, room_us: int, exact: bool) -> Pod:
        """Fill up to ``room_us`` from ``start_us`` on; what airs is remembered.

        ``exact``: what is left will be aired as an ident, so it must be nothing or long enough to be seen;
        otherwise it goes to a later pod.
        """
        pod = self._pod = Pod(room_us)
        if self.empty:
            return pod
        self._exact = exact
        self._moment.begin(start_us, start_us + room_us)
        duration = self._duration
        self._now = start_us
        opening = self._bumper(self._opening, start_us, room_us // 4)
        closing = self._bumper(self._closing, start_us, room_us // 4)
        if opening >= 0:
            self._now += duration[opening]
            pod.left_us -= duration[opening]
        if closing >= 0:
            pod.left_us -= duration[closing]
        last: tuple[int, Lane] | None = None
        if self._positions and (last := self._waiting(LAST)) is not None:
            at_us = self._now + pod.left_us - duration[last[0]]
            held = self._hold(last[0], at_us)
            self._held = (last[0], at_us, held)
            self._for_held.clear()
            pod.left_us -= duration[last[0]]
        if self._positions and (first := self._waiting(FIRST)) is not None:
            self._append(*first)
        if self._contracted:
            self._deliver()
        self._in_turn(_PACKED_US if exact else 0)
        if exact:
            while pod.left_us and self._pack() and pod.left_us > LONG_REMAINDER_US:
                pass
        enough = LONG_REMAINDER_US - 1 if exact else room_us // 2
        if pod.left_us > enough:
            self._give_up_rules(enough)
        if last is not None:
            i, lane = last
            pod.left_us += duration[i]
            self._let_go(i, held)
            self._held = None
            # What was given up for it, at the time it was thought to air, is what it gives up now.
            if pod.relaxed is not None:
                pod.relaxed.subtract(self._for_held)
            bits = lane.broken(i, self._now, ALL_RULES)
            if not bits & SHUT and self._ads_fit(lane, i):
                self._count(bits, 0)
                self._append(i, lane)
            else:
                lane.waiting[LAST].insert(0, i)
        if opening >= 0 or closing >= 0:
            self._frame(opening, closing)
        if not pod.spots:
            pod.left_us = room_us
        return pod

    # --- the steps of a pod --------------------------------------------------------------------------

    def _bumper(self, lane: Lane | None, now: int, room_us: int) -> int:
        if lane is None:
            return -1
        passed: list[int] = []
        found = -1
        while len(passed) < _LOOK_AHEAD and (i := lane.draw(now)) >= 0:
            if self._duration[i] <= room_us:
                found = i
                break
            passed.append(i)
        lane.give_back(passed)
        return found

    def _frame(self, opening: int, closing: int) -> None:
        """Bumpers around what the pod has; with nothing between them they would be odd."""
        pod = self._pod
        for lane, i, at in ((self._opening, opening, 0), (self._closing, closing, len(pod.spots) + 1)):
            if lane is None or i < 0:
                continue
            if pod.spots:
                self._memory.copy[i] = self._moment.start_us if not at else self._now
                pod.spots.insert(at, (i, lane))
                lane.aired(i)
            else:
                lane.give_back([i])

    def _waiting(self, position: int) -> tuple[int, Lane] | None:
        """One that waits for this place in a pod, and may air now."""
        lanes = self._lanes
        for step in range(len(lanes)):
            lane = lanes[(self._turn + step) % len(lanes)]
            waiting = lane.waiting[position]
            if not waiting:
                continue
            for at, i in enumerate(waiting[:_LOOK_AHEAD]):
                if self._fits(i) and not lane.broken(i, self._now) and self._ads_fit(lane, i):
                    del waiting[at]
                    return i, lane
        return None

    def _deliver(self) -> None:
        """Contracted spots that are due, the one that waits longest first."""
        pod, contracts = self._pod, self._contracts
        for lane in dict.fromkeys(self._lanes):
            for contract in contracts.due(self._moment.start_us, lane.book.contracts):
                copies = lane.book.contracts[contract]
                shift = contracts.delivered(contract)
                for step in range(len(copies)):
                    i = copies[(shift + step) % len(copies)]
                    if not self._fits(i) or lane.broken(i, self._now) or not self._ads_fit(lane, i):
                        continue
                    position = self._inventory.position[i]
                    if position == ANYWHERE or (position == FIRST and not pod.spots):
                        self._append(i, lane)
                    elif i not in lane.waiting[position]:
                        lane.waiting[position].append(i)  # its turn comes with the next pod
                    break

    def _in_turn(self, stop_us: int) -> None:
        """From the lanes in turn, until no more than ``stop_us`` is left, or nothing fits."""
        pod, lanes = self._pod, self._lanes
        count = len(lanes)
        if count == 1:  # the same, without asking whose turn it is
            (lane,) = lanes
            while pod.left_us > stop_us and (i := self._take(lane, _LOOK_AHEAD)) >= 0:
                self._append(i, lane)
            return
        while pod.left_us > stop_us:
            for step in range(count):
                lane = lanes[(self._turn + step) % count]
                i = self._take(lane, _LOOK_AHEAD)
                if i >= 0:
                    break
            else:
                return
            self._turn = (self._turn + step + 1) % count
            self._append(i, lane)

    def _take(self, lane: Lane, depth: int) -> int:
        """The lane's next spot that fits and is of another advertiser than the last one, else that fits."""
        pod = self._pod
        left = pod.left_us
        most = left - SHORTEST_REMAINDER_US if self._exact else left
        if most < lane.shortest_us and left not in lane.lengths:
            return -1
        duration, advertiser = self._duration, self._advertiser
        before = advertiser[pod.spots[-1][0]] if pod.spots else 0
        limited = lane.is_ad and self._ads_per_hour is not None
        now = self._now
        passed: list[int] = []
        second = -1
        found = lane.draw(now)
        while found >= 0:
            length = duration[found]
            if (length <= most or length == left) and not (limited and not self._ads_fit(lane, found)):
                if not before or advertiser[found] != before:
                    break
                if second < 0:
                    second = found
            passed.append(found)
            found = lane.draw(now) if len(passed) < depth else -1
        if found < 0 and second >= 0:
            passed.remove(second)
            found = second
        if passed:
            lane.give_back(passed)
        if found < 0 and self._positions and not pod.spots and (first := self._waiting(FIRST)) is not None:
            if first[1] is lane:
                return first[0]
            first[1].waiting[FIRST].insert(0, first[0])
        return found

    def _pack(self) -> bool:
        """Choose among the next spots those that fill the rest best. Returns whether any was found."""
        pod, lanes, duration = self._pod, self._lanes, self._duration
        drawn, window = self._window()
        chosen: list[tuple[int, Lane]] = []
        if window:
            mask = best_sum([duration[i] for i, _ in window], pod.left_us)
            chosen = [spot for n, spot in enumerate(window) if mask >> n & 1]
        if chosen:
            self._turn = (lanes.index(chosen[-1][1]) + 1) % len(lanes)
        taken = {i for i, _ in chosen}
        for lane, spots in drawn.items():
            lane.give_back([i for i in spots if i not in taken])
        before = self._advertiser[pod.spots[-1][0]] if pod.spots else 0
        for i, lane in self._kept_apart(chosen, before):
            self._append(i, lane)
        return bool(chosen)

    def _window(self) -> tuple[dict[Lane, list[int]], list[tuple[int, Lane]]]:
        """All that was drawn, by lane, and of it what may air together in the rest of this pod."""
        lanes, inventory = self._lanes, self._inventory
        left, now = self._pod.left_us, self._now
        apart_by_advertiser, apart_by_category = self._apart
        duration, advertiser, category = self._duration, inventory.advertiser, inventory.category
        contracted = inventory.contracts
        advertisers: set[int] = set()
        categories: set[int] = set()
        copies: set[int] = set()
        contracts: set[str] = set()
        ads_left = self._ads_left(now, left)
        drawn: dict[Lane, list[int]] = {}
        window: list[tuple[int, Lane]] = []
        open_lanes = [lanes[(self._turn + step) % len(lanes)] for step in range(len(lanes))]
        looked_at = 0
        fewest, most = _PACKED_SPOTS
        wanted_us = 3 * left // 2
        while open_lanes and len(window) < most and looked_at < _LOOKED_AT_FOR_PACKING:
            for lane in list(open_lanes):
                i = lane.draw(now) if lane.shortest_us <= left else -1
                if i < 0:
                    open_lanes = [other for other in open_lanes if other is not lane]
                    continue
                if lane in drawn:
                    drawn[lane].append(i)
                else:
                    drawn[lane] = [i]
                looked_at += 1
                a, c, length = advertiser[i], category[i], duration[i]
                if (
                    length > left
                    or i in copies
                    or (apart_by_advertiser and a in advertisers)
                    or (apart_by_category and c in categories)
                    or (lane.is_ad and length > ads_left)
                    or (contracts and not contracts.isdisjoint(contracted[i]))
                ):
                    continue
                copies.add(i)
                if a:
                    advertisers.add(a)
                if c:
                    categories.add(c)
                if contracted[i]:
                    contracts.update(contracted[i])
                if lane.is_ad:
                    ads_left -= length
                window.append((i, lane))
                wanted_us -= length
                if len(window) == most or (len(window) >= fewest and wanted_us <= 0):
                    open_lanes = []
                    break
        last = self._pod.spots[-1][0] if self._pod.spots else -1
        return drawn, self._kept_apart(window, inventory.advertiser[last] if last >= 0 else 0)

    def _give_up_rules(self, enough_us: int) -> None:
        """Fill on with spots that break a rule, one more of the declared rules at a time."""
        deepest = max(len(lane.rules.relax) for lane in self._lanes)
        for level in range(deepest + 1):
            while self._pod.left_us > enough_us and self._one_more(level):
                pass

    def _one_more(self, level: int) -> bool:
        """A spot that breaks none of the rules or, of the first ``level`` that may be given up, few."""
        lanes = self._lanes
        order = [lanes[(self._turn + step) % len(lanes)] for step in range(len(lanes))]
        for lane in order:
            i = self._take(lane, _LOOK_DEEP)
            if i >= 0:
                self._append(i, lane)
                return True
        for lane in order:
            allowed = SOFT
            for bit in lane.rules.relax[:level]:
                allowed |= bit
            last = self._pod.spots[-1][0] if self._pod.spots else -1
            before = self._advertiser[last] if last >= 0 else 0
            best: tuple[bool, int, int] | None = None
            for i in lane.parked():
                if not self._fits(i) or self._inventory.position[i] != ANYWHERE:
                    continue
                if i == last and not lane.loops:
                    continue
                bits = lane.broken(i, self._now, allowed)
                if bits & ~allowed or not self._ads_fit(lane, i):
                    continue
                rank = (bool(before) and self._advertiser[i] == before, bits & ~SOFT, i)
                if best is None or rank[:2] < best[:2]:
                    best = rank
                    if rank[:2] == (False, 0):
                        break
            if best is not None:
                _, bits, i = best
                lane.unpark(i)
                self._count(bits, bits & ~self._without_held(i, lane, allowed))
                self._append(i, lane)
                return True
        return False

    # --- book-keeping --------------------------------------------------------------------------------

    def _fits(self, i: int) -> bool:
        left, length = self._pod.left_us, self._duration[i]
        return length == left or length <= (left - SHORTEST_REMAINDER_US if self._exact else left)

    def _append(self, i: int, lane: Lane) -> None:
        """Air it now."""
        inventory, memory, pod = self._inventory, self._memory, self._pod
        now, length = self._now, self._duration[i]
        memory.note(inventory, i, now, now < self._moment.day_end_us)
        if lane.is_ad and inventory.limits_ads:
            memory.spend(self._wall_us(), length)
        if inventory.contracts[i]:
            self._contracts.deliver(inventory.contracts[i])
        lane.aired(i)
        self._now = now + length
        pod.left_us -= length
        pod.spots.append((i, lane))

    def _hold(self, i: int, at: int) -> tuple[int, int, int]:
        """Keep others like it out of this pod: it will air ``at``. Returns what ``_let_go`` needs."""
        inventory, memory = self._inventory, self._memory
        a, c = inventory.advertiser[i], inventory.category[i]
        held = memory.copy[i], memory.advertiser[a], memory.category[c]
        memory.copy[i] = at
        if a:
            memory.advertiser[a] = at
        if c:
            memory.category[c] = at
        return held

    def _count(self, given_up: int, for_held: int) -> None:
        relaxed = self._pod.relaxed
        if relaxed is None:
            relaxed = self._pod.relaxed = Counter()
        for bit in RULE_BITS.values():
            relaxed[bit] += bool(given_up & bit)
            self._for_held[bit] += bool(for_held & bit)

    def _without_held(self, i: int, lane: Lane, allowed: int) -> int:
        """The rules that ``i`` would break now, were no spot held for the end of the pod."""
        if self._held is None:
            return ALL_RULES
        memory, inventory = self._memory, self._inventory
        spot, at_us, before = self._held
        places = (
            (memory.copy, spot),
            (memory.advertiser, inventory.advertiser[spot]),
            (memory.category, inventory.category[spot]),
        )
        present = [kind[at] for kind, at in places]
        for (kind, at), now, earlier in zip(places, present, before, strict=True):
            if now == at_us:  # else another like it has aired in this pod
                kind[at] = earlier
        bits = lane.broken(i, self._now, allowed)
        for (kind, at), now in zip(places, present, strict=True):
            kind[at] = now
        return bits

    def _let_go(self, i: int, held: tuple[int, int, int]) -> None:
        inventory, memory = self._inventory, self._memory
        a, c = inventory.advertiser[i], inventory.category[i]
        # Where rules were given up, another of its kind may have aired meanwhile.
        aired = max((self._moment.start_us - 1, *held[1:]))
        memory.copy[i] = held[0]
        if a:
            memory.advertiser[a] = self._latest(inventory.advertiser, a, held[1], aired)
        if c:
            memory.category[c] = self._latest(inventory.category, c, held[2], aired)

    def _latest(self, kinds: Sequence[int], kind: int, before: int, aired: int) -> int:
        at, found = self._now, before
        for i, _ in reversed(self._pod.spots):
            at -= self._duration[i]
            if kinds[i] == kind:
                return max(at, before)
        return found

    def _wall_us(self) -> int:
        return self._now + self._moment.offset_of(self._now)

    def _ads_fit(self, lane: Lane, i: int) -> bool:
        limit = self._ads_per_hour
        if limit is None or not lane.is_ad:
            return True
        used = self._memory.hours
        return all(
            used.get(hour, 0) + part <= limit for hour, part in hours_of(self._wall_us(), self._duration[i])
        )

    def _ads_left(self, now: int, length_us: int) -> int:
        """How much advertising surely fits, whenever in the rest of the pod it airs."""
        limit = self._ads_per_hour
        if limit is None:
            return FOREVER
        used = self._memory.hours
        return min(limit - used.get(hour, 0) for hour, _ in hours_of(self._wall_us(), max(length_us, 1)))

    def _kept_apart(self, spots: Sequence[tuple[int, Lane]], last: int) -> list[tuple[int, Lane]]:
        """The same spots, an advertiser with much left first, so that none follows itself if avoidable."""
        advertiser = self._advertiser
        names = [advertiser[i] for i, _ in spots]
        before = last
        for name in names:
            if name == before and name:
                break
            before = name
        else:  # then nobody has more than half of what is left, unless it is also first
            return list(spots)
        waiting = list(spots)
        left: dict[int, int] = {}
        most = 0
        for name in names:
            count = left[name] = left.get(name, 0) + 1
            if name and count > most:
                most = count
        placed: list[tuple[int, Lane]] = []
        while waiting:
            # Order decides until one advertiser has as many spots left as all the others together.
            crowded = 0
            if 2 * most > len(waiting):
                most = max((count for name, count in left.items() if name), default=0)
                if 2 * most > len(waiting):
                    crowded = next(name for name, count in left.items() if name and count == most)
            index = 0
            if crowded and crowded != last:
                index = names.index(crowded)
            elif last:
                for n, name in enumerate(names):
                    if name != last:
                        index = n
                        break
            last = names.pop(index)
            left[last] -= 1
            placed.append(waiting.pop(index))
        return placed
