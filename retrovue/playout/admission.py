"""Admission control: how many encoders this machine bears, and what gives way when one more is asked; pure.

An encoder that is one too many makes every channel stutter, so it is better refused, or made cheaper. The
unit is a core kept busy. What a channel costs is a table of measurements (x264 zerolatency, one thread, with
the decoding and scaling of a 720p source, on the reference machine of the benchmarks); a machine with
faster cores bears more and may be told so (``encoders: { budget: … }``).

Somebody asks for a channel that is off the air:

1. It fits: it goes on the air.
2. Channels that nobody watches any more (LINGERING) are put off the air, the one that lingers longest first.
3. With ``beyond: degrade``, it goes on the air with a faster preset, the slowest that fits.
4. It is refused as busy.

The only channel on the air is never refused: a budget that is too small for one is told, not obeyed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from retrovue.lineup import ChannelId
from retrovue.playout.house import HouseFormat

#: Presets of x264, the fastest first.
PRESETS = ("ultrafast", "superfast", "veryfast", "faster", "fast", "medium")

#: Decoding and scaling: cores, whatever comes out.
_DECODE = 0.16
#: Encoding with libx264: cores for a million pixels a second, by preset.
_ENCODE = {
    "ultrafast": 0.0026,
    "superfast": 0.0078,
    "veryfast": 0.0138,
    "faster": 0.0200,
    "fast": 0.0340,
    "medium": 0.0366,
}
#: The same for MPEG-2, and for a hardware encoder, which only has to be fed.
_MPEG2, _HARDWARE = 0.0050, 0.0010
#: Sending what is there already: house copies, or the encode of another channel (cores).
COPY = 0.02
#: Of the cores, this much is for encoders that run for good: a channel that comes on takes a core for itself
#: for some seconds, and the viewers' stream must never wait.
SHARE = 0.66


def cost(house: HouseFormat, encodes: bool = True) -> float:
    """Cores that a channel of this format keeps busy; ``encodes``: not everything it airs is a copy."""
    if not encodes:
        return COPY
    megapixels = house.width * house.height * float(house.rate) / 1e6
    if house.encoder == "libx264":
        return _DECODE + megapixels * _ENCODE.get(house.preset, _ENCODE["medium"])
    return _DECODE + megapixels * (_MPEG2 if house.codec == "mpeg2" else _HARDWARE)


def budget_of(cores: float) -> float:
    """The budget of a machine that says nothing else."""
    return round(max(1.0, cores) * SHARE, 2)


@dataclass(frozen=True, slots=True)
class Encoders:
    """What the operator has said about them."""

    budget: float = math.inf  #: cores
    degrade: bool = False  #: beyond the budget: a faster preset rather than a refusal


@dataclass(frozen=True, slots=True)
class OnAir:
    """A channel that is on the air."""

    channel: ChannelId
    cost: float
    lingers_since: float | None = None  #: seconds of the clock; None: it is watched, or is coming on


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is to be done for a channel that is asked for."""

    house: HouseFormat | None  #: the format to go on the air with; None: refused
    put_off: tuple[ChannelId, ...] = ()  #: channels that linger and must go off the air first
    cost: float = 0.0
    reason: str = ""  #: why it is refused or degraded, for people

    @property
    def refused(self) -> bool:
        return self.house is None


def judge(encoders: Encoders, on_air: Sequence[OnAir], house: HouseFormat, encodes: bool = True) -> Verdict:
    """Whether a channel of ``house`` may go on the air beside those that are."""
    budget = encoders.budget
    lingering = sorted(
        (c for c in on_air if c.lingers_since is not None), key=lambda c: (c.lingers_since, c.channel)
    )
    watched = math.fsum(c.cost for c in on_air if c.lingers_since is None)
    beside = f"{watched:.2f} of {budget:.2f} cores are taken"

    def room(wanted: float) -> tuple[ChannelId, ...] | None:
        """Who must go for ``wanted``; None when that is not enough."""
        if not on_air:
            return ()
        left = budget - watched - math.fsum(c.cost for c in lingering) - wanted
        gone = []
        for channel in lingering:
            if left >= -1e-9:
                break
            left += channel.cost
            gone.append(channel.channel)
        if left >= -1e-9 or len(gone) == len(on_air):
            return tuple(gone)
        return None

    asked = cost(house, encodes)
    put_off = room(asked)
    if put_off is not None:
        return Verdict(house, put_off, asked)
    if encoders.degrade and encodes and house.encoder == "libx264" and house.preset in PRESETS:
        for preset in reversed(PRESETS[: PRESETS.index(house.preset)]):
            cheaper = replace(house, preset=preset)
            price = cost(cheaper)
            put_off = room(price)
            if put_off is not None:
                why = f"encoded with {preset} instead of {house.preset}: {beside}"
                return Verdict(cheaper, put_off, price, why)
    return Verdict(
        None, reason=f"one more encoder ({asked:.2f} cores) is beyond what this machine bears: {beside}"
    )
