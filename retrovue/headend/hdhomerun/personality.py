"""Which HDHomeRun the station resembles, and the frequencies it pretends to use; pure.

Clients choose their tuning code by a word in the model name ("atsc", "dvbt", "cablecard"), and those
made for antennas can only tune by frequency: every channel gets one of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from retrovue.headend.hdhomerun.channel_maps import CHANNEL_MAPS, rounded
from retrovue.lineup import ChannelId, ChannelIdent

#: The programme number in every channel's PAT: a carrier has one programme.
PROGRAM_NUMBER = 1
#: In every channel's SDT: of the range for private, temporary use (ETSI TS 101 162).
ORIGINAL_NETWORK_ID = 0xFF01


@dataclass(frozen=True, slots=True)
class Personality:
    """The words of one device family."""

    hardware: str  #: ModelNumber. Never "HDTC": Jellyfin would ask for transcoding
    model: str  #: FirmwareName
    modulation: str
    modulations: tuple[str, ...]
    auto_modulations: tuple[str, ...]
    channel_maps: tuple[str, ...]  #: the first is the default; `scan` stops at one it doesn't know
    sources: tuple[str, ...]
    slots: tuple[int, ...]  #: RF channels of the default map that may carry a channel
    dvb: bool = False  #: transport streams are named by network, too

    @property
    def features(self) -> str:
        """The text of /sys/features."""
        maps, words = " ".join(self.channel_maps), " ".join(self.modulations)
        autos = " ".join(self.auto_modulations)
        return f"channelmap: {maps}\nmodulation: {words}\nauto-modulation: {autos}\n"

    @property
    def cable_card(self) -> bool:
        """Whether clients tune it by virtual channel."""
        return "cablecard" in self.model

    @property
    def frequencies(self) -> tuple[int, ...]:
        """The centre frequency of each slot (Hz)."""
        carriers = CHANNEL_MAPS[self.channel_maps[0]]
        return tuple(carriers[slot] for slot in self.slots)


FIRMWARE_VERSION = "20231214"

PERSONALITIES: dict[str, Personality] = {
    "atsc": Personality(
        hardware="HDHR5-4US",
        model="hdhomerun5_atsc",
        modulation="8vsb",
        modulations=("8vsb", "qam256", "qam64"),
        auto_modulations=("auto", "auto6t", "auto6c", "qam"),
        channel_maps=("us-bcast", "us-cable", "us-hrc", "us-irc"),
        sources=("Antenna", "Cable"),
        # UHF before VHF; 37 is for radio astronomy, and 38 and up are telephones today.
        slots=(*range(14, 37), *range(7, 14), *range(2, 7), *range(38, 52)),
    ),
    "dvbt": Personality(
        hardware="HDHR5-4DT",
        model="hdhomerun5_dvbt",
        modulation="t8qam64",
        modulations=("t8qam256", "t8qam64", "t8qam16", "t8qpsk", "t7qam64", "t7qam16", "t7qpsk"),
        auto_modulations=("auto", "auto8t", "auto7t", "auto6t"),
        channel_maps=("eu-bcast", "au-bcast"),
        sources=("Antenna",),
        slots=(*range(21, 70), *range(5, 13)),
        dvb=True,
    ),
    "cablecard": Personality(
        hardware="HDHR3-CC",
        model="hdhomerun3_cablecard",
        modulation="qam256",
        modulations=("qam256", "qam64"),
        auto_modulations=("auto", "auto6c", "qam"),
        channel_maps=("us-cable", "us-hrc", "us-irc"),
        sources=("Cable",),
        slots=(*range(23, 95), *range(14, 23), *range(7, 14), *range(2, 7), *range(95, 159)),
    ),
}


class RfPlan:
    """Who is on which frequency: one channel each.

    A channel's place follows from its ``vchannel``, not from its rank in the lineup: clients keep what a scan
    found by frequency, and a new channel must not move the others. Only those whose places collide look for
    another, the lower ``vchannel`` first. Channels beyond the last frequency have none; they are tuned by
    number.
    """

    def __init__(self, personality: Personality, channels: Sequence[ChannelIdent]) -> None:
        self._maps = personality.channel_maps
        frequencies = personality.frequencies
        self._by_frequency = {frequencies[slot]: channel for slot, channel in _places(channels, frequencies)}
        self._by_channel = {c.id: f for f, c in self._by_frequency.items()}

    def frequency(self, channel: ChannelId) -> int | None:
        """The channel's centre frequency in Hz."""
        return self._by_channel.get(channel)

    def channel_at(self, frequency_or_rf: int, channel_map: str = "") -> ChannelIdent | None:
        """Who is on the air at a frequency (Hz), or on an RF channel number of ``channel_map``."""
        numbers = CHANNEL_MAPS[channel_map or self._maps[0]]
        return self._by_frequency.get(numbers.get(frequency_or_rf, rounded(frequency_or_rf)))


def _places(
    channels: Sequence[ChannelIdent], frequencies: Sequence[int]
) -> Iterable[tuple[int, ChannelIdent]]:
    """(slot, channel): each its own place, then those whose place was taken the next free one."""
    taken: dict[int, ChannelIdent] = {}
    displaced = []
    for channel in sorted(channels, key=lambda c: c.vchannel):
        slot = channel.vchannel % len(frequencies)
        if slot in taken:
            displaced.append(channel)
        else:
            taken[slot] = channel
    for channel in displaced[: len(frequencies) - len(taken)]:
        slot = channel.vchannel
        while slot % len(frequencies) in taken:
            slot += 1
        taken[slot % len(frequencies)] = channel
    return taken.items()


def transport_stream_id(channel: ChannelIdent) -> int:
    """What the channel's PAT says: clients tell two carriers apart by it."""
    return channel.vchannel


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
