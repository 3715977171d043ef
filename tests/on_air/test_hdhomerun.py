"""A real station under the real ``hdhomerun_config``: found, asked, scanned, tuned, received, left."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from fixtures.shorts_station import ShortsStation
from retrovue.headend.hdhomerun.device_id import is_valid
from retrovue.headend.hdhomerun.packet import FrameReader, encode, tlvs
from retrovue.stream.mpegts import PID_PAT, PID_PMT, PID_VIDEO
from tests.tools.broadcast import Broadcast, clean_log, until
from tests.tools.hdhomerun import ADDRESS, config, get, scan, set_, skip_without
from tests.tools.ts_analyser import TsAnalyser
from tests.tools.ts_report import Rules

#: Beside the device: its last number is 128 or more.
PROXY = f"{ADDRESS.rpartition('.')[0]}.{os.getpid() & 0x7F}"
NUMBERS = ("5.1", "5.2")


@pytest.fixture(scope="module")
def device(shorts: ShortsStation, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broadcast]:
    """The station on the ports of a real device."""
    skip_without()
    state = shorts.state(tmp_path_factory.mktemp("state"))
    with Broadcast(shorts.folder, state, address=ADDRESS, tuner=True).start() as broadcast:
        if "no discovery" in broadcast.log():
            pytest.skip("port 65001 is taken on every address of this machine")
        yield broadcast
        assert broadcast.running, broadcast.log()
    assert clean_log(broadcast.log()) == []


def busy(device: Broadcast) -> list[str]:
    """The tuners that send something."""
    status = device.get_json("/status.json")
    assert isinstance(status, list)
    return [tuner["Resource"] for tuner in status if "TargetIP" in tuner]


def test_it_is_found(device: Broadcast) -> None:
    began = time.monotonic()
    done = subprocess.run(
        ["hdhomerun_config", "discover", ADDRESS], capture_output=True, text=True, timeout=10, check=False
    )
    said = re.search(r"hdhomerun device ([0-9A-F]{8}) found at ", done.stdout)
    assert said, done.stdout
    card = device.get_json("/discover.json")
    assert isinstance(card, dict)
    assert card["DeviceID"] == said[1]
    assert f"<serialNumber>{said[1]}<" in device.get("/device.xml")
    assert is_valid(int(said[1], 16))
    assert time.monotonic() - began < 5


def test_every_variable_can_be_read_and_those_that_can_be_set_are(device: Broadcast) -> None:
    lines = get("help").splitlines()[1:]
    assert len(lines) == 19
    for line in lines:
        name = line.split()[0].replace("<n>", "7")
        done = config("get", name)
        assert done.returncode == 0, f"{name}: {done.stdout}"
    for name, value in (
        ("channelmap", "us-cable"),
        ("channelmap", "us-bcast"),
        ("channel", "auto:539000000"),
        ("program", "1"),
        ("filter", "0x0000-0x0001 0x1ffb"),
        ("vchannel", "5.2"),
        ("target", "none"),
        ("channel", "none"),
    ):
        set_(f"/tuner7/{name}", value)
        assert get(f"/tuner7/{name}") == value
    set_("/sys/restart", "self")
    for name in ("/sys/model", "/sys/version", "/tuner7/status", "/tuner7/streaminfo", "/tuner7/debug"):
        done = config("set", name, "x")
        assert (done.returncode, done.stdout) == (1, "ERROR: parameter is read only\n")
    for name in ("/sys/nonsense", "/tuner8/status"):
        done = config("get", name)
        assert (done.returncode, done.stdout) == (1, "ERROR: unknown getset variable\n")


def test_locks(device: Broadcast) -> None:
    set_("/tuner6/lockkey", "4711")
    locked = config("set", "/tuner6/vchannel", "5.1")
    assert locked.returncode == 1
    assert locked.stdout.startswith("ERROR: resource locked by 127.")
    set_("/tuner6/vchannel", "5.1", key="4711")
    assert get("/tuner6/vstatus").startswith("vch=5.1 name=Shorts Network ")
    set_("/tuner6/lockkey", "none", key="4711")
    assert get("/tuner6/lockkey") == get("/tuner6/vchannel") == "none"
    set_("/tuner6/lockkey", "4711")
    set_("/tuner6/lockkey", "force")
    assert get("/tuner6/lockkey") == "none"


def test_a_scan_finds_every_channel_and_nothing_else(device: Broadcast, tmp_path: Path) -> None:
    began = time.monotonic()
    carriers, found = scan("/tuner5", tmp_path / "scan.txt")
    lasted = time.monotonic() - began
    assert carriers >= 48
    lineup = device.get_json("/lineup.json?tuning")
    assert isinstance(lineup, list)
    assert found == {
        entry["Frequency"]: [
            "LOCK: 8vsb (ss=100 snq=100 seq=100)",
            f"TSID: 0x{entry['TransportStreamID']:04X}",
            f"PROGRAM 1: {entry['GuideNumber']} {entry['GuideName']}",
        ]
        for entry in lineup
    }
    assert len({entry["TransportStreamID"] for entry in lineup}) == len(NUMBERS)
    assert get("/tuner5/lockkey") == "none"
    # 49 carriers at a quarter of a second: what is above that, the device must answer for.
    assert lasted < 20


class RefusesRtp:
    """A device in front of the device that knows no RTP, so that libhdhomerun falls back to UDP."""

    def __init__(self) -> None:
        self.refused = 0
        self._listener = socket.create_server((PROXY, 65001))
        self._searches = socket.socket(type=socket.SOCK_DGRAM)
        self._searches.bind((PROXY, 65001))
        threading.Thread(target=self._accept, daemon=True).start()
        threading.Thread(target=self._be_found, daemon=True).start()

    def _be_found(self) -> None:
        """The library searches before it connects, even by address."""
        while True:
            try:
                search, client = self._searches.recvfrom(2000)
            except OSError:
                return
            with socket.socket(type=socket.SOCK_DGRAM) as ask:
                ask.settimeout(5)
                ask.sendto(search, (ADDRESS, 65001))
                self._searches.sendto(ask.recv(2000), client)

    def _accept(self) -> None:
        while True:
            try:
                client, (address, _) = self._listener.accept()
            except OSError:
                return
            device = socket.create_connection((ADDRESS, 65001), source_address=(address, 0))
            threading.Thread(target=self._towards_client, args=(device, client), daemon=True).start()
            threading.Thread(target=self._towards_device, args=(client, device), daemon=True).start()

    def _towards_client(self, device: socket.socket, client: socket.socket) -> None:
        with device, client:
            while data := device.recv(4096):
                client.sendall(data)

    def _towards_device(self, client: socket.socket, device: socket.socket) -> None:
        frames = FrameReader()
        try:
            while data := client.recv(4096):
                for frame in frames.feed(data):
                    content = list(tlvs(frame.payload))
                    if any(value.startswith(b"rtp://") for _, value in content):
                        self.refused += 1
                        content = [(tag, value.replace(b"rtp://", b"rtq://")) for tag, value in content]
                    device.sendall(encode(frame.type, content))
        finally:
            device.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._searches.close()


@pytest.mark.parametrize("protocol", ["rtp", "udp"])
def test_what_is_saved_is_whole(device: Broadcast, tmp_path: Path, protocol: str) -> None:
    file = tmp_path / "saved.ts"
    proxy = RefusesRtp() if protocol == "udp" else None
    try:
        set_("/tuner0/vchannel", "5.1")
        saver = subprocess.Popen(
            ["hdhomerun_config", PROXY if proxy else ADDRESS, "save", "/tuner0", str(file)],
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            until(lambda: file.exists() and file.stat().st_size > 0, 20, "something is saved")
            assert get("/tuner0/target").startswith(f"{protocol}://127.")
            status = get("/tuner0/status")
            time.sleep(6)
        finally:
            saver.send_signal(signal.SIGINT)
        _, said = saver.communicate(timeout=10)
    finally:
        if proxy:
            proxy.close()
            assert proxy.refused == 1
    statistics = re.search(r"(\d+) packets received, (.*)", said)
    assert statistics, said
    assert statistics[2] == "0 overflow errors, 0 network errors, 0 transport errors, 0 sequence errors"
    assert int(statistics[1]) * 1316 >= file.stat().st_size > 250_000
    assert status.startswith("ch=8vsb:539000000 lock=8vsb ss=100 snq=100 seq=100 bps=")
    assert get("/tuner0/target") == "none"
    analyser = TsAnalyser(Rules(stall_buffer_s=None), wall=False)
    analyser.feed(file.read_bytes(), 0)
    report = analyser.finish()
    assert report.pictures > 120, report.to_text()
    assert report.streams[2:] == ["type 0x86 on 0x102"], "cue messages, beside picture and sound"
    assert "continuity" not in report.faults, report.to_text()


def test_the_operator_lists_tuners_and_frees_one(device: Broadcast) -> None:
    def tuners(*args: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "retrovue", "tuners", "--state", str(device.state), *args],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    set_("/tuner0/channel", "none")  # a tuner that is tuned is given away last
    with open_stream() as viewer:
        until(lambda: busy(device) == ["tuner0"], 5, "the tuner is taken")
        lines = tuners().splitlines()
        assert len(lines) == 9
        assert re.fullmatch(r"[0-9A-F]{8}  Shorts", lines[0])
        at = r"  tuner0  5\.1 Shorts Network, to http://127\.[\d.]+:\d+, [\d.]+ Mbit/s for \d+ s.*"
        assert re.fullmatch(at, lines[1])
        assert lines[2].startswith("  tuner1  free")
        assert "tuner0  free" in tuners("--kick", "0")
        while viewer.recv(1 << 16):
            pass
    until(lambda: busy(device) == [], 5, "the tuner is free")


def test_a_saver_that_is_killed_frees_its_tuner(device: Broadcast, tmp_path: Path) -> None:
    file = tmp_path / "saved.ts"
    set_("/tuner0/vchannel", "5.2")
    saver = subprocess.Popen(
        ["hdhomerun_config", ADDRESS, "save", "/tuner0", str(file)], stderr=subprocess.DEVNULL
    )
    until(lambda: file.exists() and file.stat().st_size > 0, 20, "something is saved")
    assert busy(device) == ["tuner0"]
    saver.kill()
    saver.wait()
    until(lambda: busy(device) == [], 6, "the tuner is free")
    assert get("/tuner0/target") == "none"


def test_a_stream_begins_with_its_tables_and_a_picture_to_begin_with(device: Broadcast) -> None:
    with open_stream() as viewer:
        data = b""
        while b"\r\n\r\n" not in data or len(data) < 100_000:
            data += viewer.recv(1 << 16)
    stream = data.partition(b"\r\n\r\n")[2]
    packets = [stream[at : at + 188] for at in range(0, len(stream) - 187, 188)]
    assert {packet[0] for packet in packets} == {0x47}
    pids = [int.from_bytes(packet[1:3], "big") & 0x1FFF for packet in packets]
    assert {PID_PAT, PID_PMT} <= set(pids[:4])
    first = packets[pids.index(PID_VIDEO)]
    assert first[3] & 0x20  # adaptation field
    assert first[5] & 0x40  # random_access_indicator
    assert pids.index(PID_VIDEO) < 12


def test_a_hundred_reopenings_with_every_tuner_taken(device: Broadcast) -> None:
    """Open as many as there are tuners, kill -9 one of them, open again: always at once."""
    card = device.get_json("/discover.json")
    assert isinstance(card, dict)
    viewers = [Watcher() for _ in range(card["TunerCount"])]
    try:
        assert {viewer.answer() for viewer in viewers} == {"HTTP/1.1 200"}
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(device.url("5.1"), timeout=10)
        assert refused.value.headers["X-HDHomeRun-Error"] == "805 All Tuners In Use"
        assert refused.value.read() == b""
        for _ in range(100):
            viewers.pop(0).kill()
            viewers.append(Watcher())
            assert viewers[-1].answer() == "HTTP/1.1 200"
    finally:
        for viewer in viewers:
            viewer.kill()
    until(lambda: busy(device) == [], 5, "every tuner is free")


class Watcher:
    """A viewer that is a process, to be killed."""

    def __init__(self) -> None:
        script = (
            f"exec 3<>/dev/tcp/{ADDRESS}/5004 && printf 'GET /auto/v5.1 HTTP/1.1\r\nHost: x\r\n\r\n' >&3"
            " && exec cat <&3"
        )
        self._child = subprocess.Popen(["bash", "-c", script], stdout=subprocess.PIPE, bufsize=0)

    def answer(self) -> str:
        """The first words; after them it is one of those who don't read as fast as they could."""
        assert self._child.stdout is not None
        return self._child.stdout.read(12).decode()

    def kill(self) -> None:
        self._child.kill()
        self._child.communicate()


def open_stream() -> socket.socket:
    """A stream whose first bytes are there; a refusal fails."""
    wire = socket.create_connection((ADDRESS, 5004), timeout=10)
    wire.sendall(b"GET /auto/v5.1 HTTP/1.1\r\nHost: x\r\n\r\n")
    head = wire.recv(12)
    assert head == b"HTTP/1.1 200", head
    return wire
