"""What the cache of trees promises: the same outcome, whoever reads or writes it at the same time."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from retrovue.station import tree_cache
from retrovue.station.document import parse
from retrovue.station.load import Loaded, load_station
from retrovue.station.tree_cache import TreeCache
from tests.station.build import STATION, write

PROGRAMS = "\n---\n".join(
    f'program: p{n}\ntitle: "Ün \U0001f4fa"\nchain:\n  - synthetic: slate  # {n}\n  - {{synthetic: slate}}'
    for n in range(3)
)
TEXTS = [
    STATION,
    PROGRAMS,
    "program: x\ntitle:\nchain: []\n",
    "a: &x {b: [1, ~]}\nc: *x\nd: {<<: *x}\n",
    "x: |\n  a\n  b\n",
]


@pytest.fixture
def caches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("retrovue.station.load.SMALL", 0)
    return tmp_path / "caches"


def _station(tmp_path: Path) -> Path:
    return write(tmp_path / "s", {"station.yaml": STATION, "programs.yaml": PROGRAMS})


def _same(a: Loaded, b: Loaded) -> bool:
    return (a.model, a.diagnostics, a.sources) == (b.model, b.diagnostics, b.sources)


@pytest.mark.parametrize("text", TEXTS)
def test_a_kept_tree_is_the_tree(tmp_path: Path, text: str) -> None:
    first = TreeCache(tmp_path, tmp_path)
    assert first.parse("a.yaml", text) == parse("a.yaml", text)
    first.save()
    second = TreeCache(tmp_path, tmp_path)
    assert second.parse("b.yaml", text) == parse("b.yaml", text)
    assert second._used
    assert not second._new


def test_the_outcome_is_the_same_with_and_without(tmp_path: Path, caches: Path) -> None:
    folder = _station(tmp_path)
    without = load_station(folder)
    assert without.model is not None
    for _ in range(3):
        assert _same(load_station(folder, caches=caches), without)
    (kept,) = caches.iterdir()
    assert kept.stat().st_size > 0


def test_an_edit_is_seen_and_what_left_is_forgotten(tmp_path: Path, caches: Path) -> None:
    folder = _station(tmp_path)
    load_station(folder, caches=caches)
    (kept,) = caches.iterdir()
    before = kept.stat().st_size
    (folder / "programs.yaml").write_text("program: x\nchian: []\n")
    loaded = load_station(folder, caches=caches)
    assert [d.code for d in loaded.diagnostics] == ["unknown-key"]
    assert kept.stat().st_size < before
    (folder / "programs.yaml").unlink()
    assert load_station(folder, caches=caches).diagnostics == ()


def test_findings_are_found_again(tmp_path: Path, caches: Path) -> None:
    folder = write(tmp_path / "s", {"station.yaml": STATION, "x.yaml": "program: x\ntitle: a: b\n"})
    first, second = (load_station(folder, caches=caches) for _ in range(2))
    assert [d.code for d in first.diagnostics] == ["yaml-syntax"]
    assert _same(first, second)


@pytest.mark.parametrize("damage", ["", "garbage", "half", "bit", "version", "list"])
def test_a_damaged_cache_is_none(
    tmp_path: Path, caches: Path, damage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = _station(tmp_path)
    without = load_station(folder)
    load_station(folder, caches=caches)
    (kept,) = caches.iterdir()
    data = kept.read_bytes()
    if damage == "version":
        monkeypatch.setattr(tree_cache, "__version__", "9.9.9")
    elif damage == "list":
        kept.write_bytes(tree_cache._head(b"[]") + b"[]")
    else:
        at = data.index(b"slate")
        changed = {"": b"", "garbage": b"\xff\x00", "half": data[: len(data) // 2]}
        kept.write_bytes(changed.get(damage, data[:at] + b"S" + data[at + 1 :]))
    assert _same(load_station(folder, caches=caches), without)
    assert kept.read_bytes() != b""
    again = TreeCache(caches, folder)
    again.parse("p.yaml", PROGRAMS)
    assert not again._new, "a damaged cache is replaced by a sound one"


def test_a_cache_that_can_not_be_written_is_no_error(tmp_path: Path, caches: Path) -> None:
    caches.write_text("a file")
    assert load_station(_station(tmp_path), caches=caches).model is not None


def test_two_at_once(tmp_path: Path, caches: Path) -> None:
    folder = _station(tmp_path)
    without = load_station(folder)
    with ThreadPoolExecutor(8) as threads:
        loaded = list(threads.map(lambda _: load_station(folder, caches=caches), range(24)))
    assert all(_same(one, without) for one in loaded)
    assert [p.suffix for p in caches.iterdir()] == [".trees"]


def test_a_small_station_is_not_kept(tmp_path: Path) -> None:
    load_station(_station(tmp_path), caches=tmp_path / "caches")
    assert not (tmp_path / "caches").exists()
