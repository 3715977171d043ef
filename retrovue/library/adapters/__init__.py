"""Adapters: where media come from. A plug-in point (entry point group ``retrovue.adapters``).

An adapter is a class with a ``settings_model`` whose ``kind`` names it in a collection's ``source:``.
"""

from __future__ import annotations

import stat
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, ClassVar, Protocol, cast, runtime_checkable

from pydantic import BaseModel, ValidationError

from retrovue.clock import MasterClock, StationClock
from retrovue.errors import RetroVueError
from retrovue.library.catalog import Asset
from retrovue.library.finding import Finding
from retrovue.library.plugins import installed, names, one

GROUP = "retrovue.adapters"


@dataclass(frozen=True, slots=True)
class FoundMedia:
    """A file, and what is known of it without opening it."""

    asset: Asset  #: state new, with path, size, mtime_ns and what the file's name says
    location: Path  #: where enrichers can open it
    written: Mapping[str, Any] = field(
        default_factory=dict
    )  #: fields a person or a media server wrote: they win over any enricher
    fallback_title: str = ""  #: when nothing better is found


@dataclass(frozen=True, slots=True)
class Offer:
    """A part of a source that a collection may take: a library of a media server, a folder."""

    name: str  #: as the collection's ``source:`` would name it
    holds: str  #: in the source's own words: "movies", "folder"
    taken: bool  #: does this collection take it? What is new is never taken by itself


@dataclass(frozen=True, slots=True)
class Desk:
    """What an adapter works with, besides its settings."""

    clock: MasterClock = field(default_factory=StationClock)
    notes: Path | None = None  #: folder for what it wants to remember; None: it changes and remembers nothing
    tell: Callable[[str], None] = lambda text: None  #: the operator, of what takes long
    holds: str = ""  #: what the collection's assets are: "series", "movies", "shorts", "spots"


class SourceGone(RetroVueError):
    """The whole source can't be reached: nothing may be concluded about its assets."""

    def __init__(self, message: str, help: str = "", code: str = "source-gone") -> None:
        super().__init__(message, help)
        self.code = code  #: of the finding that it becomes


def arrive(collection: str, root: Path, help: str) -> None:
    """Raises ``SourceGone`` when the folder of a collection can't be reached."""
    try:
        if stat.S_ISDIR(root.stat().st_mode):
            return
        why = f"{root} is no folder"
    except FileNotFoundError:
        why = f"there is no folder {root}"
    except OSError as error:
        why = f"the folder {root} can't be reached: {error.strerror}"
    raise SourceGone(f"collection {collection}: {why}", help)


@dataclass(frozen=True, slots=True)
class Sought:
    """What an adapter looks for, for somebody whose source has nothing of it."""

    where: str  #: "/srv/television"
    what: str  #: "it takes files whose names end in .mp4 or .mkv"


@runtime_checkable
class Seeking(Protocol):
    """An adapter that can say so without a look at its source."""

    def sought(self) -> Sought: ...


class Adapter(Protocol):
    """Finds the media of one collection."""

    settings_model: ClassVar[type[BaseModel]]

    def __init__(self, collection: str, settings: Any, station_folder: Path, desk: Desk) -> None: ...

    def offers(self) -> Sequence[Offer]:
        """What the source has, taken or not, in a stable order. Raises ``SourceGone``."""
        ...

    def discover(self) -> Iterable[FoundMedia | Finding]:
        """Every medium in a stable order, and what was wrong on the way. Raises ``SourceGone``."""
        ...

    def locate(self, path: str) -> Path:
        """The file of an asset whose ``path`` is this; it need not exist. Raises ``ValueError``."""
        ...


def within(root: Path, path: str) -> Path:
    """The file at ``path`` below ``root``. Raises ``ValueError`` for a path that leads out of it."""
    inside = PurePosixPath(path)
    if inside.is_absolute() or ".." in inside.parts or "\0" in path:
        raise ValueError(f"{path!r} leads out of the collection's folder")
    return root / inside


def settings_models() -> Mapping[str, type[BaseModel]]:
    """The settings model of every installed adapter by its kind; what ``load_station`` validates with."""
    return _SettingsModels()


class _SettingsModels(Mapping[str, type[BaseModel]]):
    """An adapter is imported when its model is asked for: most stations have media of one kind."""

    def __getitem__(self, kind: str) -> type[BaseModel]:
        if kind not in names(GROUP):
            raise KeyError(kind)
        return cast("type[BaseModel]", one(GROUP, kind).settings_model)

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(names(GROUP)))

    def __len__(self) -> int:
        return len(names(GROUP))


def open_adapter(
    collection: str, source: Mapping[str, Any], station_folder: Path, desk: Desk | None = None
) -> Adapter:
    """The adapter that ``source:`` of a collection asks for. Raises ``RetroVueError`` for bad settings."""
    adapters = installed(GROUP)
    kind = source.get("kind")
    if kind not in adapters:
        raise RetroVueError(
            f"collection {collection}: there is no adapter {kind!r}",
            help=f"installed are: {', '.join(adapters)}",
        )
    adapter = adapters[kind]
    try:
        settings = adapter.settings_model.model_validate(dict(source))
    except ValidationError as error:
        fault = error.errors()[0]
        place = ".".join(str(step) for step in fault["loc"])
        raise RetroVueError(f"collection {collection}: source.{place}: {fault['msg']}") from None
    return cast("Adapter", adapter(collection, settings, station_folder, desk or Desk()))
