"""The web page over real HTTP, read as a browser reads it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from typing import Any

import pytest

from retrovue.clock import SteppedClock
from retrovue.headend.settings import HeadendSettings
from retrovue.headend.web import WebFrontEnd
from retrovue.lineup import ChannelId, GuideEntry, Health, StationStatus, Viewer
from tests.headend.fake_lineup import CHANNELS, FakeLineup
from tests.headend.serving import serving

AT = datetime(2026, 11, 24, 0, 47, tzinfo=UTC)  # 19:47 in New York
HOSTILE = "<script>alert(1)</script> \"quoted\" 'single' & 📺 \x07{{ 7 * 7 }}"


class Page(HTMLParser):
    """Elements with their attributes and text, and whether every element was closed in order."""

    _VOID = frozenset({"meta", "link", "col", "br", "input", "source"})

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None], list[str]]] = []
        self._open: list[tuple[str, list[str]]] = []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        words: list[str] = []
        self.elements.append((tag, dict(attrs), words))
        if tag not in self._VOID:
            self._open.append((tag, words))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs), []))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop()[0] == tag

    def handle_data(self, data: str) -> None:
        for _, words in self._open:
            words.append(data)

    def all(self, tag: str, **attributes: str) -> list[tuple[dict[str, str | None], str]]:
        return [
            (found, " ".join("".join(words).split()))
            for name, found, words in self.elements
            if name == tag
            and all(found.get(k.strip("_").replace("_", "-")) == v for k, v in attributes.items())
        ]

    def links(self) -> list[str]:
        return [found["href"] or "" for _, found, _ in self.elements if "href" in found]


def fake(**options: Any) -> FakeLineup:
    return FakeLineup(SteppedClock(AT), **options)


def page(lineup: FakeLineup, **settings: Any) -> WebFrontEnd:
    return WebFrontEnd(lineup, SteppedClock(AT), HeadendSettings(station="fake", **settings))


async def look(lineup: FakeLineup, path: str = "/") -> Page:
    async with serving(page(lineup)) as client, client.get(path) as got:
        assert got.status == 200, await got.text()
        assert got.headers["Content-Type"] == "text/html; charset=utf-8"
        return Page(await got.text())


async def test_what_is_on_now() -> None:
    found = await look(fake())
    assert found.all("h1")[0][1] == "Fake Television"
    assert found.all("time", id="clock")[0][1] == "19:47"
    on_now = found.all("td", aria_current="time")
    assert len(on_now) == len(CHANNELS)
    assert {cell["colspan"] for cell, _ in on_now} == {"30"}
    assert [cell["data-start"] for cell, _ in on_now] == ["2026-11-24T00:30:00+00:00"] * 4
    progress = found.all("progress")[0][0]
    assert (progress["max"], progress["value"]) == ("1800", "1020")
    ticks = [text for cell, text in found.all("th", scope="col") if "colspan" in cell]
    assert ticks == ["19:30", "20:00", "20:30", "21:00", "21:30", "22:00", "22:30", "23:00"]


async def test_every_channel_can_be_watched() -> None:
    async with serving(page(fake())) as client:
        async with client.get("/") as got:
            text = await got.text()
        base = str(client._base_url).rstrip("/")
        for channel in CHANNELS:
            assert f"/watch/{channel.number}" in Page(text).links()
            async with client.get(f"/watch/{channel.number}") as got:
                screen = await got.text()
            assert f'<source src="/live/{channel.number}.mp4" type="video/mp4">' in screen
            assert f'<source src="/hls/{channel.number}.m3u8"' in screen
            assert f"/watch/{channel.number}.m3u" in Page(screen).links()
            assert f"{base}/auto/v{channel.number}" in text
            async with client.get(f"/watch/{channel.number}.m3u") as got:
                assert got.headers["Content-Type"] == "audio/x-mpegurl"
                assert (await got.text()).splitlines()[-1] == f"{base}/auto/v{channel.number}"
        for where in ("/channels.m3u", "/xmltv.xml"):
            assert f"{base}{where}" in text
            assert where in Page(text).links()
        for player in ("Plex", "Jellyfin", "Kodi", "VLC"):
            assert player in [name for _, name in Page(text).all("h3")]


async def test_the_page_is_complete_in_itself_and_says_so() -> None:
    """Nothing inline and nothing from elsewhere, as its Content-Security-Policy promises."""
    async with serving(page(fake())) as client:
        async with client.get("/") as got:
            policy = got.headers["Content-Security-Policy"]
            found = Page(await got.text())
        assert "default-src 'none'" in policy
        assert "script-src 'self'" in policy
        assert "unsafe" not in policy
        assert found.all("style") == []
        for tag, attributes, words in found.elements:
            assert "style" not in attributes
            assert not [name for name in attributes if name.startswith("on")]
            if tag == "script":
                assert "".join(words) == ""
        wanted = [a["src"] for a, _ in found.all("script")] + [a["href"] for a, _ in found.all("link")]
        assert len(wanted) == 3
        for address in [*wanted, "/static/roboto.ttf"]:
            assert address is not None
            assert address.startswith("/static/")
            async with client.get(address) as got:
                assert got.status == 200, address
                assert await got.read()
                etag = got.headers["ETag"]
            async with client.get(address, headers={"If-None-Match": etag}) as got:
                assert got.status == 304


@pytest.mark.parametrize(
    "path",
    ["../guide.html", "%2e%2e/guide.html", "..%2fguide.html", "%2fetc%2fpasswd", "none.css", "guide.css/x"],
)
async def test_static_files_are_only_those(path: str) -> None:
    async with serving(page(fake())) as client, client.get(f"/static/{path}") as got:
        assert got.status == 404


class HostileLineup(FakeLineup):
    def guide(self, channel: ChannelId, start: datetime, end: datetime) -> Sequence[GuideEntry]:
        return [
            replace(e, title=HOSTILE, subtitle=HOSTILE, description=HOSTILE, rating=HOSTILE)
            for e in super().guide(channel, start, end)
        ]

    def status(self) -> StationStatus:
        status = super().status()
        first = replace(status.channels[0], health=Health.SLATE, viewers=3, detail=HOSTILE)
        return replace(status, name=HOSTILE, channels=(first, *status.channels[1:]), warnings=(HOSTILE,))


async def test_hostile_words_are_words() -> None:
    lineup = HostileLineup(SteppedClock(AT))
    lineup.rename("wrtv", HOSTILE)
    found = await look(lineup)
    assert len(found.all("script")) == 1
    shown = " ".join(HOSTILE.split())
    assert found.all("h1")[0][1] == shown
    assert found.all("p", _class="warning")[0][1] == shown
    assert found.all("b")[0][1] == shown
    states = [text for found_, text in found.all("span") if found_.get("class") == "text"]
    assert states[0] == f"slate · {shown} · 3 watching"  # the page says why
    cell = found.all("td", aria_current="time")[0][0]
    assert cell["title"] is not None
    assert HOSTILE in cell["title"]
    async with serving(page(lineup)) as client:
        for path in ("/?from=%3Cscript%3E", "/watch/%3Cscript%3E.m3u"):
            async with client.get(path) as got:
                assert got.status in (400, 404)
                assert "<script>" not in await got.text()
                assert "default-src 'none'" in got.headers["Content-Security-Policy"]


async def test_paging_forward_reaches_the_end_and_comes_back() -> None:
    lineup = fake(days=1)
    starts: list[str] = []
    async with serving(page(lineup)) as client:

        async def turn(path: str, rel: str) -> str | None:
            async with client.get(path) as got:
                assert got.status == 200
                found = Page(await got.text())
            starts.append(found.all("svg", _class="now-line")[0][0]["data-start"] or "")
            links = found.all("a", rel=rel)
            return links[0][0]["href"] if links else None

        path: str | None = "/?hours=8"
        last = ""
        while path:
            last = path
            path = await turn(path, "next")
        assert starts == [f"2026-11-24T{h}:30:00+00:00" for h in ("00", "08", "16")]
        back = await turn(last, "prev")
        assert back is not None
        starts.clear()
        await turn(back, "prev")
        assert starts == ["2026-11-24T08:30:00+00:00"]


async def test_looking_ahead_nothing_is_on_now() -> None:
    found = await look(fake(), "/?from=2026-11-25T20:00&hours=2")
    assert found.all("td", aria_current="time") == []
    assert "hidden" in found.all("svg", _class="now-line")[0][0]
    assert found.all("time", datetime="2026-11-26T01:00:00+00:00")[0][1].startswith(
        "Wednesday 25 November, 20:00"
    )


@pytest.mark.parametrize(
    "query", ["from=yesterday", "hours=0", "hours=25", "hours=x", "from=2090-01-01", "from=%00"]
)
async def test_what_cannot_be_shown_is_refused_politely(query: str) -> None:
    async with serving(page(fake())) as client, client.get(f"/?{query}") as got:
        assert got.status == 400
        found = Page(await got.text())
    assert found.all("h2")[0][1]
    assert "/" in found.links()


async def test_no_such_channel() -> None:
    async with serving(page(fake())) as client, client.get("/watch/77.7.m3u") as got:
        assert got.status == 404
        assert "no channel 77.7" in await got.text()


@pytest.mark.parametrize("path", ["/", "/now.json", "/watch/5.1", "/watch/5.1.m3u", "/static/guide.css"])
async def test_head(path: str) -> None:
    async with serving(page(fake())) as client:
        async with client.get(path) as got:
            length = got.headers["Content-Length"]
        async with client.head(path) as got:
            assert (got.status, got.headers["Content-Length"], await got.read()) == (200, length, b"")


async def test_a_station_without_channels() -> None:
    found = await look(fake(channels=()))
    assert found.all("table") == []
    assert any("no channels yet" in text for _, text in found.all("p"))


class SilentLineup(FakeLineup):
    """The first channel has no guide, and nothing is known of its state."""

    def guide(self, channel: ChannelId, start: datetime, end: datetime) -> Sequence[GuideEntry]:
        return () if channel == "wrtv" else super().guide(channel, start, end)

    def status(self) -> StationStatus:
        status = super().status()
        return replace(status, channels=status.channels[1:], horizon_end=None)


async def test_a_channel_without_a_guide() -> None:
    found = await look(SilentLineup(SteppedClock(AT)))
    assert found.all("td", _class="none") == [({"colspan": "240", "class": "none"}, "No listings")]
    assert len(found.all("td", aria_current="time")) == 3


async def test_health_and_audience() -> None:
    lineup = fake()
    for _ in range(2):
        await lineup.tune(ChannelId("wrtv"), Viewer("web", "10.0.0.9:1"))
    lineup.warnings = ("reload refused: 2 errors in plans/weekday.yaml; last good stays",)
    found = await look(lineup)
    states = [text for found_, text in found.all("span") if found_.get("class") == "text"]
    assert states == ["on air · 2 watching", "off air", "off air", "off air"]
    assert [text for _, text in found.all("p", _class="warning")] == list(lineup.warnings)
    async with serving(page(lineup)) as client, client.get("/now.json") as got:
        fresh = await got.json()
    assert fresh["now"] == AT.isoformat()
    assert fresh["clock"] == "19:47"
    assert fresh["half_hour"] == "2026-11-24T00:30:00+00:00"
    assert fresh["warnings"] == list(lineup.warnings)
    wrtv = fresh["channels"][0]
    assert (wrtv["channel"], wrtv["health"], wrtv["viewers"], wrtv["text"]) == (
        "wrtv",
        "on air",
        2,
        "on air · 2 watching",
    )
    assert wrtv["now"]["times"] == "19:30–20:00"


async def test_the_evenings_that_have_a_guide_are_linked() -> None:
    found = await look(fake(days=2))
    evenings = [
        (a["href"] or "", text)
        for a, text in found.all("a")
        if (a.get("title") or "").startswith("The evening")
    ]
    assert [text for _, text in evenings] == ["Mon 23", "Tue 24", "Wed 25"]
    for href, _ in evenings:
        ahead = await look(fake(days=2), href)
        assert "19:00" in [text for _, text in ahead.all("th", scope="col")]


async def test_a_whole_day_of_fifty_channels() -> None:
    many = [
        replace(
            CHANNELS[0],
            id=ChannelId(f"ch{n}"),
            number=f"{n}.1",
            vchannel=n,
            guide_id=f"C{n}.1.fake.retrovue.tv",
        )
        for n in range(1, 51)
    ]
    found = await look(fake(channels=many), "/?hours=24")
    assert len(found.all("tr")) == 50 + 1 + 50 + 1
    rows = [cell for cell, _ in found.all("td") if "colspan" in cell]
    assert sum(int(cell["colspan"] or 0) for cell in rows) == 50 * 720


async def test_the_address_is_the_one_the_visitor_used() -> None:
    async with serving(page(fake())) as client, client.get("/", headers={"Host": "tv.lan"}) as got:
        assert "http://tv.lan/xmltv.xml" in await got.text()
    async with serving(page(fake(), external_url="https://tv.example")) as client, client.get("/") as got:
        assert "https://tv.example/xmltv.xml" in await got.text()


async def test_time_goes_on() -> None:
    clock = SteppedClock(AT)
    front_end = WebFrontEnd(FakeLineup(clock), clock, HeadendSettings(station="fake"))
    async with serving(front_end) as client:
        clock.step(timedelta(minutes=13).total_seconds())
        async with client.get("/now.json") as got:
            assert (await got.json())["half_hour"] == "2026-11-24T01:00:00+00:00"
        async with client.get("/") as got:
            assert Page(await got.text()).all("time", id="clock")[0][1] == "20:00"
