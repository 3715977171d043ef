"""Who may ask, and how often: a search is answered with six times its bytes, so answers must not be aimed.

Pure: the addresses of this machine and the time are handed in.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_address

#: Answers to one sender: so many a second in the long run, and so many at once. A client needs four.
RATE, AT_ONCE = 20.0, 60.0
#: Senders remembered; beyond, the one that was heard longest ago is forgotten.
_SENDERS = 1024


def is_near(sender: str, networks: Iterable[IPv4Network | IPv6Network]) -> bool:
    """Whether ``sender`` is of this house: not routed on the internet, or of one of our networks."""
    address = ip_address(sender.partition("%")[0])
    return not address.is_global or any(address in network for network in networks)


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
