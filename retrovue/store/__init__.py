"""Store: the compiled truth as an immutable DuckDB artefact."""
