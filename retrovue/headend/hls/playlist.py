"""Playlists of HTTP Live Streaming as text; pure (RFC 8216)."""

from __future__ import annotations

from collections.abc import Sequence

from retrovue.lineup import MediaSegment
from retrovue.units import from_us

#: Segments are about two seconds long: none may be more when rounded (RFC 8216, 4.3.3.1).
TARGET_S = 2

CONTENT_TYPE = "application/vnd.apple.mpegurl"


def media_playlist(number: str, first: int, segments: Sequence[MediaSegment]) -> str:
    """The live playlist of channel ``number`` ("5.1"): ``segments``, the first of which has the media
    sequence number ``first``. Addresses are relative to its own."""
    lines = [
        "#EXTM3U",
        "#EXT-X-VERSION:3",
        "#EXT-X-INDEPENDENT-SEGMENTS",
        f"#EXT-X-TARGETDURATION:{TARGET_S}",
        f"#EXT-X-MEDIA-SEQUENCE:{first}",
    ]
    for sequence, segment in enumerate(segments, first):
        at = from_us(segment.start_us)
        lines += (
            f"#EXT-X-PROGRAM-DATE-TIME:{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03}Z",
            f"#EXTINF:{segment.duration_us / 1e6:.5f},",
            f"{number}/{sequence}.ts",
        )
    return "\n".join(lines) + "\n"
