"""How large a picture is, from the first bytes of its file; pure.

PNG (its chunk IHDR), JPEG (its first frame header, ITU-T T.81 B.2.2), WebP (RFC 9649), SVG (width and height,
or its viewBox).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal

_SVG = re.compile(rb"<svg\b[^>]*>", re.DOTALL)
_LENGTH = re.compile(rb"""\s(width|height)\s*=\s*["']\s*([0-9.]+)\s*(?:px)?\s*["']""")
_VIEW_BOX = re.compile(rb"""\sviewBox\s*=\s*["']([^"']+)["']""")
#: Where an SVG's first element must have come (bytes).
_HEAD = 64 * 1024


def picture_size(data: bytes) -> tuple[int, int] | None:
    """Width and height in pixels; None when that can't be told."""
    found: tuple[int, int] | None
    if data[:8] == b"\x89PNG\r\n\x1a\n" and data[12:16] == b"IHDR":
        found = _pair(data[16:20], data[20:24], "big")
    elif data[:2] == b"\xff\xd8":
        found = next(_jpeg(data), None)
    elif data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        found = _webp(data)
    else:
        found = _svg(data[:_HEAD])
    return found if found is not None and all(0 < side < 1 << 16 for side in found) else None


def _pair(width: bytes, height: bytes, order: Literal["big", "little"]) -> tuple[int, int]:
    return int.from_bytes(width, order), int.from_bytes(height, order)


def _jpeg(data: bytes) -> Iterator[tuple[int, int]]:
    at = 2
    while at + 9 < len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            yield _pair(data[at + 7 : at + 9], data[at + 5 : at + 7], "big")
            return
        if marker == 0xFF:  # fill
            at += 1
        elif marker == 0x01 or 0xD0 <= marker <= 0xD8:  # no length
            at += 2
        else:
            at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")


def _webp(data: bytes) -> tuple[int, int] | None:
    kind, body = data[12:16], data[20:]
    if kind == b"VP8X":
        width, height = _pair(body[4:7], body[7:10], "little")
        return width + 1, height + 1
    if kind == b"VP8L" and body[:1] == b"\x2f":
        bits = int.from_bytes(body[1:5], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if kind == b"VP8 " and body[3:6] == b"\x9d\x01\x2a":
        width, height = _pair(body[6:8], body[8:10], "little")
        return width & 0x3FFF, height & 0x3FFF
    return None


def _svg(head: bytes) -> tuple[int, int] | None:
    match = _SVG.search(head)
    if match is None:
        return None
    try:
        sides = {m[1]: float(m[2]) for m in _LENGTH.finditer(match[0])}
        if len(sides) == 2:
            return round(sides[b"width"]), round(sides[b"height"])
        box = _VIEW_BOX.search(match[0])
        numbers = [float(n) for n in re.split(rb"[\s,]+", box[1].strip())] if box else []
        return (round(numbers[2]), round(numbers[3])) if len(numbers) == 4 else None
    except (ValueError, OverflowError):
        return None
