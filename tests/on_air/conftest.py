"""One station of shorts for all test processes, and one ``retrovue serve`` per test file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from fixtures.shorts_station import ShortsStation, build, known, retrovue
from retrovue.state_dir import ARTEFACT_NAME
from tests.tools.broadcast import Broadcast, clean_log
from tests.tools.once import once


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "on_air" in item.path.parts:
            item.add_marker(pytest.mark.on_air)


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> ShortsStation:
    """The station, ingested and compiled by whichever test process comes first. Nobody may change it."""

    def make(folder: Path) -> None:
        build(folder / "shorts")
        retrovue("compile", folder / "shorts", "--quiet", state=folder / "state")

    folder = once(tmp_path_factory, "shorts", make)
    return replace(known(folder / "shorts"), artefact=folder / "state" / ARTEFACT_NAME)


@pytest.fixture(scope="module")
def shorts(built: ShortsStation, tmp_path_factory: pytest.TempPathFactory) -> ShortsStation:
    """A station folder of this file's own, ingested: a test may damage it."""
    return built.copy(tmp_path_factory.mktemp("station") / "shorts")


@pytest.fixture(scope="module")
def on_air(shorts: ShortsStation, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broadcast]:
    """The station on the air; at the end its log must hold no traceback."""
    with Broadcast(shorts.folder, shorts.state(tmp_path_factory.mktemp("state"))).start() as broadcast:
        yield broadcast
        assert broadcast.running, broadcast.log()
    assert clean_log(broadcast.log()) == []
