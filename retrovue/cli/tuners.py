"""``retrovue tuners``: who has which tuner of the station that is on the air, and an end to it."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from retrovue.cli import operator
from retrovue.errors import RetroVueError

if TYPE_CHECKING:
    from retrovue.cli.view import View


def configure(parser: argparse.ArgumentParser) -> None:
    operator.configure(parser)
    parser.add_argument(
        "--kick", metavar="N", type=int, help="free tuner N: whoever has it is disconnected (needs the token)"
    )
    parser.add_argument("--device", metavar="ID", help="of this device, where the station has several")


def run(args: argparse.Namespace, view: View) -> int:
    line = operator.line(args)
    if args.kick is None:
        found = line.ask("GET", "/tuners")
    else:
        body: dict[str, Any] = {"tuner": args.kick}
        if args.device:
            body["device"] = args.device
        found = line.ask("DELETE", "/tuners", body)
    if args.device:
        there = found["devices"]
        found["devices"] = [d for d in there if d["device"] == args.device.upper()]
        if not found["devices"]:
            names = ", ".join(f"{d['device']} ({d['name']})" for d in there)
            raise RetroVueError(f"there is no device {args.device}", help=f"devices: {names}")
    if args.json:
        view.json(found)
        return 0
    for device in found["devices"]:
        view.out(f"{device['device']}  {device['name']}")
        for tuner in device["tuners"]:
            view.out(f"  tuner{tuner['index']}  {_words(tuner)}")
    return 0


def _words(tuner: dict[str, Any]) -> str:
    channel = f"{tuner['number']} {tuner['name']}" if tuner["number"] else ""
    if not tuner["client"]:
        return f"free, tuned to {channel}" if channel else "free"
    words = [channel] if channel else []
    words.append(f"to {tuner['target']}" if tuner["target"] else f"locked by {tuner['client']}")
    if tuner["target"]:
        if tuner["locked"]:
            words.append("locked")
        words.append(f"{tuner['bits_s'] / 1e6:.1f} Mbit/s for {_lasts(tuner['lasts_s'])}")
        if tuner["idle_s"] >= 5:
            words.append(f"nothing taken for {_lasts(tuner['idle_s'])}")
    if tuner["agent"]:
        words.append(tuner["agent"])
    return ", ".join(words)


def _lasts(seconds: float) -> str:
    whole = int(seconds)
    if whole < 60:
        return f"{whole} s"
    return f"{whole // 60} min" if whole < 3600 else f"{whole // 3600} h {whole % 3600 // 60} min"
