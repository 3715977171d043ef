"""Who may come in: accounts, addresses, and tickets for one path.

Without accounts the station is open to its own network, and to nobody else: every client can be set up
without a password, and a port that a router forwards by mistake shows nothing.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address

from retrovue.clock import MasterClock
from retrovue.headend.addresses import interfaces, plain

#: How long a ticket lasts (seconds), Tvheadend's default; a player opens its stream several times with one.
TICKET_S = 300.0
#: Tickets kept; the oldest are forgotten first.
_MOST_TICKETS = 10_000


@dataclass(frozen=True, slots=True)
class Account:
    """Somebody who may watch."""

    name: str
    password: str = field(repr=False)


class Access:
    """Decides for every front-end of this kind."""

    def __init__(self, clock: MasterClock, accounts: Sequence[Account]) -> None:
        self._clock = clock
        self._accounts = {account.name: account for account in accounts}
        self._tickets: OrderedDict[tuple[str, str], float] = OrderedDict()

    @property
    def open(self) -> bool:
        """No accounts: whoever is near may watch."""
        return not self._accounts

    def admits(self, address: str) -> bool:
        """Does this address need no account?"""
        return self.open and is_local(address)

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
        self._tickets[path, word] = now + TICKET_S
        return word

    def ticket_opens(self, path: str, word: str) -> bool:
        """May whoever has the ticket have this path? It can be used again until it expires."""
        return self._tickets.get((path, word), 0.0) > self._clock.elapsed()


def is_local(address: str) -> bool:
    """Of this machine or its network: loopback, link-local, private (RFC 1918, RFC 4193).

    A house with IPv6 has addresses of the whole world's, so there a neighbour in our own network counts, too.
    IPv4 neighbours don't: beside a rented server's address are strangers.
    """
    try:
        found = ip_address(plain(address))
    except ValueError:
        return False
    if found.is_loopback or found.is_link_local or found.is_private:
        return True
    networks = (n for i in interfaces() for n in i.networks if n.version == 6 and n.prefixlen >= 64)
    return found.version == 6 and any(found in network for network in networks)
