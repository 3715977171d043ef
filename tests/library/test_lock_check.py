"""Every mistake of a catalog lock is told by check, at its place, before anybody compiles."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from retrovue.library.catalog_cache import FOLDER, SMALL, is_known
from retrovue.library.lock_check import check_lock
from tests.cli.run import run
from tests.station.build import STATION, write

SOUND = '{"key":"Äpfel","path":"a.mkv","duration_us":1000000}'


def lock(tmp_path: Path, *lines: str, name: str = "tv") -> Path:
    station = {"station.yaml": STATION, "c.yaml": "collection: tv\nsource: { kind: filesystem, path: m }\n"}
    write(tmp_path, {**station, f"catalog.lock/{name}.jsonl": "".join(f"{line}\n" for line in lines)})
    return tmp_path


def told(folder: Path, cache: Path | None = None) -> list[tuple[str, int, int, str]]:
    found, _ = check_lock(folder, cache)
    assert {d.code for d in found} <= {"broken-lock"}
    return [(d.span.file, d.span.line, d.span.column, d.headline) for d in found if d.span is not None]


def test_check_tells_a_broken_line_and_shows_it(tmp_path: Path) -> None:
    lock(tmp_path, SOUND, '{"key":"Öl","path":"b" oops}')
    ran = run("check", str(tmp_path))
    assert ran.code == 1
    said = "this line is damaged: expected `,` or `}` at column 24"
    assert f"error[broken-lock]: {said}" in ran.out
    assert f"--> {tmp_path}/catalog.lock/tv.jsonl:2:24" in ran.out
    assert '2 | {"key":"Öl","path":"b" oops}' in ran.out
    assert "1 error in 3 files" in ran.err + ran.out
    assert f"catalog.lock/tv.jsonl:2: {said}" in run("compile", str(tmp_path)).err


def test_every_mistake_is_told_at_once(tmp_path: Path) -> None:
    lock(
        tmp_path,
        SOUND,
        "",
        '{"key":"b","path":"b","duration_us":1,"season":-1}',
        '{"key":"c","path":"../c","duration_us":1}',
        SOUND,
        SOUND.replace("1000000", "2000000"),
        "{",
    )
    file = "catalog.lock/tv.jsonl"
    assert told(tmp_path) == [
        (file, 3, 39, "season: Input should be greater than or equal to 0"),
        (file, 4, 1, "path '../c' leaves the collection"),
        (file, 6, 1, "the key 'Äpfel' was on an earlier line"),
        (file, 7, 1, "this line is damaged: EOF while parsing an object at column 1"),
    ]


def test_an_unfinished_merge_is_one_mistake(tmp_path: Path) -> None:
    changed = SOUND.replace("1000000", "2000000")
    lock(tmp_path, "<<<<<<< HEAD", SOUND, "=======", changed, ">>>>>>> other", "=======")
    assert [(line, said) for _, line, _, said in told(tmp_path)] == [
        (1, "a merge was left unfinished here"),
        (6, "a merge was left unfinished here"),
    ]


@pytest.mark.parametrize(("name", "content"), [("Not A Slug", b"{}\n{}\n"), ("tv", b"\xff\n\xff\n")])
def test_what_is_wrong_with_a_file_is_told_once(tmp_path: Path, name: str, content: bytes) -> None:
    lock(tmp_path)
    (tmp_path / "catalog.lock" / f"{name}.jsonl").write_bytes(content)
    assert [place[:2] for place in told(tmp_path)] == [(f"catalog.lock/{name}.jsonl", 1)]


def test_of_a_file_that_is_all_wrong_some_lines_are_told(tmp_path: Path) -> None:
    lock(tmp_path, *["x"] * 1000)
    assert len(told(tmp_path)) == 20


def test_a_large_lock_that_was_compiled_is_known_to_be_sound(tmp_path: Path) -> None:
    long = {"path": "a", "duration_us": 60_000_000, "description": "x" * 1000}
    lines = [json.dumps({"key": f"{n}", **long}) for n in range(SMALL // 1000)]
    folder, state = lock(tmp_path / "station", *lines), tmp_path / "state"
    file = folder / "catalog.lock" / "tv.jsonl"
    assert not is_known(file, state / FOLDER)
    assert told(folder, state / FOLDER) == []
    run("compile", str(folder), "--from", "2026-11-26", "--days", "1", "--state", str(state))
    assert is_known(file, state / FOLDER)
    assert told(folder, state / FOLDER) == []
    with file.open("a") as out:
        out.write("oops\n")
    assert not is_known(file, state / FOLDER)
    assert [place[1] for place in told(folder, state / FOLDER)] == [len(lines) + 1]
    shutil.rmtree(state)
    assert [place[1] for place in told(folder, state / FOLDER)] == [len(lines) + 1]
