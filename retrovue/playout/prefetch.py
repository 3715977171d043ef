"""Prefetch: are the files of what will air there, do they decode, are they long enough?

Asked hours before, so that an operator can still mend it, and again nearer to the time. One look a few
seconds apart, by a process that gives way to everything: a station of a thousand channels must not notice.
A file that has not changed since it was found good is only asked for its size and time.

What is found bad is told to the operator, and at air time the failure ladder steps to the planned stand-in
at once, unless the file has been replaced meanwhile.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from retrovue.clock import MasterClock
from retrovue.playout.ffmpeg import look_command
from retrovue.playout.media import Mark, MediaDesk
from retrovue.playout.process import answer
from retrovue.units import HOUR_US, SECOND_US

log = logging.getLogger(__name__)

#: Pause between two files that are decoded (seconds), and between two rounds over the schedule: one over a
#: thousand channels takes most of a second.
PACE_S, ROUND_S = 2.0, 900.0
#: A day of a thousand channels names some fifty thousand files: this much of it is in hand at a time (µs).
STRETCH_US = 4 * HOUR_US
#: Decoding one picture takes longer than this (seconds) only from a store that is as good as gone.
_PATIENCE_S = 30.0
#: The last picture looked at lies this far before the end of what is used (µs): containers round, and the
#: last second of a film is not worth a stand-in.
_TAIL_US = SECOND_US


@dataclass(frozen=True, slots=True)
class Upcoming:
    """What the schedule wants of one file."""

    asset_id: str
    path: str
    start_us: int  #: when it airs first from now on
    in_us: int  #: the least offset into it that is used…
    out_us: int  #: …and the greatest
    channel: str  #: where it airs first


@dataclass(slots=True)
class _Looked:
    mark: Mark | None
    out_us: int  #: how far into it was looked
    at_us: int  #: station time


class Prefetch:
    """Looks at what is ``upcoming`` within the longest of ``horizons_us``; tells ``report`` what is bad."""

    def __init__(
        self,
        clock: MasterClock,
        ffmpeg: str,
        media: MediaDesk,
        horizons_us: Sequence[int],
        upcoming: Callable[[int, int], Awaitable[Sequence[Upcoming]]],
        report: Callable[[Sequence[tuple[Upcoming, str]]], None],
    ) -> None:
        self._clock, self._ffmpeg, self._media = clock, ffmpeg, media
        self._horizons_us = sorted(horizons_us, reverse=True)
        self._upcoming, self._report = upcoming, report
        self._looked: dict[str, _Looked] = {}

    async def run(self) -> None:
        """Round after round, until cancelled."""
        while self._horizons_us:
            try:
                await self.round()
            except Exception:
                # Looking ahead is a service; the ladder works without it.
                log.exception("the look ahead stumbled")
            await self._clock.wait(ROUND_S)

    async def round(self, pace_s: float = PACE_S) -> None:
        """Everything that is due, nearest first; reports all that is bad."""
        now_us = self._clock.now_us()
        known: set[str] = set()
        bad: list[tuple[Upcoming, str]] = []
        end_us = now_us + self._horizons_us[0]
        for start_us in range(now_us, end_us, STRETCH_US):
            planned = [
                one
                for one in await self._upcoming(start_us, min(start_us + STRETCH_US, end_us))
                if start_us == now_us or one.start_us >= start_us  # else it was among those before
            ]
            for one in planned:
                if is_due(one.start_us, now_us, self._horizons_us, self._looked.get(one.asset_id)) and (
                    await self._look(one)
                ):
                    await self._clock.wait(pace_s)
            known.update(one.asset_id for one in planned)
            bad += [(one, why) for one in planned if (why := self._media.blamed(one.path))]
        self._looked = {asset: looked for asset, looked in self._looked.items() if asset in known}
        self._report(bad)

    async def _look(self, one: Upcoming) -> bool:
        """Look at one file; True when it had to be decoded."""
        before = self._looked.get(one.asset_id)
        looked = self._looked[one.asset_id] = _Looked(None, one.out_us, self._clock.now_us())
        try:
            mark = looked.mark = await self._media.mark(one.path)
        except OSError as error:
            self._media.blame(one.path, None, _words(error))
            return False
        if before is not None and before.mark == mark and one.out_us <= before.out_us:
            return False
        complaint = await self._decodes(one)
        self._media.blame(one.path, mark, complaint)
        return True

    async def _decodes(self, one: Upcoming) -> str:
        """What is wrong with the picture at either end of what is used; empty when nothing is."""
        last_us = max(one.in_us, one.out_us - _TAIL_US)
        for offset_us, meaning in ((one.in_us, "can't be decoded"), (last_us, "is too short or damaged")):
            try:
                _, output, said = await answer(
                    look_command(self._ffmpeg, one.path, offset_us), self._clock, _PATIENCE_S
                )
            except TimeoutError:
                return "the store doesn't answer"
            except OSError as error:
                log.warning("ffmpeg can't be started: %s", error)
                return ""  # no fault of the file's
            if not any(line and not line.startswith(b"#") for line in output.splitlines()):
                return f"{meaning}{f': {said}' if said else ''}"
            if last_us == one.in_us:
                break
        return ""


def is_due(start_us: int, now_us: int, horizons_us: Sequence[int], looked: _Looked | None) -> bool:
    """Has the time come to look (again) at what airs at ``start_us``? ``horizons_us``: longest first."""
    passed = [start_us - horizon for horizon in horizons_us if start_us - horizon <= now_us]
    return bool(passed) and (looked is None or looked.at_us < max(passed))


def _words(error: OSError) -> str:
    return "file is missing" if isinstance(error, FileNotFoundError) else error.strerror or str(error)
