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
#: What encoders add to the peaks of what they are given (dB), more or less.
ENCODER_OVERSHOOT_DB = 0.7
#: The limiter: so many times as many samples show the peaks between them (ITU-R BS.1770 annex 2), and how it
#: works (milliseconds).
OVERSAMPLED, ATTACK_MS, RELEASE_MS = 4, 5, 80
#: Peaks nearer to the loudness than this (dB) need no limiter for any usual target: -21 LUFS at most.
NEAR_DB = 19.0
#: So often the gain and what it costs are worked out of each other.
_ROUNDS = 40
#: What is quieter than the target by more than this is meant to be quiet, or is noise (dB).
MOST_GAIN_DB = 20.0


@dataclass(frozen=True, slots=True)
class Gain:
    """How a track comes to its loudness."""

    db: float = 0.0
    limited: bool = False  #: peaks would pass the ceiling: a limiter holds them
    shortfall_db: float = 0.0  #: how much quieter than the target it airs all the same


def limiter_level() -> float:
    """What the limiter lets through, as a fraction of full scale."""
    return float(10 ** ((CEILING_DBTP - ENCODER_OVERSHOOT_DB) / 20))


def gain_for(
    loudness: float | None,
    peak: float | None,
    target: float | None,
    lost: tuple[float, float] = (0.0, 0.0),
) -> Gain:
    """The gain of a track with this ``loudness`` (LUFS) and true ``peak`` (dBTP).

    ``lost``: how much quieter the track is (dB) behind a limiter that takes half of ``MOST_LIMITED_DB`` off
    its highest peak, and all of that. The gain makes up for it, as far as it may.
    Silence and tracks too short to be measured have no loudness: they keep their level, below the ceiling.
    No ``target``: sound is left as it is.
    """
    if target is None:
        return Gain()
    room = CEILING_DBTP - peak if peak is not None else 0.0
    if loudness is None:
        return Gain(round(min(0.0, room), 2))
    wanted = target - loudness
    most = min(MOST_GAIN_DB, max(room + MOST_LIMITED_DB, 0.0))
    given = min(wanted, most)
    for _ in range(_ROUNDS):  # more gain, more for the limiter to do
        given = min(wanted + _lost(given - room, lost), most)
    reached = given - _lost(given - room, lost)
    return Gain(round(given, 2), given > room, round(max(0.0, wanted - reached), 2))


def _lost(over: float, lost: tuple[float, float]) -> float:
    """What the limiter costs where peaks are ``over`` the ceiling (dB)."""
    half, whole = lost
    share = min(max(over, 0.0) / MOST_LIMITED_DB, 1.0)
    return 2 * share * half if share < 0.5 else half + (2 * share - 1) * (whole - half)
