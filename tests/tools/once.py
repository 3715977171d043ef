"""What costs much and may be shared: made by the first test process that wants it, found by the others."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable
from pathlib import Path

import pytest


def once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], None]) -> Path:
    """A folder of this run of pytest that ``make`` has filled, whichever process it ran in.

    Whoever comes meanwhile waits. A ``make`` that fails is tried again by the next one, in an empty folder.
    """
    root = factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        root = root.parent  # the folders of all processes are in it
    with (root / f"{name}.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        done = root / f"{name}.done"
        if done.exists():
            return Path(done.read_text())
        number = sum(1 for _ in root.glob(f"{name}-once-*"))
        folder = root / f"{name}-once-{number}"
        folder.mkdir()
        make(folder)
        done.write_text(str(folder))
        return folder
