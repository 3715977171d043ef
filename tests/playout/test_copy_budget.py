"""Which house copies there is room for: what airs sooner comes first, and the disk is never overdrawn."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from retrovue.playout.copy_budget import Other, Plan, Wanted, plan_room

A, B, C, D, E = (Path(f"/house/{name}.house") for name in "abcde")


def test_without_a_budget_all_is_made_and_nothing_goes() -> None:
    assert plan_room([Wanted(A, 5, False), Wanted(B, 7, True)], [Other(C, 9, 1)], None) == Plan((), (A,), ())


def test_what_airs_later_gives_way_and_what_nobody_wants_goes_first() -> None:
    wanted = [Wanted(A, 40, True), Wanted(B, 50, False), Wanted(C, 30, True)]
    others = [Other(D, 5, made_ns=1), Other(E, 5, made_ns=2)]
    # C airs last and is given up for B; of the others the newer one still fits.
    assert plan_room(wanted, others, 95) == Plan(remove=(C, D), make=(B,), left_out=(C,))
    assert plan_room(wanted, others, 120) == Plan(remove=(E, D), make=(B,), left_out=())
    assert plan_room(wanted, others, 130) == Plan(remove=(), make=(B,), left_out=())


def test_one_that_is_too_large_keeps_no_other_from_being_made() -> None:
    assert plan_room([Wanted(A, 90, False), Wanted(B, 10, False)], [], 50) == Plan((), (B,), (A,))


wanteds = st.lists(st.tuples(st.integers(1, 100), st.booleans()), max_size=12)


@given(wanteds, st.lists(st.integers(1, 100), max_size=12), st.integers(1, 600))
def test_the_budget_is_kept_and_nothing_is_lost_without_cause(
    sizes: list[tuple[int, bool]], old: list[int], budget: int
) -> None:
    wanted = [Wanted(Path(f"/w{n}"), size, there) for n, (size, there) in enumerate(sizes)]
    others = [Other(Path(f"/o{n}"), size, n) for n, size in enumerate(old)]
    plan = plan_room(wanted, others, budget)
    gone = set(plan.remove)
    size_of = {w.path: w.size for w in wanted} | {o.path: o.size for o in others}
    kept = {w.path for w in wanted if w.there} | {o.path for o in others}
    final = (kept - gone) | set(plan.make)
    assert sum(size_of[path] for path in final) <= budget
    assert not gone & set(plan.make)
    # Each is either there at the end, or named as left out, or was nobody's.
    assert {w.path for w in wanted} == (final & {w.path for w in wanted}) | set(plan.left_out)
    # One that is left out would not have fitted beside those that air before it.
    for n, copy in enumerate(wanted):
        if copy.path in plan.left_out:
            before = sum(w.size for w in wanted[:n] if w.path in final)
            assert before + copy.size > budget
    # An old one goes only when it has no room beside all that is wanted.
    for other in others:
        if other.path in gone:
            assert sum(size_of[path] for path in final) + other.size > budget
