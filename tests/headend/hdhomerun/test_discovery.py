"""Discovery: every request that clients really send, the reply that satisfies all, and silence."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrovue.headend.hdhomerun import discovery
from retrovue.headend.hdhomerun.discovery import WILDCARD, DeviceCard, Request
from retrovue.headend.hdhomerun.packet import FrameType, decode, encode, tlvs, u32

MINE = 0x1052712E

#: Captured from the senders named.
REQUESTS = {
    "libhdhomerun 2022-03, Kodi 20": "0002000c 0104 00000001 0204 ffffffff 4e507f35",
    "hdhomerun_config, Jellyfin": "0002000c 0104 ffffffff 0204 ffffffff 73cc7d8f",
    "libhdhomerun 2022-10, any id": "00020006 0104 00000001 393077e7",
    "libhdhomerun 2022-10, any type": "00020006 0104 ffffffff 4c20cb4e",
    "libhdhomerun, one id": "0002000c 0104 ffffffff 0204 1052712e a9041584",
    "libhdhomerun, several types": "0002000a 2d08 00000001 00000005 4f63391f",
}


@pytest.mark.parametrize("sender", REQUESTS)
def test_every_request_seen_on_the_wire_is_for_us(sender: str) -> None:
    request = discovery.parse(bytes.fromhex(REQUESTS[sender]))
    assert request is not None
    assert discovery.wants(request, MINE)


@pytest.mark.parametrize("sender", REQUESTS)
def test_junk_behind_a_request_does_no_harm(sender: str) -> None:
    assert discovery.parse(bytes.fromhex(REQUESTS[sender]) + b"\0" * 9) is not None


def test_unknown_tags_are_ignored() -> None:
    wire = encode(2, [(0x77, b"what"), (1, u32(1)), (0x78, b"")])
    assert discovery.parse(wire) == Request(frozenset({1}), WILDCARD)


@pytest.mark.parametrize(
    "content",
    [
        [(1, u32(5)), (2, u32(WILDCARD))],  # a search for storage
        [(1, u32(1)), (2, u32(0x10439EFD))],  # for another device
        [(0x2D, u32(5) + u32(6))],
        [(1, b"\0\0\1")],  # a type of three bytes
        [],
    ],
)
def test_requests_for_somebody_else(content: list[tuple[int, bytes]]) -> None:
    request = discovery.parse(encode(2, content))
    assert request is not None
    assert not discovery.wants(request, MINE)


@pytest.mark.parametrize("kind", [0, 1, 3, 4, 5, 6, 7, 0xFFFF])
def test_only_discovery_requests_are_parsed(kind: int) -> None:
    assert discovery.parse(encode(kind, [(1, u32(1))])) is None


@given(st.binary(max_size=2000))
def test_noise_is_no_request(noise: bytes) -> None:
    assert discovery.parse(noise) is None


@given(st.lists(st.tuples(st.sampled_from([1, 2, 0x2D, 0x99]), st.binary(max_size=12)), max_size=5))
def test_any_well_formed_request_is_decided(content: list[tuple[int, bytes]]) -> None:
    request = discovery.parse(encode(2, content))
    assert request is not None
    discovery.wants(request, MINE)


def test_the_reply_byte_by_byte() -> None:
    card = DeviceCard(MINE, 2, "http://127.0.0.1:5004")
    auth = discovery.device_auth(MINE).encode()
    wire = card.reply()
    assert wire[:-4] == (
        bytes.fromhex("00030063 0104 00000001 0204 1052712e 1001 02 2b18")
        + auth
        + b"\x2a\x15http://127.0.0.1:5004"
        + b"\x27\x21http://127.0.0.1:5004/lineup.json"
    )
    frame = decode(wire)
    assert frame is not None
    assert frame.type == FrameType.DISCOVER_REPLY
    assert [tag for tag, _ in tlvs(frame.payload)] == [0x01, 0x02, 0x10, 0x2B, 0x2A, 0x27]


def test_the_frame_of_a_reply_that_was_verified_with_both_libraries() -> None:
    content = [
        (0x01, u32(1)),
        (0x02, u32(MINE)),
        (0x10, b"\2"),
        (0x2B, b"abcdefghijklmnopqrstuvwx"),
        (0x2A, b"http://127.0.0.1:5004"),
        (0x27, b"http://127.0.0.1:5004/lineup.json"),
    ]
    assert encode(3, content)[-4:].hex() == "3c5a919e"


def test_the_longest_base_url_fits_and_a_longer_one_is_refused() -> None:
    assert DeviceCard(MINE, 10, "http://255.255.255.255:65535").reply()
    with pytest.raises(ValueError, match="longer than 28"):
        DeviceCard(MINE, 10, "http://255.255.255.255:655350").reply()


@pytest.mark.parametrize(
    ("setting", "loopback", "port_80", "answered"),
    [
        ("auto", True, True, True),
        ("auto", True, False, True),
        ("auto", False, True, True),
        ("auto", False, False, False),
        ("on", True, True, True),
        ("on", True, False, True),
        ("on", False, True, True),
        ("on", False, False, True),
        ("off", True, True, False),
        ("off", True, False, False),
        ("off", False, True, False),
        ("off", False, False, False),
    ],
)
def test_discovery_matrix(setting: str, loopback: bool, port_80: bool, answered: bool) -> None:
    assert discovery.may_answer(setting, loopback=loopback, port_80=port_80) is answered


@pytest.mark.parametrize(
    ("bind", "ours", "named"),
    [
        ("0.0.0.0", ["10.0.0.5"], "10.0.0.5"),
        ("0.0.0.0", ["192.168.1.5", "10.0.0.5"], "192.168.1.5"),  # per requester on a multi-homed host
        ("::", ["10.0.0.5"], "10.0.0.5"),
        ("::", ["fd00::5", "fe80::5"], "fd00::5"),
        ("0.0.0.0", ["127.0.0.1"], "127.0.0.1"),
        ("0.0.0.0", [], None),
        ("10.0.0.5", ["10.0.0.5"], "10.0.0.5"),
        ("10.0.0.6", ["10.0.0.5", "10.0.0.6"], "10.0.0.6"),  # a second device on a second address
        ("10.0.0.5", ["192.168.1.5"], None),  # HTTP isn't served on that network
        ("10.0.0.5", ["127.0.0.1"], None),
        ("127.0.0.1", ["10.0.0.5"], None),
    ],
)
def test_only_an_address_where_http_is_served_is_named(bind: str, ours: list[str], named: str | None) -> None:
    assert discovery.address_to_name(bind, ours) == named


def test_over_ipv6_a_base_url_may_be_as_long_as_the_address() -> None:
    base = "http://[2001:db8:1234:5678:9abc:def0:1234:5678]:8080"
    frame = decode(DeviceCard(MINE, 6, base).reply())
    assert frame is not None
    assert dict(tlvs(frame.payload))[0x2A].decode() == base
