"""The lines of ``expect:`` as values."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import pytest

from retrovue.station.expect import FORMS, Airs, FillAtLeast, NothingRated, NotTwice, parse_expectation
from retrovue.station.model import SpotKind, When
from retrovue.units import HOUR_US, MINUTE_US
from tests.station.build import load

FRIDAY, SATURDAY = date(2026, 11, 27), date(2026, 11, 28)


@pytest.mark.parametrize(
    ("line", "meant"),
    [
        ("fri 20:00 is movie", Airs(When(days="fri"), 1200, "movie", False)),
        ('Mon-Fri  6:00 is "Good Morning"', Airs(When(days="mon-fri"), 360, "Good Morning", True)),
        ("2026-12-25 20:00 is charade", Airs(When(dates="2026-12-25"), 1200, "charade", False)),
        ("12-25 20:00 is charade", Airs(When(dates="12-25"), 1200, "charade", False)),
        ("us:thanksgiving 12:00 is parade", Airs(When(on="us:thanksgiving"), 720, "parade", False)),
        ("nothing TV-MA before 21:00", NothingRated("TV-MA", None, 1260)),
        ("nothing TV-14 after 05:00", NothingRated("TV-14", 300, None)),
        ('nothing "FSK 16" between 06:00 and 22:00', NothingRated("FSK 16", 360, 1320)),
        ("no ad twice within 60 min", NotTwice(SpotKind.AD, HOUR_US)),
        ("no spot twice within 30m", NotTwice(None, 30 * MINUTE_US)),
        ("no promo twice within 2 hours", NotTwice(SpotKind.PROMO, 2 * HOUR_US)),
        ("fill >= 99.9 %", FillAtLeast(99.9, False)),
        ("fill >95%", FillAtLeast(95.0, True)),
    ],
)
def test_lines(line: str, meant: object) -> None:
    assert parse_expectation(line) == meant


@pytest.mark.parametrize("form", FORMS)
def test_every_form_that_help_shows_is_one(form: str) -> None:
    assert parse_expectation(form)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("", "says nothing that can be checked"),
        ("fri 20:00 movie", "write it like “fri 20:00 is movie”"),
        ("nothng TV-MA before 21:00", "did you mean “nothing”?"),
        ("nothing TV-MA", "write it like “nothing TV-MA before 21:00”"),
        ("no ad twice", "write it like “no ad twice within 60 min”"),
        ("no adverts twice within 60 min", "“adverts” is no kind of spot"),
        ("no ad twice within a while", "no duration"),
        ("fill >= 101 %", "no more than 100 %"),
        ("fill = 90 %", "write it like “fill >= 99.9 %”"),
        ("friday 20:00 is movie", "is no weekday"),
        ("fri 26:00 is movie", "is no time of day"),
        ("02-30 20:00 is movie", "is not in the calendar"),
        ("us:thanksgivng 12:00 is parade", "is no holiday"),
    ],
)
def test_what_says_nothing(line: str, said: str) -> None:
    with pytest.raises(ValueError, match=re.escape(said)):
        parse_expectation(line)


def test_what_airs_is_known_by_slug_category_or_title() -> None:
    movie = parse_expectation("fri 20:00 is movie")
    assert isinstance(movie, Airs)
    assert movie.on(FRIDAY, {})
    assert not movie.on(SATURDAY, {})
    assert movie.holds("movie", ["Charade"], [])
    assert movie.holds("friday-film", ["Charade"], ["Movie"])
    assert not movie.holds("cheers", ["movie"], ["Series"])
    title = parse_expectation('fri 20:00 is "charade"')
    assert isinstance(title, Airs)
    assert title.holds("friday-film", ["Friday Film", "Charade"], [])
    assert not title.holds("charade", ["Friday Film"], [])


def test_watersheds_are_times_of_the_broadcast_day() -> None:
    before = NothingRated("TV-MA", None, 21 * 60)
    assert before.bars("TV-MA", 20 * 60 + 30, 360)
    assert before.bars("tv-ma", 6 * 60, 360)
    assert not before.bars("TV-MA", 21 * 60, 360)
    assert not before.bars("TV-MA", 2 * 60, 360)  # 02:00 is late at night, not early in the day
    assert not before.bars("TV-PG", 12 * 60, 360)
    after = NothingRated("TV-MA", 5 * 60, None)
    assert after.bars("TV-MA", 5 * 60 + 30, 360)
    assert not after.bars("TV-MA", 6 * 60, 360)


def test_fill() -> None:
    assert FillAtLeast(99.9, False).holds(99.9)
    assert not FillAtLeast(99.9, True).holds(99.9)


@pytest.mark.parametrize(
    ("what", "known"),
    [("movie", True), ("Series", True), ("cheers", True), ("talk", True), ("moovie", False)],
)
def test_a_category_that_nobody_names_is_known(tmp_path: Path, what: str, known: bool) -> None:
    """A film is a movie, and a numbered episode of a series, whether a program says so or not."""
    channel = f'channel: c\nnumber: 9\nname: C\nplans: [daily]\nexpect: "fri 20:00 is {what}"\n'
    program = "program: cheers\ncategories: [Talk]\nchain: [{ synthetic: slate }]\n"
    found = load(tmp_path, {"x.yaml": channel, "y.yaml": program}).diagnostics
    assert [d.code for d in found] == ([] if known else ["unknown-reference"])
