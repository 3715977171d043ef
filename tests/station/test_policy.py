"""Who decides about breaks, overlays and traffic: the nearest that says something."""

from __future__ import annotations

from retrovue.station.model import Channel, Program, Separation, Station, Traffic, Zone
from retrovue.station.policy import breaks_of, max_fill_of, overlays_of, traffic_of
from retrovue.units import MINUTE_US

STATION = Station(
    station="s",
    name="S",
    timezone="UTC",
    breaks="network",
    overlays=("bug",),
    traffic=Traffic(pools=("ads",), ads_per_hour=16 * MINUTE_US, separation=Separation(copy_=1, category=2)),
)
CHANNEL = Channel(channel="c", number="1", name="C", plans=("p",))
ZONE = Zone(zone="z", window="06:00-12:00", play=("x",))
PROGRAM = Program(program="x", chain=({"synthetic": "slate"},))


def test_the_station_decides_where_nobody_else_does() -> None:
    assert breaks_of(STATION, CHANNEL, ZONE, PROGRAM) == "network"
    assert overlays_of(STATION, CHANNEL, ZONE, PROGRAM) == ("bug",)
    assert traffic_of(STATION, CHANNEL, ZONE, PROGRAM) == STATION.traffic
    assert max_fill_of(STATION, CHANNEL, ZONE) == 12 * MINUTE_US


def test_the_nearest_wins() -> None:
    channel = CHANNEL.model_copy(update={"breaks": "a", "overlays": ("rating",), "max_fill": 1})
    zone = ZONE.model_copy(update={"breaks": "b", "overlays": (), "max_fill": 0})
    program = PROGRAM.model_copy(update={"breaks": "none"})
    assert breaks_of(STATION, channel, zone, program) == "none"
    assert breaks_of(STATION, channel, zone) == "b"
    assert breaks_of(STATION, channel) == "a"
    assert overlays_of(STATION, channel, zone, program) == ()
    assert overlays_of(STATION, channel) == ("rating",)
    assert (max_fill_of(STATION, channel, zone), max_fill_of(STATION, channel)) == (0, 1)


def test_traffic_is_inherited_key_by_key() -> None:
    zone = ZONE.model_copy(
        update={"traffic": Traffic(separation=Separation(copy_=9, advertiser=8), pools=("toys",))}
    )
    merged = traffic_of(STATION, CHANNEL, zone)
    assert merged.pools == ("toys",)
    assert merged.ads_per_hour == 16 * MINUTE_US
    assert merged.separation == Separation(copy_=9, advertiser=8, category=2)
    assert merged.relax is None
