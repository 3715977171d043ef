"""The demo station airs what its YAML tells the reader it does."""

from __future__ import annotations

import itertools
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from retrovue.compiler.compile import compile_station
from retrovue.compiler.model import Compiled, ScheduleDay, SegmentKind
from retrovue.library.adapters import settings_models
from retrovue.library.lock import read_lock
from retrovue.station.load import load_station
from retrovue.units import HOUR_US, MINUTE_US, SECOND_US, from_us, to_us

DEMO = Path(__file__).resolve().parents[2] / "stations" / "demo"
WEDNESDAY, THANKSGIVING, SATURDAY = date(2026, 11, 25), date(2026, 11, 26), date(2026, 11, 28)
#: New York in late November.
EASTERN = timedelta(hours=-5)


@pytest.fixture(scope="module")
def compiled() -> Compiled:
    loaded = load_station(DEMO, settings_models())
    assert loaded.diagnostics == ()
    assert loaded.model is not None
    as_of = to_us(datetime(2026, 11, 25, 12, tzinfo=UTC))
    return compile_station(loaded.model, read_lock(DEMO), WEDNESDAY, 4, as_of)


def day(compiled: Compiled, channel: str, on: date) -> ScheduleDay:
    return next(d for d in compiled.days if d.channel == channel and d.broadcast_date == on)


def listing(of: ScheduleDay) -> dict[str, str]:
    """Title by local time of day."""
    return {f"{from_us(event.start_us) + EASTERN:%H:%M}": event.title for event in of.events}


def test_it_compiles_without_a_finding(compiled: Compiled) -> None:
    assert compiled.diagnostics == ()
    assert [channel.number for channel in compiled.channels] == ["2.1", "3.1", "5.1", "7.1", "9.1"]


def test_prime_time_is_pinned_and_thanksgiving_lies_on_top(compiled: Compiled) -> None:
    wednesday = listing(day(compiled, "wrtv", WEDNESDAY))
    assert [wednesday[t] for t in ("20:00", "20:30", "21:00")] == [
        "Corner Diner",
        "Night Desk",
        "Harbor Patrol",
    ]
    holiday = listing(day(compiled, "wrtv", THANKSGIVING))
    assert {title for time, title in holiday.items() if "12:00" <= time < "19:00"} == {"Corner Diner"}
    assert holiday["06:00"] == "The Pixel and Paws Show"
    saturday = listing(day(compiled, "wrtv", SATURDAY))
    assert saturday["12:00"] == "The Long Weekend"


def test_breaks_of_the_network_fall_at_marks_between_bumpers(compiled: Compiled) -> None:
    lock = read_lock(DEMO)
    cuts = 0
    playlist = day(compiled, "wrtv", WEDNESDAY).playlist
    for before, after in itertools.pairwise(playlist):
        if before.kind is SegmentKind.PROGRAM and after.kind is SegmentKind.BUMPER and before.in_us == 0:
            marks = lock.assets[before.asset_id].marks_us
            if marks and before.end_us - before.start_us < lock.assets[before.asset_id].duration_us:
                assert before.duration_us in marks
                assert after.pool == "bumpers-out"
                cuts += 1
    assert cuts > 10


def test_nothing_interrupts_a_feature(compiled: Compiled) -> None:
    lock = read_lock(DEMO)
    features = [s for s in day(compiled, "cinema", WEDNESDAY).playlist if s.kind is SegmentKind.PROGRAM]
    assert len(features) > 8
    assert all(s.duration_us == lock.assets[s.asset_id].duration_us for s in features)


def test_the_watershed_holds(compiled: Compiled) -> None:
    for kids in (day(compiled, "kids", WEDNESDAY), day(compiled, "kids", SATURDAY)):
        late = [event for event in kids.events if event.rating == "TV-14"]
        assert late
        for event in late:
            assert 15 * HOUR_US <= event.start_us - kids.start_us <= 19 * HOUR_US  # 21:00 to 01:00


def test_half_hours_are_filled_with_spots_not_with_the_remainder(compiled: Compiled) -> None:
    for channel, most in (("wrtv", 15 * SECOND_US), ("cinema", 45 * SECOND_US), ("kids", 90 * SECOND_US)):
        for on in (WEDNESDAY, THANKSGIVING):
            fillers = [s for s in day(compiled, channel, on).playlist if s.synthetic == "station-ident"]
            assert sum(s.duration_us for s in fillers) < 15 * MINUTE_US
            assert max(s.duration_us for s in fillers) <= most


def test_graphics_lie_over_programmes_and_never_over_spots(compiled: Compiled) -> None:
    assert {overlay.overlay for overlay in compiled.overlays} >= {"network-bug", "paws-bug", "up-next"}
    for channel, over in (("wrtv", ("network-bug", "rating", "up-next")), ("kids", ("paws-bug", "rating"))):
        for segment in day(compiled, channel, WEDNESDAY).playlist:
            assert segment.overlays == (over if segment.kind is SegmentKind.PROGRAM else ()), segment


def test_a_card_after_each_film_and_a_channel_of_listings(compiled: Compiled) -> None:
    kinds = [segment.kind for segment in day(compiled, "cinema", WEDNESDAY).playlist]
    after = {kinds[n + 1] for n, kind in enumerate(kinds[:-1]) if kind is SegmentKind.PROGRAM}
    assert after == {SegmentKind.NEXT_CARD}
    assert [s.kind for s in day(compiled, "guide", WEDNESDAY).playlist] == [SegmentKind.GUIDE]
