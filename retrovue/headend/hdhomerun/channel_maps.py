"""Which frequency an RF channel number means, in each of the maps that clients know; pure.

A client scans the map that ``channelmap`` names, and stops at a name it doesn't know. Numbers and steps are
those of libhdhomerun (hdhomerun_channels.c), which rounds every frequency to 125 kHz, as tuners do.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

#: First channel, last channel, frequency of the first, step (Hz).
_Range = tuple[int, int, int, int]

_RANGES: dict[str, tuple[_Range, ...]] = {
    "us-bcast": (
        (2, 4, 57_000_000, 6_000_000),
        (5, 6, 79_000_000, 6_000_000),
        (7, 13, 177_000_000, 6_000_000),
        (14, 36, 473_000_000, 6_000_000),
        (38, 51, 617_000_000, 6_000_000),
    ),
    "us-cable": (
        (2, 4, 57_000_000, 6_000_000),
        (5, 6, 79_000_000, 6_000_000),
        (7, 13, 177_000_000, 6_000_000),
        (14, 22, 123_000_000, 6_000_000),
        (23, 94, 219_000_000, 6_000_000),
        (95, 99, 93_000_000, 6_000_000),
        (100, 158, 651_000_000, 6_000_000),
    ),
    "us-hrc": (
        (2, 4, 55_752_700, 6_000_300),
        (5, 6, 79_753_900, 6_000_300),
        (7, 13, 175_758_700, 6_000_300),
        (14, 22, 121_756_000, 6_000_300),
        (23, 94, 217_760_800, 6_000_300),
        (95, 99, 91_754_500, 6_000_300),
        (100, 158, 649_782_400, 6_000_300),
    ),
    "us-irc": (
        (2, 4, 57_012_500, 6_000_000),
        (5, 6, 81_012_500, 6_000_000),
        (7, 13, 177_012_500, 6_000_000),
        (14, 22, 123_012_500, 6_000_000),
        (23, 41, 219_012_500, 6_000_000),
        (42, 42, 333_025_000, 6_000_000),
        (43, 94, 339_012_500, 6_000_000),
        (95, 97, 93_012_500, 6_000_000),
        (98, 99, 111_025_000, 6_000_000),
        (100, 158, 651_012_500, 6_000_000),
    ),
    "eu-bcast": ((5, 12, 177_500_000, 7_000_000), (21, 69, 474_000_000, 8_000_000)),
    "au-bcast": ((5, 12, 177_500_000, 7_000_000), (21, 69, 480_500_000, 7_000_000)),
}

_STEP = 125_000


def rounded(frequency: int) -> int:
    """To the nearest 125 kHz: two frequencies that round alike are one carrier."""
    return (frequency + _STEP // 2) // _STEP * _STEP


def _carriers(ranges: tuple[_Range, ...]) -> Mapping[int, int]:
    return MappingProxyType(
        {
            number: rounded(frequency + step * (number - first))
            for first, last, frequency, step in ranges
            for number in range(first, last + 1)
        }
    )


#: RF channel number → centre frequency (Hz), by the name of the map.
CHANNEL_MAPS: Mapping[str, Mapping[int, int]] = MappingProxyType(
    {name: _carriers(ranges) for name, ranges in _RANGES.items()}
)
