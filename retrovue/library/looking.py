"""Looking: one run of ffmpeg over a file, for what it says on standard error, or writes meanwhile.

A child that something ended has not said all: nothing may be kept of it. Ctrl-C on a terminal reaches the
children, too; those that it doesn't reach are ended by whoever has them ``stoppable``.
"""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import BinaryIO

from retrovue.library.finding import Stopped

#: How ffmpeg ends when a signal stopped it in good order; other signals end it with a negative code.
_STOPPED = 255

_lock = threading.Lock()
_running: set[subprocess.Popen[str]] = set()
_over = False


def look(
    command: Sequence[str], patience_s: float, read: Callable[[BinaryIO], None] | None = None
) -> subprocess.CompletedProcess[str]:
    """How it ended and what it said. ``read``, in a thread of its own, takes what it writes meanwhile.

    Raises ``subprocess.TimeoutExpired`` after ``patience_s`` (seconds, the child is killed), ``OSError`` when
    it can't be started, ``Stopped`` when something ended it, and what ``read`` raises, unless it only broke
    off because the child did.
    """
    with nullcontext() if read is None else _reading(read) as output:
        with _lock:
            if _over:
                raise Stopped()
            child = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL if output is None else output.end,
                stderr=subprocess.PIPE,
                text=True,
                errors="replace",
            )
            _running.add(child)
        if output is not None:
            output.hand_over()
        try:
            with child:
                try:
                    _, said = child.communicate(timeout=patience_s)
                except BaseException:
                    child.kill()
                    raise
        finally:
            with _lock:
                _running.discard(child)
    if child.returncode < 0 or child.returncode == _STOPPED:
        raise Stopped()
    if output is not None and output.failed is not None and not child.returncode:
        raise output.failed
    return subprocess.CompletedProcess(command, child.returncode, stderr=said)


class _Output:
    """What a child writes, on its way to whoever reads it."""

    def __init__(self, read: Callable[[BinaryIO], None]) -> None:
        self._read = read
        self.failed: Exception | None = None
        mine, self.end = os.pipe()
        self._thread = threading.Thread(target=self._run, args=(mine,), name="looking", daemon=True)
        self._thread.start()

    def _run(self, mine: int) -> None:
        with open(mine, "rb") as stream:
            try:
                self._read(stream)
            except Exception as error:
                # In a thread, where nobody would hear of it: ``look`` raises it.
                self.failed = error
            while stream.read(1 << 16):
                pass  # the child must not fail of a pipe that nobody reads: how it ends says what it thinks

    def hand_over(self) -> None:
        """The child has its end: the reader comes to the end of all when it ends."""
        if self.end >= 0:
            os.close(self.end)
            self.end = -1

    def close(self) -> None:
        self.hand_over()
        self._thread.join()


@contextmanager
def _reading(read: Callable[[BinaryIO], None]) -> Iterator[_Output]:
    output = _Output(read)
    try:
        yield output
    finally:
        output.close()


@contextmanager
def stoppable() -> Iterator[Callable[[], None]]:
    """Yields what ends every child, and lets none be started any more within the block."""
    global _over
    try:
        yield _stop
    finally:
        _over = False


def _stop() -> None:
    global _over
    with _lock:
        _over = True
        for child in _running:
            child.kill()
