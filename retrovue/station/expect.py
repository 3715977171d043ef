"""``expect:`` — what must be true of a schedule, as lines that a person reads; pure.

===================================  ===================================================================
``fri 20:00 is movie``               at that time (of the broadcast day) this airs: a program, virtual or
``2026-12-25 20:00 is "Charade"``    synthetic by its slug, a category, or, in quotes, a title of the guide
``nothing TV-MA before 21:00``       no programme with this rating starts in that part of the broadcast
``nothing TV-14 after 05:00``        day (``before``, ``after``, ``between 06:00 and 20:00``)
``no ad twice within 60 min``        the same spot of this kind (ad, promo, psa, bumper, ident, filler, or
                                     ``spot`` for any) never twice within this time
``fill >= 99.9 %``                   spots fill at least this share of each day's break time; idents and
                                     cards close the rest
===================================  ===================================================================

A compile checks them over the days that it compiles.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

from retrovue.station import when as whens
from retrovue.station.model import SpotKind, When, parse_duration, parse_time
from retrovue.station.suggest import did_you_mean
from retrovue.units import HOUR_US, MINUTE_US, SECOND_US


@dataclass(frozen=True, slots=True)
class Airs:
    """On the dates of ``when``, what is on at ``minute`` (after midnight, local time) is ``what``."""

    when: When
    minute: int
    what: str
    is_title: bool

    def on(self, day: date, seasons: whens.Seasons) -> bool:
        """Is anything expected of the broadcast date ``day``?"""
        return whens.applies(self.when, day, seasons=seasons)

    def holds(self, program: str, titles: Collection[str], categories: Collection[str]) -> bool:
        """Is this event what is expected? ``program``: its slug; ``titles``: all it is known by."""
        if self.is_title:
            return self.what.casefold() in {title.casefold() for title in titles}
        return self.what == program or self.what.casefold() in {_word(c) for c in categories}


@dataclass(frozen=True, slots=True)
class NothingRated:
    """No programme rated ``rating`` starts from ``start`` to ``end`` (minutes after midnight, local time).

    ``start`` None is the start of the broadcast day, ``end`` None its end.
    """

    rating: str
    start: int | None
    end: int | None

    def bars(self, rating: str, minute: int, day_start: int) -> bool:
        """May a programme with this rating not start at ``minute``? ``day_start``: of the broadcast day."""
        if rating.casefold() != self.rating.casefold():
            return False
        at = (minute - day_start) % whens.DAY_MINUTES
        low = 0 if self.start is None else (self.start - day_start) % whens.DAY_MINUTES
        high = whens.DAY_MINUTES if self.end is None else (self.end - day_start) % whens.DAY_MINUTES
        return low <= at < high


@dataclass(frozen=True, slots=True)
class NotTwice:
    """The same spot of ``kind`` (None: of any) never starts twice within ``within_us``."""

    kind: SpotKind | None
    within_us: int


@dataclass(frozen=True, slots=True)
class FillAtLeast:
    """Spots fill at least this share of each day's break time (per cent; ``above``: more than it)."""

    percent: float
    above: bool

    def holds(self, percent: float) -> bool:
        return percent > self.percent if self.above else percent >= self.percent


Expectation = Airs | NothingRated | NotTwice | FillAtLeast

FORMS = (
    "fri 20:00 is movie",
    "nothing TV-MA before 21:00",
    "no ad twice within 60 min",
    "fill >= 99.9 %",
)
_TIME = r"(\d{1,2}:\d\d)"
_AIRS = re.compile(rf"(\S+) {_TIME} is (.+)", re.IGNORECASE)
_NOTHING = re.compile(
    rf"nothing (.+?) (?:before {_TIME}|after {_TIME}|between {_TIME} and {_TIME})", re.IGNORECASE
)
_NOT_TWICE = re.compile(r"no (\S+) twice within (.+)", re.IGNORECASE)
_FILL = re.compile(r"fill *(>=|>) *(\d{1,3}(?:\.\d+)?) *%", re.IGNORECASE)
_LONG = re.compile(r"(\d+) *(s|sec|seconds?|m|min|minutes?|h|hours?|d|days?)", re.IGNORECASE)
_UNITS = {"s": SECOND_US, "m": MINUTE_US, "h": HOUR_US, "d": 24 * HOUR_US}


def parse_expectation(text: str) -> Expectation:
    """The expectation that a line says. Raises ``ValueError`` ("what is wrong: what to write")."""
    line = " ".join(text.split())
    if match := _FILL.fullmatch(line):
        if float(match[2]) > 100:
            raise ValueError(f"no more than 100 % can be filled, not {match[2]} %")
        return FillAtLeast(float(match[2]), above=match[1] == ">")
    if match := _NOTHING.fullmatch(line):
        rating, before, after, first, last = match.groups()
        start, end = after or first, before or last
        return NothingRated(
            _unquoted(rating),
            None if start is None else parse_time(start),
            None if end is None else parse_time(end),
        )
    if match := _NOT_TWICE.fullmatch(line):
        return NotTwice(_kind(match[1].lower()), _duration(match[2]))
    if match := _AIRS.fullmatch(line):
        what = _unquoted(match[3])
        return Airs(_dates(match[1]), parse_time(match[2]), what, is_title=what != match[3])
    first_word = line.partition(" ")[0].lower()
    form = {form.partition(" ")[0]: form for form in FORMS[1:]}.get(first_word)
    near = did_you_mean(first_word, ["nothing", "fill"])
    wanted = f"write it like “{form}”" if form else near or f"write it like “{FORMS[0]}”, “{FORMS[1]}”, …"
    raise ValueError(f"“{line}” says nothing that can be checked: {wanted}")


def _word(text: str) -> str:
    """A category as a bare word: "Late Movie" is ``late-movie``."""
    return "-".join(text.casefold().split())


def _unquoted(text: str) -> str:
    quoted = len(text) > 1 and text[0] == text[-1] and text[0] in "\"'"
    return text[1:-1] if quoted else text


def _kind(word: str) -> SpotKind | None:
    if word == "spot":
        return None
    try:
        return SpotKind(word)
    except ValueError:
        words = [*(kind.value for kind in SpotKind), "spot"]
        help = did_you_mean(word, words) or f"one of {', '.join(words)}"
        raise ValueError(f"“{word}” is no kind of spot: {help}") from None


def _duration(text: str) -> int:
    if match := _LONG.fullmatch(text):
        return int(match[1]) * _UNITS[match[2][0].lower()]
    return parse_duration(text)


def _dates(word: str) -> When:
    """A weekday, a date or a named day, whichever ``word`` is."""
    said = word.lower()
    try:
        whens.weekdays(said)
    except ValueError as error:
        if said[:1].isdigit():
            whens.date_range(said)
            return When(dates=said)
        if ":" in said or said.startswith("easter"):
            whens.check_named_day(said)
            return When(on=said)
        raise error from None
    return When(days=said)
