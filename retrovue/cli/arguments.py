"""Argument types that several commands share."""

from __future__ import annotations

import argparse
import re
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from retrovue.units import FIRST_YEAR, LAST_YEAR

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

#: A year and a bit: more is a typo, and would fill the disk.
MOST_DAYS = 400


def broadcast_date(text: str) -> date:
    """ "2026-11-26"."""
    try:
        found = date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"“{text}” is no date: write it like 2026-11-26") from None
    if not _is_planned(found):
        raise argparse.ArgumentTypeError(f"“{text}” is {_BEYOND}")
    return found


_BEYOND = f"beyond the calendar, which is from {FIRST_YEAR} to {LAST_YEAR}"


def _is_planned(day: date) -> bool:
    return FIRST_YEAR <= day.year <= LAST_YEAR


def instant(text: str) -> datetime:
    """An aware datetime of "2026-11-26T06:00:00-05:00" or "…Z"."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise argparse.ArgumentTypeError(
            f"“{text}” is no instant: write it with its UTC offset, like 2026-11-26T06:00:00-05:00"
        )
    if not _is_planned(found):
        raise argparse.ArgumentTypeError(f"“{text}” is {_BEYOND}")
    return found


def date_or_instant(text: str) -> date | datetime:
    """Either of the two; a ``datetime`` is aware."""
    if "T" in text or ":" in text:
        return instant(text)
    return broadcast_date(text)


def whole_days(text: str) -> int:
    """A number of days, 1 to ``MOST_DAYS``."""
    if not text.isdecimal() or not 1 <= int(text) <= MOST_DAYS:
        raise argparse.ArgumentTypeError(f"“{text}” is no number of days: 1 to {MOST_DAYS}")
    return int(text)


_WALL = re.compile(
    r"(?:(\d{4}-\d\d-\d\d|[a-z]{3}|today|tomorrow|yesterday)[ T])?(\d{1,2}):(\d\d)(?::(\d\d))?"
)
_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def station_time(text: str, zone: ZoneInfo, now_us: int) -> int:
    """Microseconds of an instant with its offset, or of a time as the station's clock shows it:
    "2026-11-26 20:00", "20:00" (today), "fri 20:00" (this or the next), "tomorrow 06:00", "now".

    A time that comes twice in autumn is the first of the two. Raises ``RetroVueError``.
    """
    from retrovue.broadcast_day import wall_to_us
    from retrovue.errors import RetroVueError
    from retrovue.units import SECOND_US, from_us, to_us

    word = text.strip()
    if word.lower() == "now":
        return now_us
    match = _WALL.fullmatch(word.lower().replace("t", " ", 1) if word[:4].isdecimal() else word.lower())
    if match is None:
        try:
            found = datetime.fromisoformat(word)
        except ValueError:
            found = None
        if found is None or found.tzinfo is None:
            raise RetroVueError(
                f"“{text}” is no time",
                help="write 2026-11-26 20:00, fri 20:00, 20:00, now, or an instant with its UTC offset",
            )
        if not _is_planned(found):
            raise RetroVueError(f"“{text}” is {_BEYOND}")
        return to_us(found)
    day, hours, minutes, seconds = match.groups()
    today = from_us(now_us).astimezone(zone).date()
    shift = {None: 0, "today": 0, "tomorrow": 1, "yesterday": -1}
    try:
        if day in shift:
            on = today + timedelta(days=shift[day])
        elif day in _WEEKDAYS:
            on = today + timedelta(days=(_WEEKDAYS.index(day) - today.weekday()) % 7)
        else:
            on = date.fromisoformat(str(day))
        if int(hours) > 23 or int(minutes) > 59 or int(seconds or 0) > 59:
            raise ValueError
    except ValueError:
        raise RetroVueError(f"“{text}” is no time", help="write it like 2026-11-26 20:00") from None
    if not _is_planned(on):
        raise RetroVueError(f"“{text}” is {_BEYOND}")
    return wall_to_us(zone, on, int(hours) * 60 + int(minutes)) + int(seconds or 0) * SECOND_US


def add_events(parser: argparse.ArgumentParser) -> None:
    """The option ``--events``; what is told there: ``retrovue.cli.progress``."""
    parser.add_argument(
        "--events",
        metavar="FILE",
        help="tell of progress, rate and outcome there while it goes on, one JSON object a line; - is "
        "standard output, which then has nothing else",
    )


_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([KMGT]?)B?", re.IGNORECASE)
_UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}


def disk_size(text: str) -> int:
    """Bytes of "200GB", "1.5T" or "800M"; a thousand of one unit is the next."""
    found = _SIZE.fullmatch(text.strip())
    size = round(float(found[1]) * _UNITS[found[2].upper()]) if found else 0
    if not size:
        raise argparse.ArgumentTypeError(f"“{text}” is no size: write it like 200GB")
    return size
