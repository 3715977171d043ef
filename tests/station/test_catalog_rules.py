"""What a station asks of its catalog is there, or it is told at its place, with what was meant."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from retrovue.diagnostics import Severity
from retrovue.station.load import load_station
from tests.cli.run import run
from tests.station.build import STATION, write

COLLECTIONS = """\
collection: tv
source: { kind: filesystem, path: m }
---
collection: new
source: { kind: filesystem, path: n }
"""
ASSETS: tuple[dict[str, object], ...] = (
    {
        "key": "Cheers/S01E01",
        "path": "a",
        "title": 'He said "series":"Taxi"',
        "series": "Cheers",
        "tags": ["sitcom"],
    },
    {
        "key": "Cheers/S01E02",
        "path": "b",
        "title": "Zwölf Äpfel",
        "series": "Cheers",
        "tags": ["a ] b", 'x"y'],
    },
    {"key": "Ämter/1", "path": "c", "title": "Plain"},
)


def found(
    folder: Path, text: str, *assets: dict[str, object], escaped: bool = False
) -> list[tuple[str, str]]:
    """(headline, help) of each finding; the place is that of the marked word."""
    begin = text.find("«")
    bare = text.replace("«", "").replace("»", "")
    sound = ({**asset, "duration_us": 1_000_000} for asset in assets or ASSETS)
    lock = "".join(json.dumps(asset, ensure_ascii=escaped) + "\n" for asset in sound)
    write(
        folder,
        {"station.yaml": STATION, "c.yaml": COLLECTIONS, "x.yaml": bare, "catalog.lock/tv.jsonl": lock},
    )
    (folder / "catalog.lock" / "new.jsonl").write_text("")
    diagnostics = load_station(folder, catalog=True).diagnostics
    for d in diagnostics:
        assert (d.code, d.severity) == ("not-in-catalog", Severity.WARNING)
        assert d.span is not None
        assert begin >= 0, d
        line = bare[:begin].count("\n") + 1
        assert (d.span.line, d.span.column) == (line, begin - (bare.rfind("\n", 0, begin) + 1) + 1)
    assert load_station(folder).diagnostics == ()
    return [(d.headline, d.help) for d in diagnostics]


@pytest.mark.parametrize(
    ("query", "headline", "help"),
    [
        ("series: «Cheerz»", "no asset of collection “tv” has the series “Cheerz”", "did you mean “Cheers”?"),
        ("series: «Taxi»", "no asset of collection “tv” has the series “Taxi”", "known: Cheers"),
        ("tag: «sitcon»", "no asset of collection “tv” has the tag “sitcon”", "did you mean “sitcom”?"),
        (
            "tags: [sitcom, «Sitcom»]",
            "no asset of collection “tv” has the tag “Sitcom”",
            "did you mean “sitcom”?",
        ),
        (
            "any_tag: «[news, sport]»",
            "no asset of collection “tv” has the tag “news”, “sport”",
            'known: a ] b, sitcom, x"y',
        ),
        ("title: «Plane»", "no asset of collection “tv” has the title “Plane”", "did you mean “Plain”?"),
        (
            "asset: «tv/Cheers/S1E01»",
            "the catalog has no asset “tv/Cheers/S1E01”",
            "did you mean “tv/Cheers/S01E01”?",
        ),
    ],
)
@pytest.mark.parametrize("escaped", [False, True], ids=["as written", "escaped"])
def test_a_word_that_nothing_has(tmp_path: Path, query: str, headline: str, help: str, escaped: bool) -> None:
    text = f"program: x\nchain: [{{ episodes: {{ collection: tv, {query} }} }}]\n"
    assert found(tmp_path, text, escaped=escaped) == [(headline, help)]


@pytest.mark.parametrize(
    "query",
    [
        "collection: tv, series: CHEERS",
        "collection: tv, title: zwölf äpfel",
        "collection: tv, tag: 'a ] b'",
        "collection: tv, tag: 'x\"y'",
        "collection: tv, any_tag: [sitcom, sport]",
        "collection: tv, not: { series: Taxi }",
        "asset: tv/Ämter/1",
        # What was never ingested may have anything.
        "collection: new, series: Taxi",
        "collections: [tv, new], series: Taxi",
        "series: Taxi",
    ],
)
@pytest.mark.parametrize("escaped", [False, True], ids=["as written", "escaped"])
def test_words_that_something_has_or_may_have(tmp_path: Path, query: str, escaped: bool) -> None:
    assert found(tmp_path, f"program: x\nchain: [{{ episodes: {{ {query} }} }}]\n", escaped=escaped) == []


@pytest.mark.parametrize(
    "text",
    [
        "spot: x\nasset: «tv/Nothing»\n",
        "spot: x\nspots: { collection: tv, tag: «nothing» }\n",
        "pool: x\nspots: { collection: tv, tag: «nothing» }\n",
        "program: x\nchain: [{ asset: «tv/Nothing» }]\n",
        "program: x\nchain: [{ bumper: { collection: tv, tag: «nothing» } }]\n",
        "virtual: x\nsequence: [{ asset: «tv/Nothing» }]\n",
        "virtual: x\nrule: { query: { collection: tv, series: «Nothing» } }\n",
        "program: x\nchain: [{ episodes: { collection: tv } }]\nmode: manual\n"
        "airings: [{ on: 2026-12-24, asset: «tv/Nothing» }]\n",
    ],
)
def test_wherever_it_is_asked_for(tmp_path: Path, text: str) -> None:
    assert len(found(tmp_path, text)) == 1


def test_check_says_it_and_goes_on(tmp_path: Path) -> None:
    found(tmp_path, "program: x\nchain: [{ episodes: { collection: tv, series: «Cheerz» } }]\n")
    ran = run("check", str(tmp_path), "--format", "concise")
    assert ran.code == 0
    assert "x.yaml:2:47: warning[not-in-catalog]" in ran.out
    (tmp_path / "catalog.lock" / "tv.jsonl").write_bytes(b"\xff\n")
    assert "not-in-catalog" not in run("check", str(tmp_path), "--format", "concise").out
