"""Channel numbers: their order, and the integer for clients that can't tune "5.1"; pure."""

from __future__ import annotations


def number_order(number: str) -> tuple[int, int]:
    """Sorts "5" before "5.1", "5.2" before "5.10" and "5.10" before "6"."""
    major, _, minor = number.partition(".")
    return int(major), int(minor) if minor else -1


def derived_vchannel(number: str) -> int:
    """ "5.1" → 501, "5.12" → 512, "5" → 5."""
    major, minor = number_order(number)
    return major if minor < 0 else major * 100 + minor


def valid_device_id(text: str) -> bool:
    """Does the HDHomeRun device id's last digit check? ``text`` is eight hexadecimal digits.

    The table and the sum: libhdhomerun, hdhomerun_discover_validate_device_id.
    """
    table = (0xA, 0x5, 0xF, 0x6, 0x7, 0xC, 0x1, 0xB, 0x9, 0x2, 0x8, 0xD, 0x4, 0x3, 0xE, 0x0)
    digits = [int(character, 16) for character in text]
    check = 0
    for place, digit in enumerate(digits):
        check ^= table[digit] if place % 2 == 0 else digit
    return check == 0
