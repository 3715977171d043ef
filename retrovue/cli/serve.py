"""``retrovue serve STATION``: put the station on the air until it is told to stop."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Coroutine
    from datetime import datetime

    from retrovue.cli.view import View
    from retrovue.playout.control_room import StationControlRoom
    from retrovue.sign_on import StationOnAir

#: setting → (environment, type, help); the flag is --setting with dashes. YAML: ``serve:`` in station.yaml.
_SETTINGS: dict[str, tuple[str, type, str]] = {
    "bind": ("RETROVUE_BIND", str, "address to listen on"),
    "http_port": ("RETROVUE_HTTP_PORT", int, "web page, guide and tuner API"),
    "stream_port": ("RETROVUE_STREAM_PORT", int, "video"),
    "control_port": ("RETROVUE_CONTROL_PORT", int, "HDHomeRun discovery and control; clients expect 65001"),
    "htsp_port": ("RETROVUE_HTSP_PORT", int, "HTSP of the Tvheadend front-end"),
    "tvheadend_port": ("RETROVUE_TVHEADEND_PORT", int, "HTTP of the Tvheadend front-end"),
    "discovery": ("RETROVUE_DISCOVERY", str, "who may find the tuner: auto, on or off"),
    "external_url": ("RETROVUE_EXTERNAL_URL", str, "URL that clients use when they can't reach ours"),
}  # fmt: skip
_DISCOVERY = ("auto", "on", "off")


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("station", type=Path, metavar="STATION", help="folder of the station's YAML")
    for name, (variable, kind, text) in _SETTINGS.items():
        parser.add_argument(
            "--" + name.replace("_", "-"),
            type=kind,
            choices=_DISCOVERY if name == "discovery" else None,
            metavar=None if name == "discovery" else "ADDR" if kind is str else "N",
            help=f"{text} (environment: {variable})",
        )
    parser.add_argument("--state", metavar="DIR", help="state directory (environment: RETROVUE_STATE)")
    parser.add_argument(
        "--at",
        metavar="TIME",
        help="station time at sign-on, like 2026-11-26T19:58:00-05:00 or, in station time, 2026-11-26 19:58; "
        "it runs on from there",
    )
    parser.add_argument(
        "--speed",
        metavar="N",
        type=_speed,
        default=1.0,
        help="station time passes N times as fast as real time, 0.1 to 100: for tests, not for televisions",
    )
    parser.add_argument("--no-zeroconf", action="store_true", help="do not announce the station by mDNS")
    parser.add_argument("--verbose", action="store_true", help="say more")


def run(args: argparse.Namespace, view: View) -> int:
    import asyncio
    import logging

    from retrovue.sign_on import SignOnOptions

    overrides = {name: _setting(args, name) for name in _SETTINGS}
    if args.no_zeroconf:
        overrides["zeroconf"] = False
    level = logging.DEBUG if args.verbose else logging.WARNING if args.quiet else logging.INFO
    logging.basicConfig(level=level, handlers=[view.log_handler()])
    for chatty in ("asyncio", "zeroconf", "aiohttp"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    options = SignOnOptions(
        args.station, args.state, _at(args), args.speed, {k: v for k, v in overrides.items() if v is not None}
    )
    return asyncio.run(_serve(options, view))


def _at(args: argparse.Namespace) -> datetime | None:
    """The instant of ``--at``; None: the real time. Raises ``RetroVueError``."""
    from datetime import datetime
    from zoneinfo import ZoneInfo

    from retrovue.cli.arguments import station_time
    from retrovue.clock import StationClock
    from retrovue.library.adapters import settings_models
    from retrovue.station.load import require_station
    from retrovue.units import from_us

    if args.at is None:
        return None
    try:
        found = datetime.fromisoformat(args.at)
    except ValueError:
        found = None
    if found is not None and found.tzinfo is not None:
        return from_us(station_time(args.at, ZoneInfo("UTC"), 0))
    zone = ZoneInfo(require_station(args.station, settings_models()).station.timezone)
    return from_us(station_time(args.at, zone, StationClock().now_us()))


def _speed(text: str) -> float:
    try:
        speed = float(text)
    except ValueError:
        speed = 0.0
    if not 0.1 <= speed <= 100:
        raise argparse.ArgumentTypeError(f"“{text}” is no speed: 0.1 to 100, 1 is real time")
    return speed


def _setting(args: argparse.Namespace, name: str) -> Any:
    """The flag, else the environment, else None (then YAML decides)."""
    from retrovue.errors import RetroVueError

    variable, kind, _ = _SETTINGS[name]
    value = getattr(args, name)
    source = "--" + name.replace("_", "-")
    if value is None and os.environ.get(variable):
        source = variable
        try:
            value = kind(os.environ[variable])
        except ValueError:
            raise RetroVueError(f"{variable}={os.environ[variable]!r} is no number") from None
    if kind is int and value is not None and not 0 <= value <= 65535:
        raise RetroVueError(f"{source} {value} is no port", help="a port is 1 to 65535; 0 takes any free one")
    if name == "discovery" and value is not None and value not in _DISCOVERY:
        raise RetroVueError(f"{source} {value!r} is none of {', '.join(_DISCOVERY)}")
    return value


async def _serve(options: Any, view: View) -> int:
    import asyncio
    import contextlib
    import signal

    from retrovue.sign_on import StationOnAir

    loop = asyncio.get_running_loop()
    told = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        # Who starts it with nohup wants it to outlive the terminal.
        if number != signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:
            loop.add_signal_handler(number, told.set)
    station = StationOnAir(options)
    orders = _take_signals(station, loop)
    starting = asyncio.create_task(station.start())
    waiting = asyncio.create_task(told.wait())
    view.say("signing on …")
    try:
        await asyncio.wait({starting, waiting}, return_when=asyncio.FIRST_COMPLETED)
        if starting.done():
            starting.result()  # raises what start raised
            _say_where(station, view)
            await waiting
            await asyncio.gather(*orders, return_exceptions=True)
        else:
            starting.cancel()
            await asyncio.gather(starting, return_exceptions=True)
    finally:
        waiting.cancel()
        with contextlib.suppress(OSError):  # the terminal may be what has gone
            view.say("signing off …")
        await station.stop("the station signs off")
    return 0


def _take_signals(station: StationOnAir, loop: asyncio.AbstractEventLoop) -> set[asyncio.Task[None]]:
    """SIGUSR1: an emergency as the YAML has it, on all channels. SIGUSR2: all clear."""
    import asyncio
    import signal

    running: set[asyncio.Task[None]] = set()

    def order(give: Callable[[StationControlRoom], Coroutine[Any, Any, None]]) -> None:
        if station.control is None:
            return  # signing on: there is nothing on the air to interrupt
        task = asyncio.create_task(give(station.control))
        running.add(task)
        task.add_done_callback(running.discard)

    loop.add_signal_handler(signal.SIGUSR1, order, lambda control: control.emergency())
    loop.add_signal_handler(signal.SIGUSR2, order, lambda control: control.all_clear())
    return running


def _say_where(station: StationOnAir, view: View) -> None:
    headend, lineup = station.headend, station.station
    assert headend is not None
    assert lineup is not None
    status = lineup.status()
    view.out(f"{status.name} is on the air: {len(lineup.channels())} channels")
    for line in headend.addresses():
        view.out(line)
    for line in headend.warnings():
        view.out(f"note: {line}")
