"""``retrovue library``: lists, searches, shows one asset whole, and says why one doesn't air."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from retrovue.credits import Credit
from retrovue.library.catalog import Asset, AssetState, AudioTrack, SubtitleTrack
from retrovue.library.lock import read_lock, write_lock
from tests.cli.run import run
from tests.compiler.stations import asset, episode
from tests.station.build import write

STATION = """
station: retro
name: Retro
timezone: UTC
---
channel: one
number: "5.1"
name: One
breaks: network
plans: [daily]
---
plan: daily
zones: [{ zone: Day, window: 06:00-06:00, play: [cheers, late] }]
---
program: cheers
chain: [{ episodes: { collection: sitcoms, series: Cheers } }]
---
program: late
not_before: "22:00"
chain: [{ episodes: { collection: films, tag: late } }]
---
collection: sitcoms
source: { kind: filesystem, path: sitcoms }
---
collection: films
holds: movies
approve: manual
source: { kind: filesystem, path: films }
---
pool: ads
spots: { collection: ads }
---
collection: ads
holds: spots
source: { kind: ads, path: ads }
---
break_format: network
fill_with: [ads]
---
spot: cola
asset: ads/cola
flight: 2026-12-01..2026-12-24
"""
EVERYTHING = Asset(
    "films",
    "Rope",
    state=AssetState.READY,
    approved=True,
    path="1948/Rope.mkv",
    duration_us=4_830_123_456,
    frames=115_807,
    rate="24000/1001",
    width=720,
    height=480,
    sar="8/9",
    interlaced=True,
    field_order="tff",
    primaries="smpte170m",
    transfer="bt709",
    matrix="bt470bg",
    picture_us=40_000,
    fit="crop",
    video_codec="mpeg2video",
    audio_codec="ac3",
    audio_channels=6,
    audio=(AudioTrack("ac3", 6, "en", True, False, -27.5, -3.25), AudioTrack("mp2", 2, commentary=True)),
    subtitles=(SubtitleTrack("subrip", "fr", True, path="1948/Rope.fr.srt"),),
    marks_us=(600_000_000, 1_200_500_000),
    title="Rope",
    year=1948,
    date="1948-08-26",
    description="Two students and a chest.",
    rating="TV-PG",
    tags=("late", "thriller"),
    advertiser="Acme",
    category="films",
    artwork=("1948/Rope-poster.jpg",),
    credits=(Credit("director", "Alfred Hitchcock"), Credit("actor", "James Stewart", "Rupert Cadell")),
    extra={"genre": "Crime, Drama", "studio": "Transatlantic"},
)
ASSETS = [
    episode("Cheers", 1, 1, 1320),
    episode("Cheers", 1, 2, 1330, tags=("pilot",)),
    replace(episode("Taxi", 2, 1, 1340), state=AssetState.RETIRED),
    EVERYTHING,
    replace(asset("films", "Straße\u202e des\nAbends 🎬", 600, title="Straße"), approved=False),
    asset("ads", "cola", 30, advertiser="Sunny Cola"),
    asset("ads", "soap", 30),
]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    write(tmp_path, {"station.yaml": STATION})
    write_lock(tmp_path, ASSETS)
    return tmp_path


def ids(folder: Path, *arguments: str) -> list[str]:
    """Those that ``--json`` lists with these filters."""
    ran = run("library", str(folder), *arguments, "--json")
    assert (ran.code, ran.err) == (0, "")
    return [found["id"] for found in json.loads(ran.out)["assets"]]


def test_all_assets_are_listed_on_a_line_each(folder: Path) -> None:
    listed = run("library", str(folder))
    assert listed.out.splitlines() == [
        "ads/cola  0:00:30  cola",
        "ads/soap  0:00:30  soap",
        "films/Rope  1:20:30  Rope (1948)",
        "films/Straße\\u202e des\\nAbends 🎬  0:10:00  Straße  [not-approved]",
        "sitcoms/Cheers/S01E01  0:22:00  Cheers S1E1 “Cheers 1x1”",
        "sitcoms/Cheers/S01E02  0:22:10  Cheers S1E2 “Cheers 1x2”",
        "sitcoms/Taxi/S02E01  0:22:20  Taxi S2E1 “Taxi 2x1”  [retired]",
    ]
    assert listed.err == "7 assets\n"


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        (("--collection", "ads"), ["ads/cola", "ads/soap"]),
        (("--is", "retired"), ["sitcoms/Taxi/S02E01"]),
        (("--is", "waiting"), ["films/Straße\u202e des\nAbends 🎬"]),
        (("--is", "ready", "--collection", "films", "--query", "year: 1940..1949"), ["films/Rope"]),
        (("--query", "series: cheers, not: {tag: pilot}"), ["sitcoms/Cheers/S01E01"]),
        (("--query", "{genre: drama}"), ["films/Rope"]),
        (("--search", "STRASSE"), ["films/Straße\u202e des\nAbends 🎬"]),
        (("--search", "cheers 1x2"), ["sitcoms/Cheers/S01E02"]),
        (("--search", "cadell rope"), ["films/Rope"]),
        (("--search", "sunny"), ["ads/cola"]),
        (("--search", "films/str"), ["films/Straße\u202e des\nAbends 🎬"]),
        (("--search", "approved"), []),  # the name of a field is nobody's word
    ],
)
def test_filters_add_up(folder: Path, filters: tuple[str, ...], found: list[str]) -> None:
    assert ids(folder, *filters) == found


def test_a_large_lock_lists_and_shows_the_same(folder: Path) -> None:
    """One that is read through its cache."""
    before = {words: ids(folder, *words) for words in ((), ("--is", "waiting"), ("--search", "straße"))}
    barred = run("library", str(folder), "--barred", "--on", "2026-11-26").out
    shown = run("library", str(folder), "films/Rope", "--on", "2026-11-26").out
    noise = "lorem ipsum " * 50_000
    more = [replace(asset("ads", f"~{n}", 30), description=noise) for n in range(4)]
    write_lock(folder, [*ASSETS, *more])
    after = {words: [i for i in ids(folder, *words) if "~" not in i] for words in before}
    assert after == before
    assert run("library", str(folder), "--barred", "--on", "2026-11-26").out == barred
    assert run("library", str(folder), "films/Rope", "--on", "2026-11-26").out == shown
    assert list((folder / "state").rglob("*.parquet"))


def test_why_assets_do_not_air(folder: Path) -> None:
    barred = run("library", str(folder), "--barred", "--on", "2026-11-26")
    assert barred.out.splitlines() == [
        "ads/cola  0:00:30  cola  [outside-flight]",
        "films/Straße\\u202e des\\nAbends 🎬  0:10:00  Straße  [not-approved]",
        "sitcoms/Taxi/S02E01  0:22:20  Taxi S2E1 “Taxi 2x1”  [retired]",
    ]
    assert barred.err == "3 assets that can't air on Thu 26 Nov 2026\n"
    assert "ads/cola" not in ids(folder, "--barred", "--on", "2026-12-24")
    shown = run("library", str(folder), "ads/cola", "--on", "2026-11-26").out
    assert (
        "[outside-flight] cola: Thu 26 Nov 2026 is outside its flight, 2026-12-01..2026-12-24 (station.yaml:"
        in shown
    )
    (taxi,) = json.loads(run("library", str(folder), "sitcoms/Taxi/S02E01", "--json").out)["assets"]
    assert (taxi["airs"], [bar["code"] for bar in taxi["bars"]], taxi["ways"]) == (False, ["retired"], [])


def test_an_asset_is_shown_whole(folder: Path) -> None:
    shown = run("library", str(folder), "films/Rope", "--on", "2026-11-26")
    assert shown.code == 0
    for said in (
        *("ready, approved", "1948/Rope.mkv", f"{folder}/films/1948/Rope.mkv, which is not there"),
        *("1:20:30.123456, 115,807 frames at 24000/1001", "720x480, mpeg2video, pixels 8/9, interlaced tff"),
        *("smpte170m/bt709/bt470bg", "crop", "begins 0:00:00.04 into the file", "0:10:00, 0:20:00.5"),
        *("ac3, 6 channels, en, default, -27.5 LUFS, peak -3.25 dBTP", "mp2, 2 channels, commentary"),
        *("subrip, fr, forced, 1948/Rope.fr.srt", "TV-PG", "late, thriller", "1948-08-26", "Acme"),
        *("Two students and a chest.", "Alfred Hitchcock", "James Stewart as Rupert Cadell"),
        *("1948/Rope-poster.jpg", "Crime, Drama", "Transatlantic"),
        *("program late, on 5.1: collection films, tag late", "starts not before 22:00"),
        "it may, on Thu 26 Nov 2026",
    ):
        assert said in shown.out, said
    (whole,) = json.loads(run("library", str(folder), "films/Rope", "--json").out)["assets"]
    for line in (folder / "catalog.lock" / "films.jsonl").read_text().splitlines():
        told = json.loads(line)
        if told["key"] == "Rope":
            assert told.items() <= whole.items()
    assert whole["eligible"] is whole["airs"] is True
    assert (whole["file_is_there"], whole["bars"]) == (False, [])
    assert [way["slug"] for way in whole["ways"]] == ["late"]


def test_several_assets_by_pattern(folder: Path) -> None:
    shown = run("library", str(folder), "sitcoms/Cheers/*").out
    assert [line for line in shown.splitlines() if line[:1].strip()] == [
        "sitcoms/Cheers/S01E01: Cheers S1E1 “Cheers 1x1”",
        "sitcoms/Cheers/S01E02: Cheers S1E2 “Cheers 1x2”",
    ]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("films/Roep",), ("no asset is “films/Roep”", "did you mean “films/Rope”?")),
        (("films/zzz*",), ("no asset is “films/zzz*”", "lists them")),
        (("--collection", "sitcom"), ("there is no collection “sitcom”", "did you mean “sitcoms”?")),
        (("--query", "collection: film"), ("there is no collection “film”", "did you mean “films”?")),
        (("--query", "collections: [films, ad]"), ("there is no collection “ad”", "ads")),
        (("--query", "seires: Cheers"), ("“seires” is no key here", "did you mean “series”?")),
        (("--query", "year: 19"), ("'19' is no year", "1980..1989")),
        (("--query", "[Cheers"), ("in the query “[Cheers”", "help:")),
        (("--query", "series"), ("the query “series” asks for nothing", "series: Cheers")),
        (("--query", ""), ("asks for nothing", "help:")),
        (("films/Rope", "--search", "x"), ("--search chooses others", "either, or")),
    ],
)
def test_a_slip_of_the_pen_is_told(folder: Path, arguments: tuple[str, ...], said: tuple[str, ...]) -> None:
    ran = run("library", str(folder), *arguments)
    assert (ran.code, ran.out) == (1, "")
    assert all(words in ran.err for words in said), ran.err


def test_a_station_without_a_lock_and_a_damaged_lock(folder: Path, tmp_path: Path) -> None:
    (folder / "catalog.lock" / "films.jsonl").write_text("{nonsense\n")
    damaged = run("library", str(folder))
    assert (damaged.code, damaged.out) == (1, "")
    assert "catalog.lock/films.jsonl:1: this line is damaged" in damaged.err
    for file in (folder / "catalog.lock").iterdir():
        file.unlink()
    none = run("library", str(folder))
    assert none.code == 1
    assert f"retrovue ingest {folder} writes it" in none.err


def test_names_cannot_move_the_cursor(folder: Path) -> None:
    odd = asset("ads", "a\x1b[2J\nb\u2066", 30, title="t\x07\r", extra={"note\x1b": "\x1b[1m"})
    write_lock(folder, [*read_lock(folder).assets.values(), odd])
    said = run("library", str(folder)).out + run("library", str(folder), odd.id).out
    wrong = run("library", str(folder), "ads/a\x1b[2J\nb").err
    assert not {*"\x1b\x07\r\u2066"} & {*said, *wrong}
    assert "ads/a\\x1b[2J\\nb\\u2066  0:00:30  t\\x07\\r\n" in said
