"""``epg/…`` of the JSON API: the guide by page, by word and by id."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from retrovue.headend.tvheadend.backend import Backend
from retrovue.headend.tvheadend.directory import Listed
from retrovue.headend.tvheadend.epg import Event, Sought
from retrovue.headend.tvheadend.genres import GROUPS, content_code, names
from retrovue.headend.tvheadend.guide_index import Key, on_air
from retrovue.headend.tvheadend.messages import age_of, credits_of, first_aired, onscreen, seconds
from retrovue.headend.tvheadend.paging import (
    LIMIT,
    Arguments,
    Json,
    backwards,
    grid,
    number,
    numbers,
    page,
    pairs,
)
from retrovue.lineup import GuideEntry

#: What may ask for words, which only the programmes themselves know.
_WORDS = ("title", "fulltext", "contentType", "filter")


def _event(backend: Backend, event: Event) -> Json:
    entry, next_id = event
    listed = backend.directory.by_id[entry.channel]
    row: Json = {
        "eventId": entry.event_id,
        "channelName": listed.ident.name,
        "channelUuid": listed.uuid,
        "channelNumber": listed.ident.number,
    }
    if listed.ident.logo is not None:
        row["channelIcon"] = f"imagecache/{backend.images.number(listed.ident.logo)}"
    row |= {"start": seconds(entry.start), "stop": seconds(entry.end), "title": entry.title}
    code = content_code(entry.categories, movie=entry.kind == "movie")
    more = {
        "subtitle": entry.subtitle,
        "description": entry.description,
        "credits": credits_of(entry),
        "category": list(entry.categories),
        "genre": [code] if code else [],
        "new": int(entry.original_date is not None and entry.original_date >= entry.start.date()),
        "seasonNumber": entry.season,
        "episodeNumber": entry.episode,
        "episodeOnscreen": onscreen(entry) if entry.episode else "",
        "ageRating": age_of(entry.rating),
        "ratingLabel": entry.rating,
        "copyright_year": entry.year,
        "first_aired": first_aired(entry),
        "image": f"imagecache/{backend.images.number(entry.artwork)}" if entry.artwork else "",
        "nextEventId": next_id,
    }
    return row | {name: value for name, value in more.items() if value}


def _events(backend: Backend, arguments: Arguments) -> Json:
    """What is on now or later, by start unless asked otherwise.

    Only the page that is asked for is written out; the whole guide is read for whoever asks for words.
    """
    listed = _asked(backend, arguments)
    channels = [one.ident.id for one in listed]
    sought = Sought(
        arguments.get("title", ""),
        everywhere=arguments.get("fulltext") in ("1", "true"),
        content=number(arguments, "contentType", 0),
        shortest=number(arguments, "durationMin", 0),
        longest=number(arguments, "durationMax", 0),
    )
    sort, now = arguments.get("sort") or "start", arguments.get("mode") == "now"
    if not now and sort in _KEYS and not any(arguments.get(word) for word in _WORDS):
        events, total = backend.index.page(
            channels,
            page(arguments),
            key=_KEYS[sort],
            backwards=backwards(arguments),
            shortest=sought.shortest,
            longest=sought.longest,
        )
        return {"totalCount": total, "entries": [_event(backend, event) for event in events]}
    if now:
        meant = sought.test()
        events = [e for e in on_air(backend.epg, channels, backend.clock.now()) if meant(e[0])]
    else:
        events = backend.epg.query(sought, channels)
    if arguments.get("filter") or sort not in _ORDER:
        return grid((_event(backend, event) for event in events), arguments, "totalCount")
    events.sort(key=lambda event: _ORDER[sort](event[0]), reverse=backwards(arguments))
    rows = [_event(backend, event) for event in events[page(arguments)]]
    return {"totalCount": len(events), "entries": rows}


def _asked(backend: Backend, arguments: Arguments) -> list[Listed]:
    """The channels that are asked for, by name or number of theirs, or by their tag's."""
    found = backend.directory
    listed = list(found.channels.values())
    if wanted := arguments.get("channel"):
        listed = [one for one in listed if wanted in (one.uuid, one.ident.name, str(one.number))]
    if tag := arguments.get("channelTag"):
        members = {n for t in found.tags.values() if tag in (t.uuid, t.name) for n in t.members}
        listed = [one for one in listed if one.number in members]
    return listed


#: What the index can put in order, and how; None: by start, as it is.
_KEYS: dict[str, Key | None] = {
    "start": None,
    "stop": lambda start, end, place: end,
    "duration": lambda start, end, place: end - start,
    "channelNumber": lambda start, end, place: place,  # the lineup is in this order
}
#: The same of programmes.
_ORDER: dict[str, Callable[[GuideEntry], Any]] = {
    "start": lambda entry: entry.start,
    "stop": lambda entry: entry.end,
    "duration": lambda entry: entry.end - entry.start,
    "title": lambda entry: entry.title.casefold(),
}


def _load(backend: Backend, arguments: Arguments) -> Json:
    """One event, or some: ``eventId=1`` or ``eventId=[1,2]``."""
    found = (_found(backend, n) for n in numbers(arguments, "eventId")[:LIMIT])
    return _listing(backend, [event for event in found if event is not None])


def _related(backend: Backend, arguments: Arguments) -> Json:
    """Other episodes of the same series."""
    return _like(backend, arguments, lambda one, other: _episode(one) != _episode(other))


def _alternative(backend: Backend, arguments: Arguments) -> Json:
    """The same again at another time, or on another channel."""
    return _like(backend, arguments, lambda one, other: _episode(one) == _episode(other))


def _like(backend: Backend, arguments: Arguments, alike: Callable[[GuideEntry, GuideEntry], bool]) -> Json:
    wanted = numbers(arguments, "eventId")
    found = _found(backend, wanted[0]) if len(wanted) == 1 else None
    if found is None:
        return _listing(backend, [])
    one, now = found[0], backend.clock.now()
    events = [
        event
        for channel in backend.directory.by_id
        for event in backend.epg.events(channel, now)
        if event[0].title == one.title and event[0].event_id != one.event_id and alike(one, event[0])
    ]
    return _listing(backend, sorted(events, key=lambda event: event[0].start))


def _episode(entry: GuideEntry) -> tuple[object, ...]:
    """What tells one episode from another of its title."""
    numbered = entry.episode is not None
    return (entry.season, entry.episode) if numbered else (entry.subtitle, entry.year)


def _found(backend: Backend, event_id: int) -> Event | None:
    event = backend.epg.find(event_id)
    return event if event is not None and event[0].channel in backend.directory.by_id else None


def _listing(backend: Backend, events: list[Event]) -> Json:
    return {"entries": [_event(backend, event) for event in events], "totalCount": len(events)}


def _content_types(_: Backend, arguments: Arguments) -> Json:
    return pairs(names() if arguments.get("full") == "1" else GROUPS.items())


ROUTES: dict[str, Callable[[Backend, Arguments], Any]] = {
    "epg/events/grid": _events,
    "epg/events/load": _load,
    "epg/events/related": _related,
    "epg/events/alternative": _alternative,
    "epg/content_type/list": _content_types,
}
#: They may read a whole guide, and the pictures share the event loop.
ON_A_THREAD = frozenset(("epg/events/grid", "epg/events/related", "epg/events/alternative"))
