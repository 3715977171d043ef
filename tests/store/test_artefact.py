"""The artefact: written whole or not at all, read back as it was, refused when it isn't one."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import duckdb
import pytest

from retrovue.compiler.model import (
    Checkpoint,
    Compiled,
    CompiledChannel,
    CompiledOverlay,
    CompiledSynthetic,
    CompiledTemplate,
    ScheduleDay,
    ScheduleEvent,
    Segment,
    SegmentKind,
)
from retrovue.credits import Credit
from retrovue.library.catalog import Asset, AssetState
from retrovue.store import Artefact, ArtefactError, Provenance, publish, write_artefact
from retrovue.store.query import QueryError, query
from retrovue.store.schema import SCHEMA_VERSION, TABLES, VIEWS

DAY = date(2026, 1, 1)
START = 1_767_265_200_000_000  # 2026-01-01 06:00 in New York
HOUR = 3_600_000_000
NASTY = 'He said "hi", it\'s\ta tab, a\nnew line, \\N, ünï → 📺'

CHANNEL = CompiledChannel(
    "one",
    "5.1",
    501,
    NASTY,
    "ONE",
    "C5.1.test.retrovue.tv",
    "",
    "",
    HOUR,
    360,
    "480p",
    "30000/1001",
    "fast",
    1,
    2,
    0,
)
ASSET = Asset(
    "sitcoms",
    "Cheers/S01E01",
    AssetState.READY,
    True,
    path='a "quoted", path.mp4',
    size=12,
    duration_us=HOUR - 1,
    frames=99,
    rate="30000/1001",
    marks_us=(1, 2**40),
    title=NASTY,
    season=None,
    episode=0,
    tags=("a, b", 'q"', "\\", "[x]"),
    artwork=(NASTY, "fanart.jpg"),
    credits=(Credit("director", NASTY), Credit("actor", "A; B", 'role, "quoted"')),
    extra={"b": "1", "a": NASTY},
)
EVENT = ScheduleEvent(
    2**31 - 1, "one", DAY, START, START + HOUR, NASTY, "", "", None, 0, 1982, "", ("Movie", 'a, "b"'),
    "TV-PG", "programme", "cheers", ASSET.id, "all", "Day", "plans/all.yaml:1:1", (ASSET.id, "gone/asset"),
)  # fmt: skip
LATER = replace(
    EVENT, event_id=7, start_us=START + HOUR, end_us=START + 2 * HOUR, categories=(), fallbacks=()
)
SEGMENTS = (
    Segment(
        "one", DAY, 0, START, START + HOUR - 1, SegmentKind.PROGRAM, EVENT.event_id, ASSET.id, 0, "", NASTY
    ),
    Segment(
        "one", DAY, 1, START + HOUR - 1, START + HOUR, SegmentKind.IDENT, EVENT.event_id, synthetic="slate"
    ),
    Segment(
        "one", DAY, 2, START + HOUR, START + 2 * HOUR, SegmentKind.PROGRAM, 7, ASSET.id, 5, "", "", "pool"
    ),
)
COMPILED = Compiled(
    "test", NASTY, "America/New_York", DAY, DAY, (CHANNEL,), (CompiledSynthetic("slate", "slate", "", ""),),
    (ASSET,),
    (ScheduleDay("one", DAY, START, START + 2 * HOUR, (EVENT, LATER), SEGMENTS, {"all/Day/cheers": NASTY}),),
    "abc",
    overlays=(
        CompiledOverlay(
            "bug", "bug", NASTY, "art/bug.svg", "top-left", 9, 70, "#ffffff", "spin", 20, "end",
            5_000_000, "1080-1380,0-60", True,
        ),
    ),
    templates=(CompiledTemplate("cards/ident.svg", f"<svg>{NASTY}</svg>"),),
    clock="24h",
)  # fmt: skip
PROVENANCE = Provenance(1_767_265_200_000_000, 1_767_265_200_000_001, "0.1.0", "s", "c", "r+")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "it's a folder" / "artefact.duckdb"
    write_artefact(path, COMPILED, PROVENANCE)
    return path


def test_where_an_asset_may_be_entered_and_when_it_airs_first(file: Path) -> None:
    with Artefact.open(file) as art:
        assert art.entry_points(ASSET.id) == {"one": (0, 5)}
        assert art.entry_points("gone/asset") == {"one": ()}  # it only stands in
        assert art.entry_points("no/such") == {}
        assert art.every_entry_point() == {ASSET.id: {"one": (0, 5)}}
        # What is on the air already counts, what is over does not.
        assert art.first_airings(START + 1, START + 2) == [(START, ASSET.id, "one")]
        assert art.first_airings(START + HOUR, START + 9 * HOUR) == [(START + HOUR, ASSET.id, "one")]
        assert art.first_airings(START + 2 * HOUR, START + 9 * HOUR) == []


def test_what_was_written_is_read(file: Path) -> None:
    with Artefact.open(file) as art:
        header = art.header
        assert (header.content_hash, header.station, header.name) == ("abc", "test", NASTY)
        assert (header.first_day, header.last_day, header.timezone) == (DAY, DAY, "America/New_York")
        assert (header.start_us, header.end_us) == (START, START + 2 * HOUR)
        assert header.as_of.isoformat() == "2026-01-01T11:00:00+00:00"
        assert header.built_at.microsecond == 1
        assert (header.sources_hash, header.catalog_hash, header.revision) == ("s", "c", "r+")
        assert art.channels == (CHANNEL,)
        assert header.clock == "24h"
        assert art.overlays == {"bug": COMPILED.overlays[0]}
        assert art.templates == {"cards/ident.svg": f"<svg>{NASTY}</svg>"}
        assert art.synthetics == {"slate": COMPILED.synthetics[0]}
        assert art.asset(ASSET.id) == ASSET
        assert art.asset("no/such") is None
        assert art.event(EVENT.event_id) == EVENT
        assert art.event(1) is None
        assert art.checkpoint(DAY) == Checkpoint(DAY, {"one": {"all/Day/cheers": NASTY}})
        assert art.checkpoint(date(2026, 1, 2)) is None


def test_intervals_are_half_open_and_ordered(file: Path) -> None:
    with Artefact.open(file) as art:
        assert art.events("one", START, START + 2 * HOUR) == [EVENT, LATER]
        assert [e.credits for e in art.all_events()] == [ASSET.credits] * 2
        assert [e.artwork for e in art.all_events()] == [NASTY] * 2
        assert art.events("one", START + HOUR, START + HOUR + 1) == [LATER]
        assert art.events("one", START + HOUR - 1, START + HOUR) == [EVENT]
        assert art.segments("one", 0, 2**60) == list(SEGMENTS)
        assert art.segments("one", START + HOUR - 1, START + HOUR) == [SEGMENTS[1]]
        assert art.segments("two", 0, 2**60) == []
        assert art.events("one", START + 2 * HOUR, 2**60) == []


def test_the_views_speak_station_time(file: Path) -> None:
    columns, rows = query(file, "SELECT start_local, start_utc, title FROM guide")
    assert columns == ["start_local", "start_utc", "title"]
    assert [str(value) for value in next(rows)] == ["2026-01-01 06:00:00", "2026-01-01 11:00:00", NASTY]
    _, rows = query(file, "SELECT seconds, kind, event_title FROM playlist ORDER BY seq DESC LIMIT 1")
    assert list(rows) == [(3600.0, "program", NASTY)]


def test_an_open_artefact_keeps_its_content_when_it_is_replaced(file: Path) -> None:
    with Artefact.open(file) as old:
        write_artefact(file, replace(COMPILED, content_hash="def"), PROVENANCE)
        with Artefact.open(file) as new:
            assert (old.header.content_hash, new.header.content_hash) == ("abc", "def")
            assert old.segments("one", 0, 2**60) == new.segments("one", 0, 2**60)
        with Artefact.open(file) as again:
            assert again.header.content_hash == "def"


def test_an_interrupted_publish_keeps_the_old(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def power_cut(path: Path) -> None:
        raise OSError("power cut")

    monkeypatch.setattr(publish, "_fsync", power_cut)
    with pytest.raises(ArtefactError, match="power cut"):
        write_artefact(file, replace(COMPILED, content_hash="def"), PROVENANCE)
    with Artefact.open(file) as art:
        assert art.header.content_hash == "abc"
    assert [path.name for path in file.parent.iterdir()] == [file.name]


@pytest.mark.parametrize("jobs", [1, 2])
def test_rows_that_break_half_way_leave_nothing(tmp_path: Path, jobs: int) -> None:
    path = tmp_path / "artefact.duckdb"
    broken = replace(COMPILED, channels=(replace(CHANNEL, vchannel="many"),))  # type: ignore[arg-type]
    with pytest.raises(ArtefactError, match="can't write"):
        write_artefact(path, broken, PROVENANCE, jobs=jobs)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_can_not_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ArtefactError, match="can't write the artefact"):
        write_artefact(tmp_path / "file" / "artefact.duckdb", COMPILED, PROVENANCE)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ArtefactError, match="there is no artefact"):
        Artefact.open(tmp_path / "artefact.duckdb")


@pytest.mark.parametrize(
    "content", [b"", b"a: 1\n", b"station: test\n", b"SQLite format 3\0" + bytes(9000), bytes(20000)]
)
def test_a_foreign_file_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "artefact.duckdb"
    path.write_bytes(content)
    with pytest.raises(ArtefactError, match="no RetroVue artefact"):
        Artefact.open(path)
    assert path.read_bytes() == content


@pytest.mark.parametrize("content", [b"a: 1\n", b"station: test\n", b"SQLite format 3\0" + bytes(9000)])
def test_a_file_of_somebody_else_is_not_overwritten(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "notes.txt"
    path.write_bytes(content)
    with pytest.raises(ArtefactError, match="is not overwritten"):
        write_artefact(path, COMPILED, PROVENANCE)
    assert path.read_bytes() == content


def test_a_truncated_file_is_refused(file: Path) -> None:
    whole = file.read_bytes()
    for size in (10, 4096, 12288, len(whole) // 2, len(whole) - 4096, len(whole) - 1):
        file.write_bytes(whole[:size])
        with pytest.raises(ArtefactError):
            Artefact.open(file)


def test_another_duckdb_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "artefact.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("CREATE TABLE something (x INTEGER)")
    with pytest.raises(ArtefactError, match="no RetroVue artefact"):
        Artefact.open(path)


def test_another_version_is_refused(file: Path) -> None:
    with duckdb.connect(str(file)) as connection:
        connection.execute("UPDATE artefact SET schema_version = 99")
    with pytest.raises(ArtefactError, match=rf"version 99; this RetroVue reads version {SCHEMA_VERSION}"):
        Artefact.open(file)


@pytest.mark.parametrize("table", [table.name for table in TABLES if table.name != "artefact"])
def test_a_table_too_few_is_refused(file: Path, table: str) -> None:
    with duckdb.connect(str(file)) as connection:
        for view in VIEWS:
            connection.execute(f"DROP VIEW {view.name}")
        connection.execute(f"DROP TABLE {table}")
    with pytest.raises(ArtefactError, match=f"lacks the table {table}"):
        Artefact.open(file)


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM read_csv('/etc/passwd')",
        "COPY artefact TO '/nowhere/copy.csv'",
        "ATTACH '/nowhere/attach.duckdb'",
        "INSTALL httpfs",
        "LOAD httpfs",
        "SET enable_external_access = true",
        "UPDATE artefact SET station = 'x'",
        "DROP TABLE segment",
        "selec",
        "SELECT nothing FROM artefact",
        "",
    ],
)
def test_sql_reaches_nothing_but_the_artefact(file: Path, statement: str) -> None:
    before = file.read_bytes()
    with pytest.raises(QueryError) as caught:
        list(query(file, statement)[1])
    assert "\n" not in str(caught.value)
    assert file.read_bytes() == before
