"""The guide by Tvheadend's numbers: what is on, what follows, and what a client searches for."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from retrovue.clock import MasterClock
from retrovue.headend.tvheadend.genres import content_code
from retrovue.headend.tvheadend.messages import seconds
from retrovue.headend.tvheadend.query import search
from retrovue.lineup import ChannelId, GuideEntry, Lineup

#: An entry, and the id of the one after it (0: none is known).
Event = tuple[GuideEntry, int]


class Epg:
    """Questions to the lineup's guide. Nothing is kept but where each id is, for one publication."""

    def __init__(self, lineup: Lineup, clock: MasterClock) -> None:
        self._lineup, self._clock = lineup, clock
        self._etag = ""
        self._places: dict[int, tuple[ChannelId, datetime]] = {}

    def events(self, channel: ChannelId, start: datetime, end: datetime | None = None) -> Iterator[Event]:
        """Entries that touch [start, end), in order; without ``end`` all there are."""
        found = self._lineup.guide(channel, start, self._lineup.guide_end())
        # Some clients drop an event without a duration, others their whole guide.
        listed = [entry for entry in found if seconds(entry.end) > seconds(entry.start)]
        following = [entry.event_id for entry in listed[1:]] + [0]
        for entry, next_id in zip(listed, following, strict=True):
            if end is not None and entry.start >= end:
                return
            yield entry, next_id

    def on_air(self, channel: ChannelId) -> tuple[int, int]:
        """Ids of what is on and of what comes next; 0 for none."""
        now = self._clock.now()
        entry, next_id = next(self.events(channel, now, now + timedelta(seconds=1)), (None, 0))
        return (entry.event_id, next_id) if entry is not None else (0, 0)

    def find(self, event_id: int) -> Event | None:
        """The entry with an id."""
        if (etag := self._lineup.guide_etag()) != self._etag:
            self._etag, self._places = etag, dict(self._index())
        place = self._places.get(event_id)
        if place is None:
            return None
        channel, start = place
        return next((e for e in self.events(channel, start) if e[0].event_id == event_id), None)

    def _index(self) -> Iterator[tuple[int, tuple[ChannelId, datetime]]]:
        # From yesterday on: a client may ask for what it saw a while ago.
        since = self._clock.now() - timedelta(days=1)
        for ident in self._lineup.channels():
            for entry in self._lineup.guide(ident.id, since, self._lineup.guide_end()):
                yield entry.event_id, (ident.id, entry.start)

    def query(
        self,
        words: str,
        channels: list[ChannelId],
        *,
        everywhere: bool = False,
        content: int = 0,
        shortest: int = 0,
        longest: int = 0,
    ) -> list[Event]:
        """What a client searches for, by start. ``everywhere``: in subtitle, description and categories, too.

        ``content``: a genre's code (a group's when its low nibble is 0); durations in seconds, 0 for any.
        """
        matches = search(words)
        now = self._clock.now()
        found: list[Event] = []
        for channel in channels:
            for event in self.events(channel, now):
                entry = event[0]
                length = (entry.end - entry.start).total_seconds()
                if length < shortest or (longest and length > longest):
                    continue
                if content and not _of_genre(entry, content):
                    continue
                texts = (entry.title, entry.subtitle, entry.description, *entry.categories)
                if any(matches(text) for text in (texts if everywhere else texts[:1])):
                    found.append(event)
        found.sort(key=lambda event: event[0].start)
        return found


def _of_genre(entry: GuideEntry, content: int) -> bool:
    code = content_code(entry.categories, movie=entry.kind == "movie")
    return code == content if content & 0x0F else code & 0xF0 == content
