"""What ingest remembers of files: kept as soon as it is found, and only ever a memory."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrovue.library.content import BLOCK, BLOCKS, content_of
from retrovue.library.enrichment import Step
from retrovue.library.known_files import Known, KnownFiles, mtime_of

A, B = bytes(16), bytes(range(16))
FILE = Known(size=5, mtime_ns=7, content=A, basis=B, line=b"")
STEPS: dict[str, Step] = {"length": ("basis", {"duration_us": 60_000_000})}


def test_what_was_found_is_there_at_once(tmp_path: Path) -> None:
    file = tmp_path / "state" / "known"
    known = KnownFiles(file)
    known.remember("tv", "a.mp4", FILE)
    known.keep(A, STEPS)
    # Another one reads it while the first has not ended.
    again = KnownFiles(file)
    assert (again.of("tv", "a.mp4"), again.alike(5), again.steps(A)) == (FILE, (A,), STEPS)
    assert (again.of("tv", "b.mp4"), again.of("films", "a.mp4"), again.alike(6)) == (None, None, ())
    assert again.steps(B) == {}
    known.close()


def test_what_is_forgotten_takes_its_content_along(tmp_path: Path) -> None:
    file = tmp_path / "known"
    known = KnownFiles(file)
    for path, content in (("a.mp4", A), ("copy of a.mp4", A), ("b.mp4", B)):
        known.remember("tv", path, FILE._replace(content=content))
        known.keep(content, STEPS)
    known.forget([("tv", "a.mp4"), ("tv", "never there.mp4")])
    known.close()
    assert set(KnownFiles(file).alike(5)) == {A, B}
    known = KnownFiles(file)
    known.forget([("tv", "copy of a.mp4")])
    known.close()
    assert [path for _, path, _ in KnownFiles(file)] == ["b.mp4"]
    with sqlite3.connect(file) as opened:
        assert opened.execute("SELECT content FROM content").fetchall() == [(B,)]


@pytest.mark.parametrize("content", [b"no database", b"SQLite format 3\0" + bytes(4000), b"another edition"])
def test_a_damaged_memory_is_begun_anew(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "known"
    if content == b"another edition":
        with sqlite3.connect(file) as opened:
            opened.executescript("CREATE TABLE file (name TEXT); PRAGMA user_version = 99")
        opened.close()
    else:
        file.write_bytes(content)
    known = KnownFiles(file)
    assert (known.of("tv", "a.mp4"), known.steps(A)) == (None, {})
    known.remember("tv", "a.mp4", FILE)
    known.close()
    assert KnownFiles(file).of("tv", "a.mp4") == FILE


def test_one_that_writes_nothing(tmp_path: Path) -> None:
    known = KnownFiles(tmp_path / "known", writes=False)
    known.remember("tv", "a.mp4", FILE)
    known.keep(A, STEPS)
    assert (known.of("tv", "a.mp4"), known.steps(A)) == (FILE, STEPS)
    known.forget([("tv", "a.mp4")])
    known.close()
    assert list(tmp_path.iterdir()) == []


def test_a_clock_beyond_all_numbers(tmp_path: Path) -> None:
    known = KnownFiles(tmp_path / "known")
    far = FILE._replace(mtime_ns=mtime_of(15_000_000_000 * 10**9))  # ext4 counts to the year 2446
    known.remember("tv", "a.mp4", far)
    known.close()
    assert KnownFiles(tmp_path / "known").of("tv", "a.mp4") == far
    assert mtime_of(-(10**30)) < 0 < mtime_of(10**30)


# --- the fingerprint of a content --------------------------------------------------------------------


def test_the_same_bytes_have_the_same_fingerprint_wherever_they_are(tmp_path: Path) -> None:
    one, other = tmp_path / "a.mp4", tmp_path / "b.mkv"
    one.write_bytes(os.urandom(100))
    other.write_bytes(one.read_bytes())
    os.utime(other, (1, 1))
    assert content_of(one) == content_of(other)
    other.write_bytes(one.read_bytes() + b"\0")
    assert content_of(one) != content_of(other)


@settings(max_examples=30, deadline=None)
@given(
    size=st.integers(1, 3 * BLOCK * BLOCKS),
    block=st.integers(0, BLOCKS - 1),
    within=st.integers(0, BLOCK - 1),
)
def test_a_byte_that_changes_in_any_block_changes_it(
    tmp_path_factory: pytest.TempPathFactory, size: int, block: int, within: int
) -> None:
    file = tmp_path_factory.mktemp("content") / "film.mp4"
    with file.open("wb") as out:
        out.truncate(size)
    before = content_of(file)
    if size <= BLOCK * BLOCKS:
        place = (block * BLOCK + within) % size
    else:
        place = (size - BLOCK) * block // (BLOCKS - 1) + within
    with file.open("r+b") as out:
        out.seek(place)
        out.write(b"\1")
    assert content_of(file) != before
