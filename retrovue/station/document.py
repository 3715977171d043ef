"""YAML text becomes trees of values that remember where they were written.

ruamel's ``compose`` gives every key and value exact start and end marks. Scalars stay text here
(``number: 5.10`` must not become 5.1, ``06:00`` is no sexagesimal number): the models give them types.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from retrovue.diagnostics import Diagnostic, Label, Severity, Span

#: The end of a line in YAML 1.2.
LINE_BREAK = re.compile("\r\n|[\n\r]")
_DOCUMENT_START = re.compile(r"^---(?=\s|$)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Scalar:
    """A plain or quoted value; ``text`` is None for YAML's null (also nothing at all)."""

    span: Span
    text: str | None

    def __repr__(self) -> str:
        # As a dataclass's, which looks for circles.
        return f"Scalar(span={self.span!r}, text={self.text!r})"

    @property
    def place(self) -> Span:
        """Where to point at."""
        return self.span

    def below(self, step: str | int) -> Node | None:
        """The value at one step further down, if there is one."""
        return None


@dataclass(frozen=True, slots=True)
class Sequence:
    span: Span
    items: tuple[Node, ...]

    def __repr__(self) -> str:
        return f"Sequence(span={self.span!r}, items={self.items!r})"

    @property
    def place(self) -> Span:
        return self.span

    def below(self, step: str | int) -> Node | None:
        return self.items[step] if isinstance(step, int) and step < len(self.items) else None


@dataclass(frozen=True, slots=True)
class Mapping:
    span: Span
    entries: dict[str, tuple[Span, Node]]  #: key → where the key is, its value

    def __repr__(self) -> str:
        return f"Mapping(span={self.span!r}, entries={self.entries!r})"

    @property
    def place(self) -> Span:
        """A flow mapping's own place; a block mapping's first line."""
        return self.head() if self.span.line != self.span.end_line else self.span

    def below(self, step: str | int) -> Node | None:
        entry = self.entries.get(str(step))
        return None if entry is None else entry[1]

    def head(self) -> Span:
        """The first entry's line: where to point at when the whole mapping is meant."""
        for key_span, value in self.entries.values():
            if isinstance(value, Scalar) and value.span.line == key_span.line:
                return join(key_span, value.span)
            return key_span
        return self.span


Node = Scalar | Sequence | Mapping


@dataclass(frozen=True, slots=True)
class Document:
    """One YAML document that is a mapping."""

    file: str
    root: Mapping


@dataclass(frozen=True, slots=True)
class Parsed:
    """What one file holds."""

    documents: tuple[Document, ...]
    diagnostics: tuple[Diagnostic, ...]
    unparsed: tuple[str, ...] = ()  #: text of documents with a syntax error


def join(first: Span, last: Span) -> Span:
    """From the start of one span to the end of another."""
    return Span(first.file, first.line, first.column, last.end_line, last.end_column)


def plain(node: Node) -> Any:
    """The node's value in str, None, list and dict."""
    if isinstance(node, Scalar):
        return node.text
    if isinstance(node, Sequence):
        return [plain(item) for item in node.items]
    return {key: plain(value) for key, (_, value) in node.entries.items()}


def moved(node: Node, to: Callable[[Span], Span]) -> Node:
    """The same tree with every place put through ``to``."""
    if isinstance(node, Scalar):
        return Scalar(to(node.span), node.text)
    if isinstance(node, Sequence):
        return Sequence(to(node.span), tuple(moved(item, to) for item in node.items))
    return moved_mapping(node, to)


def moved_mapping(node: Mapping, to: Callable[[Span], Span]) -> Mapping:
    entries = {key: (to(place), moved(value, to)) for key, (place, value) in node.entries.items()}
    return Mapping(to(node.span), entries)


def parse(file: str, text: str) -> Parsed:
    """Every document of a file. Never raises: what can't be read is a diagnostic with its place.

    Each document is read for itself, so that a syntax error in one leaves the others standing.
    """
    from retrovue.station.compose import Composer  # here: ruamel is large, and kept trees don't need it

    documents: list[Document] = []
    diagnostics: list[Diagnostic] = []
    unparsed: list[str] = []
    for lines_before, chunk in _chunks(text):
        reader = Composer(file, lines_before)
        try:
            roots = reader.compose(chunk)
        except Unreadable as error:
            diagnostics.append(error.diagnostic)
            unparsed.append(chunk)
            continue
        diagnostics += reader.diagnostics
        for root in roots:
            if isinstance(root, Mapping):
                documents.append(Document(file, root))
            elif isinstance(root, Scalar) and not root.text:
                diagnostics.append(_empty(root.span))
            else:
                diagnostics.append(
                    misread(
                        "not-a-mapping",
                        "a document must be a mapping of keys to values",
                        root.span,
                        help='begin with a noun, like "channel: wrtv"',
                    )
                )
    if not documents and not diagnostics:
        diagnostics.append(_empty(Span(file, 1, 1, 1, 1)))
    return Parsed(tuple(documents), tuple(diagnostics), tuple(unparsed))


def _chunks(text: str) -> Iterator[tuple[int, str]]:
    """(lines before it, text) of each document; "---" at a line's start is always a document's start."""
    starts = [m.start() for m in _DOCUMENT_START.finditer(text)]
    bounds = [0, *starts, len(text)]
    lines = 0
    held = ""  # directives (%YAML) belong to the document after them
    for begin, end in pairwise(bounds):
        chunk = held + text[begin:end]
        bare = [line for line in chunk.splitlines() if line.strip() and not line.startswith("#")]
        if not bare:
            lines += len(LINE_BREAK.findall(chunk))
            held = ""
            continue
        if all(line.startswith("%") for line in bare) and end < len(text):
            held = chunk
            continue
        yield lines, chunk
        lines += len(LINE_BREAK.findall(chunk))
        held = ""


class Unreadable(Exception):
    def __init__(self, diagnostic: Diagnostic) -> None:
        super().__init__(diagnostic.headline)
        self.diagnostic = diagnostic


def misread(
    code: str, headline: str, span: Span, labels: tuple[Label, ...] = (), help: str = ""
) -> Diagnostic:
    return Diagnostic(Severity.ERROR, code, headline, span, labels=labels, help=help)


def _empty(span: Span) -> Diagnostic:
    return Diagnostic(
        Severity.WARNING, "empty-document", "nothing is written here", span, help="delete it, or write a noun"
    )
