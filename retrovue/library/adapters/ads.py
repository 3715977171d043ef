"""Commercials: a folder whose sub-folders say who advertises, in which category, and when it may air.

What is true of a whole folder may also stand in a ``folder.yaml`` in it. A file's own sidecar wins.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any, ClassVar, Literal

from pydantic import BaseModel

from retrovue.library.adapters import Desk, FoundMedia
from retrovue.library.adapters.beside import SIDECARS, over, read_sidecar
from retrovue.library.adapters.filesystem import FilesystemAdapter, FilesystemSettings
from retrovue.library.catalog import FLIGHT, flight_word
from retrovue.library.finding import Finding
from retrovue.library.naming import clean
from retrovue.small_file import is_file


class AdsSettings(FilesystemSettings):
    """A folder of commercials."""

    kind: Literal["ads"] = "ads"  # type: ignore[assignment]  # its own word, as every adapter has one
    """Which adapter: a folder of commercials."""
    folders: tuple[Literal["advertiser", "category", "flight", "tag", "-"], ...] = ("advertiser",)
    """What the names of its sub-folders say, level by level; ``-`` is nothing. A flight is called
    ``2026-11-01..2026-12-24``."""
    tags: tuple[str, ...] = ("ad",)
    """Tags of every spot in it, beside those of sidecars: pools ask for them."""


class AdsAdapter(FilesystemAdapter):
    """A folder of media files, each a spot."""

    settings_model: ClassVar[type[BaseModel]] = AdsSettings

    def __init__(self, collection: str, settings: AdsSettings, station_folder: Path, desk: Desk) -> None:
        super().__init__(collection, settings, station_folder, desk)
        self._levels = settings.folders
        self._tags = settings.tags
        self._known: dict[PurePosixPath, dict[str, Any]] = {}

    def _takes_extras(self, holds: str) -> bool:
        return True  # a spot may well be a trailer

    def discover(self) -> Iterator[FoundMedia | Finding]:
        self._known.clear()
        for one in super().discover():
            if isinstance(one, FoundMedia):
                said = tuple(dict.fromkeys((*self._tags, *one.written.get("tags", ()))))
                yield FoundMedia(one.asset, one.location, {**one.written, "tags": said}, one.fallback_title)
            else:
                yield one

    def _walk(self, folder: PurePosixPath, entered: set[tuple[int, int]]) -> Iterator[FoundMedia | Finding]:
        try:
            self._of_folder(folder)
        except ValueError as error:
            help = "until it is mended, what is in the folder stays as it was"
            yield self._finding("bad-folder", folder, str(error), help, holds=str(folder))
            return
        yield from super()._walk(folder, entered)

    def _of_folders(self, path: PurePosixPath) -> dict[str, Any]:
        """Raises ``ValueError`` for a folder that is no flight, or a ``folder.yaml`` with a mistake."""
        return self._of_folder(path.parent)

    def _of_folder(self, folder: PurePosixPath) -> dict[str, Any]:
        if folder not in self._known:
            above = self._of_folder(folder.parent) if folder.parts else {}
            here = over(self._named(folder), self._sidecar(folder))
            tags = tuple(dict.fromkeys((*above.get("tags", ()), *here.get("tags", ()))))
            both = over(above, here)
            self._known[folder] = {**both, "tags": tags} if tags else both
        return self._known[folder]

    def _named(self, folder: PurePosixPath) -> dict[str, Any]:
        level = len(folder.parts)
        word = self._levels[level - 1] if 0 < level <= len(self._levels) else "-"
        if word == "flight":
            return {"extra": {FLIGHT: flight_word(folder.name)}}
        if word == "tag":
            return {"tags": (clean(folder.name),)}
        return {word: clean(folder.name)} if word != "-" else {}

    def _sidecar(self, folder: PurePosixPath) -> dict[str, Any]:
        there = [name for ending in SIDECARS if is_file(self.root / folder / (name := f"folder{ending}"))]
        if not there:
            return {}
        try:
            if len(there) > 1:
                raise ValueError(f"there is {there[1]}, too: keep one of them")
            said = read_sidecar(self.root / folder / there[0])
            if "key" in said:
                raise ValueError("a key is one file's")
        except ValueError as error:
            raise ValueError(f"{there[0]}: {error}") from None
        return said
