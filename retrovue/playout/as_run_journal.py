"""As-run journal: writes what left the station, at most a second after it left; never stops playout.

One file a channel and broadcast date, append-only JSON Lines. The first line of a run says all of it; while
the run goes on, and when it ends, short lines of the same session and run number say how far it has come,
and the longest counts. So a power cut costs the last second and no more: what it leaves is whole lines, and
at most one torn one, which readers pass over and the next line begins behind. The run that was on the air
then is not closed; the first line of the next sign-on says that it broke off.

One thread writes for all channels. When it can't, the operator is told once, records are kept in memory up
to a limit, and what had to be thrown away is written down as such when the disk is there again.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import fcntl
import json
import logging
import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path

from retrovue.broadcast_day import Calendar
from retrovue.clock import MasterClock
from retrovue.playout.as_run import AsRunRecord, RunLog, line_of
from retrovue.playout.errand import Errand, ErrandFailed, send
from retrovue.playout.playlog import Playlog
from retrovue.playout.producers.base import Origin
from retrovue.playout.ticks import TickGrid

log = logging.getLogger(__name__)

#: From one round of writing to the next (real seconds); with the write itself well below a second.
EVERY_S = 0.7
SUFFIX = ".jsonl"
#: So many bytes at the end of a file hold a whole line of it for certain, and a torn one behind it.
_TAIL = 1 << 16
#: Archiving a day of a thousand channels takes a minute (real seconds).
_ARCHIVE_PATIENCE_S = 900.0


def file_name(channel: str, on: date) -> str:
    """Name of the file, without its suffix, that holds a channel's broadcast date."""
    return f"{channel}-{on.isoformat()}"


class AsRunJournal:
    """The as-run of every channel, in ``folder``; None writes nothing.

    ``tell`` shows a text to the operator; empty: it is over.
    """

    def __init__(
        self,
        folder: Path | None,
        clock: MasterClock,
        tell: Callable[[str], None] = lambda text: None,
        new_session: Callable[[], str] = lambda: os.urandom(6).hex(),
    ) -> None:
        self._folder, self._clock, self.tell, self._new_session = folder, clock, tell, new_session
        self._logs: dict[RunLog, None] = {}  #: on the air, or with something to write; in order
        self._described: set[tuple[str, int]] = set()  #: open runs whose first line is on the disk
        self._writer: asyncio.Task[None] | None = None
        self._closing = asyncio.Event()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="as-run")
        self._trouble = ""
        self._looked_back = False

    def channel(self, channel: str, grid: TickGrid, calendar: Calendar, lead_us: int) -> AsRun:
        """A new log of ``channel``."""
        return AsRun(self, RunLog(channel, grid, calendar, lead_us, self._new_session))

    def wake(self, runs: RunLog) -> None:
        """``runs`` has something new; it is looked at every round until its channel is off the air."""
        if self._folder is None:
            return
        self._logs[runs] = None
        if self._writer is None:
            self._writer = asyncio.create_task(self._write_on(), name="as-run journal")

    async def flush(self) -> None:
        """Return once everything is on the disk, or can't be written."""
        if self._logs:
            await self._round()

    async def close(self) -> None:
        """Write the last, and leave no thread behind."""
        self._closing.set()
        if self._writer is not None:
            await asyncio.shield(self._writer)
        await self.flush()
        left = sum(len(runs.take()) for runs in self._logs)
        if left:
            log.error("as-run: %d records are lost: %s", left, self._trouble)
        self._thread.shutdown()

    async def archive(self, over: Callable[[str, date], bool]) -> None:
        """Make one file of each day that is ``over`` (channel, broadcast date). Raises nothing."""
        from retrovue.playout.as_run_log import due

        if self._folder is None or self._closing.is_set():
            return
        try:
            loop = asyncio.get_running_loop()
            await loop.run_in_executor(self._thread, self._look_back, self._folder)
            days = await loop.run_in_executor(self._thread, due, self._folder, over)
            if not days:
                return
            request = json.dumps([str(path) for path in days]).encode()
            line, _ = await send(
                Errand("retrovue.playout.as_run_log", request, _ARCHIVE_PATIENCE_S), self._clock
            )
            _, made, trouble = json.loads(line)
        except (OSError, RuntimeError, ErrandFailed) as error:
            log.warning("as-run can't be archived in %s: %s", self._folder, error)
            return
        if trouble:
            log.warning("as-run can't be archived in %s: %s", self._folder, trouble)
        for file in made:
            log.info("as-run: %s is complete", Path(file).name)

    async def _write_on(self) -> None:
        """Rounds of writing, until no channel is on the air and nothing is left to write."""
        try:
            while self._logs and not self._closing.is_set():
                await self._round()
                try:
                    async with self._clock.deadline(EVERY_S):
                        await self._closing.wait()
                except TimeoutError:
                    continue
        finally:
            self._writer = None

    async def _round(self) -> None:
        taken = [(runs, runs.take()) for runs in self._logs]
        records = [record for _, some in taken for record in some]
        if records and self._folder is not None:
            described = frozenset(self._described)
            try:
                await asyncio.get_running_loop().run_in_executor(
                    self._thread, self._write, self._folder, records, described
                )
            except OSError as error:
                self._fail(f"{error.strerror or error}")
            except RuntimeError as error:  # no thread can be had: the process is at its limits
                self._fail(str(error))
            else:
                self._done(taken, records)
        for runs in [r for r in self._logs if not r.on_air and not r.take()]:
            self._logs.pop(runs, None)

    def _write(self, folder: Path, records: list[AsRunRecord], described: frozenset[tuple[str, int]]) -> None:
        self._look_back(folder)
        append(folder, records, described)

    def _look_back(self, folder: Path) -> None:
        """Once, in the thread that writes, before it writes: what is open then is nobody's any more."""
        if self._looked_back:
            return
        self._looked_back = True
        try:
            if count := break_off(folder):
                log.warning("as-run: the station was ended in the midst of %d runs: they broke off", count)
        except OSError as error:
            log.warning("as-run: what broke off can't be told in %s: %s", folder, error.strerror or error)

    def _done(self, taken: Iterable[tuple[RunLog, list[AsRunRecord]]], records: list[AsRunRecord]) -> None:
        for runs, some in taken:
            runs.wrote(some)
        for record in records:
            if record.closed:
                self._described.discard(record.key)
            else:
                self._described.add(record.key)
        if self._trouble:
            log.info("as-run is written again")
            self._trouble = ""
            self.tell("")

    def _fail(self, why: str) -> None:
        for runs in self._logs:
            runs.failed(why)
        if not self._trouble:
            self.tell(f"as-run can't be written to {self._folder}: {why}; the channels go on")
        self._trouble = why


class AsRun:
    """What a channel's switcher needs of the journal."""

    def __init__(self, journal: AsRunJournal, runs: RunLog) -> None:
        self._journal, self.runs = journal, runs

    def tick(self, tick: int, origin: Origin, emitted_us: int) -> None:
        """``tick`` has left, showing ``origin``."""
        self.runs.tick(tick, origin, emitted_us)
        self._journal.wake(self.runs)

    def authorise(self, playlog: Playlog, artefact: str, generation: int) -> None:
        """Runs that begin from now on are authorised by this playlog."""
        self.runs.authorise(playlog, artefact, generation)

    async def end(self) -> None:
        """The channel is off the air; returns once that is on the disk."""
        self.runs.end()
        await self._journal.flush()


# --- files -----------------------------------------------------------------------------------------


def append(folder: Path, records: list[AsRunRecord], described: frozenset[tuple[str, int]]) -> None:
    """Append ``records`` to their files and return when they are on the disk. Raises ``OSError``.

    Runs in ``described`` have their first line there already. Whole lines or nothing: what a full disk
    took of a line is taken back. A record that was written in spite of an error may be written again.
    """
    if not folder.is_dir():
        folder.mkdir(parents=True, exist_ok=True)
        fsync(folder.parent)
    lines: dict[str, list[str]] = {}
    begun = set(described)
    for record in records:
        said = line_of(record, full=record.key not in begun)
        begun.add(record.key)
        line = json.dumps(said, ensure_ascii=False, separators=(",", ":")) + "\n"
        lines.setdefault(file_name(record.channel, record.broadcast_date) + SUFFIX, []).append(line)
    for name, some in lines.items():
        _append(folder / name, "".join(some).encode("utf-8", "replace"))


def break_off(folder: Path) -> int:
    """Say of every run that is still open that it broke off; returns how many. Nothing may be on the air.

    Raises ``OSError``.
    """
    count = 0
    for file in sorted(folder.glob(f"*{SUFFIX}")):
        if (run := _open_run(file)) is not None:
            said = {"session": run[0], "run": run[1], "broken_off": True}
            _append(file, json.dumps(said, separators=(",", ":")).encode() + b"\n")
            count += 1
    return count


def _open_run(file: Path) -> tuple[str, int] | None:
    """Session and number of the run with which the file ends, unless that is closed or broke off.

    A channel is on the air once at a time, so it is the only one that may be open.
    """
    with file.open("rb") as lines:
        lines.seek(max(0, file.stat().st_size - _TAIL))
        tail = lines.read()
    for line in reversed(tail.split(b"\n")):
        try:
            said = json.loads(line)
            run = str(said["session"]), int(said["run"])
        except (ValueError, TypeError, KeyError):
            continue  # torn, or none
        return None if said.get("closed") or said.get("broken_off") else run
    return None


def _append(file: Path, data: bytes) -> None:
    new = not file.exists()
    handle = _open(file)
    try:
        size = os.fstat(handle).st_size
        # A line that a power cut tore off must not swallow the next one.
        if size and os.pread(handle, 1, size - 1) != b"\n":
            data = b"\n" + data
        try:
            _write(handle, data)
            os.fsync(handle)
        except OSError:
            try:
                os.ftruncate(handle, size)
            except OSError as error:  # then the torn line stays, and readers pass over it
                log.debug("as-run: %s: %s", file, error)
            raise
    finally:
        os.close(handle)
    if new:
        fsync(file.parent)


def _write(handle: int, data: bytes) -> None:
    while data:
        count = os.write(handle, data)
        if not count:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        data = data[count:]


def _open(file: Path) -> int:
    """Open for appending under a shared lock: whoever archives a file wants it for itself."""
    while True:
        handle = os.open(file, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            with contextlib.suppress(OSError):  # a file system without locks has no archivist either
                fcntl.flock(handle, fcntl.LOCK_SH)
            if os.fstat(handle).st_nlink:
                return handle
        except BaseException:
            os.close(handle)
            raise
        os.close(handle)  # it was archived between the two: begin a new one


def fsync(path: Path) -> None:
    """What was done to the file or folder is on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
