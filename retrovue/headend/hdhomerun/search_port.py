"""UDP port 65001 on the wire: searches for tuners, answered for every device of this process.

One socket hears for all devices, because each must hear broadcasts; by which of our addresses a search came
in is told by the kernel (IP_PKTINFO, IPV6_PKTINFO: ip(7), RFC 3542), and an answer leaves from the address
of the device that gives it, because clients take that for the device's.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from ipaddress import ip_address

from retrovue.clock import MasterClock
from retrovue.headend.addresses import ANYWHERE, Interface, interfaces
from retrovue.headend.gate import Gate
from retrovue.headend.hdhomerun.moderation import Moderator
from retrovue.headend.hdhomerun.packet import FrameType

#: What clients ask on IPv6: the link, and the site (libhdhomerun, hdhomerun_discover.c:68-69).
GROUPS = ("ff02::176", "ff05::176")
#: Linux: linux/in.h; Python names it from 3.14 on.
_IP_PKTINFO = 8
#: Longer than any search; what doesn't fit is none.
_LONGEST = 2048
#: How a search begins.
_SEARCH = FrameType.DISCOVER_REQUEST.to_bytes(2, "big")
#: Datagrams read before the loop's other work gets its turn.
_TURN = 64
#: How long the list of our addresses is good for; how often groups are joined on new interfaces (seconds).
_FRESH_S = 10.0
_JOIN_S = 30.0


@dataclass(frozen=True, slots=True)
class Search:
    """A datagram that came in."""

    data: bytes
    sender: str
    #: Our addresses that it may mean: the one it was sent to; for a broadcast all of the interface, that
    #: which routes to the sender first.
    ours: tuple[str, ...]


#: The reply and the address of ours that it leaves from; None: silence.
Answer = Callable[[Search], tuple[bytes, str] | None]


class SearchPort:
    """The sockets of all devices."""

    def __init__(self, clock: MasterClock, gate: Gate) -> None:
        self._clock, self._gate = clock, gate
        self._wires: dict[tuple[str, int], _Wire] = {}

    def attach(self, address: str, port: int, answer: Answer) -> None:
        """Let ``answer`` hear what is asked on ``port`` of ``address``. Raises ``OSError``."""
        # A socket bound to one address of the LAN would not hear broadcasts.
        ip = ip_address(address)
        hosts = [address if ip.is_loopback else "::" if ip.version == 6 else "0.0.0.0"]  # noqa: S104
        if address == "::":
            hosts.insert(0, "0.0.0.0")  # noqa: S104
        opened: list[_Wire] = []
        try:
            for host in hosts:
                if (host, port) not in self._wires:
                    opened.append(_Wire(self._clock, self._gate, host, port))
                    self._wires[host, port] = opened[-1]
        except OSError:
            for wire in opened:
                self._drop(wire)
            raise
        for host in hosts:
            self._wires[host, port].answers.append(answer)

    def detach(self, answer: Answer) -> None:
        """It hears nothing more; a port that nobody listens to is given back."""
        for wire in tuple(self._wires.values()):
            if answer in wire.answers:
                wire.answers.remove(answer)
            if not wire.answers:
                self._drop(wire)

    def _drop(self, wire: _Wire) -> None:
        wire.close()
        self._wires = {key: kept for key, kept in self._wires.items() if kept is not wire}


class _Wire:
    """One socket."""

    def __init__(self, clock: MasterClock, gate: Gate, host: str, port: int) -> None:
        self.answers: list[Answer] = []
        self._clock, self._gate = clock, gate
        self._moderator = Moderator()
        self._interfaces: list[Interface] = []
        self._fresh_until = float("-inf")
        self._joined: set[int] = set()
        self._six = ":" in host
        self._wire = socket.socket(socket.AF_INET6 if self._six else socket.AF_INET, socket.SOCK_DGRAM)
        self._joining: asyncio.Task[None] | None = None
        try:
            self._wire.setblocking(False)
            # No SO_REUSEADDR: on Linux it would let two stations share the port, and each hear a part.
            if self._six:
                self._wire.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                self._wire.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
            else:
                self._wire.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
                self._wire.setsockopt(socket.IPPROTO_IP, _IP_PKTINFO, 1)
            self._wire.bind((host, port))
        except OSError:
            self._wire.close()
            raise
        if self._six and host in ANYWHERE:
            self._join()
            self._joining = asyncio.create_task(self._join_what_comes())
        asyncio.get_running_loop().add_reader(self._wire, self._heard)

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self._wire)
        if self._joining is not None:
            self._joining.cancel()
        self._wire.close()

    # --- the groups of IPv6 ---

    def _join(self) -> None:
        for index in {i.index for i in interfaces() if any(":" in a for a in i.addresses)} - self._joined:
            for group in GROUPS:
                member = socket.inet_pton(socket.AF_INET6, group) + struct.pack("@I", index)
                with contextlib.suppress(OSError):  # an interface that knows no multicast
                    self._wire.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, member)
            self._joined.add(index)

    async def _join_what_comes(self) -> None:
        while True:
            await self._clock.wait(_JOIN_S)
            self._joined &= {interface.index for interface in interfaces()}
            self._join()

    # --- searches ---

    def _heard(self) -> None:
        for _ in range(_TURN):
            try:
                data, notes, flags, peer = self._wire.recvmsg(_LONGEST, 256)
            except BlockingIOError:
                return
            except OSError:
                continue  # an ICMP "unreachable" for a client that has gone
            # Most noise ends here: everything else of a search is looked at by the devices.
            if data[:2] == _SEARCH and not flags & socket.MSG_TRUNC:
                self._answer(data, notes, peer)

    def _answer(self, data: bytes, notes: Iterable[tuple[int, int, bytes]], peer: tuple[str, int]) -> None:
        sender = peer[0].partition("%")[0]
        index, ours = self._addressed(notes)
        search = Search(data, sender, ours or self._of_interface(index, sender))
        for answer in self.answers:
            found = answer(search)
            if found is None:
                continue
            if not self._gate.admits(sender):
                return
            if not self._moderator.allows(sender, self._clock.elapsed()):
                return
            reply, source = found
            with contextlib.suppress(OSError):  # it may have gone, or we lost the address
                self._wire.sendmsg([reply], [self._from(source, index)], 0, peer)

    def _addressed(self, notes: Iterable[tuple[int, int, bytes]]) -> tuple[int, tuple[str, ...]]:
        """The interface a datagram came in by, and our address it was sent to; none for a multicast."""
        for level, kind, note in notes:
            if level == socket.IPPROTO_IPV6 and kind == socket.IPV6_PKTINFO:
                target = socket.inet_ntop(socket.AF_INET6, note[:16])
                (index,) = struct.unpack("@I", note[16:20])
                return index, () if ip_address(target).is_multicast else (target,)
            if level == socket.IPPROTO_IP and kind == _IP_PKTINFO:
                (index,) = struct.unpack("@I", note[:4])
                local, target = (socket.inet_ntoa(note[at : at + 4]) for at in (4, 8))
                if local == target:
                    return index, (target,)
                others = (a for a in self._addresses(index) if ":" not in a and a != local)
                return index, (local, *others)
        return 0, ()

    def _from(self, source: str, index: int) -> tuple[int, int, bytes]:
        """The note that lets an answer leave from ``source``."""
        if self._six:
            scope = index if ip_address(source).is_link_local else 0
            return (
                socket.IPPROTO_IPV6,
                socket.IPV6_PKTINFO,
                socket.inet_pton(socket.AF_INET6, source) + struct.pack("@I", scope),
            )
        return socket.IPPROTO_IP, _IP_PKTINFO, struct.pack("@I", 0) + socket.inet_aton(source) + bytes(4)

    def _of_interface(self, index: int, sender: str) -> tuple[str, ...]:
        """Our IPv6 addresses of an interface, those of the sender's network first."""
        near = ip_address(sender)
        found = [
            (address, network)
            for interface in self._known()
            if interface.index == index
            for address, network in zip(interface.addresses, interface.networks, strict=True)
            if network.version == 6
        ]
        return tuple(address for address, _ in sorted(found, key=lambda f: near not in f[1]))

    def _addresses(self, index: int) -> tuple[str, ...]:
        return tuple(a for i in self._known() if i.index == index for a in i.addresses)

    def _known(self) -> list[Interface]:
        now = self._clock.elapsed()
        if now >= self._fresh_until:
            self._interfaces, self._fresh_until = interfaces(), now + _FRESH_S
        return self._interfaces
