"""The filesystem adapter: a folder of media files, with sidecars beside them."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, Field

from retrovue.library.adapters import Desk, FoundMedia, Offer, Sought, arrive, within
from retrovue.library.adapters.beside import BadText, Beside, over
from retrovue.library.adapters.settings import VIDEO, Extensions, FolderPath, SourceSettings
from retrovue.library.catalog import Asset
from retrovue.library.finding import Finding
from retrovue.library.naming import parse_name, pretty


class FilesystemSettings(SourceSettings):
    """A folder of media files."""

    kind: Literal["filesystem"] = "filesystem"
    """Which adapter: a folder of media files."""
    path: FolderPath
    """The folder: relative to the station folder, or absolute."""
    extensions: Extensions = Field(default=VIDEO)
    """Files with these extensions are media; others are ignored."""


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
        return self._walk(PurePosixPath(), set())

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
            is_media = name.rpartition(".")[2].lower() in self._extensions
            if not is_media and not _may_be_folder(entries[name]):
                continue  # and is not looked at: there may be very many pictures and texts
            path = folder / name
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
