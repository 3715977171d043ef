"""Clearance: what was planned earlier may air later only as far as its assets still may; pure.

A simulcast airs what its source was published with, perhaps a day later, and behind the locked time. By
then an asset of it may have retired, or an approval was taken back.
"""

from __future__ import annotations

from dataclasses import replace

from retrovue.compiler.in_flight import InFlight
from retrovue.compiler.model import SegmentKind
from retrovue.compiler.shelf import Shelf
from retrovue.station.model import Synthetic


class Clearance:
    """Clears the programmes of one channel."""

    def __init__(self, shelf: Shelf, instead: Synthetic, title: str) -> None:
        """``instead``: the picture in place of a spot that may not air any more; ``title``: what it says."""
        self._shelf, self._instead, self._title = shelf, instead, title

    def barred(self, programme: InFlight) -> str:
        """The asset for which the programme as a whole can't air; empty when it can."""
        needed = [s.asset_id for s in programme.playlist if s.kind is SegmentKind.PROGRAM]
        return next((a for a in (programme.event.asset_id, *needed) if self._gone(a)), "")

    def cleared(self, programme: InFlight) -> InFlight:
        """The same without those of its spots and stand-ins that may not air any more."""
        event, instead = programme.event, self._instead
        fallbacks = tuple(asset_id for asset_id in event.fallbacks if not self._gone(asset_id))
        playlist = tuple(
            replace(
                segment,
                kind=SegmentKind(instead.shows.value),
                asset_id="",
                in_us=0,
                synthetic=instead.synthetic,
                title=self._title,
                pool="",
            )
            if self._gone(segment.asset_id)
            else segment
            for segment in programme.playlist
        )
        return InFlight(replace(event, fallbacks=fallbacks), playlist)

    def _gone(self, asset_id: str) -> bool:
        return bool(asset_id) and self._shelf.asset(asset_id) is None
