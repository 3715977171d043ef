"""A random station from a seed: every feature of the language, odd lengths, zones on and off the grid."""

from __future__ import annotations

from datetime import date
from random import Random
from typing import Any

from retrovue.library.catalog import Asset, Catalog
from retrovue.station.model import StationModel, parse_duration
from tests.compiler.stations import asset, catalog, station

ZONES = ("America/New_York", "Europe/Berlin", "Australia/Lord_Howe", "Asia/Kolkata")
#: Nights on which the clocks change in those zones, and a few on which they don't.
NIGHTS = tuple(
    date.fromisoformat(day)
    for day in (
        *("2026-03-07", "2026-10-31", "2026-03-28", "2026-10-24", "2026-04-04", "2026-10-03"),
        *("2026-06-01", "2026-12-31", "2028-02-28"),
    )
)
_MODES = ("sequential", "shuffle", "random", "chronological", "weighted", "marathon", "manual")
_RATES = ("", "30000/1001", "25/1", "24000/1001")
_EDGES_US = (1, 999_999, 1_799_999_999, 1_800_000_000, 1_800_000_001, 4 * 3600 * 10**6)


def random_station(seed: int, epoch: date) -> tuple[StationModel, Catalog]:
    """The station and its catalog; ``seed`` decides everything."""
    r = Random(seed)
    media: list[Asset] = []
    programs: list[dict[str, Any]] = [_program(r, number, media) for number in range(r.randint(1, 4))]
    for n in range(r.choice((0, 1, 3, 12))):
        length = r.choice((15, 30, 30.03, 15.015, 60, 10.5, 0.004, r.uniform(1, 200)))
        media.append(asset("spots", f"spot-{n}", length, advertiser=r.choice(("", "acme", "bell"))))
    for n in range(r.randint(0, 3)):
        media.append(asset("bumps", f"bump-{n}", r.uniform(1, 9)))
    slugs: list[str] = [p["program"] for p in programs]
    if r.random() < 0.5:
        again = {"program": "again", "chain": programs[0]["chain"], "rerun_of": "show-0"}
        programs.append({**again, "cursor": r.choice(("zone", "channel"))})
        slugs.append("again")
    virtuals = [_virtual(r, number, slugs) for number in range(r.randint(0, 2))]
    slugs += [v["virtual"] for v in virtuals]
    known = [*slugs, *slugs, "test-pattern", "card", "nothing"]
    plans: list[dict[str, Any]] = []
    for number in range(r.randint(1, 3)):
        plans.append(
            {
                "plan": f"plan-{number}",
                "zones": [_zone(r, n, slugs, known) for n in range(r.randint(1, 3))],
                "priority": r.randint(0, 2),
                "when": {"days": r.choice((None, None, "mon-fri", "sat", "sun"))},
            }
        )
    grid = r.choice(("5m", "10m", "15m", "30m", "60m"))
    model = station(
        plans,
        programs,
        virtuals=virtuals,
        channels=_channels(r, [plan["plan"] for plan in plans], grid),
        pools=[
            {"pool": "ads", "spots": {"collection": "spots"}, "mode": r.choice(("shuffle", "random"))},
            {"pool": "filler", "spots": {"collection": "spots"}, "kind": "filler", "mode": "sequential"},
            {"pool": "bumpers", "spots": {"collection": "bumps"}, "kind": "bumper"},
        ],
        formats=[
            {
                "break_format": "network",
                "at": r.choice(("marks", "rule", "none")),
                "otherwise": r.choice(("thirds", "center", "none", "end", "every 7m")),
                "min_spacing": r.choice(("0s", "4m")),
                "max_breaks": r.randint(0, 5),
                "open_with": r.choice((None, "bumpers")),
                "close_with": r.choice((None, "bumpers")),
                "fill_with": r.choice(((), ("ads",), ("filler",), ("ads", "filler"))),
            }
        ],
        synthetics=[{"synthetic": "card", "shows": "card", "title": "Next", "duration": "7s"}],
        timezone=r.choice(ZONES),
        broadcast_day_start=r.choice((0, 6 * 60, 2 * 60 + 15)),
        grid=grid,
        dst={"spring": r.choice(("skip", "compress")), "fall": r.choice(("fill", "repeat"))},
        breaks=r.choice((None, "network", "network")),
        off_air=r.choice(("test-pattern", "card", "show-0")),
        epoch=epoch,
        seed=seed,
    )
    return model, catalog(media)


def _program(r: Random, number: int, media: list[Asset]) -> dict[str, Any]:
    slug = f"show-{number}"
    for n in range(r.choice((0, 1, 2, 5, 8))):
        length = r.choice(_EDGES_US) if r.random() < 0.1 else round(r.uniform(60, 6000) * 10**6)
        marks = {r.randrange(1, length) for _ in range(r.randint(0, 4))} if length > 1 else set()
        media.append(
            asset(
                "sitcoms",
                f"{slug}/{n}",
                length / 1e6,
                series=slug,
                season=r.choice((None, 1, 2)),
                episode=n,
                date=r.choice(("", "1983-01-09", "1979-04-01")),
                tags=r.choice(((), ("kids",), ("kids", "late"))),
                marks_us=tuple(sorted(marks)),
                rate=r.choice(_RATES),
            )
        )
    chain: list[dict[str, Any]] = [{"episodes": {"collection": "sitcoms", "series": slug}}]
    chain *= r.choice((1, 1, 1, 3))
    if r.random() < 0.3:
        chain.insert(0, {"bumper": "bumpers"})
    if r.random() < 0.2:
        chain.append({"synthetic": "card"})
    if number and r.random() < 0.2:
        chain.append({"program": "show-0"})
    return {
        "program": slug,
        "chain": chain,
        "mode": r.choice(_MODES),
        "cursor": r.choice(("zone", "zone", "channel", "station")),
        "group_by": r.choice(("series", "season", "tag")),
        "weights": r.choice(({}, {"kids": 3}, {"kids": 0, slug: 2.5})),
        "airings": [
            {"on": night, "episode": f"S0{r.randint(1, 2)}E0{r.randint(0, 9)}"}
            for night in NIGHTS
            for _ in range(r.randint(0, 3))
        ],
        "not_before": _minutes(r) if r.random() < 0.2 else None,
        "not_after": _minutes(r) if r.random() < 0.2 else None,
    }


def _zone(r: Random, number: int, slugs: list[str], known: list[str]) -> dict[str, Any]:
    pins = {_minutes(r): r.choice(slugs) for _ in range(r.choice((0, 0, 0, 2, 5)))}
    return {
        "zone": f"zone {number}",
        "window": (_minutes(r), _minutes(r)),
        "play": r.choices(known, k=r.choice((0, 1, 2, 3))),
        "at": {f"{m // 60:02}:{m % 60:02}": what for m, what in pins.items()},
        "bleed": r.choice(("forbid", "forbid", "allow")),
        "gap": r.choice((None, "off_air")),
    }


def _virtual(r: Random, number: int, slugs: list[str]) -> dict[str, Any]:
    slug = f"virtual-{number}"
    if r.random() < 0.3:
        return {
            "virtual": slug,
            "sequence": [{"bumper": "bumpers"}, {"program": r.choice(slugs)}, {"synthetic": "card"}],
        }
    return {
        "virtual": slug,
        "rule": {
            "query": r.choice(({"collection": "sitcoms"}, {"series": "show-0"}, {"tag": "kids"})),
            "count": r.randint(1, 3),
            "order": r.choice(("shuffle", "random", "sequential", "chronological", "weighted")),
            "weights": {"kids": 2},
            "no_repeat": r.choice((None, "6h", "3d")),
            "min_total": r.choice((None, "20m")),
            "max_total": r.choice((None, "2h")),
        },
    }


def _channels(r: Random, plans: list[str], grid: str) -> list[dict[str, Any]]:
    """One channel with every plan; perhaps a second, and one that airs the first one's day later."""
    channels: list[dict[str, Any]] = [{"channel": "one", "number": "5.1", "name": "One", "plans": plans}]
    if r.random() < 0.4:
        channels.append({"channel": "two", "number": "5.2", "name": "Two", "plans": plans[:1]})
    if r.random() < 0.5:
        delay = r.choice((0, 1, 2, 12, 24)) * max(parse_duration("1h"), parse_duration(grid))
        channels.append(
            {"channel": "later", "number": "4", "name": "Later", "simulcast": "one", "delay": delay}
        )
    return channels


def _minutes(r: Random) -> int:
    return r.randrange(0, 1440, 30) if r.random() < 0.8 else r.randrange(1440)
