"""``retrovue why CHANNEL TIME``: the chain from the plan to the pick, each link with its place."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from retrovue.cli.arguments import station_time
from retrovue.cli.bench import add_artefact_options, chosen_channels, is_new
from retrovue.errors import RetroVueError
from retrovue.units import HOUR_US

if TYPE_CHECKING:
    from pathlib import Path
    from zoneinfo import ZoneInfo

    from retrovue.cli.view import View
    from retrovue.compiler.model import ScheduleEvent
    from retrovue.reports.explanation import Explanation

#: What airs so long before is looked at: more than any broadcast day.
_BEFORE_US = 26 * HOUR_US


def configure(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Why this airs then: the plan, the zone, the program, the rule and the pick, with file and line, and "
        "the plans that gave way. With the station folder also the candidates, and the commit that wrote "
        "each line, and of a time that has passed, or under an order, what really left and why, where that "
        "is not the plan. Times: 2026-11-26T20:00:00-05:00; in station time 2026-11-26 20:00, fri 20:00 "
        "(this or the next), 20:00 (today), now."
    )
    parser.add_argument("channel", metavar="CHANNEL", help="number or slug")
    parser.add_argument("time", metavar="TIME", help="an instant, or a time of the station")
    add_artefact_options(parser)
    parser.add_argument("--json", action="store_true", help="as JSON")


def run(args: argparse.Namespace, view: View) -> int:
    from zoneinfo import ZoneInfo

    from retrovue.clock import StationClock
    from retrovue.reports.explanation import as_json, text
    from retrovue.store import Artefact

    bench = None
    earlier: list[ScheduleEvent] = []
    path: Path | None = args.artefact
    if args.station is not None:
        from retrovue.cli.bench import Bench

        bench = Bench(args.station, state=args.state)
        path = path or bench.artefact
    if path is None:
        raise RetroVueError("which station?", help="name its folder, or an artefact with --artefact FILE")
    now_us = StationClock().now_us()
    if bench is not None and args.artefact is None and not path.exists():
        found, zone, earlier = _compiled(args, bench, now_us)
    else:
        with Artefact.open(path) as artefact:
            zone = ZoneInfo(artefact.header.timezone)
            at_us = station_time(args.time, zone, now_us)
            new = bench is not None and args.artefact is None and is_new(artefact.channels, args.channel)
            events = []
            if not new:
                (channel,) = chosen_channels(artefact.channels, args.channel)
                events = artefact.events(channel.channel, at_us, at_us + 1)
            if events:
                from retrovue.reports.explanation import Explanation, barred

                segment = next(iter(artefact.segments(channel.channel, at_us, at_us + 1)), None)
                found = Explanation(
                    channel,
                    at_us,
                    events[0],
                    segment,
                    artefact.reasons(channel.channel, at_us),
                    artefact.aired_before(events[0]),
                    revision=artefact.header.revision,
                    barred=barred(artefact.asset, events[0], segment),
                )
                earlier = artefact.events(
                    channel.channel, events[0].start_us - _BEFORE_US, events[0].start_us
                )
                main = artefact.asset(events[0].asset_id)
                found.dayparts = main.dayparts if main is not None else ()
            elif bench is not None and args.artefact is None:
                found, zone, earlier = _compiled(args, bench, now_us)
            else:
                h = artefact.header
                raise RetroVueError(
                    f"the artefact says nothing of then: it covers {h.first_day:%a %d %b %Y} to "
                    f"{h.last_day:%a %d %b %Y}",
                    help="name the station folder instead: it compiles any day",
                )
    if bench is not None:
        _deepen(found, bench, earlier)
        _look_back(found, bench.artefact.parent, view)
    if args.json:
        view.json(as_json(found, zone))
    else:
        view.out(text(found, zone))
    return 0


def _compiled(
    args: argparse.Namespace, bench: Any, now_us: int
) -> tuple[Explanation, ZoneInfo, list[ScheduleEvent]]:
    """The same from the station as it stands, compiled in memory; and what airs before."""
    from zoneinfo import ZoneInfo

    from retrovue.compiler.channels import compiled_channels
    from retrovue.compiler.why import reasons
    from retrovue.reports.explanation import Explanation, at

    zone = ZoneInfo(bench.model.station.timezone)
    at_us = station_time(args.time, zone, now_us)
    (channel,) = chosen_channels(compiled_channels(bench.model), args.channel)
    compiled = bench.only({channel.channel}).compile_around(at_us, at_us + 1, now_us)
    why = reasons(bench.model, bench.catalog, compiled)
    events = [e for d in compiled.days if d.channel == channel.channel for e in d.events]
    segments = [s for d in compiled.days if d.channel == channel.channel for s in d.playlist]
    event = next((e for e in events if e.start_us <= at_us < e.end_us), None)
    if event is None:
        raise RetroVueError(
            "nothing can be compiled for then", help="choose a date after the station's epoch"
        )
    before = [
        e
        for e in events
        if e.start_us < event.start_us
        and (e.plan, e.zone, e.program) == (event.plan, event.zone, event.program)
    ]
    segment = next((s for s in segments if s.start_us <= at_us < s.end_us), None)
    found = Explanation(
        channel, at_us, event, segment, at(why, event, segment), before[-1] if before else None
    )
    return found, zone, [e for e in events if e.start_us < event.start_us]


def _look_back(found: Explanation, state: Path, view: View) -> None:
    """What the as-run log says of that instant, and the orders in force."""
    from dataclasses import replace

    from retrovue.lineup import ChannelId, Emergency, Orders, SignOff
    from retrovue.playout import as_run_log
    from retrovue.playout.control_room import FILE, kept_orders
    from retrovue.units import to_us

    channel, at_us = found.channel.channel, found.at_us

    def holds(order: Emergency | SignOff | None) -> bool:
        return (
            order is not None
            and to_us(order.since) <= at_us
            and (order.until is None or at_us < to_us(order.until))
        )

    try:
        found.left = next(iter(as_run_log.read(state / "as-run", [channel], at_us, at_us + 1)), None)
    except as_run_log.AsRunError as error:
        view.say(f"note: {error}")
    try:
        orders = kept_orders(state).of(ChannelId(channel))
    except (OSError, ValueError) as error:
        view.say(f"note: {state / FILE} can't be read: {error}")
        orders = Orders()
    found.orders = replace(
        orders,
        emergency=orders.emergency if holds(orders.emergency) else None,
        sign_off=orders.sign_off if holds(orders.sign_off) else None,
    )


def _deepen(found: Explanation, bench: Any, earlier: list[ScheduleEvent]) -> None:
    """What only the station folder knows: the candidates, rules of the clock, and who wrote each line."""
    from retrovue.compiler.asset_rules import rule_of
    from retrovue.compiler.obstacles import passed_over
    from retrovue.compiler.turned_clocks import clock_rule
    from retrovue.compiler.why import candidates_at, listed_at
    from retrovue.reports.explanation import places
    from retrovue.revision import blame

    if _is_manual(found):
        found.listed, found.listed_at = listed_at(bench.model, bench.catalog, found.event)
    if not found.listed:  # what is listed was not picked from anything
        found.candidates = candidates_at(bench.model, bench.catalog, found.event)
    channel = next((c for c in bench.model.channels if c.channel == found.channel.channel), None)
    if channel is not None and (rule := clock_rule(bench.model, channel, found.event, earlier)) is not None:
        found.clocks, found.clocks_at = rule
    if channel is not None:
        found.passed = passed_over(bench.model, bench.catalog, channel, found.event, earlier)
    asset = bench.catalog.assets.get(found.event.asset_id)
    if asset is not None and asset.dayparts:
        found.dayparts, found.dayparts_at = asset.dayparts, rule_of(bench.model, asset)
    revision = found.revision.removesuffix("+") if found.revision and not found.revision.endswith("+") else ""
    for place in places(found):
        file, line = place.rsplit(":", 2)[:2]
        origin = blame(bench.folder, file, int(line), revision)
        if origin is not None:
            found.commits[place] = origin


def _is_manual(found: Explanation) -> bool:
    """By the mode of its program, unless the zone's entry has another."""
    mode = next((origin.mode for origin in found.reasons.origins), "")
    here = next((entry.mode for entry in found.reasons.entries if entry.mode), mode)
    return here == "manual"
