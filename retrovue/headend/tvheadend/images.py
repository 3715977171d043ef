"""Pictures by number: ``imagecache/N``, over HTTP and over HTSP."""

from __future__ import annotations

from retrovue.headend.tvheadend.numbering import number_of, uuid_of
from retrovue.lineup import ArtworkRef, Lineup


class Images:
    """Every picture that a client was told of. Its number is derived from its name."""

    def __init__(self, lineup: Lineup) -> None:
        self._lineup = lineup
        self._refs: dict[int, ArtworkRef] = {}

    def number(self, ref: ArtworkRef) -> int:
        """The picture's number, by which it can be found from now on."""
        number = number_of(uuid_of("image", ref))
        self._refs[number] = ref
        return number

    def ref(self, number: int) -> ArtworkRef | None:
        """The picture's name; None: nobody was told of it."""
        if number not in self._refs:
            # A client may remember a channel's icon from before the station's last start.
            for ident in self._lineup.channels():
                if ident.logo is not None:
                    self.number(ident.logo)
        return self._refs.get(number)
