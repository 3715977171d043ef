"""``retrovue sql``: query a compiled artefact."""

from __future__ import annotations

import argparse

from retrovue.cli.bench import add_artefact_options, artefact_path
from retrovue.cli.view import View


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("query", metavar="QUERY", help='one SQL statement: "select * from guide limit 5"')
    add_artefact_options(parser)
    parser.add_argument("--header", action="store_true", help="a first line with the column names")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")


def run(args: argparse.Namespace, view: View) -> int:
    from retrovue.store.query import query

    columns, rows = query(artefact_path(args), args.query)
    if args.json:
        for row in rows:
            view.json(dict(zip(columns, row, strict=True)))
        return 0
    if args.header:
        view.out("\t".join(columns))
    for row in rows:
        view.out("\t".join(_plain(value) for value in row))
    return 0


def _plain(value: object) -> str:
    """A value on one line and in one column, as psql's text format escapes it."""
    if value is None:
        return ""
    text = str(value).lower() if isinstance(value, bool) else str(value)
    for raw, escaped in (("\\", "\\\\"), ("\t", "\\t"), ("\n", "\\n"), ("\r", "\\r")):
        text = text.replace(raw, escaped)
    return text
