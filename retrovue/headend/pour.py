"""A channel as the body of an HTTP answer, as long as somebody reads: for front-ends that have no tuners."""

from __future__ import annotations

import socket
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

from aiohttp import web

from retrovue.clock import MasterClock
from retrovue.headend.addresses import plain
from retrovue.lineup import ChannelId, Lineup, Signal, TuneRefused, Viewer

#: Longest wait for the first bytes of a channel (seconds). Plex gives up after about 20, Emby's clients
#: after 10.
FIRST_BYTES_S = 9.0
#: A reader that takes nothing for this long is gone, though its connection isn't (seconds).
STALLED_S = 60.0
#: Room in the socket for the burst at the beginning and for a short hiccup of the network (bytes).
SEND_BUFFER = 512 * 1024


class NoPicture(Exception):
    """There is none to be sent. The message says why, for people."""


@dataclass(frozen=True, slots=True)
class Meter:
    """Told of every chunk's bytes, as it comes and when it has been taken."""

    received: Callable[[int], None]
    sent: Callable[[int], None]


#: Entered when there is a picture, left when the viewer is gone.
Counting = Callable[[], AbstractContextManager[Meter | None]]


async def pour(
    request: web.Request,
    response: web.StreamResponse,
    lineup: Lineup,
    clock: MasterClock,
    channel: ChannelId,
    viewer: Viewer,
    counting: Counting = nullcontext,
) -> web.StreamResponse:
    """Send the channel's transport stream as the body of ``response``.

    No header is sent before there is a picture, so that a failure can still be told: raises ``NoPicture``.
    """
    signal: Signal | None = None
    chunks: AsyncIterator[bytes] | None = None
    why = "viewer left"
    try:
        async with clock.deadline(FIRST_BYTES_S):
            signal = await lineup.tune(channel, viewer)
            chunks = signal.transport_stream()
            first = await anext(chunks)
        with counting() as meter:
            widen(request)
            await response.prepare(request)
            why = await _send(response, first, chunks, clock, meter)
        if why == "reader stalled" and request.transport is not None:
            request.transport.abort()  # a polite close would wait for the reader
        return response
    except TuneRefused as refused:
        raise NoPicture(refused.reason) from None
    except (TimeoutError, StopAsyncIteration):
        why = "no video data"
        raise NoPicture("No video data") from None
    except ConnectionError:
        return response  # nobody is left to read it
    finally:
        if isinstance(chunks, AsyncGenerator):
            await chunks.aclose()
        if signal is not None:
            await signal.close(why)


async def _send(
    response: web.StreamResponse,
    first: bytes,
    chunks: AsyncIterator[bytes],
    clock: MasterClock,
    meter: Meter | None,
) -> str:
    """Until the signal ends or nothing is taken any more; returns which."""

    async def write(chunk: bytes) -> None:
        if meter is not None:
            meter.received(len(chunk))
        async with clock.deadline(STALLED_S):
            await response.write(chunk)
        if meter is not None:
            meter.sent(len(chunk))

    try:
        await write(first)
        async for chunk in chunks:
            await write(chunk)
    except TimeoutError:
        return "reader stalled"
    return "signal ended"


def peer_of(request: web.Request) -> tuple[str, int]:
    """The client's address and port, as this machine sees them."""
    name = request.transport.get_extra_info("peername") if request.transport else None
    return (plain(name[0]), name[1]) if name else (request.remote or "", 0)


def agent_of(request: web.Request) -> str:
    """What the client calls itself."""
    return "".join(c for c in request.headers.get("User-Agent", "")[:200] if c.isprintable())


def widen(request: web.Request) -> None:
    """Room for the first burst, so that it leaves at once (asyncio has set TCP_NODELAY already)."""
    wire = request.transport.get_extra_info("socket") if request.transport else None
    if wire is not None:
        wire.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
