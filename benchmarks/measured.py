"""What a process costs: how benchmarks measure the real commands.

CPU seconds are user and system time of the process and of all that it started; memory is the resident peak
of the largest of them. Only one measurement runs on a machine at a time.
"""

from __future__ import annotations

import fcntl
import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
#: A program that is installed has its byte code.
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


@dataclass(frozen=True, slots=True)
class Cost:
    """What one process, with all that it started, has used."""

    cpu_s: float
    wall_s: float
    peak_mb: float
    code: int
    output: str


def measured(*command: str) -> Cost:
    """Run a command and measure it. Raises ``RuntimeError`` when it fails."""
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        began = time.perf_counter()
        child = subprocess.Popen(command, stdout=out, stderr=err, cwd=ROOT, env=ENVIRONMENT)
        # wait4 counts the child's own children, too, once it has waited for them.
        _, status, usage = os.wait4(child.pid, 0)
        wall = time.perf_counter() - began
        child.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        err.seek(0)
        cost = Cost(
            usage.ru_utime + usage.ru_stime, wall, usage.ru_maxrss / 1024, child.returncode, out.read()
        )
        if cost.code:
            raise RuntimeError(f"{' '.join(command)} ended with {cost.code}:\n{err.read()[-4000:]}")
        return cost


def median_of(runs: int, once: Callable[[], Cost]) -> Cost:
    """The run of median CPU time."""
    costs = sorted((once() for _ in range(runs)), key=lambda cost: cost.cpu_s)
    return costs[len(costs) // 2]


@contextmanager
def alone() -> Iterator[None]:
    """Wait until no other measurement runs on this machine."""
    with (Path(tempfile.gettempdir()) / "retrovue-benchmark.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield
