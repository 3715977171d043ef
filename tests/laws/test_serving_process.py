"""What the process on the air is made of: it goes on for months, so what it doesn't need, it doesn't load."""

from __future__ import annotations

import subprocess
import sys

#: A hundred megabytes between them: what reads YAML, what compiles, what asks the artefact, what draws.
_ELSEWHERE = ("duckdb", "numpy", "pydantic", "ruamel", "av", "resvg_py", "retrovue.station.model")


def test_signing_on_loads_neither_what_reads_yaml_nor_what_reads_artefacts() -> None:
    program = (
        "import sys, retrovue.sign_on, retrovue.cli.serve, retrovue.playout.as_run_log\n"
        f"print([name for name in {_ELSEWHERE!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
