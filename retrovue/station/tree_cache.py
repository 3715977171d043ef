"""What was read stays read: the value trees of a large station's files, kept between two commands.

Composing YAML with exact places is most of the work of ``retrovue check``. A file whose text was read before
is not composed again: its tree is kept under the SHA-256 of the text. One cache file holds one station
folder; it is written whole and renamed, so two commands at once can't mix; its first line has the version
and the digest of the rest, so a damaged or foreign one is read as an empty one. It holds JSON, never code.
Only sound files are kept: what has a finding is read anew and found again.
"""

from __future__ import annotations

import contextlib
import json
from hashlib import sha256
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

from retrovue import __version__
from retrovue.diagnostics import Span
from retrovue.station.document import Document, Mapping, Node, Parsed, Scalar, Sequence, parse

#: Changes whenever trees or their spelling here do.
_FORMAT = 1
#: A smaller station (bytes of YAML) is read as quickly without.
SMALL = 100_000


class TreeCache:
    """The trees of one station folder; ``None`` as ``folder`` of caches keeps nothing."""

    def __init__(self, caches: Path | None, station_folder: Path) -> None:
        name = sha256(str(station_folder.resolve()).encode()).hexdigest()[:32]
        self._path = None if caches is None else caches / f"{name}.trees"
        self._kept: dict[str, list[Any]] | None = None
        self._used: dict[str, list[Any]] = {}
        self._new = False

    def parse(self, file: str, text: str) -> Parsed:
        """``document.parse``, or what it made of the same text before."""
        if self._path is None:
            return parse(file, text)
        if self._kept is None:
            self._kept = self._read(self._path)
        key = sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
        trees = self._kept.get(key)
        if trees is not None:
            self._used[key] = trees
            return Parsed(tuple(Document(file, _mapping(tree, file)) for tree in trees), ())
        parsed = parse(file, text)
        if not parsed.diagnostics and not parsed.unparsed:
            self._used[key] = [_spell(document.root) for document in parsed.documents]
            self._new = True
        return parsed

    def save(self) -> None:
        """Keep what was used this time, if anything changed. Never raises: a cache is no promise."""
        if self._path is None or not (self._new or len(self._used) != len(self._kept or ())):
            return
        body = json.dumps(self._used, separators=(",", ":"), ensure_ascii=False).encode(
            "utf-8", "surrogatepass"
        )
        half = None
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with NamedTemporaryFile(dir=self._path.parent, suffix=".new", delete=False) as out:
                half = Path(out.name)
                out.write(_head(body) + body)
            half.replace(self._path)
        except OSError:
            if half is not None:
                with contextlib.suppress(OSError):
                    half.unlink()

    @staticmethod
    def _read(path: Path) -> dict[str, list[Any]]:
        try:
            head, _, body = path.read_bytes().partition(b"\n")
            if head + b"\n" != _head(body):
                return {}
            kept = json.loads(body)
        except (OSError, ValueError, RecursionError):
            return {}
        return kept if isinstance(kept, dict) else {}


def _head(body: bytes) -> bytes:
    return f"retrovue {__version__} trees {_FORMAT} {sha256(body).hexdigest()}\n".encode()


# A scalar is [line, column, end line, end column, text or null], a sequence the same with a list of nodes, a
# mapping with {key: [the key's four numbers, node]}: the fifth value says what it is.


def _spell(node: Node) -> list[Any]:
    span = node.span
    at: list[Any] = [span.line, span.column, span.end_line, span.end_column]
    if isinstance(node, Scalar):
        return [*at, node.text]
    if isinstance(node, Sequence):
        return [*at, [_spell(item) for item in node.items]]
    return [
        *at,
        {
            key: [place.line, place.column, place.end_line, place.end_column, _spell(value)]
            for key, (place, value) in node.entries.items()
        },
    ]


def _node(tree: list[Any], file: str) -> Node:
    a, b, c, d, value = tree
    if value is None or type(value) is str:
        return Scalar(Span(file, a, b, c, d), value)
    if type(value) is list:
        return Sequence(Span(file, a, b, c, d), tuple([_node(item, file) for item in value]))
    return _mapping(tree, file)


def _mapping(tree: list[Any], file: str) -> Mapping:
    a, b, c, d, entries = tree
    return Mapping(
        Span(file, a, b, c, d),
        {
            key: (Span(file, line, column, end_line, end_column), _node(value, file))
            for key, (line, column, end_line, end_column, value) in entries.items()
        },
    )
