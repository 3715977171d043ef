"""``simulate``, ``guide`` of any day and ``export``, as an operator calls them."""

from __future__ import annotations

import json
import re
from collections import Counter
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from retrovue.reports.ersatztv import covered
from tests.changes.conftest import AS_OF, edit
from tests.changes.test_diff import read
from tests.cli.run import run

# --- simulate --------------------------------------------------------------------------------------


def simulated(folder: Path, *more: str) -> dict[str, Any]:
    ran = run("simulate", str(folder), "--as-of", AS_OF, *more, "--json")
    assert ran.code == 0, ran.err
    document: dict[str, Any] = json.loads(ran.out)
    return document


def test_airings_are_those_of_the_guide(folder: Path) -> None:
    report = simulated(folder, "--from", "2026-11-20", "--days", "10")
    (channel,) = report["channels"]
    guide = run("guide", str(folder), "--from", "2026-11-20", "--hours", "240", "--json", "--quiet")
    events = json.loads(guide.out)["channels"][0]["events"]
    count = Counter(e["program"] for e in events)
    assert {p["program"]: p["airings"] for p in channel["programs"]} == count
    for program in channel["programs"]:
        starts: dict[str, list[datetime]] = {}
        for e in events:
            if e["program"] == program["program"] and e["asset"]:
                starts.setdefault(e["asset"], []).append(datetime.fromisoformat(e["start"]))
        assert {a["asset"]: a["airings"] for a in program["assets"]} == {k: len(v) for k, v in starts.items()}
        apart = [(b - a).total_seconds() for v in starts.values() for a, b in pairwise(v)]
        assert program["shortest_repeat_s"] == min(apart, default=None)


def test_a_year_has_its_special_days(folder: Path) -> None:
    edit(folder / "station.yaml", "breaks: network\n", "")  # spots are another test's
    report = simulated(folder, "--from", "2028-01-01", "--days", "366")
    (channel,) = report["channels"]
    special = {(day["date"], day["what"]) for day in channel["special_days"]}
    assert special == {
        ("2028-02-29", "leap day"),
        ("2028-03-11", "23 hours: the clocks go forward"),
        ("2028-11-04", "25 hours: the clocks go back"),
        ("2028-11-23", "plan thanksgiving (us:thanksgiving)"),
    }
    hours = sum(p["hours"] for p in channel["programs"])
    assert hours == 366 * 24
    fill = channel["fill"]
    told = (fill[f"{w}_hours"] for w in ("program", "spot", "ident", "synthetic"))
    assert sum(told) == pytest.approx(366 * 24)


def test_the_watershed_is_audited(folder: Path) -> None:
    (channel,) = simulated(folder, "--days", "5")["channels"]
    assert channel["watershed"] == {"held": 5, "breaches": []}
    assert channel["uncovered_hours"] == 35


def test_one_channel_and_text(folder: Path) -> None:
    (folder / "two.yaml").write_text('channel: two\nnumber: "6"\nname: Two\nplans: [all]\n')
    whole = simulated(folder, "--days", "3")
    assert [c["number"] for c in whole["channels"]] == ["5.1", "6"]
    (alone,) = simulated(folder, "--days", "3", "--channel", "6")["channels"]
    assert alone["programs"] == whole["channels"][1]["programs"]
    text = run("simulate", str(folder), "--days", "3", "--channel", "5.1", "--episodes", "--as-of", AS_OF)
    assert text.out.startswith("Mini Television: 3 broadcast days, Mon 01 Jun 2026 to Wed 03 Jun 2026\n")
    assert re.search(r"^ +3 +\S+ +\d .* film$", text.out, re.MULTILINE)
    assert "watershed: 3 airings held against one, all kept" in text.out
    assert "fill: " in text.out
    assert "[uncovered-time]" in text.out
    assert run("simulate", str(folder), "--channel", "7").code == 1


# --- guide -----------------------------------------------------------------------------------------


@pytest.fixture
def state(folder: Path, tmp_path: Path) -> Path:
    """The station, compiled for three days from the first of June."""
    arguments = ("--from", "2026-06-01", "--days", "3", "--as-of", AS_OF, "--quiet")
    assert run("compile", str(folder), *arguments).code == 0
    return tmp_path / "state"


def test_a_day_beyond_the_artefact_is_compiled_in_memory(folder: Path, state: Path) -> None:
    inside = run("guide", str(folder), "--from", "2026-06-02", "--hours", "2")
    assert (inside.code, inside.err) == (0, "")
    beyond = run("guide", str(folder), "--from", "2026-07-04", "--hours", "2")
    assert beyond.code == 0
    assert "Saturday 04 July 2026" in beyond.out
    expected = "compiled in memory: the artefact covers Mon 01 Jun 2026 to Wed 03 Jun 2026\n"
    assert beyond.err == expected
    past = run("guide", str(folder), "--from", "2026-05-30", "--hours", "1")
    assert "06:00-06:30  cheers: cheers 1x1  S01E01" in past.out
    alone = run("guide", "--artefact", str(state / "artefact.duckdb"), "--from", "2026-07-04")
    assert alone.code == 0
    assert "not all of it is listed" in alone.err


def test_memory_and_artefact_agree(folder: Path, state: Path) -> None:
    asked = ("guide", str(folder), "--from", "2026-06-02", "--playlist", "--json", "--quiet")
    published = json.loads(run(*asked).out)
    (state / "artefact.duckdb").unlink()
    made = json.loads(run(*asked).out)
    assert made["channels"] == published["channels"]


def test_the_guide_as_a_page(folder: Path, state: Path, tmp_path: Path) -> None:
    edit(folder / "station.yaml", "name: Mini Television", 'name: "<i>Mini</i> & Co"')
    file = tmp_path / "guide.html"
    ran = run(
        *("guide", str(folder), "--from", "2026-07-04", "--format", "html", "--playlist"),
        *("--output", str(file)),
    )
    assert (ran.code, ran.out) == (0, "")
    html = file.read_text()
    page = read(html)
    assert "<i>Mini</i> & Co" in " ".join(page.text)
    assert all(address.startswith("#d2026") for address in page.addresses)
    assert "script" not in page.tags
    assert "url(" not in html
    assert html.count("<details>") > 10


def test_the_plan_of_a_day(folder: Path) -> None:
    ran = run("guide", str(folder), "--plan", "--from", "2026-11-26")
    assert ran.code == 0, ran.err
    rows = [re.split(r"  +", line.strip()) for line in ran.out.splitlines()]
    assert rows[0] == ["5.1", "Channel One, Thursday 26 November 2026, broadcast day from 06:00"]
    assert rows[1] == ["plans: thanksgiving (on us:thanksgiving, priority 30) over all (every day)"]
    assert [row[:4] for row in rows[2:6]] == [
        ["06:00-12:00", "Day", "all", "cheers"],
        ["12:00-20:00", "Marathon", "thanksgiving", "taxi"],
        ["20:00-23:00", "Prime Time", "all", "cheers; 20:00 taxi; 21:00 film"],
        ["23:00-06:00+1", "off the air", "no plan has a zone here"],
    ]
    (document,) = json.loads(run("guide", str(folder), "--plan", "--from", "2026-11-26", "--json").out)
    assert document["broadcast_day_start"] == "06:00"
    assert [zone["minutes"] for zone in document["zones"]] == [
        [0, 360],
        [360, 840],
        [840, 1020],
        [1020, 1440],
    ]
    assert document["zones"][2]["at"] == {"20:00": "taxi", "21:00": "film"}


def test_the_plan_of_a_simulcast_is_at_its_own_times(folder: Path) -> None:
    (folder / "plus.yaml").write_text(
        'channel: plus\nnumber: "6"\nname: Plus\nsimulcast: one\ndelay: 1h\n---\n'
        'channel: tomorrow\nnumber: "7"\nname: Tomorrow\nsimulcast: one\ndelay: 24h\n'
    )
    words = ("guide", str(folder), "--plan", "--from", "2026-11-26", "--channel")
    ran = run(*words, "6")
    assert ran.code == 0, ran.err
    rows = [re.split(r"  +", line.strip()) for line in ran.out.splitlines()]
    assert rows[1] == ["airs what one airs, 1h later"]
    assert [row[:4] for row in rows[3:7]] == [
        ["07:00-13:00", "Day", "all", "cheers"],
        ["13:00-21:00", "Marathon", "thanksgiving", "taxi"],
        ["21:00-00:00+1", "Prime Time", "all", "cheers; 21:00 taxi; 22:00 film"],
        ["00:00+1-07:00+1", "off the air", "no plan has a zone here"],
    ]
    # It is what airs there.
    listed = run("guide", str(folder), "--channel", "6", "--from", "2026-11-26").out
    assert re.search(r"^    21:00-21:30  taxi\b", listed, re.MULTILINE)
    assert re.search(r"^    22:00-23:30  ", listed, re.MULTILINE)
    (document,) = json.loads(run(*words, "6", "--json").out)
    assert document["zones"][2]["at"] == {"21:00": "taxi", "22:00": "film"}
    assert (document["zones"][2]["from"], document["zones"][2]["to"]) == ("21:00", "00:00")
    assert document["zones"][2]["minutes"] == [900, 1080]
    assert "  06:00+1-12:00+1 " in run(*words, "7").out
    assert "-06:00+2 " in run(*words, "7").out


def test_a_channel_that_is_newer_than_the_artefact(folder: Path) -> None:
    assert run("compile", str(folder), "--as-of", AS_OF, "--quiet").code == 0
    (folder / "two.yaml").write_text('channel: two\nnumber: "6"\nname: Two\nplans: [all]\n')
    ran = run("guide", str(folder), "--channel", "6", "--from", "2026-06-02")
    assert ran.code == 0, ran.err
    assert "compiled in memory: the artefact has no channel “6”" in ran.err
    assert "21:00-22:30  " in ran.out
    why = run("why", "6", "2026-06-02 21:10", str(folder))
    assert why.code == 0, why.err
    assert "entry      film: pinned to 21:00" in why.out
    nowhere = run("guide", str(folder), "--channel", "9", "--from", "2026-06-02")
    assert (nowhere.code, nowhere.out) == (1, "")
    assert "there is no channel “9”" in nowhere.err
    assert "channels: 5.1 (one), 6 (two)" in nowhere.err
    assert "there is no channel “9”" in run("why", "9", "2026-06-02 21:10", str(folder)).err


# --- export ----------------------------------------------------------------------------------------


def _instant(text: str) -> int:
    at = datetime.fromisoformat(text)
    return round(at.timestamp()) * 1_000_000 + at.microsecond


def test_ersatztv_next_reads_every_instant(folder: Path, state: Path, tmp_path: Path) -> None:
    output = tmp_path / "playout"
    ran = run("export", str(folder), "--format", "ersatztv-next", "--output", str(output))
    assert ran.code == 0, ran.err
    files = sorted((output / "one").iterdir())
    assert [str(file) for file in files] == sorted(ran.out.split())
    assert len(files) == 3
    media = folder.parent / "media"
    before = None
    for file in files:
        spans = covered(file.name)
        assert spans is not None
        document = json.loads(file.read_text())
        assert document["version"].startswith("https://ersatztv.org/playout/version/0.0.")
        items = document["items"]
        assert (_instant(items[0]["start"]), _instant(items[-1]["finish"])) == spans
        assert len({item["id"] for item in items}) == len(items)
        for item in items:
            assert before is None or item["start"] == before
            before = item["finish"]
            source = item["source"]
            length_ms = (_instant(item["finish"]) - _instant(item["start"])) / 1000
            if source["source_type"] == "local":
                assert Path(source["path"]).is_relative_to(media)
                assert abs(source["out_point_ms"] - source["in_point_ms"] - length_ms) <= 1
            else:
                assert source["source_type"] == "lavfi"
                assert "[out0]" in source["params"]
                assert "[out1]" in source["params"]


def test_an_export_replaces_what_an_earlier_one_said(folder: Path, state: Path, tmp_path: Path) -> None:
    output = tmp_path / "playout"
    stale = output / "one" / "20260601T070000.000000000-0400_20260601T080000.000000000-0400.json"
    other = output / "one" / "20250601T070000.000000000-0400_20250601T080000.000000000-0400.json"
    notes = output / "one" / "notes.json"
    for file in (stale, other, notes):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("{}")
    arguments = ("--format", "ersatztv-next", "--output", str(output), "--days", "1")
    assert run("export", str(folder), *arguments).code == 0
    assert (stale.exists(), other.exists(), notes.exists()) == (False, True, True)
    assert len(list((output / "one").iterdir())) == 3


def test_lavfi_graphs_play(folder: Path, tmp_path: Path) -> None:
    import subprocess

    from retrovue.compiler.channels import compiled_channels
    from retrovue.compiler.model import SegmentKind
    from retrovue.ffmpeg_binary import choose_ffmpeg
    from retrovue.reports.ersatztv import lavfi
    from retrovue.station.load import require_station

    (channel,) = compiled_channels(require_station(folder))
    for kind in (SegmentKind.TEST_PATTERN, SegmentKind.IDENT):
        done = subprocess.run(
            [
                *(str(choose_ffmpeg().path), "-v", "error", "-f", "lavfi", "-i", lavfi(channel, kind)),
                *("-t", "0.1", "-map", "0:v", "-map", "0:a", "-f", "null", "-"),
            ],
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, "")


def test_json_of_a_channel(folder: Path, state: Path, tmp_path: Path) -> None:
    ran = run("export", str(folder), "--output", str(tmp_path / "out"), "--from", "2026-06-02", "--days", "1")
    assert ran.out == f"{tmp_path}/out/one.json\n"
    document = json.loads((tmp_path / "out" / "one.json").read_text())
    (channel,) = document["channels"]
    assert (channel["from"], channel["to"]) == ("2026-06-02T10:00:00Z", "2026-06-03T10:00:00Z")
    assert sum(s["duration_us"] for s in channel["playlist"]) == 24 * 3600 * 1_000_000


def test_what_can_not_be_exported_is_said(folder: Path, state: Path, tmp_path: Path) -> None:
    artefact = ("--artefact", str(state / "artefact.duckdb"), "--output", str(tmp_path / "out"))
    assert "where are the media" in run("export", *artefact, "--format", "ersatztv-next").err
    assert "has no Thu 01 Jan 2026" in run("export", *artefact, "--from", "2026-01-01").err
    (tmp_path / "file").write_text("")
    assert run("export", str(folder), "--output", str(tmp_path / "file")).code == 1
