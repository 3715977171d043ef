"""Library: the catalog as a person reads it and as JSON: a list, and one asset whole; pure.

The JSON of an asset is its line of the lock with ``id``, ``collection``, ``state``, ``approved`` and
``title`` always there, and ``eligible``. One that is shown whole has also ``file`` and ``file_is_there``;
``on``, the broadcast date that is asked about; ``airs``; ``bars``: each with ``code``, ``said``, ``help``
and ``written_at``; and ``ways``: each with ``noun``, ``slug``, ``asks``, ``role``, ``channels``,
``written_at``, ``bars`` and ``limits``.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from retrovue.compiler.eligibility import Bar, Standing, Way
from retrovue.library.catalog import Asset, AudioTrack, SubtitleTrack
from retrovue.library.finding import printable
from retrovue.library.lock import render_line
from retrovue.reports.wording import length, plural
from retrovue.small_file import is_file
from retrovue.units import SECOND_US


def name_of(asset: Asset) -> str:
    """ "Cheers S1E2 “Sam's Women”", "Charade (1963)"."""
    number = f"S{asset.season}" if asset.season is not None else ""
    number += f"E{asset.episode}" if asset.episode is not None else ""
    if not asset.series:
        year = f"({asset.year})" if asset.year is not None else ""
        return " ".join(filter(None, (asset.title or asset.key.rsplit("/", 1)[-1], number, year)))
    return " ".join(filter(None, (asset.series, number, f"“{asset.title}”" if asset.title else "")))


def line(asset: Asset, codes: Iterable[str]) -> str:
    """One line of the list; ``codes`` say why it doesn't air."""
    marks = ", ".join(codes)
    lasts = length(asset.duration_us - asset.duration_us % SECOND_US) if asset.duration_us else "?"
    said = (asset.id, lasts, name_of(asset), f"[{marks}]" if marks else "")
    return printable("  ".join(filter(None, said)))


def as_json(asset: Asset) -> dict[str, Any]:
    """What every asset of a list has."""
    said: dict[str, Any] = json.loads(render_line(asset))
    first = {"id": asset.id, "collection": asset.collection, "key": asset.key, "title": asset.title}
    state = {"state": asset.state.value, "approved": asset.approved, "eligible": asset.eligible}
    return first | state | said


def whole_json(standing: Standing, file: Path | None) -> dict[str, Any]:
    """The document described at the top of this module."""
    return as_json(standing.asset) | {
        "file": str(file) if file is not None else None,
        "file_is_there": file is not None and is_file(file),
        "on": standing.on.isoformat(),
        "airs": standing.airs,
        "bars": [asdict(bar) for bar in standing.every_bar],
        "ways": [asdict(way) for way in standing.ways],
    }


def whole(standing: Standing, file: Path | None) -> str:
    """Everything known of one asset, and why it airs or doesn't, in columns."""
    asset = standing.asset
    lines = [printable(f"{asset.id}: {name_of(asset)}")]
    for label, said in _rows(asset, file):
        if said:
            lines.append(printable(f"  {label:<11} {said}"))
    for way in standing.ways:
        lines += _way(way, standing.airs)
    on = f"on {standing.on:%a %d %b %Y}"
    if standing.airs:
        lines.append(f"  {'airs':<11} it may, {on}")
    else:
        lines.append(f"  {'airs':<11} not {on}:")
        for bar in standing.every_bar:
            lines += _bar(bar)
    return "\n".join(lines)


def _way(way: Way, with_bars: bool) -> Iterator[str]:
    role = {"breaks": ", in breaks", "bumper": ", as a bumper", "stand-in": ", in place of what fails"}
    channels = f", on {', '.join(way.channels)}" if way.channels else ""
    asked = f"{way.noun} {way.slug}{role.get(way.role, '')}{channels}: {way.asks}"
    yield printable(f"  {'asked by':<11} {asked}")
    if way.written_at:
        yield printable(f"  {'':<11} {way.written_at}")
    for limit in way.limits:
        yield printable(f"  {'':<11} {limit}")
    for bar in way.bars if with_bars else ():
        yield printable(f"  {'':<11} [{bar.code}] {bar.said}")


def _bar(bar: Bar) -> Iterator[str]:
    place = f" ({bar.written_at})" if bar.written_at else ""
    yield printable(f"  {'':<11} [{bar.code}] {bar.said}{place}")
    if bar.help:
        yield printable(f"  {'':<11}   {bar.help}")


def _rows(asset: Asset, file: Path | None) -> Iterator[tuple[str, str]]:
    """What an asset has to say, by the label it stands behind; what it doesn't say is empty."""
    yield "state", f"{asset.state}, {'approved' if asset.approved else 'not approved'}"
    yield "path", asset.path
    if file is not None:
        yield "file", f"{file}" if is_file(file) else f"{file}, which is not there"
    if asset.duration_us:
        frames = f", {plural(asset.frames, 'frame')} at {asset.rate} a second" if asset.frames else ""
        yield "lasts", length(asset.duration_us) + frames
    yield "picture", _picture(asset)
    for track in asset.audio:
        yield "sound", _sound(track)
    if not asset.audio and asset.audio_codec:
        yield "sound", f"{asset.audio_codec}, {plural(asset.audio_channels, 'channel')}"
    for subtitle in asset.subtitles:
        yield "subtitles", _subtitles(subtitle)
    yield "breaks at", ", ".join(map(length, asset.marks_us))
    yield "rating", asset.rating
    yield "tags", ", ".join(asset.tags)
    yield "first aired", asset.date
    yield "year", str(asset.year) if asset.year is not None else ""
    yield "advertiser", asset.advertiser
    yield "category", asset.category
    yield "about", asset.description
    for credit in asset.credits:
        yield credit.job, credit.name + (f" as {credit.role}" if credit.role else "")
    yield "artwork", ", ".join(asset.artwork)
    yield from asset.extra.items()


def _picture(asset: Asset) -> str:
    said = [f"{asset.width}x{asset.height}" if asset.width else "", asset.video_codec]
    said += [f"pixels {asset.sar}" if asset.sar != "1/1" else ""]
    said += [f"interlaced {asset.field_order}".rstrip() if asset.interlaced else ""]
    said += [f"{asset.primaries}/{asset.transfer}/{asset.matrix}".strip("/")]
    said += [asset.fit, f"begins {length(asset.picture_us)} into the file" if asset.picture_us else ""]
    return ", ".join(filter(None, said))


def _sound(track: AudioTrack) -> str:
    said = [track.codec, plural(track.channels, "channel"), track.language]
    said += ["default" if track.default else "", "commentary" if track.commentary else ""]
    said += [f"{track.loudness:g} LUFS" if track.loudness is not None else ""]
    said += [f"peak {track.peak:g} dBTP" if track.peak is not None else ""]
    return ", ".join(filter(None, said))


def _subtitles(track: SubtitleTrack) -> str:
    where = track.path or f"stream {track.stream}"
    return ", ".join(filter(None, (track.codec, track.language, "forced" if track.forced else "", where)))
