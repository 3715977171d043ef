"""An HTSP client for tests: asks, and keeps apart what was answered and what was pushed."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

from retrovue.clock import MasterClock
from retrovue.headend.settings import HeadendSettings
from retrovue.headend.tvheadend.front_end import TvheadendFrontEnd
from retrovue.headend.tvheadend.htsmsg import MessageReader, encode
from retrovue.lineup import Lineup
from tests.headend.tvheadend.wire import fault

Message = dict[str, Any]

#: Answers of a busy test machine are waited for this long (seconds).
PATIENCE_S = 20.0


class Client:
    """One connection. ``pushed`` grows by whatever comes without having been asked for."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writer = writer
        self._reader = reader
        self._messages = MessageReader(largest=1 << 26, most_fields=1 << 22)
        self._seq = 0
        self._answers: dict[Any, asyncio.Future[Message]] = {}
        self._asked: dict[Any, str] = {}
        self.faults: set[str] = set()  #: in what came, by its fields and types (wire.py)
        self._came = asyncio.Condition()
        self.pushed: list[Message] = []
        self.hung_up = False
        self._listening = asyncio.create_task(self._listen())

    async def _listen(self) -> None:
        try:
            while data := await self._reader.read(1 << 16):
                for message in self._messages.feed(data):
                    async with self._came:
                        if "method" in message:
                            name = str(message["method"])
                            self.pushed.append(message)
                        else:
                            name = f"reply:{self._asked.pop(message.get('seq'))}"
                            self._answers.pop(message.get("seq")).set_result(message)
                        self.faults.add(fault(name, message))
                        self._came.notify_all()
        except ConnectionError:
            pass
        async with self._came:
            self.hung_up = True
            self._came.notify_all()

    def send(self, method: str, **fields: Any) -> asyncio.Future[Message]:
        """Ask without waiting."""
        self._seq += 1
        answer: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        self._answers[self._seq], self._asked[self._seq] = answer, method
        self.writer.write(encode({"method": method, **fields, "seq": self._seq}))
        return answer

    async def ask(self, method: str, **fields: Any) -> Message:
        """The answer, without its number."""
        async with asyncio.timeout(PATIENCE_S):
            reply = await self.send(method, **fields)
        assert reply.pop("seq") == self._seq
        return reply

    async def until(self, holds: Callable[[list[Message]], bool]) -> list[Message]:
        """Wait until that holds for what was pushed."""
        async with asyncio.timeout(PATIENCE_S), self._came:
            await self._came.wait_for(lambda: holds(self.pushed))
            return list(self.pushed)

    async def until_pushed(self, method: str, count: int = 1) -> list[Message]:
        """Wait for so many messages of a kind; gives all of that kind."""
        await self.until(lambda pushed: sum(m["method"] == method for m in pushed) >= count)
        return self.of(method)

    async def until_hung_up(self) -> None:
        async with asyncio.timeout(PATIENCE_S), self._came:
            await self._came.wait_for(lambda: self.hung_up)

    def of(self, method: str) -> list[Message]:
        """What was pushed of one kind."""
        return [m for m in self.pushed if m["method"] == method]

    async def hello(self, version: int = 43, name: str = "test") -> Message:
        """Handshake; gives the answer to hello."""
        return await self.ask("hello", htspversion=version, clientname=name)

    async def login(self, hello: Message, user: str, password: str) -> Message:
        challenge = hello["challenge"]
        assert isinstance(challenge, bytes)
        digest = hashlib.sha1(password.encode() + challenge).digest()
        return await self.ask("authenticate", username=user, digest=digest)

    async def sync(self, **fields: Any) -> list[Message]:
        """Everything up to initialSyncCompleted."""
        assert await self.ask("enableAsyncMetadata", **fields) == {}
        await self.until_pushed("initialSyncCompleted")
        return list(self.pushed)

    async def close(self) -> None:
        self.writer.close()
        self._listening.cancel()
        await asyncio.gather(self._listening, return_exceptions=True)


@dataclass(frozen=True)
class Connect:
    """``await connect()`` is a client; ``connect.base`` the address of HTTP."""

    _open: Callable[[], Awaitable[Client]]
    base: str

    async def __call__(self) -> Client:
        return await self._open()


@asynccontextmanager
async def serving(
    lineup: Lineup, clock: MasterClock, accounts: Sequence[tuple[str, str]] = (), **settings: Any
) -> AsyncIterator[Connect]:
    """A front-end on loopback; gives what connects a client to it, and says where its HTTP is."""
    asked = HeadendSettings("fake", bind="127.0.0.1", htsp_port=0, tvheadend_port=0, accounts=tuple(accounts))
    front_end = TvheadendFrontEnd(lineup, clock, replace(asked, **settings))
    await front_end.start()
    assert front_end.warnings == []
    port = front_end.htsp_port
    clients: list[Client] = []

    async def connect() -> Client:
        """A new connection by HTSP."""
        clients.append(Client(*await asyncio.open_connection("127.0.0.1", port)))
        return clients[-1]

    try:
        yield Connect(connect, f"http://127.0.0.1:{front_end.http_port}")
    finally:
        for client in clients:
            await client.close()
            assert client.faults <= {""}
        await front_end.stop()
