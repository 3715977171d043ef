"""What a station's guide costs Tvheadend's clients: the first sync over HTSP, and one page of the grid.

The guide is packed as it is on the air (playout/rundown.py) and read through the head-end's own sockets. The
client is another process: it reads frames, counts, and looks into the first and the last.

    python benchmarks/epg.py [--channels 100] [--days 7] [--page 500] [--json]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from statistics import median

import aiohttp

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from guide import START, MemoryLineup, make_channels, make_entries

from retrovue.clock import MasterClock, SteppedClock
from retrovue.compiler.model import ArtefactHeader, CompiledChannel, ScheduleEvent
from retrovue.credits import Credit
from retrovue.headend.settings import HeadendSettings
from retrovue.headend.tvheadend.front_end import TvheadendFrontEnd
from retrovue.headend.tvheadend.htsmsg import decode, encode
from retrovue.lineup import ChannelId, GuideEntry
from retrovue.playout.programme import Guide, air
from retrovue.playout.rundown import Packer, Rundown
from retrovue.units import from_us, to_us

TARGET_SYNC_S = 1.5
JOBS = {"director": 1, "actor": 6, "writer": 2}


def people(title: str) -> tuple[Credit, ...]:
    """The credits of whatever has this title."""
    return tuple(
        Credit(job, f"{job.title()} {n} of {title}", f"Somebody {n}" if job == "actor" else "")
        for job, count in JOBS.items()
        for n in range(count)
    )


def packed(channels: int, days: int) -> Rundown:
    """A rundown with a guide and nothing to air."""
    packer = Packer()
    end_us, number = 0, 0
    for position, ident in enumerate(make_channels(channels)):
        events = []
        for entry in make_entries(ident, days):
            number += 1
            end_us = to_us(entry.end)
            events.append(_event(entry, number))
        packer.channel(_channel(position, ident.id, ident.number, ident.name), events, ())
    start_us = to_us(START)
    header = ArtefactHeader(
        1, "hash", "bench", "Bench Television", "UTC", START.date(), START.date(), start_us, end_us, START,
        "", "", "", "", START,
    )  # fmt: skip
    return Rundown(packer.finish(header, (1, "hash", start_us, start_us, end_us), {}, {}, {}))


def _event(entry: GuideEntry, number: int) -> ScheduleEvent:
    aired = entry.original_date.isoformat() if entry.original_date is not None else ""
    return ScheduleEvent(
        number, entry.channel, date(2026, 11, 23), to_us(entry.start), to_us(entry.end), entry.title,
        entry.subtitle, entry.description, entry.season, entry.episode, entry.year, aired, entry.categories,
        entry.rating, entry.kind, "", f"{entry.title}/{entry.season}/{entry.episode}", "", "", "",
        credits=people(entry.title),
    )  # fmt: skip


def _channel(position: int, slug: str, number: str, name: str) -> CompiledChannel:
    vchannel, guide_id = position + 1, f"C{number}.bench"
    return CompiledChannel(
        slug, number, vchannel, name, slug.upper(), guide_id, "Network", "", 30 * 60_000_000, 360, "480p",
        "30000/1001", "veryfast", 1500, 128, position,
    )  # fmt: skip


class PackedLineup(MemoryLineup):
    """As the station on the air answers (playout/station.py)."""

    def __init__(self, rundown: Rundown) -> None:
        self._programme = air(rundown, {})
        super().__init__(self._programme.idents, {}, from_us(rundown.header.end_us))

    def guide(self, channel: ChannelId, start: datetime, end: datetime) -> Sequence[GuideEntry]:
        return self._guide(channel).between(start, end)

    def _guide(self, channel: ChannelId) -> Guide:
        return self._programme.guide[channel]

    def event(self, event_id: int) -> GuideEntry | None:
        found = (guide.find(event_id) for guide in self._programme.guide.values())
        return next((entry for entry in found if entry is not None), None)


def sync(port: int, result: object) -> None:
    """A client: wall seconds from the request to initialSyncCompleted, and how many messages came."""

    async def ask() -> tuple[float, int, int]:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 22)
        writer.write(encode({"method": "hello", "htspversion": 43, "clientname": "benchmark", "seq": 1}))
        await _frame(reader)
        began = time.monotonic()
        writer.write(encode({"method": "enableAsyncMetadata", "epg": 1, "seq": 2}))
        count = size = 0
        while True:
            body = await _frame(reader)
            count, size = count + 1, size + len(body)
            if b"initialSyncCompleted" in body[:60]:
                assert decode(body)["method"] == "initialSyncCompleted"
                break
        writer.close()
        return time.monotonic() - began, count, size

    result.put(asyncio.run(ask()))  # type: ignore[attr-defined]


async def _frame(reader: asyncio.StreamReader) -> bytes:
    return await reader.readexactly(int.from_bytes(await reader.readexactly(4), "big"))


async def measure(channels: int, days: int, page: int, runs: int) -> dict[str, float]:
    lineup = PackedLineup(packed(channels, days))
    clock: MasterClock = SteppedClock(START)
    settings = HeadendSettings("bench", bind="127.0.0.1", htsp_port=0, tvheadend_port=0)
    front_end = TvheadendFrontEnd(lineup, clock, replace(settings))
    await front_end.start()
    context = multiprocessing.get_context("spawn")
    walls, cpus = [], []
    count = size = 0
    for _ in range(runs):
        result = context.Queue()
        process = context.Process(target=sync, args=(front_end.htsp_port, result), daemon=True)
        process.start()
        began = time.process_time()
        wall, count, size = await asyncio.to_thread(result.get)
        cpus.append(time.process_time() - began)
        walls.append(wall)
        await asyncio.to_thread(process.join)
    found = {
        "messages": count,
        "mbytes": round(size / 1e6, 1),
        "sync_s": round(median(walls), 2),
        "sync_cpu_s": round(median(cpus), 2),
    }
    base = f"http://127.0.0.1:{front_end.http_port}/api/epg/events/grid"
    async with aiohttp.ClientSession() as http:
        for name, query in _pages(page, count).items():
            took = []
            for _ in range(runs):
                began = time.process_time()
                async with http.get(base, params=query) as answer:
                    body = await answer.read()
                    assert answer.status == 200
                took.append(time.process_time() - began)
            rows = len(json.loads(body)["entries"])
            found |= {f"{name}_first_ms": round(1e3 * took[0], 1), f"{name}_ms": round(1e3 * median(took), 1)}
            found[f"{name}_rows"] = rows
    await front_end.stop()
    return found


def _pages(page: int, events: int) -> dict[str, dict[str, str]]:
    """What clients ask the grid for (webOS: the first two; a page of now; a channel's week)."""
    return {
        "first_page": {"limit": str(page), "start": "0", "sort": "start", "dir": "ASC"},
        "middle_page": {"limit": str(page), "start": str(events // 2), "sort": "start", "dir": "ASC"},
        "last_page": {"limit": str(page), "start": "0", "sort": "start", "dir": "DESC"},
        "now": {"limit": str(page), "mode": "now"},
        "one_channel": {"limit": str(page), "channel": "Channel & Sons 7"},
        "by_title": {"limit": "50", "title": "Film of 77"},
    }


def main() -> int:
    parser = argparse.ArgumentParser(description="What a station's guide costs Tvheadend's clients.")
    parser.add_argument("--channels", type=int, default=100, help="how many (default 100)")
    parser.add_argument("--days", type=int, default=7, help="of guide (default 7)")
    parser.add_argument("--page", type=int, default=500, help="rows of a page (default 500, as webOS asks)")
    parser.add_argument("--runs", type=int, default=5, help="the median of so many counts (default 5)")
    parser.add_argument("--json", action="store_true", help="one JSON line at the end")
    options = parser.parse_args()
    found = asyncio.run(measure(options.channels, options.days, options.page, options.runs))
    if options.json:
        print(json.dumps(found))
        return 0
    print(
        f"{found['messages']} messages, {found['mbytes']} MB: synced in {found['sync_s']} s "
        f"(target {TARGET_SYNC_S}), {found['sync_cpu_s']} s of CPU"
    )
    for name in _pages(0, 0):
        first, then, rows = (found[f"{name}_{what}"] for what in ("first_ms", "ms", "rows"))
        print(f"{name:12} {rows:4} rows  {first:8.1f} ms of CPU the first time, {then:8.1f} as a rule")
    return 0


if __name__ == "__main__":
    sys.exit(main())
