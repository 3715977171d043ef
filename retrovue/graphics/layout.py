"""Layout: a text fitted into a box, as lines of one size; pure.

A title that is too long is first broken into as many lines as there is room for, then made smaller, and
only then cut short with an ellipsis. Lines are of much the same length: a word alone in the last one looks
like a mistake.
"""

from __future__ import annotations

import unicodedata
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field

from markupsafe import Markup, escape

from retrovue.graphics.typeface import Typeface

#: The family that cards are set in, and the one that stands in for what it lacks (Greek, Cyrillic …).
FAMILY, FALLBACK = "IBM Plex Sans Condensed", "Roboto"
#: Text is never made smaller than this part of the size that was asked for.
SMALLEST = 0.58
#: Baseline to baseline, in em.
LEADING = 1.14
#: More than this of a text is never looked at (characters): no card has room for it.
LONGEST = 4000
#: And more than this has no room in any block of lines.
_LONGEST_BLOCK = 1000


@dataclass(frozen=True)
class Faces:
    """The widths of the family's weights."""

    by_weight: Mapping[int, Typeface]
    fallback: Typeface
    _advances: dict[int, dict[str, float]] = field(default_factory=dict, compare=False, repr=False)

    def width(self, text: str, size: float, weight: int = 700) -> float:
        """Of ``text`` set in ``size``, in the units of ``size``."""
        known = self._advances.setdefault(weight, {})
        total = 0.0
        for c in text:
            if c not in known:
                known[c] = self._advance(c, weight)
            total += known[c]
        return size * total

    def without_glyph(self, text: str) -> str:
        """The characters of ``text`` that no font here has, each once, in order."""
        fonts = (*self.by_weight.values(), self.fallback)
        wanted = dict.fromkeys(c for c in clean(text) if not unicodedata.combining(c))
        return "".join(c for c in wanted if not any(ord(c) in font.glyphs for font in fonts))

    def _advance(self, character: str, weight: int) -> float:
        if unicodedata.combining(character):
            return 0.0
        face = self.by_weight[min(self.by_weight, key=lambda each: abs(each - weight))]
        return (face if ord(character) in face.glyphs else self.fallback).width(character)


@dataclass(frozen=True)
class Block:
    """Lines of text, each no wider than the box they were fitted into."""

    lines: tuple[str, ...]
    size: float
    weight: int
    width: float  #: of the widest line

    @property
    def height(self) -> float:
        """From the top of the first line's capitals to the last baseline."""
        return self.size * (0.7 + LEADING * (len(self.lines) - 1)) if self.lines else 0.0

    def below(self, y: float, gap: float = 0.0) -> float:
        """Where the cap height of what follows begins when the first baseline is ``y``."""
        return y + self.size * LEADING * max(0, len(self.lines) - 1) + gap


def clean(text: str) -> str:
    """Without what XML can't hold and no screen can show; one space for any white space."""
    spaced = "".join(" " if c.isspace() else c for c in text[:LONGEST])
    kept = (c for c in spaced if unicodedata.category(c) not in ("Cc", "Cs", "Co", "Cn"))
    return " ".join("".join(kept).split())


def fit(
    faces: Faces,
    text: str,
    width: float,
    size: float,
    lines: int = 1,
    weight: int = 700,
    smallest: float = SMALLEST,
) -> Block:
    """``text`` in at most ``lines`` lines of ``width``, in ``size`` or as little smaller as can be."""
    text = clean(text)[:_LONGEST_BLOCK]
    chosen = size
    while True:
        broken = _broken(faces, text, width, chosen, weight)
        if len(broken) <= lines:
            broken = _balanced(faces, text, width, chosen, weight, len(broken))
            break
        if chosen <= size * smallest:
            last = cut_short(faces, " ".join(broken[lines - 1 :]), width, chosen, weight)
            broken = [*broken[: lines - 1], last]
            break
        chosen = max(size * smallest, chosen * 0.94)
    widest = max((faces.width(line, chosen, weight) for line in broken), default=0.0)
    return Block(tuple(broken), chosen, weight, widest)


def cut_short(faces: Faces, text: str, width: float, size: float, weight: int) -> str:
    """As much of ``text`` as fits, with an ellipsis where it was cut."""
    if faces.width(text, size, weight) <= width:
        return text
    kept = bisect_right(range(1, len(text)), width, key=lambda n: faces.width(text[:n] + "…", size, weight))
    return text[:kept].rstrip() + "…"


def draw(
    block: Block, x: float, y: float, fill: str = "#ffffff", anchor: str = "start", leading: float = LEADING
) -> Markup:
    """The block as SVG; ``y`` is the first baseline. What is drawn is escaped."""
    rows = Markup("").join(
        Markup('<tspan x="{}" y="{:.2f}">{}</tspan>').format(x, y + n * block.size * leading, escape(line))
        for n, line in enumerate(block.lines)
    )
    return Markup(
        '<text font-size="{:.2f}" font-weight="{}" fill="{}" text-anchor="{}" xml:space="preserve">{}</text>'
    ).format(block.size, block.weight, fill, anchor, rows)


def _broken(faces: Faces, text: str, width: float, size: float, weight: int) -> list[str]:
    lines: list[str] = []
    line = ""
    for word in text.split(" ") if text else ():
        joined = f"{line} {word}" if line else word
        if faces.width(joined, size, weight) <= width:
            line = joined
            continue
        if line:
            lines.append(line)
        while faces.width(word, size, weight) > width and len(word) > 1:
            letters = range(2, len(word))
            taken = 1 + bisect_right(letters, width, key=lambda n: faces.width(word[:n], size, weight))
            lines.append(word[:taken])
            word = word[taken:]
        line = word
    return [*lines, line] if line else lines


def _balanced(faces: Faces, text: str, width: float, size: float, weight: int, count: int) -> list[str]:
    """The narrowest way to break it into as many lines."""
    if count < 2:
        return _broken(faces, text, width, size, weight)
    low, high = 0.0, width
    while high - low > width / 50:
        middle = (low + high) / 2
        if len(_broken(faces, text, middle, size, weight)) <= count:
            high = middle
        else:
            low = middle
    return _broken(faces, text, high, size, weight)
