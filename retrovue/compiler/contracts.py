"""Contracts: which airings of a contracted spot are due today, and how many were delivered; pure.

``runs`` are airings over each flight. A channel has its share of them (traffic.py). On every day of the
flight so many are due that, by its end, as many have aired as an even pace asks for; what earlier days
couldn't place is caught up on. A day's airings are spread evenly over the programmes in whose breaks they
may air. Deliveries are counted in the checkpoint; a contract is never overdelivered.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from datetime import date
from hashlib import sha256

from retrovue.compiler.model import Delivery
from retrovue.compiler.traffic import Flight, Memory, due_by, flight_of, may_air_on, run_days
from retrovue.station.model import Spot

#: (spot, its pools) → starts of the day's programmes in whose breaks it may air, ascending.
Chances = Callable[[str], list[int]]

#: No day of 25 hours has room for more airings: a spot lasts a second at least.
_MOST_A_DAY = 90_000


class Contracts:
    """The contracts of one channel."""

    def __init__(self, spots: Mapping[str, Spot], shares: Mapping[str, int], memory: Memory) -> None:
        self._spots = {slug: spots[slug] for slug in sorted(shares)}
        self._shares = shares
        self._memory = memory
        self._keys: dict[str, str] = {}  #: those in flight today → their line in the checkpoint
        self._flights: dict[str, Flight] = {}
        self._pending: dict[str, deque[int]] = {}
        self._day = date.min

    def __bool__(self) -> bool:
        return bool(self._shares)

    def resume(self, memory: Memory) -> None:
        """Count in ``memory`` from now on."""
        self._memory = memory

    def begin(self, day: date, chances: Chances) -> None:
        """Plan a broadcast day; deliveries of flights that are over are forgotten."""
        self._day = day
        self._keys.clear()
        self._flights.clear()
        self._pending.clear()
        for slug, spot in self._spots.items():
            flight = flight_of(spot, day)
            if flight is None:
                continue
            self._flights[slug] = flight
            self._keys[slug] = f"{slug} {flight.word}".rstrip()
            if not spot.flight or not may_air_on(spot, day):
                continue
            due = due_by(self._shares[slug], *run_days(spot, flight, day)) - self.delivered(slug)
            count = min(due, _MOST_A_DAY)
            starts = chances(slug) if count > 0 else []
            if starts:
                # Each contract has its own place within the step, or those of one run a day would all
                # be due at noon.
                place = int.from_bytes(sha256(f"{slug}|{day}".encode()).digest()[:4])
                self._pending[slug] = deque(
                    starts[((n << 32) + place) * len(starts) // (count << 32)] for n in range(count)
                )
        kept = set(self._keys.values())
        self._memory.delivered = {k: n for k, n in self._memory.delivered.items() if k in kept}

    def due(self, now: int, contracts: Iterable[str]) -> list[str]:
        """Those of ``contracts`` that are due, the one that waits longest first."""
        pending = self._pending
        found = [(pending[c][0], c) for c in contracts if pending.get(c) and pending[c][0] <= now]
        return [contract for _, contract in sorted(found)]

    def delivered(self, contract: str) -> int:
        """Airings in the flight of today."""
        return self._memory.delivered.get(self._keys.get(contract, ""), 0)

    def may_air(self, contracts: Iterable[str]) -> bool:
        """Has every one of them airings left?"""
        return all(self.delivered(c) < self._shares.get(c, 0) for c in contracts)

    def deliver(self, contracts: Iterable[str]) -> None:
        """One airing for each of them."""
        for contract in contracts:
            key = self._keys.get(contract)
            if key is not None:
                self._memory.delivered[key] = self._memory.delivered.get(key, 0) + 1
            if pending := self._pending.get(contract):
                pending.popleft()

    def report(self) -> tuple[Delivery, ...]:
        """How far the contracts in flight have come by the end of the day."""
        return tuple(
            Delivery(
                slug,
                flight.word,
                self._shares[slug],
                due_by(self._shares[slug], *run_days(self._spots[slug], flight, self._day))
                if flight.word
                else 0,
                self.delivered(slug),
            )
            for slug, flight in self._flights.items()
        )
