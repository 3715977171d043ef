"""The rules across fields and files; each is a generator of diagnostics, pure but for looking at files.

A rule asks nothing of what validation has already refused (``Validated.is_mended``), and a document
that failed still counts as existing: one mistake is told once.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import cast
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, available_timezones

from pydantic import BaseModel, ValidationError

from retrovue.diagnostics import Diagnostic, Label, Severity, Span
from retrovue.station import when as whens
from retrovue.station.document import Mapping as MappingNode
from retrovue.station.document import Scalar, plain
from retrovue.station.model import (
    BUILT_IN_SYNTHETICS,
    BreakFormat,
    Channel,
    Plan,
    PlayItem,
    Pool,
    Program,
    Query,
    Station,
    Zone,
    parse_time,
)
from retrovue.station.numbers import derived_vchannel, number_order, valid_device_id
from retrovue.station.suggest import closest, did_you_mean
from retrovue.station.validate import Loc, Validated, explain, find, told, value_span
from retrovue.units import HOUR_US, MINUTE_US

GRIDS = (5, 10, 15, 30, 60)
DAY = 24 * 60
_EVERY = re.compile(r"every [1-9]\d{0,2}m")


@dataclass(frozen=True)
class World:
    """All documents of a station."""

    folder: Path
    documents: tuple[Validated, ...]
    names: Mapping[str, frozenset[str]]  #: noun → slugs, also of documents that failed
    adapters: Mapping[str, type[BaseModel]] | None

    def of(self, noun: str) -> list[Validated]:
        return [v for v in self.documents if v.noun == noun and v.model is not None]


Rule = Callable[[World], Iterator[Diagnostic]]


def check(
    folder: Path,
    documents: Iterable[Validated],
    declared: Iterable[tuple[str, str]] = (),
    adapters: Mapping[str, type[BaseModel]] | None = None,
) -> list[Diagnostic]:
    """Every rule on every document. ``declared``: (noun, slug) of documents that could not be read."""
    documents = tuple(documents)
    names: dict[str, set[str]] = {"synthetic": set(BUILT_IN_SYNTHETICS)}
    for noun, slug in [*((v.noun, v.slug) for v in documents), *declared]:
        names.setdefault(noun, set()).add(slug)
    world = World(folder, documents, {n: frozenset(s) for n, s in names.items()}, adapters)
    return [diagnostic for rule in RULES for diagnostic in rule(world)]


def _error(
    code: str,
    headline: str,
    span: Span | None,
    help: str = "",
    labels: tuple[Label, ...] = (),
    note: str = "",
) -> Diagnostic:
    return Diagnostic(Severity.ERROR, code, headline, span, note=note, labels=labels, help=help)


# --- what must be there, and only once -------------------------------------------------------------


def has_station_and_channel(world: World) -> Iterator[Diagnostic]:
    if "station" not in world.names:
        yield _error(
            "no-station",
            "this folder has no station",
            None,
            help="write station.yaml with station, name and timezone",
        )
        return
    stations = [v for v in world.documents if v.noun == "station"]
    for other in stations[1:]:
        yield _error(
            "several-stations",
            "a folder holds one station",
            other.span("station"),
            labels=(Label(stations[0].span("station"), "first here"),),
            help="keep one; channels are documents of their own",
        )
    if "channel" not in world.names and stations:
        yield _error(
            "no-channel",
            f"the station {stations[0].slug} has no channel",
            stations[0].span("station"),
            help="write channels/….yaml with channel, number, name and plans",
        )


def unique_slugs(world: World) -> Iterator[Diagnostic]:
    # A zone's play list names programs and synthetics alike: they share their names.
    first: dict[tuple[str, str], Validated] = {}
    for v in world.documents:
        if v.noun == "station" or v.is_mended(v.noun):
            continue
        if v.noun == "break_format" and v.slug == "none":
            yield _error(
                "bad-slug",
                "no break format can be called “none”",
                v.span(v.noun),
                help="“breaks: none” says that programmes play whole",
            )
        family = "program" if v.noun == "synthetic" else v.noun
        earlier = first.setdefault((family, v.slug), v)
        if earlier is not v:
            yield _error(
                "duplicate-slug",
                f"there are two of “{v.slug}”: a {_word(earlier.noun)} and a {_word(v.noun)}"
                if earlier.noun != v.noun
                else f"there are two {_word(v.noun)}s “{v.slug}”",
                v.span(v.noun),
                labels=(Label(earlier.span(earlier.noun), "first here"),),
                help="give one of them another name",
            )


def unique_numbers(world: World) -> Iterator[Diagnostic]:
    numbers: dict[tuple[int, int], Validated] = {}
    integers: dict[int, Validated] = {}
    for v in world.of("channel"):
        channel = cast(Channel, v.model)
        if v.is_mended("number"):
            continue
        earlier = numbers.setdefault(number_order(channel.number), v)
        if earlier is not v:
            yield _error(
                "duplicate-number",
                f"two channels have the number {channel.number}",
                v.span("number"),
                labels=(Label(earlier.span("number"), f"first here, {earlier.slug}"),),
                help="give one of them another number",
            )
            continue
        if v.is_mended("vchannel"):
            continue
        derived = channel.vchannel is None
        integer = derived_vchannel(channel.number) if channel.vchannel is None else channel.vchannel
        field = "number" if derived else "vchannel"
        if not 1 <= integer <= 65535:
            yield _error(
                "out-of-range",
                f"{channel.number} gives no integer between 1 and 65535 for clients that tune by one",
                v.span("number"),
                help="set “vchannel: …” yourself",
            )
            continue
        other = integers.setdefault(integer, v)
        if other is not v:
            other_field = "vchannel" if cast(Channel, other.model).vchannel is not None else "number"
            yield _error(
                "duplicate-vchannel",
                f"two channels have the vchannel {integer}"
                + (" (derived from the number)" if derived else ""),
                v.span(field),
                labels=(Label(other.span(other_field), f"first here, {other.slug}"),),
                help="set another “vchannel: …” on one of them",
            )


def what_airs(world: World) -> Iterator[Diagnostic]:
    """A channel has plans unless it is a simulcast; a program has a chain unless it is a rerun."""
    for noun, key, unless in (("channel", "plans", "simulcast"), ("program", "chain", "rerun_of")):
        for v in world.of(noun):
            missing = not getattr(v.model, key) and getattr(v.model, unless) is None
            if missing and not v.is_mended(key) and not v.is_mended(unless):
                yield _error(
                    "missing-key",
                    f"“{key}” is missing",
                    value_span(v.document.root),
                    help=f"add “{key}: …” here, or “{unless}: …”",
                )


# --- references ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Reference:
    """A slug that names another document."""

    source: Validated
    loc: Loc
    slug: str
    wanted: tuple[str, ...]  #: nouns it may be
    none_allowed: bool = False


def references(v: Validated) -> Iterator[Reference]:
    """Every slug in a document that names another."""
    model = v.model

    def one(loc: Loc, slug: str | None, *wanted: str, none: bool = False) -> Iterator[Reference]:
        if slug is not None:
            yield Reference(v, loc, slug, wanted, none)

    def query(loc: Loc, value: Query | None) -> Iterator[Reference]:
        if value is not None:
            yield from one((*loc, "collection"), value.collection, "collection")
            if value.asset is not None and "/" in value.asset:
                yield from one((*loc, "asset"), value.asset.partition("/")[0], "collection")

    if isinstance(model, Station | Channel):
        yield from one(("breaks",), model.breaks, "break_format", none=True)
        yield from one(("off_air",), model.off_air, "synthetic", "program")
    if isinstance(model, Channel):
        for i, slug in enumerate(model.plans):
            yield from one(("plans", i), slug, "plan")
        for i, slug in enumerate(model.fallback):
            yield from one(("fallback", i), slug, "pool")
    elif isinstance(model, Plan):
        for i, zone in enumerate(model.zones):
            here: Loc = ("zones", i)
            yield from one((*here, "breaks"), zone.breaks, "break_format", none=True)
            items: list[tuple[Loc, str | PlayItem]] = [
                *(((*here, "play", j), item) for j, item in enumerate(zone.play)),
                *(((*here, "at", key), item) for key, item in zone.at.items()),
            ]
            for loc, item in items:
                if isinstance(item, PlayItem):
                    yield from one((*loc, "program"), item.program, "program", "synthetic")
                else:
                    yield from one(loc, item, "program", "synthetic")
    elif isinstance(model, Program):
        yield from one(("breaks",), model.breaks, "break_format", none=True)
        for i, node in enumerate(model.chain):
            here = ("chain", i)
            yield from query((*here, "episodes"), node.episodes)
            if isinstance(node.bumper, Query):
                yield from query((*here, "bumper"), node.bumper)
            else:
                yield from one((*here, "bumper"), node.bumper, "pool")
            yield from one((*here, "program"), node.program, "program")
            yield from one((*here, "synthetic"), node.synthetic, "synthetic")
    elif isinstance(model, Pool):
        yield from query(("spots",), model.spots)
    elif isinstance(model, BreakFormat):
        yield from one(("open_with",), model.open_with, "pool")
        yield from one(("close_with",), model.close_with, "pool")
        for i, slug in enumerate(model.fill_with):
            yield from one(("fill_with", i), slug, "pool")
        yield from one(("remainder",), model.remainder, "synthetic")


def references_exist(world: World) -> Iterator[Diagnostic]:
    for v in world.documents:
        for reference in references(v):
            if v.is_mended(*reference.loc) or (reference.none_allowed and reference.slug == "none"):
                continue
            slug = reference.slug
            if any(slug in world.names.get(noun, ()) for noun in reference.wanted):
                continue
            known = {s for noun in reference.wanted for s in world.names.get(noun, ())}
            known |= {"none"} if reference.none_allowed else set()
            elsewhere = [noun for noun, slugs in world.names.items() if slug in slugs]
            wanted = " or ".join(_word(noun) for noun in reference.wanted)
            if elsewhere:
                headline = f"“{slug}” is a {_word(elsewhere[0])}, but a {wanted} is wanted here"
                help = did_you_mean(slug, known)
            else:
                headline = f"there is no {wanted} “{slug}”"
                help = did_you_mean(slug, known) or _define(reference.wanted[0], slug, known)
            yield _error("unknown-reference", headline, v.span(*reference.loc), help=help)


def _define(noun: str, slug: str, known: Iterable[str]) -> str:
    names = sorted(known)
    some = f"; known: {', '.join(names[:8])}{', …' if len(names) > 8 else ''}" if names else ""
    return f"define it with “{noun}: {slug}”{some}"


def _word(noun: str) -> str:
    return noun.replace("_", " ")


def no_program_cycles(world: World) -> Iterator[Diagnostic]:
    programs = {v.slug: v for v in reversed(world.of("program"))}
    edges = {
        slug: [
            (i, node.program)
            for i, node in enumerate(cast(Program, v.model).chain)
            if node.program in programs and not v.is_mended("chain", i)
        ]
        for slug, v in programs.items()
    }
    done: set[str] = set()
    for start in sorted(programs):
        # Depth first, with an explicit stack: a chain of a thousand programs is legal.
        path: list[tuple[str, int]] = [(start, 0)]
        while path:
            slug, step = path[-1]
            if slug in done or step == len(edges[slug]):
                done.add(slug)
                path.pop()
                continue
            path[-1] = (slug, step + 1)
            index, below = edges[slug][step]
            above = [s for s, _ in path]
            if below in above:
                ring = path[above.index(below) :]
                names = " → ".join([*(s for s, _ in ring), below])
                labels = tuple(
                    Label(
                        programs[s].span("chain", edges[s][n - 1][0], "program"),
                        f"{s} plays {edges[s][n - 1][1]}",
                    )
                    for s, n in ring[:-1]
                )
                yield _error(
                    "program-cycle",
                    f"a program plays itself: {names}",
                    programs[slug].span("chain", index, "program"),
                    labels=labels,
                    help="take one of these steps out",
                )
            elif below not in done:
                path.append((below, 0))


# --- station and channel ---------------------------------------------------------------------------


def times_of_station(world: World) -> Iterator[Diagnostic]:
    for v in world.of("station"):
        station = cast(Station, v.model)
        if not v.is_mended("timezone") and not _is_timezone(station.timezone):
            near = closest(station.timezone, available_timezones())
            # People write the city, or a blank for the underscore.
            city = station.timezone.replace(" ", "_").rpartition("/")[2].lower()
            near = next((z for z in sorted(available_timezones()) if z.lower().endswith("/" + city)), near)
            yield _error(
                "unknown-timezone",
                f"“{station.timezone}” is no IANA time zone",
                v.span("timezone"),
                help=f"did you mean “{near}”?" if near else "write it like America/New_York or Europe/Berlin",
            )
        for field, least, words in (("guide", 48 * HOUR_US, "2d"), ("playlog", 2 * HOUR_US, "2h")):
            if not v.is_mended("horizon", field) and getattr(station.horizon, field) < least:
                yield _error(
                    "short-horizon",
                    f"the {field} horizon must be at least {words}",
                    v.span("horizon", field),
                    help=f"write “{field}: {words}” or more",
                )
        device_id = station.tuner.device_id
        if device_id is not None and not v.is_mended("tuner") and not valid_device_id(device_id):
            right = next(d for d in "0123456789ABCDEF" if valid_device_id(device_id[:7] + d))
            yield _error(
                "bad-device-id",
                f"the last digit of the device id {device_id} does not check",
                v.span("tuner", "device_id"),
                help=f"did you mean “{device_id[:7]}{right}”? Clients refuse a wrong one",
            )


def addresses(world: World) -> Iterator[Diagnostic]:
    for v in world.of("station"):
        serve = cast(Station, v.model).serve
        url = None if v.is_mended("serve", "external_url") else serve.external_url
        if url is not None and not _is_url(url):
            yield _error(
                "bad-value",
                f"“{url}” is no address of a web page",
                v.span("serve", "external_url"),
                help="write it like http://tv.example:8080",
            )
        if not v.is_mended("serve", "bind") and not _is_address(serve.bind):
            yield _error(
                "bad-value",
                f"“{serve.bind}” is no address to listen on",
                v.span("serve", "bind"),
                help="write 0.0.0.0, 127.0.0.1 or an address of this machine, with no port",
            )


def _is_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        # A host name needs a letter: 192.168.1 and 1.2.3.4:80 are slips of the pen.
        return re.fullmatch(r"(?=.*[A-Za-z])[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*", text) is not None
    return True


def _is_timezone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ValueError, OSError, KeyError):
        return False
    return True


def grids(world: World) -> Iterator[Diagnostic]:
    for v in [*world.of("station"), *world.of("channel")]:
        grid = cast("Station | Channel", v.model).grid
        if grid is not None and not v.is_mended("grid") and grid not in [g * MINUTE_US for g in GRIDS]:
            yield _error(
                "bad-grid",
                "the grid must be 5m, 10m, 15m, 30m or 60m",
                v.span("grid"),
                help="an hour must be a whole number of blocks, and a guide has no finer lines",
            )


def logos(world: World) -> Iterator[Diagnostic]:
    for v in world.of("channel"):
        logo = cast(Channel, v.model).logo
        if not logo or v.is_mended("logo"):
            continue
        try:
            path = (world.folder / logo).resolve()
            inside = path.is_relative_to(world.folder.resolve())
            exists = inside and path.is_file()
        except (OSError, ValueError):
            inside, exists = True, False
        if not inside:
            yield _error("missing-file", f"the logo “{logo}” lies outside the station folder", v.span("logo"))
        elif not exists:
            yield _error("missing-file", f"there is no file “{logo}” in the station folder", v.span("logo"))


# --- plans -----------------------------------------------------------------------------------------


def whens_are_known(world: World) -> Iterator[Diagnostic]:
    for v in world.of("plan"):
        when = cast(Plan, v.model).when
        for field, verify in (("days", whens.weekdays), ("dates", whens.date_range), ("on", _named_day)):
            value = getattr(when, field)
            for i, word in enumerate(whens.words(value)):
                loc: Loc = ("when", field) if isinstance(value, str) else ("when", field, i)
                if v.is_mended(*loc):
                    continue
                try:
                    cast(Callable[[str], object], verify)(word)
                except ValueError as error:
                    headline, _, help = str(error).partition(": ")
                    help = _near_day(field, word) or help
                    yield _error(_WHEN_CODES[field], headline, v.span(*loc), help=help)


_WHEN_CODES = {"days": "unknown-day", "dates": "bad-date", "on": "unknown-holiday"}


def _named_day(word: str) -> None:
    whens.check_named_day(word)


def _near_day(field: str, word: str) -> str:
    if field == "days":
        # "monday-friday" and "mon-fry" alike: two letters of each part say enough.
        by_head = {day[:2]: day for day in whens.WEEKDAYS}
        parts = [by_head.get(part.strip()[:2], "") for part in word.lower().split("-")[:2]]
        meant = f"did you mean “{'-'.join(parts)}”?" if all(parts) else ""
        return did_you_mean(word, ["weekdays", "weekends", "all"]) or meant
    country, colon, name = word.partition(":")
    if field == "on" and colon:
        try:
            known = whens.holiday_names(country.lower())
        except ValueError:
            return ""
        found = closest(whens.holiday_slug(name), known)
        return f"did you mean “{country}:{found}”?" if found else f"known: {', '.join(sorted(known))}"
    if field == "on" and word:
        return did_you_mean(word, ["easter"])
    return ""


@dataclass(frozen=True, slots=True)
class _Day:
    """The broadcast day a plan is laid on."""

    start: int  #: minutes after midnight
    grid: int  #: minutes
    by: str  #: whose it is, for messages


def _days_of(world: World, plan: str) -> list[_Day]:
    """The different broadcast days and grids of the channels that use a plan."""
    station = next((cast(Station, v.model) for v in world.of("station")), None)
    start = station.broadcast_day_start if station else 6 * 60
    grid = station.grid if station else 30 * MINUTE_US
    found: dict[tuple[int, int], _Day] = {}
    for v in world.of("channel"):
        channel = cast(Channel, v.model)
        if plan in channel.plans:
            own_start = start if channel.broadcast_day_start is None else channel.broadcast_day_start
            own_grid = (grid if channel.grid is None else channel.grid) // MINUTE_US
            found.setdefault((own_start, own_grid), _Day(own_start, own_grid, channel.channel))
    days = list(found.values()) or [_Day(start, grid // MINUTE_US, "the station")]
    return [d for d in days if d.grid in GRIDS]


def zones(world: World) -> Iterator[Diagnostic]:
    """Windows, overlaps and pins, in the broadcast day of every channel that uses the plan."""
    for v in world.of("plan"):
        plan = cast(Plan, v.model)
        told: set[tuple[str, Span | None]] = set()
        for day in _days_of(world, plan.plan):
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
            yield _error(
                "empty-window",
                f"the zone “{zone.zone}” begins and ends at {clock(start)}",
                span,
                help=f"the whole day is written {clock(day.start)}-{clock(day.start)}",
            )
            continue
        if finish <= begin:
            yield _error(
                "zone-crosses-day",
                f"the zone “{zone.zone}” runs across the start of the broadcast day, {clock(day.start)}",
                span,
                help=f"write two zones: {clock(start)}-{clock(day.start)}, {clock(day.start)}-{clock(end)}",
            )
            continue
        off = [t for t, at in ((start, begin), (end, finish)) if at % day.grid]
        if off:
            yield _error(
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
            yield _error(
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
        except ValueError as error:
            faulty = True
            headline, _, help = str(error).partition(": ")
            yield _error("bad-value", headline, span, help=help)
            continue
        at = (minutes - day.start) % DAY
        if at in pins:
            yield _error(
                "duplicate-pin",
                f"two programs are pinned to {clock(minutes)}",
                span,
                labels=(Label(v.key_span("zones", i, "at", pins[at]), "first here"),),
            )
            continue
        pins[at] = key
        if not begin <= at < finish:
            yield _error(
                "pin-outside-zone",
                f"{clock(minutes)} is outside the zone “{zone.zone}”",
                span,
                labels=(Label(v.span("zones", i, "window"), "its window"),),
                help="move the pin or widen the window",
            )
        elif at % day.grid:
            yield _error(
                "pin-off-grid",
                f"{clock(minutes)} is not on the {day.grid}-minute grid of {day.by}",
                span,
                help=f"did you mean {_snap(at, day)}?",
            )
    if zone.play or faulty or v.is_mended("zones", i, "play"):
        return
    if not zone.at:
        yield _error(
            "empty-zone",
            f"the zone “{zone.zone}” plays nothing",
            v.span("zones", i, "zone"),
            help="add “play: [program, …]”",
        )
    elif begin not in pins:
        first = min(pins)
        yield _error(
            "zone-gap",
            f"nothing fills “{zone.zone}” from {clock(begin + day.start)} to {clock(first + day.start)}",
            v.span("zones", i, "window"),
            labels=(Label(v.key_span("zones", i, "at", pins[first]), "the first pin"),),
            help="add “play: [program, …]” for the time between pins",
        )


def clock(minutes: int) -> str:
    """ "20:30" of 1230."""
    return f"{minutes // 60 % 24:02d}:{minutes % 60:02d}"


def _snap(offset: int, day: _Day) -> str:
    return clock((offset + day.grid // 2) // day.grid * day.grid + day.start)


# --- programs, pools, breaks, collections ----------------------------------------------------------


def chain_nodes(world: World) -> Iterator[Diagnostic]:
    for v in world.of("program"):
        for i, node in enumerate(cast(Program, v.model).chain):
            if v.is_mended("chain", i):
                continue
            written, _ = find(v.document.root, ("chain", i))
            keys = sorted(
                (k for k in ("episodes", "bumper", "program", "synthetic") if getattr(node, k) is not None),
                key=lambda k: v.key_span("chain", i, k),
            )
            if not keys:
                bare = isinstance(written, MappingNode) and not written.entries
                if bare or not _unknown_only(written):
                    yield _error(
                        "chain-node",
                        "this step of the chain says nothing",
                        v.span("chain", i),
                        help="write one of episodes, bumper, program, synthetic",
                    )
            elif len(keys) > 1:
                yield _error(
                    "chain-node",
                    f"one step of the chain can't be both {keys[0]} and {keys[1]}",
                    v.key_span("chain", i, keys[1]),
                    labels=(Label(v.key_span("chain", i, keys[0]), "first here"),),
                    help="begin each step with a dash of its own",
                )


def _unknown_only(written: object) -> bool:
    """Has it keys, but none that is known? Then the unknown key has been told."""
    known = {"episodes", "bumper", "program", "synthetic"}
    return isinstance(written, MappingNode) and bool(written.entries) and not known & set(written.entries)


def watersheds(world: World) -> Iterator[Diagnostic]:
    station = next((cast(Station, v.model) for v in world.of("station")), None)
    start = station.broadcast_day_start if station else 6 * 60
    for v in world.of("program"):
        program = cast(Program, v.model)
        if program.not_before is None or program.not_after is None:
            continue
        if v.is_mended("not_before") or v.is_mended("not_after"):
            continue
        if (program.not_after - start) % DAY < (program.not_before - start) % DAY:
            yield _error(
                "empty-watershed",
                f"“{program.program}” may start after {clock(program.not_before)} and before "
                f"{clock(program.not_after)}: never, in a day that begins at {clock(start)}",
                v.span("not_after"),
                labels=(Label(v.span("not_before"), "not before"),),
                help="exchange the two, or drop one",
            )


def queries(world: World) -> Iterator[Diagnostic]:
    for v in world.documents:
        found: list[tuple[Loc, Query]] = []
        if isinstance(v.model, Pool):
            found.append((("spots",), v.model.spots))
        elif isinstance(v.model, Program):
            for i, node in enumerate(v.model.chain):
                for key, value in (("episodes", node.episodes), ("bumper", node.bumper)):
                    if isinstance(value, Query):
                        found.append((("chain", i, key), value))
        for loc, query in found:
            if v.is_mended(*loc):
                continue
            if query.asset is not None and not re.fullmatch(r"[^/]+/.+", query.asset):
                yield _error(
                    "bad-value",
                    f"“{query.asset}” is no asset id",
                    v.span(*loc, "asset"),
                    help="write it like collection/key: sitcoms/Cheers/S01E01",
                )
            low, high = query.min_duration, query.max_duration
            if low is not None and high is not None and low > high:
                yield _error(
                    "empty-range",
                    "min_duration is longer than max_duration: nothing can match",
                    v.span(*loc, "min_duration"),
                    labels=(Label(v.span(*loc, "max_duration"), "max_duration"),),
                    help="exchange the two",
                )


def break_rules(world: World) -> Iterator[Diagnostic]:
    words = ("thirds", "center", "end", "none")
    for v in world.of("break_format"):
        otherwise = cast(BreakFormat, v.model).otherwise
        if v.is_mended("otherwise") or otherwise in words or _EVERY.fullmatch(otherwise):
            continue
        yield _error(
            "unknown-word",
            f"“otherwise” can't be “{otherwise}”",
            v.span("otherwise"),
            help=did_you_mean(otherwise, words) or "one of: thirds, center, end, none, every 12m",
        )


def sources(world: World) -> Iterator[Diagnostic]:
    if world.adapters is None:
        return
    for v in world.of("collection"):
        entry = v.document.root.entries.get("source")
        if entry is None or v.is_mended("source") or not isinstance(entry[1], MappingNode):
            continue
        source = entry[1]
        kind = source.entries.get("kind")
        if kind is None:
            known = ", ".join(sorted(world.adapters))
            yield _error("missing-key", "“kind” is missing", value_span(source), help=f"one of: {known}")
            continue
        word = kind[1].text if isinstance(kind[1], Scalar) else None
        settings = world.adapters.get(word or "")
        if settings is None:
            help = did_you_mean(word or "", world.adapters) or f"one of: {', '.join(sorted(world.adapters))}"
            yield _error(
                "unknown-source", f"no adapter is called “{word or ''}”", v.span("source", "kind"), help=help
            )
            continue
        try:
            settings.model_validate(plain(source))
        except ValidationError as error:
            yield from (problem.diagnostic for problem in told(explain(error, source, settings)))


def locks(world: World) -> Iterator[Diagnostic]:
    for v in world.of("collection"):
        if v.is_mended("collection"):
            continue
        folder = world.folder / "catalog.lock"
        if not any(p.stem == v.slug for p in (folder.iterdir() if folder.is_dir() else ())):
            yield Diagnostic(
                Severity.WARNING,
                "no-lock",
                f"the collection {v.slug} has no catalog lock: nothing of it can air",
                v.span("collection"),
                help="run retrovue ingest",
            )


#: In the order of the language; the output is sorted by place anyway.
RULES: tuple[Rule, ...] = (
    has_station_and_channel,
    unique_slugs,
    unique_numbers,
    what_airs,
    references_exist,
    no_program_cycles,
    times_of_station,
    addresses,
    grids,
    logos,
    whens_are_known,
    zones,
    chain_nodes,
    watersheds,
    queries,
    break_rules,
    sources,
    locks,
)
