"""The rules across fields and files; each is a generator of diagnostics, pure but for looking at files.

A rule asks nothing of what validation has already refused (``Validated.is_mended``), and a document
that failed still counts as existing: one mistake is told once.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Set
from ipaddress import ip_address
from pathlib import Path
from typing import cast
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, available_timezones

from pydantic import BaseModel, ValidationError

from retrovue.diagnostics import Diagnostic, Label, Severity
from retrovue.small_file import is_file
from retrovue.station.catalog_rules import catalog_words
from retrovue.station.channel_rules import expectations, simulcasts
from retrovue.station.document import Mapping as MappingNode
from retrovue.station.document import Scalar, plain
from retrovue.station.files import DRAWN
from retrovue.station.model import (
    BUILT_IN_OVERLAYS,
    BUILT_IN_SYNTHETICS,
    Channel,
    Collection,
    Overlay,
    OverlayKind,
    Station,
)
from retrovue.station.numbers import derived_vchannel, number_order
from retrovue.station.plan_rules import (
    GRIDS,
    listed_plans,
    seasons_are_dates,
    whens_are_known,
    zone_names,
    zones,
)
from retrovue.station.program_rules import (
    airings,
    chain_nodes,
    keys_of_modes,
    play_items_make_sense,
    queries,
    virtuals,
    watersheds,
)
from retrovue.station.references import SCHEDULABLE, no_cycles, no_rerun_cycles, references_exist
from retrovue.station.suggest import closest, did_you_mean
from retrovue.station.traffic_rules import break_rules, overlays, policies, pool_modes, promos, spots
from retrovue.station.tuner_rules import devices
from retrovue.station.validate import Validated, explain, told, value_span
from retrovue.station.world import Rule, World, clock, error, spoken, warning
from retrovue.units import HOUR_US, MINUTE_US


def check(
    folder: Path,
    documents: Iterable[Validated],
    declared: Iterable[tuple[str, str]] = (),
    adapters: Mapping[str, type[BaseModel]] | None = None,
    enrichers: Set[str] | None = None,
    sound: bool = True,
    catalog: bool = False,
) -> list[Diagnostic]:
    """Every rule on every document. ``declared``: (noun, slug) of documents that could not be read;
    ``sound``: nothing has been found so far; ``catalog``: look there for what is asked of it."""
    documents = tuple(documents)
    names: dict[str, set[str]] = {"synthetic": set(BUILT_IN_SYNTHETICS), "overlay": set(BUILT_IN_OVERLAYS)}
    for noun, slug in [*((v.noun, v.slug) for v in documents), *declared]:
        names.setdefault(noun, set()).add(slug)
    world = World(
        folder, documents, {n: frozenset(s) for n, s in names.items()}, adapters, enrichers, catalog
    )
    found = [diagnostic for rule in RULES for diagnostic in rule(world)]
    # Whoever is still at work on a station has not come to its lists of plans yet.
    return list(listed_plans(world)) if sound and not found else found


# --- what must be there, and only once -------------------------------------------------------------


def has_station_and_channel(world: World) -> Iterator[Diagnostic]:
    if "station" not in world.names:
        yield error(
            "no-station",
            "this folder has no station",
            None,
            help="write station.yaml with station, name and timezone",
        )
        return
    stations = [v for v in world.documents if v.noun == "station"]
    for other in stations[1:]:
        yield error(
            "several-stations",
            "a folder holds one station",
            other.span("station"),
            labels=(Label(stations[0].span("station"), "first here"),),
            help="keep one; channels are documents of their own",
        )
    if "channel" not in world.names and stations:
        yield error(
            "no-channel",
            f"the station {stations[0].slug} has no channel",
            stations[0].span("station"),
            help="write channels/….yaml with channel, number, name and plans",
        )


def unique_slugs(world: World) -> Iterator[Diagnostic]:
    # A zone's play list names programs, virtuals and synthetics alike: they share their names.
    first: dict[tuple[str, str], Validated] = {}
    for v in world.documents:
        if v.noun == "station" or v.is_mended(v.noun):
            continue
        if v.noun == "break_format" and v.slug == "none":
            yield error(
                "bad-slug",
                "no break format can be called “none”",
                v.span(v.noun),
                help="“breaks: none” says that programmes play whole",
            )
        family = "program" if v.noun in SCHEDULABLE else v.noun
        earlier = first.setdefault((family, v.slug), v)
        if earlier is not v:
            yield error(
                "duplicate-slug",
                f"there are two of “{v.slug}”: a {spoken(earlier.noun)} and a {spoken(v.noun)}"
                if earlier.noun != v.noun
                else f"there are two {spoken(v.noun)}s “{v.slug}”",
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
            yield error(
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
            yield error(
                "out-of-range",
                f"{channel.number} gives no integer between 1 and 65535 for clients that tune by one",
                v.span("number"),
                help="set “vchannel: …” yourself",
            )
            continue
        other = integers.setdefault(integer, v)
        if other is not v:
            other_field = "vchannel" if cast(Channel, other.model).vchannel is not None else "number"
            yield error(
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
                yield error(
                    "missing-key",
                    f"“{key}” is missing",
                    value_span(v.document.root),
                    help=f"add “{key}: …” here, or “{unless}: …”",
                )


# --- station and channel ---------------------------------------------------------------------------


def times_of_station(world: World) -> Iterator[Diagnostic]:
    for v in world.of("station"):
        station = cast(Station, v.model)
        if not v.is_mended("timezone") and not _is_timezone(station.timezone):
            near = closest(station.timezone, available_timezones())
            # People write the city, or a blank for the underscore.
            city = station.timezone.replace(" ", "_").rpartition("/")[2].lower()
            near = next((z for z in sorted(available_timezones()) if z.lower().endswith("/" + city)), near)
            yield error(
                "unknown-timezone",
                f"“{station.timezone}” is no IANA time zone",
                v.span("timezone"),
                help=f"did you mean “{near}”?" if near else "write it like America/New_York or Europe/Berlin",
            )
        for field, least, words in (("guide", 48 * HOUR_US, "2d"), ("playlog", 2 * HOUR_US, "2h")):
            if not v.is_mended("horizon", field) and getattr(station.horizon, field) < least:
                yield error(
                    "short-horizon",
                    f"the {field} horizon must be at least {words}",
                    v.span("horizon", field),
                    help=f"write “{field}: {words}” or more",
                )


def addresses(world: World) -> Iterator[Diagnostic]:
    for v in world.of("station"):
        serve = cast(Station, v.model).serve
        url = None if v.is_mended("serve", "external_url") else serve.external_url
        if url is not None and not _is_url(url):
            yield error(
                "bad-value",
                f"“{url}” is no address of a web page",
                v.span("serve", "external_url"),
                help="write it like http://tv.example:8080",
            )
        if not v.is_mended("serve", "bind") and not _is_address(serve.bind):
            yield error(
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
            yield error(
                "bad-grid",
                "the grid must be 5m, 10m, 15m, 30m or 60m",
                v.span("grid"),
                help="an hour must be a whole number of blocks, and a guide has no finer lines",
            )


def pictures(world: World) -> Iterator[Diagnostic]:
    """Logos of channels, images of overlays: a file in the station folder, of a kind that can be drawn. And
    certificates of live sources."""
    for noun, key in (("channel", "logo"), ("overlay", "image"), ("live", "certificate")):
        for v in world.of(noun):
            picture = cast(str | None, getattr(v.model, key))
            idle = isinstance(v.model, Overlay) and v.model.shows is not OverlayKind.BUG
            if picture and not v.is_mended(key) and not idle:
                yield from _picture(world.folder, v, key, picture)


#: What is drawn on the screen, by kind of document.
_ON_SCREEN = {
    "station": ("name",),
    "channel": ("name", "callsign"),
    "program": ("title", "description"),
    "synthetic": ("title", "text"),
    "overlay": ("text",),
}


def letters(world: World) -> Iterator[Diagnostic]:
    """Texts on the screen are set in shipped fonts, which don't have every script."""
    for noun, keys in _ON_SCREEN.items():
        for v in world.of(noun):
            for key in keys:
                text = getattr(v.model, key)
                if not isinstance(text, str) or text.isascii() or v.is_mended(key):
                    continue
                from retrovue.station.card import faces  # here: few stations need it, and it draws

                if missing := faces().without_glyph(text):
                    shown = missing if len(missing) <= 12 else f"{missing[:12]}…"
                    yield warning(
                        "no-glyph",
                        f"no shipped font has “{shown}”: they are missing on the screen",
                        v.span(key),
                        help="write it in Latin, Greek or Cyrillic letters, or draw a card of your own",
                    )


def _picture(folder: Path, v: Validated, key: str, picture: str) -> Iterator[Diagnostic]:
    try:
        # realpath: resolve() raises for links that go round in circles.
        path = Path(os.path.realpath(folder / picture))
        inside = path.is_relative_to(os.path.realpath(folder))
        exists = inside and path.is_file()
    except (OSError, ValueError):
        inside, exists = True, False
    if not inside:
        yield error("missing-file", f"the {key} “{picture}” lies outside the station folder", v.span(key))
    elif not exists:
        yield error("missing-file", f"there is no file “{picture}” in the station folder", v.span(key))
    elif key == "image" and path.suffix.lower() not in DRAWN:
        yield error(
            "bad-value",
            f"“{picture}” can't be drawn",
            v.span(key),
            help=f"one of: {', '.join(sorted(DRAWN))}",
        )


# --- collections -----------------------------------------------------------------------------------


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
            yield error("missing-key", "“kind” is missing", value_span(source), help=f"one of: {known}")
            continue
        word = kind[1].text if isinstance(kind[1], Scalar) else None
        settings = world.adapters.get(word or "")
        if settings is None:
            help = did_you_mean(word or "", world.adapters) or f"one of: {', '.join(sorted(world.adapters))}"
            yield error(
                "unknown-source", f"no adapter is called “{word or ''}”", v.span("source", "kind"), help=help
            )
            continue
        try:
            settings.model_validate(plain(source))
        except ValidationError as refused:
            yield from (problem.diagnostic for problem in told(explain(refused, source, settings)))


#: Enrichers without which there is no asset.
_NEEDED = frozenset({"probe"})


def skipped_enrichers(world: World) -> Iterator[Diagnostic]:
    known = world.enrichers
    if known is None:
        return
    for v in world.of("collection"):
        for i, kind in enumerate(cast(Collection, v.model).skip):
            if kind not in known and not v.is_mended("skip", i):
                yield error(
                    "unknown-word",
                    f"no enricher is called “{kind}”",
                    v.span("skip", i),
                    help=did_you_mean(kind, known - _NEEDED)
                    or f"one of: {', '.join(sorted(known - _NEEDED))}",
                )
            elif kind in _NEEDED:
                yield error(
                    "bad-value",
                    f"“{kind}” can't be skipped: without it nothing has a length, and nothing airs",
                    v.span("skip", i),
                    help=f"delete it; what can be skipped: {', '.join(sorted(known - _NEEDED))}",
                )


def asset_rules(world: World) -> Iterator[Diagnostic]:
    for v in world.documents:
        for i, rule in enumerate(v.model.rules if isinstance(v.model, Collection) else ()):
            given = rule.rating or rule.tags or rule.dayparts
            if not given and not v.is_mended("rules", i) and not v.is_mended("rules", i, "dayparts"):
                yield error(
                    "unused-key",
                    "this rule gives its assets nothing",
                    v.span("rules", i),
                    help="give them a rating, tags, or dayparts",
                )
            for n, (start, end) in enumerate(rule.dayparts):
                if start == end and start != world.day_start and not v.is_mended("rules", i, "dayparts", n):
                    yield error(
                        "empty-window",
                        f"this daypart begins and ends at {clock(start)}",
                        v.span("rules", i, "dayparts", n),
                        help="correct its end, or delete it: without dayparts an asset may start at any time",
                    )


def locks(world: World) -> Iterator[Diagnostic]:
    for v in world.of("collection"):
        if v.is_mended("collection"):
            continue
        if not is_file(world.folder / "catalog.lock" / f"{v.slug}.jsonl"):
            yield Diagnostic(
                Severity.WARNING,
                "no-lock",
                f"the collection {v.slug} has no catalog lock: nothing of it can air",
                v.span("collection"),
                help="run retrovue ingest: it says where it looks, and what for when it finds nothing",
            )


#: In the order of the language; the output is sorted by place anyway.
RULES: tuple[Rule, ...] = (
    has_station_and_channel,
    unique_slugs,
    unique_numbers,
    what_airs,
    references_exist,
    no_cycles,
    no_rerun_cycles,
    simulcasts,
    times_of_station,
    addresses,
    devices,
    grids,
    pictures,
    letters,
    seasons_are_dates,
    whens_are_known,
    zone_names,
    zones,
    chain_nodes,
    airings,
    keys_of_modes,
    play_items_make_sense,
    virtuals,
    watersheds,
    queries,
    break_rules,
    pool_modes,
    spots,
    promos,
    policies,
    overlays,
    expectations,
    sources,
    asset_rules,
    skipped_enrichers,
    locks,
    catalog_words,
)
