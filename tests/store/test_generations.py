"""Generations of the playlog: whole or not at all, few, and enough to go on the air with."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from retrovue.compiler.compile import compile_station
from retrovue.credits import Credit
from retrovue.library.catalog import Catalog
from retrovue.playout import programme
from retrovue.station.load import require_station
from retrovue.store import Artefact, ArtefactError, Provenance, write_artefact
from retrovue.store.generations import Cut, generations, read_cut, write
from retrovue.store.query import query
from retrovue.units import HOUR_US, to_us
from tests.compiler.stations import catalog, compiled, episode, series, station
from tests.playout.test_schedule_service import write as write_station

NOON = to_us(datetime(2026, 11, 23, 17, tzinfo=UTC))


@pytest.fixture
def artefact(tmp_path: Path) -> Path:
    """A station of test patterns, three days of it."""
    write_station(tmp_path / "tiny")
    model = require_station(tmp_path / "tiny")
    compiled = compile_station(model, Catalog({}, ""), date(2026, 11, 23), 3, NOON)
    path = tmp_path / "artefact.duckdb"
    write_artefact(path, compiled, Provenance(NOON, NOON, "test"))
    return path


def cut(number: int, hash_: str = "h", hours: int = 3) -> Cut:
    return Cut(number, hash_, NOON, NOON - 120_000_000, NOON + hours * HOUR_US)


def test_a_generation_airs_what_its_artefact_airs(artefact: Path, tmp_path: Path) -> None:
    folder = tmp_path / "playlog"
    with Artefact.open(artefact) as whole:
        wanted = cut(7, whole.header.content_hash)
        path = write(whole, folder, wanted)
        assert path.name == "generation-000007.duckdb"
        with Artefact.open(path) as part:
            assert part.header == whole.header
            assert read_cut(part) == wanted
            assert read_cut(whole) is None
            assert part.channels == whole.channels
            segments = part.segments("tiny", 0, 1 << 62)
            assert segments == whole.segments("tiny", wanted.start_us, wanted.end_us)
            a = programme.load(whole, {}, NOON, 3 * HOUR_US, 7)
            b = programme.load(part, {}, NOON, 3 * HOUR_US, 7)
            (x,), (y,) = a.channels.values(), b.channels.values()
            assert x[1].playlog.entries == y[1].playlog.entries
            assert list(x[1].continuity.events) == list(y[1].continuity.events)
            assert [c for c, _ in x[1].continuity.lineup] == [c for c, _ in y[1].continuity.lineup]
            same = {name: getattr(y[1], name) for name in ("assets", "locate", "playlog", "continuity")}
            assert replace(x[1], **same) == y[1]
            assert b.playlog_end_us == wanted.end_us
            guide = b.guide[next(iter(b.guide))]
            assert guide[-1] == a.guide[next(iter(a.guide))][-1]
            # A generation never says that it knows more than it has.
            assert programme.load(part, {}, NOON, 40 * HOUR_US).playlog_end_us == segments[-1].end_us
        _, rows = query(path, "select count(*) from playlist")
        assert next(iter(rows)) == (len(segments),)
        assert path.stat().st_size < artefact.stat().st_size


def test_a_generation_knows_the_credits_of_its_whole_guide(tmp_path: Path) -> None:
    """What airs long after its hours, too, whose asset it needs for nothing else."""
    day = {"plan": "all", "zones": [{"zone": "Day", "window": (360, 360), "play": ["show"]}]}
    episodes = [
        episode("show", 1, n, 1700, credits=(Credit("actor", f"Ann {n}", "Bo"), Credit("writer", "Cy")))
        for n in range(1, 25)
    ]
    result = compiled(
        station([day], [series("show")]),
        catalog([*episodes, episode("show", 1, 25, 1700, artwork=("still.jpg",))]),
    )
    path = tmp_path / "artefact.duckdb"
    write_artefact(path, result, Provenance(0, 0, "test"))
    start = result.start_us
    with Artefact.open(path) as whole:
        cut = Cut(1, "h", start, start, start + HOUR_US)
        with Artefact.open(write(whole, tmp_path / "playlog", cut)) as part:
            (guide,) = programme.load(part, {}, start, HOUR_US, 1).guide.values()
    assert [entry.credits for entry in guide] == [event.credits for event in result.days[0].events]
    told = [[credit.name for credit in entry.credits] for entry in guide]
    assert [entry.artwork is not None for entry in guide] == [bool(e.artwork) for e in result.days[0].events]
    assert any(entry.artwork for entry in guide)
    assert told[:25] == [*([f"Ann {n}", "Cy"] for n in range(1, 25)), []]


def test_the_last_few_are_kept_and_leavings_are_cleared(artefact: Path, tmp_path: Path) -> None:
    folder = tmp_path / "playlog"
    folder.mkdir()
    (folder / ".generation-000003.duckdb.new").write_bytes(b"half")
    (folder / "notes.txt").write_text("hands off")
    with Artefact.open(artefact) as whole:
        for number in range(4, 12):
            write(whole, folder, cut(number))
    assert [g.number for g in generations(folder)] == [11, 10, 9, 8, 7]
    assert sorted(f.name for f in folder.iterdir() if not f.name.startswith("generation")) == ["notes.txt"]


def test_a_folder_that_can_t_be_written_leaves_what_is_there(artefact: Path, tmp_path: Path) -> None:
    folder = tmp_path / "playlog"
    folder.write_text("no folder")
    with Artefact.open(artefact) as whole:
        with pytest.raises(ArtefactError, match="generation 1 of the playlog"):
            write(whole, folder, cut(1))
        # The artefact itself is as good as before.
        assert whole.segments("tiny", NOON, NOON + 1)
        folder.unlink()
        write(whole, folder, cut(1))


def test_whoever_is_killed_while_writing_leaves_whole_generations_only(
    artefact: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "playlog"
    program = textwrap.dedent("""
        import sys
        from tests.store.test_generations import *
        with Artefact.open(Path(sys.argv[1])) as whole:
            for number in range(1, 10_000):
                write(whole, Path(sys.argv[2]), cut(number))
                print(number, flush=True)
    """)
    for wait in (0.003, 0.011, 0.029):
        child = subprocess.Popen(
            [sys.executable, "-c", program, str(artefact), str(folder)], stdout=subprocess.PIPE, text=True
        )
        assert child.stdout is not None
        child.stdout.readline()
        time.sleep(wait)
        os.kill(child.pid, signal.SIGKILL)
        child.communicate()
        found = generations(folder)
        assert found
        for generation in found:
            with Artefact.open(generation.path) as part:
                told = read_cut(part)
                assert told is not None
                assert told.generation == generation.number
