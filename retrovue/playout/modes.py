"""Modes: what a channel airs by order of the operator; a pure table beside the channel's life.

A channel airs its schedule (NORMAL) unless it was ordered to sign off or there is an emergency. An
emergency stands over a sign-off: when it is over, the channel is signed off as it was before. An order
that is repeated takes the place of the one before it (another text, another end).

| mode                | emergency            | all clear          | sign off            | sign on           |
| ------------------- | -------------------- | ------------------ | ------------------- | ----------------- |
| NORMAL              | interrupt, EMERGENCY |                    | sign off, SIGN OFF  |                   |
| SIGN OFF            | interrupt, E OVER S  |                    | sign off            | resume, NORMAL    |
| EMERGENCY           | interrupt            | resume, NORMAL     | beneath, E OVER S   |                   |
| E(MERGENCY) OVER S(IGN-OFF) | interrupt    | sign off, SIGN OFF |                     | beneath, EMERGENCY |

Whether anybody watches makes no difference to the mode: a channel that is off the air is given its order,
and comes up in it. The end of an order (``until``) is the all clear, or the sign on, given by the clock.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from retrovue.lineup import ChannelId, Emergency, Orders, SignOff

_Change = Callable[[Orders], Orders]


class ModeState(StrEnum):
    NORMAL = "normal"
    SIGN_OFF = "sign-off"
    EMERGENCY = "emergency"
    EMERGENCY_OVER_SIGN_OFF = "emergency over sign-off"


class Order(StrEnum):
    EMERGENCY = "emergency"
    ALL_CLEAR = "all clear"
    SIGN_OFF = "sign off"
    SIGN_ON = "sign on"


class Action(StrEnum):
    INTERRUPT = "interrupt"  #: put the emergency on
    SIGN_OFF = "sign off"  #: put the sign-off picture on
    RESUME = "resume"  #: the schedule, in progress
    BENEATH = "beneath"  #: change what a crawl runs over; a takeover goes on


_TABLE: Mapping[tuple[ModeState, Order], tuple[ModeState, Action | None]] = {
    (ModeState.NORMAL, Order.EMERGENCY): (ModeState.EMERGENCY, Action.INTERRUPT),
    (ModeState.NORMAL, Order.SIGN_OFF): (ModeState.SIGN_OFF, Action.SIGN_OFF),
    (ModeState.SIGN_OFF, Order.EMERGENCY): (ModeState.EMERGENCY_OVER_SIGN_OFF, Action.INTERRUPT),
    (ModeState.SIGN_OFF, Order.SIGN_OFF): (ModeState.SIGN_OFF, Action.SIGN_OFF),
    (ModeState.SIGN_OFF, Order.SIGN_ON): (ModeState.NORMAL, Action.RESUME),
    (ModeState.EMERGENCY, Order.EMERGENCY): (ModeState.EMERGENCY, Action.INTERRUPT),
    (ModeState.EMERGENCY, Order.ALL_CLEAR): (ModeState.NORMAL, Action.RESUME),
    (ModeState.EMERGENCY, Order.SIGN_OFF): (ModeState.EMERGENCY_OVER_SIGN_OFF, Action.BENEATH),
    (ModeState.EMERGENCY_OVER_SIGN_OFF, Order.EMERGENCY): (
        ModeState.EMERGENCY_OVER_SIGN_OFF,
        Action.INTERRUPT,
    ),
    (ModeState.EMERGENCY_OVER_SIGN_OFF, Order.ALL_CLEAR): (ModeState.SIGN_OFF, Action.SIGN_OFF),
    (ModeState.EMERGENCY_OVER_SIGN_OFF, Order.SIGN_ON): (ModeState.EMERGENCY, Action.BENEATH),
}


def step(mode: ModeState, order: Order) -> tuple[ModeState, Action | None]:
    """The channel's next mode and what to do; an order with no meaning in a mode changes nothing."""
    return _TABLE.get((mode, order), (mode, None))


def mode_of(orders: Orders) -> ModeState:
    """The mode that ``orders`` come to."""
    if orders.emergency is None:
        return ModeState.SIGN_OFF if orders.sign_off is not None else ModeState.NORMAL
    return ModeState.EMERGENCY_OVER_SIGN_OFF if orders.sign_off is not None else ModeState.EMERGENCY


def between(old: Orders, new: Orders) -> Iterator[Order]:
    """The orders that lead from ``old`` to ``new``, the sign-off first: it lies beneath."""
    if new.sign_off != old.sign_off:
        yield Order.SIGN_ON if new.sign_off is None else Order.SIGN_OFF
    if new.emergency != old.emergency:
        yield Order.ALL_CLEAR if new.emergency is None else Order.EMERGENCY


@dataclass(frozen=True, slots=True)
class OrderBook:
    """The orders in force on every channel; those for all hold for channels that are yet to come, too."""

    everywhere: Orders = field(default_factory=Orders)
    channels: Mapping[ChannelId, Orders] = field(default_factory=dict)  #: those with orders of their own

    def of(self, channel: ChannelId) -> Orders:
        return self.channels.get(channel, self.everywhere)

    def with_emergency(self, emergency: Emergency | None, channels: Iterable[ChannelId] | None) -> OrderBook:
        """With this emergency, or none, on ``channels``; None is all."""
        return self._changed(lambda orders: replace(orders, emergency=emergency), channels)

    def with_sign_off(self, sign_off: SignOff | None, channels: Iterable[ChannelId] | None) -> OrderBook:
        """Likewise for the sign-off."""
        return self._changed(lambda orders: replace(orders, sign_off=sign_off), channels)

    def without_past(self, now: datetime) -> OrderBook:
        """Without what has ended by ``now``."""
        return OrderBook(
            _without_past(self.everywhere, now), {c: _without_past(o, now) for c, o in self.channels.items()}
        )._tidy()

    @property
    def next_end(self) -> datetime | None:
        """When the first of the orders ends by itself."""
        return min((end for orders in self._all() for end in _ends(orders)), default=None)

    def _changed(self, change: _Change, channels: Iterable[ChannelId] | None) -> OrderBook:
        if channels is None:
            return OrderBook(
                change(self.everywhere), {c: change(o) for c, o in self.channels.items()}
            )._tidy()
        return OrderBook(
            self.everywhere, {**self.channels, **{c: change(self.of(c)) for c in channels}}
        )._tidy()

    def _tidy(self) -> OrderBook:
        own = {c: o for c, o in self.channels.items() if o != self.everywhere}
        return self if len(own) == len(self.channels) else OrderBook(self.everywhere, own)

    def _all(self) -> Iterator[Orders]:
        yield self.everywhere
        yield from self.channels.values()


def _without_past(orders: Orders, now: datetime) -> Orders:
    emergency, sign_off = orders.emergency, orders.sign_off
    return Orders(
        emergency if emergency is not None and not _over(emergency, now) else None,
        sign_off if sign_off is not None and not _over(sign_off, now) else None,
    )


def _over(order: Emergency | SignOff, now: datetime) -> bool:
    return order.until is not None and order.until <= now


def _ends(orders: Orders) -> Iterator[datetime]:
    for order in (orders.emergency, orders.sign_off):
        if order is not None and order.until is not None:
            yield order.until
