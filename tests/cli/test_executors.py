"""Who does the work: what an ``--executor`` may say, and processes that do it."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import pytest

from retrovue.cli.compile import who_compiles
from retrovue.cli.executors import Chosen, parse_executor
from retrovue.cli.main import build_parser
from retrovue.workers import cores
from tests.cli.run import run
from tests.cli.test_conform import STATION
from tests.library.media import make


@pytest.mark.parametrize(
    ("text", "chosen"),
    [
        ("threads", Chosen("threads")),
        ("threads:8", Chosen("threads", 8)),
        ("processes:2", Chosen("processes", 2)),
        ("dask://cellar:8786", Chosen("dask", address="tcp://cellar:8786")),
        ("dask://[fd00::7]:8786/", Chosen("dask", address="tcp://[fd00::7]:8786")),
        ("dask+tls://10.0.0.2:8786", Chosen("dask", address="tls://10.0.0.2:8786")),
    ],
)
def test_what_it_may_say(text: str, chosen: Chosen) -> None:
    assert parse_executor(text) == chosen


@pytest.mark.parametrize(
    "text",
    ["", "thread", "threads:0", "processes:-1", "dask://", "dask://cellar", "dask://a b:1", "tcp://a:1"],
)
def test_what_it_may_not_say(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="is no executor: write threads:4, processes:4 or"):
        parse_executor(text)


@pytest.mark.parametrize(
    ("words", "chosen"),
    [
        ([], Chosen("processes", 1)),
        (["--jobs", "3"], Chosen("processes", 3)),
        (["--jobs", "0"], Chosen("processes", cores())),
        (["--executor", "processes"], Chosen("processes", cores())),
        (["--executor", "threads:2"], Chosen("threads", 2)),
        (["--executor", "dask://cellar:8786"], Chosen("dask", address="tcp://cellar:8786")),
        (["--jobs", "2", "--executor", "processes:2"], Chosen("processes", 2)),
        (["--jobs", "0", "--executor", "processes"], Chosen("processes", cores())),
    ],
)
def test_jobs_is_a_short_word_for_an_executor(words: list[str], chosen: Chosen) -> None:
    assert who_compiles(build_parser("compile").parse_args(["compile", "mine", *words])) == chosen


@pytest.mark.parametrize(
    ("jobs", "executor", "short"),
    [
        ("2", "processes:3", "processes:2"),
        ("1", "threads:1", "processes:1"),
        ("4", "dask+tls://cellar:8786", "processes:4"),
    ],
)
def test_two_words_that_disagree_are_said(tmp_path: Path, jobs: str, executor: str, short: str) -> None:
    ran = run("compile", str(tmp_path), "--jobs", jobs, "--executor", executor)
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith(
        f"error: --jobs {jobs} is short for --executor {short}, which --executor {executor} is not\n"
    )


def test_processes_look_into_files_as_threads_do(tmp_path: Path) -> None:
    (tmp_path / "station.yaml").write_text(STATION)
    make(tmp_path / "media" / "a.mp4")
    (tmp_path / "media" / "b.mp4").write_bytes(b"no film")
    words = (str(tmp_path), "--state", str(tmp_path / "state"), "--quiet", "--json")
    ran = run("ingest", *words, "--executor", "processes:1")
    assert ran.code == 0, ran.err
    told = json.loads(ran.out)
    assert (told["arrived"], told["looked_into"]) == (["tv/a"], 1)
    assert [finding["code"] for finding in told["findings"]] == ["unreadable-media"]
    lock = (tmp_path / "catalog.lock" / "tv.jsonl").read_text()
    for file in (tmp_path / "state").iterdir():
        file.unlink()
    assert json.loads(run("ingest", *words, "--executor", "threads:2").out)["looked_into"] == 1
    assert (tmp_path / "catalog.lock" / "tv.jsonl").read_text() == lock
