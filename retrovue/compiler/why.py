"""Why something airs: plan → zone → program → rule → pick, each with the place where it is written; pure.

What the artefact needs to answer that alone is worked out when it is published (``reasons``) and kept
beside the schedule: who asked for what a zone airs, which plans were overridden there and why, and the
rules of the pools and spots that aired.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from zoneinfo import ZoneInfo

from retrovue.broadcast_day import Calendar
from retrovue.compiler.findings import written_at
from retrovue.compiler.folded import FoldedEvents
from retrovue.compiler.model import Compiled, ScheduleDay, ScheduleEvent
from retrovue.compiler.plan import Layer, Planner, stretches
from retrovue.compiler.reasons import CandidateList, Entry, Origin, Overridden, PoolRules, Reasons, SpotRules
from retrovue.compiler.rotation import begin_number
from retrovue.compiler.segments import shown_in_any
from retrovue.compiler.shelf import Shelf
from retrovue.compiler.unread import Unread, told
from retrovue.library.catalog import Asset, Catalog
from retrovue.station.model import (
    Airing,
    ChainNode,
    Channel,
    Plan,
    PlayItem,
    Pool,
    Query,
    Separation,
    Spot,
    StationModel,
    Traffic,
    Virtual,
    When,
    Zone,
)
from retrovue.station.policy import breaks_of, traffic_of
from retrovue.station.schema import spell_duration
from retrovue.station.when import specificity, words

#: Channel, plan, zone and program of an event.
Asked = tuple[str, str, str, str]


class Origins:
    """Who asked for what airs, worked out once for each who did."""

    def __init__(self, model: StationModel) -> None:
        self._model = model
        self._channels = {channel.channel: channel for channel in model.channels}
        self._known: dict[Asked, Origin | None] = {}

    def add(self, days: Iterable[ScheduleDay]) -> None:
        """Those of these days will be asked for: for who has time now."""
        for asked in dict.fromkeys(one for day in days for one in _asked(day.events)):
            self[asked]

    def __getitem__(self, asked: Asked) -> Origin | None:
        """None: the station has no such channel any more."""
        if asked not in self._known:
            channel = self._channels.get(asked[0])
            self._known[asked] = _origin(self._model, channel, *asked[1:]) if channel is not None else None
        return self._known[asked]


def _asked(events: Sequence[ScheduleEvent]) -> Iterable[Asked]:
    """Who asked for the events that have been read."""
    if isinstance(events, FoldedEvents):
        return events.asked
    read = events.before if isinstance(events, Unread) else events
    return ((e.channel, e.plan, e.zone, e.program) for e in read)


def reasons(
    model: StationModel, catalog: Catalog, compiled: Compiled, origins: Origins | None = None
) -> Reasons:
    """Why ``compiled`` came out as it did."""
    known = origins or Origins(model)
    asked: dict[Asked, None] = {}
    unread = told(compiled.days)
    asked.update(dict.fromkeys(unread.asked))
    for day in compiled.days:
        asked.update(dict.fromkeys(_asked(day.events)))
    playlists = (day.playlist for day in compiled.days)
    read = (playlist.before if isinstance(playlist, Unread) else playlist for playlist in playlists)
    drawn = {*unread.drawn, *((what.pool, what.asset_id) for what in shown_in_any(read) if what.pool)}
    return Reasons(
        tuple(origin for one in asked if (origin := known[one]) is not None),
        tuple(_overridden(model, compiled)),
        tuple(
            PoolRules(slug, written_at(pool.place()), pool.kind.value, tuple(pool_rules(pool)))
            for slug in sorted({slug for slug, _ in drawn})
            if (pool := model.pools.get(slug)) is not None
        ),
        tuple(_spots(model, catalog, {asset_id for _, asset_id in drawn})),
        tuple(_entries(model, {plan for _, plan, _, _ in asked})),
    )


# --- who asked -------------------------------------------------------------------------------------


def _origin(model: StationModel, channel: Channel, plan_slug: str, zone_name: str, slug: str) -> Origin:
    plan = model.plans.get(plan_slug)
    zones = enumerate(plan.zones if plan is not None else ())
    at, zone = next(((n, z) for n, z in zones if z.zone == zone_name), (0, None))
    program = model.programs.get(slug)
    source = source_of(model, channel)
    named = breaks_of(model.station, source, zone, program)
    how = model.break_formats.get(named) if named else None
    mode, candidates, place = described(model, slug)
    return Origin(
        channel=channel.channel,
        plan=plan_slug,
        zone=zone_name,
        program=slug,
        channel_at=written_at(channel.place()),
        plan_at=written_at(plan.place()) if plan is not None else "",
        plan_when=said_when(plan.when) if plan is not None else "",
        priority=plan.priority if plan is not None else 0,
        zone_at=written_at(plan.place("zones", at)) if plan and zone else "",
        zone_window=said_window(zone.window) if zone is not None else "",
        program_at=place,
        mode=mode,
        candidates=candidates,
        breaks=how.break_format if how is not None else "",
        breaks_at=written_at(how.place()) if how is not None else "",
        traffic=tuple(traffic_rules(traffic_of(model.station, source, zone, program))),
        simulcast=_simulcast(channel),
    )


def source_of(model: StationModel, channel: Channel) -> Channel:
    """The channel whose plans these are: its own, or the one that a simulcast airs."""
    if channel.simulcast is None:
        return channel
    return next((c for c in model.channels if c.channel == channel.simulcast), channel)


def _simulcast(channel: Channel) -> str:
    if channel.simulcast is None:
        return ""
    return (
        f"{channel.simulcast}, {spell_duration(channel.delay)} later" if channel.delay else channel.simulcast
    )


def described(model: StationModel, slug: str) -> tuple[str, str, str]:
    """How it picks, what from, and where it is written: of a program, a virtual or a synthetic."""
    if (program := model.programs.get(slug)) is not None:
        mode = program.mode.value
        if program.rerun_of is not None:
            mode = f"rerun of {program.rerun_of}"
        return mode, said_chain(program.chain), written_at(program.place())
    if (virtual := model.virtuals.get(slug)) is not None:
        return (*_virtual(virtual), written_at(virtual.place()))
    if (synthetic := model.synthetics.get(slug)) is not None:
        return "synthetic", f"generated: {synthetic.shows.value}", written_at(synthetic.place())
    return "", "", ""


def _virtual(virtual: Virtual) -> tuple[str, str]:
    if virtual.rule is None:
        return "sequence", said_chain(virtual.sequence or ())
    rule = virtual.rule
    said = [f"{rule.count} of {said_query(rule.query)}"]
    said += [f"none again within {spell_duration(rule.no_repeat)}"] if rule.no_repeat else []
    said += [f"at least {spell_duration(rule.min_total)} together"] if rule.min_total else []
    said += [f"at most {spell_duration(rule.max_total)} together"] if rule.max_total else []
    return rule.order.value, ", ".join(said)


def _entries(model: StationModel, plans: set[str]) -> Iterator[Entry]:
    """Every entry of every zone of these plans."""
    for slug in sorted(plans & model.plans.keys()):
        plan = model.plans[slug]
        for index, zone in enumerate(plan.zones):
            for number, item in enumerate(zone.play):
                place = written_at(plan.place("zones", index, "play", number))
                yield Entry(place, f"number {number + 1} of {len(zone.play)} in turn" + _here(item))
            for time, item in zone.at.items():
                place = written_at(plan.place("zones", index, "at", time))
                yield Entry(place, f"pinned to {time}" + _here(item))


def _here(item: str | PlayItem) -> str:
    """What differs here from the program's own definition."""
    if isinstance(item, str):
        return ""
    said = f", {item.mode.value} here" if item.mode is not None else ""
    return said + (f", from {item.from_}" if item.from_ is not None else "")


# --- which plans gave way --------------------------------------------------------------------------


def _overridden(model: StationModel, compiled: Compiled) -> Iterator[Overridden]:
    idents = {ident.channel: ident for ident in compiled.channels}
    zone_info = ZoneInfo(compiled.timezone)
    dates: dict[str, list[date]] = {}
    for day in compiled.days:
        dates.setdefault(day.channel, []).append(day.broadcast_date)
    for channel in model.channels:
        source = source_of(model, channel)
        ident = idents.get(source.channel)
        if ident is None:
            continue
        calendar = Calendar(zone_info, ident.day_start_minutes, ident.grid_us)
        planner = Planner(source, model.plans, calendar, model.station.seasons)
        known: dict[tuple[str, ...], list[_Lost]] = {}
        for on in dates.get(channel.channel, ()):
            plans = planner.applying(on)
            key = tuple(plan.plan for plan in plans)
            if key not in known:
                known[key] = [*_lost(model, calendar, plans), *_gaps(planner.layers(on))]
            hours = calendar.day(on)
            for lost in known[key]:
                start, end = hours.at(lost.start) + channel.delay, hours.at(lost.end) + channel.delay
                if start < end:
                    yield Overridden(
                        channel.channel,
                        on,
                        start,
                        end,
                        lost.plan.plan,
                        lost.zone.zone,
                        written_at(lost.plan.place("zones", lost.plan.zones.index(lost.zone))),
                        lost.by.plan if lost.by is not None else "",
                        lost.reason,
                    )


@dataclass(frozen=True, slots=True)
class _Lost:
    """A stretch of broadcast minutes that a plan's zone would have had."""

    start: int
    end: int
    plan: Plan
    zone: Zone
    by: Plan | None  #: None: the zone itself leaves it open
    reason: str


def _gaps(layers: Iterable[Layer]) -> Iterator[_Lost]:
    """Zones that are off the air between their pins."""
    for layer in layers:
        if layer.plan is not None:
            zone = layer.plan.zones[layer.zone_index]
            if zone.gap is not None and not zone.play:
                reason = f"gap: {zone.gap}: nothing airs but what is pinned"
                yield _Lost(layer.start, layer.end, layer.plan, zone, None, reason)


def _lost(model: StationModel, calendar: Calendar, plans: Sequence[Plan]) -> Iterator[_Lost]:
    """``plans`` from the highest down: what each loses to those above it."""
    taken: list[tuple[int, int, Plan]] = []
    for plan in plans:
        mine = [(piece, zone) for zone in plan.zones for piece in stretches(calendar, zone.window)]
        for (start, end), zone in mine:
            for a, b, winner in taken:
                if max(a, start) < min(b, end):
                    reason = _reason(model, winner, plan)
                    yield _Lost(max(a, start), min(b, end), plan, zone, winner, reason)
        # Only what is still free is taken: each minute has one winner.
        for (start, end), _ in mine:
            for a, b in _free(start, end, taken):
                taken.append((a, b, plan))


def _free(start: int, end: int, taken: Iterable[tuple[int, int, Plan]]) -> list[tuple[int, int]]:
    left = [(start, end)]
    for a, b, _ in taken:
        left = [piece for x, y in left for piece in ((x, min(y, a)), (max(x, b), y)) if piece[0] < piece[1]]
    return left


def _reason(model: StationModel, winner: Plan, loser: Plan) -> str:
    if winner.priority != loser.priority:
        return f"priority {winner.priority} beats {loser.priority}"
    seasons = model.station.seasons
    if specificity(winner.when, seasons) != specificity(loser.when, seasons):
        return f"more specific: “{said_when(winner.when)}” beats “{said_when(loser.when)}”"
    return "it stands before it in the channel's list of plans"


# --- rules in words --------------------------------------------------------------------------------


def said_when(when: When) -> str:
    """ "mon-fri, on us:thanksgiving"."""
    said = [*words(when.days)]
    said += [f"dates {word}" for word in words(when.dates)]
    said += [f"on {word}" for word in words(when.on)]
    said += [*words(when.nth)]
    said += [f"season {word}" for word in words(when.season)]
    said += [f"cron {word}" for word in words(when.cron)]
    return ", ".join(said) or "every day"


def said_window(window: tuple[int, int]) -> str:
    """ "19:00-23:00"."""
    return "-".join(f"{minutes // 60:02}:{minutes % 60:02}" for minutes in window)


def said_query(query: Query) -> str:
    """ "collection sitcoms, series Cheers"."""
    said = []
    for name in type(query).model_fields:
        value = getattr(query, name)
        if value is None:
            continue
        word = name.rstrip("_").replace("_", " ")
        if isinstance(value, Query):
            said.append(f"not ({said_query(value)})")
        elif name.endswith("_duration"):
            said.append(f"{word} {spell_duration(value)}")
        elif name == "year":
            said.append(f"{word} {value[0]}" + (f"..{value[1]}" if value[1] != value[0] else ""))
        elif isinstance(value, tuple):
            said.append(f"{word} {'/'.join(map(str, value))}")
        else:
            said.append(f"{word} {value}")
    return ", ".join(said) or "everything"


def said_chain(chain: Sequence[ChainNode]) -> str:
    """ "bumper cheers-open, then episodes of collection sitcoms"."""
    said = []
    for node in chain:
        if node.episodes is not None:
            said.append(f"episodes of {said_query(node.episodes)}")
        elif node.bumper is not None:
            what = node.bumper if isinstance(node.bumper, str) else said_query(node.bumper)
            said.append(f"bumper {what}")
        else:
            for word in ("program", "virtual", "synthetic", "asset"):
                if (value := getattr(node, word)) is not None:
                    said.append(f"{word} {value}")
    return ", then ".join(said)


def _separation(separation: Separation | None) -> Iterator[str]:
    if separation is None:
        return
    for word, value in (
        ("same copy", separation.copy_),
        ("same advertiser", separation.advertiser),
        ("same category", separation.category),
    ):
        if value is not None:
            yield f"{word} {spell_duration(value)} apart"


def pool_rules(pool: Pool) -> Iterator[str]:
    """A pool's rules, one a line."""
    yield f"{pool.mode.value} of {said_query(pool.spots)}"
    yield from _separation(pool.separation)
    if pool.daily_cap is not None:
        yield f"at most {pool.daily_cap} airings of a spot a broadcast day"
    if pool.relax:
        yield f"given up in this order: {', '.join(rule.value for rule in pool.relax)}"


def traffic_rules(traffic: Traffic) -> Iterator[str]:
    """A traffic policy's rules, one a line."""
    if traffic.pools:
        yield f"pools {', '.join(traffic.pools)}"
    yield from _separation(traffic.separation)
    if traffic.ads_per_hour is not None:
        yield f"at most {spell_duration(traffic.ads_per_hour)} of ads an hour"
    if traffic.relax:
        yield f"given up in this order: {', '.join(rule.value for rule in traffic.relax)}"


def spot_rules(spot: Spot) -> Iterator[str]:
    """A spot's rules, one a line."""
    if spot.runs is not None:
        yield f"{spot.runs} runs contracted over each flight"
    if spot.flight:
        yield f"flight {', '.join(spot.flight)}"
    if spot.weight != 1:
        yield f"weight {spot.weight:g}"
    if spot.days:
        yield f"days {', '.join(spot.days)}"
    if spot.dayparts:
        yield f"dayparts {', '.join(said_window(window) for window in spot.dayparts)}"
    if spot.ratings:
        yield f"in programmes rated {', '.join(spot.ratings)}"
    if spot.daily_cap is not None:
        yield f"at most {spot.daily_cap} airings a broadcast day"
    if spot.position != "any":
        yield f"{spot.position} in the pod"
    if spot.promotes is not None:
        yield f"promotes {spot.promotes.program} ({spot.promotes.when})"


def _spots(model: StationModel, catalog: Catalog, aired: Collection[str]) -> Iterator[SpotRules]:
    """The rules of each asset that aired and that a ``spot:`` names."""
    if not model.spots:
        return
    shelf = Shelf(catalog, model.pools)
    for slug, spot in model.spots.items():
        found = [spot.asset] if spot.asset is not None else []
        if spot.spots is not None:
            found += [asset.id for asset in shelf.select(spot.spots).assets]
        rules = tuple(spot_rules(spot))
        for asset_id in found:
            if asset_id in aired:
                yield SpotRules(asset_id, slug, written_at(spot.place()), rules)


# --- candidates ------------------------------------------------------------------------------------

#: Chains are followed this deep; a deeper one holds itself, which ``check`` says.
_DEEPEST = 16


def candidates_at(model: StationModel, catalog: Catalog, event: ScheduleEvent) -> CandidateList | None:
    """What ``event`` was picked from, in the order of ``sequential``; None for what is not picked."""
    if not event.asset_id:
        return None
    shelf = Shelf(catalog, model.pools)
    for query in _queries(model, event.program, 0):
        found = shelf.select(query)
        at = found.position.get(event.asset_id)
        if at is not None:
            around = [found.assets[(at + step) % len(found)].id for step in (-1, 1)] if len(found) > 1 else []
            return CandidateList(said_query(query), len(found), at + 1, *(around or ("", "")))
    return None


def listed_at(model: StationModel, catalog: Catalog, event: ScheduleEvent) -> tuple[str, str]:
    """The line of a ``manual`` program that asks for ``event`` on its date, and where it is written."""
    program = model.programs.get(event.program)
    if program is None:
        return "", ""
    asset = catalog.assets.get(event.asset_id)
    for number, line in enumerate(program.airings):
        if line.on == event.broadcast_date and asset is not None and _is_asked(line, asset):
            said = line.episode or line.asset or f"“{line.title}”"
            return f"{said} on {line.on:%a %d %b %Y}", written_at(program.place("airings", number))
    return "", ""


def _is_asked(line: Airing, asset: Asset) -> bool:
    if line.asset is not None:
        return line.asset == asset.id
    if line.episode is not None:
        return begin_number(line.episode) == (asset.season, asset.episode)
    return line.title is not None and line.title.casefold() == asset.title.casefold()


def _queries(model: StationModel, slug: str, depth: int) -> Iterator[Query]:
    if depth > _DEEPEST:
        return
    program, virtual = model.programs.get(slug), model.virtuals.get(slug)
    chain: Sequence[ChainNode] = ()
    if program is not None:
        chain = program.chain
    elif virtual is not None:
        if virtual.rule is not None:
            yield virtual.rule.query
        chain = virtual.sequence or ()
    for node in chain:
        if node.episodes is not None:
            yield node.episodes
        elif node.asset is not None:
            yield Query(asset=node.asset)
        elif (inner := node.program or node.virtual) is not None:
            yield from _queries(model, inner, depth + 1)
