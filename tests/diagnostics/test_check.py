"""``retrovue check`` as its user meets it."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
from syrupy.assertion import SnapshotAssertion

from tests.laws.tree import ROOT
from tests.station.build import STATION, write

TEN = "fixtures/stations/ten-mistakes"


def check(*arguments: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "retrovue", "check", *arguments]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("style", ["full", "concise", "github"])
def test_ten_mistakes_are_told_in_one_run(style: str, snapshot: SnapshotAssertion) -> None:
    ran = check(TEN, "--format", style)
    assert ran.returncode == 1
    assert ran.stderr.strip().endswith("10 errors in 1 file")
    assert "Traceback" not in ran.stderr
    assert ran.stdout == snapshot


def test_ten_mistakes_are_ten_different_ones() -> None:
    ran = check(TEN, "--format", "json")
    assert ran.returncode == 1
    found = json.loads(ran.stdout)
    assert len({d["code"] for d in found}) == len(found) == 10
    assert {d["severity"] for d in found} == {"error"}


def test_a_sound_station(tmp_path: Path) -> None:
    write(tmp_path, {"station.yaml": STATION})
    ran = check(str(tmp_path))
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "no mistakes in 1 file\n")
    assert check(str(tmp_path), "--quiet").stderr == ""
    assert check(".", cwd=tmp_path).returncode == 0


def test_a_warning_alone_is_no_failure(tmp_path: Path) -> None:
    write(tmp_path, {"station.yaml": STATION, "empty.yaml": ""})
    ran = check(str(tmp_path), "--format", "concise")
    assert ran.returncode == 0
    assert ran.stdout.endswith(
        "empty.yaml:1:1: warning[empty-document] nothing is written here (delete it, or write a noun)\n"
    )
    assert "1 warning in 2 files" in ran.stderr


def test_a_folder_that_is_not_there() -> None:
    ran = check("stations/none")
    assert ran.returncode == 1
    assert "no-folder" in ran.stdout
    assert "Traceback" not in ran.stderr


def test_github_gets_paths_within_the_repository() -> None:
    ran = check(str(ROOT / TEN), "--format", "github")
    assert f"file={TEN}/station.yaml," in ran.stdout


def test_code_scanning_gets_paths_within_the_repository() -> None:
    ran = check(str(ROOT / TEN), "--format", "sarif")
    assert ran.returncode == 1
    (run,) = json.loads(ran.stdout)["runs"]
    uris = {r["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for r in run["results"]}
    assert uris == {f"{TEN}/station.yaml"}


def test_an_adapters_settings_are_checked_too(tmp_path: Path) -> None:
    write(tmp_path, {"station.yaml": STATION, "c.yaml": "collection: c\nsource: {kind: filesytem}\n"})
    ran = check(str(tmp_path), "--format", "concise")
    assert "c.yaml:2:16: error[unknown-source]" in ran.stdout
    assert "did you mean “filesystem”?" in ran.stdout


@pytest.mark.parametrize(("environment", "colored"), [({}, True), ({"NO_COLOR": "1"}, False)])
def test_colours_are_for_terminals(environment: dict[str, str], colored: bool) -> None:
    ours, theirs = pty.openpty()
    inherited = {k: v for k, v in os.environ.items() if k != "NO_COLOR"}
    child = subprocess.Popen(
        [sys.executable, "-m", "retrovue", "check", TEN],
        cwd=ROOT,
        stdout=theirs,
        stderr=subprocess.DEVNULL,
        env={**inherited, **environment},
    )
    os.close(theirs)
    shown = b""
    try:
        while data := os.read(ours, 65536):
            shown += data
    except OSError:  # Linux says EIO when the other side has closed
        pass
    finally:
        os.close(ours)
    assert child.wait(30) == 1
    assert (b"\x1b[1;31m" in shown) is colored
    assert b"\x1b" not in check(TEN).stdout.encode()
