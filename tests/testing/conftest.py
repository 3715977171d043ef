"""A small station, in a project folder with tests of its own."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from subprocess import CompletedProcess, run

import pytest

from retrovue.library.catalog import Asset, AssetState
from retrovue.library.lock import write_lock
from tests.init.test_init import WITHOUT
from tests.station.build import write

STATION = """\
station: retro
name: Retro Television
timezone: America/New_York
epoch: 2026-10-01
---
channel: wone
number: "5.1"
name: WONE
plans: [daily]
---
plan: daily
zones:
  - zone: Evening
    window: 18:00-23:00
    play: [cheers]
---
program: cheers
title: Cheers
chain:
  - episodes: { collection: sitcoms, series: Cheers }
---
collection: sitcoms
source: { kind: filesystem, path: media }
"""


class Project:
    """A folder with a station and tests, and the real pytest over it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        write(folder, {"pytest.ini": "[pytest]\n", "station/station.yaml": STATION})
        write_lock(folder / "station", [_episode(n) for n in range(1, 8)])

    def pytest(self, test: str, *arguments: str) -> CompletedProcess[str]:
        write(self.folder, {"tests/test_it.py": test})
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *WITHOUT, *arguments]
        # A worker of a parallel run would make its children believe that they are workers, too.
        clean = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST_")}
        return run(command, cwd=self.folder, env=clean, capture_output=True, text=True, check=False)

    def snapshots(self) -> dict[str, str]:
        folder = self.folder / "tests" / "__snapshots__" / "test_it"
        return {file.name: file.read_text() for file in sorted(folder.glob("*"))}


def _episode(number: int) -> Asset:
    return Asset(
        collection="sitcoms",
        key=f"Cheers/S01E{number:02}",
        path=f"{number}.mkv",
        state=AssetState.READY,
        approved=True,
        duration_us=1_320_000_000 + number,
        series="Cheers",
        season=1,
        episode=number,
        title=f"Round {number}",
        rating="TV-PG",
    )


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)
