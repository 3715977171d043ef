"""Who comes in without showing anything: whoever is near.

Every client can so be set up without a password, and a port that a router forwards by mistake shows nothing.
"""

from __future__ import annotations

from aiohttp import web

from retrovue.clock import MasterClock
from retrovue.headend.addresses import Interface, interfaces, is_near

#: How long the list of our networks is good for (seconds).
_FRESH_S = 10.0


class Gate:
    """Decides by address."""

    def __init__(self, clock: MasterClock) -> None:
        self._clock = clock
        self._interfaces: list[Interface] = []
        self._fresh_until = float("-inf")

    def admits(self, address: str) -> bool:
        """May whoever has this address come in? Whatever is no address may not."""
        return is_near(address, (n for i in self._known() for n in i.networks))

    def admits_all(self, request: web.BaseRequest) -> bool:
        """May whoever asks come in, and everybody for whom a proxy says that it asks? Else a proxy on this
        machine would make the whole world near."""
        behind = ",".join(request.headers.getall("X-Forwarded-For", ())).split(",")
        return all(map(self.admits, [request.remote or "", *(a.strip() for a in behind if a.strip())]))

    def _known(self) -> list[Interface]:
        now = self._clock.elapsed()
        if now >= self._fresh_until:
            self._interfaces, self._fresh_until = interfaces(), now + _FRESH_S
        return self._interfaces
