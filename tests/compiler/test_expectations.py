"""What is expected of a schedule is checked; the first counter-example is said, with its place."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from retrovue.compiler.expectations import broken_expectations
from retrovue.compiler.fill_report import fill_lines
from retrovue.diagnostics import Severity
from tests.cli.run import run
from tests.compiler.stations import asset, catalog, compiled, episode, series, spots, station

FRIDAY = date(2026, 6, 5)
LIBRARY = catalog(
    [
        *(episode("cheers", 1, n, 1320, rating="TV-PG") for n in range(1, 5)),
        *(asset("films", f"film-{n}", 5400, title=f"Film {n}", rating="TV-MA") for n in range(3)),
        *spots(6),
    ]
)


def broken(*lines: str, channel: tuple[str, ...] = (), **words: Any) -> list[str]:
    """The headlines of what doesn't hold on Friday and Saturday."""
    zones = [
        {"zone": "Day", "window": "06:00-20:00", "play": ["cheers"]},
        {"zone": "Night", "window": "20:00-06:00", "play": ["films"]},
    ]
    model = station(
        [{"plan": "all", "zones": zones}],
        [
            series("cheers", title="Cheers"),
            {"program": "films", "chain": [{"episodes": {"collection": "films"}}], "title": "Late Film"},
        ],
        pools=[{"pool": "ads", "spots": {"collection": "spots"}}],
        formats=[{"break_format": "network", "fill_with": ["ads"]}],
        breaks="network",
        channels=[{"channel": "one", "number": "5.1", "name": "One", "plans": ["all"], "expect": channel}],
        expect=lines,
        epoch=FRIDAY,
        **words,
    )
    found = broken_expectations(model, compiled(model, LIBRARY, FRIDAY, days=2))
    assert all(d.severity is Severity.ERROR and d.code == "expectation-broken" and d.help for d in found)
    return [d.headline for d in found]


@pytest.mark.parametrize(
    "line",
    [
        "fri 20:00 is movie",
        "fri 19:30 is cheers",
        'sat 20:30 is "Late Film"',
        "sun 20:00 is cheers",  # not compiled
        "2026-06-05 06:00 is cheers",
        "fri 04:30 is films",  # Saturday morning belongs to Friday
        "nothing TV-MA before 20:00",
        "nothing TV-PG between 20:00 and 06:00",
        "no ad twice within 10 s",
        "no promo twice within 9 h",
        "fill >= 90 %",
    ],
)
def test_what_holds_is_not_mentioned(line: str) -> None:
    assert broken(line) == []


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("fri 19:30 is movie", "at Fri 05 Jun 2026 19:30 it is “Cheers: cheers 1x"),
        ("sat 20:00 is cheers", "at Sat 06 Jun 2026 20:00 it is “Late Film: Film "),
        ("nothing TV-MA before 21:00", "TV-MA, starts at Fri 05 Jun 2026 20:00"),
        ("no ad twice within 60 min", "min later"),
        ("no spot twice within 60 min", "airs at Fri 05 Jun 2026 06:"),
        ("fill >= 100 %", "of breaks on Fri 05 Jun 2026"),
    ],
)
def test_the_first_counter_example_is_said(line: str, said: str) -> None:
    (headline,) = broken(line)
    assert headline.startswith(f"“{line}” doesn't hold on 5.1 One: ")
    assert said in headline
    assert broken(channel=(line,)) == [headline]


def test_a_compile_that_breaks_an_expectation_publishes_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "station"
    folder.mkdir()
    text = """\
station: s
name: S
timezone: Europe/Berlin
epoch: 2026-06-05
expect:
  - fri 20:00 is clock-hour
  - fri 20:00 is test-pattern
---
channel: one
number: 1
name: One
plans: [all]
---
plan: all
zones: [{ zone: Day, window: "06:00-06:00", play: [test-pattern] }]
---
synthetic: clock-hour
shows: clock
"""
    (folder / "station.yaml").write_text(text, "utf-8")
    output = tmp_path / "a.duckdb"
    days = ("--from", "2026-06-05", "--days", "1")
    words = ("compile", folder, *days, "--output", output, "--state", tmp_path / "state")
    refused = run(*map(str, words))
    assert refused.code == 1
    assert not output.exists()
    assert "station.yaml:6:5" in refused.err
    assert "“fri 20:00 is clock-hour” doesn't hold on 1 One" in refused.err
    told = json.loads(run(*map(str, words), "--json").out)
    assert not told["written"]
    assert "expectation-broken" in {d["code"] for d in told["diagnostics"]}
    (folder / "station.yaml").write_text(text.replace("  - fri 20:00 is clock-hour\n", ""), "utf-8")
    assert run(*map(str, words)).code == 0
    assert output.exists()


def test_the_report_says_how_breaks_were_filled() -> None:
    rules = [{"spot": "deal", "asset": "spots/spot-0", "runs": 8, "flight": "2026-06-05..2026-06-08"}]
    model = station(
        [{"plan": "all", "zones": [{"zone": "Day", "window": "06:00-06:00", "play": ["cheers"]}]}],
        [series("cheers")],
        pools=[{"pool": "ads", "spots": {"collection": "spots"}}],
        formats=[{"break_format": "network", "fill_with": ["ads"]}],
        breaks="network",
        epoch=FRIDAY,
        rules=rules,
    )
    result = compiled(model, LIBRARY, FRIDAY, days=2)
    first, second, contract = fill_lines(result)
    fill = result.days[0].fill
    assert fill is not None
    assert fill.break_us == 48 * 480 * 10**6
    assert f"5.1 Fri 05 Jun  {fill.spots} spots, {fill.spot_us / 6e7:.1f} min in 48 pods" in first
    assert "% filled" in second
    assert contract.strip() == "5.1 contract deal (2026-06-05..2026-06-08): 4 of 8 delivered, 4 due"
    # A contract that is over within the days is reported as it ended.
    *_, over = fill_lines(compiled(model, LIBRARY, FRIDAY, days=6))
    assert over.strip() == "5.1 contract deal (2026-06-05..2026-06-08): 8 of 8 delivered, 8 due"
    day = result.days[0]
    assert fill.spot_us == sum(s.duration_us for s in day.playlist if s.pool)
    assert fill.ident_us == sum(s.duration_us for s in day.playlist if s.kind.value == "ident")
