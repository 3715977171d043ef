"""Errands: work that is done by a process of its own, which ends when it has answered.

What reads YAML and what asks DuckDB needs many times the memory of what airs a station, and needs it for a
moment. A process gives it all back when it ends; one that goes on never does.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from typing import IO

from retrovue.clock import MasterClock
from retrovue.errors import RetroVueError
from retrovue.playout.process import environment

log = logging.getLogger(__name__)

#: An errand gives way to whatever feeds viewers.
_NICE = 5
#: The largest answer that is believed (bytes).
_LARGEST = 1 << 32


class ErrandFailed(RetroVueError):
    """Whoever was sent came back with nothing."""


@dataclass(frozen=True, slots=True)
class Errand:
    """A module to run, with what it reads from its standard input."""

    module: str  #: "retrovue.playout.roll"
    request: bytes
    patience_s: float  #: real seconds


async def send(errand: Errand, clock: MasterClock) -> tuple[bytes, bytearray]:
    """The first line of the answer, and what follows it: as many bytes as the line says first.

    The line is a list of JSON, or begins with a number in brackets. Raises ``ErrandFailed``.
    """
    process = await asyncio.to_thread(_start, errand)
    try:
        async with clock.deadline(errand.patience_s):
            return await asyncio.to_thread(_answer, process, errand)
    except TimeoutError:
        raise ErrandFailed(f"{errand.module} took too long and was stopped") from None
    finally:
        if process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def _start(errand: Errand) -> subprocess.Popen[bytes]:
    try:
        process = subprocess.Popen(
            # -P: a folder that happens to be the working directory is no place for modules.
            [sys.executable, "-P", "-m", errand.module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment(),
            start_new_session=True,
        )
    except OSError as error:
        raise ErrandFailed(f"{errand.module} can't be started: {error.strerror}") from error
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, process.pid, _NICE)
    return process


def _answer(process: subprocess.Popen[bytes], errand: Errand) -> tuple[bytes, bytearray]:
    """On a thread: ends when the process does."""
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    with process.stdin, process.stdout, process.stderr:
        with contextlib.suppress(BrokenPipeError):
            process.stdin.write(errand.request)
            process.stdin.close()
        line = process.stdout.readline()
        body = _body(process.stdout, line)
        said = process.stderr.read().decode(errors="replace").strip()
    process.wait()
    if body is None:
        why = said.splitlines()[-1] if said else f"it ended with {process.returncode}"
        raise ErrandFailed(f"{errand.module} has no answer: {why}")
    if said:
        log.warning("%s: %s", errand.module, said)
    return line, body


def _body(out: IO[bytes], line: bytes) -> bytearray | None:
    """What the line promises; None when it isn't all there. Read to where it stays: no second copy."""
    with contextlib.suppress(ValueError):
        size = int(line.strip(b"[] \n").partition(b",")[0])
        if 0 <= size <= _LARGEST:
            body = bytearray(size)
            view, got = memoryview(body), 0
            while got < size and (more := out.readinto(view[got:])):  # type: ignore[attr-defined]
                got += more
            return body if got == size else None
    return None
