"""When a plan applies."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from retrovue.station import when as whens
from retrovue.station.model import When
from retrovue.station.when import applies, easter, specificity

MON, TUE, FRI, SAT, SUN = (date(2026, 11, d) for d in (23, 24, 27, 28, 29))
SEASONS = {"summer": ("06-01..08-31",), "cold": ("11-20..02-28", "02-29")}


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
        ({"nth": "last fri"}, [FRI, date(2026, 10, 30)], [date(2026, 11, 20)]),
        ({"nth": "4th fri"}, [FRI, date(2026, 10, 23)], [date(2026, 10, 30)]),
        ({"nth": "5th sun"}, [SUN, date(2026, 3, 29)], [date(2026, 11, 22), date(2026, 2, 22)]),
        ({"nth": "2nd tue, 4th tue"}, [TUE, date(2026, 11, 10)], [date(2026, 11, 3), date(2026, 11, 17)]),
        ({"nth": ("first mon", "Last  Sat")}, [date(2026, 11, 2), SAT], [MON]),
        ({"season": "summer"}, [date(2026, 6, 1), date(2030, 8, 31)], [MON, date(2026, 9, 1)]),
        ({"season": "cold"}, [date(2026, 12, 1), date(2027, 1, 9), MON], [date(2026, 6, 1)]),
        ({"season": ("summer", "cold")}, [date(2026, 7, 1), MON], [date(2026, 4, 1)]),
        ({"season": "unheard-of"}, [], [MON]),
        ({"cron": "* * * * fri"}, [FRI], [MON, SAT]),
        ({"cron": "0 20 * * 1-5"}, [MON, FRI], [SAT, SUN]),
        ({"cron": "* * * * 0"}, [SUN], [SAT]),
        ({"cron": "* * * * 7"}, [SUN], [SAT]),
        ({"cron": "* * * * fri-mon"}, [FRI, SAT, SUN, MON], [TUE]),
        ({"cron": "* * 1,15 * *"}, [date(2026, 11, 1), date(2026, 5, 15)], [MON]),
        ({"cron": "* * 23-31/2 nov *"}, [MON, FRI, SUN], [TUE, date(2026, 10, 23)]),
        ({"cron": "* * */10 * *"}, [date(2026, 11, 1), date(2026, 11, 21)], [MON]),
        ({"cron": "* * 24 11 fri"}, [TUE, FRI], [MON, date(2026, 10, 24)]),  # cron's own “or”
        ({"cron": "* * */2 * mon"}, [MON], [TUE, date(2026, 11, 9 + 7)]),  # … and its “and” with a star
        ({"cron": "* * * nov-jan sat"}, [SAT, date(2027, 1, 2)], [date(2026, 10, 31), SUN]),
        ({"cron": ("* * 24 11 *", "* * 28 11 *")}, [TUE, SAT], [MON]),
        ({"nth": "last fri", "season": "cold"}, [FRI], [date(2026, 7, 31), MON]),
    ],
)
def test_applies(when: dict[str, object], yes: list[date], no: list[date]) -> None:
    model = When.model_validate(when)
    assert [d for d in yes if not applies(model, d, seasons=SEASONS)] == []
    assert [d for d in no if applies(model, d, seasons=SEASONS)] == []


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


@pytest.mark.parametrize("word", ["", "fri", "6th fri", "last friday", "1st", "2nd tue 4th tue", "last fri,"])
def test_no_weekday_of_the_month(word: str) -> None:
    with pytest.raises(ValueError, match="is no weekday of the month: write"):
        whens.nth_weekdays(word)


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("", "five fields"),
        ("@weekly", "five fields"),
        ("* * * fri", "five fields"),
        ("* * * * friday", "weekday"),
        ("* * 0 * *", "day of month"),
        ("* * 1-32 * *", "day of month"),
        ("* * * 13 *", "month"),
        ("* * * * 8", "weekday"),
        ("60 * * * *", "minute"),
        ("* 24 * * *", "hour"),
        ("* * */0 * *", "step"),
        ("* * 1,,2 * *", "day of month"),
        ("* * L * *", "day of month"),
    ],
)
def test_no_cron_line(word: str, said: str) -> None:
    with pytest.raises(ValueError, match="“") as refused:
        whens.cron_dates(word)
    assert said in str(refused.value)


def test_the_last_weekday_of_a_month_is_one_a_month() -> None:
    days = [date(2024, 1, 1) + timedelta(days=n) for n in range(731)]
    for weekday in whens.WEEKDAYS:
        last = [d for d in days if whens.on_nth_weekday(f"last {weekday}", d)]
        assert len({(d.year, d.month) for d in last}) == len(last) == 24
        numbered = [d for d in days if whens.on_nth_weekday(f"1st {weekday}, 2nd {weekday}", d)]
        assert len(numbered) == 48


def test_fewer_days_are_more_specific_whatever_says_so() -> None:
    rising: list[dict[str, object]] = [
        {"cron": "* * * * *"},
        {"season": ("summer", "cold")},
        {"cron": "* * * * fri"},
        {"nth": "2nd tue, 4th tue"},
        {"nth": "last fri"},
        {"nth": "last fri", "season": "summer"},
        {"cron": "* * 24 12 *"},
    ]
    scores = [specificity(When.model_validate(w), SEASONS) for w in rising]
    assert scores == sorted(scores)
    assert len(set(scores)) == len(scores)
    assert scores[0] == 0
