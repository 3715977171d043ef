"""``retrovue compile`` and ``retrovue ledger`` around a published schedule."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from retrovue.cli.main import main
from retrovue.library.lock import write_lock
from retrovue.store import Artefact
from retrovue.store.ledger import LedgerError, parse_ledger, read_ledger
from retrovue.store.schema import TABLES
from tests.compiler.stations import episode, spots

STATION = """\
station: mini
name: Mini Television
timezone: America/New_York
epoch: 2026-05-01
---
collection: sitcoms
source: { kind: filesystem, path: media/sitcoms }
---
collection: spots
holds: spots
source: { kind: filesystem, path: media/spots }
---
program: cheers
chain: [{ episodes: { collection: sitcoms, series: cheers } }]
---
program: taxi
chain: [{ episodes: { collection: sitcoms, series: taxi } }]
mode: shuffle
"""
CHANNEL = """\
channel: {name}
number: "{number}"
name: {name}
plans: [{name}]
---
plan: {name}
zones:
  - zone: Day
    window: 06:00-18:00
    play: [cheers]
  - zone: Night
    window: 18:00-06:00
    bleed: allow
    play: [{night}]
"""
AS_OF = "2026-06-03T17:00:00-04:00"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "mini"
    for collection in ("sitcoms", "spots"):
        (folder / "media" / collection).mkdir(parents=True)
    (folder / "station.yaml").write_text(STATION)
    for number, name in enumerate(("one", "two", "three"), start=1):
        edit(folder, name, number)
    media = [episode(name, 1, n, 1300 + n, rate="25/1") for name in ("cheers", "taxi") for n in range(1, 8)]
    write_lock(folder, [*media, *spots(9)])
    return folder


def edit(folder: Path, name: str, number: int, night: str = "taxi") -> None:
    (folder / f"{name}.yaml").write_text(CHANNEL.format(name=name, number=number, night=night))


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> dict[str, Any]:
    assert main(["compile", *map(str, arguments), "--days", "2", "--json"]) == 0
    said: dict[str, Any] = json.loads(capsys.readouterr().out)
    return said


def rows(file: Path) -> dict[str, list[tuple[Any, ...]]]:
    with Artefact.open(file) as artefact:
        return {
            channel: [
                (e.start_us, e.asset_id, e.event_id) for _, day in sorted(days.items()) for e in day.events
            ]
            for channel, days in artefact.base().days.items()
        }


def test_processes_make_no_difference(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one, many = tmp_path / "one.duckdb", tmp_path / "many.duckdb"
    alone = run(capsys, folder, "--as-of", AS_OF, "--output", one)
    spread = run(capsys, folder, "--as-of", AS_OF, "--output", many, "--jobs", "3")
    assert alone["content_hash"] == spread["content_hash"]
    with Artefact.open(one) as a, Artefact.open(many) as b:
        assert a.base() == b.base()
        for table in TABLES:
            if table.name != "artefact":  # it says when it was made
                assert a.rows(f"FROM art.{table.name}") == b.rows(f"FROM art.{table.name}")


def test_locked_events_stay_unless_forced(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "artefact.duckdb"
    run(capsys, folder, "--as-of", AS_OF, "--output", file)
    before = rows(file)
    edit(folder, "two", 2, night="cheers")
    said = run(capsys, folder, "--as-of", AS_OF, "--output", file, "--base", file)
    assert said["recompiled"] == {"two": ["2026-06-03", "2026-06-04"]}
    after = rows(file)
    assert before["one"] == after["one"]
    # Half-hour shows: 24 until 18:00, and the two that start within the locked two hours.
    assert before["two"][:26] == after["two"][:26]
    assert before["two"][26:] != after["two"][26:]
    assert "forced" not in said
    edit(folder, "two", 2, night="taxi, cheers")
    forced = run(capsys, folder, "--as-of", AS_OF, "--output", file, "--base", file, "--force")
    assert forced["forced"] > 0
    with Artefact.open(file) as artefact:
        found = artefact.release().execute("SELECT channel, before, after FROM art.forced").fetchall()
    assert len(found) == forced["forced"]
    assert {row[0] for row in found} == {"two"}


def test_nothing_changed_nothing_touched(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "artefact.duckdb"
    first = run(capsys, folder, "--as-of", AS_OF, "--output", file)
    stood = file.stat().st_mtime_ns
    with monkeypatch.context() as patched:
        # Not even the station is read.
        patched.setattr("retrovue.station.load.load_station", None)
        for more in ([], ["--base", file], ["--check"]):
            again = run(capsys, folder, "--as-of", AS_OF, "--output", file, *more)
            assert again == {**first, "written": False, "unchanged": True}
    assert file.stat().st_mtime_ns == stood
    assert main(["compile", str(folder), "--as-of", AS_OF, "--output", str(file), "--days", "2"]) == 0
    assert "(unchanged)" in capsys.readouterr().out
    # The next day is another range, and a file more or less is another station.
    (folder / "notes.yaml").write_text("program: more\nchain: [{ episodes: { collection: sitcoms } }]\n")
    assert run(capsys, folder, "--as-of", AS_OF, "--output", file)["written"]
    assert run(capsys, folder, "--as-of", "2026-06-04T17:00:00-04:00", "--output", file)["written"]


def test_only_what_an_edit_touches_is_compiled_anew(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "artefact.duckdb"
    run(capsys, folder, "--as-of", AS_OF, "--output", file)
    edit(folder, "three", 3, night="cheers")
    said = run(capsys, folder, "--as-of", AS_OF, "--output", file)
    assert list(said["recompiled"]) == ["three"]
    fresh = run(capsys, folder, "--as-of", AS_OF, "--output", tmp_path / "fresh.duckdb")
    assert fresh["content_hash"] == said["content_hash"]


def test_the_days_that_are_compiled_anew_are_named(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """2026-06-03 is a Wednesday; the weekend's plan is a file of its own."""
    (folder / "one.yaml").write_text(
        CHANNEL.format(name="one", number=1, night="taxi").replace("[one]", "[one, weekend]")
    )

    def weekend(play: str) -> None:
        (folder / "weekend.yaml").write_text(
            f"# {play}\nplan: weekend\nwhen: {{ days: sat-sun }}\n"
            f"zones: [{{ zone: Z, window: 06:00-06:00, play: [{play}] }}]\n"
        )

    file, fresh = tmp_path / "artefact.duckdb", tmp_path / "fresh.duckdb"
    arguments = ["compile", str(folder), "--as-of", AS_OF, "--days", "8"]
    weekend("taxi")
    assert main([*arguments, "--output", str(file)]) == 0
    assert "compiled anew" not in capsys.readouterr().err
    weekend("taxi, cheers")
    assert main([*arguments, "--output", str(file), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["recompiled"] == said["changed"] == {"one": ["2026-06-06", "2026-06-07"]}
    assert main([*arguments, "--output", str(fresh)]) == 0
    with Artefact.open(file) as a, Artefact.open(fresh) as b:
        assert a.base() == b.base()
        assert a.header.content_hash == b.header.content_hash
        assert a.findings() == b.findings()
    # An edit that changes nothing on the air: its place in the text has moved, and the events repeat that.
    capsys.readouterr()
    weekend("taxi, cheers\n")
    assert main([*arguments, "--output", str(file)]) == 0
    said_so = capsys.readouterr().err
    assert "compiled anew: one: Sat 06 Jun to Sun 07 Jun\n" in said_so
    assert "something else airs on no day" in said_so


def test_a_single_channel(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "artefact.duckdb"
    arguments = ["compile", str(folder), "--as-of", AS_OF, "--output", str(file)]
    assert main([*arguments, "--channel", "four"]) == 1
    assert "channels: 1 (one), 2 (two), 3 (three)" in capsys.readouterr().err
    assert main([*arguments, "--channel", "two"]) == 1
    assert "nothing to take the other channels from" in capsys.readouterr().err
    run(capsys, folder, "--as-of", AS_OF, "--output", file)
    before = rows(file)
    edit(folder, "one", 1, night="cheers")
    edit(folder, "two", 2, night="cheers")
    run(capsys, folder, "--as-of", AS_OF, "--output", file, "--channel", "two")
    after = rows(file)
    assert before["one"] == after["one"]
    assert before["two"] != after["two"]
    # By its number, as everywhere.
    edit(folder, "two", 2)
    edit(folder, "three", 3, night="cheers")
    run(capsys, folder, "--as-of", AS_OF, "--output", file, "--channel", "2")
    last = rows(file)
    assert last["two"] == before["two"]
    assert last["three"] == before["three"]


def test_check_proves_and_writes_nothing(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "artefact.duckdb"
    arguments = ["compile", str(folder), "--as-of", AS_OF, "--output", str(file), "--days", "2", "--check"]
    assert main(arguments) == 1
    assert "is not what the station compiles to" in capsys.readouterr().err
    assert not file.exists()
    run(capsys, folder, "--as-of", AS_OF, "--output", file)
    assert main(arguments) == 0
    edit(folder, "one", 1, night="cheers")
    stood = file.read_bytes()
    assert main(arguments) == 1
    assert file.read_bytes() == stood
    # A comment is another file, but the same schedule.
    edit(folder, "one", 1)
    (folder / "one.yaml").write_text("# one\n" + (folder / "one.yaml").read_text())
    assert main(arguments) == 0


def test_another_stations_base_is_refused(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "artefact.duckdb"
    run(capsys, folder, "--as-of", AS_OF, "--output", file)
    (folder / "station.yaml").write_text(STATION.replace("mini", "maxi"))
    assert main(["compile", str(folder), "--base", str(file), "--output", str(tmp_path / "o.duckdb")]) == 1
    assert "station “mini”" in capsys.readouterr().err


# --- the ledger ------------------------------------------------------------------------------------


def test_a_ledger_goes_on_as_the_replay_would(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, later = tmp_path / "artefact.duckdb", "2026-06-05T12:00:00-04:00"
    run(capsys, folder, "--as-of", AS_OF, "--output", file)
    replayed = run(capsys, folder, "--as-of", later, "--output", tmp_path / "replayed.duckdb")
    export = ["ledger", "export", str(folder), "--artefact", str(file), "--day", "2026-06-04"]
    assert main(export) == 0
    assert "ledger.yaml" in capsys.readouterr().out
    text = (folder / "ledger.yaml").read_text()
    assert main(export) == 0
    assert "(unchanged)" in capsys.readouterr().out
    with Artefact.open(file) as artefact:
        checkpoint = read_ledger(folder, "mini")
        assert checkpoint is not None
        assert checkpoint == artefact.checkpoint(checkpoint.broadcast_date)
    # With an epoch that the replay would never end from, only the ledger can give the same days.
    continued = run(capsys, folder, "--as-of", later, "--output", tmp_path / "continued.duckdb")
    assert continued["content_hash"] == replayed["content_hash"]
    (folder / "ledger.yaml").write_text(text.replace("S01E", "S01E0"))
    other = run(capsys, folder, "--as-of", later, "--output", tmp_path / "continued.duckdb")
    assert other["content_hash"] != replayed["content_hash"]
    assert main([*export[:-1], "2026-07-01"]) == 1
    assert "covers 2026-06-03 to 2026-06-04" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("cursors", "sound"),
    [
        ({"all/Day/motd picks": "3:5", "all/Day/motd pick 3": "9:c/a", "all/Day/motd pick 4": "9:c/b"}, True),
        ({"all/Day/motd picks": "0:99999999"}, False),  # nobody waits for that many
        ({"all/Day/motd picks": "5:3"}, False),
        ({"all/Day/motd picks": "x:y"}, False),
        ({"all/Day/motd pick 3": "yesterday"}, False),
        ({"~/cheers goes": "2", "~/cheers go 1": "c/a", "~/cheers go 2": "c/b"}, True),
        ({"~/cheers goes": "999999999999"}, False),
        ({"~/cheers goes": "often"}, False),
        ({"all/Day/again rerun": "x"}, False),
        ({"~/listed manual": "2026-06-01:1"}, True),
        ({"~/listed manual": "monday:x"}, False),
        # A zone may be called anything.
        (
            {
                "all/Our picks/cheers/0": "c/a",
                "all/My pick 3/cheers/0": "x",
                "all/Go go/cheers?shuffle/0": "y",
            },
            True,
        ),
    ],
)
def test_a_ledger_that_no_compile_understands_is_said(cursors: dict[str, str], sound: bool) -> None:
    text = f"ledger: mini\nbroadcast_date: 2026-06-01\nchannels: {{ one: {json.dumps(cursors)} }}\n"
    if sound:
        assert parse_ledger(text, "mini").cursors == {"one": cursors}
        return
    with pytest.raises(LedgerError, match=r"channel “one”: “.*” is no place in a rotation"):
        parse_ledger(text, "mini")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("ledger: [", "not YAML"),
        ("ledger: mini\nbroadcast_date: 2026-13-40\nchannels: {}", "can't be read: month must be in 1..12"),
        ("station: mini", "no ledger"),
        ("ledger: other\nbroadcast_date: 2026-06-01\nchannels: {}", "station “other”"),
        ("ledger: mini\nchannels: {}", "missing"),
        ("ledger: mini\nbroadcast_date: 2026-06-01\nchannels: { one: [] }", "no list of rotations"),
        (
            'ledger: mini\nbroadcast_date: 2026-06-01\nchannels: { one: { " in flight": "x" } }',
            "in flight",
        ),
    ],
)
def test_a_damaged_ledger_is_said(text: str, said: str) -> None:
    with pytest.raises(LedgerError, match=said) as caught:
        parse_ledger(text, "mini")
    assert "ledger export" in caught.value.help


def test_a_check_says_that_nothing_was_written(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["compile", str(folder), "--as-of", AS_OF, "--output", str(folder / "a.duckdb"), "--check"]
    assert main(words) == 1
    assert capsys.readouterr().out.endswith("a.duckdb (not written)\n")
