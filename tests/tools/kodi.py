"""A real Kodi without a screen and its add-ons for television, driven and looked at over JSON-RPC.

Debian and Ubuntu have all of it: ``apt install kodi kodi-pvr-hts kodi-pvr-iptvsimple kodi-pvr-hdhomerun
xvfb pulseaudio``. Each start has a home of its own. Several add-ons may be on at once.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import time
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar
from xml.sax.saxutils import escape

from tests.tools.broadcast import free_port

T = TypeVar("T")

_USR = Path("/usr")
_BINARIES = ("lib/*/kodi/kodi.bin", "lib*/kodi/kodi.bin")
_ADDONS = ("lib/*/kodi/addons/{}", "lib*/kodi/addons/{}")

#: Kodi's modal windows: questions, progress, text (xbmc/guilib/WindowIDs.h).
_DIALOGUES = (10100, 10101, 10103, 12000, 12001, 12002)

#: What of a new home would open dialogues, reach for the network, or wait for a screen.
_GUI: dict[str, object] = {
    "services.webserver": True,
    "services.webserverauthentication": False,
    "services.esenabled": False,
    "services.zeroconf": False,
    "services.upnp": False,
    "services.airplay": False,
    "general.addonupdates": 2,
    "general.settinglevel": 3,
    "general.eventlog": False,
    "screensaver.mode": "",
    "audiooutput.guisoundmode": 0,
    "weather.addon": "",
    "locale.timezone": "UTC",
    "videoscreen.vsync": 0,
    "pvrmanager.usebackendchannelnumbers": True,
    "pvrmanager.usebackendchannelnumbersalways": True,
    "pvrmenu.displaychannelinfo": 0,
    "pvrplayback.switchtofullscreenchanneltypes": 3,
}


@dataclass(frozen=True, slots=True)
class AddOn:
    """A client for television."""

    id: str
    settings: Mapping[str, object] = field(default_factory=dict)

    @property
    def missing(self) -> str:
        """The package that this machine lacks of it; empty: none."""
        there = _find(tuple(pattern.format(self.id) for pattern in _ADDONS)) is not None
        return "" if there else f"kodi-{self.id.replace('.', '-')}"


def tvheadend(host: str, htsp_port: int, http_port: int, **settings: object) -> AddOn:
    """The add-on for Tvheadend; ``settings`` are its own."""
    ours = {"host": host, "htsp_port": htsp_port, "http_port": http_port}
    waits = {"connect_timeout": 10, "response_timeout": 5, "epg_async": True}
    return AddOn("pvr.hts", {**ours, **waits, **settings})


def iptv(playlist: str, guide: str) -> AddOn:
    """The IPTV add-on, with the addresses of an M3U and an XMLTV."""
    files = {"m3uPathType": 1, "m3uUrl": playlist, "m3uCache": False}
    return AddOn("pvr.iptvsimple", {**files, "epgPathType": 1, "epgUrl": guide, "epgCache": False})


def hdhomerun() -> AddOn:
    """The add-on for HDHomeRun tuners, which searches the network for them."""
    return AddOn("pvr.hdhomerun", {"debug": True, "http_discovery": False})


def missing() -> str:
    """What of Kodi itself this machine lacks; empty: nothing."""
    found = {
        "kodi": _find(_BINARIES) is not None,
        "xvfb": shutil.which("Xvfb") is not None,
        "pulseaudio": shutil.which("pulseaudio") is not None,
    }
    return " ".join(package for package, there in found.items() if not there)


def _find(patterns: tuple[str, ...]) -> Path | None:
    """The first file below /usr that is like one of these."""
    return next((found for pattern in patterns for found in _USR.glob(pattern)), None)


class Kodi:
    """One Kodi and its screen; a context manager."""

    def __init__(self, folder: Path, *addons: AddOn, size: str = "640x360") -> None:
        """``size`` of the screen: with that of the channel's raster nothing is scaled."""
        self.folder, self.addons, self._size, self._port = folder, addons, size, free_port()
        self._user = folder / "home" / ".kodi" / "userdata"
        self._shots = folder / "shots"
        self._children: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Kodi:
        try:
            self._start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _start(self) -> None:
        self._shots.mkdir(parents=True)
        for addon in self.addons:
            home = self._user / "addon_data" / addon.id
            home.mkdir(parents=True)
            named = {"kodi_addon_instance_name": "station", "kodi_addon_instance_enabled": True}
            # Which of the two an add-on reads differs between versions.
            (home / "settings.xml").write_text(_xml(addon.settings), encoding="utf-8")
            (home / "instance-settings-1.xml").write_text(_xml({**named, **addon.settings}), encoding="utf-8")
        gui = {**_GUI, "services.webserverport": self._port, "debug.screenshotpath": f"{self._shots}/"}
        (self._user / "guisettings.xml").write_text(_xml(gui), encoding="utf-8")
        (self._user / "advancedsettings.xml").write_text(
            '<advancedsettings version="1.0"><loglevel>1</loglevel><splash>false</splash>'
            "<cputempcommand>echo 40 C</cputempcommand>"
            "<epg><updatecheckinterval>5</updatecheckinterval></epg></advancedsettings>",
            encoding="utf-8",
        )
        reading, writing = os.pipe()
        # Xvfb takes a free display, and says which.
        self._spawn(
            "Xvfb", "-displayfd", str(writing), "-screen", "0", f"{self._size}x24", "-nolisten", "tcp",
            fds=(writing,),
        )  # fmt: skip
        os.close(writing)
        with os.fdopen(reading) as pipe:
            display = pipe.readline().strip()
        sound = f"unix:{self.folder}/pulse.sock"
        self.environment = {
            **{name: os.environ[name] for name in ("PATH", "LANG", "TZ") if name in os.environ},
            "HOME": str(self.folder / "home"),
            "DISPLAY": f":{display}",
            "LIBGL_ALWAYS_SOFTWARE": "1",
            "XDG_RUNTIME_DIR": str(self.folder),
            "PULSE_SERVER": sound,
            "no_proxy": "*",
        }
        # A sink that takes sound at its pace: without one Kodi's clock runs away.
        self._spawn(
            "pulseaudio", "-n", "--daemonize=no", "--use-pid-file=no", "--exit-idle-time=-1",
            "--disable-shm=yes", "--realtime=no", "--high-priority=no",
            "-L", "module-null-sink sink_name=null rate=48000",
            "-L", f"module-native-protocol-unix auth-anonymous=1 socket={self.folder}/pulse.sock",
        )  # fmt: skip
        binary = _find(_BINARIES)
        assert binary is not None
        self._spawn(str(binary), "--standalone", "--windowing=x11", "--audio-backend=pulseaudio")
        self.until(lambda: self.ask("JSONRPC.Ping") == "pong", 90, "Kodi answers")
        # Add-ons of the system are off in a new home.
        for n, addon in enumerate(self.addons):
            self.ask("Addons.SetAddonEnabled", addonid=addon.id, enabled=True)
            # Two that come at once keep each other from being made.
            if n + 1 < len(self.addons):
                self.until(lambda: self._client(addon) is not None, 60, f"{addon.id} is ready")  # noqa: B023

    def _spawn(self, *command: str, fds: tuple[int, ...] = ()) -> None:
        with (self.folder / f"{Path(command[0]).name}.log").open("wb") as log:
            self._children.append(
                subprocess.Popen(
                    command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.folder,
                    env=getattr(self, "environment", None), start_new_session=True, pass_fds=fds,
                )
            )  # fmt: skip

    def stop(self) -> None:
        """End everything that was started, newest first. Nothing of Kodi's home is wanted any more."""
        kodi = self._children[-1] if len(self._children) == 3 else None
        for child in reversed(self._children):
            # Kodi takes its time to leave; the others clear away what they put into /tmp.
            child.send_signal(signal.SIGKILL if child is kodi else signal.SIGTERM)
            try:
                child.wait(10)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
        self._children = []

    def ask(self, method: str, **params: object) -> Any:
        """JSON-RPC. Raises ``OSError`` while it doesn't answer, ``AssertionError`` for an error."""
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
        request = urllib.request.Request(
            f"http://127.0.0.1:{self._port}/jsonrpc", body, {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            reply = json.load(answer)
        assert "error" not in reply, (method, reply["error"])
        return reply.get("result")

    def until(self, what: Callable[[], T], seconds: float, name: str) -> T:
        """The first true value; refusals on the way are waited out."""
        end = time.monotonic() + seconds
        last: object = None
        while time.monotonic() < end:
            with contextlib.suppress(OSError):
                try:
                    if found := what():
                        return found
                except AssertionError as error:
                    last = error
            assert all(child.poll() is None for child in self._children), f"Kodi ended before: {name}"
            time.sleep(0.3)
        raise AssertionError(f"not within {seconds:g} s: {name} ({last})\n{self.log()[-4000:]}")

    def log(self) -> str:
        path = self._user.parent / "temp" / "kodi.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def addon_log(self, addon: AddOn) -> list[str]:
        """What the add-on said."""
        return [line for line in self.log().splitlines() if f"AddOnLog: {addon.id}" in line]

    def _client(self, addon: AddOn) -> int | None:
        """Kodi's number for what the add-on gives it; None: it is not ready."""
        clients = self.ask("PVR.GetClients")["clients"]
        return next((c["clientid"] for c in clients if c["addonid"] == addon.id), None)

    def channels(self, addon: AddOn, count: int) -> list[dict[str, Any]]:
        """Those of one add-on, by number, once there are so many."""

        def found() -> list[dict[str, Any]]:
            client = self._client(addon)
            properties = ["channelnumber", "subchannelnumber", "clientid"]
            reply = self.ask("PVR.GetChannels", channelgroupid="alltv", properties=properties)
            channels = [c for c in reply.get("channels", []) if c["clientid"] == client]
            channels.sort(key=lambda c: (c["channelnumber"], c["subchannelnumber"]))
            return channels if len(channels) >= count else []

        return self.until(found, 60, f"{count} channels of {addon.id}")

    def guide(self, channel: int) -> list[dict[str, Any]]:
        """The channel's programmes, once there is one that is on."""

        def found() -> list[dict[str, Any]]:
            properties = ["title", "starttime", "endtime", "episodenum", "genre", "isactive"]
            properties += ["cast", "director", "writer"]
            reply = self.ask("PVR.GetBroadcasts", channelid=channel, properties=properties)
            guide = list(reply.get("broadcasts", []))
            # What is pushed while Kodi still makes its tables is lost, and comes again some seconds later.
            return guide if any(programme["isactive"] for programme in guide) else []

        return self.until(found, 60, "a guide")

    def play(self, channel: int) -> float:
        """Switch to a channel; after how many seconds Kodi's player had started, by its own log."""
        mark, asked = len(self.log()), datetime.now()
        self.ask("Player.Open", item={"channelid": channel})
        words = "player started 2"
        self.until(lambda: words in self.log()[mark:], 60, "a picture")
        # "2026-11-23 20:00:00.250 T:1234 …", local time
        line = next(line for line in self.log()[mark:].splitlines() if words in line)
        return (datetime.fromisoformat(line[:23]) - asked).total_seconds()

    def stop_playing(self) -> None:
        for player in self.ask("Player.GetActivePlayers"):
            self.ask("Player.Stop", playerid=player["playerid"])
        self.until(lambda: not self.ask("Player.GetActivePlayers"), 20, "nothing plays")

    def _close_dialogues(self) -> None:
        """A new home has questions: whether the add-ons of the system are to be enabled."""
        for _ in range(10):
            window = self.ask("GUI.GetProperties", properties=["currentwindow"])["currentwindow"]["id"]
            if window not in _DIALOGUES:
                return
            self.ask("Input.Back")
            time.sleep(0.3)

    def shot(self) -> tuple[Path, float, float]:
        """What is on the screen, and between which two moments that was (Unix time)."""
        self._close_dialogues()
        before = set(self._shots.glob("*.png"))
        asked = time.time()
        self.ask("Input.ExecuteAction", action="screenshot")
        whole: Callable[[], list[Path]] = lambda: [  # noqa: E731
            p for p in set(self._shots.glob("*.png")) - before if p.read_bytes().endswith(b"IEND\xaeB`\x82")
        ]
        return self.until(whole, 20, "a screenshot")[0], asked, time.time()


def _xml(settings: Mapping[str, object]) -> str:
    lines = [
        f'  <setting id="{name}">{escape(str(value).lower() if isinstance(value, bool) else str(value))}'
        "</setting>"
        for name, value in settings.items()
    ]
    return "\n".join(('<settings version="2">', *lines, "</settings>\n"))
