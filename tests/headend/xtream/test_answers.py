"""Answers of an Xtream codes server as values."""

from __future__ import annotations

from base64 import b64decode
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest

from retrovue.headend.xtream import answers
from retrovue.lineup import GuideEntry
from tests.headend.fake_lineup import CHANNELS

NOW = datetime(2026, 11, 26, 20, 15, tzinfo=UTC)
BASE = "http://tv.lan:8080"
ICON = partial(answers.icon, BASE, "?token=x")


@pytest.mark.parametrize(
    ("base", "url", "port", "https_port", "protocol"),
    [
        (BASE, "tv.lan", "8080", "", "http"),
        ("http://10.0.0.5", "10.0.0.5", "80", "", "http"),
        ("https://tv.example", "tv.example", "443", "443", "https"),
        ("https://tv.example:8443/retro", "tv.example", "8443", "8443", "https"),
        ("http://[fd00::1]:8080", "fd00::1", "8080", "", "http"),
    ],
)
def test_a_player_can_make_the_address_from_its_parts(
    base: str, url: str, port: str, https_port: str, protocol: str
) -> None:
    server = answers.login("ann", "pw", base, NOW, NOW, 0)["server_info"]
    assert (server["url"], server["port"], server["https_port"], server["server_protocol"]) == (
        url,
        port,
        https_port,
        protocol,
    )


def test_categories_keep_their_numbers_whatever_comes_beside_them() -> None:
    before = answers.categories(CHANNELS, "Retro")
    assert list(before) == ["Network", "Movies", "Kids", "Retro"]
    new = replace(CHANNELS[0], group="A new one")
    after = answers.categories([new, *CHANNELS], "Retro")
    assert before.items() <= after.items()
    assert all(0 < number < 2**31 for number in after.values())


def test_two_names_of_one_sum_are_two_categories() -> None:
    # Both have the CRC-32 0x4ddb0c25.
    groups = [replace(CHANNELS[0], group=name) for name in ("plumless", "buckeroo")]
    assert len(set(answers.categories(groups, "").values())) == 2


def test_a_category_holds_its_own() -> None:
    number = answers.categories(CHANNELS, "Retro")["Movies"]
    streams = answers.live_streams(CHANNELS, "Retro", ICON, NOW, str(number))
    assert [s["name"] for s in streams] == ["Movies & <More>"]
    assert streams[0]["stream_icon"] == f"{BASE}/artwork/logo/wmov?token=x"
    for everything in ("", "0", "*"):
        assert len(answers.live_streams(CHANNELS, "Retro", ICON, NOW, everything)) == len(CHANNELS)
    assert answers.live_streams(CHANNELS, "Retro", ICON, NOW, "7") == []


def test_a_programme_is_told_in_base64_with_its_part() -> None:
    entry = GuideEntry(7, CHANNELS[0].id, NOW, NOW + timedelta(minutes=30), "Été", "Part 2", "A story.")
    (found,) = answers.epg(CHANNELS[0], [entry], NOW)["epg_listings"]
    assert b64decode(found["title"]).decode() == "Été"
    assert b64decode(found["description"]).decode() == "Part 2\nA story."
    assert (found["start"], found["end"]) == ("2026-11-26 20:15:00", "2026-11-26 20:45:00")
    assert int(found["stop_timestamp"]) - int(found["start_timestamp"]) == 1800
    assert found["now_playing"] == 1
    (later,) = answers.epg(CHANNELS[0], [replace(entry, title="")], NOW - timedelta(hours=1))["epg_listings"]
    assert b64decode(later["title"]).decode() == CHANNELS[0].name
    assert later["now_playing"] == 0


def test_names_and_passwords_are_part_of_no_path() -> None:
    address = answers.stream_address(BASE, "a/b", "p?w#/..", CHANNELS[0], "ts")
    assert address == f"{BASE}/live/a%2Fb/p%3Fw%23%2F../501.ts"
