"""``/hls/5.1.m3u8`` with its segments, and ``/live/5.1.mp4``: for browsers and players.

All HLS clients of a channel share one packager, which is one viewer of the channel: it comes with the first
playlist asked for and leaves when none has been asked for a while, as HLS clients say no goodbye. Segments
are kept in memory only.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Sequence
from contextlib import suppress

from aiohttp import web

from retrovue.clock import MasterClock
from retrovue.headend.gate import carried, opened_by_token
from retrovue.headend.hls.playlist import CONTENT_TYPE, TARGET_S, media_playlist
from retrovue.headend.settings import HeadendSettings
from retrovue.lineup import (
    ChannelId,
    ChannelIdent,
    Lineup,
    MediaSegment,
    Signal,
    TuneRefused,
    Viewer,
)
from retrovue.units import SECOND_US

log = logging.getLogger(__name__)

#: A packager whose playlist nobody has asked for so long leaves (seconds): players ask once a target
#: duration.
PATIENCE_S = 5.0 * TARGET_S
#: Longest wait for the first segments (seconds).
FIRST_S = 9.0
#: A playlist has so many segments at least: players begin three target durations before its end (RFC 8216,
#: 6.3.3), and Chromium stands still where there are less. The lead has two of them at once.
FIRST_SEGMENTS = 3
#: Segments that end with a break may be short: so much it has at least, too (µs).
FIRST_US = FIRST_SEGMENTS * 1_800_000
#: In the playlist: what a player that begins three target durations before the end needs, and as much again.
LISTED = 6
#: Kept beyond: a segment stays to be had for some time after it has left the playlist (RFC 8216, 6.2.2).
KEPT = LISTED + 4
#: A reader of the MP4 that takes nothing for this long is gone (seconds).
STALLED_S = 60.0

_HEADERS = {"Access-Control-Allow-Origin": "*", "X-Content-Type-Options": "nosniff"}
_STATUS = {"unknown_channel": 404, "busy": 503, "tune_failed": 503, "shutting_down": 503}


class Packager:
    """One channel's segments, while somebody watches."""

    def __init__(self, lineup: Lineup, clock: MasterClock, channel: ChannelId, viewer: Viewer) -> None:
        self._lineup, self._clock, self._channel, self._viewer = lineup, clock, channel, viewer
        self._segments: deque[MediaSegment] = deque(maxlen=KEPT)
        #: Media sequence number of the next one. Counted on from station time: whatever ended and began again
        #: in between, it never goes back, and no number is given twice.
        self._next = clock.now_us() // (TARGET_S * SECOND_US)
        self._asked = clock.elapsed()
        self._news = asyncio.Event()
        self.refused: TuneRefused | None = None
        self._task = asyncio.create_task(self._run(), name=f"hls {channel}")

    @property
    def done(self) -> bool:
        return self._task.done()

    def asked(self) -> None:
        """Somebody is there."""
        self._asked = self._clock.elapsed()

    def find(self, number: int) -> MediaSegment | None:
        """A segment by its media sequence number; None when it is not to be had (any more)."""
        at = number - (self._next - len(self._segments))
        return self._segments[at] if 0 <= at < len(self._segments) else None

    def listed(self) -> tuple[int, Sequence[MediaSegment]]:
        """(number of the first, what stands in the playlist now)."""
        found = list(self._segments)[-LISTED:]
        return self._next - len(found), found

    async def ready(self) -> bool:
        """Wait for the first segments; False when none will come."""
        with suppress(TimeoutError):
            async with self._clock.deadline(FIRST_S):
                while not self._enough() and not self.done:
                    self._news.clear()
                    await self._news.wait()
        return bool(self._segments)

    def _enough(self) -> bool:
        return (
            len(self._segments) >= FIRST_SEGMENTS and sum(s.duration_us for s in self._segments) >= FIRST_US
        )

    async def close(self) -> None:
        self._task.cancel("the station signs off")
        await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        signal: Signal | None = None
        segments: AsyncIterator[MediaSegment] | None = None
        why = "nobody asks any more"
        try:
            signal = await self._lineup.tune(self._channel, self._viewer)
            segments = signal.media_segments()
            while self._clock.elapsed() - self._asked < PATIENCE_S:
                async with self._clock.deadline(PATIENCE_S):
                    self._segments.append(await anext(segments))
                self._next += 1
                self._news.set()
        except TuneRefused as refused:
            self.refused = refused
        except (StopAsyncIteration, TimeoutError):
            why = "signal ended"
        except Exception:
            # A task of its own, for which nobody waits: without this a fault would be told by nobody.
            log.exception("HLS of %s failed", self._channel)
            why = "fault"
        finally:
            if isinstance(segments, AsyncGenerator):
                await segments.aclose()
            if signal is not None:
                await signal.close(why)
            self._news.set()


class HlsFrontEnd:
    """The routes, and one packager for each channel that is watched."""

    def __init__(self, lineup: Lineup, clock: MasterClock, settings: HeadendSettings) -> None:
        self._lineup, self._clock = lineup, clock
        self._packagers: dict[ChannelId, Packager] = {}

    def routes(self) -> Iterable[web.AbstractRouteDef]:
        number = r"{number:\d{1,5}(?:\.\d{1,5})?}"
        return (
            web.get(f"/hls/{number}.m3u8", self._playlist),
            web.get(f"/hls/{number}/{{segment:\\d{{1,15}}}}.ts", self._segment),
            web.get(f"/live/{number}.mp4", self._mp4, allow_head=False),
            web.head(f"/live/{number}.mp4", self._mp4_head),
        )

    async def start(self) -> None:
        """Nothing to begin."""

    async def stop(self) -> None:
        for packager in self._packagers.values():
            await packager.close()
        self._packagers.clear()

    def _find(self, request: web.Request) -> ChannelIdent | None:
        number = request.match_info["number"]
        return next((c for c in self._lineup.channels() if c.number == number), None)

    @opened_by_token
    async def _playlist(self, request: web.Request) -> web.StreamResponse:
        channel = self._find(request)
        if channel is None:
            return _refused("unknown_channel", "")
        packager = self._packagers.get(channel.id)
        if packager is None or packager.done:
            viewer = Viewer("hls", request.remote or "", request.headers.get("User-Agent", "")[:200])
            packager = Packager(self._lineup, self._clock, channel.id, viewer)
            self._packagers[channel.id] = packager
        packager.asked()
        if not await packager.ready():
            refused = packager.refused
            return _refused(refused.code, refused.reason) if refused else _refused("tune_failed", "no video")
        packager.asked()
        text = media_playlist(channel.number, *packager.listed(), carried())
        headers = {**_HEADERS, "Cache-Control": "no-cache"}
        return web.Response(text=text, content_type=CONTENT_TYPE, headers=headers)

    @opened_by_token
    async def _segment(self, request: web.Request) -> web.StreamResponse:
        channel = self._find(request)
        packager = self._packagers.get(channel.id) if channel else None
        found = packager.find(int(request.match_info["segment"])) if packager else None
        if packager is None or found is None:
            return _refused("unknown_channel", "")
        packager.asked()
        # A segment never changes, and its number is never given again.
        headers = {**_HEADERS, "Cache-Control": "public, max-age=60, immutable"}
        return web.Response(body=found.data, content_type="video/mp2t", headers=headers)

    @opened_by_token
    async def _mp4_head(self, request: web.Request) -> web.StreamResponse:
        if self._find(request) is None:
            return _refused("unknown_channel", "")
        return _mp4_response()

    @opened_by_token
    async def _mp4(self, request: web.Request) -> web.StreamResponse:
        channel = self._find(request)
        if channel is None:
            return _refused("unknown_channel", "")
        if (channel.video_codec, channel.audio_codec) != ("H264", "AAC"):
            return _refused("tune_failed", "its codecs are none that browsers play", 415)
        viewer = Viewer("web", request.remote or "", request.headers.get("User-Agent", "")[:200])
        response = _mp4_response()
        signal: Signal | None = None
        mp4: AsyncIterator[bytes] | None = None
        why = "viewer left"
        try:
            async with self._clock.deadline(FIRST_S):
                signal = await self._lineup.tune(channel.id, viewer)
                mp4 = signal.fragmented_mp4()
                first = await anext(mp4)
            await response.prepare(request)
            await self._write(response, first)
            async for data in mp4:
                await self._write(response, data)
            why = "signal ended"
        except TuneRefused as refused:
            return _refused(refused.code, refused.reason)
        except (TimeoutError, StopAsyncIteration):
            why = "reader stalled" if response.prepared else "no video data"
            if response.prepared and request.transport is not None:
                request.transport.abort()
            return response if response.prepared else _refused("tune_failed", "no video")
        except ConnectionError:
            pass  # nobody is left to read it
        finally:
            if isinstance(mp4, AsyncGenerator):
                await mp4.aclose()
            if signal is not None:
                await signal.close(why)
        return response

    async def _write(self, response: web.StreamResponse, data: bytes) -> None:
        async with self._clock.deadline(STALLED_S):
            await response.write(data)


def _mp4_response() -> web.StreamResponse:
    headers = {**_HEADERS, "Cache-Control": "no-store", "Content-Type": "video/mp4"}
    response = web.StreamResponse(headers=headers)
    response.force_close()
    return response


def _refused(code: str, reason: str, status: int = 0) -> web.Response:
    return web.Response(status=status or _STATUS[code], text=reason, headers=_HEADERS)
