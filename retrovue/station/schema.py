"""JSON Schemas and field tables of the station language, made from the models; pure.

The schemas are draft-07, which every editor's YAML support understands. Attribute docstrings become
the hover text; values are spelt as in YAML ("30m", not microseconds).

Pydantic would read the docstrings wherever a model is defined (``use_attribute_docstrings``), which takes
every command sixty milliseconds. Only a schema needs them, so they are read here.
"""

from __future__ import annotations

import ast
import inspect
import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from itertools import pairwise
from textwrap import dedent
from typing import Any, get_args

from pydantic import BaseModel

from retrovue.station.load import NOUNS
from retrovue.units import HOUR_US, MINUTE_US, SECOND_US

DRAFT = "http://json-schema.org/draft-07/schema#"
#: The schema that accepts any document; editors are pointed at this one.
ANY = "station"
_BEGIN, _END = "<!-- fields: begin -->", "<!-- fields: end -->"

Adapters = Mapping[str, type[BaseModel]]


def noun_schema(noun: str, adapters: Adapters | None = None) -> dict[str, Any]:
    """The schema of one noun's documents."""
    schema = described(NOUNS[noun])
    definitions = schema.setdefault("$defs", {})
    if noun == "collection" and adapters:
        _add_sources(schema, definitions, adapters)
    for part in (schema, *definitions.values()):
        _spell(part)
    if not definitions:
        del schema["$defs"]
    return {"$schema": DRAFT, **schema}


def any_schema(adapters: Adapters | None = None) -> dict[str, Any]:
    """The schema of every document of a station: the noun key decides."""
    definitions: dict[str, Any] = {}
    nouns: dict[str, Any] = {}
    for noun, model in NOUNS.items():
        schema = noun_schema(noun, adapters)
        del schema["$schema"]
        definitions |= schema.pop("$defs", {})
        definitions[model.__name__] = schema
        nouns[noun] = {"description": schema.get("description", "")}
    return {
        "$schema": DRAFT,
        "title": "RetroVue station language",
        "description": "One document of a station: its noun is the key that names it.",
        "type": "object",
        "properties": nouns,
        "oneOf": [{"required": [noun]} for noun in NOUNS],
        "allOf": [
            {"if": {"required": [noun]}, "then": {"$ref": f"#/$defs/{model.__name__}"}}
            for noun, model in NOUNS.items()
        ],
        "$defs": dict(sorted(definitions.items())),
    }


def schema_files(adapters: Adapters | None = None) -> dict[str, str]:
    """File name → content of every schema: one a noun, and ``station.schema.json`` for any document."""
    schemas = {noun: noun_schema(noun, adapters) for noun in NOUNS}
    schemas[ANY] = any_schema(adapters)
    return {f"{name}.schema.json": dump(schema) for name, schema in schemas.items()}


def dump(schema: Mapping[str, Any]) -> str:
    return json.dumps(schema, ensure_ascii=False, indent=2) + "\n"


def described(model: type[BaseModel]) -> dict[str, Any]:
    """The model's schema with what the docstrings of its fields, and of those of its parts, say."""
    schema: dict[str, Any] = model.model_json_schema(by_alias=True)
    parts = {one.__name__: one for one in _models(model)}
    for name, part in ((model.__name__, schema), *schema.get("$defs", {}).items()):
        if name not in parts:
            continue
        properties = part.get("properties", {})
        for key, text in _docstrings(parts[name]).items():
            if key in properties and "description" not in properties[key]:
                properties[key] = dict(sorted({**properties[key], "description": text}.items()))
    return schema


def _models(*annotations: Any) -> set[type[BaseModel]]:
    """All models that these annotations name, and those that their fields name."""
    found: set[type[BaseModel]] = set()
    waiting = list(annotations)
    while waiting:
        annotation = waiting.pop()
        waiting += get_args(annotation)
        if inspect.isclass(annotation) and issubclass(annotation, BaseModel) and annotation not in found:
            found.add(annotation)
            waiting += (field.annotation for field in annotation.model_fields.values())
    return found


@cache
def _docstrings(model: type[BaseModel]) -> Mapping[str, str]:
    """The text under each field, its own and those that it inherits, by the field's key."""
    found: dict[str, str] = {}
    for one in reversed(model.__mro__):
        if one is BaseModel or not issubclass(one, BaseModel):
            continue
        try:
            (definition,) = ast.parse(dedent(inspect.getsource(one))).body
        except OSError:
            continue  # a plug-in that came without its source
        assert isinstance(definition, ast.ClassDef)
        for field, text in pairwise(definition.body):
            if (
                isinstance(field, ast.AnnAssign)
                and isinstance(field.target, ast.Name)
                and isinstance(text, ast.Expr)
                and isinstance(text.value, ast.Constant)
                and isinstance(text.value.value, str)
            ):
                found[field.target.id] = inspect.cleandoc(text.value.value)
    fields = model.model_fields
    return {(fields[name].alias or name): text for name, text in found.items() if name in fields}


def _add_sources(schema: dict[str, Any], definitions: dict[str, Any], adapters: Adapters) -> None:
    """A collection's source takes the settings of the installed adapters."""
    choices = []
    for kind, settings in sorted(adapters.items()):
        source = described(settings)
        definitions |= source.pop("$defs", {})
        properties = source.setdefault("properties", {})
        properties["kind"] = {"description": properties.get("kind", {}).get("description", ""), "const": kind}
        source["required"] = sorted({*source.get("required", ()), "kind"})
        definitions[settings.__name__] = source
        choices.append({"$ref": f"#/$defs/{settings.__name__}"})
    field = schema["properties"]["source"]
    schema["properties"]["source"] = {"description": field.get("description", ""), "anyOf": choices}


def _spell(part: dict[str, Any]) -> None:
    """Defaults as YAML spells them, and no titles that only repeat the key."""
    for field in part.get("properties", {}).values():
        field.pop("title", None)
        if "description" in field:
            field["description"] = field["description"].replace("``", "`")
        default = field.get("default")
        pattern = field.get("pattern") or ""
        if default is None or isinstance(default, dict | list):
            field.pop("default", None)
        elif isinstance(default, int) and pattern.startswith(r"^(\d+d)"):
            field["default"] = spell_duration(default)
        elif isinstance(default, int) and pattern.startswith("^([01]"):
            field["default"] = f"{default // 60:02d}:{default % 60:02d}"


def spell_duration(us: int) -> str:
    """ "1h30m" of 5 400 000 000 µs; the inverse of ``parse_duration``."""
    parts = []
    for unit, letter in ((24 * HOUR_US, "d"), (HOUR_US, "h"), (MINUTE_US, "m")):
        count, us = divmod(us, unit)
        parts.append(f"{count}{letter}" if count else "")
    if us:
        seconds, rest = divmod(us, SECOND_US)
        parts.append(f"{seconds}.{rest:06d}".rstrip("0").rstrip(".") + "s")
    return "".join(parts) or "0s"


# --- field tables ----------------------------------------------------------------------------------


def field_tables(adapters: Adapters | None = None) -> str:
    """Every noun and every field as Markdown."""
    out: list[str] = []
    shown: set[str] = set()
    for noun in NOUNS:
        schema = noun_schema(noun, adapters)
        definitions = schema.get("$defs", {})
        out += [f"## {noun}", "", schema.get("description", ""), "", *_table(schema, definitions)]
        for name, definition in definitions.items():
            if name not in shown and definition.get("properties"):
                shown.add(name)
                out += [f"### {name}", "", *_about(definition), *_table(definition, definitions)]
    return "\n".join(out).rstrip() + "\n"


def _about(definition: Mapping[str, Any]) -> list[str]:
    text = definition.get("description", "")
    return [" ".join(text.split()), ""] if text else []


def _table(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> Iterator[str]:
    yield "| Key | Value | Default | Meaning |"
    yield "| --- | --- | --- | --- |"
    required = set(schema.get("required", ()))
    for key, field in schema.get("properties", {}).items():
        default = "**mandatory**" if key in required else _code(field.get("default"))
        meaning = " ".join(field.get("description", "").split()).replace("|", "\\|")
        yield f"| `{key}` | {_value(field, definitions)} | {default} | {meaning} |"
    yield ""


def _code(value: Any) -> str:
    if value is None or value == "":
        return ""
    return f"`{json.dumps(value) if isinstance(value, bool) else value}`"


def _value(field: Mapping[str, Any], definitions: Mapping[str, Any]) -> str:
    """A field's kind in words a broadcaster reads."""
    if "$ref" in field:
        name = field["$ref"].rpartition("/")[2]
        target = definitions[name]
        return _words(target["enum"]) if "enum" in target else f"[{name}](#{name.lower()})"
    if choices := field.get("anyOf") or field.get("oneOf"):
        kinds = [_value(choice, definitions) for choice in choices if choice.get("type") != "null"]
        return " or ".join(dict.fromkeys(kinds))
    if "enum" in field:
        return _words(field["enum"])
    if "const" in field:
        return _words([field["const"]])
    pattern = field.get("pattern") or ""
    for start, word in _PATTERNS.items():
        if pattern.startswith(start):
            return word
    match field.get("type"):
        case "array":
            return f"list of {_value(field.get('items', {}), definitions)}"
        case "integer":
            low, high = field.get("minimum"), field.get("maximum")
            return f"{low}–{high}" if low is not None and high is not None else "whole number"
        case "boolean":
            return "true or false"
        case "object":
            below = field.get("additionalProperties")
            return (
                f"mapping to {_value(below, definitions)}" if isinstance(below, dict) and below else "mapping"
            )
        case "string" if field.get("format") == "date":
            return "date"
        case "string":
            return "text"
    return "any value"


_PATTERNS = {
    "^[a-z0-9]+": "slug",
    r"^(\d+d)": "duration (`30m`)",
    "^([01]": 'time (`"06:00"`)',
    r"^\d?\d:": "window (`19:00-23:00`)",
    "^[0-9]{1,4}": 'number (`"5.1"`)',
}


def _words(values: list[Any]) -> str:
    return ", ".join(f"`{value}`" for value in values)


def with_field_tables(readme: str, adapters: Adapters | None = None) -> str:
    """``readme`` with its generated section brought up to date. Raises ``ValueError`` without markers."""
    pattern = re.compile(rf"(?<={re.escape(_BEGIN)}\n).*(?={re.escape(_END)})", re.DOTALL)
    if not pattern.search(readme):
        raise ValueError(f"the text has no {_BEGIN} … {_END}")
    tables = field_tables(adapters)
    return pattern.sub(lambda _: f"\n{tables}\n", readme)
