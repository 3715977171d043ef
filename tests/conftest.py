"""The order of the files: what waits for real time goes first. And no test fails for being slow.

pytest-xdist hands out whole files (``--dist loadfile``). A file that watches a running station for minutes,
begun last, would leave the other processors idle until it ends; begun first, short files fill in around it.
"""

from __future__ import annotations

import pytest
from hypothesis import settings

# How long an example takes says more about the machine than about the code; benchmarks/ has the timings.
settings.register_profile("any machine", deadline=None)
settings.load_profile("any machine")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    waits = {item.path for item in items if item.get_closest_marker("on_air")}
    items.sort(key=lambda item: item.path not in waits)  # stable: files and tests keep their order otherwise
