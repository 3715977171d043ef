"""Listing: what the guide says about a slot; pure.

A guide id is 31 bits of ``sha256(channel, start, content)``: the same after every restart and recompile,
and never another content's. When two of one artefact meet, the later one is hashed again.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from dataclasses import replace
from datetime import date
from hashlib import sha256

from retrovue.compiler.airing import Part
from retrovue.compiler.fallbacks import FallbackDesk
from retrovue.compiler.findings import written_at
from retrovue.compiler.model import ScheduleEvent
from retrovue.compiler.playlist import LAST_RESORT, asset_title
from retrovue.compiler.schedule_day import Slot
from retrovue.library.catalog import Asset
from retrovue.station.model import Channel, StationModel, SyntheticKind

_OFF_AIR_PICTURES = (SyntheticKind.TEST_PATTERN, SyntheticKind.SLATE)


class Listings:
    """Writes the guide lines of one channel."""

    def __init__(self, model: StationModel, channel: Channel, fallbacks: FallbackDesk) -> None:
        self._model = model
        self._channel = channel
        self._fallbacks = fallbacks
        off_air = channel.off_air or model.station.off_air
        self._off_air = off_air if off_air in model.synthetics else LAST_RESORT

    def event(self, on: date, slot: Slot, taken: set[int]) -> ScheduleEvent:
        """The slot's guide line, with an id that is not in ``taken``, which grows by it."""
        airing, zone = slot.airing, slot.zone
        slug = airing.item.program if airing else self._off_air
        span = airing.item.span if airing else None
        if span is None and slot.plan:
            span = slot.plan.place("zones", slot.zone_index)
        main = airing.main if airing else None
        program = self._model.programs.get(slug)
        title, subtitle = self._titles(slug, main, airing.parts if airing else ())
        kind = self._kind(slot, slug, main)
        content = _content(
            self._channel.channel, slot.start_us, kind, slug, main.id if main is not None else ""
        )
        event_id = _free_id(content, taken)
        taken.add(event_id)
        return ScheduleEvent(
            event_id=event_id,
            channel=self._channel.channel,
            broadcast_date=on,
            start_us=slot.start_us,
            end_us=slot.end_us,
            title=title,
            subtitle=subtitle,
            description=(main.description if main else "") or (program.description if program else ""),
            season=main.season if main else None,
            episode=main.episode if main else None,
            year=main.year if main else None,
            original_date=main.date if main else "",
            categories=(program.categories if program else ()) or _categories(kind, main),
            rating=(program.rating if program else "") or (main.rating if main else ""),
            kind=kind,
            program=slug,
            asset_id=main.id if main else "",
            plan=slot.plan.plan if slot.plan else "",
            zone=zone.zone if zone else "",
            written_at=written_at(span),
            fallbacks=self._fallbacks.stand_ins(slot),
            moves=tuple(sorted(slot.moves.items())),
            credits=main.credits if main else (),
            artwork=main.artwork[0] if main and main.artwork else "",
        )

    def _titles(self, slug: str, main: Asset | None, parts: Sequence[Part]) -> tuple[str, str]:
        program = self._model.programs.get(slug) or self._model.virtuals.get(slug)
        if program is None:
            synthetic = self._model.synthetics[slug]
            return synthetic.title or self._channel.name, synthetic.text
        pictures = (self._model.synthetics[part.synthetic].title for part in parts if part.synthetic)
        own = asset_title(main) if main else next(filter(None, pictures), "")
        title = program.title or (main.series if main else "") or own or slug
        return title, own if own != title else ""

    def _kind(self, slot: Slot, slug: str, main: Asset | None) -> str:
        program = self._model.programs.get(slug)
        if slot.airing is None or slot.plan is None:
            return "off_air"
        if program is None and slug not in self._model.virtuals:
            shows = self._model.synthetics[slug].shows
            return "off_air" if shows in _OFF_AIR_PICTURES else "programme"
        collection = self._model.collections.get(main.collection) if main else None
        words = program.categories if program is not None else ()
        movie = any(word.casefold() in ("movie", "film") for word in words)
        return "movie" if movie or (collection and collection.holds == "movies") else "programme"


def _categories(kind: str, main: Asset | None) -> tuple[str, ...]:
    """What the asset alone tells: the two words that every guide client knows."""
    if kind == "movie":
        return ("Movie",)
    return ("Series",) if main is not None and main.episode is not None else ()


def with_ids(events: Iterable[ScheduleEvent], taken: set[int]) -> list[ScheduleEvent]:
    """The events with their guide ids, none of them in ``taken``, which grows by them."""
    numbered = []
    for event in events:
        event_id = free_id(event, taken)
        taken.add(event_id)
        numbered.append(replace(event, event_id=event_id))
    return numbered


def content_of(event: ScheduleEvent) -> str:
    """What makes two events the same to a guide client: where and when, and what is on."""
    return _content(event.channel, event.start_us, event.kind, event.program, event.asset_id)


def _content(channel: str, start_us: int, kind: str, program: str, asset_id: str) -> str:
    return f"{channel}|{start_us}|{kind}|{program}|{asset_id}"


def first_id(event: ScheduleEvent) -> int:
    """The first of the event's hashes; 0 is no id."""
    return _hashed(content_of(event), 0)


def free_id(event: ScheduleEvent, taken: Container[int]) -> int:
    """The event's guide id: the first of its hashes that isn't ``taken``."""
    return _free_id(content_of(event), taken)


def _free_id(content: str, taken: Container[int]) -> int:
    attempt = 0
    while True:
        event_id = _hashed(content, attempt)
        if event_id and event_id not in taken:
            return event_id
        attempt += 1


def _hashed(content: str, attempt: int) -> int:
    digest = sha256(f"{content}|{attempt}".encode()).digest()
    return int.from_bytes(digest[:4]) & 0x7FFFFFFF
