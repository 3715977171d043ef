"""The control variables: what clients compare letter by letter, and who may change what."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from retrovue.clock import SteppedClock
from retrovue.headend.hdhomerun.control import GetSetError
from retrovue.headend.hdhomerun.personality import PERSONALITIES
from retrovue.headend.hdhomerun.tuners import LOCK_IDLE_S, TunerTable, Viewing
from retrovue.headend.hdhomerun.variables import Variables
from tests.headend.fake_lineup import CHANNELS, FakeLineup

ME, OTHER = "10.0.0.9", "10.0.0.8"
IDLE = "ch=none lock=none ss=0 snq=0 seq=0 bps=0 pps=0"


class Device:
    def __init__(self, personality: str = "atsc") -> None:
        self.clock = SteppedClock(datetime(2026, 11, 22, 20, 0, tzinfo=UTC))
        self.table = TunerTable(self.clock, 2)
        self.variables = Variables(FakeLineup(self.clock), self.clock, self.table, PERSONALITIES[personality])

    def get(self, name: str) -> str:
        return self.variables.get(name)

    def set(self, name: str, value: str, key: int | None = None, peer: str = ME) -> str:
        return self.variables.set(name, value, key, peer)

    def refusal(self, name: str, value: str, key: int | None = None, peer: str = ME) -> str:
        with pytest.raises(GetSetError) as refused:
            self.set(name, value, key, peer)
        return str(refused.value)

    def view(self, index: int) -> list[str]:
        """Somebody watches over HTTP on that tuner; the list fills when they are ended."""
        ended: list[str] = []
        self.table.tuners[index].viewing = Viewing(CHANNELS[0], OTHER, 51034, lambda: ended.append("ended"))
        return ended


@pytest.fixture
def device() -> Device:
    return Device()


def test_every_name_in_help_can_be_read(device: Device) -> None:
    names = [line.split()[0] for line in device.get("help").splitlines()[1:]]
    assert len(names) == 19
    for name in names:
        assert device.get(name.replace("<n>", "1")) is not None


@pytest.mark.parametrize("personality", PERSONALITIES)
def test_the_model_names_the_family(personality: str) -> None:
    device = Device(personality)
    assert personality in device.get("/sys/model")
    assert "HDTC" not in device.get("/sys/hwmodel")
    assert device.get("/sys/version").isdigit()
    assert device.get("/tuner0/channelmap") in device.get("/sys/features")


def test_only_a_cablecard_unit_has_an_out_of_band_tuner() -> None:
    assert Device("cablecard").get("/oob/status").startswith("ch=qam256:")
    with pytest.raises(GetSetError, match="unknown getset variable"):
        Device("atsc").get("/oob/status")


@pytest.mark.parametrize(
    "name",
    ["", "/", "/sys/nope", "/tuner2/status", "/tuner99/status", "/tuner0/", "/tuner0/nope", "tuner0/status"],
)
def test_unknown_names(device: Device, name: str) -> None:
    with pytest.raises(GetSetError, match=r"^ERROR: unknown getset variable$"):
        device.get(name)
    assert device.refusal(name, "1") == "ERROR: unknown getset variable"


@pytest.mark.parametrize(
    "name", ["/sys/model", "/sys/version", "/tuner0/status", "/tuner0/streaminfo", "help"]
)
def test_read_only_names(device: Device, name: str) -> None:
    assert device.refusal(name, "1") == "ERROR: parameter is read only"


def test_an_idle_tuner(device: Device) -> None:
    assert device.get("/tuner0/status") == IDLE
    assert device.get("/tuner0/streaminfo") == "none\n"
    assert device.get("/tuner0/vstatus") == "vch=none name=none auth=unspecified cci=none cgms=none"
    assert device.get("/tuner0/target") == device.get("/tuner0/lockkey") == "none"


@pytest.mark.parametrize("value", ["auto:473000000", "auto6t:473000000", "8vsb:473000000", "auto:14"])
def test_tuning_by_carrier_reads_back_exactly_what_was_set(device: Device, value: str) -> None:
    assert device.set("/tuner0/channel", value) == value
    assert device.get("/tuner0/channel") == value
    assert device.get("/tuner0/status").startswith("ch=8vsb:473000000 lock=8vsb ss=100 snq=100 seq=100 ")
    assert device.get("/tuner0/streaminfo") == "1: 5.1 WRTV Retro 5\ntsid=0x0001\n"
    assert device.set("/tuner0/channel", "none") == "none"
    assert device.get("/tuner0/status") == IDLE


def test_an_unused_frequency_has_no_signal_at_all(device: Device) -> None:
    device.set("/tuner0/channel", "auto:57000000")
    assert device.get("/tuner0/status") == "ch=auto:57000000 lock=none ss=0 snq=0 seq=0 bps=0 pps=0"
    assert device.get("/tuner0/streaminfo") == "none\n"


@pytest.mark.parametrize(
    "value", ["", "auto", "auto:", "473000000", "auto:-1", "AUTO:14", "auto:14:1", "auto:1e9"]
)
def test_malformed_channels(device: Device, value: str) -> None:
    assert device.refusal("/tuner0/channel", value) == "ERROR: invalid channel"


@pytest.mark.parametrize(("value", "found"), [("5.1", "5.1"), ("05.1", "5.1"), ("9", "9"), ("502", "5.2")])
def test_tuning_by_number_or_by_the_integer(device: Device, value: str, found: str) -> None:
    assert device.set("/tuner0/vchannel", value) == value
    assert device.get("/tuner0/vchannel") == value
    assert device.get("/tuner0/vstatus").startswith(f"vch={found} name=")
    assert ":" in device.get("/tuner0/status").split()[0]


@pytest.mark.parametrize("value", ["5", "5.3", "x", "5.1.1", "999999999", "²"])
def test_channels_that_do_not_exist(device: Device, value: str) -> None:
    assert device.refusal("/tuner0/vchannel", value) == "ERROR: invalid virtual channel"


def test_filter_program_and_map_echo_what_holds(device: Device) -> None:
    assert device.set("/tuner0/filter", "0x0000-0x0001 0x1ffb") == "0x0000-0x0001 0x1ffb"
    assert device.get("/tuner0/filter") == "0x0000-0x0001 0x1ffb"
    assert device.refusal("/tuner0/filter", "everything") == "ERROR: invalid filter"
    assert device.set("/tuner0/program", "3") == device.get("/tuner0/program") == "3"
    assert device.refusal("/tuner0/program", "65536") == "ERROR: invalid program"
    assert device.set("/tuner0/channelmap", "us-cable") == device.get("/tuner0/channelmap") == "us-cable"
    assert device.refusal("/tuner0/channelmap", "mars-bcast") == "ERROR: invalid channelmap"


def test_there_is_no_streaming_to_a_target_and_it_says_so(device: Device) -> None:
    assert "lineup.json" in device.refusal("/tuner0/target", "udp://10.0.0.9:5000")
    assert device.set("/tuner0/target", "none") == "none"


# --- locks ---


def test_a_lock_keeps_others_out_but_lets_everybody_read(device: Device) -> None:
    assert device.set("/tuner0/lockkey", "1234") == ME
    assert device.get("/tuner0/lockkey") == ME
    assert device.refusal("/tuner0/channel", "auto:14", peer=OTHER) == f"ERROR: resource locked by {ME}"
    assert (
        device.refusal("/tuner0/channel", "auto:14", key=99, peer=OTHER) == f"ERROR: resource locked by {ME}"
    )
    assert device.refusal("/tuner0/lockkey", "99", peer=OTHER) == f"ERROR: resource locked by {ME}"
    assert device.refusal("/tuner0/lockkey", "none", peer=OTHER) == f"ERROR: resource locked by {ME}"
    assert device.set("/tuner0/channel", "auto:14", key=1234) == "auto:14"
    assert device.set("/tuner1/channel", "auto:15", peer=OTHER) == "auto:15"


def test_giving_a_lock_up_gives_up_what_it_tuned(device: Device) -> None:
    device.set("/tuner0/lockkey", "1234")
    device.set("/tuner0/channel", "auto:14", key=1234)
    assert device.set("/tuner0/lockkey", "none", key=1234) == "none"
    assert device.get("/tuner0/status") == IDLE
    assert device.set("/tuner0/target", "none") == "none"  # Tvheadend's last word, without its key


def test_a_lock_can_be_forced(device: Device) -> None:
    device.set("/tuner0/lockkey", "1234")
    assert device.set("/tuner0/lockkey", "force", peer=OTHER) == "none"
    assert device.refusal("/tuner0/channel", "auto:14", key=1234) == "ERROR: lock no longer held"


def test_an_idle_lock_goes_away_and_a_used_one_stays(device: Device) -> None:
    device.set("/tuner0/lockkey", "1234")
    for _ in range(4):
        device.clock.step(LOCK_IDLE_S - 1)
        device.set("/tuner0/channel", "auto:14", key=1234)
    device.clock.step(LOCK_IDLE_S + 1)
    assert device.get("/tuner0/channel") == "none"
    assert device.get("/tuner0/lockkey") == "none"


@pytest.mark.parametrize("value", ["", "0", "-1", "4294967296", "abc", "²"])
def test_keys_that_are_none(device: Device, value: str) -> None:
    assert device.refusal("/tuner0/lockkey", value) == "ERROR: invalid lockkey"


def test_a_viewer_over_http_is_a_lock_too(device: Device) -> None:
    ended = device.view(1)
    assert device.get("/tuner1/lockkey") == OTHER
    assert device.get("/tuner1/target") == f"http://{OTHER}:51034"
    assert device.get("/tuner1/vchannel") == "5.1"
    assert device.get("/tuner1/channel") == "8vsb:473000000"
    for name, value in [("channel", "auto:14"), ("vchannel", "5.2"), ("lockkey", "7"), ("target", "none")]:
        assert device.refusal(f"/tuner1/{name}", value, key=7) == f"ERROR: resource locked by {OTHER}"
    assert ended == []
    device.set("/tuner1/lockkey", "force")
    assert ended == ["ended"]


def test_the_rate_is_what_was_sent_lately(device: Device) -> None:
    device.view(0)
    viewing = device.table.tuners[0].viewing
    assert viewing is not None
    for _ in range(20):
        device.clock.step(0.1)
        viewing.sent(device.clock.elapsed(), 50_000)
    assert "bps=4000000 pps=379" in device.get("/tuner0/status")
    device.clock.step(10)
    assert "bps=0 pps=0" in device.get("/tuner0/status")
