"""The video: ``/auto/v5.1`` and ``/tuner0/v5.1``. One request is one tuner, until the client is gone.

No header is sent before the first bytes of media are there, so that a failure can still be an honest
status; an error has no body, because clients record whatever body they get (Jellyfin,
SharedHttpStream.cs:58-75).
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import AsyncGenerator, AsyncIterator, Iterable
from contextlib import nullcontext
from functools import partial
from typing import Any

from aiohttp import web

from retrovue.clock import MasterClock
from retrovue.headend.gate import opened_by_token
from retrovue.headend.hdhomerun.api import HEADERS
from retrovue.headend.hdhomerun.personality import PROGRAM_NUMBER, Personality, RfPlan, find_channel
from retrovue.headend.hdhomerun.tuners import Meter, Tuner, TunersInUse, TunerTable, Viewing
from retrovue.headend.pour import FIRST_BYTES_S, STALLED_S, agent_of, peer_of, widen
from retrovue.headend.unframed import UnframedStream
from retrovue.lineup import ChannelIdent, Lineup, Signal, TuneRefused, Viewer

log = logging.getLogger(__name__)

#: Bytes written at once: whole packets, not much over aiohttp's own 64 KiB.
_PIECE = 349 * 188

_HEADERS = {
    "Server": HEADERS["Server"],
    "Content-Type": "video/mpeg",
    "Cache-Control": "no-cache",
    "Connection": "close",
    "Access-Control-Allow-Origin": "*",
}

_TARGET = re.compile(r"v(?P<number>[0-9.]{1,16})|ch(?P<carrier>\d{1,10})(-(?P<program>\d{1,5}))?")

#: The status and the words of X-HDHomeRun-Error, both as real units give them.
_REFUSED: dict[str, tuple[int, str]] = {
    "unknown_channel": (404, "801 Unknown Channel"),
    "busy": (503, "803 System Busy"),
    "tune_failed": (503, "806 Tune Failed"),
    "shutting_down": (503, "803 System Busy"),
}


class _Stalled(Exception):
    """The reader takes nothing any more."""


class Video:
    """The handlers of the streams."""

    def __init__(self, lineup: Lineup, clock: MasterClock, table: TunerTable, family: Personality) -> None:
        self._lineup, self._clock, self._table, self._family = lineup, clock, table, family

    def routes(self) -> Iterable[web.AbstractRouteDef]:
        for path in (r"/auto/{target}", r"/tuner{index:\d{1,2}}/{target}"):
            # aiohttp would send HEAD to the GET handler, and that takes a tuner.
            yield web.get(path, self._watch, allow_head=False)
            yield web.head(path, self._ask)

    def stop(self) -> None:
        """End every stream."""
        for tuner in self._table.tuners:
            if tuner.viewing is not None:
                tuner.viewing.end()

    @opened_by_token
    async def _ask(self, request: web.Request) -> web.StreamResponse:
        """HEAD: what GET would say of the channel; takes no tuner."""
        if self._find(request) is None:
            return _error(404, "801 Unknown Channel")
        return _unframed({})

    @opened_by_token
    async def _watch(self, request: web.Request) -> web.StreamResponse:
        channel = self._find(request)
        if channel is None:
            return _error(404, "801 Unknown Channel")
        this_request = asyncio.current_task()
        assert this_request is not None
        address, port = peer_of(request)
        viewing = Viewing(
            channel,
            address,
            port,
            end=partial(_cancel, this_request),
            meter=Meter(self._clock.elapsed()),
            agent=agent_of(request),
        )
        index = request.match_info.get("index")
        try:
            tuner = await self._table.take(None if index is None else int(index), viewing)
        except TunersInUse:
            which = "all tuners are" if index is None else f"tuner {index} is"
            log.warning("%s: hdhomerun %s:%d refused: %s in use", channel.id, address, port, which)
            return _error(503, "805 All Tuners In Use" if index is None else "804 Tuner In Use")
        try:
            return await self._serve(request, viewing, tuner)
        finally:
            self._table.release(tuner, viewing)

    async def _serve(self, request: web.Request, viewing: Viewing, tuner: Tuner) -> web.StreamResponse:
        """Tune, and send until somebody ends it."""
        viewer = Viewer(
            front_end="hdhomerun",
            address=f"{viewing.address}:{viewing.port}",
            agent=viewing.agent,
            labels={"tuner": tuner.name},
        )
        response = _unframed({"X-HDHomeRun-Resource": tuner.name})
        signal: Signal | None = None
        chunks: AsyncIterator[bytes] | None = None
        why = "viewer left"
        try:
            async with self._clock.deadline(FIRST_BYTES_S):
                signal = await self._lineup.tune(viewing.channel.id, viewer)
                chunks = signal.transport_stream()
                first = await anext(chunks)
            widen(request)
            await response.prepare(request)
            why = await self._send(response, first, chunks, viewing, _duration(request))
            if why == "reader stalled" and request.transport is not None:
                request.transport.abort()  # a polite close would wait for the reader
            return response
        except TuneRefused as refused:
            return _error(*_REFUSED[refused.code])
        except (TimeoutError, StopAsyncIteration):
            why = "no video data"
            return _error(503, "807 No Video Data")
        except ConnectionError:
            return response  # nobody is left to read it
        except Exception:
            # aiohttp's own answer to a fault has a body, and that would be recorded as video.
            log.exception("channel %s failed", viewing.channel.number)
            why = "fault"
            return response if response.prepared else _error(503, "806 Tune Failed")
        finally:
            self._table.release(tuner, viewing)  # the slot is free before the signal's farewell
            if isinstance(chunks, AsyncGenerator):
                await chunks.aclose()
            if signal is not None:
                await signal.close(why)

    async def _send(
        self,
        response: web.StreamResponse,
        first: bytes,
        chunks: AsyncIterator[bytes],
        viewing: Viewing,
        duration: float | None,
    ) -> str:
        """Send until the signal ends or ``duration`` seconds are over. Returns why it stopped."""
        try:
            async with self._clock.deadline(duration) if duration else nullcontext():
                await self._write(response, first, viewing)
                async for chunk in chunks:
                    await self._write(response, chunk, viewing)
        except TimeoutError:
            return "duration over"
        except _Stalled:
            return "reader stalled"
        return "signal ended"

    async def _write(self, response: web.StreamResponse, chunk: bytes, viewing: Viewing) -> None:
        """A chunk in pieces, so that a slow reader of a large one is seen to make progress."""
        for at in range(0, len(chunk), _PIECE):
            piece = chunk[at : at + _PIECE]
            try:
                async with self._clock.deadline(STALLED_S):
                    await response.write(piece)
            except TimeoutError:
                raise _Stalled from None
            viewing.meter.sent(self._clock.elapsed(), len(piece))

    def _find(self, request: web.Request) -> ChannelIdent | None:
        """The channel a path means, by its number or by its carrier."""
        index = request.match_info.get("index")
        match = _TARGET.fullmatch(request.match_info["target"])
        if match is None or (index is not None and int(index) >= len(self._table.tuners)):
            return None
        channels = self._lineup.channels()
        if match["number"] is not None:
            return find_channel(channels, match["number"])
        if match["program"] is not None and int(match["program"]) != PROGRAM_NUMBER:
            return None
        return RfPlan(self._family, channels).channel_at(int(match["carrier"]))


def _cancel(request: asyncio.Task[Any]) -> None:
    request.cancel("ended from outside")


def _unframed(headers: dict[str, str]) -> UnframedStream:
    response = UnframedStream(headers={**_HEADERS, **headers})
    response.force_close()
    return response


def _error(status: int, words: str) -> web.Response:
    response = web.Response(status=status, headers={"Server": HEADERS["Server"], "X-HDHomeRun-Error": words})
    response.force_close()
    return response


def _duration(request: web.Request) -> float | None:
    """``?duration=`` in seconds; Emby appends a second "?" to a URL that has one already."""
    for parameter in re.split("[?&]", request.query_string):
        name, _, value = parameter.partition("=")
        if name == "duration" and value.isascii() and value.isdigit() and len(value) < 8:
            return int(value) or None
    return None
