"""A real Dask scheduler and two worker processes compile a station; one is killed in the middle."""

from __future__ import annotations

import json
import os
import signal
import threading
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("distributed", reason="Dask is not installed")

import distributed

from fixtures.synthetic_station import EPOCH, Size, write
from retrovue.store import Artefact
from retrovue.store.schema import TABLES
from tests.cli.run import Ran, run
from tests.library.cluster import running
from tests.tools.broadcast import until

pytestmark = pytest.mark.on_air
CHANNELS = 12


@pytest.fixture
def station(tmp_path: Path) -> Path:
    folder = tmp_path / "station"
    write(folder, Size(CHANNELS, 1200))
    return folder


def compile_it(station: Path, to: Path, *who: str, days: int = 5) -> Ran:
    words = ("compile", str(station), "--state", str(to.parent / "state"), "--output", str(to))
    when = ("--from", EPOCH.isoformat(), "--as-of", f"{EPOCH}T06:00:00-05:00", "--days", str(days))
    return run(*words, *when, "--json", *who)


def content(ran: Ran) -> str:
    assert ran.code == 0, ran.err
    found: str = json.loads(ran.out)["content_hash"]
    return found


def tables(file: Path) -> dict[str, list[tuple[Any, ...]]]:
    """All that stands in an artefact, but for when it was built."""
    with Artefact.open(file) as artefact:
        return {
            table.name: artefact.rows(
                f"SELECT * {'EXCLUDE built_at' if table.name == 'artefact' else ''} "
                f"FROM art.{table.name} ORDER BY ALL"
            )
            for table in TABLES
        }


def in_the_middle(address: str, victim: int) -> bool:
    """Has the worker made some days already, and is it making others?"""
    make: Any = distributed.Client
    with make(f"tcp://{address}", set_as_default=False) as client:
        theirs = {pid: worker for worker, pid in client.run(os.getpid).items()}
        made = [key for key in client.has_what()[theirs[victim]] if str(key).startswith("_compile")]
        return bool(made) and bool(client.processing()[theirs[victim]])


def test_a_worker_is_killed_in_the_middle_and_the_artefact_is_the_same(station: Path, tmp_path: Path) -> None:
    alone, shared = tmp_path / "alone.duckdb", tmp_path / "shared.duckdb"
    whole = content(compile_it(station, alone))
    with running(tmp_path, workers=2) as cluster:
        outcome: list[Ran] = []
        dask = ("--executor", f"dask://{cluster.address}")
        thread = threading.Thread(target=lambda: outcome.append(compile_it(station, shared, *dask)))
        thread.start()
        victim = cluster.processes[-1]
        until(lambda: in_the_middle(cluster.address, victim.pid), 60, "a worker is in the middle", every=0.01)
        victim.send_signal(signal.SIGKILL)
        victim.wait()
        thread.join(120)
        (ran,) = outcome
        assert content(ran) == whole
        # The cluster went on by itself: nothing was left to the one who had asked.
        assert "compiled in one process" not in ran.err
        assert "lose already computed task(s), which will be recomputed elsewhere" in cluster.log()
        # Nothing is lost and nothing there twice: row for row it is what one process writes.
        assert tables(shared) == tables(alone)
        # What is published the workers read for themselves.
        plan = station / "plans" / "004.yaml"
        edited = plan.read_text().replace("22:30: show-004-02", "22:30: show-004-05")
        assert "show-004-05}" in edited
        plan.write_text(edited)
        longer = compile_it(station, shared, *dask, "--base", str(shared), days=6)
    assert content(longer) == content(compile_it(station, alone, "--base", str(alone), days=6))
    assert set(json.loads(longer.out)["changed"]) >= {"ch-004"}
    assert events(shared) == events(alone)


def events(file: Path) -> list[tuple[Any, ...]]:
    return tables(file)["schedule_event"]
