"""LiveProducer: a signal from outside, joined and left on schedule.

What happens now can't be sent ahead. So the first picture that comes from a source is shown the lead and its
buffer later, and the others after it at their distance. The source is joined that much, and some seconds for
joining, before the segment's first tick is due. Whoever tunes in to a channel in the midst of it sees what
stands in for that long, and then the source.

What lies over the picture, planned overlays or an emergency's crawl, is keyed in behind the source
(playout/sources/keyer.py), so that the source stays joined whatever is drawn and ordered.

A source that fails is tried again, with a pause that doubles; meanwhile the event's fallbacks stand in, or
the slate. When it is back, it is taken up at its first picture that can be begun with.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence

from retrovue.clock import MasterClock
from retrovue.playout import live
from retrovue.playout.encode import SOFTWARE
from retrovue.playout.handover import AHEAD_S
from retrovue.playout.house import HouseFormat
from retrovue.playout.live import LiveFeed
from retrovue.playout.overlay import Layer, clear_from, clip, covered_from, crawl_of
from retrovue.playout.playlog import Playlog, PlaylogEntry
from retrovue.playout.producers.base import Origin, Picture
from retrovue.playout.sources.ffmpeg_child import FfmpegSource
from retrovue.playout.sources.keyer import Draw, Keyer
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
#: A keyer is set to work this long before its pictures can come (seconds).
KEYER_AHEAD_S = 1.0
#: A keyer that gives nothing for this long (seconds), though it was fed, has failed.
KEYER_STALLED_S = 1.0
#: One that failed is not replaced at once (seconds).
KEYER_REST_S = 5.0
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
        draw: Draw,
        notify: Callable[[], None],
        clock: MasterClock,
        encodable: Callable[[], Awaitable[HouseFormat]] | None = None,
    ) -> None:
        """``encodable``: after a failure, the house format with an encoder that works."""
        self._encodable = encodable
        self._house, self._grid, self._binary = house, house.grid, binary
        self.feed, self.entry = feed, entry
        self._draw, self._notify, self._clock = draw, notify, clock
        self._layers: tuple[Layer, ...] = entry.layers
        self._keyers: list[Keyer] = []  #: the newest last
        self._keyed: Keyer | None = None  #: whose pictures are sent; None: the source's own
        self._torn = ""  #: why a picture to begin with must be waited for
        self._keyer_missed: float | None = None  #: since when its picture is waited for
        self._rest_until = 0.0  #: no keyer is set to work before
        self._retired: set[asyncio.Task[None]] = set()
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
        names = [each.detail for each in (source, self._keyed) if each is not None and each.detail]
        return f"live {self.feed.slug}" + (f" ({', '.join(names)})" if names else "")

    def arm(self, playlog: Playlog) -> None:
        """Another plan is master control's business: it leaves the source when the plan does."""

    def over(self, layers: Sequence[Layer], tick: int) -> None:
        """Graphics over the picture, from now on; ``tick`` is due next."""
        self._layers = clip(layers, self.entry.start, self.entry.end)
        self._key(tick)

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
        if source is None or (plain := source.video(tick)) is None:
            self._overdue(tick, 0.0)
            return None
        self._key(tick)
        unit = self._with_graphics(tick, plain, late)
        if unit is None:
            return None
        crawl = crawl_of(self._keyed.layers, tick) if self._keyed is not None and unit is not plain else ""
        frames = []
        for frame in audio:
            source.release_audio(audio[0])
            data = source.audio(frame)
            if data is None and not late and not source.mute(frame):
                return None
            frames.append(data)
        return Picture(unit, self._house.video.is_key(unit), tuple(frames), self._origin(crawl))

    def hopeless(self, tick: int) -> str:
        if self._stopped:
            return "the producer is stopped"
        if self._complaint:
            return f"live {self.feed.slug}: {self._complaint}"
        return self._torn and f"live {self.feed.slug}: its graphics are lost: {self._torn}"

    def taken(self, tick: int) -> None:
        self._wanted = None
        self._shown = True
        if self._source is not None:
            self._source.take(tick)
        for keyer in self._keyers:
            keyer.take(tick)

    async def stop(self, reason: str) -> None:
        self._stopped = True
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        self._without_keyers()
        while self._retired:
            await asyncio.gather(*tuple(self._retired), return_exceptions=True)

    # --- graphics ----------------------------------------------------------------------------------

    @property
    def keying(self) -> bool:
        """Is it encoded twice, for what lies over it?"""
        return bool(self._keyers)

    def _with_graphics(self, tick: int, plain: bytes, late: bool) -> bytes | None:
        """The picture of ``tick`` as it is sent; ``plain`` is the source's own. None: in a moment."""
        is_key = self._house.video.is_key
        best = next((k for k in reversed(self._keyers) if k.covers(tick)), None)
        current = self._keyed if self._keyed is not None and self._keyed.covers(tick) else None
        if best is not None and best is not current and (unit := best.video(tick)) and is_key(unit):
            self._keyed, self._torn, self._keyer_missed = best, "", None
            for superseded in self._keyers[: self._keyers.index(best)]:
                superseded.end = tick
            return unit
        if current is not None:
            if unit := current.video(tick):
                self._keyer_missed = None
                return unit
            if not current.fault:
                if not self._missed_for(KEYER_STALLED_S) and not late:
                    return None
                current.fail("nothing came")
        elif (
            best is not None
            and best.begun
            and not best.fault
            and is_key(plain)
            and not (late or self._missed_for(KEYER_STALLED_S))
        ):
            return None  # it is a little behind: from now on everything is sent so much later
        if is_key(plain):
            self._keyed, self._torn, self._keyer_missed = None, "", None
        elif self._keyed is not None:  # it depends on pictures that were never sent
            self._torn = self._keyed.fault or "it has ended"
            return None
        return plain

    def _missed_for(self, seconds: float) -> bool:
        now = self._clock.elapsed()
        if self._keyer_missed is None:
            self._keyer_missed = now
        return now - self._keyer_missed > seconds

    def _key(self, tick: int) -> None:
        """See that what lies over the pictures is drawn; ``tick`` is due next."""
        source, end = self._source, self.entry.end
        if source is None or not self._joined:
            return
        for keyer in [k for k in self._keyers if k.fault or k.end <= tick]:
            self._keyers.remove(keyer)
            self._retire(keyer)
            if keyer.fault:
                self._rest_until = self._clock.elapsed() + KEYER_REST_S
        soon = max(tick, source.start) + self._grid.ticks(AHEAD_S)
        due = covered_from(self._layers, soon, end)
        newest = self._keyers[-1] if self._keyers else None
        if newest is not None and not newest.draws(self._layers, soon):
            if due > (over := self._begin(soon)):
                newest.end = min(newest.end, over)  # nothing is drawn there any more
            newest = None
        if newest is None or newest.end <= due:
            start = max(self._begin(soon), self._begin(due - self._house.gop + 1))
            near = tick + self._grid.ticks(self.feed.buffer_s + KEYER_AHEAD_S)
            if due < end and start <= min(near, end - 1) and self._clock.elapsed() >= self._rest_until:
                until = min(self._begin(clear_from(self._layers, due, end)), end)
                self._keyers.append(
                    Keyer(
                        self._house,
                        self._binary,
                        start,
                        until,
                        self._layers,
                        self._draw,
                        self._came,
                        self._clock,
                    )
                )
        self._feed()

    def _begin(self, tick: int) -> int:
        """The first picture to begin with at or after ``tick``: the source's groups are all of a length."""
        assert self._source is not None
        gop = self._house.gop
        return tick + (self._source.start - tick) % gop

    def _feed(self) -> None:
        """What has come goes to the keyers at once."""
        source = self._source
        if source is None:
            return
        for keyer in self._keyers:
            while keyer.covers(keyer.fed) and (unit := source.ahead(keyer.fed)) is not None:
                keyer.feed(unit)

    def _came(self) -> None:
        self._feed()
        self._notify()

    def _without_keyers(self) -> None:
        for keyer in self._keyers:
            self._retire(keyer)
        self._keyers, self._keyed, self._torn, self._keyer_missed = [], None, "", None

    def _retire(self, keyer: Keyer) -> None:
        task = asyncio.create_task(keyer.stop())
        self._retired.add(task)
        task.add_done_callback(self._retired.discard)

    # --- the source --------------------------------------------------------------------------------

    def _overdue(self, tick: int, seconds: float) -> bool:
        """Has ``tick`` been waited for longer than that?"""
        now = self._clock.elapsed()
        if self._wanted is None:
            self._wanted, self._wanted_since = tick, now
        return now - self._wanted_since > seconds

    def _origin(self, crawl: str) -> Origin:
        segment = self.entry.segment
        return Origin(
            "real",
            event_id=segment.event_id,
            seq=segment.seq,
            broadcast_date=segment.broadcast_date.isoformat(),
            segment_kind=segment.kind.value,
            synthetic=self.feed.slug,
            crawl=crawl,
        )

    def _tick_of_now(self) -> int:
        """The tick on which what comes now is shown."""
        behind_us = round((LEAD_S + self.feed.buffer_s) * SECOND_US)
        return self._grid.at(self._clock.now_us() + behind_us)

    def _first_tick(self) -> int:
        """The same for its first picture: of a segment that is to come, the first tick is then a picture to
        begin with."""
        tick = self._tick_of_now()
        return tick + max(0, self.entry.start - tick) % self._house.gop

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
            if self._encodable is not None and self._house.encoder != SOFTWARE:
                self._house = await self._encodable()
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
            self._came,
            self._clock,
            stock_s=self.feed.buffer_s + 2.0,
            environment=live.environment(self.feed),
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
                    source.show_from(self._first_tick())
                    self._complaint, self._joined = "", True
                    self._notify()
                    log.info(
                        "live %s: joined; shown %.1f s late", self.feed.slug, LEAD_S + self.feed.buffer_s
                    )
                await self._clock.wait(_ROUND_S)
            ending = source.ending
            why = live.explained(source.child.said, self.feed) or (ending.complaint if ending else "")
            return live.scrub(why or "it has ended", user, password)
        except OSError as error:
            return f"ffmpeg can't be started: {error.strerror or error}"
        finally:
            self._without_keyers()
            self._source = self._wanted = None
            self._joined = self._shown = False
            await asyncio.shield(source.stop())
