"""Overlays: graphics over the programme; pure.

A ``Layer`` is one graphic in force on some ticks. It says what stands over the picture as a function of
station time and of nothing else, so that it goes on unmoved through a join, a restart of an encoder or a
viewer who comes later.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from retrovue.compiler.model import INTERSTITIALS, CompiledChannel, CompiledOverlay, ScheduleEvent
from retrovue.playout.cards import Listed, Writing, following, listed
from retrovue.playout.ticks import TickGrid
from retrovue.units import to_us

if TYPE_CHECKING:
    from retrovue.playout.playlog import PlaylogEntry

#: How long an overlay takes to come on, and to go off (seconds).
TRANSIT_S = 0.5


@dataclass(frozen=True, slots=True)
class Layer:
    """A graphic over the pictures of the ticks [start, end)."""

    shows: str  #: station.model.OverlayKind value
    start: int
    end: int
    text: str = ""
    corner: str = "bottom-right"
    size: int = 8  #: height, hundredths of the picture's
    opacity: int = 100
    colour: str = "#f5c542"
    image: str = ""  #: picture file, relative to the station folder; empty for the channel's logo
    animation: str = "none"
    speed: int = 14
    enter: tuple[int, int] | None = None  #: ticks in which it comes on, if any of them lie in its window
    leave: tuple[int, int] | None = None  #: ticks in which it goes off, likewise
    until_us: int = 0  #: of a countdown: what it counts to
    now: Listed | None = None
    next: Listed | None = None
    ordered: bool = False  #: by an operator, not by the plan


def crawl_of(layers: Sequence[Layer], tick: int) -> str:
    """What an operator's order has run over the picture of ``tick``; empty: nothing."""
    return next((each.text for each in layers if each.ordered and each.start <= tick < each.end), "")


def clip(layers: Sequence[Layer], start: int, end: int) -> tuple[Layer, ...]:
    """What of ``layers`` is in force on [start, end), with windows inside it, lowest first."""
    return tuple(
        layer if start <= layer.start and layer.end <= end else _between(layer, start, end)
        for layer in layers
        if layer.start < end and start < layer.end
    )


def _between(layer: Layer, start: int, end: int) -> Layer:
    """The part of it in [start, end); how it came on long before, or goes off long after, is no part."""
    start, end = max(start, layer.start), min(end, layer.end)
    enter = layer.enter if layer.enter is not None and layer.enter[1] > start else None
    leave = layer.leave if layer.leave is not None and layer.leave[0] < end else None
    return replace(layer, start=start, end=end, enter=enter, leave=leave)


def clear_from(layers: Sequence[Layer], tick: int, end: int) -> int:
    """The first tick at or after ``tick`` that nothing lies over; ``end`` when there is none before."""
    for layer in sorted(layers, key=lambda each: each.start):
        if layer.start <= tick < layer.end:
            tick = layer.end
    return min(tick, end)


def covered_from(layers: Sequence[Layer], tick: int, end: int) -> int:
    """The first tick at or after ``tick`` that something lies over; ``end`` when there is none before."""
    return min((max(layer.start, tick) for layer in layers if layer.end > tick), default=end)


# --- planning --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Schedule:
    """What overlays are planned from."""

    channel: CompiledChannel
    overlays: Mapping[str, CompiledOverlay]
    events: Sequence[ScheduleEvent]  #: the channel's, in order
    writing: Writing
    grid: TickGrid


@dataclass(frozen=True, slots=True)
class _Section:
    """Entries in a row over which an overlay is in force, of one event and with no break between."""

    start: int
    end: int
    event_id: int
    last: bool  #: nothing of the event's own programme comes after it


def plan_layers(entries: Sequence[PlaylogEntry], schedule: Schedule) -> list[tuple[Layer, ...]]:
    """For each entry the layers over it, lowest first, as its segment names them."""
    found: list[list[Layer]] = [[] for _ in entries]
    slugs = dict.fromkeys(slug for entry in entries for slug in entry.segment.overlays)
    planned: dict[str, list[Layer]] = {}
    for slug in slugs:
        overlay = schedule.overlays.get(slug)
        if overlay is not None:
            planned[slug] = _layers(overlay, _sections(entries, slug), schedule)
    for layers, entry in zip(found, entries, strict=True):
        for slug in entry.segment.overlays:
            layers += clip(planned.get(slug, ()), entry.start, entry.end)
    return [tuple(layers) for layers in found]


def _sections(entries: Sequence[PlaylogEntry], slug: str) -> list[_Section]:
    programme_ends: dict[int, int] = {}
    for entry in entries:
        if entry.segment.kind not in INTERSTITIALS:
            programme_ends[entry.segment.event_id] = entry.end
    groups: list[list[PlaylogEntry]] = []
    before: PlaylogEntry | None = None
    for entry in entries:
        previous, before = before, entry
        if slug not in entry.segment.overlays:
            continue
        goes_on = (
            previous is not None
            and groups
            and groups[-1][-1] is previous
            and previous.end == entry.start
            and previous.segment.event_id == entry.segment.event_id
            and (previous.segment.kind in INTERSTITIALS) == (entry.segment.kind in INTERSTITIALS)
        )
        if goes_on:
            groups[-1].append(entry)
        else:
            groups.append([entry])
    return [
        _Section(
            group[0].start,
            group[-1].end,
            group[0].segment.event_id,
            group[-1].end == programme_ends.get(group[0].segment.event_id, group[-1].end),
        )
        for group in groups
    ]


def _layers(o: CompiledOverlay, sections: Sequence[_Section], schedule: Schedule) -> list[Layer]:
    grid = schedule.grid
    by_id = {event.event_id: n for n, event in enumerate(schedule.events)}
    lasts = grid.ticks(o.lasts_us / 1_000_000)
    layers: list[Layer] = []
    for section in sections:
        start, end = section.start, section.end
        if o.lasts_us and o.at == "start":
            end = min(end, start + lasts)
        elif o.lasts_us:
            if not section.last:
                continue
            start = max(start, end - lasts)
        index = by_id.get(section.event_id)
        event = schedule.events[index] if index is not None else None
        layer = _layer(o, start, end, event, schedule)
        if layer is None:
            continue
        for a, b in _during(o.during, start, end, schedule):
            if layers and layers[-1].end == a and _same(layers[-1], layer):
                layers[-1] = replace(layers[-1], end=b)
            else:
                layers.append(replace(layer, start=a, end=b))
    if o.animation == "none":
        return layers
    transit = max(1, grid.ticks(TRANSIT_S))
    return [
        replace(
            layer,
            enter=(layer.start, layer.start + min(transit, (layer.end - layer.start) // 2)),
            leave=(layer.end - min(transit, (layer.end - layer.start) // 2), layer.end),
        )
        for layer in layers
    ]


def _same(one: Layer, other: Layer) -> bool:
    return replace(one, start=0, end=0) == replace(other, start=0, end=0)


def _layer(
    o: CompiledOverlay, start: int, end: int, event: ScheduleEvent | None, schedule: Schedule
) -> Layer | None:
    """What ``o`` shows over ``event``; None where it has nothing to say."""
    layer = Layer(
        o.shows, start, end, o.text, o.corner, o.size, o.opacity, o.colour, o.image, o.animation, o.speed
    )
    match o.shows:
        case "bug":
            return replace(layer, image=o.image or ("" if o.text else schedule.channel.logo))
        case "rating":
            return replace(layer, text=event.rating) if event is not None and event.rating else None
        case "lower_third":
            if event is None or event.kind == "off_air":
                return None
            coming = following(schedule.events, event.event_id, event.start_us)[:1]
            return replace(
                layer,
                now=listed(event, event.start_us, schedule.writing),
                next=listed(coming[0], event.start_us, schedule.writing) if coming else None,
            )
        case "countdown":
            if event is None:
                return None
            coming = following(schedule.events, event.event_id, event.start_us)[:1]
            # The next programme may begin later than this one's block ends: off the air lies between.
            goal = coming[0].start_us if coming else event.end_us
            says = o.text or (coming[0].title if coming else "")
            return replace(layer, until_us=goal, text=says)
    return layer


def _during(text: str, start: int, end: int, schedule: Schedule) -> list[tuple[int, int]]:
    """The parts of [start, end) that lie in the windows of the day ``text`` ("1080-1380,0-60")."""
    if not text:
        return [(start, end)]
    grid, zone = schedule.grid, schedule.writing.zone
    first = schedule.writing.local(grid.start_us(start)).date() - timedelta(days=1)
    last = schedule.writing.local(grid.start_us(end)).date()
    found = []
    for window in text.split(","):
        opens, _, shuts = window.partition("-")
        a, b = int(opens), int(shuts)
        for days in range((last - first).days + 1):
            day = first + timedelta(days=days)
            after = day if b > a else day + timedelta(days=1)
            edges = [
                grid.nearest(to_us(datetime(d.year, d.month, d.day, m // 60, m % 60, tzinfo=zone)))
                for d, m in ((day, a), (after, b))
            ]
            if max(start, edges[0]) < min(end, edges[1]):
                found.append((max(start, edges[0]), min(end, edges[1])))
    merged: list[tuple[int, int]] = []
    for a, b in sorted(found):
        if merged and a <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(b, merged[-1][1]))
        else:
            merged.append((a, b))
    return merged
