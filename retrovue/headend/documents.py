"""Documents as front-ends publish them: named by their content, so that a client's cache may keep them."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256

from aiohttp import web

#: Bytes given to the socket at once: a client that reads slowly holds this much, not the document.
_SLICE = 1 << 18


@dataclass(frozen=True, slots=True)
class Document:
    """A body that is ready to be sent. ``etag`` is the bare word, without quotes."""

    body: bytes
    content_type: str
    etag: str


def document(body: bytes, content_type: str) -> Document:
    """A document whose ETag is its content's hash, so it is the same again after a restart."""
    return Document(body, content_type, sha256(body).hexdigest()[:32])


async def reply(
    request: web.Request, found: Document, *, cache: str = "no-cache", headers: dict[str, str] | None = None
) -> web.StreamResponse:
    """200 with the document, or 304 when the client has it. ``cache`` is the Cache-Control."""
    common = {
        "Cache-Control": cache,
        "X-Content-Type-Options": "nosniff",
        "ETag": f'"{found.etag}"',
        **(headers or {}),
    }
    if _has_it(request, found.etag):
        return web.Response(status=304, headers=common)
    response = web.StreamResponse(headers={**common, "Content-Type": found.content_type})
    response.content_length = len(found.body)
    await response.prepare(request)
    if request.method != "HEAD":
        body = memoryview(found.body)
        for at in range(0, len(body), _SLICE):
            await response.write(body[at : at + _SLICE])
    await response.write_eof()
    return response


def _has_it(request: web.Request, etag: str) -> bool:
    """RFC 9110 § 13.1.2: weak comparison, ``*`` matches whatever there is."""
    return any(known.value in (etag, "*") for known in request.if_none_match or ())
