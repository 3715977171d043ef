"""Units of time, and exact conversions between them; pure.

Inside the compiler and playout an instant is an ``int`` of microseconds since the Unix epoch (UTC);
a duration is an ``int`` of microseconds. Aware ``datetime`` in UTC appears at the edges.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from fractions import Fraction

SECOND_US = 1_000_000
MINUTE_US = 60 * SECOND_US
HOUR_US = 60 * MINUTE_US

#: The first and the last year that are planned. Beyond them a date is a slip of the pen, and to replay a
#: station's rotations from there would take days.
FIRST_YEAR, LAST_YEAR = 1970, 2099

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICRO = timedelta(microseconds=1)


def to_us(instant: datetime) -> int:
    """Microseconds since the Unix epoch; exact. Raises ``ValueError`` for a naive datetime."""
    if instant.tzinfo is None:
        raise ValueError("a naive datetime is no instant: give it a UTC offset")
    return (instant - _EPOCH) // _MICRO


def from_us(us: int) -> datetime:
    """The aware UTC datetime of ``us`` microseconds since the Unix epoch; exact."""
    return _EPOCH + timedelta(microseconds=us)


def round_div(numerator: int, denominator: int) -> int:
    """Integer division rounded half up; exact for any size. ``denominator`` > 0."""
    return (2 * numerator + denominator) // (2 * denominator)


def frames_to_us(frames: int, rate: Fraction) -> int:
    """Duration in microseconds of ``frames`` frames at ``rate`` frames per second, rounded half up."""
    return round_div(frames * SECOND_US * rate.denominator, rate.numerator)
