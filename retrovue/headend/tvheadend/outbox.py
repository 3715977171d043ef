"""What waits to be sent on one HTSP connection.

Answers and news go first, in order. The packets of subscriptions take turns behind them, so that a channel
of many bits doesn't hold up another on the same connection.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Protocol

#: A sender of news waits while this much is queued (bytes).
FULL = 128 * 1024
#: Packets are sent so many bytes at a time.
_BATCH = 64 * 1024


class Source(Protocol):
    """A subscription's packets. Declarations only."""

    def pop(self) -> bytes | None:
        """The next frame; None when nothing waits."""
        ...


class Outbox:
    """One writer takes; everybody on the same event loop puts."""

    def __init__(self) -> None:
        self._frames: deque[bytes] = deque()
        self._bytes = 0
        self._sources: deque[Source] = deque()
        self._news = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()

    def put(self, frame: bytes) -> None:
        """Queue an answer or a piece of news."""
        self._frames.append(frame)
        self._bytes += len(frame)
        if self._bytes >= FULL:
            self._room.clear()
        self._news.set()

    @property
    def waiting(self) -> bool:
        """Is there anything that the client was told and hasn't taken?"""
        return bool(self._frames)

    async def room(self) -> None:
        """Return once the reader has taken what it was sent before."""
        await self._room.wait()

    def add(self, source: Source) -> None:
        """A subscription begins."""
        self._sources.append(source)

    def remove(self, source: Source) -> None:
        """A subscription ends; what it still has is not sent."""
        if source in self._sources:
            self._sources.remove(source)

    def wake(self) -> None:
        """A source has something."""
        self._news.set()

    async def take(self) -> bytes:
        """What is to be sent next: some whole frames."""
        while True:
            if self._frames:
                data = b"".join(self._frames)
                self._frames.clear()
                self._bytes = 0
                self._room.set()
                return data
            if frames := self._turns():
                return b"".join(frames)
            self._news.clear()
            await self._news.wait()

    def _turns(self) -> list[bytes]:
        """A frame of each source in turn, up to what is worth a system call."""
        frames: list[bytes] = []
        size = empty = 0
        while size < _BATCH and empty < len(self._sources):
            source = self._sources[0]
            self._sources.rotate(-1)
            frame = source.pop()
            if frame is None:
                empty += 1
            else:
                empty = 0
                frames.append(frame)
                size += len(frame)
        return frames
