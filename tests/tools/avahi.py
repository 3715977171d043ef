"""The real Avahi (Debian packages avahi-daemon, avahi-utils and dbus-daemon) in a network of the test's own.

It has a message bus of its own and sees no other /run, so that it meets no Avahi of the machine.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.tools.broadcast import until

_PROGRAMS = {"avahi-daemon": "avahi-daemon", "avahi-browse": "avahi-utils", "dbus-daemon": "dbus-daemon"}
_BUS = """<busconfig>
  <type>system</type>
  <listen>unix:path={socket}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow user="*"/><allow own="*"/><allow send_destination="*"/><allow receive_sender="*"/>
  </policy>
</busconfig>
"""
_DAEMON = """[server]
allow-interfaces={interface}
use-ipv6=no
[publish]
disable-publishing=yes
[rlimits]
"""


def missing() -> str:
    """What of it this machine lacks; empty: nothing."""
    return " ".join(package for program, package in _PROGRAMS.items() if shutil.which(program) is None)


class Avahi:
    """What it sees."""

    def __init__(self, environment: dict[str, str]) -> None:
        self._environment = environment

    def _run(self, *command: str) -> str:
        done = subprocess.run(
            command, capture_output=True, text=True, env=self._environment, timeout=30, check=False
        )
        return done.stdout

    def browse(self, service: str) -> list[list[str]]:
        """The services of a type ("_http._tcp") that can be resolved: name, host, address, port, TXT."""
        # "=;interface;protocol;name;type;domain;host;address;port;txt", each other character as \DDD
        lines = [line for line in self._run("avahi-browse", "-ptr", service).splitlines() if line[:1] == "="]
        return [
            [fields[3].replace("\\032", " "), *fields[6:]]
            for fields in (line.split(";", 9) for line in dict.fromkeys(lines))
        ]

    def address(self, host: str) -> str:
        """IPv4 address of "1052712E.local"; empty: nobody has that name."""
        return self._run("avahi-resolve", "-4", "-n", host).rpartition("\t")[2].strip()


@contextmanager
def avahi(folder: Path, interface: str) -> Iterator[Avahi]:
    """Avahi at work for the length of a block."""
    folder.mkdir()
    socket = folder / "bus"
    (folder / "bus.conf").write_text(_BUS.format(socket=socket), encoding="utf-8")
    (folder / "avahi.conf").write_text(_DAEMON.format(interface=interface), encoding="utf-8")
    environment = {**os.environ, "DBUS_SYSTEM_BUS_ADDRESS": f"unix:path={socket}"}
    children: list[subprocess.Popen[bytes]] = []

    def start(*command: str) -> None:
        with (folder / "log").open("ab") as log:
            children.append(
                subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment)
            )

    def said() -> str:
        return (folder / "log").read_text(errors="replace")

    try:
        start("dbus-daemon", f"--config-file={folder}/bus.conf", "--nofork", "--nopidfile")
        until(socket.exists, 20, "the message bus")
        start(
            "unshare", "--mount", "sh", "-c",
            'mount -t tmpfs tmpfs /run && exec avahi-daemon --no-drop-root --no-chroot --no-rlimits -f "$0"',
            f"{folder}/avahi.conf",
        )  # fmt: skip
        until(lambda: "Server startup complete" in said(), 20, "Avahi")
        yield Avahi(environment)
    except AssertionError as error:
        raise AssertionError(f"{error}\n{said()}") from None
    finally:
        for child in reversed(children):
            child.terminate()
            child.wait()
