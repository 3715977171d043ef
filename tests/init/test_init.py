"""``retrovue init``: what it writes is a station that passes its own checks, and nothing is overwritten."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from retrovue.cli.init import slug_of
from retrovue.cli.main import main
from retrovue.library.catalog import Asset, AssetState
from retrovue.library.lock import read_lock, write_lock
from retrovue.units import HOUR_US

#: Hypothesis takes longer to be imported than all the rest; a station's repository has none.
WITHOUT = ("-p", "no:hypothesispytest")


def files(folder: Path) -> dict[str, bytes]:
    return {f.relative_to(folder).as_posix(): f.read_bytes() for f in folder.rglob("*") if f.is_file()}


@pytest.mark.parametrize("name", ["Retro Television", 'Télé: "Où?" # & Sons', "7", "{{ 7 * 7 }}", "Off"])
def test_the_station_passes_its_own_checks(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "new"
    assert main(["init", str(folder), "--name", name, "--station", "mine"]) == 0
    assert main(["check", str(folder)]) == 0
    state = str(tmp_path / "state")
    assert main(["compile", str(folder), "--state", state, "--json"]) == 0
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (told["channels"], told["diagnostics"]) == (1, [])
    from retrovue.station.load import require_station

    assert require_station(folder).station.name == name


@pytest.mark.parametrize("name", ["Retro", "東京テレビ"])
def test_its_own_tests_pass_and_can_fail(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "new"
    assert main(["init", str(folder), "--timezone", "Europe/Berlin", "--name", name]) == 0
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *WITHOUT]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    plan = folder / "plans" / "every-day.yaml"
    plan.write_text(plan.read_text().replace("20:00", "21:00"))
    changed = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert changed.returncode == 1
    assert "1 failed, 2 passed" in changed.stdout


def test_what_two_branches_found_is_merged_without_a_conflict(tmp_path: Path) -> None:
    folder = tmp_path / "new"
    assert main(["init", str(folder), "--station", "mine"]) == 0

    def git(*words: str) -> str:
        who = ("-c", "user.name=Ann", "-c", "user.email=ann@example.org")
        command = ["git", "-C", str(folder), *who, *words]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    def found(*keys: str) -> None:
        catalog = [
            Asset("films", k, AssetState.READY, True, f"{k}.mp4", duration_us=HOUR_US)
            for k in ("a", "z", *keys)
        ]
        write_lock(folder, catalog)
        git("add", "-A")
        git("commit", "-q", "-m", " ".join(keys) or "first")

    git("init", "-q", "-b", "main")
    found()
    git("checkout", "-q", "-b", "theirs")
    found("c", "e", "m", "n")
    git("checkout", "-q", "main")
    found("b", "d", "m", "n")  # both found m and n
    git("merge", "-q", "--no-edit", "theirs")
    assert list(read_lock(folder).assets) == [f"films/{key}" for key in "abcdemnz"]


def test_nothing_is_overwritten(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "README.md").write_text("mine")
    (tmp_path / ".gitignore").symlink_to(tmp_path / "nowhere")
    assert main(["init", str(tmp_path), "--station", "mine"]) == 0
    assert (tmp_path / "README.md").read_text() == "mine"
    assert not (tmp_path / "nowhere").exists()
    assert "= README.md is there" in capsys.readouterr().err
    before = files(tmp_path)
    assert main(["init", str(tmp_path), "--station", "other"]) == 1
    assert "there is a station" in capsys.readouterr().err
    assert files(tmp_path) == before


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--station", "Not A Slug"], "is no slug"),
        (["--timezone", "Mars/Olympus"], "no time zone"),
        (["--timezone", "../../etc/passwd"], "no time zone"),
        (["--number", "five"], "no channel number"),
        (["--name", "two\nlines"], "one line"),
    ],
)
def test_bad_words_are_refused_before_anything_is_written(
    arguments: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["init", str(tmp_path / "new"), *arguments]) == 1
    assert said in capsys.readouterr().err
    assert not (tmp_path / "new").exists()


def test_a_file_is_no_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "new").write_text("")
    assert main(["init", str(tmp_path / "new")]) == 1
    assert "is a file" in capsys.readouterr().err


def test_what_is_for_other_programs_can_be_read_by_them(tmp_path: Path) -> None:
    assert main(["init", str(tmp_path), "--name", "x: y"]) == 0
    settings = json.loads((tmp_path / ".vscode/settings.json").read_text())
    for schema, patterns in settings["yaml.schemas"].items():
        assert json.loads((tmp_path / schema).read_text())["$schema"]
        assert all(list(tmp_path.glob(pattern)) for pattern in patterns)
    for name in (".pre-commit-config.yaml", ".github/workflows/station.yaml"):
        assert YAML(typ="safe").load((tmp_path / name).read_text())
    for file in tmp_path.rglob("*.yaml"):
        for line in file.read_text().splitlines():
            if line.startswith("# yaml-language-server"):
                assert (file.parent / line.rpartition("$schema=")[2]).is_file()


def test_slugs() -> None:
    assert slug_of("Retro Télévision 5!") == "retro-television-5"
    assert slug_of("日本") == "station"
    assert len(slug_of("a b " * 100)) <= 60


def test_it_does_not_run_what_is_there(tmp_path: Path) -> None:
    """A folder that others wrote into: their conftest is not ours to run."""
    (tmp_path / "conftest.py").write_text("raise SystemExit('ran')")
    assert main(["init", str(tmp_path)]) == 0
    assert (tmp_path / "tests").is_dir()


def test_what_to_do_next_can_be_pasted_into_a_shell(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "my television"
    assert main(["init", str(folder), "--name", "Mine"]) == 0
    said = capsys.readouterr().out
    assert f"retrovue check '{folder}' finds" in said
    assert f"retrovue serve '{folder}' puts" in said
