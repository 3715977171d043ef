"""Which cue message goes out with which tick: pure, every tick of some minutes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from retrovue.lineup import Break
from retrovue.playout.cues import AHEAD_S, Cues, Manner
from retrovue.playout.playlog import Playlog
from retrovue.stream.mpegts import WRAP
from retrovue.units import SECOND_US
from tests.playout.test_pods import GRID, segments
from tests.tools.scte35_syntax import Cue, Segmentation, parse_cue

#: Seconds of programme, pod (20 s and 15 s of advertisements behind a bumper) and programme.
PLAN = "p60 b5 a20 a15 b5 p60 a10 i1 | p60"
OUT, BACK = 60 * 25, 105 * 25


@dataclass
class Played:
    """What was told, by tick, and the break that each tick lies in."""

    told: list[tuple[int, Cue]] = field(default_factory=list)
    within: dict[int, Break | None] = field(default_factory=dict)
    after: dict[int, Break | None] = field(default_factory=dict)

    @property
    def splices(self) -> list[tuple[int, Cue]]:
        """Without the heartbeat."""
        return [(tick, cue) for tick, cue in self.told if cue.command != "splice_null"]


def played(
    first: int,
    end: int,
    manner: Manner = Manner.SPLICE_INSERT,
    plan: Callable[[int], str] = lambda tick: PLAN,
    airs: Callable[[int], bool] = lambda tick: True,
    shift: int = 0,
) -> Played:
    """``shift``: ticks by which all of it is later."""
    now = first
    plans: dict[str, Playlog] = {}

    def playlog() -> Playlog:
        text = plan(now)
        if text not in plans:
            begin_us = GRID.start_us(shift)
            moved = [
                s.__class__(
                    s.channel, s.broadcast_date, s.seq, s.start_us + begin_us, s.end_us + begin_us, s.kind,
                    s.event_id,
                )
                for s in segments(text)
            ]  # fmt: skip
            plans[text] = Playlog.align(moved, GRID)
        return plans[text]

    cues = Cues(manner, GRID, playlog, lambda: airs(now))
    found = Played()
    for now in range(first, end):
        for raw in cues.due(now + shift):
            found.told.append((now, parse_cue(raw)))
        found.within[now], found.after[now] = cues.within, cues.after
    return found


def test_a_break_is_told_ahead_and_while_it_lasts_and_so_is_the_return() -> None:
    splices = played(0, 3000).splices
    outs = [(tick, cue) for tick, cue in splices if cue.out]
    backs = [(tick, cue) for tick, cue in splices if not cue.out]
    event = outs[0][1].event
    length = (BACK - OUT) * 3600
    assert {cue for _, cue in outs} == {Cue("splice_insert", OUT * 3600, event, False, True, length, True, 1)}
    assert {cue for _, cue in backs} == {Cue("splice_insert", BACK * 3600, event, program=1)}
    ahead = [round(25 * s) for s in AHEAD_S]
    assert [OUT - tick for tick, _ in outs[:3]] == ahead
    assert [tick - OUT for tick, _ in outs[3:]] == [n * 125 for n in range(1, 9)]
    assert [BACK - tick for tick, _ in backs] == ahead
    assert min(ahead) >= 4 * 25


def test_the_break_of_each_tick() -> None:
    found = played(0, 3000)
    inside = [tick for tick, of in found.within.items() if of is not None]
    assert (inside[0], inside[-1], len(inside)) == (OUT, BACK - 1, BACK - OUT)
    (of,) = {b for b in found.within.values() if b is not None}
    assert (of.start_us, of.end_us, of.back) == (60 * SECOND_US, 105 * SECOND_US, b"")
    assert parse_cue(of.out).out
    over = found.after[BACK]
    assert over is not None
    assert (over.id, over.end_us) == (of.id, of.end_us)
    assert parse_cue(over.back).pts == BACK * 3600


def test_something_is_said_every_ten_seconds() -> None:
    ticks = [tick for tick, _ in played(0, 1200).told]
    assert ticks == [0, 250, 500, 750, 1000]


def test_who_tunes_in_mid_break_is_told_where_it_began() -> None:
    first = OUT + 333
    cold = played(first, BACK).splices
    warm = [cue for _, cue in played(0, 3000).splices if cue.out]
    assert cold[0] == (first, warm[0])
    assert {cue for _, cue in cold if cue.out} == {warm[0]}


def test_who_tunes_in_shortly_before_is_told_at_once() -> None:
    assert played(OUT - 30, OUT).splices[0][0] == OUT - 30


def test_a_takeover_returns_at_once_and_what_is_left_of_the_break_is_another_one() -> None:
    on, off = OUT + 200, OUT + 500
    found = played(0, 3000, airs=lambda tick: not on <= tick < off)
    event = found.splices[0][1].event
    at_once = [
        (tick, cue) for tick, cue in found.splices if cue.command == "splice_insert" and cue.pts is None
    ]
    assert at_once == [(on, Cue("splice_insert", None, event, program=1))]
    again = [(tick, cue) for tick, cue in found.splices if tick >= off]
    assert again[0] == (
        off, Cue("splice_insert", off * 3600, again[0][1].event, False, True, (BACK - off) * 3600, True, 1)
    )  # fmt: skip
    assert again[0][1].event != event
    assert {cue.pts for _, cue in again if not cue.out and cue.event == again[0][1].event} == {BACK * 3600}
    assert [tick for tick, of in found.within.items() if of is not None] == [
        *range(OUT, on), *range(off, BACK)
    ]  # fmt: skip
    over = found.after[on]
    assert over is not None
    assert over.end_us == GRID.start_us(on)
    assert not any(on < tick < off for tick, _ in found.splices)


def test_two_takeovers_of_one_break_leave_three_breaks() -> None:
    marks = (OUT + 200, OUT + 300, OUT + 500, OUT + 600)
    found = played(
        0, 3000, airs=lambda tick: not (marks[0] <= tick < marks[1] or marks[2] <= tick < marks[3])
    )
    starts = sorted({of.start_us for of in found.within.values() if of is not None})
    assert starts == [GRID.start_us(tick) for tick in (OUT, marks[1], marks[3])]
    assert len({of.id for of in found.within.values() if of is not None}) == 3


@pytest.mark.parametrize("manner", list(Manner))
def test_a_break_that_was_announced_and_is_not_to_come_is_taken_back(manner: Manner) -> None:
    on = OUT - 100
    splices = played(0, BACK, manner, airs=lambda tick: tick < on).splices
    (tick, cue), *_ = [s for s in splices if s[0] >= on]
    event = splices[0][1].event
    assert tick == on
    if manner is Manner.SPLICE_INSERT:
        assert cue == Cue("splice_insert", None, event, True)
    else:
        announced = splices[0][1].segments[0].event
        assert cue.segments == (Segmentation(announced, True),)
    assert splices[-1][0] == on


def test_a_plan_that_changes_takes_the_old_break_back() -> None:
    earlier = "p56 a20 i1 p60 | p60"
    found = played(0, 2600, plan=lambda tick: PLAN if tick < OUT - 180 else earlier).splices
    old = found[0][1].event
    assert [(tick, cue.cancelled) for tick, cue in found if cue.event == old] == [
        (OUT - 200, False), (OUT - 180, True),
    ]  # fmt: skip
    assert {cue.pts for _, cue in found if cue.out and cue.event != old} == {56 * 25 * 3600}


def test_a_break_that_becomes_longer_keeps_its_name() -> None:
    longer = "p60 b5 a20 a15 b15 p60 a10 i1 | p60"
    change = OUT + 400
    found = played(0, 3000, plan=lambda tick: PLAN if tick < change else longer)
    outs = [(tick, cue) for tick, cue in found.splices if cue.out]
    assert len({cue.event for _, cue in outs}) == 1
    assert next(cue.duration for tick, cue in outs if tick >= change) == 55 * 90_000
    assert change in [tick for tick, _ in outs]
    assert [tick for tick, of in found.within.items() if of is not None][-1] == BACK + 250 - 1


def test_time_signals_tell_the_break_and_each_advertisement() -> None:
    found = played(0, 3000, Manner.TIME_SIGNAL)
    seen: dict[int, list[tuple[int, int, int, int | None]]] = {}
    for tick, cue in found.splices:
        assert cue.pts is not None
        at = cue.pts // 3600
        if tick < at:
            seen[at] = [(s.type, s.number, s.expected, s.duration) for s in cue.segments]
    second = 90_000
    assert seen == {
        60 * 25: [(0x22, 0, 0, 45 * second)],
        65 * 25: [(0x30, 1, 2, 20 * second)],
        85 * 25: [(0x31, 1, 2, None), (0x30, 2, 2, 15 * second)],
        100 * 25: [(0x31, 2, 2, None)],
        105 * 25: [(0x23, 0, 0, None)],
    }
    ids = {(s.type & 0xFE, s.number): s.event for _, cue in found.splices for s in cue.segments}
    assert len(set(ids.values())) == 3
    for _, cue in found.splices:
        assert all(ids[s.type & 0xFE, s.number] == s.event for s in cue.segments)
    # What goes on is told anew to who comes later, what is over isn't.
    late = [cue for tick, cue in found.splices if tick >= 90 * 25 and (cue.pts or 0) // 3600 <= tick]
    assert {s.number for cue in late for s in cue.segments} == {0, 2}


def test_a_takeover_ends_the_advertisement_before_the_break() -> None:
    on = 70 * 25
    found = played(0, 2600, Manner.TIME_SIGNAL, airs=lambda tick: tick < on)
    (cue,) = [cue for tick, cue in found.splices if tick == on and cue.segments[0].type]
    assert cue.pts is None
    assert [s.type for s in cue.segments] == [0x31, 0x23]


def test_time_stamps_wrap_in_mid_break() -> None:
    # The 33-bit counter begins anew ten seconds into the break.
    shift = 13 * WRAP // 3600 - OUT - 250
    found = played(0, 3000, shift=shift)
    out, back = GRID.pts(OUT + shift) % WRAP, GRID.pts(BACK + shift) % WRAP
    assert back < out
    assert {cue.pts for _, cue in found.splices if cue.out} == {out}
    assert {cue.pts for _, cue in found.splices if not cue.out} == {back}
