"""``retrovue doctor``: can this machine put a station on the air, and if not, what to do about it.

Looks only: it makes no file and leaves no port open.
"""

from __future__ import annotations

import argparse
import errno
import os
import shutil
import socket
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from ipaddress import IPv4Address
from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from retrovue.cli.view import View
    from retrovue.station.model import Serve

#: Bytes of free disk below which artefacts and as-run don't fit; below ten times as much it is a remark.
LEAST_DISK = 100_000_000

#: port, kind, what it is for, and what to do when it can't be opened.
PORTS: tuple[tuple[int, Literal["tcp", "udp"], str, str], ...] = (
    (8080, "tcp", "web page, guide and tuner API", "give serve another --http-port"),
    (
        80,
        "tcp",
        "with it, clients find the tuner by themselves",
        "add the station to clients by its address instead, or let the process open port 80 "
        "(sysctl net.ipv4.ip_unprivileged_port_start=80, or CAP_NET_BIND_SERVICE in its systemd unit)",
    ),
    (5004, "tcp", "the video", "give serve another --stream-port"),
    (65001, "udp", "HDHomeRun discovery", "stop the other tuner program, or add the station by its address"),
    (65001, "tcp", "HDHomeRun control", "stop the other tuner program, or add the station by its address"),
    (9982, "tcp", "Tvheadend's HTSP", "stop the other server, set --htsp-port, or do without"),
    (
        9981,
        "tcp",
        "Tvheadend's HTTP",
        "stop the other server, set --tvheadend-port, or do without",
    ),
)
#: The variables that name other ports (README, Configuration).
VARIABLES = {
    8080: "RETROVUE_HTTP_PORT",
    5004: "RETROVUE_STREAM_PORT",
    65001: "RETROVUE_CONTROL_PORT",
    9982: "RETROVUE_HTSP_PORT",
    9981: "RETROVUE_TVHEADEND_PORT",
}
#: And what names them in a station's YAML, under ``serve:``.
_SETTINGS = {
    variable_port: name.removeprefix("RETROVUE_").lower() for variable_port, name in VARIABLES.items()
}
_TVHEADEND = (9982, 9981)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. Only a ``problem`` keeps the station off the air."""

    name: str
    level: Literal["ok", "remark", "problem"]
    text: str
    help: str = ""


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "station",
        metavar="STATION",
        type=Path,
        nargs="?",
        help="a station folder: then it is that station's ports and state directory that are looked at",
    )
    parser.add_argument("--json", action="store_true", help="the findings as JSON")
    parser.add_argument("--state", metavar="DIR", help="the state directory that serve would use")


def run(args: argparse.Namespace, view: View) -> int:
    findings = list(examine(args.state, args.station))
    problems = sum(f.level == "problem" for f in findings)
    if args.json:
        from retrovue.ffmpeg_binary import FfmpegMissing, choose_ffmpeg

        try:
            ffmpeg = asdict(choose_ffmpeg())
        except FfmpegMissing:
            ffmpeg = None
        view.json({"ready": not problems, "ffmpeg": ffmpeg, "findings": [asdict(f) for f in findings]})
    else:
        for finding in findings:
            if args.quiet and finding.level == "ok":
                continue
            view.out(f"{finding.level:8}{finding.name:16}{finding.text}")
            if finding.help:
                view.out(f"{'':24}help: {finding.help}")
        view.out(
            "This machine can air."
            if not problems
            else f"This machine can't air yet: {problems} problem{'s' if problems > 1 else ''}."
        )
    return 1 if problems else 0


def examine(state: str | None, station: Path | None = None) -> Iterator[Finding]:
    """Every finding, in the order of the chain. ``state``: the value of ``--state``.

    ``station``: a folder. Raises ``RetroVueError`` for mistakes in its YAML.
    """
    from retrovue.library.adapters import settings_models
    from retrovue.state_dir import state_dir
    from retrovue.station.load import require_station

    model = require_station(station, settings_models()) if station is not None else None
    serve = model.station.serve if model is not None else None
    yield _python()
    yield _ffmpeg()
    yield from _encoders()
    yield _shipped()
    yield _fonts()
    yield _time_zones()
    if model is not None:
        folder = state_dir(model.station.station, state, model.written_state)
    else:
        folder = state_dir("", state)  # without a slug: where every station has its own
    yield _state(folder)
    yield _disk(folder)
    host = _host(serve)
    for port, kind, purpose, remedy in PORTS:
        if (asked := _asked_for(port, serve)) is not None:
            yield _port(asked, kind, purpose, remedy, host)
    for device in model.station.tuner.devices if model is not None else ():
        if device.http_port:
            of_device = f"tuner “{device.device}”"
            yield _port(device.http_port, "tcp", of_device, "give the tuner another http_port", host)


def _python() -> Finding:
    # Always well: pip refuses to install RetroVue for an older Python.
    return Finding("python", "ok", f"{'.'.join(map(str, sys.version_info[:3]))} ({sys.executable})")


def _ffmpeg() -> Finding:
    from retrovue.ffmpeg_binary import FfmpegMissing, choose_ffmpeg

    try:
        chosen = choose_ffmpeg()
    except FfmpegMissing as missing:
        return Finding("ffmpeg", "problem", str(missing), missing.help)
    text = f"{chosen.version_text} ({chosen.path}): {chosen.reason}"
    if chosen.missing:
        lacks = f"{text}; it lacks {', '.join(chosen.missing)}"
        return Finding("ffmpeg", "problem", lacks, "name a more complete one, or unset $RETROVUE_FFMPEG")
    return Finding("ffmpeg", "ok", text)


def _encoders() -> Iterator[Finding]:
    """Each hardware encoder that this ffmpeg has, really tried; H.264 in software always works."""
    from retrovue.ffmpeg_binary import FfmpegMissing, choose_ffmpeg
    from retrovue.playout.encode import HARDWARE, SOFTWARE
    from retrovue.playout.encoders import EncoderBench

    try:
        chosen = choose_ffmpeg()
    except FfmpegMissing:
        return
    bench = EncoderBench(chosen.path, chosen.encoders)
    listed = [name for name in (SOFTWARE, *HARDWARE) if name in chosen.encoders]
    verdicts = bench.verdicts(listed)
    works = [name for name, why in verdicts.items() if not why]
    refused = "; ".join(f"{name}: {why}" for name, why in verdicts.items() if why)
    if SOFTWARE not in works:
        yield Finding("encoders", "problem", refused, "name another ffmpeg with $RETROVUE_FFMPEG")
        return
    text = f"{', '.join(works)}" + (f" (not {refused})" if refused else "")
    yield Finding("encoders", "ok", text)


def _shipped() -> Finding:
    from retrovue.resources import shipped

    try:
        folders = [str(shipped(name)) for name in ("templates", "schemas")]
    except FileNotFoundError as missing:
        return Finding("templates", "problem", str(missing), "pip install --force-reinstall retrovue")
    return Finding("templates", "ok", ", ".join(folders))


def _fonts() -> Finding:
    from retrovue.resources import font

    try:
        return Finding("fonts", "ok", font().name)
    except (FileNotFoundError, IndexError):
        remedy = "pip install fontpkg-roboto"
        return Finding("fonts", "problem", "the fonts for cards and idents are missing", remedy)


def _time_zones() -> Finding:
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

    try:
        ZoneInfo("America/New_York")
    except ZoneInfoNotFoundError:
        remedy = "pip install tzdata"
        return Finding("time zones", "problem", "no time zone data: local times can't be known", remedy)
    return Finding("time zones", "ok", f"{len(available_timezones())} known")


def _state(folder: Path) -> Finding:
    there = _nearest(folder)
    if not there.is_dir():
        return Finding("state", "problem", f"{there} is no directory", "give serve another --state DIR")
    if not os.access(there, os.W_OK | os.X_OK):
        remedy = "give serve another --state DIR, or change who may write there"
        return Finding("state", "problem", f"{there} can't be written", remedy)
    return Finding("state", "ok", str(folder) + ("" if there == folder else " (made at the first serve)"))


def _disk(folder: Path) -> Finding:
    free = shutil.disk_usage(_nearest(folder)).free
    text = f"{free / 1e9:.1f} GB free for the state directory"
    if free < LEAST_DISK:
        return Finding("disk", "problem", text, "make room, or give serve another --state DIR")
    return Finding("disk", "ok" if free >= 10 * LEAST_DISK else "remark", text)


def _nearest(folder: Path) -> Path:
    """``folder`` or its nearest ancestor that exists."""
    folder = folder.absolute()
    # Not Path.exists: it raises for what lies in a folder that this user may not look into.
    return next(p for p in (folder, *folder.parents) if os.access(p, os.F_OK))


def _asked_for(port: int, serve: Serve | None) -> int | None:
    """What serve would open instead of ``port`` in this environment; None: nothing that can be known.

    ``serve``: what the station's YAML says of it.
    """
    if serve is not None and port in _TVHEADEND and not serve.tvheadend:
        return None
    if port == 80:  # with another HTTP port nobody asks for it
        if os.environ.get(VARIABLES[8080]):
            return None
        return None if serve is not None and (not serve.port_80 or serve.http_port == 80) else port
    written = os.environ.get(VARIABLES.get(port, ""), "")
    if written.isdecimal():
        return int(written) if 0 < int(written) <= 65535 else None
    if serve is None or port not in _SETTINGS:
        return port
    return getattr(serve, _SETTINGS[port]) or None  # 0 is any free one


def _host(serve: Serve | None) -> str:
    """The address on which serve would open them; all of this machine's where that is no plain IPv4 one."""
    asked = os.environ.get("RETROVUE_BIND") or (serve.bind if serve is not None else "")
    try:
        return str(IPv4Address(asked))
    except ValueError:
        return "0.0.0.0"  # noqa: S104  what serve does by default; nothing listens there


def _port(port: int, kind: Literal["tcp", "udp"], purpose: str, remedy: str, host: str) -> Finding:
    """Open and close the port. One that is taken is a remark: this station itself may be on the air."""
    name = f"port {port}/{kind}"
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM if kind == "tcp" else socket.SOCK_DGRAM) as trial:
        if kind == "tcp":
            # As a server does: a port that has only just been closed counts as free.
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind((host, port))
            if kind == "tcp":
                trial.listen(1)
        except OSError as error:
            why = {errno.EADDRINUSE: "is taken", errno.EACCES: "may not be opened by this user"}
            text = f"{why.get(error.errno or 0, error.strerror or str(error))} ({purpose})"
            return Finding(name, "remark", text, remedy)
    return Finding(name, "ok", f"free ({purpose})")
