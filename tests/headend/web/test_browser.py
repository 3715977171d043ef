"""The page in a real browser: its script runs under its own Content-Security-Policy and keeps it current.

Chromium's virtual time lets half a minute pass at once.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from aiohttp import web

from retrovue.clock import SteppedClock
from retrovue.headend.settings import HeadendSettings
from retrovue.headend.web import WebFrontEnd
from retrovue.lineup import Health, StationStatus
from tests.headend.fake_lineup import FakeLineup
from tests.headend.serving import serving
from tests.tools.browser import CHROMIUM, FLAGS, browsing

AT = datetime(2026, 11, 24, 0, 59, 50, tzinfo=UTC)


class Later(FakeLineup):
    """Once the page is there, half a minute passes and things happen."""

    happened = False

    def status(self) -> StationStatus:
        status = super().status()
        if not self.happened:
            return status
        first = replace(status.channels[0], health=Health.ON_AIR, viewers=3)
        return replace(status, channels=(first, *status.channels[1:]), warnings=("<b>reload</b> refused",))


class Passing(WebFrontEnd):
    """Lets the fake's time pass when the page first asks what is new."""

    def __init__(self, lineup: Later, clock: SteppedClock) -> None:
        super().__init__(lineup, clock, HeadendSettings(station="fake"))
        self.later, self.clock, self.asked = lineup, clock, 0

    def routes(self) -> Iterable[web.AbstractRouteDef]:
        return [r for r in super().routes() if getattr(r, "path", "") != "/now.json"] + [
            web.get("/now.json", self.now)
        ]

    async def now(self, request: web.Request) -> web.StreamResponse:
        self.asked += 1
        if not self.later.happened:
            self.later.happened = True
            self.clock.step(20)
        return await self._now(request)


async def dump(address: str, profile: Path, milliseconds: int) -> tuple[str, str]:
    """The document after ``milliseconds`` of the browser's time, and what it said on its console."""
    assert CHROMIUM is not None
    browser = await asyncio.create_subprocess_exec(
        CHROMIUM,
        *FLAGS,
        "--enable-logging=stderr",
        "--dump-dom",
        f"--user-data-dir={profile}",
        f"--virtual-time-budget={milliseconds}",
        address,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, said = await browser.communicate()
    return out.decode(), "\n".join(line for line in said.decode().splitlines() if "CONSOLE" in line)


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
async def test_the_page_keeps_itself_current(tmp_path: Path) -> None:
    clock = SteppedClock(AT)
    front_end = Passing(Later(clock), clock)
    async with serving(front_end) as client:
        address = str(client._base_url)
        # Two hours from a half hour ago: not the live page, which would load itself anew.
        text, console = await dump(f"{address}?from=2026-11-24T00:30:00Z&hours=2", tmp_path, 22_000)
    assert console == "", "nothing is refused by the policy and nothing fails"
    assert front_end.asked == 1
    assert re.search(r'id="clock"[^>]*>20:00<', text)
    assert "on air · 3 watching" in text
    assert '<p class="warning">&lt;b&gt;reload&lt;/b&gt; refused</p>' in text
    # The half hour that was on when the page was made is over; its successor has the bar now.
    on_now = re.findall(r'<td[^>]*aria-current="time"[^>]*>', text)
    assert len(on_now) == 4
    assert all('data-start="2026-11-24T01:00:00+00:00"' in cell and "on-now" in cell for cell in on_now)
    assert text.count("<progress") == 4
    place = re.search(r'id="now" x="([\d.]+)%"', text)
    assert place is not None
    assert 25 < float(place[1]) < 25.2


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
async def test_the_live_page_begins_anew_with_the_half_hour(tmp_path: Path) -> None:
    clock = SteppedClock(AT)
    async with serving(Passing(Later(clock), clock)) as client:
        text, console = await dump(str(client._base_url), tmp_path, 30_000)
    assert console == ""
    assert re.search(r'class="now-line"[^>]*data-start="2026-11-24T01:00:00\+00:00"', text)


#: On how many lines the hours of the heading are, in headings of every width.
_LINES = """(() => {
  const heading = document.querySelector(".bar h2"), hours = heading.querySelector(".hours"), lines = [];
  heading.style.flex = "none";
  for (let width = 400; width >= 120; width -= 4) {
    heading.style.width = `${width}px`;
    lines.push(hours.getClientRects().length);
  }
  return [hours.textContent, heading.getClientRects().length, Math.max(...lines)];
})()"""


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
async def test_the_hours_of_the_heading_stay_on_one_line(tmp_path: Path) -> None:
    clock = SteppedClock(AT)
    front_end = WebFrontEnd(FakeLineup(clock), clock, HeadendSettings(station="fake"))
    async with serving(front_end) as client, browsing(str(client._base_url), tmp_path) as tab:
        assert await tab.until("document.readyState == 'complete' && !!document.querySelector('.bar h2')", 30)
        assert await tab.evaluate(_LINES) == ["19:30–23:30", 1, 1]
