"""UDP port 1900 on the wire: UPnP's searches are answered, and devices announced, for all of this process."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import socket
import struct
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Literal

from retrovue.clock import MasterClock
from retrovue.headend import ssdp
from retrovue.headend.addresses import ANYWHERE
from retrovue.headend.gate import Gate

log = logging.getLogger(__name__)

#: Linux: linux/in.h; Python names it from 3.14 on.
_IP_PKTINFO = 8
_LONGEST = 2048
#: Datagrams read before the loop's other work gets its turn.
_TURN = 64
#: Answers that wait for their moment; whoever asks more gets none.
_MOST_WAITING = 256
#: How often our addresses are looked at (seconds).
_LOOK_S = 30.0


@dataclass(frozen=True, slots=True)
class Described:
    """A device with a UPnP description."""

    udn: str  #: "uuid:…"
    bind: str  #: the address that its HTTP listens on
    http_port: int

    def location(self, ours: str) -> str | None:
        """Where its description is, for whoever reaches us at this IPv4 address; None: not there."""
        if self.bind not in (*ANYWHERE, ours):
            return None
        return f"http://{ours}:{self.http_port}/device.xml"


class SsdpPort:
    """One socket for all devices. ``addresses``: those of ours, IPv4, that are announced now."""

    def __init__(
        self,
        clock: MasterClock,
        gate: Gate,
        devices: Sequence[Described],
        addresses: Callable[[], Sequence[str]],
        port: int = ssdp.PORT,
    ) -> None:
        self._clock, self._gate, self._devices, self._addresses = clock, gate, devices, addresses
        self.port = port
        self._wire: socket.socket | None = None
        self._joined: set[str] = set()
        self._talking: asyncio.Task[None] | None = None
        self._answers: set[asyncio.Task[None]] = set()

    def open(self) -> None:
        """Listen, and announce in the background. Raises ``OSError``."""
        wire = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            wire.setblocking(False)
            # Every UPnP program of a machine listens here, and hears what is sent to the group.
            wire.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            wire.setsockopt(socket.IPPROTO_IP, _IP_PKTINFO, 1)
            wire.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 2)  # UDA 1.1, 1.1
            wire.bind(("0.0.0.0", self.port))  # noqa: S104  a group is heard on every address
        except OSError:
            wire.close()
            raise
        self._wire, self.port = wire, wire.getsockname()[1]
        asyncio.get_running_loop().add_reader(wire, self._heard, wire)
        self._talking = asyncio.create_task(self._talk(), name="SSDP")

    async def close(self) -> None:
        """Say goodbye."""
        tasks = [*self._answers, *([self._talking] if self._talking else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._wire is not None:
            self._tell("byebye")
            asyncio.get_running_loop().remove_reader(self._wire)
            self._wire.close()
            self._wire = None

    async def _talk(self) -> None:
        told_at = float("-inf")
        while True:
            new = self._join()
            if new or self._clock.elapsed() - told_at >= ssdp.AGAIN_S:
                self._tell("alive")
                told_at = self._clock.elapsed()
            await self._clock.wait(_LOOK_S)

    def _join(self) -> bool:
        """Listen at whatever addresses have come. Is there any?"""
        assert self._wire is not None
        ours = set(self._addresses())
        new = ours - self._joined
        for address in new:
            member = socket.inet_aton(ssdp.GROUP) + socket.inet_aton(address)
            with contextlib.suppress(OSError):  # an interface that knows no multicast, or has joined
                self._wire.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, member)
        self._joined = ours
        return bool(new)

    def _tell(self, kind: Literal["alive", "byebye"]) -> None:
        for address in sorted(self._joined):
            for device in self._devices:
                location = device.location(address)
                for notice in ssdp.notices(kind, device.udn, location) if location else ():
                    self._send(notice, address, (ssdp.GROUP, self.port))

    def _send(self, message: bytes, source: str, target: tuple[str, int]) -> None:
        assert self._wire is not None
        note = struct.pack("@I", 0) + socket.inet_aton(source) + bytes(4)
        with contextlib.suppress(OSError):  # it may have gone, or we lost the address
            self._wire.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(source))
            self._wire.sendmsg([message], [(socket.IPPROTO_IP, _IP_PKTINFO, note)], 0, target)

    def _heard(self, wire: socket.socket) -> None:
        for _ in range(_TURN):
            try:
                data, notes, flags, peer = wire.recvmsg(_LONGEST, 256)
            except BlockingIOError:
                return
            except OSError:
                continue  # an ICMP "unreachable" for a client that has gone
            wanted = None if flags & socket.MSG_TRUNC else ssdp.parse(data)
            ours = _local(notes)
            room = len(self._answers) < _MOST_WAITING
            if wanted is not None and ours is not None and room and self._gate.admits(peer[0]):
                task = asyncio.create_task(self._answer(wanted, self._reached(ours), peer))
                self._answers.add(task)
                task.add_done_callback(self._answers.discard)

    def _reached(self, local: str) -> str:
        """Which of our addresses a datagram means that came in by the interface of ``local``."""
        same = [a for a in self._joined if ip_address(a).is_loopback == ip_address(local).is_loopback]
        return local if local in self._joined or not same else min(same)

    async def _answer(self, wanted: ssdp.Wanted, ours: str, peer: tuple[str, int]) -> None:
        if wanted.mx_s:
            # All devices of a network must not answer at once.
            await self._clock.wait(random.uniform(0, wanted.mx_s))
        for device in self._devices:
            location = device.location(ours)
            for target in ssdp.targets(wanted.target, device.udn) if location else ():
                self._send(ssdp.answer(target, device.udn, str(location), self._clock.now()), ours, peer)


def _local(notes: Iterable[tuple[int, int, bytes]]) -> str | None:
    """Our address on the interface that a datagram came in by."""
    for level, kind, note in notes:
        if level == socket.IPPROTO_IP and kind == _IP_PKTINFO:
            return socket.inet_ntoa(note[4:8])
    return None
