"""Content hash: one sha256 over the canonical, ordered rows of everything that may air; pure.

Where a thing is written, which plan asked for it and what the compiler had to say are no part of it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import astuple, replace
from typing import Any

from retrovue.compiler.model import Compiled, ScheduleEvent, Segment
from retrovue.library.catalog import Asset


def content_hash(compiled: Compiled) -> str:
    """Hexadecimal sha256; the same on every machine, in any process."""
    digest = hashlib.sha256()

    def add(table: str, rows: Sequence[Any]) -> None:
        digest.update(table.encode() + b"\n")
        digest.update(
            json.dumps(rows, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")
        )
        digest.update(b"\n")

    add(
        "station",
        [
            compiled.station,
            compiled.name,
            compiled.timezone,
            compiled.first_day.isoformat(),
            compiled.last_day.isoformat(),
            compiled.clock,
        ],
    )
    add("channel", [astuple(channel) for channel in compiled.channels])
    add("synthetic", [astuple(synthetic) for synthetic in compiled.synthetics])
    add("overlay", [astuple(overlay) for overlay in compiled.overlays])
    add("template", [astuple(template) for template in compiled.templates])
    add("asset", [_asset(asset) for asset in compiled.assets])
    for day in compiled.days:
        add(
            "day",
            [day.channel, day.broadcast_date.isoformat(), day.start_us, day.end_us],
        )
        add("event", [_event(event) for event in day.events])
        add("segment", [_segment(segment) for segment in day.playlist])
    return digest.hexdigest()


def sealed(compiled: Compiled) -> Compiled:
    """The same with its content hash filled in."""
    return replace(compiled, content_hash=content_hash(compiled))


def _asset(a: Asset) -> tuple[Any, ...]:
    return (
        a.id,
        a.path,
        a.size,
        a.duration_us,
        a.frames,
        a.rate,
        a.width,
        a.height,
        a.sar,
        a.interlaced,
        a.field_order,
        a.primaries,
        a.transfer,
        a.matrix,
        a.picture_us,
        a.fit,
        a.video_codec,
        a.audio_codec,
        a.audio_channels,
        [astuple(track) for track in a.audio],
        [astuple(track) for track in a.subtitles],
        a.marks_us,
        a.title,
        a.series,
        a.season,
        a.episode,
        a.year,
        a.date,
        a.description,
        a.rating,
        a.tags,
        a.advertiser,
        a.category,
        sorted(a.extra.items()),
    )


def _event(e: ScheduleEvent) -> tuple[Any, ...]:
    return (
        e.event_id,
        e.broadcast_date.isoformat(),
        e.start_us,
        e.end_us,
        e.title,
        e.subtitle,
        e.description,
        e.season,
        e.episode,
        e.year,
        e.original_date,
        e.categories,
        e.rating,
        e.kind,
        e.program,
        e.asset_id,
        e.fallbacks,
    )


def _segment(s: Segment) -> tuple[Any, ...]:
    return (
        s.broadcast_date.isoformat(),
        s.seq,
        s.start_us,
        s.end_us,
        s.kind.value,
        s.event_id,
        s.asset_id,
        s.in_us,
        s.synthetic,
        s.title,
        *((s.overlays,) if s.overlays else ()),
    )
