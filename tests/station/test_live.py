"""Live sources in the language, and what the compiler makes of them."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from retrovue.compiler.model import SegmentKind
from retrovue.diagnostics import Severity
from retrovue.diagnostics.render import render
from retrovue.units import HOUR_US
from tests.compiler.stations import assert_tiles, asset, catalog, compiled
from tests.station.build import load


@pytest.mark.parametrize(
    "url",
    [
        "http://tv.example/ts",
        "https://tv.example:8443/a/b.m3u8?x=1&y=@2",
        "rtsp://[2001:db8::1]:554/stream1",
        "udp://@239.0.0.1:5000",
        "udp://127.0.0.1:5000",
        "rtp://239.0.0.1:5000",
    ],
)
def test_where_a_live_source_may_come_from(tmp_path: Path, url: str) -> None:
    loaded = load(tmp_path, {"live.yaml": f'live: x\nurl: "{url}"\n'})
    assert loaded.model is not None, loaded.diagnostics
    assert loaded.model.lives["x"].url == url


@pytest.mark.parametrize(
    "url",
    [
        "/etc/passwd",
        "file:/etc/passwd",
        "pipe:0",
        "concat:a|b",
        "http://ada:secret@tv.example/",
        "rtsp://ada@camera/",
        "udp://239.0.0.1",
        "http://tv.example/a b",
        "http://tv.example/a\\\\b",
        "https://",
        "ftp://tv.example/x",
        "-i",
    ],
)
def test_and_where_not(tmp_path: Path, url: str) -> None:
    loaded = load(tmp_path, {"live.yaml": f'live: x\nurl: "{url}"\n'})
    assert [d.severity for d in loaded.diagnostics] == [Severity.ERROR]


def test_a_secret_that_was_written_down_is_not_repeated_in_the_headline(tmp_path: Path) -> None:
    text = "live: x\nurl: rtsp://camera.example/1\npassword: hunter2\n"
    (told,) = load(tmp_path, {"live.yaml": text}).diagnostics
    assert "hunter2" not in told.headline + told.help
    assert "env:NAME" in told.headline + told.help
    assert "hunter2" not in render([told], {}, "concise")
    assert "hunter2" not in render([told], {"live.yaml": text}, "full")


def test_nor_is_one_in_an_address(tmp_path: Path) -> None:
    text = "live: x\nurl: rtsp://ada:hunter2@camera.example/1\n"
    (told,) = load(tmp_path, {"live.yaml": text}).diagnostics
    shown = render([told], {"live.yaml": text}, "full")
    assert "url: ·····" in shown
    assert "hunter2" not in shown


PLAN = """
pool: standby
kind: filler
spots: { collection: standby }
---
collection: standby
source: { kind: filesystem, path: standby }
---
plan: daily
zones:
  - zone: Day
    window: 06:00-18:00
    play: [council]
  - zone: Evening
    window: 18:00-06:00
    play: [test-pattern]
    at: { "20:00": council-hour }
---
live: council
title: City Council
description: As it happens.
url: https://council.example/live.m3u8
---
live: council-hour
url: udp://@239.0.0.1:5000
duration: 1h
"""


def test_a_live_source_airs_like_a_synthetic_and_its_address_is_not_in_the_artefact(
    tmp_path: Path,
) -> None:
    text = """
station: retro
name: Retro Television
timezone: America/New_York
---
channel: wone
number: "5.1"
name: WONE
plans: [daily]
fallback: [standby]
---"""
    loaded = load(tmp_path, {"station.yaml": text + PLAN})
    assert loaded.model is not None, loaded.diagnostics
    stand_in = asset("standby", "card", 600)
    result = compiled(loaded.model, catalog([stand_in]), date(2026, 6, 1))
    assert_tiles(result)
    (day,) = result.days
    lives = [s for s in day.playlist if s.kind is SegmentKind.LIVE]
    assert [(s.synthetic, s.end_us - s.start_us) for s in lives] == [
        ("council", 12 * HOUR_US),
        ("council-hour", HOUR_US),
    ]
    titles = {e.program: (e.title, e.kind) for e in day.events}
    assert titles["council"] == ("City Council", "programme")
    assert titles["council-hour"] == ("WONE", "programme")
    assert "example" not in repr(result.synthetics)
    assert {e.program: e.fallbacks for e in day.events} == {
        "council": (stand_in.id,),
        "council-hour": (stand_in.id,),
        "test-pattern": (),
    }


def test_a_live_source_is_no_link_of_a_chain(tmp_path: Path) -> None:
    text = "live: council\nurl: udp://@239.0.0.1:5000\n---\nprogram: p\nchain: [{ synthetic: council }]\n"
    loaded = load(tmp_path, {"live.yaml": text})
    assert [d.code for d in loaded.diagnostics if d.severity is Severity.ERROR] == ["unknown-reference"]


def test_the_certificate_of_a_source_is_a_file_of_the_station(tmp_path: Path) -> None:
    text = "live: x\nurl: https://tv.example/1\ncertificate: {}\n"
    (tmp_path / "own.pem").write_text("x")
    assert load(tmp_path, {"live.yaml": text.format("own.pem")}).diagnostics == ()
    for path in ("other.pem", "../own.pem"):
        (told,) = load(tmp_path, {"live.yaml": text.format(path)}).diagnostics
        assert told.code == "missing-file"
