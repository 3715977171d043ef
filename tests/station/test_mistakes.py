"""Every mistake the station language knows: one small file that makes it, and the exact place it is told.

In each file the place is marked: «…» is the span that must be told, and nothing else may be.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from retrovue.diagnostics import Diagnostic, Label
from retrovue.diagnostics.codes import CODES
from retrovue.diagnostics.render import FORMATS, render
from retrovue.station.load import load_station
from tests.laws.tree import ROOT
from tests.station.build import STATION, load, write

#: One mistake a file: ``code.N.yaml`` lies beside a sound station, ``code.station.N.yaml`` is station.yaml.
FOLDER = ROOT / "fixtures" / "stations" / "mistakes"
MISTAKES = sorted(path for path in FOLDER.glob("*.yaml*") if ".station." not in path.name)
STATION_MISTAKES = sorted(FOLDER.glob("*.station.*.yaml"))
ZONE = "plan: p\nzones:\n  - zone: A\n    window: 06:00-12:00\n    play: [slate]\n"
#: Found without a file of its own: tests below.
ELSEWHERE = {
    "no-station", "no-folder", "not-utf8", "unreadable-file", "linked-folder", "unknown-source",
    "bad-card", "unknown-card",  # test_card.py
    "not-in-catalog",  # test_catalog_rules.py
}  # fmt: skip


def unmark(text: str) -> tuple[str, tuple[int, int, int, int] | None]:
    """The text without «», and the marked line, column, end line and end column."""
    if "«" not in text:
        return text, None
    begin, end = text.index("«"), text.index("»") - 1
    bare = text.replace("«", "").replace("»", "")

    def place(index: int) -> tuple[int, int]:
        before = bare[:index]
        return before.count("\n") + 1, index - (before.rfind("\n") + 1) + 1

    return bare, (*place(begin), *place(end))


def assert_only(
    found: tuple[Diagnostic, ...], code: str, file: str, at: tuple[int, int, int, int] | None
) -> None:
    assert [d.code for d in found] == [code], found
    span = found[0].span
    assert span is not None
    assert span.file == file
    if at is not None:
        told = (span.line, span.column, span.end_line, span.end_column)
        # A point (nothing is written there) is shown one column wide.
        assert told in (at, (*at[:2], at[0], at[1] + 1)), found


def assert_told(
    found: tuple[Diagnostic, ...], file: str, path: Path, at: tuple[int, int, int, int] | None
) -> None:
    assert_only(found, path.name.partition(".")[0], file, at)
    assert found[0].help, "nothing says what to do"


@pytest.mark.parametrize("path", MISTAKES, ids=lambda path: path.name)
def test_a_mistake_is_told_once_and_at_its_place(tmp_path: Path, path: Path) -> None:
    bare, at = unmark(path.read_bytes().decode())
    name = f"x{''.join(path.suffixes[1:])}"
    found = load(tmp_path, {name: bare, "catalog.lock/c.jsonl": ""}).diagnostics
    assert_told(found, name, path, at)


@pytest.mark.parametrize("path", STATION_MISTAKES, ids=lambda path: path.stem)
def test_a_mistake_in_the_station_is_told_once_and_at_its_place(tmp_path: Path, path: Path) -> None:
    bare, at = unmark(path.read_bytes().decode())
    assert_told(load(tmp_path, {"station.yaml": bare}).diagnostics, "station.yaml", path, at)


def test_a_folder_without_a_station(tmp_path: Path) -> None:
    (found,) = load_station(tmp_path).diagnostics
    assert (found.code, found.span) == ("no-station", None)


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    (found,) = load_station(tmp_path / "none").diagnostics
    assert found.code == "no-folder"


def test_a_file_that_is_not_utf8(tmp_path: Path) -> None:
    (found,) = load(tmp_path, {"x.yaml": b"# ok\ntitle: caf\xe9\n"}).diagnostics
    assert_only((found,), "not-utf8", "x.yaml", (2, 11, 2, 12))


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").symlink_to(tmp_path / "gone.yaml")
    (found,) = load(tmp_path, {}).diagnostics
    assert_only((found,), "unreadable-file", "x.yaml", None)


def test_a_folder_that_is_a_link(tmp_path: Path) -> None:
    station, shared, pictures = tmp_path / "station", tmp_path / "shared", tmp_path / "pictures"
    (shared / "programs").mkdir(parents=True)
    (shared / "programs" / "more.yaml").write_text("no: noun\n")
    (shared / "circle").symlink_to(shared)
    pictures.mkdir()
    station.mkdir()
    (station / "pictures").symlink_to(pictures)
    (station / "media").symlink_to(shared)
    assert load(station, {}).diagnostics == ()
    (station / "shared").symlink_to(shared)
    found = load(station, {})
    assert_only(found.diagnostics, "linked-folder", "shared", None)
    assert found.model is not None
    assert "include" in found.diagnostics[0].help


def test_a_file_far_too_large(tmp_path: Path) -> None:
    (found,) = load(tmp_path, {"x.yaml": b"#" * 4_000_001}).diagnostics
    assert_only((found,), "unreadable-file", "x.yaml", None)


def test_aliases_that_multiply_are_refused(tmp_path: Path) -> None:
    levels = "".join(f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 10)}]\n" for n in range(1, 9))
    (found,) = load(tmp_path, {"x.yaml": "program: x\nl0: &l0 [a]\n" + levels}).diagnostics
    assert found.code == "yaml-alias"


def test_a_source_is_checked_with_its_adapters_settings(tmp_path: Path) -> None:
    from pydantic import BaseModel

    class Settings(BaseModel, extra="forbid"):
        kind: str
        path: str
        depth: int = 0

    def found(source: str) -> tuple[Diagnostic, ...]:
        bare, _ = unmark(f"collection: c\nsource: {source}\n")
        write(tmp_path, {"station.yaml": STATION, "x.yaml": bare, "catalog.lock/c.jsonl": ""})
        return load_station(tmp_path, {"filesystem": Settings}).diagnostics

    for code, source in (
        ("unknown-source", "{kind: «filesytem», path: m}"),
        ("missing-key", "«{path: m}»"),
        ("unknown-key", "{kind: filesystem, «paht»: m}"),
        ("missing-key", "«{kind: filesystem}»"),
        ("wrong-type", "{kind: filesystem, path: m, depth: «deep»}"),
    ):
        _, at = unmark(f"collection: c\nsource: {source}\n")
        assert_only(found(source), code, "x.yaml", at)
    assert found("{kind: filesystem, path: m, depth: 3}") == ()


def test_an_enricher_that_is_skipped_is_one(tmp_path: Path) -> None:
    text = "collection: c\nsource: { kind: filesystem, path: m }\nskip: [loudness, «loudnes»]\n"
    bare, at = unmark(text)
    write(tmp_path, {"station.yaml": STATION, "x.yaml": bare, "catalog.lock/c.jsonl": ""})
    found = load_station(tmp_path, enrichers={"loudness", "probe"}).diagnostics
    assert_only(found, "unknown-word", "x.yaml", at)
    assert found[0].help == "did you mean “loudness”?"


def test_an_enricher_without_which_nothing_airs_is_not_skipped(tmp_path: Path) -> None:
    bare, at = unmark("collection: c\nsource: { kind: filesystem, path: m }\nskip: [loudness, «probe»]\n")
    write(tmp_path, {"station.yaml": STATION, "x.yaml": bare, "catalog.lock/c.jsonl": ""})
    found = load_station(tmp_path, enrichers={"loudness", "probe"}).diagnostics
    assert_only(found, "bad-value", "x.yaml", at)
    assert found[0].help == "delete it; what can be skipped: loudness"


def test_every_code_of_the_station_language_is_triggered_here() -> None:
    used = set()
    for path in (ROOT / "retrovue" / "station").glob("*.py"):
        used |= set(re.findall(r'"([a-z0-9]+(?:-[a-z0-9]+)+|airing)"', path.read_text("utf-8"))) & set(CODES)
    triggered = {path.name.partition(".")[0] for path in (*MISTAKES, *STATION_MISTAKES)}
    assert used - triggered - ELSEWHERE == set()
    assert len(used) >= 60


#: Mistakes that are a disagreement of two places.
TWO_PLACES = (
    *("duplicate-key", "duplicate-slug", "duplicate-number", "duplicate-vchannel", "duplicate-pin"),
    *(
        "duplicate-spot",
        "duplicate-zone",
        "duplicate-word",
        "several-nouns",
        "several-stations",
        "program-cycle",
        "rerun-cycle",
    ),
    *("zone-overlap", "zone-gap", "pin-outside-zone", "chain-node", "airing", "virtual-kind", "spot-target"),
    *("empty-watershed", "empty-range", "unused-key", "impossible-contract", "promo-never-true"),
    *("simulcast-chain", "simulcast-own", "never-applies", "no-airings"),
)


@pytest.mark.parametrize("code", TWO_PLACES)
def test_where_two_places_disagree_both_are_shown(tmp_path: Path, code: str) -> None:
    labels: list[Label] = []
    for n, path in enumerate(p for p in MISTAKES if p.name.startswith(f"{code}.")):
        bare, _ = unmark(path.read_bytes().decode())
        (found,) = load(tmp_path / str(n), {"x.yaml": bare, "catalog.lock/c.jsonl": ""}).diagnostics
        labels += found.labels
        assert all(label.text and label.span != found.span for label in found.labels)
    assert labels


def test_second_places() -> None:
    text = ZONE + "  - zone: B\n    window: 11:30-13:00\n    play: [slate]\n"
    from tempfile import TemporaryDirectory

    with TemporaryDirectory() as folder:
        (found,) = load(Path(folder), {"x.yaml": text}).diagnostics
    (label,) = found.labels
    assert (label.span.line, label.span.column, label.span.end_column) == (4, 13, 24)


def test_links_that_go_round_in_circles(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to(".")
    (tmp_path / "itself.yaml").symlink_to("itself.yaml")
    (tmp_path / "folder.yaml").mkdir()
    found = load(tmp_path, {"folder.yaml/x.yaml": ZONE}).diagnostics
    assert [(d.code, d.span and d.span.file) for d in found] == [("unreadable-file", "itself.yaml")]
    logo = STATION.replace("name: WONE", "name: WONE\nlogo: itself.yaml")
    found = load(tmp_path, {"station.yaml": logo}).diagnostics
    assert [d.code for d in found] == ["unreadable-file", "missing-file"]


def test_names_that_are_not_utf8(tmp_path: Path) -> None:
    folder = os.fsencode(tmp_path) + b"/\xff"
    Path(os.fsdecode(folder)).mkdir()
    Path(os.fsdecode(folder), "x.yaml").write_text("plan: q\n")
    loaded = load(tmp_path, {})
    assert [d.span and d.span.file for d in loaded.diagnostics] == ["\\xff/x.yaml"]
    for style in FORMATS:
        assert render(loaded.diagnostics, loaded.sources, style).encode()


@pytest.mark.parametrize(
    ("text", "help"),
    [
        ("channel: c\nnumber: 9\nname: C\nplans: p\n", "write it in brackets: [p]"),
        ("channel: c\nnumber: 9\nname: C\nplans: []\n", "at least one is wanted"),
        ("channel: c\nnumber: 9\nname: [C]\nplans: [p]\n", "only one is wanted: leave out the brackets"),
        ('synthetic: s\nshows: card\ntitle: "\\ud800"\n', "write the character itself"),
        ("overlay: o\nshows: bug\nover_ads: perhaps\n", "write true or false"),
        ("break_format: b\nmax_breaks: many\n", "write digits, like 12"),
        ("pool: p\nspots: all\n", "write keys and values: { key: value }"),
        ("pool: p\nspots: *all\n", "write “&name” before the value that is repeated"),
        ("%YAML 3.0\n---\npool: p\n", "delete the %YAML line"),
    ],
)
def test_the_help_is_about_the_value_that_is_there(tmp_path: Path, text: str, help: str) -> None:
    found = [d for d in load(tmp_path, {"x.yaml": text}).diagnostics if d.code != "unknown-reference"]
    assert [d.help.partition(";")[0] for d in found] == [help]
