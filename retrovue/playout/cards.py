"""What cards and overlays say: the schedule, in the words of the screen; pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from retrovue.compiler.model import CompiledChannel, ScheduleEvent
from retrovue.units import from_us

#: The evening begins for "tonight" (hour of the local clock).
EVENING = 18


@dataclass(frozen=True, slots=True)
class Writing:
    """How a station writes its times."""

    zone: ZoneInfo
    clock: str = "12h"  #: 12h or 24h

    def time(self, us: int) -> tuple[str, str]:
        """The time of day and its half: ("8:30", "PM"), or ("20:30", "")."""
        local = from_us(us).astimezone(self.zone)
        if self.clock == "24h":
            return f"{local.hour:02}:{local.minute:02}", ""
        return f"{local.hour % 12 or 12}:{local.minute:02}", "AM" if local.hour < 12 else "PM"

    def local(self, us: int) -> datetime:
        return from_us(us).astimezone(self.zone)

    def when(self, us: int, seen_us: int) -> str:
        """The day of ``us`` for somebody who reads it at ``seen_us``."""
        then, seen = self.local(us), self.local(seen_us)
        days = (then.date() - seen.date()).days
        # At one in the morning, six o'clock is “this morning”, and it is the same date.
        if days == 0:
            return "Tonight" if then.hour >= EVENING else "This morning" if then.hour < 12 else "Today"
        if days == 1:
            return "Tomorrow"
        return f"{then:%A}"


@dataclass(frozen=True, slots=True)
class Listed:
    """A programme as a card names it."""

    title: str
    subtitle: str = ""
    episode: str = ""
    time: str = ""
    half: str = ""
    when: str = ""
    rating: str = ""
    year: str = ""
    description: str = ""


def listed(event: ScheduleEvent, seen_us: int, writing: Writing) -> Listed:
    """``event`` as it is announced at ``seen_us``."""
    time, half = writing.time(event.start_us)
    numbers = [
        f"{word} {number}"
        for word, number in (("Season", event.season), ("Episode", event.episode))
        if number is not None
    ]
    return Listed(
        title=event.title,
        subtitle=event.subtitle,
        episode=", ".join(numbers),
        time=time,
        half=half,
        when=writing.when(event.start_us, seen_us),
        rating=event.rating,
        year=str(event.year) if event.year is not None else "",
        description=event.description,
    )


def common(station: str, channel: CompiledChannel, logo: str, colour: str) -> dict[str, Any]:
    """What every card and overlay may use."""
    return {
        "station": station,
        "number": channel.number,
        "channel": channel.name,
        "callsign": channel.callsign,
        "logo": logo,
        "colour": colour,
        "title": "",
        "text": "",
    }


def following(events: Sequence[ScheduleEvent], event_id: int, at_us: int) -> Sequence[ScheduleEvent]:
    """What comes after the event that something at ``at_us`` belongs to, but for what is off the air."""
    index = next((n for n, e in enumerate(events) if e.event_id == event_id), None)
    if index is None:
        index = next((n for n, e in enumerate(events) if e.start_us > at_us), len(events)) - 1
    return [e for e in events[index + 1 :] if e.kind != "off_air"]


def announced(
    events: Sequence[ScheduleEvent], event_id: int, at_us: int, writing: Writing
) -> Mapping[str, Any]:
    """``next`` and ``later`` of a card that is on at ``at_us``."""
    coming = [asdict(listed(e, at_us, writing)) for e in following(events, event_id, at_us)[:4]]
    return {"next": coming[0] if coming else None, "later": coming[1:]}
