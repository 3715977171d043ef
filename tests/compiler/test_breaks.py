"""Where breaks fall, what fills them, and that a block closes to the microsecond."""

from __future__ import annotations

from collections import Counter
from datetime import date
from fractions import Fraction
from itertools import groupby, pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrovue.compiler.airing import Part
from retrovue.compiler.breaks import break_points, spread, used_breaks
from retrovue.compiler.contracts import Contracts
from retrovue.compiler.lane import Lane, LaneRules, Moment
from retrovue.compiler.model import Compiled, Segment, SegmentKind
from retrovue.compiler.packing import SHORTEST_REMAINDER_US
from retrovue.compiler.shelf import Shelf
from retrovue.compiler.spots import Pod, PodFiller
from retrovue.compiler.traffic import Inventory, Memory
from retrovue.library.catalog import Asset
from retrovue.station.model import BreakFormat, PlayMode
from retrovue.units import MINUTE_US, SECOND_US, frames_to_us
from tests.compiler.profiles import examples
from tests.compiler.stations import assert_tiles, asset, catalog, compiled, episode, series, spots, station

MONDAY = date(2026, 6, 1)


def main(minutes: float, marks: tuple[float, ...] = (), rate: str = "") -> Part:
    made = asset("films", "a", minutes * 60, marks_us=tuple(round(m * MINUTE_US) for m in marks), rate=rate)
    return Part(SegmentKind.PROGRAM, made.duration_us, made, main=True)


def how(**words: Any) -> BreakFormat:
    return BreakFormat(break_format="b", **words)


def minutes(points: list[int]) -> list[float]:
    return [point / MINUTE_US for point in points]


@pytest.mark.parametrize(
    ("part", "words", "expected"),
    [
        (main(30, (8, 15, 22)), {}, [8, 15, 22]),
        (main(30, (1, 8, 29)), {}, [8]),  # too near to the start, to the end
        (main(30, (8, 10, 15)), {}, [8, 15]),  # min_spacing 4m
        (main(30, (8, 10, 15)), {"min_spacing": "0s"}, [8, 10, 15]),
        (main(60, (10, 20, 30, 40, 50)), {"max_breaks": 2}, [20, 40]),
        (main(60, (10, 20)), {"max_breaks": 0}, []),
        (main(60, (10, 20)), {"at": "none"}, []),
        (main(30), {}, []),
        (main(30), {"otherwise": "thirds"}, [10, 20]),
        (main(30), {"otherwise": "center"}, [15]),
        (main(30), {"otherwise": "end"}, []),
        (main(30), {"otherwise": "every 7m"}, [7, 14, 21, 28]),
        (main(30, (8,)), {"at": "rule", "otherwise": "thirds"}, [10, 20]),
        (main(30, (8,)), {"otherwise": "thirds"}, [8]),
    ],
)
def test_break_points(part: Part, words: dict[str, Any], expected: list[float]) -> None:
    assert minutes(break_points([part], how(**words))) == expected


def test_no_break_format_no_breaks() -> None:
    assert break_points([main(30, (8, 15))], None) == []


def test_episodes_part_where_they_meet() -> None:
    bumper = Part(SegmentKind.BUMPER, 10 * SECOND_US, asset("bumps", "b", 10))
    points = break_points([bumper, main(7), main(7), main(7)], how())
    assert points == [10 * SECOND_US + 7 * MINUTE_US, 10 * SECOND_US + 14 * MINUTE_US]


def test_breaks_fall_on_frames() -> None:
    rate = Fraction(30000, 1001)
    (point,) = break_points([main(30, (8.0001,), rate="30000/1001")], how())
    frame = round(point * rate / SECOND_US)
    assert point == frames_to_us(frame, rate)
    assert abs(point - 8.0001 * MINUTE_US) < SECOND_US / rate


def test_short_leftovers_make_fewer_breaks() -> None:
    points = [8 * MINUTE_US, 15 * MINUTE_US, 22 * MINUTE_US]
    assert used_breaks(points, 8 * MINUTE_US) == points
    assert used_breaks(points, 150 * SECOND_US) == [15 * MINUTE_US]
    assert used_breaks(points, 100 * SECOND_US) == []
    assert spread([1, 2, 3, 4, 5], 1) == [3]


# --- pods ------------------------------------------------------------------------------------------


class Desk:
    """Pods one after the other, from pools of their own."""

    def __init__(
        self, pools: dict[str, list[Asset]], mode: PlayMode = PlayMode.SHUFFLE, seed: int = 1, **words: Any
    ) -> None:
        model = station(
            [{"plan": "all", "zones": [{"zone": "Day", "window": "06:00-06:00"}]}],
            [],
            pools=[{"pool": p, "spots": {"collection": p}, "mode": mode, **words} for p in pools],
        )
        found = catalog([a for made in pools.values() for a in made])
        inventory = Inventory(model, Shelf(found, model.pools))
        memory, moment = Memory(inventory), Moment(day_end_us=1 << 60)
        contracts = Contracts({}, {}, memory)
        self.lanes = {
            slug: Lane(book, book.on(MONDAY), inventory, memory, moment, contracts, LaneRules(), seed)
            for slug, book in inventory.pools.items()
        }
        self.filler = PodFiller(
            [self.lanes[slug] for slug in pools], None, None, inventory, memory, moment, contracts
        )
        self.inventory = inventory
        self.now = 10**15

    def pod(self, room_us: int, exact: bool) -> Pod:
        pod = self.filler.pod(self.now, room_us, exact)
        self.now += room_us + 8 * MINUTE_US
        return pod

    def assets(self, pod: Pod) -> list[Asset]:
        return [self.inventory.assets[i] for i, _ in pod.spots]


def desk(assets: list[Asset], mode: PlayMode = PlayMode.SHUFFLE, seed: int = 1) -> Desk:
    return Desk({"s": assets}, mode, seed)


lengths = st.lists(st.integers(1, 90 * SECOND_US), max_size=8)


@examples(300)
@given(
    st.lists(lengths, max_size=3),
    st.lists(st.integers(0, 900 * SECOND_US), min_size=1, max_size=4),
    st.booleans(),
)
def test_a_pod_never_overflows_and_never_hangs(pools: list[list[int]], rooms: list[int], exact: bool) -> None:
    made = Desk(
        {
            f"pool-{p}": [asset(f"pool-{p}", f"s{n}", us / 1e6) for n, us in enumerate(pool)]
            for p, pool in enumerate(pools)
        }
    )
    for room in rooms:
        pod = made.pod(room, exact)
        assert pod.left_us >= 0
        assert sum(a.duration_us for a in made.assets(pod)) + pod.left_us == room
        if exact and pod.spots:
            assert pod.left_us == 0 or pod.left_us >= SHORTEST_REMAINDER_US


def test_the_pod_is_packed_to_fit() -> None:
    """45 s are 30 + 15 and not 30 and an ident."""
    made = desk([asset("s", f"{n}", n) for n in (20, 30, 15, 60)], PlayMode.SEQUENTIAL)
    assert made.pod(45 * SECOND_US, exact=True).left_us == 0


def test_a_remainder_too_short_to_see_is_avoided() -> None:
    """30.004 s with spots of 30 and 15 s: 15 and a readable ident, not 30 and four milliseconds."""
    pod = desk([asset("s", "30", 30), asset("s", "15", 15)]).pod(30_004_000, exact=True)
    assert pod.left_us >= SHORTEST_REMAINDER_US


def test_spots_rotate_without_repeating_in_a_pod_or_an_advertiser_back_to_back() -> None:
    made = desk([asset("s", f"{n}", 30, advertiser=f"brand-{n % 3}") for n in range(12)])
    aired: list[str] = []
    for _ in range(6):
        pod = made.assets(made.pod(180 * SECOND_US, exact=False))
        names = [a.id for a in pod]
        assert len(names) == len(set(names)) == 6
        assert all(a.advertiser != b.advertiser for a, b in pairwise(pod))
        aired += names
    assert set(Counter(aired).values()) <= {2, 3, 4}
    assert len(set(aired)) == 12


def test_advertisers_are_kept_apart_in_long_pods() -> None:
    assets = [asset("s", f"{n}", 30, advertiser=f"brand-{n % 3}") for n in range(60)]
    for seed in range(5):
        made = desk(assets, seed=seed)
        pod = made.assets(made.pod(600 * SECOND_US, exact=True))
        assert len(pod) == 20
        assert all(a.advertiser != b.advertiser for a, b in pairwise(pod))


def test_no_spot_airs_twice_in_a_pod_even_by_chance() -> None:
    assets = [asset("s", f"{n}", 30) for n in range(24)]
    for seed in range(5):
        made = desk(assets, PlayMode.RANDOM, seed)
        names = [a.id for a in made.assets(made.pod(300 * SECOND_US, exact=True))]
        assert len(names) == len(set(names)) == 10


def test_pools_take_turns() -> None:
    made = Desk({name: [asset(name, f"{n}", 30) for n in range(8)] for name in ("ads", "promos")})
    pod = made.assets(made.pod(8 * 30 * SECOND_US, exact=True))
    assert [a.collection for a in pod][:4] == ["ads", "promos", "ads", "promos"]
    assert Counter(a.collection for a in pod) == {"ads": 4, "promos": 4}


def test_one_filler_for_ever_still_fills() -> None:
    pod = Desk({"s": [asset("s", "only", 30)]}, kind="filler").pod(600 * SECOND_US, exact=True)
    assert len(pod.spots) == 20
    assert pod.left_us == 0


@pytest.mark.parametrize("kind", ["ad", "promo", "psa", "bumper", "ident"])
def test_no_spot_follows_itself(kind: str) -> None:
    """The ident that closes the break is no fault; the same commercial twenty times over is."""
    pod = Desk({"s": [asset("s", "only", 30)]}, kind=kind).pod(600 * SECOND_US, exact=True)
    assert len(pod.spots) == 1
    assert pod.left_us == 570 * SECOND_US
    made = Desk({"s": [asset("s", f"{n}", 30) for n in range(2)]}, kind=kind)
    names = [a.id for a in made.assets(made.pod(600 * SECOND_US, exact=True))]
    assert len(names) == 20
    assert all(one != following for one, following in pairwise(names))


# --- blocks ----------------------------------------------------------------------------------------


def block(assets: list[Asset], **words: Any) -> tuple[Compiled, list[Segment]]:
    """The first block of a day of ``cheers`` under a break format."""
    pools = [
        {"pool": "ads", "spots": {"collection": "spots"}},
        {"pool": "promos", "spots": {"collection": "promos"}, "kind": "promo"},
        {"pool": "in", "spots": {"collection": "in"}, "kind": "bumper"},
        {"pool": "out", "spots": {"collection": "out"}, "kind": "bumper"},
    ]
    model = station(
        [{"plan": "all", "zones": [{"zone": "Day", "window": "06:00-06:00", "play": ["cheers"]}]}],
        [series("cheers")],
        pools=pools,
        formats=[{"break_format": "network", **words}] if words else [],
        breaks="network" if words else None,
    )
    result = compiled(model, catalog(assets), MONDAY)
    assert_tiles(result)
    first = result.days[0].events[0].event_id
    return result, [s for s in result.days[0].playlist if s.event_id == first]


CHEERS = [
    episode("cheers", 1, n, 1321.32, marks_us=(420_000_000, 840_000_000), rate="30000/1001")
    for n in (1, 2, 3)
]
BUMPERS = [asset("in", "in", 5), asset("out", "out", 5)]


def test_a_network_half_hour() -> None:
    _, segments = block(
        [*CHEERS, *BUMPERS, *spots(20, (30.03, 15.015)), *(asset("promos", f"p{n}", 20) for n in range(3))],
        fill_with=["ads", "promos"],
        open_with="in",
        close_with="out",
    )
    shape = [kind.value for kind, _ in groupby(s.kind for s in segments)]
    programme = [s for s in segments if s.kind is SegmentKind.PROGRAM]
    assert len(programme) == 3
    assert programme[1].in_us == programme[0].duration_us
    assert shape.count("program") == 3
    pods = [list(g) for is_pod, g in groupby(segments, lambda s: s.kind is not SegmentKind.PROGRAM) if is_pod]
    assert len(pods) == 3
    for pod in pods:
        spots_only = [s for s in pod if s.kind is not SegmentKind.IDENT]
        assert (spots_only[0].pool, spots_only[-1].pool) == ("in", "out")
        assert {"ads", "promos"} <= {s.pool for s in spots_only}
        assert sum(s.duration_us for s in pod) > 120 * SECOND_US
    assert [s.kind for s in pods[0]].count(SegmentKind.IDENT) == 0
    idents = [s for s in segments if s.kind is SegmentKind.IDENT]
    assert sum(s.duration_us for s in idents) < 15 * SECOND_US
    assert segments[-1].end_us - segments[0].start_us == 30 * MINUTE_US


def test_a_film_channel_breaks_only_between_features() -> None:
    _, segments = block([*CHEERS, *BUMPERS, *spots(9)], at="none", otherwise="thirds", fill_with=["ads"])
    assert [s.kind for s in segments].count(SegmentKind.PROGRAM) == 1
    assert segments[0].kind is SegmentKind.PROGRAM
    assert SegmentKind.AD in {s.kind for s in segments}


def test_no_break_format_closes_with_an_ident_of_the_exact_rest() -> None:
    _, segments = block(CHEERS)
    assert [(s.kind, s.duration_us) for s in segments] == [
        (SegmentKind.PROGRAM, 1_321_320_000),
        (SegmentKind.IDENT, 478_680_000),
    ]
    assert segments[1].title == "One"


def test_empty_pools_warn_and_leave_the_programme_whole() -> None:
    result, segments = block(CHEERS, fill_with=["ads"], remainder="station-clock")
    assert [s.kind for s in segments] == [SegmentKind.PROGRAM, SegmentKind.CLOCK]
    assert "no-spots" in {d.code for d in result.diagnostics}


@pytest.mark.parametrize("short_us", [0, 1, 4_000, 999_999, 1_000_000, 30_000_001])
def test_any_remainder_closes_exactly(short_us: int) -> None:
    fitting = [episode("cheers", 1, 1, (1_800_000_000 - short_us) / 1e6)]
    _, segments = block([*fitting, *spots(4)], fill_with=["ads"])
    assert segments[-1].end_us - segments[0].start_us == 30 * MINUTE_US
    if not short_us:
        assert len(segments) == 1
    if short_us >= SECOND_US:
        assert all(s.duration_us >= SECOND_US for s in segments)


def test_blocks_without_a_programme_show_filler_where_there_is_some() -> None:
    words: dict[str, Any] = {"zone": "Day", "window": "06:00-06:00", "play": ["nothing"], "breaks": "network"}
    model = station(
        [{"plan": "all", "zones": [words]}],
        [series("nothing")],
        pools=[{"pool": "reels", "spots": {"collection": "spots"}, "kind": "filler"}],
        formats=[{"break_format": "network", "fill_with": ["reels"]}],
    )
    result = compiled(model, catalog(spots(3, (240, 301.5))), MONDAY)
    assert_tiles(result)
    kinds = Counter(s.kind for s in result.days[0].playlist)
    assert kinds[SegmentKind.FILLER] > 300
    assert kinds[SegmentKind.TEST_PATTERN] == 0
    assert [e.kind for e in result.days[0].events] == ["off_air"]


def test_what_one_break_leaves_goes_to_the_next() -> None:
    """478.68 s of leftover are 2 + 2 + 3 minutes of one-minute spots, not three times 2."""
    _, segments = block([*CHEERS, *spots(12, (60,))], fill_with=["ads"])
    pods = [len(list(g)) for kind, g in groupby(segments, lambda s: s.kind) if kind is SegmentKind.AD]
    assert pods == [2, 2, 3]
