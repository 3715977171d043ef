"""The 8-digit device id and its check digit; pure.

libhdhomerun since 2022-10 refuses a device whose last digit doesn't check (hdhomerun_discover.c:1773;
``hdhomerun_device_create`` returns NULL, which some clients follow into a crash).
"""

from __future__ import annotations

import re

_TABLE = (0xA, 0x5, 0xF, 0x6, 0x7, 0xC, 0x1, 0xB, 0x9, 0x2, 0x8, 0xD, 0x4, 0x3, 0xE, 0x0)

#: Ids that begin with 104…10A belong to current devices; 100–103, 111, 12x are taken for legacy ones,
#: for which clients guess what the device can do (hdhomerun_discover.c:1490).
_PREFIXES = (0x104, 0x105, 0x106, 0x107, 0x108, 0x109, 0x10A)


def is_valid(device_id: int) -> bool:
    """Whether the last hex digit is the check digit of the other seven."""
    return 0 <= device_id <= 0xFFFFFFFF and _check(device_id) == 0


def make(entropy: bytes) -> int:
    """A valid id made from at least 3 bytes: the same bytes give the same id.

    Two instances need different ids: a client that meets one id twice takes both for one device.
    """
    number = int.from_bytes(entropy, "big")
    prefix = _PREFIXES[number % len(_PREFIXES)]
    middle = number // len(_PREFIXES) & 0xFFFF
    stem = prefix << 20 | middle << 4
    return stem | _check(stem)


def parse(text: str) -> int:
    """The id written as 8 hex digits. Raises ``ValueError`` that says what is wrong."""
    if not re.fullmatch(r"[0-9A-Fa-f]{8}", text):
        raise ValueError(f"{text!r} is no device id: it has 8 hexadecimal digits")
    number = int(text, 16)
    if not is_valid(number):
        right = number & ~0xF | _check(number & ~0xF)
        raise ValueError(f"the device id {text} has a wrong check digit: it would be {right:08X}")
    if number in (0, 0xFFFFFFFF):
        raise ValueError(f"the device id {text} means no device: choose one like 10412348")
    return number


def _check(device_id: int) -> int:
    """0 for a valid id; for an id ending in 0, the digit that makes it valid."""
    total = 0
    for position in range(8):
        nibble = device_id >> 28 - 4 * position & 0xF
        total ^= nibble if position % 2 else _TABLE[nibble]
    return total
