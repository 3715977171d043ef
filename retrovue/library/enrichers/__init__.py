"""Enrichers: what is learnt by looking into a file. A plug-in point (group ``retrovue.enrichers``).

Every installed enricher looks at every asset, in order of ``turn`` and then of kind; each takes a frozen
asset and returns another. It may be asked on another machine: it must be picklable, and is made of its
settings alone.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar, Protocol, cast

from pydantic import BaseModel

from retrovue.library.catalog import Asset
from retrovue.library.plugins import installed, kind_of, names

GROUP = "retrovue.enrichers"


class Enricher(Protocol):
    """Looks into a file and returns the asset with what it learnt."""

    settings_model: ClassVar[type[BaseModel]]
    turn: ClassVar[int]  #: lower goes first; probe has 0
    edition: ClassVar[int]  #: raise it when results change: this enricher then looks into every file again
    # ``reads: ClassVar[tuple[str, ...]]`` may name the fields of an asset that it looks at: when others
    # change, what it found stands. Without it, it looks at all.

    def __init__(self, settings: Any) -> None: ...

    def enrich(self, asset: Asset, location: Path) -> Asset:
        """Fill what is empty, never what a person wrote. Raises ``Unreadable``."""
        ...


def enricher_kinds() -> frozenset[str]:
    """The kinds of all installed enrichers; none is loaded for it."""
    return names(GROUP)


def open_enrichers() -> tuple[Enricher, ...]:
    """All installed enrichers, in the order in which they work."""
    enrichers = [
        cast("Enricher", enricher(enricher.settings_model())) for enricher in installed(GROUP).values()
    ]
    return tuple(sorted(enrichers, key=lambda e: (e.turn, kind_of(e.settings_model))))
