"""Whatever stands in a station folder: loading it ends, raises nothing, and every place is in its file."""

from __future__ import annotations

import re
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from retrovue.diagnostics import Severity
from retrovue.diagnostics.codes import CODES
from retrovue.diagnostics.render import FORMATS, render
from retrovue.station.document import LINE_BREAK
from retrovue.station.load import NOUNS, load_station
from tests.compiler.profiles import examples
from tests.station.build import STATION

_KEYS = sorted(
    {f for model in NOUNS.values() for f in model.model_fields} | {"kind", "path", "from", "<<", "days", "on"}
)
_WORDS = st.sampled_from(
    [
        "",
        "x",
        "none",
        "slate",
        "06:00",
        "19:00-23:00",
        "30m",
        "mon-fri",
        "us:thanksgiving",
        "12-24..12-26",
        "5.1",
    ]
)
_SCALARS = _WORDS | st.integers() | st.floats() | st.booleans() | st.none() | st.text(max_size=8)
_VALUES: st.SearchStrategy[Any] = st.recursive(
    _SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(_KEYS) | st.text(max_size=5), inner, max_size=4)
    ),
    max_leaves=8,
)


def _load(files: dict[str, bytes]) -> None:
    with TemporaryDirectory() as name:
        folder = Path(name)
        for file, data in files.items():
            (folder / file).write_bytes(data)
        loaded = load_station(folder)
    assert (loaded.model is None) == any(d.severity is Severity.ERROR for d in loaded.diagnostics)
    for d in loaded.diagnostics:
        assert d.code in CODES
        for span in (d.span, *(label.span for label in d.labels)):
            if span is None or span.file not in loaded.sources:
                continue
            lines = LINE_BREAK.split(loaded.sources[span.file])
            assert 1 <= span.line <= span.end_line <= len(lines) + 1
            assert 1 <= span.column <= len(lines[span.line - 1]) + 1 if span.line <= len(lines) else True
            assert (span.line, span.column) <= (span.end_line, span.end_column)
    for style in FORMATS:
        text = render(loaded.diagnostics, loaded.sources, style)
        assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", text) or style in ("json", "github", "sarif")


def _flow(value: object) -> str:
    """A value as YAML that is right more often than not."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_flow(k)}: {_flow(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_flow, value)) + "]"
    if value is None:
        return "~"
    return re.sub(r"[^\w.:-]", "", str(value)) or '""'


_FUZZ = examples(120)


@_FUZZ
@given(st.binary(max_size=200))
def test_any_bytes(data: bytes) -> None:
    _load({"x.yaml": data})


@_FUZZ
@given(st.text(alphabet=st.sampled_from("abplan: -[]{},\"'&*!|>%#?\n\t~<0:.@`\u2028é"), max_size=80))
@example("%TAG ! tag:x,1:\n---\n!a b")
@example("!!<> a")
@example("a: !!int x")
@example("? ")
@example("- - - ? a\n- b")
@example("&a : *a")
@example("a: |9\n x")
@example("a: \ud7ff")
def test_any_yaml_like_text(text: str) -> None:
    _load({"x.yaml": text.encode()})


@_FUZZ
@given(st.sampled_from(sorted(NOUNS)), st.dictionaries(st.sampled_from(_KEYS), _VALUES, max_size=6), _SCALARS)
def test_any_values_in_any_noun(noun: str, fields: dict[str, Any], slug: object) -> None:
    lines = [f"{noun}: {_flow(slug)}", *(f"{k}: {_flow(v)}" for k, v in fields.items() if k != noun)]
    _load({"station.yaml": STATION.encode(), "x.yaml": "\n".join(lines).encode()})


@_FUZZ
@given(st.lists(st.integers(0, len(STATION) - 1), max_size=4), st.text(max_size=3))
def test_a_sound_station_with_holes_in_it(holes: list[int], plug: str) -> None:
    text = STATION
    for hole in holes:
        text = text[:hole] + plug + text[hole + 1 :]
    _load({"station.yaml": text.encode("utf-8", "replace")})
