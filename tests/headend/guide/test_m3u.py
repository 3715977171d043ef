"""M3U: lines that the strictest and the most careless reader take apart alike."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from syrupy.assertion import SnapshotAssertion

from retrovue.headend.m3u import m3u, watch
from tests.headend.fake_lineup import CHANNELS

BASE = "http://10.0.0.5:8080"


def test_the_playlist(snapshot: SnapshotAssertion) -> None:
    assert m3u(CHANNELS, BASE) == snapshot


def test_one_channel_for_a_player() -> None:
    assert watch(CHANNELS[0], BASE) == (
        "#EXTM3U\n#EXTINF:-1,5.1 WRTV Retro 5\nhttp://10.0.0.5:8080/auto/v5.1\n"
    )


def test_no_channels() -> None:
    assert m3u([], BASE).splitlines() == [f'#EXTM3U url-tvg="{BASE}/xmltv.xml" x-tvg-url="{BASE}/xmltv.xml"']


@pytest.mark.parametrize(
    "hostile",
    [
        'A "quoted" name',
        "Movies, Classic, and More",
        "line\nhttp://evil.example/\n#EXTINF:-1,x",
        "carriage\rreturn\u2028separator\x85next",
        'close",group-title="x',
        "#EXTM3U",
    ],
)
def test_hostile_names(hostile: str) -> None:
    channel = replace(CHANNELS[0], name=hostile, group=hostile)
    lines = m3u([channel, CHANNELS[1]], BASE).splitlines()
    assert len(lines) == 5, "a name never makes a line of its own"
    assert lines[2::2] == [f"{BASE}/auto/v5.1", f"{BASE}/auto/v5.2"]
    # Kodi reads the name after the last comma, VLC after the first: there is one.
    assert lines[1].count(",") == 1
    attributes = dict(re.findall(r'([a-z-]+)="([^"]*)"', lines[1].partition(",")[0]))
    assert attributes["tvg-id"] == channel.guide_id
    assert attributes["tvg-chno"] == "5.1"
    assert attributes["tvg-name"] == lines[1].partition(",")[2] == attributes["group-title"]
    assert lines[1].count('"') == 2 * len(attributes)
