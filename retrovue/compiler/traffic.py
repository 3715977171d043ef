"""Traffic: every spot with its rules as numbers, and what each channel remembers of them; pure.

In a television station, traffic places the spots. What the picker (spots.py) asks for each of hundreds of
thousands of spots is worked out here once: an asset of a pool is a number, its advertiser and category are
numbers, its rules are looked up by it. Several ``spot:`` documents may name one asset; then all their rules
hold.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property, lru_cache
from math import prod

from retrovue.compiler.dayparts import windows_of
from retrovue.compiler.shelf import Shelf
from retrovue.library.catalog import Asset, flights
from retrovue.station.model import BreakFormat, Channel, PlayMode, Pool, Spot, StationModel, Traffic, Zone
from retrovue.station.numbers import number_order
from retrovue.station.policy import breaks_of, traffic_of
from retrovue.station.when import date_range, in_dates, weekdays
from retrovue.units import HOUR_US, SECOND_US

#: A shorter spot is a fault of the library, and endless many of them would fit.
SHORTEST_SPOT_US = SECOND_US

#: Long before anything aired.
NEVER = -(1 << 62)

UNCAPPED = 1 << 60

ANYWHERE, FIRST, LAST = 0, 1, 2
_POSITIONS = {"any": ANYWHERE, "first": FIRST, "last": LAST}

#: Lines of a checkpoint that traffic keeps; no path of a rotation begins with a space.
MEMORY = " traffic"
RUNS = " runs "


@dataclass(frozen=True, slots=True)
class Gate:
    """What must be true of a pod's time and programme before a spot may air in it. All must hold."""

    dayparts: tuple[tuple[tuple[int, int], ...], ...] = ()  #: of each: within one of these windows
    ratings: tuple[frozenset[str], ...] = ()  #: of each: the programme has one of these, casefolded
    promises: tuple[tuple[str, str], ...] = ()  #: (program, when)


class Inventory:
    """Every asset of every pool, numbered in the order of their ids; made once a compile."""

    def __init__(self, model: StationModel, shelf: Shelf) -> None:
        # Before the rules: who has read a whole pool has the spots at hand that the rules name.
        pools = {slug: shelf.pool(slug).assets for slug in sorted(model.pools)}
        rules: dict[str, list[Spot]] = {}
        for _, spot in sorted(model.spots.items()):
            for asset in _assets_of(spot, shelf):
                rules.setdefault(asset.id, []).append(spot)
        usable = {
            asset.id: asset
            for assets in pools.values()
            for asset in assets
            if asset.duration_us >= SHORTEST_SPOT_US
        }
        self.assets: list[Asset] = [usable[asset_id] for asset_id in sorted(usable)]
        number = {asset.id: n for n, asset in enumerate(self.assets)}
        self.number: Mapping[str, int] = number
        self.ids: list[str] = sorted(usable)
        #: The rules of each, by slug; one asset's own before those for a query.
        self.rules: list[tuple[Spot, ...]] = [
            tuple(sorted(rules.get(asset.id, ()), key=lambda spot: (spot.asset is None, spot.spot)))
            for asset in self.assets
        ]
        self.duration: list[int] = [asset.duration_us for asset in self.assets]
        self.advertisers = _Names()
        self.categories = _Names()
        self.advertiser: list[int] = []
        self.category: list[int] = []
        self.weight: list[float] = []
        self.position: list[int] = []
        self.gates: list[Gate] = [Gate()]
        self.gate: list[int] = []  #: index of ``gates``; 0 is always open
        self.cap: list[int] = []  #: airings of it in one broadcast day of a channel
        self.contracts: list[tuple[str, ...]] = []  #: slugs of the spots with ``runs``
        self.paced: list[bool] = []  #: comes when it is due, not in rotation
        self._read(model)
        #: Has it neither gate nor contract, and may it air anywhere in a pod?
        self.plain: list[bool] = [
            not gate and not contracts and position == ANYWHERE
            for gate, contracts, position in zip(self.gate, self.contracts, self.position, strict=True)
        ]
        self.pools: Mapping[str, PoolBook] = {
            slug: PoolBook(self, model.pools[slug], [number[a.id] for a in assets if a.id in number])
            for slug, assets in pools.items()
        }
        #: Is there any daily cap?
        self.counting = any(book.capped for book in self.pools.values())
        #: Those of the programs that say anything, in order of slug: thousands of programs say nothing.
        self.program_policies: tuple[Traffic, ...] = tuple(
            program.traffic
            for _, program in sorted(model.programs.items())
            if program.traffic.model_fields_set
        )
        policies = [model.station.traffic, *self.program_policies]
        policies += [channel.traffic for channel in model.channels]
        policies += [zone.traffic for plan in model.plans.values() for zone in plan.zones]
        #: Does anybody limit the advertising in an hour?
        self.limits_ads = any(policy.ads_per_hour is not None for policy in policies)

    def _read(self, model: StationModel) -> None:
        gates: dict[Gate, int] = {Gate(): 0}
        for asset, spots in zip(self.assets, self.rules, strict=True):
            said = [spot.advertiser for spot in spots if spot.advertiser]
            self.advertiser.append(self.advertisers.number(said[0] if said else asset.advertiser))
            said = [spot.category for spot in spots if spot.category]
            self.category.append(self.categories.number(said[0] if said else asset.category))
            self.weight.append(prod(spot.weight for spot in spots))
            places = [_POSITIONS[spot.position] for spot in spots if spot.position != "any"]
            self.position.append(places[0] if places else ANYWHERE)
            gate = Gate(
                (
                    *(tuple(spot.dayparts) for spot in spots if spot.dayparts),
                    *((windows_of(asset.dayparts),) if asset.dayparts else ()),
                ),
                tuple(frozenset(r.casefold() for r in spot.ratings) for spot in spots if spot.ratings),
                tuple((s.promotes.program, s.promotes.when) for s in spots if s.promotes is not None),
            )
            self.gate.append(gates.setdefault(gate, len(gates)))
            if len(gates) > len(self.gates):
                self.gates.append(gate)
            self.cap.append(min((s.daily_cap for s in spots if s.daily_cap is not None), default=UNCAPPED))
            self.contracts.append(tuple(spot.spot for spot in spots if spot.runs is not None))
            self.paced.append(any(spot.runs is not None and spot.flight for spot in spots))


class _Names:
    """Names as numbers; 0 is nobody."""

    def __init__(self) -> None:
        self.names: list[str] = [""]
        self._numbers: dict[str, int] = {"": 0}

    def number(self, name: str) -> int:
        found = self._numbers.setdefault(name, len(self.names))
        if found == len(self.names):
            self.names.append(name)
        return found

    def known(self, name: str) -> int | None:
        return self._numbers.get(name)


@dataclass(frozen=True, slots=True)
class Turns:
    """The spots of a pool that take turns on one date, in the pool's order."""

    members: tuple[int, ...]
    ascending: tuple[int, ...]  #: the same in the order of their numbers
    weights: tuple[float, ...]  #: of ``members``
    uneven: bool  #: is any weight not 1?
    shortest_us: int
    lengths: frozenset[int]


class PoolBook:
    """The assets of one pool, and those of them that may air on a date."""

    def __init__(self, inventory: Inventory, pool: Pool, members: Sequence[int]) -> None:
        self.pool = pool
        self.slug = pool.pool
        self.members = tuple(members)
        own = UNCAPPED if pool.daily_cap is None else pool.daily_cap
        self.caps: Mapping[int, int] = {n: min(own, inventory.cap[n]) for n in members}
        self.capped = any(cap < UNCAPPED for cap in self.caps.values())
        self.contracts: dict[str, tuple[int, ...]] = {}
        rotating: list[int] = []
        rules = inventory.rules
        for n in members:
            if not inventory.weight[n]:
                continue
            paced = [s for s in rules[n] if s.runs is not None and s.flight]
            for spot in paced:
                self.contracts[spot.spot] = (*self.contracts.get(spot.spot, ()), n)
            if not paced:
                rotating.append(n)
        self._inventory = inventory
        self._rotating = tuple(rotating)
        #: The rules of each that name dates; of those that have none, nothing has to be asked.
        self._dated = {n: dated for n in rotating if (dated := [s for s in rules[n] if s.flight or s.days])}
        self._dates = {spot.spot: spot for spots in self._dated.values() for spot in spots}
        #: The flights that their own assets name.
        self._flights = {n: words for n in rotating if (words := flights(inventory.assets[n]))}
        self._days: dict[date, Turns] = {}
        #: By the rules that bar their spots on the date, and the flights that it is not in.
        self._barring: dict[frozenset[str | tuple[str, ...]], Turns] = {}

    def __len__(self) -> int:
        return len(self.members)

    def on(self, day: date) -> Turns:
        """Those that take turns on the date: no contract paces them."""
        found = self._days.get(day)
        if found is None:
            rules = (slug for slug, spot in self._dates.items() if not may_air_on(spot, day))
            over = (w for w in self._flights.values() if not any(in_dates(word, day) for word in w))
            barred = frozenset[str | tuple[str, ...]]([*rules, *over])
            if barred not in self._barring:
                self._barring[barred] = self._turns(barred)
            found = self._days[day] = self._barring[barred]
        return found

    def _turns(self, barred: frozenset[str | tuple[str, ...]]) -> Turns:
        inventory, dated, own = self._inventory, self._dated, self._flights
        flying = [
            n
            for n in self._rotating
            if not barred
            or (own.get(n) not in barred and all(s.spot not in barred for s in dated.get(n, ())))
        ]
        if self.pool.mode is PlayMode.CHRONOLOGICAL:
            assets = inventory.assets
            flying.sort(key=lambda n: (assets[n].date or "~", n))
        weights = tuple(inventory.weight[n] for n in flying)
        return Turns(
            tuple(flying),
            tuple(sorted(flying)),
            weights,
            any(weight != 1.0 for weight in weights),
            min((inventory.duration[n] for n in flying), default=0),
            frozenset(inventory.duration[n] for n in flying),
        )


def _assets_of(spot: Spot, shelf: Shelf) -> Iterable[Asset]:
    if spot.asset is not None:
        asset = shelf.catalog.assets.get(spot.asset)
        if asset is not None and asset.eligible:
            yield asset
    if spot.spots is not None:
        yield from shelf.select(spot.spots).assets


# --- dates -----------------------------------------------------------------------------------------


def may_air_on(spot: Spot, day: date) -> bool:
    """Is the broadcast date within its flights, and one of its weekdays?"""
    if spot.flight and not any(in_dates(word, day) for word in spot.flight):
        return False
    return day.weekday() in _weekdays(spot.days)


@lru_cache(maxsize=1024)
def _weekdays(words: tuple[str, ...]) -> frozenset[int]:
    if not words:
        return frozenset(range(7))
    return frozenset(day for word in words for day in weekdays(word))


@dataclass(frozen=True, slots=True)
class Flight:
    """One flight of a contract: from its first to its last date, and how many of them it may air on."""

    word: str
    first: date
    last: date


def flight_of(spot: Spot, day: date) -> Flight | None:
    """The flight that the date is in; a contract without flights is in an endless one."""
    if not spot.flight:
        return Flight("", date.min, date.max)
    for word in spot.flight:
        if in_dates(word, day):
            first, last = date_range(word)
            if first[0] is not None and last[0] is not None:
                return Flight(word, date(first[0], *first[1:]), date(last[0], *last[1:]))
            year = day.year if (day.month, day.day) >= first[1:] else day.year - 1
            begin = _date(year, *first[1:])
            end = _date(year if first[1:] <= last[1:] else year + 1, *last[1:])
            return Flight(f"{begin}..{end}", begin, end)
    return None


def _date(year: int, month: int, day: int) -> date:
    """29 February is the last of February in a year that has none."""
    return date(year, month, day) if (month, day) != (2, 29) else date(year, 3, 1) - timedelta(days=1)


def run_days(spot: Spot, flight: Flight, day: date) -> tuple[int, int]:
    """(dates of the flight up to and with ``day`` on which it may air, all such dates)."""
    allowed = _weekdays(spot.days)
    return (
        _count(flight.first, min(day, flight.last), allowed),
        max(_count(flight.first, flight.last, allowed), 1),
    )


def _count(first: date, last: date, allowed: frozenset[int]) -> int:
    length = (last - first).days + 1
    if length <= 0:
        return 0
    weeks, rest = divmod(length, 7)
    start = first.weekday()
    return weeks * len(allowed) + sum((start + n) % 7 in allowed for n in range(rest))


def due_by(contracted: int, passed: int, whole: int) -> int:
    """How many airings are due when ``passed`` of ``whole`` days are over: evenly, and early rather than
    late, so that the last day is no day to catch up on."""
    return -(-contracted * passed // whole)


# --- contracts over channels -----------------------------------------------------------------------


def pools_of(model: StationModel, channel: Channel) -> frozenset[str]:
    """The pools that the channel's breaks may draw from, whatever the day."""
    found: set[str] = set()
    for how, traffic in _terms_of(model, channel):
        found.update(how.fill_with if traffic.pools is None else traffic.pools)
    return frozenset(found & model.pools.keys())


def framing_of(model: StationModel, channel: Channel) -> frozenset[str]:
    """The pools whose bumpers lead into the channel's breaks and back."""
    framing = (slug for how, _ in _terms_of(model, channel) for slug in (how.open_with, how.close_with))
    return frozenset(slug for slug in framing if slug is not None and slug in model.pools)


def _terms_of(model: StationModel, channel: Channel) -> Iterator[tuple[BreakFormat, Traffic]]:
    """What rules the breaks of each zone and program of the channel's own plans."""
    station = model.station
    if channel.simulcast is not None:
        return
    places: list[tuple[Zone | None, str]] = [(None, "")]  # zone, program
    for slug in channel.plans:
        plan = model.plans.get(slug)
        for own in plan.zones if plan else ():
            items = [*own.play, *own.at.values()]
            slugs = dict.fromkeys(item if isinstance(item, str) else item.program for item in items)
            places += [(own, program) for program in ("", *slugs)]
    for zone, slug in places:
        program = model.programs.get(slug)
        breaks = breaks_of(station, channel, zone, program)
        how = model.break_formats.get(breaks) if breaks else None
        if how is not None:
            yield how, traffic_of(station, channel, zone, program)


def contract_shares(model: StationModel, inventory: Inventory) -> dict[str, dict[str, int]]:
    """Channel → spot → the runs that are the channel's to deliver.

    A contract is the station's. Channels are compiled apart from each other, so each gets its part
    beforehand: even parts for all whose breaks draw from a pool that holds the spot, the first in order
    of number one more where it doesn't go up.
    """
    shares: dict[str, dict[str, int]] = {channel.channel: {} for channel in model.channels}
    contracts = {slug: spot.runs for slug, spot in sorted(model.spots.items()) if spot.runs is not None}
    if not contracts:
        return shares
    holders: dict[str, set[str]] = {}
    for slug, book in inventory.pools.items():
        for n in book.members:
            for contract in inventory.contracts[n]:
                holders.setdefault(contract, set()).add(slug)
    ordered = sorted(model.channels, key=lambda channel: number_order(channel.number))
    drawn = {channel.channel: pools_of(model, channel) for channel in ordered}
    for contract, runs in contracts.items():
        takers = [c.channel for c in ordered if drawn[c.channel] & holders.get(contract, set())]
        for place, channel in enumerate(takers):
            shares[channel][contract] = runs // len(takers) + (place < runs % len(takers))
    return shares


# --- what a channel remembers ----------------------------------------------------------------------


class Memory:
    """When each spot, advertiser and category of a channel aired last, and how often.

    Times are starts. What reaches beyond a broadcast day is written into its checkpoint and read back by
    the next compile, so it makes no difference where a compile begins.
    """

    def __init__(self, inventory: Inventory) -> None:
        self._inventory = inventory
        self.copy = [NEVER] * len(inventory.assets)
        self.advertiser = [NEVER] * len(inventory.advertisers.names)
        self.category = [NEVER] * len(inventory.categories.names)
        self.today: dict[int, int] = {}  #: spot → airings in the broadcast day
        self.tomorrow: dict[int, int] = {}
        self.hours: dict[int, int] = {}  #: hour of the clock since 1970 → advertising in it (µs)
        self.delivered: dict[str, int] = {}  #: "SLUG FLIGHT" → airings

    def turn_day(self) -> None:
        """A new broadcast day begins: what a programme aired beyond the end of the last one counts."""
        self.today, self.tomorrow = self.tomorrow, {}

    def note(self, inventory: Inventory, i: int, at: int, today: bool) -> None:
        """Spot ``i`` airs at ``at``."""
        self.copy[i] = at
        if a := inventory.advertiser[i]:  # nobody, 0, never airs
            self.advertiser[a] = at
        if c := inventory.category[i]:
            self.category[c] = at
        if inventory.counting:
            counts = self.today if today else self.tomorrow
            counts[i] = counts.get(i, 0) + 1

    def spend(self, wall_us: int, length_us: int) -> None:
        """Advertising of this length from ``wall_us`` on, by the clock on the wall."""
        for hour, part in hours_of(wall_us, length_us):
            self.hours[hour] = self.hours.get(hour, 0) + part

    def lines(self, end_us: int, hour: int, longest_us: int) -> dict[str, str]:
        """Checkpoint lines of a day whose last segment ends at ``end_us``; nothing that no rule needs.

        ``hour``: that of the clock then; ``longest_us``: the longest separation of the channel.
        """
        inventory, since = self._inventory, end_us - longest_us
        # The hour before comes again on the night when the clocks go back.
        self.hours = {n: us for n, us in sorted(self.hours.items()) if n >= hour - 1}
        memory: dict[str, dict[str, int]] = {
            "copy": {
                asset.id: at for asset, at in zip(inventory.assets, self.copy, strict=True) if at > since
            },
            "advertiser": _recent(inventory.advertisers.names, self.advertiser, since),
            "category": _recent(inventory.categories.names, self.category, since),
            "hours": {str(n): us for n, us in self.hours.items()},
            "aired": {inventory.assets[n].id: c for n, c in sorted(self.tomorrow.items())},
        }
        lines = {RUNS + key: str(count) for key, count in sorted(self.delivered.items())}
        if said := {name: value for name, value in memory.items() if value}:
            lines[MEMORY] = json.dumps(said, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
        return lines

    def read(self, lines: Mapping[str, str]) -> None:
        """Remember what ``lines`` wrote; anything else, and what has left the station since, is left out."""
        for line, text in lines.items():
            if line.startswith(RUNS) and text.isdecimal():
                self.delivered[line[len(RUNS) :]] = int(text)
        try:
            said = json.loads(lines.get(MEMORY, "{}"))
        except ValueError:
            return
        if not isinstance(said, dict):
            return

        def entries(name: str) -> list[tuple[str, int]]:
            found = said.get(name, {})
            return [(key, value) for key, value in found.items() if isinstance(value, int)]

        inventory = self._inventory
        number = inventory.number
        for asset_id, at in entries("copy"):
            if asset_id in number:
                self.copy[number[asset_id]] = at
        for names, times, part in (
            (inventory.advertisers, self.advertiser, "advertiser"),
            (inventory.categories, self.category, "category"),
        ):
            for name, at in entries(part):
                n = names.known(name)
                if n:
                    times[n] = at
        self.hours = {int(hour): us for hour, us in entries("hours") if hour.isdecimal()}
        self.tomorrow = {number[key]: n for key, n in entries("aired") if key in number}


def hours_of(wall_us: int, length_us: int) -> list[tuple[int, int]]:
    """The hours of the clock that an interval falls in, and its part in each."""
    hour, last = wall_us // HOUR_US, (wall_us + length_us - 1) // HOUR_US
    if hour == last:
        return [(hour, length_us)]
    end = wall_us + length_us
    edges = [wall_us, *((h + 1) * HOUR_US for h in range(hour, last)), end]
    return [(hour + n, edges[n + 1] - edges[n]) for n in range(last - hour + 1)]


def _recent(names: Sequence[str], times: Sequence[int], since: int) -> dict[str, int]:
    return {name: at for name, at in zip(names, times, strict=True) if name and at > since}


def traffic_lines(checkpoint: Mapping[str, str]) -> dict[str, str]:
    """Those of a checkpoint's lines that traffic keeps."""
    return {line: text for line, text in checkpoint.items() if line == MEMORY or line.startswith(RUNS)}


class TrafficDesk:
    """What all channels of a station share; made when it is first asked for."""

    def __init__(self, model: StationModel, shelf: Shelf) -> None:
        self._model, self._shelf = model, shelf

    @cached_property
    def inventory(self) -> Inventory:
        return Inventory(self._model, self._shelf)

    @cached_property
    def shares(self) -> Mapping[str, Mapping[str, int]]:
        """Channel → spot → the runs that are the channel's to deliver."""
        if all(spot.runs is None for spot in self._model.spots.values()):
            return {}
        return contract_shares(self._model, self.inventory)
