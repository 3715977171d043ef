"""Who may come in: accounts, addresses, and tickets for one path.

Without accounts the station is open to whoever the gate admits, and to nobody else.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections import OrderedDict
from collections.abc import Sequence

from aiohttp import web

from retrovue.clock import MasterClock
from retrovue.headend.accounts import Account
from retrovue.headend.gate import Gate

#: How long a ticket lasts (seconds), Tvheadend's default; a player opens its stream several times with one.
TICKET_S = 300.0
#: Tickets kept; the oldest are forgotten first.
_MOST_TICKETS = 10_000


class Access:
    """Decides for every front-end of this kind."""

    def __init__(self, clock: MasterClock, accounts: Sequence[Account], gate: Gate) -> None:
        self._clock, self._gate = clock, gate
        self._accounts = {account.name: account for account in accounts}
        #: Hash of word and path → when it expires: how long a look takes tells nothing of a word.
        self._tickets: OrderedDict[bytes, float] = OrderedDict()

    @property
    def open(self) -> bool:
        """No accounts: whoever the gate admits may watch."""
        return not self._accounts

    def admits(self, address: str) -> bool:
        """Does this address need no account?"""
        return self.open and self._gate.admits(address)

    def admits_all(self, request: web.BaseRequest) -> bool:
        """Does nobody behind this request need an account?"""
        return self.open and self._gate.admits_all(request)

    def by_digest(self, name: str, digest: bytes, challenge: bytes) -> Account | None:
        """HTSP: the digest is SHA-1 over password and challenge."""
        account = self._accounts.get(name)
        # An unknown name takes as long as a wrong password.
        password = account.password if account is not None else ""
        expected = hashlib.sha1(password.encode() + challenge).digest()  # noqa: S324  the protocol's own
        return account if hmac.compare_digest(expected, digest) else None

    def ticket(self, path: str) -> str:
        """A word that opens one path for a while, 40 hex digits."""
        now = self._clock.elapsed()
        while self._tickets and (
            len(self._tickets) >= _MOST_TICKETS or next(iter(self._tickets.values())) <= now
        ):
            self._tickets.popitem(last=False)
        word = secrets.token_hex(20)
        self._tickets[_hashed(path, word)] = now + TICKET_S
        return word

    def ticket_opens(self, path: str, word: str) -> bool:
        """May whoever has the ticket have this path? It can be used again until it expires."""
        return self._tickets.get(_hashed(path, word), 0.0) > self._clock.elapsed()


def _hashed(path: str, word: str) -> bytes:
    return hashlib.sha256(f"{word} {path}".encode(errors="replace")).digest()
