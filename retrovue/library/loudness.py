"""Loudness: from what was measured of a sound track to the gain with which it airs; pure.

ITU-R BS.1770 says how to measure, EBU R 128 and ATSC A/85 how loud to be. The gain is one constant for
the whole track, so that nobody hears it work.
"""

from __future__ import annotations

from dataclasses import dataclass

#: No peak of what is sent is higher (dBTP): EBU R 128 s1 and ATSC A/85 for material that is coded again.
CEILING_DBTP = -2.0
#: A limiter takes off at most this much; more would be heard (dB).
MOST_LIMITED_DB = 6.0
#: What is quieter than the target by more than this is meant to be quiet, or is noise (dB).
MOST_GAIN_DB = 20.0


@dataclass(frozen=True, slots=True)
class Gain:
    """How a track comes to its loudness."""

    db: float = 0.0
    limited: bool = False  #: peaks would pass the ceiling: a limiter holds them
    shortfall_db: float = 0.0  #: how much quieter than the target it airs all the same


def gain_for(loudness: float | None, peak: float | None, target: float | None) -> Gain:
    """The gain of a track with this ``loudness`` (LUFS) and true ``peak`` (dBTP).

    Silence and tracks too short to be measured have no loudness: they keep their level, below the ceiling.
    No ``target``: sound is left as it is.
    """
    if target is None:
        return Gain()
    room = CEILING_DBTP - peak if peak is not None else 0.0
    if loudness is None:
        return Gain(round(min(0.0, room), 2))
    wanted = target - loudness
    given = min(wanted, MOST_GAIN_DB, max(room + MOST_LIMITED_DB, 0.0))
    return Gain(round(given, 2), given > room, round(max(0.0, wanted - given), 2))
