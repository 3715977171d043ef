"""Sidecars: what may be written, and what is said about mistakes."""

from __future__ import annotations

from itertools import pairwise

import pytest

from retrovue.credits import Credit
from retrovue.library.sidecar import parse_sidecar


def test_everything_that_may_be_written() -> None:
    assert parse_sidecar(
        """
        key: pilot
        title: 1984
        date: 1956-03-04
        marks: [12:04, 1:02:03.5, 90, 12:04]
        tags: [classic, 2]
        rating: TV-PG
        advertiser: Sunny Cola
        category: soft-drinks
        flight: [2026-11-01..2026-12-24, 2027-01-06]
        credits: { actor: { Ann: Bo, 1984: Cy }, director: [Dee, Ed, Dee], writer: Ann }
        extra: { director: Somebody }
        """
    ) == {
        "key": "pilot",
        "title": "1984",
        "date": "1956-03-04",
        "marks_us": (90_000_000, 724_000_000, 3_723_500_000),
        "tags": ("classic", "2"),
        "rating": "TV-PG",
        "advertiser": "Sunny Cola",
        "category": "soft-drinks",
        "credits": (
            Credit("director", "Dee"),
            Credit("director", "Ed"),
            Credit("actor", "Ann", "Bo"),
            Credit("actor", "1984", "Cy"),
            Credit("writer", "Ann"),
        ),
        "extra": {"director": "Somebody", "flight": "2026-11-01..2026-12-24 2027-01-06"},
    }


def test_an_empty_sidecar_sets_nothing_and_empty_marks_are_meant() -> None:
    assert parse_sidecar("# nothing\n") == {}
    assert parse_sidecar("marks: []") == {"marks_us": ()}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("title: [", "line 1"),
        ("title: a\ntitle: b", "line 2"),
        ("- a", "fields"),
        ("titel: a", "titel"),
        ("marks: [noon]", "no offset"),
        ("credits: Ann", "by job"),
        ("credits: { gaffer: Ann }", "'gaffer' is none of director"),
        ("credits: { writer: { Ann: Bo } }", "only an actor"),
        ("credits: { actor: [[Ann]] }", "nobody's name"),
        ("credits: { actor: }", "nobody's name"),
        ("marks: [-5]", "marks.0"),
        ("marks: [.inf]", "marks.0: inf is no offset"),
        ("marks: [.nan]", "no offset"),
        ("season: -1", "season"),
        ("episode: 99999999", "episode"),
        ("year: 20000", "year"),
        ("year: -5", "year"),
        ('title: "\\ud800"', "half a character"),
        ('extra: { "\\ud800": a }', "half a character"),
        ('credits: { writer: "\\ud800" }', "half a character"),
        ('key: " "', "key"),
        ("tags: !!set { a, b }", "tags: write a list"),
        ("date: 1963", "date: 1963 is no date: write it like 1963-12-05"),
        ("titel: a", "titel: there is no such field: did you mean title?"),
        ("date: yesterday", "date"),
        ("season: many", "season"),
        ("flight: summer", "flight: 'summer' is no flight"),
        ("extra: { flight: summer }", "no flight"),
        ("a: &a [*a]", "a:"),
        ("x: !!python/object/apply:os.system [true]", ""),
    ],
)
def test_mistakes_are_told(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=r".+") as caught:
        parse_sidecar(text)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_one_value_may_stand_for_a_list_of_one() -> None:
    assert parse_sidecar("tags: late\nmarks: 0:30") == {"tags": ("late",), "marks_us": (30_000_000,)}


def test_dates_are_written_in_one_way() -> None:
    written = parse_sidecar('date: "19631205"\nflight: 20261101..20261224')
    assert written == {"date": "1963-12-05", "extra": {"flight": "2026-11-01..2026-12-24"}}


def test_a_few_aliases_make_no_long_message() -> None:
    names = "abcdefgh"
    lists = [f"{b}: &{b} [{', '.join([f'*{a}'] * 9)}]" for a, b in pairwise(names)]
    with pytest.raises(ValueError, match="no offset") as caught:
        parse_sidecar("\n".join(["a: &a [1]", *lists, "marks: [*h]"]))
    assert len(str(caught.value)) < 500
