"""``retrovue status``: how every channel of the station that is on the air is doing."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from retrovue.cli import operator

if TYPE_CHECKING:
    from retrovue.cli.view import View


def configure(parser: argparse.ArgumentParser) -> None:
    operator.configure(parser)


def run(args: argparse.Namespace, view: View) -> int:
    status = operator.line(args).ask("GET", "/status")
    if args.json:
        view.json(status)
        return 0
    now = operator.spoken(status["now"], status["timezone"])
    view.out(f"{status['name']}, {now}, artefact {status['artefact'][:12]}")
    if (encoders := status["encoders"]) and encoders["budget"] is not None:
        view.out(f"encoders take {encoders['used']:g} of {encoders['budget']:g} cores")
    for warning in status["warnings"]:
        view.out(f"warning: {warning}")
    for state in status["channels"]:
        view.out(f"{state['number']:>6}  {state['name']}: {_words(state)}")
    return 0


def _words(state: dict[str, Any]) -> str:
    words = [str(state["health"])]
    if state["mode"] != "normal":
        words.append(str(state["mode"]))
    if state["viewers"]:
        words.append(f"{state['viewers']} watching")
    if state["now"]:
        words.append(str(state["now"]["title"]))
    if state["slate_ticks"]:
        words.append(f"{state['slate_ticks']} frames of slate")
    if state["restarts"]:
        words.append(f"{state['restarts']} restarts")
    if state["behind_s"]:
        words.append(f"{state['behind_s']:g} s behind")
    if state["detail"]:
        words.append(str(state["detail"]))
    return ", ".join(words)
