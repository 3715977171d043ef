"""Access units of a channel for several viewers at once."""

from __future__ import annotations

from collections import deque

from retrovue.lineup import AccessUnit
from retrovue.playout.access_units import access_units
from retrovue.playout.house import HouseFormat
from retrovue.stream.fanout import Chunk


class SharedUnits:
    """The access units of a channel's chunks, taken out once for all viewers who are at about the same place.

    That is where viewers are that are sent packets in real time: so fifty cost hardly more than one.
    """

    #: Chunks that are remembered: viewers are within two of each other, and nobody needs the rest.
    KEPT = 6

    def __init__(self, house: HouseFormat) -> None:
        self._house = house
        self._taken: deque[tuple[Chunk, tuple[AccessUnit, ...]]] = deque(maxlen=self.KEPT)

    def of(self, chunk: Chunk) -> tuple[AccessUnit, ...]:
        """The chunk's access units, in the order of its packets."""
        for known, units in self._taken:
            if known is chunk:
                return units
        units = tuple(access_units(chunk.data, chunk.start_us, self._house))
        self._taken.append((chunk, units))
        return units
