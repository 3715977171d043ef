"""The head-end as a whole: ports, identity, what it says when something can't be had."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from retrovue.clock import MasterClock, StationClock
from retrovue.errors import RetroVueError
from retrovue.headend.hdhomerun import device_id
from retrovue.headend.identity import identity
from retrovue.headend.server import Builder, Headend
from retrovue.headend.settings import HeadendSettings
from retrovue.lineup import Lineup
from tests.headend.fake_lineup import FakeLineup

ID = "1052712E"


def make(state: Path, front_ends: Iterable[Builder] | None = None, **settings: Any) -> Headend:
    clock = StationClock()
    asked = HeadendSettings(
        "fake",
        **{
            "bind": "127.0.0.1",
            "http_port": 0,
            "stream_port": 0,
            "control_port": 0,
            "zeroconf": False,
            **settings,
        },
    )
    if front_ends is None:
        return Headend(FakeLineup(clock), clock, asked, state)
    return Headend(FakeLineup(clock), clock, asked, state, front_ends=tuple(front_ends))


def sockets_open() -> int:
    """How many sockets this process holds."""
    links = []
    for fd in Path("/proc/self/fd").iterdir():
        try:
            links.append(str(fd.readlink()))
        except FileNotFoundError:
            continue
    return sum(link.startswith("socket:") for link in links)


async def test_every_front_end_on_both_ports(tmp_path: Path) -> None:
    headend = make(tmp_path)
    await headend.start()
    try:
        async with aiohttp.ClientSession() as client:
            for port in (headend.http_port, headend.stream_port):
                for path in ("/", "/discover.json", "/xmltv.xml", "/channels.m3u", "/player_api.php"):
                    async with client.get(f"http://127.0.0.1:{port}{path}") as response:
                        assert response.status == 200, path
    finally:
        await headend.stop()


async def test_nothing_stays_open_after_a_stop_and_it_can_start_again(tmp_path: Path) -> None:
    before = sockets_open()
    headend = make(tmp_path)
    await headend.start()
    ports = headend.http_port, headend.stream_port, headend.control_port
    assert len(set(ports)) >= 2
    assert sockets_open() > before
    await headend.stop()
    await headend.stop()
    await asyncio.sleep(0)
    assert sockets_open() == before
    again = make(tmp_path, http_port=ports[0], stream_port=ports[1])
    await again.start()
    assert (again.http_port, again.stream_port) == ports[:2]
    assert again.device_id == headend.device_id
    await again.stop()


async def test_a_stop_hangs_up_on_idle_clients(tmp_path: Path) -> None:
    headend = make(tmp_path)
    await headend.start()
    control = await asyncio.open_connection("127.0.0.1", headend.control_port)
    idle = await asyncio.open_connection("127.0.0.1", headend.http_port)
    idle[1].write(b"GET /lineup_status.json HTTP/1.1\r\nHost: a\r\n\r\n")
    await idle[0].readuntil(b"}")
    silent = await asyncio.open_connection("127.0.0.1", headend.stream_port)
    async with asyncio.timeout(10):
        await headend.stop()
        for reader, writer in (control, idle, silent):
            assert await reader.read() == b""
            writer.close()


async def test_one_port_may_do_for_both(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    headend = make(tmp_path, http_port=port, stream_port=port)
    await headend.start()
    assert headend.http_port == headend.stream_port == port
    await headend.stop()


@pytest.mark.parametrize("setting", ["http_port", "stream_port"])
async def test_a_port_that_is_taken_names_the_setting(tmp_path: Path, setting: str) -> None:
    before = sockets_open()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        headend = make(tmp_path, **{setting: taken.getsockname()[1]})
        with pytest.raises(RetroVueError, match="another program has it") as error:
            await headend.start()
    assert setting in error.value.help
    assert "--" + setting.replace("_", "-") in error.value.help
    assert sockets_open() == before


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"bind": "203.0.113.77"}, "no address of this machine"),
        ({"bind": "no such host"}, "no address of this machine"),
        ({"external_url": "tv.example"}, "is no URL"),
        ({"external_url": "http://a b"}, "is no URL"),
        ({"device_id": "1052712A"}, "wrong check digit"),
    ],
)
async def test_settings_that_cannot_work(tmp_path: Path, settings: dict[str, Any], words: str) -> None:
    with pytest.raises(RetroVueError, match=words) as error:
        await make(tmp_path, **settings).start()
    assert error.value.help


async def test_a_front_end_that_fails_leaves_nothing_open(tmp_path: Path) -> None:
    class Failing:
        def __init__(self, lineup: Lineup, clock: MasterClock, settings: HeadendSettings) -> None:
            pass

        def routes(self) -> Iterable[web.AbstractRouteDef]:
            return ()

        async def start(self) -> None:
            raise RetroVueError("can't")

        async def stop(self) -> None:
            pass

    before = sockets_open()
    with pytest.raises(RetroVueError, match="can't"):
        await make(tmp_path, (Failing,)).start()
    await asyncio.sleep(0)
    assert sockets_open() == before


async def test_it_says_where_to_tune(tmp_path: Path) -> None:
    headend = make(tmp_path, external_url="http://tv.example:9000/")
    await headend.start()
    page, tuner, *_ = headend.addresses()
    assert "http://tv.example:9000/" in page
    assert "tv.example:9000 " in tuner
    assert headend.device_id in tuner
    await headend.stop()


@pytest.mark.parametrize(
    "noise",
    [
        b"\x16\x03\x01\x00\xf4\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"A" * 20_000 + b"\r\n\r\n",
        b"\0\0\r\n\r\n",
    ],
)
async def test_noise_on_an_http_port_is_refused_without_a_traceback(
    tmp_path: Path, noise: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    headend = make(tmp_path, ())
    await headend.start()
    reader, writer = await asyncio.open_connection("127.0.0.1", headend.http_port)
    writer.write(noise)
    assert b" 400 Bad Request\r\n" in await reader.read()
    writer.close()
    await headend.stop()
    assert not [record for record in caplog.records if record.exc_info]


async def test_a_fault_of_ours_is_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    headend = make(tmp_path, ())
    headend._lineup.channels = None  # type: ignore[method-assign, assignment]
    await headend.start()
    url = f"http://127.0.0.1:{headend.http_port}/lineup.json"
    async with aiohttp.ClientSession() as client, client.get(url) as response:
        assert response.status == 500
    await headend.stop()
    assert [record for record in caplog.records if record.exc_info]


# --- identity ---


def test_a_new_identity_is_valid_and_kept(tmp_path: Path) -> None:
    made = identity("", tmp_path / "state")
    assert device_id.is_valid(int(made, 16))
    assert json.loads((tmp_path / "state/device.json").read_text()) == {"device_id": made}
    assert identity("", tmp_path / "state") == made
    assert identity("", tmp_path / "other") != made
    assert [p.name for p in (tmp_path / "state").iterdir()] == ["device.json"]


def test_each_tuner_has_an_identity_of_its_own_and_keeps_it(tmp_path: Path) -> None:
    hd = identity("", tmp_path, "hd")
    first = identity("", tmp_path)
    films = identity("", tmp_path, "films")
    assert len({first, hd, films}) == 3
    kept = json.loads((tmp_path / "device.json").read_text())
    assert kept == {"device_id": first, "devices": {"hd": hd, "films": films}}
    assert [identity("", tmp_path, slug) for slug in ("", "hd", "films")] == [first, hd, films]
    assert identity(ID, tmp_path, "hd") == ID


def test_a_configured_identity_is_used_and_not_written(tmp_path: Path) -> None:
    assert identity(ID.lower(), tmp_path) == ID
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "content",
    [
        *("", "{}", "[]", "null", '{"device_id": 5}', '{"device_id": "12345678"}'),
        *('{"devices": 5}', '{"device_id": "1052712E", "devices": {"hd": "12345678"}}'),
    ],
)
def test_a_damaged_identity_is_not_replaced_behind_ones_back(tmp_path: Path, content: str) -> None:
    (tmp_path / "device.json").write_text(content)
    with pytest.raises(RetroVueError, match="doesn't hold a device id") as error:
        identity("", tmp_path)
    assert "delete it" in error.value.help
    assert (tmp_path / "device.json").read_text() == content


def test_a_state_directory_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RetroVueError, match=r"can't be (read|written)"):
        identity("", tmp_path / "file" / "state")


async def test_the_tvheadend_front_end_is_there_when_it_is_asked_for(tmp_path: Path) -> None:
    headend = make(tmp_path, tvheadend=True, htsp_port=0)
    await headend.start()
    try:
        assert headend.htsp_port
        assert any(f":{headend.htsp_port}" in line for line in headend.addresses())
        assert headend.warnings() == []
        second = make(tmp_path, tvheadend=True, htsp_port=headend.htsp_port)
        await second.start()
        assert second.htsp_port is None
        assert any("htsp_port" in warning for warning in second.warnings())
        await second.stop()
    finally:
        await headend.stop()
    assert headend.htsp_port is None


@pytest.mark.parametrize(
    ("method", "path", "status", "says"),
    [
        ("GET", "/api/v1/statu", 404, "/api/v1/statu"),
        ("GET", "/api/v1", 404, "/api/v1"),
        ("DELETE", "/api/v1/status", 405, "GET,HEAD"),
    ],
)
async def test_what_the_api_does_not_have_is_told_in_json(
    tmp_path: Path, method: str, path: str, status: int, says: str
) -> None:
    headend = make(tmp_path)
    await headend.start()
    try:
        async with aiohttp.ClientSession(f"http://127.0.0.1:{headend.http_port}") as client:
            async with client.request(method, path) as response:
                assert (response.status, response.content_type) == (status, "application/json")
                told = await response.json()
                assert says in told["error"]
                assert "openapi.json" in told["help"]
                assert ("Allow" in response.headers) == (status == 405)
            # Whoever asks elsewhere may want video, and would record an answer.
            async with client.request(method, f"/apiary{path}") as response:
                assert (response.status, await response.read()) == (404, b"")
    finally:
        await headend.stop()


async def test_the_xtream_front_end_can_be_left_out(tmp_path: Path) -> None:
    headend = make(tmp_path, xtream=False)
    await headend.start()
    try:
        async with aiohttp.ClientSession(f"http://127.0.0.1:{headend.http_port}") as client:
            for path in ("/player_api.php", "/live/a/b/501.ts"):
                async with client.get(path) as response:
                    assert (response.status, await response.read()) == (404, b"")
    finally:
        await headend.stop()
