"""The control variables: what clients compare letter by letter, and who may change what."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from retrovue.clock import SteppedClock
from retrovue.headend.hdhomerun.control import GetSetError, Requester
from retrovue.headend.hdhomerun.personality import PERSONALITIES
from retrovue.headend.hdhomerun.tuners import LOCK_IDLE_S, Meter, Target, Tuner, TunerTable, Viewing
from retrovue.headend.hdhomerun.variables import Variables
from tests.headend.fake_lineup import CHANNELS, FakeLineup

ME, OTHER = "10.0.0.9", "10.0.0.8"
IDLE = "ch=none lock=none ss=0 snq=0 seq=0 bps=0 pps=0"


class Sent:
    """A stream of datagrams that sends nothing and remembers what it was told."""

    def __init__(self, tuner: Tuner, target: Target) -> None:
        self.target, self.meter = target, Meter(0)
        self.told: list[str] = []

    def tuned(self) -> None:
        self.told.append("tuned")

    def abandoned(self) -> None:
        self.told.append("abandoned")

    def end(self) -> None:
        self.told.append("end")


class Device:
    def __init__(self, personality: str = "atsc") -> None:
        self.sent: list[Sent] = []
        self.clients = {address: Requester(address) for address in (ME, OTHER)}
        self.clock = SteppedClock(datetime(2026, 11, 22, 20, 0, tzinfo=UTC))
        self.table = TunerTable(self.clock, 2)
        self.variables = Variables(
            FakeLineup(self.clock), self.clock, self.table, PERSONALITIES[personality], self._send
        )

    def _send(self, tuner: Tuner, target: Target) -> Sent:
        self.sent.append(Sent(tuner, target))
        return self.sent[-1]

    def get(self, name: str, peer: str = ME) -> str:
        return self.variables.get(name, self.clients[peer])

    def set(self, name: str, value: str, key: int | None = None, peer: str = ME) -> str:
        return self.variables.set(name, value, key, self.clients[peer])

    def refusal(self, name: str, value: str, key: int | None = None, peer: str = ME) -> str:
        with pytest.raises(GetSetError) as refused:
            self.set(name, value, key, peer)
        return str(refused.value)

    def view(self, index: int) -> list[str]:
        """Somebody watches over HTTP on that tuner; the list fills when they are ended."""
        ended: list[str] = []
        self.table.tuners[index].viewing = Viewing(
            CHANNELS[0], OTHER, 51034, lambda: ended.append("ended"), Meter(self.clock.elapsed())
        )
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


@pytest.mark.parametrize("value", ["auto:539000000", "auto6t:539000000", "8vsb:539000000", "auto:25"])
def test_tuning_by_carrier_reads_back_exactly_what_was_set(device: Device, value: str) -> None:
    assert device.set("/tuner0/channel", value) == value
    assert device.get("/tuner0/channel") == value
    assert device.get("/tuner0/status").startswith("ch=8vsb:539000000 lock=8vsb ss=100 snq=100 seq=100 ")
    assert device.get("/tuner0/streaminfo") == "1: 5.1 WRTV Retro 5\ntsid=0x01F5\n"
    assert device.set("/tuner0/channel", "none") == "none"
    assert device.get("/tuner0/status") == IDLE


def test_an_unused_frequency_has_no_signal_at_all(device: Device) -> None:
    device.set("/tuner0/channel", "auto:57000000")
    assert device.get("/tuner0/status") == "ch=auto:57000000 lock=none ss=0 snq=0 seq=0 bps=0 pps=0"
    assert device.get("/tuner0/streaminfo") == "none\n"


@pytest.mark.parametrize(
    "value", ["", "auto", "auto:", "539000000", "auto:-1", "AUTO:14", "auto:25:1", "auto:1e9"]
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


@pytest.mark.parametrize(
    "value", ["0x2000", "0x0002-0x0001", "0x0000-", "x", "", "0x0000 -0x1", "0x0000,0x0001"]
)
def test_filters_that_are_none(device: Device, value: str) -> None:
    assert device.refusal("/tuner0/filter", value) == "ERROR: invalid filter"


def test_another_map_has_other_numbers(device: Device) -> None:
    device.set("/tuner0/channelmap", "us-cable")
    device.set("/tuner0/channel", "auto:25")
    assert " lock=none " in device.get("/tuner0/status")  # 231 MHz there
    device.set("/tuner0/channelmap", "us-bcast")
    device.set("/tuner0/channel", "auto:25")
    assert " lock=8vsb " in device.get("/tuner0/status")


# --- targets ---


@pytest.mark.parametrize("value", [f"udp://{ME}:5000", f"rtp://{ME}:65535"])
def test_a_target_reads_back_and_follows_the_tuner(device: Device, value: str) -> None:
    device.set("/tuner0/vchannel", "5.1")
    assert device.set("/tuner0/target", value) == value == device.get("/tuner0/target")
    (sent,) = device.sent
    assert str(sent.target) == value
    device.set("/tuner0/vchannel", "5.1")
    assert sent.told == []
    device.set("/tuner0/channel", "auto:26")
    assert sent.told == ["tuned"]
    assert device.set("/tuner0/target", "none") == "none" == device.get("/tuner0/target")
    assert sent.told == ["tuned", "end"]


@pytest.mark.parametrize(
    "value",
    [
        f"udp://{OTHER}:5000",
        "udp://239.1.2.3:5000",
        "udp://255.255.255.255:5000",
        "udp://127.0.0.1:5000",
        f"udp://{ME}:53",
        f"udp://{ME}:70000",
        f"udp://{ME}",
        f"tcp://{ME}:5000",
        f"udp://{ME}:5000/x",
        "udp://host:5000",
        "udp://999.1.1.1:5000",
        "udp://[::1]:5000",
        "",
    ],
)
def test_nobody_is_sent_to_but_who_asks(device: Device, value: str) -> None:
    device.set("/tuner0/vchannel", "5.1")
    assert device.refusal("/tuner0/target", value).startswith("ERROR: invalid target")
    assert device.sent == []
    assert device.get("/tuner0/target") == "none"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("target", "none"),
        ("channel", "none"),
        ("vchannel", "none"),
        ("lockkey", "none"),
        ("lockkey", "force"),
    ],
)
def test_what_ends_a_stream(device: Device, name: str, value: str) -> None:
    device.set("/tuner0/lockkey", "7")
    device.set("/tuner0/vchannel", "5.1", key=7)
    device.set("/tuner0/target", f"udp://{ME}:5000", key=7)
    device.set(f"/tuner0/{name}", value, key=7)
    assert device.sent[0].told == ["end"]
    assert device.get("/tuner0/target") == "none"


def test_a_second_target_takes_the_place_of_the_first(device: Device) -> None:
    device.set("/tuner0/target", f"rtp://{ME}:5000")
    device.set("/tuner0/target", f"udp://{ME}:5000")
    assert [sent.told for sent in device.sent] == [["end"], []]


def test_a_lock_is_in_use_while_something_is_sent_and_idles_from_then_on(device: Device) -> None:
    device.set("/tuner0/lockkey", "7")
    device.set("/tuner0/vchannel", "5.1", key=7)
    device.set("/tuner0/target", f"udp://{ME}:5000", key=7)
    device.clock.step(10 * LOCK_IDLE_S)
    assert device.get("/tuner0/lockkey", OTHER) == ME
    device.table.sending_over(device.table.tuners[0], device.sent[0])
    assert device.get("/tuner0/lockkey", OTHER) == "none"


def test_who_looks_at_what_it_locked_is_using_it(device: Device) -> None:
    device.set("/tuner0/lockkey", "7")
    for _ in range(4):
        device.clock.step(LOCK_IDLE_S - 1)
        assert device.get("/tuner0/status") == IDLE
    assert device.get("/tuner0/lockkey") == ME
    device.clock.step(LOCK_IDLE_S - 1)
    device.get("/tuner0/status", OTHER)
    device.clock.step(2)
    assert device.get("/tuner0/lockkey") == "none"


def test_an_owner_who_hangs_up_while_sending_is_missed_and_its_tuner_freed(device: Device) -> None:
    device.set("/tuner0/lockkey", "7")
    device.set("/tuner0/target", f"udp://{ME}:5000", key=7)
    device.variables.gone(device.clients[OTHER])
    assert device.sent[0].told == []
    device.variables.gone(device.clients[ME])
    assert device.sent[0].told == ["abandoned"]
    device.table.sending_over(device.table.tuners[0], device.sent[0])
    assert device.get("/tuner0/lockkey") == "none"
    assert device.refusal("/tuner0/channel", "auto:25", key=7) == "ERROR: lock no longer held"


def test_datagrams_without_a_lock_hold_the_tuner_but_lock_nobody_out(device: Device) -> None:
    device.set("/tuner0/target", f"udp://{ME}:5000")
    assert device.get("/tuner0/lockkey") == "none"
    assert device.table.holder(device.table.tuners[0]) == ME
    assert device.set("/tuner0/lockkey", "9", peer=OTHER) == OTHER


# --- locks ---


def test_a_lock_keeps_others_out_but_lets_everybody_read(device: Device) -> None:
    assert device.set("/tuner0/lockkey", "1234") == ME
    assert device.get("/tuner0/lockkey") == ME
    assert device.refusal("/tuner0/channel", "auto:25", peer=OTHER) == f"ERROR: resource locked by {ME}"
    assert (
        device.refusal("/tuner0/channel", "auto:25", key=99, peer=OTHER) == f"ERROR: resource locked by {ME}"
    )
    assert device.refusal("/tuner0/lockkey", "99", peer=OTHER) == f"ERROR: resource locked by {ME}"
    assert device.refusal("/tuner0/lockkey", "none", peer=OTHER) == f"ERROR: resource locked by {ME}"
    assert device.set("/tuner0/channel", "auto:25", key=1234) == "auto:25"
    assert device.set("/tuner1/channel", "auto:15", peer=OTHER) == "auto:15"


def test_giving_a_lock_up_gives_up_what_it_tuned(device: Device) -> None:
    device.set("/tuner0/lockkey", "1234")
    device.set("/tuner0/channel", "auto:25", key=1234)
    assert device.set("/tuner0/lockkey", "none", key=1234) == "none"
    assert device.get("/tuner0/status") == IDLE
    assert device.set("/tuner0/target", "none") == "none"  # Tvheadend's last word, without its key


def test_a_lock_can_be_forced(device: Device) -> None:
    device.set("/tuner0/lockkey", "1234")
    assert device.set("/tuner0/lockkey", "force", peer=OTHER) == "none"
    assert device.refusal("/tuner0/channel", "auto:25", key=1234) == "ERROR: lock no longer held"


def test_an_idle_lock_goes_away_and_a_used_one_stays(device: Device) -> None:
    device.set("/tuner0/lockkey", "1234")
    for _ in range(4):
        device.clock.step(LOCK_IDLE_S - 1)
        device.set("/tuner0/channel", "auto:25", key=1234)
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
    assert device.get("/tuner1/channel") == "8vsb:539000000"
    for name, value in [("channel", "auto:25"), ("vchannel", "5.2"), ("lockkey", "7"), ("target", "none")]:
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
        viewing.meter.sent(device.clock.elapsed(), 50_000)
    assert "bps=4000000 pps=379" in device.get("/tuner0/status")
    device.clock.step(10)
    assert "bps=0 pps=0" in device.get("/tuner0/status")
