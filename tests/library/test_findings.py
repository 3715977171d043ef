"""Every finding that ingest can make is in its manual, and the manual has no other."""

from __future__ import annotations

import ast
import re

from tests.laws.documents import read
from tests.laws.tree import ROOT, tracked

#: What makes a finding → which of its arguments is the code.
_MAKERS = {"Finding": 0, "Trouble": 0, "_finding": 0, "_tell": 1, "_Ran": 1, "BadText": 0, "SourceGone": 2}


def _codes(source: str) -> set[str]:
    found = {"source-gone"}  # what SourceGone says when it is told nothing else
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            place = _MAKERS.get(name)
            if place is not None and len(node.args) > place:
                argument = node.args[place]
                if isinstance(argument, ast.Constant) and argument.value:
                    found.add(str(argument.value))
    return found


def test_the_manual_has_every_code_and_no_other() -> None:
    files = [f for f in tracked() if f.parts[:2] == ("retrovue", "library") and f.suffix == ".py"]
    found = {code for f in files for code in _codes((ROOT / f).read_text())}
    manual = read("docs/sources.md").partition("## What is found wrong")[2]
    assert found == set(re.findall(r"(?m)^\| `([a-z-]+)` \|", manual))
