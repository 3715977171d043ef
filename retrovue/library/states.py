"""The life of an asset: one table, and a function that reads it; pure.

An asset is ``new`` when its file was first found, ``enriching`` while it is being looked into, ``ready``
once its duration is known (and contractual), and ``retired`` when its file is gone or spoilt. Retired
assets stay in the lock: rotations and published days refer to them, and a file may come back.

| state     | begin     | enriched | unreadable | vanished |
| ---       | ---       | ---      | ---        | ---      |
| new       | enriching |          |            | retired  |
| enriching |           | ready    | retired    | retired  |
| ready     | enriching |          |            | retired  |
| retired   | enriching |          |            | retired  |
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from retrovue.library.catalog import AssetState


class Occasion(StrEnum):
    """What can happen to an asset."""

    BEGIN = "begin"  #: its file is there and is about to be looked into
    ENRICHED = "enriched"
    UNREADABLE = "unreadable"
    VANISHED = "vanished"


_NEW, _ENRICHING, _READY, _RETIRED = AssetState
TABLE: Mapping[tuple[AssetState, Occasion], AssetState] = {
    (_NEW, Occasion.BEGIN): _ENRICHING,
    (_NEW, Occasion.VANISHED): _RETIRED,
    (_ENRICHING, Occasion.ENRICHED): _READY,
    (_ENRICHING, Occasion.UNREADABLE): _RETIRED,
    (_ENRICHING, Occasion.VANISHED): _RETIRED,
    (_READY, Occasion.BEGIN): _ENRICHING,
    (_READY, Occasion.VANISHED): _RETIRED,
    (_RETIRED, Occasion.BEGIN): _ENRICHING,
    (_RETIRED, Occasion.VANISHED): _RETIRED,
}


def next_state(state: AssetState, occasion: Occasion) -> AssetState:
    """The state after ``occasion``. Raises ``ValueError`` for what can't happen in ``state``."""
    try:
        return TABLE[state, occasion]
    except KeyError:
        raise ValueError(f"an asset that is {state} can't be {occasion}") from None
