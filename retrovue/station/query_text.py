"""A query as a person types it on a command line: the keys of ``episodes:`` in one flow mapping; pure."""

from __future__ import annotations

from pydantic import ValidationError

from retrovue.diagnostics.render import printable
from retrovue.errors import RetroVueError
from retrovue.station.document import parse, plain
from retrovue.station.model import Query
from retrovue.station.validate import explain, told


def parse_query(text: str) -> Query:
    """The query of ``series: Cheers, year: 1980..1989``; braces around it may be left out.

    Raises ``RetroVueError``, which says every mistake.
    """
    written = text.strip()
    whole = written if written.startswith("{") else "{" + written + "}"
    parsed = parse("query", whole)
    found = list(parsed.diagnostics)
    query = Query()
    if len(parsed.documents) == 1:
        root = parsed.documents[0].root
        try:
            query = Query.model_validate(plain(root))
        except ValidationError as error:
            found += [problem.diagnostic for problem in told(explain(error, root, Query))]
    if not found and query == Query():
        raise RetroVueError(f"the query “{printable(text)}” asks for nothing", help=_HELP)
    if found:
        said = "; ".join(dict.fromkeys(diagnostic.headline for diagnostic in found))
        help = next((diagnostic.help for diagnostic in found if diagnostic.help), _HELP)
        raise RetroVueError(f"in the query “{printable(text)}”: {said}", help=help)
    return query


_HELP = "write it as under episodes:, like “series: Cheers, year: 1980..1989”"
