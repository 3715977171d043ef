"""One document becomes one frozen model, or diagnostics that point at the very key or value.

pydantic says where in the *model* a mistake is; the YAML tree says where that is in the *file*. Union
branches put steps into pydantic's ``loc`` that the YAML doesn't have: they are skipped, and only the
branch that suits the shape of what was written is reported.

A document with mistakes is mended with stand-ins until it validates, so that the rules across files
can still look at the rest of it; what was mended is remembered and asked no further questions.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from pydantic import BaseModel, ValidationError

from retrovue.diagnostics import Diagnostic, Severity, Span
from retrovue.secret import WrittenSecret
from retrovue.station.document import Document, Mapping, Node, Scalar, Sequence, plain
from retrovue.station.model import LIVE_URL, Written
from retrovue.station.suggest import closest, did_you_mean

Loc = tuple[str | int, ...]

#: What stands in for a mandatory field that is missing or wrong; nobody outside the checks sees it.
_STAND_INS: dict[str, Any] = {
    "name": "?",
    "timezone": "UTC",
    "number": "0",
    "plans": ["x"],
    "zone": "?",
    "window": "00:00-00:00",
    "zones": [{"zone": "?", "window": "00:00-00:00"}],
    "chain": [{"synthetic": "x"}],
    "spots": {},
    "shows": "card",
    "source": {},
}
#: … and for an item of a list, by the list's name.
_ITEM_STAND_INS: dict[str, Any] = {
    "zones": {"zone": "?", "window": "00:00-00:00"},
    "chain": {"synthetic": "x"},
}
_MAX_ROUNDS = 6


@dataclass(frozen=True)
class Validated:
    """A document after validation: ``model`` is None only when nothing of it could be saved."""

    document: Document
    noun: str
    slug: str  #: as written, even when it is no slug
    model: Written | None
    diagnostics: tuple[Diagnostic, ...] = ()
    mended: frozenset[Loc] = field(default_factory=frozenset)  #: places where a stand-in stands

    def is_mended(self, *loc: str | int) -> bool:
        """Is something at, above or below ``loc`` a stand-in?"""
        return any(m[: len(loc)] == loc or loc[: len(m)] == m for m in self.mended)

    def span(self, *loc: str | int) -> Span:
        """Where the value at ``loc`` is, or its nearest parent."""
        return value_span(find(self.document.root, loc)[0])

    def key_span(self, *loc: str | int) -> Span:
        """Where the last key of ``loc`` is, or its nearest parent's place."""
        node, _ = find(self.document.root, loc[:-1])
        if isinstance(node, Mapping) and (entry := node.entries.get(str(loc[-1]))):
            return entry[0]
        return self.span(*loc)


def find(node: Node, loc: Iterable[str | int]) -> tuple[Node, Loc]:
    """Walk ``loc`` down the tree, skipping steps that aren't there; the node and the steps that were."""
    taken: list[str | int] = []
    for step in loc:
        below = node.below(step)
        if below is not None:
            node = below
            taken.append(step)
    return node, tuple(taken)


def value_span(node: Node) -> Span:
    """A scalar's or flow collection's own place; a block mapping's first line."""
    return node.place


def validate(document: Document, noun: str, model: type[Written]) -> Validated:
    """Validate one document as ``model``; every mistake in it becomes a diagnostic."""
    root = document.root
    slug_node = root.entries[noun][1]
    slug = slug_node.text if isinstance(slug_node, Scalar) and slug_node.text else "?"
    values = plain(root)
    diagnostics: list[Diagnostic] = []
    mended: set[Loc] = set()
    result: Written | None = None
    for _ in range(_MAX_ROUNDS):
        try:
            result = model.model_validate(values)
            break
        except ValidationError as error:
            problems = explain(error, root, model)
            # Mistakes that only show once others are mended are told too, unless a stand-in made them.
            diagnostics += [p.diagnostic for p in told(problems) if not _under(p.loc, mended)]
            for problem in problems:
                _mend(values, problem, noun, mended)
    if result is not None:
        annotate(result, root)
    return Validated(document, noun, slug, result, tuple(diagnostics), frozenset(mended))


def told(problems: Iterable[Problem]) -> list[Problem]:
    """Without the missing keys that are there, but misspelt: that is one mistake."""
    problems = list(problems)
    misspelt = {(*p.loc[:-1], p.meant) for p in problems if p.meant}
    return [p for p in problems if p.kind != "missing" or p.loc not in misspelt]


def _under(loc: Loc, mended: set[Loc]) -> bool:
    return any(loc[: len(m)] == m for m in mended)


# --- pydantic's errors in our words ----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Problem:
    loc: Loc  #: in the file's steps; of a missing key: where it should be
    kind: str  #: pydantic's error type
    diagnostic: Diagnostic
    meant: str = ""  #: of an unknown key: the key that was probably meant


def explain(error: ValidationError, root: Node, model: type[BaseModel]) -> list[Problem]:
    """pydantic's errors as diagnostics with places, one for each mistake."""
    problems: list[Problem] = []
    seen: set[tuple[Loc, str]] = set()
    for item in error.errors(include_url=False):
        kind = item["type"]
        loc: Loc = item["loc"]
        last = loc[-1] if loc else ""
        # A missing key isn't in the tree, and must not be taken for a union branch.
        within = loc[:-1] if kind == "missing" else loc
        node, real = find(root, within)
        branches = [str(step) for step in _skipped(root, within)]
        if branches and not _suits(find(root, _before_branch(root, within))[0], branches[0], kind):
            continue
        if (
            kind == "too_short"
            and isinstance(node, Sequence)
            and len(node.items) >= item["ctx"]["min_length"]
        ):
            continue  # its items have mistakes of their own
        if kind == "missing":
            real = (*real, last)
        what = (real, "missing" if kind == "missing" else "")
        if what in seen:
            continue
        seen.add(what)
        meant = ""
        if kind == "extra_forbidden":
            parent, _ = find(root, real[:-1])
            meant = closest(str(last), _free(parent, fields_at(model, loc[:-1]))) or ""
        problems.append(Problem(real, kind, _say(item, node, real, root, model), meant))
    return problems


def _free(parent: Node, fields: Iterable[str]) -> list[str]:
    """The keys that ``parent`` doesn't have yet."""
    return [f for f in fields if not isinstance(parent, Mapping) or f not in parent.entries]


def _before_branch(root: Node, loc: Loc) -> Loc:
    """The steps of ``loc`` up to the first that the tree doesn't have."""
    for count in range(len(loc)):
        if len(find(root, loc[: count + 1])[1]) != count + 1:
            return loc[:count]
    return loc


def _skipped(root: Node, loc: Loc) -> Loc:
    before = _before_branch(root, loc)
    return loc[len(before) : len(before) + 1]


def _suits(node: Node, branch: str, kind: str) -> bool:
    """Is this union branch the one that the shape of ``node`` means?"""
    if isinstance(node, Mapping):
        # No model in the union: the scalar branch says what is wanted.
        return branch[:1].isupper() or (branch == "str" and kind == "string_type")
    if isinstance(node, Sequence):
        return "tuple" in branch or branch == "constrained-str"
    return not (branch[:1].isupper() or "tuple" in branch)


def _say(item: Any, node: Node, loc: Loc, root: Node, model: type[BaseModel]) -> Diagnostic:
    kind = item["type"]
    ctx = item.get("ctx") or {}
    name = str(loc[-1]) if loc and isinstance(loc[-1], str) else _list_name(loc)
    where = value_span(node)
    if kind == "missing":
        parent, _ = find(root, loc[:-1])
        return _error(
            "missing-key", f"“{loc[-1]}” is missing", value_span(parent), help=f"add “{loc[-1]}: …” here"
        )
    if kind == "extra_forbidden":
        parent, _ = find(root, loc[:-1])
        assert isinstance(parent, Mapping)
        place = parent.entries[str(loc[-1])][0]
        fields = fields_at(model, item["loc"][:-1])
        help = (
            did_you_mean(str(loc[-1]), _free(parent, fields))
            or _list_without_brackets(parent, str(loc[-1]))
            or (f"known here: {', '.join(fields)}" if fields else "")
        )
        return _error("unknown-key", f"“{loc[-1]}” is no key here", place, help=help)
    if kind in ("literal_error", "enum"):
        choices = [c.strip(" '") for c in ctx["expected"].replace(" or ", ", ").split(", ")]
        written = node.text if isinstance(node, Scalar) else None
        if written is not None:
            help = did_you_mean(written, choices) or f"one of: {', '.join(choices)}"
            return _error("unknown-word", f"“{name}” can't be “{written}”", where, help=help)
        return _error("wrong-type", f"“{name}” must be a word", where, help=f"one of: {', '.join(choices)}")
    if kind == "string_pattern_mismatch":
        code, headline, help = _pattern(ctx["pattern"], node.text if isinstance(node, Scalar) else "", name)
        # A live source's address may have a password in it, which is why it is refused.
        return replace(_error(code, headline, where, help=help), hidden=ctx["pattern"] == LIVE_URL)
    if kind == "value_error":
        told = _bad_value(name, str(ctx["error"]), where, node)
        return replace(told, hidden=isinstance(ctx["error"], WrittenSecret))
    if isinstance(node, Scalar) and node.text is None and kind.endswith(("_type", "_parsing")):
        return _error("wrong-type", f"“{name}” has no value", where, help="write one, or delete the key")
    if kind in _TYPES:
        return _error("wrong-type", f"“{name}” must be {_TYPES[kind]}", where, help=_reshaped(kind, node))
    if kind == "too_short" and ctx["min_length"] == 1:
        return _error("out-of-range", f"“{name}” is empty", where, help="at least one is wanted")
    if kind in _LIMITS:
        template, key = _LIMITS[kind]
        return _error("out-of-range", f"“{name}” must be {template.format(ctx[key])}", where)
    return _error("bad-value", f"“{name}”: {item['msg']}", where)


def _reshaped(kind: str, node: Node) -> str:
    """How to write the same as the kind of value that is wanted, where that can be told."""
    if kind in ("tuple_type", "list_type") and isinstance(node, Scalar):
        return f"write it in brackets: [{node.text}]"
    if kind in ("tuple_type", "list_type"):
        return "write a list: one item a line, each after a dash"
    if kind == "string_type" and isinstance(node, Sequence):
        return "only one is wanted: leave out the brackets"
    if kind in ("bool_parsing", "bool_type"):
        return "write true or false"
    if kind.startswith(("int", "float")):
        return "write digits, like 12"
    if kind.endswith(("mapping_type", "dict_type", "model_type", "attributes_type")):
        return "write keys and values: { key: value }"
    return ""


def _list_without_brackets(parent: Mapping, key: str) -> str:
    """What to write when ``{ days: sat, sun }`` was meant to be a list: there, YAML takes ``sun`` for a key
    without a value."""
    keys = list(parent.entries)
    _, value = parent.entries[key]
    before = keys.index(key) - 1
    while before >= 0 and _is_bare(parent.entries[keys[before]][1]):
        before -= 1
    if before < 0 or not _is_bare(value):
        return ""
    _, first = parent.entries[keys[before]]
    if not isinstance(first, Scalar) or first.text is None:
        return ""
    others = itertools.takewhile(lambda k: _is_bare(parent.entries[k][1]), keys[before + 1 :])
    return f"several values stand in brackets: “{keys[before]}: [{', '.join((first.text, *others))}]”"


def _is_bare(node: Node) -> bool:
    return isinstance(node, Scalar) and node.text is None


def _list_name(loc: Loc) -> str:
    """ "plans, item 2" for ("plans", 1)."""
    words = [str(step) for step in loc if isinstance(step, str)]
    number = next((f", item {step + 1}" for step in reversed(loc) if isinstance(step, int)), "")
    return (words[-1] if words else "document") + number


_TYPES = {
    "string_type": "text",
    "int_parsing": "a whole number",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "int_parsing_size": "a smaller whole number",
    "float_parsing": "a number",
    "bool_parsing": "true or false",
    "bool_type": "true or false",
    "tuple_type": "a list",
    "list_type": "a list",
    "mapping_type": "a mapping",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
    "path_type": "a path",
}
_LIMITS = {
    "greater_than_equal": ("at least {}", "ge"),
    "less_than_equal": ("at most {}", "le"),
    "greater_than": ("more than {}", "gt"),
    "less_than": ("less than {}", "lt"),
    "string_too_long": ("at most {} characters long", "max_length"),
    "string_too_short": ("at least {} character(s) long", "min_length"),
    "too_short": ("a list of at least {}", "min_length"),
    "too_long": ("a list of at most {}", "max_length"),
}


def _bad_value(name: str, message: str, where: Span, node: Node) -> Diagnostic:
    if not isinstance(node, Scalar):
        return _error("wrong-type", f"“{name}” must be a single value", where)
    if node.text is None:
        return _error("wrong-type", f"“{name}” has no value", where, help="write one, or delete the key")
    problem, _, help = message.partition(": ")
    return _error("bad-value", f"“{name}”: {problem}", where, help=help)


def _pattern(pattern: str, written: str | None, name: str) -> tuple[str, str, str]:
    if pattern.startswith("^[a-z0-9]+"):
        import re

        slug = re.sub(r"[^a-z0-9]+", "-", (written or "").lower()).strip("-")
        help = f"did you mean “{slug}”?" if slug else "small letters, digits and single hyphens"
        return "bad-slug", f"“{written}” is no slug (small letters, digits, single hyphens)", help
    if pattern.startswith("^[0-9]{1,4}"):
        return "bad-value", f"“{written}” is no channel number", 'write it like "5.1" or "5"'
    if "{8}" in pattern:
        return "bad-value", f"“{written}” is no device id", "eight digits of 0-9 and A-F"
    if pattern.startswith("^S"):
        return "bad-value", f"“{written}” is no episode", "write it like S02E01"
    if pattern == r"\S":
        return "bad-value", f"“{name}” is empty", "write what people shall read"
    if pattern.startswith("^#"):
        return "bad-value", f"“{written}” is no colour", 'write it like "#f5c542"'
    if "off" in pattern and pattern.startswith("^("):
        return "bad-value", f"subtitles can't be “{written}”", "off, forced, or a language of two letters: de"
    if pattern == "^[a-z]{2,3}$":
        return "bad-value", f"“{written}” is no language", "two letters, or three: de"
    if pattern.startswith("^(?:(?:http"):
        return (
            "bad-value",
            "this is no address of a live source",
            "http, https, rtsp, udp or rtp; no password",
        )
    return "bad-value", f"“{name}” can't be “{written}”", f"it must match {pattern}"


def fields_at(model: type[BaseModel], loc: Loc) -> list[str]:
    """The keys that may stand at ``loc`` of a model, as YAML spells them."""
    models: list[type[BaseModel]] = [model]
    for step in loc:
        if not isinstance(step, str):
            continue
        below: list[type[BaseModel]] = []
        for m in models:
            for field_name, info in m.model_fields.items():
                if step in (field_name, info.alias):
                    below += _models_in(info.annotation)
        named = [m for m in models if m.__name__ == step]
        models = named or below or models
    return [info.alias or name for m in models for name, info in m.model_fields.items()]


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [m for part in getattr(annotation, "__args__", ()) for m in _models_in(part)]


# --- stand-ins -------------------------------------------------------------------------------------


def _mend(values: Any, problem: Problem, noun: str, mended: set[Loc]) -> None:
    """Replace what is wrong at ``problem.loc`` with something that validates."""
    if not problem.loc:
        return
    *path, last = problem.loc
    parent = values
    for step in path:
        try:
            parent = parent[step]
        except (KeyError, IndexError, TypeError):
            return
    loc = problem.loc
    if isinstance(parent, list) and isinstance(last, int):
        name = next((s for s in reversed(path) if isinstance(s, str)), "")
        parent[last] = _ITEM_STAND_INS.get(name, "x")
        mended.add(loc)
    elif isinstance(parent, dict):
        if problem.kind == "missing":
            parent[last] = "x" if last == noun else _STAND_INS.get(str(last), "x")
        else:
            parent.pop(last, None)
        if problem.kind != "extra_forbidden":
            mended.add(loc)
        elif problem.meant:
            mended.add((*path, problem.meant))  # it is there, only misspelt


# --- places ----------------------------------------------------------------------------------------


def annotate(value: Written, node: Mapping) -> None:
    """Give a model, and every model inside it, the tree that it was made from."""
    value._node = node
    for name, info in type(value).model_fields.items():
        below = getattr(value, name)
        if isinstance(below, Written | tuple | dict):
            entry = node.entries.get(info.alias or name) or node.entries.get(name)
            if entry is not None:
                _annotate(below, entry[1])


def _annotate(value: object, node: Node) -> None:
    if isinstance(value, Written):
        if isinstance(node, Mapping):
            annotate(value, node)
    elif isinstance(value, tuple) and isinstance(node, Sequence):
        for item, item_node in zip(value, node.items, strict=False):
            if isinstance(item, Written):
                _annotate(item, item_node)
    elif isinstance(value, dict) and isinstance(node, Mapping):
        for key, item in value.items():
            if isinstance(item, Written) and (entry := node.entries.get(key)):
                _annotate(item, entry[1])


def _error(code: str, headline: str, span: Span, help: str = "") -> Diagnostic:
    return Diagnostic(Severity.ERROR, code, headline, span, help=help)
