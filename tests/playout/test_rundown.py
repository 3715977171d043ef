"""A rundown says what its artefact says, whoever asks and for whatever instant."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fixtures.synthetic_station import EPOCH, Size, build
from retrovue.clock import StationClock
from retrovue.compiler.compile import compile_station
from retrovue.compiler.model import ScheduleEvent
from retrovue.playout import programme
from retrovue.playout.errand import Errand, ErrandFailed, send
from retrovue.playout.rundown import Events, Rundown, Use
from retrovue.store import Artefact, Provenance, write_artefact
from retrovue.units import HOUR_US, MINUTE_US

CHECKS = (24 * HOUR_US, 2 * HOUR_US)


@pytest.fixture(scope="module")
def artefact(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Artefact]:
    model, catalog = build(Size(2, 700))
    compiled = compile_station(model, catalog, EPOCH, 2, 0)
    path = tmp_path_factory.mktemp("state") / "artefact.duckdb"
    write_artefact(path, compiled, Provenance(0, 0, "test"))
    with Artefact.open(path) as opened:
        yield opened


@pytest.fixture(scope="module")
def noon(artefact: Artefact) -> int:
    return artefact.header.start_us + 6 * HOUR_US


@pytest.fixture(scope="module")
def rundown(artefact: Artefact, noon: int) -> Rundown:
    cut = (7, "h", noon, noon - 2 * MINUTE_US, noon + 3 * HOUR_US)
    return Rundown(programme.pack(artefact, cut, noon, CHECKS))


def bare(event: ScheduleEvent) -> ScheduleEvent:
    """Without what explains it."""
    return replace(event, program="", plan="", zone="", written_at="")


def test_it_says_what_the_artefact_says(artefact: Artefact, rundown: Rundown, noon: int) -> None:
    assert (rundown.header, rundown.channels) == (artefact.header, artefact.channels)
    assert (rundown.synthetics, rundown.overlays) == (artefact.synthetics, artefact.overlays)
    named: set[str] = set()
    for number, channel in enumerate(artefact.channels):
        events = artefact.events(channel.channel, 0, sys.maxsize)
        assert list(rundown.events(number)) == [bare(e) for e in events]
        segments, fallbacks = rundown.segments(number)
        assert segments == artefact.segments(
            channel.channel, noon - 2 * MINUTE_US - programme.LOOK_BACK_US, noon + 3 * HOUR_US
        )
        assert rundown.end_us(number) == segments[-1].end_us
        wanted = {s.event_id for s in segments}
        assert fallbacks == {e.event_id: e.fallbacks for e in events if e.event_id in wanted}
        named |= {s.asset_id for s in segments if s.asset_id}.union(*fallbacks.values())
    assert len(named) > 100
    for asset_id in named:
        assert rundown.asset(asset_id) == artefact.asset(asset_id)
    assert rundown.asset("shows/nothing") is None


@settings(deadline=None)
@given(st.data())
def test_any_instant_finds_what_is_on(rundown: Rundown, data: st.DataObject) -> None:
    guide = rundown.events(1)
    events = list(guide)
    edges = st.sampled_from([e.start_us for e in events] + [events[-1].end_us])
    away = st.integers(-2, 2) | st.integers(-HOUR_US, HOUR_US)
    instants = st.builds(lambda edge, by: edge + by, edges, away)
    start, end = data.draw(instants), data.draw(instants)
    assert guide.between(start, end) == [e for e in events if e.end_us > start and e.start_us < end]
    on = next((e for e in events if e.start_us <= start < e.end_us), None)
    assert guide.at(start) == on
    assert guide.ends_after(start) == (on.end_us if on else None)


def test_every_guide_id_finds_its_event_and_no_other_number_does(rundown: Rundown) -> None:
    """Ids are looked for in packed rows, where any other number may look like one."""
    for number in range(len(rundown.channels)):
        guide = rundown.events(number)
        known = {event.event_id for event in guide}
        assert [guide.find(event.event_id) for event in guide] == list(guide)
        other = rundown.events(1 - number)
        assert all(guide.find(event.event_id) is None for event in other if event.event_id not in known)
        for row in range(len(guide)):
            words = guide._row(row)
            looks = [words[0] & 0xFFFFFFFF, words[0] >> 32, words[1] & 0xFFFFFFFF, *words[3:], 0]
            assert all(guide.find(word) is None for word in looks if word not in known)


def test_a_guide_is_a_sequence(rundown: Rundown) -> None:
    guide = rundown.events(0)
    everything = list(guide)
    assert guide[-1] == everything[-1]
    assert guide[3:9:2] == everything[3:9:2]
    with pytest.raises(IndexError):
        guide[len(guide)]
    assert isinstance(guide, Events)


def test_every_file_is_wanted_in_time(artefact: Artefact, rundown: Rundown, noon: int) -> None:
    """Asked at any moment until the next rundown: what airs first within each horizon is among the uses."""
    for since in (0, 10 * MINUTE_US, HOUR_US):
        now = noon + since
        for check in CHECKS:
            found = rundown.uses(now, now + check)
            assert [u.start_us for u in found] == sorted(u.start_us for u in found)
            told = {u.asset_id for u in found}
            assert {Use(*row).asset_id for row in artefact.uses(now, now + check)} == told
            # What comes into the horizon in this minute is told with the time at which it airs.
            for use in (Use(*row) for row in artefact.uses(now + check, now + check + MINUTE_US)):
                assert any(
                    u.asset_id == use.asset_id and abs(u.start_us - use.start_us) < programme.FRESH_US
                    for u in rundown.uses(now, now + check + MINUTE_US)
                )


async def test_an_errand_that_fails_says_why() -> None:
    clock = StationClock()
    with pytest.raises(ErrandFailed, match="No module named"):
        await send(Errand("retrovue.nowhere", b"", 60.0), clock)
    with pytest.raises(ErrandFailed, match="took too long"):
        await send(Errand("http.server", b"", 0.3), clock)
