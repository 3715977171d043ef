"""Plex: the sections of a Plex Media Server, by its API as its developers' pages have it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

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

#: What people are credited for, in Plex's words. A listing names a few of each.
_JOBS = {"Director": "director", "Role": "actor", "Writer": "writer", "Producer": "producer"}
#: A section's word → the number of what is a picture of its own in it: films (1), episodes (4).
_LEAVES = {"movie": 1, "show": 4}


class PlexSettings(ServerSettings):
    """Libraries of a Plex Media Server."""

    kind: Literal["plex"] = "plex"
    """Which adapter: a Plex Media Server."""


class PlexAdapter(MediaServerAdapter):
    """Asks a Plex Media Server with the token of its owner."""

    settings_model: ClassVar[type[BaseModel]] = PlexSettings

    def headers(self, token: str) -> Mapping[str, str]:
        return {"X-Plex-Token": token, "X-Plex-Client-Identifier": "retrovue", "X-Plex-Product": "RetroVue"}

    async def libraries(self, server: Server) -> list[Library]:
        answer = (await server.get("/library/sections"))["MediaContainer"]
        return [
            Library(f"{one['type']}/{one['key']}", one["title"], one["type"])
            for one in answer.get("Directory", ())
            if one["type"] in _LEAVES
        ]

    async def page(
        self, server: Server, library: Library, start: int, limit: int, since_s: int | None
    ) -> Page:
        kind, _, section = library.id.partition("/")
        query: dict[str, str | int] = {
            "type": _LEAVES[kind],
            "sort": "addedAt:asc",
            "X-Plex-Container-Start": start,
            "X-Plex-Container-Size": limit,
        }
        if since_s is not None:
            query["updatedAt>>"] = since_s  # with its "=" it reads: at or after
        answer = (await server.get(f"/library/sections/{section}/all", query))["MediaContainer"]
        return page_of(answer.get("Metadata", []), answer.get("totalSize", answer["size"]))

    def item(self, raw: Any) -> Item:
        versions = [[part["file"] for part in one["Part"]] for one in raw.get("Media", ())]
        files = [parts[0] for parts in versions if len(parts) == 1]
        why = f"is in {len(versions[0])} parts" if versions and not files else ""
        is_episode = raw["type"] == "episode"
        return Item(
            id=str(raw["ratingKey"]),
            files=tuple(files),
            no_file=why,
            title=raw.get("title", ""),
            series=raw.get("grandparentTitle", "") if is_episode else "",
            season=raw.get("parentIndex") if is_episode else None,
            episode=raw.get("index") if is_episode else None,
            year=raw.get("year"),
            date=raw.get("originallyAvailableAt", "")[:10],
            description=raw.get("summary", ""),
            rating=raw.get("contentRating", ""),
            genres=tuple(one["tag"] for one in raw.get("Genre", ())),
            tags=tuple(one["tag"] for one in raw.get("Label", ())),
            credits=credited(
                (job, one["tag"], one.get("role") or "")
                for word, job in _JOBS.items()
                for one in raw.get(word, ())
            ),
        )
