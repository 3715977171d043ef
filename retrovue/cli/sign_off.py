"""``retrovue sign-off on|off``: channels that show their sign-off picture instead of their schedule."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from retrovue.cli import operator
from retrovue.cli.emergency import channels, ending, order, say

if TYPE_CHECKING:
    from retrovue.cli.view import View


def configure(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="on|off", required=True, help="what to do")
    on = actions.add_parser("on", help="sign off", description="show the sign-off picture")
    off = actions.add_parser("off", help="sign on", description="take up the schedule again, in progress")
    for action in (on, off):
        operator.configure(action)
        channels(action)
        action.add_argument(
            "--quiet",
            action="store_true",
            default=argparse.SUPPRESS,
            help="no progress, only results and errors",
        )
    ending(on)


def run(args: argparse.Namespace, view: View) -> int:
    method = "POST" if args.action == "on" else "DELETE"
    line = operator.line(args)
    say(line.ask(method, "/sign-off", order(args, line)), args.json, view)
    return 0
