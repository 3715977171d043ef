"""As-run: what really left the station, as run-length records; append-only JSON Lines.

One file per channel and broadcast date. Writing never stops playout: an error is told once and the
channel goes on.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from retrovue.playout.producers.base import Origin
from retrovue.playout.ticks import TickGrid
from retrovue.units import from_us

log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Run:
    origin: Origin
    first: int
    last: int
    emitted_us: int  #: station time at which its first tick left
    late_us: int  #: largest lateness against (tick time - lead)


class AsRun:
    """Collects ticks of one channel into records and appends them to ``folder``."""

    def __init__(self, folder: Path, channel: str, grid: TickGrid, lead_us: int) -> None:
        self._folder, self._channel, self._grid, self._lead_us = folder, channel, grid, lead_us
        self._run: _Run | None = None
        self._pending: list[tuple[str, str]] = []
        self._writer: asyncio.Task[None] | None = None
        self._told = False

    def tick(self, tick: int, origin: Origin, emitted_us: int) -> None:
        """``tick`` has left, showing ``origin``."""
        late = emitted_us - (self._grid.start_us(tick) - self._lead_us)
        run = self._run
        if run is not None and run.last + 1 == tick and run.origin == origin:
            run.last = tick
            if late > run.late_us:
                run.late_us = late
            return
        self._close()
        self._run = _Run(origin, tick, tick, emitted_us, late)

    async def flush(self) -> None:
        """Close the running record and return once everything is on the disk."""
        self._close()
        while self._writer is not None:
            await asyncio.shield(self._writer)

    def _close(self) -> None:
        run, self._run = self._run, None
        if run is None:
            return
        start_us, end_us = self._grid.start_us(run.first), self._grid.start_us(run.last + 1)
        record = {
            "channel": self._channel,
            "start": from_us(start_us).isoformat(timespec="microseconds"),
            "end": from_us(end_us).isoformat(timespec="microseconds"),
            "first_tick": run.first,
            "ticks": run.last + 1 - run.first,
            **{k: v for k, v in asdict(run.origin).items() if v not in ("", 0, -1)},
            "emitted": from_us(run.emitted_us).isoformat(timespec="microseconds"),
            "late_ms": round(run.late_us / 1000, 1),
        }
        date = run.origin.broadcast_date or from_us(start_us).date().isoformat()
        line = json.dumps(record, ensure_ascii=False, separators=(",", ":")) + "\n"
        self._pending.append((f"{self._channel}-{date}.jsonl", line))
        if self._writer is None:
            self._writer = asyncio.create_task(self._write(), name=f"as-run {self._channel}")

    async def _write(self) -> None:
        try:
            while self._pending:
                batch, self._pending = self._pending, []
                try:
                    await asyncio.to_thread(_append, self._folder, batch)
                    self._told = False
                except OSError as error:
                    if not self._told:
                        log.warning("as-run of %s can't be written: %s", self._channel, error)
                        self._told = True
        finally:
            self._writer = None


def _append(folder: Path, batch: list[tuple[str, str]]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    by_file: dict[str, list[str]] = {}
    for name, line in batch:
        by_file.setdefault(name, []).append(line)
    for name, lines in by_file.items():
        with (folder / name).open("a", encoding="utf-8") as file:
            file.write("".join(lines))
            file.flush()
            os.fsync(file.fileno())
