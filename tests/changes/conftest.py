"""A station in a git repository of its own, for the commands that an operator asks."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from retrovue.library.lock import write_lock
from tests.compiler.stations import asset, episode, spots

STATION = """\
station: mini
name: Mini Television
timezone: America/New_York
epoch: 2026-05-30
horizon: { guide: 2d }
breaks: network
"""
CHANNEL = """\
channel: one
number: "5.1"
name: Channel One
plans: [all, thanksgiving]
"""
PLAN = """\
plan: all
zones:
  - zone: Day
    window: 06:00-19:00
    play: [cheers]
  - zone: Prime Time
    window: 19:00-23:00
    play: [cheers]
    at:
      "20:00": { program: taxi, from: S01E02 }
      "21:00": film
"""
HOLIDAY = """\
plan: thanksgiving
when: { on: us:thanksgiving }
priority: 30
zones:
  - zone: Marathon
    window: 12:00-20:00
    play: [taxi]
"""
PROGRAMS = """\
program: cheers
chain:
  - episodes: { collection: sitcoms, series: cheers }
---
program: taxi
chain:
  - episodes: { collection: sitcoms, series: taxi }
---
program: film
chain:
  - episodes: { collection: films }
not_before: "21:00"
"""
LIBRARY = """\
collection: sitcoms
source: { kind: filesystem, path: ../media/sitcoms }
---
collection: films
holds: movies
source: { kind: filesystem, path: ../media/films }
---
collection: spots
holds: spots
source: { kind: filesystem, path: ../media/spots }
---
pool: ads
spots: { collection: spots }
---
break_format: network
at: rule
otherwise: thirds
fill_with: [ads]
"""

#: Monday noon in New York.
AS_OF = "2026-06-01T12:00:00-04:00"


def git(folder: Path, *words: str) -> str:
    """Git with an author of its own, whatever the machine's configuration."""
    done = subprocess.run(
        ["git", "-C", str(folder), "-c", "user.name=Ann", "-c", "user.email=ann@example.org", *words],
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout.strip()


def commit(folder: Path, title: str) -> str:
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", title)
    return git(folder, "rev-parse", "HEAD")


def edit(file: Path, old: str, new: str) -> None:
    """Replace a passage that must be there."""
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """``<repository>/stations/mini``, one commit; state goes to a directory of the test's own."""
    monkeypatch.setenv("RETROVUE_STATE", str(tmp_path / "state"))
    repository = tmp_path / "network"
    folder = repository / "stations" / "mini"
    (folder / "plans").mkdir(parents=True)
    for name, text in (
        ("station.yaml", STATION),
        ("channel.yaml", CHANNEL),
        ("plans/all.yaml", PLAN),
        ("plans/holiday.yaml", HOLIDAY),
        ("programs.yaml", PROGRAMS),
        ("library.yaml", LIBRARY),
    ):
        (folder / name).write_text(text)
    for name in ("sitcoms", "films", "spots"):
        (repository / "stations" / "media" / name).mkdir(parents=True)
    lock(folder)
    git(repository, "init", "-q", "-b", "main")
    commit(folder, "A station")
    return folder


def lock(folder: Path, cheers: int = 5) -> None:
    """The catalog: ``cheers`` episodes of one series, three of another, two films, spots."""
    write_lock(
        folder,
        [
            *(episode("cheers", 1, n, 1320, rate="25/1") for n in range(1, cheers + 1)),
            *(episode("taxi", 1, n, 1380, rate="25/1") for n in range(1, 4)),
            asset("films", "Charade (1963)", 5400, title="Charade", year=1963, rate="25/1"),
            asset("films", "The General (1926)", 4500, title="The General", year=1926, rate="25/1"),
            *spots(9),
        ],
    )
