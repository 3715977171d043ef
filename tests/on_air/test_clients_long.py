"""What of real clients takes minutes: started by hand with ``pytest -m soak``."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from fixtures.shorts_station import ShortsStation
from tests.on_air.test_clients import network, shows
from tests.tools import kodi as kodi_tool
from tests.tools.broadcast import Broadcast
from tests.tools.home_network import refusal
from tests.tools.kodi import AddOn, Kodi

__all__ = ["network"]  # a fixture

pytestmark = [
    pytest.mark.soak,
    pytest.mark.timeout(1500),
    pytest.mark.skipif(bool(kodi_tool.missing()), reason=f"needs apt install {kodi_tool.missing()}"),
]

MINUTES = 10


@pytest.fixture(scope="module")
def on_air(
    network: str | None, shorts: ShortsStation, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Broadcast]:
    """The station, to be found in its network."""
    state = tmp_path_factory.mktemp("state")
    found = network is not None
    with Broadcast(shorts.folder, state, address=network or "127.0.0.1", tuner=found).start(600) as broadcast:
        yield broadcast


def addon(name: str, on_air: Broadcast) -> AddOn:
    page = f"http://{on_air.address}:{on_air.http_port}"
    made = {
        "pvr.hts": kodi_tool.tvheadend(on_air.address, on_air.htsp_port, on_air.tvheadend_port),
        "pvr.iptvsimple": kodi_tool.iptv(f"{page}/channels.m3u", f"{page}/xmltv.xml"),
        "pvr.hdhomerun": kodi_tool.hdhomerun(),
    }[name]
    if made.missing or (name == "pvr.hdhomerun" and refusal() is not None):
        pytest.skip(made.missing or str(refusal()))
    return made


@pytest.mark.parametrize("name", ["pvr.hts", "pvr.iptvsimple", "pvr.hdhomerun"])
def test_ten_minutes_of_kodi_without_a_new_connection(
    name: str, on_air: Broadcast, shorts: ShortsStation, tmp_path: Path
) -> None:
    """Joins, breaks, two programmes' beginnings: nobody leaves, and nothing begins anew."""
    client = addon(name, on_air)
    with Kodi(tmp_path / "kodi", client) as kodi:
        kodi.play(kodi.channels(client, 2)[0]["channelid"])
        shows(kodi, on_air, shorts, "net")
        mark, wire = len(kodi.log()), len(on_air.log())
        end = time.monotonic() + MINUTES * 60
        while time.monotonic() < end:
            time.sleep(20)
            shows(kodi, on_air, shorts, "net")
        said, aired = kodi.log()[mark:], on_air.log()[wire:]
        for words in (
            "player started",
            "OpenDemuxStream",
            "CloseFile()",
            "connected to ",
            "connection lost",
            "eof",
        ):
            assert words not in said, [line for line in said.splitlines() if words in line]
        assert not [line for line in aired.splitlines() if " joined" in line or " left (" in line]


@pytest.mark.parametrize(
    "settings", [{"epg_async": False}, {"streaming_http": True}], ids=lambda settings: next(iter(settings))
)
def test_settings_of_the_add_on_for_tvheadend(
    settings: dict[str, object], on_air: Broadcast, shorts: ShortsStation, tmp_path: Path
) -> None:
    client = kodi_tool.tvheadend(on_air.address, on_air.htsp_port, on_air.tvheadend_port, **settings)
    if client.missing:
        pytest.skip(client.missing)
    with Kodi(tmp_path / "kodi", client) as kodi:
        for channel, slug in zip(kodi.channels(client, 2), ("net", "reel"), strict=True):
            if client.settings["epg_async"]:
                assert len(kodi.guide(channel["channelid"])) > 100
            kodi.play(channel["channelid"])
            shows(kodi, on_air, shorts, slug)
        if not client.settings["epg_async"]:  # it asks for the guide of a channel that is looked at
            assert len(kodi.guide(kodi.channels(client, 2)[0]["channelid"])) > 100
        assert not [line for line in kodi.addon_log(client) if " error <" in line]


@pytest.mark.parametrize("streaming_http", [False, True], ids=["htsp", "http"])
def test_kodi_with_a_password_and_with_a_wrong_one(
    streaming_http: bool,
    network: str | None,
    shorts: ShortsStation,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder = shutil.copytree(shorts.folder, tmp_path / "station", copy_function=os.link)
    settings = (folder / "station.yaml").read_text()
    (folder / "station.yaml").unlink()  # the other one's, too
    account = '{ name: living-room, password: "env:LIVING_ROOM" }'
    named = settings.replace("zeroconf: false }", f"zeroconf: false, accounts: [{account}] }}")
    assert named != settings
    (folder / "station.yaml").write_text(named)
    monkeypatch.setenv("LIVING_ROOM", "Open Sesame & more")
    with Broadcast(folder, tmp_path / "state", address=network or "127.0.0.1").start(600) as station:
        right, wrong = (
            kodi_tool.tvheadend(
                station.address,
                station.htsp_port,
                station.tvheadend_port,
                streaming_http=streaming_http,
                user="living-room",
                **{"pass": word},
            )
            for word in ("Open Sesame & more", "Open Barley")
        )
        if right.missing:
            pytest.skip(right.missing)
        with Kodi(tmp_path / "right", right) as kodi:
            for channel, slug in zip(kodi.channels(right, 2), ("net", "reel"), strict=True):
                kodi.play(channel["channelid"])
                shows(kodi, station, shorts, slug)
        with Kodi(tmp_path / "wrong", wrong) as kodi:
            kodi.until(lambda: "ccess denied" in "\n".join(kodi.addon_log(wrong)), 60, "it is refused")
            assert not any("updates initialised" in line for line in kodi.addon_log(wrong))
