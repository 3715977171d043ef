"""What of the tuner takes minutes: started by hand with ``pytest -m soak``."""

from __future__ import annotations

import shutil
import socket
import time
from pathlib import Path

import pytest

from fixtures.shorts_station import ShortsStation
from tests.tools.broadcast import Broadcast, until, watching
from tests.tools.hdhomerun import ADDRESS, config, get, scan, set_, skip_without

pytestmark = [pytest.mark.soak, pytest.mark.timeout(900)]


@pytest.mark.parametrize(
    ("personality", "modulation", "carriers"), [("dvbt", "t8qam64", 57), ("cablecard", "qam256", 300)]
)
def test_every_family_scans_its_own_band(
    shorts: ShortsStation, tmp_path: Path, personality: str, modulation: str, carriers: int
) -> None:
    skip_without()
    folder = shutil.copytree(shorts.folder, tmp_path / "station", symlinks=True)
    text = (folder / "station.yaml").read_text()
    named = text.replace("tuner: { name: Shorts,", f"tuner: {{ personality: {personality}, name: Shorts,")
    assert named != text
    (folder / "station.yaml").write_text(named)
    with Broadcast(folder, tmp_path / "state", address=ADDRESS, tuner=True).start() as device:
        looked_at, found = scan("/tuner0", tmp_path / "scan.txt", patience=600)
        assert looked_at >= carriers
        lineup = device.get_json("/lineup.json?tuning")
        assert isinstance(lineup, list)
        network = [f"ONID: 0x{lineup[0]['OriginalNetworkID']:04X}"] if personality == "dvbt" else []
        assert found == {
            entry["Frequency"]: [
                f"LOCK: {modulation} (ss=100 snq=100 seq=100)",
                f"TSID: 0x{entry['TransportStreamID']:04X}",
                *network,
                f"PROGRAM 1: {entry['GuideNumber']} {entry['GuideName']}",
            ]
            for entry in lineup
        }


def test_a_receiver_that_never_speaks_and_a_reader_that_never_reads(
    shorts: ShortsStation, tmp_path: Path
) -> None:
    """Tvheadend sends no keep-alive and must not be cut off; who stalls is, and holds up nobody."""
    skip_without()
    with (
        Broadcast(shorts.folder, tmp_path / "state", address=ADDRESS, tuner=True).start() as device,
        socket.socket(type=socket.SOCK_DGRAM) as receiver,
        socket.create_connection((ADDRESS, 5004)) as stalled,
        watching(device.url("5.1")) as viewer,
    ):
        receiver.bind(("127.0.0.1", 0))
        receiver.settimeout(5)
        set_("/tuner7/vchannel", "5.1")
        set_("/tuner7/target", f"udp://127.0.0.1:{receiver.getsockname()[1]}")
        stalled.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        stalled.sendall(b"GET /tuner6/v5.2 HTTP/1.1\r\nHost: x\r\n\r\n")
        end = time.monotonic() + 150
        datagrams = 0
        while time.monotonic() < end:
            assert len(receiver.recv(2000)) == 1316
            datagrams += 1
        assert datagrams > 150 * 30
        assert viewer.watching
        assert get("/tuner6/target") == "none"
        assert get("/tuner7/target").startswith("udp://127.0.0.1:")
        receiver.close()
        until(lambda: config("get", "/tuner7/target").stdout == "none\n", 6, "the stream has ended")
