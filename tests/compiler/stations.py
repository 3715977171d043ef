"""Stations and catalogs built in code, for the compiler's tests."""

from __future__ import annotations

import pickle
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

from retrovue.compiler.compile import compile_station
from retrovue.compiler.model import Checkpoint, Compiled
from retrovue.compiler.stages import GroupDays
from retrovue.compiler.work import Work
from retrovue.library.catalog import Asset, AssetState, Catalog
from retrovue.station.model import (
    BUILT_IN_SYNTHETICS,
    BreakFormat,
    Channel,
    Collection,
    Plan,
    Pool,
    Program,
    Spot,
    Station,
    StationModel,
    Synthetic,
    Virtual,
)
from retrovue.units import SECOND_US, from_us

Words = Mapping[str, Any]


def asset(collection: str, key: str, seconds: float, **more: Any) -> Asset:
    """A ready asset of a length in seconds."""
    return Asset(
        collection=collection,
        key=key,
        state=AssetState.READY,
        approved=True,
        path=f"{key}.mp4",
        duration_us=round(seconds * SECOND_US),
        **more,
    )


def episode(series: str, season: int, number: int, seconds: float, **more: Any) -> Asset:
    key = f"{series}/S{season:02}E{number:02}"
    return asset(
        "sitcoms",
        key,
        seconds,
        series=series,
        season=season,
        episode=number,
        title=f"{series} {season}x{number}",
        **more,
    )


def catalog(assets: Iterable[Asset]) -> Catalog:
    by_id = {a.id: a for a in assets}
    return Catalog({key: by_id[key] for key in sorted(by_id)}, "test")


def spots(count: int, seconds: Sequence[float] = (30, 15), collection: str = "spots") -> list[Asset]:
    return [
        asset(collection, f"spot-{n}", seconds[n % len(seconds)], advertiser=f"brand-{n % 4}")
        for n in range(count)
    ]


def station(
    plans: Sequence[Words],
    programs: Sequence[Words],
    pools: Sequence[Words] = (),
    formats: Sequence[Words] = (),
    synthetics: Sequence[Words] = (),
    channels: Sequence[Words] = (),
    virtuals: Sequence[Words] = (),
    rules: Sequence[Words] = (),
    **words: Any,
) -> StationModel:
    """A station from the words of its YAML. One channel ``one`` with every plan, unless told otherwise."""
    settings = {
        "station": "test",
        "name": "Test",
        "timezone": "America/New_York",
        "seed": 7,
        "epoch": date(2026, 6, 1),
        **words,
    }
    given = channels or (
        {"channel": "one", "number": "5.1", "name": "One", "plans": tuple(p["plan"] for p in plans)},
    )
    made = [Synthetic.model_validate(s) for s in synthetics]
    return StationModel(
        station=Station.model_validate(settings),
        channels=tuple(Channel.model_validate(c) for c in given),
        plans={p["plan"]: Plan.model_validate(p) for p in plans},
        programs={p["program"]: Program.model_validate(p) for p in programs},
        virtuals={v["virtual"]: Virtual.model_validate(v) for v in virtuals},
        collections={
            name: Collection(collection=name, source={"kind": "filesystem", "path": name}, holds=holds)
            for name, holds in (("sitcoms", "series"), ("films", "movies"), ("spots", "spots"))
        },
        pools={p["pool"]: Pool.model_validate(p) for p in pools},
        spots={r["spot"]: Spot.model_validate(r) for r in rules},
        break_formats={b["break_format"]: BreakFormat.model_validate(b) for b in formats},
        synthetics={**BUILT_IN_SYNTHETICS, **{s.synthetic: s for s in made}},
    )


def series(slug: str, **words: Any) -> Words:
    """A program of all episodes of the series of the same name."""
    return {"program": slug, "chain": [{"episodes": {"collection": "sitcoms", "series": slug}}], **words}


def compiled(
    model: StationModel,
    assets: Catalog,
    first: date = date(2026, 6, 1),
    days: int = 1,
    checkpoint: Checkpoint | None = None,
    as_of_us: int = 0,
    **more: Any,
) -> Compiled:
    return compile_station(model, assets, first, days, as_of_us, checkpoint, **more)


def sent(work: Work) -> Iterable[GroupDays]:
    """By somebody who got the work in a message, and sends the days back in one."""
    theirs: Work = pickle.loads(pickle.dumps(work))
    made: Iterable[GroupDays] = pickle.loads(pickle.dumps([theirs(number) for number in range(len(theirs))]))
    return made


def assert_tiles(result: Compiled) -> None:
    """Events and segments cover every channel's days: no gap, no overlap, events on the grid."""
    for channel in result.channels:
        days = [day for day in result.days if day.channel == channel.channel]
        assert [day.end_us for day in days[:-1]] == [day.start_us for day in days[1:]]
        events = [event for day in days for event in day.events]
        segments = [segment for day in days for segment in day.playlist]
        for rows in ([(e.start_us, e.end_us) for e in events], [(s.start_us, s.end_us) for s in segments]):
            assert rows[0][0] <= days[0].start_us
            assert rows[-1][1] >= days[-1].end_us
            for before, after in pairwise(rows):
                assert before[1] == after[0]
            assert all(start < end for start, end in rows)
        for day in days:
            for event in day.events:
                # A simulcast's programmes begin where its source's do: a grid that doesn't divide the half
                # hour of Lord Howe begins anew each day, and so elsewhere.
                if day.start_us <= event.start_us and channel.channel != "later":
                    assert (event.start_us - day.start_us) % channel.grid_us == 0
        by_event: dict[int, list[Any]] = {event.event_id: [] for event in events}
        assert len(by_event) == len(events)
        for segment in segments:
            by_event[segment.event_id].append(segment)
        for event in events:
            assert by_event[event.event_id][0].start_us == event.start_us
            assert by_event[event.event_id][-1].end_us == event.end_us


def local(result: Compiled, us: int) -> str:
    return f"{from_us(us).astimezone(ZoneInfo(result.timezone)):%a %H:%M}"


def listing(result: Compiled, channel: str = "one") -> list[str]:
    """ "Mon 20:00 Cheers S01E02" for every event."""
    return [
        f"{local(result, e.start_us)} {e.asset_id.split('/', 1)[-1] or e.program}"
        for day in result.days
        if day.channel == channel
        for e in day.events
    ]
