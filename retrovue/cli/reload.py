"""``retrovue reload``: compile the station's YAML now and put it on the air, and say whether it was."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from retrovue.cli import operator

if TYPE_CHECKING:
    from retrovue.cli.view import View

#: A large station compiles for a while (seconds).
_PATIENCE_S = 600.0


def configure(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "What the station does by itself when it notices a change, about half a minute after it at the "
        "latest, at once and with an answer: compile its YAML and take it over. Where "
        "that has a mistake, the last good schedule keeps airing, and the exit code is 1."
    )
    operator.configure(parser)


def run(args: argparse.Namespace, view: View) -> int:
    found = operator.line(args).ask("POST", "/reload", patience_s=_PATIENCE_S)
    if args.json:
        view.json(found)
        return 0
    for warning in found["warnings"]:
        view.say(f"warning: {warning}")
    words = "is on the air" if found["changed"] else "was on the air already"
    end = found["horizon_end"]
    until = f", planned until {operator.spoken(end, found['timezone'])}" if end else ""
    view.out(f"{found['artefact'][:12]} {words}{until}")
    return 0
