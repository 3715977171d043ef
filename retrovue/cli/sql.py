"""``retrovue sql``: query a compiled artefact."""

from __future__ import annotations

import argparse
import math

from retrovue.cli.bench import add_artefact_options, artefact_path
from retrovue.cli.view import View
from retrovue.errors import RetroVueError


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("query", metavar="QUERY", help='one SQL statement: "select * from guide limit 5"')
    add_artefact_options(parser)
    parser.add_argument("--header", action="store_true", help="a first line with the column names")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")


def run(args: argparse.Namespace, view: View) -> int:
    from retrovue.store.query import query

    columns, rows = query(artefact_path(args), args.query)
    if args.json:
        if twice := sorted({column for column in columns if columns.count(column) > 1}):
            raise RetroVueError(
                f"several columns are called {', '.join(twice)}, and a JSON object can't have them all",
                help="give each a name of its own: … as other",
            )
        for row in rows:
            view.json({column: _finite(value) for column, value in zip(columns, row, strict=True)})
        return 0
    if args.header:
        view.out("\t".join(columns))
    for row in rows:
        view.out("\t".join(_plain(value) for value in row))
    return 0


def _finite(value: object) -> object:
    """JSON has no NaN and no infinity."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _plain(value: object) -> str:
    """A value on one line and in one column, as psql's text format escapes it."""
    if value is None:
        return ""
    text = str(value).lower() if isinstance(value, bool) else str(value)
    for raw, escaped in (("\\", "\\\\"), ("\t", "\\t"), ("\n", "\\n"), ("\r", "\\r")):
        text = text.replace(raw, escaped)
    return text
