"""Questions to the as-run log of a station on the air: DuckDB answers them, in a process of its own."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

from retrovue.clock import MasterClock
from retrovue.errors import RetroVueError
from retrovue.lineup import ChannelId, OrderRefused
from retrovue.playout.as_run import AsRunRecord
from retrovue.playout.errand import Errand, send
from retrovue.units import from_us, to_us

_PATIENCE_S = 60.0
#: Each question is a process; more than so many at once wait for nothing.
_MOST_WAITING = 8


class AsRunQueries:
    """Implements ``lineup.AsRunLog``. One question is answered at a time, whoever asks how often."""

    def __init__(self, folder: Path, clock: MasterClock) -> None:
        self._folder, self._clock = folder, clock
        self._turn = asyncio.Lock()
        self._waiting = 0

    async def query(
        self, channels: Sequence[ChannelId], start: datetime, end: datetime, most: int
    ) -> Sequence[Mapping[str, Any]]:
        request = {
            "folder": str(self._folder),
            "channels": list(channels),
            "start_us": to_us(start),
            "end_us": to_us(end),
            "most": most,
        }
        if self._waiting >= _MOST_WAITING:
            raise OrderRefused("too many questions at once: ask again in a moment")
        self._waiting += 1
        try:
            async with self._turn:
                line, body = await send(
                    Errand(__name__, json.dumps(request).encode(), _PATIENCE_S), self._clock
                )
        except RetroVueError as error:
            raise OrderRefused(str(error)) from None
        finally:
            self._waiting -= 1
        if trouble := json.loads(line)[1]:
            raise OrderRefused(trouble)
        found: list[dict[str, Any]] = await asyncio.to_thread(json.loads, body)
        return found


def values_of(record: AsRunRecord) -> dict[str, Any]:
    """A record as JSON can say it."""
    said = {
        "start": from_us(record.start_us).isoformat(),
        "end": from_us(record.end_us).isoformat(),
        **asdict(record),
        "broadcast_date": record.broadcast_date.isoformat(),
    }
    return said | {"segment_date": record.segment_date.isoformat() if record.segment_date else None}


def main() -> int:
    """Answer the question on standard input, as an errand of the station on the air."""
    from retrovue.playout.as_run_log import AsRunError, read

    asked = json.loads(sys.stdin.read())
    try:
        records = read(Path(asked["folder"]), asked["channels"], asked["start_us"], asked["end_us"])
    except (AsRunError, OSError) as error:
        sys.stdout.write(json.dumps([2, str(error)]) + "\n[]")
        return 0
    records.sort(key=lambda record: (record.start_us, record.channel))
    body = json.dumps([values_of(record) for record in records[: asked["most"]]], ensure_ascii=False).encode()
    sys.stdout.buffer.write(json.dumps([len(body), ""]).encode() + b"\n" + body)
    return 0


if __name__ == "__main__":
    sys.exit(main())
