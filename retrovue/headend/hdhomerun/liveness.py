"""Is anybody there? What tells that the receiver of datagrams has gone; pure.

libhdhomerun sends a keep-alive every second from the receiving port; Tvheadend never does, and must not be
cut off for that. So silence counts only from those who have spoken.
"""

from __future__ import annotations

from dataclasses import dataclass

#: Who sent keep-alives and has stopped is gone after this long (seconds).
KEEP_ALIVE_S = 5.0
#: A port that refuses datagrams for this long is closed (seconds); a moment of it is a restart.
REFUSED_S = 2.0
#: Who locked the tuner, closed the connection and sends no keep-alive is gone after this long (seconds).
ABANDONED_S = 2.0
#: A refusal after more than this (seconds) has nothing to do with the one before.
_APART_S = 1.5


@dataclass(slots=True)
class Liveness:
    """Of one receiver. Instants are ``clock.elapsed()``, seconds."""

    kept_at: float | None = None
    abandoned_at: float | None = None
    _refused_from: float | None = None
    _refused_at: float = 0.0

    def kept(self, at: float) -> None:
        """A keep-alive came: whoever sends it is there, whatever was refused."""
        self.kept_at, self._refused_from = at, None

    def refused(self, at: float) -> None:
        """The receiver's machine said that the port is closed, or can't be reached."""
        if self._refused_from is None or at - self._refused_at > _APART_S:
            self._refused_from = at
        self._refused_at = at

    def abandoned(self, at: float) -> None:
        """The lock's owner has closed its control connection."""
        self.abandoned_at = at

    def over(self, at: float) -> str:
        """Why the receiver counts as gone; empty while it doesn't."""
        if self._refused_from is not None and self._refused_at - self._refused_from >= REFUSED_S:
            return "nobody listens there"
        if self.kept_at is not None:
            return "no keep-alive any more" if at - self.kept_at > KEEP_ALIVE_S else ""
        if self.abandoned_at is not None and at - self.abandoned_at > ABANDONED_S:
            return "its owner has hung up"
        return ""
