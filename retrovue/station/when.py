"""When a plan applies: the words of ``when:`` as questions about one broadcast date; pure.

Words: weekdays ("mon-fri", "sat", "weekdays", "weekends", "all"), dates with or without a year
("2026-07-04", "12-24..12-26"; a range may cross New Year), named days ("us:thanksgiving", "easter",
"easter-2d"), weekdays by their number in the month ("last fri"), seasons that the station names, and the date
fields of cron. Every function raises ``ValueError`` for a word it doesn't know, with a sentence for people.
"""

from __future__ import annotations

import re
import unicodedata
from calendar import monthrange
from collections.abc import Callable, Iterable, Mapping
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

ORDINALS = {
    **{word: n for n, word in enumerate(("1st", "2nd", "3rd", "4th", "5th"), 1)},
    **{word: n for n, word in enumerate(("first", "second", "third", "fourth", "fifth"), 1)},
    "last": -1,
}
#: Minutes of a day on which no clock changes.
DAY_MINUTES = 24 * 60
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
#: A leap year, in which days are counted.
_LEAP_YEAR = 2000

#: (country, kebab-case name, year) → the dates that bear this name in that year.
HolidayDates = Callable[[str, str, int], frozenset[date]]
#: The station's seasons: name → dates or ranges of them.
Seasons = Mapping[str, tuple[str, ...]]
_NO_SEASONS: Seasons = {}


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


@lru_cache(maxsize=1024)
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
    except (NotImplementedError, KeyError):  # what the library raises for a country that it doesn't know
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
        return any(
            easter(year) + shift == on for year in range(max(1, on.year - 3), min(9999, on.year + 3) + 1)
        )
    if match := _COUNTRY.fullmatch(text):
        return on in dates(match[1], match[2], on.year)
    raise ValueError(f"“{word}” names no day")


# --- weekdays by number ----------------------------------------------------------------------------


@lru_cache(maxsize=256)
def nth_weekdays(word: str) -> frozenset[tuple[int, int]]:
    """(1 to 5, or -1 for the last; weekday) of each part of "2nd tue, 4th tue"."""
    found = set()
    for part in word.split(","):
        ordinal, _, day = " ".join(part.lower().split()).partition(" ")
        if ordinal not in ORDINALS or day not in WEEKDAYS:
            raise ValueError(
                f"“{part.strip()}” is no weekday of the month: write 1st mon, 2nd tue, … 5th sun or last fri"
            )
        found.add((ORDINALS[ordinal], WEEKDAYS.index(day)))
    return frozenset(found)


def on_nth_weekday(word: str, on: date) -> bool:
    """Is ``on`` one of the weekdays of its month that ``word`` numbers?"""
    number = (on.day - 1) // 7 + 1
    is_last = on.day + 7 > monthrange(on.year, on.month)[1]
    wanted = nth_weekdays(word)
    return (number, on.weekday()) in wanted or (is_last and (-1, on.weekday()) in wanted)


# --- seasons ---------------------------------------------------------------------------------------


def in_season(name: str, seasons: Seasons, on: date) -> bool:
    """Is ``on`` in the season ``name``? One that the station doesn't name has no days."""
    return any(in_dates(word, on) for word in seasons.get(name, ()))


# --- cron ------------------------------------------------------------------------------------------

#: (days of the month, months, weekdays with Monday 0, must both days hold)
_Cron = tuple[frozenset[int], frozenset[int], frozenset[int], bool]
_CRON_FIELDS = (
    ("minute", 0, 59, ()),
    ("hour", 0, 23, ()),
    ("day of month", 1, 31, ()),
    ("month", 1, 12, MONTHS),
    ("weekday", 0, 7, ("sun", "mon", "tue", "wed", "thu", "fri", "sat")),
)


@lru_cache(maxsize=256)
def cron_dates(word: str) -> _Cron:
    """What the date fields of "* * 1,15 * fri" ask for; minute and hour are read and mean nothing.

    As in cron, a date matches by day of the month *or* weekday when both are given (crontab(5)).
    """
    fields = word.lower().split()
    if len(fields) != 5:
        raise ValueError(
            f"“{word}” is no cron line: write five fields: minute, hour, day, month, weekday (* * * * fri)"
        )
    _, _, days, months, week = (
        _cron_field(text, *spec) for text, spec in zip(fields, _CRON_FIELDS, strict=True)
    )
    both = fields[2].startswith("*") or fields[4].startswith("*")
    return days, months, frozenset((day - 1) % 7 for day in week), both


def _cron_field(text: str, name: str, low: int, high: int, names: tuple[str, ...]) -> frozenset[int]:
    def number(word: str) -> int:
        if word in names:
            return names.index(word) + low
        if not word.isdecimal() or not low <= int(word) <= high:
            some = f" or {names[0]}-{names[-1]}" if names else ""
            raise ValueError(f"“{word}” is no {name} of a cron line: write {low}-{high}{some}")
        return int(word)

    found: set[int] = set()
    for part in text.split(","):
        span, slash, step = part.partition("/")
        if slash and (not step.isdecimal() or int(step) == 0):
            raise ValueError(f"“{part}” has no step: write */2 or 1-31/2")
        if span == "*":
            first, last = low, high
        else:
            begin, dash, end = span.partition("-")
            first = number(begin)
            last = number(end) if dash else high if slash else first
        # fri-mon goes over the end of the week, and nov-feb over the end of the year.
        around = [*range(first, last + 1)] or [*range(first, high + 1), *range(low, last + 1)]
        found.update(around[:: int(step) if slash else 1])
    return frozenset(found)


def on_cron(word: str, on: date) -> bool:
    """Is ``on`` a date of this cron line?"""
    days, months, week, both = cron_dates(word)
    if on.month not in months:
        return False
    by_day, by_week = on.day in days, on.weekday() in week
    return by_day and by_week if both else by_day or by_week


@lru_cache(maxsize=256)
def _cron_days(word: str) -> int:
    return sum(on_cron(word, date(_LEAP_YEAR, 1, 1) + timedelta(days=n)) for n in range(366))


# --- the whole when --------------------------------------------------------------------------------


def words(value: str | Iterable[str] | None) -> tuple[str, ...]:
    """A single word or a list of them, as a tuple."""
    if value is None:
        return ()
    return (value,) if isinstance(value, str) else tuple(value)


def applies(
    when: When, on: date, dates: HolidayDates = holiday_dates, seasons: Seasons = _NO_SEASONS
) -> bool:
    """Does ``when`` hold on the broadcast date ``on``? All that is given must hold; nothing: always.

    ``seasons``: the station's own (``Station.seasons``).
    """
    if when.days is not None and not any(on.weekday() in weekdays(w) for w in words(when.days)):
        return False
    if when.dates is not None and not any(in_dates(w, on) for w in words(when.dates)):
        return False
    if when.nth is not None and not any(on_nth_weekday(w, on) for w in words(when.nth)):
        return False
    if when.season is not None and not any(in_season(w, seasons, on) for w in words(when.season)):
        return False
    if when.cron is not None and not any(on_cron(w, on) for w in words(when.cron)):
        return False
    return when.on is None or any(on_named_day(w, on, dates) for w in words(when.on))


def specificity(when: When, seasons: Seasons = _NO_SEASONS) -> int:
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
    if when.season is not None:
        days = sum(_days_in(w) for name in words(when.season) for w in seasons.get(name, ()))
        tenths = min(tenths, 10 * days)
    if when.nth is not None:
        parts = len(frozenset().union(*(nth_weekdays(w) for w in words(when.nth))))
        tenths = tenths * min(parts * 12, 366) // 366
    if when.cron is not None:
        tenths = tenths * min(sum(_cron_days(w) for w in words(when.cron)), 366) // 366
    if when.days is not None:
        count = len(frozenset().union(*(weekdays(w) for w in words(when.days))))
        tenths = tenths * count // 7
    return 3660 - tenths + once
