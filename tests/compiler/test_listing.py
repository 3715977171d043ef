"""Guide ids: the same for the same content, and never the same for two."""

from __future__ import annotations

from datetime import date

from retrovue.compiler.listing import with_ids
from retrovue.compiler.model import ScheduleEvent
from tests.compiler.stations import catalog, compiled, station


def _event(start_us: int, asset_id: str = "sitcoms/a") -> ScheduleEvent:
    return ScheduleEvent(
        event_id=0,
        channel="one",
        broadcast_date=date(2026, 6, 1),
        start_us=start_us,
        end_us=start_us + 1,
        title="",
        subtitle="",
        description="",
        season=None,
        episode=None,
        year=None,
        original_date="",
        categories=(),
        rating="",
        kind="programme",
        program="show",
        asset_id=asset_id,
        plan="",
        zone="",
        written_at="",
    )


def test_an_id_that_is_taken_is_not_given_again() -> None:
    events = [_event(n) for n in range(100)]
    first = [event.event_id for event in with_ids(events, set())]
    assert len(set(first)) == 100
    assert all(0 < event_id < 1 << 31 for event_id in first)
    # Somebody else has every one of these ids: each event is probed further, the same way every time.
    again = [[e.event_id for e in with_ids(events, set(first))] for _ in range(2)]
    assert again[0] == again[1]
    assert not set(again[0]) & set(first)
    assert len(set(again[0])) == 100


def test_an_id_depends_on_the_content_alone() -> None:
    (alone,) = with_ids([_event(7)], set())
    among = with_ids([_event(6), _event(7), _event(8)], set())
    assert among[1] == alone
    (other,) = with_ids([_event(7, "sitcoms/b")], set())
    assert other.event_id != alone.event_id


def test_a_program_of_generated_pictures_is_called_as_they_are() -> None:
    parade = {"synthetic": "parade", "shows": "countdown", "title": "The Parade", "duration": "50m"}
    made = compiled(
        station(
            [{"plan": "all", "zones": [{"zone": "Day", "window": "06:00-06:00", "play": ["show"]}]}],
            [{"program": "show", "chain": [{"synthetic": "parade"}]}],
            synthetics=[parade],
        ),
        catalog([]),
    )
    assert {event.title for event in made.days[0].events} == {"The Parade"}
