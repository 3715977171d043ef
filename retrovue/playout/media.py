"""MediaDesk: asks the file system about media, and never waits for it longer than it has patience.

A store that has gone (a network mount, a disk that spins up) can hold a thread for minutes, and nothing
can take it back. So a question that hangs has a thread to itself, which nobody waits for at sign-off, and
which is none of the event loop's pool, where as-run and artefact would queue behind it. When too many
questions hang, the store is taken for gone without another thread. One desk asks one store: another, which
may be well, has another desk.
"""

from __future__ import annotations

import asyncio
import os
import queue
import stat
import threading
from collections.abc import Callable
from typing import TypeVar

from retrovue.clock import MasterClock

#: A store that has not answered by then is taken for gone (seconds).
PATIENCE_S = 2.0
#: Questions that may hang at once.
_MOST = 16
#: Threads that wait for the next question; what is more ends after its answer.
_KEPT = 4

_T = TypeVar("_T")


class StoreGone(OSError):
    """The store did not answer in time."""


class MediaDesk:
    """One for all the media of a station, one for its house copies."""

    def __init__(self, clock: MasterClock, patience_s: float = PATIENCE_S) -> None:
        self._clock, self._patience_s = clock, patience_s
        self._hanging = 0
        self._idle = 0
        self._kept = _KEPT
        self._questions: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()

    async def ask(self, question: Callable[[], _T], patience_s: float | None = None) -> _T:
        """``question()`` on a thread. Raises ``StoreGone`` and what the question raises (``OSError``)."""
        if self._hanging >= _MOST:
            raise StoreGone("the store doesn't answer")
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[_T] = loop.create_future()
        late = False

        def settle(value: _T | None, error: BaseException | None) -> None:
            self._hanging -= late
            self._rest()
            if answer.done():
                return
            if error is not None:
                answer.set_exception(error)
            else:
                answer.set_result(value)  # type: ignore[arg-type]  # a question may answer None

        def work() -> None:
            value, error = None, None
            try:
                value = question()
            except BaseException as raised:
                error = raised
            try:
                loop.call_soon_threadsafe(settle, value, error)
            except RuntimeError:
                return  # the station has gone off the air meanwhile

        if self._idle:
            self._idle -= 1
        else:
            threading.Thread(target=_answer, args=(self._questions,), name="media", daemon=True).start()
        self._questions.put(work)
        try:
            async with self._clock.deadline(self._patience_s if patience_s is None else patience_s):
                return await answer
        except TimeoutError:
            raise StoreGone("the store doesn't answer") from None
        finally:
            if answer.cancelled():  # out of patience, or nobody wants to know any more
                late = True
                self._hanging += 1

    def close(self) -> None:
        """Let go of every thread that has nothing to do; questions may still be asked."""
        self._kept = 0
        while self._idle:
            self._idle -= 1
            self._questions.put(None)

    def _rest(self) -> None:
        """A thread has done its work."""
        if self._idle < self._kept:
            self._idle += 1
        else:
            self._questions.put(None)

    async def missing(self, path: str) -> str:
        """Why the media file at ``path`` can't be opened; empty when it is there."""
        try:
            regular = await self.ask(lambda: _regular(path))
        except FileNotFoundError:
            return "file is missing"
        except OSError as error:
            return error.strerror or str(error)
        return "" if regular else "not a file"


def _regular(path: str) -> bool:
    """Opens it: a store may list what it can't read."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        return stat.S_ISREG(os.fstat(descriptor).st_mode)
    finally:
        os.close(descriptor)


def _answer(questions: queue.SimpleQueue[Callable[[], None] | None]) -> None:
    """A thread's life."""
    while (work := questions.get()) is not None:
        work()
