"""UDP discovery: a datagram in, a reply or silence out; pure.

A parser with a fixed layout is deaf to half the clients: libhdhomerun before 2022-10 sends the device
type and id, later ones leave out the id or send a list of types (hdhomerun_discover.c:462-498).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_address

from retrovue.headend.hdhomerun.packet import FrameType, Tag, decode, encode, tlvs, u32

TYPE_TUNER = 0x00000001
WILDCARD = 0xFFFFFFFF

#: libhdhomerun's buffer holds 28 characters: 2022 falls back to port 80, 2025 to an empty string.
MAX_BASE_URL = 28


@dataclass(frozen=True, slots=True)
class Request:
    """What a client looks for."""

    types: frozenset[int]
    device_id: int = WILDCARD


@dataclass(frozen=True, slots=True)
class DeviceCard:
    """What we say about ourselves."""

    device_id: int
    tuner_count: int
    base_url: str

    def reply(self) -> bytes:
        """The discovery reply, TLVs in the order real units send them."""
        # Who searches over IPv6 takes any length: that part of the library came without the buffer.
        if len(self.base_url) > MAX_BASE_URL and "[" not in self.base_url:
            raise ValueError(f"{self.base_url} is longer than {MAX_BASE_URL} characters")
        return encode(
            FrameType.DISCOVER_REPLY,
            (
                (Tag.DEVICE_TYPE, u32(TYPE_TUNER)),
                (Tag.DEVICE_ID, u32(self.device_id)),
                (Tag.TUNER_COUNT, bytes((self.tuner_count,))),
                (Tag.DEVICE_AUTH, device_auth(self.device_id).encode("ascii")),
                (Tag.BASE_URL, self.base_url.encode("ascii")),
                (Tag.LINEUP_URL, f"{self.base_url}/lineup.json".encode("ascii")),
            ),
        )


def parse(datagram: bytes) -> Request | None:
    """The request in a datagram; None when it is anything else."""
    frame = decode(datagram)
    if frame is None or frame.type != FrameType.DISCOVER_REQUEST:
        return None
    types: set[int] = set()
    device_id = WILDCARD
    for tag, value in tlvs(frame.payload):
        if tag == Tag.DEVICE_TYPE and len(value) == 4:
            types.add(int.from_bytes(value, "big"))
        elif tag == Tag.MULTI_TYPE:
            types.update(int.from_bytes(value[i : i + 4], "big") for i in range(0, len(value) - 3, 4))
        elif tag == Tag.DEVICE_ID and len(value) == 4:
            device_id = int.from_bytes(value, "big")
    return Request(frozenset(types), device_id)


def wants(request: Request, device_id: int) -> bool:
    """Whether the request is for a tuner with this id."""
    return bool(request.types & {TYPE_TUNER, WILDCARD}) and request.device_id in (WILDCARD, device_id)


def may_answer(discovery: str, *, loopback: bool, port_80: bool) -> bool:
    """Whether a requester (on this machine, or not) is answered.

    ``port_80``: the tuner API is served on port 80 of the address the requester reaches. In ``auto`` a
    LAN without it stays unanswered: Jellyfin ignores the base URL, asks port 80 of whoever answered,
    and overwrites a working manual tuner with that address (TunerHostManager.cs:160-180).
    """
    return discovery == "on" or (discovery == "auto" and (loopback or port_80))


def address_to_name(bind: str, ours: Sequence[str]) -> str | None:
    """The address to name to a client; None when HTTP isn't served where it asked.

    ``ours``: our addresses that it may mean, the best first; ``bind`` is what HTTP listens on.
    """
    if bind in ("0.0.0.0", "::"):  # noqa: S104
        return ours[0] if ours else None
    return bind if bind in ours else None


def is_loopback(address: str) -> bool:
    """Whether an address is this machine's own: 127.0.0.0/8 or ::1."""
    return ip_address(address).is_loopback


def device_auth(device_id: int) -> str:
    """24 characters, as many as real units have; longer ones are dropped by libhdhomerun.

    Real units use it at the maker's cloud guide; ours opens nothing, so it need not be secret.
    """
    return hashlib.sha256(f"retrovue {device_id:08X}".encode()).hexdigest()[:24]
