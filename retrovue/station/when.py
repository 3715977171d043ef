"""When a plan applies: the words of ``when:`` as questions about one broadcast date; pure.

Words: weekdays ("mon-fri", "sat", "weekdays", "weekends", "all"), dates with or without a year
("2026-07-04", "12-24..12-26"; a range may cross New Year), named days ("us:thanksgiving", "easter",
"easter-2d"). Every function raises ``ValueError`` for a word it doesn't know, with a sentence for people.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable
from datetime import date, timedelta
from functools import lru_cache

from retrovue.station.model import When

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_GROUPS = {
    "all": frozenset(range(7)),
    "daily": frozenset(range(7)),
    "weekdays": frozenset(range(5)),
    "weekends": frozenset((5, 6)),
}
_DATE = re.compile(r"(?:(\d{4})-)?(\d{1,2})-(\d{1,2})")
_EASTER = re.compile(r"easter(?:([+-]\d{1,3})d)?")
_COUNTRY = re.compile(r"([a-z]{2}):([a-z0-9]+(?:-[a-z0-9]+)*)")

#: (country, kebab-case name, year) → the dates that bear this name in that year.
HolidayDates = Callable[[str, str, int], frozenset[date]]


# --- weekdays --------------------------------------------------------------------------------------


def weekdays(word: str) -> frozenset[int]:
    """Weekdays (Monday is 0) of "mon-fri", "sat", "fri-mon", "weekends", "all"."""
    text = word.strip().lower()
    if text in _GROUPS:
        return _GROUPS[text]
    first, dash, last = (part.strip() for part in text.partition("-"))
    if first not in WEEKDAYS or (dash and last not in WEEKDAYS):
        raise ValueError(f"“{word}” is no weekday: write mon, tue, … sun, mon-fri, weekdays, weekends or all")
    start = WEEKDAYS.index(first)
    end = WEEKDAYS.index(last) if dash else start
    return frozenset((start + step) % 7 for step in range((end - start) % 7 + 1))


# --- dates -----------------------------------------------------------------------------------------

#: (year or None, month, day)
_Day = tuple[int | None, int, int]


def _day(text: str) -> _Day:
    match = _DATE.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"“{text}” is no date: write 2026-07-04, 07-04 or 12-24..12-26")
    year, month, day = (int(group) if group else None for group in match.groups())
    assert month is not None
    assert day is not None
    try:
        date(2000 if year is None else year, month, day)  # 2000 had a 29 February
    except ValueError:
        raise ValueError(f"“{text}” is not in the calendar") from None
    return year, month, day


def date_range(word: str) -> tuple[_Day, _Day]:
    """First and last day (year or None, month, day) of "12-24..12-26" or "2026-07-04"."""
    first_text, dots, last_text = word.partition("..")
    first = _day(first_text)
    last = _day(last_text) if dots else first
    if (first[0] is None) != (last[0] is None):
        raise ValueError(f"“{word}” has a year on one side only: give both sides a year, or neither")
    if first[0] is not None and last[0] is not None and (first[0], *first[1:]) > (last[0], *last[1:]):
        raise ValueError(f"“{word}” ends before it begins")
    return first, last


def in_dates(word: str, on: date) -> bool:
    """Is ``on`` in this date or range? Ranges without a year may cross New Year."""
    first, last = date_range(word)
    if first[0] is not None and last[0] is not None:
        return date(first[0], *first[1:]) <= on <= date(last[0], *last[1:])
    today = (on.month, on.day)
    if first[1:] <= last[1:]:
        return first[1:] <= today <= last[1:]
    return today >= first[1:] or today <= last[1:]


def _days_in(word: str) -> int:
    first, last = date_range(word)
    begin = date(first[0] or 2000, *first[1:])
    end = date(last[0] or 2000, *last[1:])
    return (end - begin).days + 1 if begin <= end else (end - begin).days + 367


# --- named days ------------------------------------------------------------------------------------


def easter(year: int) -> date:
    """Western Easter Sunday (Meeus, Astronomical Algorithms, ch. 8: the Gregorian computus)."""
    century, rest = divmod(year, 100)
    golden = year % 19
    epact = (19 * golden + century - century // 4 - (century - (century + 8) // 25 + 1) // 3 + 15) % 30
    sunday = (32 + 2 * (century % 4) + 2 * (rest // 4) - epact - rest % 4) % 7
    late = (golden + 11 * epact + 22 * sunday) // 451
    month, day = divmod(epact + sunday - 7 * late + 114, 31)
    return date(year, month, day + 1)


def holiday_slug(name: str) -> str:
    """ "New Year's Day" → "new-years"; "Christi Himmelfahrt" → "christi-himmelfahrt"."""
    ascii_name = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    plain = re.sub(r"\(.*?\)|'", "", ascii_name.lower())
    slug = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")
    return slug.removesuffix("-day")


@lru_cache(maxsize=256)
def _calendar(country: str, year: int) -> dict[str, frozenset[date]]:
    """kebab-case name → dates in ``year``; in the country's own language and in English."""
    import holidays  # here: it takes a while, and most stations have no holiday

    try:
        plain = holidays.country_holidays(country.upper(), years=year, observed=False)
    except (NotImplementedError, KeyError):
        raise ValueError(f"“{country}” is no country with known holidays: write us, gb, de, …") from None
    found: dict[str, set[date]] = {}
    languages = {plain.default_language, *({"en_US"} & set(plain.supported_languages))}
    for language in sorted(languages, key=str):
        for category in plain.supported_categories:  # one at a time, so that no names are merged
            days = holidays.country_holidays(
                country.upper(), years=year, observed=False, language=language, categories=category
            )
            for day, names in days.items():
                for name in names.split("; "):
                    if day.year == year and (slug := holiday_slug(name)):
                        found.setdefault(slug, set()).add(day)
    return {slug: frozenset(dates) for slug, dates in found.items()}


def holiday_dates(country: str, name: str, year: int) -> frozenset[date]:
    """The dates of a country's holiday in ``year``; empty when it isn't kept that year."""
    return _calendar(country, year).get(holiday_slug(name), frozenset())


def holiday_names(country: str) -> frozenset[str]:
    """Every name that ``us:…`` may use. Raises ``ValueError`` for an unknown country."""
    return frozenset(slug for year in range(2024, 2032) for slug in _calendar(country, year))


def check_named_day(word: str) -> None:
    """Raises ``ValueError`` unless ``word`` is "easter", "easter-2d" or a known "us:thanksgiving"."""
    text = word.strip().lower()
    if _EASTER.fullmatch(text):
        return
    match = _COUNTRY.fullmatch(text)
    if match is None:
        raise ValueError(
            f"“{word}” names no day: write easter, easter-2d or country:holiday (us:thanksgiving)"
        )
    if holiday_slug(match[2]) not in holiday_names(match[1]):
        raise ValueError(f"“{match[2]}” is no holiday of “{match[1]}”")


def on_named_day(word: str, on: date, dates: HolidayDates = holiday_dates) -> bool:
    """Is ``on`` the day that ``word`` names?"""
    text = word.strip().lower()
    if match := _EASTER.fullmatch(text):
        # An offset of up to 999 days reaches into neighbouring years.
        shift = timedelta(days=int(match[1] or 0))
        return any(easter(year) + shift == on for year in range(max(1, on.year - 3), on.year + 4))
    if match := _COUNTRY.fullmatch(text):
        return on in dates(match[1], match[2], on.year)
    raise ValueError(f"“{word}” names no day")


# --- the whole when --------------------------------------------------------------------------------


def words(value: str | Iterable[str] | None) -> tuple[str, ...]:
    """A single word or a list of them, as a tuple."""
    if value is None:
        return ()
    return (value,) if isinstance(value, str) else tuple(value)


def applies(when: When, on: date, dates: HolidayDates = holiday_dates) -> bool:
    """Does ``when`` hold on the broadcast date ``on``? All that is given must hold; nothing: always."""
    if when.days is not None and not any(on.weekday() in weekdays(w) for w in words(when.days)):
        return False
    if when.dates is not None and not any(in_dates(w, on) for w in words(when.dates)):
        return False
    return when.on is None or any(on_named_day(w, on, dates) for w in words(when.on))


def specificity(when: When) -> int:
    """The fewer days of a year a plan applies to, the higher: every day is 0, a single date near 3660.

    Tenths of days: a dated year adds one, so that 2026-12-24 beats the yearly 12-24.
    """
    tenths = 3660
    once = 0
    if when.dates is not None:
        tenths = min(tenths, 10 * sum(_days_in(w) for w in words(when.dates)))
        once = int(all(date_range(w)[0][0] is not None for w in words(when.dates)))
    if when.on is not None:
        tenths = min(tenths, 10 * len(words(when.on)))
    if when.days is not None:
        count = len(frozenset().union(*(weekdays(w) for w in words(when.days))))
        tenths = tenths * count // 7
    return 3660 - tenths + once
