"""A store that hangs in the kernel while a channel plays from it: a real one, of our own making."""

from __future__ import annotations

import contextlib
import functools
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from fixtures.shorts_station import ShortsStation
from tests.tools.broadcast import Broadcast, Recording, clean_log, until
from tests.tools.faults import Injection, Scene, as_text, hanging, inject, judge, on_a_store, settle
from tests.tools.hanging_store import HangingStore, why_not
from tests.tools.plan import asset_files, newest_artefact, read_plan

reason = functools.cache(why_not)


@pytest.fixture(autouse=True)
def _mountable() -> None:
    if why := reason():
        pytest.skip(why)


def test_viewers_see_a_stand_in_and_other_channels_nothing(shorts: ShortsStation, tmp_path: Path) -> None:
    with (
        on_a_store(shorts, tmp_path / "station", "shorts") as (folder, store),
        Broadcast(folder, shorts.state(tmp_path / "state")).start() as on_air,
        back_at_the_end(store),
    ):
        row = hanging(store)
        files = open_files(on_air)
        artefact = newest_artefact(on_air.state)
        beside = Scene(
            on_air, shorts, "net", read_plan(artefact, "net"), asset_files(artefact),
            Recording(on_air.url("5.1")),
        )  # fmt: skip

        def both(scene: Scene) -> None:
            beside.viewer.start().wait_first()
            row.do(scene)

        both.__name__ = row.do.__name__
        seen = inject(Injection(both, row.channel, row.then_s), on_air, shorts, tmp_path)
        stayed = beside.viewer.watching
        beside.viewer.leave()
        other = judge(Injection(_nothing, "net", 0), beside, beside.files, stayed, tmp_path / "net.ts")
        evidence = f"{as_text([seen, other])}\n{on_air.log()}"
        print(evidence)
        for each in (seen, other):
            assert each.stayed, evidence
            assert each.ts_faults == 0, evidence
            assert each.wrong == 0, evidence
        assert other.stand_in == 0, evidence
        assert other.slate <= 60, evidence  # its own cold start on a busy machine
        assert seen.stand_in > 60, evidence
        assert seen.slate <= 150, evidence
        assert seen.agree > 100, evidence  # before, and after the store is back
        settle(on_air)
        until(lambda: open_files(on_air) <= files + 4, 20, "files are closed")
        assert on_air.stop() == 0
        assert clean_log(on_air.log()) == []


def test_the_station_signs_off_while_its_store_hangs_and_leaves_nothing(
    shorts: ShortsStation, tmp_path: Path
) -> None:
    with (
        on_a_store(shorts, tmp_path / "station", "shorts") as (folder, store),
        Broadcast(folder, shorts.state(tmp_path / "state")).start() as on_air,
        back_at_the_end(store),
    ):
        viewer = Recording(on_air.url("5.2")).start().wait_first()
        until(lambda: bool(on_air.ffmpegs()), 20, "an ffmpeg")
        store.hang()
        until(lambda: store.withheld > 0, 90, "somebody waits for the store")
        stuck = on_air.ffmpegs()
        on_air.sign_off()
        until(lambda: not viewer.watching, 40, "the viewer's stream to end")
        until(lambda: not answers(on_air), 40, "its ports to close")
        # A process of which a thread waits inside the kernel is gone only when the kernel has its answer.
        store.resume()
        until(lambda: not on_air.running, 20, "the station to end")  # once more told to, it would be killed
        assert on_air.stop() == 0
        until(lambda: not any(child.alive for child in stuck), 10, "nothing is left")
        assert clean_log(on_air.log()) == []


@contextlib.contextmanager
def back_at_the_end(store: HangingStore) -> Iterator[None]:
    """Whatever happens: not even SIGKILL ends who waits for the store."""
    try:
        yield
    finally:
        store.resume()


def answers(of: Broadcast) -> bool:
    try:
        socket.create_connection((of.address, of.http_port), 2).close()
    except OSError:
        return False
    return True


def open_files(of: Broadcast) -> int:
    return sum(1 for _ in Path(f"/proc/{of.pid}/fd").iterdir())


def _nothing(scene: Scene) -> None:
    """Nothing is done to this channel."""
