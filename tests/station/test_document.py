"""YAML trees: text as written, and exact places."""

from __future__ import annotations

from dataclasses import fields, is_dataclass

from retrovue.diagnostics import Span
from retrovue.station.document import Mapping, Scalar, Sequence, parse, plain


def _one(text: str) -> Mapping:
    parsed = parse("x.yaml", text)
    assert parsed.diagnostics == ()
    (document,) = parsed.documents
    return document.root


def test_scalars_keep_their_text() -> None:
    root = _one("a: 5.10\nb: 06:00\nc: yes\nd: 2026-01-01\ne: 0x10\nf: '5'\ng: 1_000\nh: 010\n")
    assert plain(root) == {
        "a": "5.10",
        "b": "06:00",
        "c": "yes",
        "d": "2026-01-01",
        "e": "0x10",
        "f": "5",
        "g": "1_000",
        "h": "010",
    }


def test_nothing_is_none() -> None:
    assert plain(_one("a:\nb: ~\nc: null\nd: ''\n")) == {"a": None, "b": None, "c": None, "d": ""}


def test_keys_and_values_have_exact_places() -> None:
    root = _one("# remark\nplan: x\nzones:\n  - zone: A B   # remark\n    at: {'20:00': x}\n\n\n")
    key, zones = root.entries["zones"]
    assert key == Span("x.yaml", 3, 1, 3, 6)
    assert isinstance(zones, Sequence)
    assert (zones.span.end_line, zones.span.end_column) == (5, 21)
    (zone,) = zones.items
    assert isinstance(zone, Mapping)
    assert zone.entries["zone"][1].span == Span("x.yaml", 4, 11, 4, 14)
    at = zone.entries["at"][1]
    assert at.span == Span("x.yaml", 5, 9, 5, 21)
    assert isinstance(at, Mapping)
    assert at.entries["20:00"][0] == Span("x.yaml", 5, 10, 5, 17)


def test_columns_count_characters() -> None:
    root = _one("title: 日本語 # x\nb: {é: 1}\n")
    assert root.entries["title"][1].span == Span("x.yaml", 1, 8, 1, 11)


def test_documents_of_a_file_keep_their_lines() -> None:
    parsed = parse("x.yaml", "---\na: 1\n--- # second\n\nb: 2\n...\n---\nc: 3\n")
    assert [d.root.head().line for d in parsed.documents] == [2, 5, 8]
    assert parsed.diagnostics == ()


def test_windows_line_ends_and_a_byte_order_mark() -> None:
    parsed = parse("x.yaml", "a: 1\r\nb: 2\r\n---\r\nc: 3\r\n")
    assert [plain(d.root) for d in parsed.documents] == [{"a": "1", "b": "2"}, {"c": "3"}]
    assert parsed.documents[1].root.head() == Span("x.yaml", 4, 1, 4, 5)


def test_a_directive_belongs_to_the_document_after_it() -> None:
    parsed = parse("x.yaml", "%YAML 1.2\n---\na: yes\n")
    assert [plain(d.root) for d in parsed.documents] == [{"a": "yes"}]
    assert parsed.documents[0].root.head().line == 3


def test_a_broken_document_leaves_the_others_standing() -> None:
    parsed = parse("x.yaml", "a: 1\n---\nb: [\n---\nc: 3\n---\nd: 'x\n")
    assert [plain(d.root) for d in parsed.documents] == [{"a": "1"}, {"c": "3"}]
    assert [(d.code, d.span and d.span.line) for d in parsed.diagnostics] == [
        ("yaml-syntax", 3),
        ("yaml-syntax", 7),
    ]


def test_an_alias_has_the_place_of_its_anchor() -> None:
    root = _one("a: &x {k: 1}\nb: *x\n")
    assert root.entries["b"][1].span.line == 1
    assert plain(root) == {"a": {"k": "1"}, "b": {"k": "1"}}


def test_a_merge_adds_what_is_not_there() -> None:
    root = _one("base: &b {k: 1, l: 2}\nc:\n  <<: *b\n  l: 3\nd: {<<: [*b, {k: 9, m: 4}]}\n")
    values = plain(root)
    assert values["c"] == {"k": "1", "l": "3"}
    assert values["d"] == {"k": "1", "l": "2", "m": "4"}
    c = root.entries["c"][1]
    assert isinstance(c, Mapping)
    assert c.entries["k"][0].line == 1
    assert isinstance(c.entries["l"][1], Scalar)
    assert c.entries["l"][1].span.line == 4


def test_a_block_of_text_is_pointed_at_by_its_sign() -> None:
    root = _one("a: |\n  one\n  two\nb: 1\n")
    assert root.entries["a"][1].span == Span("x.yaml", 1, 4, 1, 5)
    assert plain(root)["a"] == "one\ntwo\n"


def test_folded_text_is_one_line_a_paragraph() -> None:
    (document,) = parse("a.yaml", "a: >-\n  one two\n  three\n\n  four\nb: |\n  x\n  y\n").documents
    assert plain(document.root) == {"a": "one two three\nfour", "b": "x\ny\n"}


def test_a_character_may_be_escaped_as_json_does() -> None:
    parsed = parse("x.yaml", 'title: "\\ud83d\\ude00"\n"k\\ud800": x\n')
    (document,) = parsed.documents
    assert document.root.entries["title"][1] == Scalar(Span("x.yaml", 1, 8, 1, 22), "\U0001f600")
    assert [d.headline for d in parsed.diagnostics] == ["half a character stands here"]


def test_trees_say_what_they_hold_as_dataclasses_do() -> None:
    """Word for word: their text is hashed."""

    def said(value: object) -> str:
        if isinstance(value, dict):
            return "{" + ", ".join(f"{key!r}: {said(kept)}" for key, kept in value.items()) + "}"
        if isinstance(value, tuple):
            return "(" + ", ".join(map(said, value)) + ("," if len(value) == 1 else "") + ")"
        if is_dataclass(value):
            words = ", ".join(f"{field.name}={said(getattr(value, field.name))}" for field in fields(value))
            return f"{type(value).__name__}({words})"
        return repr(value)

    parsed = parse("it's.yaml", "a: [1, 'x \"y', { b: }]\nc:\n  - d: é\n")
    assert repr(parsed.documents) == said(parsed.documents)
    assert 'Sequence(span=Span(file="it\'s.yaml", line=1, ' in repr(parsed.documents)
