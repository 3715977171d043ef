"""XMLTV: the guide as every media server reads it; pure.

Element order and attributes follow xmltv.dtd 0.5 (XMLTV project). What the DTD leaves open follows
what clients do: times always in UTC, three display-names in the order "5.1 Name", "5.1", "Name"
(Plex and Jellyfin match a tuner's channels by them), both episode numberings, every programme with
a stop, absolute icon addresses.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from urllib.parse import quote

from retrovue.credits import JOBS, Credit
from retrovue.lineup import ArtworkRef, ChannelId, ChannelIdent, GuideEntry

#: What XML 1.0 (§ 2.2 Char) forbids, plus the C1 controls it discourages.
_NOT_XML = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


#: Ratings of films in the United States; those of television begin with "TV-".
_MPAA = frozenset({"G", "PG", "PG-13", "R", "NC-17"})

#: Width and height in pixels.
Size = tuple[int, int]

#: Texts that are remembered for a rerun: a few MB at most.
_REMEMBERED = 5000


def escape(text: str) -> str:
    """``text`` fit for element content and double-quoted attributes: control characters removed,
    runs of white space made one space."""
    if not text.isprintable() or "  " in text:
        text = " ".join(_NOT_XML.sub("", text).split())
    if "&" in text:
        text = text.replace("&", "&amp;")
    return text.strip().replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")


def stamp(instant: datetime) -> str:
    """``YYYYMMDDhhmmss +0000``: some clients ignore the offset, so it is always UTC's."""
    t = instant.astimezone(UTC)
    return f"{t.year:04d}{t.month:02d}{t.day:02d}{t.hour:02d}{t.minute:02d}{t.second:02d} +0000"


def artwork_url(base_url: str, ref: ArtworkRef, query: str = "") -> str:
    """The absolute address of a picture; ``base_url`` has no trailing slash, ``query`` opens the address."""
    return f"{base_url}/artwork/{quote(ref, safe='/')}{query}"


class XmltvWriter:
    """Writes one document. Reruns share their text: what is equal is escaped and laid out once.

    ``query`` ends every address, and opens it; ``sizes``: width and height of pictures, as far as known.
    """

    def __init__(
        self,
        base_url: str,
        station_name: str,
        query: str = "",
        sizes: Mapping[ArtworkRef, Size] | None = None,
    ) -> None:
        self._base_url, self._query, self._sizes = base_url, query, sizes or {}
        self._station_name = station_name
        self._bodies: dict[tuple[object, ...], str] = {}

    def head(self, channels: Sequence[ChannelIdent]) -> bytes:
        """Everything before the first programme."""
        lines = [
            '<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE tv SYSTEM "xmltv.dtd">\n'
            f'<tv source-info-name="{escape(self._station_name)}" source-info-url="{escape(self._base_url)}"'
            ' generator-info-name="RetroVue">\n'
        ]
        for channel in channels:
            number, name = escape(channel.number), escape(channel.name)
            lines.append(
                f'<channel id="{escape(channel.guide_id)}">'
                f"<display-name>{number} {name}</display-name>"
                f"<display-name>{number}</display-name>"
                f"<display-name>{name}</display-name>"
                f"{self.icon(channel.logo)}</channel>\n"
            )
        return "".join(lines).encode()

    def programmes(self, channel: ChannelIdent, entries: Iterable[GuideEntry]) -> bytes:
        """The programmes of one channel, in order; an entry shorter than a second is left out."""
        identity = f'" channel="{escape(channel.guide_id)}"><title>'
        name = escape(channel.name)
        bodies = self._bodies
        lines: list[str] = []
        at: datetime | None = None
        written = ""
        for entry in entries:
            start = written if entry.start == at else stamp(entry.start)
            at = entry.end
            written = stop = stamp(at)
            if stop <= start:
                continue
            # First shown on the day it airs here or later: news. Otherwise a rerun.
            fresh = entry.original_date is not None and entry.original_date >= entry.start.date()
            key = (
                entry.subtitle,
                entry.description,
                entry.season,
                entry.episode,
                entry.original_date,
                entry.year,
                entry.categories,
                entry.rating,
                entry.kind,
                entry.artwork,
                entry.credits,
                at - entry.start,
                fresh,
            )
            body = bodies.get(key)
            if body is None:
                if len(bodies) >= _REMEMBERED:
                    bodies.clear()
                body = bodies[key] = self._body(entry, fresh)
            title = escape(entry.title) or name
            lines.append(f'<programme start="{start}" stop="{stop}{identity}{title}</title>{body}')
        return "".join(lines).encode()

    def foot(self) -> bytes:
        """Everything after the last programme."""
        return b"</tv>\n"

    def icon(self, ref: ArtworkRef | None) -> str:
        """The element of a picture; empty for none."""
        if not ref:
            return ""
        size = self._sizes.get(ref)
        measured = f' width="{size[0]}" height="{size[1]}"' if size else ""
        return f'<icon src="{escape(artwork_url(self._base_url, ref, self._query))}"{measured}/>'

    def _body(self, entry: GuideEntry, fresh: bool) -> str:
        """What follows the title, which may be the channel's own name."""
        parts = []
        if subtitle := escape(entry.subtitle):
            parts.append(f"<sub-title>{subtitle}</sub-title>")
        if description := escape(entry.description):
            parts.append(f"<desc>{description}</desc>")
        parts.append(_credits(entry.credits))
        dated = _date(entry)
        if dated:
            parts.append(f"<date>{dated}</date>")
        parts += (f"<category>{escape(word)}</category>" for word in _categories(entry))
        seconds = round((entry.end - entry.start).total_seconds())
        length, units = (seconds, "seconds") if seconds % 60 else (seconds // 60, "minutes")
        parts.append(f'<length units="{units}">{length}</length>')
        parts.append(self.icon(entry.artwork))
        parts.append(_episode(entry.season, entry.episode))
        if fresh:
            # What begins today begins for everybody: a film, or the first part of a season.
            parts.append("<premiere/>" if entry.kind == "movie" or entry.episode == 1 else "")
            parts.append("<new/>")
        elif dated:
            # A rerun, so that recorders set to "new only" leave the channel alone.
            parts.append(f'<previously-shown start="{_first_shown(entry)}"/>')
        if rating := escape(entry.rating):
            parts.append(f"<rating{_rated_by(rating)}><value>{rating}</value></rating>")
        parts.append("</programme>\n")
        return "".join(parts)


def xmltv(
    channels: Sequence[ChannelIdent],
    entries_by_channel: Mapping[ChannelId, Iterable[GuideEntry]],
    base_url: str,
    station_name: str,
) -> Iterator[bytes]:
    """The document in UTF-8, in a handful of chunks: head, each channel's programmes, foot.

    ``base_url`` is absolute and without a trailing slash; icons are addressed below it.
    """
    writer = XmltvWriter(base_url, station_name)
    yield writer.head(channels)
    for channel in channels:
        yield writer.programmes(channel, entries_by_channel.get(channel.id, ()))
    yield writer.foot()


def _rated_by(rating: str) -> str:
    """The system of a rating, as media servers know it; none for words that are of no known one."""
    system = "MPAA" if rating in _MPAA else "VCHIP" if rating.startswith("TV-") else ""
    return f' system="{system}"' if system else ""


def _first_shown(entry: GuideEntry) -> str:
    return f"{entry.original_date:%Y%m%d}" if entry.original_date else f"{entry.year:04d}"


def _date(entry: GuideEntry) -> str:
    """The year of a film, the day of anything else, as far as known."""
    year = entry.year or (entry.original_date.year if entry.original_date else 0)
    if entry.original_date is None or entry.kind == "movie":
        return f"{year:04d}" if 0 < year <= 9999 else ""
    return f"{entry.original_date:%Y%m%d}"


def _categories(entry: GuideEntry) -> Sequence[str]:
    """The programme's own words, and the one that media servers tell films and series by."""
    words = [word for word in entry.categories if escape(word)]
    known = {word.casefold() for word in words}
    if entry.kind == "movie" and not known & {"movie", "movies", "film"}:
        words.insert(0, "Movie")
    elif entry.episode is not None and entry.kind != "movie" and "series" not in known:
        words.append("Series")
    return words


def _credits(credited: Sequence[Credit]) -> str:
    """In the order that the DTD wants, nobody without a name."""
    people = []
    for credit in sorted(credited, key=lambda credit: JOBS.index(credit.job)):
        role = f' role="{escape(credit.role)}"' if credit.job == "actor" and escape(credit.role) else ""
        if name := escape(credit.name):
            people.append(f"<{credit.job}{role}>{name}</{credit.job}>")
    return f"<credits>{''.join(people)}</credits>" if people else ""


def _episode(season: int | None, episode: int | None) -> str:
    """Both numberings. Specials (season 0) have no place in xmltv_ns, which counts from zero."""
    if episode is None or episode < 0:
        return ""
    on_screen = f"E{episode:02d}" if season is None else f"S{season:02d}E{episode:02d}"
    parts = f'<episode-num system="onscreen">{on_screen}</episode-num>'
    if episode > 0 and (season is None or season > 0):
        series = "" if season is None else season - 1
        parts += f'<episode-num system="xmltv_ns">{series}.{episode - 1}.0/1</episode-num>'
    return parts
