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
from dataclasses import dataclass
from typing import TypeVar

from retrovue.clock import MasterClock

#: A store that has not answered by then is taken for gone (seconds).
PATIENCE_S = 2.0
#: Patience is counted in pieces of this (seconds).
_LOOK_S = 0.1
#: Questions that may hang at once.
_MOST = 16
#: Threads that wait for the next question; what is more ends after its answer.
_KEPT = 16

_T = TypeVar("_T")


class StoreGone(OSError):
    """The store did not answer in time."""


@dataclass(frozen=True, slots=True)
class Mark:
    """Which state of a file: another one has another mark."""

    size: int  #: bytes
    mtime_ns: int


class MediaDesk:
    """One for all the media of a station, one for its house copies."""

    def __init__(self, clock: MasterClock, patience_s: float = PATIENCE_S) -> None:
        self._clock, self._patience_s = clock, patience_s
        self._hanging = 0
        self._blamed: dict[str, tuple[Mark | None, str]] = {}  #: by path
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
            if await self._comes(answer, self._patience_s if patience_s is None else patience_s):
                return answer.result()
            raise StoreGone("the store doesn't answer")
        finally:
            if not answer.done():  # out of patience, or nobody wants to know any more
                answer.cancel()
                late = True
                self._hanging += 1
            elif not answer.cancelled():
                answer.exception()  # known, though whoever asked may have been told to leave meanwhile

    async def _comes(self, answer: asyncio.Future[_T], patience_s: float) -> bool:
        """Wait for it; False when the store let pass ``patience_s``. Looked at often: where this loop was
        late itself, the machine was, and the thread that asks had no processor either. That is nobody's
        patience."""
        left_s, look_s = patience_s, min(_LOOK_S, patience_s)
        while left_s > 0:
            try:
                async with self._clock.deadline(look_s):
                    await asyncio.wait((answer,))  # neither raises what it raised nor cancels it
            except TimeoutError:
                left_s -= look_s
            if answer.done():
                return True
        return False

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

    async def mark(self, path: str) -> Mark:
        """Opens the file, since a store may list what it can't read. Raises ``OSError``."""
        return await self.ask(lambda: _mark(path))

    async def missing(self, path: str) -> str:
        """Why the media file at ``path`` can't be played; empty when it may be."""
        try:
            mark = await self.mark(path)
        except FileNotFoundError:
            return "file is missing"
        except OSError as error:
            return error.strerror or str(error)
        # A file that was found bad and has been replaced since is a new file.
        marked, why = self._blamed.get(path, (None, ""))
        return why if marked == mark else ""

    def blame(self, path: str, mark: Mark | None, why: str) -> None:
        """The file, as it was at ``mark`` (None: it isn't there), can't be played; ``why`` empty: it can."""
        if why:
            self._blamed[path] = (mark, why)
        else:
            self._blamed.pop(path, None)

    def blamed(self, path: str) -> str:
        """What was last found wrong with the file; empty when nothing was."""
        return self._blamed.get(path, (None, ""))[1]


def _mark(path: str) -> Mark:
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        found = os.fstat(descriptor)
    finally:
        os.close(descriptor)
    if not stat.S_ISREG(found.st_mode):
        raise OSError("not a file")
    return Mark(found.st_size, found.st_mtime_ns)


def _answer(questions: queue.SimpleQueue[Callable[[], None] | None]) -> None:
    """A thread's life."""
    while (work := questions.get()) is not None:
        work()
