"""When a plan applies."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from retrovue.station import when as whens
from retrovue.station.model import When
from retrovue.station.when import applies, easter, specificity

MON, TUE, FRI, SAT, SUN = (date(2026, 11, d) for d in (23, 24, 27, 28, 29))


@pytest.mark.parametrize(
    ("when", "yes", "no"),
    [
        ({}, [MON, SUN], []),
        ({"days": "mon-fri"}, [MON, FRI], [SAT, SUN]),
        ({"days": "weekdays"}, [MON, FRI], [SAT]),
        ({"days": "weekends"}, [SAT, SUN], [FRI]),
        ({"days": "sat-mon"}, [SAT, SUN, MON], [TUE, FRI]),
        ({"days": ("sat", "tue")}, [SAT, TUE], [SUN, MON]),
        ({"days": "all"}, [MON, SUN], []),
        ({"dates": "11-24..11-27"}, [TUE, FRI, date(2031, 11, 25)], [MON, SAT]),
        ({"dates": "12-30..01-02"}, [date(2026, 12, 31), date(2027, 1, 2)], [date(2027, 1, 3), MON]),
        ({"dates": "2026-11-24"}, [TUE], [date(2027, 11, 24), MON]),
        ({"dates": "2026-12-30..2027-01-02"}, [date(2027, 1, 1)], [date(2026, 1, 1)]),
        ({"dates": ("07-04", "11-24")}, [TUE, date(2020, 7, 4)], [MON]),
        ({"dates": "02-29"}, [date(2028, 2, 29)], [date(2027, 2, 28), date(2027, 3, 1)]),
        ({"on": "us:thanksgiving"}, [date(2026, 11, 26), date(2027, 11, 25)], [FRI]),
        ({"on": "us:thanksgiving-day"}, [date(2026, 11, 26)], [FRI]),
        ({"on": "us:christmas"}, [date(2026, 12, 25)], [date(2026, 12, 24)]),
        ({"on": "us:independence"}, [date(2026, 7, 4)], [date(2026, 7, 3)]),  # not the observed day
        ({"on": "us:halloween"}, [date(2026, 10, 31)], []),
        ({"on": "de:tag-der-deutschen-einheit"}, [date(2026, 10, 3)], []),
        ({"on": "de:german-unity"}, [date(2026, 10, 3)], []),
        ({"on": "fr:noel"}, [date(2026, 12, 25)], []),
        ({"on": "easter"}, [date(2026, 4, 5)], [date(2026, 4, 6)]),
        ({"on": "easter-2d"}, [date(2026, 4, 3)], [date(2026, 4, 5)]),
        ({"on": ("easter+39d", "easter")}, [date(2026, 5, 14), date(2026, 4, 5)], []),
        ({"on": "easter-100d"}, [date(2026, 12, 18)], []),  # reaches back from Easter 2027, 28 March
        ({"days": "fri", "dates": "11-01..11-30"}, [FRI], [SAT, date(2026, 12, 4)]),
    ],
)
def test_applies(when: dict[str, object], yes: list[date], no: list[date]) -> None:
    model = When.model_validate(when)
    assert [d for d in yes if not applies(model, d)] == []
    assert [d for d in no if applies(model, d)] == []


def test_the_fewer_days_the_more_specific() -> None:
    rising = [
        {},
        {"days": "mon-fri"},
        {"days": "weekends"},
        {"days": "sat"},
        {"dates": "12-01..12-31"},
        {"dates": "12-01..12-31", "days": "sat"},
        {"dates": "12-24..12-26"},
        {"dates": "2026-12-24..2026-12-26"},
        {"on": "us:thanksgiving"},
        {"dates": "2026-11-26"},
    ]
    scores = [specificity(When.model_validate(w)) for w in rising]
    assert scores == sorted(scores)
    assert len(set(scores)) == len(scores)
    assert scores[0] == 0


def test_a_caller_may_bring_its_own_calendar() -> None:
    when = When(on="xx:founders-day")
    assert applies(
        when, MON, lambda country, name, year: frozenset({MON}) if country == "xx" else frozenset()
    )


@pytest.mark.parametrize("year", range(1900, 2150, 7))
def test_easter_agrees_with_dateutil(year: int) -> None:
    reference = pytest.importorskip("dateutil.easter")
    assert easter(year) == reference.easter(year)


def test_easter_is_a_sunday_in_spring() -> None:
    for year in range(1583, 4000, 13):
        day = easter(year)
        assert day.weekday() == 6
        assert date(year, 3, 22) <= day <= date(year, 4, 25)


@pytest.mark.parametrize("word", ["", "monday", "mon-", "-fri", "mon-fry", "mo"])
def test_no_weekday(word: str) -> None:
    with pytest.raises(ValueError, match="is no weekday"):
        whens.weekdays(word)


@pytest.mark.parametrize(
    "word",
    [
        "",
        "1-32",
        "13-01",
        "2026-02-29",
        "26-12-24-1",
        "12-24..",
        "2027-01-01..2026-01-01",
        "12/24",
        "0000-01-01",
    ],
)
def test_no_date(word: str) -> None:
    with pytest.raises(ValueError, match="“"):
        whens.date_range(word)


def test_every_day_of_a_leap_year_range_is_counted_once() -> None:
    day, count = date(2028, 1, 1), 0
    while day.year == 2028:
        count += applies(When(dates="12-31..01-01"), day)
        day += timedelta(days=1)
    assert count == 2
