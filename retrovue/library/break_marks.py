"""Break marks where a file has none: suggestions from black pictures and silence; pure.

A cut for a commercial is a moment at which the picture is black and nothing is heard. Only both together
count: films are dark for long stretches, and silent ones are silent throughout. What is black and what is
silent in a file: ``black_pictures``, ``quiet_sound``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from retrovue.units import SECOND_US

#: A span of a file: from, to (µs from its first picture).
Span = tuple[int, int]

#: Black and silence must last this long together (µs): a flash between two shots is shorter.
SHORTEST_US = 150_000
#: Nothing is suggested this near to either end (µs): what is black there is before or behind the titles.
MARGIN_US = 45 * SECOND_US
#: Of several within this time (µs) the longest counts: no programme breaks twice in a minute.
APART_US = 60 * SECOND_US
#: A file that is silent, or black, for a larger part than this has no silence, or black, that means anything.
MOSTLY = 0.5


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A place where a break may fall."""

    at_us: int  #: the middle of the black, from the first picture
    lasts_us: int  #: how long it is black and silent


def suggest(
    blacks: Sequence[Span],
    silences: Sequence[Span] | None,
    duration_us: int,
    margin_us: int = MARGIN_US,
    apart_us: int = APART_US,
) -> tuple[Suggestion, ...]:
    """In order of time. ``silences`` None: the file has no sound, and black alone must do."""
    black, silent = _meaningful(blacks, duration_us), None
    if silences is not None:
        silent = _meaningful(silences, duration_us)
    both = black if silent is None else _overlaps(black, silent)
    found = [
        Suggestion((start + end) // 2, end - start)
        for start, end in both
        if end - start >= SHORTEST_US and margin_us <= (start + end) // 2 <= duration_us - margin_us
    ]
    kept: list[Suggestion] = []
    for one in sorted(found, key=lambda s: (-s.lasts_us, s.at_us)):
        if all(abs(one.at_us - other.at_us) >= apart_us for other in kept):
            kept.append(one)
    return tuple(sorted(kept, key=lambda s: s.at_us))


def _meaningful(spans: Sequence[Span], duration_us: int) -> Sequence[Span]:
    return spans if sum(end - start for start, end in spans) <= MOSTLY * duration_us else ()


def _overlaps(some: Sequence[Span], others: Sequence[Span]) -> list[Span]:
    """What lies in both, in order; each ascends and does not overlap itself."""
    found = []
    left, right = 0, 0
    while left < len(some) and right < len(others):
        start = max(some[left][0], others[right][0])
        end = min(some[left][1], others[right][1])
        if start < end:
            found.append((start, end))
        if some[left][1] < others[right][1]:
            left += 1
        else:
            right += 1
    return found
