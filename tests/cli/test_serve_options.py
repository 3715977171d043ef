"""``retrovue serve``: what it refuses before it goes on the air."""

from __future__ import annotations

import signal
import subprocess
import sys
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
        (["--at", "9999-12-31T23:59:59+00:00"], 1, "beyond the calendar"),
        (["--at", "1960-01-01T00:00:00Z"], 1, "beyond the calendar"),
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


def _ignore_hangups() -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)


@pytest.mark.parametrize("nohup", [False, True])
def test_a_terminal_that_is_closed_signs_the_station_off(tmp_path: Path, nohup: bool) -> None:
    write(tmp_path / "tiny")
    anywhere = [f"--{port}-port=0" for port in ("http", "stream", "control", "htsp", "tvheadend")]
    with subprocess.Popen(
        [
            *(sys.executable, "-m", "retrovue", "serve", str(tmp_path / "tiny"), *anywhere, "--no-zeroconf"),
            *("--state", str(tmp_path / "state"), "--bind", "127.0.0.1", "--discovery", "off"),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=_ignore_hangups if nohup else None,
    ) as serve:
        try:
            assert serve.stdout is not None
            assert serve.stderr is not None
            for line in serve.stdout:
                if line.startswith(b"playlist"):
                    break
            serve.stdout.close()  # nobody reads what it says any more
            serve.stderr.close()
            status = Path(f"/proc/{serve.pid}/status").read_text()
            ignored = int(
                next(line for line in status.splitlines() if line.startswith("SigIgn:")).split()[1], 16
            )
            assert bool(ignored & 1 << signal.SIGHUP - 1) == nohup
            serve.send_signal(signal.SIGTERM if nohup else signal.SIGHUP)
            assert serve.wait(60) == 0
        finally:
            serve.kill()
    assert not (tmp_path / "state" / "on-air.url").exists()
