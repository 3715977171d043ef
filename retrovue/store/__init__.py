"""The store: the compiled artefact, one immutable DuckDB file that says what will air."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from retrovue.compiler.model import ArtefactHeader

if TYPE_CHECKING:
    from retrovue.store.artefact import Artefact, ArtefactError
    from retrovue.store.publish import Provenance, Publication, write_artefact

__all__ = ["Artefact", "ArtefactError", "ArtefactHeader", "Provenance", "Publication", "write_artefact"]

_MODULES = {
    "Artefact": "artefact",
    "ArtefactError": "artefact",
    "Provenance": "publish",
    "Publication": "publish",
    "write_artefact": "publish",
}


def __getattr__(name: str) -> Any:
    """DuckDB comes with the first of them that is asked for, and numpy with the first that writes: whoever
    needs a table's columns does without."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"retrovue.store.{_MODULES[name]}"), name)
