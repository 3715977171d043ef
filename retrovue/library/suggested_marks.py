"""Suggested break marks in a sidecar: written there for a person to look at, and taken over; pure.

Whatever else stands in the sidecar stays as it was written, comments too.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq

from retrovue.library.sidecar import offset_text, parse_sidecar

SUGGESTED, MARKS = "suggested_marks", "marks"
_REMARK = "Black and silent here. Keep what is right as marks, or: retrovue breaks accept"


def has(text: str, field: str) -> bool:
    """Does the sidecar say anything of ``field``? Raises ``ValueError`` for one with mistakes."""
    return field in _read(text)


def with_suggestions(text: str, marks_us: Sequence[int]) -> str:
    """The sidecar with these suggestions and no others; none at all takes them out.

    Raises ``ValueError`` for one with mistakes.
    """
    values = _read(text)
    if not marks_us:
        values.pop(SUGGESTED, None)
        return _without_remark(_written(values)) if values else ""
    # ruamel.yaml keeps no comment of a document in which there is nothing else.
    alone = text.rstrip() + "\n" if not values and text.strip() else ""
    new = SUGGESTED not in values
    values[SUGGESTED] = _list(map(offset_text, marks_us))
    if new:
        values.yaml_set_comment_before_after_key(SUGGESTED, before=_REMARK)
    return alone + _written(values)


def accepted(text: str) -> str:
    """The sidecar whose suggestions are its marks. Raises ``ValueError`` when it has none."""
    values = _read(text)
    if SUGGESTED not in values:
        raise ValueError("nothing is suggested in it")
    if MARKS in values:
        raise ValueError("it has marks already: delete them, or the suggestions")
    at = list(values).index(SUGGESTED)
    values.insert(at, MARKS, values.pop(SUGGESTED))
    return _without_remark(_written(values))


def _without_remark(text: str) -> str:
    return text.replace(f"# {_REMARK}\n", "")


def _list(words: Any) -> CommentedSeq:
    found = CommentedSeq(words)
    found.fa.set_flow_style()
    return found


def _yaml() -> YAML:
    yaml = YAML(typ="rt")
    yaml.preserve_quotes = True
    yaml.width = 4096
    return yaml


def _read(text: str) -> CommentedMap:
    parse_sidecar(text)  # says what is wrong, and where
    values = _yaml().load(text)
    return values if isinstance(values, CommentedMap) else CommentedMap()


def _written(values: CommentedMap) -> str:
    out = io.StringIO()
    if values:
        _yaml().dump(values, out)
    return out.getvalue()
