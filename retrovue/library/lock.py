"""The catalog lock: a committed folder of text that holds everything a schedule may depend on.

``catalog.lock/`` has one file per collection and in it one asset a line, sorted by key, so that a
review shows what arrived and what left. Each line is a JSON object with its keys in a fixed order
and every default left out; a line that does not say otherwise is ``ready`` and approved. What differs
from one copy of the same file to the next (size, time of modification) is not in it.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from retrovue.credits import JOBS
from retrovue.errors import RetroVueError
from retrovue.library.catalog import (
    FLIGHT,
    LOCK_FOLDER,
    MOST_NUMBER,
    MOST_YEAR,
    PARTS,
    Asset,
    AssetState,
    Catalog,
    flight_word,
    spelt,
)

FOLDER = LOCK_FOLDER
_SUFFIX = ".jsonl"
#: What a file's name ends in that is not written whole yet.
_NEW = ".new"
_SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_DATE = r"^(\d{4}-\d{2}-\d{2})?$"
_WINDOW = r"^([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d$"
_FRACTION = r"^([1-9]\d*/[1-9]\d*)?$"
#: What git puts around the two sides of a merge that it leaves to people.
_MERGE = ("<<<<<<<", "=======", "|||||||", ">>>>>>>")
_IN_JSON = re.compile(r" at line 1 column (\d+)$")


class LockError(RetroVueError):
    """The lock can't be read, and then the message begins with file:line, or can't be written."""

    def __init__(self, said: str, help: str = "", where: str = "", column: int = 1) -> None:
        """``where``: "catalog.lock/films.jsonl:12", or the file alone; ``column``: of what is wrong."""
        super().__init__(f"{where}: {said}" if where else said, help)
        self.said, self.where, self.column = said, where, column


class _Audio(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    codec: str = ""
    channels: int = Field(default=0, ge=0)
    language: str = ""
    default: bool = False
    commentary: bool = False
    loudness: float | None = None
    peak: float | None = None
    lost_3: float = Field(default=0.0, ge=0)
    lost_6: float = Field(default=0.0, ge=0)


class _Subtitle(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    codec: str = ""
    language: str = ""
    forced: bool = False
    stream: int = Field(default=0, ge=0)
    path: str = ""

    @model_validator(mode="after")
    def _is_inside(self) -> Self:
        _refuse_outside(self.path)
        return self


class _Credit(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    job: str
    name: str = Field(min_length=1)
    role: str = ""

    @field_validator("job")
    @classmethod
    def _is_known(cls, job: str) -> str:
        if job not in JOBS:
            raise ValueError(f"{job!r} is none of {', '.join(JOBS)}")
        return job


class _Line(BaseModel):
    """One line of the lock. The order of the fields is the order in which they are written."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    key: str = Field(min_length=1)
    path: str = Field(min_length=1)
    state: AssetState = AssetState.READY
    approved: bool = True
    revoked: bool = False
    title: str = ""
    series: str = ""
    season: int | None = Field(default=None, ge=0, le=MOST_NUMBER)
    episode: int | None = Field(default=None, ge=0, le=MOST_NUMBER)
    year: int | None = Field(default=None, ge=0, le=MOST_YEAR)
    date: str = Field(default="", pattern=_DATE)
    duration_us: int = Field(default=0, ge=0)
    frames: int = Field(default=0, ge=0)
    rate: str = Field(default="", pattern=_FRACTION)
    marks_us: tuple[int, ...] = ()
    width: int = Field(default=0, ge=0)
    height: int = Field(default=0, ge=0)
    sar: str = Field(default="1/1", pattern=_FRACTION)
    interlaced: bool = False
    field_order: Literal["", "tff", "bff"] = ""
    primaries: str = ""
    transfer: str = ""
    matrix: str = ""
    picture_us: int = Field(default=0, ge=0)
    fit: Literal["", "letterbox", "crop", "stretch"] = ""
    video_codec: str = ""
    audio_codec: str = ""
    audio_channels: int = Field(default=0, ge=0)
    audio: tuple[_Audio, ...] = ()
    subtitles: tuple[_Subtitle, ...] = ()
    rating: str = ""
    tags: tuple[str, ...] = ()
    dayparts: tuple[Annotated[str, Field(pattern=_WINDOW)], ...] = ()
    advertiser: str = ""
    category: str = ""
    description: str = ""
    artwork: tuple[str, ...] = ()
    credits: tuple[_Credit, ...] = ()
    extra: Mapping[str, str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _is_sound(self) -> Self:
        for path in (self.path, *self.artwork):
            _refuse_outside(path)
        if self.state is AssetState.READY and not self.duration_us:
            raise ValueError("an asset that is ready has a duration")
        for word in self.extra.get(FLIGHT, "").split():
            flight_word(word)
        marks = (0, *self.marks_us, self.duration_us or 1)
        if self.marks_us and any(a >= b for a, b in pairwise(marks)):
            raise ValueError("marks_us must ascend and lie between the start and the end")
        return self


def _refuse_outside(path: str) -> None:
    if path.startswith("/") or "\0" in path or (".." in path and ".." in path.split("/")):
        raise ValueError(f"path {path!r} leaves the collection")


_FIELDS = tuple(_Line.model_fields)
_DEFAULTS: Mapping[str, Any] = {
    name: f.get_default(call_default_factory=True) for name, f in _Line.model_fields.items()
}


def render_line(asset: Asset) -> str:
    """The asset's line, without the newline; pure."""
    values: dict[str, Any] = {}
    for name in _FIELDS:
        value = getattr(asset, name)
        if name in ("key", "path") or value != _DEFAULTS[name]:
            values[name] = (
                dict(sorted(value.items()))
                if name == "extra"
                else [spelt(part) for part in value]
                if name in PARTS
                else value
            )
    return json.dumps(values, ensure_ascii=False, separators=(",", ":"))


def render_lock(assets: Iterable[Asset]) -> dict[str, str]:
    """The text of each file by its name, collections and keys in order; pure.

    Raises ``ValueError`` when two assets have one identity or a collection's name is no slug.
    """
    lines: dict[str, dict[str, str]] = {}
    for asset in assets:
        if not _SLUG.fullmatch(asset.collection):
            raise ValueError(f"{asset.collection!r} is no collection's slug")
        if asset.key in (of_collection := lines.setdefault(asset.collection, {})):
            raise ValueError(f"two assets are {asset.id!r}")
        of_collection[asset.key] = render_line(asset)
    return {
        collection + _SUFFIX: "".join(line + "\n" for _, line in sorted(of_collection.items()))
        for collection, of_collection in sorted(lines.items())
    }


def make_catalog(assets: Iterable[Asset]) -> Catalog:
    """The catalog that reading back the lock of ``assets`` would give; pure."""
    files = render_lock(assets)
    return _catalog(asset for name, text in files.items() for asset in parse_file(name, text))


def parse_file(name: str, text: str) -> list[Asset]:
    """The assets in one file of the lock; pure. Raises ``LockError``."""
    # Not splitlines(): a title may hold U+2028, which JSON need not escape.
    return list(parse_lines(name, text.split("\n")))


def parse_lines(name: str, lines: Iterable[str]) -> Iterator[Asset]:
    """The assets in one file of the lock, as its lines come; pure. Raises ``LockError``.

    A line that is there twice as it stands counts once: git leaves it so when two branches found the same.
    """
    known: dict[str, int] = {}  # a hash of each line: there may be a million
    count = 0
    for where, line in numbered(name, lines):
        asset = parse_line(collection_of(name), line, where)
        mark = hash(line.strip())
        if known.setdefault(asset.key, mark) != mark:
            raise twice(where, asset.key)
        if len(known) > count:
            count = len(known)
            yield asset


def faults(name: str, lines: Iterable[str]) -> Iterator[tuple[str, LockError]]:
    """Everything that is wrong in one file of the lock, each with its line; pure."""
    known: dict[str, int] = {}
    merging = False  # both sides of a merge have the same keys, which is no second mistake
    for number, line in enumerate(lines, start=1):
        in_merge, merging = (
            merging,
            (merging or line.startswith(_MERGE[0])) and not line.startswith(_MERGE[-1]),
        )
        try:
            for where, text in numbered(name, [line], number):
                key = parse_line(collection_of(name), text, where).key
                mark = hash(text.strip())
                if known.setdefault(key, mark) != mark and not in_merge:
                    raise twice(where, key)
        except LockError as error:
            if not (in_merge and line.startswith(_MERGE)):
                yield line, error
            if not error.where.endswith(f":{number}"):
                return  # it is the file's


def numbered(name: str, lines: Iterable[str], first: int = 1) -> Iterator[tuple[str, str]]:
    """Where each line is, and the line; empty ones are left out. ``first``: number of the first.

    Pure. Raises ``LockError``.
    """
    collection = collection_of(name)
    if not _SLUG.fullmatch(collection):
        said = f"{collection!r} is no collection's slug"
        raise LockError(said, help="delete the file", where=f"{FOLDER}/{name}")
    for number, line in enumerate(lines, start=first):
        if not line.strip():
            continue
        where = f"{FOLDER}/{name}:{number}"
        if line.startswith(_MERGE):
            raise LockError(
                "a merge was left unfinished here",
                help="keep the lines of both sides, then run retrovue ingest",
                where=where,
            )
        yield where, line


def collection_of(name: str) -> str:
    """Of a file of the lock."""
    return name.removesuffix(_SUFFIX)


def twice(where: str, key: str) -> LockError:
    """What is said of a key that an earlier line has."""
    return LockError(
        f"the key {key!r} was on an earlier line",
        help="they differ, and one is wrong: delete that",
        where=where,
    )


def parse_line(collection: str, line: str, where: str = "here") -> Asset:
    """The asset on one line; pure. Raises ``LockError`` that begins with ``where``."""
    try:
        values = _Line.model_validate_json(line.rstrip("\r\n"))
    except ValidationError as error:
        said, column = _first_fault(error, line)
        raise LockError(
            said, help="mend the line or delete it, then run retrovue ingest", where=where, column=column
        ) from None
    fields = dict(values.__dict__)
    for name, kind in PARTS.items():
        if fields[name]:
            fields[name] = tuple(kind(**part.__dict__) for part in fields[name])
    return Asset(collection=collection, **fields)


def _first_fault(error: ValidationError, line: str) -> tuple[str, int]:
    """In words, and its column."""
    fault = error.errors()[0]
    place = ".".join(str(step) for step in fault["loc"])
    if fault["type"] == "json_invalid":
        said = fault["msg"].removeprefix("Invalid JSON: ")
        if (at := _IN_JSON.search(said)) is None:
            return f"this line is damaged: {said}", 1
        before = line.encode("utf-8", "surrogatepass")[: int(at[1]) - 1]  # it counts bytes
        column = len(before.decode("utf-8", "ignore")) + 1
        return f"this line is damaged: {said[: at.start()]} at column {column}", column
    if not place:
        return fault["msg"].removeprefix("Value error, "), 1
    return f"{place}: {fault['msg']}", line.find(json.dumps(fault["loc"][0])) + 1 or 1


def _catalog(assets: Iterable[Asset]) -> Catalog:
    by_id = {asset.id: asset for asset in assets}
    texts = render_lock(by_id.values())
    hashes = {name: hashlib.sha256(text.encode()).hexdigest() for name, text in texts.items()}
    return Catalog(dict(sorted(by_id.items())), lock_hash(hashes))


def lock_hash(hashes: Mapping[str, str]) -> str:
    """The catalog's content hash, from the sha256 of the text of each file by its name; pure.

    The text is as ``render_lock`` writes it: line ends and the order of lines don't matter.
    """
    return hashlib.sha256("".join(f"{n}\n{h}\n" for n, h in sorted(hashes.items())).encode()).hexdigest()


def lock_files(station_folder: Path) -> list[Path]:
    """The files of the station's lock, in order of name; none when it has none yet. Raises ``LockError``."""
    folder = station_folder / FOLDER
    try:
        names = [file.name for file in folder.iterdir()]  # in one that may not be read a glob finds none
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise LockError(f"{folder} can't be read: {error.strerror}", help="let this user read it") from None
    return [folder / name for name in sorted(names) if name.endswith(_SUFFIX) and not name.startswith(".")]


def read_lock(station_folder: Path) -> Catalog:
    """The catalog of a station; empty when it has no lock yet. Raises ``LockError``.

    The hash is over the lock as it would be written: line ends and the order of lines don't matter.
    """
    assets: list[Asset] = []
    for file in lock_files(station_folder):
        with reading(file):
            text = file.read_text(encoding="utf-8")
        assets.extend(parse_file(file.name, text))
    return _catalog(assets)


@contextmanager
def reading(file: Path) -> Iterator[None]:
    """Raise ``LockError`` for a file of the lock that can't be read."""
    try:
        yield
    except UnicodeDecodeError:
        raise LockError("this file is not UTF-8 text", where=f"{FOLDER}/{file.name}:1") from None
    except OSError as error:
        raise LockError(str(error.strerror), where=f"{FOLDER}/{file.name}") from None


def write_lock(station_folder: Path, assets: Iterable[Asset]) -> list[str]:
    """Make the lock hold exactly ``assets``; returns the names of the files that changed.

    Each file is replaced whole or not at all; a file that is already right is not touched. Empty ones stay:
    they say that a collection was looked through.
    """
    empty = {file.name: "" for file in lock_files(station_folder) if not file.stat().st_size}
    texts = sorted({**empty, **render_lock(assets)}.items())
    return write_files(station_folder, ((name, text.encode()) for name, text in texts))


def write_files(
    station_folder: Path, files: Iterable[tuple[str, bytes]], only_look: bool = False
) -> list[str]:
    """Make the lock hold exactly these files; returns the names of those that were not so, in order.

    ``only_look``: change nothing. Raises ``LockError`` when they can't be written.
    """
    folder = station_folder / FOLDER
    stale, wanted = [], set()
    for half in () if only_look else folder.glob(f".*{_SUFFIX}{_NEW}"):  # of a process that was killed
        with _writing(half):
            half.unlink(missing_ok=True)
    for name, content in files:
        wanted.add(name)
        file = folder / name
        if not file.is_file() or file.read_bytes() != content:
            stale.append(name)
            if not only_look:
                with _writing(folder):
                    folder.mkdir(exist_ok=True)
                with _writing(file):
                    replace_file(file, content)
    for file in lock_files(station_folder):
        if file.name not in wanted:
            stale.append(file.name)
            if not only_look:
                with _writing(file):
                    file.unlink()
    return sorted(stale)


@contextmanager
def _writing(file: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise LockError(
            f"{file} can't be written: {error.strerror}",
            help="make room, or let this user write there; then do it again",
        ) from None


def replace_file(file: Path, content: bytes) -> None:
    """Write ``file`` so that a reader, or a crash, sees the old content or the new, never half."""
    half = file.with_name(f".{file.name}{_NEW}")
    try:
        with half.open("wb") as out:
            out.write(content)
            out.flush()
            os.fsync(out.fileno())
        half.replace(file)
    except OSError:
        with suppress(OSError):
            half.unlink()
        raise
