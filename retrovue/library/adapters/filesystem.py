"""The filesystem adapter: a folder of media files, with sidecars beside them."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from retrovue.library.adapters import FoundMedia, SourceGone
from retrovue.library.catalog import Asset, SubtitleTrack
from retrovue.library.finding import Finding
from retrovue.library.naming import parse_name, pretty, subtitle_files


def _extension(value: str) -> str:
    value = value.lower().removeprefix(".")
    if not value.isalnum():
        raise ValueError(f"{value!r} is no file extension: write it like mkv")
    return value


def _folder(value: str) -> str:
    if "\0" in value or not value.strip():
        raise ValueError("name a folder")
    return value


class FilesystemSettings(BaseModel):
    """A folder of media files."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    kind: Literal["filesystem"] = "filesystem"
    """Which adapter: a folder of media files."""
    path: Annotated[str, AfterValidator(_folder)]
    """The folder: relative to the station folder, or absolute."""
    extensions: tuple[Annotated[str, AfterValidator(_extension)], ...] = Field(
        default=("mp4", "m4v", "mov", "mkv", "webm", "avi", "mpg", "mpeg", "ts", "m2ts", "vob", "wmv", "flv"),
        min_length=1,
    )
    """Files with these extensions are media; others are ignored."""


class FilesystemAdapter:
    """Walks a folder. Links are followed, but no folder is entered twice: a loop ends."""

    settings_model: ClassVar[type[BaseModel]] = FilesystemSettings

    def __init__(self, collection: str, settings: FilesystemSettings, station_folder: Path) -> None:
        self._collection = collection
        self._extensions = frozenset(settings.extensions)
        self.root = station_folder.resolve() / Path(settings.path).expanduser()

    def locate(self, path: str) -> Path:
        """The file of an asset. Raises ``ValueError`` for a path that leads out of the folder."""
        inside = PurePosixPath(path)
        if inside.is_absolute() or ".." in inside.parts:
            raise ValueError(f"{path!r} leads out of the collection's folder")
        return self.root / inside

    def discover(self) -> Iterable[FoundMedia | Finding]:
        if not self.root.is_dir():
            raise SourceGone(
                f"collection {self._collection}: there is no folder {self.root}",
                help="mount it, or correct the collection's source.path",
            )
        return self._walk(PurePosixPath(), set())

    def _walk(self, folder: PurePosixPath, entered: set[tuple[int, int]]) -> Iterator[FoundMedia | Finding]:
        here = self.root / folder
        try:
            status = here.stat()
            if (status.st_dev, status.st_ino) in entered:
                return
            entered.add((status.st_dev, status.st_ino))
            names = sorted(entry.name for entry in here.iterdir())
        except OSError as error:
            yield self._finding(
                "unreadable-folder", folder, f"can't be read: {error.strerror}", holds=str(folder)
            )
            return
        for name in names:
            path = folder / name
            if name.startswith("."):
                continue
            try:
                name.encode()
            except UnicodeEncodeError:
                shown = PurePosixPath(os.fsencode(str(path)).decode("utf-8", "backslashreplace"))
                yield self._finding("bad-name", shown, "its name is not UTF-8", help="rename it")
                continue
            try:
                status = (here / name).stat()
            except OSError as error:
                if path.suffix:
                    yield self._finding("unreadable-media", path, f"can't be read: {error.strerror}")
                continue
            if stat.S_ISDIR(status.st_mode):
                yield from self._walk(path, entered)
            elif stat.S_ISREG(status.st_mode) and path.suffix.lower().removeprefix(".") in self._extensions:
                yield self._found(path, status, subtitle_files(path, names))

    def _found(
        self, path: PurePosixPath, status: os.stat_result, subtitles: tuple[SubtitleTrack, ...]
    ) -> FoundMedia | Finding:
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
            subtitles=subtitles,
        )
        try:
            written = self._sidecar(path)
        except ValueError as error:
            return self._finding(
                "bad-sidecar",
                path.with_suffix(".yaml"),
                str(error),
                help="until it is mended, the asset stays as it was",
                holds=str(path),
            )
        if key := written.pop("key", ""):
            asset = replace(asset, key=key)
        return FoundMedia(asset, self.locate(str(path)), written, pretty(path))

    def _sidecar(self, path: PurePosixPath) -> dict[str, Any]:
        from retrovue.library.sidecar import (  # here: a station that is only read needs none
            MAX_BYTES,
            parse_sidecar,
        )

        file = self.root / path.with_suffix(".yaml")
        if not file.is_file():  # nor wait at a pipe
            return {}
        try:
            with file.open("rb") as opened:
                content = opened.read(MAX_BYTES + 1)
        except OSError as error:
            raise ValueError(f"can't be read: {error.strerror}") from None
        if len(content) > MAX_BYTES:
            raise ValueError(f"is larger than {MAX_BYTES} bytes")
        try:
            return parse_sidecar(content.decode("utf-8-sig"))
        except UnicodeDecodeError:
            raise ValueError("is not UTF-8 text") from None

    def _finding(
        self, code: str, path: PurePosixPath, message: str, help: str = "", holds: str | None = None
    ) -> Finding:
        shown = "" if path == PurePosixPath() else str(path)
        return Finding(code, self._collection, shown, message, help, "" if holds == "." else holds)
