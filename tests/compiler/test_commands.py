"""``retrovue compile``, ``guide`` and ``sql`` as a person or a script calls them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from retrovue.cli.main import main
from retrovue.library.lock import write_lock
from retrovue.store import Artefact
from tests.compiler.stations import episode, spots

STATION = """\
station: mini
name: Mini Television
timezone: America/New_York
epoch: 2026-06-01
breaks: network
---
channel: one
number: "5.1"
name: Channel One
plans: [all]
---
plan: all
zones:
  - zone: Day
    window: 06:00-23:00
    play: [cheers]
---
program: cheers
chain:
  - episodes: { collection: sitcoms, series: cheers }
---
collection: sitcoms
source: { kind: filesystem, path: media/sitcoms }
---
collection: spots
holds: spots
source: { kind: filesystem, path: media/spots }
---
pool: ads
spots: { collection: spots }
---
break_format: network
otherwise: thirds
fill_with: [ads]
"""
AS_OF = "2026-06-03T12:00:00-04:00"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "mini"
    for collection in ("sitcoms", "spots"):
        (folder / "media" / collection).mkdir(parents=True)
    (folder / "station.yaml").write_text(STATION)
    write_lock(folder, [*(episode("cheers", 1, n, 1320, rate="25/1") for n in range(1, 5)), *spots(9)])
    return folder


@pytest.fixture
def artefact(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    path = tmp_path / "artefact.duckdb"
    assert (
        main(["compile", str(folder), "--as-of", AS_OF, "--days", "2", "--output", str(path), "--quiet"]) == 0
    )
    capsys.readouterr()
    return path


def test_compile_says_what_it_made(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    state = tmp_path / "state"
    assert main(["compile", str(folder), "--as-of", AS_OF, "--state", str(state)]) == 0
    out, err = capsys.readouterr()
    assert out.startswith("1 channel, 6 days (Wed 03 Jun to Mon 08 Jun 2026), 210 events, ")
    assert str(state / "artefact.duckdb") in out
    assert "warning[uncovered-time]" in err
    assert "23:00-06:00" in err
    with Artefact.open(state / "artefact.duckdb") as art:
        assert art.header.content_hash in out
        assert art.header.as_of.isoformat() == "2026-06-03T16:00:00+00:00"
        assert art.header.sources_hash
        assert art.header.catalog_hash


def test_an_unchanged_station_is_not_written_again(
    folder: Path, artefact: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = artefact.stat()
    arguments = ["compile", str(folder), "--as-of", AS_OF, "--days", "2", "--output", str(artefact), "--json"]
    assert main(arguments) == 0
    summary = json.loads(capsys.readouterr().out)
    assert summary["written"] is False
    assert (artefact.stat().st_mtime_ns, artefact.stat().st_ino) == (before.st_mtime_ns, before.st_ino)
    text = (folder / "station.yaml").read_text()
    (folder / "station.yaml").write_text(text.replace("06:00-23:00", "06:00-22:00"))
    assert main(arguments) == 0
    changed = json.loads(capsys.readouterr().out)
    assert changed["written"] is True
    assert changed["content_hash"] != summary["content_hash"]
    assert artefact.stat().st_ino != before.st_ino


def test_a_station_with_errors_is_not_compiled(
    folder: Path, artefact: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = artefact.read_bytes()
    (folder / "station.yaml").write_text(STATION.replace("play: [cheers]", "play: [chers]"))
    assert main(["compile", str(folder), "--output", str(artefact), "--quiet"]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert "station.yaml:" in err
    assert "did you mean" in err
    assert artefact.read_bytes() == before


@pytest.mark.parametrize(
    "arguments",
    [["--days", "0"], ["--days", "many"], ["--from", "tomorrow"], ["--as-of", "2026-06-03T12:00:00"]],
)
def test_wrong_usage_is_said(folder: Path, arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["compile", str(folder), *arguments])
    assert caught.value.code == 2
    assert "is no " in capsys.readouterr().err


def test_the_guide_in_station_time(artefact: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        main(["guide", "--artefact", str(artefact), "--from", "2026-06-04T02:50:00+00:00", "--hours", "8"])
        == 0
    )
    assert capsys.readouterr().out.splitlines() == [
        "5.1  Channel One",
        "  Wednesday 03 June 2026",
        "    22:30-23:00  cheers: cheers 1x2  S01E02",
        "    23:00-06:00  Test Pattern",
        "  Thursday 04 June 2026",
        "    06:00-06:30  cheers: cheers 1x3  S01E03",
        "    06:30-07:00  cheers: cheers 1x4  S01E04",
        "",
    ]


def test_the_guide_of_a_station_comes_from_its_state(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RETROVUE_STATE", str(tmp_path / "state"))
    assert main(["guide", str(folder)]) == 0
    assert "compiled in memory: there is no artefact" in capsys.readouterr().err
    assert main(["compile", str(folder), "--from", "2026-06-03", "--days", "1", "--quiet"]) == 0
    capsys.readouterr()
    assert main(["guide", str(folder), "--from", "2026-06-03", "--hours", "1", "--playlist", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    (channel,) = document["channels"]
    assert channel["broadcast_day_start"] == "06:00"
    assert channel["from"] == "2026-06-03T10:00:00Z"
    assert [e["start"] for e in channel["events"]] == ["2026-06-03T10:00:00Z", "2026-06-03T10:30:00Z"]
    assert channel["events"][0]["written_at"].startswith("station.yaml:")
    assert sum(s["duration_us"] for s in channel["playlist"]) == 3_600_000_000


def test_an_unknown_channel_is_said(artefact: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["guide", "--artefact", str(artefact), "--channel", "6"]) == 1
    assert "channels: 5.1 (one)" in capsys.readouterr().err
    assert main(["guide", "--artefact", str(artefact), "--channel", "one", "--quiet"]) == 0


def test_sql_prints_plain_rows(artefact: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def rows(statement: str, *more: str) -> str:
        assert main(["sql", "--artefact", str(artefact), statement, *more]) == 0
        return capsys.readouterr().out

    with Artefact.open(artefact) as art:
        assert rows("select content_hash from artefact") == art.header.content_hash + "\n"
    assert (
        rows("select 1 as a, null as b, true as c, 'x\ty' as d", "--header")
        == "a\tb\tc\td\n1\t\ttrue\tx\\ty\n"
    )
    assert json.loads(rows("select number, title from guide limit 1", "--json")) == {
        "number": "5.1",
        "title": "cheers",
    }
    assert main(["sql", "--artefact", str(artefact), "select broken"]) == 1
    assert "error: Binder Error" in capsys.readouterr().err
