"""Compile: a station and a catalog in, everything that may air out; pure.

Channels are independent of each other, but for those that share a rotation or air what another airs:
those are one group, and each group goes through the stages (stages.py). Groups may be compiled in any order,
on any number of processes (work.py); they come together here, where guide ids are given and the content is
sealed. The compiler raises for no station that ``check`` accepts: what can't air is filled, and a diagnostic
says so.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from itertools import chain

from retrovue.compiler.base import Base, segments_of
from retrovue.compiler.channel_days import Asked
from retrovue.compiler.channels import broadcast_date_at, by_number, compiled_channels, fitted, groups
from retrovue.compiler.content_hash import sealed
from retrovue.compiler.findings import once
from retrovue.compiler.folded import FoldedAssets, ToldAsset
from retrovue.compiler.guide_ids import GuideIds
from retrovue.compiler.in_flight import CURSOR, InFlight, pack
from retrovue.compiler.inputs import InputHashes
from retrovue.compiler.listing import content_of
from retrovue.compiler.model import (
    Checkpoint,
    Compiled,
    CompiledSynthetic,
    CompiledTemplate,
    Finding,
    Override,
    ScheduleDay,
)
from retrovue.compiler.overlays import compiled_overlays
from retrovue.compiler.segments import Segments
from retrovue.compiler.stages import ChannelDays, GroupDays, with_used
from retrovue.compiler.unread import UnreadEvents, UnreadSegments, last_end_us, told
from retrovue.compiler.work import Common, Spread, Work, in_turn
from retrovue.garbage import no_search_for_garbage
from retrovue.library.catalog import Asset, Catalog
from retrovue.station.model import Channel, StationModel

#: Is told the finished days of a channel, while others are still being compiled; in order of the lineup.
Ready = Callable[[Sequence[ScheduleDay]], None]


@no_search_for_garbage()
def compile_station(
    model: StationModel,
    catalog: Catalog,
    first_day: date | None,
    days: int,
    as_of_us: int,
    checkpoint: Checkpoint | None = None,
    base: Base | None = None,
    force: bool = False,
    only: Collection[str] = (),
    spread: Spread = in_turn,
    ready: Ready | None = None,
) -> Compiled:
    """Everything that may air from broadcast date ``first_day`` on, for ``days`` days (at least one).

    ``first_day`` None: the earliest broadcast date that a channel is in at ``as_of_us``. Rotations go on
    from the newest of ``checkpoint`` and the base's own that is older than the first day, else from the
    station's epoch; with unchanged inputs the result is the same.

    ``base``: what is published. Its events that start before ``as_of_us`` + ``horizon.locked`` are taken
    unchanged, unless ``force``; so are all days of a channel whose inputs have not changed. A base that is
    not published only saves that work. ``only``: channels to compile; the others are the base's, as long
    as it lasts. ``spread`` runs the groups; ``ready`` is told each channel's days as they are in the result,
    but for content hashes that are still to be worked out.
    """
    begin = broadcast_date_at(model, as_of_us) if first_day is None else first_day
    count = max(days, 1)
    common = Common.of(model, catalog)
    together = groups(model)
    # Without a base nobody asks for them before the end, and others may be compiling already.
    inputs = _inputs(model, catalog, common, together) if base is not None else {}
    lock_us = as_of_us + model.station.horizon.locked
    asked = [
        _asked(model, group, begin, count, checkpoint, base, force, only, inputs, lock_us)
        for group in together
    ]

    same = [
        left_alone(one, group)
        if all(base.inputs.get(c.channel) == inputs[c.channel] for c in group)
        else None
        for one, group in zip(asked, together, strict=True)
        if base is not None
    ]
    made = [days for days in same if days is not None]
    left = [n for n in range(len(together)) if not same or same[n] is None]
    work = Work(model, catalog, [together[n] for n in left], [asked[n] for n in left], common)
    told_assets: dict[str, ToldAsset] = {}
    used: set[str] = set()
    ids = GuideIds(base)
    channels: list[ChannelDays] = []
    on_air: list[ScheduleDay] = []
    for channel in _in_lineup(by_number(model), chain(made, spread(work)), used, told_assets):
        inputs = inputs or _inputs(model, catalog, common, together)
        if base is not None:
            channel = replace(channel, days=tuple(map(base.own, channel.days)))
        channel = _numbered(channel, ids)
        finished = _with_flying(channel)
        if ready is not None:
            ready(finished)
        channels.append(channel)
        on_air += finished
    used |= told(day for channel in channels for day in channel.days).assets
    assets = _assets(model, catalog, used, told_assets)
    compiled = _assemble(model, assets, begin, count, channels, on_air, inputs)
    if force and base is not None and base.published:
        compiled = _with_overrides(compiled, base, lock_us)
    return compiled


def _inputs(
    model: StationModel, catalog: Catalog, common: Common, together: Sequence[Sequence[Channel]]
) -> dict[str, str]:
    """Channel → hash of all that it is made from."""
    hashes = InputHashes(model, catalog, common.desk.shares)
    return {c.channel: found for group in together for found in (hashes.channels(group),) for c in group}


def _assets(
    model: StationModel, catalog: Catalog, used: Collection[str], told: Mapping[str, ToldAsset]
) -> Sequence[Asset]:
    """The assets that may air, in order of id."""

    def read(ids: Iterable[str]) -> dict[str, Asset]:
        return {asset_id: fitted(model, asset) for asset_id, asset in catalog.named(ids).items()}

    known = read(asset_id for asset_id in used if asset_id not in told)
    if told:
        return FoldedAssets(told, known, read)
    return tuple(asset for _, asset in sorted(known.items()))


def _asked(
    model: StationModel,
    group: Sequence[Channel],
    begin: date,
    count: int,
    checkpoint: Checkpoint | None,
    base: Base | None,
    force: bool,
    only: Collection[str],
    inputs: Mapping[str, str],
    lock_us: int,
) -> Asked:
    """From where one group goes on."""
    slugs = [channel.channel for channel in group]
    question = Asked(begin, count, model.station.epoch, checkpoint, base)
    if base is None:
        return question
    if base.published:
        question = replace(question, checkpoint=_newest(checkpoint, base, slugs, begin))
    same = all(base.inputs.get(slug) == inputs[slug] for slug in slugs)
    left_alone = bool(only) and not any(slug in only for slug in slugs)
    if left_alone or (same and not force):
        return replace(question, lock_us=sys.maxsize)
    return replace(question, lock_us=lock_us) if base.published and not force else question


def _newest(given: Checkpoint | None, base: Base, slugs: Sequence[str], begin: date) -> Checkpoint | None:
    """The newest checkpoint before ``begin``: the one given, or one that the base has for all of them."""
    known = [base.days.get(slug, {}) for slug in slugs]
    before = [on for on in known[0] if on < begin and all(on in days for days in known)]
    if not before or (given is not None and max(before) < given.broadcast_date < begin):
        return given
    on = max(before)
    return Checkpoint(on, {slug: base.days[slug][on].checkpoint for slug in slugs})


def left_alone(asked: Asked, group: Sequence[Channel]) -> GroupDays | None:
    """The group's days where nothing is to be done: the base has all that is asked for, made from the same.
    None: some are missing."""
    base, dates = asked.base, [asked.first_day + timedelta(days=n) for n in range(asked.count)]
    if base is None or not asked.whole or not all(base.has(channel.channel, dates) for channel in group):
        return None
    return with_used(_as_published(base, channel.channel, dates) for channel in group)


def _as_published(base: Base, channel: str, dates: Sequence[date]) -> ChannelDays:
    days = tuple(base.days[channel][on] for on in dates)
    carry_in = base.in_flight(channel, dates[0])
    return ChannelDays(
        channel,
        days,
        carry_in.settled() if carry_in is not None else None,
        base.opening[channel],
        ((),) * (len(days) + 1),
        (),
        base.findings.get(channel, ()),
        settled=True,
    )


def _in_lineup(
    channels: Sequence[Channel], groups: Iterable[GroupDays], used: set[str], told: dict[str, ToldAsset]
) -> Iterator[ChannelDays]:
    """The days of the channels in their order, each as soon as those before it have come; ``used`` and
    ``told`` grow by what they use, and what is told of it."""
    waiting: dict[str, ChannelDays] = {}
    following = 0
    for group in groups:
        used |= group.used
        told |= group.told
        waiting.update((days.channel, days) for days in group.channels)
        while following < len(channels) and (found := waiting.pop(channels[following].channel, None)):
            following += 1
            yield found


def _numbered(channel: ChannelDays, ids: GuideIds) -> ChannelDays:
    """The same with guide ids that no two events share: an event that the base has keeps its id, and no id
    of the base is given to another."""
    carry_in = channel.carry_in
    if carry_in is not None:
        event_id = ids.event(carry_in.event)
        if event_id != carry_in.event.event_id:
            carry_in = InFlight(
                replace(carry_in.event, event_id=event_id),
                tuple(replace(s, event_id=event_id) for s in carry_in.playlist),
            )
    days = []
    for day in channel.days:
        if others := ids.day(day.events):
            day = replace(
                day,
                events=tuple(replace(e, event_id=others[e.event_id]) for e in day.events),
                playlist=Segments.of(day.channel, day.playlist).renumbered(others),
                content_hash="",
            )
        days.append(day)
    return replace(channel, carry_in=carry_in, days=tuple(days))


def _assemble(
    model: StationModel,
    assets: Sequence[Asset],
    begin: date,
    count: int,
    channels: Sequence[ChannelDays],
    days: Sequence[ScheduleDay],
    inputs: Mapping[str, str],
) -> Compiled:
    """Everything as one sealed value; ``days`` are those of the channels, with what is in flight."""
    opening: dict[str, Mapping[str, str]] = {}
    found: list[Finding] = []
    for channel in channels:
        opening[channel.channel] = _opening(channel)
        found += (finding for day in channel.days for finding in day.findings)
        found += channel.findings
    return sealed(
        Compiled(
            station=model.station.station,
            name=model.station.name,
            timezone=model.station.timezone,
            first_day=begin,
            last_day=begin + timedelta(days=count - 1),
            channels=compiled_channels(model),
            synthetics=tuple(
                CompiledSynthetic(s.synthetic, s.shows.value, s.title, s.text)
                for _, s in sorted(model.synthetics.items())
            ),
            overlays=compiled_overlays(model),
            templates=tuple(CompiledTemplate(name, text) for name, text in sorted(model.templates.items())),
            clock=model.station.clock,
            assets=assets,
            days=tuple(days),
            content_hash="",
            diagnostics=once(found),
            opening=opening,
            inputs=inputs,
            findings={channel.channel: channel.findings for channel in channels if channel.findings},
            recompiled={channel.channel: channel.recompiled for channel in channels},
        )
    )


def _opening(channel: ChannelDays) -> Mapping[str, str]:
    """The checkpoint of the day before the first."""
    if channel.settled:
        return channel.opening
    cursors = {path: cursor for path, cursor in channel.opening.items() if path != CURSOR}
    flying = [channel.carry_in] if channel.carry_in is not None else []
    flying += channel.pending[0]
    if flying:
        cursors[CURSOR] = pack(flying)
    return dict(sorted(cursors.items()))


def _with_flying(channel: ChannelDays) -> list[ScheduleDay]:
    """The days with what is in flight: the first opens with it, each checkpoint ends with it."""
    made: list[ScheduleDay] = []
    flying = channel.carry_in  #: the programme that started last
    for position, day in enumerate(channel.days):
        carried = channel.carry_in if not position else None
        opened = _behind(carried, day) if carried is not None else day
        if channel.settled:
            made.append(opened)
            continue
        if day.events:
            flying = None
            if last_end_us(day.events) > day.end_us:
                last = day.events[-1]
                flying = InFlight(last, segments_of(last, day.playlist))
        waiting = [flying] if flying is not None and flying.event.end_us > day.end_us else []
        waiting += channel.pending[position + 1]
        checkpoint = {path: cursor for path, cursor in day.checkpoint.items() if path != CURSOR}
        if waiting:
            checkpoint[CURSOR] = pack(waiting)
        made.append(replace(opened, checkpoint=dict(sorted(checkpoint.items()))))
    return made


def _behind(carried: InFlight, day: ScheduleDay) -> ScheduleDay:
    """The day, which opens with what is in flight."""
    events, playlist = day.events, day.playlist
    if isinstance(events, UnreadEvents) and isinstance(playlist, UnreadSegments):
        return replace(day, events=events.after([carried.event]), playlist=playlist.after(carried.playlist))
    return replace(
        day,
        events=(carried.event, *events),
        playlist=Segments.of(day.channel, [*carried.playlist, *playlist]),
    )


def _with_overrides(compiled: Compiled, base: Base, lock_us: int) -> Compiled:
    """Say what of the locked time was changed by force."""
    overrides: list[Override] = []
    for day in compiled.days:
        old = base.days.get(day.channel, {}).get(day.broadcast_date)
        if old is None:
            continue
        before = {e.start_us: e for e in old.events if e.start_us < lock_us}
        after = {e.start_us: e for e in day.events if e.start_us < lock_us}
        for start in sorted(before.keys() | after.keys()):
            a, b = before.get(start), after.get(start)
            if a is None or b is None or content_of(a) != content_of(b) or a.end_us != b.end_us:
                if b is not None and b.broadcast_date != day.broadcast_date:
                    continue
                overrides.append(
                    Override(
                        day.channel,
                        start,
                        a.event_id if a else 0,
                        b.event_id if b else 0,
                        a.title if a else "",
                        b.title if b else "",
                    )
                )
    return replace(compiled, overrides=tuple(overrides))
