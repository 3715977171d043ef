"""Conversations: whoever they are with, and however far they have come, a port that closes ends them."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest

from retrovue.headend.conversations import Conversations


class Talk:
    """Answers each byte; knows who is there."""

    def __init__(self) -> None:
        self.present = 0
        self.seen = asyncio.Event()

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.present += 1
        self.seen.set()
        try:
            while data := await reader.read(1):
                if data == b"!":
                    raise ValueError("nonsense")
                writer.write(data)
        finally:
            self.present -= 1
            writer.close()


@asynccontextmanager
async def port(talk: Talk) -> AsyncIterator[tuple[Conversations, int]]:
    listener = socket.create_server(("127.0.0.1", 0))
    conversations = Conversations(talk, "talk")
    await conversations.open(listener)
    try:
        yield conversations, listener.getsockname()[1]
    finally:
        await conversations.close()


async def call(number: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection("127.0.0.1", number)


async def ended(reader: asyncio.StreamReader) -> bool:
    """Has the other end hung up?"""
    async with asyncio.timeout(20):
        try:
            return await reader.read() == b""
        except ConnectionError:
            return True


async def test_who_is_in_the_middle_of_it_is_hung_up_on() -> None:
    talk = Talk()
    async with port(talk) as (conversations, number):
        reader, writer = await call(number)
        writer.write(b"a")
        assert await reader.readexactly(1) == b"a"
        async with asyncio.timeout(20):
            await conversations.close()
        assert talk.present == 0
        assert await ended(reader)
        writer.close()
        with pytest.raises(ConnectionError):
            await call(number)
        await conversations.close()  # twice does no harm


async def test_who_has_not_been_taken_up_yet_is_hung_up_on_too() -> None:
    """Connected, but no task of theirs has run: nobody else would ever close them."""
    talk = Talk()
    async with port(talk) as (conversations, number):
        clients = [socket.create_connection(("127.0.0.1", number)) for _ in range(20)]
        while not conversations._running:  # noqa: ASYNC110  accepted in a turn of the loop, begun in the next
            await asyncio.sleep(0)
        async with asyncio.timeout(20):
            await conversations.close()
        for _ in range(3):  # for those that were accepted, and no more than that
            await asyncio.sleep(0)
        assert talk.present == 0
        for client in clients:
            client.settimeout(20)
            with suppress(ConnectionError):
                assert client.recv(1) == b""
            client.close()


async def test_a_client_that_takes_nothing_holds_up_no_close() -> None:
    talk = Talk()
    async with port(talk) as (conversations, number):
        _, writer = await call(number)
        writer.write(b"x" * 4_000_000)  # and none of the answers is read
        await talk.seen.wait()
        async with asyncio.timeout(20):
            await conversations.close()
        assert talk.present == 0
        writer.transport.abort()


async def test_one_that_fails_is_told_of_and_ends_no_other(caplog: pytest.LogCaptureFixture) -> None:
    talk = Talk()
    async with port(talk) as (_, number):
        good, to_good = await call(number)
        bad, to_bad = await call(number)
        with caplog.at_level(logging.ERROR):
            to_bad.write(b"!")
            assert await ended(bad)
        to_good.write(b"a")
        assert await good.readexactly(1) == b"a"
        for writer in (to_good, to_bad):
            writer.close()
    assert "talk: a conversation failed" in caplog.text
