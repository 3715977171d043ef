"""Enrichment: one file through all enrichers, as far as it was not already.

What an enricher finds follows from the file and from the fields of the asset that it reads. So each step is
remembered under a hash of these, its edition and its settings: a newer enricher runs again by itself, and
those behind it only where what they read has changed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from retrovue.errors import RetroVueError
from retrovue.library.catalog import Asset
from retrovue.library.content import content_of
from retrovue.library.enrichers import Enricher
from retrovue.library.finding import Unreadable
from retrovue.library.lock import LockError, parse_line, render_line
from retrovue.library.plugins import kind_of

#: What one enricher did to one asset: what it did it from, and the fields of the lock's line that it changed
#: (null: back to the default).
Step = tuple[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Looked:
    """An asset after all enrichers."""

    asset: Asset
    steps: Mapping[str, Step]  #: by kind
    ran: tuple[str, ...]  #: kinds of those that had to look into the file
    content: bytes = b""  #: the file's fingerprint
    fault: Unreadable | None = None  #: why its content can't be used; nothing else holds then
    settled: bool = False  #: it has the content of which all is known; nothing else holds then


def made_by(enrichers: Iterable[Enricher]) -> tuple[tuple[str, int], ...]:
    """Kind and edition of each, in their order."""
    return tuple((kind_of(e.settings_model), e.edition) for e in enrichers)


def look_into(
    asset: Asset,
    location: Path,
    enrichers: Sequence[Enricher],
    known: Mapping[bytes, Mapping[str, Step]],
    wanted: Sequence[tuple[str, int]],
    content: bytes = b"",
    settled: bytes = b"",
) -> Looked:
    """The file's fingerprint, and its asset after all ``enrichers``.

    ``known``: the steps of contents that the file may have; ``content``: the one that it has, when that is
    known; ``settled``: one with which there is nothing more to be done. It may run on any machine. Raises
    ``Unreadable`` when another time it may be readable.
    """
    try:
        content = content or content_of(location)
    except OSError as error:
        raise Unreadable(f"can't be read: {error.strerror}", passing=True) from None
    if content == settled:
        return Looked(asset, {}, (), content, settled=True)
    try:
        return replace(enrich(asset, location, enrichers, known.get(content, {}), wanted), content=content)
    except Unreadable as fault:
        if fault.passing:
            raise
        return Looked(asset, {}, (), content, fault)


def enrich(
    asset: Asset,
    location: Path,
    enrichers: Sequence[Enricher],
    known: Mapping[str, Step],
    wanted: Sequence[tuple[str, int]],
) -> Looked:
    """All ``enrichers`` in their order; the steps that are ``known`` are only repeated when they would come
    out otherwise. ``wanted``: kinds and editions as whoever asks has them.

    It may run on any machine. Raises ``Unreadable``.
    """
    if (here := made_by(enrichers)) != tuple(wanted):
        raise RetroVueError(
            f"the enrichers of a worker are {_named(here)}, and {_named(wanted)} are wanted",
            help="install the same RetroVue and the same plug-ins on every worker",
        )
    steps: dict[str, Step] = {}
    ran = []
    for enricher, (kind, _) in zip(enrichers, here, strict=True):
        basis = _basis(enricher, asset)
        step = known.get(kind)
        if step is not None and step[0] == basis and (repeated := _changed(asset, step[1])) is not None:
            asset = repeated
        else:
            found = enricher.enrich(asset, location)
            step, asset = (basis, _difference(asset, found)), found
            ran.append(kind)
        steps[kind] = step
    if asset.duration_us <= 0:
        raise Unreadable("no enricher could tell how long it lasts")
    return Looked(asset, steps, tuple(ran))


def _named(made: Iterable[tuple[str, int]]) -> str:
    return ", ".join(f"{kind} {edition}" for kind, edition in made)


def _basis(enricher: Enricher, asset: Asset) -> str:
    """sha256 of what its outcome depends on, but for the file."""
    values = json.loads(render_line(asset))
    reads = getattr(enricher, "reads", None)
    if reads is not None:
        values = {name: value for name, value in values.items() if name in reads}
    settings = getattr(enricher, "settings", None)
    said = repr((made_by([enricher]), settings, sorted(values.items())))
    return hashlib.sha256(said.encode()).hexdigest()


def _difference(before: Asset, after: Asset) -> Mapping[str, Any]:
    old, new = json.loads(render_line(before)), json.loads(render_line(after))
    return {name: new.get(name) for name in old.keys() | new.keys() if old.get(name) != new.get(name)}


def _changed(asset: Asset, difference: Mapping[str, Any]) -> Asset | None:
    """``None`` when that gives no asset."""
    values = json.loads(render_line(asset)) | difference
    line = json.dumps({name: value for name, value in values.items() if value is not None})
    try:
        changed = parse_line(asset.collection, line)
    except LockError:
        return None
    return replace(changed, size=asset.size, mtime_ns=asset.mtime_ns)
