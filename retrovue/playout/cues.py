"""Cueing: which cue messages are due with which tick, so that a break can be replaced further on; pure.

A break is announced as soon as it is near, and again, on the very tick grid of the pictures; while it lasts
its beginning is told again and again, for receivers that come later. What was announced and is not to come is
taken back; a break that ends early (an emergency takes over) is returned from at once. Everything follows
from the playlog and the tick, so that a captured minute is the same again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from retrovue.lineup import Break
from retrovue.playout.playlog import Playlog
from retrovue.playout.ticks import TickGrid
from retrovue.stream import scte35
from retrovue.stream.scte35 import BREAK_START, PROVIDER_ADVERTISEMENT_START, Segmentation

#: A splice is told this long before (seconds): SCTE 35 asks for four at least, and receivers may miss one.
AHEAD_S = (8.0, 6.0, 4.5)
#: While a break lasts its beginning is told anew this often (seconds).
AGAIN_S = 5.0
#: Something is said this often at least (seconds): monitors take silence for a broken line.
HEARTBEAT_S = 10.0
#: What is planned is looked at this often, whatever happens (seconds).
_LOOK_S = 1.0


class Manner(StrEnum):
    """How breaks are told."""

    SPLICE_INSERT = "splice_insert"
    TIME_SIGNAL = "time_signal"


@dataclass(frozen=True, slots=True)
class _Span:
    """Something that begins and ends: a break, or an advertisement in it."""

    start: int
    end: int
    event_id: int  #: of the programme
    number: int = 0  #: of an advertisement, from 1; 0: a break
    of: int = 0

    @property
    def id(self) -> int:
        """splice_event_id or segmentation_event_id: the same whoever asks, and no other's for years."""
        return (2 * self.start + (self.number > 0)) & 0xFFFF_FFFF


class Cues:
    """One channel's, from its coming on to its going off. ``due`` is asked for every tick, in order."""

    def __init__(
        self,
        manner: Manner,
        grid: TickGrid,
        playlog: Callable[[], Playlog],
        programme_airs: Callable[[], bool],
    ) -> None:
        """``programme_airs``: does the tick that is asked about show what is planned, and no order?"""
        self._manner, self._grid = manner, grid
        self._playlog, self._programme_airs = playlog, programme_airs
        self._ahead = max(map(self._ticks, AHEAD_S))
        self.within: Break | None = None  #: the break that the last tick lies in
        self.after: Break | None = None  #: the last one that is over
        self._read: Playlog | None = None
        self._aired = False
        self._next = 0  #: nothing is due before this tick unless the plan changes
        self._running: dict[int, _Span] = {}
        self._announced: dict[int, _Span] = {}
        self._told: dict[
            tuple[int, bool], int
        ] = {}  #: (id, is it the end?) → tick of the end, as it was told
        self._joined: dict[int, int] = {}  #: a span that was begun late: planned start → real one

    @property
    def described(self) -> bytes:
        """Descriptors of their stream in the PMT; the same as long as the channel is on the air."""
        splicing = self._manner is Manner.SPLICE_INSERT
        return scte35.cue_identifier(scte35.SPLICING if splicing else scte35.SEGMENTING)

    def due(self, tick: int) -> list[bytes]:
        """The sections that go out with ``tick``."""
        playlog, airs = self._playlog(), self._programme_airs()
        if tick < self._next and playlog is self._read and airs == self._aired:
            return []
        spans = {s.id: s for s in self._spans(playlog, tick)} if airs else {}
        self._read, self._aired = playlog, airs
        said = [*self._given_up(tick, spans), *self._messages(tick, spans)]
        if not said and tick % self._ticks(HEARTBEAT_S) == 0:
            said.append(scte35.splice_null())
        self._next = self._look_again(tick, spans.values())
        return said

    # --- what is planned -----------------------------------------------------------------------------

    def _spans(self, playlog: Playlog, tick: int) -> Iterator[_Span]:
        """What is on at ``tick``, or begins soon."""
        first_look = self._read is None
        joined: dict[int, int] = {}
        for pod in playlog.pods(tick, tick + self._ahead + 1):
            found = [_Span(pod.start, pod.end, pod.event_id)]
            if self._manner is Manner.TIME_SIGNAL:
                found += [
                    _Span(start, end, pod.event_id, n, len(pod.spots))
                    for n, (start, end) in enumerate(pod.spots, 1)
                ]
            for span in found:
                if span.end <= tick or span.start > tick + self._ahead:
                    continue
                found_as = replace(span, start=self._joined.get(span.id, span.start))
                if found_as.start < tick and found_as.id not in self._running and not first_look:
                    # Something else was on until now: it begins here, and is another one.
                    found_as = replace(span, start=tick)
                if found_as != span:
                    joined[span.id] = found_as.start
                yield found_as
        self._joined = joined

    def _look_again(self, tick: int, spans: Iterable[_Span]) -> int:
        """The next tick on which something may be due."""
        beat = self._ticks(HEARTBEAT_S)
        ticks = [tick + self._ticks(_LOOK_S), (tick // beat + 1) * beat]
        for span in spans:
            ticks += [edge - self._ticks(s) for edge in (span.start, span.end) for s in (0.0, *AHEAD_S)]
            if span.start <= tick:
                ticks.append(self._next_again(span.start, tick))
        return min(t for t in ticks if t > tick)

    def _next_again(self, start: int, tick: int) -> int:
        again = self._ticks(AGAIN_S)
        return start + ((tick - start) // again + 1) * again

    def _ticks(self, seconds: float) -> int:
        return self._grid.ticks(seconds)

    # --- what is said --------------------------------------------------------------------------------

    def _given_up(self, tick: int, spans: dict[int, _Span]) -> list[bytes]:
        """End what is over, and take back what isn't to come."""
        said: list[bytes] = []
        over = [span for key, span in self._running.items() if key not in spans]
        early = [span for span in over if span.end > tick]
        if early:
            said.append(self._message(None, (), early))
        for span in over:
            del self._running[span.id]
            if span.number == 0 and self.within is not None:
                back = said[0] if span in early else self._message(span.end, (), [span])
                end = min(span.end, tick)
                self.after = replace(self.within, end_us=self._grid.start_us(end), back=back)
                self.within = None
        gone = [span for key, span in self._announced.items() if key not in spans and span.start > tick]
        if gone and self._manner is Manner.SPLICE_INSERT:
            said += [scte35.splice_cancel(span.id) for span in gone]
        elif gone:
            said.append(scte35.time_signal(None, [_segmentation(s, cancelled=True) for s in gone]))
        self._announced = {key: span for key, span in spans.items() if span.start > tick}
        self._told = {key: end for key, end in self._told.items() if key[0] in spans}
        return said

    def _messages(self, tick: int, spans: dict[int, _Span]) -> Iterator[bytes]:
        """What begins or ends at one tick is told together."""
        edges = {span.start for span in spans.values()} | {
            span.end for span in spans.values() if span.end <= tick + self._ahead
        }
        for at in sorted(edges):
            starts = [span for span in spans.values() if span.start == at]
            ends = [span for span in spans.values() if span.end == at]
            state = {(s.id, False): s.end for s in starts} | {(s.id, True): s.end for s in ends}
            message = self._message(at, starts, ends)
            if at <= tick:
                self._begin(starts, message)
            new = any(self._told.get(key) != end for key, end in state.items())
            again = (tick - at) % self._ticks(AGAIN_S) == 0 if at < tick else False
            if new or again or at - tick in map(self._ticks, AHEAD_S):
                self._told |= state
                yield message

    def _begin(self, starts: Sequence[_Span], message: bytes) -> None:
        for span in starts:
            known = self._running.get(span.id)
            self._running[span.id] = span
            if span.number == 0 and known != span:
                start_us, end_us = self._grid.start_us(span.start), self._grid.start_us(span.end)
                self.within = Break(span.id, start_us, end_us, message)

    def _message(self, at: int | None, starts: Sequence[_Span], ends: Sequence[_Span]) -> bytes:
        """One section on what begins and ends at a tick; None: at once."""
        pts = None if at is None else self._grid.pts(at)
        if self._manner is Manner.TIME_SIGNAL:
            # What is inside ends first and begins last.
            told = [_segmentation(s, ends=True) for s in sorted(ends, key=lambda s: -s.number)]
            told += [
                _segmentation(s, duration=self._length(s)) for s in sorted(starts, key=lambda s: s.number)
            ]
            return scte35.time_signal(pts, told)
        # One break never begins where another ends: a programme lies between.
        span = starts[0] if starts else ends[0]
        duration = self._length(span) if starts else None
        program = span.event_id & 0xFFFF
        return scte35.splice_insert(span.id, out=bool(starts), pts=pts, duration=duration, program=program)

    def _length(self, span: _Span) -> int:
        """90 kHz ticks."""
        return self._grid.pts(span.end) - self._grid.pts(span.start)


def _segmentation(
    span: _Span, *, duration: int | None = None, ends: bool = False, cancelled: bool = False
) -> bytes:
    begins = PROVIDER_ADVERTISEMENT_START if span.number else BREAK_START
    return Segmentation(span.id, begins + ends, span.number, span.of, duration, cancelled=cancelled).encoded()
