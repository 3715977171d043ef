"""MediaDesk: asks the file system about media, and never waits for it longer than it has patience.

A store that has gone (a network mount, a disk that spins up) can hold a thread for minutes, and nothing
can take it back. So each question gets a thread of its own, which nobody waits for at sign-off, and not
the event loop's pool, where as-run and artefact would queue behind it. When too many questions hang, the
store is taken for gone without another thread.
"""

from __future__ import annotations

import asyncio
import os
import stat
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from retrovue.clock import MasterClock

#: A store that has not answered by then is taken for gone (seconds).
PATIENCE_S = 2.0
#: Questions that may hang at once.
_MOST = 16

_T = TypeVar("_T")


class StoreGone(OSError):
    """The store did not answer in time."""


@dataclass(frozen=True, slots=True)
class Mark:
    """Which state of a file: another one has another mark."""

    size: int  #: bytes
    mtime_ns: int


class MediaDesk:
    """One for the whole station."""

    def __init__(self, clock: MasterClock, patience_s: float = PATIENCE_S) -> None:
        self._clock, self._patience_s = clock, patience_s
        self._hanging = 0
        self._blamed: dict[str, tuple[Mark | None, str]] = {}  #: by path

    async def ask(self, question: Callable[[], _T]) -> _T:
        """``question()`` on a thread. Raises ``StoreGone`` and what the question raises (``OSError``)."""
        if self._hanging >= _MOST:
            raise StoreGone("the store doesn't answer")
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[_T] = loop.create_future()

        def settle(value: _T | None, error: BaseException | None) -> None:
            self._hanging -= 1
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

        self._hanging += 1
        threading.Thread(target=work, name="media", daemon=True).start()
        try:
            async with self._clock.deadline(self._patience_s):
                return await answer
        except TimeoutError:
            raise StoreGone("the store doesn't answer") from None

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
