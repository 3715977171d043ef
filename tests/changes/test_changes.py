"""Changes as values: every programme of both sides is told once, and telling is enough to redo the change."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from retrovue.compiler.changes import Mark, Side, changes, pair, side_of
from retrovue.compiler.model import ScheduleEvent, Segment, SegmentKind
from retrovue.credits import Credit
from tests.compiler.profiles import examples
from tests.compiler.stations import asset, catalog, compiled, episode, series, spots, station

DAY = date(2026, 6, 1)
HOUR = 3_600_000_000
START = 1_780_308_000_000_000


def event(slot: int, program: str, number: int, kind: str = "programme", hours: int = 1) -> ScheduleEvent:
    start = START + slot * HOUR
    on = date(2026, 6, 1 + slot // 24)
    number = 0 if kind == "off_air" else number
    return ScheduleEvent(
        slot * 1000 + number, "one", on, start, start + hours * HOUR, program, "", "", 1, number, None, "",
        (), "", kind, program, f"c/{program}/{number}" if kind != "off_air" else "", "all", "Day", "a:1:1",
    )  # fmt: skip


EVENTS = st.builds(
    event,
    st.just(0),
    st.sampled_from(["cheers", "taxi", "film"]),
    st.integers(1, 4),
    st.sampled_from(["programme", "programme", "off_air"]),
)


@st.composite
def days(draw: st.DrawFn) -> list[ScheduleEvent]:
    """Two days of hours, some of them empty."""
    found = []
    for slot in draw(st.lists(st.integers(0, 47), unique=True, max_size=20)):
        made = draw(EVENTS)
        found.append(event(slot, made.program, made.episode or 0, made.kind))
    return sorted(found, key=lambda e: e.start_us)


def key(e: ScheduleEvent) -> tuple[object, ...]:
    return (e.start_us, e.program, e.asset_id, e.kind)


@examples(150)
@given(days(), days())
def test_every_programme_is_told_once(old: list[ScheduleEvent], new: list[ScheduleEvent]) -> None:
    found, same = pair(old, new)
    before = [c.old for c in found if c.old] + [a for a, _ in same]
    after = [c.new for c in found if c.new] + [b for _, b in same]
    assert Counter(map(key, before)) == Counter(map(key, old))
    assert Counter(map(key, after)) == Counter(map(key, new))
    for a, b in same:
        assert key(a) == key(b)
    for c in found:
        match c.mark:
            case Mark.ADDED:
                assert (c.old, c.new) != (None, None)
                assert c.old is None
            case Mark.DROPPED:
                assert c.new is None
            case Mark.CHANGED:
                assert c.old is not None
                assert c.new is not None
                assert c.old.start_us == c.new.start_us
                assert key(c.old) != key(c.new)
            case Mark.MOVED:
                assert c.old is not None
                assert c.new is not None
                assert c.old.asset_id == c.new.asset_id != ""
                assert c.old.start_us != c.new.start_us


@examples(100)
@given(days())
def test_the_same_is_no_change(events: list[ScheduleEvent]) -> None:
    assert pair(events, events)[0] == []


@examples(100)
@given(days(), days())
def test_back_is_the_mirror_of_forth(old: list[ScheduleEvent], new: list[ScheduleEvent]) -> None:
    forth, same = pair(old, new)
    back, again = pair(new, old)
    assert len(same) == len(again)
    there, here = Counter(c.mark for c in forth), Counter(c.mark for c in back)
    assert there[Mark.ADDED] == here[Mark.DROPPED]
    assert there[Mark.DROPPED] == here[Mark.ADDED]
    assert there[Mark.MOVED] == here[Mark.MOVED]


def marks(old: list[ScheduleEvent], new: list[ScheduleEvent]) -> list[tuple[object, ...]]:
    return [
        (c.mark.value, *((e.start_us - START) // HOUR if e is not None else None for e in (c.old, c.new)))
        for c in pair(old, new)[0]
    ]


def test_another_episode_is_a_change_even_when_it_aired_elsewhere_before() -> None:
    old = [event(1, "cheers", 1), event(2, "cheers", 2)]
    new = [event(1, "cheers", 2), event(2, "cheers", 3)]
    assert marks(old, new) == [("~", 1, 1), ("~", 2, 2)]


def test_a_move_prefers_its_own_day() -> None:
    old = [event(1, "film", 1), event(25, "film", 1)]
    new = [event(3, "film", 1), event(27, "film", 1)]
    assert marks(old, new) == [(">", 1, 3), (">", 25, 27)]


def test_a_move_to_another_day_must_be_unmistakable() -> None:
    assert marks([event(1, "film", 1)], [event(30, "film", 1)]) == [(">", 1, 30)]
    several = [event(30, "film", 1), event(33, "film", 1)]
    assert marks([event(1, "film", 1)], several) == [("-", 1, None), ("+", None, 30), ("+", None, 33)]


def test_what_is_off_the_air_does_not_move() -> None:
    old = [event(1, "bars", 0, "off_air")]
    assert marks(old, [event(2, "bars", 0, "off_air")]) == [("-", 1, None), ("+", None, 2)]


def test_a_picture_that_begins_earlier_goes_on_from_where_it_began() -> None:
    old = [event(1, "welcome", 1), event(2, "bars", 0, "off_air", hours=6)]
    new = [event(1, "bars", 0, "off_air", hours=7)]
    ((one,), (before, after)) = pair(old, new)[0], pair(old, new)[1][0]
    assert (one.mark, one.old, one.new) == (Mark.CHANGED, old[0], new[0])
    assert (before, after.start_us, after.end_us) == (old[1], old[1].start_us, old[1].end_us)
    # And the other way round; where a programme became shorter, too.
    assert marks(new, old) == [("~", 1, 1)]
    shorter = [event(0, "film", 1, hours=1), *new]
    assert marks([event(0, "film", 1, hours=2), old[1]], shorter) == [("~", 0, 0), ("+", None, 1)]
    # Another picture, another end, or one that was there in two pieces: all of it is told.
    card = [event(1, "card", 0, "off_air", hours=7)]
    assert marks(old, card) == [("~", 1, 1), ("-", 2, None)]
    assert marks(old, [event(1, "bars", 0, "off_air", hours=6)]) == [("~", 1, 1), ("-", 2, None)]
    pieces = [event(1, "bars", 0, "off_air"), old[1]]
    assert marks(pieces, new) == [("~", 1, 1), ("-", 2, None)]


def test_a_longer_programme_is_a_change() -> None:
    assert marks([event(1, "film", 1)], [event(1, "film", 1, hours=2)]) == [("~", 1, 1)]


def side(events: list[ScheduleEvent], segments: list[Segment], channels: Side) -> Side:
    return replace(channels, events={"one": events}, segments={"one": segments})


def test_spots_are_counted_by_what_became_of_them() -> None:
    model = station([{"plan": "all", "zones": [{"zone": "All", "window": "06:00-06:00"}]}], [])
    ground = replace(side_of(compiled(model, catalog([])), "x"), start_us=START, end_us=START + 24 * HOUR)
    one = event(1, "cheers", 1)

    def spot(second: int, name: str) -> Segment:
        at = one.start_us + second * 1_000_000
        return Segment("one", DAY, second, at, at + 1_000_000, SegmentKind.AD, one.event_id, name)

    old = side([one], [spot(1, "a"), spot(2, "b"), spot(3, "c")], ground)
    new = side([one], [spot(1, "a"), spot(3, "b"), spot(4, "d"), spot(5, "d")], ground)
    found = changes(old, new)
    assert found.any
    assert (found.unchanged, found.first_programme_us) == (1, None)
    assert found.first_us == one.start_us + 2_000_000
    playlist = found.playlist
    assert (playlist.spots_moved, playlist.spots_added, playlist.spots_dropped) == (1, 2, 1)
    assert not changes(old, old).any


def test_only_what_both_sides_cover_is_compared() -> None:
    plans = [{"plan": "all", "zones": [{"zone": "All", "window": "06:00-06:00", "play": ["taxi"]}]}]
    model = station(plans, [series("taxi")])
    stock = catalog([*(episode("taxi", 1, n, 1500) for n in range(1, 8)), *spots(3), asset("films", "f", 60)])
    first = side_of(compiled(model, stock, days=2), "old")
    second = side_of(compiled(model, stock, date(2026, 6, 2), days=2), "new")
    found = changes(first, second)
    assert not found.any
    assert found.end_us - found.start_us == 24 * HOUR
    assert found.unchanged == 48
    assert changes(first, second, found.start_us + HOUR).unchanged == 46


def test_credits_are_no_change_on_air() -> None:
    """A guide's small print; nobody's programme is another for it. It is published all the same."""
    plan = {"plan": "all", "zones": [{"zone": "Day", "window": (360, 360), "play": ["show"]}]}
    model, by = station([plan], [series("show")]), (Credit("director", "Ann"),)
    old = compiled(model, catalog([episode("show", 1, 1, 1700)]))
    new = compiled(model, catalog([episode("show", 1, 1, 1700, credits=by)]))
    found = changes(side_of(old, "old"), side_of(new, "new"))
    assert not found.any
    assert found.unchanged == len(old.days[0].events)
    assert old.content_hash != new.content_hash
