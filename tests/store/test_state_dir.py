"""Where a station keeps what it makes."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from retrovue.clock import SteppedClock
from retrovue.errors import RetroVueError
from retrovue.state_dir import LOCK_NAME, at_work, hold, state_dir
from retrovue.station.load import require_station


def test_the_flag_beats_the_environment_beats_the_default(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    monkeypatch.delenv("RETROVUE_STATE", raising=False)
    assert state_dir("demo") == tmp_path / ".local/state/retrovue/demo"
    monkeypatch.setenv("XDG_STATE_HOME", "relative")
    assert state_dir("demo") == tmp_path / ".local/state/retrovue/demo"
    monkeypatch.setenv("XDG_STATE_HOME", "/var/state")
    assert state_dir("demo") == Path("/var/state/retrovue/demo")
    monkeypatch.setenv("RETROVUE_STATE", "/volume")
    assert state_dir("demo") == Path("/volume")
    assert state_dir("demo", "~/here") == tmp_path / "here"


def test_station_yaml_may_name_it_relative_to_the_station(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("RETROVUE_STATE", raising=False)
    (tmp_path / "station.yaml").write_text(
        "station: tiny\nname: Tiny\ntimezone: UTC\nserve: { state: ../volume }\n"
        '---\nchannel: one\nnumber: "1"\nname: One\nplans: [always]\n'
        "---\nplan: always\nzones: [{ zone: All, window: 06:00-06:00, play: [test-pattern] }]\n"
    )
    model = require_station(tmp_path)
    assert state_dir("tiny", None, model.written_state) == tmp_path / "../volume"
    monkeypatch.setenv("RETROVUE_STATE", "/volume")
    assert state_dir("tiny", None, model.written_state) == Path("/volume")
    assert state_dir("tiny", "/flag", model.written_state) == Path("/flag")


def test_a_state_directory_has_one_station_on_the_air(tmp_path: Path) -> None:
    held = hold(tmp_path)
    with pytest.raises(RetroVueError) as refused:
        hold(tmp_path)
    assert str(os.getpid()) in str(refused.value)
    assert str(tmp_path) in refused.value.help
    held.release()
    held.release()
    again = hold(tmp_path)
    again.release()


def test_a_state_directory_that_can_t_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / LOCK_NAME).mkdir()
    with pytest.raises(RetroVueError, match="can't be written"):
        hold(tmp_path)


def test_one_at_a_time_is_at_work_on_a_thing(tmp_path: Path) -> None:
    clock = SteppedClock(datetime(2026, 11, 26, 10, 0, tzinfo=UTC))
    state = tmp_path / "made"
    with at_work(state, "house copies", "retrovue conform", clock):
        clock.step(90)
        with pytest.raises(RetroVueError) as refused, at_work(state, "house copies", "x", clock):
            pass
        with at_work(state, "library", "x", clock):  # another thing
            pass
    assert str(refused.value) == (
        f"retrovue conform (process {os.getpid()}, since 2026-11-26 10:00:00 UTC) "
        "is at work on this station's house copies"
    )
    assert str(state / "house-copies.lock") in refused.value.help
    with at_work(state, "house copies", "x", clock):
        pass


def test_a_lock_that_can_t_be_written_is_told(tmp_path: Path) -> None:
    clock = SteppedClock(datetime(2026, 11, 26, 10, 0, tzinfo=UTC))
    (tmp_path / "library.lock").mkdir()
    (tmp_path / "file").touch()
    for state in (tmp_path, tmp_path / "file"):
        with (
            pytest.raises(RetroVueError, match="can't be written") as told,
            at_work(state, "library", "x", clock),
        ):
            pass
        assert "--state DIR" in told.value.help
