"""docs/tvheadend.md says what is served, all of it and nothing else, and names tests that there are."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, cast

from retrovue.headend.tvheadend import routes
from retrovue.headend.tvheadend.backend import Backend, Peer
from retrovue.headend.tvheadend.http_api import HttpApi
from retrovue.headend.tvheadend.outbox import Outbox
from retrovue.headend.tvheadend.session import Session
from tests.headend.fake_lineup import FakeLineup

HERE = Path(__file__).parent
DOCUMENT = HERE.parents[2] / "docs" / "tvheadend.md"


def column(heading: str, number: int) -> list[str]:
    """What stands in code in a column of the tables under whose first column's heading that is."""
    _, _, table = DOCUMENT.read_text("utf-8").partition(f"| {heading} |")
    rows = [line for line in table.partition("\n\n")[0].splitlines()[2:] if line.startswith("|")]
    return [word for row in rows for word in re.findall(r"`([^`]+)`", row.split("|")[number])]


def test_every_method_of_htsp_is_documented(lineup: FakeLineup) -> None:
    session = Session(Backend.of(lineup, lineup._clock, cast(Any, _Settings())), Peer("", 0), Outbox())
    documented = column("method", 1)
    assert sorted(documented) == sorted(session._methods)


class _Settings:
    """As much of them as a session needs to come into being."""

    allow = ()


def test_everything_that_is_pushed_is_documented() -> None:
    sources = "".join(path.read_text("utf-8") for path in _sources())
    sent = set(re.findall(r'_(?:push|tell|event)\(\s*"(\w+)"', sources))
    sent |= set(re.findall(r'"method": "(\w+)"', sources))
    assert set(column("pushed", 1)) == sent


def test_every_path_of_http_is_documented(lineup: FakeLineup) -> None:
    application = HttpApi(cast(Any, None), cast(Any, None)).application()
    paths = {resource.canonical for resource in application.router.resources()} - {"/api/{path}"}
    paths |= {f"/api/{path}" for path in routes.ROUTES}
    documented = column("path", 1)
    assert sorted(documented) == sorted(paths)


def test_the_tests_that_are_named_exist() -> None:
    text = "".join(path.read_text("utf-8") for path in HERE.glob("test_*.py"))
    defined = set(re.findall(r"def (test_\w+)", text))
    named = set(re.findall(r"`(test_\w+)`", DOCUMENT.read_text("utf-8")))
    assert len(named) > 30
    assert named <= defined


def _sources() -> list[Path]:
    return sorted((HERE.parents[2] / "retrovue" / "headend" / "tvheadend").glob("*.py"))
