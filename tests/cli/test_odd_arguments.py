"""Whatever stands on the command line: a clear refusal, never a traceback."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.run import run
from tests.station.build import STATION, write

STATIONS = {"station.yaml": STATION}
#: Every command that plans or shows a time, with a date beyond any calendar.
BEYOND = [
    ("compile", "STATION", "--from", "9999-12-31"),
    ("compile", "STATION", "--from", "0001-01-01"),
    ("compile", "STATION", "--as-of", "0001-01-01T00:00:00Z"),
    ("compile", "STATION", "--as-of", "9999-12-31T23:59:59Z"),
    ("guide", "STATION", "--from", "9999-12-31"),
    ("guide", "STATION", "--from", "9999-12-31T23:00:00+00:00"),
    ("guide", "STATION", "--plan", "--from", "0001-01-01"),
    ("simulate", "STATION", "--from", "9999-12-31", "--days", "1"),
    ("diff", "STATION", "--from", "9999-12-31"),
    ("export", "STATION", "--output", "there", "--from", "0001-01-01"),
    ("why", "5.1", "0001-01-01 00:00", "STATION"),
    ("why", "5.1", "9999-12-31T23:00:00Z", "STATION"),
]


@pytest.mark.parametrize("arguments", BEYOND, ids=" ".join)
def test_a_date_beyond_the_calendar(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    folder = write(tmp_path / "station", STATIONS)
    refused = run(*(str(folder) if word == "STATION" else word for word in arguments))
    assert refused.code in (1, 2)
    assert "beyond the calendar, which is from 1970 to 2099" in refused.err


def test_the_ends_of_the_calendar_are_planned(tmp_path: Path) -> None:
    state = str(tmp_path / "state")
    for epoch, day in (("1970-01-01", "1970-01-01"), ("2099-12-31", "2099-12-31")):
        folder = write(
            tmp_path / epoch, {"station.yaml": STATION.replace("name: Retro", f"epoch: {epoch}\nname: Retro")}
        )
        assert run("compile", str(folder), "--from", day, "--days", "2", "--state", state).code == 0
        assert run("guide", str(folder), "--from", day, "--state", state).code == 0


def test_an_artefact_that_is_a_folder(tmp_path: Path) -> None:
    folder = str(write(tmp_path / "station", STATIONS))
    for output, why in (("/", "/ is a folder"), (str(tmp_path), "is no RetroVue artefact")):
        refused = run("compile", folder, "--days", "1", "--output", output)
        assert refused.code == 1
        assert why in refused.err


def test_a_rollback_where_nothing_is(tmp_path: Path) -> None:
    folder = str(write(tmp_path / "station", STATIONS))
    refused = run("rollback", folder, "--state", str(tmp_path / "nowhere"))
    assert refused.code == 1
    assert f"there is no artefact at {tmp_path / 'nowhere'}" in refused.err


def test_sql_takes_one_statement(tmp_path: Path) -> None:
    folder, state = str(write(tmp_path / "station", STATIONS)), str(tmp_path / "state")
    assert run("compile", folder, "--days", "1", "--state", state).code == 0
    for words, why in (
        ("select 1; select 2", "2 statements, and one is wanted"),
        ("", "there is no statement"),
        (" ; ", "there is no statement"),
    ):
        refused = run("sql", words, folder, "--state", state)
        assert (refused.code, refused.out) == (1, "")
        assert why in refused.err
    assert run("sql", "select 1;", folder, "--state", state).out == "1\n"
    refused = run("sql", "select 1 as a, 2 as a, 3 as b", folder, "--state", state, "--json")
    assert (refused.code, refused.out) == (1, "")
    assert "several columns are called a," in refused.err
    assert run("sql", "select 1 as a, 2 as a", folder, "--state", state).out == "1\t2\n"
    odd = "select 'nan'::double as n, '-inf'::double as i, 1.5::double as x"
    assert run("sql", odd, folder, "--state", state, "--json").out == '{"n": null, "i": null, "x": 1.5}\n'
    # What the driver could make such a value with isn't there.
    refused = run("sql", "select now()", folder, "--state", state)
    assert (refused.code, refused.out) == (1, "")
    assert "an instant with a time zone" in refused.err
    assert "column::varchar" in refused.err
    assert run("sql", "select now()::varchar > ''", folder, "--state", state).out == "true\n"


def test_a_ledger_that_cannot_be_written(tmp_path: Path) -> None:
    folder, state = write(tmp_path / "station", STATIONS), str(tmp_path / "state")
    assert run("compile", str(folder), "--days", "1", "--state", state).code == 0
    (folder / "ledger.yaml").mkdir()
    refused = run("ledger", "export", str(folder), "--state", state)
    assert (refused.code, refused.out) == (1, "")
    assert f"{folder / 'ledger.yaml'} can't be written: Is a directory" in refused.err


def test_a_picture_is_png_or_jpg(tmp_path: Path) -> None:
    folder = str(write(tmp_path / "station", STATIONS))
    refused = run("capture", "5.1", folder, "--from", "now", "--frame", str(tmp_path / "picture.gif"))
    assert refused.code == 1
    assert "picture.gif is neither .png nor .jpg" in refused.err


@pytest.mark.parametrize(
    ("command", "words"),
    [("sql", ["select 1", "there"]), ("emergency on", []), ("ledger export", ["there"])],
)
def test_an_unknown_option_is_told_with_the_usage_of_its_command(command: str, words: list[str]) -> None:
    refused = run(*command.split(), *words, "--formt", "json")
    assert refused.code == 2
    assert refused.err.startswith(f"usage: retrovue {command} ")
    assert f"retrovue {command}: error: unrecognized arguments: --formt" in refused.err


def test_one_day_is_named_once(tmp_path: Path) -> None:
    folder, state = str(write(tmp_path / "station", STATIONS)), str(tmp_path / "state")
    made = run("compile", folder, "--from", "2026-11-26", "--days", "1", "--state", state)
    assert made.out.startswith("1 channel, 1 day (Thu 26 Nov 2026), ")


@pytest.mark.parametrize(("day", "last"), [("2026-11-01", 25), ("2026-03-08", 23), ("2026-11-26", 24)])
def test_the_guide_of_a_date_is_the_whole_broadcast_day(tmp_path: Path, day: str, last: int) -> None:
    """On the nights the clocks change (the station's day begins at 00:00 here) it has 25 hours, or 23."""
    import json

    midnight = STATION.replace("name: Retro", 'broadcast_day_start: "00:00"\nname: Retro').replace(
        "06:00-06:00", "00:00-00:00"
    )
    folder = str(write(tmp_path / "station", {"station.yaml": midnight}))
    shown = run("guide", folder, "--from", day, "--json", "--state", str(tmp_path / "state"))
    (channel,) = json.loads(shown.out)["channels"]
    from datetime import datetime

    ends = [datetime.fromisoformat(e["end"]) for e in channel["events"]]
    begins = [datetime.fromisoformat(e["start"]) for e in channel["events"]]
    assert (max(ends) - min(begins)).total_seconds() == last * 3600


def test_a_terminal_that_knows_no_quotation_marks(tmp_path: Path) -> None:
    """What its encoding lacks is spelt out: half the words of a finding are better than a traceback."""
    folder = write(tmp_path, {"station.yaml": STATION.replace("daily]", "dialy]")})
    told = subprocess.run(
        [sys.executable, "-m", "retrovue", "check", str(folder), "--format", "concise"],
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode == 1
    assert "\\u201cdialy\\u201d" in told.stdout
    assert "Traceback" not in told.stderr


def test_the_guide_says_which_of_two_equal_hours_is_meant(tmp_path: Path) -> None:
    text = STATION.replace("play: [test-pattern]", "play: [hour]") + (
        "---\nprogram: hour\nchain: [{synthetic: clock}]\n"
        "---\nsynthetic: clock\nshows: clock\nduration: 30m\ntitle: The Clock\n"
    )
    folder = str(write(tmp_path / "station", {"station.yaml": text}))
    shown = run("guide", folder, "--from", "2026-10-31", "--state", str(tmp_path / "state")).out
    assert [
        line.split("  The")[0].strip() for line in shown.splitlines() if " 0" in line and "E" in line
    ] == [
        "00:30-01:00 EDT",
        "01:00 EDT-01:30 EDT",
        "01:30 EDT-01:00 EST",
        "01:00 EST-01:30 EST",
        "01:30 EST-02:00",
    ]
