"""What the benchmarks of viewers share: a measurement for each count, and what one viewer more costs."""

from __future__ import annotations

import argparse
import asyncio
import resource
import sys
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol, TypeVar


class Row(Protocol):
    """One count's figures."""

    @property
    def core(self) -> float:
        """CPU of the process that serves, of one core."""
        ...


R = TypeVar("R", bound=Row)


def many_files() -> None:
    """As many sockets as the system allows; every process has to ask."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)


def measured(
    description: str,
    noun: str,
    counts: str,
    measure: Callable[[int, float], Awaitable[R]],
    line: Callable[[R], str],
) -> tuple[list[R], bool]:
    """Read the command line, measure each count and tell it on standard error; ``counts`` is the default.

    Returns the rows, and whether JSON is wanted.
    """
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument(f"--{noun}", default=counts, help=f"counts to measure (default {counts})")
    parser.add_argument("--seconds", type=float, default=15, help="length of each measurement")
    parser.add_argument("--json", action="store_true", help="one JSON line at the end")
    options = parser.parse_args()
    many_files()
    rows = []
    for count in map(int, getattr(options, noun).split(",")):
        rows.append(asyncio.run(_run(measure(count, options.seconds))))
        print(line(rows[-1]), file=sys.stderr)
    return rows, options.json


async def _run(measurement: Awaitable[R]) -> R:
    return await measurement


def slope(rows: Sequence[Row], counts: Sequence[int]) -> float:
    """Of one core for each one more, from the first count to the last."""
    return (rows[-1].core - rows[0].core) / max(1, counts[-1] - counts[0])
