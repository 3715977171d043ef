"""How long the guide takes: CPU seconds to write and pack XMLTV, and milliseconds to get it once written.

    python benchmarks/guide.py --channels 100 --days 14 --json

The lineup is made up in memory, with films and series in about the proportions of a real channel;
writing starts from its entries, as in ``retrovue serve``. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import sys
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from random import Random
from statistics import median

from aiohttp import ClientSession, web

from retrovue.clock import SteppedClock
from retrovue.headend.guide import GuideFrontEnd
from retrovue.headend.settings import HeadendSettings
from retrovue.headend.xmltv import xmltv
from retrovue.lineup import (
    Artwork,
    ArtworkRef,
    ChannelId,
    ChannelIdent,
    GuideEntry,
    LineupChange,
    Signal,
    StationStatus,
    TuneRefused,
    Viewer,
)

START = datetime(2026, 11, 23, 6, tzinfo=UTC)
#: For fifty channels, fourteen days.
TARGET_CPU_S, TARGET_GET_MS = 0.5, 10.0


def make_channels(count: int) -> tuple[ChannelIdent, ...]:
    return tuple(
        ChannelIdent(
            id=ChannelId(f"ch{n}"),
            number=f"{n}.1",
            vchannel=n * 100 + 1,
            name=f"Channel & Sons {n}",
            callsign=f"CH{n}",
            guide_id=f"C{n}.1.bench.retrovue.tv",
            group="Network",
            logo=ArtworkRef(f"logo/ch{n}"),
        )
        for n in range(1, count + 1)
    )


def make_entries(channel: ChannelIdent, days: int) -> tuple[GuideEntry, ...]:
    """Half hours, hours and films, back to back. No two entries are alike, which is the worst case:
    reruns share their text."""
    random = Random(channel.id)
    end = START + timedelta(days=days)
    at, n, entries = START, 0, []
    series = [f"Series {channel.number} no. {i} <Classic>" for i in range(random.randint(6, 20))]
    while at < end:
        minutes = random.choice((30, 30, 30, 30, 30, 60, 60, 120))
        movie = minutes == 120
        stop = min(at + timedelta(minutes=minutes), end)
        season, episode = n // 22 % 9 + 1, n % 22 + 1
        aired = date(1980, 1, 1) + timedelta(days=7 * (n % 500))
        entries.append(
            GuideEntry(
                event_id=n,
                channel=channel.id,
                start=at,
                end=stop,
                title=f"The Film of {n}" if movie else random.choice(series),
                subtitle="" if movie else f"The One with “{n}” & Co.",
                description=(
                    f"Story {n % 300}. A stranger comes to town & nothing is quite the same: old friends "
                    "fall out, a secret comes to light, and somebody has to pay for the damage <before noon>."
                ),
                season=None if movie else season,
                episode=None if movie else episode,
                original_date=None if movie else aired,
                year=1960 + n % 40,
                categories=("Movie", "Drama") if movie else ("Series", "Comedy"),
                rating=random.choice(("TV-G", "TV-PG", "TV-14")),
                kind="movie" if movie else "programme",
                artwork=ArtworkRef(f"art/{channel.id}/{n % 200}"),
            )
        )
        at, n = stop, n + 1
    return tuple(entries)


class MemoryLineup:
    """A lineup of ready-made entries; nothing can be watched."""

    def __init__(
        self,
        channels: Sequence[ChannelIdent],
        entries: Mapping[ChannelId, Sequence[GuideEntry]],
        end: datetime,
    ) -> None:
        self._channels, self._entries, self._end = channels, entries, end

    def channels(self) -> Sequence[ChannelIdent]:
        return self._channels

    def guide(self, channel: ChannelId, start: datetime, end: datetime) -> Sequence[GuideEntry]:
        return self._entries[channel]

    def event(self, event_id: int) -> GuideEntry | None:
        return None

    def guide_end(self) -> datetime:
        return self._end

    def guide_etag(self) -> str:
        return "bench"

    def artwork(self, ref: ArtworkRef) -> Artwork | None:
        return None

    async def picture(self, ref: ArtworkRef, width: int | None = None) -> Artwork | None:
        return None

    def status(self) -> StationStatus:
        return StationStatus("bench", "Bench Television", "UTC", START, "bench", self._end)

    async def changes(self) -> AsyncIterator[LineupChange]:
        return
        yield

    async def tune(self, channel: ChannelId, viewer: Viewer) -> Signal:
        raise TuneRefused("busy", "nothing to watch here")


def cpu_to_write(lineup: MemoryLineup, runs: int) -> tuple[float, int]:
    """Median CPU seconds of writing the whole document, and its size in bytes."""
    taken = []
    size = 0
    for _ in range(runs):
        channels = lineup.channels()
        entries = {c.id: lineup.guide(c.id, START, lineup.guide_end()) for c in channels}
        gc.collect()
        began = time.process_time()
        size = len(b"".join(xmltv(channels, entries, "http://10.0.0.5:8080", "Bench Television")))
        taken.append(time.process_time() - began)
    return median(taken), size


async def cached_gets(lineup: MemoryLineup, runs: int) -> dict[str, float]:
    """Median milliseconds over HTTP on loopback of: the first GET, a later one, a 304, the .gz."""
    front_end = GuideFrontEnd(lineup, SteppedClock(START), HeadendSettings("bench"))
    app = web.Application()
    app.add_routes(front_end.routes())
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    base = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        async with ClientSession(auto_decompress=False) as http:

            async def get(path: str, etag: str = "") -> tuple[float, str]:
                began = time.perf_counter()
                headers = {"If-None-Match": etag} if etag else {}
                async with http.get(base + path, headers=headers) as response:
                    async for _ in response.content.iter_chunked(1 << 20):
                        pass
                    return (time.perf_counter() - began) * 1000, response.headers["ETag"]

            first, etag = await get("/xmltv.xml")
            began = time.process_time()
            async with http.get(f"{base}/xmltv.xml.gz") as response:
                packed = len(await response.read())
            return {
                "first_get_ms": first,
                "gz_bytes": packed,
                "gz_cpu_s": time.process_time() - began,
                "cached_get_ms": median([(await get("/xmltv.xml"))[0] for _ in range(runs)]),
                "not_modified_ms": median([(await get("/xmltv.xml", etag))[0] for _ in range(runs)]),
                "cached_gz_ms": median([(await get("/xmltv.xml.gz"))[0] for _ in range(runs)]),
            }
    finally:
        await runner.cleanup()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--channels", type=int, default=100)
    parser.add_argument("--days", type=int, default=14)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--json", action="store_true", help="nothing but the JSON line")
    args = parser.parse_args()
    channels = make_channels(args.channels)
    lineup = MemoryLineup(
        channels, {c.id: make_entries(c, args.days) for c in channels}, START + timedelta(days=args.days)
    )
    programmes = sum(len(lineup.guide(c.id, START, START)) for c in channels)
    share = args.channels * args.days / (50 * 14)
    cpu, size = cpu_to_write(lineup, args.runs)
    gets = asyncio.run(cached_gets(lineup, args.runs * 4))
    result = {
        "channels": args.channels,
        "days": args.days,
        "programmes": programmes,
        "bytes": size,
        "write_cpu_s": round(cpu, 3),
        "target_cpu_s": round(TARGET_CPU_S * share, 3),
        **{name: round(value, 2) for name, value in gets.items()},
        "target_get_ms": round(TARGET_GET_MS * share, 2),
    }
    if not args.json:
        sys.stdout.write(
            f"{args.channels} channels x {args.days} days: {programmes} programmes, {size / 1e6:.1f} MB\n"
            f"write      {cpu:8.3f} CPU s   (target {TARGET_CPU_S * share:.3g})\n"
            f"packed     {gets['gz_cpu_s']:8.3f} CPU s   ({gets['gz_bytes'] / 1e6:.2f} MB)\n"
            f"first GET  {gets['first_get_ms']:8.2f} ms\n"
            f"cached GET {gets['cached_get_ms']:8.2f} ms      (target {TARGET_GET_MS * share:.3g})\n"
            f"304        {gets['not_modified_ms']:8.2f} ms\n"
            f"cached .gz {gets['cached_gz_ms']:8.2f} ms\n"
        )
    sys.stdout.write(json.dumps(result) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
