"""Dayparts of assets: at what time of day a programme or a spot may start, as rules said at ingest; pure."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from retrovue.broadcast_day import Calendar
from retrovue.compiler.airing import Airing
from retrovue.library.catalog import Asset
from retrovue.station.model import parse_window

_DAY = 24 * 60


@lru_cache(1024)
def windows_of(dayparts: tuple[str, ...]) -> tuple[tuple[int, int], ...]:
    """Minutes after midnight of start and end of each."""
    return tuple(map(parse_window, dayparts))


def may_start(asset: Asset, calendar: Calendar, instant_us: int) -> bool:
    """May the asset start then? One without dayparts may at any time."""
    if not asset.dayparts:
        return True
    wall = calendar.broadcast_minutes(instant_us) + calendar.day_start
    return any(
        (wall - start) % _DAY < ((end - start) % _DAY or _DAY) for start, end in windows_of(asset.dayparts)
    )


def barred_by(airing: Airing, calendar: Calendar, instant_us: int) -> str:
    """The episode of ``airing`` that may not start then; empty when all may."""
    mains: Iterable[Asset] = (part.asset for part in airing.parts if part.main and part.asset is not None)
    return next((asset.id for asset in mains if not may_start(asset, calendar, instant_us)), "")
