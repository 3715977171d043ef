"""From an artefact to what the channels need for the coming hours; the only reader of the store in playout.

Everything here runs off the event loop: the tick loops must not wait for a disk.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

from retrovue.compiler.model import CompiledChannel, ScheduleEvent
from retrovue.library.catalog import Asset
from retrovue.lineup import ArtworkRef, ChannelId, ChannelIdent, GuideEntry
from retrovue.playout.cards import Writing
from retrovue.playout.director import Programme, house_of
from retrovue.playout.encode import SOFTWARE
from retrovue.playout.graphics import Continuity
from retrovue.playout.guide import edges as guide_edges
from retrovue.playout.overlay import Schedule, plan_layers
from retrovue.playout.playlog import Playlog, PlaylogEntry
from retrovue.store.artefact import Artefact, ArtefactHeader
from retrovue.units import MINUTE_US, from_us

#: The playlog keeps this much of the past: a viewer's lag and a clock's slew reach into it (µs).
KEEP_PAST_US = 2 * MINUTE_US
#: Overlays are planned from this long before (µs).
LOOK_BACK_US = 60 * MINUTE_US


@dataclass(frozen=True, slots=True)
class OnAirProgramme:
    """One artefact, as playout uses it."""

    header: ArtefactHeader
    idents: tuple[ChannelIdent, ...]  #: in order of the lineup
    guide: Mapping[ChannelId, tuple[GuideEntry, ...]]
    channels: Mapping[ChannelId, tuple[CompiledChannel, Programme]]
    playlog_end_us: int
    generation: int = 0  #: of the playlog


def media_path(roots: Mapping[str, Path], collection: str, path: str) -> str:
    """Where a collection's file is; ``roots``: collection → folder of its media."""
    root = roots.get(collection)
    return str(root / path) if root is not None else path


def in_software(channel: CompiledChannel) -> CompiledChannel:
    """The channel as every machine can encode it."""
    return replace(channel, encoder=SOFTWARE)


def load(
    artefact: Artefact,
    roots: Mapping[str, Path],
    now_us: int,
    playlog_us: int,
    generation: int = 0,
    station: Path = Path(),
    equip: Callable[[CompiledChannel], CompiledChannel] = in_software,
) -> OnAirProgramme:
    """Read ``artefact`` for [now, now + ``playlog_us``); ``roots``: collection → folder of its media,
    ``station``: its folder, for its pictures, ``equip``: gives a channel an encoder that works here.

    Raises ``ArtefactError``.
    """
    header = artefact.header
    zone = ZoneInfo(header.timezone)
    start_us = now_us - KEEP_PAST_US
    end_us = min(now_us + playlog_us, header.end_us)
    overlays = artefact.overlays
    assets: dict[str, Asset | None] = {}
    channels: dict[ChannelId, tuple[CompiledChannel, Programme]] = {}
    guide: dict[ChannelId, tuple[GuideEntry, ...]] = {}
    ends: list[int] = []

    def locate(asset: Asset) -> str:
        return media_path(roots, asset.collection, asset.path)

    writing = Writing(zone, header.clock)
    equipped = [equip(c) for c in artefact.channels]
    lineup = [(c, artefact.events(c.channel, header.start_us, header.end_us)) for c in equipped]
    for channel, events in lineup:
        channel_id = ChannelId(channel.channel)
        # What is shown after a break, and for how long, depends on where the break was.
        segments = artefact.segments(channel.channel, start_us - LOOK_BACK_US, end_us)
        wanted = {s.event_id for s in segments}
        fallbacks = {e.event_id: e.fallbacks for e in events if e.event_id in wanted}
        for asset_id in {s.asset_id for s in segments if s.asset_id}.union(*fallbacks.values()):
            if asset_id not in assets:
                assets[asset_id] = artefact.asset(asset_id)
        grid = house_of(channel).grid
        playlog = Playlog.align(segments, grid, fallbacks)
        guides = [e for e in playlog.entries if _shows(artefact, e) == "guide"]
        playlog = playlog.cut_at(
            grid.nearest(us)
            for e in guides
            for us in guide_edges(e.segment.start_us, e.segment.end_us, writing)
        )
        playlog = playlog.drawn(
            plan_layers(playlog.entries, Schedule(channel, overlays, events, writing, grid))
        )
        playlog = playlog.since(grid.nearest(start_us))
        show = Continuity(station, header.clock, artefact.templates, events, lineup)
        channels[channel_id] = (
            channel,
            Programme(
                header.name,
                zone,
                artefact.synthetics,
                assets.get,
                locate,
                playlog,
                header.content_hash,
                generation,
                continuity=show,
            ),
        )
        guide[channel_id] = tuple(_entry(event) for event in events)
        ends.append(segments[-1].end_us if segments else start_us)
    idents = tuple(ident_of(channel) for channel in artefact.channels)
    return OnAirProgramme(header, idents, guide, channels, min([end_us, *ends]), generation)


def _shows(artefact: Artefact, entry: PlaylogEntry) -> str:
    synthetic = artefact.synthetics.get(entry.segment.synthetic)
    return synthetic.shows if synthetic is not None else ""


def ident_of(channel: CompiledChannel) -> ChannelIdent:
    """What clients are told of a channel."""
    house = house_of(channel)
    return ChannelIdent(
        id=ChannelId(channel.channel),
        number=channel.number,
        vchannel=channel.vchannel,
        name=channel.name,
        callsign=channel.callsign,
        guide_id=channel.guide_id,
        group=channel.group,
        logo=ArtworkRef(f"logo/{channel.channel}") if channel.logo else None,
        video_codec=house.video.word,
        audio_codec=house.audio.word,
        hd=house.hd,
    )


def _entry(event: ScheduleEvent) -> GuideEntry:
    return GuideEntry(
        event_id=event.event_id,
        channel=ChannelId(event.channel),
        start=from_us(event.start_us),
        end=from_us(event.end_us),
        title=event.title,
        subtitle=event.subtitle,
        description=event.description,
        season=event.season,
        episode=event.episode,
        original_date=_date(event.original_date),
        year=event.year,
        categories=event.categories,
        rating=event.rating,
        kind=event.kind,
    )


def _date(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        return None  # a year alone, or a word of the library's: no date to show
