"""Policies that are inherited: station → channel → zone → program, and the nearest wins; pure.

``breaks``, ``overlays`` and ``max_fill`` are taken whole from the nearest that says anything; ``traffic`` is
put together key by key, so that a zone may change the separation and keep the channel's pools.
"""

from __future__ import annotations

from collections.abc import Iterator

from retrovue.station.model import Channel, Program, Separation, Station, Traffic, Zone


def _nearest_first(
    station: Station, channel: Channel | None, zone: Zone | None, program: Program | None
) -> Iterator[Station | Channel | Zone | Program]:
    yield from (holder for holder in (program, zone, channel) if holder is not None)
    yield station


def breaks_of(
    station: Station, channel: Channel | None = None, zone: Zone | None = None, program: Program | None = None
) -> str | None:
    """The slug of the break format; None and "none" alike: the programme plays whole."""
    return next((h.breaks for h in _nearest_first(station, channel, zone, program) if h.breaks), None)


def overlays_of(
    station: Station, channel: Channel | None = None, zone: Zone | None = None, program: Program | None = None
) -> tuple[str, ...]:
    """The slugs of the overlays, lowest first."""
    holders = _nearest_first(station, channel, zone, program)
    return next((h.overlays for h in holders if h.overlays is not None), ())


def traffic_of(
    station: Station, channel: Channel | None = None, zone: Zone | None = None, program: Program | None = None
) -> Traffic:
    """The traffic policy, with every key from the nearest that says it; None where nobody does."""
    merged = Traffic()
    for holder in _nearest_first(station, channel, zone, program):
        merged = inherit(merged, holder.traffic)
    return merged


def inherit(near: Traffic, far: Traffic) -> Traffic:
    """``near``, with what it doesn't say taken from ``far``."""
    if not far.model_fields_set:
        return near
    if not near.model_fields_set:
        return far
    a, b = near.separation, far.separation
    separation = a or b
    if a is not None and b is not None:
        separation = Separation(
            copy_=b.copy_ if a.copy_ is None else a.copy_,
            advertiser=b.advertiser if a.advertiser is None else a.advertiser,
            category=b.category if a.category is None else a.category,
        )
    return Traffic(
        pools=far.pools if near.pools is None else near.pools,
        separation=separation,
        ads_per_hour=far.ads_per_hour if near.ads_per_hour is None else near.ads_per_hour,
        relax=far.relax if near.relax is None else near.relax,
    )


def max_fill_of(station: Station, channel: Channel | None = None, zone: Zone | None = None) -> int:
    """The most interstitials that half an hour may hold without a warning (µs)."""
    if zone is not None and zone.max_fill is not None:
        return zone.max_fill
    if channel is not None and channel.max_fill is not None:
        return channel.max_fill
    return station.max_fill
