"""The as-run log on a disk: durable within a second, read while it is written, whole after any accident."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import duckdb
import pytest

from retrovue.broadcast_day import Calendar
from retrovue.clock import StationClock
from retrovue.playout import as_run_journal, as_run_log
from retrovue.playout.as_run import UNLOGGED, AsRunRecord
from retrovue.playout.as_run_journal import AsRun, AsRunJournal
from retrovue.playout.producers.base import Origin
from retrovue.playout.ticks import TickGrid
from retrovue.units import HOUR_US, to_us
from tests.tools.broadcast import open_files

GRID = TickGrid(Fraction(25))
CALENDAR = Calendar(ZoneInfo("America/New_York"), 360, HOUR_US // 2)
NOON = GRID.at(to_us(datetime(2026, 11, 23, 17, tzinfo=UTC)))
MONDAY, TUESDAY = date(2026, 11, 23), date(2026, 11, 24)
SHOW = Origin("real", event_id=7, seq=3, broadcast_date="2026-11-23", asset_id="c/show")
SLATE = Origin("slate", cause='file is missing: c/"ü"\n')


def records(folder: Path) -> list[AsRunRecord]:
    return as_run_log.read(folder, ["wrtv"])


def archive(folder: Path, day: date | None = None) -> list[Path]:
    """Archive that day, or all."""
    return as_run_log.archive(as_run_log.due(folder, lambda channel, on: day in (None, on)))


@asynccontextmanager
async def journal(folder: Path) -> AsyncIterator[tuple[AsRunJournal, AsRun, list[str]]]:
    told: list[str] = []
    made = AsRunJournal(folder, StationClock(), told.append)
    try:
        yield made, made.channel("wrtv", GRID, CALENDAR, 0), told
    finally:
        await made.close()


def some_lines(folder: Path, count: int = 40) -> list[AsRunRecord]:
    """A file of ``count`` closed records, written as the station writes them."""
    made = [
        AsRunRecord(
            "wrtv", MONDAY, "s1", n, "25", NOON + 25 * n, 25, GRID.start_us(NOON + 25 * n),
            GRID.start_us(NOON + 25 * n + 25), "real", asset_id=f"c/{n}", closed=True,
        )
        for n in range(count)
    ]  # fmt: skip
    as_run_journal.append(folder, made, frozenset())
    return made


async def test_a_run_is_on_the_disk_within_a_second_while_it_goes_on(tmp_path: Path) -> None:
    async with journal(tmp_path) as (_, as_run, _told):
        clock = StationClock()
        for n in range(60):
            as_run.tick(NOON + n, SHOW, GRID.start_us(NOON + n))
            await clock.wait(0.04)
        seen = records(tmp_path)
        assert [(r.kind, r.closed) for r in seen] == [("real", False)]
        assert seen[0].ticks >= 60 - 25
        as_run.tick(NOON + 60, SLATE, GRID.start_us(NOON + 60))
        await as_run.end()
        assert [(r.kind, r.ticks, r.closed) for r in records(tmp_path)] == [
            ("real", 60, True), ("slate", 1, True),
        ]  # fmt: skip
    lines = [json.loads(line) for line in (tmp_path / "wrtv-2026-11-23.jsonl").open()]
    assert lines[0]["asset_id"] == "c/show"
    assert "asset_id" not in lines[1]
    assert records(tmp_path)[1].cause == SLATE.cause


async def test_nothing_runs_and_nothing_is_open_when_no_channel_is_on_the_air(tmp_path: Path) -> None:
    async with journal(tmp_path) as (made, as_run, _told):
        for n in range(3):
            as_run.tick(NOON + n, SHOW, 0)
            await as_run.end()
        for _ in range(300):
            if made._writer is None:
                break
            await StationClock().wait(0.02)
        assert made._writer is None
        assert not [f for f in open_files(os.getpid()) if str(tmp_path) in f]
    assert [(r.first_tick, r.run) for r in records(tmp_path)] == [(NOON, 0), (NOON + 1, 0), (NOON + 2, 0)]


def sizes_in(folder: Path) -> dict[str, int]:
    return {file.name: file.stat().st_size for file in folder.iterdir()}


async def test_what_died_in_the_midst_of_a_run_is_told_to_have_broken_off_by_the_next_sign_on(
    tmp_path: Path,
) -> None:
    def open_run(session: str, channel: str, on: date, closed: bool = False) -> AsRunRecord:
        return AsRunRecord(
            channel, on, session, 0, "25", NOON, 25, GRID.start_us(NOON), GRID.start_us(NOON + 25), "real",
            closed=closed,
        )  # fmt: skip

    def state_of(records: list[AsRunRecord]) -> dict[str, tuple[bool, bool]]:
        return {r.session: (r.closed, r.broken_off) for r in records}

    dead = [
        open_run("s1", "wrtv", MONDAY),
        open_run("s2", "other", MONDAY),
        open_run("s3", "done", MONDAY, True),
    ]
    as_run_journal.append(tmp_path, dead, frozenset())
    with (tmp_path / "wrtv-2026-11-23.jsonl").open("ab") as file:
        file.write(b'{"session":"s1","run":0,"ti')
    async with journal(tmp_path) as (made, as_run, _told):
        as_run.tick(NOON + 900, SHOW, 0)
        await made.flush()
        seen = as_run_log.read(tmp_path, ["wrtv", "other", "done"])
        (now,) = {r.session for r in seen} - {"s1", "s2", "s3"}
        assert state_of(seen) == {
            "s1": (False, True), "s2": (False, True), "s3": (True, False), now: (False, False),
        }  # fmt: skip
        as_run.tick(NOON + 901, SHOW, 0)
        await as_run.end()
    sizes = sizes_in(tmp_path)
    # Told once; and nobody need tune in for it.
    async with journal(tmp_path) as (made, _as_run, _told):
        await made.archive(lambda channel, on: False)
        assert sizes_in(tmp_path) == sizes
    as_run_journal.append(tmp_path, [open_run("s4", "wrtv", TUESDAY)], frozenset())
    async with journal(tmp_path) as (made, _as_run, _told):
        await made.archive(lambda channel, on: on == TUESDAY)
    assert (tmp_path / "wrtv-2026-11-24.parquet").exists()
    assert state_of(records(tmp_path)) == {"s1": (False, True), now: (True, False), "s4": (False, True)}


@pytest.mark.parametrize("tail", [b"\0" * 700, b'{"session":"s1","run":40,"chan', b'{"session":"s', b"\n\n"])
def test_what_a_power_cut_leaves_is_read_and_written_behind(tmp_path: Path, tail: bytes) -> None:
    made = some_lines(tmp_path)
    file = tmp_path / "wrtv-2026-11-23.jsonl"
    file.write_bytes(file.read_bytes() + tail)
    assert records(tmp_path) == made
    more = some_lines(tmp_path / "other", 41)[40:]
    as_run_journal.append(tmp_path, more, frozenset())
    assert records(tmp_path) == made + more


def test_a_file_cut_anywhere_keeps_every_whole_line(tmp_path: Path) -> None:
    made = some_lines(tmp_path, 3)
    file = tmp_path / "wrtv-2026-11-23.jsonl"
    whole = file.read_bytes()
    ends = [i + 1 for i, byte in enumerate(whole) if byte == 10]
    for cut in range(0, len(whole) + 1, 7):
        file.write_bytes(whole[:cut])
        # A line is whole without its line feed, too.
        assert records(tmp_path) == made[: sum(end <= cut + 1 for end in ends)]


def test_kill_9_in_mid_run_costs_less_than_a_second(tmp_path: Path) -> None:
    """A process that logs ticks and is killed: what was on the disk is there, and the next one goes on."""
    program = textwrap.dedent("""
        import asyncio, sys
        from tests.playout.test_as_run_journal import *
        async def main():
            clock = StationClock()
            made = AsRunJournal(Path(sys.argv[1]), clock)
            as_run = made.channel("wrtv", GRID, CALENDAR, 0)
            first = GRID.at(clock.now_us())
            tick = first
            while True:
                while GRID.start_us(tick) <= clock.now_us():
                    as_run.tick(tick, SHOW, clock.now_us())
                    print(tick, flush=True)
                    tick += 1
                await clock.wait(0.02)
        asyncio.run(main())
    """)
    child = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    last = 0
    for count, line in enumerate(child.stdout):
        last = int(line)
        if count == 70:
            break
    child.send_signal(signal.SIGKILL)
    rest = child.stdout.read().split()
    child.wait()
    last = max([last, *map(int, rest)])
    (record,) = records(tmp_path)
    assert not record.closed
    assert 0 <= last + 1 - record.end_tick <= 25  # ticks of one second
    some_lines(tmp_path, 1)
    assert len(records(tmp_path)) == 2


async def test_a_disk_that_fails_never_stops_playout_and_is_told_once(tmp_path: Path) -> None:
    blocked = tmp_path / "as-run"
    blocked.write_text("a file where the folder should be")
    async with journal(blocked) as (_, as_run, told):
        as_run.tick(NOON, SHOW, 0)
        await as_run.end()
        as_run.tick(NOON + 1, SLATE, 0)
        await as_run.end()
        assert len(told) == 1
        assert str(blocked) in told[0]
        blocked.unlink()
        as_run.tick(NOON + 2, SHOW, 0)
        await as_run.end()
        assert told[1:] == [""]
    # Nothing is lost: it was kept until it could be written.
    assert [r.first_tick for r in records(blocked)] == [NOON, NOON + 1, NOON + 2]


async def test_a_full_disk_leaves_whole_lines_and_says_what_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk takes half a write and no more, for longer than memory may hold the records."""
    really, room = os.write, [1 << 20]

    def write(handle: int, data: bytes) -> int:
        count = min(len(data), room[0])
        room[0] -= count
        if not count:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return really(handle, data[:count])

    async with journal(tmp_path) as (_, as_run, told):
        as_run.runs._most = 50
        as_run.tick(NOON, SHOW, 0)
        await as_run.end()
        monkeypatch.setattr("retrovue.playout.as_run_journal.os.write", write)
        room[0] = 333
        for n in range(1, 101):
            as_run.tick(NOON + n, SHOW if n % 2 else SLATE, 0)
            if n % 10 == 0:
                await as_run._journal.flush()
        assert len(told) == 1
        assert "No space left" in told[0]
        assert [r.first_tick for r in records(tmp_path)] == [NOON]  # no torn line, either
        room[0] = 1 << 20
        await as_run.end()
        assert told[1:] == [""]
    found = records(tmp_path)
    (lost,) = [r for r in found if r.kind == UNLOGGED]
    assert lost.first_tick == NOON + 1
    assert "No space left" in lost.cause
    covered = sorted((r.first_tick, r.end_tick) for r in found)
    assert covered[0][0] == NOON
    assert all(one[1] == two[0] for one, two in pairwise(covered))
    assert covered[-1][1] == NOON + 101


def test_a_small_disk_that_is_really_full(tmp_path: Path) -> None:
    """The same on a file system of 64 KiB, where one can be had."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("no file system can be mounted here")
    try:
        folder = disk / "as-run"
        kept = some_lines(folder, 100)
        with pytest.raises(OSError, match="No space left"):
            some_lines(folder, 1000)
        assert records(folder) == kept
    finally:
        subprocess.run(["umount", str(disk)], check=True)


async def test_a_reader_sees_whole_records_while_they_are_written_and_archived(tmp_path: Path) -> None:
    """Readers and a writer at once, and a day that is archived under them: never a fault, never less."""
    clock = StationClock()
    done = asyncio.Event()
    reads = 0

    async def look() -> None:
        nonlocal reads
        most = 0
        while not done.is_set():
            seen = await asyncio.to_thread(records, tmp_path)
            total = sum(r.ticks for r in seen)
            assert total >= most
            most = total
            reads += 1

    async with journal(tmp_path) as (_, as_run, _told):
        looking = asyncio.create_task(look())
        for n in range(400):
            as_run.tick(NOON + n, SHOW if n // 7 % 2 else SLATE, 0)
            if n % 40 == 39:
                await as_run.end()
                await asyncio.to_thread(archive, tmp_path)
            await clock.wait(0.004)
        done.set()
        await looking
    assert reads >= 5
    found = records(tmp_path)
    assert sum(r.ticks for r in found) == 400
    assert all(one.end_tick == two.first_tick for one, two in pairwise(found))


def test_a_day_that_is_over_becomes_one_parquet_file(tmp_path: Path) -> None:
    tmp_path = tmp_path / "as [r]un *?"
    made = some_lines(tmp_path)
    later = [
        AsRunRecord("wrtv", TUESDAY, "s1", 40, "25", NOON + 2_160_000, 5, 1, 2, "slate", "why", closed=True)
    ]
    as_run_journal.append(tmp_path, later, frozenset())
    (archived,) = archive(tmp_path, MONDAY)
    assert archived.name == "wrtv-2026-11-23.parquet"
    assert sorted(f.name for f in tmp_path.iterdir()) == [archived.name, "wrtv-2026-11-24.jsonl"]
    assert [r for r in records(tmp_path) if r.broadcast_date == MONDAY] == made
    # Somebody died between the rename and the end of the lines: both are there, and nothing counts twice.
    as_run_journal.append(tmp_path, made, frozenset())
    assert [r for r in records(tmp_path) if r.broadcast_date == MONDAY] == made
    # A day that comes again (serve --at) is added to what is archived.
    again = [AsRunRecord("wrtv", MONDAY, "s2", 0, "25", NOON, 9, 5, 6, "real", closed=True)]
    as_run_journal.append(tmp_path, again, frozenset())
    archive(tmp_path, MONDAY)
    assert sorted(r.key for r in records(tmp_path) if r.broadcast_date == MONDAY) == sorted(
        r.key for r in [*made, *again]
    )
    assert not (tmp_path / "wrtv-2026-11-23.jsonl").exists()


def test_a_day_that_somebody_writes_to_is_not_archived(tmp_path: Path) -> None:
    made = some_lines(tmp_path)
    handle = as_run_journal._open(tmp_path / "wrtv-2026-11-23.jsonl")
    try:
        assert archive(tmp_path) == []
    finally:
        os.close(handle)
    assert records(tmp_path) == made


def test_a_day_that_was_archived_without_a_column_is_read(tmp_path: Path) -> None:
    made = some_lines(tmp_path)
    (path,) = archive(tmp_path)
    with duckdb.connect() as connection:
        connection.execute(f"CREATE TABLE old AS SELECT * EXCLUDE (crawl) FROM read_parquet('{path}')")
        connection.execute(f"COPY old TO '{path}' (FORMAT parquet)")
    assert records(tmp_path) == made


def test_files_that_are_none_of_ours_are_left_alone(tmp_path: Path) -> None:
    made = some_lines(tmp_path)
    for name in ("notes.txt", "wrtv-2026-13-40.jsonl", ".wrtv-2026-11-23.parquet.7.new"):
        (tmp_path / name).write_text("hands off")
    assert records(tmp_path) == made
    assert len(as_run_log.files(tmp_path)) == 1
    assert as_run_log.read(tmp_path / "nowhere", ["wrtv"]) == []


def test_the_statement_in_the_documentation_reads_the_log(tmp_path: Path) -> None:
    readme = (Path(__file__).resolve().parents[2] / "schemas" / "README.md").read_text("utf-8")
    part = readme[readme.index("# The as-run log") :]
    statement = part[part.index("```sql\n") + 7 :].partition("```")[0]
    made = some_lines(tmp_path, 3)
    file = tmp_path / "wrtv-2026-11-23.jsonl"
    longer = '{"session":"s1","run":1,"ticks":99}\n{"session":"s1","ru'
    file.write_text(file.read_text() + longer)
    asked = statement.replace("'wrtv-2026-11-26.jsonl'", f"'{file}'")
    assert asked != statement
    rows = sorted(duckdb.connect(":memory:").execute(asked).fetchall(), key=lambda row: row[1])
    assert rows == [("s1", r.run, "real", r.asset_id, 99 if r.run == 1 else 25) for r in made]
