"""What file names say."""

from __future__ import annotations

from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrovue.library.naming import Named, parse_name, pretty


@pytest.mark.parametrize(
    ("path", "named", "key"),
    [
        (
            "Cheers/Season 1/Cheers - S01E02 - Sam's Women.mkv",
            Named(series="Cheers", season=1, episode=2, title="Sam's Women"),
            "Cheers/S01E02",
        ),
        (
            "Cheers/Season 01/S01E02.mkv",
            Named(series="Cheers", season=1, episode=2),
            "Cheers/S01E02",
        ),
        (
            "night.court.s02e11e12.the.wedding.720p.web-dl.mkv",
            Named(series="night court", season=2, episode=11, more="-E12", title="the wedding"),
            "night court/S02E11-E12",
        ),
        ("Taxi_S1_E3_Blind_Date.avi", Named("Taxi", 1, 3, title="Blind Date"), "Taxi/S01E03"),
        ("Taxi 4x07 - Title.avi", Named("Taxi", 4, 7, title="Title"), "Taxi/S04E07"),
        (
            "Evening News - 1983-05-20 - Friday.ts",
            Named(series="Evening News", date="1983-05-20", year=1983, title="Friday"),
            "Evening News/1983-05-20",
        ),
        ("The Third Man (1949).mkv", Named(title="The Third Man", year=1949), "The Third Man (1949)"),
        (
            "Blade Runner (1982) Final Cut 1080p.mkv",
            Named(title="Blade Runner", year=1982, more="Final Cut"),
            "Blade Runner (1982) Final Cut",
        ),
        ("1984 (1956).mp4", Named(title="1984", year=1956), "1984 (1956)"),
        ("ads/1983/Cola.mp4", Named(), "ads/1983/Cola"),
        ("1080p.mp4", Named(), "1080p"),
        ("S01E01.mkv", Named(season=1, episode=1), "S01E01"),
    ],
)
def test_names(path: str, named: Named, key: str) -> None:
    assert parse_name(PurePosixPath(path)) == named
    assert named.key(PurePosixPath(path)) == key


@given(st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\0/"), min_size=1, max_size=120))
def test_any_name_has_a_key_and_a_title(name: str) -> None:
    path = PurePosixPath(f"{name}.mkv")
    assert parse_name(path).key(path)
    assert pretty(path)
