"""Content hash: one sha256 over the canonical, ordered rows of everything that may air; pure.

Each broadcast day of a channel has a hash of its own, over the events that start in it and the segments
under them. So whoever makes a day can hash it, too, and a day that is taken over need not be hashed again;
the content hash is over those, over what runs into a channel's first day, and over what all days share.
Where a thing is written, which plan asked for it, from which pool it was drawn and what the compiler had to
say are no part of it.
"""

from __future__ import annotations

import hashlib
import json
import sys
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import astuple, replace
from typing import Any

from retrovue.compiler.folded import FoldedAssets, ToldAsset
from retrovue.compiler.model import Compiled, ScheduleDay, ScheduleEvent
from retrovue.compiler.segments import Material, Segments
from retrovue.compiler.unread import Unread
from retrovue.library.catalog import Asset


def content_hash(compiled: Compiled) -> str:
    """Hexadecimal sha256; the same on every machine, in any process."""
    return sealed(
        replace(compiled, days=tuple(replace(d, content_hash="") for d in compiled.days))
    ).content_hash


def sealed(compiled: Compiled) -> Compiled:
    """The same with its content hash filled in, and those of its days that lack it."""
    hasher = DayHasher()
    days = tuple(
        day if day.content_hash else replace(day, content_hash=hasher.hash(_part(day, own=True)).hex())
        for day in compiled.days
    )
    digest = hashlib.sha256()

    def add(table: str, rows: Sequence[Any]) -> None:
        digest.update(table.encode() + b"\n" + _json(rows) + b"\n")

    add(
        "station",
        [
            compiled.station,
            compiled.name,
            compiled.timezone,
            compiled.first_day.isoformat(),
            compiled.last_day.isoformat(),
            compiled.clock,
        ],
    )
    add("channel", [astuple(channel) for channel in compiled.channels])
    add("synthetic", [astuple(synthetic) for synthetic in compiled.synthetics])
    add("overlay", [astuple(overlay) for overlay in compiled.overlays])
    add("template", [astuple(template) for template in compiled.templates])
    digest.update(b"asset\n[" + b",".join(_assets(compiled.assets)) + b"]\n")
    for day in days:
        carried = _carried(day)
        if carried is not None:
            digest.update(hasher.hash(carried))
        digest.update(bytes.fromhex(day.content_hash))
    return replace(compiled, days=days, content_hash=digest.hexdigest())


def _assets(assets: Sequence[Asset]) -> Iterator[bytes]:
    said = assets.told if isinstance(assets, FoldedAssets) else assets
    return (_utf_8(one.hashed if isinstance(one, ToldAsset) else asset_hashed(one)) for one in said)


def _carried(day: ScheduleDay) -> ScheduleDay | None:
    """What runs into a channel's first day, as a day of its own; None when nothing does."""
    events = day.events.before if isinstance(day.events, Unread) else day.events
    return _part(day, own=False) if events and events[0].broadcast_date != day.broadcast_date else None


def _part(day: ScheduleDay, own: bool) -> ScheduleDay:
    """The day with its own events alone, or with those alone that began before it."""
    events, playlist = day.events, day.playlist
    if isinstance(events, Unread) and isinstance(playlist, Unread) and not own:
        return replace(day, events=events.before, playlist=playlist.before)
    on = day.broadcast_date
    if not events or (events[0].broadcast_date == on and own):
        return day
    return replace(
        day,
        events=tuple(event for event in events if (event.broadcast_date == on) is own),
        playlist=tuple(segment for segment in playlist if (segment.broadcast_date == on) is own),
    )


class DayHasher:
    """Hashes days; what many of them show is hashed once."""

    def __init__(self) -> None:
        #: By identity of a list of materials, which is kept, or another might get its place in memory.
        self._kept: dict[int, tuple[Sequence[Material], dict[int, bytes]]] = {}

    def hash(self, day: ScheduleDay) -> bytes:
        """The sha256 of a day and all that may air on it."""
        segments = Segments.of(day.channel, day.playlist)
        _, hashes = self._kept.setdefault(id(segments.materials), (segments.materials, {}))
        # Numbered anew in the order in which they come first, for the channel has shown others before.
        numbers: dict[bytes, int] = {}
        places: dict[int, int] = {}
        for number in segments.shown:
            found = hashes.get(number)
            if found is None:
                found = hashes[number] = _material_hash(segments.materials[number])
            places[number] = numbers.setdefault(found, len(numbers))
        *columns, material = segments.columns
        shown = array(material.typecode, map(places.__getitem__, material))
        opening = [day.channel, day.broadcast_date.isoformat(), day.start_us, day.end_us, len(shown)]
        digest = hashlib.sha256(_json([opening, [_event(event) for event in day.events]]))
        digest.update(b"".join(numbers))
        for column in (*columns, shown):
            digest.update(_little_endian(column))
        return digest.digest()


#: As ``json.dumps``, which makes an encoder each time that it is asked for anything out of the ordinary.
_encoded = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def _json(value: Any) -> bytes:
    return _utf_8(_encoded(value))


def _utf_8(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def asset_hashed(asset: Asset) -> str:
    """What the content hash is over, of an asset."""
    return _encoded(_asset(asset))


def _little_endian(column: array[int]) -> array[int]:
    if sys.byteorder == "big":
        column = array(column.typecode, column)
        column.byteswap()
    return column


def _asset(a: Asset) -> tuple[Any, ...]:
    return (
        a.id,
        a.barred,
        a.path,
        a.size,
        a.duration_us,
        a.frames,
        a.rate,
        a.width,
        a.height,
        a.sar,
        a.interlaced,
        a.field_order,
        a.primaries,
        a.transfer,
        a.matrix,
        a.picture_us,
        a.fit,
        a.video_codec,
        a.audio_codec,
        a.audio_channels,
        [astuple(track) for track in a.audio],
        [astuple(track) for track in a.subtitles],
        a.marks_us,
        a.title,
        a.series,
        a.season,
        a.episode,
        a.year,
        a.date,
        a.description,
        a.rating,
        a.tags,
        a.dayparts,
        a.advertiser,
        a.category,
        a.artwork,
        [astuple(credit) for credit in a.credits],
        sorted(a.extra.items()),
    )


def _event(e: ScheduleEvent) -> tuple[Any, ...]:
    return (
        e.event_id,
        e.broadcast_date.toordinal(),
        e.start_us,
        e.end_us,
        e.title,
        e.subtitle,
        e.description,
        e.season,
        e.episode,
        e.year,
        e.original_date,
        e.categories,
        e.rating,
        e.kind,
        e.program,
        e.asset_id,
        e.fallbacks,
    )


def _material_hash(m: Material) -> bytes:
    """Of its texts with their lengths: thrice as fast as JSON."""
    texts = (m.kind.value, m.asset_id, m.synthetic, m.title, *m.overlays)
    return hashlib.sha256(
        "".join([f"{len(text)}:{text}" for text in texts]).encode("utf-8", "surrogatepass")
    ).digest()
