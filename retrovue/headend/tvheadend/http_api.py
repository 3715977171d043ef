"""Tvheadend's HTTP: the JSON API, playlists, streams, the guide and its pictures, behind its own port.

Paths, parameters and types are a real server's. Whoever may come in is decided in one place, before any
handler.
"""

from __future__ import annotations

import asyncio
import html
import json
import logging
import os
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import replace
from urllib.parse import urlencode

from aiohttp import web

from retrovue.headend.accounts import Account
from retrovue.headend.addresses import plain
from retrovue.headend.base_url import base_url, renamed
from retrovue.headend.documents import Document, Spool, reply, spooled
from retrovue.headend.faults import OurFaults
from retrovue.headend.pour import Meter, NoPicture, agent_of, pour
from retrovue.headend.tvheadend import playlists, routes
from retrovue.headend.tvheadend.backend import Backend, Peer
from retrovue.headend.tvheadend.directory import Listed, Tag
from retrovue.headend.tvheadend.http_auth import NOTHING, HttpAuth, Shown
from retrovue.headend.tvheadend.xmltv import GuideWriter
from retrovue.headend.unframed import UnframedStream
from retrovue.lineup import Artwork, ArtworkRef, ChannelIdent, Viewer

log = logging.getLogger(__name__)
log.addFilter(OurFaults())

#: What a request with wrong credentials waits for its answer (seconds): guessing is slow.
_REFUSAL_S = 0.25
#: A form is a few words (bytes).
_LARGEST_FORM = 64 * 1024
#: Guides kept: each costs its bytes.
_KEPT = 4

_HEADERS = {"Server": "HTS/tvheadend", "Cache-Control": "no-cache"}
#: Players that follow no playlist get the stream itself from /play.
_BARE_PLAYERS = ("curl/", "wget/", "mplayer", "lavf/", "tvheadend/", "shoutcastsource")
#: A logo is the owner's file: even an SVG with a script in it must not run here.
_PICTURE_HEADERS = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox"}
#: Paths that a code opens; the API is not among them.
_BY_CODE = ("/stream/", "/playlist", "/play/", "/xmltv", "/imagecache/", "/artwork/")

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
#: Whose request this is; None: nobody was asked, or a ticket opened it.
_account: ContextVar[Account | None] = ContextVar("account", default=None)


class HttpApi:
    """The handlers. One application, one port."""

    def __init__(self, backend: Backend, auth: HttpAuth) -> None:
        self._backend, self._auth = backend, auth
        self._guides: dict[tuple[object, ...], Document] = {}
        self._writing = asyncio.Lock()

    def application(self) -> web.Application:
        app = web.Application(middlewares=[self._gate], client_max_size=_LARGEST_FORM)
        app.add_routes(self._routes())
        return app

    def _routes(self) -> Iterable[web.AbstractRouteDef]:
        yield web.get("/ping", self._ping)
        yield web.get("/", self._page)
        yield web.get("/status.xml", self._status)
        yield web.get("/state", self._state)
        yield web.get("/api/{path:.+}", self._api)
        yield web.post("/api/{path:.+}", self._api)
        yield web.get("/playlist", self._to_channels)
        yield web.get("/playlist/{rest:.*}", self._playlist)
        yield web.get("/play/{rest:.*}", self._play)
        yield web.get("/xmltv", self._to_channels)
        yield web.get("/xmltv/{rest:.*}", self._xmltv)
        yield web.get(r"/imagecache/{number:\d{1,10}}", self._image)
        yield web.get("/artwork/{ref:.+}", self._artwork)
        # aiohttp would send HEAD to the GET handler, and that starts a channel.
        yield web.get("/stream/{kind}/{word}", self._stream, allow_head=False)
        yield web.head("/stream/{kind}/{word}", self._ask)

    # --- who comes in ---

    @web.middleware
    async def _gate(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        # A connection carries one request after the other, through a proxy perhaps of several people.
        _account.set(None)
        try:
            if request.method == "OPTIONS":
                return web.Response(headers={**_HEADERS, "Allow": "GET, HEAD, POST, OPTIONS"})
            shown = self._shown(request)
            if request.path != "/ping" and not self._admitted(request, shown.account):
                return await self._refuse(request, stale=shown.stale)
            return await handler(request)
        except web.HTTPException as refused:
            if refused.status < 400:
                raise
            return _error(refused.status, refused.reason)

    def _shown(self, request: web.Request) -> Shown:
        header = request.headers.get("Authorization")
        if header is None or self._backend.access.open:
            return NOTHING
        return self._auth.by_header(request.method, request.raw_path, header)

    def _admitted(self, request: web.Request, account: Account | None) -> bool:
        access = self._backend.access
        if access.open:
            return access.admits_all(request)
        if account is None and (code := request.query.get("auth")) and request.path.startswith(_BY_CODE):
            account = self._auth.by_code(code)
        if account is not None:
            _account.set(account)
            return True
        ticket = request.query.get("ticket")
        return ticket is not None and access.ticket_opens(request.path, ticket)

    async def _refuse(self, request: web.Request, *, stale: bool) -> web.StreamResponse:
        guessed = "Authorization" in request.headers or {"auth", "ticket"} & request.query.keys()
        if guessed and not stale:
            await self._backend.clock.wait(_REFUSAL_S)
        if self._backend.access.open:
            return _error(403, "Forbidden")
        response = _error(401, "Unauthorized")
        for challenge in self._auth.challenges(stale=stale):
            response.headers.add("WWW-Authenticate", challenge)
        return response

    # --- documents ---

    async def _ping(self, _: web.Request) -> web.Response:
        return _text("PONG\n", "text/plain")

    async def _page(self, _: web.Request) -> web.Response:
        name = html.escape(self._backend.network)
        return _text(
            f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{name}</title></head><body>'
            f"<h1>{name}</h1><p>This port speaks as a Tvheadend server does, for programs: "
            '<a href="/playlist/channels">playlist</a>, <a href="/xmltv/channels">guide</a>. '
            "The station's own page is on its other port.</p></body></html>\n",
            "text/html; charset=UTF-8",
        )

    async def _status(self, _: web.Request) -> web.Response:
        count = len(self._backend.watching)
        load = ",".join(f"{average:f}" for average in os.getloadavg())
        return _text(
            f'<?xml version="1.0"?>\n<currentload>\n<systemload>{load}</systemload>\n'
            f"<recordings>\n</recordings>\n<subscriptions>{count}</subscriptions>\n</currentload>\n",
            "text/xml",
        )

    async def _state(self, _: web.Request) -> web.Response:
        """The channels for people, and how many watch each."""
        watched = Counter(one.listed.number for one in self._backend.watching)
        lines = [f"Tvheadend {self._backend.version}", "", "Channels", "-" * 46]
        for one in self._backend.directory.channels.values():
            picture = one.ident.logo
            icon = f"imagecache/{self._backend.images.number(picture)}" if picture else "<none set>"
            lines += (
                f"{one.ident.name} ({one.number})",
                f"  refcount = {watched[one.number]}",
                f"  number = {one.ident.number}",
                f"  icon = {icon}",
                "",
            )
        return _text("\n".join(lines) + "\n", "text/plain; charset=UTF-8")

    async def _api(self, request: web.Request) -> web.Response:
        arguments = dict(request.query)
        if request.method == "POST" and request.content_type == "application/x-www-form-urlencoded":
            form = await request.post()
            arguments |= {name: value for name, value in form.items() if isinstance(value, str)}
        path = request.match_info["path"].rstrip("/")
        if path in routes.WRITES:
            raise web.HTTPForbidden(reason=routes.NO_RECORDINGS)
        if path in routes.ON_A_THREAD:
            found = await asyncio.to_thread(routes.answer, self._backend, path, arguments)
        else:
            found = routes.answer(self._backend, path, arguments)
        if found is None:
            raise web.HTTPNotFound
        body = json.dumps(found, ensure_ascii=False, separators=(",", ":"))
        return _text(body, "application/json; charset=UTF-8")

    async def _to_channels(self, request: web.Request) -> web.Response:
        query = f"?{request.query_string}" if request.query_string else ""
        raise web.HTTPFound(f"{request.path}/channels{query}")

    async def _playlist(self, request: web.Request) -> web.Response:
        prefix, kind, word = _parsed(request.match_info["rest"])
        base, query = self._base(request), self._query(request, prefix)
        if kind == "tags":
            tags = self._backend.directory.tags.values()
            written = playlists.tags(tags, base, query, f"/{prefix}" if prefix else "")
            return _text(written, playlists.M3U_TYPE)
        listed = self._selected(kind, word)
        if prefix == "e2":
            name = self._backend.settings.friendly_name
            return _text(playlists.enigma(listed, base, name, query), playlists.E2_TYPE)
        written = playlists.channels(listed, base, self._logo(base, query), query)
        return _text(written, playlists.M3U_TYPE)

    def _query(self, request: web.Request, prefix: str) -> playlists.Query:
        """How the addresses of a playlist open: by themselves, by a ticket, by the account's code."""
        profile = request.query.get("profile", "pass")[:32]
        access, account = self._backend.access, _account.get()

        def query(path: str) -> str:
            words = {"profile": profile}
            if prefix == "ticket":
                words = {"ticket": access.ticket(path), **words}
            elif prefix == "auth" and account is not None:
                words = {"auth": self._auth.code(account), **words}
            return "?" + urlencode(words)

        return query

    def _logo(self, base: str, query: playlists.Query) -> Callable[[Listed], str]:
        def address(one: Listed) -> str:
            if one.ident.logo is None:
                return ""
            path = f"/imagecache/{self._backend.images.number(one.ident.logo)}"
            # In the open nothing has to be opened.
            return base + path + ("" if self._backend.access.open else query(path))

        return address

    async def _xmltv(self, request: web.Request) -> web.StreamResponse:
        prefix, kind, word = _parsed(request.match_info["rest"] or "channels")
        if prefix not in ("", "auth"):
            raise web.HTTPBadRequest
        listed = self._selected(kind, word)
        lcn = request.query.get("lcn", "") not in ("", "0")
        base, code = self._base(request), request.query.get("auth", "")
        key = (self._backend.lineup.guide_etag(), base, lcn, code, self._backend.network, tuple(listed))
        async with self._writing:
            found = self._guides.get(key)
            if found is None:
                found = await self._write_guide(listed, self._picture(base, code), lcn)
                self._guides = {k: kept for k, kept in self._guides.items() if k[0] == key[0]}
                while len(self._guides) >= _KEPT:
                    del self._guides[next(iter(self._guides))]
                self._guides[key] = found
        return await reply(request, found, headers=_HEADERS)

    def _picture(self, base: str, code: str) -> Callable[[ArtworkRef], str]:
        """Addresses of pictures. Whoever has the guide by a code has its pictures by it."""
        query = f"?{urlencode({'auth': code})}" if code and not self._backend.access.open else ""
        return lambda ref: f"{base}/imagecache/{self._backend.images.number(ref)}{query}"

    async def _write_guide(
        self, listed: Sequence[Listed], picture: Callable[[ArtworkRef], str], lcn: bool
    ) -> Document:
        """On a thread, a channel at a time: the picture on the air shares this loop."""
        lineup, now = self._backend.lineup, self._backend.clock.now()
        # The playlist's tvg-id is the channel's uuid, so the guide's is, too.
        idents = [replace(one.ident, guide_id=one.uuid) for one in listed]
        name, version = self._backend.settings.friendly_name, self._backend.version
        writer, body = GuideWriter(name, version, picture, lcn=lcn), Spool()

        def add(ident: ChannelIdent) -> None:
            body.write(writer.programmes(ident, lineup.guide(ident.id, now, lineup.guide_end())))

        await asyncio.to_thread(lambda: body.write(writer.head(idents)))
        for ident in idents:
            await asyncio.to_thread(add, ident)
        await asyncio.to_thread(lambda: body.write(writer.foot()))
        return spooled(body, "text/xml")

    async def _image(self, request: web.Request) -> web.Response:
        ref = self._backend.images.ref(int(request.match_info["number"]))
        return _picture(await self._backend.lineup.picture(ref) if ref is not None else None)

    async def _artwork(self, request: web.Request) -> web.Response:
        return _picture(await self._backend.lineup.picture(ArtworkRef(request.match_info["ref"])))

    # --- what a path means ---

    def _selected(self, kind: str, word: str) -> list[Listed]:
        """The channels of a playlist or a guide. Raises 400 when there are none such, as Tvheadend does."""
        channels = self._backend.directory.channels
        if kind in ("", "channels") and not word:
            return list(channels.values())
        if (tag := self._tag(kind, word)) is not None:
            return [channels[number] for number in tag.members]
        if (one := self._channel(kind, word)) is not None:
            return [one]
        raise web.HTTPBadRequest

    def _tag(self, kind: str, word: str) -> Tag | None:
        ways: dict[str, Callable[[Tag], bool]] = {
            "tagid": lambda tag: str(tag.number) == word,
            "tagname": lambda tag: tag.name == word,
            "tag": lambda tag: word in (tag.uuid, tag.name),
        }
        way = ways.get(kind)
        return next(filter(way, self._backend.directory.tags.values()), None) if way else None

    def _channel(self, kind: str, word: str) -> Listed | None:
        ways: dict[str, Callable[[Listed], bool]] = {
            "channelid": lambda one: str(one.number) == word,
            "channelnumber": lambda one: one.ident.number == word,
            "channelname": lambda one: one.ident.name == word,
            "channel": lambda one: word in (one.uuid, one.ident.name),
            "service": lambda one: one.service_uuid == word,
            "mux": lambda one: one.mux_uuid == word,
        }
        way = ways.get(kind)
        return next(filter(way, self._backend.directory.channels.values()), None) if way else None

    def _base(self, request: web.Request) -> str:
        """As the client reaches us, by the name that the station has outside. The port is as the client says:
        a container's may be mapped to another. A proxy in between says whether it was encrypted."""
        base = renamed(base_url(request), self._backend.settings.external_url)
        if request.headers.get("X-Forwarded-Proto", "").lower() == "https":
            base = "https://" + base.partition("://")[2]
        return base

    # --- streams ---

    async def _play(self, request: web.Request) -> web.StreamResponse:
        """A playlist of one stream, for a browser to hand to a player."""
        prefix, kind, word = _parsed(request.match_info["rest"])
        if kind != "stream":
            raise web.HTTPBadRequest
        kind, _, word = word.partition("/")
        one = self._channel(kind, word)
        if one is None:
            raise web.HTTPBadRequest
        agent = request.headers.get("User-Agent", "").casefold()
        if not agent or agent.startswith(_BARE_PLAYERS):
            return await self._watch(request, one)
        base, query = self._base(request), self._query(request, prefix)
        return _text(playlists.channels([one], base, self._logo(base, query), query), playlists.M3U_TYPE)

    async def _ask(self, request: web.Request) -> web.StreamResponse:
        """HEAD: what GET would say of the channel; starts nothing."""
        self._found(request)
        return _unframed()

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        return await self._watch(request, self._found(request))

    def _found(self, request: web.Request) -> Listed:
        one = self._channel(request.match_info["kind"], request.match_info["word"])
        if one is None:
            raise web.HTTPBadRequest
        return one

    async def _watch(self, request: web.Request, one: Listed) -> web.StreamResponse:
        peer, agent = _peer(request), agent_of(request)
        account = _account.get()
        viewer = Viewer("tvheadend", f"{peer.address}:{peer.port}", agent)
        profile = request.query.get("profile", "pass")[:32]
        user = account.name if account is not None else ""
        backend, clock = self._backend, self._backend.clock

        @contextmanager
        def counting() -> Iterator[Meter]:
            with backend.watched("HTTP", one, peer, user, agent, profile) as watching:
                yield Meter(
                    lambda count: watching.received.add(count, clock.elapsed()),
                    lambda count: watching.sent.add(count, clock.elapsed()),
                )

        try:
            return await pour(request, _unframed(), backend.lineup, clock, one.ident.id, viewer, counting)
        except NoPicture as refused:
            return _error(503, str(refused))


def _error(status: int, reason: str) -> web.Response:
    """An error page as Tvheadend shows it."""
    title = html.escape(f"{status} {reason}")
    head = '<!DOCTYPE HTML PUBLIC "-//IETF//DTD HTML 2.0//EN">\n<HTML><HEAD>\n'
    response = _text(
        f"{head}<TITLE>{title}</TITLE>\n</HEAD><BODY>\n<H1>{title}</H1>\n</BODY></HTML>\n", "text/html"
    )
    response.set_status(status)
    return response


def _text(text: str, content_type: str) -> web.Response:
    headers = {**_HEADERS, "Content-Type": content_type, "X-Content-Type-Options": "nosniff"}
    return web.Response(body=text.encode(), headers=headers)


def _picture(found: Artwork | None) -> web.Response:
    if found is None:
        raise web.HTTPNotFound
    kind = found.content_type
    kind = kind if kind.startswith("image/") else "application/octet-stream"
    headers = {**_HEADERS, "X-Content-Type-Options": "nosniff", "Content-Type": kind, **_PICTURE_HEADERS}
    return web.Response(body=found.data, headers=headers)


def _unframed() -> UnframedStream:
    response = UnframedStream(headers={**_HEADERS, "Content-Type": "video/mp2t", "Connection": "close"})
    response.force_close()
    return response


def _parsed(rest: str) -> tuple[str, str, str]:
    """``auth/channelid/7`` → prefix, kind, word. An ending .m3u or .m3u8 means nothing."""
    prefix, slash, more = rest.partition("/")
    if prefix in ("auth", "ticket", "e2", "satip") and slash:
        rest = more
    else:
        prefix = ""
    kind, _, word = rest.partition("/")
    if not word:
        kind = kind.removesuffix(".m3u8").removesuffix(".m3u")
    return prefix, kind, word


def _peer(request: web.Request) -> Peer:
    wire = request.transport
    theirs = wire.get_extra_info("peername") if wire else None
    ours = wire.get_extra_info("sockname") if wire else None
    if not theirs or not ours:
        return Peer(request.remote or "", 0)
    return Peer(plain(theirs[0]), theirs[1], plain(ours[0]))
