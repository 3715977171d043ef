"""House copies: an asset rendered once in a house format, so that airing it costs a read; the file.

```text
 pictures of group 1 │ its sound │ group 2 │ its sound │ … │ picture table │ sound table │ label │ trailer
```

Access units and audio frames lie there exactly as they are sent. No container: a transport stream or
Matroska would have to be taken apart again for every packet, its time stamps belong to no channel, and a
second of either is scattered or padded. Here a run of groups is one read. The tables say for each access
unit and audio frame where it begins, how long it is, whether it is one to begin with, and its checksum,
so that a frame is found by its number and a damaged one is never sent. The label (JSON) says what the copy
was made of and how. It stands at the end, and only a whole file is ever given its name: a copy that breaks
off, for whatever reason, is none.

Everything here blocks: call it on a thread. ``pread`` instead of a memory map: a page that has to come
from a disk that sleeps would hold up every channel of the station, not this one.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import struct
import threading
import zlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

#: Goes up when older readers could not read the file, or should not.
EDITION = 1
SUFFIX = ".house"
_PART = ".part"

#: Offset, size (the highest bit: a picture to begin with), checksum.
_RECORD = struct.Struct("<QII")
_KEY = 1 << 31
#: Offset and length of the label, its sha256, and what every house copy ends with.
_TRAILER = struct.Struct("<QI32s8s")
_MAGIC = b"RVHOUSE\x01"
_LARGEST_LABEL = 1 << 20
#: More at once is asked for by no one but damaged tables (bytes).
_LARGEST_READ = 1 << 26


class CopyUnusable(Exception):
    """This file is no house copy that could be aired; says why."""


@dataclass(frozen=True, slots=True)
class Label:
    """What a copy was made of, and how."""

    asset: str  #: id
    size: int  #: of the original, bytes
    mtime_ns: int  #: of the original
    duration_us: int  #: what the catalog promised
    settings: str  #: sha256 of how it was rendered: rendered now, it would be the same
    parameters: str  #: sha256 of what a decoder is set up from, the same in every picture to begin with
    frames: int
    sounds: int  #: audio frames; 0: no sound
    cuts: tuple[int, ...]  #: frames that are pictures to begin with because a cut may fall there
    house: str  #: the house format, for people
    ffmpeg: str  #: its version, for people
    edition: int = EDITION


@dataclass(frozen=True, slots=True)
class Portion:
    """What was read: as much as is whole, and what is wrong with the next frame when that isn't all."""

    pictures: tuple[bytes, ...]
    sounds: tuple[bytes, ...]
    complaint: str = ""


class HouseCopy:
    """A finished copy, open for reading; any thread may read, one at a time."""

    def __init__(self, path: Path) -> None:
        """Raises ``CopyUnusable``, and ``OSError`` when there is none or it can't be read."""
        self.path = path
        self._fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        self._lock = threading.Lock()
        self._closed = False
        try:
            found = os.fstat(self._fd)
            self.mark = (found.st_ino, found.st_mtime_ns)  #: which file this is; another copy is another one
            self.label, self._pictures_at, self._sounds_at = _read_label(self._fd)
        except BaseException:
            self.close()
            raise

    def key_before(self, frame: int, reach: int) -> int | None:
        """The last picture to begin with at or before ``frame``, at most ``reach`` frames back."""
        first = max(0, frame - reach)
        records = self._records(self._pictures_at, first, min(frame + 1, self.label.frames))
        return next((first + i for i in reversed(range(len(records))) if records[i][1] & _KEY), None)

    def key_after(self, frame: int, reach: int) -> int | None:
        """The first picture to begin with at or after ``frame``, at most ``reach`` frames on."""
        records = self._records(self._pictures_at, frame, min(frame + reach + 1, self.label.frames))
        return next((frame + i for i, record in enumerate(records) if record[1] & _KEY), None)

    def read(self, frames: range, sounds: range) -> Portion:
        """Pictures ``frames`` and audio frames ``sounds``, as far as there are any. Raises ``OSError``."""
        try:
            with self._lock:
                return self._read(frames, sounds) if not self._closed else Portion((), (), "closed")
        finally:
            if self._closed:
                self.close()  # it could not while this read was under way

    def _read(self, frames: range, sounds: range) -> Portion:
        pictures = self._records(self._pictures_at, frames.start, min(frames.stop, self.label.frames))
        heard = self._records(self._sounds_at, sounds.start, min(sounds.stop, self.label.sounds))
        wanted = (*pictures, *heard)
        if not wanted:
            return Portion((), ())
        begin = min(offset for offset, _, _ in wanted)
        end = max(offset + (size & ~_KEY) for offset, size, _ in wanted)
        if end > self._pictures_at or end - begin > _LARGEST_READ:
            return Portion((), (), "its tables are damaged")
        data = memoryview(os.pread(self._fd, end - begin, begin))
        seen, complaint = _whole(data, begin, pictures, frames.start, "picture")
        listened, broken = _whole(data, begin, heard, sounds.start, "sound")
        return Portion(seen, listened, complaint or broken)

    def damage(self, step: int = 64) -> str:
        """Reads it all; why it may not be aired, empty when nothing is wrong. Raises ``OSError``."""
        label = self.label
        for first in range(0, label.frames, step):
            portion = self.read(range(first, min(first + step, label.frames)), range(0))
            if portion.complaint:
                return portion.complaint
        for first in range(0, label.sounds, 4 * step):
            portion = self.read(range(0), range(first, min(first + 4 * step, label.sounds)))
            if portion.complaint:
                return portion.complaint
        return ""

    def close(self) -> None:
        """Idempotent; waits for nobody: a read that is under way closes the file when it is done."""
        self._closed = True
        if self._lock.acquire(blocking=False):
            try:
                if self._fd >= 0:
                    os.close(self._fd)
                    self._fd = -1
            finally:
                self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        # Opened by a thread that answered when nobody wanted to know any more.
        if getattr(self, "_fd", -1) >= 0:
            self.close()

    def _records(self, table: int, first: int, last: int) -> list[tuple[int, int, int]]:
        if last <= first:
            return []
        data = os.pread(self._fd, (last - first) * _RECORD.size, table + first * _RECORD.size)
        return list(_RECORD.iter_unpack(data[: len(data) - len(data) % _RECORD.size]))


class CopyWriter:
    """A copy being made. Use as a context: what is not finished leaves nothing behind."""

    def __init__(self, target: Path) -> None:
        """Raises ``OSError``."""
        self._target = target
        target.parent.mkdir(parents=True, exist_ok=True)
        _sweep(target.parent)
        self._part = target.with_name(f".{target.name}.{os.getpid()}{_PART}")
        self._file = self._part.open("w+b")
        # Whoever holds the lock is at work; the lock of a process that was killed is nobody's.
        fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        self._pictures, self._sounds = bytearray(), bytearray()
        self.frames = self.sounds = 0
        self._offset = 0

    def add(self, pictures: Sequence[tuple[bytes, bool]], sounds: Sequence[bytes]) -> None:
        """One group of pictures (each with: is it one to begin with?) and its sound. Raises ``OSError``."""
        for data, key in pictures:
            self._pictures += self._write(data, self.frames, _KEY if key else 0)
            self.frames += 1
        for data in sounds:
            self._sounds += self._write(data, self.sounds, 0)
            self.sounds += 1

    def finish(self, label: Label) -> None:
        """Complete it, read it all back, and give it its name. Raises ``CopyUnusable``, ``OSError``."""
        text = json.dumps({**asdict(label), "tables": [self._offset, self._offset + len(self._pictures)]})
        coded = text.encode()
        at = self._offset + len(self._pictures) + len(self._sounds)
        trailer = _TRAILER.pack(at, len(coded), hashlib.sha256(coded).digest(), _MAGIC)
        self._file.write(self._pictures + self._sounds + coded + trailer)
        self._file.flush()
        os.fsync(self._file.fileno())
        with HouseCopy(self._part) as copy:
            if complaint := copy.damage():
                raise CopyUnusable(complaint)
        self._part.replace(self._target)
        self._file.close()
        folder = os.open(self._target.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        self._part.unlink(missing_ok=True)

    def _write(self, data: bytes, number: int, flag: int) -> bytes:
        self._file.write(data)
        offset, self._offset = self._offset, self._offset + len(data)
        return _RECORD.pack(offset, len(data) | flag, _checksum(data, number, flag))


def _checksum(data: bytes | memoryview, number: int, flag: int) -> int:
    """Of a frame in its place: a table whose records were moved or changed gives none away."""
    return zlib.crc32(data, number << 1 & 0xFFFFFFFF | (1 if flag else 0))


def _whole(
    data: memoryview, begin: int, records: Sequence[tuple[int, int, int]], first: int, what: str
) -> tuple[tuple[bytes, ...], str]:
    """The frames of ``records`` up to the first that isn't as it was written, and what is wrong with it."""
    found: list[bytes] = []
    for number, (offset, size, checksum) in enumerate(records, first):
        start = offset - begin
        frame = bytes(data[start : start + (size & ~_KEY)])
        if _checksum(frame, number, size & _KEY) != checksum:
            return tuple(found), f"{what} {number} is damaged"
        found.append(frame)
    return tuple(found), ""


def _read_label(fd: int) -> tuple[Label, int, int]:
    """The label and where the two tables begin."""
    size = os.fstat(fd).st_size
    trailer = os.pread(fd, _TRAILER.size, max(0, size - _TRAILER.size))
    if len(trailer) < _TRAILER.size or trailer[-len(_MAGIC) :] != _MAGIC:
        raise CopyUnusable("it breaks off, or is no house copy")
    at, length, digest, _ = _TRAILER.unpack(trailer)
    text = os.pread(fd, min(length, _LARGEST_LABEL), at)
    if hashlib.sha256(text).digest() != digest:
        raise CopyUnusable("its label is damaged")
    try:
        fields = json.loads(text)
        if fields["edition"] != EDITION:
            raise CopyUnusable(f"it was made by another edition of RetroVue ({fields['edition']})")
        pictures, sounds = fields.pop("tables")
        label = Label(**{**fields, "cuts": tuple(fields["cuts"])})
        whole = sounds - pictures == label.frames * _RECORD.size
        whole &= at - sounds == label.sounds * _RECORD.size
        whole &= at + length + _TRAILER.size == size
    except (ValueError, TypeError, KeyError) as error:
        raise CopyUnusable("its label can't be read") from error
    if not whole:
        raise CopyUnusable("its tables don't fit its label")
    return label, pictures, sounds


def _sweep(folder: Path) -> None:
    """Remove what a process that was killed had not finished."""
    for part in folder.glob(f".*{_PART}"):
        with contextlib.suppress(OSError), part.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            part.unlink()
