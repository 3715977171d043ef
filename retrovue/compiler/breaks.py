"""Breaks: at which offsets a programme may be interrupted; pure.

Offsets count from the programme's start, in microseconds of programme time (breaks not included), and
lie on the frames of the asset they fall in.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from fractions import Fraction
from functools import lru_cache

from retrovue.compiler.airing import Part
from retrovue.station.model import BreakFormat, parse_duration
from retrovue.units import SECOND_US, frames_to_us, round_div

_EVERY = re.compile(r"every\s+(\S+)")

#: No break is planned that would be shorter: bumpers and one spot take as long.
SHORTEST_BREAK_US = 60 * SECOND_US


def break_points(parts: Sequence[Part], how: BreakFormat | None) -> list[int]:
    """Offsets at which the programme may be interrupted, ascending, under every rule of ``how``.

    Marks, and the joins between episodes, come first; a programme with neither follows ``otherwise``.
    """
    if how is None or how.at == "none" or not how.max_breaks:
        return []
    length = sum(part.duration_us for part in parts)
    wanted = _marks(parts) if how.at == "marks" else []
    if not wanted:
        wanted = sorted({_on_frame(parts, offset) for offset in _by_rule(how.otherwise, length)} - {-1})
    allowed: list[int] = []
    for offset in wanted:
        if offset < how.first_not_before or offset > length - how.last_not_after:
            continue
        if allowed and offset - allowed[-1] < how.min_spacing:
            continue
        allowed.append(offset)
    return spread(allowed, how.max_breaks)


def spread(points: list[int], count: int) -> list[int]:
    """``count`` of the points at most, spread evenly over them."""
    if len(points) <= count:
        return points
    return [points[(2 * i + 1) * len(points) // (2 * count)] for i in range(count)]


def used_breaks(points: list[int], leftover_us: int) -> list[int]:
    """As many of the points as the leftover time can give breaks worth having, besides the last pod."""
    return spread(points, max(0, leftover_us // SHORTEST_BREAK_US - 1))


def _marks(parts: Sequence[Part]) -> list[int]:
    found: list[int] = []
    offset = 0
    before: Part | None = None
    for part in parts:
        if part.main and before is not None and before.main:
            found.append(offset)
        if part.main and part.asset is not None:
            found += [offset + mark for mark in _on_frames(part.asset.marks_us, part.asset.rate)]
        offset += part.duration_us
        before = part
    return sorted({point for point in found if 0 < point < offset})


def _by_rule(rule: str, length: int) -> list[int]:
    if rule == "thirds":
        return [length // 3, 2 * length // 3]
    if rule == "center":
        return [length // 2]
    if match := _EVERY.fullmatch(rule.strip()):
        try:
            every = parse_duration(match[1])
        except ValueError:
            return []
        # Closer than a minute no break format could allow anyway; the floor bounds the list.
        every = max(every, SHORTEST_BREAK_US)
        return list(range(every, length, every))
    return []  # none, end: between programmes only


def _on_frame(parts: Sequence[Part], offset: int) -> int:
    """The offset moved onto a frame of the episode it falls in; -1 when it falls in none."""
    start = 0
    for part in parts:
        if start <= offset < start + part.duration_us:
            if not part.main or part.asset is None:
                return -1
            within = _frame(offset - start, part.asset.rate)
            return start + within if 0 < within < part.duration_us else -1
        start += part.duration_us
    return -1


@lru_cache(maxsize=1 << 16)
def _on_frames(marks_us: tuple[int, ...], rate: str) -> tuple[int, ...]:
    """The marks moved onto frames; an episode airs more than once."""
    return tuple(_frame(mark, rate) for mark in marks_us)


def _frame(offset_us: int, rate: str) -> int:
    fraction = _rate(rate)
    if fraction is None:
        return offset_us
    frame = round_div(offset_us * fraction.numerator, fraction.denominator * SECOND_US)
    return frames_to_us(frame, fraction)


@lru_cache(maxsize=256)
def _rate(rate: str) -> Fraction | None:
    try:
        fraction = Fraction(rate)
    except (ValueError, ZeroDivisionError):
        return None
    return fraction if fraction > 0 else None
