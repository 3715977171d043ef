"""The control protocol: request bytes in, reply bytes out, over whatever answers get and set; pure.

One connection carries many requests, each answered by one reply, in order. In replies the name comes
first: Jellyfin reads by position (HdHomerunManager.cs:295-349).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from retrovue.headend.hdhomerun.packet import Frame, FrameReader, FrameType, Tag, encode, tlvs


class GetSetError(Exception):
    """A refusal, in the words that clients compare ("ERROR: resource locked by 10.0.0.9")."""


class DeviceView(Protocol):
    """The variables of a device. Both raise ``GetSetError``."""

    def get(self, name: str) -> str: ...

    def set(self, name: str, value: str, lock_key: int | None, peer: str) -> str:
        """The value that holds now. ``peer`` is the client's address, "10.0.0.9"."""
        ...


class ControlSession:
    """One client's connection."""

    def __init__(self, device: DeviceView, peer: str) -> None:
        self._device, self._peer = device, peer
        self._reader = FrameReader()

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Replies to the requests completed by ``data``. Raises ``BrokenFrame``: hang up then."""
        for frame in self._reader.feed(data):
            reply = self._answer(frame)
            if reply is not None:
                yield reply

    def _answer(self, frame: Frame) -> bytes | None:
        if frame.type != FrameType.GETSET_REQUEST:
            return None  # firmware upgrades and what may yet be invented: no reply, no harm
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
        try:
            if not name:
                raise GetSetError("ERROR: malformed getset request")
            if value is None:
                return _reply(name, Tag.VALUE, self._device.get(name))
            return _reply(name, Tag.VALUE, self._device.set(name, value, lock_key, self._peer))
        except GetSetError as refused:
            return _reply(name or "", Tag.ERROR, str(refused))


def _text(content: bytes) -> str:
    """A string up to its NUL; what is no UTF-8 is kept, so that it can be echoed."""
    return content.partition(b"\0")[0].decode("utf-8", "surrogateescape")


def _reply(name: str, tag: Tag, text: str) -> bytes:
    # A frame holds 1452 bytes: the name, two tags, two lengths and two NULs leave this for the text.
    head = name.encode("utf-8", "surrogateescape")[:512]
    body = text.encode("utf-8", "surrogateescape")[: 1452 - len(head) - 8]
    return encode(FrameType.GETSET_REPLY, ((Tag.NAME, head + b"\0"), (tag, body + b"\0")))
