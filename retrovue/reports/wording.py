"""Wording: programmes and instants as every report writes them, in station time; pure."""

from __future__ import annotations

from datetime import date, datetime, tzinfo

from retrovue.compiler.model import ScheduleEvent
from retrovue.units import SECOND_US, from_us


def local(us: int, zone: tzinfo) -> datetime:
    """The aware datetime of an instant in station time."""
    return from_us(us).astimezone(zone)


def utc(us: int) -> str:
    """ "2026-11-24T20:00:00Z", with a fraction only where there is one."""
    return from_us(us).isoformat().replace("+00:00", "Z")


def clock(us: int, zone: tzinfo) -> str:
    """ "20:00"; with the zone's letters in the hour that comes twice in autumn: "01:30 EST"."""
    at = local(us, zone)
    twice = at.replace(fold=1 - at.fold).utcoffset() != at.utcoffset()
    return f"{at:%H:%M %Z}" if twice else f"{at:%H:%M}"


def day(on: date) -> str:
    """ "Tue 24 Nov"."""
    return f"{on:%a %d %b}"


def when(us: int, zone: tzinfo) -> str:
    """ "Tue 24 Nov 20:00"."""
    return f"{day(local(us, zone).date())} {clock(us, zone)}"


def number(event: ScheduleEvent) -> str:
    """ "S6E12"; empty for what has no number."""
    if event.season is not None and event.episode is not None:
        return f"S{event.season}E{event.episode}"
    return f"E{event.episode}" if event.episode is not None else ""


def detail(event: ScheduleEvent) -> str:
    """What tells one airing of a title from another: number, else subtitle, else year."""
    if found := number(event):
        return found
    if event.subtitle:
        return f"“{event.subtitle}”"
    return f"({event.year})" if event.year is not None and event.kind == "movie" else ""


def named(event: ScheduleEvent) -> str:
    """ "Cheers S6E12"."""
    return " ".join(filter(None, (event.title, detail(event))))


def length(us: int) -> str:
    """ "0:01:30.500"; the fraction only where there is one."""
    seconds, rest = divmod(us, SECOND_US)
    fraction = f".{rest:06}".rstrip("0") if rest else ""
    return f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}{fraction}"


def plural(count: int, noun: str, nouns: str = "") -> str:
    """ "1 spot", "2 spots", "1,204 airings"."""
    return f"{count:,} {noun if count == 1 else nouns or noun + 's'}"
