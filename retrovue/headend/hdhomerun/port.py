"""TCP port 65001 on the wire: the control protocol."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from typing import cast

from retrovue.headend.addresses import plain
from retrovue.headend.conversations import Conversations
from retrovue.headend.gate import Gate
from retrovue.headend.hdhomerun.control import ControlSession, DeviceView
from retrovue.headend.hdhomerun.packet import BrokenFrame

#: Bytes read at once; a request is far smaller.
_READ = 4096
#: Connections at once; a client needs one, a flood gets no more.
_MAX_CONNECTIONS = 64


class ControlPort:
    """The listening socket. Raises ``OSError`` from ``open`` when the port can't be had."""

    def __init__(self, device: DeviceView, gate: Gate) -> None:
        self._device, self._gate = device, gate
        self._conversations = Conversations(self._converse, "control")
        self._connections = 0

    async def open(self, address: str, port: int) -> int:
        """Listen; returns the port, which is any free one when 0 was asked for."""
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        wire = socket.create_server((address, port), family=family, dualstack_ipv6=address == "::")
        await self._conversations.open(wire)
        return cast(int, wire.getsockname()[1])

    async def close(self) -> None:
        """Hang up on everybody and give the port back."""
        await self._conversations.close()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One client, until it hangs up or talks nonsense."""
        peer = plain(writer.get_extra_info("peername")[0])
        if self._connections >= _MAX_CONNECTIONS or not self._gate.admits(peer):
            writer.close()
            return
        self._connections += 1
        # Clients keep their connection for days; one that lost its power must not keep its place.
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        session = ControlSession(self._device, peer)
        try:
            while data := await reader.read(_READ):
                for reply in session.feed(data):
                    writer.write(reply)
                await writer.drain()
        except (BrokenFrame, OSError):
            pass
        finally:
            self._connections -= 1
            session.close()
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
