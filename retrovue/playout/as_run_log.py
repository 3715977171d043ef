"""As-run log: the records read back, and days that are over archived; by DuckDB, while the station serves.

A day is JSON Lines while it is written and one Parquet file once it is over. A reader takes both, and
where a run is told several times the longest counts: so it does not matter when it looks, what a power cut
left, or whether somebody died half-way through the archiving. It locks nothing.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import logging
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from retrovue.database import settings
from retrovue.errors import RetroVueError
from retrovue.playout.as_run import AsRunRecord
from retrovue.playout.as_run_journal import fsync
from retrovue.store import schema
from retrovue.units import from_us

# Whoever only asks which files there are does without.
if TYPE_CHECKING:
    import duckdb

log = logging.getLogger(__name__)

ARCHIVED = ".parquet"
_NAME = re.compile(r"(.+)-(\d{4}-\d\d-\d\d)(\.jsonl|\.parquet)")

#: A folder that changes while it is read is read again, this often.
_PATIENCE = 20

#: What the lines of one run come to. All that a later line repeats only ever grows.
_GROWING = {
    "ticks": "max",
    "end_us": "max",
    "frame_to": "max",
    "late_us": "max",
    "closed": "bool_or",
    "broken_off": "bool_or",
}


class AsRunError(RetroVueError):
    """The as-run log can't be read."""


@dataclass(frozen=True, slots=True)
class LogFile:
    """One file of the log."""

    path: Path
    channel: str
    date: date

    @property
    def archived(self) -> bool:
        return self.path.suffix == ARCHIVED


def files(folder: Path, channel: str | None = None) -> list[LogFile]:
    """The files of the log, by channel and date; of all channels or of one."""
    found = []
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        match = _NAME.fullmatch(path.name)
        if match is not None and channel in (None, match[1]):
            with contextlib.suppress(ValueError):
                found.append(LogFile(path, match[1], date.fromisoformat(match[2])))
    return found


def read(
    folder: Path, channels: Iterable[str], start_us: int = 0, end_us: int = 1 << 62
) -> list[AsRunRecord]:
    """Every run of ``channels`` that touches ``[start_us, end_us)``, by channel and time.

    Raises ``AsRunError``.
    """
    import duckdb

    wanted = set(channels)
    trouble = ""
    for _ in range(_PATIENCE):
        chosen = [f.path for f in files(folder) if f.channel in wanted and _near(f.date, start_us, end_us)]
        before = _marks(chosen)
        try:
            found = _read(chosen, start_us, end_us)
        except duckdb.Error as error:
            trouble = str(error).partition("\n")[0]
        else:
            # A day that was archived between the look into the folder and the look into the file is missed.
            chosen = [
                f.path for f in files(folder) if f.channel in wanted and _near(f.date, start_us, end_us)
            ]
            if _marks(chosen) == before:
                return found
    raise AsRunError(f"the as-run log in {folder} can't be read: {trouble or 'it changes all the time'}")


def _marks(paths: list[Path]) -> list[tuple[Path, int, int]]:
    """Which files these are; one that is appended to stays the same."""
    found = []
    for path in paths:
        with contextlib.suppress(OSError):
            stat = path.stat()
            found.append((path, stat.st_ino, stat.st_mtime_ns if path.suffix == ARCHIVED else 0))
    return found


def due(folder: Path, over: Callable[[str, date], bool]) -> list[Path]:
    """The days of JSON Lines that are ``over``."""
    return [file.path for file in files(folder) if not file.archived and over(file.channel, file.date)]


def archive(lines: Iterable[Path]) -> list[Path]:
    """Make one Parquet file of each of these days of JSON Lines; returns the new files.

    Whole or not at all: it is written beside, flushed to the disk and renamed before the lines go. A day
    that somebody is writing to is left for the next time. Raises ``OSError``.
    """
    import duckdb

    made = []
    for path in lines:
        try:
            if _archive(path):
                made.append(path.with_suffix(ARCHIVED))
        except duckdb.Error as error:
            log.warning("as-run: %s can't be archived: %s", path, str(error).partition("\n")[0])
    return made


def _archive(lines: Path) -> bool:
    target = lines.with_suffix(ARCHIVED)
    beside = target.with_name(f".{target.name}.{os.getpid()}.new")
    with _alone(lines) as alone:
        if not alone:
            return False
        try:
            sources = [lines, *([target] if target.exists() else [])]
            with _connected(sources) as connection:
                connection.execute(
                    f"COPY ({_RUNS} ORDER BY start_us, session, run) TO {_quoted(beside)} "
                    "(FORMAT parquet, COMPRESSION zstd)"
                )
            fsync(beside)
            beside.replace(target)
            fsync(target.parent)
            lines.unlink()
            fsync(target.parent)
        finally:
            beside.unlink(missing_ok=True)
    return True


@contextlib.contextmanager
def _alone(path: Path) -> Iterator[bool]:
    """Does nobody write to it, and will nobody until we are done?"""
    handle = os.open(path, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield True
        except BlockingIOError:
            yield False
    finally:
        os.close(handle)


# --- DuckDB ----------------------------------------------------------------------------------------


def _column(name: str) -> str:
    if name in ("session", "run"):
        return name
    return f"{_GROWING.get(name, 'any_value')}({name}) AS {name}"


#: The runs of table ``line``: any_value is the first that isn't null, so the line that describes the run.
_COLUMNS = ", ".join(_column(name) for name in schema.AS_RUN.names)
_RUNS = f"""
    SELECT {_COLUMNS} FROM line WHERE session IS NOT NULL AND run IS NOT NULL GROUP BY session, run
    HAVING any_value(channel) IS NOT NULL AND any_value(first_tick) IS NOT NULL
           AND any_value(broadcast_date) IS NOT NULL AND max(ticks) > 0
"""  # noqa: S608  names from schema.py


@contextlib.contextmanager
def _connected(paths: list[Path]) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection with the lines of ``paths`` in its table ``line``. Raises ``duckdb.Error``."""
    import duckdb

    picked = f"COLUMNS('^({'|'.join(schema.AS_RUN.names)})$')"
    columns = ", ".join(f"'{name}': '{kind}'" for name, kind, _ in schema.AS_RUN.columns)
    with duckdb.connect(":memory:", config=settings()) as connection:
        connection.execute(schema.AS_RUN.ddl.replace(f"TABLE {schema.AS_RUN.name}", "TABLE line"))
        for path in paths:
            if path.suffix == ARCHIVED:
                source, more = "read_parquet(?)", ""
            else:
                source = (
                    f"read_json(?, columns={{{columns}}}, format='newline_delimited', ignore_errors=true)"
                )
                # A torn line reads as a row of nulls.
                more = " WHERE session IS NOT NULL"
            # By name: what an earlier version archived has fewer columns.
            rows = f"SELECT {picked} FROM {source}{more}"  # noqa: S608  names from schema.py
            connection.execute(f"INSERT INTO line BY NAME {rows}", [_literal(path)])
        yield connection


def _read(paths: list[Path], start_us: int, end_us: int) -> list[AsRunRecord]:
    with _connected(paths) as connection:
        rows = connection.execute(
            f"SELECT * FROM ({_RUNS}) WHERE end_us > ? AND start_us < ? "  # noqa: S608  our own words
            "ORDER BY channel, start_us, session, run",
            [start_us, end_us],
        ).fetchall()
    return [_record(row) for row in rows]


def _record(row: tuple[Any, ...]) -> AsRunRecord:
    values = dict(zip(schema.AS_RUN.names, row, strict=True))
    # A line leaves out what is empty.
    for name, kind, _ in schema.AS_RUN.columns:
        if values[name] is None and name not in ("segment_date", "seq", "in_us", "frame_from", "frame_to"):
            values[name] = "" if kind == "VARCHAR" else 0 if kind == "BIGINT" else False
    return AsRunRecord(**values)


def _near(on: date, start_us: int, end_us: int) -> bool:
    """May the file of this broadcast date hold something of the interval? A date is a day and a bit long."""
    spare = timedelta(days=2)
    first = from_us(max(start_us, 0)).date() - spare if start_us > 0 else date.min
    last = from_us(end_us).date() + spare if end_us < 1 << 61 else date.max
    return first <= on <= last


def _literal(path: Path) -> str:
    """The path as DuckDB's reader takes it: it may name several with wildcards."""
    return "".join(f"[{c}]" if c in "*?[" else c for c in str(path))


def _quoted(path: Path) -> str:
    """A SQL string literal; COPY takes no parameters."""
    return "'" + str(path).replace("'", "''") + "'"


def main(argv: Sequence[str] | None = None) -> int:
    """Archive the files that standard input names (JSON), as an errand of the station on the air: DuckDB
    takes more memory than everything else there."""
    logging.basicConfig(format="%(message)s")
    try:
        said: list[Any] = [0, [str(path) for path in archive(map(Path, json.loads(sys.stdin.read())))], ""]
    except OSError as error:
        said = [0, [], error.strerror or str(error)]
    sys.stdout.write(json.dumps(said) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
