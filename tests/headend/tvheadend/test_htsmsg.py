"""htsmsg against the frames of a real session, whole and byte by byte, and against whatever may come."""

from __future__ import annotations

import tracemalloc
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrovue.headend.tvheadend.htsmsg import (
    DEEPEST,
    LARGEST_REQUEST,
    MOST_FIELDS,
    BrokenMessage,
    Message,
    MessageReader,
    decode,
    encode,
    integer,
    text,
)
from tests.headend.tvheadend.golden import Golden, frames

GOLDEN = frames()


def field(kind: int, name: str, data: bytes) -> bytes:
    return bytes((kind, len(name))) + len(data).to_bytes(4, "big") + name.encode() + data


def framed(body: bytes) -> bytes:
    return len(body).to_bytes(4, "big") + body


@pytest.mark.parametrize("golden", GOLDEN, ids=lambda g: g.of)
def test_a_real_frame_is_read_and_written_to_the_byte(golden: Golden) -> None:
    assert encode(golden.message) == golden.frame
    assert decode(golden.frame[4:]) == golden.message


def test_frames_come_out_however_the_stream_is_cut() -> None:
    stream = b"".join(golden.frame for golden in GOLDEN)
    expected = [golden.message for golden in GOLDEN]
    assert list(MessageReader().feed(stream)) == expected
    reader = MessageReader()
    assert [m for at in range(len(stream)) for m in reader.feed(stream[at : at + 1])] == expected
    reader = MessageReader()
    assert [m for at in range(0, len(stream), 997) for m in reader.feed(stream[at : at + 997])] == expected


def test_truth_is_sent_as_a_number_and_never_as_a_type_that_old_clients_do_not_know() -> None:
    assert encode({"yes": True, "no": False}) == framed(field(2, "yes", b"\1") + field(2, "no", b""))


def test_all_types_are_read() -> None:
    body = field(6, "dbl", bytes.fromhex("000000000000f83f")) + field(7, "on", b"\1") + field(7, "off", b"")
    body += field(7, "zero", b"\0") + field(8, "uuid", bytes(range(16)))
    assert decode(body) == {
        "dbl": 1.5,
        "on": 1,
        "off": 0,
        "zero": 0,
        "uuid": "000102030405060708090a0b0c0d0e0f",
    }


@pytest.mark.parametrize(
    ("data", "value"),
    [
        (b"", 0),
        (b"\x80", 128),
        (b"\xff\xff\xff\xff", 0xFFFFFFFF),
        (b"\xff" * 7, (1 << 56) - 1),
        (b"\1" + b"\0" * 7, 1),
        (b"\xff" * 8, -1),
        (b"\xfe" + b"\xff" * 7, -2),
    ],
)
def test_integers_of_any_length_are_read_and_short_ones_have_no_sign(data: bytes, value: int) -> None:
    assert decode(field(2, "n", data)) == {"n": value}


def test_of_two_fields_of_one_name_the_first_counts() -> None:
    assert decode(field(2, "seq", b"\1") + field(2, "seq", b"\2")) == {"seq": 1}


def test_what_is_no_utf8_is_read_and_what_clients_would_cut_is_not_sent() -> None:
    assert decode(field(3, "name", b"a\xffb")) == {"name": "a\N{REPLACEMENT CHARACTER}b"}
    assert decode(encode({"title": "a\0b\ud800"})[4:]) == {"title": "ab?"}


@pytest.mark.parametrize(
    "body",
    [
        b"\x02",
        field(2, "n", b"\1")[:-1],
        field(2, "n", b"\0" * 9),
        field(9, "x", b""),
        field(0, "x", b""),
        field(7, "x", b"\0\0"),
        field(8, "x", b"\0" * 15),
        field(1, "x", field(3, "y", b"long")[:-1]),
        field(1, "x", b"\x03\x01\xff\xff\xff\xff"),
        b"\x03\xff\x00\x00\x00\x00short",
    ],
)
def test_a_body_that_lies_is_broken(body: bytes) -> None:
    with pytest.raises(BrokenMessage):
        decode(body)


def test_a_message_announced_as_too_long_is_refused_before_it_comes() -> None:
    with pytest.raises(BrokenMessage):
        list(MessageReader().feed((LARGEST_REQUEST + 1).to_bytes(4, "big")))
    assert list(MessageReader().feed(LARGEST_REQUEST.to_bytes(4, "big"))) == []


def test_messages_before_a_broken_one_are_still_heard() -> None:
    heard = MessageReader().feed(encode({"seq": 1}) + framed(b"\x09"))
    assert next(heard) == {"seq": 1}
    with pytest.raises(BrokenMessage):
        next(heard)


def test_maps_nested_without_end_are_refused() -> None:
    body = b""
    for _ in range(DEEPEST):
        body = field(1, "m", body)
    assert decode(body)
    with pytest.raises(BrokenMessage):
        decode(field(1, "m", body))
    for _ in range(2000):
        body = field(5, "", body)
    with pytest.raises(BrokenMessage):
        decode(body)


def test_the_largest_message_of_the_smallest_fields_costs_little() -> None:
    """A MiB of empty maps would be some 30 MB of objects."""
    stream = framed(field(5, "l", field(1, "", b"") * ((LARGEST_REQUEST - 16) // 6)))
    tracemalloc.start()
    try:
        with pytest.raises(BrokenMessage):
            list(MessageReader().feed(stream))
        assert tracemalloc.get_traced_memory()[1] < 4 * LARGEST_REQUEST
    finally:
        tracemalloc.stop()
    assert len(str(decode(field(1, "m", b"") * 3))) > 0
    with pytest.raises(BrokenMessage):
        decode(field(2, "n", b"") * (MOST_FIELDS + 1))


@pytest.mark.parametrize(
    "message", [{"n": 1 << 63}, {"n": -(1 << 63) - 1}, {"x" * 256: 1}, {"é" * 128: 1}], ids=repr
)
def test_what_does_not_fit_is_not_sent(message: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"bits|bytes"):
        encode(message)


@pytest.mark.parametrize("value", [None, 1.5, object(), {1, 2}], ids=lambda v: type(v).__name__)
def test_what_has_no_type_on_the_wire_is_not_sent(value: Any) -> None:
    with pytest.raises(TypeError, match="field"):
        encode({"field": value})


def test_requests_are_read_as_tvheadends_getters_read_them() -> None:
    request: Message = {"channelId": "815568795", "id": "-1", "word": "12a", "n": 7, "list": [1]}
    request["long"] = "9" * 5000
    assert [integer(request, name) for name in request] == [815568795, -1, None, 7, None, None]
    assert integer(request, "absent") is None
    assert integer({"²": "²"}, "²") is None
    assert [text(request, name) for name in ("channelId", "n", "list", "absent")] == [
        "815568795",
        "7",
        None,
        None,
    ]


NAMES = st.text(max_size=60)
SCALARS = (
    st.integers(-(1 << 63), (1 << 63) - 1)
    | st.binary(max_size=300)
    | st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=60)
)
MESSAGES = st.dictionaries(
    NAMES,
    st.recursive(
        SCALARS,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4),
        max_leaves=20,
    ),
    max_size=6,
)


@given(MESSAGES, st.integers(1, 50))
@settings(max_examples=150, deadline=None)
def test_whatever_is_sent_is_read_again(message: dict[str, Any], cut: int) -> None:
    frame = encode(message)
    reader = MessageReader()
    heard = [m for at in range(0, len(frame), cut) for m in reader.feed(frame[at : at + cut])]
    assert heard == [message]


@given(st.binary(max_size=400))
@settings(max_examples=300, deadline=None)
def test_noise_is_a_message_or_broken_and_nothing_else(noise: bytes) -> None:
    for stream in (noise, framed(noise)):
        try:
            for message in MessageReader().feed(stream):
                assert isinstance(message, dict)
        except BrokenMessage:
            pass


@given(st.sampled_from(GOLDEN), st.data())
@settings(max_examples=300, deadline=None)
def test_a_damaged_frame_is_a_message_or_broken_and_nothing_else(golden: Golden, data: st.DataObject) -> None:
    frame = bytearray(golden.frame)
    for _ in range(data.draw(st.integers(1, 4))):
        frame[data.draw(st.integers(0, len(frame) - 1))] = data.draw(st.integers(0, 255))
    try:
        for message in MessageReader().feed(bytes(frame)):
            assert isinstance(message, dict)
    except BrokenMessage:
        pass
