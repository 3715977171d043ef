"""NFO as Kodi and Jellyfin write it, and as others do."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrovue.credits import Credit
from retrovue.library.nfo import MAX_BYTES, parse_nfo

MOVIE = """<?xml version="1.0" encoding="UTF-8" standalone="yes" ?>
<movie>
    <title>Charade &amp; Co</title>
    <originaltitle>Charade</originaltitle>
    <ratings><rating name="imdb"><value>7.9</value></rating></ratings>
    <outline>Short.</outline>
    <plot>A widow,
      a fortune.</plot>
    <mpaa>Rated PG-13 for some violence</mpaa>
    <genre>Comedy</genre><genre>Mystery / Romance</genre>
    <tag>late</tag><tag>late</tag>
    <director>Stanley Donen</director>
    <credits>Peter Stone / Marc Behm</credits>
    <actor><name>Audrey Hepburn</name><role>Regina
      Lampert</role><order>0</order><thumb/></actor>
    <actor><name>Cary Grant</name></actor><actor><name/><role>Nobody</role></actor>
    <actor><name>A Guest</name><role>Herself</role><type>GuestStar</type></actor>
    <premiered>1963-12-05</premiered>
    <year>1963</year>
    <thumb aspect="poster">http://example.org/p.jpg</thumb>
    <!-- scraped -->
</movie>
https://www.example.org/title?id=1&lang=en
"""

EPISODES = """<episodedetails><title>Pilot</title><showtitle>Cheers</showtitle><season>1</season>
<episode>1</episode><aired>1982-09-30</aired><plot>One.</plot></episodedetails>
<episodedetails><title>Sam's Women</title><season>1</season><episode>2</episode>
<plot>Two.</plot></episodedetails>
"""


def test_a_film() -> None:
    assert parse_nfo(MOVIE.encode()) == {
        "title": "Charade & Co",
        "year": 1963,
        "date": "1963-12-05",
        "description": "A widow, a fortune.",
        "rating": "PG-13",
        "tags": ("late",),
        "credits": (
            Credit("director", "Stanley Donen"),
            Credit("actor", "Audrey Hepburn", "Regina Lampert"),
            Credit("actor", "Cary Grant"),
            Credit("writer", "Peter Stone"),
            Credit("writer", "Marc Behm"),
            Credit("guest", "A Guest"),
        ),
        "extra": {"genre": "Comedy, Mystery, Romance"},
    }


def test_a_file_with_several_episodes() -> None:
    assert parse_nfo(EPISODES.encode()) == {
        "title": "Pilot / Sam's Women",
        "series": "Cheers",
        "season": 1,
        "episode": 1,
        "year": 1982,
        "date": "1982-09-30",
        "description": "One.\nTwo.",
    }


def test_a_series_says_what_its_episodes_have_in_common() -> None:
    show = "<tvshow><title>Cheers</title><plot>A bar.</plot><mpaa>US:TV-PG / DE:12</mpaa></tvshow>"
    assert parse_nfo(show.encode()) == {"series": "Cheers", "rating": "TV-PG"}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"https://www.example.org/title/tt1",
        "╔══╗ RELEASE ╚══╝".encode("cp437"),
        b"<html>no</html>",
        b"<movies/>",
    ],
)
def test_what_is_none_of_kodis_says_nothing(content: bytes) -> None:
    assert parse_nfo(content) == {}


def test_other_encodings() -> None:
    text = '<?xml version="1.0" encoding="ISO-8859-1"?><movie><title>Caf\u00e9</title></movie>'
    assert parse_nfo(text.encode("latin-1")) == {"title": "Caf\u00e9"}
    assert parse_nfo(b"\xef\xbb\xbf<movie><title>Caf\xc3\xa9</title></movie>") == {"title": "Caf\u00e9"}
    text = '<?xml version="1.0" encoding="utf-16"?><movie><title>Caf\u00e9</title></movie>'
    assert parse_nfo(text.encode("utf-16")) == {"title": "Caf\u00e9"}


def test_a_namespace_changes_nothing() -> None:
    text = b'<movie xmlns="https://example.org/nfo"><title>Charade</title><year>1963</year></movie>'
    assert parse_nfo(text) == {"title": "Charade", "year": 1963}


@pytest.mark.parametrize(
    ("written", "rating"),
    [
        ("Rated PG-13 for violence", "PG-13"),
        ("Rated R", "R"),
        ("US:PG / DE:12", "PG"),
        ("USA:R", "R"),
        ("United States: TV-14", "TV-14"),
        ("Not Rated", "Not Rated"),
        ("US:Not Rated", "Not Rated"),
        ("FSK 12", "FSK 12"),
        ("12+", "12+"),
    ],
)
def test_ratings_as_they_are_written(written: str, rating: str) -> None:
    assert parse_nfo(f"<movie><mpaa>{written}</mpaa></movie>".encode()) == {"rating": rating}


@pytest.mark.parametrize("piece", ["<!--", "<![CDATA[", "<?xml "])
def test_what_never_ends_takes_no_time(piece: str) -> None:
    # Of each of these the end was looked for, for hours: the suite's own limit is what fails then.
    with suppress(ValueError):
        parse_nfo(b"<movie>" + piece.encode() * (MAX_BYTES // len(piece)) + b"</movie>")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"<movie>\n<title>A</movie>", "line 2, column"),
        (b"<movie><title>A", "line 1"),
        (b"<movie><title>caf\xe9</title></movie>", "UTF-8"),
        (b'<?xml version="1.0" encoding="utf-7"?><movie/>', "utf-7"),
        (
            b'<!DOCTYPE movie [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><movie><title>&b;</title></movie>',
            "DOCTYPE",
        ),
    ],
)
def test_damage_is_told(content: bytes, says: str) -> None:
    with pytest.raises(ValueError, match=r".+") as caught:
        parse_nfo(content)
    assert says in str(caught.value)


def test_numbers_and_days_that_are_none_are_left_out() -> None:
    odd = (
        "<movie><title>A</title><year>next</year><premiered>0000-00-00</premiered><season>-1</season></movie>"
    )
    assert parse_nfo(odd.encode()) == {"title": "A"}


@given(st.binary(max_size=200))
def test_no_bytes_are_a_traceback(content: bytes) -> None:
    for around in (content, b"<movie>" + content, b"<movie><title>" + content + b"</title></movie>"):
        with suppress(ValueError):
            assert isinstance(parse_nfo(around), dict)
