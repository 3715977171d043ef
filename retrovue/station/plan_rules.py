"""Rules of plans: the words of ``when``, the windows of zones, and what is pinned in them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import cast

from retrovue.diagnostics import Diagnostic, Label, Span
from retrovue.station import when as whens
from retrovue.station.model import Channel, Plan, Station, When, Zone, parse_time
from retrovue.station.suggest import closest, did_you_mean
from retrovue.station.world import DAY, Loc, Validated, World, clock, error, warning
from retrovue.units import MINUTE_US

#: Blocks that divide the hour (minutes).
GRIDS = (5, 10, 15, 30, 60)


def whens_are_known(world: World) -> Iterator[Diagnostic]:
    seasons = world.station.seasons if world.station else {}
    sound = {name: ranges for name, ranges in seasons.items() if all(map(_is_range, ranges))}

    def season(name: str) -> None:
        if name not in seasons:
            known = ", ".join(sorted(seasons))
            raise ValueError(
                f"the station names no season “{name}”: "
                + (f"known: {known}" if known else "add “seasons: {summer: 06-01..08-31}” to the station")
            )

    for v in world.of("plan"):
        when = cast(Plan, v.model).when
        wrong = False
        for field, (code, verify) in {**_WHENS, "season": ("unknown-season", season)}.items():
            value = getattr(when, field)
            for i, text in enumerate(whens.words(value)):
                loc: Loc = ("when", field) if isinstance(value, str) else ("when", field, i)
                if v.is_mended(*loc) or (field == "season" and text in seasons and text not in sound):
                    wrong = True
                    continue
                try:
                    verify(text)
                except ValueError as refused:
                    wrong = True
                    headline, _, help = str(refused).partition(": ")
                    help = (
                        did_you_mean(text, seasons) if field == "season" else _near_day(field, text)
                    ) or help
                    yield error(code, headline, v.span(*loc), help=help)
        if not wrong and not v.is_mended("when"):
            yield from _never(v, when, seasons)


_WHENS: dict[str, tuple[str, Callable[[str], object]]] = {
    "days": ("unknown-day", whens.weekdays),
    "dates": ("bad-date", whens.date_range),
    "on": ("unknown-holiday", whens.check_named_day),
    "nth": ("unknown-day", whens.nth_weekdays),
    "cron": ("bad-cron", whens.cron_dates),
}
#: The calendar repeats after 28 years; no holiday moves so oddly that five years would not show it.
_YEARS, _HOLIDAY_YEARS = 28, 5
_FIRST_YEAR = 2024


def _never(v: Validated, when: When, seasons: whens.Seasons) -> Iterator[Diagnostic]:
    """Words that are right one by one, and together name no day at all."""
    keys = [k for k in ("days", "dates", "on", "nth", "season", "cron") if getattr(when, k) is not None]
    alone = keys == ["cron"] or keys == ["nth"]
    if len(keys) < 2 and not alone:
        return
    first = date(_FIRST_YEAR, 1, 1)
    dated = [word[0] for text in whens.words(when.dates) for word in whens.date_range(text)]
    if any(year is not None for year in dated):
        first = date(min(year for year in dated if year is not None), 1, 1)
    days = 366 * (_HOLIDAY_YEARS if when.on is not None else _YEARS)
    days = min(days, (date.max - first).days + 1)
    if any(whens.applies(when, first + timedelta(days=n), seasons=seasons) for n in range(days)):
        return
    spans = [v.span("when", key) for key in keys]
    yield warning(
        "never-applies",
        f"no day is {' and '.join(keys)} at once: the plan “{v.slug}” never applies"
        if len(keys) > 1
        else f"no day answers “{keys[0]}”: the plan “{v.slug}” never applies",
        spans[-1],
        labels=tuple(Label(span, key) for span, key in zip(spans[:-1], keys, strict=False)),
        help="all that stands in when must hold on one day; write two plans for either-or",
    )


def seasons_are_dates(world: World) -> Iterator[Diagnostic]:
    for v in world.of("station"):
        for name, ranges in cast(Station, v.model).seasons.items():
            for i, text in enumerate(ranges):
                if not v.is_mended("seasons", name, i):
                    yield from date_words(v, text, ("seasons", name, i))


def _is_range(text: str) -> bool:
    try:
        whens.date_range(text)
    except ValueError:
        return False
    return True


def date_words(v: Validated, text: str, loc: Loc) -> Iterator[Diagnostic]:
    """A finding unless ``text`` is a date or a range of dates."""
    try:
        whens.date_range(text)
    except ValueError as refused:
        headline, _, help = str(refused).partition(": ")
        yield error("bad-date", headline, v.span(*loc), help=help)


def near_weekday(word: str) -> str:
    """What a word that is no weekday was meant to be, as a question, if it can be guessed."""
    # "monday-friday" and "mon-fry" alike: two letters of each part say enough.
    by_head = {day[:2]: day for day in whens.WEEKDAYS}
    parts = [by_head.get(part.strip()[:2], "") for part in word.lower().split("-")[:2]]
    meant = f"did you mean “{'-'.join(parts)}”?" if all(parts) else ""
    return did_you_mean(word, ["weekdays", "weekends", "all"]) or meant


def _near_day(field: str, word: str) -> str:
    if field == "days":
        return near_weekday(word)
    if field == "nth":
        ordinal, _, day = word.lower().partition(" ")
        said = day.strip()
        near = next((d for d in whens.WEEKDAYS if d[:2] == said[:2] and not said.startswith("week")), "")
        return (
            f"did you mean “{ordinal} {near}”?" if near not in ("", day) and ordinal in whens.ORDINALS else ""
        )
    return _near_holiday(word) if field == "on" else ""


#: Days that move with Easter, as they are spoken of.
_WITH_EASTER = {
    "good-friday": "easter-2d",
    "easter-sunday": "easter",
    "easter-monday": "easter+1d",
    "palm-sunday": "easter-7d",
    "ash-wednesday": "easter-46d",
    "ascension": "easter+39d",
    "pentecost": "easter+49d",
    "whit-sunday": "easter+49d",
    "whit-monday": "easter+50d",
    "pentecost-monday": "easter+50d",
    "corpus-christi": "easter+60d",
}


def _near_holiday(word: str) -> str:
    country, colon, name = word.strip().lower().partition(":")
    if not colon:
        meant = _WITH_EASTER.get(whens.holiday_slug(word), "")
        shift = re.fullmatch(r"easter ?([+-]) ?([0-9]{1,3})(?: ?days?)?", country)
        if shift:
            meant = f"easter{shift[1]}{shift[2]}d"
        return f"did you mean “{meant}”?" if meant else did_you_mean(word, ["easter"])
    try:
        known = whens.holiday_names(country)
    except ValueError:
        return ""
    slug = whens.holiday_slug(name)
    found = slug if slug in known else closest(slug, known)
    if len(country) != 2:  # the calendar knows countries by three letters, too
        return f"write a country as two letters, like “us:{found or 'thanksgiving'}”"
    return f"did you mean “{country}:{found}”?" if found else f"known: {', '.join(sorted(known))}"


@dataclass(frozen=True, slots=True)
class _Day:
    """The broadcast day a plan is laid on."""

    start: int  #: minutes after midnight
    grid: int  #: minutes
    by: str  #: whose it is, for messages


def _days_of(world: World) -> dict[str, list[_Day]]:
    """Plan → the different broadcast days and grids of the channels that use it."""
    grid = world.station.grid if world.station else 30 * MINUTE_US
    found: dict[str, dict[tuple[int, int], _Day]] = {}
    for v in world.of("channel"):
        channel = cast(Channel, v.model)
        start = world.day_start if channel.broadcast_day_start is None else channel.broadcast_day_start
        own = (grid if channel.grid is None else channel.grid) // MINUTE_US
        for plan in channel.plans:
            found.setdefault(plan, {}).setdefault((start, own), _Day(start, own, channel.channel))
    default = _Day(world.day_start, grid // MINUTE_US, "the station")
    days = {v.slug: list(found.get(v.slug, {}).values()) or [default] for v in world.of("plan")}
    return {plan: [day for day in own if day.grid in GRIDS] for plan, own in days.items()}


def zone_names(world: World) -> Iterator[Diagnostic]:
    """A zone's rotations, warnings and reasons go by its name."""
    for v in world.of("plan"):
        first: dict[str, int] = {}
        for i, zone in enumerate(cast(Plan, v.model).zones):
            if v.is_mended("zones", i) or v.is_mended("zones", i, "zone"):
                continue
            earlier = first.setdefault(zone.zone, i)
            if earlier != i:
                yield error(
                    "duplicate-zone",
                    f"two zones of the plan “{v.slug}” are called “{zone.zone}”",
                    v.span("zones", i, "zone"),
                    labels=(Label(v.span("zones", earlier, "zone"), "first here"),),
                    help="give one of them another name",
                )


def listed_plans(world: World) -> Iterator[Diagnostic]:
    """A plan that was written and that no channel lists: most likely somebody forgot to."""
    channels = world.of("channel")
    if any(v.is_mended("plans") or v.is_mended("simulcast") for v in channels):
        return
    listed = {slug for v in channels for slug in cast(Channel, v.model).plans}
    for v in world.of("plan"):
        span = v.span("plan")
        shared = span is not None and span.file.startswith("..")  # other stations may use it
        if v.slug not in listed and channels and not shared and not v.is_mended("plan"):
            yield warning(
                "unlisted-plan",
                f"no channel lists the plan “{v.slug}”: nothing of it airs",
                span,
                help=f"add it to the “plans” of a channel: plans: [{v.slug}, …]",
            )


def zones(world: World) -> Iterator[Diagnostic]:
    """Windows, overlaps and pins, in the broadcast day of every channel that uses the plan."""
    days = _days_of(world)
    for v in world.of("plan"):
        plan = cast(Plan, v.model)
        told: set[tuple[str, Span | None]] = set()
        for day in days[v.slug]:
            for diagnostic in _zones_on(v, plan, day):
                if (diagnostic.code, diagnostic.span) not in told:
                    told.add((diagnostic.code, diagnostic.span))
                    yield diagnostic


def _zones_on(v: Validated, plan: Plan, day: _Day) -> Iterator[Diagnostic]:
    placed: list[tuple[int, int, int]] = []  # start, end, index
    for i, zone in enumerate(plan.zones):
        if v.is_mended("zones", i, "window"):
            continue
        start, end = zone.window
        span = v.span("zones", i, "window")
        begin, finish = (start - day.start) % DAY, (end - day.start) % DAY or DAY
        if start == end and begin != 0:
            yield error(
                "empty-window",
                f"the zone “{zone.zone}” begins and ends at {clock(start)}",
                span,
                help=f"the whole day is written {clock(day.start)}-{clock(day.start)}",
            )
            continue
        if finish <= begin:
            yield error(
                "zone-crosses-day",
                f"the zone “{zone.zone}” runs across the start of the broadcast day, {clock(day.start)}",
                span,
                help=f"write two zones: {clock(start)}-{clock(day.start)}, {clock(day.start)}-{clock(end)}",
            )
            continue
        off = [t for t, at in ((start, begin), (end, finish)) if at % day.grid]
        if off:
            yield error(
                "zone-off-grid",
                f"{' and '.join(clock(t) for t in off)} is not on the {day.grid}-minute grid of {day.by}",
                span,
                help=f"did you mean {_snap(begin, day)}-{_snap(finish, day)}?",
            )
        placed.append((begin, finish, i))
        yield from _pins_on(v, i, zone, begin, finish, day)
    placed.sort()
    latest: tuple[int, int, int] | None = None
    for entry in placed:
        if latest is not None and entry[0] < latest[1]:
            first, second = sorted((latest[2], entry[2]))
            yield error(
                "zone-overlap",
                f"the zones “{plan.zones[first].zone}” and “{plan.zones[second].zone}” overlap",
                v.span("zones", second, "window"),
                labels=(Label(v.span("zones", first, "window"), f"“{plan.zones[first].zone}” is here"),),
                help="end the one where the other begins",
            )
        if latest is None or entry[1] > latest[1]:
            latest = entry


def _pins_on(v: Validated, i: int, zone: Zone, begin: int, finish: int, day: _Day) -> Iterator[Diagnostic]:
    pins: dict[int, str] = {}
    faulty = v.is_mended("zones", i, "at")
    for key in zone.at:
        span = v.key_span("zones", i, "at", key)
        try:
            minutes = parse_time(key)
        except ValueError as refused:
            faulty = True
            headline, _, help = str(refused).partition(": ")
            yield error("bad-value", headline, span, help=help)
            continue
        at = (minutes - day.start) % DAY
        if at in pins:
            yield error(
                "duplicate-pin",
                f"two programs are pinned to {clock(minutes)}",
                span,
                labels=(Label(v.key_span("zones", i, "at", pins[at]), "first here"),),
                help="keep one of the two",
            )
            continue
        pins[at] = key
        if not begin <= at < finish:
            yield error(
                "pin-outside-zone",
                f"{clock(minutes)} is outside the zone “{zone.zone}”",
                span,
                labels=(Label(v.span("zones", i, "window"), "its window"),),
                help="move the pin or widen the window",
            )
        elif at % day.grid:
            yield error(
                "pin-off-grid",
                f"{clock(minutes)} is not on the {day.grid}-minute grid of {day.by}",
                span,
                help=f"did you mean {_snap(at, day)}?",
            )
    if zone.play and zone.gap is not None:
        yield error(
            "unused-key",
            f"“gap” has no effect: “play” fills what the pins of “{zone.zone}” leave open",
            v.key_span("zones", i, "gap"),
            labels=(Label(v.key_span("zones", i, "play"), "fills the gaps"),),
            help="keep one of the two",
        )
    if zone.play or faulty or v.is_mended("zones", i, "play"):
        return
    if not zone.at:
        yield error(
            "empty-zone",
            f"the zone “{zone.zone}” plays nothing",
            v.span("zones", i, "zone"),
            help="add “play: [program, …]”",
        )
    elif begin not in pins and zone.gap is None and not v.is_mended("zones", i, "gap"):
        first = min(pins)
        yield error(
            "zone-gap",
            f"nothing fills “{zone.zone}” from {clock(begin + day.start)} to {clock(first + day.start)}",
            v.span("zones", i, "window"),
            labels=(Label(v.key_span("zones", i, "at", pins[first]), "the first pin"),),
            help="add “play: [program, …]” for the time between pins, or “gap: off_air”",
        )


def _snap(offset: int, day: _Day) -> str:
    return clock((offset + day.grid // 2) // day.grid * day.grid + day.start)
