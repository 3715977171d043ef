"""Rundown: what every channel airs in the coming hours and the guide of the coming days, as one piece of
memory; pure.

A station of a thousand channels has some hundred thousand segments and as many lines of guide. As values
they would take a gigabyte, and nobody looks at most of them: a channel that is not watched needs no playlog,
and a line of the guide is read once in a while. So they are packed (``Packer``), some thirty bytes each, what
they say told once and compressed (``_Texts``), and made into values when somebody asks (``Rundown``). It
stays in memory as a whole: the event loop must not wait for a disk, and a reader sees one whole generation of
the playlog.

Packed and read by the same version of RetroVue, in two processes of one station (roll.py). No file format.
"""

from __future__ import annotations

import hashlib
import json
import pickle
import struct
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, astuple, dataclass, fields
from datetime import date
from functools import lru_cache, partial
from typing import Any, overload

from retrovue.compiler.model import (
    ArtefactHeader,
    CompiledChannel,
    CompiledOverlay,
    CompiledSynthetic,
    ScheduleEvent,
    Segment,
    SegmentKind,
)
from retrovue.credits import Credit
from retrovue.library.catalog import PARTS, Asset, AssetState

#: Generation, content hash of the artefact, when it was cut, start and end (µs): store.generations.Cut.
CutRow = tuple[int, str, int, int, int]

#: An event: start, end, guide id, broadcast date, title, what else it says, what stands in for it (the last
#: three are numbers of texts).
_EVENT = struct.Struct("<qqIIIII")
_ID_OFFSET = 16  #: of the guide id in it
#: A segment: start, end, offset into the asset, guide id, broadcast date, number, what it shows.
_SEGMENT = struct.Struct("<qqqIIII")
#: A use: first airing, end of the last, least and greatest offset, asset, channel (numbers of texts).
_USE = struct.Struct("<qqqqII")
#: An entry of the table of assets: where its id begins and ends among the ids, and the number of its text.
_ASSET = struct.Struct("<III")
_ID = struct.Struct("<I")  #: a guide id, as it stands in an event
#: Where a block of texts begins among the blocks.
_BLOCK = struct.Struct("<I")
_SIZES = struct.Struct("<QQQQQQQ")
#: So many texts are compressed together. One text costs the whole block to read: some 20 µs…
_TEXTS_A_BLOCK = 128
#: …so that many blocks are kept as they were read last: who reads a guide reads it in order.
_BLOCKS_KEPT = 32
#: Credits kept as values: those who look at a guide look at reruns, too.
_CREDITS_KEPT = 256
_START = struct.Struct("<q")


@dataclass(frozen=True, slots=True)
class Use:
    """What a stretch of the schedule wants of one asset."""

    asset_id: str
    collection: str
    path: str  #: within its collection
    start_us: int  #: when it airs first in that stretch
    in_us: int  #: the least offset into it…
    out_us: int  #: …and the greatest
    channel: str  #: that airs it first
    end_us: int  #: when its last airing there ends


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a channel's rows are."""

    channel: CompiledChannel
    events: int  #: number of its first event
    event_count: int
    segments: int  #: offset of its packed segments
    segments_size: int
    end_us: int  #: where its last segment ends; 0: it has none


@dataclass(frozen=True, slots=True)
class _Head:
    """What is needed at once, and so kept as values."""

    header: ArtefactHeader
    cut: CutRow
    places: tuple[_Place, ...]
    synthetics: Mapping[str, CompiledSynthetic]
    overlays: Mapping[str, CompiledOverlay]
    templates: Mapping[str, str]
    pictures: int  #: number of the text that has the guide's pictures
    barred: Mapping[str, str]  #: asset that may not air any more → why


class Packer:
    """Packs a rundown, channel by channel, in the order of the lineup."""

    def __init__(self) -> None:
        self._places: list[_Place] = []
        self._texts: list[bytes] = []
        self._known: dict[bytes, int] = {}
        self._events, self._segments, self._uses = bytearray(), bytearray(), bytearray()
        self._assets: list[tuple[bytes, bytes]] = []
        self._credited: dict[str, int] = {}  #: asset id → place of its credits
        self._pictures: dict[str, tuple[str, str]] = {}  #: their names → (collection, path)
        self._barred: dict[str, str] = {}

    def channel(
        self, channel: CompiledChannel, events: Iterable[ScheduleEvent], segments: Iterable[Segment]
    ) -> None:
        """The next channel, with its events and segments in order."""
        first, count = len(self._events) // _EVENT.size, 0
        for event in events:
            count += 1
            says = [*(getattr(event, name) for name in _SAYS), self._credits(event), event.artwork]
            if picture := picture_of(event):
                self._pictures[picture] = (_collection(event), event.artwork)
            self._events += _EVENT.pack(
                event.start_us,
                event.end_us,
                event.event_id,
                event.broadcast_date.toordinal(),
                self._text(_spelt(event.title)),
                self._text(_spelt(says)),
                self._text(_spelt(event.fallbacks)),
            )
        rows, end_us = bytearray(), 0
        for segment in segments:
            end_us = segment.end_us
            shows = [getattr(segment, name) for name in _SHOWS]
            rows += _SEGMENT.pack(
                segment.start_us,
                segment.end_us,
                segment.in_us,
                segment.event_id,
                segment.broadcast_date.toordinal(),
                segment.seq,
                self._text(_spelt(shows)),
            )
        packed = zlib.compress(rows, 6)
        at = len(self._segments)
        self._segments += packed
        self._places.append(_Place(channel, first, count, at, len(packed), end_us))

    def _credits(self, event: ScheduleEvent) -> int | None:
        """Where the event's credits are among the texts; None: it has none."""
        if not event.credits:
            return None
        place = self._credited.get(event.asset_id)
        if place is None:
            spelt = _spelt([astuple(credit) for credit in event.credits])
            place = self._credited[event.asset_id] = self._text(spelt)
        return place

    def asset(self, asset: Asset) -> None:
        """One asset of a playlist, fallbacks included; each once."""
        if asset.barred:
            self._barred[asset.id] = asset.barred
        said = {f.name: v for f in fields(asset) if (v := getattr(asset, f.name)) != f.default}
        for name in PARTS.keys() & said.keys():
            said[name] = [asdict(part) for part in said[name]]
        said["extra"] = dict(asset.extra)
        self._assets.append((asset.id.encode(), _spelt(said)))

    def use(self, use: Use) -> None:
        """One use of an asset; those that come first first."""
        of_asset = self._text(_spelt([use.asset_id, use.collection, use.path]))
        of_channel = self._text(_spelt([use.channel]))
        self._uses += _USE.pack(use.start_us, use.end_us, use.in_us, use.out_us, of_asset, of_channel)

    def finish(
        self,
        header: ArtefactHeader,
        cut: CutRow,
        synthetics: Mapping[str, CompiledSynthetic],
        overlays: Mapping[str, CompiledOverlay],
        templates: Mapping[str, str],
    ) -> bytes:
        """All of it."""
        table, ids = bytearray(), bytearray()
        for asset_id, said in sorted(self._assets):
            table += _ASSET.pack(len(ids), len(ids) + len(asset_id), self._text(said))
            ids += asset_id
        pictures = self._text(_spelt(self._pictures))
        index, blocks = _compressed(self._texts)
        head = _Head(
            header,
            cut,
            tuple(self._places),
            dict(synthetics),
            dict(overlays),
            dict(templates),
            pictures,
            self._barred,
        )
        coded = pickle.dumps(head)
        parts = (coded, self._events, self._segments, self._uses, table, ids, index)
        return b"".join((_SIZES.pack(*map(len, parts)), *parts, blocks))

    def _text(self, text: bytes) -> int:
        number = self._known.get(text)
        if number is None:
            number = self._known[text] = len(self._texts)
            self._texts.append(text)
        return number


def picture_of(event: ScheduleEvent) -> str:
    """The name of the event's picture, the same for all that show the same file; empty: it has none."""
    if not event.artwork:
        return ""
    where = f"{_collection(event)}/{event.artwork}".encode("utf-8", "surrogatepass")
    return hashlib.sha256(where).hexdigest()[:24]


def _collection(event: ScheduleEvent) -> str:
    return event.asset_id.partition("/")[0]


#: What an event says beside its title; behind it stand where its credits are, or null, and its picture. An
#: episode says the same wherever and whenever it airs, under whatever name. What explains a schedule (plan,
#: zone, program, where it is written) is left out: it isn't needed to air it.
_SAYS = (
    "subtitle",
    "description",
    "season",
    "episode",
    "year",
    "original_date",
    "categories",
    "rating",
    "kind",
    "asset_id",
)
#: What a segment shows, but for when.
_SHOWS = ("kind", "asset_id", "synthetic", "title", "pool", "overlays")


def _credited(texts: _Texts, number: int) -> tuple[Credit, ...]:
    return tuple(Credit(*words) for words in _decoded(texts[number].decode())[0])


#: As ``json.loads``, which looks anew each time how the text may be coded.
_decoded = json.JSONDecoder().raw_decode


def _spelt(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def _compressed(texts: Sequence[bytes]) -> tuple[bytes, bytes]:
    """Where each block begins, and the blocks. A text is JSON and so has no line's end in it."""
    index, blocks = bytearray(), bytearray()
    for first in range(0, len(texts), _TEXTS_A_BLOCK):
        index += _BLOCK.pack(len(blocks))
        blocks += zlib.compress(b"\n".join(texts[first : first + _TEXTS_A_BLOCK]), 6)
    return bytes(index), bytes(blocks)


class _Texts:
    """What is said, by number."""

    def __init__(self, index: memoryview, blocks: memoryview) -> None:
        # Bound to what it reads, not to self: no cycle keeps a rundown that was replaced.
        self._block = lru_cache(_BLOCKS_KEPT)(partial(_decompressed, index, blocks))

    def __getitem__(self, number: int) -> bytes:
        return self._block(number // _TEXTS_A_BLOCK)[number % _TEXTS_A_BLOCK]


def _decompressed(index: memoryview, blocks: memoryview, number: int) -> list[bytes]:
    (start,) = _BLOCK.unpack_from(index, number * _BLOCK.size)
    last = (number + 1) * _BLOCK.size == len(index)
    end = len(blocks) if last else _BLOCK.unpack_from(index, (number + 1) * _BLOCK.size)[0]
    return zlib.decompress(blocks[start:end]).split(b"\n")


class Rundown:
    """A packed rundown, read. Any thread may ask."""

    def __init__(self, packed: bytes | bytearray) -> None:
        data = memoryview(packed)
        at = _SIZES.size
        parts = []
        for size in _SIZES.unpack_from(data):
            parts.append(data[at : at + size])
            at += size
        coded, self._events, self._segments, self._uses, self._assets, self._ids, index = parts
        self._texts = _Texts(index, data[at:])
        self._credits = lru_cache(_CREDITS_KEPT)(partial(_credited, self._texts))
        # Packed by this very version, by ourselves or by our own child: nobody else's bytes come here.
        head: _Head = pickle.loads(coded)  # noqa: S301
        self.header, self.cut = head.header, head.cut
        self.synthetics, self.overlays, self.templates = head.synthetics, head.overlays, head.templates
        self._places, self._pictures = head.places, head.pictures
        self.barred = head.barred
        self.channels: tuple[CompiledChannel, ...] = tuple(place.channel for place in head.places)

    def end_us(self, number: int) -> int:
        """Where the last segment of channel ``number`` of the lineup ends; 0 when it has none."""
        return self._places[number].end_us

    def events(self, number: int) -> Events:
        """The guide of channel ``number`` of the lineup."""
        return Events(self, number)

    def segments(self, number: int) -> tuple[list[Segment], dict[int, tuple[str, ...]]]:
        """The segments of channel ``number``, in order, and what stands in for those of an event (by its
        id): asset ids, in order."""
        place = self._places[number]
        rows = zlib.decompress(self._segments[place.segments : place.segments + place.segments_size])
        channel = place.channel.channel
        shown: dict[int, tuple[Any, ...]] = {}
        segments: list[Segment] = []
        for start_us, end_us, in_us, event_id, on, seq, shows in _SEGMENT.iter_unpack(rows):
            if shows not in shown:
                kind, *others, overlays = self.text(shows)
                shown[shows] = (SegmentKind(kind), *others, tuple(overlays))
            kind, asset_id, synthetic, title, pool, overlays = shown[shows]
            segments.append(
                Segment(
                    channel, date.fromordinal(on), seq, start_us, end_us, kind, event_id,
                    asset_id, in_us, synthetic, title, pool, overlays,
                )
            )  # fmt: skip
        return segments, self._fallbacks(place, {s.event_id for s in segments})

    def _fallbacks(self, place: _Place, events: set[int]) -> dict[int, tuple[str, ...]]:
        found = {}
        for number in range(place.events, place.events + place.event_count):
            _, _, event_id, *_, fallbacks = self.event_row(number)
            if event_id in events:
                found[event_id] = tuple(self.text(fallbacks))
        return found

    def asset(self, asset_id: str) -> Asset | None:
        """One asset of a playlist, fallbacks included."""
        wanted = asset_id.encode()
        low, high = 0, len(self._assets) // _ASSET.size
        while low < high:
            middle = (low + high) // 2
            start, end, said = _ASSET.unpack_from(self._assets, middle * _ASSET.size)
            found = bytes(self._ids[start:end])
            if found == wanted:
                return _asset(self.text(said))
            if found < wanted:
                low = middle + 1
            else:
                high = middle
        return None

    def uses(self, start_us: int, end_us: int) -> list[Use]:
        """What is wanted of which asset in ``[start_us, end_us)``, those that come first first; an asset
        may be named several times, for airings that lie apart."""
        known: dict[int, Any] = {}
        found = []
        for first_us, until_us, in_us, out_us, of_asset, of_channel in _USE.iter_unpack(self._uses):
            if first_us >= end_us or until_us <= start_us:
                continue
            for number in (of_asset, of_channel):
                if number not in known:
                    known[number] = self.text(number)
            asset_id, collection, path = known[of_asset]
            (channel,) = known[of_channel]
            found.append(Use(asset_id, collection, path, first_us, in_us, out_us, channel, until_us))
        return found

    # --- for Events --------------------------------------------------------------------------------

    def place(self, number: int) -> _Place:
        return self._places[number]

    def event_row(self, number: int) -> tuple[int, ...]:
        return _EVENT.unpack_from(self._events, number * _EVENT.size)

    def event_start(self, number: int) -> int:
        (start,) = _START.unpack_from(self._events, number * _EVENT.size)
        return int(start)

    def find_event(self, first: int, count: int, event_id: int) -> int | None:
        """Which of ``count`` events from ``first`` on has this guide id."""
        rows = bytes(self._events[first * _EVENT.size : (first + count) * _EVENT.size])
        wanted, at = _ID.pack(event_id), -1
        while (at := rows.find(wanted, at + 1)) >= 0:
            number, offset = divmod(at, _EVENT.size)
            if offset == _ID_OFFSET:
                return number
        return None

    def picture(self, name: str) -> tuple[str, str] | None:
        """(collection, path) of the guide's picture of this name (``picture_of``); None: it has none such."""
        found = self.text(self._pictures).get(name)
        return (found[0], found[1]) if found is not None else None

    def credits(self, number: int | None) -> tuple[Credit, ...]:
        return self._credits(number) if number is not None else ()

    def text(self, number: int) -> Any:
        return _decoded(self._texts[number].decode())[0]


class Events(Sequence[ScheduleEvent]):
    """A channel's guide, back to back; each event is made when it is asked for.

    What explains a schedule (program, plan, zone, where it is written) is empty in it.
    """

    __slots__ = ("_place", "_rundown")

    def __init__(self, rundown: Rundown, number: int) -> None:
        self._rundown, self._place = rundown, rundown.place(number)

    def __len__(self) -> int:
        return self._place.event_count

    @overload
    def __getitem__(self, index: int) -> ScheduleEvent: ...
    @overload
    def __getitem__(self, index: slice) -> list[ScheduleEvent]: ...
    def __getitem__(self, index: int | slice) -> ScheduleEvent | list[ScheduleEvent]:
        if isinstance(index, slice):
            return [self._event(n) for n in range(*index.indices(len(self)))]
        if not -len(self) <= index < len(self):
            raise IndexError(index)
        return self._event(index % len(self))

    def between(self, start_us: int, end_us: int) -> list[ScheduleEvent]:
        """Events that touch ``[start_us, end_us)``, in order."""
        first = max(0, self.begun_by(start_us) - 1)
        if first < len(self) and self._row(first)[1] <= start_us:
            first += 1
        return self[first : self.begun_by(end_us - 1)]

    def find(self, event_id: int) -> ScheduleEvent | None:
        """The event with this guide id. Looks at the packed rows; none is made to be looked at."""
        number = self._rundown.find_event(self._place.events, len(self), event_id)
        return self._event(number) if number is not None else None

    def at(self, us: int) -> ScheduleEvent | None:
        """What is on at ``us``; None outside the guide."""
        number = self.begun_by(us) - 1
        return self._event(number) if number >= 0 and us < self._row(number)[1] else None

    def ends_after(self, us: int) -> int | None:
        """When what is on at ``us`` ends (µs); None outside the guide."""
        number = self.begun_by(us) - 1
        end_us = self._row(number)[1] if number >= 0 else us
        return end_us if end_us > us else None

    def begun_by(self, us: int) -> int:
        """How many events begin at or before ``us``."""
        low, high, first = 0, len(self), self._place.events
        while low < high:
            middle = (low + high) // 2
            if self._rundown.event_start(first + middle) <= us:
                low = middle + 1
            else:
                high = middle
        return low

    def _row(self, number: int) -> tuple[int, ...]:
        return self._rundown.event_row(self._place.events + number)

    def _event(self, number: int) -> ScheduleEvent:
        start_us, end_us, event_id, on, title, says, fallbacks = self._row(number)
        *others, credited, artwork = self._rundown.text(says)
        said = dict(zip(_SAYS, others, strict=True))
        said["categories"] = tuple(said["categories"])
        return ScheduleEvent(
            event_id=event_id,
            channel=self._place.channel.channel,
            broadcast_date=date.fromordinal(on),
            start_us=start_us,
            end_us=end_us,
            title=self._rundown.text(title),
            program="",
            plan="",
            zone="",
            written_at="",
            fallbacks=tuple(self._rundown.text(fallbacks)),
            credits=self._rundown.credits(credited),
            artwork=artwork,
            **said,
        )


def touching(events: Sequence[ScheduleEvent], start_us: int, end_us: int) -> Sequence[ScheduleEvent]:
    """Of a guide, the events that touch ``[start_us, end_us)``, in order."""
    if isinstance(events, Events):
        return events.between(start_us, end_us)
    return [e for e in events if e.start_us < end_us and e.end_us > start_us]


def _asset(said: dict[str, Any]) -> Asset:
    for name in ("marks_us", "tags", "dayparts"):
        if name in said:
            said[name] = tuple(said[name])
    for name, kind in PARTS.items():
        said[name] = tuple(kind(**part) for part in said.get(name, ()))
    state = AssetState(said.pop("state", AssetState.NEW))
    return Asset(**said, state=state)
