"""The tuner table: one slot per client connection, whoever it is and however it tunes.

Kodi opens a stream three times back to back, the third one a millisecond after it closed the second;
so a slot is free again the moment its connection is, and "busy" is said only after a short wait.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, Protocol

from retrovue.clock import MasterClock
from retrovue.headend.addresses import bracketed
from retrovue.headend.hdhomerun.control import Requester
from retrovue.headend.hdhomerun.datagrams import EVERYTHING
from retrovue.lineup import ChannelIdent

#: How long a request waits for a slot to become free before it hears "in use" (seconds).
PATIENCE_S = 1.0
#: A lock nobody uses is dropped after this long, as real units do (seconds).
LOCK_IDLE_S = 30.0
#: The rate shown is the mean over about this long (seconds).
_RATE_WINDOW_S = 2.0


class TunersInUse(Exception):
    """No tuner is free."""


@dataclass(slots=True)
class Lock:
    """A client's claim by the control protocol."""

    address: str  #: "10.0.0.9"
    key: int
    touched: float  #: clock.elapsed() of the last use
    owner: Requester | None = None  #: the connection that used the key last; None when it is closed


@dataclass(slots=True)
class Meter:
    """What went out, and lately. Instants are clock.elapsed()."""

    began: float  #: when it was made
    total: int = 0  #: bytes
    _sent: deque[tuple[float, int]] = field(default_factory=deque)
    _last: float | None = None

    def sent(self, at: float, count: int) -> None:
        """``count`` bytes went out at ``at``."""
        self.total += count
        self._last = at
        self._sent.append((at, count))
        while self._sent[0][0] < at - _RATE_WINDOW_S:
            self._sent.popleft()

    def rate(self, at: float) -> int:
        """Bits per second over the last two seconds."""
        recent = sum(n for when, n in self._sent if when >= at - _RATE_WINDOW_S)
        return round(recent * 8 / _RATE_WINDOW_S)

    def idle(self, at: float) -> float:
        """How long nothing has gone out (seconds)."""
        return at - (self.began if self._last is None else self._last)


@dataclass(slots=True, eq=False)
class Viewing:
    """An HTTP stream that holds a tuner."""

    channel: ChannelIdent
    address: str  #: "10.0.0.9"
    port: int
    end: Callable[[], None]  #: ends the stream from outside
    meter: Meter
    agent: str = ""  #: what the client calls itself

    def __str__(self) -> str:
        return f"http://{bracketed(self.address)}:{self.port}"


@dataclass(frozen=True, slots=True)
class Target:
    """Where datagrams go."""

    protocol: Literal["udp", "rtp"]
    address: str
    port: int

    def __str__(self) -> str:
        return f"{self.protocol}://{bracketed(self.address)}:{self.port}"


class Sending(Protocol):
    """A stream of datagrams from a tuner to its target."""

    @property
    def target(self) -> Target: ...

    @property
    def meter(self) -> Meter: ...

    def tuned(self) -> None:
        """The tuner is on another channel, or on none."""
        ...

    def abandoned(self) -> None:
        """The control connection of the lock's owner is closed."""
        ...

    def end(self) -> None:
        """Send no more. Harmless when it has ended."""
        ...


@dataclass(slots=True, eq=False)
class Tuner:
    """One slot. The text fields are exactly what a control client set: MythTV compares them."""

    index: int
    viewing: Viewing | None = None
    sending: Sending | None = None
    lock: Lock | None = None
    tuned: ChannelIdent | None = None  #: by the control protocol
    channel: str = "none"
    vchannel: str = "none"
    channel_map: str = ""  #: empty: the personality's default
    program: int = 0
    filter: str = EVERYTHING

    @property
    def name(self) -> str:
        return f"tuner{self.index}"

    @property
    def on_air(self) -> ChannelIdent | None:
        """What it is tuned to now, by either way."""
        return self.viewing.channel if self.viewing else self.tuned

    @property
    def meter(self) -> Meter | None:
        """What it sends, by either way; None while it sends nothing."""
        user = self.viewing or self.sending
        return user.meter if user else None

    @property
    def target(self) -> str:
        """Where it sends. Anything that isn't udp:// or rtp:// reads as "in use" to device selectors."""
        return str(self.viewing or (self.sending.target if self.sending else "none"))

    def reset(self) -> None:
        """Back to how it was at start, except for its lock and its viewer."""
        self.stop_sending()
        self.tuned = None
        self.channel = self.vchannel = "none"
        self.program = 0
        self.filter = EVERYTHING

    def stop_sending(self) -> None:
        """The target is "none"."""
        if self.sending is not None:
            sending, self.sending = self.sending, None
            sending.end()


class TunerTable:
    """All tuners of the device."""

    def __init__(self, clock: MasterClock, count: int) -> None:
        self._clock = clock
        self._released = asyncio.Event()
        self.tuners = tuple(Tuner(i) for i in range(count))

    def lock_of(self, tuner: Tuner) -> Lock | None:
        """The lock in force; one that went unused too long is dropped here, with what it tuned.

        A lock under which a stream is sent is in use.
        """
        lock = tuner.lock
        if lock is not None and tuner.sending is None and self._clock.elapsed() - lock.touched > LOCK_IDLE_S:
            self.unlock(tuner)
        return tuner.lock

    def holder(self, tuner: Tuner) -> str | None:
        """The address of whoever uses the tuner; None when it is free."""
        if tuner.viewing is not None:
            return tuner.viewing.address
        lock = self.lock_of(tuner)
        if lock is not None:
            return lock.address
        return tuner.sending.target.address if tuner.sending is not None else None

    async def take(self, index: int | None, viewing: Viewing) -> Tuner:
        """Give the stream a tuner: that one, or any. Waits a little; raises ``TunersInUse``."""
        try:
            async with self._clock.deadline(PATIENCE_S):
                while (tuner := self._free(index)) is None:
                    self._released.clear()
                    await self._released.wait()
        except TimeoutError:
            raise TunersInUse from None
        tuner.reset()
        tuner.viewing = viewing
        return tuner

    def release(self, tuner: Tuner, viewing: Viewing) -> None:
        """The stream is over. Harmless when the tuner is somebody else's by now."""
        if tuner.viewing is viewing:
            tuner.viewing = None
            self._released.set()

    def unlock(self, tuner: Tuner) -> None:
        """The lock is given up, and what it tuned with it."""
        tuner.lock = None
        tuner.reset()
        self._released.set()

    def sending_over(self, tuner: Tuner, sending: Sending) -> None:
        """A stream of datagrams has ended by itself. A lock whose owner is gone, too, is nobody's."""
        if tuner.sending is not sending:
            return
        tuner.sending = None
        if tuner.lock is not None and tuner.lock.owner is None:
            self.unlock(tuner)
        self._released.set()

    def gone(self, requester: Requester) -> None:
        """A control connection is closed."""
        for tuner in self.tuners:
            if tuner.lock is not None and tuner.lock.owner is requester:
                tuner.lock.owner = None
                if tuner.sending is not None:
                    tuner.sending.abandoned()

    def kick(self, tuner: Tuner) -> bool:
        """End whatever uses the tuner, which is free at once. False when nobody does."""
        used = self.holder(tuner) is not None
        if tuner.viewing is not None:
            viewing, tuner.viewing = tuner.viewing, None
            viewing.end()
        self.unlock(tuner)
        return used

    def _free(self, index: int | None) -> Tuner | None:
        candidates = self.tuners if index is None else self.tuners[index : index + 1]
        free = [t for t in candidates if self.holder(t) is None]
        # One that somebody tuned without locking it is given away last.
        return min(free, key=lambda t: t.on_air is not None, default=None)
