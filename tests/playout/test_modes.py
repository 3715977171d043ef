"""The operator's orders: row by row, and what must hold for any history of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from retrovue.lineup import ChannelId, Emergency, EmergencyMode, Mode, Orders, SignOff
from retrovue.playout.modes import Action, ModeState, Order, OrderBook, between, mode_of, step

NOW = datetime(2026, 11, 26, 20, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
A, B = ChannelId("a"), ChannelId("b")

ENDS = st.sampled_from([None, NOW + HOUR, NOW + 2 * HOUR])
EMERGENCIES = st.builds(
    Emergency, st.sampled_from(["x", "y"]), st.sampled_from(EmergencyMode), st.just(NOW), ENDS
)
ORDERS = st.builds(Orders, st.none() | EMERGENCIES, st.none() | st.builds(SignOff, st.just(NOW), ENDS))


def test_an_evening() -> None:
    state, seen = ModeState.NORMAL, []
    for order in (
        Order.EMERGENCY,
        Order.ALL_CLEAR,
        Order.SIGN_OFF,
        Order.EMERGENCY,
        Order.SIGN_ON,
        Order.ALL_CLEAR,
        Order.SIGN_ON,
    ):
        state, action = step(state, order)
        seen.append((state, action))
    assert seen == [
        (ModeState.EMERGENCY, Action.INTERRUPT),
        (ModeState.NORMAL, Action.RESUME),
        (ModeState.SIGN_OFF, Action.SIGN_OFF),
        (ModeState.EMERGENCY_OVER_SIGN_OFF, Action.INTERRUPT),
        (ModeState.EMERGENCY, Action.BENEATH),
        (ModeState.NORMAL, Action.RESUME),
        (ModeState.NORMAL, None),
    ]


@given(st.lists(ORDERS, max_size=12))
def test_the_table_comes_to_what_the_orders_say(history: list[Orders]) -> None:
    state, before = ModeState.NORMAL, Orders()
    for orders in history:
        changes = list(between(before, orders))
        actions = []
        for order in changes:
            state, action = step(state, order)
            actions.append(action)
        assert state is mode_of(orders)
        assert bool(changes) is (orders != before)
        # A new emergency is always shown, and one that is over never stays.
        if orders.emergency != before.emergency:
            assert actions[-1] is (
                Action.INTERRUPT
                if orders.emergency is not None
                else Action.RESUME
                if orders.sign_off is None
                else Action.SIGN_OFF
            )
        before = orders


def test_an_emergency_stands_over_a_sign_off() -> None:
    off, on = SignOff(NOW), Emergency("x", EmergencyMode.CRAWL, NOW)
    assert [Orders(e, s).mode for e, s in ((None, None), (None, off), (on, None), (on, off))] == [
        Mode.NORMAL,
        Mode.SIGN_OFF,
        Mode.EMERGENCY,
        Mode.EMERGENCY,
    ]


def test_an_order_for_all_holds_for_channels_to_come_and_one_may_be_let_off() -> None:
    on = Emergency("x", EmergencyMode.TAKEOVER, NOW)
    book = OrderBook().with_emergency(on, None)
    assert book.of(A).emergency == book.of(B).emergency == on
    book = book.with_emergency(None, [A])
    assert (book.of(A).mode, book.of(B).mode) == (Mode.NORMAL, Mode.EMERGENCY)
    assert book.with_emergency(None, None) == OrderBook()
    book = OrderBook().with_sign_off(SignOff(NOW), [A]).with_emergency(on, None)
    assert book.of(A) == Orders(on, SignOff(NOW))
    assert book.with_emergency(None, None).of(A) == Orders(None, SignOff(NOW))


@given(ORDERS, ORDERS)
def test_orders_end_by_themselves_in_order(everywhere: Orders, own: Orders) -> None:
    book = OrderBook(everywhere, {A: own})
    ends = 0
    while (end := book.next_end) is not None:
        shorter = book.without_past(end)
        assert shorter != book
        assert shorter.without_past(end) == shorter
        assert book.without_past(end - timedelta(microseconds=1)).of(A) == book.of(A)
        book, ends = shorter, ends + 1
    assert ends <= 2
    for orders in (book.of(A), book.of(B)):
        assert orders.emergency is None or orders.emergency.until is None
        assert orders.sign_off is None or orders.sign_off.until is None
