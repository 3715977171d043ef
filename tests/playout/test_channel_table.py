"""The channel's life, row by row, and what must hold for any history."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from retrovue.playout.channel import Action, Event, State, step

HISTORIES = st.lists(st.sampled_from(list(Event)), max_size=40)


def test_an_evening() -> None:
    state = State.OFF_AIR
    seen = []
    for event in (
        Event.FIRST_VIEWER,
        Event.READY,
        Event.LAST_VIEWER_LEFT,
        Event.FIRST_VIEWER,
        Event.LOOP_DIED,
        Event.LAST_VIEWER_LEFT,
        Event.LINGER_OVER,
    ):
        state, actions = step(state, event)
        seen.append((state, actions))
    assert seen == [
        (State.TUNING, (Action.START,)),
        (State.ON_AIR, ()),
        (State.LINGERING, (Action.LINGER,)),
        (State.ON_AIR, (Action.CANCEL_LINGER,)),
        (State.ON_AIR, (Action.RESTART,)),
        (State.LINGERING, (Action.LINGER,)),
        (State.OFF_AIR, (Action.STOP,)),
    ]


@given(HISTORIES)
def test_the_encoder_runs_exactly_while_the_channel_is_not_off_air(history: list[Event]) -> None:
    state, running, lingering = State.OFF_AIR, False, False
    for event in history:
        state, actions = step(state, event)
        for action in actions:
            match action:
                case Action.START:
                    assert not running
                    running = True
                case Action.STOP:
                    assert running
                    running = False
                case Action.LINGER:
                    lingering = True
                case Action.CANCEL_LINGER:
                    lingering = False
                case Action.RESTART | Action.SWAP:
                    assert running
        if event is Event.LINGER_OVER and state is State.OFF_AIR:
            lingering = False
        assert running is (state is not State.OFF_AIR)
        assert lingering is (state is State.LINGERING)


@given(HISTORIES)
def test_from_anywhere_the_channel_can_go_dark(history: list[Event]) -> None:
    state = State.OFF_AIR
    for event in history:
        state, _ = step(state, event)
    for event in (Event.LAST_VIEWER_LEFT, Event.LINGER_OVER):
        state, _ = step(state, event)
    assert state is State.OFF_AIR
