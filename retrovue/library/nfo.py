"""NFO: what Kodi and Jellyfin write beside media as XML; pure.

Read are ``movie``, ``episodedetails`` (several in one file: a file with several episodes) and ``tvshow``, as
Kodi's documents have them. An NFO may hold an address instead, or a release group's drawing: that says
nothing.
"""

from __future__ import annotations

import datetime
import re
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Iterable, Iterator
from typing import Any
from xml.etree.ElementTree import Element, ParseError, XMLParser

from retrovue.credits import credited

#: An NFO is some pages of text; more is a mistake (bytes).
MAX_BYTES = 2_000_000

_KINDS = ("movie", "episodedetails", "tvshow")
_ROOT = re.compile(rf"<({'|'.join(_KINDS)})[\s>/]")
_ENCODING = re.compile(rb"""^\s*<\?xml[^>]*?encoding=["']([\w.-]{1,20})["']""")
_KNOWN = {"utf-8", "utf8", "iso-8859-1", "iso-8859-15", "windows-1252", "us-ascii"}
#: "Rated PG-13 for violence", "US:PG / DE:12", "United States:Not Rated": the first one's bare words.
_RATING = re.compile(r"^(?:[a-z][a-z .]*:)?\s*(?:Rated\s+)?(Not Rated|[^\s/]+(?:\s\d+)?)", re.IGNORECASE)
#: What begins and doesn't end goes on to the end: a search for each end would take for ever.
_UNTYPED = re.compile(r"<!--.*?(?:-->|\Z)|<!\[CDATA\[.*?(?:\]\]>|\Z)", re.DOTALL)
_DECLARATION = re.compile(r"<\?xml.*?(?:\?>|\Z)", re.DOTALL)


def parse_nfo(content: bytes) -> dict[str, Any]:
    """The asset fields that an NFO sets; none when it is none of Kodi's. Raises ``ValueError``.

    Of a ``tvshow`` these are what its episodes have in common: series, rating, genre, tags and cast.
    """
    text = _text(content)
    first = _ROOT.search(text)
    if first is None:
        return {}
    elements = [e for e in _elements(text, first.start()) if e.tag == first[1]]
    if first[1] == "tvshow":
        return _filled(series=_word(elements[0], "title"), **_shared(elements))
    fields = _shared(elements) | _said(elements[0])
    if len(elements) > 1:
        titles = dict.fromkeys(title for e in elements if (title := _word(e, "title")))
        plots = dict.fromkeys(plot for e in elements if (plot := _word(e, "plot")))
        fields |= _filled(title=" / ".join(titles), description="\n".join(plots))
    return fields


def _text(content: bytes) -> str:
    if content[:2] in (BOM_UTF16_LE, BOM_UTF16_BE):
        return content.decode("utf-16", "replace")
    declared = _ENCODING.match(content)
    name = declared[1].decode().lower() if declared else "utf-8"
    if name not in _KNOWN:
        raise ValueError(f"its encoding {name!r} is not known here: save it as UTF-8")
    try:
        return content.decode("utf-8-sig" if name.startswith("utf") else name)
    except UnicodeDecodeError:
        if _ROOT.search(content.decode("latin-1")) is None:
            return ""  # a drawing in an old code page
        raise ValueError("is not UTF-8 text") from None


def _elements(text: str, start: int) -> list[Element]:
    """The elements from ``start`` on: Kodi lets several stand side by side, and an address behind them."""
    if "<!" in _UNTYPED.sub("", text):
        raise ValueError("has a DOCTYPE, which is not read")  # nor what it could make of a few bytes
    body = _DECLARATION.sub("", text[start : text.rindex(">") + 1])
    parser = XMLParser()  # noqa: S314  nothing is declared in it, so nothing can be expanded
    try:
        parser.feed(f"<nfo>{body}</nfo>")
        whole = parser.close()
    except ParseError as error:
        line, column = error.position
        line += text.count("\n", 0, start)
        raise ValueError(f"line {line}, column {column + 1}: this is no XML") from None
    for element in whole.iter():
        element.tag = element.tag.rpartition("}")[2]  # whatever namespace it is said to be of
    return list(whole)


def _said(element: Element) -> dict[str, Any]:
    when = next((day for tag in ("aired", "premiered", "releasedate") if (day := _day(element, tag))), "")
    return _filled(
        title=_word(element, "title"),
        series=_word(element, "showtitle"),
        season=_number(element, "season", 9999),
        episode=_number(element, "episode", 99_999),
        year=_number(element, "year", 9999) or (int(when[:4]) if when else None),
        date=when,
        description=_word(element, "plot") or _word(element, "outline"),
    )


def _shared(elements: Iterable[Element]) -> dict[str, Any]:
    elements = list(elements)
    genres = [g.strip() for e in elements for words in e.findall("genre") for g in _of(words).split("/")]
    tags = [_of(tag) for e in elements for tag in e.findall("tag")]
    rating = _RATING.match(_word(elements[0], "mpaa"))
    return _filled(
        rating=rating[1] if rating else "",
        tags=tuple(dict.fromkeys(tag for tag in tags if tag)),
        credits=credited(person for e in elements for person in _people(e)),
        extra=_filled(genre=", ".join(dict.fromkeys(g for g in genres if g))),
    )


def _people(element: Element) -> Iterator[tuple[str, str, str]]:
    """Job, name and role. Writers are ``credits`` (Kodi) or ``writer``; Jellyfin's guests have a type."""
    for child in element:
        if child.tag == "actor":
            guest = _word(child, "type") == "GuestStar"
            yield "guest" if guest else "actor", _word(child, "name"), _word(child, "role")
        else:
            for name in _of(child).split(" / "):
                yield "writer" if child.tag == "credits" else child.tag, name, ""


def _filled(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value not in ("", None, (), {})}


def _of(element: Element) -> str:
    return " ".join((element.text or "").split())


def _word(element: Element, tag: str) -> str:
    found = element.find(tag)
    return _of(found) if found is not None else ""


def _number(element: Element, tag: str, most: int) -> int | None:
    word = _word(element, tag)
    return int(word) if re.fullmatch(r"[0-9]{1,6}", word) and int(word) <= most else None


def _day(element: Element, tag: str) -> str:
    try:
        return datetime.date.fromisoformat(_word(element, tag)[:10]).isoformat()
    except ValueError:
        return ""
