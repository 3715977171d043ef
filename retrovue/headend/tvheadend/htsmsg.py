"""htsmsg, the binary messages of HTSP: bytes in, values out, and back; pure.

    frame   body length u32 (big-endian) · body
    body    fields
    field   type u8 · name length u8 · data length u32 (big-endian) · name · data

Lists hold fields without a name. An integer is little-endian and as short as it can be (zero has no bytes at
all), a negative one always eight bytes. Layout: Tvheadend, src/htsmsg_binary.c.

Old clients know the types 1 to 5 only, and Kodi drops the connection on the first other one: so truth is sent
as 0 or 1. All types are read.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping, Sequence
from enum import IntEnum
from functools import lru_cache
from typing import TypeAlias

#: What may stand in a message. Truth is written as an integer, and read as one.
Value: TypeAlias = (
    int | float | str | bytes | bytearray | memoryview | Mapping[str, "Value"] | Sequence["Value"]
)
Message: TypeAlias = dict[str, Value]

#: A request of more bytes than this is refused, as Tvheadend does (htsp_server.c).
LARGEST_REQUEST = 1 << 20
#: Fields in one request, all told: real ones have a dozen, and each costs memory far beyond its six bytes.
MOST_FIELDS = 4096
#: Maps within maps: real requests have two.
DEEPEST = 16

_HEAD = struct.Struct(">BBI")
_LENGTH = struct.Struct(">I")


class Kind(IntEnum):
    """Field types on the wire."""

    MAP = 1
    S64 = 2
    STR = 3
    BIN = 4
    LIST = 5
    DBL = 6  #: never seen on a wire; eight bytes, little-endian
    BOOL = 7
    UUID = 8


# Plain numbers: to look into an enumeration takes longer than all else that is done for a field.
_MAP, _S64, _STR, _BIN, _LIST = (int(Kind[word]) for word in ("MAP", "S64", "STR", "BIN", "LIST"))

_Parts: TypeAlias = list[bytes | bytearray | memoryview]


class BrokenMessage(ValueError):
    """The bytes are no message, and where the next one would begin can't be known."""


def encode(message: Mapping[str, Value]) -> bytes:
    """The message as one frame.

    Raises ``TypeError`` for a value that can't be sent, ``ValueError`` for a name or an integer too long.
    """
    parts: _Parts = [b""]
    parts[0] = _LENGTH.pack(_put_map(message, parts))
    return b"".join(parts)


def fields_of(message: Mapping[str, Value]) -> bytes:
    """The fields alone: a part of a frame that is put together from parts."""
    parts: _Parts = []
    _put_map(message, parts)
    return b"".join(parts)


def head_of(kind: Kind, name: str, length: int) -> bytes:
    """What stands before a field's data."""
    return _HEAD.pack(kind, len(name), length) + name.encode()


def _put_map(fields: Mapping[str, Value], parts: _Parts) -> int:
    """Append the fields; returns how many bytes they are."""
    total = 0
    for name, value in fields.items():
        coded = _named(name)
        # Most are these two, of which a guide has a million: here, since a call takes as long as the rest.
        if type(value) is str:
            kind, data = _STR, _text(value)
        elif type(value) is int:
            kind, data = _S64, _integer(value)
        else:
            total += _put(coded, value, parts)
            continue
        size = len(data)
        parts.append(_HEAD.pack(kind, len(coded), size) + coded + data)
        total += _HEAD.size + len(coded) + size
    return total


# A few dozen names are sent over and over; those of people, in credits, come and go.
@lru_cache(maxsize=1024)
def _named(name: str) -> bytes:
    coded = name.encode("utf-8", "replace")
    if len(coded) > 255:
        raise ValueError(f"the name {name[:32]!r}… has {len(coded)} bytes; 255 is the most")
    return coded


def _put(name: bytes, value: Value, parts: _Parts) -> int:
    """Append a field; returns how many bytes it is."""
    data: bytes | bytearray | memoryview
    if isinstance(value, str):
        kind, data = _STR, _text(value)
    elif isinstance(value, int):
        kind, data = _S64, _integer(value)
    elif isinstance(value, bytes | bytearray | memoryview):
        kind, data = _BIN, value
    elif isinstance(value, Mapping | list | tuple):
        at, size = len(parts), 0
        parts.append(b"")  # the head, when the length is known
        if isinstance(value, Mapping):
            kind, size = _MAP, _put_map(value, parts)
        else:
            kind = _LIST
            for item in value:
                size += _put(b"", item, parts)
        parts[at] = _HEAD.pack(kind, len(name), size) + name
        return _HEAD.size + len(name) + size
    else:
        raise TypeError(f"{name.decode()}: {type(value).__name__} can't be sent")
    size = len(data)
    parts.append(_HEAD.pack(kind, len(name), size) + name)
    parts.append(data)
    return _HEAD.size + len(name) + size


def _text(value: str) -> bytes:
    """Without what can't be sent, a lone surrogate, and without NUL, at which clients' strings end."""
    return (value.replace("\0", "") if "\0" in value else value).encode("utf-8", "replace")


def _integer(value: int) -> bytes:
    if value < 0:
        if value < -(1 << 63):
            raise ValueError(f"{value} is beyond 64 bits")
        return value.to_bytes(8, "little", signed=True)
    if value >= 1 << 63:
        raise ValueError(f"{value} is beyond 63 bits")
    return value.to_bytes((value.bit_length() + 7) // 8, "little")


def decode(body: bytes, most_fields: int = MOST_FIELDS) -> Message:
    """The message of a frame's body (without its length). Raises ``BrokenMessage``."""
    return _Reader(body, most_fields).map(0, len(body), DEEPEST)


class _Reader:
    """One body being read. Positions are offsets into it."""

    def __init__(self, body: bytes, most_fields: int) -> None:
        self._body, self._left = body, most_fields

    def map(self, at: int, end: int, depth: int) -> Message:
        """Of two fields of one name the first counts, as Tvheadend's getters have it."""
        found: Message = {}
        for name, value in self._fields(at, end, depth):
            found.setdefault(name, value)
        return found

    def _fields(self, at: int, end: int, depth: int) -> Iterator[tuple[str, Value]]:
        body = self._body
        while at < end:
            if end - at < _HEAD.size:
                raise BrokenMessage(f"{end - at} bytes are left over behind the last field")
            kind, name_length, length = _HEAD.unpack_from(body, at)
            data = at + _HEAD.size + name_length
            if data + length > end:
                raise BrokenMessage("a field is longer than what it stands in")
            self._left -= 1
            if self._left < 0:
                raise BrokenMessage("the message has too many fields")
            name = body[at + _HEAD.size : data].decode("utf-8", "replace")
            at = data + length
            yield name, self._value(kind, data, at, depth)

    def _value(self, kind: int, at: int, end: int, depth: int) -> Value:
        body, length = self._body, end - at
        if kind == Kind.S64 and length <= 8:
            return int.from_bytes(body[at:end], "little", signed=length == 8)
        if kind == Kind.STR:
            return body[at:end].decode("utf-8", "replace")
        if kind == Kind.BIN:
            return body[at:end]
        if kind in (Kind.MAP, Kind.LIST):
            if not depth:
                raise BrokenMessage("maps are nested too deeply")
            if kind == Kind.MAP:
                return self.map(at, end, depth - 1)
            return [value for _, value in self._fields(at, end, depth - 1)]
        if kind == Kind.BOOL and length <= 1:
            return int(any(body[at:end]))
        if kind == Kind.UUID and length == 16:
            return body[at:end].hex()
        if kind == Kind.DBL and length == 8:
            return float(struct.unpack("<d", body[at:end])[0])
        raise BrokenMessage(f"a field of type {kind} has {length} bytes")


class MessageReader:
    """Messages out of a byte stream, however it was split or joined on the way.

    Holds at most one frame: a length beyond ``largest`` is refused before anything of it is kept.
    """

    def __init__(self, largest: int = LARGEST_REQUEST, most_fields: int = MOST_FIELDS) -> None:
        self._buffer = bytearray()
        self._largest, self._most_fields = largest, most_fields

    def feed(self, data: bytes) -> Iterator[Message]:
        """The messages that ``data`` completes. Raises ``BrokenMessage``: hang up then."""
        buffer = self._buffer
        buffer += data
        at = 0
        try:
            while len(buffer) - at >= _LENGTH.size:
                (length,) = _LENGTH.unpack_from(buffer, at)
                if length > self._largest:
                    raise BrokenMessage(f"a message of {length} bytes is announced")
                end = at + _LENGTH.size + length
                if len(buffer) < end:
                    return
                body = bytes(memoryview(buffer)[at + _LENGTH.size : end])
                at = end
                yield decode(body, self._most_fields)
        finally:
            del buffer[:at]


def integer(message: Mapping[str, Value], name: str) -> int | None:
    """A number of a request; None when it is absent or none.

    Jellyfin sends numbers as text, and Tvheadend's getters convert: "815568795", "-1".
    """
    value = message.get(name)
    if isinstance(value, str):
        digits = value.strip()
        if len(digits) > 20 or not digits.isascii() or not digits.removeprefix("-").isdigit():
            return None
        number = int(digits)
        return number if -(1 << 63) <= number < 1 << 63 else None
    return value if isinstance(value, int) else None


def text(message: Mapping[str, Value], name: str) -> str | None:
    """A text of a request; None when it is absent or none. Numbers become text."""
    value = message.get(name)
    if isinstance(value, int):
        return str(value)
    return value if isinstance(value, str) else None
