"""Numbers and frequencies: one channel each, never two for one."""

from __future__ import annotations

from dataclasses import replace

import pytest

from retrovue.headend.hdhomerun.personality import (
    PERSONALITIES,
    PROGRAM_NUMBER,
    TRANSPORT_STREAM_ID,
    RfPlan,
    find_channel,
)
from retrovue.lineup import ChannelId
from retrovue.stream.mpegts import TsMux
from tests.headend.fake_lineup import CHANNELS


@pytest.mark.parametrize("name", PERSONALITIES)
def test_every_channel_has_a_frequency_of_its_own(name: str) -> None:
    family = PERSONALITIES[name]
    many = [replace(CHANNELS[0], id=ChannelId(f"c{n}")) for n in range(100)]
    plan = RfPlan(family, many)
    given = [plan.frequency(c.id) for c in many]
    used = [f for f in given if f is not None]
    assert len(used) == len(set(used)) == len(family.frequencies)
    assert given[-1] is None  # beyond the band: tuned by number only
    assert all(plan.channel_at(f) is c for f, c in zip(used, many, strict=False))
    assert plan.channel_at(family.rf_channels[0]) is many[0]


def test_known_carriers() -> None:
    atsc, dvbt = PERSONALITIES["atsc"], PERSONALITIES["dvbt"]
    by_rf = dict(zip(atsc.rf_channels, atsc.frequencies, strict=True))
    assert (by_rf[2], by_rf[5], by_rf[6], by_rf[7], by_rf[14], by_rf[36]) == (
        57_000_000, 79_000_000, 85_000_000, 177_000_000, 473_000_000, 605_000_000,
    )  # fmt: skip
    assert dict(zip(dvbt.rf_channels, dvbt.frequencies, strict=True))[48] == 690_000_000


@pytest.mark.parametrize(
    ("asked", "found"),
    [("5.1", "5.1"), ("05.1", "5.1"), ("5.01", "5.1"), ("9", "9"), ("09", "9")]
    + [(wrong, None) for wrong in ("5", "5.", ".1", "", ".", "5.1.0", "9.0", "-5.1", "5.1 ", "٥.١")],
)
def test_numbers(asked: str, found: str | None) -> None:
    channel = find_channel(CHANNELS, asked)
    assert (channel.number if channel else None) == found


def test_the_programme_number_is_the_one_in_the_stream() -> None:
    pat = TsMux().tables()[:188]
    section = pat[5:]
    assert int.from_bytes(section[3:5], "big") == TRANSPORT_STREAM_ID
    assert int.from_bytes(section[8:10], "big") == PROGRAM_NUMBER
