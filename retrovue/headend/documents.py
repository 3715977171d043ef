"""Documents as front-ends publish them: named by their content, so that a client's cache may keep them."""

from __future__ import annotations

import asyncio
import contextlib
import io
import os
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from hashlib import sha256

from aiohttp import web

#: Bytes given to the socket at once: a client that reads slowly holds this much, not the document.
SLICE = 1 << 18


class Spool:
    """A body that is written bit by bit, and kept in a file without a name: the guide of a large station is
    larger than all else that the station needs. In memory where the disk is full. Blocks: for threads.
    """

    def __init__(self) -> None:
        self._file: io.FileIO | None = None
        self._memory = bytearray()
        self._digest = sha256()
        self.size = 0
        with contextlib.suppress(OSError):
            self._file = tempfile.TemporaryFile(prefix="retrovue-", buffering=0)  # noqa: SIM115  kept open

    def write(self, part: bytes) -> None:
        """Add ``part``."""
        self._digest.update(part)
        try:
            left = memoryview(part)
            while left and self._file is not None:
                left = left[self._file.write(left) :]
        except OSError:
            assert self._file is not None
            self._memory += os.pread(self._file.fileno(), self.size, 0)
            self._file = None
        if self._file is None:
            self._memory += part
        self.size += len(part)

    def read(self, at: int, length: int) -> bytes:
        """At most ``length`` bytes from ``at`` on."""
        if self._file is not None:
            return os.pread(self._file.fileno(), length, at)
        return bytes(self._memory[at : at + length])

    @property
    def etag(self) -> str:
        """The hash of all that was written."""
        return self._digest.hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class Document:
    """A body that is ready to be sent. ``etag`` is the bare word, without quotes."""

    body: bytes | Spool
    content_type: str
    etag: str
    modified: datetime | None = None  #: when it became what it is, for clients that know no ETag

    @property
    def size(self) -> int:
        return len(self.body) if isinstance(self.body, bytes) else self.body.size

    async def part(self, at: int, length: int) -> bytes | memoryview:
        """At most ``length`` bytes of the body from ``at`` on."""
        if isinstance(self.body, bytes):
            return memoryview(self.body)[at : at + length]
        return await asyncio.to_thread(self.body.read, at, length)


def spooled(body: Spool, content_type: str, modified: datetime | None = None) -> Document:
    """A document of what was written to ``body``."""
    # HTTP knows whole seconds.
    return Document(body, content_type, body.etag, modified.replace(microsecond=0) if modified else None)


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
    if found.modified is not None:
        common["Last-Modified"] = format_datetime(found.modified.astimezone(UTC), usegmt=True)
    if _has_it(request, found):
        return web.Response(status=304, headers=common)
    response = web.StreamResponse(headers={**common, "Content-Type": found.content_type})
    response.content_length = found.size
    await response.prepare(request)
    if request.method != "HEAD":
        for at in range(0, found.size, SLICE):
            await response.write(await found.part(at, SLICE))
    await response.write_eof()
    return response


def _has_it(request: web.Request, found: Document) -> bool:
    """RFC 9110 § 13.1: weak comparison, ``*`` matches whatever there is; a time counts without ETags only."""
    if request.if_none_match is not None:
        return any(known.value in (found.etag, "*") for known in request.if_none_match)
    since = request.if_modified_since
    return since is not None and found.modified is not None and found.modified <= since
