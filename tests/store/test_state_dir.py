"""Where a station keeps what it makes."""

from __future__ import annotations

from pathlib import Path

import pytest

from retrovue.state_dir import state_dir
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
