"""Conversations: a listening TCP port, and a task for each client that comes.

asyncio's own ``Server.wait_closed`` is not asked: before Python 3.12 it waits for nothing, from then on for
every connection, one included that nobody has taken up yet. Here all are hung up on at once.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Coroutine

#: One conversation, from the first byte to the close of the connection. It may be cancelled at any moment.
Converse = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[object, object, None]]


class Conversations:
    """The conversations of one port."""

    def __init__(self, converse: Converse, name: str) -> None:
        """``name``: of the tasks."""
        self._converse = converse
        self._name = name
        self._server: asyncio.Server | None = None
        self._running: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    async def open(self, listener: socket.socket) -> None:
        """Serve on a listening socket, which is this port's from now on."""
        self._server = await asyncio.start_server(self._accept, sock=listener)

    async def close(self) -> None:
        """Hang up on everybody and give the port back."""
        if self._server is None:
            return
        self._server.close()
        self._server = None
        running = dict(self._running)
        for task, writer in running.items():
            task.cancel()
            writer.transport.abort()  # a task that is cancelled before it has begun closes nothing
        await asyncio.gather(*running, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._server is None:  # it came while the port was closing
            writer.transport.abort()
            return
        # A task of our own: asyncio's would be forgotten, and log its cancellation as a fault.
        task = asyncio.create_task(self._converse(reader, writer), name=self._name)
        self._running[task] = writer
        task.add_done_callback(self._over)

    def _over(self, task: asyncio.Task[None]) -> None:
        del self._running[task]
        if not task.cancelled() and (fault := task.exception()) is not None:
            task.get_loop().call_exception_handler(
                {"message": f"{self._name}: a conversation failed", "exception": fault, "task": task}
            )
