"""Pictures by number: ``imagecache/N``, over HTTP and over HTSP."""

from __future__ import annotations

from collections.abc import Iterator

from retrovue.headend.tvheadend.numbering import number_of, uuid_of
from retrovue.lineup import Artwork, ArtworkRef, Lineup


class Images:
    """Every picture that the guide refers to. Its number is derived from its name."""

    def __init__(self, lineup: Lineup) -> None:
        self._lineup = lineup
        self._refs: dict[int, ArtworkRef] = {}
        self._known: tuple[object, ...] = ()

    @staticmethod
    def number(ref: ArtworkRef) -> int:
        return number_of(uuid_of("image", ref))

    def find(self, number: int) -> Artwork | None:
        """The picture; None when there is none, or no longer."""
        ref = self._refs.get(number)
        if ref is None:
            known = (self._lineup.guide_etag(), tuple(self._lineup.channels()))
            if known != self._known:  # asked for what isn't there, everything is looked through once
                self._known = known
                self._refs = {self.number(ref): ref for ref in self._all()}
            ref = self._refs.get(number)
        return self._lineup.artwork(ref) if ref is not None else None

    def _all(self) -> Iterator[ArtworkRef]:
        now = self._lineup.status().now
        for ident in self._lineup.channels():
            if ident.logo is not None:
                yield ident.logo
            for entry in self._lineup.guide(ident.id, now, self._lineup.guide_end()):
                if entry.artwork is not None:
                    yield entry.artwork
