"""How often one may ask: a search is answered with six times its bytes, so answers must not be aimed.

Pure: the time is handed in.
"""

from __future__ import annotations

from dataclasses import dataclass, field

#: Answers to one sender: so many a second in the long run, and so many at once. A client needs four.
RATE, AT_ONCE = 20.0, 60.0
#: Senders remembered; beyond, the one that was heard longest ago is forgotten.
_SENDERS = 1024


@dataclass(slots=True)
class Moderator:
    """Counts answers by sender."""

    _left: dict[str, tuple[float, float]] = field(default_factory=dict)  #: sender → answers left, at

    def allows(self, sender: str, at: float) -> bool:
        """Whether one more answer may go to ``sender`` at ``at`` (seconds, monotonic)."""
        left, since = self._left.pop(sender, (AT_ONCE, at))
        left = min(AT_ONCE, left + (at - since) * RATE)
        allowed = left >= 1
        if len(self._left) >= _SENDERS:
            del self._left[next(iter(self._left))]
        self._left[sender] = (left - allowed, at)
        return allowed
