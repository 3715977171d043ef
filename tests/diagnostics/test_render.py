"""How diagnostics look: excerpts, carets, and nothing that a terminal would obey."""

from __future__ import annotations

import json
import re
from typing import Any

from retrovue.diagnostics import Diagnostic, Label, Severity, Span
from retrovue.diagnostics.render import as_json, render, summary, width
from tests.laws.tree import ROOT

SOURCE = "plan: daily\nzones:\n  - zone: 日本語\n    window: 06:00-12:00\n"
SOURCES = {"plans/daily.yaml": SOURCE}


def _found(span: Span | None, **more: object) -> Diagnostic:
    values: dict[str, object] = {
        "severity": Severity.ERROR,
        "code": "bad-value",
        "headline": "wrong",
        "span": span,
    }
    return Diagnostic(**{**values, **more})  # type: ignore[arg-type]


def _span(line: int, column: int, end_column: int, end_line: int | None = None) -> Span:
    return Span("plans/daily.yaml", line, column, end_line or line, end_column)


def _caret(text: str) -> tuple[int, int]:
    """Column and width of the caret, counted from the excerpt's first column."""
    (line,) = [row for row in text.splitlines() if re.fullmatch(r" *\| *\^+.*", row)]
    inside = line.split("| ", 1)[1]
    return inside.index("^"), inside.count("^")


def test_full() -> None:
    found = _found(
        _span(4, 13, 24), note="here", labels=(Label(_span(1, 7, 12), "and there"),), help="do that"
    )
    assert render([found], SOURCES, root="stations/x").splitlines() == [
        "error[bad-value]: wrong",
        " --> stations/x/plans/daily.yaml:4:13",
        "  |",
        "4 |     window: 06:00-12:00",
        "  |             ^^^^^^^^^^^ here",
        " ::: stations/x/plans/daily.yaml:1:7",
        "  |",
        "1 | plan: daily",
        "  |       ----- and there",
        "  = help: do that",
    ]


def test_the_gutter_fits_the_longest_line_number() -> None:
    sources = {"plans/daily.yaml": "\n".join(["a: 1"] * 100)}
    text = render([_found(_span(100, 1, 2), labels=(Label(_span(9, 1, 2), "x"),))], sources)
    assert "100 | a: 1" in text
    assert "  9 | a: 1" in text


def test_carets_are_as_wide_as_what_they_mark() -> None:
    assert _caret(render([_found(_span(1, 7, 12))], SOURCES)) == (6, 5)
    assert _caret(render([_found(_span(3, 11, 14))], SOURCES)) == (10, 6)  # three wide characters
    assert _caret(render([_found(_span(1, 7, 3, end_line=3))], SOURCES)) == (6, 5)  # to the line's end
    assert _caret(render([_found(_span(1, 12, 12))], SOURCES)) == (11, 1)  # a point after the end
    assert _caret(render([_found(_span(2, 400, 500))], SOURCES)) == (6, 1)  # never beyond the line


def test_a_long_line_is_shown_around_the_caret() -> None:
    line = "x" * 500 + "Y" * 4 + "z" * 500
    text = render([_found(_span(1, 501, 505))], {"plans/daily.yaml": line})
    excerpt = next(row for row in text.splitlines() if "YYYY" in row)
    assert len(excerpt) < 200
    caret, count = _caret(text)
    assert excerpt.split("| ", 1)[1][caret : caret + count] == "YYYY"


def test_a_place_without_its_source_is_named_all_the_same() -> None:
    assert render([_found(_span(7, 1, 2), note="why")], {}).splitlines() == [
        "error[bad-value]: wrong",
        " --> plans/daily.yaml:7:1",
        "  = why",
    ]
    assert render([_found(None, help="h")], {}) == "error[bad-value]: wrong\n  = help: h"


def test_nothing_a_user_wrote_reaches_the_terminal_as_a_command() -> None:
    evil = "\x1b]0;owned\x07 [bold]no markup[/bold] \u202ereversed\x9b31m"
    found = _found(_span(1, 1, 9), headline=evil, note=evil, help=evil, labels=(Label(_span(1, 1, 2), evil),))
    for style in ("full", "concise"):
        text = render([found], {"plans/daily.yaml": evil}, style)
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", text)
        assert "[bold]no markup[/bold]" in text


def test_colours_change_nothing_but_colours() -> None:
    found = [_found(_span(4, 13, 24), help="h", labels=(Label(_span(1, 7, 12), "l"),))]
    colored = render(found, SOURCES, color=True)
    assert "\x1b[1;31merror[bad-value]\x1b[0m" in colored
    assert re.sub(r"\x1b\[[\d;]*m", "", colored) == render(found, SOURCES)
    assert "\x1b" not in render(found, SOURCES)


def test_concise() -> None:
    found = [_found(_span(4, 13, 24), help="do that"), _found(None, severity=Severity.WARNING)]
    assert render(found, SOURCES, "concise").splitlines() == [
        "plans/daily.yaml:4:13: error[bad-value] wrong (do that)",
        "warning[bad-value] wrong",
    ]


def test_json_holds_everything() -> None:
    found = _found(_span(4, 13, 24), note="n", help="h", labels=(Label(_span(1, 7, 12), "l"),))
    (read,) = json.loads(render([found], SOURCES, "json", root="s"))
    assert read == as_json(found, "s")
    assert read["span"] == {
        "file": "s/plans/daily.yaml",
        "line": 4,
        "column": 13,
        "end_line": 4,
        "end_column": 24,
    }
    assert read["labels"][0]["text"] == "l"
    assert json.loads(render([], {}, "json")) == []


def test_github_annotations_escape_what_would_end_them() -> None:
    found = _found(Span("a,b:c.yaml", 2, 3, 2, 9), headline="100 %\n::error::x", help="h")
    assert render([found], {}, "github") == (
        "::error title=bad-value,file=a%2Cb%3Ac.yaml,line=2,endLine=2,col=3,endColumn=9"
        "::100 %25%0A::error::x%0Ah"
    )
    several = _found(Span("a.yaml", 2, 3, 4, 9), severity=Severity.WARNING)
    assert (
        render([several], {}, "github")
        == "::warning title=bad-value,file=a.yaml,line=2,endLine=4,col=3::wrong"
    )


def _valid(log: Any) -> None:
    """What SARIF 2.1.0 makes mandatory for a log, run, rule, result, location and region."""
    assert (log["version"], log["$schema"].rpartition("/")[2]) == ("2.1.0", "sarif-schema-2.1.0.json")
    assert set(log) == {"$schema", "version", "runs"}
    (run,) = log["runs"]
    assert set(run) == {"tool", "columnKind", "results"}
    assert run["columnKind"] in ("utf16CodeUnits", "unicodeCodePoints")
    driver = run["tool"]["driver"]
    assert driver["name"]
    assert re.fullmatch(r"\d+\.\d+\.\d+.*", driver["semanticVersion"])
    assert len({rule["id"] for rule in driver["rules"]}) == len(driver["rules"])
    for rule in driver["rules"]:
        assert {"id", "shortDescription", "fullDescription", "help"} >= set(rule) >= {"id"}
        assert all(set(value) == {"text"} and value["text"] for key, value in rule.items() if key != "id")
    for result in run["results"]:
        assert result["level"] in ("none", "note", "warning", "error")
        assert result["message"]["text"]
        assert driver["rules"][result["ruleIndex"]]["id"] == result["ruleId"]
        places = [*result["locations"], *result.get("relatedLocations", [])]
        assert all(isinstance(place["message"]["text"], str) for place in result.get("relatedLocations", []))
        for place in places:
            physical = place["physicalLocation"]
            uri = physical["artifactLocation"]["uri"]
            assert re.fullmatch(r"(file:///)?[A-Za-z0-9._~%/-]+", uri), "a URI reference (RFC 3986)"
            region = physical["region"]
            assert all(isinstance(n, int) and n >= 1 for n in region.values())
            start = (region["startLine"], region["startColumn"])
            assert start <= (region["endLine"], region["endColumn"])


def test_sarif() -> None:
    found = [
        _found(_span(4, 13, 24), help="do that", labels=(Label(_span(1, 7, 12), "and there"),), note="here"),
        _found(Span("pläns/a b:c.yaml", 2, 3, 4, 1), code="no-lock", severity=Severity.WARNING),
        _found(None, code="no-station"),
    ]
    log = json.loads(render(found, SOURCES, "sarif", root="stations/x"))
    _valid(log)
    first, second, third = log["runs"][0]["results"]
    assert first["message"]["text"] == "wrong (here)\nhelp: do that"
    assert first["relatedLocations"][0]["message"]["text"] == "and there"
    assert second["level"] == "warning"
    uri = second["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    assert uri == "stations/x/pl%C3%A4ns/a%20b%3Ac.yaml"
    assert third["locations"] == []
    _valid(json.loads(render([], {}, "sarif")))
    absolute = json.loads(render(found[:1], SOURCES, "sarif", root="/srv/x"))
    _valid(absolute)


def test_every_mistake_of_the_language_is_valid_sarif() -> None:
    from retrovue.station.load import load_station

    loaded = load_station(ROOT / "fixtures" / "stations" / "ten-mistakes")
    log = json.loads(render(loaded.diagnostics, loaded.sources, "sarif"))
    _valid(log)
    assert len(log["runs"][0]["results"]) == 10


def test_summary() -> None:
    error, warning = _found(None), _found(None, severity=Severity.WARNING)
    assert summary([]) == "no mistakes"
    assert summary([error]) == "1 error"
    assert summary([warning, error, error]) == "2 errors and 1 warning"


def test_width() -> None:
    assert width("abc") == 3
    assert width("日本") == 4
    assert width("e\u0301") == 1
