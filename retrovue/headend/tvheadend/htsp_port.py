"""HTSP on the wire: a listening socket, and one conversation for each client that comes.

A conversation is three tasks: one reads requests and answers them in order, one sends what waits, one tells
the news. It ends when any of them does, and takes nothing else with it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import Coroutine
from typing import Any

from retrovue.headend.addresses import plain
from retrovue.headend.conversations import Conversations
from retrovue.headend.tvheadend.backend import Backend, Peer
from retrovue.headend.tvheadend.htsmsg import BrokenMessage, Message, MessageReader, encode
from retrovue.headend.tvheadend.outbox import Outbox
from retrovue.headend.tvheadend.session import REFUSAL_S, Denied, Session, numbered, takes_long
from retrovue.lineup import LineupChange

log = logging.getLogger(__name__)

#: Bytes read at once; a request is far smaller.
_READ = 16 * 1024
#: Clients at once; a household has a dozen.
MOST_CONNECTIONS = 256
#: Clients at once from one address: one that opens connections and forgets them shuts out nobody else.
MOST_OF_ONE = 64
#: A client that takes nothing for this long is gone, though its connection isn't (seconds).
STALLED_S = 30.0
#: Room in the socket for the burst at the beginning of a channel (bytes).
SEND_BUFFER = 512 * 1024


class HtspPort:
    """The conversations of one port."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._conversations = Conversations(self._converse, "HTSP")
        self.sessions = backend.sessions

    async def open(self, listener: socket.socket) -> None:
        """Serve on a listening socket."""
        await self._conversations.open(listener)

    async def close(self) -> None:
        """Hang up on everybody and give the port back."""
        await self._conversations.close()

    def tell(self, change: LineupChange) -> None:
        """Pass on to every client that wants to know."""
        for session in self.sessions:
            if session.metadata is not None:
                session.metadata.tell(change)

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = _peer(writer)
        near = sum(session.peer.address == peer.address for session in self.sessions)
        if len(self.sessions) >= MOST_CONNECTIONS or near >= MOST_OF_ONE:
            writer.transport.abort()
            return
        wire = writer.get_extra_info("socket")
        # Clients keep their connection for days; one that lost its power must not keep its place.
        wire.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        wire.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
        outbox = Outbox()
        session = Session(self._backend, peer, outbox)
        self.sessions.add(session)
        try:
            await _first_of(
                self._listen(session, reader, outbox),
                self._send(writer, outbox),
                self._tell_news(session),
            )
        finally:
            self.sessions.discard(session)
            await session.close()
            writer.transport.abort()  # a polite close would wait for a reader that may be gone

    async def _listen(self, session: Session, reader: asyncio.StreamReader, outbox: Outbox) -> None:
        """Until the client hangs up or talks nonsense."""
        messages = MessageReader()
        try:
            while data := await reader.read(_READ):
                for request in messages.feed(data):
                    outbox.put(encode(await self._answer(session, request)))
                    for told in session.afterwards():
                        outbox.put(encode(told))
                    # Whoever asks and doesn't listen has to wait.
                    await outbox.room()
        except BrokenMessage as error:
            log.info("HTSP client %s hung up on: %s", session.peer.address, error)

    async def _answer(self, session: Session, request: Message) -> Message:
        try:
            if takes_long(request):
                return await asyncio.to_thread(session.answer, request)
            await session.fetch(request)
            return session.answer(request)
        except Denied:
            await self._backend.clock.wait(REFUSAL_S)
            return numbered({"noaccess": 1}, request)

    async def _send(self, writer: asyncio.StreamWriter, outbox: Outbox) -> None:
        while True:
            writer.write(await outbox.take())
            try:
                async with self._backend.clock.deadline(STALLED_S):
                    await writer.drain()
            except TimeoutError:
                log.info("HTSP client %s takes nothing any more", writer.get_extra_info("peername"))
                return

    async def _tell_news(self, session: Session) -> None:
        await session.wants_news.wait()
        assert session.metadata is not None
        await session.metadata.run()


async def _first_of(*parts: Coroutine[Any, Any, None]) -> None:
    """Run together until one of them is over; a lost connection is no fault."""
    tasks = [asyncio.create_task(part) for part in parts]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        for ended in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(ended, Exception) and not isinstance(ended, OSError):
                log.error("an HTSP conversation failed", exc_info=ended)


def _peer(writer: asyncio.StreamWriter) -> Peer:
    with contextlib.suppress(TypeError, IndexError):
        theirs, ours = writer.get_extra_info("peername"), writer.get_extra_info("sockname")
        return Peer(plain(theirs[0]), theirs[1], plain(ours[0]))
    return Peer("", 0)
