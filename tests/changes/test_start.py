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
    "retrovue.station.load",
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
