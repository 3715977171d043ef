"""The failure ladder, rung by rung."""

from __future__ import annotations

import pytest

from retrovue.playout.ladder import Fault, Ladder, Patience

PATIENCE = Patience(restarts=2, healthy_s=60, retry_s=30, retry_max_s=100)


def test_a_killed_child_is_started_again_with_growing_pauses_and_then_given_up() -> None:
    ladder = Ladder(1, PATIENCE)
    ladder.fault(Fault.KILLED, "killed", 100.0, 5.0)
    assert ladder.rung == 0
    assert ladder.due(100.0)
    ladder.fault(Fault.HUNG, "hung", 110.0)
    assert ladder.rung == 0
    assert not ladder.due(110.4)
    assert ladder.due(110.5)
    assert ladder.cause == ""
    ladder.fault(Fault.DIED, "died", 120.0, 3.0)
    assert ladder.rung == 1
    assert ladder.due(120.0)
    assert ladder.cause == "died"


def test_restarts_are_forgiven_after_a_healthy_while() -> None:
    ladder = Ladder(0, PATIENCE)
    for hour in range(10):
        ladder.fault(Fault.KILLED, "killed", hour * 3600.0, 3000.0)
        assert ladder.rung == 0


@pytest.mark.parametrize("fault", [Fault.MISSING, Fault.BARREN, Fault.SHORT])
def test_a_file_that_is_to_blame_is_not_tried_twice(fault: Fault) -> None:
    ladder = Ladder(2, PATIENCE)
    for rung in (1, 2):
        ladder.fault(fault, f"rung {rung - 1}", 10.0)
        assert ladder.rung == rung
        assert ladder.due(10.0)
    assert not ladder.exhausted
    assert ladder.cause == "rung 0"  # what the operator must mend is the first


def test_from_the_bottom_the_programme_is_tried_again_with_pauses_that_double() -> None:
    ladder = Ladder(0, PATIENCE)
    now, pauses = 0.0, []
    for _ in range(5):
        ladder.fault(Fault.MISSING, "gone", now)
        assert ladder.exhausted
        assert ladder.cause == "gone"
        waited = next(s for s in range(1, 1000) if ladder.due(now + s))
        pauses.append(waited)
        now += waited
        assert ladder.rung == 0
        assert not ladder.exhausted
    assert pauses == [30, 60, 100, 100, 100]


def test_what_is_abandoned_stays_so() -> None:
    ladder = Ladder(3, PATIENCE)
    ladder.abandon("the last half second")
    assert ladder.exhausted
    assert not ladder.due(1e9)
