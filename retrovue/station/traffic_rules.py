"""Rules of what fills breaks: pools, spots, promos, traffic policies and break formats."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from typing import cast

from retrovue.diagnostics import Diagnostic, Label
from retrovue.station import when as whens
from retrovue.station.model import (
    BreakFormat,
    Channel,
    Overlay,
    OverlayKind,
    Plan,
    PlayItem,
    PlayMode,
    Pool,
    Program,
    Spot,
    Station,
    Traffic,
)
from retrovue.station.plan_rules import date_words, near_weekday
from retrovue.station.program_rules import asset_id, play_items
from retrovue.station.references import SCHEDULABLE
from retrovue.station.suggest import did_you_mean
from retrovue.station.validate import value_span
from retrovue.station.world import Loc, Validated, World, clock, error, only_unknown, twice
from retrovue.units import HOUR_US, MINUTE_US

#: Why no rule stands twice in ``relax``.
_ONCE = "a rule can be given up once only: keep the first"
_EVERY = re.compile(r"every [1-9]\d{0,2}m")


def break_rules(world: World) -> Iterator[Diagnostic]:
    words = ("thirds", "center", "end", "none")
    for v in world.of("break_format"):
        otherwise = cast(BreakFormat, v.model).otherwise
        if not v.mended:
            yield from _breaks_where(v, cast(BreakFormat, v.model))
        if v.is_mended("otherwise") or otherwise in words or _EVERY.fullmatch(otherwise):
            continue
        yield error(
            "unknown-word",
            f"“otherwise” can't be “{otherwise}”",
            v.span("otherwise"),
            help=did_you_mean(otherwise, words) or "one of: thirds, center, end, none, every 12m",
        )


#: What says where breaks fall within a programme.
_WITHIN = ("otherwise", "min_spacing", "first_not_before", "last_not_after", "max_breaks")


def _breaks_where(v: Validated, how: BreakFormat) -> Iterator[Diagnostic]:
    """Keys that contradict “at”."""
    if how.at == "rule" and how.otherwise == "none":
        yield error(
            "missing-key",
            f"“at: rule” without a rule: nothing says where “{how.break_format}” breaks",
            v.span("at"),
            help="add “otherwise: thirds”, or write “at: none”: programmes play whole",
        )
    if how.at == "none":
        for key in _WITHIN:
            if key in how.model_fields_set and (key != "otherwise" or how.otherwise != "none"):
                yield error(
                    "unused-key",
                    f"“{key}” has no effect with “at: none”: breaks fall between programmes only",
                    v.key_span(key),
                    labels=(Label(v.span("at"), "because of this"),),
                    help=f"delete “{key}”, or write “at: marks” or “at: rule”",
                )


def pool_modes(world: World) -> Iterator[Diagnostic]:
    """Orders that are a program's alone."""
    for v in world.of("pool"):
        mode = cast(Pool, v.model).mode
        if mode in (PlayMode.MANUAL, PlayMode.MARATHON) and not v.is_mended("mode"):
            known = ", ".join(m.value for m in PlayMode if m not in (PlayMode.MANUAL, PlayMode.MARATHON))
            yield error(
                "unknown-word",
                f"a pool has no “mode: {mode.value}”, as programs have",
                v.span("mode"),
                help=f"one of: {known}",
            )


# --- spots -----------------------------------------------------------------------------------------


def spots(world: World) -> Iterator[Diagnostic]:
    """A spot is for one asset or a query, and its contract can be kept."""
    first: dict[str, Validated] = {}
    for v in world.of("spot"):
        spot = cast(Spot, v.model)
        yield from _target(v, spot)
        if spot.asset is not None and not v.is_mended("asset"):
            earlier = first.setdefault(spot.asset, v)
            if earlier is not v:
                yield error(
                    "duplicate-spot",
                    f"two spots give rules for “{spot.asset}”",
                    v.span("asset"),
                    labels=(Label(earlier.span("asset"), f"first here, {earlier.slug}"),),
                    help="put the rules of one asset into one spot",
                )
        yield from _times(world, v, spot)
        yield from _contract(world, v, spot)


def _target(v: Validated, spot: Spot) -> Iterator[Diagnostic]:
    if v.is_mended("asset") or v.is_mended("spots"):
        return
    if spot.asset is not None and spot.spots is not None:
        one, two = sorted(("asset", "spots"), key=lambda k: v.key_span(k))
        yield error(
            "spot-target",
            f"one spot can't be for both {one} and {two}",
            v.key_span(two),
            labels=(Label(v.key_span(one), "first here"),),
            help="write two spots",
        )
    elif spot.asset is not None:
        yield from asset_id(v, spot.asset, ("asset",))
    elif spot.spots is None and not only_unknown(v.document.root, set(Spot.model_fields)):
        yield error(
            "spot-target",
            f"“{spot.spot}” says for which asset its rules are in no way",
            value_span(v.document.root),
            help="add “asset: collection/key”, or “spots: { … }”",
        )


def _times(world: World, v: Validated, spot: Spot) -> Iterator[Diagnostic]:
    for i, text in enumerate(spot.flight):
        if not v.is_mended("flight", i):
            yield from date_words(v, text, ("flight", i))
    for i, text in enumerate(spot.days):
        if v.is_mended("days", i):
            continue
        try:
            whens.weekdays(text)
        except ValueError as refused:
            headline, _, help = str(refused).partition(": ")
            yield error("unknown-day", headline, v.span("days", i), help=near_weekday(text) or help)
    for i, (start, end) in enumerate(spot.dayparts):
        if start == end and start != world.day_start and not v.is_mended("dayparts", i):
            yield error(
                "empty-window",
                f"this daypart begins and ends at {clock(start)}",
                v.span("dayparts", i),
                help="correct its end, or delete it: without dayparts a spot may air all day",
            )


def _contract(world: World, v: Validated, spot: Spot) -> Iterator[Diagnostic]:
    if spot.runs is None or v.is_mended("runs") or v.is_mended("flight") or v.is_mended("days"):
        return
    if not spot.flight:
        yield error(
            "no-flight",
            f"{spot.runs} runs are contracted, but nothing says over which dates",
            v.span("runs"),
            help="add “flight: 2026-06-01..2026-08-31”",
        )
        return
    if spot.daily_cap is None or v.is_mended("daily_cap"):
        return
    # What a simulcast airs has aired once already, and counts there.
    own = [v for v in world.of("channel") if cast(Channel, v.model).simulcast is None]
    channels = max(1, len(own))
    try:
        weekdays = frozenset().union(*(whens.weekdays(w) for w in spot.days)) or frozenset(range(7))
        for i, text in enumerate(spot.flight):
            days = sum(day.weekday() in weekdays for day in _flight(text))
            most = days * spot.daily_cap * channels
            if most < spot.runs:
                yield error(
                    "impossible-contract",
                    f"{spot.runs} runs can't be delivered: at {spot.daily_cap} a day on {channels} channel"
                    f"{'' if channels == 1 else 's'} the flight's {days} days hold {most}",
                    v.span("runs"),
                    labels=(
                        Label(v.span("daily_cap"), "no more than this a day"),
                        Label(v.span("flight", i), "over these dates"),
                    ),
                    help="raise the cap, lengthen the flight, or contract fewer runs",
                )
    except ValueError:
        return  # its words have been told


def _flight(text: str) -> Iterator[date]:
    """Every day of a flight; of one without a year, in a leap year."""
    first, last = whens.date_range(text)
    begin, end = date(first[0] or 2000, *first[1:]), date(last[0] or 2000, *last[1:])
    if end < begin:  # over New Year
        end = date.fromordinal(end.toordinal() + 366)
    yield from map(date.fromordinal, range(begin.toordinal(), end.toordinal() + 1))


def promos(world: World) -> Iterator[Diagnostic]:
    """What a promo promises must stand in some plan that a channel lists."""
    listed = {slug for v in world.of("channel") for slug in cast(Channel, v.model).plans}
    played = {
        item.program if isinstance(item, PlayItem) else item
        for v in world.of("plan")
        if v.slug in listed
        for _, item in play_items(v)
    }
    schedulable = {noun: world.by_slug(noun) for noun in SCHEDULABLE}
    failed = any(v.mended for v in [*world.of("plan"), *world.of("channel")])
    for v in world.of("spot"):
        promotes = cast(Spot, v.model).promotes
        if promotes is None or promotes.program in played or failed or v.is_mended("promotes"):
            continue
        target = next((d[promotes.program] for d in schedulable.values() if promotes.program in d), None)
        if target is not None:
            yield error(
                "promo-never-true",
                f"“{v.slug}” promises “{promotes.program}”, which no plan of any channel plays",
                v.span("promotes", "program"),
                labels=(Label(target.span(target.noun), "never on the air"),),
                help=did_you_mean(promotes.program, played)
                or "put it into a zone of a plan that a channel lists, or delete “promotes”",
            )


# --- policies --------------------------------------------------------------------------------------


def policies(world: World) -> Iterator[Diagnostic]:
    """What inherited policies may say."""
    for v in world.documents:
        for loc, traffic, max_fill in _holders(v):
            yield from _limit(v, (*loc, "traffic", "ads_per_hour"), traffic.ads_per_hour, HOUR_US, "1h")
            yield from _limit(v, (*loc, "max_fill"), max_fill, 30 * MINUTE_US, "30m")
            yield from twice(v, (*loc, "traffic", "relax"), traffic.relax or (), _ONCE)
        if isinstance(v.model, Pool):
            yield from twice(v, ("relax",), v.model.relax, _ONCE)


def _holders(v: Validated) -> Iterator[tuple[Loc, Traffic, int | None]]:
    model = v.model
    if isinstance(model, Station | Channel):
        yield (), model.traffic, model.max_fill
    elif isinstance(model, Program):
        yield (), model.traffic, None
    elif isinstance(model, Plan):
        for i, zone in enumerate(model.zones):
            yield ("zones", i), zone.traffic, zone.max_fill


def _limit(v: Validated, loc: Loc, value: int | None, most: int, spelt: str) -> Iterator[Diagnostic]:
    if value is not None and value > most and not v.is_mended(*loc):
        yield error(
            "out-of-range",
            f"“{loc[-1]}” must be at most {spelt}",
            v.span(*loc),
            help="an hour has no more" if most == HOUR_US else "half an hour has no more",
        )


#: What only some overlays know.
_OF_OVERLAYS = {
    "text": (OverlayKind.CRAWL, OverlayKind.LIVE, OverlayKind.BUG, OverlayKind.COUNTDOWN),
    "speed": (OverlayKind.CRAWL,),
}


def overlays(world: World) -> Iterator[Diagnostic]:
    for v in world.of("overlay"):
        overlay = cast(Overlay, v.model)
        spoken = overlay.shows in (OverlayKind.CRAWL, OverlayKind.LIVE)
        if spoken and not overlay.text and not v.is_mended("text") and not v.is_mended("shows"):
            yield error(
                "missing-key",
                f"a {overlay.shows.value} without “text” would say nothing",
                value_span(v.document.root),
                help="add “text: …” here",
            )
        if overlay.at == "end" and overlay.lasts is None and not (v.is_mended("at") or v.is_mended("lasts")):
            yield error(
                "missing-key",
                "“at: end” without “lasts” doesn't say how long before the end",
                v.span("at"),
                help="add “lasts: 15s”",
            )
        if overlay.image and overlay.shows is not OverlayKind.BUG and not v.is_mended("shows"):
            yield error(
                "unused-key",
                f"a {overlay.shows.value} has no picture",
                v.span("image"),
                labels=(Label(v.span("shows"), "because of this"),),
                help="only a bug shows an image: take “image” out, or write “shows: bug”",
            )
        for key, shown in _OF_OVERLAYS.items():
            given = key in overlay.model_fields_set and not v.is_mended(key)
            if given and overlay.shows not in shown and not v.is_mended("shows"):
                yield error(
                    "unused-key",
                    f"“{key}” has no effect on a {overlay.shows.value.replace('_', ' ')}",
                    v.key_span(key),
                    labels=(Label(v.span("shows"), "because of this"),),
                    help=f"delete “{key}”: only {' and '.join(f'“{kind.value}”' for kind in shown)} knows it"
                    if len(shown) == 1
                    else f"delete “{key}”: it is for {', '.join(kind.value for kind in shown)}",
                )
        for i, (start, end) in enumerate(overlay.during):
            if start == end and not v.is_mended("during", i):
                yield error(
                    "empty-window",
                    f"this window begins and ends at {clock(start)}",
                    v.span("during", i),
                    help="correct its end, or delete it: without “during” an overlay may be shown all day",
                )
