"""Every code has a manual, and nothing is told without one."""

from __future__ import annotations

import re

import pytest

from retrovue.diagnostics.codes import CODES, Code, manual
from tests.cli.run import run
from tests.laws.tree import ROOT

#: How a code is given to a diagnostic anywhere in the program.
_GIVEN = re.compile(
    r'(?:Diagnostic\(\s*Severity\.\w+,|\b_?(?:error|warning|misread)\(|_add\(|\.warn\(|return)\s*"([a-z0-9]+(?:-[a-z0-9]+)+)",'
)


@pytest.mark.parametrize("code", CODES.values(), ids=list(CODES))
def test_a_manual_says_what_why_and_how(code: Code) -> None:
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", code.code)
    assert len(code.manual) > 50
    assert code.mend.endswith(".")
    assert code.title[0].islower() or code.title.startswith("YAML")
    assert code.example
    text = manual(code)
    assert text.startswith(f"{code.code}: ")
    assert max(map(len, text.splitlines())) <= 100


def test_every_code_that_is_told_has_a_manual() -> None:
    told = {
        code: path.name
        for path in (ROOT / "retrovue").rglob("*.py")
        if "playout" not in path.parts  # which answers “where” with words like as-run, and finds no mistakes
        for code in _GIVEN.findall(path.read_text("utf-8"))
    }
    assert len(told) > 30
    assert {code: file for code, file in told.items() if code not in CODES} == {}


def test_every_manual_is_of_a_code_that_is_told() -> None:
    program = "".join(
        path.read_text("utf-8") for path in (ROOT / "retrovue").rglob("*.py") if path.name != "codes.py"
    )
    assert [code for code in CODES if f'"{code}"' not in program] == []


def test_explain_prints_a_manual() -> None:
    assert run("explain", "zone-gap").out == manual(CODES["zone-gap"]) + "\n"
    assert run("explain", "[zone-gap]").code == 0


def test_explain_lists_every_code() -> None:
    listed = run("explain")
    assert listed.code == 0
    assert [line.split()[0] for line in listed.out.splitlines()] == list(CODES)


def test_explain_of_an_unknown_code() -> None:
    refused = run("explain", "zone-gpa")
    assert (refused.code, refused.out) == (1, "")
    assert "did you mean “zone-gap”?" in refused.err
