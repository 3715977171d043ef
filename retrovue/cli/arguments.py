"""Argument types that several commands share."""

from __future__ import annotations

import argparse
from datetime import date, datetime

#: A year and a bit: more is a typo, and would fill the disk.
MOST_DAYS = 400


def broadcast_date(text: str) -> date:
    """ "2026-11-26"."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"“{text}” is no date: write it like 2026-11-26") from None


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
