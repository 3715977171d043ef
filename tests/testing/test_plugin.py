"""The plug-in, as a station's own repository uses it: the real pytest in a process of its own."""

from __future__ import annotations

import subprocess
import sys

from tests.testing.conftest import Project

GUIDE = 'def test_a_day(station, snapshot):\n    assert station.guide("5.1", "2026-12-25") == snapshot\n'


def test_a_guide_is_kept_as_it_reads_and_compared(project: Project) -> None:
    first = project.pytest(GUIDE)
    assert first.returncode == 1, first.stdout
    assert "does not exist" in first.stdout
    written = project.pytest(GUIDE, "--snapshot-update")
    assert written.returncode == 0, written.stdout
    (text,) = project.snapshots().values()
    assert list(project.snapshots()) == ["5.1 2026-12-25.txt"]
    assert text.startswith(
        "5.1  WONE\nFriday 25 December 2026\n\n06:00-18:00  Test Pattern\n18:00-18:30  Cheers"
    )
    assert text.count("\n") == 3 + 12  # ten shows between two test patterns
    assert project.pytest(GUIDE).returncode == 0

    yaml = project.folder / "station" / "station.yaml"
    yaml.write_text(yaml.read_text().replace("18:00-23:00", "18:00-22:30"))
    changed = project.pytest(GUIDE, "-vvv", "--snapshot-no-colors")
    assert changed.returncode == 1
    assert "22:30-23:00  Cheers" in changed.stdout
    assert "22:30-06:00  Test Pattern" in changed.stdout
    taken = project.pytest(GUIDE, "--snapshot-update")
    assert taken.returncode == 0
    assert "Can not relate" not in taken.stdout


def test_a_word_that_the_catalog_does_not_have_is_found_like_check_finds_it(project: Project) -> None:
    yaml = project.folder / "station" / "station.yaml"
    yaml.write_text(yaml.read_text().replace("series: Cheers", "series: Cheerz"))
    done = project.pytest("def test_it(station):\n    assert not station.check()\n")
    assert done.returncode == 1
    assert "no asset of collection “sitcoms” has the series “Cheerz”" in done.stdout


def test_an_ordinary_snapshot_of_the_same_test_is_left_alone(project: Project) -> None:
    test = GUIDE + '    assert "something else" == snapshot\n'
    assert project.pytest(test, "--snapshot-update").returncode == 0
    assert project.pytest(test).returncode == 0
    assert (project.folder / "tests" / "__snapshots__" / "test_it.ambr").is_file()
    assert list(project.snapshots()) == ["5.1 2026-12-25.txt"]


def test_a_file_nobody_asks_for_is_reported(project: Project) -> None:
    two = GUIDE + '    assert station.playlist("wone", "2026-12-26") == snapshot\n'
    assert project.pytest(two, "--snapshot-update").returncode == 0
    assert list(project.snapshots()) == ["5.1 2026-12-25.txt", "5.1 2026-12-26 playlist.txt"]
    told = project.pytest(GUIDE)
    assert "1 snapshot unused" in told.stdout
    assert project.pytest(GUIDE, "--snapshot-update").returncode == 0
    assert list(project.snapshots()) == ["5.1 2026-12-25.txt"]


def test_values_and_text_of_any_day(project: Project) -> None:
    done = project.pytest(
        """
import datetime
import pytest
from retrovue.errors import RetroVueError

def test_days(station):
    guide = station.guide("wone", datetime.date(2026, 12, 24))
    assert [e.title for e in guide.events] == ["Test Pattern"] + ["Cheers"] * 10 + ["Test Pattern"]
    assert guide == station.guide("5.1", "2026-12-24")
    assert guide != station.guide("5.1", "2026-12-25")
    playlist = station.playlist("5.1", "2026-12-24")
    assert playlist.segments[0].start_us == guide.events[0].start_us
    assert "[sitcoms/Cheers/S01E0" in playlist
    # Days asked for one by one, backwards, are the days of one compile.
    whole = type(station)(station.folder, "2026-12-20..2026-12-28")
    for day in (28, 21, 24):
        assert whole.playlist("5.1", f"2026-12-{day}") == station.playlist("5.1", f"2026-12-{day}")

def test_the_night_the_clocks_change(station):
    assert "02:00 EDT" not in station.guide("5.1", "2026-10-30")
    assert "-06:00 EST" in station.guide("5.1", "2026-10-31")

def test_mistakes_of_the_test_itself(station):
    with pytest.raises(RetroVueError, match="no channel"):
        station.guide("9.9", "2026-12-25")
    with pytest.raises(RetroVueError, match="no date"):
        station.guide("5.1", "Christmas")

def test_check(station):
    found = station.check()
    assert {d.code for d in found} == {"uncovered-time"}
    assert not station.check(warnings=False)
"""
    )
    assert done.returncode == 0, done.stdout


def test_what_check_found_is_shown_as_it_reads(project: Project) -> None:
    done = project.pytest("def test_it(station):\n    assert not station.check()\n")
    assert done.returncode == 1
    assert "uncovered-time" in done.stdout
    assert "help: add a zone" in done.stdout


def test_a_station_with_mistakes_says_them_without_a_traceback(project: Project) -> None:
    yaml = project.folder / "station" / "station.yaml"
    yaml.write_text(yaml.read_text().replace("play: [cheers]", "play: [cheerz]"))
    done = project.pytest(GUIDE)
    assert done.returncode == 1
    assert "cheerz" in done.stdout
    assert "Traceback" not in done.stdout
    assert ".py:" not in done.stdout.partition("short test summary")[0]


def test_settings_choose_the_station_and_the_days(project: Project) -> None:
    (project.folder / "station").rename(project.folder / "elsewhere")
    (project.folder / "another").mkdir()
    (project.folder / "another" / "station.yaml").write_text("station: x\n")
    ambiguous = project.pytest(GUIDE)
    assert "which station? There are another, elsewhere: set retrovue_station" in ambiguous.stdout
    (project.folder / "pytest.ini").write_text(
        "[pytest]\nretrovue_station = elsewhere\nretrovue_range = 2026-12-20..2026-12-31\n"
    )
    assert project.pytest(GUIDE, "--snapshot-update").returncode == 0
    wrong = project.pytest(GUIDE, "--retrovue-range", "2026-12-31..2026-12-20")
    assert "is no range of dates" in wrong.stdout
    nowhere = project.pytest(GUIDE, "--retrovue-station", "nowhere")
    assert "there is no folder" in nowhere.stdout


def test_without_a_station_pytest_is_as_it_was(project: Project) -> None:
    (project.folder / "station" / "station.yaml").unlink()
    assert project.pytest("def test_it():\n    assert True\n").returncode == 0
    assert "there is no station.yaml" in project.pytest(GUIDE).stdout


def test_loading_the_plug_in_loads_nothing_else() -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "import pytest, sys; had = set(sys.modules); import retrovue.testing.plugin; "
            "print(sorted(set(sys.modules) - had))",
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "['retrovue', 'retrovue.testing', 'retrovue.testing.plugin']"
