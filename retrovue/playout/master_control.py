"""Master control: which producer a channel airs, by the orders in force, and the change between two of them.

What a channel can air is its programme, its sign-off picture or the takeover of an emergency; a crawl runs
over either of the first two. A channel that is on the air changes in a handover, so nobody sees it but by
what is on the screen; one that is off the air comes up in what its orders say.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from enum import StrEnum
from typing import Protocol

from retrovue.compiler.model import SegmentKind
from retrovue.lineup import Emergency, EmergencyMode, Orders
from retrovue.playout.handover import AHEAD_S, Handover, Seam
from retrovue.playout.modes import Action, ModeState, Order, step
from retrovue.playout.overlay import Layer
from retrovue.playout.playlog import Playlog, PlaylogEntry
from retrovue.playout.producers.asset import ARM_AHEAD_S, AssetProducer
from retrovue.playout.producers.base import Producer
from retrovue.playout.producers.emergency import EmergencyProducer
from retrovue.playout.producers.live import LiveProducer
from retrovue.playout.producers.synthetic import SyntheticProducer
from retrovue.playout.ticks import TickGrid

log = logging.getLogger(__name__)

#: What comes back on the air gets this long for its first picture (seconds of the stream); then it is
#: taken without one, and the slate bridges the rest.
PATIENCE_S = 8.0
#: A crawl that has ended is remembered this long (seconds of the stream): sources of then may still run.
REMEMBER_S = 30.0
#: The end of a crawl whose end nobody knows yet (tick).
FOREVER = 1 << 62


class Airs(StrEnum):
    """What is on the air."""

    PROGRAMME = "programme"
    SIGN_OFF = "sign-off"
    TAKEOVER = "takeover"


class Feeds(Protocol):
    """What master control puts on the air; made by the channel's studio. Declarations only."""

    def playlog(self) -> Playlog: ...

    def programme(self, notify: Callable[[], None]) -> AssetProducer: ...

    def shortfall(self, notify: Callable[[], None]) -> SyntheticProducer:
        """For where the playlog ends before time does."""
        ...

    def sign_off(self, notify: Callable[[], None]) -> SyntheticProducer: ...

    def live(self, entry: PlaylogEntry, notify: Callable[[], None]) -> LiveProducer | None:
        """The source of a live segment, not joined yet; None when the station knows it no more."""
        ...

    def takeover(self, emergency: Emergency, notify: Callable[[], None]) -> EmergencyProducer: ...

    def crawl_text(self, emergency: Emergency) -> str: ...

    def may_crawl(self, live: bool) -> bool:
        """Is there an encoder for a crawl over what is on the air? Else the emergency is a takeover.

        ``live``: over a live source, which is encoded once more for it.
        """
        ...


class MasterControl:
    """One channel's. ``start`` and ``stop`` are its going on and off the air."""

    def __init__(self, name: str, grid: TickGrid, feeds: Feeds) -> None:
        self._name, self._grid, self._feeds = name, grid, feeds
        self.orders = Orders()
        self.state = ModeState.NORMAL
        self.tick = 0  #: due next on the wire; 0 while off the air
        self._action: Action | None = None
        self._notify: Callable[[], None] | None = None
        self._on = Airs.PROGRAMME  #: on the air
        self._main: AssetProducer | None = None
        self._shortfall: SyntheticProducer | None = None
        self._other: SyntheticProducer | EmergencyProducer | None = None  #: instead of the programme
        self._handover: Handover | None = None
        self._coming: Airs | None = None
        self._coming_other: SyntheticProducer | EmergencyProducer | None = None
        self._seam: tuple[int, Seam] | None = None
        self._going: list[Producer] = []  #: were on the air until the seam
        self._crawls: list[Layer] = []
        self._short = False
        self._live: LiveProducer | None = None  #: joined
        self._live_shows = False  #: and on the air
        self._retired: set[asyncio.Task[None]] = set()

    # --- orders ------------------------------------------------------------------------------------

    def order(self, order: Order, orders: Orders) -> None:
        """The operator's order; ``swap`` carries it out where the channel is on the air."""
        self.orders = orders
        self.state, self._action = step(self.state, order)

    def swap(self) -> None:
        """Carry out the last order on a channel that is on the air."""
        action, self._action = self._action, None
        if self._notify is None or action is None:
            return
        emergency = self.orders.emergency
        match action:
            case Action.INTERRUPT:
                assert emergency is not None
                crawls = emergency.mode is EmergencyMode.CRAWL and self._feeds.may_crawl(self._live_shows)
                self._crawl(self._feeds.crawl_text(emergency) if crawls else "")
                self._put_on(self._beneath() if crawls else Airs.TAKEOVER)
            case Action.BENEATH:
                if emergency is not None and emergency.mode is EmergencyMode.CRAWL:
                    self._put_on(self._beneath())
            case Action.SIGN_OFF:
                self._crawl("")
                self._put_on(Airs.SIGN_OFF)
            case Action.RESUME:
                self._crawl("")
                self._put_on(Airs.PROGRAMME)

    def _beneath(self) -> Airs:
        """What an emergency interrupts, or a crawl runs over."""
        return Airs.PROGRAMME if self.orders.sign_off is None else Airs.SIGN_OFF

    # --- life --------------------------------------------------------------------------------------

    def start(self, tick: int, notify: Callable[[], None]) -> Callable[[int], Producer]:
        """Go on the air with what the orders say, from ``tick`` on; returns who has charge of one."""
        emergency = self.orders.emergency
        self._crawls = list(self.crawls)
        self._on = self._beneath()
        if emergency is not None and emergency.mode is EmergencyMode.TAKEOVER:
            self._on = Airs.TAKEOVER
        self._notify, self.tick, self._action = notify, tick, None
        if self._on is Airs.PROGRAMME:
            self._make_programme(notify)
        else:
            self._other = self._make_other(self._on, notify)
        return self._choose

    async def stop(self, reason: str) -> None:
        """Nothing is left behind."""
        self._notify = None
        self._handover = self._coming = self._seam = None
        everything = (
            *(self._main, self._shortfall, self._live, self._other, self._coming_other),
            *self._going,
        )
        for producer in everything:
            if producer is not None:
                await producer.stop(reason)
        self._main = self._shortfall = self._other = self._coming_other = None
        self._going, self._crawls = [], []
        self._live, self._live_shows = None, False
        self.tick = 0
        while self._retired:
            await asyncio.gather(*tuple(self._retired), return_exceptions=True)

    def rearm(self) -> None:
        """The playlog has changed: what is on the air goes on where both agree."""
        if self._notify is None:
            return
        self._crawls = [c for c in self._crawls if c.end > self.tick - self._grid.ticks(REMEMBER_S)]
        if self._main is not None:
            self._main.arm(self._playlog())
        if self._live is not None:
            self._over_live(self._live)
        for picture in (self._shortfall, self._other, self._coming_other):
            if isinstance(picture, SyntheticProducer):
                picture.over(self._crawls, self.tick)

    @property
    def crawls(self) -> tuple[Layer, ...]:
        """The crawls over what is on the air, or would be if somebody tuned in."""
        emergency = self.orders.emergency
        if self._notify is not None or emergency is None or emergency.mode is not EmergencyMode.CRAWL:
            return tuple(self._crawls)
        return (Layer("crawl", 0, FOREVER, self._feeds.crawl_text(emergency), ordered=True),)

    @property
    def airs(self) -> Airs | None:
        """What is on the air; None while the channel is off it."""
        return None if self._notify is None else self._on

    @property
    def keying(self) -> bool:
        """Is a live source on the air encoded twice, for what lies over it?"""
        return self._live is not None and self._live.keying

    @property
    def pending(self) -> str:
        """What was ordered and is not on the air yet, with why; empty when all is done."""
        if self._coming is None or self._handover is None:
            return ""
        why = self._coming_other.hopeless(max(self.tick, self._handover.at)) if self._coming_other else ""
        return f"{self._coming.value} is being made" if not why else f"{self._coming.value}: {why}"

    @property
    def detail(self) -> str:
        """What renders the picture now, for people."""
        programme = self._live if self._live_shows else self._main
        producer = self._other or (self._shortfall if self._short else programme)
        return producer.detail if producer is not None else ""

    # --- on the air --------------------------------------------------------------------------------

    def _choose(self, tick: int) -> Producer:
        self.tick = tick
        if self._handover is not None and (coming := self._handover.ready(tick)) is not None:
            seam = Seam(coming, self._in_charge(tick))
            self._hand_over()
            self._seam = (tick, seam)
        if self._seam is not None:
            if self._seam[0] == tick:
                return self._seam[1]
            self._seam = None
            self._retire(self._going)
            self._going = []
        return self._in_charge(tick)

    def _in_charge(self, tick: int) -> Producer:
        return self._other if self._other is not None else self._programme(tick)

    def _programme(self, tick: int) -> Producer:
        assert self._main is not None
        assert self._shortfall is not None
        entry = self._feeds.playlog().at(tick)
        if entry is None and not self._short:
            log.error("%s: nothing is planned: a planning fault", self._name)
        self._short = entry is None
        if entry is None:
            return self._shortfall
        live = self._live_on(entry, tick)
        return live if live is not None else self._main

    # --- live sources ------------------------------------------------------------------------------

    def _live_on(self, entry: PlaylogEntry, tick: int) -> LiveProducer | None:
        """The live source that has charge of ``tick``; it is joined ahead of its time and left on time."""
        assert self._main is not None
        self._join_live(entry, tick)
        live = self._live
        if live is None or not live.entry.start <= tick < live.entry.end:
            return None
        if self._live_shows:
            if not live.failing(tick):
                # What follows is armed as always, though nobody asks the main producer for pictures now.
                if entry.end - tick <= self._grid.ticks(ARM_AHEAD_S):
                    self._main.tick(entry.end, (), False)
                return live
            log.warning("%s: live %s has failed", self._name, live.feed.slug)
            self._live_shows = False
        if live.can_begin(tick):
            self._live_shows = True
            self._renew_main()
            return live
        return live if live.hopeful(tick) else None

    def _join_live(self, entry: PlaylogEntry, tick: int) -> None:
        """Leave the live source that is over, and join the one that is on or comes next."""
        live = self._live
        if live is not None:
            planned = self._feeds.playlog().at(max(tick, live.entry.start))
            if tick >= live.entry.end or planned is None or not planned.same_source(live.entry):
                self._leave_live()
        if self._live is not None or self._notify is None:
            return
        due = entry if entry.segment.kind is SegmentKind.LIVE else self._feeds.playlog().at(entry.end)
        if due is None or due.segment.kind is not SegmentKind.LIVE:
            return
        made = self._feeds.live(due, self._notify)
        if made is not None and due.start - tick <= made.ahead:
            self._live = made
            self._over_live(made)
            made.begin()

    def _over_live(self, live: LiveProducer) -> None:
        """What lies over a live source by the plan and by orders."""
        planned = self._feeds.playlog().at(max(self.tick, live.entry.start))
        layers = planned.layers if planned is not None else ()
        live.over((*layers, *self._crawls), self.tick)

    def _live_joining(self) -> bool:
        return self._coming is Airs.PROGRAMME and self._live is not None and self._live.joining

    def _leave_live(self) -> None:
        if self._live is not None:
            self._retire([self._live])
        self._live, self._live_shows = None, False

    def _renew_main(self) -> None:
        """What stood in for a live source is not wanted any more."""
        assert self._notify is not None
        if self._main is not None:
            self._retire([self._main])
        self._main = self._feeds.programme(self._notify)
        self._main.arm(self._playlog())

    def _put_on(self, what: Airs) -> None:
        """Begin the handover to ``what``; the programme and the sign-off need no second one."""
        assert self._notify is not None
        settled = self._coming if self._coming is not None else self._on
        if what is settled and what is not Airs.TAKEOVER:
            return
        self._call_off()
        if what is self._on and what is not Airs.TAKEOVER:
            return
        at = self.tick + self._grid.ticks(AHEAD_S)
        patience: int | None = self._grid.ticks(PATIENCE_S)
        if what is Airs.PROGRAMME:
            self._make_programme(self._notify)
            choose = self._programme
        else:
            other = self._coming_other = self._make_other(what, self._notify)
            if isinstance(other, EmergencyProducer):
                at, patience = other.meet(at), None

            def choose(tick: int) -> Producer:
                return other

        self._coming = what
        self._handover = Handover(choose, at, patience, self._live_joining)
        self._handover.ready(self.tick)  # sets it to work

    def _hand_over(self) -> None:
        """What is coming is on the air."""
        assert self._coming is not None
        log.info("%s: on the air: %s", self._name, self._coming.value)
        leaving = (self._other,) if self._other is not None else (self._main, self._shortfall)
        self._going += [p for p in leaving if p is not None]
        if self._other is None:
            self._main = self._shortfall = None
            self._leave_live()
        self._other, self._on = self._coming_other, self._coming
        self._handover = self._coming = self._coming_other = None

    def _call_off(self) -> None:
        """What was coming is not wanted any more."""
        if self._coming is Airs.PROGRAMME:
            self._retire([p for p in (self._main, self._shortfall) if p is not None])
            self._main = self._shortfall = None
            self._leave_live()
        elif self._coming_other is not None:
            self._retire([self._coming_other])
        self._handover = self._coming = self._coming_other = None

    # --- making ------------------------------------------------------------------------------------

    def _make_programme(self, notify: Callable[[], None]) -> None:
        self._main = self._feeds.programme(notify)
        self._main.arm(self._playlog())
        self._shortfall = self._feeds.shortfall(notify)
        self._shortfall.over(self._crawls, self.tick)

    def _make_other(self, what: Airs, notify: Callable[[], None]) -> SyntheticProducer | EmergencyProducer:
        if what is Airs.TAKEOVER:
            assert self.orders.emergency is not None
            return self._feeds.takeover(self.orders.emergency, notify)
        picture = self._feeds.sign_off(notify)
        picture.over(self._crawls, self.tick)
        return picture

    def _playlog(self) -> Playlog:
        return self._feeds.playlog().under(self._crawls)

    def _crawl(self, text: str) -> None:
        """From a moment ahead of the wire on, ``text`` crawls over the picture; empty: nothing does."""
        at = self.tick + self._grid.ticks(AHEAD_S)
        running = self._crawls[-1] if self._crawls and self._crawls[-1].end == FOREVER else None
        if (running.text if running is not None else "") == text:
            return
        if running is not None:
            ended = replace(running, end=at)
            self._crawls[-1:] = [ended] if at > running.start else []
        if text:
            self._crawls.append(Layer("crawl", at, FOREVER, text, ordered=True))
        self.rearm()

    def _retire(self, producers: Sequence[Producer]) -> None:
        for producer in producers:
            task = asyncio.create_task(producer.stop("something else is on the air"))
            self._retired.add(task)
            task.add_done_callback(self._retired.discard)
