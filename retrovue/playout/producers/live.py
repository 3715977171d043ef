"""LiveProducer: a signal from outside, joined and left on schedule.

What happens now can't be sent ahead. So the first picture that comes from a source is shown the lead and its
buffer later, and the others after it at their distance. The source is joined that much, and some seconds for
joining, before the segment's first tick is due. Whoever tunes in to a channel in the midst of it sees what
stands in for that long, and then the source.

A source that fails is tried again, with a pause that doubles; meanwhile the event's fallbacks stand in, or
the slate. When it is back, it is taken up at its first picture that can be begun with.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence

from retrovue.clock import MasterClock
from retrovue.playout import live
from retrovue.playout.house import HouseFormat
from retrovue.playout.live import LiveFeed
from retrovue.playout.playlog import Playlog, PlaylogEntry
from retrovue.playout.producers.base import Origin, Picture
from retrovue.playout.sources.ffmpeg_child import FfmpegSource
from retrovue.playout.switcher import LEAD_S
from retrovue.units import SECOND_US

log = logging.getLogger(__name__)

#: Pause before a source is tried again (seconds), doubled up to the second figure.
BACK_OFF_S, BACK_OFF_MAX_S = 0.5, 10.0
#: A source that has been on for this long (seconds) has its failures forgiven.
HEALTHY_S = 20.0
#: From opening to the first picture (seconds); HLS asks for several documents before there is one.
FIRST_S = 15.0
#: A source that was on and gives nothing for this long (seconds of the wire) has failed.
STALLED_S = 2.0
#: A source is joined this long before its pictures are needed (seconds): it takes a while to answer.
JOIN_S = 3.0
#: What is waited for at the beginning of the segment before something else stands in (seconds).
GRACE_S = 1.5
#: Looked at this often (seconds): ffmpeg tells of its own end, but not of its silence.
_ROUND_S = 0.25


class LiveProducer:
    """One live segment of one channel."""

    def __init__(
        self,
        house: HouseFormat,
        binary: str,
        feed: LiveFeed,
        entry: PlaylogEntry,
        notify: Callable[[], None],
        clock: MasterClock,
    ) -> None:
        self._house, self._grid, self._binary = house, house.grid, binary
        self.feed, self.entry = feed, entry
        self._notify, self._clock = notify, clock
        self._source: FfmpegSource | None = None
        self._complaint = ""  #: why there is no source
        self._joined = False  #: has a picture come from the source?
        self._wanted: int | None = None  #: the tick that is asked for and hasn't come
        self._wanted_since = 0.0
        self._shown = False
        self._task: asyncio.Task[None] | None = None
        self._stopped = False

    @property
    def ahead(self) -> int:
        """The source must be joined this many ticks before it is due on the wire."""
        return self._grid.ticks(self.feed.buffer_s + JOIN_S)

    def begin(self) -> None:
        """Join the source; idempotent."""
        if self._task is None and not self._stopped:
            self._task = asyncio.create_task(self._keep(), name=f"live {self.feed.slug}")

    @property
    def detail(self) -> str:
        source = self._source
        return f"live {self.feed.slug}" + (f" ({source.detail})" if source and source.detail else "")

    def arm(self, playlog: Playlog) -> None:
        """Another plan is master control's business: it leaves the source when the plan does."""

    def come_on(self, tick: int) -> int:
        return tick

    @property
    def joining(self) -> bool:
        """May it be on in a moment? Nothing has failed, and nothing was shown yet."""
        return not (self._complaint or self._shown or self._stopped)

    def can_begin(self, tick: int) -> bool:
        """Is there a picture for ``tick`` that can be begun with?"""
        source = self._source if self._joined else None
        unit = source.video(tick) if source is not None else None
        return unit is not None and self._house.video.is_key(unit)

    def hopeful(self, tick: int) -> bool:
        """Before it was shown: may its first picture come in a moment, so that nothing need stand in?"""
        source = self._source
        if source is None or not self._joined or self._shown or source.start > tick:
            return False
        return not self._overdue(tick, GRACE_S)

    def failing(self, tick: int) -> bool:
        """After it was shown: is it gone?"""
        source = self._source
        if source is not None and source.video(tick) is not None:
            self._wanted = None
            return False
        return source is None or source.start > tick or self._overdue(tick, STALLED_S)

    def tick(self, tick: int, audio: Sequence[int], late: bool) -> Picture | None:
        source = self._source
        if source is None or (unit := source.video(tick)) is None:
            self._overdue(tick, 0.0)
            return None
        frames = []
        for frame in audio:
            source.release_audio(audio[0])
            data = source.audio(frame)
            if data is None and not late and not source.mute(frame):
                return None
            frames.append(data)
        return Picture(unit, self._house.video.is_key(unit), tuple(frames), self._origin())

    def hopeless(self, tick: int) -> str:
        if self._stopped:
            return "the producer is stopped"
        return f"live {self.feed.slug}: {self._complaint}" if self._complaint else ""

    def taken(self, tick: int) -> None:
        self._wanted = None
        self._shown = True
        if self._source is not None:
            self._source.take(tick)

    async def stop(self, reason: str) -> None:
        self._stopped = True
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def _overdue(self, tick: int, seconds: float) -> bool:
        """Has ``tick`` been waited for longer than that?"""
        now = self._clock.elapsed()
        if self._wanted is None:
            self._wanted, self._wanted_since = tick, now
        return now - self._wanted_since > seconds

    def _origin(self) -> Origin:
        segment = self.entry.segment
        return Origin(
            "real",
            event_id=segment.event_id,
            seq=segment.seq,
            broadcast_date=segment.broadcast_date.isoformat(),
            segment_kind=segment.kind.value,
            synthetic=self.feed.slug,
        )

    def _tick_of_now(self) -> int:
        """The tick on which what comes now is shown."""
        behind_us = round((LEAD_S + self.feed.buffer_s) * SECOND_US)
        return self._grid.at(self._clock.now_us() + behind_us)

    def _drop_old(self, source: FfmpegSource) -> None:
        """What has come before it is needed, and is too old by now, makes room."""
        wire = self._grid.at(self._clock.now_us() + round(LEAD_S * SECOND_US))
        source.video(wire)
        source.release_audio(self._house.audio_grid.at(self._grid.pts(wire)))

    async def _keep(self) -> None:
        """Have a source for as long as the segment lasts."""
        pause = BACK_OFF_S
        while True:
            began = self._clock.elapsed()
            self._complaint = await self._once()
            self._notify()
            if self._clock.elapsed() - began > HEALTHY_S:
                pause = BACK_OFF_S
            log.warning("live %s: %s; tried again in %g s", self.feed.slug, self._complaint, pause)
            await self._clock.wait(pause)
            pause = min(2 * pause, BACK_OFF_MAX_S)

    async def _once(self) -> str:
        """Open the source and stay with it until it fails; why it did."""
        try:
            user, password = await asyncio.to_thread(lambda: (self.feed.user(), self.feed.password()))
        except Exception as error:  # a variable that is not set, a file that is gone: told like any failure
            return str(error)
        start = self._tick_of_now()
        if start >= self.entry.end:
            return "it is too late to join"
        where = live.address(self.feed, user, password)
        source = FfmpegSource(
            lambda cut, pipes: live.command(self._binary, self._house, self.feed, where, cut, pipes),
            self._house,
            start,
            self.entry.end,
            True,
            self._notify,
            self._clock,
            stock_s=self.feed.buffer_s + 2.0,
        )
        try:
            await source.launch()
            self._source = source
            while not source.ended:
                if source.idle_s > (STALLED_S * 2 if source.delivered or source.waiting else FIRST_S):
                    return f"nothing has come for {source.idle_s:.0f} s"
                if self._joined and not self._shown:
                    self._drop_old(source)
                elif source.waiting and not self._joined:
                    source.show_from(self._tick_of_now())
                    self._complaint, self._joined = "", True
                    self._notify()
                    log.info(
                        "live %s: joined; shown %.1f s late", self.feed.slug, LEAD_S + self.feed.buffer_s
                    )
                await self._clock.wait(_ROUND_S)
            ending = source.ending
            return live.scrub(ending.complaint if ending else "it has ended", user, password)
        except OSError as error:
            return f"ffmpeg can't be started: {error.strerror or error}"
        finally:
            self._source = self._wanted = None
            self._joined = self._shown = False
            await asyncio.shield(source.stop())
