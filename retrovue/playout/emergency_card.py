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

from pathlib import Path

from retrovue.graphics.layout import clean
from retrovue.playout.drawing import Drawing, Element
from retrovue.playout.ffmpeg import SyntheticPicture
from retrovue.playout.graphics import CANVAS, filling, runnable, running
from retrovue.playout.house import HouseFormat
from retrovue.playout.ticks import SAMPLE_RATE
from retrovue.station.card import fill_in, shipped_card
from retrovue.units import SECOND_US

#: In front of everything that is shown of an emergency.
MARK = "FICTIONAL"

#: The door bell: E5 and C5 of the tempered scale (Hz), when each begins, how fast it dies away (1/s).
NOTES = ((659.26, 0.0, 3.5), (523.25, 0.7, 2.5))
#: From one ring to the next (seconds).
RING_EVERY_S = 10
#: Peak of a note; −18 dBFS is the line-up level (EBU R 68), and this is a little above it.
_PEAK = 0.2

#: No station replaces it: a part, not a card.
_CARD = "parts/emergency.svg"
#: Where the voice runs: the band's top and height (units of the canvas), and its speed (% of the width a
#: second).
_BAND_TOP, _BAND, _SPEED = 624, 58, 12


def crawl_text(text: str, voice: str) -> str:
    """What runs over the programme."""
    return f"{MARK}: {text}   ·   {voice}"


def card(text: str, voice: str, start: int, house: HouseFormat, plates: Path) -> SyntheticPicture:
    """The card from tick ``start`` on. Bell and crawl stand at station time, so that a join moves neither.

    Raises ``CardError``.
    """
    drawn = fill_in(_CARD, shipped_card(_CARD), {"mark": MARK, "text": clean(text)})
    line = fill_in(
        "overlays/crawl_text.svg",
        shipped_card("overlays/crawl_text.svg"),
        {"size": _BAND, "says": runnable(voice, _BAND)},
    )
    plate, x = running(line, start, _SPEED, house)
    y = round(_BAND_TOP * house.height / CANVAS)
    return SyntheticPicture(
        still=filling(drawn, house),
        drawing=Drawing((Element(plate, x, str(y)),), plates),
        sound=_bell(start, house),
    )


def _bell(start: int, house: HouseFormat) -> str:
    phase = house.grid.start_us(start) / SECOND_US % RING_EVERY_S
    now = f"mod(t+{phase:.6f},{RING_EVERY_S})"
    notes = "+".join(
        f"gte({now},{at})*sin({hz}*2*PI*({now}-{at}))*exp(-{decay}*({now}-{at}))" for hz, at, decay in NOTES
    )
    return f"aevalsrc=exprs='{_PEAK}*({notes})':s={SAMPLE_RATE}"
