"""Playlist: every event as segments that tile its blocks to the microsecond; pure.

The leftover of a block (its length less the programme's) is shared over the breaks and the pod after the
programme. What no spot fits is closed by the break format's remainder, a synthetic of exactly that
length, right before the next grid line.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from retrovue.broadcast_day import BroadcastDay, Calendar
from retrovue.compiler.airing import Part
from retrovue.compiler.breaks import break_points, used_breaks
from retrovue.compiler.contracts import Chances, Contracts
from retrovue.compiler.findings import Findings
from retrovue.compiler.lane import RULE_BITS, Lane, LaneRules, Moment, ShutUntil, traffic_seed
from retrovue.compiler.model import Delivery, FillReport, ScheduleEvent, Segment, SegmentKind
from retrovue.compiler.outlook import Outlook, WallHours, program_of
from retrovue.compiler.schedule_day import Slot
from retrovue.compiler.segments import Material, Materials, Segments, SegmentWriter
from retrovue.compiler.spots import Pod, PodFiller
from retrovue.compiler.traffic import Inventory, Memory, PoolBook, pools_of
from retrovue.library.catalog import Asset
from retrovue.station.model import BreakFormat, Channel, Program, Separation, SpotKind, StationModel
from retrovue.station.model import Traffic as TrafficPolicy
from retrovue.station.policy import breaks_of, max_fill_of, overlays_of, traffic_of
from retrovue.units import HOUR_US, MINUTE_US, from_us

#: What closes a block when no break format says otherwise.
DEFAULT_REMAINDER = "station-ident"
#: What airs when even the off-air asset can't.
LAST_RESORT = "test-pattern"
#: Fill is limited per half hour; longer gaps are filled in pieces of one.
HALF_HOUR_US = HOUR_US // 2


def asset_title(asset: Asset) -> str:
    """A name for people: the title, else the last word of the key."""
    return asset.title or asset.key.rsplit("/", 1)[-1]


@dataclass(frozen=True, slots=True)
class Playlist:
    """The segments under one broadcast date's events, and what they leave behind."""

    segments: Segments
    memory: Mapping[str, str]  #: traffic's lines of the checkpoint at the day's end
    fill: FillReport


@dataclass(frozen=True, slots=True)
class _Terms:
    """What rules the breaks of a program in a zone: everything inherited is filled in."""

    key: str  #: names the rotation of its spots
    how: BreakFormat | None
    pools: tuple[str, ...]  #: that fill, in turn
    fillers: tuple[str, ...]  #: those of them that fill blocks without a programme
    rules: Mapping[str, LaneRules]  #: by pool
    overlays: tuple[str, ...]
    over_spots: tuple[str, ...]  #: those of the overlays that are shown over spots, too


class PlaylistMaker:
    """Makes the playlists of one channel, day after day."""

    def __init__(
        self,
        model: StationModel,
        channel: Channel,
        calendar: Calendar,
        inventory: Inventory,
        shares: Mapping[str, int],
        findings: Findings,
    ) -> None:
        """``shares``: the runs that are this channel's to deliver (``traffic.contract_shares``)."""
        self._model = model
        self._channel = channel
        self._calendar = calendar
        self._inventory = inventory
        self._findings = findings
        self._kinds = {slug: SegmentKind(pool.kind.value) for slug, pool in model.pools.items()}
        off_air = channel.off_air or model.station.off_air
        self._off_air = off_air if off_air in model.synthetics else LAST_RESORT
        self._terms: dict[tuple[str, int, str], _Terms] = {}
        self.materials = Materials()
        #: Pool and overlays over its spots → number of a spot → number of the material.
        self._spots: dict[tuple[str, tuple[str, ...]], dict[int, int]] = {}
        #: By identity of the asset, which is kept: what it is shown as, and the number of that.
        self._parts: dict[tuple[int, tuple[str, ...]], tuple[Part, int]] = {}
        self._synthetics: dict[tuple[SegmentKind, str, tuple[str, ...]], int] = {}
        self._hours = WallHours(calendar.zone)
        self._memory = Memory(inventory)
        self._contracts = Contracts(
            model.spots, {s: n for s, n in shares.items() if s in model.spots}, self._memory
        )
        self._pools = pools_of(model, channel)
        #: Rules that may be given up, in the order in which that is declared: nearest first, pools last.
        policies = _policies(model, channel, inventory)
        declared = [policy.relax or () for policy in reversed(policies)]
        declared += [model.pools[slug].relax for slug in sorted(self._pools)]
        self.relaxing = tuple(dict.fromkeys(rule for relax in declared for rule in relax))
        books = [inventory.pools[slug] for slug in self._pools]
        #: The longest separation: what aired longer ago is forgotten at the day's end.
        self.longest_us = max(
            (us for book in books for policy in policies for us in _apart(book, policy)),
            default=0,
        )
        #: Does what airs depend on what aired on earlier days? Then days before the first one asked for are
        #: to be played, too (``playlist``, in order), unless a checkpoint says what they left behind.
        self.remembers = bool(
            self.longest_us
            or any(inventory.contracts[n] for book in books for n in book.members)
            or any(book.capped for book in books)
            or inventory.limits_ads
        )
        #: Does it depend on the programmes of the next day?
        self.looks_ahead = any(
            inventory.gates[inventory.gate[n]].promises for book in books for n in book.members
        )

    def resume(self, lines: Mapping[str, str]) -> None:
        """Go on from a checkpoint's lines; those of others are left alone."""
        self._memory = Memory(self._inventory)
        self._memory.read(lines)
        self._contracts.resume(self._memory)

    def playlist(
        self,
        on: date,
        slots: Sequence[Slot],
        events: Sequence[ScheduleEvent],
        ahead: Sequence[Slot] = (),
        taken: Sequence[Segment] = (),
    ) -> Playlist:
        """The segments under one broadcast date's events; ``events[i]`` is what ``slots[i]`` shows.

        ``ahead``: the slots that start on the next date, for promos. ``taken``: what airs on the date
        before them and is settled. Days are asked for in order, each
        once: what one airs is remembered by the next.
        """
        day = self._calendar.day(on)
        self._memory.turn_day()
        outlook = Outlook(self._calendar, day, slots, [event.rating for event in events], ahead)
        writer = SegmentWriter(self._channel.channel, on, self.materials, len(taken))
        run = _Day(self, on, day, outlook, writer)
        self._contracts.begin(on, self._chances(run, slots))
        run.take(taken)
        for index, (slot, event) in enumerate(zip(slots, events, strict=True)):
            run.slot(index, slot, event)
        end_us = max(slots[-1].end_us, day.end_us) if slots else day.end_us
        hour = (end_us + self._hours.offset_us(end_us)) // HOUR_US
        return Playlist(
            run.writer.finished(),
            self._memory.lines(end_us, hour, self.longest_us) if self.remembers else {},
            run.report(self._contracts.report()),
        )

    def _chances(self, run: _Day, slots: Sequence[Slot]) -> Chances:
        """When a contracted spot may air today: the programmes in whose breaks its pools are."""
        inventory = self._inventory
        #: (pool, gate) → starts
        found: dict[tuple[str, int], list[int]] = {}
        leftover = [(n, slot, self.terms(slot)) for n, slot in enumerate(slots) if _leftover(slot)]

        def starts(pool: str, gate: int) -> list[int]:
            key = (pool, gate)
            if key not in found:
                found[key] = [
                    slot.start_us
                    for n, slot, terms in leftover
                    if pool in terms.pools and not run.shut_until(gate, n, slot.start_us, slot.start_us + 1)
                ]
            return found[key]

        def chances(contract: str) -> list[int]:
            pairs = {
                (slug, inventory.gate[n])
                for slug in self._pools
                for n in inventory.pools[slug].contracts.get(contract, ())
            }
            return sorted({us for slug, gate in pairs for us in starts(slug, gate)})

        return chances

    # --- policies ------------------------------------------------------------------------------------

    def terms(self, slot: Slot) -> _Terms:
        """The policies of the slot: the nearest of program, zone, channel and station that speaks."""
        slug = program_of(slot)
        program = self._model.programs.get(slug)
        key = (slot.plan.plan if slot.plan else "", slot.zone_index, slug if program is not None else "")
        found = self._terms.get(key)
        if found is None:
            found = self._terms[key] = self._read_terms(slot, program)
        return found

    def _read_terms(self, slot: Slot, program: Program | None) -> _Terms:
        model, channel, zone = self._model, self._channel, slot.zone
        station = model.station
        named = breaks_of(station, channel, zone, program)
        how = model.break_formats.get(named) if named else None
        policy = traffic_of(station, channel, zone, program)
        pools: tuple[str, ...] = ()
        if how is not None:
            wanted = how.fill_with if policy.pools is None else policy.pools
            pools = tuple(slug for slug in wanted if slug in model.pools)
        path = f"{slot.plan.plan}/{zone.zone}" if slot.plan and zone else ""
        key = "/".join((path, how.break_format if how else "", ""))
        if program is not None and program.traffic.model_fields_set:
            key += f"/{program.program}"  # a policy of its own has a rotation of its own
        framing = (how.open_with, how.close_with) if how is not None else ()
        overlays = tuple(
            slug for slug in overlays_of(station, channel, zone, program) if slug in model.overlays
        )
        return _Terms(
            key,
            how,
            pools,
            tuple(slug for slug in pools if model.pools[slug].kind is SpotKind.FILLER),
            {
                slug: lane_rules(self._inventory.pools[slug], policy)
                for slug in (*pools, *framing)
                if slug is not None and slug in model.pools
            },
            overlays,
            tuple(slug for slug in overlays if model.overlays[slug].over_ads),
        )

    # --- what a day asks for ---------------------------------------------------------------------------

    def spots(self, pool: str, overlays: tuple[str, ...]) -> dict[int, int]:
        """Numbers of the materials that a pool's spots are, as far as they are known (``spot``)."""
        return self._spots.setdefault((pool, overlays), {})

    def spot(self, number: int, pool: str, overlays: tuple[str, ...]) -> int:
        """The number of the material that a spot is."""
        asset = self._inventory.assets[number]
        material = Material(
            self._kinds[pool], asset.id, title=asset_title(asset), pool=pool, overlays=overlays
        )
        found = self.spots(pool, overlays)[number] = self.materials.number(material)
        return found

    def part(self, part: Part, overlays: tuple[str, ...]) -> int:
        """The number of the material that a part with an asset is."""
        asset = part.asset
        assert asset is not None
        key = (id(asset), overlays)
        known = self._parts.get(key)
        if known is not None and (known[0].kind, known[0].pool) == (part.kind, part.pool):
            return known[1]
        material = Material(part.kind, asset.id, title=asset_title(asset), pool=part.pool, overlays=overlays)
        number = self.materials.number(material)
        self._parts[key] = (part, number)
        return number

    def synthetic(self, kind: SegmentKind, slug: str, overlays: tuple[str, ...]) -> int:
        """The number of the material that a generated picture is."""
        key = (kind, slug, overlays)
        found = self._synthetics.get(key)
        if found is None:
            title = self._model.synthetics[slug].title or self._channel.name
            material = Material(kind, synthetic=slug, title=title, overlays=overlays)
            found = self._synthetics[key] = self.materials.number(material)
        return found

    def filler(self, run: _Day, terms: _Terms, fillers_only: bool) -> PodFiller:
        """The lanes of a zone today, begun anew."""
        how, inventory = terms.how, self._inventory
        moment = Moment(0, 0, run.day.end_us, self._hours.offset_us, run.shut_until)
        lanes: dict[str, Lane] = {}

        def lane(slug: str | None) -> Lane | None:
            if slug is None or slug not in inventory.pools:
                return None
            if slug not in lanes:
                book = inventory.pools[slug]
                key = terms.key + ("filler" if fillers_only else "")
                seed = traffic_seed(
                    self._model.station.seed, self._channel.channel, key, slug, run.on.isoformat()
                )
                rules = terms.rules.get(slug, LaneRules())
                lanes[slug] = Lane(
                    book, book.on(run.on), inventory, self._memory, moment, self._contracts, rules, seed
                )
                if not len(book):
                    self._no_spots(slug)
            return lanes[slug]

        pools = terms.fillers if fillers_only else terms.pools
        fill = [made for slug in pools if (made := lane(slug)) is not None]
        framed = how is not None and not fillers_only
        return PodFiller(
            fill,
            lane(how.open_with) if framed and how is not None else None,
            lane(how.close_with) if framed and how is not None else None,
            inventory,
            self._memory,
            moment,
            self._contracts,
        )

    def _no_spots(self, slug: str) -> None:
        pool = self._model.pools.get(slug)
        self._findings.warn(
            "no-spots",
            slug,
            f"pool “{slug}” is empty: no ready and approved spot of a second or more answers its query",
            pool.place("spots") if pool else None,
            help="its share of every break goes to the other pools, or to the ident",
        )

    def too_much_fill(self, slot: Slot, event: ScheduleEvent, leftover_us: int) -> None:
        """Say which block has more interstitials than ``max_fill`` allows."""
        allowed = max_fill_of(self._model.station, self._channel, slot.zone)
        length = slot.end_us - slot.start_us
        if leftover_us * HALF_HOUR_US <= allowed * length:
            return
        at = from_us(slot.start_us).astimezone(self._calendar.zone)
        minutes = leftover_us * HALF_HOUR_US / length / MINUTE_US
        self._findings.warn(
            "max-fill",
            (self._channel.channel, event.plan, event.zone, event.program),
            f"channel “{self._channel.channel}” airs {minutes:.1f} min of interstitials in half an hour at "
            f"{at:%H:%M} on {at:%a %d %b %Y}, around “{event.title}”",
            slot.plan.place("zones", slot.zone_index) if slot.plan else None,
            help="choose programmes that fill their blocks, a finer grid, or a higher max_fill",
        )


class _Day:
    """One broadcast date in the making."""

    def __init__(
        self, maker: PlaylistMaker, on: date, day: BroadcastDay, outlook: Outlook, writer: SegmentWriter
    ) -> None:
        self._maker = maker
        self.on, self.day, self.writer = on, day, writer
        gates = maker._inventory.gates
        # No method: what the day makes must not hold the day, or memory would have to be searched for both.
        self.shut_until: ShutUntil = lambda gate, slot, start_us, end_us: (
            outlook.shut_until(gates[gate], slot, start_us, end_us) if gate else 0
        )
        self._fillers: dict[str, PodFiller] = {}
        self._spot_us = self._ident_us = self._spots = self._pods = 0
        self._relaxed: Counter[int] = Counter()

    def take(self, segments: Sequence[Segment]) -> None:
        """Remember and report what is settled."""
        maker = self._maker
        memory, inventory = maker._memory, maker._inventory
        programmes = (SegmentKind.PROGRAM, SegmentKind.TEST_PATTERN)
        for segment in segments:
            number = inventory.number.get(segment.asset_id) if segment.pool else None
            if number is not None:
                is_ad = segment.kind is SegmentKind.AD
                at = segment.start_us
                memory.note(inventory, number, at, at < self.day.end_us)
                if is_ad and inventory.limits_ads:
                    memory.spend(at + maker._hours.offset_us(at), segment.duration_us)
                if inventory.contracts[number]:
                    maker._contracts.deliver(inventory.contracts[number])
                self._spot_us += segment.duration_us
                self._spots += 1
            elif segment.synthetic and segment.kind not in programmes:
                self._ident_us += segment.duration_us

    def slot(self, index: int, slot: Slot, event: ScheduleEvent) -> None:
        """Fill the blocks of one event."""
        terms = self._maker.terms(slot)
        self._index = index
        self._overlays, self._over_spots = terms.overlays, terms.over_spots
        self.writer.begin(event.event_id, event.start_us)
        if slot.airing is None:
            self._avails(slot, terms)
        elif slot.airing.endless:
            part = slot.airing.parts[0]
            self._synthetic(part.kind, part.synthetic, slot.end_us)
        else:
            self._programme(slot, terms, event)

    def report(self, deliveries: tuple[Delivery, ...]) -> FillReport:
        return FillReport(
            self._spot_us,
            self._ident_us,
            self._spots,
            self._pods,
            tuple(
                (rule.value, self._relaxed[RULE_BITS[rule]])
                for rule in self._maker.relaxing
                if self._relaxed[RULE_BITS[rule]]
            ),
            deliveries,
        )

    def _programme(self, slot: Slot, terms: _Terms, event: ScheduleEvent) -> None:
        airing = slot.airing
        assert airing is not None
        leftover = slot.end_us - slot.start_us - airing.duration_us
        filler = self._filler(terms) if leftover else None
        breaks: list[int] = []
        if filler is not None and not filler.empty:
            breaks = used_breaks(break_points(airing.parts, terms.how), leftover)
        if leftover:
            self._maker.too_much_fill(slot, event, leftover)
        coming = deque(breaks)
        offset = 0
        for part in airing.parts:
            start, end = offset, offset + part.duration_us
            while coming and coming[0] < end:
                point = coming.popleft()
                assert filler is not None
                share = leftover // (len(coming) + 2)
                at = self.writer.now + point - offset
                pod = filler.pod(at, share, exact=False)
                if pod.spots:
                    self._part(part, offset - start, point - offset)
                    offset = point
                    self._write(pod)
                    leftover -= share - pod.left_us
            self._part(part, offset - start, end - offset)
            offset = end
        if leftover:
            if filler is not None:
                self._write(filler.pod(self.writer.now, leftover, exact=True))
            self._remainder(terms.how, slot.end_us)

    def _avails(self, slot: Slot, terms: _Terms) -> None:
        """Blocks without a programme: filler where the break format has some, else the off-air picture."""
        if slot.zone is not None and terms.fillers:
            filler = self._filler(terms, fillers_only=True)
            if not filler.empty:
                # Piece by piece, so that a rule about the time of day is asked again and again.
                while (room := slot.end_us - self.writer.now) > 0:
                    exact = room < 2 * HALF_HOUR_US
                    pod = filler.pod(self.writer.now, room if exact else HALF_HOUR_US, exact)
                    self._write(pod)
                    if exact or not pod.spots:
                        break
                self._remainder(terms.how, slot.end_us)
                return
        off_air = self._maker._off_air
        kind = SegmentKind(self._maker._model.synthetics[off_air].shows.value)
        self._synthetic(kind, off_air, slot.end_us)

    def _filler(self, terms: _Terms, fillers_only: bool = False) -> PodFiller:
        """The spots of this slot's zone today; several break formats in one zone have each their own."""
        key = terms.key + ("filler" if fillers_only else "")
        found = self._fillers.get(key)
        if found is None:
            found = self._fillers[key] = self._maker.filler(self, terms, fillers_only)
        found.moment.slot = self._index
        return found

    def _part(self, part: Part, in_us: int, length_us: int) -> None:
        if length_us <= 0:
            return
        if part.asset is None:
            self._synthetic(part.kind, part.synthetic, self.writer.now + length_us)
            return
        overlays = self._overlays if part.main else self._over_spots
        self.writer.write(self._maker.part(part, overlays), in_us, length_us)

    def _synthetic(self, kind: SegmentKind, slug: str, end_us: int) -> None:
        if end_us > self.writer.now:
            material = self._maker.synthetic(kind, slug, self._over_spots)
            self.writer.write(material, 0, end_us - self.writer.now)

    def _write(self, pod: Pod) -> None:
        if not pod.spots:
            return
        maker, writer, overlays = self._maker, self.writer, self._over_spots
        duration = maker._inventory.duration
        start_us = writer.now
        shown = []
        lane: Lane | None = None
        for i, of in pod.spots:
            if of is not lane:
                lane, pool = of, of.book.slug
                known = maker.spots(pool, overlays)
            found = known.get(i)
            shown.append((maker.spot(i, pool, overlays) if found is None else found, duration[i]))
        writer.write_whole(shown)
        self._spot_us += writer.now - start_us
        self._pods += 1
        self._spots += len(shown)
        if pod.relaxed:
            self._relaxed.update(pod.relaxed)

    def _remainder(self, how: BreakFormat | None, end_us: int) -> None:
        synthetics = self._maker._model.synthetics
        slug = how.remainder if how is not None else DEFAULT_REMAINDER
        synthetic = synthetics.get(slug) or synthetics[DEFAULT_REMAINDER]
        kind = SegmentKind(synthetic.shows.value)
        self._ident_us += max(0, end_us - self.writer.now)
        self._synthetic(kind, synthetic.synthetic, end_us)


def _leftover(slot: Slot) -> bool:
    airing = slot.airing
    return airing is not None and not airing.endless and airing.duration_us < slot.end_us - slot.start_us


def _policies(model: StationModel, channel: Channel, inventory: Inventory) -> list[TrafficPolicy]:
    """Every traffic policy that the channel's breaks may fall under; too many do no harm."""
    zones = [zone for slug in channel.plans if slug in model.plans for zone in model.plans[slug].zones]
    said = [channel.traffic, *(zone.traffic for zone in zones)]
    said = [policy for policy in said if policy.model_fields_set]
    return [model.station.traffic, *said, *inventory.program_policies]


def _apart(book: PoolBook, policy: TrafficPolicy) -> tuple[int, ...]:
    rules = lane_rules(book, policy)
    return rules.copy_us, rules.advertiser_us, rules.category_us


def lane_rules(book: PoolBook, policy: TrafficPolicy) -> LaneRules:
    """The pool's rules and the policy's together: the longer separation holds."""
    own, said = book.pool.separation, policy.separation or Separation()
    relax = book.pool.relax if policy.relax is None else policy.relax
    return LaneRules(
        max(own.copy_ or 0, said.copy_ or 0),
        max(own.advertiser or 0, said.advertiser or 0),
        max(own.category or 0, said.category or 0),
        tuple(RULE_BITS[rule] for rule in relax),
        policy.ads_per_hour,
    )
