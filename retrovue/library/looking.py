"""Looking: one run of ffmpeg over a file, for what it says on standard error.

A child that something ended has not said all: nothing may be kept of it. Ctrl-C on a terminal reaches the
children, too; those that it doesn't reach are ended by whoever has them ``stoppable``.
"""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from retrovue.library.finding import Stopped

#: How ffmpeg ends when a signal stopped it in good order; other signals end it with a negative code.
_STOPPED = 255

_lock = threading.Lock()
_running: set[subprocess.Popen[str]] = set()
_over = False


def look(command: Sequence[str], patience_s: float) -> subprocess.CompletedProcess[str]:
    """How it ended and what it said.

    Raises ``subprocess.TimeoutExpired`` after ``patience_s`` (seconds, the child is killed), ``OSError`` when
    it can't be started, and ``Stopped`` when something ended it.
    """
    with _lock:
        if _over:
            raise Stopped()
        child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
        )
        _running.add(child)
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
    return subprocess.CompletedProcess(command, child.returncode, stderr=said)


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
