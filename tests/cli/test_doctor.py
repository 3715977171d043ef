"""``retrovue doctor`` tells the truth about this machine, and leaves it as it was."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from retrovue import ffmpeg_binary
from retrovue.cli import doctor
from tests.cli.run import run
from tests.station.build import STATION, write


@pytest.fixture(autouse=True)
def _fresh_choice() -> Iterator[None]:
    ffmpeg_binary.choose_ffmpeg.cache_clear()
    yield
    ffmpeg_binary.choose_ffmpeg.cache_clear()


def test_a_ready_machine_is_called_ready_and_nothing_is_written(tmp_path: Path) -> None:
    ran = run("doctor", "--state", str(tmp_path / "deep" / "state"))
    assert ran.code == 0, ran.out
    assert "This machine can air." in ran.out
    assert "made at the first serve" in ran.out
    assert list(tmp_path.iterdir()) == []


def test_json_says_which_ffmpeg_and_why(tmp_path: Path) -> None:
    ran = run("doctor", "--json", "--state", str(tmp_path))
    answer = json.loads(ran.out)
    assert answer["ready"] is True
    chosen = ffmpeg_binary.choose_ffmpeg()
    assert answer["ffmpeg"]["path"] == chosen.path
    assert answer["ffmpeg"]["reason"] == chosen.reason
    assert {f["name"] for f in answer["findings"]} >= {"ffmpeg", "fonts", "time zones", "state", "disk"}


def test_an_ffmpeg_that_does_not_run_is_a_problem_with_help(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv(ffmpeg_binary.ENVIRONMENT, str(tmp_path / "none"))
    ran = run("doctor", "--state", str(tmp_path))
    assert ran.code == 1
    assert "problem ffmpeg" in ran.out
    assert "help: give the path of an ffmpeg" in ran.out
    assert "can't air yet: 1 problem." in ran.out


def test_a_state_directory_that_is_a_file_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("")
    ran = run("doctor", "--quiet", "--state", str(tmp_path / "state"))
    assert ran.code == 1
    assert ran.out.startswith("problem state")


@pytest.mark.parametrize("kind", ["tcp", "udp"])
def test_a_taken_port_is_a_remark_and_a_free_one_stays_free(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, kind: str
) -> None:
    family = socket.SOCK_STREAM if kind == "tcp" else socket.SOCK_DGRAM
    with socket.socket(socket.AF_INET, family) as other:
        other.bind(("127.0.0.1", 0))
        if kind == "tcp":
            other.listen()
        port = other.getsockname()[1]
        monkeypatch.setattr(doctor, "PORTS", ((port, kind, "the video", "give serve another --stream-port"),))
        taken = run("doctor", "--state", str(tmp_path))
        assert taken.code == 0, "the one who holds the port may be this very station"
        assert f"remark  port {port}/{kind}" in taken.out
        assert "help: give serve another --stream-port" in taken.out
    assert f"ok      port {port}/{kind}" in run("doctor", "--state", str(tmp_path)).out
    with socket.socket(socket.AF_INET, family) as own:
        own.bind(("127.0.0.1", port))


def test_the_ports_are_those_that_the_environment_asks_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in doctor.VARIABLES.values():
        monkeypatch.delenv(variable, raising=False)
    assert "port 80/tcp" in run("doctor", "--state", str(tmp_path)).out
    monkeypatch.setenv("RETROVUE_STREAM_PORT", "0")  # any free one
    with socket.socket() as other:
        other.bind(("0.0.0.0", 0))  # as serve does by default
        other.listen(1)
        port = other.getsockname()[1]
        monkeypatch.setenv("RETROVUE_HTTP_PORT", str(port))
        said = run("doctor", "--state", str(tmp_path)).out
    assert f"remark  port {port}/tcp " in said
    for other_port in ("8080/tcp", "80/tcp", "5004/tcp"):
        assert f"port {other_port} " not in said
    assert "port 65001/udp" in said


def test_the_ports_of_a_station_are_those_that_its_yaml_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in (*doctor.VARIABLES.values(), "RETROVUE_BIND", "RETROVUE_STATE"):
        monkeypatch.delenv(variable, raising=False)

    def said(**settings: object) -> str:
        serve = "".join(f"  {name}: {value}\n" for name, value in settings.items())
        further = "tuner: { devices: [{ device: attic, http_port: 8437 }] }\n"
        write(tmp_path, {"station.yaml": STATION.replace("---\n", f"serve:\n{serve}{further}---\n", 1)})
        ran = run("doctor", str(tmp_path))
        assert ran.code == 0, ran.out + ran.err
        return ran.out

    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen(1)
        port = other.getsockname()[1]
        found = said(http_port=port, stream_port=0, tvheadend="false", port_80="false", state="here")
        assert f"remark  port {port}/tcp " in found
        for other_port in ("8080/tcp", "80/tcp", "5004/tcp", "9982/tcp", "9981/tcp"):
            assert f"port {other_port} " not in found
        assert "port 65001/udp" in found
        assert "port 8437/tcp" in found
        assert str(tmp_path / "here") in found
        # On an address of its own the port is free.
        assert f"ok      port {port}/tcp " in said(http_port=port, bind="127.0.0.2")
        # The environment is asked before the YAML, as by serve.
        monkeypatch.setenv("RETROVUE_HTTP_PORT", "0")
        assert f"port {port}/tcp " not in said(http_port=port)


def test_a_station_with_a_mistake_is_told_as_everywhere(tmp_path: Path) -> None:
    write(tmp_path, {"station.yaml": "station: x\n"})
    ran = run("doctor", str(tmp_path))
    assert (ran.code, ran.out) == (1, "")
    assert "error" in ran.err
