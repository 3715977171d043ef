"""The store: the compiled artefact, one immutable DuckDB file that says what will air."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from retrovue.compiler.model import ArtefactHeader

if TYPE_CHECKING:
    from retrovue.store.artefact import Artefact, ArtefactError, Provenance, write_artefact

__all__ = ["Artefact", "ArtefactError", "ArtefactHeader", "Provenance", "write_artefact"]


def __getattr__(name: str) -> Any:
    """DuckDB comes with the first of them that is asked for: whoever needs a table's columns does without."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from retrovue.store import artefact

    return getattr(artefact, name)
