"""As-run: what really left the station, tick by tick, as run-length records; pure.

A *run* is a stretch of ticks that showed one thing for one reason. It begins anew where what is shown
changes, where the ticks leap, and at the end of the broadcast day, so that every record belongs to one
day. One stay of a channel on the air is a *session*; what nobody watched was not on the air and is in no
record.

``RunLog`` turns ticks into records; as_run_journal.py writes them, as_run_log.py reads them back.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields, replace
from datetime import date
from fractions import Fraction
from typing import Any

from retrovue.broadcast_day import Calendar
from retrovue.playout.playlog import Playlog, PlaylogEntry
from retrovue.playout.producers.base import Origin
from retrovue.playout.ticks import TickGrid
from retrovue.units import SECOND_US

#: The kind of a record that stands for others which could not be written and are lost.
UNLOGGED = "unlogged"
#: A channel keeps at most this many records while they can't be written (a day has about 2000).
MOST_PENDING = 5000


@dataclass(frozen=True, slots=True)
class AsRunRecord:
    """One run. The fields are the columns of the as-run log, in this order."""

    channel: str  #: slug
    broadcast_date: date  #: broadcast date on which it left; a run never crosses its end
    session: str  #: one stay of the channel on the air
    run: int  #: number of the run within the session, from 0
    rate: str  #: ticks per second, as a fraction
    first_tick: int  #: ticks are counted from 1970 at that rate
    ticks: int  #: how many
    start_us: int  #: station time of the first tick (µs since 1970, UTC)
    end_us: int  #: station time at which the last tick ends (µs since 1970, UTC)
    kind: str  #: real, held, fallback, slate, …: how the picture came about
    cause: str = ""  #: why it is not what was planned; empty when it is
    segment_date: date | None = None  #: the playlog entry that was due: broadcast date of its segment
    seq: int | None = None  #: and the segment's number within that date
    event_id: int = 0  #: guide id of its programme
    segment_kind: str = ""  #: program, ad, promo, …
    asset_id: str = ""  #: what was shown; empty for a synthetic and for slate
    synthetic: str = ""  #: slug of the synthetic shown
    in_us: int | None = None  #: offset into the asset at the first tick (µs)
    frame_from: int | None = None  #: first frame of the asset that was shown, from 0
    frame_to: int | None = None  #: the frame after the last
    emitted_us: int = 0  #: station time at which its first tick left (µs since 1970, UTC)
    late_us: int = 0  #: most that a tick of it left after its time, which is the lead before its own (µs)
    artefact: str = ""  #: content hash of the artefact whose playlog authorised it
    generation: int = 0  #: generation of the playlog that authorised it
    crawl: str = ""  #: what an operator's order had run over it
    closed: bool = False  #: false: what followed is not known (the station died, or it is on the air now)
    broken_off: bool = False  #: and it is not on the air: a later sign-on found it so

    @property
    def key(self) -> tuple[str, int]:
        return self.session, self.run

    @property
    def end_tick(self) -> int:
        return self.first_tick + self.ticks

    @property
    def grid(self) -> TickGrid:
        return TickGrid(Fraction(self.rate))


#: What a line says of a run that an earlier line of the file has described.
_CONTINUED = ("session", "run", "ticks", "end_us", "frame_to", "late_us", "closed")
_NAMES = tuple(f.name for f in fields(AsRunRecord))
_DEFAULTS: Mapping[str, object] = {f.name: f.default for f in fields(AsRunRecord)}


def line_of(record: AsRunRecord, full: bool = True) -> dict[str, Any]:
    """A record as a line says it; fields that have their default are left out."""
    said: dict[str, Any] = {}
    for name in _NAMES if full else _CONTINUED:
        value = getattr(record, name)
        if value != _DEFAULTS[name]:
            said[name] = value.isoformat() if isinstance(value, date) else value
    return said


@dataclass(slots=True)
class _Run:
    """The run that is on the air."""

    number: int
    origin: Origin
    entry: PlaylogEntry | None
    day: date
    first: int
    last: int
    until: int  #: the first tick that can't belong to it
    emitted_us: int
    late_us: int
    artefact: str
    generation: int
    saved: int = -1  #: last tick that was handed on


class RunLog:
    """Collects the ticks of one channel, until somebody has written them down."""

    def __init__(
        self,
        channel: str,
        grid: TickGrid,
        calendar: Calendar,
        lead_us: int,
        new_session: Callable[[], str],
        most_pending: int = MOST_PENDING,
    ) -> None:
        self.channel = channel
        self._grid, self._calendar, self._lead_us = grid, calendar, lead_us
        self._new_session, self._most = new_session, most_pending
        self._playlog = Playlog(())
        self._artefact, self._generation = "", 0
        self._session = ""
        self._count = 0
        self._run: _Run | None = None
        self._pending: dict[tuple[str, int], AsRunRecord] = {}
        self._lost: AsRunRecord | None = None
        self._lost_count = 0
        self._failure = ""

    def authorise(self, playlog: Playlog, artefact: str, generation: int) -> None:
        """Runs that begin from now on are authorised by this playlog."""
        self._playlog, self._artefact, self._generation = playlog, artefact, generation

    def tick(self, tick: int, origin: Origin, emitted_us: int) -> None:
        """``tick`` has left, showing ``origin``."""
        late = emitted_us - (self._grid.start_us(tick) - self._lead_us)
        run = self._run
        if run is not None and run.last + 1 == tick < run.until and run.origin == origin:
            run.last = tick
            if late > run.late_us:
                run.late_us = late
            return
        self._close()
        if not self._session:
            self._session, self._count = self._new_session(), 0
        day = self._calendar.day(self._calendar.date_of(self._grid.start_us(tick)))
        until = self._grid.nearest(day.end_us)
        if self._grid.start_us(until) < day.end_us:
            until += 1
        entry = self._playlog.at(tick)
        if entry is not None and origin.seq < 0:
            until = min(until, entry.end)  # the slate knows no segment: each that it covers is a run
        self._run = _Run(
            self._count, origin, entry, day.date, tick, tick, until, emitted_us, late,
            self._artefact, self._generation,
        )  # fmt: skip
        self._count += 1

    def end(self) -> None:
        """The channel goes off the air."""
        self._close()
        self._session = ""

    @property
    def on_air(self) -> bool:
        return self._run is not None

    def take(self) -> list[AsRunRecord]:
        """Every run that is new or longer than what was written of it, oldest first."""
        if self._run is not None and self._run.saved != self._run.last:
            self._keep(self._record(self._run, closed=False))
            self._run.saved = self._run.last
        return [*([self._lost] if self._lost is not None else []), *self._pending.values()]

    def wrote(self, records: Iterable[AsRunRecord]) -> None:
        """These are written, and need not come again."""
        for record in records:
            if record is self._lost:
                self._lost, self._lost_count = None, 0
            elif self._pending.get(record.key) is record:
                del self._pending[record.key]

    def failed(self, cause: str) -> None:
        """What was taken could not be written, because of ``cause``: it is kept, up to a limit."""
        self._failure = cause

    def _keep(self, record: AsRunRecord) -> None:
        self._pending[record.key] = record
        while len(self._pending) > self._most:
            self._lose(self._pending.pop(next(iter(self._pending))))

    def _lose(self, record: AsRunRecord) -> None:
        """One record stands for all that are lost; its number can't be a run's."""
        lost = self._lost or replace(
            record, run=-1 - record.run, kind=UNLOGGED, segment_date=None, seq=None, event_id=0,
            segment_kind="", asset_id="", synthetic="",
            in_us=None, frame_from=None, frame_to=None, closed=True,
        )  # fmt: skip
        self._lost_count += 1
        self._lost = replace(
            lost,
            ticks=max(lost.end_tick, record.end_tick) - lost.first_tick,
            end_us=max(lost.end_us, record.end_us),
            cause=f"{self._lost_count} records could not be written: {self._failure}",
        )

    def _close(self) -> None:
        run, self._run = self._run, None
        if run is not None:
            self._keep(self._record(run, closed=True))

    def _record(self, run: _Run, closed: bool) -> AsRunRecord:
        origin, grid = run.origin, self._grid
        due = _due(origin, run.entry)
        frames = frames_shown(origin, grid, run.first, run.last)
        return AsRunRecord(
            channel=self.channel,
            broadcast_date=run.day,
            session=self._session,
            run=run.number,
            rate=str(grid.rate),
            first_tick=run.first,
            ticks=run.last + 1 - run.first,
            start_us=grid.start_us(run.first),
            end_us=grid.start_us(run.last + 1),
            kind=origin.kind,
            cause=origin.cause,
            segment_date=due.broadcast_date if due else None,
            seq=due.seq if due else None,
            event_id=due.event_id if due else origin.event_id,
            segment_kind=due.segment_kind if due else origin.segment_kind,
            asset_id=origin.asset_id,
            synthetic=origin.synthetic,
            in_us=grid.start_us(run.first) - origin.zero_us if origin.zero_us is not None else None,
            frame_from=frames[0] if frames else None,
            frame_to=frames[1] if frames else None,
            emitted_us=run.emitted_us,
            late_us=run.late_us,
            artefact=run.artefact,
            generation=run.generation,
            crawl=origin.crawl,
            closed=closed,
        )


@dataclass(frozen=True, slots=True)
class _Due:
    broadcast_date: date
    seq: int
    event_id: int
    segment_kind: str


def _due(origin: Origin, entry: PlaylogEntry | None) -> _Due | None:
    """The segment that a picture says it is of; of a picture that is of none, what was planned then."""
    if origin.seq >= 0 and origin.broadcast_date:
        on = date.fromisoformat(origin.broadcast_date)
        return _Due(on, origin.seq, origin.event_id, origin.segment_kind)
    if entry is None:
        return None
    segment = entry.segment
    return _Due(segment.broadcast_date, segment.seq, segment.event_id, segment.kind.value)


def frames_shown(origin: Origin, grid: TickGrid, first: int, last: int) -> tuple[int, int] | None:
    """The asset's frames [from, to) on the ticks ``first`` to ``last``; None for what has no frames.

    ffmpeg's ``fps=round=near`` shows on each tick the last frame that begins less than half a tick after
    it, and the last of all frames for as long as it is held.
    """
    zero_us = origin.zero_us
    if zero_us is None or not origin.asset_rate:
        return None
    rate = Fraction(origin.asset_rate)

    def frame(tick: int) -> int:
        before = (Fraction(grid.start_us(tick) - zero_us, SECOND_US) + 1 / (2 * grid.rate)) * rate
        number = max(0, math.ceil(before) - 1)
        return min(number, origin.asset_frames - 1) if origin.asset_frames else number

    return frame(first), frame(last) + 1
