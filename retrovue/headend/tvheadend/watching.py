"""Who watches what, and how many bytes a second that is: for the status pages."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from retrovue.headend.tvheadend.directory import Listed

#: Rates are means over at least this long (seconds).
_WINDOW_S = 1.0


@dataclass(slots=True)
class Rate:
    """Bytes, all told and by the second."""

    total: int = 0
    _before: int = 0
    _since: float | None = None
    _rate: float = 0.0

    def add(self, count: int, at: float) -> None:
        """``at`` is clock.elapsed()."""
        if self._since is None:
            self._since = at
        self.total += count
        if (span := at - self._since) >= _WINDOW_S:
            self._rate = (self.total - self._before) / span
            self._before, self._since = self.total, at

    def per_second(self, at: float) -> int:
        """0 when nothing has come for a while."""
        stale = self._since is None or at - self._since > 5 * _WINDOW_S
        return 0 if stale else round(self._rate)


@dataclass(slots=True, eq=False)
class Watching:
    """One viewer of one channel, by HTSP or by HTTP."""

    id: int
    kind: str  #: "HTSP" or "HTTP"
    listed: Listed
    address: str
    user: str  #: empty: nobody was asked
    agent: str
    profile: str
    since: datetime
    port: int = 0  #: of the viewer
    weight: int = 100
    errors: int = 0
    received: Rate = field(default_factory=Rate)
    sent: Rate = field(default_factory=Rate)
