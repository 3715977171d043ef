"""The station's own tests. `station` is compiled in memory; nothing is published."""


def test_there_is_no_mistake(station):
    assert not station.check()


def test_the_first_day(station, snapshot):
    # Kept in tests/__snapshots__/test_station; `pytest --snapshot-update` writes it anew.
    assert station.guide("{{ number }}", "{{ epoch }}") == snapshot


def test_prime_time_begins_with_a_welcome(station):
    day = station.guide("{{ channel }}", "{{ epoch }}")
    assert next(event.title for event in day.events if event.zone == "Prime Time") == "Welcome"
