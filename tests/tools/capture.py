"""Take a stream off the wire as a viewer does, with the time each portion arrived."""

from __future__ import annotations

import http.client
import time
from collections.abc import Generator
from urllib.parse import urlsplit


class Refused(OSError):
    """The server answered, but not with a stream."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(f"HTTP {status} {reason}".rstrip())
        self.status = status


def capture(url: str, seconds: float, *, timeout: float = 20.0) -> Generator[tuple[bytes, float]]:
    """(bytes, arrival) of an HTTP stream for ``seconds`` after its first byte.

    Arrivals are Unix time, anchored once and then monotonic, so that a step of the host's clock does
    not look like jitter. Raises ``OSError`` (``Refused`` for a status that is not 200, ``TimeoutError``
    after ``timeout`` seconds of silence); ends early when the server ends the stream.
    """
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port or 80, timeout=timeout)
    anchor = time.time() - time.monotonic()
    try:
        connection.request("GET", parts.path + (f"?{parts.query}" if parts.query else ""))
        response = connection.getresponse()
        if response.status != 200:
            raise Refused(response.status, response.headers.get("X-HDHomeRun-Error", response.reason))
        end: float | None = None
        while data := response.read1(1 << 18):
            now = time.monotonic()
            yield data, anchor + now
            end = now + seconds if end is None else end
            if now >= end:
                return
    finally:
        connection.close()
