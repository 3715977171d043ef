"""Nonces of HTTP's digests (RFC 7616): how long one is good, and that no answer to it is taken twice.

A nonce carries its time and our seal, so whoever is turned away costs no memory. Only those with which
somebody came in are remembered, with the counts (``nc``) that were used.
"""

from __future__ import annotations

import base64
import hmac
import secrets
from dataclasses import dataclass

from retrovue.clock import MasterClock

#: A nonce that nobody has used is good for this long, one that is used for that long after each use
#: (seconds): Tvheadend's figures.
UNUSED_S, USED_S = 30.0, 120.0
#: Requests of one client overtake each other: so many counts below the highest may still come.
_WINDOW = 64
#: Nonces in use at once; whoever comes then is given a new one each time.
_MOST = 10_000


@dataclass(slots=True)
class _Used:
    """A nonce in use."""

    at: float  #: last used
    highest: int  #: count
    seen: int  #: bit n: the count ``highest - n`` was used


class Nonces:
    """Those of one server, as long as it runs."""

    def __init__(self, clock: MasterClock) -> None:
        self._clock, self._key = clock, secrets.token_bytes(32)
        self._used: dict[str, _Used] = {}

    def issue(self) -> str:
        """A new one, nobody else's."""
        words = f"{self._clock.elapsed():.3f}|{secrets.token_hex(8)}"
        return base64.urlsafe_b64encode(f"{words}|{self._seal(words)}".encode()).decode()

    def is_ours(self, nonce: str) -> bool:
        """Has it been issued by us, however long ago?"""
        return self._issued(nonce) is not None

    def use(self, nonce: str, count: int) -> bool:
        """Take the count of an answer that was right; False when it comes too late, or was taken before."""
        now, issued = self._clock.elapsed(), self._issued(nonce)
        if issued is None or count < 1:
            return False
        known = self._used.get(nonce)
        if known is None:
            if now - issued > UNUSED_S or not self._has_room(now):
                return False
            self._used[nonce] = _Used(now, count, 1)
            return True
        if now - known.at > USED_S:
            return False
        ahead = count - known.highest
        if ahead > 0:
            known.seen = known.seen << min(ahead, _WINDOW) & (1 << _WINDOW) - 1 | 1
            known.highest = count
        elif -ahead >= _WINDOW or known.seen >> -ahead & 1:
            return False
        else:
            known.seen |= 1 << -ahead
        known.at = now
        return True

    def _has_room(self, now: float) -> bool:
        # A nonce that is forgotten was used so long ago that it is too old to be used for the first time.
        if len(self._used) >= _MOST:
            self._used = {nonce: used for nonce, used in self._used.items() if now - used.at <= USED_S}
        return len(self._used) < _MOST

    def _seal(self, words: str) -> str:
        return hmac.new(self._key, words.encode(), "sha256").hexdigest()[:32]

    def _issued(self, nonce: str) -> float | None:
        """When, by ``clock.elapsed()``; None: it is none of ours."""
        try:
            words, _, seal = base64.urlsafe_b64decode(nonce.encode()).decode().rpartition("|")
        except (ValueError, UnicodeError):
            return None
        if not words or not hmac.compare_digest(self._seal(words).encode(), seal.encode()):
            return None
        return float(words.partition("|")[0])
