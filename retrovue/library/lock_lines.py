"""The lock as ingest needs it: its lines, of which only those that somebody asks for become assets.

A line that ingest wrote itself, and remembers (``retrovue.library.known_files``), is sound; all others are
checked when they are read. So a lock of a hundred thousand assets of which none has changed is read for what
it takes to hash it.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping
from hashlib import blake2b
from json import JSONDecoder
from pathlib import Path

from retrovue.library.catalog import Asset
from retrovue.library.lock import (
    collection_of,
    lock_files,
    numbered,
    parse_line,
    reading,
    render_line,
    twice,
)

_DECODER = JSONDecoder()
_KEY, _PATH = len('{"key":'), len(',"path":')


def line_of(asset: Asset) -> bytes:
    """Its line of the lock, without the newline; pure."""
    return render_line(asset).encode()


def line_hash(line: bytes) -> bytes:
    """16 bytes by which a line is known again; pure."""
    return blake2b(line, digest_size=16).digest()


class LockLines(Mapping[str, Asset]):
    """The lines of a lock by id; each is made an asset when it is asked for."""

    def __init__(self, lines: Mapping[str, bytes] | None = None) -> None:
        """``lines`` are as ``line_of`` writes them."""
        self._lines = dict(lines or {})

    def __getitem__(self, asset_id: str) -> Asset:
        return parse_line(asset_id.partition("/")[0], self._lines[asset_id].decode())

    def __iter__(self) -> Iterator[str]:
        return iter(self._lines)

    def __len__(self) -> int:
        return len(self._lines)

    def __contains__(self, asset_id: object) -> bool:
        return asset_id in self._lines

    def line(self, asset_id: str) -> bytes | None:
        """``None`` for an asset that is not there."""
        return self._lines.get(asset_id)

    def paths(self) -> Iterator[tuple[str, str]]:
        """Id and path of each."""
        for asset_id, line in self._lines.items():
            yield asset_id, _key_and_path(line.decode())[1]

    def files(self, collections: Iterable[str] = ()) -> Iterator[tuple[str, bytes]]:
        """Name and content of each file of the lock that has these lines, in order.

        ``collections`` have a file each, though they have no line.
        """
        keys: dict[str, list[str]] = {collection: [] for collection in collections}
        for asset_id in self._lines:
            collection, _, key = asset_id.partition("/")
            keys.setdefault(collection, []).append(key)
        for collection, listed in sorted(keys.items()):
            lines = (self._lines[f"{collection}/{key}"] for key in sorted(listed))
            yield f"{collection}.jsonl", b"".join(line + b"\n" for line in lines)


def lines_of(assets: Iterable[Asset]) -> LockLines:
    """Pure."""
    return LockLines({asset.id: line_of(asset) for asset in assets})


def read_lines(station_folder: Path, sound: Container[bytes] = frozenset()) -> LockLines:
    """The lock of a station; empty when it has none yet. ``sound``: hashes of lines that need no checking.

    Raises ``LockError``.
    """
    lines: dict[str, bytes] = {}
    for file in lock_files(station_folder):
        with reading(file):
            text = file.read_text(encoding="utf-8")
        collection = collection_of(file.name)
        for where, line in numbered(file.name, text.split("\n")):
            content = line.encode()
            if line_hash(content) in sound:
                key = _key_and_path(line)[0]
            else:
                asset = parse_line(collection, line, where)
                key, content = asset.key, line_of(asset)
            asset_id = f"{collection}/{key}"
            if lines.get(asset_id, content) != content:
                raise twice(where, key)
            lines[asset_id] = content
    return LockLines(lines)


def _key_and_path(line: str) -> tuple[str, str]:
    """Of a line as ``line_of`` writes it, which begins with these."""
    key, end = _DECODER.raw_decode(line, _KEY)
    return key, _DECODER.raw_decode(line, end + _PATH)[0]
