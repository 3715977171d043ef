"""Who comes in without an account: whoever is in an allowed network, and what a token opens for others.

Every client of the house can so be set up without a password, and a port that a router forwards by mistake
shows nothing. A token stands in an address, because players can send nothing else; so it opens what players
need, and neither the page nor the API.
"""

from __future__ import annotations

import hmac
import logging
from collections.abc import Awaitable, Callable, Iterable
from contextvars import ContextVar
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import Any, Literal, TypeVar
from urllib.parse import quote

from aiohttp import web
from aiohttp.typedefs import Middleware

from retrovue.clock import MasterClock
from retrovue.headend.addresses import Interface, interfaces, is_near, plain

log = logging.getLogger(__name__)

#: "lan" is this machine's own network.
Allowed = Literal["lan"] | IPv4Network | IPv6Network

#: How long the list of our networks is good for (seconds).
_FRESH_S = 10.0
#: So many strangers are told of, each once: those who search the internet for open ports would fill the log.
_MOST_TOLD = 64
#: What opened this request; empty: it needed no token.
_token: ContextVar[str] = ContextVar("token", default="")

_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
_AnyHandler = TypeVar("_AnyHandler", bound=Callable[..., Awaitable[web.StreamResponse]])


class Gate:
    """Decides by address, and for strangers by the tokens that are good.

    ``allow``: networks beside this machine itself, which is always allowed.
    """

    def __init__(
        self, clock: MasterClock, allow: Iterable[Allowed] = ("lan",), tokens: Iterable[str] = ()
    ) -> None:
        allow = tuple(allow)
        self._clock, self._lan = clock, "lan" in allow
        self._networks = [network for network in allow if not isinstance(network, str)]
        self._tokens = [token.encode() for token in tokens]
        self._interfaces: list[Interface] = []
        self._fresh_until = float("-inf")
        self._told: set[str] = set()

    def admits(self, address: str) -> bool:
        """May whoever has this address come in? Whatever is no address may not."""
        try:
            found = ip_address(plain(address))
        except ValueError:
            return False
        if found.is_loopback or any(found in network for network in self._networks):
            return True
        return self._lan and is_near(address, (n for i in self._known() for n in i.networks))

    def admits_all(self, request: web.BaseRequest) -> bool:
        """May whoever asks come in, and everybody for whom a proxy says that it asks? Else a proxy on this
        machine would make the whole world near."""
        behind = ",".join(request.headers.getall("X-Forwarded-For", ())).split(",")
        return all(map(self.admits, [request.remote or "", *(a.strip() for a in behind if a.strip())]))

    @property
    def middleware(self) -> Middleware:
        """For an application: refuses whoever may not come in."""

        @web.middleware
        async def gate(request: web.Request, handler: _Handler) -> web.StreamResponse:
            asked = request.match_info.handler
            token = request.query.get("token", "") if _is(asked, "opened_by_token") else ""
            opened = bool(token) and self._knows(token)
            # A connection carries one request after the other.
            _token.set(token if opened else "")
            if not opened and not _is(asked, "guards_itself") and not self.admits_all(request):
                self._tell(request, token)
                return _refused(request)
            return await handler(request)

        return gate

    def _tell(self, request: web.Request, token: str) -> None:
        """Tell the operator who was refused: the stranger may be a viewer whose network was forgotten."""
        who = ", ".join([request.remote or "nobody", *request.headers.getall("X-Forwarded-For", ())])
        if who in self._told or len(self._told) >= _MOST_TOLD:
            return
        self._told.add(who)
        why = "its token is none of serve.tokens" if token else "it is in no network that serve.allow names"
        log.warning("%s refused: %s (told once)", ascii(who)[1:-1], why)

    def _knows(self, token: str) -> bool:
        given = token.encode(errors="surrogateescape")
        return any([hmac.compare_digest(given, known) for known in self._tokens])  # noqa: C419  all are compared

    def _known(self) -> list[Interface]:
        now = self._clock.elapsed()
        if now >= self._fresh_until:
            self._interfaces, self._fresh_until = interfaces(), now + _FRESH_S
        return self._interfaces


def guards_itself(handler: _AnyHandler) -> _AnyHandler:
    """Marks a handler that decides itself who comes in: it knows accounts."""
    handler.guards_itself = True  # type: ignore[attr-defined]
    return handler


def opened_by_token(handler: _AnyHandler) -> _AnyHandler:
    """Marks a handler that a token opens for strangers."""
    handler.opened_by_token = True  # type: ignore[attr-defined]
    return handler


def carried() -> str:
    """What every address in this request's answer must end with: the token that it came with, or nothing."""
    token = _token.get()
    return as_query(token) if token else ""


def as_query(token: str) -> str:
    """A token as the end of an address."""
    return f"?token={quote(token, safe='')}"


def _is(handler: Any, mark: str) -> bool:
    return getattr(handler, mark, False) is True


def _refused(request: web.Request) -> web.Response:
    """With words for people only: players take whatever body comes for video."""
    for_people = "text/html" in request.headers.get("Accept", "")
    text = "This station is for its own network. Its owner may allow others (serve: allow).\n"
    return web.Response(status=403, text=text if for_people else None)
