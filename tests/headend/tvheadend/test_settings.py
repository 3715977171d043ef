"""What a station's YAML says of the Tvheadend front-end, as far as the front-end."""

from __future__ import annotations

from ipaddress import ip_network
from pathlib import Path

import pytest

from retrovue.call_sheet import call_sheet
from retrovue.errors import RetroVueError
from retrovue.headend.settings import HeadendSettings
from retrovue.sign_on import headend_settings
from tests.station.build import STATION, load


def station(serve: str) -> dict[str, str | bytes]:
    zone = "timezone: America/New_York\n"
    assert zone in STATION
    return {"station.yaml": STATION.replace(zone, f"{zone}serve:\n{serve}", 1)}


def settings(folder: Path, serve: str, **overrides: object) -> HeadendSettings:
    loaded = load(folder, station(serve))
    assert loaded.diagnostics == ()
    assert loaded.model is not None
    return headend_settings(call_sheet(loaded.model, folder), overrides)


def test_accounts_are_kept_by_reference_and_read_when_it_signs_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = (
        "  accounts:\n"
        '    - { name: living-room, password: "env:LIVING_ROOM" }\n'
        '    - { name: exporter, password: "file:secrets/exporter" }\n'
    )
    monkeypatch.setenv("LIVING_ROOM", "first")
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "exporter").write_text("second\n")
    found = settings(tmp_path, written)
    assert found.accounts == (("living-room", "first"), ("exporter", "second"))
    assert "first" not in repr(found)
    monkeypatch.delenv("LIVING_ROOM")
    with pytest.raises(RetroVueError, match="LIVING_ROOM"):
        settings(tmp_path, written)


def test_it_is_there_unless_it_is_switched_off(tmp_path: Path) -> None:
    found = settings(tmp_path, "  bind: 127.0.0.1\n")
    assert (found.tvheadend, found.htsp_port, found.tvheadend_port, found.accounts) == (True, 9982, 9981, ())
    assert settings(tmp_path, "  tvheadend: false\n").tvheadend is False
    assert found.xtream
    assert settings(tmp_path, "  xtream: false\n").xtream is False
    assert settings(tmp_path, "  htsp_port: 1234\n", htsp_port=4321).htsp_port == 4321


def test_networks_and_tokens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOUSE", "0123456789abcdef")
    written = (
        '  allow: [lan, 203.0.113.0/24, "2001:db8::1"]\n  tokens: [{ name: house, token: "env:HOUSE" }]\n'
    )
    found = settings(tmp_path, written)
    assert found.allow == ("lan", ip_network("203.0.113.0/24"), ip_network("2001:db8::1/128"))
    assert found.tokens == (("house", "0123456789abcdef"),)
    assert "0123456789" not in repr(found)
    assert settings(tmp_path, "  allow: []\n").allow == ()
    assert settings(tmp_path, "  bind: 127.0.0.1\n").allow == ("lan",)


def test_a_password_in_the_yaml_is_a_mistake(tmp_path: Path) -> None:
    loaded = load(tmp_path, station("  accounts:\n    - { name: ann, password: secret }\n"))
    (found,) = loaded.diagnostics
    assert "env:" in str(found)
