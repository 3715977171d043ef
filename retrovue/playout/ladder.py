"""The failure ladder of one planned segment; pure: what went wrong in, what to do next out.

The rungs, from the top: what is planned, then the event's planned fallbacks in their order, then nothing
(the switcher shows the slate). A rung is given up for the next one when its file is to blame, or when its
child has been started again too often. From the bottom the ladder is climbed anew after a pause that
doubles: a store that comes back brings the programme back, at the place where it would be by then.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum


class Fault(StrEnum):
    """What happened to the source of a rung."""

    MISSING = "missing"  #: its file is not there, or its store does not answer
    KILLED = "killed"  #: the child was ended by a signal: the file is not to blame
    DIED = "died"  #: the child ended with an error after it had shown something
    HUNG = "hung"  #: the child lives and delivers nothing
    BARREN = "barren"  #: the child ended and nothing of it could be shown
    SHORT = "short"  #: the file ended before its contract


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a source may keep a channel waiting; seconds of the machine's time."""

    first_s: float = 10.0  #: until its first picture: a seek in a long GOP on a busy machine
    hung_s: float = 3.0  #: between two pictures that are needed
    restarts: int = 3  #: a child is started again this often on one rung
    healthy_s: float = 60.0  #: a child that has shown this much has its restarts forgiven
    retry_s: float = 30.0  #: from the bottom the ladder is climbed again after this, doubled…
    retry_max_s: float = 300.0  #: …up to this


DEFAULT_PATIENCE = Patience()

#: Pauses before the first, second, … start of the same child (seconds); the last one repeats.
_BACK_OFF_S = (0.0, 0.5, 2.0)
#: Another start can mend these; the others are the file's own fault.
_MENDABLE = frozenset({Fault.KILLED, Fault.DIED, Fault.HUNG})


class Ladder:
    """Where a segment stands. ``rung`` 0 is as planned, n its n-th fallback, ``bottom`` nothing."""

    def __init__(self, fallbacks: int, patience: Patience) -> None:
        self.rung = 0
        self.bottom = fallbacks + 1
        self.cause = ""  #: why this is not what was planned; empty when it is
        self._patience = patience
        self._restarts = 0
        self._retries = 0
        self._due_s = 0.0

    @property
    def exhausted(self) -> bool:
        """Is there nothing left to show for now?"""
        return self.rung >= self.bottom

    def fault(self, what: Fault, complaint: str, now_s: float, shown_s: float = 0.0) -> None:
        """``what`` befell the current rung after it had shown ``shown_s`` seconds; ``due`` says what then."""
        if shown_s >= self._patience.healthy_s:
            self._restarts = 0
        if what in _MENDABLE and self._restarts < self._patience.restarts:
            self._due_s = now_s + _BACK_OFF_S[min(self._restarts, len(_BACK_OFF_S) - 1)]
            self._restarts += 1
            return
        self.cause = self.cause or complaint
        self.rung += 1
        self._restarts = 0
        self._due_s = now_s
        if self.exhausted:
            pause = self._patience.retry_s * 2.0**self._retries
            self._due_s = now_s + min(pause, self._patience.retry_max_s)
            self._retries += 1

    def abandon(self, complaint: str) -> None:
        """Nothing more is tried: what is left of the segment isn't worth it."""
        self.cause = self.cause or complaint
        self.rung = self.bottom
        self._due_s = math.inf

    def due(self, now_s: float) -> bool:
        """May the current rung be started now? From the bottom that is the first rung again."""
        if now_s < self._due_s:
            return False
        if self.exhausted:
            self.rung = 0
            self.cause = ""
        return True
