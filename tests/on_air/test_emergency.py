"""An emergency on the real station: by command, by signal, over a restart; what viewers saw meanwhile."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from fixtures.shorts_station import ShortsStation
from tests.on_air.test_life import decode, judge
from tests.tools.broadcast import Broadcast, clean_log, until, watching

#: The card has no barcode: the last pictures of a viewer have none while it is on.
PATIENCE = 20.0


def retrovue(broadcast: Broadcast, *arguments: str, token: str = "") -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "RETROVUE_TOKEN": token}
    return subprocess.run(
        [sys.executable, "-m", "retrovue", *arguments, "--state", str(broadcast.state)],
        capture_output=True,
        text=True,
        env=environment,
        timeout=60,
    )


def modes(broadcast: Broadcast) -> dict[str, str]:
    status: Any = broadcast.get_json("/api/v1/status")
    return {c["number"]: c["mode"] for c in status["channels"]}


def on_the_wire(broadcast: Broadcast) -> set[str]:
    """What renders the picture of the channels that are on the air."""
    status: Any = broadcast.get_json("/api/v1/status")
    return {c["producer"].split(":")[0] for c in status["channels"] if c["producer"]}


def test_on_and_off_by_command_while_people_watch(on_air: Broadcast, tmp_path: Path) -> None:
    with watching(on_air.url("5.1")) as one, watching(on_air.url("5.2")) as two:
        done = retrovue(on_air, "emergency", "on", "--text", "Custard: 100% of it, “heavy”", "--for", "10m")
        assert done.returncode == 0, done.stderr
        assert done.stdout.count("fictional emergency (takeover) until ") == 2
        until(lambda: on_the_wire(on_air) == {"emergency"}, PATIENCE, "the emergency is on the air")
        assert len(on_air.ffmpegs()) <= 3  # one encode for both; another while a cold channel builds its lead
        done = retrovue(on_air, "emergency", "off", "--json")
        assert {c["mode"] for c in json.loads(done.stdout)["channels"]} == {"normal"}
        until(lambda: "emergency" not in on_the_wire(on_air), PATIENCE, "the programme is resumed")
        size = one.size
        until(lambda: one.size > size + 200_000, PATIENCE, "the programme goes on")
        for viewer in (one, two):
            assert viewer.watching
    for name, viewer in (("one", one), ("two", two)):
        report = judge(viewer)
        assert report.ok, report.to_text()
        codes = [s.code for s in decode(viewer, tmp_path / f"{name}.ts").shown]
        assert None in codes
        assert codes[-1] is not None


def test_no_order_without_the_token(on_air: Broadcast) -> None:
    token = on_air.state / "token"
    assert stat.S_IMODE(token.stat().st_mode) == 0o600
    refused = retrovue(on_air, "emergency", "on", token="a-token-that-is-quite-wrong")
    assert refused.returncode == 1
    assert "token" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert set(modes(on_air).values()) == {"normal"}
    assert token.read_text().strip() not in on_air.log()
    assert token.read_text().strip() not in refused.stdout + refused.stderr


def test_a_signal_is_an_emergency_and_another_the_all_clear(on_air: Broadcast) -> None:
    with watching(on_air.url("5.1")):
        os.kill(on_air.pid, signal.SIGUSR1)
        until(lambda: set(modes(on_air).values()) == {"emergency"}, PATIENCE, "SIGUSR1")
        until(lambda: on_the_wire(on_air) == {"emergency"}, PATIENCE, "the emergency is on the air")
        os.kill(on_air.pid, signal.SIGUSR2)
        until(lambda: set(modes(on_air).values()) == {"normal"}, PATIENCE, "SIGUSR2")


@pytest.mark.timeout(300)
def test_an_emergency_outlives_a_restart_and_a_new_artefact(shorts: ShortsStation, tmp_path: Path) -> None:
    state = shorts.state(tmp_path / "state")
    with Broadcast(shorts.folder, state).start() as before:
        assert retrovue(before, "emergency", "on", "--channel", "5.2", "--mode", "takeover").returncode == 0
        assert retrovue(before, "sign-off", "on", "--channel", "5.1").returncode == 0
        before.stop()
    done = retrovue(before, "status")
    assert done.returncode == 1
    assert "on the air" in done.stderr
    with Broadcast(shorts.folder, state).start() as after:
        assert modes(after) == {"5.1": "sign-off", "5.2": "emergency"}
        with watching(after.url("5.2")) as viewer:
            until(lambda: viewer.size > 300_000, PATIENCE, "it comes up in it")
            plan = shorts.folder / "station.yaml"
            plan.write_text(plan.read_text().replace("seed:", "# another\nseed:"))
            until(lambda: "compiling" in after.log(), 60, "the YAML has changed")
            assert modes(after)["5.2"] == "emergency"
        report = judge(viewer)
        assert report.ok, report.to_text()
        assert {s.code for s in decode(viewer, tmp_path / "two.ts").shown} == {None}
        after.stop()
    assert clean_log(after.log()) == []
