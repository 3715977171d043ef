"""Who counts as gone, and who must not."""

from __future__ import annotations

import pytest

from retrovue.headend.hdhomerun.liveness import Liveness


@pytest.fixture
def receiver() -> Liveness:
    return Liveness()


def test_who_never_spoke_may_be_silent_for_ever(receiver: Liveness) -> None:
    """Tvheadend sends no keep-alive."""
    assert receiver.over(1e6) == ""


def test_who_spoke_and_fell_silent_is_gone(receiver: Liveness) -> None:
    for at in (1.0, 2.0, 3.0):
        receiver.kept(at)
    assert receiver.over(8.0) == ""
    assert receiver.over(8.1) == "no keep-alive any more"


def test_a_port_that_stays_closed_is_gone(receiver: Liveness) -> None:
    for at in (1.0, 1.5, 2.0, 2.5):
        receiver.refused(at)
    assert receiver.over(2.5) == ""
    receiver.refused(3.0)
    assert receiver.over(3.0) == "nobody listens there"


def test_a_moment_of_refusal_is_forgiven(receiver: Liveness) -> None:
    receiver.refused(1.0)
    receiver.refused(2.0)
    receiver.refused(10.0)
    assert receiver.over(10.0) == ""
    receiver.refused(11.0)
    receiver.kept(11.5)
    receiver.refused(12.0)
    assert receiver.over(12.5) == ""


def test_an_owner_who_hung_up_is_gone_unless_keep_alives_go_on(receiver: Liveness) -> None:
    receiver.abandoned(10.0)
    assert receiver.over(12.0) == ""
    assert receiver.over(12.1) == "its owner has hung up"
    receiver.kept(12.2)
    assert receiver.over(16.0) == ""
