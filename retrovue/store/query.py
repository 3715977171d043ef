"""Query: an operator's SQL over an artefact; nothing else of the machine is within its reach."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb

from retrovue.errors import RetroVueError
from retrovue.store.artefact import Artefact


class QueryError(RetroVueError):
    """The statement is wrong, or asks for what an artefact doesn't allow."""


def query(artefact: Path, statement: str) -> tuple[list[str], Iterator[tuple[Any, ...]]]:
    """Column names and rows of one statement. The artefact is read-only; SQL can reach no other file.

    Raises ``ArtefactError`` for the file and ``QueryError``, on one line, for the statement.
    """
    connection = Artefact.open(artefact).release()
    try:
        connection.execute("USE art")
        connection.execute("SET enable_external_access = false")
        connection.execute("SET lock_configuration = true")
        # One: of several, only the last one's rows would be seen.
        if (count := len(connection.extract_statements(statement))) != 1:
            connection.close()
            raise QueryError(
                f"{count} statements, and one is wanted" if count else "there is no statement",
                help='retrovue sql "select * from guide limit 5"',
            )
        connection.execute(statement)
        columns = [column[0] for column in connection.description or ()]
    except duckdb.Error as error:
        connection.close()
        raise _wrong(error) from error
    return columns, _rows(connection) if columns else iter(())


def _rows(connection: duckdb.DuckDBPyConnection) -> Iterator[tuple[Any, ...]]:
    try:
        while batch := connection.fetchmany(1000):
            yield from batch
    except duckdb.Error as error:
        raise _wrong(error) from error
    finally:
        connection.close()


def _wrong(error: duckdb.Error) -> QueryError:
    if "pytz" in str(error):  # what the driver would make such a value with
        return QueryError(
            "a column is an instant with a time zone, and such can't be shown",
            help="make it text or a plain time: column::varchar, column::timestamp",
        )
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    near = next((line for line in lines if line.startswith("Candidate bindings: ")), "")
    return QueryError(
        lines[0] if lines else "the statement failed",
        help=f"columns like it: {near.removeprefix('Candidate bindings: ')}"
        if near
        else "tables: artefact, channel, schedule_event, segment, …; views: guide, playlist, spots, fill",
    )
