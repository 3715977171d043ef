"""Packing: which of a few lengths fill a room best; pure."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

from retrovue.units import SECOND_US

#: A remainder is either nothing or at least this long: nobody can read an ident of three milliseconds.
SHORTEST_REMAINDER_US = SECOND_US


def best_sum(lengths: Sequence[int], room_us: int) -> int:
    """The lengths, as bits, whose sum fills the room best; of equal sums the one with the earlier spots.

    Leaves nothing, or at least ``SHORTEST_REMAINDER_US``. Each half of the lengths has at most
    2^(len(lengths) / 2) sums; a sum of the later half is completed by the best of the earlier half.
    """
    most = room_us - SHORTEST_REMAINDER_US
    if sum(lengths) <= most:
        return (1 << len(lengths)) - 1
    half = len(lengths) // 2
    early, late = _sums(lengths[:half]), _sums(lengths[half:])
    exact = set(early)
    for mask, total in enumerate(late):
        if room_us - total in exact:
            return mask << half | early.index(room_us - total)
    ordered = sorted(early)
    best, best_late = -1, 0
    for mask, total in enumerate(late):
        if total <= most:
            total += ordered[bisect_right(ordered, most - total) - 1]
            if total > best:
                best, best_late = total, mask
    if best < 0:
        return 0
    return best_late << half | early.index(best - late[best_late])


def _sums(lengths: Sequence[int]) -> list[int]:
    """The sum of each choice of the lengths, by its bits."""
    sums = [0]
    for length in lengths:
        sums += [total + length for total in sums]
    return sums
