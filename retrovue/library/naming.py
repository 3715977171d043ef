"""What a file's name says of it; pure.

Understood are the names that media servers have made customary: ``Series - S01E02 - Title``, ``1x02``,
``S01E02-03``, ``Series - 1983-05-20 - Title``, ``Title (1962)``, with dots or underscores for spaces, a
season folder under a series folder, in it ``01 - Title``, and ``Title.1962.1080p``, as recordings are named.

What a name says becomes the asset's key, by which rotations and published days know it. So these few rules
are our own. A library of heuristics (guessit 4.4 was compared) reads more names, in some seven milliseconds
each instead of one hundredth; but another edition of it would give assets other keys, and it takes the spot
``Ident 30`` for an episode, ``Space 1999`` for the series ``Space``, and ``M*A*S*H`` for ``M*A*S H``.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import PurePosixPath

from retrovue.library.catalog import SubtitleTrack
from retrovue.library.language import TWO_LETTERS, language_of

_GAP = r"[ ._-]*"
_START = r"(?:^|(?<=[ ._\[(-]))"
_END = r"(?![A-Za-z0-9])"
#: "S01E01-02": more episodes, unless "-24 Hours" is what it is called.
_RANGE = r"(?:-\d{2,3}(?=[ ._-]|$))*"
#: "S01E22a": an episode in parts, each a file of its own.
_PART = r"(?P<part>[A-Da-d]?)"
#: No file holds more episodes than these.
_MOST_EPISODES = 10
_SEASON_EPISODE = re.compile(
    rf"(?P<series>.*?){_GAP}{_START}[Ss](?P<season>\d{{1,4}})[ ._]?[Ee](?P<episode>\d{{1,4}})"
    rf"(?P<more>(?:(?:{_GAP}[Ss](?P=season))?-?[Ee]\d{{1,4}})*)(?P<range>{_RANGE}){_PART}{_END}{_GAP}(?P<title>.*)"
)
_CROSS = re.compile(
    rf"(?P<series>.*?){_GAP}{_START}(?P<season>\d{{1,2}})x(?P<episode>\d{{2,3}})(?P<range>{_RANGE}){_PART}{_END}"
    rf"{_GAP}(?P<title>.*)"
)
_DATED = re.compile(
    rf"(?P<series>.+?){_GAP}{_START}(?P<date>(?:19|20)\d\d[-._](?:0\d|1[0-2])[-._](?:[0-2]\d|3[01])){_END}"
    rf"{_GAP}(?P<title>.*)"
)
_YEAR = re.compile(r"(?P<title>.+?)[ ._]*[(\[](?P<year>(?:18|19|20)\d\d)[)\]](?P<more>.*)")
#: "The.Matrix.1999.1080p": a year that only technical particulars follow.
_BARE_YEAR = re.compile(
    r"(?P<title>.+?)[ ._]+(?P<year>(?:18|19|20)\d\d)"
    r"(?P<edition>(?:[ ._]+(?:remastered|restored|extended|unrated|uncut|theatrical|directors|final|special"
    r"|edition|cut))*)(?:[ ._]+(?:proper|repack|internal|limited|multi|dubbed|subbed|uhd))*"
    r"(?=[ ._\[(-]+(?:(?:480|576|720|1080|2160)[ip]|web-?dl|webrip|bluray|dvdrip|hdtv)\b)(?P<more>.*)",
    re.IGNORECASE,
)
#: In a season's folder: "01 - Pilot", "E01".
_NUMBERED = re.compile(r"(?:[Ee]p?[ ._]?)?(?P<episode>\d{1,3})(?:[ ._-]+(?P<title>.*))?")
#: "Season 1", "Season 1 (1982)", "Staffel 2 - Neue Folgen", "S01", "Specials".
_SEASON_FOLDER = re.compile(
    r"(?:(?:season|staffel|saison)[ ._]?(\d{1,4})(?: *[-(\[].*)?|(?:series|s)[ ._]?(\d{1,4})|specials)",
    re.IGNORECASE,
)
#: Where the name of a recording stops and its technical particulars begin.
_PARTICULARS = re.compile(
    r"(?:^|[ ._\[(-]+)(?:(?:480|576|720|1080|2160)[ip]|web-?dl|webrip|bluray|dvdrip|hdtv)\b.*",
    re.IGNORECASE,
)
#: Tells a media server which film it is, by its number elsewhere: "{tmdb-348}", "[imdbid-tt1]".
_NUMBER_ELSEWHERE = re.compile(
    r"[ ._-]*(?:\{(?:tmdb|tvdb|imdb)(?:id)?[-=]\w+\}|\[(?:tmdb|tvdb|imdb)(?:id)?[-=]\w+\])", re.IGNORECASE
)
_LEFT_OPEN = re.compile(r"[\[(][^\])]*$")


@dataclass(frozen=True, slots=True)
class Named:
    """What was read from a name; what it doesn't say is empty."""

    series: str = ""
    season: int | None = None
    episode: int | None = None
    more: str = ""  #: "-E03" of a double episode, "a" of one in parts, "Final Cut" of a film
    title: str = ""
    year: int | None = None
    date: str = ""

    def key(self, path: PurePosixPath) -> str:
        """The stable key: by what it is, so that a moved file keeps it; by its path when that is unknown."""
        if self.series and self.episode is not None:
            return f"{self.series}/S{self.season or 0:02}E{self.episode:02}{self.more}"
        if self.series and self.date:
            return f"{self.series}/{self.date}"
        if self.title and self.year:
            return f"{self.title} ({self.year}) {self.more}".rstrip()
        return path_key(path)


def path_key(path: PurePosixPath) -> str:
    """The key of a file whose name says nothing: where it lies."""
    return _composed(str(path.with_suffix("")))


def parse_name(path: PurePosixPath) -> Named:
    """Read the name of the file at ``path``, relative to the collection's root."""
    stem = path.stem
    for pattern in (_SEASON_EPISODE, _CROSS):
        if match := pattern.fullmatch(stem):
            episode, title, part = int(match["episode"]), match["title"], match["part"].lower()
            more = [int(n) for n in re.findall(r"[Ee](\d+)", match.groupdict().get("more") or "")]
            if ranged := [int(n) for n in match["range"].split("-")[1:]]:
                if _ascend([episode, *more, *ranged]):
                    more += ranged
                else:
                    title, part = stem[match.start("range") :], ""
            return Named(
                series=clean(match["series"]) or _series_folder(path),
                season=int(match["season"]),
                episode=episode,
                more="".join(f"-E{n:02}" for n in more) + part,
                title=clean(title),
            )
    if match := _DATED.fullmatch(stem):
        date = re.sub(r"[._]", "-", match["date"])
        return Named(
            series=clean(match["series"]), date=date, year=int(date[:4]), title=clean(match["title"])
        )
    if match := _YEAR.fullmatch(stem):
        return Named(title=clean(match["title"]), year=int(match["year"]), more=clean(match["more"]))
    if match := _BARE_YEAR.fullmatch(stem):
        edition = " ".join(re.split(r"[ ._]+", match["edition"])).strip().title()
        return Named(title=clean(match["title"]), year=int(match["year"]), more=edition)
    folder = _SEASON_FOLDER.fullmatch(path.parent.name)
    if folder and (series := _series_folder(path)) and (match := _NUMBERED.fullmatch(stem)):
        title = clean(match["title"] or "")
        season = int(folder[1] or folder[2] or 0)
        return Named(series=series, season=season, episode=int(match["episode"]), title=title)
    return Named()


def _ascend(numbers: list[int]) -> bool:
    """Are these the episodes of one file?"""
    return all(a < b for a, b in pairwise(numbers)) and numbers[-1] - numbers[0] < _MOST_EPISODES


def pretty(path: PurePosixPath) -> str:
    """The file's name as a title, when there is no better one."""
    return clean(path.stem) or path.stem


def is_season_folder(name: str) -> bool:
    """ "Season 1", "Staffel 2", "Specials": a folder of one season, below its series'."""
    return _SEASON_FOLDER.fullmatch(name) is not None


def _series_folder(path: PurePosixPath) -> str:
    for folder in path.parent.parts[::-1]:
        if not is_season_folder(folder):
            return clean(folder)
    return ""


def clean(text: str) -> str:
    """A part of a name as people write it: spaces for dots, no technical particulars, no number elsewhere."""
    plain = _NUMBER_ELSEWHERE.sub("", _composed(text))
    text = _PARTICULARS.sub("", plain)
    if text != plain:
        text = _LEFT_OPEN.sub("", text)  # "Pilot (BD 1080p)"
    if " " not in text.strip():
        text = re.sub(r"[._]+", " ", text)
    return " ".join(text.split()).strip(" -_.")


def _composed(text: str) -> str:
    """Macs write "é" into names as two characters; whoever types it in YAML writes one."""
    return unicodedata.normalize("NFC", text)


def subtitle_files(path: PurePosixPath, names: Iterable[str]) -> tuple[SubtitleTrack, ...]:
    """Subtitles among ``names`` in the folder of the media file at ``path``: "film.de.srt".

    As media servers have made customary: the media's own name, then a language, "forced", or both.
    """
    found = []
    for name in sorted(names):
        if not name.lower().endswith(".srt") or not name.startswith(path.stem + "."):
            continue
        words = [word.lower() for word in name[len(path.stem) : -len(".srt")].split(".") if word]
        language = next((code for code in map(language_of, words) if code in TWO_LETTERS), "")
        found.append(SubtitleTrack("subrip", language, "forced" in words, path=str(path.with_name(name))))
    return tuple(found)
