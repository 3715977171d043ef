"""``retrovue serve``: what it refuses before it goes on the air."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.run import run
from tests.playout.test_schedule_service import write


@pytest.mark.parametrize(
    ("options", "code", "complaint"),
    [
        (["--speed", "0"], 2, "no speed"),
        (["--speed", "fast"], 2, "no speed"),
        (["--speed", "1e9"], 2, "no speed"),
        (["--speed", "nan"], 2, "no speed"),
        (["--at", "noonish"], 1, "no time"),
        (["--at", "2026-02-30 12:00"], 1, "no time"),
    ],
)
def test_times_and_speeds_that_make_no_sense(
    tmp_path: Path, options: list[str], code: int, complaint: str
) -> None:
    write(tmp_path / "tiny")
    ran = run("serve", str(tmp_path / "tiny"), "--state", str(tmp_path / "state"), *options)
    assert ran.code == code
    assert complaint in ran.err
    assert "Traceback" not in ran.err
    assert not (tmp_path / "state").exists()
