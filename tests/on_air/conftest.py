"""One station of shorts per test process, and one ``retrovue serve`` per test file."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from fixtures.shorts_station import ShortsStation, build
from tests.tools.broadcast import Broadcast, clean_log


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "on_air" in item.path.parts:
            item.add_marker(pytest.mark.on_air)


@pytest.fixture(scope="module")
def shorts(tmp_path_factory: pytest.TempPathFactory) -> ShortsStation:
    """A station folder of this file's own, ingested: a test may damage it."""
    return build(tmp_path_factory.mktemp("station") / "shorts")


@pytest.fixture(scope="module")
def on_air(shorts: ShortsStation, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broadcast]:
    """The station on the air; at the end its log must hold no traceback."""
    with Broadcast(shorts.folder, tmp_path_factory.mktemp("state")).start() as broadcast:
        yield broadcast
        assert broadcast.running, broadcast.log()
    assert clean_log(broadcast.log()) == []
