"""Graphics: layers and cards as plates, places and movements; pure.

Every movement is a function of the tick, and so of station time: whoever starts to draw at another tick draws
the same. The numbers in the expressions count from the child's first tick and stay small.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr

from retrovue.compiler.model import CompiledChannel, CompiledSynthetic, ScheduleEvent
from retrovue.graphics.layout import clean
from retrovue.playout import guide
from retrovue.playout.cards import Writing, announced, common
from retrovue.playout.drawing import Drawing, Element, Plate, Span, Turn, Words
from retrovue.playout.ffmpeg import SyntheticPicture
from retrovue.playout.house import HouseFormat
from retrovue.playout.overlay import Layer
from retrovue.station.card import Card, CardError, Live, faces, fill_in, shipped_card

log = logging.getLogger(__name__)

#: Height of the canvas that templates are drawn on.
CANVAS = 720
#: Action-safe area: 5 % from the edges (SMPTE ST 2046-1), in units of the canvas.
MARGIN_X, MARGIN_Y = 64, 36
#: Steps of a fade, and of a turn.
FADES, TURNS = 8, 24
#: A spinning bug turns on itself this often, for this long (seconds).
SPIN_EVERY_S, SPIN_S = 30, 1.2
#: A crawl's text is no wider than this, in units of the canvas.
_LONGEST_CRAWL = 20_000
#: The instant a clock is asked for lies this far behind the tick's beginning: a second begins with its tick.
_NUDGE_US = 1000


@dataclass(frozen=True, slots=True)
class Continuity:
    """What a channel's presentation may show: from the artefact, and the station's own pictures."""

    folder: Path = Path()  #: the station's
    clock: str = "12h"
    templates: Mapping[str, str] = field(default_factory=dict)
    events: Sequence[ScheduleEvent] = ()  #: the channel's, in order
    lineup: Sequence[tuple[CompiledChannel, Sequence[ScheduleEvent]]] = ()  #: of all channels, for a guide


@dataclass(frozen=True, slots=True)
class Look:
    """How one channel's graphics are drawn."""

    station: str
    channel: CompiledChannel
    house: HouseFormat
    writing: Writing
    templates: Mapping[str, str]
    picture: Callable[[str], str]  #: picture file of the station → data URI, or empty
    font: str  #: TrueType file of what changes by itself
    plates: Path  #: folder of the plates' files

    @property
    def scale(self) -> float:
        return self.house.height / CANVAS

    def values(self, colour: str, image: str = "") -> dict[str, Any]:
        return common(self.station, self.channel, self.picture(image) if image else "", colour)

    def card(self, name: str, values: Mapping[str, Any]) -> Card:
        """The station's own card, or the shipped one when that can't be drawn. Raises ``CardError``."""
        own = self.templates.get(name)
        if own is not None:
            try:
                return fill_in(name, own, values)
            except CardError as error:
                log.warning("the station's %s can't be drawn, the shipped one is shown: %s", name, error)
        return fill_in(name, shipped_card(name), values)


# --- overlays --------------------------------------------------------------------------------------


def overlays(layers: Sequence[Layer], start: int, look: Look) -> Drawing:
    """``layers`` as they stand over the pictures of a child that begins with tick ``start``."""
    parts: list[Element | Words] = []
    taken: list[tuple[str, int, int, float]] = []  #: corner, ticks, height: what already stands there
    raised = [
        f"-{_px(layer.size * CANVAS / 100, look)}*{Span(layer.start - start, layer.end - start).expression}"
        for layer in layers
        if layer.shows == "crawl" and not layer.corner.startswith("top")
    ]
    for layer in layers:
        size = layer.size * CANVAS / 100
        if layer.shows == "crawl":
            parts += _crawl(layer, start, size, look)
            continue
        card = _overlay_card(layer, size, look)
        below = sum(h for c, a, b, h in taken if c == layer.corner and a < layer.end and layer.start < b)
        taken.append((layer.corner, layer.start, layer.end, card.height + MARGIN_Y / 3))
        lift = "" if layer.corner.startswith("top") else "".join(raised)
        parts += _plate(layer, card, start, below, lift, look)
    return Drawing(tuple(parts), look.plates)


def _overlay_card(layer: Layer, size: float, look: Look) -> Card:
    values = {**look.values(layer.colour, layer.image), "size": size}
    match layer.shows:
        case "bug":
            values |= {"text": layer.text, "corner": layer.corner}
        case "rating":
            values |= {"rating": layer.text}
        case "lower_third":
            values |= {
                "now": asdict(layer.now) if layer.now else None,
                "next": asdict(layer.next) if layer.next else None,
            }
        case "countdown" | "live":
            values |= {"says": layer.text}
    return look.card(f"overlays/{layer.shows}.svg", values)


def _plate(
    layer: Layer, card: Card, start: int, below: float, lift: str, look: Look
) -> list[Element | Words]:
    span = Span(layer.start - start, layer.end - start)
    opacity = layer.opacity / 100
    progress = _progress(layer, start)
    cell = "0"
    cells: tuple[float, ...] = (opacity,)
    spinning = layer.animation == "spin"
    if spinning:
        cells, cell = (opacity,) * TURNS, _spin(progress, start, look)
    elif progress and layer.animation == "fade":
        cells = tuple(opacity * (n + 1) / FADES for n in range(FADES))
        cell = f"floor({progress}*{FADES - 0.01})"
    plate, width, height = _sheet(card, cells, look.scale, turning=spinning)
    house, left = look.house, layer.corner.endswith("left")
    x0 = _px(MARGIN_X, look) if left else house.width - _px(MARGIN_X, look) - width
    y0 = _px(MARGIN_Y + below, look)
    if not layer.corner.startswith("top"):
        y0 = house.height - y0 - height
    x, y = str(x0), f"{y0}{lift}"
    if progress and layer.animation == "slide":
        eased = f"(1-({progress})*({progress})*(3-2*({progress})))"
        x = f"{x0}{'-' if left else '+'}{(x0 + width) if left else (house.width - x0)}*{eased}"
    found: list[Element | Words] = [Element(plate, x, y, span, len(cells), cell)]
    alpha = "1" if opacity == 1 and not progress else f"{opacity:g}*({progress or 1})"
    for live in card.live:
        found += _words(live, layer, start, f"{x}+", f"{y}+", alpha, look)
    return found


def _progress(layer: Layer, start: int) -> str:
    """How much of the layer is there, from 0 to 1, as an expression; empty for all of it, always."""
    parts = []
    if layer.enter is not None and layer.enter[1] > layer.enter[0]:
        a, b = layer.enter
        parts.append(f"clip((n-{a - start - 1})/{b - a},0,1)".replace("--", "+"))
    if layer.leave is not None and layer.leave[1] > layer.leave[0]:
        a, b = layer.leave
        parts.append(f"clip(({b - start}-n)/{b - a},0,1)")
    return parts[0] if len(parts) == 1 else f"min({parts[0]},{parts[1]})" if parts else ""


def _spin(progress: str, start: int, look: Look) -> str:
    """Which of the cells of a turning plate is shown. It comes on from its edge."""
    rate = look.house.rate
    since = (start * rate.denominator / rate.numerator) % SPIN_EVERY_S
    turn = f"mod({since:.6f}+n*{float(1 / rate):.9f},{SPIN_EVERY_S})"
    turning = f"if(lt({turn},{SPIN_S}),floor({turn}/{SPIN_S}*{TURNS}),0)"
    if not progress:
        return turning
    quarter = TURNS // 4
    return f"if(lt({progress},1),{TURNS - quarter}+floor({progress}*{quarter - 0.01}),{turning})"


def _crawl(layer: Layer, start: int, size: float, look: Look) -> list[Element | Words]:
    values = {**look.values(layer.colour), "size": size}
    house, span = look.house, Span(layer.start - start, layer.end - start)
    opacity = layer.opacity / 100
    text = runnable(layer.text, size)
    band, _, high = _sheet(look.card("overlays/crawl.svg", values), (opacity,), look.scale)
    line, wide, _ = _sheet(
        look.card("overlays/crawl_text.svg", {**values, "says": text}), (opacity,), look.scale
    )
    place = _running(wide, start, layer.speed, house)
    y = _px(MARGIN_Y, look)
    y = y if layer.corner.startswith("top") else house.height - y - high
    return [
        Element(band, "0", str(y), span),
        Element(line, place, str(y), span),
    ]


def _running(wide: int, start: int, speed: int, house: HouseFormat) -> str:
    """Where what runs along the picture is, as an expression: it follows from the tick alone.

    An even number of pixels a tick, as colours have half of them: anything else trembles.
    """
    step = 2 * max(1, round(speed / 200 * house.width / house.rate))
    period = house.width + wide
    return f"{house.width}-mod({start * step % period}+n*{step},{period})"


def runnable(text: str, size: float) -> str:
    """As much of ``text`` as runs along the picture in a line of height ``size``."""
    text = clean(text)
    while faces().width(text, size * 0.6, 600) > _LONGEST_CRAWL:
        text = text[: len(text) * 9 // 10] + "…"
    return text


def running(card: Card, start: int, speed: int, house: HouseFormat) -> tuple[Plate, str]:
    """The plate of a line that runs along the picture from tick ``start`` on, and where it is."""
    plate, wide, _ = _sheet(card, (1.0,), house.height / CANVAS)
    return plate, _running(wide, start, speed, house)


# --- cards -----------------------------------------------------------------------------------------

#: Line-up tone: 1 kHz, well below programme level so that nobody jumps (dBFS; sine source is at -18).
_TONE_HZ, _TONE_DB = 1000, -9.0
#: The house's accent on cards.
ACCENT = "#f5c542"


def picture_of(
    synthetic: CompiledSynthetic, start: int, end_us: int, event_id: int, show: Continuity, look: Look
) -> SyntheticPicture:
    """The picture of ``synthetic`` from tick ``start`` on, in a segment that ends at ``end_us``.

    Raises ``CardError``.
    """
    at_us = look.house.grid.start_us(start)
    if synthetic.shows == "guide":
        return _guide(synthetic, start, at_us, show, look)
    values = {
        **look.values(ACCENT, look.channel.logo),
        "title": synthetic.title,
        "text": synthetic.text,
        **announced(show.events, event_id, at_us, look.writing),
    }
    card = look.card(f"cards/{synthetic.shows}.svg", values)
    moving = Layer(synthetic.shows, start, start, until_us=end_us)
    if synthetic.shows == "test_pattern":
        plate, _, _ = _sheet(card, (1.0,), look.scale)
        return SyntheticPicture(
            drawing=Drawing((Element(plate, "0", "0"), *_moving(card, moving, look)), look.plates),
            source="smptehdbars" if look.house.hd else "smptebars",
            tone_hz=_TONE_HZ,
            tone_db=_TONE_DB,
        )
    return SyntheticPicture(
        drawing=Drawing(_moving(card, moving, look), look.plates), still=filling(card, look.house)
    )


#: Where the rows of a guide scroll, how high one is, and how fast they go a second (units of the canvas).
_ROWS_TOP, _ROW, _SCROLL = 404, 84, 36


def _guide(
    synthetic: CompiledSynthetic, start: int, at_us: int, show: Continuity, look: Look
) -> SyntheticPicture:
    """The frame stands; the rows run up behind it, and round again. The half hour's grid is drawn once."""
    # The boundary was rounded to its nearest tick, which may begin a little before the half hour.
    house = look.house
    begun = guide.half_hour(at_us + round(500_000 / house.rate) + _NUDGE_US, look.writing)
    values = {**look.values(ACCENT), "title": synthetic.title, "text": synthetic.text}
    local = look.writing.local(at_us)
    frame = look.card(
        "cards/guide.svg",
        {**values, "date": f"{local:%A, %B} {local.day}", "columns": guide.columns(begun, look.writing)},
    )
    lineup = guide.part(show.lineup, begun)
    rows = guide.rows(lineup, begun)
    window = house.height - _px(_ROWS_TOP, look)
    row = _px(_ROW, look)
    # Enough of them to fill the window at any place of a round.
    shown = [*rows, *(rows * (window // (row * max(1, len(rows))) + 1))] if rows else []
    card = look.card("cards/guide_rows.svg", {**values, "rows": shown})
    inner = card.svg.replace("<svg ", f'<svg width="{house.width}" height="{row * len(shown)}" '
                             'preserveAspectRatio="none" ', 1)  # fmt: skip
    plate = Plate(_outer(house.width, row * len(shown), inner), house.width, row * len(shown))
    step = 2 * max(1, round(_SCROLL * look.scale / 2 / house.rate))
    period = row * len(rows)
    top = f"mod({start * step % period}+n*{step},{period})"
    over = Element(plate, "0", str(house.height - window), window=(top, window))
    moving = Layer("guide", start, start)
    return SyntheticPicture(
        drawing=Drawing((over, *_moving(frame, moving, look)), look.plates), still=filling(frame, house)
    )


def slate_of(station: str, house: HouseFormat, plates: Path) -> SyntheticPicture:
    """The slate of a house format: channels share it, so it names the station only. Raises ``CardError``."""
    values = {
        "station": station, "number": "", "channel": station, "callsign": "", "logo": "", "colour": ACCENT,
        "title": "", "text": "",
    }  # fmt: skip
    card = fill_in("cards/slate.svg", shipped_card("cards/slate.svg"), values)
    return SyntheticPicture(drawing=Drawing((), plates), still=filling(card, house))


def filling(card: Card, house: HouseFormat) -> Plate:
    """The card over the whole picture; rasters are 16:9 but for a pixel or two."""
    size = f'width="{house.width}" height="{house.height}"'
    inner = card.svg.replace("<svg ", f'<svg {size} preserveAspectRatio="none" ', 1)
    return Plate(_outer(house.width, house.height, inner), house.width, house.height)


def _outer(width: int, height: int, inside: str) -> str:
    """An SVG whose units are the picture's pixels."""
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}">{inside}</svg>'


def _moving(card: Card, layer: Layer, look: Look) -> tuple[Element | Words, ...]:
    found: list[Element | Words] = []
    for live in card.live:
        if live.svg:
            found.append(_hand(live, layer, look))
        else:
            found += _words(live, layer, layer.start, "", "", "1", look)
    return tuple(found)


def _hand(live: Live, layer: Layer, look: Look) -> Element:
    side = _px(2 * live.size, look)
    at_us = look.house.grid.start_us(layer.start) + _NUDGE_US
    if layer.shows == "countdown":
        left = max(0.0, (layer.until_us - at_us) / 1_000_000)
        after = left % 1 or 1.0
        angle = f"-2*PI*mod(max(0,{math.ceil(left) % 3600}-n),60)/60"
    else:
        local = look.writing.local(at_us)
        seconds = (local.hour % 12) * 3600 + local.minute * 60 + local.second
        after = 1.0 - local.microsecond / 1_000_000
        period = {"hour-hand": 43200, "minute-hand": 3600, "second-hand": 60}[live.shows]
        angle = f"2*PI*({seconds % period}+n)/{period}"
    x, y = round((live.x - live.size) * look.scale), round((live.y - live.size) * look.scale)
    return Element(Plate(live.svg, side, side), str(x), str(y), turn=Turn(angle, after))


# --- plates and words ------------------------------------------------------------------------------


def _px(units: float, look: Look) -> int:
    """Pixels of so many units of the canvas, even: colours have half the picture's lines."""
    return 2 * round(units * look.scale / 2)


def _sheet(
    card: Card, opacities: Sequence[float], scale: float, turning: bool = False
) -> tuple[Plate, int, int]:
    """The card once for each opacity, one below the other; and the width and height of each (pixels)."""
    width, height = (2 * max(1, math.ceil(units * scale / 2)) for units in (card.width, card.height))
    inner = card.svg.replace("<svg ", f'<svg width="{card.width:g}" height="{card.height:g}" ', 1)
    cells = []
    for n, opacity in enumerate(opacities):
        wide = math.cos(2 * math.pi * n / len(opacities)) if turning else 1.0
        place = f"translate({(1 - wide) * width / 2:.3f} {n * height})"
        move = f"{place} scale({wide * scale:.6f} {scale:.6f})"
        cells.append(f"<g opacity={quoteattr(f'{opacity:.4f}')} transform={quoteattr(move)}>{inner}</g>")
    svg = _outer(width, height * len(cells), "".join(cells))
    return Plate(svg, width, height * len(cells)), width, height


def _words(
    live: Live, layer: Layer, start: int, x: str, y: str, alpha: str, look: Look
) -> list[Element | Words]:
    """A clock or a countdown in its place: ``x`` and ``y`` are where its card stands."""
    grid = look.house.grid
    anchor = {"middle": "-text_w/2", "end": "-text_w"}.get(live.anchor, "")
    words = Words(
        text="",
        font=look.font,
        size=max(6, round(live.size * look.scale)),
        colour=live.fill if live.fill.startswith("#") else "#ffffff",
        x=f"{x}{round(live.x * look.scale)}{anchor}",
        y=f"{y}{round(live.y * look.scale)}-ascent",
        alpha=alpha,
        span=Span(layer.start - start, layer.end - start) if layer.end > layer.start else None,
    )
    if live.shows == "countdown":
        left = (layer.until_us - grid.start_us(start) - _NUDGE_US) / 1_000_000
        told = f"max(0,ceil({left:.6f}-n*{float(1 / look.house.rate):.9f}))"
        minutes = f"%{{eif:mod(trunc({told}/60),60):d{':2' if left >= 3600 else ''}}}"
        hours = f"%{{eif:trunc({told}/3600):d}}:" if left >= 3600 else ""
        return [replace(words, text=f"{hours}{minutes}:%{{eif:mod({told},60):d:2}}")]
    hour = "%H" if look.writing.clock == "24h" else "%-I"
    form = rf"{hour}\:%M\:%S" if live.shows == "clock-seconds" else rf"{hour}\:%M"
    found: list[Element | Words] = []
    for span, offset_us in _offsets(words.span, start, look):
        epoch = (grid.start_us(start) + offset_us + _NUDGE_US) / 1_000_000
        found.append(replace(words, text=rf"%{{pts:gmtime:{epoch:.6f}:{form}}}", span=span))
    return found


def _offsets(span: Span | None, start: int, look: Look) -> list[tuple[Span | None, int]]:
    """From when to when a clock is how far ahead of UTC (µs): the clocks may change while it is shown."""
    grid = look.house.grid

    def offset(tick: int) -> int:
        shift = look.writing.local(grid.start_us(start + tick) + _NUDGE_US).utcoffset()
        return round(shift.total_seconds() * 1_000_000) if shift else 0

    first = span.start if span is not None else 0
    # A card without an end is looked at for a day: no child renders as long.
    last = span.end if span is not None else grid.ticks(86_400)
    if offset(first) == offset(last):
        return [(span, offset(first))]
    low, high = first, last
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if offset(middle) == offset(first) else (low, middle)
    return [(Span(first, high), offset(first)), (Span(high, last), offset(last))]
