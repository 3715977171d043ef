"""Channels: the channels of a station in order of number, what each inherits, and which go together; pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from zoneinfo import ZoneInfo

from retrovue.broadcast_day import Calendar
from retrovue.compiler.formats import filled
from retrovue.compiler.inputs import station_wide
from retrovue.compiler.model import CompiledChannel
from retrovue.library.catalog import Asset
from retrovue.station.model import Channel, HouseFormat, StationModel
from retrovue.station.numbers import derived_vchannel, number_order


def calendar_of(model: StationModel, channel: Channel) -> Calendar:
    """The broadcast days of a channel, with what it inherits from the station; a simulcast's are its
    source's."""
    station = model.station
    by_slug = {c.channel: c for c in model.channels}
    for _ in by_slug:
        if channel.simulcast is None or channel.simulcast not in by_slug:
            break
        channel = by_slug[channel.simulcast]
    start = (
        station.broadcast_day_start if channel.broadcast_day_start is None else channel.broadcast_day_start
    )
    dst = station.dst
    return Calendar(ZoneInfo(station.timezone), start, channel.grid or station.grid, dst.spring, dst.fall)


def broadcast_date_at(model: StationModel, instant_us: int) -> date:
    """The earliest broadcast date that some channel is in at ``instant_us``."""
    return min(calendar_of(model, channel).date_of(instant_us) for channel in model.channels)


def groups(model: StationModel) -> list[list[Channel]]:
    """The channels, in order of number, those together that can't be compiled apart: a simulcast and its
    source, and channels that share a rotation (``cursor: station``) and begin their day together."""
    ordered = by_number(model)
    leader = {channel.channel: channel.channel for channel in ordered}

    def find(slug: str) -> str:
        while leader[slug] != slug:
            slug = leader[slug]
        return slug

    def join(one: str, other: str) -> None:
        first, second = find(one), find(other)
        if first != second:
            leader[second] = first

    sharing: dict[tuple[int, str], str] = {}
    for channel in ordered:
        if channel.simulcast in leader:
            join(channel.channel, channel.simulcast)
        start = calendar_of(model, channel).day_start
        for program in station_wide(model, channel):
            join(sharing.setdefault((start, program), channel.channel), channel.channel)
    found: dict[str, list[Channel]] = {}
    for channel in ordered:
        found.setdefault(find(channel.channel), []).append(channel)
    return list(found.values())


def compiled_channels(model: StationModel) -> tuple[CompiledChannel, ...]:
    """Every channel with what it inherits filled in, in order of number."""
    return tuple(_compiled_channel(model, channel, at) for at, channel in enumerate(by_number(model)))


def by_number(model: StationModel) -> list[Channel]:
    return sorted(model.channels, key=lambda channel: number_order(channel.number))


def _compiled_channel(model: StationModel, channel: Channel, position: int) -> CompiledChannel:
    calendar = calendar_of(model, channel)
    station = model.station
    house: HouseFormat = channel.format or station.format
    complete = filled(house)
    return CompiledChannel(
        channel=channel.channel,
        number=channel.number,
        vchannel=channel.vchannel or derived_vchannel(channel.number),
        name=channel.name,
        callsign=channel.callsign or channel.channel.upper(),
        guide_id=f"C{channel.number}.{model.station.station}.retrovue.tv",
        group=channel.group,
        logo=channel.logo or "",
        grid_us=calendar.grid_us,
        day_start_minutes=calendar.day_start,
        raster=house.raster,
        rate=complete.rate,
        preset=house.preset,
        video_kbps=complete.video_kbps,
        audio_kbps=complete.audio_kbps,
        position=position,
        codec=house.codec,
        encoder=house.encoder,
        audio_codec=complete.audio_codec,
        loudness=complete.loudness,
        fit=(channel.fit or station.fit).value,
        audio=station.audio if channel.audio is None else channel.audio,
        subtitles=channel.subtitles or station.subtitles,
        cues=channel.cues or station.cues,
    )


def fitted(model: StationModel, asset: Asset) -> Asset:
    """The asset with its collection's way to fill the screen, unless it has one of its own."""
    collection = model.collections.get(asset.collection)
    if asset.fit or collection is None or collection.fit is None:
        return asset
    return replace(asset, fit=collection.fit.value)
