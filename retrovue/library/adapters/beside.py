"""What lies beside media files: sidecars, NFO, pictures, subtitles. Thin: reads files, decides nothing."""

from __future__ import annotations

import contextlib
from bisect import bisect_left
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from retrovue import credits
from retrovue.library.adapters.settings import VIDEO
from retrovue.library.artwork import artwork_of, pictures_among, series_folders
from retrovue.library.catalog import SubtitleTrack
from retrovue.library.finding import STAYS, Finding
from retrovue.library.naming import subtitle_files
from retrovue.small_file import is_file

#: What sidecars end in; there is one at most.
SIDECARS = (".yaml", ".yml")
_MEDIA = tuple(f".{extension}" for extension in VIDEO)


def _is_media(name: str) -> bool:
    stem, dot, extension = name.rpartition(".")
    return dot + extension in _MEDIA and not stem.endswith(("-trailer", "-sample"))


class BadText(ValueError):
    """A file beside media that has a mistake."""

    def __init__(self, code: str, path: PurePosixPath, why: str) -> None:
        super().__init__(why)
        self.code, self.path = code, path

    def finding(self, collection: str, media: PurePosixPath) -> Finding:
        """What is told of it; the asset of ``media`` is held."""
        return Finding(self.code, collection, str(self.path), str(self), STAYS, str(media))


class Neighbours:
    """The names in one folder, found by what they begin with: a folder may hold ten thousand."""

    def __init__(self, names: Iterable[str]) -> None:
        self.names = sorted(names)
        self._known = frozenset(self.names)
        self.pictures = pictures_among(self.names)
        self.media = sum(_is_media(name.lower()) for name in self.names)
        #: What the names end in: most folders hold nothing but media.
        self.endings = frozenset(name[dot:] for name in self.names if (dot := name.rfind(".")) > 0)

    def __contains__(self, name: str) -> bool:
        return name in self._known

    def beginning(self, start: str) -> list[str]:
        """The names that begin with ``start``, in order."""
        first = bisect_left(self.names, start)
        last = first
        while last < len(self.names) and self.names[last].startswith(start):
            last += 1
        return self.names[first:last]


class Beside:
    """What lies beside the media files of one collection, during one walk; folders are read once."""

    def __init__(self, root: Path) -> None:
        self._root = root
        # By text: to hash a path takes longer than all else that is done for a file.
        self._folders: dict[str, Neighbours] = {}
        self._near: dict[str, tuple[Neighbours, ...]] = {}
        self._series: dict[PurePosixPath, dict[str, Any]] = {}

    def know(self, folder: PurePosixPath, names: Iterable[str]) -> Neighbours:
        """Somebody has read the folder already."""
        found = self._folders[_text(folder)] = Neighbours(names)
        return found

    def folder(self, folder: PurePosixPath) -> Neighbours:
        """Raises ``OSError``."""
        return self._of(_text(folder))

    def _of(self, folder: str) -> Neighbours:
        found = self._folders.get(folder)
        if found is None:
            there = (self._root / folder).iterdir()
            found = self._folders[folder] = Neighbours(entry.name for entry in there)
        return found

    def _around(self, path: PurePosixPath) -> tuple[Neighbours, ...]:
        """What is in the folder of the file at ``path``, and in its series', as far as they can be read."""
        folder = str(path).rpartition("/")[0]
        found = self._near.get(folder)
        if found is None:
            near = []
            for place in (path.parent, *series_folders(path)[1:]):
                with contextlib.suppress(OSError):
                    near.append(self.folder(place))
            found = self._near[folder] = tuple(near)
        return found

    def subtitles(self, path: PurePosixPath) -> tuple[SubtitleTrack, ...]:
        """Raises ``OSError``."""
        here = self._of(str(path).rpartition("/")[0])
        if not any(ending.lower() == ".srt" for ending in here.endings):
            return ()
        return subtitle_files(path, here.beginning(path.stem + "."))

    def artwork(self, path: PurePosixPath, season: int | None) -> dict[str, Any]:
        """The asset field of its pictures, when it has any."""
        if not any(near.pictures for near in self._around(path)):
            return {}
        found = artwork_of(path, season, self._alone(path), self._pictures)
        return {"artwork": found} if found else {}

    def sidecar(self, path: PurePosixPath) -> dict[str, Any]:
        """The fields that the sidecar of the media file at ``path`` sets. Raises ``BadText``."""
        if all(near.endings.isdisjoint(SIDECARS) for near in self._around(path)):
            return {}
        there = [one for ending in SIDECARS if self._there(one := path.with_suffix(ending))]
        if len(there) > 1:
            raise BadText("bad-sidecar", there[1], f"there is {there[0].name}, too: keep one of them")
        return self._read(there[0]) if there else {}

    def nfo(self, path: PurePosixPath, is_episode: bool) -> dict[str, Any]:
        """What NFO of its own, its folder's or its series' says of the media file. Raises ``BadText``.

        ``is_episode``: its name says so; its own NFO may, too.
        """
        fields: dict[str, Any] = {}
        if not any(".nfo" in near.endings for near in self._around(path)):
            return fields
        own = path.with_suffix(".nfo")
        if not self._there(own) and not is_episode and self._alone(path):
            own = path.with_name("movie.nfo")
        said = self._nfo(own)
        if is_episode or "episode" in said:
            for folder in reversed(series_folders(path)):
                if folder not in self._series:
                    self._series[folder] = self._nfo(folder / "tvshow.nfo")
                fields = over(fields, self._series[folder])
        tags = tuple(dict.fromkeys((*fields.get("tags", ()), *said.get("tags", ()))))
        return over(fields, {**said, "tags": tags} if tags else said)

    def _nfo(self, path: PurePosixPath) -> dict[str, Any]:
        if not self._there(path):
            return {}
        from retrovue.library.nfo import MAX_BYTES, parse_nfo  # here: a station that is only read needs none

        try:
            return parse_nfo(read_small(self._root / path, MAX_BYTES))
        except ValueError as error:
            raise BadText("bad-nfo", path, str(error)) from None

    def _read(self, path: PurePosixPath) -> dict[str, Any]:
        try:
            return read_sidecar(self._root / path)
        except ValueError as error:
            raise BadText("bad-sidecar", path, str(error)) from None

    def _alone(self, path: PurePosixPath) -> bool:
        return self.folder(path.parent).media == 1

    def _pictures(self, folder: PurePosixPath) -> Mapping[str, str]:
        try:
            return self.folder(folder).pictures
        except OSError:
            return {}

    def _there(self, path: PurePosixPath) -> bool:
        try:
            return path.name in self.folder(path.parent)
        except OSError:
            return False


def _text(folder: PurePosixPath) -> str:
    """As the part of a path before its last slash."""
    return str(folder) if folder.parts else ""


def over(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Fields of an asset, of which those of ``above`` win: of ``extra`` key by key, of people job by job."""
    both = {**below, **above}
    if "extra" in below and "extra" in above:
        both["extra"] = {**below["extra"], **above["extra"]}
    if "credits" in below and "credits" in above:
        both["credits"] = credits.over(below["credits"], above["credits"])
    return both


def read_small(file: Path, most: int) -> bytes:
    """Up to ``most`` bytes of a small file. Raises ``ValueError`` that says why not."""
    if not is_file(file):  # nor wait at a pipe
        return b""
    try:
        with file.open("rb") as opened:
            content = opened.read(most + 1)
    except OSError as error:
        raise ValueError(f"can't be read: {error.strerror}") from None
    if len(content) > most:
        raise ValueError(f"is larger than {most} bytes")
    return content


def read_sidecar(file: Path) -> dict[str, Any]:
    """The asset fields that the sidecar at ``file`` sets; none when there is no such file.

    Raises ``ValueError`` that says what is wrong with it.
    """
    if not is_file(file):
        return {}
    from retrovue.library.sidecar import MAX_BYTES, parse_sidecar  # here: a station that is read needs none

    content = read_small(file, MAX_BYTES)
    try:
        return parse_sidecar(content.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise ValueError("is not UTF-8 text") from None
