"""``retrovue simulate``: what months of schedule come to, without publishing any of it."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from retrovue.cli.arguments import broadcast_date, instant, whole_days
from retrovue.garbage import no_search_for_garbage

if TYPE_CHECKING:
    from retrovue.cli.view import View


def configure(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Compile many days in memory and report: airings per program, how soon anything repeats, spots "
        "against their contracts, the watershed, how well breaks are filled, and the days that are special."
    )
    parser.add_argument("station", metavar="STATION", type=Path, help="the station folder")
    parser.add_argument("--days", metavar="N", type=whole_days, default=30, help="how many days; 30")
    parser.add_argument(
        "--from",
        dest="first_day",
        metavar="DATE",
        type=broadcast_date,
        help="first broadcast date; the current one when absent",
    )
    parser.add_argument("--channel", metavar="N", help="one channel, by number or slug")
    parser.add_argument("--episodes", action="store_true", help="also a line for each episode")
    parser.add_argument("--as-of", metavar="INSTANT", type=instant, help="as if it were this instant")
    parser.add_argument("--json", action="store_true", help="the whole report as JSON")


@no_search_for_garbage()
def run(args: argparse.Namespace, view: View) -> int:
    from retrovue.cli.bench import Bench, chosen_channels
    from retrovue.clock import StationClock
    from retrovue.compiler.channels import compiled_channels
    from retrovue.compiler.simulate import simulate
    from retrovue.reports.simulation import as_json, text
    from retrovue.units import to_us

    bench = Bench(args.station)
    chosen = {c.channel for c in chosen_channels(compiled_channels(bench.model), args.channel)}
    as_of_us = to_us(args.as_of) if args.as_of else StationClock().now_us()
    compiled = bench.only(chosen).compile(args.first_day, args.days, as_of_us, show=view.progress)
    report = tuple(c for c in simulate(bench.model, compiled) if c.channel.channel in chosen)
    if args.json:
        view.json(as_json(compiled, report))
    else:
        view.out(text(compiled, report, args.episodes))
    return 0
