"""What is said of channels and programmes, by version and field for field as a real server says it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest

from retrovue.credits import Credit
from retrovue.headend.tvheadend.directory import directory
from retrovue.headend.tvheadend.genres import content_code
from retrovue.headend.tvheadend.messages import Dialect, age_of, channel_fields, event_fields
from retrovue.lineup import ArtworkRef, ChannelId, GuideEntry
from tests.headend.fake_lineup import CHANNELS

FOUND = directory("fake", CHANNELS)
ENTRY = GuideEntry(
    event_id=4711,
    channel=ChannelId("wrtv"),
    start=datetime(2026, 11, 26, 20, 0, 0, 500_000, UTC),
    end=datetime(2026, 11, 26, 20, 30, tzinfo=UTC),
    title="Night Court",
    subtitle="Part 5",
    description="A long story.",
    season=2,
    episode=5,
    original_date=date(1984, 3, 1),
    year=1984,
    categories=("Series", "Comedy"),
    rating="TV-PG",
    artwork=ArtworkRef("poster/nc"),
    credits=(
        Credit("director", "Ann"),
        Credit("actor", "Ann", "herself"),
        Credit("actor", "Bo", "Cy"),
        Credit("composer", "Dee"),
        Credit("guest", "Ed"),
    ),
)


def dialect(version: int = 43) -> Dialect:
    return Dialect(version, "http://10.0.0.5:9981", lambda ref: len(ref))


def test_a_programme_with_all_that_is_known() -> None:
    assert event_fields(ENTRY, 77, 4712, dialect()) == {
        "eventId": 4711,
        "channelId": 77,
        "start": 1795723200,
        "stop": 1795725000,
        "title": "Night Court",
        "subtitle": "Part 5",
        "description": "A long story.",
        "credits": {"Ann": "director", "Bo": "actor", "Ed": "guest"},
        "category": ["Series", "Comedy"],
        "contentType": 0x14,
        "ageRating": 10,
        "ratingLabel": "TV-PG",
        "copyrightYear": 1984,
        "firstAired": 446947200,
        "seasonNumber": 2,
        "episodeNumber": 5,
        "episodeOnscreen": "S02E05",
        "image": "imagecache/9",
        "nextEventId": 4712,
    }


def test_a_programme_of_which_nothing_is_known_has_no_empty_fields() -> None:
    bare = GuideEntry(1, ChannelId("wrtv"), ENTRY.start, ENTRY.end, "News")
    assert set(event_fields(bare, 77, 0, dialect())) == {"eventId", "channelId", "start", "stop", "title"}


def test_what_airs_for_the_first_time_is_new() -> None:
    assert event_fields(replace(ENTRY, original_date=date(2026, 11, 26)), 77, 0, dialect())["isNew"] == 1


@pytest.mark.parametrize(
    ("version", "described", "image", "code"),
    [
        (43, None, "imagecache/9", 0x14),
        (34, None, "imagecache/9", 0x14),
        (32, None, "http://10.0.0.5:9981/imagecache/9", 0x14),
        (20, "Part 5", "http://10.0.0.5:9981/imagecache/9", 0x14),
        (5, "Part 5", "http://10.0.0.5:9981/imagecache/9", 1),
    ],
)
def test_older_clients_are_told_as_they_expect(
    version: int, described: str | None, image: str, code: int
) -> None:
    fields = event_fields(replace(ENTRY, description=""), 77, 0, dialect(version))
    assert (fields.get("description"), fields["image"], fields["contentType"]) == (described, image, code)


@pytest.mark.parametrize(
    ("version", "icon"),
    [
        (43, "imagecache/9"),
        (15, "imagecache/9"),
        (14, "/imagecache/9"),
        (8, "/imagecache/9"),
        (7, "http://10.0.0.5:9981/imagecache/9"),
    ],
)
def test_a_channels_icon_by_version(version: int, icon: str) -> None:
    listed = FOUND.by_id[ChannelId("wrtv")]
    assert channel_fields(listed, "Fake", (1, 2), dialect(version))["channelIcon"] == icon


def test_what_kodi_and_jellyfin_need_of_a_channel() -> None:
    for ident in CHANNELS:
        fields: dict[str, Any] = channel_fields(FOUND.by_id[ident.id], "Fake/TV", (1, 2), dialect())
        assert fields["channelNumber"] > 0
        assert fields["channelName"] == ident.name
        (service,) = fields["services"]
        assert service["content"] == 1
        assert service["type"] == ("HDTV" if ident.hd else "SDTV")
        assert len(service["name"].split("/")) == 3
    assert (
        channel_fields(FOUND.by_id[ChannelId("wkid")], "F", (1, 2), dialect()).get("channelNumberMinor")
        is None
    )
    assert channel_fields(FOUND.by_id[ChannelId("wmov")], "F", (1, 2), dialect())["channelNumberMinor"] == 2


@pytest.mark.parametrize(
    ("categories", "movie", "code"),
    [
        (("Movie",), True, 0x10),
        ((), True, 0x10),
        ((), False, 0),
        (("Series", "Comedy"), False, 0x14),
        (("Kids", "Animation"), False, 0x55),
        (("Movie", "Science Fiction"), True, 0x13),
        (("News",), False, 0x20),
        (("Unheard of",), False, 0),
    ],
)
def test_genres(categories: tuple[str, ...], movie: bool, code: int) -> None:
    assert content_code(categories, movie=movie) == code


@pytest.mark.parametrize(
    ("rating", "age"),
    [
        ("TV-Y", 0),
        ("TV-Y7", 7),
        ("TV-MA", 17),
        ("PG-13", 13),
        ("FSK 16", 16),
        ("12", 12),
        ("X1988", 0),
        ("", 0),
    ],
)
def test_ages(rating: str, age: int) -> None:
    assert age_of(rating) == age
