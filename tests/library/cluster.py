"""A Dask cluster of real processes on the loopback, and an enricher that leaves a trace of its work."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Literal

from pydantic import BaseModel

from retrovue.library.catalog import Asset
from tests.laws.tree import ROOT
from tests.tools.broadcast import free_port, until

#: How long one file takes, so that there is a middle to be killed in (seconds).
WORK_S = 0.25


class TraceSettings(BaseModel):
    kind: Literal["trace"] = "trace"
    journal: Path


class Trace:
    """Writes down which process begins and ends which asset."""

    settings_model: ClassVar[type[BaseModel]] = TraceSettings
    turn: ClassVar[int] = 50
    edition: ClassVar[int] = 1

    def __init__(self, settings: TraceSettings) -> None:
        self.settings = settings

    def enrich(self, asset: Asset, location: Path) -> Asset:
        self._say("begin", asset)
        time.sleep(WORK_S)
        self._say("end", asset)
        return asset

    def _say(self, what: str, asset: Asset) -> None:
        line = f"{what} {os.getpid()} {asset.key}\n".encode()
        file = os.open(self.settings.journal, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        try:
            os.write(file, line)  # at once: lines of several processes don't mix
        finally:
            os.close(file)


def told(journal: Path) -> list[tuple[str, int, str]]:
    """(begin or end, pid, key) in the order in which it happened."""
    lines = journal.read_text().splitlines() if journal.exists() else []
    return [(what, int(pid), key) for what, pid, key in (line.split(" ", 2) for line in lines)]


@dataclass
class Cluster:
    """A scheduler, and workers that nobody starts again."""

    folder: Path
    port: int = field(default_factory=free_port)
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def start(self, workers: int) -> None:
        self._run("scheduler", "--host", "127.0.0.1", "--port", str(self.port), "--no-dashboard", "--no-show")
        for _ in range(workers):
            self._run(
                *("worker", f"tcp://{self.address}", "--no-nanny", "--nthreads", "1", "--no-dashboard"),
                *("--host", "127.0.0.1", "--local-directory", str(self.folder), "--death-timeout", "60"),
            )
        until(lambda: self.log().count("Registered to:") == workers, 90, "the workers have come")

    def log(self) -> str:
        return "".join(file.read_text(errors="replace") for file in self.folder.glob("*.log"))

    def stop(self) -> None:
        for process in reversed(self.processes):
            process.kill()
            process.wait()

    def _run(self, *words: str) -> None:
        with (self.folder / f"{len(self.processes)}.log").open("wb") as log:
            command = [sys.executable, "-m", "dask", *words]
            environment = {**os.environ, "PYTHONPATH": str(ROOT)}
            self.processes.append(
                subprocess.Popen(command, cwd=self.folder, env=environment, stdout=log, stderr=log)
            )


@contextlib.contextmanager
def running(folder: Path, workers: int) -> Iterator[Cluster]:
    cluster = Cluster(folder)
    try:
        cluster.start(workers)
        yield cluster
    except AssertionError as error:
        raise AssertionError(f"{error}\n{cluster.log()}") from None
    finally:
        cluster.stop()
