"""Simulation: the report of a long stretch of schedule, as text and JSON; pure.

The JSON document: ``station``, ``from``, ``to`` (instants), ``first_day``, ``days``, ``warnings`` (code,
count, headline of the first), ``channels``: each with ``programs`` (``airings``, ``hours``,
``shortest_repeat_s``, ``median_repeat_s`` and their ``assets``), ``special_days``, ``watershed`` (``held``,
``breaches``), ``spots``, ``deliveries`` (spot, flight, contracted, due, delivered), ``fill`` (hours of
program, spots and generated pictures; ``share`` of break time that spots fill; ``relaxed`` rules).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from retrovue.compiler.model import Compiled
from retrovue.compiler.simulate import AssetAirings, ChannelSimulation, ProgramAirings
from retrovue.diagnostics.render import printable
from retrovue.reports.wording import day, named, plural, utc, when
from retrovue.units import HOUR_US, MINUTE_US, SECOND_US

#: Lines of a list of spots, and of special days of one kind, on a terminal.
_SHOWN = 12


def apart(us: int | None) -> str:
    """ "45m", "26h", "9d": how far apart, to be read at a glance."""
    if us is None:
        return "never"
    if us < 2 * HOUR_US:
        return f"{us // MINUTE_US}m"
    if us < 72 * HOUR_US:
        return f"{us / HOUR_US:.3g}h"
    return f"{us / (24 * HOUR_US):.3g}d"


def text(compiled: Compiled, channels: Sequence[ChannelSimulation], episodes: bool = False) -> str:
    """For a terminal. ``episodes``: also a line for each asset."""
    zone = ZoneInfo(compiled.timezone)
    days = (compiled.last_day - compiled.first_day).days + 1
    lines = [
        printable(
            f"{compiled.name}: {plural(days, 'broadcast day')}, {compiled.first_day:%a %d %b %Y} to "
            f"{compiled.last_day:%a %d %b %Y}"
        )
    ]
    for channel in channels:
        lines += _channel(channel, zone, episodes)
    warnings = Counter(d.code for d in compiled.diagnostics)
    lines += ["", f"{plural(warnings.total(), 'warning')}" + (":" if warnings else "")]
    for d in compiled.diagnostics:
        place = f"{d.span.file}:{d.span.line}: " if d.span else ""
        lines.append(printable(f"  {place}{d.headline} [{d.code}]"))
    return "\n".join(lines)


def _channel(c: ChannelSimulation, zone: ZoneInfo, episodes: bool) -> Iterator[str]:
    yield ""
    yield printable(f"{c.channel.number}  {c.channel.name}")
    yield f"  {'airings':>9} {'hours':>8} {'assets':>7} {'repeats: soonest':>17} {'median':>7}  program"
    for p in c.programs:
        yield printable(
            f"  {p.airings:>9,} {p.air_us / HOUR_US:>8,.1f} {len(p.assets):>7,} "
            f"{apart(p.shortest_us):>17} {apart(p.median_us):>7}  {p.program}"
        )
        if episodes:
            for a in p.assets:
                last = when(a.last_us, zone)
                yield printable(
                    f"  {a.airings:>9,} {'':>8} {'':>7} {apart(a.shortest_us):>17} {'':>7}    "
                    f"{named(a.event)}, last {last}"
                )
    yield from _fill(c)
    yield from _deliveries(c)
    if c.watersheds:
        kept = "all kept" if not c.breaches else plural(len(c.breaches), "breach", "breaches")
        yield f"  watershed: {plural(c.watersheds, 'airing')} held against one, {kept}"
        for breach in c.breaches[:_SHOWN]:
            said = f"{when(breach.event.start_us, zone)} {named(breach.event)}: {breach.rule}"
            yield printable(f"    {said}")
    if c.uncovered_us:
        yield f"  no plan: {c.uncovered_us / HOUR_US:,.1f} hours off the air"
    if c.special:
        yield "  special days:"
        for special in c.special[: 4 * _SHOWN]:
            yield printable(f"    {day(special.on)} {special.on.year}  {special.what}")
        if len(c.special) > 4 * _SHOWN:
            yield f"    … and {len(c.special) - 4 * _SHOWN} more"


def _fill(c: ChannelSimulation) -> Iterator[str]:
    fill = c.fill
    hours = [
        (fill.program_us, "programme"),
        (fill.spot_us, "spots"),
        (fill.ident_us, "idents that close breaks"),
        (fill.synthetic_us, "generated"),
    ]
    said = ", ".join(f"{us / HOUR_US:,.1f} h {word}" for us, word in hours if us)
    yield f"  air time: {said}"
    if fill.break_us:
        worst = f", worst {fill.worst_share:.2%} on {day(fill.worst_day)}" if fill.worst_day else ""
        yield f"  fill: {fill.share:.2%} of break time in {plural(fill.pods, 'pod')}{worst}"
    if fill.relaxed:
        yield "  rules given up: " + ", ".join(f"{rule} {count:,}×" for rule, count in fill.relaxed)
    if c.spots:
        soonest = min((s for s in c.spots if s.shortest_us is not None), key=_distance, default=None)
        total = sum(s.airings for s in c.spots)
        line = f"  spots: {plural(total, 'airing')} of {plural(len(c.spots), 'spot')}"
        if soonest is not None:
            line += f", the same again after {apart(soonest.shortest_us)} at the soonest ({soonest.asset_id})"
        yield printable(line)


def _distance(spot: Any) -> int:
    return int(spot.shortest_us)


def _deliveries(c: ChannelSimulation) -> Iterator[str]:
    if not c.deliveries:
        return
    short = [d for d in c.deliveries if d.delivered < d.due]
    yield (
        f"  contracts: {plural(len(c.deliveries), 'flight')}, "
        + (f"{len(short)} behind" if short else "none behind")
    )
    for d in sorted(c.deliveries, key=lambda d: d.delivered - d.due)[:_SHOWN]:
        yield printable(
            f"    {d.delivered:>6,} of {d.contracted:>6,} delivered, {d.due:>6,} due  {d.spot}  {d.flight}"
        )
    if len(c.deliveries) > _SHOWN:
        yield f"    … and {len(c.deliveries) - _SHOWN} more"


# --- JSON ------------------------------------------------------------------------------------------


def as_json(compiled: Compiled, channels: Sequence[ChannelSimulation]) -> dict[str, Any]:
    """The document described at the top of this module."""
    heads: dict[str, str] = {}
    for d in compiled.diagnostics:
        heads.setdefault(d.code, d.headline)
    counts = Counter(d.code for d in compiled.diagnostics)
    return {
        "station": compiled.station,
        "name": compiled.name,
        "timezone": compiled.timezone,
        "first_day": compiled.first_day.isoformat(),
        "last_day": compiled.last_day.isoformat(),
        "days": (compiled.last_day - compiled.first_day).days + 1,
        "content_hash": compiled.content_hash,
        "warnings": [
            {"code": code, "count": counts[code], "headline": headline} for code, headline in heads.items()
        ],
        "channels": [_channel_json(c) for c in channels],
    }


def _channel_json(c: ChannelSimulation) -> dict[str, Any]:
    fill = c.fill
    return {
        "channel": c.channel.channel,
        "number": c.channel.number,
        "name": c.channel.name,
        "from": utc(c.start_us),
        "to": utc(c.end_us),
        "programs": [_program(p) for p in c.programs],
        "special_days": [{"date": s.on.isoformat(), "what": s.what} for s in c.special],
        "watershed": {
            "held": c.watersheds,
            "breaches": [
                {
                    "start": utc(b.event.start_us),
                    "program": b.event.program,
                    "title": b.event.title,
                    "rule": b.rule,
                }
                for b in c.breaches
            ],
        },
        "spots": [
            {
                "asset": s.asset_id,
                "title": s.title,
                "kind": s.kind.value,
                "airings": s.airings,
                "shortest_repeat_s": _seconds(s.shortest_us),
            }
            for s in c.spots
        ],
        "deliveries": [
            {
                "spot": d.spot,
                "flight": d.flight,
                "contracted": d.contracted,
                "due": d.due,
                "delivered": d.delivered,
            }
            for d in c.deliveries
        ],
        "fill": {
            "program_hours": fill.program_us / HOUR_US,
            "spot_hours": fill.spot_us / HOUR_US,
            "ident_hours": fill.ident_us / HOUR_US,
            "synthetic_hours": fill.synthetic_us / HOUR_US,
            "break_hours": fill.break_us / HOUR_US,
            "share": fill.share,
            "pods": fill.pods,
            "relaxed": dict(fill.relaxed),
            "worst_day": fill.worst_day.isoformat() if fill.worst_day else None,
            "worst_share": fill.worst_share,
        },
        "uncovered_hours": c.uncovered_us / HOUR_US,
    }


def _program(p: ProgramAirings) -> dict[str, Any]:
    return {
        "program": p.program,
        "title": p.title,
        "airings": p.airings,
        "hours": p.air_us / HOUR_US,
        "shortest_repeat_s": _seconds(p.shortest_us),
        "median_repeat_s": _seconds(p.median_us),
        "assets": [_asset(a) for a in p.assets],
    }


def _asset(a: AssetAirings) -> dict[str, Any]:
    return {
        "asset": a.asset_id,
        "title": a.event.title,
        "subtitle": a.event.subtitle,
        "season": a.event.season,
        "episode": a.event.episode,
        "airings": a.airings,
        "first": utc(a.event.start_us),
        "last": utc(a.last_us),
        "shortest_repeat_s": _seconds(a.shortest_us),
    }


def _seconds(us: int | None) -> float | None:
    return None if us is None else us / SECOND_US
