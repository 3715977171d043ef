"""How Tvheadend's grids answer: a filter, an order, a page; pure. Arguments are text, as in a query."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from retrovue.headend.tvheadend.query import search

Json = dict[str, Any]
Arguments = Mapping[str, str]

_DOTTED = re.compile(r"(\d{1,9})\.(\d{1,5})", re.ASCII)

#: Rows of a grid, when the client doesn't say.
LIMIT = 50
#: Rows of one answer, whatever the client says.
_MOST = 100_000


def grid(rows: Iterable[Json], arguments: Arguments, total: str = "total") -> Json:
    """A page of rows: ``filter``, then ``sort`` and ``dir``, then ``start`` and ``limit``."""
    found = [row for row in rows if all(accepts(row) for accepts in _filters(arguments))]
    if sort := arguments.get("sort"):
        found.sort(key=lambda row: _order(row.get(sort)), reverse=backwards(arguments))
    return {"entries": found[page(arguments)], total: len(found)}


def page(arguments: Arguments) -> slice:
    """Which rows are asked for."""
    start = number(arguments, "start", 0)
    return slice(start, start + min(number(arguments, "limit", LIMIT), _MOST))


def backwards(arguments: Arguments) -> bool:
    return arguments.get("dir", "").upper() == "DESC"


def number(arguments: Arguments, name: str, default: int) -> int:
    """A number that isn't negative; ``default`` for anything else."""
    word = arguments.get(name, "").strip()
    return int(word) if word.isascii() and word.isdigit() and len(word) < 16 else default


def numbers(arguments: Arguments, name: str) -> list[int]:
    """``1`` or ``[1,2]``."""
    try:
        wanted = json.loads(arguments.get(name) or "[]")
    except (ValueError, RecursionError):
        return []
    return [n for n in (wanted if isinstance(wanted, list) else [wanted]) if isinstance(n, int)]


def pairs(found: Iterable[tuple[Any, str]]) -> Json:
    """What a list answers."""
    return {"entries": [{"key": key, "val": word} for key, word in found]}


def _order(value: Any) -> tuple[int, float, str]:
    """Numbers before words; of channel numbers "5.10" is behind "5.9"."""
    if isinstance(value, bool | int | float):
        return (0, float(value), "")
    word = "" if value is None else str(value)
    if parts := _DOTTED.fullmatch(word):
        return (0, int(parts[1]) + int(parts[2]) / 1e6, "")
    try:
        return (0, float(word), "")
    except ValueError:
        return (1, 0.0, word.casefold())


def _filters(arguments: Arguments) -> list[Callable[[Json], bool]]:
    """``[{"field": "name", "type": "string", "value": "x", "comparison": "eq"}]``"""
    try:
        wanted = json.loads(arguments.get("filter") or "[]")
    except (ValueError, RecursionError):
        return []
    return [_filter(one) for one in wanted if isinstance(one, dict)] if isinstance(wanted, list) else []


def _filter(one: Json) -> Callable[[Json], bool]:
    name, value = str(one.get("field", "")), one.get("value")
    kind, comparison = one.get("type", "string"), one.get("comparison")
    if kind == "numeric":
        limit = _order(value)
        tests: dict[str, Callable[[Any], bool]] = {
            "gt": lambda cell: _order(cell) > limit,
            "lt": lambda cell: _order(cell) < limit,
        }
        number = tests.get(str(comparison), lambda cell: _order(cell) == limit)
        return lambda row: number(row.get(name))
    if kind == "boolean":
        yes = value in (True, 1, "1", "true")
        return lambda row: bool(row.get(name)) == yes
    if comparison == "eq":
        return lambda row: str(row.get(name, "")) == str(value)
    matches = search(str(value or ""))
    return lambda row: matches(str(row.get(name, "")))
