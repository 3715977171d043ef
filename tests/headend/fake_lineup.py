"""The one fake of the head-end's seam: a small station that needs no media, no store and no ffmpeg.

It keeps the whole contract of ``retrovue.lineup``: guide entries are back to back, chunks are whole
188-byte packets that begin with a PAT, refusals are ``TuneRefused``; and it counts, so that a test can
prove that every signal was closed.
"""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction

from retrovue.clock import MasterClock
from retrovue.credits import Credit
from retrovue.lineup import (
    AccessUnit,
    Artwork,
    ArtworkRef,
    ChannelId,
    ChannelIdent,
    ChannelStatus,
    GuideEntry,
    Health,
    LineupChange,
    MediaSegment,
    Signal,
    SignalFormat,
    StationStatus,
    TuneRefused,
    Viewer,
)
from retrovue.units import SECOND_US, from_us

PACKET = 188
HALF_HOUR = timedelta(minutes=30)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

#: The smallest valid PNG: one transparent pixel.
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000b4944415478da6360"
    "00020000050001e9fadcd80000000049454e44ae426082"
)

#: Access units: delimiter, SPS, PPS and IDR slice; delimiter and slice; an ADTS frame (AAC-LC, stereo).
IDR = bytes.fromhex("0000000109f0 000000016742c01e 0000000168ce3c80 00000001658880") + b"\x80" * 3000
SLICE = bytes.fromhex("0000000109f000000001419a2020") + b"\x80" * 500
ADTS_FRAME = bytes.fromhex("fff14c80041ffc") + bytes(25)


def _ident(slug: str, number: str, vchannel: int, name: str, group: str, hd: bool = False) -> ChannelIdent:
    return ChannelIdent(
        id=ChannelId(slug),
        number=number,
        vchannel=vchannel,
        name=name,
        callsign=slug.upper(),
        guide_id=f"C{number}.fake.retrovue.tv",
        group=group,
        logo=ArtworkRef(f"logo/{slug}"),
        hd=hd,
    )


#: "5" and "5.1" stand side by side because clients must never mix them up; one name needs escaping.
CHANNELS: tuple[ChannelIdent, ...] = (
    _ident("wrtv", "5.1", 501, "WRTV Retro 5", "Network"),
    _ident("wmov", "5.2", 502, "Movies & <More>", "Movies", hd=True),
    _ident("wkid", "9", 9, "Kids Été", "Kids"),
    _ident("wtst", "99.1", 9901, "Test Pattern", ""),
)

_TITLES: dict[str, tuple[str, ...]] = {
    "wrtv": ("Night Court", "Cheers & Jeers", "The News"),
    "wmov": ('The "Big" <Sleep>', "Metropolis"),
    "wkid": ("Tom and Jerry", "Looney Tunes", "Été chaud"),
    "wtst": ("Test Pattern",),
}


_CREDITS = (
    Credit("director", "Howard <Hawks>"),
    Credit("actor", "Lauren Bacall", "Vivian"),
    Credit("composer", "Max Steiner"),
)


class FakeLineup:
    """Implements ``retrovue.lineup.Lineup``.

    Parameters: ``chunk_packets`` 188-byte packets a chunk; ``pace`` station seconds between chunks;
    ``burst`` chunks at once on tuning in; ``days`` of guide from the clock's day on.
    A test may change ``refuse`` (raised by ``tune``), ``hold`` (an Event that tune waits for),
    ``silent`` (signals give no bytes), ``ends_after`` (chunks, then the signal ends).
    """

    def __init__(
        self,
        clock: MasterClock,
        channels: Sequence[ChannelIdent] = CHANNELS,
        *,
        chunk_packets: int = 7,
        pace: float = 0.01,
        burst: int = 8,
        days: int = 4,
    ) -> None:
        self._clock = clock
        self._channels = list(channels)
        self.chunk_packets = chunk_packets
        self.pace = pace
        self.burst = burst
        self._guide_end = _half_hour(clock.now()) + timedelta(days=days)
        self.refuse: TuneRefused | None = None
        self.hold: asyncio.Event | None = None
        self.silent = False
        self.ends_after: int | None = None
        self.format = SignalFormat(854, 480, Fraction(30000, 1001))
        self.unit_lead = 5.5  #: seconds
        self.units_end_after: int | None = None  #: access units, then the signal ends
        self.etag = "fake-1"
        self.warnings: tuple[str, ...] = ()
        self.widths: list[int | None] = []  #: as pictures were asked for
        self.open: Counter[ChannelId] = Counter()  #: signals open now, by channel
        self.tunes = 0  #: tunes that succeeded
        self.viewers: list[Viewer] = []  #: every viewer that ever tuned
        self.closed: list[str] = []  #: reasons given to close, in order
        self._listeners: set[asyncio.Queue[LineupChange]] = set()

    @property
    def open_signals(self) -> int:
        """How many signals are open now, on all channels."""
        return self.open.total()

    # --- the contract ---

    def channels(self) -> Sequence[ChannelIdent]:
        return tuple(self._channels)

    def guide(self, channel: ChannelId, start: datetime, end: datetime) -> Sequence[GuideEntry]:
        if channel not in {c.id for c in self._channels}:
            return ()
        entries = []
        at = _half_hour(start)
        while at < min(end, self._guide_end):
            entries.append(self._entry(channel, at))
            at += HALF_HOUR
        return tuple(entries)

    def event(self, event_id: int) -> GuideEntry | None:
        start = self._clock.now() - HALF_HOUR
        entries = (e for c in self._channels for e in self.guide(c.id, start, self._guide_end))
        return next((entry for entry in entries if entry.event_id == event_id), None)

    def guide_end(self) -> datetime:
        return self._guide_end

    def guide_etag(self) -> str:
        return self.etag

    def artwork(self, ref: ArtworkRef) -> Artwork | None:
        known = {c.logo for c in self._channels}
        return Artwork("image/png", PNG) if ref in known else None

    async def picture(self, ref: ArtworkRef, width: int | None = None) -> Artwork | None:
        self.widths.append(width)
        return self.artwork(ref)

    def status(self) -> StationStatus:
        now = self._clock.now()
        return StationStatus(
            station="fake",
            name="Fake Television",
            timezone="America/New_York",
            now=now,
            artefact=self.etag,
            horizon_end=self._guide_end,
            channels=tuple(
                ChannelStatus(
                    channel=c.id,
                    health=Health.ON_AIR if self.open[c.id] else Health.OFF_AIR,
                    viewers=self.open[c.id],
                    now=next(iter(self.guide(c.id, now, now + timedelta(seconds=1))), None),
                    producer="fake" if self.open[c.id] else "",
                )
                for c in self._channels
            ),
            warnings=self.warnings,
        )

    async def changes(self) -> AsyncIterator[LineupChange]:
        queue: asyncio.Queue[LineupChange] = asyncio.Queue()
        self._listeners.add(queue)
        try:
            while True:
                yield await queue.get()
        finally:
            self._listeners.discard(queue)

    async def tune(self, channel: ChannelId, viewer: Viewer) -> Signal:
        if channel not in {c.id for c in self._channels}:
            raise TuneRefused("unknown_channel", f"no channel {channel}")
        if self.refuse is not None:
            raise self.refuse
        if self.hold is not None:
            await self.hold.wait()
        self.tunes += 1
        self.viewers.append(viewer)
        self.open[channel] += 1
        return FakeSignal(self, self._clock, channel)

    # --- what a test may do ---

    def announce(self, change: LineupChange) -> None:
        """Tell everybody who listens to ``changes``."""
        for queue in self._listeners:
            queue.put_nowait(change)

    def rename(self, channel: str, name: str) -> None:
        """Give a channel another name, as a reload would."""
        self._channels = [replace(c, name=name) if c.id == channel else c for c in self._channels]
        self.announce(LineupChange("channels"))

    def _entry(self, channel: ChannelId, at: datetime) -> GuideEntry:
        block = int((at - _EPOCH) / HALF_HOUR)
        index = [c.id for c in self._channels].index(channel)
        titles = _TITLES.get(channel, ("Programme",))
        movie = channel == "wmov"
        return GuideEntry(
            event_id=(block * 64 + index) & 0x7FFFFFFF,
            channel=channel,
            start=at,
            end=at + HALF_HOUR,
            title=titles[block % len(titles)],
            subtitle="" if movie else f"Part {block % 22 + 1}",
            description="A long story, told in half an hour.",
            season=None if movie else block // 22 % 9 + 1,
            episode=None if movie else block % 22 + 1,
            year=1987,
            categories=("Movie",) if movie else ("Series",),
            rating="TV-PG",
            kind="movie" if movie else "programme",
            credits=_CREDITS if movie else (),
        )


class FakeSignal:
    """A signal of counted packets: PAT on PID 0 first, then PID 0x100 with a continuity counter."""

    def __init__(self, lineup: FakeLineup, clock: MasterClock, channel: ChannelId) -> None:
        self._lineup, self._clock, self._channel = lineup, clock, channel
        self._closed = asyncio.Event()

    @property
    def format(self) -> SignalFormat:
        return self._lineup.format

    async def transport_stream(self) -> AsyncIterator[bytes]:
        count = 0
        chunks = 0
        while not self._closed.is_set():
            if self._lineup.silent:
                await self._closed.wait()
                return
            if self._lineup.ends_after is not None and chunks >= self._lineup.ends_after:
                return
            packets = []
            for _ in range(self._lineup.chunk_packets):
                packets.append(_packet(count))
                count += 1
            yield b"".join(packets)
            chunks += 1
            if chunks >= self._lineup.burst:
                await self._clock.wait(self._lineup.pace)

    async def access_units(self) -> AsyncIterator[AccessUnit]:
        """Pictures and sound from now on, ``unit_lead`` seconds ahead of station time."""
        origin = self._clock.now_us() * 9 // 100
        for sent, unit in enumerate(units_from(origin)):
            if self._closed.is_set() or self._lineup.units_end_after == sent:
                return
            if self._lineup.silent:
                await self._closed.wait()
                return
            due_us = unit.pts * 100 // 9 - round(self._lineup.unit_lead * 1_000_000)
            if due_us > self._clock.now_us():
                await self._clock.wait_until(from_us(due_us))
            yield unit

    async def media_segments(self) -> AsyncIterator[MediaSegment]:
        start = self._clock.now_us()
        while not self._closed.is_set():
            yield MediaSegment(start, 2 * SECOND_US, _packet(0) + _packet(1))
            start += 2 * SECOND_US
            if start - self._clock.now_us() > 6 * SECOND_US:
                await self._clock.wait(2)

    async def fragmented_mp4(self) -> AsyncIterator[bytes]:
        while not self._closed.is_set():
            yield b"\x00\x00\x00\x08free"
            await self._clock.wait(0.5)

    async def close(self, reason: str) -> None:
        if not self._closed.is_set():
            self._closed.set()
            self._lineup.open[self._channel] -= 1
            self._lineup.closed.append(reason)


def units_from(pts: int) -> Iterator[AccessUnit]:
    """29.97 pictures a second in groups of fifteen, and AAC frames between them, in order of time."""
    sound = pts - 900
    for number in itertools.count():
        at = pts + 3003 * number
        while sound <= at:
            yield AccessUnit("audio", sound, 1920, ADTS_FRAME)
            sound += 1920
        key = number % 15 == 0
        yield AccessUnit("video", at, 3003, IDR if key else SLICE, key=key)


def _packet(count: int) -> bytes:
    """One 188-byte packet; number 0 is on the PAT's PID and says that a unit starts."""
    pid = 0 if count == 0 else 0x100
    start = 0x40 if count <= 1 else 0
    head = bytes((0x47, start | pid >> 8, pid & 0xFF, 0x10 | count & 0x0F))
    return head + count.to_bytes(8, "big") + b"\xff" * (PACKET - 12)


def _half_hour(at: datetime) -> datetime:
    """The half hour in which ``at`` lies, from its beginning."""
    return at - (at - _EPOCH) % HALF_HOUR
