"""The filesystem adapter: a folder of media files, with sidecars beside them."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, Field

from retrovue.library.adapters import Desk, FoundMedia, Offer, Sought, arrive, within
from retrovue.library.adapters.beside import BadText, Beside, over
from retrovue.library.adapters.settings import VIDEO, Extensions, FolderPath, SourceSettings
from retrovue.library.catalog import Asset
from retrovue.library.extras import is_extra
from retrovue.library.finding import Finding
from retrovue.library.naming import parse_name, pretty

#: So many extras are named.
_NAMED = 3


class FilesystemSettings(SourceSettings):
    """A folder of media files."""

    kind: Literal["filesystem"] = "filesystem"
    """Which adapter: a folder of media files."""
    path: FolderPath
    """The folder: relative to the station folder, or absolute."""
    extensions: Extensions = Field(default=VIDEO)
    """Files with these extensions are media; others are ignored."""
    ignore: tuple[Annotated[str, Field(pattern=r"\S")], ...] = ()
    """Files and folders that are left out: their paths below ``path``, in which ``*`` stands for anything."""
    extras: bool | None = None
    """Whether trailers, samples and extras are taken. Without it they are where the collection holds shorts
    or spots, and are left out, and told of, where it holds series or movies."""


class FilesystemAdapter:
    """Walks a folder. Links are followed, but no folder is entered twice: a loop ends."""

    settings_model: ClassVar[type[BaseModel]] = FilesystemSettings

    def __init__(
        self, collection: str, settings: FilesystemSettings, station_folder: Path, desk: Desk
    ) -> None:
        self._collection = collection
        self._endings = settings.extensions
        self._extensions = frozenset(settings.extensions)
        self.root = station_folder.resolve() / Path(settings.path).expanduser()
        self._beside = Beside(self.root)
        # A title may have brackets and question marks in it: no other sign stands for anything.
        self._ignored = [
            re.compile(".*".join(map(re.escape, pattern.strip("/").split("*"))), re.DOTALL)
            for pattern in settings.ignore
        ]
        self._extras = settings.extras if settings.extras is not None else self._takes_extras(desk.holds)
        self._tells_of_extras = settings.extras is None

    def _takes_extras(self, holds: str) -> bool:
        """When nobody says."""
        return holds not in ("series", "movies")

    def locate(self, path: str) -> Path:
        """The file of an asset. Raises ``ValueError`` for a path that leads out of the folder."""
        return within(self.root, path)

    def offers(self) -> Sequence[Offer]:
        self._arrive()
        return [Offer(str(self.root), "folder", taken=True)]

    def sought(self) -> Sought:
        *others, last = (f".{ending}" for ending in self._endings)
        endings = f"{', '.join(others)} or {last}" if others else last
        return Sought(str(self.root), f"it takes files whose names end in {endings}, in its folders, too")

    def _arrive(self) -> None:
        arrive(self._collection, self.root, "mount it, or correct the collection's source.path")

    def discover(self) -> Iterable[FoundMedia | Finding]:
        self._arrive()
        self._beside = Beside(self.root)
        return self._without_extras(self._walk(PurePosixPath(), set()))

    def _without_extras(self, walked: Iterable[FoundMedia | Finding]) -> Iterator[FoundMedia | Finding]:
        left: list[str] = []
        for one in walked:
            path = one.asset.path if isinstance(one, FoundMedia) else one.holds or ""
            if not self._extras and path and is_extra(PurePosixPath(path)) and self._is_media(path):
                left.append(path)
            else:
                yield one
        if left and self._tells_of_extras:
            shown = ", ".join(left[:_NAMED]) + (f" and {len(left) - _NAMED} more" * (len(left) > _NAMED))
            said = "an extra is" if len(left) == 1 else f"{len(left)} trailers, samples and extras are"
            help = "source.extras: true takes them, and false leaves them out without a word"
            yield self._finding("extras", PurePosixPath(), f"{said} left out: {shown}", help)

    def _walk(self, folder: PurePosixPath, entered: set[tuple[int, int]]) -> Iterator[FoundMedia | Finding]:
        here = self.root / folder
        place = f"{here}/"
        try:
            status = here.stat()
            if (status.st_dev, status.st_ino) in entered:
                return
            entered.add((status.st_dev, status.st_ino))
            with os.scandir(here) as listed:
                entries = {entry.name: entry for entry in listed}
            names = self._beside.know(folder, entries).names
        except OSError as error:
            yield self._finding(
                "unreadable-folder", folder, f"can't be read: {error.strerror}", holds=str(folder)
            )
            return
        for name in names:
            if name.startswith("."):
                continue
            is_media = self._is_media(name)
            if not is_media and not _may_be_folder(entries[name]):
                continue  # and is not looked at: there may be very many pictures and texts
            path = folder / name
            if self._ignored and any(pattern.fullmatch(str(path)) for pattern in self._ignored):
                continue
            try:
                name.encode()
            except UnicodeEncodeError:
                shown = PurePosixPath(os.fsencode(str(path)).decode("utf-8", "backslashreplace"))
                yield self._finding("bad-name", shown, "its name is not UTF-8", help="rename it")
                continue
            try:
                status = os.stat(place + name)  # noqa: PTH116  of each of perhaps a million files
            except OSError as error:
                if is_media:
                    link = " (it is a link)" if entries[name].is_symlink() else ""
                    yield self._finding("unreadable-media", path, f"can't be read: {error.strerror}{link}")
                continue
            if stat.S_ISDIR(status.st_mode):
                yield from self._walk(path, entered)
            elif stat.S_ISREG(status.st_mode) and is_media:
                yield self._found(path, here / name, status)

    def _is_media(self, name: str) -> bool:
        return name.rpartition(".")[2].lower() in self._extensions

    def _found(self, path: PurePosixPath, location: Path, status: os.stat_result) -> FoundMedia | Finding:
        named = parse_name(path)
        asset = Asset(
            collection=self._collection,
            key=named.key(path),
            path=str(path),
            size=status.st_size,
            mtime_ns=status.st_mtime_ns,
            title=named.title,
            series=named.series,
            season=named.season,
            episode=named.episode,
            year=named.year,
            date=named.date,
            subtitles=self._beside.subtitles(path),
        )
        try:
            said = over(self._of_folders(path), self._beside.nfo(path, named.episode is not None))
            written = over(said, self._beside.sidecar(path))
        except BadText as mistake:
            return mistake.finding(self._collection, path)
        season = written.get("season", named.season)
        written = {**self._beside.artwork(path, season), **written}
        if key := written.pop("key", ""):
            asset = replace(asset, key=key)
        called = "" if named.title or named.series else pretty(path)
        return FoundMedia(asset, location, written, called)

    def _of_folders(self, path: PurePosixPath) -> dict[str, Any]:
        """What the folders of the file say of it; its sidecar wins."""
        return {}

    def _finding(
        self, code: str, path: PurePosixPath, message: str, help: str = "", holds: str | None = None
    ) -> Finding:
        shown = "" if path == PurePosixPath() else str(path)
        return Finding(code, self._collection, shown, message, help, "" if holds == "." else holds)


def _may_be_folder(entry: os.DirEntry[str]) -> bool:
    """Asks the disk only where the list of the folder doesn't say."""
    return entry.is_symlink() or entry.is_dir(follow_symlinks=False)
