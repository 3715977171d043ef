"""Which hours of the guide a visitor asks for; pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

from retrovue.errors import RetroVueError
from retrovue.headend.web.grid import half_hour

DEFAULT_HOURS = 4
MOST_HOURS = 24

#: A "+" that a client forgot to escape arrives as a space: "2026-11-22T20:00:00 00:00".
_LOST_PLUS = re.compile(r"(.*T.*) (\d\d:?\d\d)")


@dataclass(frozen=True, slots=True)
class Window:
    """``hours`` of guide from ``start``, which is a half hour. ``live``: the present was asked for."""

    start: datetime
    hours: int = DEFAULT_HOURS
    live: bool = True

    @property
    def end(self) -> datetime:
        return self.start + timedelta(hours=self.hours)


def read_window(
    from_: str | None, hours: str | None, now: datetime, guide_end: datetime, zone: tzinfo
) -> Window:
    """What ``?from=`` and ``?hours=`` mean. Raises ``RetroVueError`` for what can't be shown.

    ``from_`` is ISO 8601, in station time when it has no offset; nothing means now.
    """
    count = _hours(hours)
    if from_ is None or not from_.strip():
        return Window(half_hour(now, zone), count)
    start = half_hour(_instant(from_.strip(), zone), zone).astimezone(now.tzinfo)
    if start >= max(guide_end, now):
        raise RetroVueError(
            "The guide does not reach that far.",
            f"It is made up to {guide_end.astimezone(zone):%A %d %B %Y, %H:%M}.",
        )
    return Window(start, count, live=False)


def _hours(text: str | None) -> int:
    if text is None or not text.strip():
        return DEFAULT_HOURS
    if not re.fullmatch(r"[0-9]{1,2}", text.strip()) or not 1 <= int(text) <= MOST_HOURS:
        raise RetroVueError(
            f"“{text[:40]}” is no number of hours.", f"hours is a whole number from 1 to {MOST_HOURS}."
        )
    return int(text)


def _instant(text: str, zone: tzinfo) -> datetime:
    if lost := _LOST_PLUS.fullmatch(text):
        text = f"{lost[1]}+{lost[2]}"
    try:
        instant = datetime.fromisoformat(text)
        if instant.tzinfo is None:
            instant = instant.replace(tzinfo=zone)
        # The years at either end of the calendar can't be shown in every time zone.
        if not 1970 <= instant.year <= 9000:
            raise ValueError("far away")
    except ValueError:
        raise RetroVueError(
            f"“{text[:40]}” is no date and time.",
            "from is ISO 8601, like 2026-11-23T20:00 (station time) or 2026-11-23T20:00:00+00:00.",
        ) from None
    return instant
