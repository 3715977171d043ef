"""A browser and players of HTTP Live Streaming on the real station."""

from __future__ import annotations

import re
import subprocess
import time
import urllib.error
import urllib.request
from itertools import pairwise
from pathlib import Path

import pytest

from retrovue.ffmpeg_binary import choose_ffmpeg
from tests.tools.broadcast import Broadcast, until
from tests.tools.browser import CHROMIUM, browsing
from tests.tools.ts_analyser import TsAnalyser
from tests.tools.ts_report import Rules


def get(url: str) -> tuple[str, bytes]:
    with urllib.request.urlopen(url, timeout=20) as got:
        return got.headers["Content-Type"], got.read()


def test_hls_is_the_channels_own_signal_in_segments(on_air: Broadcast) -> None:
    base = f"http://127.0.0.1:{on_air.http_port}"
    segments: dict[int, tuple[float, float, bytes]] = {}
    end = time.monotonic() + 14
    while time.monotonic() < end:
        kind, text = get(f"{base}/hls/5.1.m3u8")
        assert kind.startswith("application/vnd.apple.mpegurl")
        lines = text.decode().splitlines()
        assert lines[:4] == [
            "#EXTM3U", "#EXT-X-VERSION:3", "#EXT-X-INDEPENDENT-SEGMENTS", "#EXT-X-TARGETDURATION:2",
        ]  # fmt: skip
        assert "#EXT-X-DISCONTINUITY" not in lines
        first = int(lines[4].removeprefix("#EXT-X-MEDIA-SEQUENCE:"))
        lines = [line for line in lines if "CUE" not in line and "DATERANGE" not in line]
        for n, (date, length, path) in enumerate(zip(lines[5::3], lines[6::3], lines[7::3], strict=True)):
            assert path == f"5.1/{first + n}.ts"
            if first + n not in segments:
                kind, data = get(f"{base}/hls/{path}")
                assert kind == "video/mp2t"
                at = re.fullmatch(r"#EXT-X-PROGRAM-DATE-TIME:.*:(\d\d\.\d{3})Z", date)
                assert at is not None
                seconds = float(length.removeprefix("#EXTINF:").rstrip(","))
                assert round(seconds) <= 2
                segments[first + n] = (float(at[1]), seconds, data)
        time.sleep(1)
    assert len(segments) >= 8
    assert sorted(segments) == list(range(min(segments), min(segments) + len(segments)))
    for n, following in pairwise(sorted(segments)):
        begun, seconds, _ = segments[n]
        assert (segments[following][0] - begun - seconds) % 60 == pytest.approx(0, abs=0.002) or (
            segments[following][0] - begun - seconds
        ) % 60 == pytest.approx(60, abs=0.002)
    analyser = TsAnalyser(Rules(stall_buffer_s=None))
    for _, _, data in (segments[n] for n in sorted(segments)):
        analyser.feed(data)
    report = analyser.finish()
    assert report.ok, report.to_text()


def test_ffmpeg_plays_the_playlist(on_air: Broadcast) -> None:
    url = f"http://127.0.0.1:{on_air.http_port}/hls/5.2.m3u8"
    run = subprocess.run(
        [choose_ffmpeg().path, "-v", "info", "-nostdin", "-i", url, "-t", "6", "-f", "null", "-"],
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    frames = re.findall(r"frame= *(\d+)", run.stderr)
    assert int(frames[-1]) >= 170, run.stderr


def test_an_hls_audience_that_stays_away_costs_nothing(on_air: Broadcast) -> None:
    get(f"http://127.0.0.1:{on_air.http_port}/hls/5.1.m3u8")

    def watched() -> int:
        status = on_air.get_json("/now.json")
        assert isinstance(status, dict)
        return int(next(c for c in status["channels"] if c["channel"] == "net")["viewers"])

    assert watched() == 1
    until(lambda: watched() == 0, 30, "the packager to leave")


def test_unknown_channels_and_segments_are_404(on_air: Broadcast) -> None:
    for path in ("/hls/9.9.m3u8", "/hls/5.1/1.ts", "/live/9.9.mp4"):
        with pytest.raises(urllib.error.HTTPError, match="404"):
            get(f"http://127.0.0.1:{on_air.http_port}{path}")


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
@pytest.mark.parametrize("source", ["mp4", "hls"])
async def test_a_browser_shows_the_channel(on_air: Broadcast, tmp_path: Path, source: str) -> None:
    address = f"http://127.0.0.1:{on_air.http_port}/watch/5.1"
    async with browsing(address, tmp_path / "profile") as page:
        await page.until("!!document.querySelector('video')", 20)
        if source == "hls":  # what a browser takes that can't play an MP4 as it comes
            if not await page.evaluate(
                "document.createElement('video').canPlayType('application/vnd.apple.mpegurl')"
            ):
                pytest.skip("this browser plays no HLS of its own")
            await page.evaluate(
                "document.querySelector('source').remove(); document.querySelector('video').load()"
            )
        playing = await page.until("document.querySelector('video').currentTime > 1", 30)
        before = await page.evaluate("document.querySelector('video').currentTime")
        after = await page.until(f"document.querySelector('video').currentTime > {before + 2}", 20)
        size = await page.evaluate("[screen_.videoWidth, screen_.videoHeight, screen_.currentSrc]")
        await page.screenshot(tmp_path / "page.png")
        console = page.console
    assert playing, console
    assert after, "time does not advance"
    assert size[:2] == [640, 360]
    assert size[2].endswith(".mp4" if source == "mp4" else ".m3u8")
    assert console == [], "nothing is refused by the policy"
