"""The names and numbers by which Tvheadend's clients know things; pure.

Clients keep them with their settings, favourites and guide. So each is derived from what it names, never
counted: it is the same after a reconnect, a restart and on another machine.
"""

from __future__ import annotations

from collections.abc import Container
from hashlib import sha256


def uuid_of(*words: str) -> str:
    """32 hex digits that name a thing: ``uuid_of("channel", station, slug)``."""
    return sha256("\0".join(words).encode()).hexdigest()[:32]


def number_of(uuid: str) -> int:
    """The number Tvheadend gives to a uuid: its first four bytes, little-endian, without the sign."""
    return int.from_bytes(bytes.fromhex(uuid[:8]), "little") & 0x7FFFFFFF


def uuid_beside(taken: Container[int], *words: str) -> str:
    """The first uuid of these words whose number clients can use and that isn't ``taken``.

    Jellyfin's encoder loses low bytes that are zero, and with them the whole number would be another.
    """
    attempt = 0
    while True:
        uuid = uuid_of(*words, *((str(attempt),) if attempt else ()))
        if (number := number_of(uuid)) & 0xFF and number not in taken:
            return uuid
        attempt += 1
