"""Cards: SVG templates of full-screen cards and of overlays, filled in.

A template is SVG with Jinja in it. It is sandboxed as every template is, what values hold is escaped, and
the result may refer to nothing outside itself: no file, no address, no entity. The canvas is 1280 by 720
units whatever the house format; an overlay says its own size in its ``viewBox``.

What moves is drawn over the picture by ffmpeg: a template marks its place with ``data-live`` on a ``text``
(``clock``, ``clock-seconds``, ``countdown``) or on a ``g`` (``hour-hand``, ``minute-hand``, ``second-hand``,
drawn pointing up, turning about ``data-x``, ``data-y`` and reaching ``data-r`` units).
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree

from markupsafe import Markup

from retrovue.diagnostics import Diagnostic, Label, Severity, Span
from retrovue.graphics import layout
from retrovue.graphics.layout import Block, Faces
from retrovue.graphics.typeface import Typeface
from retrovue.resources import card_fonts, shipped
from retrovue.station.suggest import did_you_mean
from retrovue.station.template import render

_SVG = "http://www.w3.org/2000/svg"
_HREF = ("href", "{http://www.w3.org/1999/xlink}href")
_URL = re.compile(r"url\(\s*['\"]?(?!#)", re.IGNORECASE)
_NUMBER = re.compile(r"-?\d+(\.\d+)?")
_TEXTS = ("clock", "clock-seconds", "countdown")
_HANDS = ("hour-hand", "minute-hand", "second-hand")

ElementTree.register_namespace("", _SVG)
ElementTree.register_namespace("xlink", "http://www.w3.org/1999/xlink")


@dataclass(frozen=True, slots=True)
class Live:
    """A part of a card that moves, in units of the canvas."""

    shows: str  #: clock, clock-seconds, countdown, or a hand
    x: float
    y: float  #: a text's baseline, a hand's axis
    size: float = 0.0  #: of the type; a hand's reach
    fill: str = "#ffffff"
    anchor: str = "start"
    svg: str = ""  #: of a hand, a square about its axis


@dataclass(frozen=True, slots=True)
class Card:
    """A template filled in."""

    svg: str
    width: float  #: canvas
    height: float
    live: tuple[Live, ...] = ()


class CardError(ValueError):
    """A card can't be drawn; ``diagnostic`` says where and why."""

    def __init__(self, diagnostic: Diagnostic) -> None:
        super().__init__(diagnostic.headline)
        self.diagnostic = diagnostic


@functools.cache
def faces() -> Faces:
    """The widths of the shipped fonts. Read once."""
    weights, fallback = card_fonts()
    return Faces(
        {weight: Typeface.read(path.read_bytes()) for weight, path in weights.items()},
        Typeface.read(fallback.read_bytes()),
    )


@functools.cache
def shipped_card(name: str) -> str:
    """The text of a shipped template."""
    return (shipped("templates") / name).read_text("utf-8")


@functools.cache
def card_names() -> tuple[str, ...]:
    """Every template that a station may draw its own way."""
    root = shipped("templates")
    files = [path for kind in ("cards", "overlays") for path in (root / kind).glob("*.svg")]
    return tuple(sorted(path.relative_to(root).as_posix() for path in files))


def fill_in(name: str, text: str, values: Mapping[str, Any]) -> Card:
    """The card that ``text`` makes of ``values``. Raises ``CardError``."""
    rendered = render(name, text, {**_cleaned(values), **_helpers()}, markup=True)
    if isinstance(rendered, Diagnostic):
        raise CardError(rendered)

    def refused(headline: str, line: int = 1) -> CardError:
        at = rendered.back(Span(name, line, 1, line, max(2, len(rendered.lines[line - 1]) + 1)))
        return CardError(Diagnostic(Severity.ERROR, "bad-card", headline, at))

    if "<!" in re.sub(r"<!--.*?-->|<!\[CDATA\[.*?\]\]>", "", rendered.text, flags=re.DOTALL):
        raise refused("a card has no document type and no entities")
    try:
        root = ElementTree.fromstring(rendered.text)  # noqa: S314  entities are refused above
    except ElementTree.ParseError as error:
        line = min(error.position[0], len(rendered.lines))
        raise refused(f"this is no SVG: {str(error).partition(':')[0]}", line) from error
    box = (root.get("viewBox") or "").replace(",", " ").split()
    if root.tag != f"{{{_SVG}}}svg" or len(box) != 4 or not all(map(_NUMBER.fullmatch, box)):
        raise refused(f'a card begins with <svg xmlns="{_SVG}" viewBox="0 0 1280 720">')
    for key in ("x", "y", "width", "height", "preserveAspectRatio"):
        root.attrib.pop(key, None)  # its place is none of its business
    width, height = float(box[2]), float(box[3])
    if not (0 < width <= 40_000 and 0 < height <= 40_000 and width * height <= 60_000_000):
        raise refused("its viewBox is empty or too large")
    for element in root.iter():
        if (reason := _escapes(element)) is not None:
            raise refused(reason)
    try:
        live = tuple(_taken_out(root))
    except ValueError as error:
        raise refused(str(error)) from error
    return Card(ElementTree.tostring(root, encoding="unicode"), width, height, live)


def card_rules(file: str, text: str, folder: str) -> Iterator[Diagnostic]:
    """What is wrong with a station's own card; ``file`` begins with ``folder``."""
    name = file.removeprefix(folder)
    if name not in card_names():
        here = Span(file, 1, 1, 1, 2)
        known = [f"{folder}{n}" for n in card_names()]
        help = did_you_mean(file, known) or f"one of: {', '.join(known)}"
        yield Diagnostic(Severity.ERROR, "unknown-card", f"no card is called “{name}”", here, help=help)
        return
    try:
        fill_in(file, text, SAMPLES[name])
    except CardError as error:
        found = error.diagnostic
        yield found if found.help else Diagnostic(
            found.severity, found.code, found.headline, found.span, labels=_labels(found),
            help=f"compare it with the shipped one: templates/{name} of RetroVue",
        )  # fmt: skip


def _labels(found: Diagnostic) -> tuple[Label, ...]:
    return found.labels


def _helpers() -> dict[str, Any]:
    def fit(
        text: object,
        width: float,
        size: float,
        lines: int = 1,
        weight: int = 700,
        smallest: float = layout.SMALLEST,
    ) -> Block:
        lines, smallest = max(1, min(int(lines), 20)), max(0.1, min(float(smallest), 1.0))
        return layout.fit(faces(), str(text), float(width), float(size), lines, weight, smallest)

    def width_of(text: object, size: float, weight: int = 700) -> float:
        return faces().width(layout.clean(str(text)), float(size), weight)

    parts = {part: Markup(shipped_card(f"parts/{part}.svg")) for part in ("night", "ribbon")}  # noqa: S704
    return {
        "fit": fit,
        "draw": layout.draw,
        "width_of": width_of,
        "family": f"{layout.FAMILY}, {layout.FALLBACK}",
        **parts,
    }


def _cleaned(value: Any) -> Any:
    """Values with nothing in them that XML can't hold."""
    if isinstance(value, str):
        return layout.clean(value) if not value.startswith("data:") else value
    if isinstance(value, Mapping):
        return {key: _cleaned(each) for key, each in value.items()}
    return [_cleaned(each) for each in value] if isinstance(value, list | tuple) else value


def _escapes(element: ElementTree.Element) -> str | None:
    """Why ``element`` reaches outside of its card, if it does."""
    tag = element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""
    if tag in ("script", "foreignObject"):
        return f"a card has no {tag}"
    for key, value in element.attrib.items():
        if key in _HREF and not value.startswith(("#", "data:")):
            return f"“{value[:60]}” lies outside the card: it may use logo, and data: that it brings itself"
        if _URL.search(value):
            return f"“{value[:60]}” lies outside the card"
    if tag == "style" and element.text and (_URL.search(element.text) or "@import" in element.text):
        return "a style may bring nothing from outside the card"
    return None


def _taken_out(root: ElementTree.Element) -> Iterator[Live]:
    """The moving parts; they are removed from the tree."""
    for parent in list(root.iter()):
        for child in list(parent):
            shows = child.get("data-live")
            if shows is None:
                continue
            if shows not in (*_TEXTS, *_HANDS):
                raise ValueError(f"nothing live is called “{shows}”: one of {', '.join((*_TEXTS, *_HANDS))}")
            parent.remove(child)
            if shows in _TEXTS:
                yield Live(
                    shows,
                    _number(child, "x"),
                    _number(child, "y"),
                    _number(child, "font-size"),
                    child.get("fill", "#ffffff"),
                    child.get("text-anchor", "start"),
                )
                continue
            x, y, reach = (_number(child, f"data-{key}") for key in ("x", "y", "r"))
            holder = ElementTree.Element(
                f"{{{_SVG}}}svg", {"viewBox": f"{x - reach} {y - reach} {2 * reach} {2 * reach}"}
            )
            holder.append(child)
            yield Live(shows, x, y, reach, svg=ElementTree.tostring(holder, encoding="unicode"))


def _number(element: ElementTree.Element, key: str) -> float:
    text = element.get(key, "").strip()
    if not _NUMBER.fullmatch(text):
        raise ValueError(f"a live part needs “{key}” as a plain number")
    return float(text)


# --- what a template may count on ------------------------------------------------------------------

_NEXT = {
    "title": "Harbor Patrol", "subtitle": "The Long Way Home", "episode": "Season 2, Episode 5",
    "time": "9:00", "half": "PM", "when": "Tonight", "rating": "TV-PG", "year": "1987",
    "description": "Rourke finds a boat that nobody is looking for.",
}  # fmt: skip
_COMMON = {
    "station": "Retro Television", "number": "5.1", "channel": "WRTV Retro 5", "callsign": "WRTV",
    "logo": "", "colour": "#f5c542", "title": "Station Identification", "text": "Broadcasting since 1983",
}  # fmt: skip
_CELL = {
    "title": "Corner Diner",
    "left": 0.0,
    "right": 0.3333,
    "before": False,
    "after": True,
    "kind": "programme",
}
_ROW = {"number": "5.1", "callsign": "WRTV", "name": "WRTV Retro 5", "cells": [_CELL]}

#: By template: values of the kind that it is filled in with on the air. A template that draws these is sound.
SAMPLES: Mapping[str, Mapping[str, Any]] = {
    "cards/test_pattern.svg": _COMMON,
    "cards/clock.svg": _COMMON,
    "cards/ident.svg": _COMMON,
    "cards/card.svg": _COMMON,
    "cards/slate.svg": _COMMON,
    "cards/countdown.svg": {**_COMMON, "next": _NEXT},
    "cards/sign_off.svg": {**_COMMON, "next": _NEXT},
    "cards/next_card.svg": {**_COMMON, "next": _NEXT, "later": [_NEXT, _NEXT]},
    "cards/guide.svg": {
        **_COMMON,
        "date": "Thursday, November 26",
        "columns": ["8:00 PM", "8:30 PM", "9:00 PM"],
    },
    "cards/guide_rows.svg": {**_COMMON, "rows": [_ROW, _ROW]},
    "overlays/bug.svg": {**_COMMON, "size": 64.8, "corner": "bottom-right"},
    "overlays/rating.svg": {**_COMMON, "size": 79.2, "rating": "TV-PG"},
    "overlays/lower_third.svg": {**_COMMON, "size": 115.2, "now": _NEXT, "next": _NEXT},
    "overlays/crawl.svg": {**_COMMON, "size": 57.6},
    "overlays/crawl_text.svg": {
        **_COMMON,
        "size": 57.6,
        "says": "News that runs along the bottom.",
    },
    "overlays/clock.svg": {**_COMMON, "size": 50.4},
    "overlays/countdown.svg": {**_COMMON, "size": 64.8, "says": "Next programme in"},
    "overlays/live.svg": {**_COMMON, "size": 50.4, "says": "Live from the newsroom"},
}
