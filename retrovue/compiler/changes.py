"""Changes: what airs differently between two schedules; pure.

Lines of YAML that changed say little: one word may move a whole evening, and a hundred may move nothing.
So both sides are compiled, from the same checkpoint, and what would air is compared.

A programme is *unchanged* when the same thing starts and ends at the same time. What is left over is
paired, in this order: the same program at the same time (another episode, another end), the same
content at another time (moved), two programmes at the same time (one for the other). What has no
partner is added or dropped. A generated picture that lasts to the same end on both sides, and begins
earlier on one of them, is unchanged from the later beginning on: no viewer notices anything there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from enum import StrEnum

from retrovue.compiler.model import (
    Compiled,
    CompiledChannel,
    CompiledOverlay,
    CompiledSynthetic,
    ScheduleEvent,
    Segment,
    SegmentKind,
)
from retrovue.diagnostics import Diagnostic
from retrovue.station.schema import spell_duration


class Mark(StrEnum):
    """What became of a programme, as a sign in front of its line."""

    ADDED = "+"
    DROPPED = "-"
    CHANGED = "~"
    MOVED = ">"


#: Mark → the word for it in sentences and JSON, in the order in which totals name them.
WORDS: Mapping[Mark, str] = {
    Mark.CHANGED: "changed",
    Mark.ADDED: "added",
    Mark.DROPPED: "dropped",
    Mark.MOVED: "moved",
}


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two schedules: ``[start_us, end_us)`` of every channel."""

    label: str  #: "HEAD (1a2b3c4)", "working tree", "artefact 9f3c…"
    timezone: str
    channels: tuple[CompiledChannel, ...]
    start_us: int
    end_us: int
    events: Mapping[str, Sequence[ScheduleEvent]]  #: by channel, in order
    segments: Mapping[str, Sequence[Segment]]  #: by channel, in order
    content_hash: str = ""
    diagnostics: tuple[Diagnostic, ...] = ()  #: what its compile had to say
    #: What all channels share on the screen: "station", "overlay bug", "card cards/ident.svg" → its words.
    house: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Change:
    """One programme that airs differently. ``old`` is None when added, ``new`` when dropped."""

    mark: Mark
    old: ScheduleEvent | None
    new: ScheduleEvent | None

    @property
    def either(self) -> ScheduleEvent:
        found = self.new or self.old
        assert found is not None
        return found

    @property
    def at_us(self) -> int:
        """The first instant at which this change can be seen."""
        return min(event.start_us for event in (self.old, self.new) if event is not None)


@dataclass(frozen=True, slots=True)
class Playlist:
    """What differs in between the programmes, in numbers. Spots are all segments that are neither a
    programme's own nor synthetic."""

    spots_moved: int = 0  #: the same copy on the same broadcast day, at another time
    spots_added: int = 0
    spots_dropped: int = 0
    breaks: int = 0  #: programmes that are listed as before and break at other places
    synthetics: int = 0  #: idents, cards and slates that begin, end or show otherwise
    first_us: int | None = None  #: the first difference

    @property
    def spots(self) -> int:
        return self.spots_moved + self.spots_added + self.spots_dropped

    @property
    def any(self) -> bool:
        return self.first_us is not None


@dataclass(frozen=True, slots=True)
class ChannelChanges:
    """One channel that is on both sides, or on one of them."""

    channel: CompiledChannel
    presence: str = ""  #: "added" or "dropped" with the channel itself; empty when it is on both sides
    settings: tuple[tuple[str, str, str], ...] = ()  #: (setting, before, after)
    changes: tuple[Change, ...] = ()  #: in order of time
    unchanged: int = 0
    playlist: Playlist = field(default_factory=Playlist)
    overlays: int = 0  #: programmes over which other overlays lie
    overlays_us: int | None = None  #: the first such difference

    @property
    def any(self) -> bool:
        return bool(self.presence or self.settings or self.changes or self.playlist.any or self.overlays)

    @property
    def first_us(self) -> int | None:
        """When the first programme differs."""
        return min((change.at_us for change in self.changes), default=None)

    def count(self, mark: Mark) -> int:
        return sum(change.mark is mark for change in self.changes)


@dataclass(frozen=True, slots=True)
class Changes:
    """Everything that differs in ``[start_us, end_us)``."""

    old: Side
    new: Side
    start_us: int
    end_us: int
    channels: tuple[ChannelChanges, ...]  #: every channel of either side, in order of number
    house: tuple[tuple[str, str, str, str], ...] = ()  #: (whose, setting, before, after)

    @property
    def any(self) -> bool:
        return bool(self.house) or any(channel.any for channel in self.channels)

    @property
    def first_programme_us(self) -> int | None:
        found = [channel.first_us for channel in self.channels if channel.first_us is not None]
        return min(found, default=None)

    @property
    def first_us(self) -> int | None:
        """The first instant at which anything at all airs differently."""
        found = (self.first_programme_us, self.playlist.first_us, self.first_overlay_us)
        return min((at for at in found if at is not None), default=None)

    @property
    def first_overlay_us(self) -> int | None:
        found = [channel.overlays_us for channel in self.channels if channel.overlays_us is not None]
        return min(found, default=None)

    def count(self, mark: Mark) -> int:
        return sum(channel.count(mark) for channel in self.channels)

    @property
    def unchanged(self) -> int:
        return sum(channel.unchanged for channel in self.channels)

    @property
    def warnings(self) -> tuple[Diagnostic, ...]:
        """What the newer compile has to say and the older one had not. No change on air by itself."""
        said = {(d.code, d.headline) for d in self.old.diagnostics}
        return tuple(d for d in self.new.diagnostics if (d.code, d.headline) not in said)

    @property
    def playlist(self) -> Playlist:
        """The sum of all channels."""
        lists = [channel.playlist for channel in self.channels]
        return Playlist(
            sum(p.spots_moved for p in lists),
            sum(p.spots_added for p in lists),
            sum(p.spots_dropped for p in lists),
            sum(p.breaks for p in lists),
            sum(p.synthetics for p in lists),
            min((p.first_us for p in lists if p.first_us is not None), default=None),
        )


def side_of(compiled: Compiled, label: str) -> Side:
    """A compiled schedule as a side."""
    events: dict[str, list[ScheduleEvent]] = {c.channel: [] for c in compiled.channels}
    segments: dict[str, list[Segment]] = {c.channel: [] for c in compiled.channels}
    for day in compiled.days:
        events[day.channel] += day.events
        segments[day.channel] += day.playlist
    return Side(
        label,
        compiled.timezone,
        compiled.channels,
        compiled.start_us,
        compiled.end_us,
        events,
        segments,
        compiled.content_hash,
        compiled.diagnostics,
        house(
            {
                "slug": compiled.station,
                "name": compiled.name,
                "timezone": compiled.timezone,
                "clock": compiled.clock,
            },
            compiled.synthetics,
            compiled.overlays,
            {template.template: template.text for template in compiled.templates},
        ),
    )


def house(
    station: Mapping[str, str],
    synthetics: Iterable[CompiledSynthetic],
    overlays: Iterable[CompiledOverlay],
    cards: Mapping[str, str],
) -> Mapping[str, Mapping[str, str]]:
    """What all channels share on the screen, by what it is and by the word that the station has for it."""
    return {
        "station": station,
        **{
            f"synthetic {s.synthetic}": {"shows": s.shows, "title": s.title, "text": s.text}
            for s in synthetics
        },
        **{
            f"overlay {o.overlay}": {
                **{name: str(getattr(o, name)) for name in _OF_OVERLAY},
                "lasts": spell_duration(o.lasts_us) if o.lasts_us else "",
                "during": ", ".join(map(_window, o.during.split(","))) if o.during else "",
                "over_ads": "true" if o.over_ads else "false",
            }
            for o in overlays
        },
        **{f"card {name}": {"drawing": text} for name, text in cards.items()},
    }


def _window(minutes: str) -> str:
    """ "18:00-23:00" of "1080-1380"."""
    return "-".join(f"{at // 60:02}:{at % 60:02}" for at in map(int, minutes.split("-")))


#: What is said of an overlay as it is written.
_OF_OVERLAY = ("shows", "text", "image", "corner", "size", "opacity", "colour", "animation", "speed", "at")


def changes(old: Side, new: Side, start_us: int | None = None, end_us: int | None = None) -> Changes:
    """What airs differently where both sides are compiled, within ``[start_us, end_us)`` if given.

    A programme on the air at ``start_us`` counts; one that begins at ``end_us`` doesn't.
    """
    start = max(old.start_us, new.start_us, start_us if start_us is not None else 0)
    end = min(old.end_us, new.end_us, end_us if end_us is not None else max(old.end_us, new.end_us))
    before = {channel.channel: channel for channel in old.channels}
    after = {channel.channel: channel for channel in new.channels}
    found = []
    for slug in [*after, *(slug for slug in before if slug not in after)]:
        if slug in before and slug in after:
            found.append(_both(before[slug], after[slug], old, new, start, end))
        else:
            side, mark = (new, Mark.ADDED) if slug in after else (old, Mark.DROPPED)
            found.append(_alone(after.get(slug) or before[slug], side, mark, start, end))
    return Changes(old, new, start, end, tuple(found), tuple(_house(old, new, start, end)))


def _house(old: Side, new: Side, start: int, end: int) -> Iterable[tuple[str, str, str, str]]:
    """What is drawn another way, of what both sides have and show."""
    shown = {"station"}
    for side in (old, new):
        for segments in side.segments.values():
            for segment in _within_segments(segments, start, end):
                shown.update(f"overlay {overlay}" for overlay in segment.overlays)
                if segment.synthetic:
                    shown.add(f"synthetic {segment.synthetic}")
    for thing, before in old.house.items():
        after = new.house.get(thing)
        if after is not None and (thing in shown or thing.startswith("card ")):
            for word, value in before.items():
                if value != after[word]:
                    yield thing, word, value, after[word]


# --- one channel -----------------------------------------------------------------------------------

#: Settings of a channel that show on the air or in a guide, as an operator calls them.
_SETTINGS = (
    "number",
    "vchannel",
    "guide_id",
    "name",
    "callsign",
    "group",
    "logo",
    "grid_us",
    "raster",
    "rate",
    "codec",
    "encoder",
    "preset",
    "video_kbps",
    "audio_codec",
    "audio_kbps",
    "loudness",
    "fit",
    "audio",
    "subtitles",
    "cues",
)


def _both(
    old_channel: CompiledChannel, channel: CompiledChannel, old: Side, new: Side, start: int, end: int
) -> ChannelChanges:
    before = _within(old.events.get(channel.channel, ()), start, end)
    after = _within(new.events.get(channel.channel, ()), start, end)
    changed, same = pair(before, after)
    whole = {id(event) for event in (*before, *after)}
    there = _within_segments(old.segments.get(channel.channel, ()), start, end)
    here = _within_segments(new.segments.get(channel.channel, ()), start, end)
    under = _other_overlays(there, here)
    return ChannelChanges(
        channel,
        settings=tuple(
            (name.removesuffix("_us"), str(getattr(old_channel, name)), str(getattr(channel, name)))
            for name in _SETTINGS
            if getattr(old_channel, name) != getattr(channel, name)
        ),
        changes=tuple(changed),
        unchanged=len(same),
        playlist=_playlist(there, here, [both for both in same if whole.issuperset(map(id, both))]),
        overlays=len({segment.event_id for segment in under}),
        overlays_us=min((segment.start_us for segment in under), default=None),
    )


def _alone(channel: CompiledChannel, side: Side, mark: Mark, start: int, end: int) -> ChannelChanges:
    events = _within(side.events.get(channel.channel, ()), start, end)
    spots = [s for s in _within_segments(side.segments.get(channel.channel, ()), start, end) if _is_spot(s)]
    added = mark is Mark.ADDED
    return ChannelChanges(
        channel,
        WORDS[mark],
        changes=tuple(Change(mark, None if added else e, e if added else None) for e in events),
        playlist=Playlist(
            spots_added=len(spots) if added else 0,
            spots_dropped=0 if added else len(spots),
            first_us=spots[0].start_us if spots else None,
        ),
    )


def _within(events: Iterable[ScheduleEvent], start: int, end: int) -> list[ScheduleEvent]:
    return [event for event in events if event.end_us > start and event.start_us < end]


def _within_segments(segments: Iterable[Segment], start: int, end: int) -> list[Segment]:
    return [segment for segment in segments if segment.end_us > start and segment.start_us < end]


# --- programmes ------------------------------------------------------------------------------------


def _listed(event: ScheduleEvent) -> tuple[object, ...]:
    """What a viewer would notice of a programme."""
    return (
        event.start_us,
        event.end_us,
        event.kind,
        # What a program is called in YAML shows nowhere; of a synthetic the slug is all that there is.
        "" if event.asset_id else event.program,
        event.asset_id,
        event.title,
        event.subtitle,
        event.description,
        event.season,
        event.episode,
        event.year,
        event.original_date,
        event.categories,
        event.rating,
    )


def content(event: ScheduleEvent) -> tuple[str, ...]:
    """What airs, wherever it is placed."""
    return (event.program, event.asset_id, "" if event.asset_id else event.title)


def pair(
    old: Sequence[ScheduleEvent], new: Sequence[ScheduleEvent]
) -> tuple[list[Change], list[tuple[ScheduleEvent, ScheduleEvent]]]:
    """The changes in order of time, and the pairs that are the same on both sides: of a picture that begins
    earlier on one of them, what is left of it when it begins on the other."""
    placed = {_listed(event): event for event in new}
    same = [(event, placed[_listed(event)]) for event in old if _listed(event) in placed]
    later, sooner = _going_on(old, new), _going_on(new, old)
    gone = _minus(old, (before for before, _ in (*same, *later)))
    come = _minus(new, (*(after for _, after in same), *(after for after, _ in sooner)))
    same += [*later, *((before, after) for after, before in sooner)]
    found: list[Change] = []

    def take(mark: Mark, pairs: Iterable[tuple[ScheduleEvent, ScheduleEvent]]) -> None:
        nonlocal gone, come
        taken = list(pairs)
        found.extend(Change(mark, before, after) for before, after in taken)
        gone = _minus(gone, (before for before, _ in taken))
        come = _minus(come, (after for _, after in taken))

    # Another episode, another end, another rating: one line that says what is different.
    there = {(event.start_us, event.program): event for event in come}
    take(
        Mark.CHANGED,
        [(e, there[e.start_us, e.program]) for e in gone if (e.start_us, e.program) in there],
    )
    take(Mark.MOVED, _moves(gone, come))
    starts = {event.start_us: event for event in come}
    take(Mark.CHANGED, [(e, starts[e.start_us]) for e in gone if e.start_us in starts])
    found += [Change(Mark.DROPPED, event, None) for event in gone]
    found += [Change(Mark.ADDED, None, event) for event in come]
    return sorted(found, key=lambda change: ((change.new or change.either).start_us, change.mark.value)), same


def _going_on(
    short: Sequence[ScheduleEvent], long: Sequence[ScheduleEvent]
) -> list[tuple[ScheduleEvent, ScheduleEvent]]:
    """Generated pictures that begin earlier on the other side and end with it, each with the rest of that."""
    begun = {(event.start_us, *content(event)) for event in short}
    ends = {_listed(event)[1:]: event for event in long if not event.asset_id}
    found = []
    for event in short:
        other = ends.get(_listed(event)[1:])
        if other is None or other.start_us >= event.start_us:
            continue
        if (other.start_us, *content(other)) not in begun:  # else it was in two pieces
            found.append((event, replace(other, start_us=event.start_us)))
    return found


def _moves(
    gone: Sequence[ScheduleEvent], come: Sequence[ScheduleEvent]
) -> list[tuple[ScheduleEvent, ScheduleEvent]]:
    """Pairs of the same content: on the same broadcast day in order of time, then across days where
    there is one of it on each side. What is off the air doesn't move: it is where nothing else is."""
    pairs: list[tuple[ScheduleEvent, ScheduleEvent]] = []
    taken: set[int] = set()
    by_day: dict[tuple[object, ...], list[ScheduleEvent]] = {}
    for event in come:
        if event.kind != "off_air":
            by_day.setdefault((event.broadcast_date, *content(event)), []).append(event)
    left: list[ScheduleEvent] = []
    for event in gone:
        partners = by_day.get((event.broadcast_date, *content(event)), [])
        if partners:
            partner = partners.pop(0)
            taken.add(id(partner))
            pairs.append((event, partner))
        elif event.kind != "off_air":
            left.append(event)
    rest = [event for event in come if id(event) not in taken and event.kind != "off_air"]
    before, after = Counter(map(content, left)), Counter(map(content, rest))
    only = {content(event): event for event in rest if after[content(event)] == 1}
    pairs += [(e, only[content(e)]) for e in left if before[content(e)] == 1 and content(e) in only]
    return pairs


def _minus(events: Iterable[ScheduleEvent], without: Iterable[ScheduleEvent]) -> list[ScheduleEvent]:
    barred = {id(event) for event in without}
    return [event for event in events if id(event) not in barred]


# --- in between ------------------------------------------------------------------------------------


def _is_spot(segment: Segment) -> bool:
    return bool(segment.asset_id) and segment.kind is not SegmentKind.PROGRAM


def _piece(segment: Segment) -> tuple[object, ...]:
    return (
        segment.start_us,
        segment.end_us,
        segment.kind,
        segment.asset_id,
        segment.in_us,
        segment.synthetic,
        segment.title,
    )


def _playlist(
    old: Sequence[Segment], new: Sequence[Segment], same: Iterable[tuple[ScheduleEvent, ScheduleEvent]]
) -> Playlist:
    # A piece of the programme under a change of the listing is told there already.
    before, after = {_piece(s): s for s in old}, {_piece(s): s for s in new}
    gone = [s for piece, s in before.items() if piece not in after]
    come = [s for piece, s in after.items() if piece not in before]
    if not gone and not come:
        return Playlist()
    dropped = Counter((s.broadcast_date, s.asset_id) for s in gone if _is_spot(s))
    added = Counter((s.broadcast_date, s.asset_id) for s in come if _is_spot(s))
    moved = sum((dropped & added).values())
    steady_old = {event.event_id for event, _ in same}
    steady_new = {event.event_id for _, event in same}
    cut = {s.event_id for s in gone if s.kind is SegmentKind.PROGRAM and s.event_id in steady_old}
    cut |= {s.event_id for s in come if s.kind is SegmentKind.PROGRAM and s.event_id in steady_new}
    return Playlist(
        spots_moved=moved,
        spots_added=added.total() - moved,
        spots_dropped=dropped.total() - moved,
        breaks=len(cut),
        synthetics=max(
            sum(1 for s in gone if s.synthetic and s.event_id in steady_old),
            sum(1 for s in come if s.synthetic and s.event_id in steady_new),
        ),
        first_us=min(s.start_us for s in (*gone, *come)),
    )


def _other_overlays(old: Sequence[Segment], new: Sequence[Segment]) -> list[Segment]:
    """Those that air as before, with other overlays."""
    before = {_piece(segment): segment.overlays for segment in old}
    return [segment for segment in new if before.get(_piece(segment), segment.overlays) != segment.overlays]


def by_date(channel: ChannelChanges) -> dict[date, list[Change]]:
    """The changes of a channel by broadcast date, in order."""
    found: dict[date, list[Change]] = {}
    for change in channel.changes:
        found.setdefault(change.either.broadcast_date, []).append(change)
    return found
