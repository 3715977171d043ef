"""ruamel's nodes and errors become our trees and diagnostics; what ``document.parse`` reads YAML with."""

from __future__ import annotations

import re
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, ScalarNode, SequenceNode
from ruamel.yaml.reader import ReaderError

from retrovue.diagnostics import Diagnostic, Label, Span
from retrovue.station.document import LINE_BREAK, Mapping, Node, Scalar, Sequence, Unreadable, misread

#: Values in one document, aliases counted as often as they are used: a guard against YAML bombs.
MAX_VALUES = 100_000
#: Levels of nesting; the language itself needs seven.
MAX_DEPTH = 40

_YAML_ORG = "tag:yaml.org,2002:"
_TAGS = frozenset({"str", "int", "float", "bool", "null", "timestamp", "map", "seq", "merge", "value"})


class Composer:
    """Composes one document and turns ruamel's nodes into ours."""

    def __init__(self, file: str, lines_before: int) -> None:
        self._file = file
        self._before = lines_before
        self._values = 0
        self.diagnostics: list[Diagnostic] = []

    def compose(self, text: str) -> list[Node]:
        yaml = YAML(typ="safe", pure=True)
        yaml.composer.warn_double_anchors = False
        try:
            return [self._node(node, frozenset(), 0) for node in yaml.compose_all(text)]
        except ReaderError as error:
            place = self._at(text, error.position)
            message = f"the character U+{ord(text[error.position]):04X} may not stand in YAML"
            raise Unreadable(misread("yaml-syntax", message, place, help="delete it")) from None
        except MarkedYAMLError as error:
            raise Unreadable(self._syntax(error, text)) from None
        except RecursionError:
            raise Unreadable(
                misread("yaml-depth", "this document is nested too deeply", self._at(text, 0))
            ) from None
        except (YAMLError, ValueError, AssertionError, TypeError, AttributeError, IndexError, KeyError) as e:
            # ruamel trips over some malformed directives and tags with plain Python errors.
            message = f"this is not YAML ({str(e).splitlines()[0] if str(e) else type(e).__name__})"
            raise Unreadable(misread("yaml-syntax", message, self._at(text, 0))) from None

    def _node(self, node: Any, above: frozenset[int], depth: int) -> Node:
        span = self._span(node.start_mark, node.end_mark)
        self._values += 1
        if id(node) in above:
            raise Unreadable(misread("yaml-alias", "this alias contains itself", span))
        if self._values > MAX_VALUES:
            raise Unreadable(
                misread("yaml-alias", f"aliases blow this document up to over {MAX_VALUES} values", span)
            )
        if depth > MAX_DEPTH:
            raise Unreadable(misread("yaml-depth", "this document is nested too deeply", span))
        tag = str(node.tag)
        if not (tag.startswith(_YAML_ORG) and tag.removeprefix(_YAML_ORG) in _TAGS):
            self._add("yaml-tag", f"the tag {tag.replace(_YAML_ORG, '!!')} means nothing here", span)
        above |= {id(node)}
        if isinstance(node, SequenceNode):
            items = tuple(self._node(item, above, depth + 1) for item in node.value)
            return Sequence(_shrink(span, node, items[-1].span if items else None), items)
        if isinstance(node, MappingNode):
            return self._mapping(node, span, above, depth)
        assert isinstance(node, ScalarNode)
        text = None if tag == _YAML_ORG + "null" else self._text(str(node.value), span)
        return Scalar(_shrink_block(span, node), text)

    def _text(self, text: str, span: Span) -> str:
        r"""The text, ``"\ud83d\ude00"`` as the one character that JSON means by it; a half alone is told."""
        if not _HALF.search(text):
            return text
        whole = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
        if whole.count("\ufffd") > text.count("\ufffd"):
            self._add("yaml-syntax", "half a character stands here", span, help="write the character itself")
        return whole

    def _mapping(self, node: Any, span: Span, above: frozenset[int], depth: int) -> Mapping:
        entries: dict[str, tuple[Span, Node]] = {}
        merged: dict[str, tuple[Span, Node]] = {}
        last: Span | None = None
        for key_node, value_node in node.value:
            key_span = self._span(key_node.start_mark, key_node.end_mark)
            if not isinstance(key_node, ScalarNode):
                self._add("not-a-mapping", "a key must be a word, not a list or a mapping", key_span)
                continue
            value = self._node(value_node, above, depth + 1)
            if isinstance(value, Scalar) and value.text is None and _is_point(value.span):
                value = Scalar(key_span, None)  # nothing is written: the key is all there is to point at
            last = max(value.span, key_span, key=lambda s: (s.end_line, s.end_column))
            if str(key_node.tag) == _YAML_ORG + "merge":
                for source in value.items if isinstance(value, Sequence) else (value,):
                    if isinstance(source, Mapping):
                        merged = {**source.entries, **merged}
                    else:
                        self._add("yaml-alias", "“<<” merges mappings only", key_span)
                continue
            key = self._text(str(key_node.value), key_span)
            if key in entries:
                self._add(
                    "duplicate-key",
                    f"“{key}” stands twice in this mapping",
                    key_span,
                    labels=(Label(entries[key][0], "first here"),),
                    help="keep one of them",
                )
                continue
            entries[key] = (key_span, value)
        return Mapping(_shrink(span, node, last), {**merged, **entries})

    def _add(
        self, code: str, headline: str, span: Span, labels: tuple[Label, ...] = (), help: str = ""
    ) -> None:
        self.diagnostics.append(misread(code, headline, span, labels=labels, help=help))

    def _span(self, start: Any, end: Any) -> Span:
        return Span(
            self._file,
            self._before + start.line + 1,
            start.column + 1,
            self._before + end.line + 1,
            end.column + 1,
        )

    def _at(self, text: str, index: int) -> Span:
        breaks = [m.end() for m in LINE_BREAK.finditer(text, 0, index)]
        line = self._before + len(breaks) + 1
        column = index - (breaks[-1] if breaks else 0) + 1
        return Span(self._file, line, column, line, column + 1)

    def _syntax(self, error: MarkedYAMLError, text: str) -> Diagnostic:
        problem = str(error.problem or error.context or "this is not YAML")
        mark = error.problem_mark or error.context_mark
        index = 0 if mark is None else min(mark.index, len(text))
        begun = index if error.context_mark is None else min(error.context_mark.index, len(text))
        if text[index : index + 1] == "\t" and "start any token" in problem:
            return misread(
                "yaml-tab",
                "a tab stands where YAML wants spaces",
                self._at(text, index),
                help="indent with spaces: two a level",
            )
        if "end of stream" in problem or "<stream end>" in problem:
            # The end of the file is no help: show what was opened, else the last thing that is there.
            index = begun if begun < index else max(0, len(text.rstrip()) - 1)
            begun = index
        headline, advice = next(
            ((headline, advice) for pattern, headline, advice in _SYNTAX if pattern in problem), (problem, "")
        )
        labels = (Label(self._at(text, begun), "it begins here"),) if begun != index else ()
        return misread("yaml-syntax", headline, self._at(text, index), labels=labels, help=advice)


#: The halves of a character beyond U+FFFF, as JSON escapes them.
_HALF = re.compile("[\ud800-\udfff]")

#: What ruamel says → what a person can use.
_SYNTAX = (
    (
        "mapping values are not allowed here",
        "a “key:” can't stand here",
        "put text with a colon in it in quotes, and check the indentation of the line above",
    ),
    (
        "could not find expected ':'",
        "this line should be “key: value”, but its colon is missing",
        "write a colon and a space after the key",
    ),
    (
        "expected <block end>",
        "the indentation fits nothing above",
        "keys of one mapping begin in the same column",
    ),
    ("found unexpected end of stream", "a quote is opened and never closed", "close it"),
    ("<stream end>", "a bracket is opened and never closed", "close it"),
    (
        "expected ',' or",
        "a comma or a closing bracket is missing before this",
        "close the bracket, or put text that has a comma or bracket in it in quotes",
    ),
    (
        "found undefined alias",
        "this alias names no anchor of the same document",
        "write “&name” before the value that is repeated; put text that begins with * in quotes",
    ),
    ("incompatible YAML document", "this is YAML of another version", "delete the %YAML line"),
    (
        "cannot start any token",
        "this character can't begin a value",
        "put the text in quotes",
    ),
)


def _is_point(span: Span) -> bool:
    return (span.line, span.column) == (span.end_line, span.end_column)


def _shrink(span: Span, node: Any, last: Span | None) -> Span:
    """A block collection's own end mark is where the next token begins: end it with its last value."""
    if node.flow_style or last is None or last.line < span.line:
        return span
    return Span(span.file, span.line, span.column, last.end_line, last.end_column)


def _shrink_block(span: Span, node: Any) -> Span:
    """A block scalar (| or >) ends at the next token: point at its sign."""
    if node.style in ("|", ">"):
        return Span(span.file, span.line, span.column, span.line, span.column + 1)
    return span
