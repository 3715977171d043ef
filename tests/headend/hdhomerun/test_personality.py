"""Numbers and frequencies: one channel each, never two for one, and none that moves."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrovue.headend.hdhomerun.channel_maps import CHANNEL_MAPS
from retrovue.headend.hdhomerun.personality import (
    ORIGINAL_NETWORK_ID,
    PERSONALITIES,
    PROGRAM_NUMBER,
    RfPlan,
    find_channel,
    transport_stream_id,
)
from retrovue.lineup import ChannelId, ChannelIdent
from retrovue.stream.dvb_si import sdt
from retrovue.stream.mpegts import PROGRAM, TsMux
from tests.headend.fake_lineup import CHANNELS


def channel(vchannel: int) -> ChannelIdent:
    return replace(CHANNELS[0], id=ChannelId(f"c{vchannel}"), number=str(vchannel), vchannel=vchannel)


@pytest.mark.parametrize("name", PERSONALITIES)
def test_every_channel_has_a_frequency_of_its_own(name: str) -> None:
    family = PERSONALITIES[name]
    many = [channel(n) for n in range(1, 401)]
    plan = RfPlan(family, many)
    used = {f: c for c in many if (f := plan.frequency(c.id)) is not None}
    assert sorted(used) == sorted(family.frequencies)  # every one, and no more
    assert all(plan.channel_at(f) is c for f, c in used.items())
    assert any(plan.frequency(c.id) is None for c in many)  # beyond the band: tuned by number only
    numbers = CHANNEL_MAPS[family.channel_maps[0]]
    assert all(plan.channel_at(slot) is plan.channel_at(numbers[slot]) for slot in family.slots)


@given(st.sets(st.integers(1, 65535), min_size=1, max_size=12), st.integers(1, 65535))
def test_a_new_channel_moves_no_other_unless_their_places_collide(numbers: set[int], new: int) -> None:
    family = PERSONALITIES["atsc"]
    slots = len(family.slots)
    if new in numbers or len({n % slots for n in numbers}) < len(numbers):
        return
    before = RfPlan(family, [channel(n) for n in sorted(numbers)])
    after = RfPlan(family, [channel(n) for n in sorted(numbers | {new})])
    moved = [
        n for n in numbers if before.frequency(ChannelId(f"c{n}")) != after.frequency(ChannelId(f"c{n}"))
    ]
    assert all(n % slots == new % slots for n in moved)


@pytest.mark.parametrize(
    ("name", "rf", "hz"),
    [
        *(("us-bcast", rf, hz) for rf, hz in [(2, 57), (5, 79), (6, 85), (7, 177), (14, 473)]),
        *(("us-bcast", rf, hz) for rf, hz in [(36, 605), (38, 617)]),
        *(("us-cable", rf, hz) for rf, hz in [(2, 57), (14, 123), (23, 219), (95, 93), (100, 651)]),
        ("us-hrc", 2, 55.75),
        ("us-irc", 42, 333),
        ("eu-bcast", 48, 690),
        ("eu-bcast", 5, 177.5),
        ("au-bcast", 21, 480.5),
    ],
)  # fmt: skip
def test_known_carriers(name: str, rf: int, hz: float) -> None:
    assert CHANNEL_MAPS[name][rf] == round(hz * 1_000_000)


def test_a_carrier_may_be_named_a_little_beside_it() -> None:
    plan = RfPlan(PERSONALITIES["atsc"], CHANNELS)
    assert plan.channel_at(539_000_000) is plan.channel_at(539_028_000) is CHANNELS[0]
    assert plan.channel_at(539_000_000 + 125_000) is None


@pytest.mark.parametrize("name", PERSONALITIES)
def test_a_client_scans_every_map_that_is_offered(name: str) -> None:
    assert set(PERSONALITIES[name].channel_maps) <= set(CHANNEL_MAPS)


@pytest.mark.parametrize(
    ("asked", "found"),
    [("5.1", "5.1"), ("05.1", "5.1"), ("5.01", "5.1"), ("9", "9"), ("09", "9")]
    + [(wrong, None) for wrong in ("5", "5.", ".1", "", ".", "5.1.0", "9.0", "-5.1", "5.1 ", "٥.١")],
)
def test_numbers(asked: str, found: str | None) -> None:
    channel = find_channel(CHANNELS, asked)
    assert (channel.number if channel else None) == found


def test_the_numbers_are_those_in_the_stream() -> None:
    mux = TsMux(stream=transport_stream_id(CHANNELS[0]))
    section = mux.tables()[5:188]
    assert int.from_bytes(section[3:5], "big") == 501
    assert int.from_bytes(section[8:10], "big") == PROGRAM_NUMBER
    section = sdt(transport_stream_id(CHANNELS[0]), PROGRAM, "5.1", "RetroVue", guide=True)
    assert int.from_bytes(section[3:5], "big") == 501
    assert int.from_bytes(section[8:10], "big") == ORIGINAL_NETWORK_ID
