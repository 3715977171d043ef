"""A channel's signal as access units, for front-ends that don't send a transport stream; pure."""

from __future__ import annotations

from collections.abc import Iterator

from retrovue.lineup import AccessUnit
from retrovue.playout.house import HouseFormat
from retrovue.stream.mpegts import PID_VIDEO, WRAP, taken_apart


def access_units(data: bytes, start_us: int, house: HouseFormat) -> Iterator[AccessUnit]:
    """The pictures and audio frames of some ticks, of which the first begins at ``start_us``, out of the
    transport stream they were multiplexed into."""
    grid, frame_pts = house.grid, house.audio_grid.frame_pts
    tick = grid.nearest(start_us)
    near = grid.pts(tick)
    for pes in taken_apart(data):
        if pes.pid == PID_VIDEO:
            pts = grid.pts(tick)
            tick += 1
            yield AccessUnit("video", pts, grid.pts(tick) - pts, pes.payload, pes.key)
        else:
            # A time stamp says where in 26.5 hours; ``start_us`` says in which of them.
            pts = near + (pes.pts - near + WRAP // 2) % WRAP - WRAP // 2
            yield AccessUnit("audio", pts, frame_pts, pes.payload)
