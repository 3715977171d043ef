"""What `why` and `guide` load: an answer from the artefact needs neither the YAML reader nor the compiler."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.changes.conftest import AS_OF
from tests.cli.run import run

HEAVY = (
    "ruamel",
    "pydantic",
    "asyncio",
    "rich",
    "retrovue.station.load",
    "retrovue.station.model",
    "retrovue.compiler.compile",
    "jinja2",
    "aiohttp",
    "holidays",
    "av",
)


@pytest.mark.parametrize(
    "arguments",
    [
        ("why", "5.1", "2026-06-01 20:10"),
        ("guide", "--from", "2026-06-01"),
        ("sql", "select 1"),
        ("rollback", "--list"),
    ],
    ids=lambda arguments: arguments[0],
)
def test_an_answer_from_the_artefact_loads_little(
    arguments: tuple[str, ...], folder: Path, tmp_path: Path
) -> None:
    artefact = tmp_path / "artefact.duckdb"
    compiled = ("compile", str(folder), "--from", "2026-06-01", "--days", "1", "--as-of", AS_OF, "--quiet")
    assert run(*compiled, "--output", str(artefact)).code == 0
    program = (
        "import sys; from retrovue.cli.main import main; code = main(sys.argv[1:]);"
        f"print([m for m in {HEAVY!r} if m in sys.modules], file=sys.stderr); sys.exit(code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments, "--artefact", str(artefact), "--quiet"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "[]\n")


def _loaded(*arguments: str) -> tuple[int, str]:
    """What a command loads of what is heavy, and its exit code."""
    program = (
        "import sys; from retrovue.cli.main import main; code = main(sys.argv[1:]);"
        f"print([m for m in {HEAVY!r} if m in sys.modules], file=sys.stderr); sys.exit(code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments, "--quiet"], capture_output=True, text=True, check=False
    )
    return done.returncode, done.stderr


def test_a_station_is_not_read_where_its_artefact_answers(folder: Path, tmp_path: Path) -> None:
    """Neither by the guide of a station folder nor by a compile that has nothing to do."""
    state = ("--state", str(tmp_path / "state"))
    compiled = ("compile", str(folder), "--from", "2026-06-01", "--days", "1", "--as-of", AS_OF, *state)
    assert run(*compiled, "--quiet").code == 0
    assert _loaded("guide", str(folder), "--from", "2026-06-01", "--hours", "5", *state) == (0, "[]\n")
    assert _loaded(*compiled) == (0, "[]\n")
    # What it doesn't cover is still compiled in memory.
    code, loaded = _loaded("guide", str(folder), "--from", "2026-07-01", *state)
    assert code == 0
    assert "retrovue.station.load" in loaded


def test_a_check_of_a_station_that_it_knows_reads_no_yaml(
    folder: Path,
) -> None:
    with (folder / "channel.yaml").open("a") as out:
        out.write("# a small station is read as quickly as its trees\n" * 2500)
    assert run("check", str(folder), "--quiet").code == 0
    program = (
        "import sys; from retrovue.cli.main import main; main(sys.argv[1:]);"
        "print([m for m in ('ruamel', 'duckdb', 'asyncio', 'jinja2') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, "check", str(folder), "--quiet"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "[]\n"
