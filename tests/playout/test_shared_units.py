"""Access units are taken out of a chunk once for all viewers at about the same place."""

from __future__ import annotations

from fractions import Fraction

import pytest

from retrovue.playout import shared_units
from retrovue.playout.access_units import access_units
from retrovue.playout.house import HouseFormat
from retrovue.playout.shared_units import SharedUnits
from retrovue.stream.fanout import Chunk
from retrovue.stream.mpegts import TsMux

HOUSE = HouseFormat("360p", Fraction(25), "veryfast", 800, 128)


def chunks(count: int) -> list[Chunk]:
    mux, grid = TsMux(), HOUSE.grid
    first = grid.at(1_795_723_200_000_000)
    return [
        Chunk(
            n,
            grid.start_us(first + n),
            True,
            mux.tables() + mux.video(grid.pts(first + n), bytes(9000), True),
        )
        for n in range(count)
    ]


def test_what_is_shared_is_what_one_alone_would_have(monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[int] = []

    def counted(data: bytes, start_us: int, house: HouseFormat) -> object:
        taken.append(start_us)
        return access_units(data, start_us, house)

    monkeypatch.setattr(shared_units, "access_units", counted)
    shared, ring = SharedUnits(HOUSE), chunks(20)
    for viewer_ahead, viewer_behind in zip(ring[2:], ring, strict=False):
        for chunk in (viewer_ahead, viewer_behind, viewer_ahead):
            assert shared.of(chunk) == tuple(access_units(chunk.data, chunk.start_us, HOUSE))
    # The first two are met by the one behind alone; every other once, though it was asked for three times.
    assert len(taken) == 20


def test_another_rings_chunk_of_the_same_number_is_another() -> None:
    shared = SharedUnits(HOUSE)
    one, other = chunks(2)
    other = Chunk(one.seq, other.start_us, True, other.data)
    assert shared.of(one) != shared.of(other)


def test_little_is_kept() -> None:
    shared = SharedUnits(HOUSE)
    for chunk in chunks(50):
        shared.of(chunk)
    assert len(shared._taken) == SharedUnits.KEPT
