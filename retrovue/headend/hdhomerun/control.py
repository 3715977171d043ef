"""The control protocol: bytes in, requests out; replies to bytes; pure.

One connection carries many requests, each answered by one reply, in order. In replies the name comes
first: Jellyfin reads by position (HdHomerunManager.cs:295-349).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from retrovue.headend.hdhomerun.packet import Frame, FrameReader, FrameType, Tag, encode, tlvs

#: A firmware upgrade's last request; those before it carry pieces of the file, and wait for no reply
#: (hdhomerun_control.c:461-537).
_UPGRADE_END = b"\xff\xff\xff\xff"


@dataclass(frozen=True, slots=True)
class Get:
    """What is the value of a variable?"""

    name: str


@dataclass(frozen=True, slots=True)
class Set:
    """Change a variable. ``lock_key`` None: none was sent."""

    name: str
    value: str
    lock_key: int | None = None


@dataclass(frozen=True, slots=True)
class Malformed:
    """A get or set that names no variable."""


@dataclass(frozen=True, slots=True)
class Upgrade:
    """New firmware has been sent, and is to be installed."""


Request = Get | Set | Malformed | Upgrade


class GetSetError(Exception):
    """A refusal, in the words that clients compare ("ERROR: resource locked by 10.0.0.9")."""


@dataclass(frozen=True, slots=True, eq=False)
class Requester:
    """One client's connection; each is only equal to itself."""

    address: str  #: "10.0.0.9"


class DeviceView(Protocol):
    """The variables of a device. The first two raise ``GetSetError``."""

    def get(self, name: str, requester: Requester) -> str: ...

    def set(self, name: str, value: str, lock_key: int | None, requester: Requester) -> str:
        """The value that holds now."""
        ...

    def gone(self, requester: Requester) -> None:
        """The connection is closed."""
        ...


class RequestReader:
    """Requests out of a byte stream, however it was split or joined on the way."""

    def __init__(self) -> None:
        self._frames = FrameReader()

    def feed(self, data: bytes) -> Iterator[Request]:
        """The requests completed by ``data``. Raises ``BrokenFrame``: hang up then."""
        for frame in self._frames.feed(data):
            request = parse(frame)
            if request is not None:
                yield request


def parse(frame: Frame) -> Request | None:
    """The request in a frame; None for what gets no answer: pieces of firmware, and the unknown."""
    if frame.type == FrameType.UPGRADE_REQUEST:
        return Upgrade() if frame.payload == _UPGRADE_END else None
    if frame.type != FrameType.GETSET_REQUEST:
        return None
    name: str | None = None
    value: str | None = None
    lock_key: int | None = None
    for tag, content in tlvs(frame.payload):
        if tag == Tag.NAME:
            name = _text(content)
        elif tag == Tag.VALUE:
            value = _text(content)
        elif tag == Tag.LOCK_KEY and len(content) == 4:
            lock_key = int.from_bytes(content, "big")
    if not name:
        return Malformed()
    return Get(name) if value is None else Set(name, value, lock_key)


class ControlSession:
    """One client's connection: request bytes in, reply bytes out, over the variables of a device."""

    def __init__(self, device: DeviceView, address: str) -> None:
        self._device = device
        self._requester = Requester(address)
        self._requests = RequestReader()

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Replies to the requests completed by ``data``. Raises ``BrokenFrame``: hang up then."""
        for request in self._requests.feed(data):
            yield self._answer(request)

    def close(self) -> None:
        """The client has hung up, or was hung up on."""
        self._device.gone(self._requester)

    def _answer(self, request: Request) -> bytes:
        try:
            match request:
                case Get(name):
                    return value_reply(name, self._device.get(name, self._requester))
                case Set(name, value, lock_key):
                    return value_reply(name, self._device.set(name, value, lock_key, self._requester))
                case Malformed():
                    return error_reply("", "ERROR: malformed getset request")
                case Upgrade():
                    return encode(FrameType.UPGRADE_REPLY, ((Tag.ERROR, b"ERROR: no firmware to upgrade\0"),))
        except GetSetError as refused:
            return error_reply(name, str(refused))


def value_reply(name: str, value: str) -> bytes:
    """The reply to a get, and to a set that was obeyed: what holds now."""
    return _reply(name, Tag.VALUE, value)


def error_reply(name: str, words: str) -> bytes:
    """The reply to what is refused."""
    return _reply(name, Tag.ERROR, words)


def _text(content: bytes) -> str:
    """A string up to its NUL; what is no UTF-8 is kept, so that it can be echoed."""
    return content.partition(b"\0")[0].decode("utf-8", "surrogateescape")


def _reply(name: str, tag: Tag, text: str) -> bytes:
    # A frame holds 1452 bytes: the name, two tags, two lengths and two NULs leave this for the text.
    head = name.encode("utf-8", "surrogateescape")[:512]
    body = text.encode("utf-8", "surrogateescape")[: 1452 - len(head) - 8]
    return encode(FrameType.GETSET_REPLY, ((Tag.NAME, head + b"\0"), (tag, body + b"\0")))
