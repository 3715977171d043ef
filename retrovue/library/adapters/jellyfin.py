"""Jellyfin and Emby: one API in two dialects, by the public documents of both (``/Items``)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, ClassVar, Literal
from urllib.parse import quote

from pydantic import BaseModel

from retrovue.credits import credited
from retrovue.library.adapters.media_server import (
    Item,
    Library,
    MediaServerAdapter,
    Page,
    ServerSettings,
    page_of,
)
from retrovue.library.adapters.web import Server

#: Items that are a picture of their own; series, seasons and box sets only hold them.
_TYPES = "Movie,Episode,Video,MusicVideo"
_FIELDS = "Path,MediaSources,Overview,Genres,Tags,People"
#: What people are credited for, in these servers' words.
_JOBS = {
    "Actor": "actor",
    "GuestStar": "guest",
    "Director": "director",
    "Writer": "writer",
    "Producer": "producer",
    "Composer": "composer",
    "Editor": "editor",
}
#: Libraries without moving pictures.
_OTHERS = frozenset({"music", "books", "photos", "audiobooks", "livetv", "playlists", "boxsets"})


class JellyfinSettings(ServerSettings):
    """Libraries of a Jellyfin server."""

    kind: Literal["jellyfin"] = "jellyfin"
    """Which adapter: a Jellyfin server."""


class EmbySettings(ServerSettings):
    """Libraries of an Emby server."""

    kind: Literal["emby"] = "emby"
    """Which adapter: an Emby server."""


class JellyfinAdapter(MediaServerAdapter):
    """Asks a Jellyfin server with an API key of its dashboard."""

    settings_model: ClassVar[type[BaseModel]] = JellyfinSettings

    def headers(self, token: str) -> Mapping[str, str]:
        return {"Authorization": f'MediaBrowser Client="RetroVue", Token="{quote(token)}"'}

    async def libraries(self, server: Server) -> list[Library]:
        answer = await server.get("/Library/MediaFolders")
        return [
            Library(one["Id"], one["Name"], kind or "mixed")
            for one in answer["Items"]
            if (kind := one.get("CollectionType")) not in _OTHERS
        ]

    async def page(
        self, server: Server, library: Library, start: int, limit: int, since_s: int | None
    ) -> Page:
        query: dict[str, str | int] = {
            "ParentId": library.id,
            "Recursive": "true",
            "IncludeItemTypes": _TYPES,
            "ExcludeLocationTypes": "Virtual",
            "Fields": _FIELDS,
            "EnableUserData": "false",
            "EnableImages": "false",
            "SortBy": "DateCreated,SortName",
            "SortOrder": "Ascending",
            "StartIndex": start,
            "Limit": limit,
        }
        if since_s is not None:
            query["MinDateLastSaved"] = datetime.fromtimestamp(since_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        answer = await server.get("/Items", query)
        return page_of(answer["Items"], answer["TotalRecordCount"])

    def item(self, raw: Any) -> Item:
        files = [source["Path"] for source in raw.get("MediaSources") or () if source.get("Path")]
        files = list(dict.fromkeys([path for path in (raw.get("Path"),) if path] + files))
        why = ""
        if raw.get("IsPlaceHolder") or raw.get("LocationType") == "Virtual":
            files = []
        elif raw.get("VideoType", "VideoFile") != "VideoFile":
            files, why = [], f"is the image or folder of a disc ({raw['VideoType']})"
        elif raw.get("PartCount", 1) > 1:
            files, why = [], f"is in {raw['PartCount']} parts"
        is_episode = raw["Type"] == "Episode"
        return Item(
            id=raw["Id"],
            files=tuple(files),
            no_file=why,
            title=raw.get("Name") or "",
            series=(raw.get("SeriesName") or "") if is_episode else "",
            season=raw.get("ParentIndexNumber") if is_episode else None,
            episode=raw.get("IndexNumber") if is_episode else None,
            last_episode=raw.get("IndexNumberEnd") if is_episode else None,
            year=raw.get("ProductionYear"),
            date=(raw.get("PremiereDate") or "")[:10],
            description=raw.get("Overview") or "",
            rating=raw.get("OfficialRating") or "",
            genres=tuple(raw.get("Genres") or ()),
            tags=tuple(raw.get("Tags") or ()),
            credits=credited(
                (_JOBS.get(one.get("Type") or "", ""), one.get("Name") or "", one.get("Role") or "")
                for one in raw.get("People") or ()
            ),
        )


class EmbyAdapter(JellyfinAdapter):
    """Asks an Emby server with an API key of its dashboard."""

    settings_model: ClassVar[type[BaseModel]] = EmbySettings

    def headers(self, token: str) -> Mapping[str, str]:
        return {"X-Emby-Token": token}
