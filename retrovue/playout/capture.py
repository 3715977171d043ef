"""Capture: any minute of a channel, past or to come, as a viewer would have received it.

The same director, switcher, producers and multiplexer as on the air, on a clock that goes as fast as
pictures can be made. So what is planned is what is captured: a slate is in it only where a slate would
have been on the air, never because this machine is slower than real time.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from retrovue.clock import MasterClock, RenderClock
from retrovue.compiler.model import CompiledSynthetic, Segment, SegmentKind
from retrovue.errors import RetroVueError
from retrovue.lineup import ChannelId, TuneRefused, Viewer
from retrovue.playout.as_run import AsRunRecord
from retrovue.playout.director import Machine, Presentation, ProgramDirector, house_of
from retrovue.playout.ladder import DEFAULT_PATIENCE, Patience
from retrovue.playout.overlay import Layer
from retrovue.playout.playlog import PlaylogEntry
from retrovue.playout.producers.emergency import SLUG
from retrovue.playout.programme import OnAirProgramme
from retrovue.playout.ticks import TickGrid
from retrovue.stream.mpegts import CLOCK_HZ, PID_AUDIO, PID_VIDEO, WRAP
from retrovue.stream.sections import PACKET
from retrovue.units import SECOND_US, from_us

log = logging.getLogger(__name__)

#: With nothing to show for this long (real seconds), something is wrong beyond patience.
PATIENCE_S = 180.0

#: Suffix → ffmpeg's name of the container.
CONTAINERS = {".mp4": "mp4", ".mkv": "matroska"}


class CaptureFailed(RetroVueError):
    """There is nothing to capture, or it can't be made."""


def as_ordered(
    programme: OnAirProgramme, channel: ChannelId, records: Sequence[AsRunRecord], voice: str
) -> OnAirProgramme:
    """``programme`` with what was ordered on ``channel``: what ``records`` of the as-run log call so, and
    the crawls that they say ran over it."""
    compiled, planned = programme.channels[channel]
    grid = house_of(compiled).grid
    synthetics = dict(planned.synthetics)
    entries: list[PlaylogEntry] = []
    for n, record in enumerate(r for r in records if r.kind == "override"):
        start, end = grid.nearest(record.start_us), grid.nearest(record.end_us)
        if not planned.playlog.entries or start >= planned.playlog.end or end <= start:
            continue
        slug, text = record.synthetic, record.cause.partition(": ")[2]
        if slug == SLUG:
            slug = f"{SLUG} {n}"  # no slug of the language has a space
            synthetics[slug] = CompiledSynthetic(slug, SLUG, voice, text)
        segment = Segment(
            channel, record.broadcast_date, n, record.start_us, record.end_us,
            SegmentKind.TEST_PATTERN, 0, synthetic=slug, title=record.cause,
        )  # fmt: skip
        entries.append(PlaylogEntry(start, end, segment))
    crawls = crawls_in(records, grid)
    if not entries and not crawls:
        return programme
    playlog = planned.playlog.with_instead(entries).under(crawls)
    shown = replace(planned, synthetics=synthetics, playlog=playlog)
    return replace(programme, channels={**programme.channels, channel: (compiled, shown)})


def crawls_in(records: Sequence[AsRunRecord], grid: TickGrid) -> list[Layer]:
    """The crawls that ran: one where the same words ran on over several runs."""
    crawls: list[Layer] = []
    for record in sorted((r for r in records if r.crawl), key=lambda r: r.first_tick):
        start, end = grid.nearest(record.start_us), grid.nearest(record.end_us)
        last = crawls[-1] if crawls else None
        if last is not None and last.text == record.crawl and start <= last.end:
            crawls[-1] = replace(last, end=max(last.end, end))
        elif end > start:
            crawls.append(Layer("crawl", start, end, record.crawl, ordered=True))
    return crawls


class Capture:
    """[start, end) of one channel, on the channel's ticks nearest to them."""

    def __init__(
        self,
        programme: OnAirProgramme,
        channel: ChannelId,
        machine: Machine,
        start_us: int,
        end_us: int,
        patience: Patience = DEFAULT_PATIENCE,
    ) -> None:
        """Raises ``CaptureFailed`` for less than one picture."""
        compiled, _ = programme.channels[channel]
        house = self._house = house_of(compiled)
        grid = house.grid
        self._programme, self._channel, self._machine = programme, channel, machine
        self._patience = patience
        self.first, self.end = grid.nearest(start_us), grid.nearest(end_us)
        if self.end <= self.first:
            raise CaptureFailed("that is shorter than one picture", help="choose a later end")
        # A microsecond later: the first tick's beginning is rounded, and may be rounded down.
        self.clock = RenderClock(from_us(grid.start_us(self.first) + 1))
        self.as_run: list[AsRunRecord] = []  #: what is in it, once it is over
        self.ticks_early = 0  #: it begins with the IDR before: so many pictures before the start

    @property
    def seconds(self) -> float:
        return (self._house.grid.start_us(self.end) - self._house.grid.start_us(self.first)) / SECOND_US

    async def pieces(self) -> AsyncIterator[tuple[bytes, float]]:
        """The transport stream in pieces, each with how many of ``seconds`` are done after it.

        Raises ``CaptureFailed``.
        """
        director = ProgramDirector(self.clock, self._machine, 0.0, self._patience, Presentation(on_air=False))
        try:
            director.apply({self._channel: self._programme.channels[self._channel]})
            manager = director.channels[self._channel]
            manager.tune_patience_s = PATIENCE_S
            await director.slate(self._house, self._programme.header.name)
            try:
                signal = await director.tune(self._channel, Viewer("capture", ""))
            except TuneRefused as refused:
                raise CaptureFailed(refused.reason) from refused
            async for piece in self._cut(signal.transport_stream()):
                yield piece
        finally:
            with self.clock.held():
                await director.close("the capture is over")
        self.as_run = _inside(manager.as_run.runs.take(), self.first, self.end)

    async def _cut(self, stream: AsyncIterator[bytes]) -> AsyncIterator[tuple[bytes, float]]:
        grid = self._house.grid
        start_pts, end_pts = grid.pts(self.first), grid.pts(self.end)
        first_pts: int | None = None
        while True:
            try:
                async with self.clock.deadline(PATIENCE_S):
                    data = await anext(stream)
            except TimeoutError:
                raise CaptureFailed(f"nothing came for {PATIENCE_S:.0f} s") from None
            except StopAsyncIteration:
                raise CaptureFailed("the channel went off the air: the log says why") from None
            kept, last_pts = cut_before(data, end_pts, start_pts)
            if first_pts is None:
                first_pts = next(pictures(data, start_pts), (0, start_pts))[1]
                self.ticks_early = round((start_pts - first_pts) * grid.rate / CLOCK_HZ)
            # Whoever takes the piece may be slow: the station waits.
            with self.clock.held():
                yield kept, (min(last_pts, end_pts) - start_pts) / CLOCK_HZ
            if len(kept) < len(data) or last_pts >= end_pts:
                return


def pictures(data: bytes, near: int) -> Iterator[tuple[int, int]]:
    """Where each picture of ``data`` begins, the tables before it included, and its time stamp.

    Time stamps are 90 kHz ticks since 1970, not wrapped; ``near`` is where the stream is about.
    """
    tables_from: int | None = None
    for at in range(0, len(data), PACKET):
        pid = (data[at + 1] & 0x1F) << 8 | data[at + 2]
        if pid not in (PID_VIDEO, PID_AUDIO):  # a table
            tables_from = at if tables_from is None else tables_from
            continue
        if pid == PID_VIDEO and data[at + 1] & 0x40:
            payload = at + 4 + (1 + data[at + 4] if data[at + 3] & 0x20 else 0)
            stamp = _time_stamp(data[payload + 9 : payload + 14])
            yield (
                at if tables_from is None else tables_from,
                near + (stamp - near + WRAP // 2) % WRAP - WRAP // 2,
            )
        tables_from = None


def cut_before(data: bytes, pts: int, near: int) -> tuple[bytes, int]:
    """``data`` up to the first picture of ``pts`` or later, and the last time stamp looked at."""
    last = near
    for at, last in pictures(data, near):
        if last >= pts:
            return data[:at], last
    return data, last


def _time_stamp(field: bytes) -> int:
    """ISO/IEC 13818-1, 2.4.3.7: 33 bits with marker bits between."""
    a, b, c, d, e = field
    return (a >> 1 & 7) << 30 | b << 22 | (c >> 1) << 15 | d << 7 | e >> 1


def _inside(records: list[AsRunRecord], first: int, end: int) -> list[AsRunRecord]:
    return [r for r in records if r.first_tick < end and r.end_tick > first]


# --- where it goes ---------------------------------------------------------------------------------


async def to_file(
    capture: Capture, ffmpeg: str, target: Path, advance: Callable[[float], None] = lambda seconds: None
) -> None:
    """Write the capture to ``target``, whole or not at all.

    .mp4 and .mkv: the same pictures and sound in that container; everything else is the transport stream.
    ``advance`` is told the seconds done. Raises ``CaptureFailed``.
    """
    beside = target.with_name(f".{target.name}.part")
    container = CONTAINERS.get(target.suffix.lower())
    try:
        if container is None:
            with beside.open("wb") as file:
                async for data, done in capture.pieces():
                    file.write(data)
                    advance(done)
        else:
            options = ("-movflags", "+faststart") if container == "mp4" else ()
            arguments = [*("-map", "0:v:0", "-map", "0:a:0", "-c", "copy", *options, "-f", container)]
            arguments.append(f"file:{beside}")
            await _through_ffmpeg(capture.pieces(), capture.clock, ffmpeg, arguments, advance)
        beside.replace(target)
    except OSError as error:
        raise CaptureFailed(
            f"{target} can't be written: {error.strerror or error}", help="choose another with --output FILE"
        ) from error
    finally:
        with contextlib.suppress(OSError):
            beside.unlink(missing_ok=True)


async def to_picture(capture: Capture, ffmpeg: str, target: Path) -> None:
    """Write the picture at the capture's start to ``target`` (.png, .jpg). Raises ``CaptureFailed``.

    A copied segment comes on with the IDR before: what is earlier is decoded and left out.
    """
    beside = target.with_name(f".part.{target.name}")
    try:
        pieces = [piece async for piece in capture.pieces()]
        only = ("-vf", f"trim=start_frame={capture.ticks_early}", "-frames:v", "1")
        arguments = ["-map", "0:v:0", *only, "-update", "1", "-f", "image2", f"file:{beside}"]
        await _through_ffmpeg(_all(pieces), capture.clock, ffmpeg, arguments)
        beside.replace(target)
    except OSError as error:
        raise CaptureFailed(f"{target} can't be written: {error.strerror or error}") from error
    finally:
        with contextlib.suppress(OSError):
            beside.unlink(missing_ok=True)


async def _all(pieces: list[tuple[bytes, float]]) -> AsyncIterator[tuple[bytes, float]]:
    for piece in pieces:
        yield piece


async def _through_ffmpeg(
    pieces: AsyncIterator[tuple[bytes, float]],
    clock: MasterClock,
    ffmpeg: str,
    output: list[str],
    advance: Callable[[float], None] = lambda seconds: None,
) -> None:
    arguments = [
        *(ffmpeg, "-nostdin", "-hide_banner", "-loglevel", "error", "-y"),
        *("-protocol_whitelist", "pipe", "-f", "mpegts", "-i", "pipe:0", *output),
    ]
    child = await asyncio.create_subprocess_exec(
        *arguments,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    assert child.stdin is not None
    assert child.stderr is not None
    complaint = asyncio.create_task(child.stderr.read())
    try:
        # A child that has enough closes its end: that is no fault of ours.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            async for data, done in pieces:
                child.stdin.write(data)
                await child.stdin.drain()
                advance(done)
            child.stdin.close()
        code = await _ended(child, clock)
    except BaseException:
        if child.returncode is None:
            child.kill()
        raise
    finally:
        await child.wait()
        said = (await complaint).decode(errors="replace").strip().splitlines()
    if code:
        raise CaptureFailed(f"ffmpeg can't write it: {said[-1] if said else f'it ended with {code}'}")


async def _ended(child: asyncio.subprocess.Process, clock: MasterClock) -> int:
    try:
        async with clock.deadline(PATIENCE_S):
            return await child.wait()
    except TimeoutError:
        raise CaptureFailed("ffmpeg does not come to an end") from None
