"""A real Dask scheduler and two worker processes share ingest and conform; one is killed in the middle."""

from __future__ import annotations

import json
import shutil
import signal
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("distributed", reason="Dask is not installed")

from fixtures.media.barcode import Clip, make
from retrovue.cli.executors import open_workers, parse_executor
from retrovue.errors import RetroVueError
from retrovue.library.adapters import FoundMedia
from retrovue.library.catalog import Asset, AssetState
from retrovue.library.enrichers.probe import ProbeEnricher, ProbeSettings
from retrovue.library.ingest import Ingested, Survey, ingest
from retrovue.library.lock_lines import LockLines
from retrovue.playout.house_copy import HouseCopy
from retrovue.station.model import Collection
from tests.cli.run import run
from tests.cli.test_conform import ASSET, STATION, copies
from tests.library.cluster import Cluster, Trace, TraceSettings, running, told
from tests.library.media import make as make_media
from tests.tools.broadcast import free_port, until

pytestmark = pytest.mark.on_air
FILES = 24


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with running(tmp_path_factory.mktemp("cluster"), workers=2) as cluster:
        yield cluster


def test_a_whole_collection_is_conformed_by_the_workers(cluster: Cluster, tmp_path: Path) -> None:
    (tmp_path / "station.yaml").write_text(STATION)
    (tmp_path / "media").mkdir()
    shutil.copyfile(make(Clip(asset=61, frames=300)), tmp_path / "media" / "Long.mp4")
    dask = ("--executor", f"dask://{cluster.address}")
    assert run("ingest", str(tmp_path), "--state", str(tmp_path / "state"), "--quiet", *dask).code == 0
    words = ("--station", str(tmp_path), "--state", str(tmp_path / "state"), "--quiet", "--json", *dask)
    ran = run("conform", "--collection", "tv", *words)
    assert ran.code == 0, ran.err
    made = json.loads(ran.out)["copies"]
    assert [(c["asset"], c["format"], c["made"]) for c in made] == [
        (ASSET, "360p at 29.97", True),
        (ASSET, "360p at 25", True),
    ]
    assert {Path(c["file"]) for c in made} == set(copies(tmp_path))
    for document in made:
        with HouseCopy(Path(document["file"])) as copy:
            assert copy.damage() == ""
    again = json.loads(run("conform", "--collection", "tv", *words).out)
    assert [c["made"] for c in again["copies"]] == [False, False]
    # What a worker can't make is said here.
    (tmp_path / "media" / "Long.mp4").write_bytes(b"no film")
    ran = run("conform", ASSET, *words)
    assert ran.code == 1
    assert ran.err.startswith(f"error: {ASSET}: ")
    assert "Traceback" not in ran.err


def test_a_worker_is_killed_in_the_middle_nothing_is_lost_nothing_twice(
    cluster: Cluster, tmp_path: Path
) -> None:
    original = make_media(tmp_path / "original.mp4")
    found = []
    for number in range(FILES):
        file = tmp_path / "media" / f"{number:02}.mp4"
        file.parent.mkdir(exist_ok=True)
        if number == 7:
            file.write_bytes(b"no film")
        else:
            shutil.copy(original, file)
            with file.open("ab") as end:
                end.write(b"\0\0\0\x09free" + bytes([number]))
        size = file.stat().st_size
        found.append(FoundMedia(Asset("tv", file.stem, path=file.name, size=size), file))
    journal = tmp_path / "journal"
    outcome: list[Ingested] = []

    def work() -> None:
        with open_workers(parse_executor(f"dask://{cluster.address}"), 1) as workers:
            assert workers.at_once == 2
            outcome.append(
                ingest(
                    Survey(tuple(found), (), frozenset()),
                    {"tv": Collection(collection="tv", source={"kind": "filesystem", "path": "media"})},
                    [ProbeEnricher(ProbeSettings()), Trace(TraceSettings(journal=journal))],
                    LockLines(),
                    workers=workers,
                )
            )

    thread = threading.Thread(target=work)
    thread.start()
    victim = cluster.processes[-1]

    def in_the_middle() -> bool:
        lines = [line for line in told(journal) if line[1] == victim.pid]
        return len(lines) > 3 and lines[-1][0] == "begin"

    until(in_the_middle, 60, "the second worker is in the middle of its work", every=0.01)
    victim.send_signal(signal.SIGKILL)
    victim.wait()
    thread.join(120)
    (done,) = outcome
    # Nothing is lost, and nothing is there twice: one line of the lock or one finding for each file.
    good = [f"tv/{n:02}" for n in range(FILES) if n != 7]
    assert [asset.id for asset in done.assets] == good
    assert all(asset.state is AssetState.READY and asset.frames == 30 for asset in done.assets)
    assert [(f.code, f.path) for f in done.findings] == [("unreadable-media", "07.mp4")]
    assert (list(done.arrived), done.looked_into) == (good, FILES - 1)
    # The other worker did everything once; only what the dead one had begun was begun again.
    lines = told(journal)
    survivor = [key for what, pid, key in lines if what == "end" and pid != victim.pid]
    assert len(survivor) == len(set(survivor))
    twice = {key for key, count in Counter(k for what, _, k in lines if what == "begin").items() if count > 1}
    assert twice <= {key for what, pid, key in lines if what == "begin" and pid == victim.pid}
    assert 1 <= len(twice) <= 3, lines
    assert {key for what, _, key in lines if what == "end"} == {g.removeprefix("tv/") for g in good}


def test_a_scheduler_that_is_not_there_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("retrovue.cli.executors._PATIENCE_S", 1)
    nowhere = open_workers(parse_executor(f"dask://127.0.0.1:{free_port()}"), 1)
    with pytest.raises(RetroVueError, match="no Dask scheduler answers at tcp://"):
        nowhere.__enter__()
