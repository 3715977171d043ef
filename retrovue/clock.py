"""MasterClock: what time it is at the station, and how to wait for a moment of it.

The only module of RetroVue that reads or waits on a real clock. Everybody else is handed a
``MasterClock``, so that a test (or ``retrovue serve --at``) can put a station on the air at any hour.

Three clocks keep it: ``StationClock`` runs on (faster, when it is told to), ``SteppedClock`` stands still
until it is moved, and ``RenderClock`` goes as fast as pictures can be made.

Units: instants are aware ``datetime`` in UTC; durations are seconds (float) unless a name ends in
``_us`` (microseconds, int).
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager, suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

from retrovue.units import from_us, to_us

if TYPE_CHECKING:
    import asyncio

#: How fast station time may be bent to follow a stepped wall clock: 0.5 % (a 5 s step is absorbed in
#: 1000 s). ITU-R BT.1700 sets allow far more; decoders follow this without a fault.
SLEW_RATE = 0.005

#: A wall clock that is further off than this (seconds) was not corrected but set: by an operator, at the end
#: of a machine's sleep, by the first NTP answer after a boot without a battery. To bend time over an hour
#: would take eight days, so station time follows at once, and channels on the air start anew.
SET_S = 60.0

#: Who waits for an instant looks at the clock at least this often (seconds): it may be set meanwhile.
_MAX_NAP = 2.0
#: So short a nap is off by 2 ms at most, whatever happens to the clock (seconds).
_SHORT_NAP = 0.5


class MasterClock(Protocol):
    """What time it is, and how to wait. Implementations: StationClock, SteppedClock, RenderClock."""

    def now(self) -> datetime:
        """Station time, aware, UTC."""
        ...

    def now_us(self) -> int:
        """Station time in microseconds since the Unix epoch."""
        ...

    def elapsed(self) -> float:
        """Monotonic real seconds, for durations and watchdogs; the zero is arbitrary."""
        ...

    async def wait_until(self, instant: datetime) -> None:
        """Return once station time has reached ``instant`` (at once if it has passed)."""
        ...

    async def wait(self, seconds: float) -> None:
        """Return once station time has moved on by ``seconds``, however it is set meanwhile."""
        ...

    def deadline(self, seconds: float) -> AbstractAsyncContextManager[None]:
        """Raise ``TimeoutError`` in the block after ``seconds`` of real time (sockets, children)."""
        ...

    def deadline_at(self, instant: datetime) -> AbstractAsyncContextManager[None]:
        """Raise ``TimeoutError`` in the block once station time has reached ``instant`` (playout)."""
        ...


class StationClock:
    """The real thing: an anchor plus the monotonic clock, slewed after wall-clock corrections.

    ``at`` puts the station on the air at another hour: station time starts there and runs on from it,
    ``speed`` times as fast as real time.
    """

    def __init__(self, at: datetime | None = None, speed: float = 1.0) -> None:
        if at is not None and at.tzinfo is None:
            raise ValueError("a station clock needs an instant with a UTC offset")
        if not speed > 0:
            raise ValueError("time goes forward")
        self._mono0 = self._last_mono = time.monotonic()
        self._wall0 = time.time()
        self._start_s = self._anchor = self._wall0 if at is None else at.timestamp()
        self._speed = speed
        self._slew = 0.0
        self._set_s = 0.0  #: by how much station time was set, all in all

    def _now_s(self) -> float:
        mono = time.monotonic()
        station = self._anchor + (mono - self._mono0) * self._speed + self._slew
        # Follow the wall clock (NTP, an operator's step) by bending time, never by a jump.
        error = self._start_s + (time.time() - self._wall0) * self._speed - station
        if abs(error) > SET_S * self._speed:
            self._anchor += error
            self._set_s += error
            station, error = station + error, 0.0
        allowed = (mono - self._last_mono) * self._speed * SLEW_RATE
        correction = max(-allowed, min(allowed, error))
        self._slew += correction
        self._last_mono = mono
        return station + correction

    def _unset_s(self) -> float:
        """Station time as if it had never been set."""
        now_s = self._now_s()  # first: this is what notices
        return now_s - self._set_s

    def now(self) -> datetime:
        return datetime.fromtimestamp(self._now_s(), UTC)

    def now_us(self) -> int:
        return round(self._now_s() * 1_000_000)

    def elapsed(self) -> float:
        return time.monotonic()

    async def wait_until(self, instant: datetime) -> None:
        import asyncio

        target = instant.timestamp()
        while (left := target - self._now_s()) > 0:  # noqa: ASYNC110  nobody can set an event for time
            await asyncio.sleep(min(self._nap_s(left), _MAX_NAP))

    async def wait(self, seconds: float) -> None:
        # A clock that is set meanwhile neither ends the wait nor makes it longer.
        import asyncio

        target = self._unset_s() + seconds
        while (left := target - self._unset_s()) > 0:  # noqa: ASYNC110  as above
            await asyncio.sleep(self._nap_s(left))

    def _nap_s(self, left_s: float) -> float:
        """Real seconds to sleep while ``left_s`` of station time are left: a long nap ends in time however
        time is bent meanwhile, and what is left then is a small part of it."""
        nap_s = left_s / self._speed
        return nap_s if nap_s <= _SHORT_NAP else nap_s / (1 + SLEW_RATE)

    def deadline(self, seconds: float) -> AbstractAsyncContextManager[None]:
        return _real_deadline(seconds)

    @asynccontextmanager
    async def deadline_at(self, instant: datetime) -> AsyncIterator[None]:
        import asyncio

        async with asyncio.timeout(max(0.001, (instant.timestamp() - self._now_s()) / self._speed)):
            yield


@asynccontextmanager
async def _real_deadline(seconds: float) -> AsyncIterator[None]:
    import asyncio

    async with asyncio.timeout(seconds):
        yield


class _StandingClock:
    """What the clocks have in common whose time stands still between moments that somebody waits for."""

    def __init__(self, at: datetime) -> None:
        if at.tzinfo is None:
            raise ValueError("a clock needs an instant with a UTC offset")
        self._now_us = to_us(at)
        self._waiters: list[tuple[int, asyncio.Future[None]]] = []

    def now(self) -> datetime:
        return from_us(self._now_us)

    def now_us(self) -> int:
        return self._now_us

    async def wait_until(self, instant: datetime) -> None:
        import asyncio

        target = to_us(instant)
        if target <= self._now_us:
            await asyncio.sleep(0)
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters.append((target, future))
        self._awaited()
        await future

    async def wait(self, seconds: float) -> None:
        await self.wait_until(from_us(self._now_us + round(seconds * 1_000_000)))

    def deadline(self, seconds: float) -> AbstractAsyncContextManager[None]:
        return _real_deadline(seconds)

    def _awaited(self) -> None:
        """Somebody has begun to wait."""


class SteppedClock(_StandingClock):
    """A clock that stands still until it is told to move; for tests and faster-than-real-time runs.

    ``run_to`` walks from waiter to waiter in order, so a whole broadcast day passes as fast as the
    code under test can work. Real I/O gets its turn through ``settle``.
    """

    def elapsed(self) -> float:
        return self._now_us / 1_000_000

    @asynccontextmanager
    async def deadline_at(self, instant: datetime) -> AsyncIterator[None]:
        import asyncio

        over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        waiter = (to_us(instant), over)
        async with asyncio.timeout(0 if waiter[0] <= self._now_us else None) as limit:
            # The time-out's own clock is the loop's; 0 of it is long over.
            over.add_done_callback(lambda _: None if limit.expired() else limit.reschedule(0))
            self._waiters.append(waiter)
            try:
                yield
            finally:
                with suppress(ValueError):
                    self._waiters.remove(waiter)

    def step(self, seconds: float) -> None:
        """Move station time on by ``seconds`` and wake who waited for a moment that has come."""
        self._move_to(self._now_us + round(seconds * 1_000_000))

    async def run_to(self, instant: datetime, settle: Callable[[], Awaitable[object]] | None = None) -> None:
        """Move to ``instant`` waiter by waiter; ``settle`` runs after each so real I/O can catch up."""
        import asyncio

        target = to_us(instant)
        while True:
            await (settle() if settle else asyncio.sleep(0))
            due = sorted(at for at, future in self._waiters if not future.done() and at <= target)
            if not due:
                break
            self._move_to(due[0])
        self._move_to(target)
        await asyncio.sleep(0)

    def _move_to(self, target_us: int) -> None:
        self._now_us = max(self._now_us, target_us)
        due = [w for w in self._waiters if w[0] <= self._now_us]
        self._waiters = [w for w in self._waiters if w[0] > self._now_us]
        for _, future in sorted(due, key=lambda w: w[0]):
            if not future.done():
                future.set_result(None)


class RenderClock(_StandingClock):
    """Station time that passes as fast as pictures can be made: for captures and soak tests.

    It stands still while somebody waits for a picture (``deadline_at`` never comes) or holds it, and
    otherwise leaps to the next moment that anybody waits for. So a producer that is slower than real time
    costs nothing but patience, and one that is faster isn't slowed down. ``elapsed`` and ``deadline`` are
    real seconds: a child that hangs still does.
    """

    def __init__(self, at: datetime) -> None:
        super().__init__(at)
        self._held = 0
        self._leaping = False

    def elapsed(self) -> float:
        return time.monotonic()

    @asynccontextmanager
    async def deadline_at(self, instant: datetime) -> AsyncIterator[None]:
        with self.held():
            yield

    @contextmanager
    def held(self) -> Iterator[None]:
        """Time stands still in the block: whoever takes the pictures has enough of them."""
        self._held += 1
        try:
            yield
        finally:
            self._held -= 1
            self._leap_soon()

    def _awaited(self) -> None:
        self._leap_soon()

    def _leap_soon(self) -> None:
        # Not at once: whoever was woken by the last leap has its turn before.
        import asyncio

        if not self._leaping and not self._held and self._waiters:
            self._leaping = True
            asyncio.get_running_loop().call_soon(self._leap)

    def _leap(self) -> None:
        self._leaping = False
        self._waiters = [w for w in self._waiters if not w[1].done()]
        if self._held or not self._waiters:
            return
        self._now_us = max(self._now_us, min(at for at, _ in self._waiters))
        for at, future in self._waiters:
            if at <= self._now_us:
                future.set_result(None)
        self._waiters = [w for w in self._waiters if not w[1].done()]
        self._leap_soon()
