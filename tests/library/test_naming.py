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
        (
            "Blade.Runner.1982.REMASTERED.720p.mkv",
            Named(title="Blade Runner", year=1982, more="Remastered"),
            "Blade Runner (1982) Remastered",
        ),
        (
            "Blade Runner 1982 Final.Cut PROPER 1080p x264.mkv",
            Named(title="Blade Runner", year=1982, more="Final Cut"),
            "Blade Runner (1982) Final Cut",
        ),
        ("Das.Boot.1981.REPACK.BluRay.mkv", Named(title="Das Boot", year=1981), "Das Boot (1981)"),
        ("Blade.Runner.1982.REMASTERED.mkv", Named(), "Blade.Runner.1982.REMASTERED"),
        ("Cheers S01E22a.mkv", Named("Cheers", 1, 22, "a"), "Cheers/S01E22a"),
        ("Cheers - S01E22B - Showdown.mkv", Named("Cheers", 1, 22, "b", "Showdown"), "Cheers/S01E22b"),
        ("Cheers 1x22a.mkv", Named("Cheers", 1, 22, "a"), "Cheers/S01E22a"),
        ("Cheers S01E30-24a.mkv", Named("Cheers", 1, 30, title="24a"), "Cheers/S01E30"),
        ("Cheers S01E22at.mkv", Named(), "Cheers S01E22at"),
        ("Class.of.1984.mkv", Named(), "Class.of.1984"),
        ("Cheers.S01E02.720p.WEB-DL.mkv", Named("Cheers", 1, 2), "Cheers/S01E02"),
        ("Cheers/Season 1 (1982)/S01E02.mkv", Named("Cheers", 1, 2), "Cheers/S01E02"),
        ("Cheers/Staffel 1 - Neues/02 - Sam.mkv", Named("Cheers", 1, 2, title="Sam"), "Cheers/S01E02"),
        ("Cheers/S01/02.mkv", Named("Cheers", 1, 2), "Cheers/S01E02"),
        ("Cheers S01E18-19 - Double.mkv", Named("Cheers", 1, 18, "-E19", "Double"), "Cheers/S01E18-E19"),
        ("Cheers - 1x20-21.mkv", Named("Cheers", 1, 20, "-E21"), "Cheers/S01E20-E21"),
        ("Cheers S01E01.S01E02.mkv", Named("Cheers", 1, 1, "-E02"), "Cheers/S01E01-E02"),
        ("Cheers S01E01 - S02E02.mkv", Named("Cheers", 1, 1, title="S02E02"), "Cheers/S01E01"),
        ("Cheers S01E01-24 Hours.mkv", Named("Cheers", 1, 1, title="24 Hours"), "Cheers/S01E01"),
        ("Cheers S01E30-24 Hours.mkv", Named("Cheers", 1, 30, title="24 Hours"), "Cheers/S01E30"),
        ("Alien (1979) {tmdb-348}.mkv", Named(title="Alien", year=1979), "Alien (1979)"),
        (
            "Aliens (1986) [imdbid-tt0090605] - Special Edition.mkv",
            Named(title="Aliens", year=1986, more="Special Edition"),
            "Aliens (1986) Special Edition",
        ),
        ("Who (1963) {tvdb-76107}/Season 1/S01E01.mkv", Named("Who (1963)", 1, 1), "Who (1963)/S01E01"),
        ("Blade (1998) (BD 1080p).mkv", Named(title="Blade", year=1998), "Blade (1998)"),
        ("Ame\u0301lie (2001).mkv", Named(title="Am\u00e9lie", year=2001), "Am\u00e9lie (2001)"),
        ("Pokemon\u0301/Season 1/01.mkv", Named("Pokemo\u0144", 1, 1), "Pokemo\u0144/S01E01"),
        ("Cafe\u0301.mkv", Named(), "Caf\u00e9"),
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
