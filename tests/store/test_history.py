"""Previous artefacts are kept, and one of them can be put back on the air."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from retrovue.store import Artefact, ArtefactError, history, write_artefact
from tests.cli.run import run
from tests.store.test_artefact import COMPILED, PROVENANCE


def publish(path: Path, content: str, keep: int = history.KEEP) -> None:
    write_artefact(path, replace(COMPILED, content_hash=content), PROVENANCE, keep=keep)


def contents(path: Path) -> list[str]:
    """The hashes from the one on the air to the oldest."""
    return [p.header.content_hash if p.header else "?" for p in history.listing(path)]


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with three artefacts, published one after the other. To be copied."""
    folder = tmp_path_factory.mktemp("published")
    for content in ("aaaa", "bbbb", "cccc"):
        publish(folder / "artefact.duckdb", content)
    return folder


@pytest.fixture
def path(published: Path, tmp_path: Path) -> Path:
    shutil.copytree(published, tmp_path, dirs_exist_ok=True)
    return tmp_path / "artefact.duckdb"


def test_previous_ones_are_kept_in_order(path: Path) -> None:
    assert contents(path) == ["cccc", "bbbb", "aaaa"]
    assert sorted(file.name for file in path.parent.iterdir()) == [
        "artefact.1.duckdb",
        "artefact.2.duckdb",
        "artefact.duckdb",
    ]


@pytest.mark.parametrize("keep", [0, 1, 2, 5])
def test_no_more_than_are_wanted(path: Path, keep: int) -> None:
    for n in range(keep + 2):
        publish(path, f"d{n}", keep)
    assert contents(path) == [f"d{n}" for n in range(keep + 1, 0, -1)]


def test_the_same_content_again_is_not_kept_twice(path: Path) -> None:
    publish(path, "cccc")
    assert contents(path) == ["cccc", "bbbb", "aaaa"]


def test_a_rollback_and_its_undoing(path: Path) -> None:
    assert history.roll_back(path).number == 1
    assert contents(path) == ["bbbb", "cccc", "aaaa"]
    assert history.roll_back(path).number == 1
    assert contents(path) == ["cccc", "bbbb", "aaaa"]
    history.roll_back(path, "aaaa")
    assert contents(path) == ["aaaa", "cccc", "bbbb"]
    history.roll_back(path, "2")
    assert contents(path) == ["bbbb", "aaaa", "cccc"]


def test_the_artefact_is_there_at_every_moment(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whichever step is the last before the power goes, a whole artefact is on the air, none is lost."""
    kept = {"aaaa", "bbbb", "cccc"}
    steps = 0
    real = Path.replace

    class PowerCut(Exception):
        pass

    def step(self: Path, target: Path) -> Path:
        nonlocal steps
        if not steps:
            raise PowerCut
        steps -= 1
        return real(self, target)

    monkeypatch.setattr(Path, "replace", step)
    for limit in range(6):
        steps = limit
        with contextlib.suppress(PowerCut):
            history.roll_back(path, "aaaa" if contents(path)[0] != "aaaa" else "cccc")
        found = contents(path)
        assert found[0] in kept
        assert set(found) == kept


def test_a_gap_is_closed_by_the_next(path: Path) -> None:
    history.previous(path, 1).unlink()
    publish(path, "dddd")
    assert contents(path) == ["dddd", "cccc", "aaaa"]
    history.previous(path, 1).unlink()
    assert history.roll_back(path).header is not None
    assert contents(path) == ["aaaa", "dddd"]


def test_without_hard_links(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise OSError("not here")

    monkeypatch.setattr(os, "link", refused)
    publish(path, "dddd")
    history.roll_back(path, "aaaa")
    assert contents(path) == ["aaaa", "dddd", "cccc", "bbbb"]


def test_an_interrupted_publish_keeps_all(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def power_cut(file: Path) -> None:
        raise OSError("power cut")

    monkeypatch.setattr("retrovue.store.publish._fsync", power_cut)
    with pytest.raises(ArtefactError):
        publish(path, "dddd")
    assert contents(path) == ["cccc", "bbbb", "aaaa"]


def test_a_reader_keeps_what_it_has_open(path: Path) -> None:
    before = path.stat()
    with Artefact.open(path) as reader:
        history.roll_back(path)
        assert reader.header.content_hash == "cccc"
        assert reader.segments("one", 0, 2**60)
    # A running station looks at these, and takes over what is there now.
    after = path.stat()
    assert (after.st_ino, after.st_mtime_ns) != (before.st_ino, before.st_mtime_ns)


def test_a_foreign_file_is_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "letter.txt"
    path.write_text("Dear Sir or Madam")
    with pytest.raises(ArtefactError, match="is no RetroVue artefact, and is not overwritten"):
        publish(path, "aaaa")
    assert path.read_text() == "Dear Sir or Madam"
    import duckdb

    other = tmp_path / "other.duckdb"
    with duckdb.connect(str(other)) as connection:
        connection.execute("CREATE TABLE accounts (x INTEGER)")
    with pytest.raises(ArtefactError, match="not overwritten"):
        publish(other, "aaaa")
    assert [p.name for p in sorted(tmp_path.iterdir())] == ["letter.txt", "other.duckdb"]


def test_a_half_written_artefact_is_replaced_and_not_kept(path: Path) -> None:
    whole = path.read_bytes()
    for content in (b"", whole[:12], whole[: len(whole) // 2]):
        path.write_bytes(content)
        with pytest.raises(ArtefactError, match="half-written or damaged"):
            Artefact.open(path)
        publish(path, "dddd")
        assert contents(path)[0] == "dddd"
        path.unlink()
    assert contents(path) == ["bbbb", "aaaa"]


def test_a_damaged_previous_one_is_shown_and_refused(path: Path) -> None:
    history.previous(path, 1).write_bytes(b"\0" * 9000)
    assert contents(path) == ["cccc", "?", "aaaa"]
    assert history.roll_back(path).number == 2
    assert contents(path) == ["aaaa", "cccc", "?"]
    refused = run("rollback", "--artefact", str(path), "--to", "2")
    assert refused.code == 1
    assert "no RetroVue artefact" in refused.err


def test_the_command(path: Path) -> None:
    listed = run("rollback", "--artefact", str(path), "--list")
    rows = listed.out.splitlines()
    assert [row.split()[:2] for row in rows] == [["*", "cccc"], ["1", "bbbb"], ["2", "aaaa"]]
    assert "Thu 01 Jan to Thu 01 Jan 2026" in rows[0]
    done = run("rollback", "--artefact", str(path), "--to", "AA")
    assert done.code == 0
    assert done.out.startswith("on the air again: aaaa ")
    assert "the next compile" in done.err
    document = json.loads(run("rollback", "--artefact", str(path), "--list", "--json").out)
    assert [p["content_hash"] for p in document] == ["aaaa", "cccc", "bbbb"]
    assert document[0]["revision"] == "r+"


@pytest.mark.parametrize(
    ("to", "said"),
    [("zz", "no earlier artefact is “zz”"), ("9", "no earlier"), ("cc", "on the air already")],
)
def test_what_can_not_be_rolled_back_to_is_said(path: Path, to: str, said: str) -> None:
    ran = run("rollback", "--artefact", str(path), "--to", to)
    assert ran.code == 1
    assert said in ran.err
    assert contents(path) == ["cccc", "bbbb", "aaaa"]


def test_nothing_to_roll_back_to(tmp_path: Path) -> None:
    path = tmp_path / "artefact.duckdb"
    publish(path, "aaaa")
    ran = run("rollback", "--artefact", str(path))
    assert ran.code == 1
    assert "there is no earlier artefact" in ran.err


def test_an_ambiguous_hash(path: Path) -> None:
    publish(path, "ccdd")
    publish(path, "dddd")
    ran = run("rollback", "--artefact", str(path), "--to", "cc")
    assert ran.code == 1
    assert "several artefacts begin" in ran.err


def test_as_many_as_the_station_says_even_when_its_yaml_is_broken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RETROVUE_STATE", str(tmp_path / "state"))
    folder = tmp_path / "mini"
    folder.mkdir()
    text = (
        "station: mini\nname: Mini\ntimezone: UTC\nkeep: 2\n---\nchannel: one\nnumber: 1\nname: One\n"
        "plans: [all]\n---\nplan: all\nzones: [{ zone: All, window: 06:00-06:00, play: [station-clock] }]\n"
    )
    path = tmp_path / "state" / "artefact.duckdb"
    for day in range(1, 6):
        (folder / "station.yaml").write_text(text)
        compiled = run("compile", str(folder), "--from", f"2026-06-0{day}", "--days", "1", "--quiet")
        assert compiled.code == 0, compiled.err
    assert len(contents(path)) == 3
    hashes = contents(path)
    (folder / "station.yaml").write_text(text.replace("play:", "pley:"))
    assert run("rollback", str(folder)).code == 0
    assert contents(path) == [hashes[1], hashes[0], hashes[2]]
    assert run("sql", "select content_hash from artefact", str(folder)).out == hashes[1] + "\n"
    (folder / "station.yaml").write_text("nothing: here\n")
    assert run("rollback", str(folder)).code == 1
