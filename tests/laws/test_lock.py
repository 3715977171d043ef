"""The lock: whichever Python somebody has, they get what was tested here."""

from __future__ import annotations

import re
import tomllib
from collections import Counter

from tests.laws.tree import ROOT

#: Pinned once for each range of Pythons, because no release serves them all; its interface is the same.
_BY_PYTHON = {"numpy"}


def _name(requirement: str) -> str:
    found = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert found is not None, requirement
    return re.sub(r"[-_.]+", "-", found[0]).lower()


def _pinned() -> Counter[str]:
    lines = (ROOT / "requirements.lock").read_text().splitlines()
    return Counter(_name(line) for line in lines if re.match(r"[a-z0-9]\S*==", line))


def test_what_is_used_is_pinned_and_for_every_python_alike() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    used = [*project["project"]["dependencies"], *project["dependency-groups"]["dev"]]
    names = {_name(one) for one in used if isinstance(one, str)}
    pinned = _pinned()
    assert len(names) > 20
    assert {name for name in names if not pinned[name]} == set()
    assert {name for name in names if pinned[name] > 1} <= _BY_PYTHON
