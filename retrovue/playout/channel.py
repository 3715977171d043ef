"""ChannelManager: one channel's life, from the first viewer to the last.

The life is a table. Going on the air costs an encoder, so a channel is OFF AIR until somebody tunes in;
it then holds the viewer until the first picture is out (TUNING), is ON AIR while anybody watches, and
LINGERS a while after the last one left, because people zap back. A producer that dies never reaches
the viewers: the tick loop is started again where it stopped, on the same multiplexer and ring. An order
(emergency, sign-off; playout/modes.py) changes what it airs and never its life: viewers stay.

| state     | first viewer  | ready  | last one left   | linger over   | loop died     | clock set | ordered |
| --------- | ------------- | ------ | --------------- | ------------- | ------------- | --------- | ------- |
| OFF AIR   | start, TUNING |        |                 |               |               |           |         |
| TUNING    |               | ON AIR | stop, OFF AIR   |               | restart       | stop      | swap    |
| ON AIR    |               |        | wait, LINGERING |               | restart       | stop      | swap    |
| LINGERING | ON AIR        |        |                 | stop, OFF AIR | stop, OFF AIR | stop      | swap    |

A clock that was set stops the channel, whatever it does; it comes on anew for whoever tunes in.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from enum import StrEnum
from typing import Protocol

from retrovue.clock import MasterClock
from retrovue.lineup import AccessUnit, ChannelId, Health, MediaSegment, SignalFormat, TuneRefused, Viewer
from retrovue.playout.as_run_journal import AsRun
from retrovue.playout.cues import Cues
from retrovue.playout.house import HouseFormat
from retrovue.playout.producers.base import Producer
from retrovue.playout.shared_units import SharedUnits
from retrovue.playout.sources.slate import Slate, SlateFailed
from retrovue.playout.switcher import ClockWasSet, Switcher
from retrovue.stream.fanout import Ring
from retrovue.stream.fmp4 import FragmentedMp4
from retrovue.stream.segmenter import Segmenter
from retrovue.stream.service_information import ServiceInformation

log = logging.getLogger(__name__)

#: A tune that has nothing to show by then is refused (seconds): the slate alone takes 1 s.
TUNE_PATIENCE_S = 8.0
#: Wait between two starts of a tick loop that dies at once (seconds), doubled up to the second figure.
_BACK_OFF_S, _BACK_OFF_MAX_S = 0.2, 5.0


class State(StrEnum):
    OFF_AIR = "off air"
    TUNING = "tuning"
    ON_AIR = "on air"
    LINGERING = "lingering"


class Event(StrEnum):
    FIRST_VIEWER = "first viewer"
    READY = "ready"
    LAST_VIEWER_LEFT = "last viewer left"
    LINGER_OVER = "linger over"
    LOOP_DIED = "tick loop died"
    CLOCK_SET = "clock set"
    ORDERED = "ordered"


class Action(StrEnum):
    START = "start"
    STOP = "stop"
    LINGER = "linger"
    CANCEL_LINGER = "cancel linger"
    RESTART = "restart"
    SWAP = "swap"


_TABLE: Mapping[tuple[State, Event], tuple[State, tuple[Action, ...]]] = {
    (State.OFF_AIR, Event.FIRST_VIEWER): (State.TUNING, (Action.START,)),
    (State.TUNING, Event.READY): (State.ON_AIR, ()),
    (State.TUNING, Event.LAST_VIEWER_LEFT): (State.OFF_AIR, (Action.STOP,)),
    (State.TUNING, Event.LOOP_DIED): (State.TUNING, (Action.RESTART,)),
    (State.ON_AIR, Event.LAST_VIEWER_LEFT): (State.LINGERING, (Action.LINGER,)),
    (State.ON_AIR, Event.LOOP_DIED): (State.ON_AIR, (Action.RESTART,)),
    (State.LINGERING, Event.FIRST_VIEWER): (State.ON_AIR, (Action.CANCEL_LINGER,)),
    (State.LINGERING, Event.LINGER_OVER): (State.OFF_AIR, (Action.STOP,)),
    (State.TUNING, Event.CLOCK_SET): (State.OFF_AIR, (Action.STOP,)),
    (State.ON_AIR, Event.CLOCK_SET): (State.OFF_AIR, (Action.STOP,)),
    (State.LINGERING, Event.CLOCK_SET): (State.OFF_AIR, (Action.CANCEL_LINGER, Action.STOP)),
    (State.LINGERING, Event.LOOP_DIED): (State.OFF_AIR, (Action.CANCEL_LINGER, Action.STOP)),
    (State.TUNING, Event.ORDERED): (State.TUNING, (Action.SWAP,)),
    (State.ON_AIR, Event.ORDERED): (State.ON_AIR, (Action.SWAP,)),
    (State.LINGERING, Event.ORDERED): (State.LINGERING, (Action.SWAP,)),
}


def step(state: State, event: Event) -> tuple[State, tuple[Action, ...]]:
    """The channel's next state and what to do; an event with no meaning in a state changes nothing."""
    return _TABLE.get((state, event), (state, ()))


class Studio(Protocol):
    """What a channel needs to go on the air; made by the ProgramDirector. Declarations only."""

    async def slate(self) -> Slate:
        """Raises ``SlateFailed``."""
        ...

    def information(self, stream: int) -> ServiceInformation:
        """What the stream says of the channel beside its pictures; ``stream``: its transport_stream_id."""
        ...

    def cues(self) -> Cues | None:
        """What tells the channel's breaks from now until it goes off the air; None: it doesn't."""
        ...

    def producer(self, notify: Callable[[], None]) -> Callable[[int], Producer]:
        """A function that says which producer is in charge of a tick; it makes them as needed."""
        ...

    def swap(self) -> None:
        """Carry out the operator's last order on the air."""
        ...

    async def dismiss(self, reason: str) -> None:
        """Stop every producer of the channel."""
        ...

    def detail(self) -> str:
        """What renders the picture now, for people."""
        ...


class ChannelManager:
    """The one owner of a channel's producer, switcher and viewers."""

    def __init__(
        self,
        channel: ChannelId,
        name: str,
        house: HouseFormat,
        clock: MasterClock,
        studio: Studio,
        as_run: AsRun,
        linger_s: float,
        transport_stream_id: int = 1,
    ) -> None:
        self.channel, self.name, self.house = channel, name, house
        self.transport_stream_id = transport_stream_id  #: in force from the next time it comes on
        self.state = State.OFF_AIR
        self.viewers: dict[ChannelSignal, Viewer] = {}
        self.tune_patience_s = TUNE_PATIENCE_S
        self.as_run = as_run
        self.units = SharedUnits(house)
        self._clock, self._studio, self._linger_s = clock, studio, linger_s
        self._ring: Ring | None = None
        self._switcher: Switcher | None = None
        self._loop: asyncio.Task[None] | None = None
        self._lingering: asyncio.Task[None] | None = None
        self._stopping: asyncio.Task[None] | None = None
        self._closed = False
        self.lingers_since: float | None = None  #: clock.elapsed(); None: watched, or off the air
        self.loop_deaths = 0  #: how often the tick loop died since the channel came on

    # --- viewers -------------------------------------------------------------------------------

    async def tune(self, viewer: Viewer) -> ChannelSignal:
        """Join; held until the first picture is out. Raises ``TuneRefused``."""
        await self.off_air()
        if self._closed:
            raise TuneRefused("shutting_down", "the station is going off the air")
        signal = ChannelSignal(self)
        self.viewers[signal] = viewer
        try:
            if self.state in (State.OFF_AIR, State.LINGERING):
                self._apply(Event.FIRST_VIEWER)
            ring = self._ring
            assert ring is not None
            async with self._clock.deadline(self.tune_patience_s):
                first = await ring.join()
            if first is None:
                raise TuneRefused("tune_failed", f"{self.name} could not go on the air")
            signal.attach(ring)
            self._apply(Event.READY)
        except BaseException as error:
            await signal.close("tune failed")
            if isinstance(error, TimeoutError):
                raise TuneRefused("tune_failed", f"{self.name} has no picture") from error
            raise
        self._tell(viewer, "joined")
        return signal

    def leave(self, signal: ChannelSignal, reason: str) -> None:
        """A viewer goes; called by the signal."""
        viewer = self.viewers.pop(signal, None)
        if viewer is None:
            return
        self._tell(viewer, f"left ({reason})")
        if not self.viewers:
            self._apply(Event.LAST_VIEWER_LEFT)

    def _tell(self, viewer: Viewer, what: str) -> None:
        where = f"{viewer.front_end} {viewer.address}"
        log.info("%s: %s %s, %d watching", self.channel, where, what, len(self.viewers))

    # --- what the operator sees ----------------------------------------------------------------

    @property
    def health(self) -> Health:
        if self._switcher is not None and self._switcher.fault and self.state is not State.OFF_AIR:
            return Health.SLATE
        return Health(self.state.value)

    @property
    def detail(self) -> str:
        """The running fault, in words; empty when well."""
        return self._switcher.fault if self._switcher is not None else ""

    @property
    def slate_ticks(self) -> int:
        """Ticks of slate since the channel came on."""
        return self._switcher.slate_total if self._switcher is not None else 0

    @property
    def behind_s(self) -> float:
        """How much of the lead is missing now (seconds); 0 when all is well."""
        return self._switcher.behind_s if self._switcher is not None else 0.0

    @property
    def producer(self) -> str:
        return self._studio.detail() if self.state is not State.OFF_AIR else ""

    def ordered(self) -> None:
        """The operator has ordered something else; the studio knows what."""
        self._apply(Event.ORDERED)

    # --- life ----------------------------------------------------------------------------------

    async def close(self, reason: str) -> None:
        """Off the air for good: viewers end after what they have, nothing is left behind."""
        self._closed = True
        self._cancel_linger()
        self.state = State.OFF_AIR
        if self._loop is not None and self._stopping is None:
            self._stopping = asyncio.create_task(self._stop(reason))
        if self._stopping is not None:
            await asyncio.shield(self._stopping)

    async def make_room(self) -> None:
        """Off the air now if nobody watches: another channel needs the encoder."""
        if self.state is State.LINGERING:
            self._cancel_linger()
            self._apply(Event.LINGER_OVER)
        await self.off_air()

    async def off_air(self) -> None:
        """Return once a stop that is under way is done."""
        while self._stopping is not None:
            await asyncio.shield(self._stopping)

    def _apply(self, event: Event) -> None:
        before = self.state
        self.state, actions = step(before, event)
        if self.state is not before:
            log.debug("%s: %s, %s -> %s", self.channel, event.value, before.value, self.state.value)
        for action in actions:
            match action:
                case Action.START:
                    self.loop_deaths = 0
                    self._ring = Ring(self._clock)
                    self._loop = asyncio.create_task(self._run(self._ring), name=f"on air {self.channel}")
                case Action.STOP:
                    self._stopping = asyncio.create_task(self._stop(event.value))
                case Action.LINGER:
                    self.lingers_since = self._clock.elapsed()
                    self._lingering = asyncio.create_task(self._linger())
                case Action.CANCEL_LINGER:
                    self._cancel_linger()
                case Action.SWAP:
                    self._studio.swap()
                case Action.RESTART:
                    pass  # the supervisor below goes round again

    async def _run(self, ring: Ring) -> None:
        """Supervise the tick loop: it is started again where it stopped, with a growing pause."""
        try:
            slate = await self._studio.slate()
        except SlateFailed as error:
            log.error("%s: %s", self.channel, error)
            ring.close()
            return
        information = self._studio.information(self.transport_stream_id)

        def choose(tick: int) -> Producer:
            return chooser(tick)

        switcher = Switcher(
            self._clock, self.house, slate, ring, self.as_run, information, choose, self._studio.cues()
        )
        chooser = self._studio.producer(switcher.notify)
        self._switcher = switcher
        pause = _BACK_OFF_S
        while True:
            began = self._clock.elapsed()
            try:
                await switcher.run()
            except ClockWasSet as set_:
                log.warning("%s: %s; the channel comes on anew for whoever tunes in", self.channel, set_)
                self._apply(Event.CLOCK_SET)
                return
            except Exception:
                # Whatever it was: viewers stay, and the loop goes on where it stopped.
                log.exception("%s: the tick loop died; starting it again", self.channel)
                self.loop_deaths += 1
                self._apply(Event.LOOP_DIED)
            if self._clock.elapsed() - began > 10 * _BACK_OFF_MAX_S:
                pause = _BACK_OFF_S
            await self._clock.wait(pause)
            pause = min(2 * pause, _BACK_OFF_MAX_S)

    async def _linger(self) -> None:
        await self._clock.wait(self._linger_s)
        self._lingering = self.lingers_since = None
        self._apply(Event.LINGER_OVER)

    def _cancel_linger(self) -> None:
        self.lingers_since = None
        if self._lingering is not None:
            self._lingering.cancel()
            self._lingering = None

    async def _stop(self, reason: str) -> None:
        try:
            loop, self._loop = self._loop, None
            if loop is not None:
                loop.cancel()
                await asyncio.gather(loop, return_exceptions=True)
            await self._studio.dismiss(reason)
            if self._ring is not None:
                self._ring.close()
            await self.as_run.end()
            log.info("%s: off the air (%s)", self.channel, reason)
        except Exception:
            # The state must become OFF AIR in any case, or nobody could tune in again.
            log.exception("%s: going off the air failed", self.channel)
        finally:
            self._switcher = None
            self._stopping = None


def signal_format(house: HouseFormat) -> SignalFormat:
    """What the head-end is told of a house format."""
    width, height = house.coded_size
    return SignalFormat(width, height, house.rate, video_codec=house.video.word, audio_codec=house.audio.word)


class ChannelSignal:
    """One viewer's view of a channel: lineup.Signal."""

    def __init__(self, manager: ChannelManager) -> None:
        self._manager: ChannelManager | None = manager
        self._units = manager.units
        self._ring: Ring | None = None
        self.format = signal_format(manager.house)

    def attach(self, ring: Ring) -> None:
        """The channel is on the air."""
        self._ring = ring

    async def transport_stream(self) -> AsyncIterator[bytes]:
        ring = self._ring
        first = await ring.join() if ring is not None else None
        if ring is None or first is None:
            return
        async for chunk in ring.read(first):
            yield chunk.data

    async def access_units(self) -> AsyncIterator[AccessUnit]:
        ring, shared = self._ring, self._units
        first = await ring.join() if ring is not None else None
        if ring is None or first is None:
            return
        async for chunk in ring.read(first):
            for unit in shared.of(chunk):
                yield unit

    async def media_segments(self) -> AsyncIterator[MediaSegment]:
        ring = self._ring
        first = await ring.join() if ring is not None else None
        if ring is None or first is None:
            return
        segmenter = Segmenter()
        async for chunk in ring.read(first):
            if (segment := segmenter.feed(chunk)) is not None:
                yield segment

    async def fragmented_mp4(self) -> AsyncIterator[bytes]:
        mp4 = FragmentedMp4()
        async for unit in self.access_units():
            if data := mp4.feed(unit):
                yield data

    async def close(self, reason: str) -> None:
        manager, self._manager = self._manager, None
        if manager is not None:
            manager.leave(self, reason)
