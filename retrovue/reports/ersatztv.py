"""ErsatzTV Next: a channel's playlist as its playout JSON; pure.

The format is that of https://github.com/ErsatzTV/next (``schema/playout.json``, version 0.0.1): files named
``{start}_{finish}.json`` in compact ISO 8601, each with ``version`` and ``items``; an item has ``id``,
``start``, ``finish`` (RFC 3339) and a ``source``: a local file with ``in_point_ms`` and ``out_point_ms``,
or a lavfi graph, which ffmpeg gets as ``-f lavfi -i``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from retrovue.compiler.model import CompiledChannel, Segment, SegmentKind
from retrovue.playout.house import RASTERS
from retrovue.reports.wording import local
from retrovue.units import round_div, to_us

VERSION = "https://ersatztv.org/playout/version/0.0.1"

_NAME = re.compile(r"(\d{8}T\d{6}\.\d{9}[+-]\d{4})_(\d{8}T\d{6}\.\d{9}[+-]\d{4})\.json")


def playout(
    channel: CompiledChannel,
    segments: Sequence[Segment],
    zone: ZoneInfo,
    media: Callable[[str], str],
) -> dict[str, Any]:
    """The document of these segments. ``media`` gives the absolute path of an asset by its id."""
    return {
        "version": VERSION,
        "items": [
            {
                "id": f"{segment.event_id}.{segment.start_us}",
                "start": _rfc3339(segment.start_us, zone),
                "finish": _rfc3339(segment.end_us, zone),
                "source": _source(channel, segment, media),
            }
            for segment in segments
        ],
    }


def file_name(start_us: int, end_us: int, zone: ZoneInfo) -> str:
    """ "20260413T000000.000000000-0500_20260414T000000.000000000-0500.json"."""
    return f"{_compact(start_us, zone)}_{_compact(end_us, zone)}.json"


def covered(name: str) -> tuple[int, int] | None:
    """The interval that a file of this name covers; None for a name that is none of ours."""
    match = _NAME.fullmatch(name)
    if match is None:
        return None
    try:
        start, end = (datetime.strptime(_shortened(text), "%Y%m%dT%H%M%S.%f%z") for text in match.groups())
    except ValueError:
        return None
    return to_us(start), to_us(end)


def _shortened(text: str) -> str:
    """Nanoseconds cut to microseconds, which is all that Python reads."""
    return text[:22] + text[25:]


def _compact(us: int, zone: ZoneInfo) -> str:
    at = local(us, zone)
    return f"{at:%Y%m%dT%H%M%S}.{at.microsecond:06}000{at:%z}"


def _rfc3339(us: int, zone: ZoneInfo) -> str:
    return local(us, zone).isoformat()


def _source(channel: CompiledChannel, segment: Segment, media: Callable[[str], str]) -> dict[str, Any]:
    if segment.asset_id:
        return {
            "source_type": "local",
            "path": media(segment.asset_id),
            "in_point_ms": round_div(segment.in_us, 1000),
            "out_point_ms": round_div(segment.in_us + segment.duration_us, 1000),
        }
    return {"source_type": "lavfi", "params": lavfi(channel, segment.kind)}


def lavfi(channel: CompiledChannel, kind: SegmentKind) -> str:
    """A graph with a picture and sound that stands for a synthetic: bars and a tone for a test pattern,
    a plain, silent ground for all that only RetroVue draws."""
    width, height = RASTERS[channel.raster]
    form = f"size={width}x{height}:rate={channel.rate}"
    if kind is SegmentKind.TEST_PATTERN:
        return f"smptehdbars={form}[out0];sine=frequency=1000:sample_rate=48000[out1]"
    return f"color=color=0x060a1c:{form}[out0];anullsrc=channel_layout=stereo:sample_rate=48000[out1]"
