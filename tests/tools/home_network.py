"""A network of its own, as at home: one cable, on which broadcasts and multicasts are heard, and nobody else.

libhdhomerun searches on every interface but loopback, and what is announced by mDNS must not leave the
machine. Only the calling thread moves there, with the threads and processes that it starts.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

#: The one address of the network beside loopback.
ADDRESS = "10.9.8.1"
_CLONE_NEWNET = 0x40000000  # linux/sched.h

#: No default route: who asks for a name of the internet is told at once that there is none.
_COMMANDS = (
    "link set lo up",
    "link add lan0 type veth peer name far0",
    "link set far0 up",
    "link set lan0 addrgenmode none",
    f"address add {ADDRESS}/24 broadcast 10.9.8.255 dev lan0",
    "link set lan0 up",
    "route add 255.255.255.255 dev lan0",
    "route add 224.0.0.0/4 dev lan0",
)


def refusal() -> str | None:
    """Why there can't be one here; None: there can."""
    if os.geteuid() != 0:
        return "a network of its own needs root"
    if shutil.which("unshare") is None or shutil.which("ip") is None:
        return "needs unshare and ip (Debian packages util-linux and iproute2)"
    tried = subprocess.run(
        ["unshare", "--net", "ip", *_COMMANDS[1].split()], capture_output=True, text=True, check=False
    )
    return None if tried.returncode == 0 else f"no network of its own here: {tried.stderr.strip()}"


def _call(name: str, *arguments: int) -> None:
    """A system call that Python 3.11 lacks. Raises ``OSError``."""
    libc = ctypes.CDLL(None, use_errno=True)
    if getattr(libc, name)(*arguments) != 0:
        raise OSError(ctypes.get_errno(), name)


@contextmanager
def home_network() -> Iterator[str]:
    """Be in it for the length of a block; its address. Raises ``OSError`` where ``refusal`` has a reason."""
    outside = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    try:
        _call("unshare", _CLONE_NEWNET)
        try:
            for command in _COMMANDS:
                subprocess.run(["ip", *command.split()], check=True)
            yield ADDRESS
        finally:
            _call("setns", outside, _CLONE_NEWNET)
    finally:
        os.close(outside)
