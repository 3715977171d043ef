"""Playlists of HTTP Live Streaming as text; pure (RFC 8216).

Of a channel that tells its breaks they are told here, too: as date ranges with the very sections of SCTE 35
(4.3.2.7.1), and in the older tags that much of the world's equipment reads (EXT-X-CUE-OUT and its kin, which
no standard has).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from retrovue.lineup import Break, MediaSegment
from retrovue.units import SECOND_US, from_us

#: Segments are about two seconds long: none may be more when rounded (RFC 8216, 4.3.3.1).
TARGET_S = 2

CONTENT_TYPE = "application/vnd.apple.mpegurl"


def media_playlist(number: str, first: int, segments: Sequence[MediaSegment], query: str = "") -> str:
    """The live playlist of channel ``number`` ("5.1"): ``segments``, the first of which has the media
    sequence number ``first``. Addresses are relative to its own and end with ``query``, which opens
    them."""
    lines = [
        "#EXTM3U",
        "#EXT-X-VERSION:3",
        "#EXT-X-INDEPENDENT-SEGMENTS",
        f"#EXT-X-TARGETDURATION:{TARGET_S}",
        f"#EXT-X-MEDIA-SEQUENCE:{first}",
    ]
    for sequence, segment in enumerate(segments, first):
        lines += _cues(segment, sequence == first)
        lines += (
            f"#EXT-X-PROGRAM-DATE-TIME:{_moment(segment.start_us)}",
            f"#EXTINF:{segment.duration_us / 1e6:.5f},",
            f"{number}/{sequence}.ts{query}",
        )
    return "\n".join(lines) + "\n"


def _cues(segment: MediaSegment, first: bool) -> Iterator[str]:
    """What is said of breaks before ``segment``; ``first``: it is the first one listed."""
    if (over := segment.after) is not None:
        start_ms, end_ms = over.start_us // 1000, over.end_us // 1000
        yield (
            f'#EXT-X-DATERANGE:{_name(over)},END-DATE="{_moment(over.end_us)}",'
            f"DURATION={(end_ms - start_ms) / 1000:.3f},SCTE35-IN=0x{over.back.hex().upper()}"
        )
        yield "#EXT-X-CUE-IN"
    if (of := segment.within) is None:
        return
    seconds = (of.end_us - of.start_us) / SECOND_US
    if segment.opens or first:
        out = of.out.hex().upper()
        yield f"#EXT-X-DATERANGE:{_name(of)},PLANNED-DURATION={seconds:.3f},SCTE35-OUT=0x{out}"
    if segment.opens:
        yield f"#EXT-X-CUE-OUT:{seconds:.3f}"
    else:
        elapsed = (segment.start_us - of.start_us) / SECOND_US
        yield f"#EXT-X-CUE-OUT-CONT:ElapsedTime={elapsed:.3f},Duration={seconds:.3f}"


def _name(of: Break) -> str:
    return f'ID="{of.id:08X}",START-DATE="{_moment(of.start_us)}"'


def _moment(us: int) -> str:
    at = from_us(us)
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03}Z"
