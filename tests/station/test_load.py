"""A folder becomes one model whose every part knows where it was written."""

from __future__ import annotations

import random
import sys
from pathlib import Path

import pytest

from retrovue.diagnostics import Severity, Span
from retrovue.station.load import StationErrors, load_station, require_station
from retrovue.station.model import BUILT_IN_SYNTHETICS, Query, StationModel
from retrovue.units import HOUR_US, MINUTE_US
from tests.station.build import STATION, load, write

WHOLE = {
    "station.yaml": """\
name: Retro Television
station: retro
timezone: America/New_York
horizon: { guide: 4d, playlog: 6h, locked: 2h }
breaks: none
""",
    "channels/5-1.yaml": 'channel: wrtv\nnumber: "5.1"\nname: WRTV Retro 5\n'
    "plans: [weekday, thanksgiving]\nbreaks: network\n",
    "channels/5-10.yml": "channel: wten\nnumber: 5.10\nname: 1984\nplans: [weekday]\nvchannel: 5_1\n",
    "plans/weekday.yaml": """\
plan: weekday
when: { days: mon-fri }
zones:
  - zone: Prime Time
    window: 19:00-23:00
    play: [cheers, { program: cheers, mode: random }]
    at:
      "20:00": cheers
      "20:30": { program: cheers, from: S02E01 }
  - zone: Overnight
    window: 23:00-06:00
    play: [test-pattern]
""",
    "plans/thanksgiving.yaml": "plan: thanksgiving\nwhen: { on: us:thanksgiving }\npriority: 30\n"
    "zones: [{ zone: Marathon, window: 12:00-19:00, play: [cheers] }]\n",
    "programs.yaml": """\
program: cheers
title: Cheers
chain:
  - bumper: openers
  - episodes: { collection: sitcoms, series: Cheers }
---
program: night-court
chain:
  - bumper: { collection: sitcoms, tag: intro }
  - program: cheers
  - synthetic: card
""",
    "library.yaml": """\
collection: sitcoms
source: { kind: filesystem, path: films }
---
pool: openers
spots: { collection: sitcoms, max_duration: 30s }
---
break_format: network
otherwise: every 12m
fill_with: [openers]
---
synthetic: card
shows: card
duration: 10s
""",
    "catalog.lock/sitcoms.jsonl": "",
}


@pytest.fixture
def whole(tmp_path: Path) -> StationModel:
    loaded = load_station(write(tmp_path, WHOLE))
    assert loaded.diagnostics == ()
    assert loaded.model is not None
    return loaded.model


def test_values(whole: StationModel) -> None:
    assert whole.station.name == "Retro Television"
    assert whole.station.horizon.playlog == 6 * HOUR_US
    assert whole.station.grid == 30 * MINUTE_US
    assert [c.number for c in whole.channels] == ["5.1", "5.10"]
    assert whole.channels[1].name == "1984"
    assert whole.channels[1].vchannel == 51
    assert whole.plans["weekday"].zones[0].window == (19 * 60, 23 * 60)
    assert list(whole.programs) == ["cheers", "night-court"]
    assert isinstance(whole.programs["night-court"].chain[0].bumper, Query)
    assert whole.synthetics["card"].title == ""
    assert set(whole.synthetics) == {"card", *BUILT_IN_SYNTHETICS}


def test_every_model_knows_its_places(whole: StationModel) -> None:
    zone = whole.plans["weekday"].zones[0]
    assert zone.place() == Span("plans/weekday.yaml", 4, 5, 4, 21)
    assert zone.place("window") == Span("plans/weekday.yaml", 5, 13, 5, 24)
    assert zone.place("at", "20:30") == Span("plans/weekday.yaml", 9, 16, 9, 49)
    assert zone.play[1].place("mode") == Span("plans/weekday.yaml", 6, 45, 6, 51)  # type: ignore[union-attr]
    assert zone.place("play", 0) == Span("plans/weekday.yaml", 6, 12, 6, 18)
    pinned = zone.at["20:30"]
    assert pinned.place("from") == Span("plans/weekday.yaml", 9, 41, 9, 47)  # type: ignore[union-attr]
    assert whole.plans["weekday"].place("zones", 1, "zone") == Span("plans/weekday.yaml", 10, 11, 10, 20)
    assert whole.station.horizon.place("guide") == Span("station.yaml", 4, 19, 4, 21)
    episodes = whole.programs["cheers"].chain[1].episodes
    assert episodes is not None
    assert episodes.place("series") == Span("programs.yaml", 5, 46, 5, 52)
    assert whole.break_formats["network"].place("fill_with", 0) == Span("library.yaml", 9, 13, 9, 20)


def test_a_default_has_its_parents_place(whole: StationModel) -> None:
    assert whole.channels[0].place("logo") == Span("channels/5-1.yaml", 1, 1, 1, 14)


def test_the_hash_is_of_names_and_contents_alone(tmp_path: Path) -> None:
    hashes = set()
    for order in (list(WHOLE), list(reversed(WHOLE))):
        folder = tmp_path / order[0].replace("/", "-")
        hashes.add(require_station(write(folder, {name: WHOLE[name] for name in order})).sources_hash)
    (same,) = hashes
    write(folder, {"station.yaml": WHOLE["station.yaml"] + "# changed\n"})
    assert require_station(folder).sources_hash != same


def test_what_is_no_station_yaml_is_left_alone(tmp_path: Path) -> None:
    broken = "{"
    loaded = load(
        tmp_path,
        {
            "ledger.yaml": broken,
            ".hidden.yaml": broken,
            ".git/x.yaml": broken,
            "media/x.yaml": broken,
            "shows/media/x.yaml": broken,
            "catalog.lock/sitcoms.yaml": broken,
            "snapshots/guide.yaml": broken,
            "films/a.mkv": b"",
            "films/a.yaml": broken,
            "films/a.mkv.yaml": broken,
            "films/deep/defaults.yaml": broken,
            "readme.txt": broken,
            "collection.yaml": "collection: films\nsource: {kind: filesystem, path: ./films}\n",
            "catalog.lock/films.jsonl": "",
        },
    )
    assert loaded.diagnostics == ()
    assert set(loaded.sources) == {"station.yaml", "collection.yaml"}


def test_a_collection_of_the_station_folder_itself_hides_nothing(tmp_path: Path) -> None:
    loaded = load(tmp_path, {"c.yaml": "collection: c\nsource: {path: .}\n", "x.yaml": "plan: x\n"})
    assert [d.code for d in loaded.diagnostics] == ["no-lock", "missing-key"]


def test_one_typo_is_one_mistake(tmp_path: Path) -> None:
    """No cascades: what failed still exists, and is asked nothing more."""
    files = {
        "a.yaml": "chanel: c\nnumber: 7\n",
        "b.yaml": "program: broken\nchain: [{\n",
        "c.yaml": "program: odd\nchain: [{synthetic: slate}]\nmode: odd\n",
        "d.yaml": "plan: p\nzones: [{zone: A, window: 06:00-07:00, play: [broken, odd]}]\n",
    }
    assert [(d.span and d.span.file, d.code) for d in load(tmp_path, files).diagnostics] == [
        ("a.yaml", "no-noun"),
        ("b.yaml", "yaml-syntax"),
        ("c.yaml", "unknown-word"),
    ]


def test_the_rest_of_a_document_with_mistakes_is_still_checked(tmp_path: Path) -> None:
    text = """\
plan: p
priority: high
when: { days: sunn }
zones:
  - zone: A
    window: later
    play: [chers, { program: slate, mode: odd }]
  - zone: B
    window: 06:10-09:00
    bleed: perhaps
    play: [Bad Slug]
  - window: 11:00-12:00
    breaks: nope
    play: [slate]
"""
    found = load(tmp_path, {"x.yaml": text}).diagnostics
    assert [(d.span.line, d.code) for d in found if d.span] == [
        (2, "wrong-type"),
        (3, "unknown-day"),
        (6, "bad-value"),
        (7, "unknown-reference"),
        (7, "unknown-word"),
        (9, "zone-off-grid"),
        (10, "unknown-word"),
        (11, "bad-slug"),
        (12, "missing-key"),
        (13, "unknown-reference"),
    ]


def test_a_misspelt_key_is_not_missed_as_well(tmp_path: Path) -> None:
    text = (
        "plan: p\nzones:\n"
        "  - {zone: A, window: 06:00-09:00, plays: [slate]}\n"
        "  - {zon: B, window: 09:00-10:00, play: [slate]}\n"
    )
    found = load(tmp_path, {"x.yaml": text}).diagnostics
    assert [(d.code, d.help) for d in found] == [
        ("unknown-key", "did you mean “play”?"),
        ("unknown-key", "did you mean “zone”?"),
    ]


@pytest.mark.parametrize(
    ("content", "codes"),
    [
        (b"", ["no-station", "empty-document"]),
        (b"statoin: x\n", ["no-noun"]),
        (b"station: [\n", ["yaml-syntax"]),
        (b"{\n", ["yaml-syntax"]),
        (b"station: caf\xe9\n", ["not-utf8"]),
        (b"station: x\nname: caf\xe9\n", ["not-utf8"]),
    ],
)
def test_a_station_file_that_says_nothing_sound(tmp_path: Path, content: bytes, codes: list[str]) -> None:
    loaded = load(tmp_path, {"station.yaml": content})
    assert loaded.model is None
    assert [d.code for d in loaded.diagnostics] == codes


def test_a_file_in_place_of_the_folder(tmp_path: Path) -> None:
    write(tmp_path, {"station.yaml": STATION})
    (found,) = load_station(tmp_path / "station.yaml").diagnostics
    assert (found.code, found.help) == ("no-folder", "that is a file: name the folder it is in")


def test_the_day_may_end_at_24_00(tmp_path: Path) -> None:
    loaded = load(tmp_path, {"x.yaml": "plan: p\nzones: [{zone: A, window: 18:00-24:00, play: [slate]}]\n"})
    assert loaded.model is not None
    assert loaded.model.plans["p"].zones[0].window == (18 * 60, 0)


def test_diagnostics_come_in_order_of_file_and_line(tmp_path: Path) -> None:
    files = {f"{name}.yaml": "plan: x\nb: 1\na: 2\n" for name in "dbca"}
    found = load(tmp_path, files).diagnostics
    places = [(d.span.file, d.span.line) for d in found if d.span]
    assert places == sorted(places)
    assert len({f for f, _ in places}) == 4


def test_any_error_means_no_model(tmp_path: Path) -> None:
    loaded = load(tmp_path, {"x.yaml": "plan: x\n"})
    assert loaded.model is None
    with pytest.raises(StationErrors, match=r"1 error\n.*x\.yaml:1:1: error\[missing-key\]") as caught:
        require_station(tmp_path)
    assert "retrovue check" in caught.value.help


def test_a_warning_alone_leaves_the_model(tmp_path: Path) -> None:
    loaded = load(tmp_path, {"x.yaml": "# empty\n"})
    assert [d.severity for d in loaded.diagnostics] == [Severity.WARNING]
    assert loaded.model is not None


def test_each_channels_own_day_and_grid_count(tmp_path: Path) -> None:
    late = "channel: late\nnumber: 6\nname: L\nplans: [night]\ngrid: 15m\nbroadcast_day_start: 05:00\n"
    plain = "channel: plain\nnumber: 7\nname: P\nplans: [night]\nbroadcast_day_start: 05:00\n"
    files = {
        "c.yaml": late,
        "p.yaml": "plan: night\nzones: [{zone: A, window: 05:00-05:15, play: [slate]}]\n",
    }
    assert load(tmp_path, files).diagnostics == ()
    (found,) = load(tmp_path, {**files, "c.yaml": f"{late}---\n{plain}"}).diagnostics
    assert (found.code, found.headline) == (
        "zone-off-grid",
        "05:15 is not on the 30-minute grid of plain",
    )


def test_the_work_grows_with_the_files_not_with_their_square(tmp_path: Path) -> None:
    """Function calls are counted, not seconds."""

    def calls(count: int) -> int:
        files: dict[str, str | bytes] = {}
        for n in range(count):
            chain = f"[{{program: p{n - 1}}}]" if n else "[{synthetic: slate}]"
            files[f"programs/{n}.yaml"] = f"program: p{n}\nchain: {chain}\n"
        folder = write(tmp_path / str(count), {"station.yaml": STATION, **files})
        made = 0

        def count_calls(frame: object, event: str, arg: object) -> None:
            nonlocal made
            made += event == "call"

        before = sys.getprofile()
        sys.setprofile(count_calls)
        try:
            assert load_station(folder).diagnostics == ()
        finally:
            sys.setprofile(before)
        return made

    assert calls(500) < 12 * calls(50)


def test_a_long_ring_of_programs_is_found_without_recursion(tmp_path: Path) -> None:
    count = 1500
    order = list(range(count))
    random.Random(1).shuffle(order)
    text = "---\n".join(f"program: p{n}\nchain: [{{program: p{(n + 1) % count}}}]\n" for n in order)
    assert [d.code for d in load(tmp_path, {"x.yaml": text}).diagnostics] == ["program-cycle"]


@pytest.mark.parametrize(
    "when",
    [
        "{dates: 9999-12-31, days: sat}",
        "{dates: 9999-01-01..9999-12-31, on: easter}",
        "{dates: 0001-01-01, days: sun}",
        "{dates: 02-29, days: mon}",
        "{nth: 5th sun, dates: 02-29}",
    ],
)
def test_plans_at_the_ends_of_the_calendar(tmp_path: Path, when: str) -> None:
    plan = f"plan: p\nwhen: {when}\nzones: [{{zone: A, window: 06:00-12:00, play: [slate]}}]\n"
    found = load(tmp_path, {"x.yaml": plan}).diagnostics
    assert {d.code for d in found} <= {"never-applies", "unlisted-plan"}


@pytest.mark.parametrize("flight", ["0001-01-01..9999-12-31", "12-28..01-09", "03-01..02-29", "02-29"])
def test_flights_of_any_length_are_counted(tmp_path: Path, flight: str) -> None:
    spot = f"spot: x\nspots: {{tag: ad}}\nruns: 1\ndaily_cap: 1\nflight: {flight}\n"
    assert load(tmp_path, {"x.yaml": spot}).diagnostics == ()
