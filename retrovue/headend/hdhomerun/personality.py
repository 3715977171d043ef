"""Which HDHomeRun the station resembles, and the frequencies it pretends to use; pure.

Clients choose their tuning code by a word in the model name ("atsc", "dvbt", "cablecard"), and those
made for antennas can only tune by frequency: every channel gets one of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from retrovue.lineup import ChannelId, ChannelIdent

#: The programme number and transport stream id in every channel's PAT.
PROGRAM_NUMBER = 1
TRANSPORT_STREAM_ID = 1


@dataclass(frozen=True, slots=True)
class Personality:
    """The words of one device family."""

    hardware: str  #: ModelNumber. Never "HDTC": Jellyfin would ask for transcoding
    model: str  #: FirmwareName
    modulation: str
    modulations: tuple[str, ...]
    channel_maps: tuple[str, ...]  #: the first is the default; `scan` stops at one it doesn't know
    sources: tuple[str, ...]
    frequencies: tuple[int, ...]  #: centre frequencies, Hz, in the order they are given to channels
    rf_channels: tuple[int, ...]  #: the RF channel number of each frequency

    @property
    def features(self) -> str:
        """The text of /sys/features."""
        maps, words = " ".join(self.channel_maps), " ".join(self.modulations)
        return f"channelmap: {maps}\nmodulation: {words}\nauto-modulation: auto\n"


FIRMWARE_VERSION = "20231214"

#: us-bcast: 14 and up are 6 MHz apart from 473 MHz, 7–13 from 177 MHz, 2–4 from 57 MHz, 5 and 6 apart.
_US_BROADCAST = {
    **{k: (473 + 6 * (k - 14)) * 1_000_000 for k in range(14, 70)},
    **{k: (177 + 6 * (k - 7)) * 1_000_000 for k in range(7, 14)},
    2: 57_000_000,
    3: 63_000_000,
    4: 69_000_000,
    5: 79_000_000,
    6: 85_000_000,
}
#: eu-bcast: UHF channels 21–69, 8 MHz apart from 474 MHz.
_EU_BROADCAST = {k: (474 + 8 * (k - 21)) * 1_000_000 for k in range(21, 70)}

PERSONALITIES: dict[str, Personality] = {
    "atsc": Personality(
        hardware="HDHR5-4US",
        model="hdhomerun5_atsc",
        modulation="8vsb",
        modulations=("8vsb", "qam256", "qam64"),
        channel_maps=("us-bcast", "us-cable", "us-hrc", "us-irc"),
        sources=("Antenna", "Cable"),
        frequencies=tuple(_US_BROADCAST.values()),
        rf_channels=tuple(_US_BROADCAST),
    ),
    "dvbt": Personality(
        hardware="HDHR5-4DT",
        model="hdhomerun5_dvbt",
        modulation="t8qam64",
        modulations=("t8qam256", "t8qam64", "t8qam16", "t8qpsk"),
        channel_maps=("eu-bcast", "au-bcast"),
        sources=("Antenna",),
        frequencies=tuple(_EU_BROADCAST.values()),
        rf_channels=tuple(_EU_BROADCAST),
    ),
    "cablecard": Personality(
        hardware="HDHR3-CC",
        model="hdhomerun3_cablecard",
        modulation="qam256",
        modulations=("qam256", "qam64"),
        channel_maps=("us-cable", "us-hrc", "us-irc"),
        sources=("Cable",),
        frequencies=tuple(_US_BROADCAST.values()),
        rf_channels=tuple(_US_BROADCAST),
    ),
}


class RfPlan:
    """Who is on which frequency: one channel each, in the lineup's order.

    Channels beyond the last frequency have none; they are tuned by number.
    """

    def __init__(self, personality: Personality, channels: Sequence[ChannelIdent]) -> None:
        self._personality = personality
        self._by_frequency = dict(zip(personality.frequencies, channels, strict=False))
        self._by_channel = {c.id: f for f, c in self._by_frequency.items()}

    def frequency(self, channel: ChannelId) -> int | None:
        """The channel's centre frequency in Hz."""
        return self._by_channel.get(channel)

    def channel_at(self, frequency_or_rf: int) -> ChannelIdent | None:
        """Who is on the air at a frequency (Hz) or on an RF channel number."""
        if frequency_or_rf in self._personality.rf_channels:
            index = self._personality.rf_channels.index(frequency_or_rf)
            frequency_or_rf = self._personality.frequencies[index]
        return self._by_frequency.get(frequency_or_rf)


def find_channel(channels: Sequence[ChannelIdent], number: str) -> ChannelIdent | None:
    """By number exactly, then by its value ("05.1" is "5.1", "5" isn't)."""
    for channel in channels:
        if channel.number == number:
            return channel
    wanted = _parts(number)
    return next((c for c in channels if wanted is not None and _parts(c.number) == wanted), None)


def _parts(number: str) -> tuple[int, ...] | None:
    parts = number.split(".")
    if len(parts) > 2 or not all(p.isascii() and p.isdigit() and len(p) <= 5 for p in parts):
        return None
    return tuple(int(p) for p in parts)
