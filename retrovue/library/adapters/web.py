"""A server that answers in JSON: asks it, asks again when that may help, says in words what went wrong."""

from __future__ import annotations

import json
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from retrovue.clock import MasterClock
from retrovue.errors import RetroVueError

if TYPE_CHECKING:
    import aiohttp

#: A longer answer (bytes) is none that was asked for.
MOST_BYTES = 64_000_000
#: Seconds before it is asked again, each time longer: a server that starts or is busy soon answers.
WAITS_S = (0.5, 2.0)


class Trouble(RetroVueError):
    """An answer that can't be used; ``code`` is that of the finding."""

    def __init__(self, code: str, message: str, help: str = "", again: bool = False) -> None:
        super().__init__(message, help)
        self.code = code
        self.again = again  #: may the next try do better?


class Server:
    """One server, for the time of one visit (``async with``). What is sent in headers is in no message."""

    def __init__(
        self,
        base: str,
        headers: Mapping[str, str],
        clock: MasterClock,
        timeout_s: float,
        certificate: Path | None = None,
    ) -> None:
        self.base = base.rstrip("/")
        self._headers = {"Accept": "application/json", **headers}
        self._clock = clock
        self._timeout_s = timeout_s
        self._certificate = certificate
        self._session: aiohttp.ClientSession | None = None
        #: The server's own time of its newest answer, in seconds since 1970; None: it doesn't say.
        self.time_s: int | None = None

    async def __aenter__(self) -> Self:
        import aiohttp

        connector = None
        if self._certificate is not None:
            import ssl

            try:
                trusted = ssl.create_default_context(cafile=str(self._certificate))
            except OSError as error:
                raise Trouble(
                    "server-unreachable",
                    f"the certificate {self._certificate} can't be used: {error.strerror}",
                ) from None
            connector = aiohttp.TCPConnector(ssl=trusted)
        self._session = aiohttp.ClientSession(
            connector=connector,
            headers=self._headers,
            timeout=aiohttp.ClientTimeout(total=None),  # the clock's deadline is the time-out
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()

    async def get(self, path: str, query: Mapping[str, str | int] | None = None) -> Any:
        """The JSON at ``path``. Raises ``Trouble``."""
        for wait_s in (*WAITS_S, None):
            try:
                return await self._once(path, query or {})
            except Trouble as trouble:
                if wait_s is None or not trouble.again:
                    raise
            await self._clock.wait(wait_s)
        raise AssertionError("the last try returns or raises")

    async def _once(self, path: str, query: Mapping[str, str | int]) -> Any:
        import aiohttp

        assert self._session is not None, "inside `async with`"
        try:
            async with (
                self._clock.deadline(self._timeout_s),
                # A redirection could take the token to another host.
                self._session.get(f"{self.base}{path}", params=query, allow_redirects=False) as response,
            ):
                self._refuse(response)
                body = bytearray()
                async for chunk in response.content.iter_chunked(1 << 16):
                    body += chunk
                    if len(body) > MOST_BYTES:
                        raise Trouble(
                            "server-damaged", f"{path}: the answer is larger than {MOST_BYTES} bytes"
                        )
                if date := response.headers.get("Date"):
                    self.time_s = _seconds(date)
        except TimeoutError:
            raise Trouble(
                "server-timeout",
                f"{path}: no answer within {self._timeout_s:g} s",
                help="is the server busy? source.timeout gives it longer",
                again=True,
            ) from None
        except aiohttp.ClientPayloadError:
            raise Trouble(
                "server-short", f"{path}: the answer breaks off in the middle", again=True
            ) from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise Trouble(
                "server-unreachable",
                f"{path}: can't reach {self.base}: {reason(error)}",
                help="is the server running, and is source.url right?",
                again=True,
            ) from None
        try:
            return json.loads(body)
        except (ValueError, RecursionError):
            raise Trouble(
                "server-damaged", f"{path}: the answer is no JSON", "is source.url right?", again=True
            ) from None

    def _refuse(self, response: aiohttp.ClientResponse) -> None:
        status, path = response.status, response.url.path
        said = f"{path}: the server answers {status} {response.reason or ''}".rstrip()
        if status in (401, 403):
            raise Trouble("server-refused", said, "is source.token the right one, and may its user see all?")
        if status >= 500 or status == 429:
            raise Trouble("server-error", said, "the server's own log says why", again=True)
        if status != 200:
            raise Trouble("server-error", said, "is source.url right?")


def reason(error: Exception) -> str:
    """What an error says, whether or not it says anything."""
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def _seconds(date: str) -> int | None:
    try:
        return int(parsedate_to_datetime(date).timestamp())
    except (ValueError, TypeError):
        return None
