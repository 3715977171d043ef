"""What a collection's rules say of its assets: ratings where there are none, tags besides the own."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from retrovue.compiler.asset_rules import by_rules
from retrovue.library.catalog import Asset
from retrovue.station.model import AssetRule
from tests.cli.run import run
from tests.library.media import make

FILM = Asset("films", "Nosferatu (1922)", duration_us=94 * 60_000_000, year=1922, extra={"genre": "Horror"})


def rules(*written: dict[str, Any]) -> list[AssetRule]:
    return [AssetRule.model_validate(words) for words in written]


def test_a_rating_is_given_where_there_is_none() -> None:
    horror = rules({"match": {"genre": "horror"}, "rating": "TV-MA"}, {"rating": "TV-PG"})
    assert by_rules(FILM, horror).rating == "TV-MA"  # the first that holds
    assert by_rules(replace(FILM, extra={}), horror).rating == "TV-PG"
    assert by_rules(replace(FILM, rating="TV-14"), horror).rating == "TV-14"  # what a person or the file says
    assert by_rules(FILM, []) == FILM


def test_tags_come_to_the_own_and_later_rules_see_them() -> None:
    late = rules(
        {"match": {"max_duration": "20m"}, "tags": "short"},
        {"match": {"year": "1890..1929"}, "tags": ["silent", "classic"]},
        {"match": {"tag": "silent"}, "tags": "late"},
        {"match": {"not": {"tag": "late"}}, "tags": "early"},
    )
    assert by_rules(replace(FILM, tags=("classic",)), late).tags == ("classic", "silent", "late")
    assert by_rules(replace(FILM, year=1990), late).tags == ("early",)


CINEMA = """
station: cinema
name: Cinema
timezone: UTC
---
channel: one
number: 1
name: One
plans: [all]
---
plan: all
"""
STATION = (
    CINEMA
    + """zones: [{ zone: Night, window: 20:00-04:00, play: [late, film] }]
---
program: film
chain: [{ episodes: { collection: films, not: { tag: late } } }]
---
program: late
chain: [{ episodes: { collection: films, tag: late } }]
not_before: "22:00"
---
collection: films
source: { kind: filesystem, path: media }
rules:
  - { match: { title: Nosferatu }, rating: TV-MA }
  - { match: { rating: TV-MA }, tags: late }
"""
)


def test_an_edited_rule_reaches_the_lock_and_the_schedule_without_a_look_at_any_file(tmp_path: Path) -> None:
    (tmp_path / "station.yaml").write_text(STATION)
    for name in ("Nosferatu (1922)", "The General (1926)"):
        make(tmp_path / "media" / f"{name}.mp4")
    words = (str(tmp_path), "--state", str(tmp_path / "state"), "--quiet", "--json")

    def ingest() -> tuple[int, list[tuple[str, list[str]]]]:
        ran = run("ingest", *words)
        assert ran.code == 0, ran.err
        lines = map(json.loads, (tmp_path / "catalog.lock" / "films.jsonl").read_text().splitlines())
        return json.loads(ran.out)["looked_into"], [(a.get("rating", ""), a.get("tags", [])) for a in lines]

    assert ingest() == (2, [("TV-MA", ["late"]), ("", [])])
    ran = run("guide", str(tmp_path), "--from", "2026-11-23T20:00:00+00:00", "--hours", "6")
    assert ran.code == 0, ran.err
    early = ran.out.partition("    22:00")[0]
    assert "The General" in early
    assert "Nosferatu" not in early
    assert "    22:00-22:30  Nosferatu  [TV-MA]\n" in ran.out
    (tmp_path / "station.yaml").write_text(STATION.replace("rating: TV-MA }\n  -", "rating: TV-14 }\n  -"))
    assert ingest() == (0, [("TV-14", []), ("", [])])


DAYPARTS = (
    CINEMA
    + """zones: [{ zone: Night, window: 20:00-04:00, play: [film] }]
---
program: film
chain: [{ episodes: { collection: films } }]
---
collection: films
source: { kind: filesystem, path: media }
rules:
  - { match: { title: Nosferatu }, rating: TV-MA }
  - match: { rating: TV-MA }
    dayparts: 22:00-06:00
"""
)


def test_a_rating_s_daypart_holds_wherever_its_films_are_played_and_is_explained(tmp_path: Path) -> None:
    file = tmp_path / "station.yaml"
    file.write_text(DAYPARTS)
    for name in ("Nosferatu (1922)", "The General (1926)"):
        make(tmp_path / "media" / f"{name}.mp4")
    state = ("--state", str(tmp_path / "state"))
    assert run("ingest", str(tmp_path), *state, "--quiet").code == 0
    lock = (tmp_path / "catalog.lock" / "films.jsonl").read_text()
    assert '"rating":"TV-MA","dayparts":["22:00-06:00"]' in lock
    assert run("ingest", str(tmp_path), *state, "--check").code == 0
    assert run("check", str(tmp_path)).code == 0
    ran = run("guide", str(tmp_path), *state, "--from", "2026-11-23T20:00:00+00:00", "--hours", "6")
    assert ran.code == 0, ran.err
    shown = [line.split()[:2] for line in ran.out.splitlines() if "-" in line and ":" in line]
    films = [(time[:5], film) for time, film in shown]
    assert [film for time, film in films if time < "22:00" and time >= "20:00"] == ["The"] * 4
    assert "Nosferatu" in {film for time, film in films if time >= "22:00"}
    at = next(time for time, film in films if film == "Nosferatu")
    artefact = tmp_path / "artefact.duckdb"
    compiled = run(
        "compile", str(tmp_path), *state, "--from", "2026-11-23", "--output", str(artefact), "--quiet"
    )
    assert compiled.code == 0, compiled.err
    why = run("why", "1", f"2026-11-23 {at}", "--artefact", str(artefact))
    assert why.code == 0, why.err
    assert "  dayparts   it may start within 22:00-06:00\n" in why.out
    with_the_station = run("why", "1", f"2026-11-23 {at}", str(tmp_path), "--artefact", str(artefact))
    assert (
        "  dayparts   it may start within 22:00-06:00\n             station.yaml:21:5\n"
        in with_the_station.out
    )
    shown_whole = run("library", str(tmp_path), "films/Nosferatu (1922)")
    assert "starts within 22:00-06:00, by its collection's rules" in shown_whole.out
    file.write_text(DAYPARTS.replace("22:00-06:00", "22:00-22:00"))
    refused = run("check", str(tmp_path))
    assert refused.code == 1
    assert "this daypart begins and ends at 22:00" in refused.out + refused.err
    file.write_text(DAYPARTS.replace("    dayparts: 22:00-06:00", "    tags: []"))
    refused = run("check", str(tmp_path))
    assert "this rule gives its assets nothing" in refused.out + refused.err
    assert "give them a rating, tags, or dayparts" in refused.out + refused.err
