"""The same input gives the same bytes, and an edit changes what it touches and nothing else."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from retrovue.compiler.content_hash import content_hash
from retrovue.compiler.model import Checkpoint, Compiled, ScheduleDay, ScheduleEvent, Segment
from retrovue.library.catalog import AssetState, Catalog
from retrovue.station.model import StationModel
from tests.compiler.profiles import examples
from tests.compiler.random_station import NIGHTS, random_station
from tests.compiler.stations import asset, catalog, compiled, episode, listing, series, spots, station

ROOT = Path(__file__).parents[2]
FIRST = date(2026, 6, 1)
seeds = st.integers(0, 2**32)

_PRINT_HASHES = """
import sys
from tests.compiler.random_station import NIGHTS, random_station
from tests.compiler.stations import compiled
for seed in range(8):
    model, assets = random_station(seed, NIGHTS[seed])
    print(compiled(model, assets, NIGHTS[seed], days=2).content_hash)
"""


def test_the_same_hash_under_any_hash_seed() -> None:
    outputs = {
        subprocess.run(
            [sys.executable, "-c", _PRINT_HASHES],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("0", "1")
    }
    assert len(outputs) == 1
    hashes = outputs.pop().split()
    assert len(hashes) == len(set(hashes)) == 8


@examples(20)
@given(seeds, st.randoms(use_true_random=False))
def test_the_order_of_files_does_not_matter(seed: int, shuffler: Any) -> None:
    model, assets = random_station(seed, FIRST)

    def shuffled(mapping: Any) -> dict[str, Any]:
        items = list(mapping.items())
        shuffler.shuffle(items)
        return dict(items)

    other = model.model_copy(
        update={
            name: shuffled(getattr(model, name))
            for name in ("plans", "programs", "pools", "break_formats", "synthetics", "collections")
        }
    )
    moved = Catalog(shuffled(assets.assets), assets.content_hash)
    assert compiled(model, assets, FIRST, 2).content_hash == compiled(other, moved, FIRST, 2).content_hash


def at_the_end(past: Compiled) -> Checkpoint:
    last = {day.channel: day for day in past.days}
    return Checkpoint(past.last_day, {name: day.checkpoint for name, day in last.items()})


def _started(day: ScheduleDay) -> list[ScheduleEvent]:
    return [event for event in day.events if event.start_us >= day.start_us]


@examples(40)
@given(seeds, st.sampled_from(NIGHTS), st.integers(1, 5))
@example(67, date(2026, 10, 24), 1)
def test_a_checkpoint_goes_on_as_the_replay_would(seed: int, epoch: date, played: int) -> None:
    model, assets = random_station(seed, epoch)
    past = compiled(model, assets, epoch, days=played)
    checkpoint = at_the_end(past)
    first = past.last_day + timedelta(days=1)
    replayed = compiled(model, assets, first, days=2)
    continued = compiled(model, assets, first, days=2, checkpoint=checkpoint)
    later = compiled(model, assets, first + timedelta(days=1), days=1, checkpoint=checkpoint)
    assert continued.days == replayed.days
    assert continued.content_hash == replayed.content_hash
    # …and over a day that nobody asked for, too.
    ends = {day.channel: day for day in replayed.days}
    for day in later.days:
        # A first day opens with what is in flight, which may be all there is: a programme of 25 hours.
        assert _started(day)[-1:] == _started(ends[day.channel])[-1:]
        assert day.checkpoint == ends[day.channel].checkpoint
        if ends[day.channel].playlist:
            assert day.playlist[-1:] == ends[day.channel].playlist[-1:]


# --- independence and continuity -------------------------------------------------------------------

EPISODES = [
    episode("cheers", s, n, 1320 + n, marks_us=(600_000_000,)) for s in (1, 2, 3) for n in (1, 2, 3, 4, 6)
]
FILMS = [asset("films", f"film-{n}", 4800 + 60 * n, title=f"Film {n}") for n in range(9)]
LIBRARY = catalog([*EPISODES, *FILMS, *spots(14)])

DAY = {"zone": "Day", "window": "06:00-18:00", "play": ["cheers", "films"], "breaks": "network"}
EVENING = {"zone": "Evening", "window": "18:00-06:00", "play": ["films", "cheers"], "breaks": "network"}


def two_zones(evening: dict[str, Any], mode: str) -> StationModel:
    return station(
        [{"plan": "all", "zones": [DAY, evening]}],
        [
            series("cheers", mode=mode),
            {"program": "films", "chain": [{"episodes": {"collection": "films"}}], "mode": mode},
        ],
        pools=[{"pool": "ads", "spots": {"collection": "spots"}}],
        formats=[{"break_format": "network", "fill_with": ["ads"]}],
    )


def of_zone(result: Compiled, zone: str) -> tuple[list[ScheduleEvent], list[Segment]]:
    events = [e for day in result.days for e in day.events if e.zone == zone]
    ids = {e.event_id for e in events}
    return events, [replace(s, seq=0) for day in result.days for s in day.playlist if s.event_id in ids]


@pytest.mark.parametrize("mode", ["sequential", "shuffle", "random"])
@pytest.mark.parametrize(
    "edit",
    [
        {"play": ["cheers"]},
        {"window": "18:00-23:00"},
        {"play": ["films", "cheers", "test-pattern"]},
        {"at": {"20:00": "films"}},
        {"bleed": "allow", "breaks": "none"},
    ],
)
def test_editing_a_zone_leaves_the_others_alone(mode: str, edit: dict[str, Any]) -> None:
    before = compiled(two_zones(EVENING, mode), LIBRARY, FIRST, days=4)
    after = compiled(two_zones({**EVENING, **edit}, mode), LIBRARY, FIRST, days=4)
    assert before.content_hash != after.content_hash
    assert of_zone(before, "Day") == of_zone(after, "Day")


@pytest.mark.parametrize("mode", ["sequential", "shuffle"])
@pytest.mark.parametrize("new", [(2, 5), (1, 5), (3, 7), (4, 1)])
def test_a_new_episode_neither_skips_nor_repeats_another(mode: str, new: tuple[int, int]) -> None:
    model = two_zones({**EVENING, "play": ["cheers"]}, mode)
    past = compiled(model, LIBRARY, FIRST, days=2)
    checkpoint = Checkpoint(past.last_day, {"one": past.days[-1].checkpoint})
    first = past.last_day + timedelta(days=1)
    newcomer = episode("cheers", *new, 1330)
    wider = catalog([*LIBRARY.assets.values(), newcomer])

    def aired(assets: Catalog) -> list[str]:
        result = compiled(model, assets, first, days=1, checkpoint=checkpoint)
        return [e.asset_id for e in of_zone(result, "Evening")[0]]

    expected, got = aired(LIBRARY), aired(wider)
    others = [asset_id for asset_id in got if asset_id != newcomer.id]
    assert newcomer.id in got
    assert others == expected[: len(others)]


def test_a_rotation_goes_on_after_an_episode_that_is_gone() -> None:
    model = two_zones({**EVENING, "play": ["cheers"]}, "sequential")
    past = compiled(model, LIBRARY, FIRST, days=1)
    last = past.days[-1].events[-1].asset_id
    order = [e.id for e in EPISODES]
    following = order[(order.index(last) + 1) % len(order)]
    checkpoint = Checkpoint(past.last_day, {"one": past.days[-1].checkpoint})
    retired = catalog(
        [replace(a, state=AssetState.RETIRED) if a.id == last else a for a in LIBRARY.assets.values()]
    )
    gone = catalog([a for a in LIBRARY.assets.values() if a.id != last])
    for assets in (retired, gone):
        result = compiled(model, assets, FIRST + timedelta(days=1), checkpoint=checkpoint)
        assert of_zone(result, "Evening")[0][0].asset_id == following


def test_another_seed_is_another_station() -> None:
    model = two_zones(EVENING, "shuffle")
    other = model.model_copy(update={"station": model.station.model_copy(update={"seed": 8})})
    assert listing(compiled(model, LIBRARY, FIRST)) != listing(compiled(other, LIBRARY, FIRST))


@pytest.mark.parametrize(
    ("field", "value"),
    [("title", "x"), ("fallbacks", ("x/y",)), ("rating", "R"), ("event_id", 1), ("categories", ("x",))],
)
def test_the_hash_is_over_all_that_may_air(field: str, value: Any) -> None:
    result = compiled(two_zones(EVENING, "shuffle"), LIBRARY, FIRST)
    assert content_hash(result) == result.content_hash

    def with_first_event(**words: Any) -> str:
        day = result.days[0]
        events = (replace(day.events[0], **words), *day.events[1:])
        return content_hash(replace(result, days=(replace(day, events=events),)))

    assert with_first_event(**{field: value}) != result.content_hash
    assert with_first_event(written_at="elsewhere.yaml:1:1", plan="x", zone="y") == result.content_hash
