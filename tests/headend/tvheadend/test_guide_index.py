"""The index of the guide: its pages are those of the guide itself, whatever is asked for and whenever."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrovue.clock import SteppedClock
from retrovue.headend.tvheadend.epg import Epg
from retrovue.headend.tvheadend.guide_index import GuideIndex, Key
from retrovue.lineup import ChannelId, GuideEntry
from tests.headend.fake_lineup import FakeLineup
from tests.headend.tvheadend.test_session import AT

CHANNELS = [ChannelId(slug) for slug in ("wrtv", "wmov", "wkid", "wtst")]
KEYS: dict[str, Key | None] = {
    "start": None,
    "stop": lambda start, end, place: end,
    "duration": lambda start, end, place: end - start,
    "channel": lambda start, end, place: place,
}


class UnevenLineup(FakeLineup):
    """Programmes of different lengths: every third is three of the fake's, and some last no second."""

    def guide(self, channel: ChannelId, start: datetime, end: datetime) -> Sequence[GuideEntry]:
        found = []
        for entry in super().guide(channel, start - timedelta(hours=2), end):
            number = entry.event_id // 64
            if number % 5 == 1:
                found.append(replace(entry, end=entry.end + timedelta(hours=1)))
            elif number % 5 == 0:
                cut = entry.end - timedelta(microseconds=300_000)
                later = replace(entry, event_id=entry.event_id + 32, start=cut)
                found += [replace(entry, end=cut), later]
            elif number % 5 == 4:
                found.append(entry)
        return [e for e in found if e.end > start and e.start < end]


@pytest.fixture(scope="module")
def station() -> tuple[SteppedClock, Epg, GuideIndex]:
    clock = SteppedClock(AT)
    lineup = UnevenLineup(clock, days=2)
    epg = Epg(lineup, clock)
    return clock, epg, GuideIndex(lineup, epg, clock)


@settings(max_examples=60, deadline=None)
@given(
    channels=st.sets(st.sampled_from(CHANNELS)),
    start=st.integers(0, 300),
    limit=st.integers(0, 120),
    sort=st.sampled_from(sorted(KEYS)),
    backwards=st.booleans(),
    shortest=st.sampled_from([0, 0, 1801, 5400]),
    longest=st.sampled_from([0, 0, 1800]),
    later=st.integers(0, 40),
)
def test_a_page_is_that_of_the_guide(
    station: tuple[SteppedClock, Epg, GuideIndex],
    channels: set[ChannelId],
    start: int,
    limit: int,
    sort: str,
    backwards: bool,
    shortest: int,
    longest: int,
    later: int,
) -> None:
    """The index is made once, and stays right as time goes on."""
    clock, epg, index = station
    if clock.now() < AT + timedelta(hours=30):
        clock.step(60 * later)
    everything = [
        (event, place)
        for place, channel in enumerate(CHANNELS)
        if channel in channels
        for event in epg.events(channel, clock.now())
        if (length := (event[0].end - event[0].start).total_seconds()) >= shortest
        and (not longest or length <= longest)
    ]
    everything.sort(key=lambda row: (row[0][0].start, row[1]))
    if (key := KEYS[sort]) is not None:
        everything.sort(key=lambda row: key(_us(row[0][0].start), _us(row[0][0].end), row[1]))
    wanted = [event for event, _ in (everything[::-1] if backwards else everything)]
    page, total = index.page(
        channels,
        slice(start, start + limit),
        key=key,
        backwards=backwards,
        shortest=shortest,
        longest=longest,
    )
    assert (page, total) == (wanted[start : start + limit], len(wanted))


def _us(at: datetime) -> int:
    return round(at.timestamp() * 1e6)


def test_another_guide_has_another_index() -> None:
    clock = SteppedClock(AT)
    lineup = FakeLineup(clock)
    epg = Epg(lineup, clock)
    index = GuideIndex(lineup, epg, clock)
    before, _ = index.page(CHANNELS, slice(0, 5))
    lineup._channels = lineup._channels[1:]
    after, total = index.page(CHANNELS[1:], slice(0, 5))
    assert {event[0].channel for event in after} == set(CHANNELS[1:])
    lineup._guide_end -= timedelta(days=1)
    lineup.etag = "fake-2"
    assert index.page(CHANNELS[1:], slice(0, 5))[1] < total
    assert before != after


def test_an_index_that_nobody_asks_for_is_forgotten() -> None:
    clock = SteppedClock(AT)
    lineup = FakeLineup(clock)
    index = GuideIndex(lineup, Epg(lineup, clock), clock)
    index.page(CHANNELS, slice(0, 5))
    clock.step(200)
    index.forget_unused()
    assert index._times is not None
    clock.step(200)
    index.forget_unused()
    assert index._times is None
    assert len(index.page(CHANNELS, slice(0, 5))[0]) == 5
