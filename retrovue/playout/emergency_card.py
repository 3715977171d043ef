"""What an emergency looks and sounds like; pure.

It is a game, and nobody may take it for anything else. So the card says FICTIONAL in letters that no
setting removes, a crawl begins with the same word, and the sound is none that warns people in earnest:
in the United States 47 CFR 11.45 forbids the codes and the attention signal of the Emergency Alert System,
and simulations of them, outside a real emergency. The attention signal is 853 and 960 Hz together
(47 CFR 11.31(a)(2)), the National Weather Service's 1050 Hz alone; the codes are frequency-shift keying at
1562.5 and 2083.3 Hz (11.31(a)(1)). Ours is a door bell: two notes of music, one after the other, each dying
away, with eight seconds of silence behind them. There is never a header, real or made up.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from datetime import datetime

from retrovue.playout.ffmpeg import SyntheticPicture, TextLine
from retrovue.playout.ticks import SAMPLE_RATE

#: In front of everything that is shown of an emergency.
MARK = "FICTIONAL"

#: The door bell: E5 and C5 of the tempered scale (Hz), when each begins, how fast it dies away (1/s).
NOTES = ((659.26, 0.0, 3.5), (523.25, 0.7, 2.5))
#: From one ring to the next (seconds).
RING_EVERY_S = 10
#: Peak of a note; −18 dBFS is the line-up level (EBU R 68), and this is a little above it.
_PEAK = 0.2

_MAROON = "color=c=0x2b0a12"
#: Letter heights of the text, as fractions of the picture's; the largest that fits is taken.
_SIZES = (0.090, 0.075, 0.062, 0.052, 0.044, 0.038, 0.033)
#: The text's box, as fractions of the picture's height: width (of 16:9), top and bottom.
_WIDTH, _TOP, _BOTTOM = 1.60, 0.27, 0.79
#: Mean advance of a letter and distance of lines, against the letters' height.
_ADVANCE, _LEADING = 0.50, 1.32
#: Speed of the crawl (picture heights per second).
_CRAWL = 0.2


def crawl_text(text: str, voice: str) -> str:
    """What runs over the programme."""
    return f"{MARK}: {text}   ·   {voice}"


def card(text: str, voice: str, start: datetime, fonts: tuple[str, str]) -> SyntheticPicture:
    """The card from ``start`` on. Bell and crawl stand at station time, so that a join moves neither."""
    return SyntheticPicture(
        _MAROON,
        lines=(
            TextLine(f"{MARK} EMERGENCY", 0.085, 0.15, colour="0x2b0a12", box="0xf5c542"),
            *_lines(text),
            TextLine(
                voice,
                0.050,
                0.91,
                colour="0xf5c542",
                # The clock of the picture begins at 0: station time is added to it.
                x=f"w-mod((t+{start.timestamp():.6f})*{_CRAWL}*h,w+text_w)",
            ),
        ),
        font=fonts[0],
        font_mono=fonts[1],
        sound=_bell(start),
    )


def _lines(text: str) -> Iterator[TextLine]:
    for size in _SIZES:
        lines = textwrap.wrap(text, max(8, int(_WIDTH / (size * _ADVANCE))))
        if len(lines) * size * _LEADING <= _BOTTOM - _TOP:
            break
    middle = (_TOP + _BOTTOM) / 2
    for n, line in enumerate(lines):
        yield TextLine(line, size, middle + (n - (len(lines) - 1) / 2) * size * _LEADING)


def _bell(start: datetime) -> str:
    phase = start.timestamp() % RING_EVERY_S
    now = f"mod(t+{phase:.6f},{RING_EVERY_S})"
    notes = "+".join(
        f"gte({now},{at})*sin({hz}*2*PI*({now}-{at}))*exp(-{decay}*({now}-{at}))" for hz, at, decay in NOTES
    )
    return f"aevalsrc=exprs='{_PEAK}*({notes})':s={SAMPLE_RATE}"
