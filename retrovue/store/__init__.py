"""The store: the compiled artefact, one immutable DuckDB file that says what will air."""

from retrovue.store.artefact import (
    Artefact,
    ArtefactError,
    ArtefactHeader,
    Provenance,
    write_artefact,
)

__all__ = ["Artefact", "ArtefactError", "ArtefactHeader", "Provenance", "write_artefact"]
