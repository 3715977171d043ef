"""The guide's front-end over real HTTP."""

from __future__ import annotations

import asyncio
import gzip
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime

import pytest

from retrovue.clock import SteppedClock
from retrovue.headend.guide import GuideFrontEnd
from retrovue.headend.settings import HeadendSettings
from retrovue.lineup import Artwork, ArtworkRef, ChannelId, GuideEntry
from tests.headend.fake_lineup import CHANNELS, PNG, FakeLineup
from tests.headend.serving import serving

AT = datetime(2026, 11, 23, 20, 47, tzinfo=UTC)
SETTINGS = HeadendSettings(station="fake")


class CountingLineup(FakeLineup):
    """Counts how often the whole guide is asked for; every title says of which publication it is, and
    the next one may come in the middle of writing."""

    asked = 0
    publish_during: str | None = None

    def guide(self, channel: ChannelId, start: datetime, end: datetime) -> Sequence[GuideEntry]:
        if self.publish_during and channel == "wkid":
            self.etag, self.publish_during = self.publish_during, None
        if channel == "wrtv" and end - start > timedelta(hours=1):
            self.asked += 1
        return [replace(e, title=f"{e.title} {self.etag}") for e in super().guide(channel, start, end)]


def front_end(lineup: FakeLineup, settings: HeadendSettings = SETTINGS) -> GuideFrontEnd:
    return GuideFrontEnd(lineup, SteppedClock(AT), settings)


def fake(days: int = 2) -> CountingLineup:
    return CountingLineup(SteppedClock(AT), days=days)


async def test_the_guide_reaches_from_the_running_programme_to_the_end() -> None:
    lineup = fake()
    async with serving(front_end(lineup)) as client, client.get("/xmltv.xml") as got:
        assert got.status == 200
        assert got.headers["Content-Type"] == "application/xml; charset=utf-8"
        root = ET.fromstring(await got.read())
    programmes = root.findall(f"programme[@channel='{CHANNELS[0].guide_id}']")
    assert programmes[0].get("start") == "20261123203000 +0000"
    assert programmes[-1].get("stop") == f"{lineup.guide_end():%Y%m%d%H%M%S} +0000"


async def test_icons_are_absolute_under_the_address_the_client_used() -> None:
    async with serving(front_end(fake())) as client:
        async with client.get("/xmltv.xml", headers={"Host": "tv.lan:8080"}) as got:
            root = ET.fromstring(await got.read())
        assert root.find("channel/icon").get("src") == "http://tv.lan:8080/artwork/logo/wrtv"  # type: ignore[union-attr]
        async with client.get("/artwork/logo/wrtv") as got:
            assert (got.status, got.content_type, await got.read()) == (200, "image/png", PNG)


async def test_a_given_external_address_wins() -> None:
    settings = replace(SETTINGS, external_url="https://tv.example/")
    async with serving(front_end(fake(), settings)) as client, client.get("/channels.m3u") as got:
        assert "\nhttps://tv.example/auto/v5.1\n" in await got.text()


@pytest.mark.parametrize("path", ["/xmltv.xml", "/xmltv.xml.gz", "/channels.m3u", "/artwork/logo/wrtv"])
async def test_a_client_that_has_it_is_told_so(path: str) -> None:
    async with serving(front_end(fake())) as client:
        async with client.get(path) as got:
            etag = got.headers["ETag"]
        for condition in (etag, f"W/{etag}", f'"other", {etag}', "*"):
            async with client.get(path, headers={"If-None-Match": condition}) as got:
                assert (got.status, await got.read()) == (304, b"")
                assert got.headers["ETag"] == etag
        for condition in ('"other"', "nonsense", ""):
            async with client.get(path, headers={"If-None-Match": condition}) as got:
                assert got.status == 200


@pytest.mark.parametrize(
    "path", ["/xmltv.xml", "/xmltv.xml.gz", "/channels.m3u", "/playlist.m3u", "/artwork/logo/wrtv"]
)
async def test_head_is_get_without_a_body(path: str) -> None:
    async with serving(front_end(fake())) as client:
        async with client.get(path) as got:
            body, headers = await got.read(), dict(got.headers)
        async with client.head(path) as got:
            assert (got.status, await got.read()) == (200, b"")
            assert got.headers["Content-Length"] == str(len(body))
            assert {k: v for k, v in got.headers.items() if k != "Date"} == {
                k: v for k, v in headers.items() if k != "Date"
            }


async def test_the_packed_guide_is_the_same_guide() -> None:
    async with serving(front_end(fake())) as client:
        async with client.get("/xmltv.xml") as got:
            plain = await got.read()
        async with client.get("/xmltv.xml.gz") as got:
            # Clients unpack by the address's ending: a Content-Encoding would make them do it twice.
            assert "Content-Encoding" not in got.headers
            packed = await got.read()
    assert gzip.decompress(packed) == plain
    assert len(packed) < len(plain) / 4


async def test_it_is_written_once_for_each_publication() -> None:
    lineup = fake()
    async with serving(front_end(lineup)) as client:

        async def etag() -> str:
            async with client.get("/xmltv.xml") as got:
                await got.read()
                return got.headers["ETag"]

        first = await asyncio.gather(*(etag() for _ in range(8)))
        assert (len(set(first)), lineup.asked) == (1, 1)
        lineup.etag = "fake-2"
        lineup.rename("wrtv", "Another Name")
        assert await etag() != first[0]
        assert lineup.asked == 2


async def test_a_reload_that_only_renames_a_channel_is_seen() -> None:
    lineup = fake()
    async with serving(front_end(lineup)) as client:
        async with client.get("/xmltv.xml") as got:
            assert b"Another Name" not in await got.read()
        lineup.rename("wrtv", "Another Name")
        async with client.get("/xmltv.xml") as got:
            assert b"Another Name" in await got.read()


async def test_a_publication_while_writing_is_not_half_taken() -> None:
    lineup = fake()
    lineup.publish_during = "fake-2"
    async with serving(front_end(lineup)) as client:
        for publication in ("fake-2", "fake-1"):  # and nothing half taken is kept for a later return
            async with client.get("/xmltv.xml") as got:
                root = ET.fromstring(await got.read())
            titles = [p.findtext("title", "") for p in root.iter("programme")]
            assert {title.rpartition(" ")[2] for title in titles} == {publication}
            lineup.etag = "fake-1"


async def test_no_channels() -> None:
    lineup = FakeLineup(SteppedClock(AT), channels=())
    async with serving(front_end(lineup)) as client:
        async with client.get("/xmltv.xml") as got:
            assert (got.status, list(ET.fromstring(await got.read()))) == (200, [])
        async with client.get("/channels.m3u") as got:
            assert (got.status, len((await got.text()).splitlines())) == (200, 1)


async def test_the_playlists_are_one() -> None:
    async with serving(front_end(fake())) as client:
        async with client.get("/channels.m3u") as got:
            assert got.headers["Content-Type"] == "audio/x-mpegurl"
            playlist = await got.text()
        async with client.get("/playlist.m3u") as got:
            assert await got.text() == playlist
        base = str(client._base_url).rstrip("/")
    assert f'url-tvg="{base}/xmltv.xml"' in playlist
    assert f"\n{base}/auto/v5.1\n" in playlist


class ScriptedLogo(FakeLineup):
    def artwork(self, ref: ArtworkRef) -> Artwork | None:
        kind = {"logo/svg": "image/svg+xml", "logo/html": "text/html"}.get(ref)
        return Artwork(kind, b"<svg><script>alert(1)</script></svg>") if kind else None


async def test_a_picture_never_runs_as_a_page() -> None:
    async with serving(front_end(ScriptedLogo(SteppedClock(AT)))) as client:
        async with client.get("/artwork/logo/svg") as got:
            assert "sandbox" in got.headers["Content-Security-Policy"]
            assert got.headers["X-Content-Type-Options"] == "nosniff"
        async with client.get("/artwork/logo/html") as got:
            assert got.content_type == "application/octet-stream"


@pytest.mark.parametrize("ref", ["logo/none", "../../etc/passwd", "%2e%2e/x", "a" * 4000])
async def test_unknown_pictures(ref: str) -> None:
    async with serving(front_end(fake())) as client, client.get(f"/artwork/{ref}") as got:
        assert got.status == 404


async def test_whoever_knows_no_etag_is_told_when_it_was_written() -> None:
    async with serving(front_end(fake())) as client:
        for path in ("/xmltv.xml", "/xmltv.xml.gz"):
            async with client.get(path) as got:
                modified = got.headers["Last-Modified"]
            assert parsedate_to_datetime(modified) == AT
            earlier = format_datetime(AT - timedelta(seconds=1), usegmt=True)
            for headers, status in (
                ({"If-Modified-Since": modified}, 304),
                ({"If-Modified-Since": earlier}, 200),
                ({"If-Modified-Since": "yesterday"}, 200),
                # An ETag says more.
                ({"If-Modified-Since": modified, "If-None-Match": '"other"'}, 200),
            ):
                async with client.get(path, headers=headers) as got:
                    assert got.status == status, (path, headers)


async def test_logos_are_measured() -> None:
    async with serving(front_end(fake())) as client, client.get("/xmltv.xml") as got:
        icons = [icon.attrib for icon in ET.fromstring(await got.read()).findall("channel/icon")]
    assert [(icon["width"], icon["height"]) for icon in icons] == [("1", "1")] * len(CHANNELS)


async def test_pictures_by_width() -> None:
    lineup = fake()
    async with serving(front_end(lineup)) as client:
        async with client.get("/artwork/logo/wrtv?width=200") as got:
            assert (got.status, await got.read()) == (200, PNG)
        assert lineup.widths == [200]
        async with client.get("/artwork/logo/none?width=200") as got:
            assert got.status == 404
        for wrong in ("0", "-1", "x", "", "9" * 9, "²"):
            async with client.get("/artwork/logo/wrtv", params={"width": wrong}) as got:
                assert got.status == 400, wrong
