"""The guide's front-end: XMLTV, the M3U playlist and the pictures both point to."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Iterable

from aiohttp import web

from retrovue.clock import MasterClock
from retrovue.headend import m3u
from retrovue.headend.base_url import base_url
from retrovue.headend.documents import SLICE, Document, Spool, document, reply, spooled
from retrovue.headend.gate import carried, opened_by_token
from retrovue.headend.picture_size import picture_size
from retrovue.headend.settings import HeadendSettings
from retrovue.headend.xmltv import Size, XmltvWriter
from retrovue.lineup import ArtworkRef, ChannelIdent, Lineup

#: A station is known by few addresses (name, IPv4, IPv6); more are not worth their memory.
_KEPT = 4

#: A logo is the owner's file: even an SVG with a script in it must not run in the station's origin.
_PICTURE_HEADERS = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox"}

_Key = tuple[str, str, str, str, tuple[ChannelIdent, ...]]


class GuideFrontEnd:
    """``/xmltv.xml``, ``/xmltv.xml.gz``, ``/channels.m3u`` (``/playlist.m3u``) and ``/artwork/…``.

    The guide is written once for each publication and address, then sent from a file.
    """

    def __init__(self, lineup: Lineup, clock: MasterClock, settings: HeadendSettings) -> None:
        self._lineup, self._clock, self._settings = lineup, clock, settings
        self._written: dict[_Key, Document] = {}
        self._packed: dict[str, Document] = {}  # by the ETag of what is packed
        self._writing = asyncio.Lock()

    def routes(self) -> Iterable[web.AbstractRouteDef]:
        return (
            web.get("/xmltv.xml", self._xmltv),
            web.get("/xmltv.xml.gz", self._xmltv_gz),
            web.get("/channels.m3u", self._m3u),
            web.get("/playlist.m3u", self._m3u),
            web.get("/artwork/{ref:.+}", self._artwork),
        )

    async def start(self) -> None:
        """Nothing to begin: the guide is written when it is first asked for."""

    async def stop(self) -> None:
        self._written.clear()
        self._packed.clear()

    def _base(self, request: web.Request) -> str:
        return base_url(request, self._settings.external_url)

    @opened_by_token
    async def _xmltv(self, request: web.Request) -> web.StreamResponse:
        return await reply(request, await self.document(self._base(request), carried()))

    @opened_by_token
    async def _xmltv_gz(self, request: web.Request) -> web.StreamResponse:
        plain = await self.document(self._base(request), carried())
        async with self._writing:
            packed = self._packed.get(plain.etag)
            if packed is None:
                # No Content-Encoding: clients unpack by the address's ending (Jellyfin does).
                body = await _gzip(plain)
                packed = Document(body, "application/gzip", f"{plain.etag}-gz", plain.modified)
                live = {kept.etag for kept in self._written.values()}
                self._packed = {etag: kept for etag, kept in self._packed.items() if etag in live}
                self._packed[plain.etag] = packed
        return await reply(request, packed)

    @opened_by_token
    async def _m3u(self, request: web.Request) -> web.StreamResponse:
        text = m3u.m3u(self._lineup.channels(), self._base(request), carried())
        return await reply(request, document(text.encode(), m3u.CONTENT_TYPE))

    @opened_by_token
    async def _artwork(self, request: web.Request) -> web.StreamResponse:
        asked = request.query.get("width", "")
        width = int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 6 else 0
        if "width" in request.query and not width:
            return web.Response(status=400)
        picture = await self._lineup.picture(ArtworkRef(request.match_info["ref"]), width or None)
        if picture is None:
            return web.Response(status=404)
        kind = picture.content_type
        found = document(picture.data, kind if kind.startswith("image/") else "application/octet-stream")
        return await reply(request, found, cache="public, max-age=3600", headers=_PICTURE_HEADERS)

    def _key(self, base: str, query: str) -> _Key:
        # Names and numbers may change by a reload that leaves every programme as it was.
        name = self._lineup.status().name
        return (self._lineup.guide_etag(), base, query, name, tuple(self._lineup.channels()))

    async def document(self, base: str, query: str = "") -> Document:
        """The guide with addresses below ``base`` that end with ``query``; written by whoever asks first,
        while the others wait."""
        async with self._writing:
            key = self._key(base, query)
            while (found := self._written.get(key)) is None:
                written = await self._write(key)
                now_published = self._key(base, query)
                if now_published == key:
                    self._keep(key, written)
                key = now_published
            return found

    async def _write(self, key: _Key) -> Document:
        """A channel at a time, on a thread: the picture on the air shares this loop and must not wait for a
        whole guide."""
        _, base, query, name, channels = key
        now, end = self._clock.now(), self._lineup.guide_end()
        sizes = await asyncio.to_thread(self._sizes, channels)
        writer, body = XmltvWriter(base, name, query, sizes), Spool()

        def add(channel: ChannelIdent) -> None:
            body.write(writer.programmes(channel, self._lineup.guide(channel.id, now, end)))

        await asyncio.to_thread(lambda: body.write(writer.head(channels)))
        for channel in channels:
            await asyncio.to_thread(add, channel)
        await asyncio.to_thread(lambda: body.write(writer.foot()))
        return spooled(body, "application/xml; charset=utf-8", now)

    def _sizes(self, channels: Iterable[ChannelIdent]) -> dict[ArtworkRef, Size]:
        """Of the logos. Blocks: reads them."""
        refs = [channel.logo for channel in channels if channel.logo is not None]
        pictures = {ref: self._lineup.artwork(ref) for ref in refs}
        sizes = {ref: picture_size(picture.data) for ref, picture in pictures.items() if picture is not None}
        return {ref: size for ref, size in sizes.items() if size is not None}

    def _keep(self, key: _Key, written: Document) -> None:
        self._written = {k: kept for k, kept in self._written.items() if k[0] == key[0]}
        while len(self._written) >= _KEPT:
            del self._written[next(iter(self._written))]
        self._written[key] = written


async def _gzip(plain: Document) -> Spool:
    """The body, packed; byte for byte the same each time."""
    packed, packer = Spool(), zlib.compressobj(6, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
    for at in range(0, plain.size, SLICE):
        part = await plain.part(at, SLICE)
        await asyncio.to_thread(lambda p=part: packed.write(packer.compress(p)))  # type: ignore[misc]  # mypy can't infer a lambda with a default
    await asyncio.to_thread(lambda: packed.write(packer.flush()))
    return packed
