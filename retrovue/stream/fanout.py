"""Fan-out: one signal in, many viewers out, each at station time; no copies.

A ring of chunks covers what was sent ahead (the lead), one GOP and the lag that a slow viewer may have. It
holds the stream as it is sent, and only so: whoever wants access units takes them out again
(playout/access_units.py), which costs less than holding everything twice for nobody.
A viewer starts at the IDR at or before now and gets the lead at once. One that falls too far behind
station time is moved on to the newest IDR at or before now; nobody waits for it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass

from retrovue.clock import MasterClock
from retrovue.lineup import Break
from retrovue.units import SECOND_US

#: A viewer may lag this far behind station time before it is moved on (µs).
ALLOWED_LAG_US = 6 * SECOND_US
#: Kept behind station time: allowed lag, one GOP (≤ 0.6 s) and one second of slack (µs).
KEEP_BEHIND_US = ALLOWED_LAG_US + 2 * SECOND_US


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some consecutive ticks of the channel."""

    seq: int  #: consecutive over the channel's life
    start_us: int  #: station time of its first tick
    key: bool  #: begins with PAT, PMT and an IDR
    data: bytes  #: whole transport-stream packets, shared by all viewers
    within: Break | None = None  #: the break that its first tick lies in, if the channel tells its breaks
    after: Break | None = None  #: the last one that was over by then


class Ring:
    """The last seconds of a channel. One writer, many readers, one event loop."""

    def __init__(self, clock: MasterClock) -> None:
        self._clock = clock
        self._chunks: deque[Chunk] = deque()
        self._next_seq = 0
        self._waiters: set[asyncio.Future[None]] = set()
        self._closed = False

    def append(
        self, start_us: int, key: bool, data: bytes, within: Break | None = None, after: Break | None = None
    ) -> None:
        """Add the next chunk and wake who waits for it."""
        self._chunks.append(Chunk(self._next_seq, start_us, key, data, within, after))
        self._next_seq += 1
        oldest = self._clock.now_us() - KEEP_BEHIND_US
        # The first chunk must stay a place to join: drop up to the next key only once that is old, too.
        while len(self._chunks) > 1 and self._chunks[1].start_us < oldest:
            self._chunks.popleft()
        self._wake()

    def close(self) -> None:
        """The channel goes off the air: every reader ends after what it has."""
        self._closed = True
        self._wake()

    @property
    def closed(self) -> bool:
        return self._closed

    def join_point(self) -> Chunk | None:
        """The newest key chunk at or before station time; the oldest key chunk when all are ahead."""
        now_us = self._clock.now_us()
        best: Chunk | None = None
        for chunk in self._chunks:
            if chunk.key and (best is None or chunk.start_us <= now_us):
                best = chunk
        return best

    async def join(self) -> Chunk | None:
        """Like ``join_point``, waiting for the first one; None when the ring closes before."""
        while (chunk := self.join_point()) is None and not self._closed:
            await self._wait()
        return chunk

    async def read(self, first: Chunk) -> AsyncIterator[Chunk]:
        """Chunks from ``first`` on; leaps to the join point when the reader is too slow."""
        seq = first.seq
        while True:
            while seq >= self._next_seq:
                if self._closed:
                    return
                await self._wait()
            oldest = self._chunks[0].seq
            chunk = self._chunks[seq - oldest] if seq >= oldest else None
            if chunk is None or self._clock.now_us() - chunk.start_us > ALLOWED_LAG_US:
                newest = self.join_point()
                if newest is not None and newest.seq > seq:
                    chunk = newest
                elif chunk is None:
                    # No key chunk is left to leap to: take up again at the next one.
                    seq = self._next_seq
                    continue
            seq = chunk.seq + 1
            yield chunk

    async def _wait(self) -> None:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters.add(future)
        try:
            await future
        finally:
            self._waiters.discard(future)

    def _wake(self) -> None:
        for future in self._waiters:
            if not future.done():
                future.set_result(None)
