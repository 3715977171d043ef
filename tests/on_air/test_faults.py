"""Each fault of the table, and what a viewer saw of it: no fault in the signal, the schedule kept."""

from __future__ import annotations

import contextlib
import os
import signal
from pathlib import Path

import pytest

from fixtures.shorts_station import ShortsStation
from tests.tools.broadcast import Broadcast, Process, Recording, until
from tests.tools.faults import FAULTS, Injection, bears

#: Those of what is to air, of the machine and of the station itself have a file of their own, about as long,
#: so that both may run side by side.
OF_WHAT_AIRS = FAULTS[:4]


@pytest.mark.parametrize("row", OF_WHAT_AIRS, ids=lambda row: row.do.__name__)
def test_a_fault(row: Injection, on_air: Broadcast, shorts: ShortsStation, tmp_path: Path) -> None:
    bears(row, on_air, shorts, tmp_path)


def test_a_station_that_was_killed_leaves_nothing_for_the_next_one(
    shorts: ShortsStation, tmp_path: Path
) -> None:
    """kill -9 of the station itself, with an ffmpeg that hangs: the next sign-on ends it."""
    state = shorts.state(tmp_path / "state")
    with Broadcast(shorts.folder, state).start() as first:
        viewer = Recording(first.url("5.2")).start().wait_first()
        orphans: list[Process] = []

        def stopped() -> bool:
            for child in first.ffmpegs():
                with contextlib.suppress(ProcessLookupError):  # its segment is over
                    os.kill(child.pid, signal.SIGSTOP)
                    orphans.append(child)
            return any(orphan.alive for orphan in orphans)

        until(stopped, 20, "an ffmpeg hangs")
        os.kill(first.pid, signal.SIGKILL)
        until(lambda: not first.running, 10, "the station is dead")
        with contextlib.suppress(AssertionError):
            viewer.leave()
        assert any(orphan.alive for orphan in orphans)
        with Broadcast(shorts.folder, state).start() as second:
            assert not any(orphan.alive for orphan in orphans), second.log()
            assert "left behind" in second.log()
            Recording(second.url("5.2")).start().wait_first().leave()
            assert second.stop() == 0
