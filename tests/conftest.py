"""The order of the files: the longest first, then what waits for real time. And no test fails for being slow.

pytest-xdist hands out whole files (``--dist loadfile``). A file that watches a running station for minutes,
begun last, would leave the other processors idle until it ends; begun first, short files fill in around it.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import settings

# How long an example takes says more about the machine than about the code; benchmarks/ has the timings.
settings.register_profile("any machine", deadline=None)
settings.load_profile("any machine")

#: Files of more than half a minute, longest first. The station that those of ``on_air`` share is made by the
#: first of them; two others keep the processors busy meanwhile.
LONGEST = (
    *("on_air/test_clients.py", "on_air/test_faults.py", "on_air/test_faults_of_the_machine.py"),
    *("playout/test_house.py", "playout/test_formats.py"),
    *(
        "on_air/test_life.py",
        "on_air/test_signal.py",
        "on_air/test_as_run.py",
        "on_air/test_hanging_store.py",
    ),
    *(
        "on_air/test_clients.py",
        "on_air/test_hdhomerun.py",
        "on_air/test_capture.py",
        "on_air/test_emergency.py",
    ),
)
_HERE = Path(__file__).parent
assert all((_HERE / name).is_file() for name in LONGEST), "one of them was moved"


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    waits = {item.path for item in items if item.get_closest_marker("on_air")}
    turns = {_HERE / name: turn for turn, name in enumerate(LONGEST)}
    # Stable: files and tests keep their order otherwise.
    items.sort(key=lambda item: (turns.get(item.path, len(turns)), item.path not in waits))
