"""Finds the installed plug-ins of one entry point group; the built-in ones are declared the same way."""

from __future__ import annotations

import sys
from functools import cache
from importlib.metadata import EntryPoint, EntryPoints, entry_points
from typing import Any, get_args

from pydantic import BaseModel

from retrovue.errors import RetroVueError


def declared(group: str) -> EntryPoints:
    """What is installed for ``group``, loaded or not."""
    return _declared(group, tuple(sys.path))


@cache
def _declared(group: str, places: tuple[str, ...]) -> EntryPoints:
    """To ask every installed package takes milliseconds, and each collection asks."""
    return entry_points(group=group)


def installed(group: str) -> dict[str, Any]:
    """Every plug-in of ``group`` by its kind, in order of kind. Raises ``RetroVueError`` for a broken one."""
    found: dict[str, Any] = {}
    for point in declared(group):
        plugin, kind = _load(group, point)
        if kind in found and found[kind] is not plugin:
            raise RetroVueError(
                f"{_origin(point)} of {group} brings the kind {kind!r}, which is taken", help="uninstall one"
            )
        found[kind] = plugin
    return dict(sorted(found.items()))


def one(group: str, name: str) -> Any:
    """The plug-in of this kind; the others are left alone. Raises ``KeyError`` when there is none, and
    ``RetroVueError`` for a broken one, or two."""
    points = [point for point in declared(group) if point.name == name]
    if len(points) != 1:
        return installed(group)[name]
    return _load(group, points[0])[0]


def _load(group: str, point: EntryPoint) -> tuple[Any, str]:
    """The plug-in, and its kind."""
    try:
        plugin = point.load()
        kind = kind_of(plugin.settings_model)
    except Exception as error:  # somebody else's code may raise anything
        raise RetroVueError(
            f"{_origin(point)} of {group} does not load: {error}", help="upgrade it or uninstall it"
        ) from error
    if kind != point.name:
        raise RetroVueError(
            f"{_origin(point)} of {group} brings the kind {kind!r}: it must have one name",
            help="upgrade it or uninstall it",
        )
    return plugin, kind


def _origin(point: EntryPoint) -> str:
    return f"the plug-in {point.name!r} ({point.value})"


def names(group: str) -> frozenset[str]:
    """The kinds of all plug-ins of ``group``, whether or not they load."""
    return frozenset(point.name for point in declared(group))


def kind_of(settings_model: type[BaseModel]) -> str:
    """The word its ``kind: Literal["word"]`` says. Raises ``TypeError`` when it has none."""
    field = settings_model.model_fields.get("kind")
    words = get_args(field.annotation) if field else ()
    if len(words) != 1 or not isinstance(words[0], str):
        raise TypeError(f"{settings_model.__name__} needs a field kind: Literal['one-word']")
    return words[0]
