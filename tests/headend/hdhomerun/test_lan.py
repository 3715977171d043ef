"""The discovery matrix with real sockets, in a network of its own: nothing can leak to the real one."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
NETWORK = """set -e
ip link set lo up
ip link add lan0 type veth peer name far0
ip link set far0 up
ip address add 10.9.8.1/24 broadcast 10.9.8.255 dev lan0
ip address add 10.9.8.2/24 broadcast 10.9.8.255 dev lan0
ip link set lan0 addrgenmode none
ip link set lan0 up
ip address add fd00:9:8::1/64 dev lan0 nodad
ip address add fe80::9:8:1/64 dev lan0 nodad
ip link add lan1 type veth peer name far1
ip link set far1 up
ip address add 10.7.6.1/24 broadcast 10.7.6.255 dev lan1
ip link set lan1 up
ip route add default dev lan0
exec "$0" -m tests.headend.hdhomerun.lan_station
"""
_CABLE = ["ip", "link", "add", "lan0", "type", "veth", "peer", "name", "far0"]
LAN, LAN80, LO, LO80 = (
    f"http://{address}:{port}" for address in ("10.9.8.1", "127.0.0.1") for port in (8080, 80)
)
LINK_, LINK_80, SITE, SITE80, SIX_LO, SIX_LO80 = (
    f"http://[{address}]:{port}" for address in ("fe80::9:8:1", "fd00:9:8::1", "::1") for port in (8080, 80)
)
OTHER80 = "http://10.9.8.2:80"


def _own_network() -> str | None:
    """Why there can't be one; None when there can."""
    if shutil.which("unshare") is None or shutil.which("ip") is None:
        return "needs unshare and ip (Debian packages util-linux and iproute2)"
    made = subprocess.run(["unshare", "-rn", *_CABLE], capture_output=True)
    return None if made.returncode == 0 else f"no network namespace here: {made.stderr.decode().strip()}"


def test_who_is_answered_and_what_is_named() -> None:
    if reason := _own_network():
        pytest.skip(reason)
    done = subprocess.run(
        ["unshare", "-rn", "sh", "-c", NETWORK, sys.executable], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        # everywhere: the LAN is answered only when port 80 is there, or when told to
        "auto 80 0.0.0.0": [LAN80, LAN80, LO80],
        "auto 8080 0.0.0.0": [None, None, LO],
        "on 80 0.0.0.0": [LAN80, LAN80, LO80],
        "on 8080 0.0.0.0": [LAN, LAN, LO],
        "off 80 0.0.0.0": [None, None, None],
        "off 8080 0.0.0.0": [None, None, None],
        # one address of the LAN: there is no HTTP on loopback, so loopback isn't answered
        "auto 80 10.9.8.1": [LAN80, LAN80, None],
        "auto 8080 10.9.8.1": [None, None, None],
        "on 80 10.9.8.1": [LAN80, LAN80, None],
        "on 8080 10.9.8.1": [LAN, LAN, None],
        "off 80 10.9.8.1": [None, None, None],
        "off 8080 10.9.8.1": [None, None, None],
        # loopback only: the LAN never hears of it
        "auto 80 127.0.0.1": [None, None, LO80],
        "auto 8080 127.0.0.1": [None, None, LO],
        "on 80 127.0.0.1": [None, None, LO80],
        "on 8080 127.0.0.1": [None, None, LO],
        "off 80 127.0.0.1": [None, None, None],
        "off 8080 127.0.0.1": [None, None, None],
        # port 80 beside another, where the process may
        "auto 8080 and 80 0.0.0.0": [LAN, LAN, LO],
        "auto 8080, 80 taken, 0.0.0.0": [None, None, LO],
        # IPv6 beside IPv4: by the groups of link and site, by address, over loopback
        "six: auto 80 ::": [LAN80, LAN80, LO80, LINK_80, SITE80, SITE80, SIX_LO80],
        "six: auto 8080 ::": [None, None, LO, None, None, None, SIX_LO],
        "six: on 80 ::": [LAN80, LAN80, LO80, LINK_80, SITE80, SITE80, SIX_LO80],
        "six: on 8080 ::": [LAN, LAN, LO, LINK_, SITE, SITE, SIX_LO],
        "six: off 80 ::": [None] * 7,
        "six: off 8080 ::": [None] * 7,
        # HTTP on IPv4 only: nobody is sent to an address where there is none
        "six: on 80 0.0.0.0": [LAN80, LAN80, LO80, None, None, None, None],
        "six: on 8080 ::1": [None, None, None, None, None, None, SIX_LO],
        "six: on 80 fd00:9:8::1": [None, None, None, SITE80, SITE80, SITE80, None],
        # each network is told the address that it reaches
        "two networks": [LAN, "http://10.7.6.1:8080"],
        # two tuners of one process: both hear a broadcast, and each what is meant for it; each from its own
        "two tuners, 0": [LAN80, OTHER80, None],
        "two tuners, 1": [LAN80, None, None],
        "two tuners, 2": [OTHER80, None, None],
        # whoever isn't allowed finds nothing, on no port
        "allowed, 10.9.8.1": [None, False, 403],
        "allowed, 10.7.6.1": ["http://10.7.6.1:8080", True, 200],
        "allowed, 127.0.0.1": ["http://127.0.0.1:8080", True, 200],
    }
