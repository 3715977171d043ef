"""The catalog cache: a large lock made quick and small.

The text of the lock is authoritative. Beside it, in the state directory, lies one Parquet file for each
collection, named by the sha256 of the text it was made from, so that a changed collection is read anew
and the others are not. A cached catalog holds only the assets that were asked for: a station of forty
programmes needs some thousand assets of a million.

======== ======================================================================================
column   holds
======== ======================================================================================
key      the asset's key; unique
eligible may it air?
series   casefolded, as are title and genre: what a query compares
title
genre    list
tag      list
line     the asset's line of the lock
======== ======================================================================================

Rows are sorted by series and key, in small groups: whoever asks for a series reads one group or two.
"""

from __future__ import annotations

import csv
import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from retrovue.database import settings
from retrovue.library.catalog import (
    PARTS,
    Asked,
    Asset,
    AssetState,
    Catalog,
    genres,
)
from retrovue.library.lock import (
    LockError,
    lock_files,
    lock_hash,
    parse_lines,
    read_lock,
    reading,
    render_line,
)

if TYPE_CHECKING:
    import duckdb

#: The cache's folder in the state directory.
FOLDER = "catalog-cache"

#: A smaller lock (bytes) is read whole: sooner done than asking a database.
SMALL = 2_000_000

#: Changes whenever what a cache file holds does.
_VERSION = "5"
_GROUP = 4096
_SUFFIX = ".parquet"
_LISTS = ("tag", "genre")


@dataclass(frozen=True, slots=True)
class _Part:
    """One collection of the lock and its cache file."""

    collection: str
    path: Path
    text_hash: str  #: sha256 of the lock file as it would be written


def open_catalog(station_folder: Path, cache: Path, small: int = SMALL) -> Catalog:
    """The catalog of a station, the same as ``read_lock`` gives. Raises ``LockError``.

    A lock of more than ``small`` bytes is read through ``cache``, a folder that is made when it is needed;
    where it can't be written, the lock is read whole.
    """
    # An empty one is no part of the lock's hash, and nothing to be cached.
    files = [file for file in lock_files(station_folder) if not file.is_file() or file.stat().st_size]
    if sum(file.stat().st_size for file in files if file.is_file()) <= small:
        return read_lock(station_folder)
    import duckdb  # behind this: a small lock needs none

    try:
        cache.mkdir(parents=True, exist_ok=True)
        known = {p.name.partition("-")[0]: p for p in cache.glob("*" + _SUFFIX) if _is_whole(p)}
        parts = [_part(file, cache, known) for file in files]
    except (OSError, duckdb.Error):
        return read_lock(station_folder)
    _prune(cache, parts)
    return CachedCatalog(parts, lock_hash({f"{p.collection}.jsonl": p.text_hash for p in parts}))


def is_known(file: Path, cache: Path) -> bool:
    """Was this text of a file of the lock read into ``cache``, and so found sound? Raises ``LockError``."""
    try:
        return any(_is_whole(path) for path in cache.glob(f"{_name(file)}-*{_SUFFIX}"))
    except OSError:
        return False


def _part(file: Path, cache: Path, known: Mapping[str, Path]) -> _Part:
    name = _name(file)
    path = known.get(name) or _make(file, cache, name)
    return _Part(file.stem, path, path.stem.partition("-")[2])


def _name(file: Path) -> str:
    """What the cache calls this text. Raises ``LockError``."""
    with reading(file), file.open("rb") as raw:
        digest = hashlib.file_digest(raw, "sha256")
    digest.update(f"\0{file.name}\0{_VERSION}".encode())
    return digest.hexdigest()[:32]


def _is_whole(path: Path) -> bool:
    """Parquet begins and ends with its name: a file that was cut short doesn't."""
    with path.open("rb") as file:
        if file.seek(0, os.SEEK_END) < 12:
            return False
        file.seek(-4, os.SEEK_END)
        end = file.read()
        file.seek(0)
        return file.read(4) == end == b"PAR1"


def _make(file: Path, cache: Path, name: str) -> Path:
    """Read a file of the lock, line by line, into a cache file. Raises ``LockError`` for its mistakes."""
    rows, half = (cache / f".{name}.{os.getpid()}.{end}" for end in ("csv", "new"))
    try:
        text_hash = _write_rows(file, rows)
        with _connect() as connection:
            connection.execute(f"SET temp_directory = {_quoted(cache / '.spill')}")
            connection.execute(
                "COPY (SELECT key, eligible, series, title, from_json(genre, '[\"VARCHAR\"]') AS genre, "  # noqa: S608  our own path
                "from_json(tag, '[\"VARCHAR\"]') AS tag, line "
                "FROM read_csv(?, header=false, auto_detect=false, delim=',', quote='\"', escape='\"', "
                "new_line='\\n', parallel=false, max_line_size=10000000, columns={'key': 'VARCHAR', "
                "'eligible': 'BOOLEAN', 'series': 'VARCHAR', 'title': 'VARCHAR', 'genre': 'VARCHAR', "
                "'tag': 'VARCHAR', 'line': 'VARCHAR'}) ORDER BY series, key) "
                f"TO {_quoted(half)} (FORMAT parquet, COMPRESSION lz4_raw, ROW_GROUP_SIZE {_GROUP})",
                [str(rows)],
            )
            if not text_hash:  # somebody edited the lock by hand: its lines are out of order
                digest = hashlib.sha256()
                cursor = connection.execute("SELECT line FROM read_parquet(?) ORDER BY key", [str(half)])
                while lines := cursor.fetchmany(10_000):
                    digest.update("".join(f"{line}\n" for (line,) in lines).encode())
                text_hash = digest.hexdigest()
        path = cache / f"{name}-{text_hash}{_SUFFIX}"
        half.replace(path)
        return path
    finally:
        rows.unlink(missing_ok=True)
        half.unlink(missing_ok=True)


def _write_rows(file: Path, rows: Path) -> str:
    """The sha256 of the file's text as it would be written; empty when its lines are out of order."""
    digest = hashlib.sha256()
    last, ordered = "", True
    with rows.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out, lineterminator="\n", quoting=csv.QUOTE_ALL)
        for asset in parse_lines(file.name, _lines(file)):
            line = render_line(asset)
            ordered = ordered and last < asset.key
            last = asset.key
            digest.update(f"{line}\n".encode())
            writer.writerow(
                (
                    asset.key,
                    asset.eligible,
                    asset.series.casefold(),
                    asset.title.casefold(),
                    json.dumps(genres(asset), ensure_ascii=False),
                    json.dumps(asset.tags, ensure_ascii=False),
                    line,
                )
            )
    return digest.hexdigest() if ordered else ""


def _lines(file: Path) -> Iterator[str]:
    with reading(file), file.open(encoding="utf-8", newline="\n") as lines:
        yield from lines


def _prune(cache: Path, parts: Sequence[_Part]) -> None:
    """Keep the files of this lock, and as many others, the newest: another branch may need them again."""
    mine = {part.path for part in parts}
    try:
        others = [path for path in cache.glob("*" + _SUFFIX) if path not in mine]
        for old in sorted(others, key=lambda p: p.stat().st_mtime_ns, reverse=True)[len(mine) :]:
            old.unlink(missing_ok=True)
    except OSError:
        pass  # somebody else prunes at the same time


def _connect() -> duckdb.DuckDBPyConnection:
    import duckdb

    return duckdb.connect(":memory:", config=settings("512MB"))


def _quoted(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"


class CachedCatalog(Catalog):
    """A catalog that reads assets as they are asked for. It may be sent, or forked, to another process."""

    def __init__(self, parts: Sequence[_Part], content_hash: str) -> None:
        super().__init__(_Assets(parts), content_hash)

    def __reduce__(self) -> tuple[Any, ...]:
        assert isinstance(self.assets, _Assets)
        return CachedCatalog, (self.assets.parts, self.content_hash)

    def eligible(self, asked: Sequence[Asked] = ()) -> Iterable[Asset]:
        assert isinstance(self.assets, _Assets)
        return self.assets.eligible(asked)

    def having(
        self, asked: Sequence[Asked] = (), eligible: bool | None = None, said: Sequence[str] = ()
    ) -> Iterable[Asset]:
        assert isinstance(self.assets, _Assets)
        return self.assets.having(asked, eligible, said)

    def read_ahead(self, questions: Iterable[Sequence[Asked]]) -> None:
        assert isinstance(self.assets, _Assets)
        self.assets.read_ahead(questions)

    def named(self, ids: Iterable[str]) -> dict[str, Asset]:
        assert isinstance(self.assets, _Assets)
        return self.assets.named(ids)


#: Connections that a forked process got from its parent: closing one would wait for the parent's threads.
_INHERITED: list[object] = []


class _Assets(Mapping[str, Asset]):
    """Every asset of the lock by id, in order of id; an asset that was read once stays the same object."""

    def __init__(self, parts: Sequence[_Part]) -> None:
        # As ids sort: "a-b/x" comes before "a/x".
        self.parts = tuple(sorted(parts, key=lambda part: part.collection + "/"))
        self._by_collection = {part.collection: part for part in self.parts}
        self._known: dict[str, Asset | None] = {}
        #: What was read ahead: the eligible assets of a collection and a series (casefolded), and those that
        #: are lines still, for nobody has asked for them yet.
        self._series: dict[tuple[str, str], list[Asset]] = {}
        self._lines: dict[tuple[str, str], list[str]] = {}
        #: Collections that somebody asked for whole, as a pool does: a spot's rules are answered from here.
        self._whole: dict[str, Catalog] = {}
        self._connection: duckdb.DuckDBPyConnection | None = None
        self._pid = 0

    def __getitem__(self, asset_id: str) -> Asset:
        if asset_id not in self._known:
            collection, _, key = asset_id.partition("/")
            part = self._by_collection.get(collection)
            rows = self._rows(part, "WHERE key = ?", [key]) if part is not None else []
            self._known[asset_id] = next((_asset(collection, line) for (line,) in rows), None)
        asset = self._known[asset_id]
        if asset is None:
            raise KeyError(asset_id)
        return asset

    def __iter__(self) -> Iterator[str]:
        for part in self.parts:
            for (key,) in self._rows(part, "ORDER BY key", [], "key"):
                yield f"{part.collection}/{key}"

    def __len__(self) -> int:
        return sum(int(self._rows(part, "", [], "count(*)")[0][0]) for part in self.parts)

    def named(self, ids: Iterable[str]) -> dict[str, Asset]:
        """As ``Catalog.named``: one query a collection."""
        wanted: dict[str, dict[str, None]] = {}
        found: dict[str, Asset] = {}
        for asset_id in ids:
            if asset_id in self._known:
                asset = self._known[asset_id]
                if asset is not None:
                    found[asset_id] = asset
                continue
            collection, _, key = asset_id.partition("/")
            wanted.setdefault(collection, {})[key] = None
        for collection, keys in wanted.items():
            part = self._by_collection.get(collection)
            if part is None:
                continue
            these = "SEMI JOIN (SELECT unnest(?) AS key) USING (key)"
            for (line,) in self._rows(part, these, [list(keys)]):
                asset = self._kept(_asset(collection, line))
                found[asset.id] = asset
        return found

    def eligible(self, asked: Sequence[Asked]) -> Iterator[Asset]:
        """As ``Catalog.eligible``."""
        if (one := _one_series(asked)) is not None:
            if one in self._lines:
                self._series[one] = [self._kept(_asset(one[0], line)) for line in self._lines.pop(one)]
            if one in self._series:
                yield from self._series[one]
                return
        conditions, words = _conditions(asked)
        where = f"WHERE {' AND '.join(['eligible', *conditions])} ORDER BY key"
        for part in self._parts_of(asked):
            whole = self._whole.get(part.collection)
            if whole is None:
                read = [_asset(part.collection, line) for (line,) in self._rows(part, where, words)]
                found: Iterable[Asset] = map(self._kept, read)
                if not words:
                    whole = Catalog({asset.id: asset for asset in found}, "")
                    self._whole[part.collection] = whole
            yield from found if whole is None else whole.eligible(asked)

    def having(self, asked: Sequence[Asked], eligible: bool | None, said: Sequence[str]) -> Iterator[Asset]:
        """As ``Catalog.having``; what is read is not kept: it may be everything."""
        conditions, words = _conditions(asked)
        if eligible is not None:
            conditions.append("eligible" if eligible else "NOT eligible")
        where = f"WHERE {' AND '.join(conditions)}" if conditions else ""
        for part in self._parts_of(asked):
            # An id has a slash, and JSON writes some characters in another way: such words tell nothing.
            plain = [w for w in said if w.isprintable() and not {*w} & {*'/"\\'} and w not in part.collection]
            for (line,) in self._rows(part, f"{where} ORDER BY key", words):
                if plain:
                    folded = line.casefold()
                    if not all(word in folded for word in plain):
                        continue
                yield _asset(part.collection, line)

    def _parts_of(self, asked: Sequence[Asked]) -> list[_Part]:
        wanted = [frozenset(words) for name, words in asked if name == "collection"]
        return [part for part in self.parts if all(part.collection in names for names in wanted)]

    def read_ahead(self, questions: Iterable[Sequence[Asked]]) -> None:
        """All series that are asked for, in one sweep a collection: to plan a query takes longest."""
        wanted: dict[str, dict[str, None]] = {}
        for asked in questions:
            one = _one_series(asked)
            if one is None or one in self._series or one in self._lines:
                continue
            if one[0] in self._by_collection:
                wanted.setdefault(one[0], {})[one[1]] = None
        for collection, series in wanted.items():
            self._lines |= {(collection, name): [] for name in series}
            found = self._rows(
                self._by_collection[collection],
                # Constants, so that row groups which hold none of them are skipped.
                f"WHERE eligible AND series IN ({', '.join('?' * len(series))}) ORDER BY key",
                list(series),
                "series, line",
            )
            for name, line in found:
                self._lines[collection, name].append(line)

    def _kept(self, asset: Asset) -> Asset:
        kept = self._known.get(asset.id)
        if kept is None:
            kept = self._known[asset.id] = asset
        return kept

    def _rows(
        self, part: _Part, where: str, words: Sequence[Any], column: str = "line"
    ) -> list[tuple[Any, ...]]:
        import duckdb

        if self._connection is None or self._pid != os.getpid():
            _INHERITED.append(self._connection)
            self._connection, self._pid = _connect(), os.getpid()
        try:
            return self._connection.execute(
                f"SELECT {column} FROM read_parquet(?) {where}",  # noqa: S608  our own words
                [str(part.path), *words],
            ).fetchall()
        except duckdb.Error as error:
            raise LockError(
                f"the catalog cache {part.path} can't be read: {error}",
                help=f"delete the folder {part.path.parent}; it is made again from the lock",
            ) from error


def _conditions(asked: Sequence[Asked]) -> tuple[list[str], list[Any]]:
    """What is asked of a collection's rows, in SQL, and the words for it."""
    conditions: list[str] = []
    words_asked: list[Any] = []
    for name, words in asked:
        if name == "collection":
            continue
        test = f"list_has_any({name}, ?)" if name in _LISTS else f"list_contains(?, {name})"
        if len(words) == 1 and name not in _LISTS:
            test = f"{name} = ?"  # this alone skips the groups that can't hold it
        conditions.append(test)
        words_asked.append(words[0] if test.endswith("= ?") else list(words))
    return conditions, words_asked


def _one_series(asked: Sequence[Asked]) -> tuple[str, str] | None:
    """The collection and the series, where nothing else is asked for."""
    words = dict(asked)
    if len(asked) != 2 or words.keys() != {"collection", "series"}:
        return None
    if any(len(names) != 1 for names in words.values()):
        return None
    return words["collection"][0], words["series"][0]


_TUPLES = ("marks_us", "tags", "artwork", "dayparts")


def _asset(collection: str, line: str) -> Asset:
    """The asset on a line that was found sound when the cache was made."""
    values = json.loads(line)
    for name in _TUPLES:
        if name in values:
            values[name] = tuple(values[name])
    for name, kind in PARTS.items():
        if name in values:
            values[name] = tuple(kind(**part) for part in values[name])
    values["state"] = AssetState(values.get("state", AssetState.READY))
    values.setdefault("approved", True)
    return Asset(collection=collection, **values)
