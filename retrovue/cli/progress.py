"""Progress: how far work has come, how quickly, how long it will take; for people, and as events for scripts.

An event is one JSON object on a line, with ``event`` and ``at`` (UTC):

======== ===========================================================================================
event    has
======== ===========================================================================================
begin    ``work`` (what it is), ``total``, ``unit`` ("files", or "seconds" of media)
progress ``work``, ``done``, ``total``, ``unit``, ``what`` (it is at now), ``per_second``, ``left_s``
error    ``error``, ``help``: why the code will not be 0
outcome  ``outcome``: what ``--json`` prints
end      ``code``: as the process ends
======== ===========================================================================================

``per_second`` and ``left_s`` are null while nothing is known. Progress is told a few times a second at most,
and always of the last. Work may begin more than once. Without an ``end`` the process was killed.
"""

from __future__ import annotations

import json
import sys
import threading
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from retrovue.clock import MasterClock
from retrovue.errors import RetroVueError

#: Who is meant by standard output.
STDOUT = "-"
#: What was done longer ago says little of what is to come (seconds).
_WINDOW_S = 30.0
#: No more than one event in this time (seconds).
_SELDOM_S = 0.25


class Pace:
    """How quickly work goes on; pure. Times are seconds on any clock that only goes forward."""

    def __init__(self, total: float, now: float) -> None:
        self.total, self.done = total, 0.0
        self._marks: deque[tuple[float, float]] = deque([(now, 0.0)])

    def move(self, amount: float, now: float) -> None:
        """``amount`` more is done."""
        self.done += amount
        self._marks.append((now, self.done))
        while len(self._marks) > 2 and self._marks[1][0] <= now - _WINDOW_S:
            self._marks.popleft()

    @property
    def per_second(self) -> float | None:
        """Of late; None while nobody can know."""
        (then, before), (now, done) = self._marks[0], self._marks[-1]
        return (done - before) / (now - then) if now > then and done > before else None

    @property
    def left_s(self) -> float | None:
        """How long the rest will take (seconds)."""
        rate = self.per_second
        return max(0.0, self.total - self.done) / rate if rate else None


def rate_said(per_second: float | None, unit: str) -> str:
    """ "7.2/s"; of seconds of media "12.5x", which is how much quicker than real time."""
    if per_second is None:
        return ""
    said = f"{per_second:.3g}" if per_second < 1000 else f"{per_second:.0f}"
    return f"{said}x" if unit == "seconds" else f"{said}/s"


def left_said(left_s: float | None) -> str:
    """ "0:12:05 left"."""
    if left_s is None:
        return ""
    seconds = round(left_s)
    return f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02} left"


class Events:
    """Writes events. Whoever reads them may go away: the work goes on."""

    def __init__(self, out: IO[str], clock: MasterClock) -> None:
        self._out: IO[str] | None = out
        self._clock = clock
        self._lock = threading.Lock()

    def tell(self, event: str, **values: Any) -> None:
        """One event."""
        at = f"{self._clock.now():%Y-%m-%dT%H:%M:%S.%f}"[:-3] + "Z"
        line = json.dumps({"event": event, "at": at, **values}, ensure_ascii=False, default=str)
        with self._lock:
            if self._out is not None:
                try:
                    self._out.write(line + "\n")
                    self._out.flush()
                except (OSError, ValueError):
                    self._out = None


def open_events(name: str, clock: MasterClock) -> Events:
    """Where ``--events`` says. Raises ``RetroVueError``."""
    if name == STDOUT:
        return Events(sys.stdout, clock)
    try:
        # A lone surrogate, of a name that is not UTF-8, is no JSON.
        return Events(Path(name).open("w", encoding="utf-8", errors="replace"), clock)
    except OSError as error:
        raise RetroVueError(
            f"{name} can't be written: {error.strerror}", help="--events FILE is where progress is told"
        ) from error


class Told:
    """A piece of work whose progress is told as events."""

    def __init__(self, events: Events, clock: MasterClock, work: str, total: float, unit: str) -> None:
        self._events, self._clock = events, clock
        self._about = {"work": work, "total": total, "unit": unit}
        self._pace = Pace(total, clock.elapsed())
        self._lock = threading.Lock()
        self._last = float("-inf")
        events.tell("begin", **self._about)

    def advance(self, amount: float = 1, text: str = "") -> None:
        with self._lock:
            now, pace = self._clock.elapsed(), self._pace
            pace.move(amount, now)
            if now - self._last < _SELDOM_S and pace.done < pace.total:
                return
            self._last = now
            rate, left = pace.per_second, pace.left_s
            self._events.tell(
                "progress",
                **self._about,
                done=round(pace.done, 3),
                what=text,
                per_second=None if rate is None else round(rate, 3),
                left_s=None if left is None else round(left, 1),
            )


class Lines:
    """A piece of work of which a line is said every tenth."""

    def __init__(
        self, say: Callable[[str], None], clock: MasterClock, work: str, total: float, unit: str
    ) -> None:
        self._say, self._clock, self._work, self._unit = say, clock, work, unit
        self._pace = Pace(total, clock.elapsed())
        self._lock = threading.Lock()
        self._tenth = -1

    def advance(self, amount: float = 1, text: str = "") -> None:
        with self._lock:
            pace = self._pace
            pace.move(amount, self._clock.elapsed())
            tenth = min(int(10 * pace.done / pace.total) if pace.total else 10, 10)
            if tenth > self._tenth:
                self._tenth = tenth
                paced = (rate_said(pace.per_second, self._unit), left_said(pace.left_s) if tenth < 10 else "")
                about = ", ".join(filter(None, paced))
                said = f"{self._work}: {10 * tenth} %" + (f" ({about})" if about else "")
                self._say(f"{said} {text}".rstrip())
