"""The real ``hdhomerun_config`` (Debian package hdhomerun-config), and what it says."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

#: Test runs side by side must not meet on port 65001, which clients can't be told to change.
ADDRESS = f"127.{os.getpid() >> 14 & 0x7F | 0x80}.{os.getpid() >> 7 & 0x7F}.{os.getpid() & 0x7F | 0x80}"


def skip_without() -> None:
    if shutil.which("hdhomerun_config") is None:
        pytest.skip("needs hdhomerun_config (Debian package hdhomerun-config)")


def config(*args: str, address: str = ADDRESS, patience: float = 60) -> subprocess.CompletedProcess[str]:
    """One call of the program."""
    return subprocess.run(
        ["hdhomerun_config", address, *args], capture_output=True, text=True, timeout=patience, check=False
    )


def get(name: str) -> str:
    done = config("get", name)
    assert done.returncode == 0, done.stdout
    return done.stdout.removesuffix("\n")


def set_(name: str, value: str, key: str = "") -> None:
    done = config(*(("key", key) if key else ()), "set", name, value)
    assert (done.returncode, done.stdout) == (0, ""), done.stdout


def scan(tuner: str, file: Path, patience: float = 60) -> tuple[int, dict[int, list[str]]]:
    """A channel scan: how many carriers were looked at, and what was said of those with a signal, by Hz."""
    done = config("scan", tuner, str(file), patience=patience)
    assert done.stderr == ""  # its exit code is 1 even after a scan that went well
    found: dict[int, list[str]] = {}
    at = 0
    for line in file.read_text().splitlines():
        if scanning := re.match(r"SCANNING: (\d+) ", line):
            at = int(scanning[1])
            found[at] = []
        else:
            found[at].append(line)
    dead = "LOCK: none (ss=0 snq=0 seq=0)"
    return len(found), {hz: lines for hz, lines in found.items() if lines != [dead]}
