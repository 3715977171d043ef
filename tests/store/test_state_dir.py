"""Where a station keeps what it makes."""

from __future__ import annotations

from pathlib import Path

import pytest

from retrovue.state_dir import state_dir


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
