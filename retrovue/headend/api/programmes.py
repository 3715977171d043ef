"""``GET /api/v1/now-next``: what is on each channel, and what comes then."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from aiohttp import web

from retrovue.clock import MasterClock
from retrovue.headend.api.guard import answer
from retrovue.lineup import GuideEntry, Lineup

#: What comes next begins no later than so long from now: nothing is longer than a broadcast day.
_AHEAD = timedelta(hours=25)


class ProgrammeRoutes:
    def __init__(self, root: str, lineup: Lineup, clock: MasterClock) -> None:
        self._path, self._lineup, self._clock = f"{root}/now-next", lineup, clock

    def routes(self) -> Iterable[web.AbstractRouteDef]:
        yield web.get(self._path, self._now_next)

    async def _now_next(self, request: web.Request) -> web.Response:
        now = self._clock.now()
        channels = []
        for ident in self._lineup.channels():
            entries = self._lineup.guide(ident.id, now, now + _AHEAD)
            on = next((e for e in entries if e.start <= now < e.end), None)
            then = next((e for e in entries if e.start > now), None)
            channels.append(
                {
                    "channel": ident.id,
                    "number": ident.number,
                    "name": ident.name,
                    "now": on and entry_values(on),
                    "next": then and entry_values(then),
                }
            )
        return answer({"now": now.isoformat(), "channels": channels})


def entry_values(entry: GuideEntry) -> dict[str, Any]:
    return {
        "id": entry.event_id,
        "title": entry.title,
        "subtitle": entry.subtitle,
        "description": entry.description,
        "season": entry.season,
        "episode": entry.episode,
        "year": entry.year,
        "categories": list(entry.categories),
        "rating": entry.rating,
        "kind": entry.kind,
        "start": entry.start.isoformat(),
        "end": entry.end.isoformat(),
    }
