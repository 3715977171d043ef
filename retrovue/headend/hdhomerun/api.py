"""The tuner's HTTP API: everything but the video."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from aiohttp import web

from retrovue.clock import MasterClock
from retrovue.headend import m3u
from retrovue.headend.base_url import base_url
from retrovue.headend.gate import carried, opened_by_token
from retrovue.headend.hdhomerun import describe
from retrovue.headend.hdhomerun.personality import Personality, RfPlan, find_channel
from retrovue.headend.hdhomerun.tuners import TunerTable
from retrovue.headend.settings import HeadendSettings
from retrovue.lineup import Lineup

#: What real units send with every answer.
HEADERS = {"Server": "HDHomeRun/1.0", "Cache-Control": "no-cache", "Access-Control-Allow-Origin": "*"}

#: A channel scan finds what is known anyway; it lasts long enough for a set-up wizard to show it.
SCAN_S = 2.0


class TunerApi:
    """The documents that clients read while they are set up, and when they look again."""

    def __init__(
        self,
        lineup: Lineup,
        clock: MasterClock,
        settings: HeadendSettings,
        table: TunerTable,
        family: Personality,
        device_id: int,
    ) -> None:
        self._lineup, self._clock, self._settings = lineup, clock, settings
        self._table, self._family, self._device_id = table, family, device_id
        self._scan_began: float | None = None
        self._source = family.sources[0]
        self._favorites: set[str] = set()  # of this run: a remote control's bookmarks

    def front_page(self) -> web.RouteDef:
        """The channels at "/", where there is no web page of the station."""
        return web.get("/", self._lineup_html)

    def routes(self) -> Iterable[web.AbstractRouteDef]:
        yield web.get("/discover.json", self._discover)
        yield web.get("/lineup.json", self._lineup_json)
        yield web.get("/lineup.xml", self._lineup_xml)
        yield web.get("/lineup.m3u", self._lineup_m3u)
        yield web.get("/lineup.html", self._lineup_html)
        yield web.get("/lineup_status.json", self._lineup_status)
        yield web.get("/lineup.post", self._lineup_post, allow_head=False)
        yield web.post("/lineup.post", self._lineup_post)
        yield web.get("/status.json", self._status)
        yield web.get("/tuners.html", self._tuners)
        for path in ("/device.xml", "/dri/device.xml", "/dms/device.xml"):
            yield web.get(path, self._device_xml)

    def _base(self, request: web.Request) -> str:
        return base_url(request, self._settings.external_url)

    async def _discover(self, request: web.Request) -> web.Response:
        settings = self._settings
        return _json(
            describe.discover(
                self._base(request),
                settings.friendly_name,
                self._family,
                self._device_id,
                settings.tuner_count,
            )
        )

    def _entries(self, request: web.Request) -> list[describe.Json]:
        show = request.query.get("show", "all")
        return describe.lineup(
            self._base(request),
            () if show == "demo" else self._lineup.channels(),
            self._family,
            self._favorites,
            only_favorites=show == "favorites",
            tuning="tuning" in request.query,
        )

    async def _lineup_json(self, request: web.Request) -> web.Response:
        return _json(self._entries(request))

    async def _lineup_xml(self, request: web.Request) -> web.Response:
        return _text(describe.lineup_xml(self._entries(request)), 'application/xml; charset="utf-8"')

    async def _lineup_html(self, request: web.Request) -> web.Response:
        page = describe.lineup_html(self._settings.friendly_name, self._entries(request))
        return _text(page, "text/html; charset=utf-8")

    @opened_by_token
    async def _lineup_m3u(self, request: web.Request) -> web.Response:
        text = m3u.m3u(self._lineup.channels(), self._base(request), carried())
        return _text(text, m3u.CONTENT_TYPE)

    async def _lineup_status(self, _: web.Request) -> web.Response:
        done = self._scan_progress()
        if done is not None:
            found = round(len(self._lineup.channels()) * done)
            return _json({"ScanInProgress": 1, "Progress": round(100 * done), "Found": found})
        return _json(
            {
                "ScanInProgress": 0,
                "ScanPossible": 1,
                "Source": self._source,
                "SourceList": list(self._family.sources),
            }
        )

    def _scan_progress(self) -> float | None:
        """How much of the running scan is done, 0 to 1; None when none runs."""
        if self._scan_began is None:
            return None
        done = (self._clock.elapsed() - self._scan_began) / SCAN_S
        if done >= 1:
            self._scan_began = None
            return None
        return done

    async def _lineup_post(self, request: web.Request) -> web.Response:
        scan = request.query.get("scan")
        favorite = request.query.get("favorite")
        if scan == "start":
            source = request.query.get("source")
            if source in self._family.sources:
                self._source = source
            self._scan_began = self._clock.elapsed()
        elif scan == "abort":
            self._scan_began = None
        elif favorite is None or not self._mark(favorite):
            return web.Response(status=400, headers=HEADERS)
        return web.Response(headers=HEADERS)

    def _mark(self, favorite: str) -> bool:
        """``+5.1`` makes a favourite, ``-5.1`` and ``x5.1`` end it. False when it can't be understood."""
        sign, number = favorite[:1], favorite[1:].strip()
        channel = find_channel(self._lineup.channels(), number)
        if channel is None or sign not in ("+", " ", "-", "x"):  # a bare "+" in a query arrives as a space
            return False
        if sign in "+ ":
            self._favorites.add(channel.number)
        else:
            self._favorites.discard(channel.number)
        return True

    def _rows(self) -> list[describe.Json]:
        plan = RfPlan(self._family, self._lineup.channels())
        now = self._clock.elapsed()
        for tuner in self._table.tuners:
            self._table.lock_of(tuner)  # drops an idle lock, and what it tuned
        return [describe.status(tuner, self._family, plan, now) for tuner in self._table.tuners]

    async def _status(self, _: web.Request) -> web.Response:
        return _json(self._rows())

    async def _tuners(self, _: web.Request) -> web.Response:
        return _text(
            describe.tuners_html(self._settings.friendly_name, self._rows()), "text/html; charset=utf-8"
        )

    async def _device_xml(self, request: web.Request) -> web.Response:
        text = describe.device_xml(
            self._base(request), self._settings.friendly_name, self._family, self._device_id
        )
        return _text(text, 'application/xml; charset="utf-8"')


def _json(value: Any) -> web.Response:
    return _text(
        json.dumps(value, ensure_ascii=False, separators=(",", ":")), 'application/json; charset="utf-8"'
    )


def _text(text: str, content_type: str) -> web.Response:
    response = web.Response(body=text.encode(), headers={**HEADERS, "Content-Type": content_type})
    response.force_close()  # as real units do; some clients read to the end of the connection
    return response
