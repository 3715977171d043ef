"""``retrovue emergency on|off|status``: a fictional emergency on the station that is on the air."""

from __future__ import annotations

import argparse
import re
from datetime import datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from retrovue.cli import operator

if TYPE_CHECKING:
    from retrovue.cli.view import View


def configure(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="on|off|status", required=True, help="what to do")
    on = actions.add_parser("on", help="put it on the air", description="put an emergency on the air")
    operator.configure(on)
    on.add_argument("--text", help="what it says; default: the text under emergency: in station.yaml")
    on.add_argument(
        "--mode",
        choices=("crawl", "takeover"),
        help="crawl: text over the programme; takeover: a card with a bell instead of it; default: the YAML",
    )
    channels(on)
    ending(on)
    off = actions.add_parser("off", help="all clear", description="all clear: resume what is on, in progress")
    operator.configure(off)
    channels(off)
    status = actions.add_parser("status", help="what is ordered", description="what is ordered, by channel")
    operator.configure(status)
    for action in (on, off, status):
        action.add_argument(
            "--quiet",
            action="store_true",
            default=argparse.SUPPRESS,
            help="no progress, only results and errors",
        )


def channels(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--channel",
        action="append",
        metavar="NUMBER",
        help="only this channel, by number or slug; may be given again; default: all",
    )


def ending(parser: argparse.ArgumentParser) -> None:
    end = parser.add_mutually_exclusive_group()
    end.add_argument("--for", dest="lasts", metavar="10m", type=_duration, help="how long; else until told")
    end.add_argument(
        "--until",
        metavar="TIME",
        help="until then: 06:00 (the next) or fri 06:00 in station time, or 2026-11-26T20:00:00-05:00",
    )


def order(args: argparse.Namespace, line: operator.Line) -> dict[str, Any]:
    """The keys of the API that channels and ending come to."""
    body: dict[str, Any] = {}
    if args.channel:
        body["channels"] = args.channel
    if getattr(args, "lasts", None) is not None:
        body["seconds"] = args.lasts
    if getattr(args, "until", None) is not None:
        body["until"] = _instant(args.until, line)
    return body


def _instant(text: str, line: operator.Line) -> str:
    """The instant of ``text`` by the clock of the station that is spoken to; of "06:00" the next one."""
    from retrovue.cli.arguments import station_time
    from retrovue.errors import RetroVueError
    from retrovue.units import from_us, to_us

    status = line.ask("GET", "/status")
    zone, now_us = ZoneInfo(status["timezone"]), to_us(datetime.fromisoformat(status["now"]))
    at_us = station_time(text, zone, now_us)
    if at_us <= now_us and re.fullmatch(r"[\d:]+", text.strip()):
        at_us = station_time(f"tomorrow {text}", zone, now_us)
    if at_us <= now_us:
        raise RetroVueError(f"“{text}” has passed", help="say a time to come, or --for 10m")
    return from_us(at_us).isoformat()


def run(args: argparse.Namespace, view: View) -> int:
    line = operator.line(args)
    if args.action == "status":
        answer = line.ask("GET", "/orders")
    elif args.action == "off":
        answer = line.ask("DELETE", "/emergency", order(args, line))
    else:
        body = order(args, line)
        if args.text is not None:
            body["text"] = args.text
        if args.mode is not None:
            body["mode"] = args.mode
        answer = line.ask("POST", "/emergency", body)
    say(answer, args.json, view)
    return 0


def say(answer: dict[str, Any], as_json: bool, view: View) -> None:
    """The orders in force."""
    if as_json:
        view.json(answer)
        return
    for state in answer["channels"]:
        view.out(f"{state['number']:>6}  {state['channel']}: {_words(state, answer['timezone'])}")


def _words(state: dict[str, Any], timezone: str) -> str:
    words = []
    if emergency := state["emergency"]:
        until = _until(emergency, timezone)
        words.append(f"fictional emergency ({emergency['mode']}){until}: {emergency['text']}")
    if sign_off := state["sign_off"]:
        words.append(f"signed off{_until(sign_off, timezone)}")
    return "; beneath it ".join(words) or "normal"


def _until(order: dict[str, Any], timezone: str) -> str:
    return f" until {operator.spoken(order['until'], timezone)}" if order["until"] else ""


def _duration(text: str) -> float:
    """Seconds of "10m"."""
    from retrovue.station.model import parse_duration
    from retrovue.units import SECOND_US

    try:
        seconds = parse_duration(text) / SECOND_US
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    if seconds <= 0:
        raise argparse.ArgumentTypeError(f"{text!r} is no time at all")
    return seconds
