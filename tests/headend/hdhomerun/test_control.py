"""The control protocol over a small device: framing, order, refusals, nonsense."""

from __future__ import annotations

import zlib
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrovue.headend.hdhomerun.control import (
    ControlSession,
    Get,
    GetSetError,
    Malformed,
    Request,
    Requester,
    RequestReader,
    Set,
    Upgrade,
)
from retrovue.headend.hdhomerun.packet import BrokenFrame, decode, encode, tlvs, u32
from tests.headend.hdhomerun.test_packet import GET_MODEL, MODEL_IS


class SmallDevice:
    """Remembers what it was told."""

    def __init__(self) -> None:
        self.values = {"/sys/model": "hdhomerun4_atsc", "help": "x" * 437}
        self.heard: list[tuple[str, str, int | None, str]] = []
        self.left: list[str] = []

    def get(self, name: str, requester: Requester) -> str:
        try:
            return self.values[name]
        except KeyError:
            raise GetSetError("ERROR: unknown getset variable") from None

    def set(self, name: str, value: str, lock_key: int | None, requester: Requester) -> str:
        self.heard.append((name, value, lock_key, requester.address))
        return value

    def gone(self, requester: Requester) -> None:
        self.left.append(requester.address)


def ask(content: list[tuple[int, bytes]], kind: int = 4) -> bytes:
    return encode(kind, content)


def frame(kind: int, payload: bytes) -> bytes:
    """A frame whose payload is no TLVs."""
    head = kind.to_bytes(2, "big") + len(payload).to_bytes(2, "big") + payload
    return head + zlib.crc32(head).to_bytes(4, "little")


def answers(session: ControlSession, data: bytes) -> list[bytes]:
    return list(session.feed(data))


def read(reply: bytes) -> list[tuple[int, bytes]]:
    frame = decode(reply)
    assert frame is not None
    assert frame.type == 5
    return list(tlvs(frame.payload))


@pytest.fixture
def device() -> SmallDevice:
    return SmallDevice()


@pytest.fixture
def session(device: SmallDevice) -> ControlSession:
    return ControlSession(device, "10.0.0.9")


def test_a_captured_exchange(session: ControlSession) -> None:
    assert answers(session, GET_MODEL) == [MODEL_IS]


def test_byte_by_byte(session: ControlSession) -> None:
    replies = [reply for byte in GET_MODEL * 2 for reply in session.feed(bytes((byte,)))]
    assert replies == [MODEL_IS, MODEL_IS]


def test_coalesced_requests_are_answered_in_order(session: ControlSession) -> None:
    replies = answers(session, GET_MODEL + ask([(3, b"help\0")]) + GET_MODEL)
    assert [read(r)[0][1] for r in replies] == [b"/sys/model\0", b"help\0", b"/sys/model\0"]


def test_a_long_reply_uses_the_two_byte_length(session: ControlSession) -> None:
    (reply,) = answers(session, ask([(3, b"help\0")]))
    assert read(reply) == [(3, b"help\0"), (4, b"x" * 437 + b"\0")]


def test_a_set_carries_its_key_and_is_echoed(session: ControlSession, device: SmallDevice) -> None:
    (reply,) = answers(session, ask([(3, b"/tuner0/channel\0"), (4, b"auto:14\0"), (0x15, u32(77))]))
    assert read(reply) == [(3, b"/tuner0/channel\0"), (4, b"auto:14\0")]
    assert device.heard == [("/tuner0/channel", "auto:14", 77, "10.0.0.9")]


def test_an_empty_value_is_a_set(session: ControlSession, device: SmallDevice) -> None:
    answers(session, ask([(3, b"/tuner0/filter\0"), (4, b"\0")]))
    assert device.heard[0][1] == ""


def test_refusals_name_the_variable_first(session: ControlSession) -> None:
    (reply,) = answers(session, ask([(3, b"/sys/nonsense\0")]))
    assert read(reply) == [(3, b"/sys/nonsense\0"), (5, b"ERROR: unknown getset variable\0")]


@pytest.mark.parametrize("content", [[], [(4, b"value\0")], [(3, b"\0")]])
def test_a_request_without_a_name(session: ControlSession, content: list[tuple[int, bytes]]) -> None:
    (reply,) = answers(session, ask(content))
    assert read(reply)[-1] == (5, b"ERROR: malformed getset request\0")


def test_firmware_is_taken_in_silence_and_refused_at_its_end(session: ControlSession) -> None:
    """As hdhomerun_control_upgrade sends it: pieces behind an offset, and it reads one reply only."""
    pieces = [frame(6, offset.to_bytes(4, "big") + b"\x47" * 1024) for offset in (0, 1024)]
    (reply,) = answers(session, b"".join(pieces) + frame(6, b"\xff" * 4))
    found = decode(reply)
    assert found is not None
    assert (found.type, list(tlvs(found.payload))) == (7, [(5, b"ERROR: no firmware to upgrade\0")])
    assert answers(session, GET_MODEL) == [MODEL_IS]


def test_the_device_learns_that_a_client_has_gone(session: ControlSession, device: SmallDevice) -> None:
    session.close()
    assert device.left == ["10.0.0.9"]


@pytest.mark.parametrize("kind", [2, 3, 5, 6, 7, 99])
def test_other_frames_are_left_unanswered(session: ControlSession, kind: int) -> None:
    assert answers(session, ask([(3, b"/sys/model\0")], kind) + GET_MODEL) == [MODEL_IS]


def test_a_broken_frame_ends_the_conversation(session: ControlSession) -> None:
    replies = session.feed(GET_MODEL + GET_MODEL[:-1] + b"\0")
    assert next(replies) == MODEL_IS
    with pytest.raises(BrokenFrame, match="checksum"):
        next(replies)


def test_a_name_of_a_thousand_bytes_still_gets_a_frame(session: ControlSession) -> None:
    (reply,) = answers(session, ask([(3, b"n" * 1400 + b"\0")]))
    assert len(reply) <= 1460
    assert read(reply)[1] == (5, b"ERROR: unknown getset variable\0")


@given(st.lists(st.tuples(st.sampled_from([3, 4, 0x15, 9]), st.binary(max_size=40)), max_size=5))
def test_any_well_formed_request_gets_one_reply(content: list[tuple[int, bytes]]) -> None:
    (reply,) = answers(ControlSession(SmallDevice(), "10.0.0.9"), ask(content))
    assert read(reply)[0][0] == 3


@given(st.binary(max_size=500))
def test_noise_gets_no_reply(noise: bytes) -> None:
    with suppress(BrokenFrame):
        assert answers(ControlSession(SmallDevice(), "10.0.0.9"), noise) == []


# --- the codec: bytes in, requests out ---

_TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=200)
_REQUESTS = st.one_of(
    st.builds(Get, _TEXT),
    st.builds(Set, _TEXT, st.one_of(st.just(""), _TEXT), st.one_of(st.none(), st.integers(0, 0xFFFFFFFF))),
    st.builds(Malformed),
    st.builds(Upgrade),
)


def sent(request: Request) -> bytes:
    """As libhdhomerun writes it (hdhomerun_control.c)."""
    match request:
        case Upgrade():
            return frame(6, b"\xff" * 4)
        case Malformed():
            return ask([(4, b"value\0")])
        case Get(name):
            return ask([(3, name.encode() + b"\0")])
        case Set(name, value, key):
            content = [(3, name.encode() + b"\0"), (4, value.encode() + b"\0")]
            return ask(content if key is None else [*content, (0x15, u32(key))])


@given(st.lists(_REQUESTS, max_size=6), st.data())
def test_requests_come_out_as_they_went_in_however_the_bytes_were_cut(
    requests: list[Request], data: st.DataObject
) -> None:
    wire = b"".join(sent(request) for request in requests)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(wire)), max_size=8)))
    reader = RequestReader()
    found: list[Request] = []
    for start, end in zip([0, *cuts], [*cuts, len(wire)], strict=True):
        found += reader.feed(wire[start:end])
    assert found == requests


@given(st.lists(_REQUESTS, min_size=1, max_size=3), st.data())
def test_a_damaged_byte_yields_no_request_that_was_not_sent(
    requests: list[Request], data: st.DataObject
) -> None:
    wire = bytearray(b"".join(sent(request) for request in requests))
    at = data.draw(st.integers(0, len(wire) - 1))
    wire[at] ^= data.draw(st.integers(1, 255))
    found: list[Request] = []
    with suppress(BrokenFrame):
        found += RequestReader().feed(bytes(wire))
    assert found == requests[: len(found)]
    assert len(found) < len(requests)
