"""Every finding that ingest can make is in its manual, and the manual has no other."""

from __future__ import annotations

import re

from tests.laws.documents import read
from tests.laws.tree import ROOT, tracked

#: Where a code stands: the first word of these calls, the last one of SourceGone.
_CODES = re.compile(
    r"""(?:Finding|Trouble|_finding|_tell)\(\s*(?:listing,\s*)?"([a-z-]+)\""""
    r"""|SourceGone\([^()]*(?:\([^()]*\)[^()]*)*,\s*"([a-z-]+)"\)"""
    r"""|code: str = "([a-z-]+)\""""
)


def test_the_manual_has_every_code_and_no_other() -> None:
    files = [f for f in tracked() if f.parts[:2] == ("retrovue", "library") and f.suffix == ".py"]
    found = {word for f in files for m in _CODES.findall((ROOT / f).read_text()) for word in m if word}
    manual = read("docs/sources.md").partition("## What is found wrong")[2]
    documented = set(re.findall(r"(?m)^\| `([a-z-]+)` \|", manual))
    assert found == documented
