"""What every request of the API must pass, and how it is answered."""

from __future__ import annotations

import hmac
import json
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from aiohttp import web

from retrovue.lineup import ChannelId, Lineup

log = logging.getLogger(__name__)

HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
#: An order is a few words (bytes).
LARGEST_BODY = 16 * 1024

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class BadRequest(Exception):
    """The request can't be understood; the message says why, for people."""


def answer(value: Mapping[str, Any], status: int = 200) -> web.Response:
    return web.json_response(value, status=status, headers=HEADERS)


def refuse(status: int, error: str, help: str = "", headers: Mapping[str, str] | None = None) -> web.Response:
    """An error in words; ``help`` says what to do."""
    body = {"error": error, **({"help": help} if help else {})}
    return web.json_response(body, status=status, headers={**HEADERS, **(headers or {})})


def unknown(request: web.Request, status: int, headers: Mapping[str, str]) -> web.Response:
    """What the API doesn't have: a path (404), or a method of one (405), whose ``Allow`` names the others."""
    help = "/api/v1/openapi.json lists what there is"
    if status == 405 and (allowed := headers.get("Allow")):
        return refuse(status, f"{request.path} takes no {request.method}, but {allowed}", help, headers)
    return refuse(status, f"the API has no {request.path}", help, headers)


def write(token: str, handler: Handler) -> Handler:
    """``handler`` behind the token. A refusal says nothing of what is behind it."""

    async def guarded(request: web.Request) -> web.StreamResponse:
        origin = request.headers.get("Origin")
        if origin is not None and urlsplit(origin).netloc != request.host:
            return refuse(403, "no orders from another site's page")
        scheme, _, given = request.headers.get("Authorization", "").partition(" ")
        # As bytes: the comparison takes as long for a wrong token as for the right one, whatever it holds.
        right = hmac.compare_digest(given.strip().encode(errors="surrogateescape"), token.encode())
        if scheme.lower() != "bearer" or not right:
            log.warning("%s %s from %s refused: no valid token", request.method, request.path, request.remote)
            return refuse(
                401,
                "that is not the station's token"
                if given and scheme.lower() == "bearer"
                else "every order needs the station's token",
                "send it as: Authorization: Bearer TOKEN; it is in the file “token” of the state directory",
                {"WWW-Authenticate": 'Bearer realm="RetroVue"'},
            )
        try:
            return await handler(request)
        except BadRequest as error:
            return refuse(400, str(error))

    return guarded


def channels_named(lineup: Lineup, named: Sequence[str]) -> list[ChannelId]:
    """The channels with these numbers or slugs, each once. Raises ``BadRequest``."""
    idents = lineup.channels()
    by_name = {ident.id: ident.id for ident in idents}
    by_name |= {ChannelId(ident.number): ident.id for ident in idents}
    unknown = sorted(set(named) - set(by_name))
    if unknown:
        there = ", ".join(f"{ident.number} ({ident.id})" for ident in idents)
        raise BadRequest(f"there is no channel {', '.join(unknown)}; there are {there}")
    return list(dict.fromkeys(by_name[ChannelId(name)] for name in named))


def instant_of(written: object, name: str) -> datetime:
    """An instant in UTC; ``name`` is where it was written. Raises ``BadRequest``."""
    try:
        # A plus in a query arrives as a space.
        instant = datetime.fromisoformat(written.replace(" ", "+")) if isinstance(written, str) else None
    except ValueError:
        instant = None
    if instant is None or instant.tzinfo is None:
        raise BadRequest(f"“{name}” must be an instant with its UTC offset, like 2026-11-26T20:00:00-05:00")
    return instant.astimezone(UTC)


async def body_of(request: web.Request) -> dict[str, Any]:
    """The JSON object of the request; an empty body is an empty one. Raises ``BadRequest``."""
    if (request.content_length or 0) > LARGEST_BODY:
        raise BadRequest(f"the body is larger than {LARGEST_BODY} bytes")
    data = await request.content.read(LARGEST_BODY + 1)
    if len(data) > LARGEST_BODY:
        raise BadRequest(f"the body is larger than {LARGEST_BODY} bytes")
    if not data.strip():
        return {}
    if request.content_type != "application/json":
        raise BadRequest("the body must be application/json")
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        raise BadRequest("the body is no JSON") from None
    if not isinstance(value, dict):
        raise BadRequest("the body must be a JSON object")
    return value
