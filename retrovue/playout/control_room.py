"""The control room: takes the operator's orders, keeps them, and has the director carry them out.

Orders outlive the process: they are on the disk before they are answered, so that an emergency is still on
when the station comes back. Their ends are kept by the MasterClock.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from retrovue.clock import MasterClock
from retrovue.lineup import ChannelId, Emergency, EmergencyMode, OrderRefused, Orders, SignOff
from retrovue.playout.modes import OrderBook

log = logging.getLogger(__name__)

FILE = "orders.json"
#: More is no message but a programme (characters).
LONGEST_TEXT = 1000


@dataclass(frozen=True, slots=True)
class EmergencyDefaults:
    """What an emergency is when nothing else is said."""

    text: str
    mode: EmergencyMode


class StationControlRoom:
    """lineup.ControlRoom. ``carry_out`` is given the orders whenever they change."""

    def __init__(
        self,
        clock: MasterClock,
        state: Path,
        known: Callable[[], Iterable[ChannelId]],
        carry_out: Callable[[OrderBook], None],
        defaults: Callable[[], EmergencyDefaults],
        warn: Callable[[str], None] = lambda text: None,
    ) -> None:
        self._clock, self._path = clock, state / FILE
        self._known, self._carry_out, self._defaults, self._warn = known, carry_out, defaults, warn
        self._book = OrderBook()
        self._changed = asyncio.Event()
        self._saving = asyncio.Lock()

    async def open(self) -> None:
        """Take up the orders that were in force when the station last went off the air."""
        try:
            book = await asyncio.to_thread(kept_orders, self._path.parent)
        except (OSError, ValueError) as error:
            self._warn(f"{self._path} can't be read, no order is in force: {error}")
            return
        self._book = book.without_past(self._clock.now())
        if self._book != OrderBook():
            log.warning("orders from before are in force: %s", self._words())
            self._carry_out(self._book)

    async def run(self) -> None:
        """End what ends by itself, when it does. Runs until cancelled."""
        while True:
            self._changed.clear()
            end = self._book.next_end
            if end is None:
                await self._changed.wait()
                continue
            waiting = asyncio.create_task(self._clock.wait_until(end))
            changing = asyncio.create_task(self._changed.wait())
            try:
                await asyncio.wait({waiting, changing}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                waiting.cancel()
                changing.cancel()
            book = self._book.without_past(self._clock.now())
            if book != self._book:
                await self._take(book)
                log.warning("an order has come to its end; in force: %s", self._words() or "none")

    # --- lineup.ControlRoom ------------------------------------------------------------------------

    async def emergency(
        self,
        channels: Sequence[ChannelId] | None = None,
        text: str | None = None,
        mode: EmergencyMode | None = None,
        until: datetime | None = None,
    ) -> None:
        now, defaults = self._clock.now(), self._defaults()
        said = " ".join((defaults.text if text is None else text).split())
        if not said.isprintable() or not said:
            raise OrderRefused("an emergency needs a text of printable characters")
        if len(said) > LONGEST_TEXT:
            raise OrderRefused(f"the text has {len(said)} characters; {LONGEST_TEXT} are the most")
        self._check(channels, until, now)
        emergency = Emergency(said, mode or defaults.mode, now, until)
        log.warning("fictional emergency on %s (%s): %s", _names(channels), emergency.mode.value, said)
        await self._take(self._book.with_emergency(emergency, channels))

    async def all_clear(self, channels: Sequence[ChannelId] | None = None) -> None:
        self._check(channels, None, self._clock.now())
        log.warning("all clear on %s", _names(channels))
        await self._take(self._book.with_emergency(None, channels))

    async def sign_off(
        self, channels: Sequence[ChannelId] | None = None, until: datetime | None = None
    ) -> None:
        now = self._clock.now()
        self._check(channels, until, now)
        log.warning("sign-off on %s", _names(channels))
        await self._take(self._book.with_sign_off(SignOff(now, until), channels))

    async def sign_on(self, channels: Sequence[ChannelId] | None = None) -> None:
        self._check(channels, None, self._clock.now())
        log.warning("sign-on on %s", _names(channels))
        await self._take(self._book.with_sign_off(None, channels))

    # --- inside ------------------------------------------------------------------------------------

    def _check(self, channels: Sequence[ChannelId] | None, until: datetime | None, now: datetime) -> None:
        unknown = sorted(set(channels or ()) - set(self._known()))
        if unknown:
            raise OrderRefused(f"there is no channel {', '.join(unknown)}")
        if channels is not None and not channels:
            raise OrderRefused("no channel is named")
        if until is not None and until <= now:
            raise OrderRefused(f"{until.isoformat()} has passed")

    async def _take(self, book: OrderBook) -> None:
        """On the air first: the wire doesn't wait for the disk."""
        self._book = book
        self._carry_out(book)
        self._changed.set()
        async with self._saving:
            try:
                await asyncio.to_thread(_write, self._path, _values(self._book))
                self._warn("")
            except OSError as error:
                self._warn(f"{self._path} can't be written, a restart forgets the order: {error.strerror}")

    def _words(self) -> str:
        own = [f"{c}: {o.mode.value}" for c, o in self._book.channels.items()]
        if self._book.everywhere == Orders():
            return ", ".join(own)
        return ", ".join([f"{'other' if own else 'all'} channels: {self._book.everywhere.mode.value}", *own])


def _names(channels: Sequence[ChannelId] | None) -> str:
    return "all channels" if channels is None else ", ".join(channels)


# --- the file --------------------------------------------------------------------------------------


def kept_orders(state: Path) -> OrderBook:
    """The orders in the station's state directory, those that have ended since included.

    Raises ``OSError``, and ``ValueError`` for what is no such file.
    """
    try:
        return _parse(json.loads((state / FILE).read_text("utf-8")))
    except FileNotFoundError:
        return OrderBook()
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError(f"it is damaged: {error!r}") from error


def _values(book: OrderBook) -> dict[str, Any]:
    return {
        "format": 1,
        "everywhere": _order_values(book.everywhere),
        "channels": {c: _order_values(o) for c, o in sorted(book.channels.items())},
    }


def _order_values(orders: Orders) -> dict[str, Any]:
    values: dict[str, Any] = {}
    if (emergency := orders.emergency) is not None:
        values["emergency"] = {"text": emergency.text, "mode": emergency.mode.value, **_times(emergency)}
    if orders.sign_off is not None:
        values["sign_off"] = _times(orders.sign_off)
    return values


def _times(order: Emergency | SignOff) -> dict[str, str]:
    until = {"until": order.until.isoformat()} if order.until is not None else {}
    return {"since": order.since.isoformat(), **until}


def _parse(values: Mapping[str, Any]) -> OrderBook:
    """Raises ``ValueError``, ``KeyError`` or ``TypeError``."""
    if values["format"] != 1:
        raise ValueError(f"format {values['format']} is not known")
    return OrderBook(
        _orders(values["everywhere"]), {ChannelId(c): _orders(o) for c, o in values["channels"].items()}
    )


def _orders(values: Mapping[str, Any]) -> Orders:
    emergency = sign_off = None
    if found := values.get("emergency"):
        mode = EmergencyMode(found["mode"])
        emergency = Emergency(str(found["text"]), mode, *_instants(found))
    if found := values.get("sign_off"):
        sign_off = SignOff(*_instants(found))
    return Orders(emergency, sign_off)


def _instants(values: Mapping[str, Any]) -> tuple[datetime, datetime | None]:
    since = datetime.fromisoformat(values["since"])
    until = datetime.fromisoformat(values["until"]) if "until" in values else None
    if since.tzinfo is None or (until is not None and until.tzinfo is None):
        raise ValueError("an instant has no UTC offset")
    return since, until


def _write(path: Path, values: Mapping[str, Any]) -> None:
    """Whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".json.new")
    with draft.open("w", encoding="utf-8") as file:
        json.dump(values, file, ensure_ascii=False, indent=1)
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
