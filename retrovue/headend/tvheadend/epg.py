"""The guide by Tvheadend's numbers: what is on, what follows, and what a client searches for."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from retrovue.clock import MasterClock
from retrovue.headend.tvheadend.genres import content_code
from retrovue.headend.tvheadend.messages import seconds
from retrovue.headend.tvheadend.query import search
from retrovue.lineup import ChannelId, GuideEntry, Lineup

_MOMENT = timedelta(microseconds=1)
#: What follows an entry begins with it, unless that is shorter than a second and counts for nothing.
_NEXT = timedelta(seconds=2)

#: An entry, and the id of the one after it (0: none is known).
Event = tuple[GuideEntry, int]


@dataclass(frozen=True, slots=True)
class Sought:
    """What a client searches for."""

    words: str = ""  #: as query.search reads them
    everywhere: bool = False  #: not only in the title, but in all that is said of a programme
    content: int = 0  #: a genre's code (a group's when its low nibble is 0); 0: any
    shortest: int = 0  #: seconds
    longest: int = 0  #: seconds; 0: any

    def test(self) -> Callable[[GuideEntry], bool]:
        """Whether an entry is meant."""
        matches = search(self.words)

        def meant(entry: GuideEntry) -> bool:
            length = (entry.end - entry.start).total_seconds()
            if length < self.shortest or (self.longest and length > self.longest):
                return False
            if self.content and not _of_genre(entry, self.content):
                return False
            if not self.words or matches(entry.title):
                return True
            names = (credit.name for credit in entry.credits)
            texts = (entry.subtitle, entry.description, *entry.categories, *names)
            return self.everywhere and any(map(matches, texts))

        return meant


class Epg:
    """Questions to the lineup's guide. Nothing is kept: a station's guide is large, and made line by line."""

    def __init__(self, lineup: Lineup, clock: MasterClock) -> None:
        self._lineup, self._clock = lineup, clock

    def events(self, channel: ChannelId, start: datetime, end: datetime | None = None) -> list[Event]:
        """Entries that touch [start, end), in order; without ``end`` all there are."""
        last = self._lineup.guide_end()
        found = self._listed(channel, start, min(end, last) if end is not None else last)
        if not found:
            return []
        following = [entry.event_id for entry in found[1:]]
        return list(zip(found, [*following, self._after(channel, found[-1])], strict=True))

    def _after(self, channel: ChannelId, entry: GuideEntry) -> int:
        """The id of what follows an entry; 0: none is known."""
        return next((e.event_id for e in self._listed(channel, entry.end, entry.end + _NEXT)), 0)

    def _listed(self, channel: ChannelId, start: datetime, end: datetime) -> list[GuideEntry]:
        # Some clients drop an event without a duration, others their whole guide.
        found = self._lineup.guide(channel, start, end) if start < end else ()
        return [entry for entry in found if seconds(entry.end) > seconds(entry.start)]

    def on_air(self, channel: ChannelId) -> tuple[int, int]:
        """Ids of what is on and of what comes next; 0 for none."""
        now = self._clock.now()
        found = self.events(channel, now, now + _MOMENT)
        return (found[0][0].event_id, found[0][1]) if found else (0, 0)

    def find(self, event_id: int) -> Event | None:
        """The entry with an id."""
        entry = self._lineup.event(event_id)
        return (entry, self._after(entry.channel, entry)) if entry is not None else None

    def query(self, sought: Sought, channels: Iterable[ChannelId]) -> list[Event]:
        """What a client searches for, by start."""
        matches, now = sought.test(), self._clock.now()
        found = [event for channel in channels for event in self.events(channel, now) if matches(event[0])]
        found.sort(key=lambda event: event[0].start)
        return found


def _of_genre(entry: GuideEntry, content: int) -> bool:
    code = content_code(entry.categories, movie=entry.kind == "movie")
    return code == content if content & 0x0F else code & 0xF0 == content
