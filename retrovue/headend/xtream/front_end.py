"""``/player_api.php``, ``/get.php``, ``/xmltv.php`` and the streams they lead to."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from urllib.parse import quote, urlencode

from aiohttp import web

from retrovue.clock import MasterClock
from retrovue.headend import m3u
from retrovue.headend.accounts import Account, by_password
from retrovue.headend.base_url import base_url
from retrovue.headend.documents import Document, document, reply
from retrovue.headend.gate import Gate, as_query, guards_itself
from retrovue.headend.pour import NoPicture, agent_of, peer_of, pour
from retrovue.headend.settings import HeadendSettings
from retrovue.headend.unframed import UnframedStream
from retrovue.headend.xtream import answers
from retrovue.lineup import ChannelIdent, Lineup, Viewer

#: What a refused request waits for its answer (seconds): guessing is slow.
_REFUSAL_S = 0.25
#: A form is a few words (bytes).
_LARGEST_FORM = 16 * 1024
#: Programmes of get_short_epg when it doesn't say how many, as panels have it; and at most.
_SHORT, _MOST = 4, 1000

_HEADERS = {
    "Cache-Control": "no-cache",
    "Access-Control-Allow-Origin": "*",
    "X-Content-Type-Options": "nosniff",
}

#: (base URL, what opens addresses) → the guide (XMLTV) with addresses below it that are open.
Guide = Callable[[str, str], Awaitable[Document]]


class XtreamFrontEnd:
    """Implements ``FrontEnd``. With accounts everybody needs one; without, any name and password will do for
    whoever the gate admits, because players ask for both.

    ``codes``: account's name → the token that opens other front-ends' addresses for it.
    """

    def __init__(
        self,
        lineup: Lineup,
        clock: MasterClock,
        settings: HeadendSettings,
        guide: Guide,
        codes: Mapping[str, str] | None = None,
    ) -> None:
        self._lineup, self._clock, self._settings, self._guide = lineup, clock, settings, guide
        self._accounts = [Account(name, password) for name, password in settings.accounts]
        self._gate, self._codes = Gate(clock, settings.allow), codes or {}
        self._since = clock.now()
        self._active: Counter[str] = Counter()  #: streams by name

    def routes(self) -> Iterable[web.AbstractRouteDef]:
        for path, answer in (
            ("/player_api.php", self._api),
            ("/get.php", self._playlist),
            ("/xmltv.php", self._xmltv),
        ):
            yield web.get(path, answer)
            yield web.post(path, answer)
        for path in ("/live/{name}/{password}/", "/{name}/{password}/"):
            path += r"{stream:\d{1,10}}{ending:(?:\.(?:ts|m3u8))?}"
            # aiohttp would send HEAD to the GET handler, and that starts a channel.
            yield web.get(path, self._stream, allow_head=False)
            yield web.head(path, self._stream)

    async def start(self) -> None:
        """Nothing to begin."""

    async def stop(self) -> None:
        """Nothing to end."""

    async def _admits(self, request: web.Request, name: str, password: str) -> bool:
        if self._accounts:
            admitted = by_password(self._accounts, name, password) is not None
        else:
            admitted = self._gate.admits_all(request)
        if not admitted:
            await self._clock.wait(_REFUSAL_S)
        return admitted

    # --- documents ---

    @guards_itself
    async def _api(self, request: web.Request) -> web.StreamResponse:
        said = await _said(request)
        name, password = _who(said)
        if not await self._admits(request, name, password):
            return _json(answers.REFUSED)
        action, channels = said.get("action", ""), self._lineup.channels()
        station, base = self._lineup.status().name, self._base(request)
        if action in answers.NOTHING:
            return _json(answers.NOTHING[action])
        if action == "get_live_categories":
            return _json(answers.live_categories(channels, station))
        if action == "get_live_streams":
            category = said.get("category_id", "")
            icons = partial(answers.icon, base, self._opened(name))
            return _json(answers.live_streams(channels, station, icons, self._since, category))
        if action in ("get_short_epg", "get_simple_data_table"):
            return _json(self._epg(said, short=action == "get_short_epg"))
        # Without an action, and for one that is not known: who one is, as panels answer.
        now, active = self._clock.now(), self._active[name]
        return _json(answers.login(name, password, base, now, self._since, active))

    def _epg(self, said: dict[str, str], *, short: bool) -> answers.Json:
        """From what is on now; all there is, or the next few."""
        channel, now = self._find(said.get("stream_id", "")), self._clock.now()
        if channel is None:
            return {"epg_listings": []}
        limit = said.get("limit", "")
        count = min(int(limit), _MOST) if limit.isascii() and limit.isdigit() and len(limit) < 7 else 0
        end = self._lineup.guide_end()
        entries = self._lineup.guide(channel.id, now, end)
        return answers.epg(channel, entries[: count or _SHORT] if short else entries, now)

    @guards_itself
    async def _playlist(self, request: web.Request) -> web.StreamResponse:
        said = await _said(request)
        name, password = _who(said)
        if not await self._admits(request, name, password):
            return _error(403)
        base = self._base(request)
        ending = "m3u8" if said.get("output") in ("hls", "m3u8") else "ts"
        stream = partial(_address, name, password, ending)
        if said.get("type") == "m3u_plus":
            query = urlencode({"username": name, "password": password}, quote_via=quote)
            guide = f"{base}/xmltv.php?{query}"
            text = m3u.m3u(self._lineup.channels(), base, self._opened(name), stream=stream, guide=guide)
        else:
            text = m3u.bare(self._lineup.channels(), base, stream)
        headers = {"Content-Disposition": 'attachment; filename="channels.m3u"'}
        return await reply(request, document(text.encode(), m3u.CONTENT_TYPE), headers=headers)

    @guards_itself
    async def _xmltv(self, request: web.Request) -> web.StreamResponse:
        name, password = _who(await _said(request))
        if not await self._admits(request, name, password):
            return _error(403)
        return await reply(request, await self._guide(self._base(request), self._opened(name)))

    # --- streams ---

    @guards_itself
    async def _stream(self, request: web.Request) -> web.StreamResponse:
        name, password = request.match_info["name"], request.match_info["password"]
        if not await self._admits(request, name, password):
            return _error(403)
        channel = self._find(request.match_info["stream"])
        if channel is None:
            return _error(404)
        if request.match_info["ending"] == ".m3u8":
            # Panels redirect, too; everybody who watches by HLS then shares one playlist and its segments.
            location = f"/hls/{channel.number}.m3u8{self._opened(name)}"
            return web.Response(status=302, headers={**_HEADERS, "Location": location})
        response = UnframedStream(headers={**_HEADERS, "Content-Type": "video/mp2t", "Connection": "close"})
        response.force_close()
        if request.method == "HEAD":
            return response
        address, port = peer_of(request)
        viewer = Viewer("xtream", f"{address}:{port}", agent_of(request), {"name": name})

        @contextmanager
        def counting() -> Iterator[None]:
            self._active[name] += 1
            try:
                yield
            finally:
                self._active[name] -= 1
                self._active += Counter()  # forgets who has left

        try:
            return await pour(request, response, self._lineup, self._clock, channel.id, viewer, counting)
        except NoPicture:
            return _error(503)

    # --- what both need ---

    def _base(self, request: web.Request) -> str:
        return base_url(request, self._settings.external_url)

    def _opened(self, name: str) -> str:
        """What ends the addresses of other front-ends, so that they are open to this account."""
        code = self._codes.get(name)
        return as_query(code) if code else ""

    def _find(self, stream: str) -> ChannelIdent | None:
        return next((c for c in self._lineup.channels() if str(c.vchannel) == stream), None)


def _address(name: str, password: str, ending: str, base: str, channel: ChannelIdent, _: str) -> str:
    return answers.stream_address(base, name, password, channel, ending)


async def _said(request: web.Request) -> dict[str, str]:
    """The query, and the form that IPTV Smarters and others post instead."""
    said = dict(request.query)
    if request.method == "POST" and (request.content_length or 0) <= _LARGEST_FORM:
        form = await request.post()
        said |= {name: value for name, value in form.items() if isinstance(value, str)}
    return said


def _who(said: dict[str, str]) -> tuple[str, str]:
    """Name and password; a stand-in where there is none, because both become parts of paths."""
    return said.get("username") or "guest", said.get("password") or "guest"


def _json(value: object) -> web.Response:
    body = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    return web.Response(body=body, content_type="application/json", charset="utf-8", headers=_HEADERS)


def _error(status: int) -> web.Response:
    """Without a body: a player would take that for video."""
    return web.Response(status=status, headers=_HEADERS)
