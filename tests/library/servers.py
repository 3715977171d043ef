"""Media servers on loopback that answer in the shapes of the public API documents, faults included."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

TOKEN = "k3y-of-the-house"


@dataclass
class Programme:
    """What a server has, in no server's words."""

    id: str
    file: str
    title: str
    series: str = ""
    season: int | None = None
    episode: int | None = None
    last_episode: int | None = None
    year: int | None = None
    saved: int = 1_700_000_000  #: seconds since 1970
    more: dict[str, Any] = field(default_factory=dict)  #: in the server's own words


@dataclass
class Fake:
    """A server's libraries and what goes wrong with it."""

    libraries: dict[str, list[Programme]]
    faults: dict[int, list[str]] = field(default_factory=dict)  #: item at which a page starts → its faults
    asked: list[dict[str, str]] = field(default_factory=list)  #: every query for items
    now: str = "Tue, 14 Nov 2023 23:13:20 GMT"  #: what it says the time is
    base: str = ""
    shelf: dict[str, str] = field(default_factory=dict)  #: name → what it holds

    def application(self) -> web.Application:
        raise NotImplementedError

    def trusts(self, request: web.Request) -> bool:
        raise NotImplementedError

    def guarded(self, *routes: web.RouteDef) -> web.Application:
        @web.middleware
        async def guard(request: web.Request, handler: Any) -> web.StreamResponse:
            if not self.trusts(request):
                return web.Response(status=401, text="who are you?")
            response: web.StreamResponse = await handler(request)
            return response

        app = web.Application(middlewares=[guard])
        app.add_routes(routes)
        return app

    async def answer(self, request: web.Request, start: int, size: int, body: Any) -> web.StreamResponse:
        """``body``, or what the next fault of this page makes of it."""
        self.asked.append(dict(request.query))
        text = json.dumps(body)
        faults = self.faults.get(start, []) if size > 1 else []
        fault = faults.pop(0) if faults else ""
        if fault == "500":
            return web.Response(status=500, text="<h1>Internal Server Error</h1>")
        if fault == "404":
            return web.Response(status=404, text="not here")
        if fault == "redirect":
            return web.Response(status=302, headers={"Location": "http://elsewhere.example/"})
        if fault == "hang":
            await asyncio.sleep(3600)
        if fault == "malformed":
            text = text[: len(text) // 2]
        if fault == "strange":
            text = '{"Surprise": [1, 2, 3]}'
        response = web.StreamResponse(headers={"Content-Type": "application/json", "Date": self.now})
        response.content_length = len(text.encode())
        await response.prepare(request)
        if fault == "half":
            await response.write(text.encode()[: len(text) // 2])
            assert request.transport is not None
            request.transport.close()
            return response
        await response.write(text.encode())
        return response


class FakeJellyfin(Fake):
    """``/Library/MediaFolders`` and ``/Items`` as Jellyfin 10.10 and Emby 4.8 answer them."""

    def trusts(self, request: web.Request) -> bool:
        return f'Token="{TOKEN}"' in request.headers.get("Authorization", "")

    def application(self) -> web.Application:
        return self.guarded(web.get("/Library/MediaFolders", self._folders), web.get("/Items", self._items))

    async def _folders(self, request: web.Request) -> web.Response:
        folders = [
            {
                "Name": name,
                "ServerId": "5a1d",
                "Id": f"f-{name}",
                "Type": "CollectionFolder",
                "CollectionType": self.shelf.get(name, "movies"),
                "IsFolder": True,
            }
            for name in self.libraries
        ]
        return web.json_response(
            {"Items": folders, "TotalRecordCount": len(folders), "StartIndex": 0}, headers={"Date": self.now}
        )

    async def _items(self, request: web.Request) -> web.StreamResponse:
        query = request.query
        assert query["EnableUserData"] == "false", "nobody asks what was watched"
        there = self.libraries[query["ParentId"].removeprefix("f-")]
        if since := query.get("MinDateLastSaved"):
            from datetime import datetime

            there = [p for p in there if p.saved >= datetime.fromisoformat(since).timestamp()]
        start, limit = int(query["StartIndex"]), int(query["Limit"])
        body = {
            "Items": [self._item(p) for p in there[start : start + limit]],
            "TotalRecordCount": len(there),
            "StartIndex": start,
        }
        return await self.answer(request, start, limit, body)

    @staticmethod
    def _item(p: Programme) -> dict[str, Any]:
        item: dict[str, Any] = {
            "Name": p.title,
            "ServerId": "5a1d",
            "Id": p.id,
            "Path": p.file,
            "Overview": f"About {p.title}.",
            "OfficialRating": "TV-PG",
            "Genres": ["Comedy", "Drama"],
            "Tags": ["late"],
            "People": [
                {"Name": "Audrey Hepburn", "Id": "a1", "Role": "Regina", "Type": "Actor"},
                {"Name": "Stanley Donen", "Id": "a2", "Type": "Director"},
                {"Name": "Peter Stone", "Id": "a3", "Role": "Screenplay", "Type": "Writer"},
                {"Name": "Somebody", "Id": "a4", "Type": "Unknown"},
            ],
            "ProductionYear": p.year,
            "PremiereDate": "1982-09-30T00:00:00.0000000Z",
            "RunTimeTicks": 10_010_000,
            "IsFolder": False,
            "Type": "Episode" if p.series else "Movie",
            "VideoType": "VideoFile",
            "LocationType": "FileSystem",
            "MediaType": "Video",
            "MediaSources": [{"Protocol": "File", "Id": p.id, "Path": p.file, "Type": "Default"}],
        }
        if p.series:
            item |= {"SeriesName": p.series, "ParentIndexNumber": p.season, "IndexNumber": p.episode}
        if p.last_episode:
            item["IndexNumberEnd"] = p.last_episode
        return {**{k: v for k, v in item.items() if v is not None}, **p.more}


class FakeEmby(FakeJellyfin):
    def trusts(self, request: web.Request) -> bool:
        return request.headers.get("X-Emby-Token") == TOKEN


class FakePlex(Fake):
    """``/library/sections`` and ``/library/sections/N/all`` as Plex Media Server 1.41 answers them."""

    def trusts(self, request: web.Request) -> bool:
        return request.headers.get("X-Plex-Token") == TOKEN

    def application(self) -> web.Application:
        return self.guarded(
            web.get("/library/sections", self._sections), web.get("/library/sections/{key}/all", self._all)
        )

    def _type(self, name: str) -> str:
        return {"tvshows": "show", "music": "artist"}.get(self.shelf.get(name, "movies"), "movie")

    async def _sections(self, request: web.Request) -> web.Response:
        assert "json" in request.headers["Accept"], "else it answers in XML"
        sections = [
            {"key": str(n), "type": self._type(name), "title": name, "agent": "tv.plex.agents.movie"}
            for n, name in enumerate(self.libraries, 1)
        ]
        body = {"MediaContainer": {"size": len(sections), "allowSync": False, "Directory": sections}}
        return web.json_response(body, headers={"Date": self.now})

    async def _all(self, request: web.Request) -> web.StreamResponse:
        query = request.query
        name = list(self.libraries)[int(request.match_info["key"]) - 1]
        there = self.libraries[name]
        assert query["type"] == {"movie": "1", "show": "4"}[self._type(name)]
        if since := query.get("updatedAt>>"):
            there = [p for p in there if p.saved >= int(since)]
        start, size = int(query["X-Plex-Container-Start"]), int(query["X-Plex-Container-Size"])
        items = [item for p in there[start : start + size] for item in self._metadata(p)]
        container = {
            "size": len(items),
            "totalSize": len(there),
            "offset": start,
            "librarySectionTitle": name,
            "Metadata": items,
        }
        if not items:
            del container["Metadata"]
        return await self.answer(request, start, size, {"MediaContainer": container})

    @staticmethod
    def _metadata(p: Programme) -> list[dict[str, Any]]:
        part = {"id": 1, "key": "/library/parts/1/file.mkv", "duration": 1001, "file": p.file, "size": 9}
        item: dict[str, Any] = {
            "ratingKey": p.id,
            "key": f"/library/metadata/{p.id}",
            "guid": f"plex://movie/{p.id}",
            "type": "episode" if p.series else "movie",
            "title": p.title,
            "summary": f"About {p.title}.",
            "contentRating": "TV-PG",
            "year": p.year,
            "viewCount": 4,
            "lastViewedAt": 1_690_000_000,
            "originallyAvailableAt": "1982-09-30",
            "addedAt": 1_600_000_000,
            "updatedAt": p.saved,
            "Media": [{"id": 1, "duration": 1001, "container": "mkv", "Part": [part]}],
            "Genre": [{"tag": "Comedy"}, {"tag": "Drama"}],
            "Label": [{"tag": "late"}],
            "Director": [{"tag": "Stanley Donen"}],
            "Writer": [{"tag": "Peter Stone"}],
            "Role": [{"tag": "Audrey Hepburn", "role": "Regina"}],
        }
        if p.series:
            item |= {"grandparentTitle": p.series, "parentIndex": p.season, "index": p.episode}
        return [{**{k: v for k, v in item.items() if v is not None}, **p.more}]


FAKES: dict[str, type[Fake]] = {"emby": FakeEmby, "jellyfin": FakeJellyfin, "plex": FakePlex}


@contextmanager
def running(fake: Fake) -> Iterator[Fake]:
    """``fake`` on a port of its own."""
    with on_loopback(fake.application()) as fake.base:
        yield fake


@contextmanager
def on_loopback(application: web.Application) -> Iterator[str]:
    """The address of a server on a port, a loop and a thread of its own: whoever asks it blocks."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    runner = web.AppRunner(application, shutdown_timeout=0.01, handler_cancellation=True)

    async def start() -> str:
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        return f"http://127.0.0.1:{runner.addresses[0][1]}"

    try:
        yield asyncio.run_coroutine_threadsafe(start(), loop).result(30)
    finally:
        asyncio.run_coroutine_threadsafe(runner.cleanup(), loop).result(30)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(30)
        loop.close()
