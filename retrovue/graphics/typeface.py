"""Typeface: how wide a text is, read from a TrueType file; pure.

SVG breaks no lines and shrinks nothing, so whoever lays out a card must know how much room a text takes
before it is drawn. Advance widths alone are used (OpenType spec 1.9, tables cmap, hhea and hmtx): kerning
changes a line by a percent or two, which the margins hold.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

#: Advance of a character that no table knows, in em: a CJK ideograph or an emoji fills a square.
_UNKNOWN_EM = 1.0


class BadFont(ValueError):
    """The file is no TrueType font that can be read."""


@dataclass(frozen=True)
class Typeface:
    """The widths of one font."""

    units_per_em: int
    advances: tuple[int, ...]  #: by glyph; the last one holds for all behind it
    glyphs: dict[int, int] = field(repr=False)  #: code point → glyph

    @classmethod
    def read(cls, data: bytes) -> Typeface:
        """Raises ``BadFont``."""
        try:
            tables = _tables(data)
            (units,) = struct.unpack_from(">H", data, tables["head"] + 18)
            (count,) = struct.unpack_from(">H", data, tables["hhea"] + 34)
            advances = struct.unpack(">" + "H2x" * count, data[tables["hmtx"] : tables["hmtx"] + 4 * count])
            return cls(units or 1000, advances, _characters(data, tables["cmap"]))
        except (struct.error, KeyError, IndexError) as error:
            raise BadFont(f"this is no TrueType font: {error}") from error

    def width(self, text: str) -> float:
        """In em: times the font size it is the width."""
        return sum(map(self._advance, text))

    def _advance(self, character: str) -> float:
        glyph = self.glyphs.get(ord(character))
        if glyph is None:
            return _UNKNOWN_EM if ord(character) > 0x2E7F else 0.6
        return self.advances[min(glyph, len(self.advances) - 1)] / self.units_per_em


def _tables(data: bytes) -> dict[str, int]:
    (count,) = struct.unpack_from(">H", data, 4)
    found = {}
    for n in range(count):
        tag, _, offset, _ = struct.unpack_from(">4sIII", data, 12 + 16 * n)
        found[tag.decode("latin-1")] = offset
    return found


def _characters(data: bytes, cmap: int) -> dict[int, int]:
    (count,) = struct.unpack_from(">H", data, cmap + 2)
    best: dict[int, int] = {}
    for n in range(count):
        platform, encoding, offset = struct.unpack_from(">HHI", data, cmap + 4 + 8 * n)
        at = cmap + offset
        (form,) = struct.unpack_from(">H", data, at)
        if (platform, encoding) in ((3, 1), (0, 3), (0, 4), (3, 10)):
            found = _segments(data, at) if form == 4 else _groups(data, at) if form == 12 else {}
            if len(found) > len(best):
                best = found
    return best


def _segments(data: bytes, at: int) -> dict[int, int]:
    """Format 4: the Basic Multilingual Plane."""
    (twice,) = struct.unpack_from(">H", data, at + 6)
    count = twice // 2
    read = f">{count}H"
    ends = struct.unpack_from(read, data, at + 14)
    starts = struct.unpack_from(read, data, at + 16 + twice)
    deltas = struct.unpack_from(read, data, at + 16 + 2 * twice)
    ranges_at = at + 16 + 3 * twice
    ranges = struct.unpack_from(read, data, ranges_at)
    found = {}
    for n in range(count):
        for code in range(starts[n], min(ends[n], 0xFFFE) + 1):
            if ranges[n]:
                place = ranges_at + 2 * n + ranges[n] + 2 * (code - starts[n])
                (glyph,) = struct.unpack_from(">H", data, place)
                glyph = (glyph + deltas[n]) & 0xFFFF if glyph else 0
            else:
                glyph = (code + deltas[n]) & 0xFFFF
            if glyph:
                found[code] = glyph
    return found


def _groups(data: bytes, at: int) -> dict[int, int]:
    """Format 12: all of Unicode."""
    (count,) = struct.unpack_from(">I", data, at + 12)
    found = {}
    for n in range(min(count, 10_000)):
        first, last, glyph = struct.unpack_from(">III", data, at + 16 + 12 * n)
        for code in range(first, min(last, first + 0xFFFF) + 1):
            found[code] = glyph + code - first
    return found
