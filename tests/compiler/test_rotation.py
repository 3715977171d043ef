"""Rotations: what is next, and that a cursor is an asset and not an index."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from itertools import pairwise

import pytest

from retrovue.compiler.listing import with_ids
from retrovue.compiler.model import ScheduleEvent
from retrovue.compiler.rotation import Rotation, seed_of
from retrovue.compiler.shelf import Candidates, Shelf, natural
from retrovue.library.catalog import Asset, AssetState
from retrovue.station.model import PlayMode, Query
from tests.compiler.stations import asset, catalog, episode

EPISODES = [episode("cheers", s, n, 60) for s in (1, 2) for n in (1, 2, 3, 5)]


def play(
    mode: PlayMode,
    assets: list[Asset],
    count: int,
    cursor: str = "",
    begin: str | None = None,
    path: str = "p",
    seed: int = 1,
) -> tuple[list[str], str]:
    """The ids of the next ``count`` assets, and the cursor after them."""
    rotation = Rotation(seed, "one", catalog(assets))
    candidates = Candidates([a for a in assets if a.eligible])
    cursors = {path: cursor} if cursor else {}
    aired = []
    for _ in range(count):
        chosen, cursors[path] = rotation.next(path, mode, candidates, cursors, begin)
        aired.append(chosen.id)
    return aired, cursors[path]


def ids(assets: list[Asset]) -> list[str]:
    return [a.id for a in assets]


def test_sequential_goes_round_in_order_of_number() -> None:
    aired, _ = play(PlayMode.SEQUENTIAL, EPISODES[::-1], 10)
    assert aired == [*ids(EPISODES), *ids(EPISODES[:2])]


def test_sequential_begins_where_it_is_told_once() -> None:
    aired, cursor = play(PlayMode.SEQUENTIAL, EPISODES, 3, begin="S02E01")
    assert aired == ids(EPISODES[4:7])
    assert play(PlayMode.SEQUENTIAL, EPISODES, 1, cursor, begin="S02E01")[0] == ids(EPISODES[7:])
    # An episode that isn't there: the next one that is.
    assert play(PlayMode.SEQUENTIAL, EPISODES, 1, begin="S01E04")[0] == ["sitcoms/cheers/S01E05"]


@pytest.mark.parametrize("gone", ["retired", "deleted"])
def test_sequential_goes_on_after_what_is_gone(gone: str) -> None:
    last = EPISODES[2]
    left = [a for a in EPISODES if a is not last]
    if gone == "retired":
        left.append(replace(last, state=AssetState.RETIRED))
    assert play(PlayMode.SEQUENTIAL, left, 2, cursor=last.id)[0] == ids(EPISODES[3:5])


def test_shuffle_airs_each_once_a_cycle_and_never_twice_in_a_row() -> None:
    count = len(EPISODES)
    aired, cursor = play(PlayMode.SHUFFLE, EPISODES, 40 * count)
    for cycle in range(40):
        assert sorted(aired[cycle * count : (cycle + 1) * count]) == sorted(ids(EPISODES))
    assert all(a != b for a, b in pairwise(aired))
    assert len({tuple(aired[n : n + count]) for n in range(0, len(aired), count)}) > 30
    assert cursor == f"39:{aired[-1]}"


def test_shuffle_goes_on_from_its_cursor() -> None:
    whole, _ = play(PlayMode.SHUFFLE, EPISODES, 30)
    first, cursor = play(PlayMode.SHUFFLE, EPISODES, 11)
    second, _ = play(PlayMode.SHUFFLE, EPISODES, 19, cursor)
    assert first + second == whole


def test_shuffle_goes_on_after_what_is_gone() -> None:
    order, _ = play(PlayMode.SHUFFLE, EPISODES, len(EPISODES))
    left = [a for a in EPISODES if a.id != order[3]]
    assert play(PlayMode.SHUFFLE, left, 3, cursor=f"0:{order[3]}")[0] == order[4:7]


def test_random_never_repeats_at_once_and_airs_all() -> None:
    aired, cursor = play(PlayMode.RANDOM, EPISODES, 400)
    assert all(a != b for a, b in pairwise(aired))
    assert min(aired.count(asset_id) for asset_id in ids(EPISODES)) > 25
    more, _ = play(PlayMode.RANDOM, EPISODES, 3, cursor)
    assert aired + more == play(PlayMode.RANDOM, EPISODES, 403)[0]


@pytest.mark.parametrize("mode", list(PlayMode))
def test_one_asset_is_enough(mode: PlayMode) -> None:
    assert play(mode, EPISODES[:1], 3)[0] == ids(EPISODES[:1]) * 3


@pytest.mark.parametrize("mode", [PlayMode.SHUFFLE, PlayMode.RANDOM])
def test_chance_depends_on_seed_and_path(mode: PlayMode) -> None:
    base = play(mode, EPISODES, 8)[0]
    assert base == play(mode, EPISODES, 8)[0]
    assert base != play(mode, EPISODES, 8, path="q")[0]
    assert base != play(mode, EPISODES, 8, seed=2)[0]


def test_seeds_keep_their_parts_apart() -> None:
    assert seed_of("ab", "c") != seed_of("a", "bc")


def test_numbers_in_names_count_as_numbers() -> None:
    names = ["Cartoon 10", "cartoon 9", "cartoon 1", "9", "", "x"]
    assert sorted(names, key=natural) == ["", "9", "cartoon 1", "cartoon 9", "Cartoon 10", "x"]


def test_queries_ask_for_everything_that_is_given() -> None:
    tagged = asset("spots", "tagged", 30, tags=("kids", "toys"), title="Toys")
    shelf = Shelf(catalog([*EPISODES, tagged, replace(tagged, key="new", approved=False)]), {})

    def found(**words: object) -> list[str]:
        return ids(list(shelf.select(Query.model_validate(words)).assets))

    assert found(series="Cheers", season=2) == ids(EPISODES[4:])
    assert found(collection="spots") == [tagged.id]
    assert found(tag="toys", title="toys") == [tagged.id]
    assert found(tag="toy") == []
    assert found(asset="spots/tagged") == [tagged.id]
    assert found(asset="spots/new") == []
    assert found(min_duration="31s", collection="sitcoms") == ids(EPISODES)
    assert found(max_duration="30s") == [tagged.id]


def test_guide_ids_are_31_bits_stable_and_unique() -> None:
    event = ScheduleEvent(
        0,
        "one",
        date(2026, 6, 1),
        0,
        1,
        "T",
        "",
        "",
        None,
        None,
        None,
        "",
        (),
        "",
        "programme",
        "p",
        "a",
        "",
        "",
        "",
    )
    (first,) = with_ids([event], set())
    (again,) = with_ids([replace(event, title="Another title")], set())
    assert first.event_id == again.event_id
    assert 0 < first.event_id < 2**31
    taken = {first.event_id}
    (probed,) = with_ids([event], taken)
    assert probed.event_id != first.event_id
    assert taken == {first.event_id, probed.event_id}
    (other,) = with_ids([replace(event, asset_id="b")], set())
    assert other.event_id != first.event_id
