"""What is published stands: locked events, unchanged channels, and whatever order they are compiled in."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrovue.cli.executors import Chosen
from retrovue.cli.processes import spread_over
from retrovue.compiler.base import Base
from retrovue.compiler.channels import groups
from retrovue.compiler.in_flight import CURSOR
from retrovue.compiler.model import Compiled, ScheduleDay, ScheduleEvent, Segment
from retrovue.compiler.stages import GroupDays
from retrovue.compiler.work import Spread, Work
from retrovue.station.model import StationModel
from retrovue.units import HOUR_US, MINUTE_US
from tests.compiler.profiles import examples
from tests.compiler.random_station import NIGHTS, random_station
from tests.compiler.stations import (
    assert_tiles,
    catalog,
    compiled,
    episode,
    listing,
    local,
    sent,
    series,
    spots,
    station,
)

FIRST = date(2026, 6, 1)
seeds = st.integers(0, 2**32)


def starting_before(
    result: Compiled, channel: str, instant_us: int
) -> list[tuple[ScheduleEvent, list[Segment]]]:
    """The events that start before an instant, each with the segments under it."""
    found: list[tuple[ScheduleEvent, list[Segment]]] = []
    for day in result.days:
        if day.channel == channel:
            for event in day.events:
                if event.start_us < instant_us:
                    found.append((event, [s for s in day.playlist if s.event_id == event.event_id]))
    return found


def assert_gapless(result: Compiled) -> None:
    for channel in result.channels:
        events = [e for day in result.days if day.channel == channel.channel for e in day.events]
        segments = [s for day in result.days if day.channel == channel.channel for s in day.playlist]
        for rows in ([(e.start_us, e.end_us) for e in events], [(s.start_us, s.end_us) for s in segments]):
            assert all(a[1] == b[0] for a, b in pairwise(rows))
            assert all(start < end for start, end in rows)
    ids = [e.event_id for day in result.days for e in day.events]
    assert len(ids) == len(set(ids))
    keys = [(s.channel, s.broadcast_date, s.seq) for day in result.days for s in day.playlist]
    assert len(keys) == len(set(keys))


@examples(25)
@given(seeds, seeds, st.sampled_from(NIGHTS), st.integers(0, 50 * 60), st.integers(0, 2))
def test_locked_events_are_taken_unchanged(
    old_seed: int, new_seed: int, epoch: date, minutes: int, rolled: int
) -> None:
    """Whatever becomes of the station: what starts before as-of + locked airs as it was published, and the
    new schedule goes on behind it without a gap."""
    before, old_assets = random_station(old_seed, epoch)
    after, new_assets = random_station(new_seed, epoch)
    # The same clock and the same assets: another time zone would be another day.
    settings = before.station
    after = after.model_copy(
        update={
            "station": after.station.model_copy(
                update={
                    "timezone": settings.timezone,
                    "broadcast_day_start": settings.broadcast_day_start,
                    "grid": settings.grid,
                }
            )
        }
    )
    assets = catalog([*old_assets.assets.values(), *new_assets.assets.values()])
    published = compiled(before, assets, epoch, days=4)
    as_of_us = published.start_us + minutes * MINUTE_US
    lock_us = as_of_us + after.station.horizon.locked
    first = epoch + timedelta(days=rolled)
    result = compiled(after, assets, first, days=3, as_of_us=as_of_us, base=Base.of_compiled(published))
    assert_gapless(result)
    known = {channel.channel for channel in published.channels}
    for channel in result.channels:
        day_start = next(d.start_us for d in result.days if d.channel == channel.channel)
        if channel.channel not in known or lock_us <= day_start:
            continue
        locked = [
            (event, segments)
            for event, segments in starting_before(published, channel.channel, lock_us)
            if event.end_us > day_start
        ]
        assert starting_before(result, channel.channel, lock_us) == locked


@examples(25)
@given(seeds, st.sampled_from(NIGHTS), st.integers(0, 70 * 60), st.integers(0, 2))
def test_the_same_station_goes_on_as_if_nothing_had_been_published(
    seed: int, epoch: date, minutes: int, rolled: int
) -> None:
    """Nothing has changed: base or none, lock here or there, all the same rows."""
    model, assets = random_station(seed, epoch)
    published = compiled(model, assets, epoch, days=3)
    first = epoch + timedelta(days=rolled)
    plain = compiled(model, assets, first, days=3)
    as_of_us = published.start_us + minutes * MINUTE_US
    base = Base.of_compiled(published)
    # Without its input hashes the base is only a lock: everything behind it is compiled anew.
    for known in (base, replace(base, inputs={})):
        again = compiled(model, assets, first, days=3, as_of_us=as_of_us, base=known)
        assert [(d.events, rotations(d)) for d in again.days] == [
            (d.events, rotations(d)) for d in plain.days
        ]
        if known is base:
            assert again.days == plain.days
            assert again.content_hash == plain.content_hash
        assert again.opening == plain.opening


def rotations(day: ScheduleDay) -> dict[str, str]:
    """A checkpoint without what is in flight: the spots under it begin anew behind locked ones."""
    return {path: cursor for path, cursor in day.checkpoint.items() if path != CURSOR}


def backwards(work: Work) -> Iterable[GroupDays]:
    return [work(number) for number in reversed(range(len(work)))][::-1]


#: In this process, one group after the other or not; and somewhere else.
SPREADS = (backwards, spread_over(Chosen("threads", 3), print), sent)


@examples(15)
@given(seeds, st.sampled_from(NIGHTS), st.sampled_from(SPREADS))
def test_parallel_equals_serial(seed: int, first: date, spread: Spread) -> None:
    model, assets = random_station(seed, first)
    serial = compiled(model, assets, first, days=2)
    assert compiled(model, assets, first, days=2, spread=spread) == serial


# --- a small station, to the minute ----------------------------------------------------------------

EPISODES = [episode(name, 1, n, 1300 + n) for name in ("cheers", "taxi") for n in range(1, 13)]
LIBRARY = catalog([*EPISODES, *spots(9)])


def small(play: list[str], **more: Any) -> StationModel:
    return station(
        [
            {
                "plan": "all",
                "zones": [
                    {"zone": "Day", "window": "06:00-18:00", "play": ["cheers"]},
                    {"zone": "Night", "window": "18:00-06:00", "play": play},
                ],
            }
        ],
        [series("cheers"), series("taxi")],
        pools=[{"pool": "ads", "spots": {"collection": "spots"}}],
        formats=[{"break_format": "network", "fill_with": ["ads"]}],
        breaks="network",
        epoch=FIRST,
        **more,
    )


def evening(hours: float) -> int:
    """An instant of the first day, in hours after midnight (New York, in summer)."""
    return 1780286400000000 + round(hours * HOUR_US)


def test_an_edit_waits_for_the_end_of_the_locked_time() -> None:
    published = compiled(small(["cheers"]), LIBRARY, FIRST, days=2)
    assert local(published, evening(18)) == "Mon 18:00"
    base = Base.of_compiled(published)
    result = compiled(small(["taxi"]), LIBRARY, FIRST, days=2, as_of_us=evening(17.2), base=base)
    assert_tiles(result)
    lines = [line for line in listing(result) if line.startswith("Mon 1") and line >= "Mon 18"]
    old = [line for line in listing(published) if line.startswith("Mon 1") and line >= "Mon 18"]
    # Locked up to 19:12: what starts at 19:00 is the last of the old.
    assert lines[:3] == old[:3]
    assert lines[3] == "Mon 19:30 taxi/S01E01"
    forced = compiled(small(["taxi"]), LIBRARY, FIRST, days=2, as_of_us=evening(17.2), base=base, force=True)
    assert forced.content_hash == compiled(small(["taxi"]), LIBRARY, FIRST, days=2).content_hash
    changed = [(local(forced, o.start_us), o.before, o.after) for o in forced.overrides]
    assert changed == [(f"Mon {at}", "cheers", "taxi") for at in ("18:00", "18:30", "19:00")]
    assert result.overrides == ()


def test_a_rotation_goes_on_behind_the_locked_events() -> None:
    """The cursors are where the published events left them, not where the new plan would have."""
    published = compiled(small(["taxi", "cheers"]), LIBRARY, FIRST, days=2)
    base = Base.of_compiled(published)
    result = compiled(small(["taxi"]), LIBRARY, FIRST, days=2, as_of_us=evening(19), base=base)
    night = [line for line in listing(result) if line >= "Mon 18"][:9]
    assert night[:6] == [line for line in listing(published) if line >= "Mon 18"][:6]
    assert [line[10:] for line in night[:6]] == [
        f"{name}/S01E{n:02}" for n in (1, 2, 3) for name in ("taxi", "cheers")
    ]
    assert [line[10:] for line in night[6:]] == ["taxi/S01E04", "taxi/S01E05", "taxi/S01E06"]


def test_a_pin_that_has_aired_does_not_air_again() -> None:
    def pinned(play: list[str]) -> StationModel:
        return station(
            [
                {
                    "plan": "all",
                    "zones": [
                        {
                            "zone": "Z",
                            "window": "06:00-06:00",
                            "play": play,
                            "at": {"20:00": "taxi", "22:00": "taxi"},
                        }
                    ],
                }
            ],
            [series("cheers"), series("taxi")],
            epoch=FIRST,
        )

    published = compiled(pinned(["cheers"]), LIBRARY, FIRST)
    base = Base.of_compiled(published)
    result = compiled(pinned(["cheers", "test-pattern"]), LIBRARY, FIRST, as_of_us=evening(18.1), base=base)
    aired = [line for line in listing(result) if "taxi" in line]
    assert aired == ["Mon 20:00 taxi/S01E01", "Mon 22:00 taxi/S01E02"]
    assert_tiles(result)


def test_only_the_channels_asked_for_change() -> None:
    def two(play: list[str]) -> StationModel:
        return small(
            play,
            channels=[
                {"channel": name, "number": number, "name": name, "plans": ["all"]}
                for name, number in (("one", "1"), ("two", "2"))
            ],
        )

    published = compiled(two(["cheers"]), LIBRARY, FIRST, days=2)
    base = replace(Base.of_compiled(published), published=False)
    result = compiled(two(["taxi"]), LIBRARY, FIRST, days=2, base=base, only=("two",))
    assert listing(result, "one") == listing(published, "one")
    assert listing(result, "two") == listing(compiled(two(["taxi"]), LIBRARY, FIRST, days=2), "two")


def test_an_id_is_never_given_to_other_content() -> None:
    published = compiled(small(["cheers"]), LIBRARY, FIRST, days=2)
    result = compiled(
        small(["taxi"]), LIBRARY, FIRST, days=2, as_of_us=evening(6), base=Base.of_compiled(published)
    )
    before = {e.event_id: (e.start_us, e.asset_id) for day in published.days for e in day.events}
    same = 0
    for day in result.days:
        for event in day.events:
            if event.event_id in before:
                assert before[event.event_id] == (event.start_us, event.asset_id)
                same += 1
    assert same > 40


@pytest.mark.parametrize(("delay", "together"), [("0s", 1), ("1h", 1)])
def test_channels_that_depend_on_each_other_are_one_group(delay: str, together: int) -> None:
    model = small(
        ["taxi"],
        channels=[
            {"channel": "one", "number": "1", "name": "one", "plans": ["all"]},
            {"channel": "three", "number": "3", "name": "three", "plans": ["all"]},
            {"channel": "two", "number": "2", "name": "two", "simulcast": "three", "delay": delay},
        ],
    )
    assert [[c.channel for c in group] for group in groups(model)] == [["one"], ["two", "three"]]
