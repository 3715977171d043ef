"""Real clients of the station in one home: Kodi with three add-ons, VLC, mpv, ffmpeg, Avahi.

They are in a network of their own where that is possible; else on loopback, without those that search.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import pytest

from fixtures.media.barcode_layout import Code
from fixtures.shorts_station import ShortsStation
from retrovue.ffmpeg_binary import choose_ffmpeg
from tests.tools import avahi as avahi_tool
from tests.tools import kodi as kodi_tool
from tests.tools.barcode_reader import PictureReader
from tests.tools.broadcast import Broadcast, clean_log, until, watching
from tests.tools.home_network import home_network, refusal
from tests.tools.kodi import AddOn, Kodi
from tests.tools.plan import ChannelPlan, asset_files, newest_artefact, read_plan

#: What is on the screen left the station so long before, at most (seconds): lead, buffers, a busy machine.
LATEST = 20.0
#: Two channels may be watched at once, or one and another asked for.
TUNERS = 2


@pytest.fixture(scope="module")
def network() -> Iterator[str | None]:
    """The address in a network of the tests' own; None: there is none."""
    if refusal() is not None:
        yield None
        return
    with home_network() as address:
        yield address


@pytest.fixture(scope="module")
def on_air(
    network: str | None, shorts: ShortsStation, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Broadcast]:
    """The station, to be found in its network."""
    settings = shorts.folder / "station.yaml"
    text = settings.read_text()
    changed = text.replace("count: 8", f"count: {TUNERS}").replace("zeroconf: false", "zeroconf: true")
    assert changed != text
    settings.write_text(changed)
    state = shorts.state(tmp_path_factory.mktemp("state"))
    found = network is not None
    with Broadcast(shorts.folder, state, address=network or "127.0.0.1", tuner=found).start() as broadcast:
        yield broadcast
        assert broadcast.running, broadcast.log()
    assert clean_log(broadcast.log()) == []


@pytest.fixture
def at_home(network: str | None) -> None:
    if network is None:
        pytest.skip(str(refusal()))


def device_id(on_air: Broadcast) -> str:
    card = on_air.get_json("/discover.json")
    assert isinstance(card, dict)
    return str(card["DeviceID"])


@pytest.mark.usefixtures("at_home")
@pytest.mark.skipif(shutil.which("hdhomerun_config") is None, reason="needs apt install hdhomerun-config")
def test_a_broadcast_finds_it(on_air: Broadcast) -> None:
    done = subprocess.run(
        ["hdhomerun_config", "discover"], capture_output=True, text=True, timeout=10, check=False
    )
    assert done.stdout == f"hdhomerun device {device_id(on_air)} found at {on_air.address}\n"


@pytest.mark.usefixtures("at_home")
@pytest.mark.skipif(bool(avahi_tool.missing()), reason=f"needs apt install {avahi_tool.missing()}")
def test_avahi_resolves_its_services(on_air: Broadcast, tmp_path: Path) -> None:
    id_ = device_id(on_air)
    host, address = f"{id_}.local", on_air.address
    with avahi_tool.avahi(tmp_path / "avahi", "lan0") as avahi:
        until(lambda: len(avahi.browse("_http._tcp")) == 1, 20, "the page is announced", every=0.5)
        assert avahi.browse("_http._tcp") == [
            [f"Shorts {id_}", host, address, str(on_air.http_port), '"path=/"']
        ]
        ((name, *where, words),) = avahi.browse("_hdhomerun._tcp")
        assert [name, *where] == [id_, host, address, "65001"]
        assert f'"DeviceID={id_}"' in words
        assert f'"BaseURL=http://{address}:{on_air.http_port}"' in words
        ((name, *where, _),) = avahi.browse("_htsp._tcp")
        assert [name, *where] == [f"Shorts {id_}", host, address, str(on_air.htsp_port)]
        assert avahi.address(host) == address


# --- players ------------------------------------------------------------------------------------------------


@pytest.mark.skipif(shutil.which("cvlc") is None, reason="needs apt install vlc-bin vlc-plugin-base")
def test_vlc_shows_a_picture(on_air: Broadcast) -> None:
    played = subprocess.run(
        ["cvlc", "--ignore-config", "--intf", "dummy", "--vout", "vdummy", "--aout", "dummy", "-vv",
         "--no-color", "--run-time=2", on_air.url("5.1"), "vlc://quit"],
        capture_output=True, text=True, errors="replace", timeout=90, check=False, cwd="/",
        env={"PATH": os.environ["PATH"], "HOME": "/nonexistent"},
        user=65534 if os.geteuid() == 0 else None,  # VLC refuses root
    )  # fmt: skip
    assert played.returncode == 0, played.stderr
    assert "Received first picture" in played.stderr
    assert not re.search(r"\] (ts|es|avcodec|faad|packetizer).* error:", played.stderr), played.stderr


@pytest.mark.skipif(shutil.which("mpv") is None, reason="needs apt install mpv")
def test_mpv_shows_pictures_at_their_pace(on_air: Broadcast) -> None:
    began = time.monotonic()
    played = subprocess.run(
        ["mpv", "--no-config", "--vo=null", "--ao=null", "--frames=60", on_air.url("5.2")],
        capture_output=True, text=True, timeout=90, check=False,
    )  # fmt: skip
    assert played.returncode == 0, played.stdout + played.stderr
    assert "VO: [null] 640x360 yuv420p" in played.stdout
    assert "AO: [null] 48000Hz stereo" in played.stdout
    assert time.monotonic() - began > 1.9  # two seconds of pictures, by the sound's clock


@pytest.mark.parametrize(
    "flags",
    [(), ("-analyzeduration", "3000000", "-probesize", "1G", "-fflags", "+igndts")],
    ids=["plain", "jellyfin"],
)
def test_ffmpeg_probes_and_plays(on_air: Broadcast, flags: tuple[str, ...]) -> None:
    command = [choose_ffmpeg().path, "-hide_banner", "-nostdin", *flags, "-i", on_air.url("5.1")]
    played = subprocess.run(
        [*command, "-t", "3", "-f", "null", "-"], capture_output=True, text=True, timeout=90, check=False
    )
    said = played.stderr
    assert played.returncode == 0, said
    assert re.search(r"Video: h264 \(High\).* 640x360 .*29\.97 fps", said), said
    assert re.search(r"Audio: aac \(LC\).* 48000 Hz, stereo", said), said
    assert "service_name    : Shorts Network" in said
    assert int(re.findall(r"frame= *(\d+)", said)[-1]) >= 85, said
    assert not re.search(r"could not find codec parameters|non monoton|corrupt|error while", said, re.I), said


@pytest.mark.skipif(shutil.which("ffprobe") is None, reason="needs apt install ffmpeg")
def test_ffprobe(on_air: Broadcast) -> None:
    probed = subprocess.run(
        ["ffprobe", "-v", "error", "-show_entries", "stream=codec_name", "-of", "csv=p=0", on_air.url("5.1")],
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    assert probed.stderr == ""
    assert {"h264", "aac"} <= set(probed.stdout.split())


# --- Kodi ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def kodi(on_air: Broadcast, network: str | None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kodi]:
    """With every add-on that is here."""
    if kodi_tool.missing():
        pytest.skip(f"needs apt install {kodi_tool.missing()}")
    page = f"http://{on_air.address}:{on_air.http_port}"
    addons = [
        *([kodi_tool.hdhomerun()] if network is not None else []),
        kodi_tool.iptv(f"{page}/channels.m3u", f"{page}/xmltv.xml"),
        kodi_tool.tvheadend(on_air.address, on_air.htsp_port, on_air.tvheadend_port),
    ]
    with Kodi(tmp_path_factory.mktemp("kodi"), *(a for a in addons if not a.missing)) as kodi:
        yield kodi


@pytest.fixture
def addon(request: pytest.FixtureRequest, kodi: Kodi) -> AddOn:
    """The add-on of that name."""
    found = next((addon for addon in kodi.addons if addon.id == request.param), None)
    if found is None:
        pytest.skip(AddOn(request.param).missing or str(refusal()))
    return found


every_addon = pytest.mark.parametrize("addon", ["pvr.hts", "pvr.iptvsimple", "pvr.hdhomerun"], indirect=True)


def seen(kodi: Kodi) -> tuple[Code | None, float, float]:
    """The barcode on the screen, and between which two moments (Unix time) that was."""
    path, asked, there = kodi.shot()
    with av.open(str(path)) as container:
        frame = next(container.decode(video=0)).reformat(format="gray")
    return PictureReader(frame.width, frame.height).read(frame), asked, there


def aired_at(code: Code, at: float, plan: ChannelPlan, numbers: dict[str, int | None]) -> float | None:
    """When this very frame was to be on the air (Unix time), not long before ``at``; None: it wasn't."""
    for segment in plan.starting_between(round((at - 400) * 1e6), round((at + 5) * 1e6)):
        if numbers.get(segment.asset_id) == code.asset:
            into = Fraction(code.frame) / code.rate - Fraction(segment.in_us, 1_000_000)
            aired = segment.start_us / 1e6 + float(into)
            if segment.start_us / 1e6 - 0.1 <= aired <= segment.end_us / 1e6 and -1 < at - aired < LATEST:
                return aired
    return None


def shows(kodi: Kodi, on_air: Broadcast, shorts: ShortsStation, slug: str) -> None:
    """The channel's planned pictures are on the screen, moving as time does."""
    artefact = newest_artefact(on_air.state)
    numbers = {asset: shorts.number_of(path) for asset, path in asset_files(artefact).items()}
    plan = read_plan(artefact, slug)
    delays: list[tuple[float, float]] = []  # how late each was on the screen, at least and at most
    ends = time.monotonic() + 60
    while len(delays) < 3:
        assert time.monotonic() < ends, f"{slug}: only {delays} of the planned pictures were seen"
        code, asked, there = seen(kodi)
        if code is not None and (aired := aired_at(code, there, plan, numbers)) is not None:
            delays.append((asked - aired, there - aired))
        time.sleep(0.7)
    # One delay fits them all, give or take what a player waits while its buffer fills.
    assert max(least for least, _ in delays) - min(most for _, most in delays) < 2, (slug, delays)


@every_addon
def test_kodi_shows_the_planned_pictures_of_both_channels(
    kodi: Kodi, addon: AddOn, on_air: Broadcast, shorts: ShortsStation
) -> None:
    for channel, slug in zip(kodi.channels(addon, 2), ("net", "reel"), strict=True):
        kodi.play(channel["channelid"])
        shows(kodi, on_air, shorts, slug)


@pytest.mark.parametrize("addon", ["pvr.iptvsimple", "pvr.hdhomerun"], indirect=True)
def test_kodi_needs_one_tuner_only(
    kodi: Kodi, addon: AddOn, on_air: Broadcast, shorts: ShortsStation
) -> None:
    """Its add-on for HDHomeRun opens a stream three times, one right after another."""
    kodi.stop_playing()
    with contextlib.ExitStack() as viewers:
        for _ in range(TUNERS - 1):
            viewers.enter_context(watching(on_air.url("5.1")))
        kodi.play(kodi.channels(addon, 2)[1]["channelid"])
        shows(kodi, on_air, shorts, "reel")
        kodi.stop_playing()


@every_addon
def test_kodi_has_the_channels_and_the_guide(kodi: Kodi, addon: AddOn) -> None:
    channels = kodi.channels(addon, 2)
    assert [(c["channelnumber"], c["subchannelnumber"], c["label"]) for c in channels] == [
        (5, 1, "Shorts Network"),
        (5, 2, "Shorts Reel"),
    ]
    if addon.id == "pvr.hdhomerun":
        return  # its guide is the maker's, of the internet
    for channel, title in zip(channels, ("Quick Diner", "The Reel"), strict=True):
        guide = kodi.guide(channel["channelid"])
        assert len(guide) > 100
        assert {entry["title"] for entry in guide} == {title}
    # The reel's sidecars say who made it and who is in it.
    made = {(entry["cast"], entry["director"], entry["writer"]) for entry in guide}
    assert made == {("Bo Reel,Dee Reel", "Ann Reel", "Flo Reel")}


def test_kodi_stays_connected(kodi: Kodi) -> None:
    """Until here: no connection was given up, and no add-on met with an error."""
    for addon in kodi.addons:
        said = kodi.addon_log(addon)
        errors = [line for line in said if " error <" in line]
        if addon.id == "pvr.hdhomerun":  # its guide is its maker's, and not to be had
            errors = [line for line in errors if "uide" not in line]
        assert errors == []
        assert not any("connection lost" in line.casefold() for line in said)
