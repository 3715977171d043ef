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
        ("Taxi/Season 02/03 - Louie.mkv", Named("Taxi", 2, 3, title="Louie"), "Taxi/S02E03"),
        ("Taxi/Specials/E1.mkv", Named("Taxi", 0, 1), "Taxi/S00E01"),
        ("Season 1/01.mkv", Named(), "Season 1/01"),
        ("Space 1999 - S01E01.mkv", Named("Space 1999", 1, 1), "Space 1999/S01E01"),
        ("M*A*S*H - S02E05.mkv", Named("M*A*S*H", 2, 5), "M*A*S*H/S02E05"),
        ("Ident 30.mp4", Named(), "Ident 30"),
        ("The.Matrix.1999.1080p.x264-GRP.mkv", Named(title="The Matrix", year=1999), "The Matrix (1999)"),
        ("Class.of.1984.mkv", Named(), "Class.of.1984"),
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
