"""Playlist: every event as segments that tile its blocks to the microsecond; pure.

The leftover of a block (its length less the programme's) is shared over the breaks and the pod after the
programme. What no spot fits is closed by the break format's remainder, a synthetic of exactly that
length, right before the next grid line.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from itertools import pairwise

from retrovue.compiler.airing import Part
from retrovue.compiler.breaks import break_points, used_breaks
from retrovue.compiler.findings import Findings
from retrovue.compiler.model import ScheduleEvent, Segment, SegmentKind
from retrovue.compiler.schedule_day import Slot
from retrovue.compiler.shelf import Shelf
from retrovue.compiler.spots import Pod, Queue, Traffic, traffic_seed
from retrovue.library.catalog import Asset
from retrovue.station.model import BreakFormat, Channel, PlayMode, SpotKind, StationModel

#: What closes a block when no break format says otherwise.
DEFAULT_REMAINDER = "station-ident"
#: What airs when even the off-air asset can't.
LAST_RESORT = "test-pattern"


def asset_title(asset: Asset) -> str:
    """A name for people: the title, else the last word of the key."""
    return asset.title or asset.key.rsplit("/", 1)[-1]


class PlaylistMaker:
    """Makes the playlists of one channel."""

    def __init__(self, model: StationModel, channel: Channel, shelf: Shelf, findings: Findings) -> None:
        self._model = model
        self._channel = channel
        self._shelf = shelf
        self._findings = findings
        self._kinds = {slug: SegmentKind(pool.kind.value) for slug, pool in model.pools.items()}
        off_air = channel.off_air or model.station.off_air
        self._off_air = off_air if off_air in model.synthetics else LAST_RESORT

    def playlist(
        self, on: date, slots: Sequence[Slot], events: Sequence[ScheduleEvent]
    ) -> tuple[Segment, ...]:
        """The segments under one broadcast date's events; ``events[i]`` is what ``slots[i]`` shows."""
        traffics: dict[tuple[str, str, str], Traffic] = {}
        writer = _Writer(self._channel, on)
        for slot, event in zip(slots, events, strict=True):
            writer.begin(event)
            how = self.break_format(slot)
            if slot.airing is None:
                self._avails(writer, slot, how, on, traffics)
            elif slot.airing.endless:
                part = slot.airing.parts[0]
                writer.synthetic(part.kind, part.synthetic, self._title(part.synthetic), slot.end_us)
            else:
                self._programme(writer, slot, how, on, traffics)
        return tuple(writer.segments)

    def break_format(self, slot: Slot) -> BreakFormat | None:
        """The nearest that is named: the program's, the zone's, the channel's, the station's."""
        program = self._model.programs.get(slot.airing.item.program) if slot.airing else None
        zone = slot.zone
        named = (
            (program.breaks if program else None)
            or (zone.breaks if zone else None)
            or self._channel.breaks
            or self._model.station.breaks
        )
        return self._model.break_formats.get(named) if named else None

    def _programme(
        self,
        writer: _Writer,
        slot: Slot,
        how: BreakFormat | None,
        on: date,
        traffics: dict[tuple[str, str, str], Traffic],
    ) -> None:
        airing = slot.airing
        assert airing is not None
        leftover = slot.end_us - slot.start_us - airing.duration_us
        traffic = self._traffic(slot, how, on, traffics) if leftover else None
        breaks: list[int] = []
        if traffic is not None and not traffic.empty:
            breaks = used_breaks(break_points(airing.parts, how), leftover)
        pods: list[tuple[int, Pod]] = []
        for index, offset in enumerate(breaks):
            assert traffic is not None
            share = leftover // (len(breaks) + 1 - index)
            pod = traffic.pod(share, exact=False)
            leftover -= share - pod.left_us
            pods.append((offset, pod))
        for part, start, end in _pieces(airing.parts, [offset for offset, _ in pods]):
            while pods and pods[0][0] <= start[0]:
                self._pod(writer, pods.pop(0)[1])
            self._part(writer, part, start[1], end)
        if leftover:
            pod = traffic.pod(leftover, exact=True) if traffic is not None else Pod(left_us=leftover)
            self._pod(writer, pod)
            self._remainder(writer, how, slot.end_us)

    def _avails(
        self,
        writer: _Writer,
        slot: Slot,
        how: BreakFormat | None,
        on: date,
        traffics: dict[tuple[str, str, str], Traffic],
    ) -> None:
        """Blocks without a programme: filler where the break format has some, else the off-air picture."""
        fillers = [slug for slug in self._fill_with(how) if self._model.pools[slug].kind is SpotKind.FILLER]
        if slot.zone is not None and fillers:
            traffic = self._traffic(slot, how, on, traffics, only=fillers)
            if not traffic.empty:
                pod = traffic.pod(slot.end_us - slot.start_us, exact=True)
                self._pod(writer, pod)
                if pod.left_us:
                    self._remainder(writer, how, slot.end_us)
                return
        synthetic = self._model.synthetics[self._off_air]
        kind = SegmentKind(synthetic.shows.value)
        writer.synthetic(kind, self._off_air, self._title(self._off_air), slot.end_us)

    def _part(self, writer: _Writer, part: Part, in_us: int, length_us: int) -> None:
        if part.asset is None:
            end = writer.now + length_us
            writer.synthetic(part.kind, part.synthetic, self._title(part.synthetic), end)
        else:
            writer.physical(part.kind, part.asset, in_us, length_us, part.pool)

    def _pod(self, writer: _Writer, pod: Pod) -> None:
        for spot in pod.spots:
            writer.physical(self._kinds[spot.pool], spot.asset, 0, spot.duration_us, spot.pool)

    def _remainder(self, writer: _Writer, how: BreakFormat | None, end_us: int) -> None:
        slug = how.remainder if how is not None else DEFAULT_REMAINDER
        synthetic = self._model.synthetics.get(slug) or self._model.synthetics[DEFAULT_REMAINDER]
        kind = SegmentKind(synthetic.shows.value)
        writer.synthetic(kind, synthetic.synthetic, self._title(synthetic.synthetic), end_us)

    def _title(self, slug: str) -> str:
        return self._model.synthetics[slug].title or self._channel.name

    def _fill_with(self, how: BreakFormat | None) -> list[str]:
        return [slug for slug in how.fill_with if slug in self._model.pools] if how is not None else []

    def _traffic(
        self,
        slot: Slot,
        how: BreakFormat | None,
        on: date,
        traffics: dict[tuple[str, str, str], Traffic],
        only: Sequence[str] = (),
    ) -> Traffic:
        """The spots of this slot's zone today; several break formats in one zone have each their own."""
        zone = f"{slot.plan.plan}/{slot.plan.zones[slot.zone_index].zone}" if slot.plan else ""
        key = (zone, how.break_format if how else "", "filler" if only else "")
        if key not in traffics:

            def queue(pool: str) -> Queue:
                seed = traffic_seed(
                    self._model.station.seed, self._channel.channel, "/".join(key), pool, on.isoformat()
                )
                candidates = self._shelf.pool(pool)
                mode = self._model.pools[pool].mode if pool in self._model.pools else PlayMode.SHUFFLE
                made = Queue(pool, mode, candidates, seed)
                if not len(made):
                    self._no_spots(pool)
                return made

            if how is None:
                traffics[key] = Traffic([], None, None)
            else:
                traffics[key] = Traffic(
                    [queue(pool) for pool in only or self._fill_with(how)],
                    queue(how.open_with) if how.open_with and not only else None,
                    queue(how.close_with) if how.close_with and not only else None,
                )
        return traffics[key]

    def _no_spots(self, slug: str) -> None:
        pool = self._model.pools.get(slug)
        self._findings.warn(
            "no-spots",
            slug,
            f"pool “{slug}” is empty: no ready and approved spot of a second or more answers its query",
            pool.place("spots") if pool else None,
            help="its share of every break goes to the other pools, or to the ident",
            always=True,
        )


class _Writer:
    """Writes segments one after the other, so that they can't but tile."""

    def __init__(self, channel: Channel, on: date) -> None:
        self._channel = channel.channel
        self._on = on
        self._event_id = 0
        self.now = 0
        self.segments: list[Segment] = []

    def begin(self, event: ScheduleEvent) -> None:
        self._event_id = event.event_id
        self.now = event.start_us

    def physical(self, kind: SegmentKind, asset: Asset, in_us: int, length_us: int, pool: str) -> None:
        start, self.now = self.now, self.now + length_us
        self.segments.append(
            Segment(
                self._channel,
                self._on,
                len(self.segments),
                start,
                self.now,
                kind,
                self._event_id,
                asset.id,
                in_us,
                "",
                asset_title(asset),
                pool,
            )
        )

    def synthetic(self, kind: SegmentKind, slug: str, title: str, end_us: int) -> None:
        """Up to ``end_us``; nothing when that is now."""
        if end_us <= self.now:
            return
        start, self.now = self.now, end_us
        self.segments.append(
            Segment(
                self._channel,
                self._on,
                len(self.segments),
                start,
                end_us,
                kind,
                self._event_id,
                "",
                0,
                slug,
                title,
            )
        )


def _pieces(parts: Sequence[Part], offsets: Sequence[int]) -> list[tuple[Part, tuple[int, int], int]]:
    """The programme cut at the offsets: part, (offset in the programme, offset in the part), length."""
    pieces: list[tuple[Part, tuple[int, int], int]] = []
    start = 0
    for part in parts:
        end = start + part.duration_us
        cuts = [start, *(offset for offset in offsets if start < offset < end), end]
        pieces += [(part, (a, a - start), b - a) for a, b in pairwise(cuts) if a < b]
        start = end
    return pieces
