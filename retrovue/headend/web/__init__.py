"""The web page's front-end: what is on now and next, and how to watch it."""

from __future__ import annotations

import asyncio
import mimetypes
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta, tzinfo
from functools import partial
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from aiohttp import web
from jinja2 import FileSystemLoader, StrictUndefined
from jinja2.sandbox import SandboxedEnvironment

from retrovue.clock import MasterClock
from retrovue.errors import RetroVueError
from retrovue.headend import m3u
from retrovue.headend.base_url import base_url
from retrovue.headend.documents import Document, document, reply
from retrovue.headend.gate import carried, opened_by_token
from retrovue.headend.settings import HeadendSettings
from retrovue.headend.web.grid import clock_label, half_hour, lay_out
from retrovue.headend.web.window import DEFAULT_HOURS, Window, read_window
from retrovue.lineup import ChannelIdent, ChannelStatus, Health, Lineup, Mode, StationStatus
from retrovue.resources import font, shipped

#: The page is complete in itself: no inline script or style, nothing from elsewhere.
_PAGE_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self';"
        " media-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}

#: When people look for tonight's television, on the links to the days ahead.
_EVENING = 19
_DAYS_LINKED = 7


class WebFrontEnd:
    """``/`` (guide grid), ``/now.json`` (what changes while one looks), ``/watch/5.1`` (a screen),
    ``/watch/5.1.m3u``, ``/static/…``."""

    def __init__(self, lineup: Lineup, clock: MasterClock, settings: HeadendSettings) -> None:
        self._lineup, self._clock, self._settings = lineup, clock, settings
        folder = shipped("templates") / "web"
        self._static = _static_files()
        templates = SandboxedEnvironment(
            loader=FileSystemLoader(folder),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        templates.globals["static"] = lambda name: f"/static/{name}?v={self._static[name].etag[:8]}"
        self._page = templates.get_template("guide.html")
        self._screen_page = templates.get_template("watch.html")
        self._error = templates.get_template("error.html")

    def routes(self) -> Iterable[web.AbstractRouteDef]:
        return (
            web.get("/", self._guide),
            web.get("/now.json", self._now),
            web.get("/watch/{number}.m3u", self._watch),
            web.get("/watch/{number}", self._screen),
            web.get("/static/{name}", self._static_file),
        )

    async def start(self) -> None:
        """Nothing to begin."""

    async def stop(self) -> None:
        """Nothing to end."""

    async def _guide(self, request: web.Request) -> web.StreamResponse:
        status, now = self._lineup.status(), self._clock.now()
        zone = ZoneInfo(status.timezone)
        try:
            window = read_window(
                request.query.get("from"),
                request.query.get("hours"),
                now,
                self._lineup.guide_end(),
                zone,
            )
        except RetroVueError as error:
            text = self._error.render(station=status.name, message=str(error), help=error.help)
            return web.Response(status=400, text=text, content_type="text/html", headers=_PAGE_HEADERS)
        base = base_url(request, self._settings.external_url)
        values = self._values(status, now, zone, window, base)
        # A day of fifty channels takes a while to write, which the picture on the air must not notice.
        text = await asyncio.to_thread(self._page.render, values)
        return web.Response(text=text, content_type="text/html", headers=_PAGE_HEADERS)

    def _values(
        self, status: StationStatus, now: datetime, zone: tzinfo, window: Window, base: str
    ) -> Mapping[str, object]:
        channels = self._lineup.channels()
        grid = lay_out(channels, self._lineup.guide, window.start, window.hours, now, zone)
        offset = grid.offset(now)
        return {
            "status": status,
            "states": {s.channel: s for s in status.channels},
            "state_text": state_text,
            "state_detail": state_detail,
            "now": now,
            "window": window,
            "grid": grid,
            "now_percent": None if offset is None else round(offset * 100, 3),
            "local": lambda instant: instant.astimezone(zone),
            "label": partial(clock_label, zone=zone),
            "stream": partial(m3u.stream_url, base),
            "base": base,
            "earlier": self._earlier(window, channels),
            "later": _link(window.end, window.hours) if window.end < self._lineup.guide_end() else None,
            "present": _link(None, window.hours),
            "widths": [
                (hours, _link(None if window.live else window.start, hours)) for hours in (2, 4, 8, 24)
            ],
            "days": self._days(window, now, zone),
        }

    def _earlier(self, window: Window, channels: Iterable[ChannelIdent]) -> str | None:
        """The link to the hours before, when any channel's guide still knows them."""
        moment = timedelta(seconds=1)
        if any(self._lineup.guide(c.id, window.start - moment, window.start) for c in channels):
            return _link(window.start - timedelta(hours=window.hours), window.hours)
        return None

    def _days(self, window: Window, now: datetime, zone: tzinfo) -> list[tuple[str, str, bool]]:
        """Label, link and "this is it" for the evening of each day that has a guide."""
        today = now.astimezone(zone).replace(hour=_EVENING, minute=0, second=0, microsecond=0)
        evenings = [today + timedelta(days=n) for n in range(_DAYS_LINKED)]
        return [
            (f"{at:%a} {at.day}", _link(at, window.hours), at.date() == window.start.astimezone(zone).date())
            for at in evenings
            if at < self._lineup.guide_end()
        ]

    async def _now(self, request: web.Request) -> web.StreamResponse:
        status, now = self._lineup.status(), self._clock.now()
        zone = ZoneInfo(status.timezone)
        return web.json_response(
            {
                "now": now.isoformat(),
                "half_hour": half_hour(now, zone).isoformat(),
                "clock": clock_label(now, zone),
                "warnings": list(status.warnings),
                "channels": [_now_of(state, zone) for state in status.channels],
            },
            headers={"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"},
        )

    @opened_by_token
    async def _watch(self, request: web.Request) -> web.StreamResponse:
        channel = self._find(request)
        if channel is None:
            return self._no_channel(request)
        text = m3u.watch(channel, base_url(request, self._settings.external_url), carried())
        return await reply(request, document(text.encode(), m3u.CONTENT_TYPE))

    async def _screen(self, request: web.Request) -> web.StreamResponse:
        """A page with the channel's picture, for a browser."""
        channel = self._find(request)
        if channel is None:
            return self._no_channel(request)
        status = self._lineup.status()
        channels = self._lineup.channels()
        at = channels.index(channel)
        state = next((s for s in status.channels if s.channel == channel.id), None)
        text = self._screen_page.render(
            status=status,
            channel=channel,
            below=channels[at - 1] if at else None,
            above=channels[at + 1] if at + 1 < len(channels) else None,
            on=state.now if state else None,
            label=partial(clock_label, zone=ZoneInfo(status.timezone)),
        )
        return web.Response(text=text, content_type="text/html", headers=_PAGE_HEADERS)

    def _find(self, request: web.Request) -> ChannelIdent | None:
        number = request.match_info["number"]
        return next((c for c in self._lineup.channels() if c.number == number), None)

    def _no_channel(self, request: web.Request) -> web.Response:
        text = self._error.render(
            station=self._lineup.status().name,
            message=f"There is no channel {request.match_info['number']}.",
            help="The guide lists them all.",
        )
        return web.Response(status=404, text=text, content_type="text/html", headers=_PAGE_HEADERS)

    async def _static_file(self, request: web.Request) -> web.StreamResponse:
        found = self._static.get(request.match_info["name"])
        if found is None:
            return web.Response(status=404)
        return await reply(request, found, cache="public, max-age=86400")


def state_text(state: ChannelStatus | None) -> str:
    """A channel's health and audience in a few words."""
    if state is None:
        return ""
    words = [state.health.value]
    if state.health is Health.SLATE and state.detail:
        words.append(state.detail)  # here, too: fingers and keyboards bring no title up
    if state.orders.mode is Mode.EMERGENCY:
        words.append("fictional emergency")
    elif state.orders.mode is Mode.SIGN_OFF:
        words.append("signed off")
    if state.viewers:
        words.append(f"{state.viewers} watching")
    return " · ".join(words)


def state_detail(state: ChannelStatus | None) -> str:
    """The last fault, or why a channel that is well shows nothing."""
    if state is None:
        return ""
    if state.detail:
        return state.detail
    if state.orders.emergency is not None:
        return state.orders.emergency.text
    return "Begins when somebody tunes in" if state.health == Health.OFF_AIR else ""


def _now_of(state: ChannelStatus, zone: tzinfo) -> dict[str, object]:
    on = state.now
    return {
        "channel": state.channel,
        "health": state.health.value,
        "viewers": state.viewers,
        "text": state_text(state),
        "detail": state_detail(state),
        "now": on
        and {
            "title": on.title,
            "subtitle": on.subtitle,
            "start": on.start.isoformat(),
            "end": on.end.isoformat(),
            "times": f"{clock_label(on.start, zone)}–{clock_label(on.end, zone)}",
        },
    }


def _link(start: datetime | None, hours: int) -> str:
    asked = {} if start is None else {"from": f"{start:%Y-%m-%dT%H:%M:%S%z}"}
    if hours != DEFAULT_HOURS:
        asked["hours"] = str(hours)
    return f"/?{urlencode(asked)}" if asked else "/"


def _static_files() -> Mapping[str, Document]:
    """Every file the page may ask for, by name: a request never becomes a path."""
    folder = shipped("templates") / "web" / "static"
    files = {
        path.name: document(
            path.read_bytes(), mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        )
        for path in folder.iterdir()
        if path.is_file()
    }
    files["roboto.ttf"] = document(font().read_bytes(), "font/ttf")
    return files
