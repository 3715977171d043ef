"""The rules of the compiler that are broken by hand stand where the script that breaks them looks."""

from __future__ import annotations

import sys

import pytest

from tests.laws.tree import ROOT

sys.path.insert(0, str(ROOT / "benchmarks"))
from mutations import MUTATIONS, Mutation


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda m: m.rule)
def test_a_rule_can_be_broken(mutation: Mutation) -> None:
    text = (ROOT / "retrovue" / "compiler" / mutation.file).resolve().read_text(encoding="utf-8")
    assert text.count(mutation.old) == 1
    assert mutation.new not in ("", mutation.old)
    assert all((ROOT / test).exists() for test in mutation.tests)
