"""Adapters: where media come from. A plug-in point (entry point group ``retrovue.adapters``).

An adapter is a class with a ``settings_model`` whose ``kind`` names it in a collection's ``source:``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Protocol, cast

from pydantic import BaseModel, ValidationError

from retrovue.errors import RetroVueError
from retrovue.library.catalog import Asset
from retrovue.library.finding import Finding
from retrovue.library.plugins import installed

GROUP = "retrovue.adapters"


@dataclass(frozen=True, slots=True)
class FoundMedia:
    """A file, and what is known of it without opening it."""

    asset: Asset  #: state new, with path, size, mtime_ns and what the file's name says
    location: Path  #: where enrichers can open it
    written: Mapping[str, Any] = field(
        default_factory=dict
    )  #: fields a person wrote: they win over any enricher
    fallback_title: str = ""  #: when nothing better is found


class SourceGone(RetroVueError):
    """The whole source can't be reached: nothing may be concluded about its assets."""


class Adapter(Protocol):
    """Finds the media of one collection."""

    settings_model: ClassVar[type[BaseModel]]

    def __init__(self, collection: str, settings: Any, station_folder: Path) -> None: ...

    def discover(self) -> Iterable[FoundMedia | Finding]:
        """Every medium in a stable order, and what was wrong on the way. Raises ``SourceGone``."""
        ...

    def locate(self, path: str) -> Path:
        """The file of an asset whose ``path`` is this; it need not exist."""
        ...


def settings_models() -> Mapping[str, type[BaseModel]]:
    """The settings model of every installed adapter by its kind; what ``load_station`` validates with."""
    return {kind: adapter.settings_model for kind, adapter in installed(GROUP).items()}


def open_adapter(collection: str, source: Mapping[str, Any], station_folder: Path) -> Adapter:
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
    return cast("Adapter", adapter(collection, settings, station_folder))
