"""Port 65001 on the wire: control over TCP, discovery over UDP.

The two come and go together. A device that is found but doesn't answer control crashes Tvheadend
(tvhdhomerun.c:338), so UDP is opened only after TCP, on the same address and port.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable
from typing import cast

from retrovue.headend.addresses import plain
from retrovue.headend.hdhomerun.control import ControlSession, DeviceView
from retrovue.headend.hdhomerun.packet import BrokenFrame

#: Bytes read at once; a request is far smaller.
_READ = 4096
#: Connections at once; a client needs one, a flood gets no more.
_MAX_CONNECTIONS = 64

#: A datagram and its sender's IPv4 address in, the reply or None out.
Answer = Callable[[bytes, str], bytes | None]


class ControlPort:
    """The pair of sockets. Raises ``OSError`` from ``open`` when the port can't be had."""

    def __init__(self, device: DeviceView, answer: Answer) -> None:
        self._device, self._answer = device, answer
        self._server: asyncio.Server | None = None
        self._udp: asyncio.DatagramTransport | None = None
        self._connections: set[asyncio.StreamWriter] = set()

    async def open(self, address: str, port: int) -> int:
        """Listen; returns the port, which is any free one when 0 was asked for."""
        self._server = await asyncio.start_server(self._converse, address, port)
        port = cast(int, self._server.sockets[0].getsockname()[1])
        try:
            await self._open_udp(address, port)
        except OSError:
            await self.close()
            raise
        return port

    async def _open_udp(self, address: str, port: int) -> None:
        # A socket bound to one address of the LAN would not hear broadcasts: it listens on all, and
        # the answer is decided by the address that routes to the sender. No SO_REUSEADDR: on Linux it
        # would let two stations share the port, and each hear a part of the questions.
        loopback = address.startswith("127.")
        loop = asyncio.get_running_loop()
        self._udp, _ = await loop.create_datagram_endpoint(
            lambda: _Discovery(self._answer),
            local_addr=(address if loopback else "0.0.0.0", port),  # noqa: S104
            family=socket.AF_INET,
            allow_broadcast=True,
        )

    async def close(self) -> None:
        """Hang up on everybody and give the port back."""
        if self._udp is not None:
            self._udp.close()
            self._udp = None
        if self._server is not None:
            self._server.close()
            for writer in tuple(self._connections):
                writer.close()
            await self._server.wait_closed()
            self._server = None

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One client, until it hangs up or talks nonsense."""
        if len(self._connections) >= _MAX_CONNECTIONS:
            writer.close()
            return
        self._connections.add(writer)
        # Clients keep their connection for days; one that lost its power must not keep its place.
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        session = ControlSession(self._device, plain(writer.get_extra_info("peername")[0]))
        try:
            while data := await reader.read(_READ):
                for reply in session.feed(data):
                    writer.write(reply)
                await writer.drain()
        except (BrokenFrame, ConnectionError):
            pass
        finally:
            session.close()
            self._connections.discard(writer)
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()


class _Discovery(asyncio.DatagramProtocol):
    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        reply = self._answer(data, addr[0])
        if reply is not None and self._transport is not None:
            self._transport.sendto(reply, addr)

    def error_received(self, exc: Exception) -> None:
        """An ICMP "unreachable" for a client that has gone: nothing to do."""
